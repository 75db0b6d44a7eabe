/*
 * The provider's header, and what comes of it: it is passed on, or the next
 * candidate is tried.  "Header" is taken widely: the first frame of an event
 * stream and the body of an error belong to it, so that an exception inside a
 * 200 still fails over.
 */

#include "request.h"


/* "200 with UnknownOperationException" is shorter than this */
#define NGX_HTTP_LLM_SMALL_BODY  512

#define NGX_HTTP_LLM_EVENTSTREAM  "application/vnd.amazon.eventstream"


static ngx_int_t ngx_http_llm_parse_status(ngx_http_llm_ctx_t *ctx);
static ngx_int_t ngx_http_llm_parse_headers(ngx_http_llm_ctx_t *ctx);
static ngx_int_t ngx_http_llm_header_line(ngx_http_llm_ctx_t *ctx);
static void ngx_http_llm_header_note(ngx_http_llm_ctx_t *ctx,
    ngx_table_elt_t *h);
static ngx_int_t ngx_http_llm_meter_start(ngx_http_llm_ctx_t *ctx);
static ngx_int_t ngx_http_llm_judge(ngx_http_llm_ctx_t *ctx);
static ngx_int_t ngx_http_llm_judge_frame(ngx_http_llm_ctx_t *ctx);
static ngx_int_t ngx_http_llm_judge_error(ngx_http_llm_ctx_t *ctx);
static ngx_uint_t ngx_http_llm_peek(ngx_http_llm_ctx_t *ctx, llm_str_t *body);
static ngx_int_t ngx_http_llm_failed(ngx_http_llm_ctx_t *ctx,
    ngx_uint_t in_stream);
static ngx_int_t ngx_http_llm_again(ngx_http_llm_ctx_t *ctx);
static ngx_int_t ngx_http_llm_end_here(ngx_http_llm_ctx_t *ctx);
static ngx_int_t ngx_http_llm_pass(ngx_http_llm_ctx_t *ctx);


ngx_int_t
ngx_http_llm_process_header(ngx_http_request_t *r)
{
    uint64_t             begin;
    ngx_int_t            rc;
    ngx_http_llm_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_llm_gov_module);
    begin = ngx_http_llm_monotonic();

    rc = NGX_OK;

    if (!ctx->status_done) {
        rc = ngx_http_llm_parse_status(ctx);
    }

    if (rc == NGX_OK && !ctx->header_done) {
        rc = ngx_http_llm_parse_headers(ctx);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_llm_judge(ctx);
    }

    ctx->overhead_ns += ngx_http_llm_monotonic() - begin;

    return rc;
}


void
ngx_http_llm_answer_reset(ngx_http_llm_ctx_t *ctx)
{
    ngx_memzero(&ctx->status, sizeof(ngx_http_status_t));
    ngx_memzero(&ctx->chunked, sizeof(ngx_http_chunked_t));

    /* of the parser, which may have stopped in the middle of a line */
    ctx->request->state = 0;

    ctx->status_done = 0;
    ctx->header_done = 0;
    ctx->event_stream = 0;
    ctx->gzip = 0;
    ctx->retry_after_ms = 0;
    ctx->error_type.len = 0;
}


static ngx_int_t
ngx_http_llm_parse_status(ngx_http_llm_ctx_t *ctx)
{
    size_t                len;
    ngx_int_t             rc;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = ctx->request;
    u = r->upstream;

    if (ctx->error_memory == NULL) {
        ctx->error_memory = ngx_palloc(r->pool, sizeof(llm_upstream_error_t));
        if (ctx->error_memory == NULL) {
            return NGX_ERROR;
        }
    }

    rc = ngx_http_parse_status_line(r, &u->buffer, &ctx->status);

    if (rc == NGX_AGAIN) {
        return rc;
    }

    if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "llm provider \"%V\" sent no valid HTTP/1 status line",
                      &ctx->choices[ctx->chosen].provider->name);
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    if (u->state) {
        u->state->status = ctx->status.code;
    }

    ctx->status_done = 1;
    ctx->attempts[ctx->nattempts - 1].status = ctx->status.code;

    u->headers_in.status_n = ctx->status.code;

    len = ctx->status.end - ctx->status.start;
    u->headers_in.status_line.len = len;
    u->headers_in.status_line.data = ngx_pnalloc(r->pool, len);
    if (u->headers_in.status_line.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(u->headers_in.status_line.data, ctx->status.start, len);

    if (ctx->status.http_version < NGX_HTTP_VERSION_11) {
        u->headers_in.connection_close = 1;
    }

    return ngx_http_llm_meter_start(ctx);
}


static ngx_int_t
ngx_http_llm_meter_start(ngx_http_llm_ctx_t *ctx)
{
    llm_api_t               api;
    ngx_http_llm_choice_t  *choice;

    if (ctx->meter) {
        llm_meter_free(ctx->meter);

    } else {
        ctx->meter = ngx_palloc(ctx->request->pool, sizeof(llm_meter_t));
        if (ctx->meter == NULL) {
            return NGX_ERROR;
        }
    }

    choice = &ctx->choices[ctx->chosen];
    api = ctx->api;

    if (api == LLM_API_ANTHROPIC_MESSAGES) {
        api = ctx->stream ? LLM_API_BEDROCK_INVOKE_STREAM
                          : LLM_API_BEDROCK_INVOKE;

    } else if (api == LLM_API_ANTHROPIC_COUNT_TOKENS) {
        api = LLM_API_BEDROCK_COUNT_TOKENS;
    }

    llm_meter_init(ctx->meter, api, choice->family, ctx->stream);

    llm_meter_request_units(ctx->meter, 0,
                            choice->family == LLM_FAMILY_RERANK
                            ? ngx_max(1, (ctx->envelope->ranked + 99) / 100)
                            : 0);

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_parse_headers(ngx_http_llm_ctx_t *ctx)
{
    ngx_int_t             rc;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = ctx->request;
    u = r->upstream;

    for ( ;; ) {
        rc = ngx_http_parse_header_line(r, &u->buffer, 1);

        if (rc == NGX_OK) {
            rc = ngx_http_llm_header_line(ctx);
            if (rc != NGX_OK) {
                return rc;
            }

            continue;
        }

        if (rc == NGX_HTTP_PARSE_HEADER_DONE) {
            break;
        }

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "llm provider \"%V\" sent an invalid header",
                      &ctx->choices[ctx->chosen].provider->name);

        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    ctx->header_done = 1;

    if (u->headers_in.chunked) {
        u->headers_in.content_length_n = -1;
    }

    ctx->length = u->headers_in.chunked ? -1 : u->headers_in.content_length_n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_header_line(ngx_http_llm_ctx_t *ctx)
{
    ngx_int_t                       rc;
    ngx_table_elt_t                *h;
    ngx_http_request_t             *r;
    ngx_http_upstream_t            *u;
    ngx_http_upstream_header_t     *hh;
    ngx_http_upstream_main_conf_t  *umcf;

    r = ctx->request;
    u = r->upstream;
    umcf = ngx_http_get_module_main_conf(r, ngx_http_upstream_module);

    /* a list of the upstream's headers is what the core passes on: of a
     * dialect that we translate none is */

    if (ctx->dialect == LLM_DIALECT_BEDROCK) {
        h = ngx_list_push(&u->headers_in.headers);

    } else {
        h = ngx_palloc(r->pool, sizeof(ngx_table_elt_t));
    }

    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = r->header_hash;
    h->key.len = r->header_name_end - r->header_name_start;
    h->value.len = r->header_end - r->header_start;

    h->key.data = ngx_pnalloc(r->pool, 2 * h->key.len + h->value.len + 2);
    if (h->key.data == NULL) {
        h->hash = 0;
        return NGX_ERROR;
    }

    h->value.data = h->key.data + h->key.len + 1;
    h->lowcase_key = h->key.data + h->key.len + 1 + h->value.len + 1;

    ngx_memcpy(h->key.data, r->header_name_start, h->key.len);
    h->key.data[h->key.len] = '\0';
    ngx_memcpy(h->value.data, r->header_start, h->value.len);
    h->value.data[h->value.len] = '\0';

    ngx_strlow(h->lowcase_key, h->key.data, h->key.len);
    h->hash = ngx_hash_key(h->lowcase_key, h->key.len);

    hh = ngx_hash_find(&umcf->headers_in_hash, h->hash, h->lowcase_key,
                       h->key.len);

    if (hh) {
        rc = hh->handler(r, h, hh->offset);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_http_llm_header_note(ctx, h);

    return NGX_OK;
}


static void
ngx_http_llm_header_note(ngx_http_llm_ctx_t *ctx, ngx_table_elt_t *h)
{
    ngx_int_t  n;
    llm_str_t  name;

    name.data = (const char *) h->lowcase_key;
    name.len = h->key.len;

    llm_meter_header(ctx->meter, name, ngx_http_llm_str(h->value));

    if (llm_str_eq(name, llm_str("x-amzn-errortype"))) {
        ctx->error_type = ngx_http_llm_str(h->value);

    } else if (llm_str_eq(name, llm_str("retry-after"))) {
        n = ngx_atoi(h->value.data, h->value.len);
        ctx->retry_after_ms = (n > 0 && n < 86400) ? n * 1000 : 0;

    } else if (llm_str_eq(name, llm_str("content-encoding"))) {
        ctx->gzip = (h->value.len == 4
                     && ngx_strncasecmp(h->value.data, (u_char *) "gzip", 4)
                        == 0);

    } else if (llm_str_eq(name, llm_str("content-type"))) {
        ctx->event_stream = (h->value.len >= sizeof(NGX_HTTP_LLM_EVENTSTREAM)
                                             - 1
                             && ngx_strncasecmp(h->value.data,
                                    (u_char *) NGX_HTTP_LLM_EVENTSTREAM,
                                    sizeof(NGX_HTTP_LLM_EVENTSTREAM) - 1)
                                == 0);
    }
}


static ngx_int_t
ngx_http_llm_judge(ngx_http_llm_ctx_t *ctx)
{
    llm_str_t   body;
    ngx_uint_t  complete;

    if (ctx->status.code >= 300) {
        return ngx_http_llm_judge_error(ctx);
    }

    if (ctx->event_stream && !ctx->gzip) {
        return ngx_http_llm_judge_frame(ctx);
    }

    if (ctx->length >= 0 && ctx->length < NGX_HTTP_LLM_SMALL_BODY) {

        complete = ngx_http_llm_peek(ctx, &body);

        if (!complete) {
            return NGX_AGAIN;
        }

        if (body.len
            && ngx_strlcasestrn((u_char *) body.data,
                                (u_char *) body.data + body.len,
                                (u_char *) "#UnknownOperationException", 25))
        {
            llm_upstream_error_read(ctx->error_memory, 404,
                                    llm_str("ResourceNotFoundException"),
                                    llm_str("{\"message\":\"The provider does "
                                            "not know this operation.\"}"));
            ctx->error = ctx->error_memory;
            return ngx_http_llm_end_here(ctx);
        }
    }

    return ngx_http_llm_pass(ctx);
}


/* is the first frame an exception? */

static ngx_int_t
ngx_http_llm_judge_frame(ngx_http_llm_ctx_t *ctx)
{
    int                  rc;
    const char          *p;
    llm_str_t            body;
    ngx_uint_t           complete;
    llm_frame_t          frame;
    llm_eventstream_t    es;
    ngx_http_upstream_t *u;

    u = ctx->request->upstream;
    complete = ngx_http_llm_peek(ctx, &body);

    llm_eventstream_init(&es, LLM_EVENTSTREAM_MAX_FRAME);

    p = body.data;
    rc = llm_eventstream_next(&es, &p, body.data + body.len, &frame);

    if (rc == LLM_OK && (frame.kind == LLM_FRAME_EXCEPTION
                         || frame.kind == LLM_FRAME_ERROR))
    {
        llm_upstream_error_from_frame(ctx->error_memory, &frame);
        ctx->error = ctx->error_memory;

        llm_eventstream_free(&es);

        return ngx_http_llm_failed(ctx, 1);
    }

    llm_eventstream_free(&es);

    if (rc == LLM_AGAIN && !complete && u->buffer.last < u->buffer.end) {
        return NGX_AGAIN;
    }

    if (rc == LLM_ERROR) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "llm provider \"%V\" sent a broken event stream",
                      &ctx->choices[ctx->chosen].provider->name);
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    return ngx_http_llm_pass(ctx);
}


static ngx_int_t
ngx_http_llm_judge_error(ngx_http_llm_ctx_t *ctx)
{
    llm_str_t             body;
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;

    /* a body that lasts until the connection is closed is judged by what came
     * with its header: the core takes the close for a failure */

    if (!ngx_http_llm_peek(ctx, &body) && u->buffer.last < u->buffer.end
        && (ctx->length >= 0 || u->headers_in.chunked))
    {
        return NGX_AGAIN;
    }

    llm_upstream_error_read(ctx->error_memory, ctx->status.code,
                            ctx->error_type, body);
    ctx->error = ctx->error_memory;

    return ngx_http_llm_failed(ctx, 0);
}


/*
 * The body's bytes that are in the buffer already, unchunked (into memory of
 * the request if need be); true if they are all of it.
 */

static ngx_uint_t
ngx_http_llm_peek(ngx_http_llm_ctx_t *ctx, llm_str_t *body)
{
    size_t                n;
    u_char               *p;
    ngx_int_t             rc;
    ngx_buf_t             b;
    ngx_http_upstream_t  *u;
    ngx_http_chunked_t    chunked;

    u = ctx->request->upstream;

    body->data = (const char *) u->buffer.pos;
    body->len = u->buffer.last - u->buffer.pos;

    if (!u->headers_in.chunked) {
        return ctx->length >= 0 && body->len >= (size_t) ctx->length;
    }

    if (ctx->peeked == NULL) {
        ctx->peeked = ngx_palloc(ctx->request->pool, u->conf->buffer_size);
        if (ctx->peeked == NULL) {
            return 1;
        }
    }

    p = ctx->peeked;
    b = u->buffer;
    ngx_memzero(&chunked, sizeof(ngx_http_chunked_t));

    for ( ;; ) {
        rc = ngx_http_llm_parse_chunked(ctx->request, &b, &chunked);

        if (rc != NGX_OK) {
            break;
        }

        n = ngx_min((size_t) (b.last - b.pos), (size_t) chunked.size);
        p = ngx_cpymem(p, b.pos, n);
        b.pos += n;
        chunked.size -= n;
    }

    body->data = (const char *) ctx->peeked;
    body->len = p - ctx->peeked;

    return rc != NGX_AGAIN;
}


static const struct {
    llm_verdict_t          verdict;
    llm_attempt_result_t   result;
} ngx_http_llm_results[] = {
    { LLM_VERDICT_PASS, LLM_ATTEMPT_CLIENT_ERROR },
    { LLM_VERDICT_FAILOVER, LLM_ATTEMPT_SERVER_ERROR },
    { LLM_VERDICT_THROTTLED, LLM_ATTEMPT_THROTTLED },
    { LLM_VERDICT_THROTTLED_DAY, LLM_ATTEMPT_THROTTLED },
    { LLM_VERDICT_CREDENTIALS, LLM_ATTEMPT_SERVER_ERROR },
    { LLM_VERDICT_NO_ACCESS, LLM_ATTEMPT_CLIENT_ERROR },
    { LLM_VERDICT_CLOCK, LLM_ATTEMPT_CLIENT_ERROR },
    { LLM_VERDICT_BETA, LLM_ATTEMPT_CLIENT_ERROR }
};


/* the attempt ended in ctx->error: what now? */

static ngx_int_t
ngx_http_llm_failed(ngx_http_llm_ctx_t *ctx, ngx_uint_t in_stream)
{
    llm_verdict_t             verdict;
    llm_attempt_result_t      result;
    ngx_http_llm_provider_t  *provider;

    verdict = llm_upstream_verdict(ctx->error);
    provider = ctx->choices[ctx->chosen].provider;
    result = ngx_http_llm_results[verdict].result;

    ngx_log_error(NGX_LOG_INFO, ctx->request->connection->log, 0,
                  "llm provider \"%V\" answered %ui %*s", &provider->name,
                  (ngx_uint_t) ctx->error->status, ctx->error->type_len,
                  ctx->error->type);

    if (verdict == LLM_VERDICT_BETA && ctx->betas.len && !ctx->no_betas) {
        ctx->no_betas = 1;

        if (ngx_http_llm_body_build(ctx) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_http_llm_again(ctx);
    }

    if (verdict == LLM_VERDICT_CLOCK && !ctx->clock_retried
        && ngx_http_llm_clock_learn(ctx) == NGX_OK)
    {
        ctx->clock_retried = 1;
        return ngx_http_llm_again(ctx);
    }

    if (verdict == LLM_VERDICT_CREDENTIALS) {
        provider->slot->refresh = 1;
    }

    if (verdict == LLM_VERDICT_THROTTLED_DAY) {
        /* until UTC midnight nothing will change */
        ctx->retry_after_ms = 86400000 - ngx_http_llm_now() % 86400000;
    }

    if (verdict == LLM_VERDICT_FAILOVER && in_stream) {
        result = LLM_ATTEMPT_EXCEPTION;
    }

    ctx->blameless = (verdict == LLM_VERDICT_CREDENTIALS
                      || verdict == LLM_VERDICT_CLOCK);

    ngx_http_llm_attempt_end(ctx, result);

    ctx->blameless = 0;

    if (verdict != LLM_VERDICT_PASS && verdict != LLM_VERDICT_BETA
        && ngx_http_llm_admit_next(ctx) == NGX_OK)
    {
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    if (verdict == LLM_VERDICT_CREDENTIALS || verdict == LLM_VERDICT_CLOCK) {
        llm_upstream_error_read(ctx->error_memory, 503,
                                llm_str("ServiceUnavailableException"),
                                llm_str("{\"message\":\"The provider refused "
                                        "the gateway's own credentials; they "
                                        "are being renewed.\"}"));
        return ngx_http_llm_end_here(ctx);
    }

    if (ctx->dialect != LLM_DIALECT_BEDROCK) {
        return ngx_http_llm_end_here(ctx);
    }

    return ngx_http_llm_pass(ctx);
}


/* the same provider once more */

static ngx_int_t
ngx_http_llm_again(ngx_http_llm_ctx_t *ctx)
{
    ctx->attempts[ctx->nattempts - 1].ended = 1;
    ctx->retry_same = 1;

    return NGX_HTTP_UPSTREAM_INVALID_HEADER;
}


/* the answer is ctx->error in the client's dialect, see refuse.c */

static ngx_int_t
ngx_http_llm_end_here(ngx_http_llm_ctx_t *ctx)
{
    ngx_http_llm_attempt_end(ctx, LLM_ATTEMPT_CLIENT_ERROR);

    ctx->request->upstream->peer.tries = 0;

    return NGX_HTTP_UPSTREAM_INVALID_HEADER;
}


/* from here on there is no way back: the header goes to the client */

static ngx_int_t
ngx_http_llm_pass(ngx_http_llm_ctx_t *ctx)
{
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = ctx->request;
    u = r->upstream;

    ctx->header_sent = 1;
    ctx->answered = 1;

    if (ngx_http_llm_header_add(r, "x-llm-request-id",
                                (llm_str_t) { (char *) ctx->id, 32 })
        != NGX_OK
        || ngx_http_llm_limits_left(ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->dialect == LLM_DIALECT_BEDROCK) {
        return NGX_OK;
    }

    if (ngx_http_llm_header_add(r, "request-id",
                                (llm_str_t) { (char *) ctx->id, 32 })
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->stream) {
        ctx->translate = 1;
        llm_eventstream_init(&ctx->frames, LLM_EVENTSTREAM_MAX_FRAME);
        llm_anthropic_sse_init(&ctx->sse);

        ngx_str_set(&r->headers_out.content_type, "text/event-stream");

        if (ngx_http_llm_header_add(r, "Cache-Control", llm_str("no-cache"))
            != NGX_OK
            || ngx_http_llm_header_add(r, "X-Accel-Buffering", llm_str("no"))
               != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else {
        ctx->collect = (ctx->api == LLM_API_ANTHROPIC_COUNT_TOKENS);
        ngx_str_set(&r->headers_out.content_type, "application/json");
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    if (ctx->stream || ctx->collect || ctx->gzip) {
        u->headers_in.content_length_n = -1;
    }

    return NGX_OK;
}
