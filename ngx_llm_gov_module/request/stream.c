/*
 * The provider's body as it streams by: unchunked, metered, and passed on as it
 * is or as the events of the client's dialect.
 */

#include "request.h"


#define NGX_HTTP_LLM_BUF          2048

/* what one large event may leave allocated for the next ones */
#define NGX_HTTP_LLM_EVENTS_KEPT  4096


static ngx_int_t ngx_http_llm_chunked_filter(ngx_http_llm_ctx_t *ctx,
    ssize_t bytes);
static ngx_int_t ngx_http_llm_plain_filter(ngx_http_llm_ctx_t *ctx,
    ssize_t bytes);
static ngx_int_t ngx_http_llm_payload(ngx_http_llm_ctx_t *ctx, u_char *p,
    size_t len);
static int ngx_http_llm_inflated(const char *p, size_t len, void *data);
static ngx_int_t ngx_http_llm_events(ngx_http_llm_ctx_t *ctx, const char *p,
    size_t len);
static ngx_int_t ngx_http_llm_emit_place(ngx_http_llm_ctx_t *ctx, u_char *p,
    size_t len);
static ngx_int_t ngx_http_llm_emit_copy(ngx_http_llm_ctx_t *ctx,
    const char *p, size_t len);
static ngx_int_t ngx_http_llm_append(ngx_http_llm_ctx_t *ctx,
    ngx_chain_t *cl);
static ngx_int_t ngx_http_llm_collected_end(ngx_http_llm_ctx_t *ctx);
static ngx_int_t ngx_http_llm_stream_end(ngx_http_llm_ctx_t *ctx);
static void ngx_http_llm_raise(ngx_http_llm_ctx_t *ctx);


ngx_int_t
ngx_http_llm_input_filter_init(void *data)
{
    ngx_http_llm_ctx_t *ctx = data;

    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;

    u->conf->read_timeout = ctx->choices[ctx->chosen].provider->read_timeout;

    if (ctx->gzip) {
        ctx->inflate = llm_inflate_create();
        if (ctx->inflate == NULL) {
            return NGX_ERROR;
        }
    }

    if (u->headers_in.chunked) {
        u->length = 1;

    } else {
        u->length = ctx->length;

        if (u->length == 0) {
            u->keepalive = !u->headers_in.connection_close;
        }
    }

    ctx->streaming = 1;

    ngx_http_llm_watch_downstream(ctx);

    return NGX_OK;
}


ngx_int_t
ngx_http_llm_input_filter(void *data, ssize_t bytes)
{
    ngx_http_llm_ctx_t *ctx = data;

    uint64_t              begin;
    ngx_int_t             rc;
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;
    begin = ngx_http_llm_monotonic();

    rc = u->headers_in.chunked ? ngx_http_llm_chunked_filter(ctx, bytes)
                               : ngx_http_llm_plain_filter(ctx, bytes);

    if (rc == NGX_OK && u->length == 0) {
        rc = ngx_http_llm_stream_end(ctx);
    }

    ctx->overhead_ns += ngx_http_llm_monotonic() - begin;

    return rc;
}


/* the core reads on only once the buffer is free again: what came is always
 * taken, or put into bufs that keep it busy */

static ngx_int_t
ngx_http_llm_chunked_filter(ngx_http_llm_ctx_t *ctx, ssize_t bytes)
{
    size_t                n;
    ngx_int_t             rc;
    ngx_buf_t            *b;
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;
    b = &u->buffer;

    b->pos = b->last;
    b->last += bytes;

    for ( ;; ) {
        rc = ngx_http_llm_parse_chunked(ctx->request, b, &ctx->chunked);

        if (rc == NGX_OK) {
            n = ngx_min((size_t) (b->last - b->pos),
                        (size_t) ctx->chunked.size);

            if (ngx_http_llm_payload(ctx, b->pos, n) != NGX_OK) {
                return NGX_ERROR;
            }

            b->pos += n;
            ctx->chunked.size -= n;

            continue;
        }

        if (rc == NGX_DONE) {
            u->keepalive = !u->headers_in.connection_close
                           && b->pos == b->last;
            u->length = 0;
            return NGX_OK;
        }

        if (rc == NGX_AGAIN) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "llm provider sent an invalid chunked response");

        return NGX_ERROR;
    }
}


static ngx_int_t
ngx_http_llm_plain_filter(ngx_http_llm_ctx_t *ctx, ssize_t bytes)
{
    u_char               *p;
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;

    p = u->buffer.last;
    u->buffer.last += bytes;

    if (u->length != -1) {

        if (bytes > u->length) {
            ngx_log_error(NGX_LOG_WARN, ctx->request->connection->log, 0,
                          "llm provider sent more data than Content-Length "
                          "said");
            bytes = u->length;
            u->headers_in.connection_close = 1;
        }

        u->length -= bytes;

        if (u->length == 0) {
            u->keepalive = !u->headers_in.connection_close;
        }
    }

    return ngx_http_llm_payload(ctx, p, bytes);
}


static ngx_int_t
ngx_http_llm_payload(ngx_http_llm_ctx_t *ctx, u_char *p, size_t len)
{
    int  rc;

    if (len == 0) {
        return NGX_OK;
    }

    ngx_http_llm_first_token(ctx);

    ctx->response_bytes += len;

    if (ctx->draining) {
        ctx->drained += len;

        if (ctx->drained > ctx->llcf->drain_size) {
            return NGX_ERROR;
        }
    }

    if (ctx->gzip) {
        rc = llm_inflate_feed(ctx->inflate, (const char *) p, len,
                              ngx_http_llm_inflated, ctx);

        if (rc != LLM_OK && ctx->dialect != LLM_DIALECT_BEDROCK) {
            return NGX_ERROR;
        }

        return ctx->dialect == LLM_DIALECT_BEDROCK
               ? ngx_http_llm_emit_place(ctx, p, len) : NGX_OK;
    }

    if (ctx->translate) {
        return ngx_http_llm_events(ctx, (const char *) p, len);
    }

    (void) llm_meter_feed(ctx->meter, (const char *) p, len);

    ngx_http_llm_raise(ctx);

    if (ctx->collect) {
        llm_buf_append(&ctx->collected, p, len);
        return ctx->collected.failed ? NGX_ERROR : NGX_OK;
    }

    return ngx_http_llm_emit_place(ctx, p, len);
}


static int
ngx_http_llm_inflated(const char *p, size_t len, void *data)
{
    ngx_http_llm_ctx_t *ctx = data;

    if (ctx->translate) {
        return ngx_http_llm_events(ctx, p, len) == NGX_OK ? LLM_OK : LLM_ERROR;
    }

    (void) llm_meter_feed(ctx->meter, p, len);

    if (ctx->dialect == LLM_DIALECT_BEDROCK) {
        return LLM_OK;
    }

    if (ctx->collect) {
        llm_buf_append(&ctx->collected, p, len);
        return ctx->collected.failed ? LLM_ERROR : LLM_OK;
    }

    return ngx_http_llm_emit_copy(ctx, p, len) == NGX_OK ? LLM_OK : LLM_ERROR;
}


/* frames in, events of the client's dialect out */

static ngx_int_t
ngx_http_llm_events(ngx_http_llm_ctx_t *ctx, const char *p, size_t len)
{
    int           rc;
    llm_buf_t    *out;
    llm_str_t     chunk;
    ngx_int_t     result;
    const char   *end;
    llm_frame_t   frame;

    end = p + len;
    out = &ctx->events;
    ctx->sse.meter = ctx->meter;

    for ( ;; ) {
        rc = llm_eventstream_next(&ctx->frames, &p, end, &frame);

        if (rc != LLM_OK) {
            break;
        }

        chunk.len = 0;

        rc = llm_anthropic_sse_frame(&ctx->sse, out, &frame, &chunk,
                                     (llm_str_t) { (char *) ctx->id, 32 });
        if (rc != LLM_OK) {
            break;
        }

        if (chunk.len == 0) {
            llm_meter_frame(ctx->meter, &frame);
        }
    }

    ngx_http_llm_raise(ctx);

    result = NGX_OK;

    if (out->failed) {
        result = NGX_ERROR;

    } else if (out->len) {
        result = ngx_http_llm_emit_copy(ctx, out->data, out->len);
    }

    out->len = 0;

    if (out->size > NGX_HTTP_LLM_EVENTS_KEPT) {
        llm_buf_free(out);
    }

    if (rc == LLM_ERROR) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "llm provider sent a broken event stream: %s",
                      ctx->frames.error ? ctx->frames.error
                                        : "a chunk that is no JSON");
        return NGX_ERROR;
    }

    return result;
}


/* the bytes where they lie in the upstream's buffer */

static ngx_int_t
ngx_http_llm_emit_place(ngx_http_llm_ctx_t *ctx, u_char *p, size_t len)
{
    ngx_buf_t            *b;
    ngx_chain_t          *cl;
    ngx_http_upstream_t  *u;

    ngx_http_llm_content_add(ctx, p, len);

    if (ctx->draining) {
        return NGX_OK;
    }

    u = ctx->request->upstream;

    cl = ngx_chain_get_free_buf(ctx->request->pool, &u->free_bufs);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    b = cl->buf;

    b->pos = p;
    b->last = p + len;
    b->memory = 1;
    b->flush = 1;
    b->tag = u->output.tag;

    return ngx_http_llm_append(ctx, cl);
}


/* a copy: free bufs keep their memory and grow to what events need, so that a
 * long stream takes no more than a short one */

static ngx_int_t
ngx_http_llm_emit_copy(ngx_http_llm_ctx_t *ctx, const char *p, size_t len)
{
    size_t                size;
    ngx_buf_t            *b;
    ngx_chain_t          *cl;
    ngx_http_upstream_t  *u;

    ngx_http_llm_content_add(ctx, p, len);

    if (ctx->draining) {
        return NGX_OK;
    }

    u = ctx->request->upstream;

    cl = ngx_chain_get_free_buf(ctx->request->pool, &u->free_bufs);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    b = cl->buf;

    if ((size_t) (b->end - b->start) < len) {

        for (size = NGX_HTTP_LLM_BUF; size < len; size *= 2) {
            /* void */
        }

        if (b->start) {
            (void) ngx_pfree(ctx->request->pool, b->start);
        }

        b->start = ngx_palloc(ctx->request->pool, size);
        if (b->start == NULL) {
            return NGX_ERROR;
        }

        b->end = b->start + size;
    }

    b->pos = b->start;
    b->last = ngx_cpymem(b->pos, p, len);
    b->temporary = 1;
    b->flush = 1;
    b->tag = u->output.tag;

    return ngx_http_llm_append(ctx, cl);
}


static ngx_int_t
ngx_http_llm_append(ngx_http_llm_ctx_t *ctx, ngx_chain_t *cl)
{
    ngx_chain_t  **ll;

    for (ll = &ctx->request->upstream->out_bufs; *ll; ll = &(*ll)->next) {
        /* void */
    }

    *ll = cl;
    cl->next = NULL;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_collected_end(ngx_http_llm_ctx_t *ctx)
{
    llm_buf_t   out;
    ngx_int_t   rc;

    ctx->collect = 0;

    llm_buf_init(&out, 4096);

    rc = NGX_ERROR;

    if (llm_anthropic_count_tokens(&out, (llm_str_t) { ctx->collected.data,
                                                       ctx->collected.len })
        == LLM_OK)
    {
        rc = ngx_http_llm_emit_copy(ctx, out.data, out.len);
    }

    llm_buf_free(&out);

    return rc;
}


/* all bytes are there; if the message is not whole the client must know */

static ngx_int_t
ngx_http_llm_stream_end(ngx_http_llm_ctx_t *ctx)
{
    llm_buf_t             out;
    ngx_int_t             rc;
    llm_upstream_error_t  error;

    if (ctx->collect) {
        return ngx_http_llm_collected_end(ctx);
    }

    if (!ctx->translate || ctx->sse.message_stopped || ctx->sse.is_error) {
        return NGX_OK;
    }

    ctx->sse.is_error = true;

    llm_upstream_error_read(&error, 424, llm_str("ModelStreamErrorException"),
                            llm_str("{\"message\":\"The provider's stream "
                                    "broke off.\"}"));

    llm_buf_init(&out, 16384);

    llm_anthropic_stream_error(&out, &error,
                               (llm_str_t) { (char *) ctx->id, 32 });

    rc = out.failed ? NGX_ERROR : ngx_http_llm_emit_copy(ctx, out.data,
                                                         out.len);
    llm_buf_free(&out);

    return rc;
}


/* the upstream code gave up in the middle, or the provider ended its answer by
 * closing: what is left to say is said before the connection is closed */

void
ngx_http_llm_stream_close(ngx_http_llm_ctx_t *ctx)
{
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = ctx->request;
    u = r->upstream;

    if (!u->header_sent || ngx_http_llm_stream_end(ctx) != NGX_OK
        || u->out_bufs == NULL)
    {
        return;
    }

    (void) ngx_http_output_filter(r, u->out_bufs);

    u->out_bufs = NULL;
}


void
ngx_http_llm_first_token(ngx_http_llm_ctx_t *ctx)
{
    int64_t                  since;
    ngx_http_llm_attempt_t  *attempt;

    if (ctx->first_token != -1 || ctx->status.code >= 300) {
        return;
    }

    attempt = &ctx->attempts[ctx->nattempts - 1];

    ctx->first_token = ngx_current_msec - ctx->started;
    ctx->first_token_ms = ngx_http_llm_now();

    /* of the clock that its latency is of */
    since = ctx->first_token_ms - attempt->started_ms;
    attempt->first_token = ngx_max(since, 0);
}


/* a stream that runs past what was expected: the hold follows reality */

static void
ngx_http_llm_raise(ngx_http_llm_ctx_t *ctx)
{
    llm_cost_t              cost;
    llm_usage_t             usage;
    llm_amounts_t           expected;
    ngx_http_llm_choice_t  *choice;

    if (ctx->meter->output_bytes < ctx->raise_at || ctx->hold == NULL) {
        return;
    }

    choice = &ctx->choices[ctx->chosen];

    ngx_memzero(&usage, sizeof(llm_usage_t));

    usage.input = ctx->hold->estimated.input;
    usage.output = ctx->meter->output_bytes / 4;

    ngx_memzero(&cost, sizeof(llm_cost_t));

    if (choice->priced) {
        llm_cost(&choice->price, &usage, &cost);
    }

    expected.cost = cost.total;
    expected.requests = 1;
    expected.input_tokens = usage.input;
    expected.output_tokens = usage.output;

    ngx_http_llm_lock(ctx->lmcf);

    llm_ledger_raise(&ctx->hold->hold, &expected);

    if (usage.output > ctx->hold->estimated.output) {
        ctx->hold->estimated.output = usage.output;
        ctx->hold->estimated_cost = cost.total;
    }

    ngx_http_llm_unlock(ctx->lmcf);

    (void) ngx_http_llm_journal_hold(ctx, &expected,
                                     ctx->attempts[ctx->nattempts - 1]
                                     .admitted_ms);

    /* the next time after half as much again, so that a long stream takes the
     * lock a few times, not at each event */

    ctx->raise_at = ctx->meter->output_bytes + ctx->meter->output_bytes / 2
                    + NGX_HTTP_LLM_RAISE_STEP;
}
