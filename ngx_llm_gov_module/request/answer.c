/*
 * The provider's header, and what comes of it: it is passed on, or the next
 * candidate is tried.  "Header" is taken widely: the first frame of an event
 * stream and the body of an error belong to it, so that an exception inside a
 * 200 still fails over.
 */

#include "request.h"


/* "200 with UnknownOperationException" is shorter than this */
#define NGX_HTTP_LLM_SMALL_BODY  512


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

    ngx_http_llm_attempt_end(ctx, result);

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
