/*
 * nginx's upstream, set up for one governed request.
 */

#include "request.h"


static ngx_int_t ngx_http_llm_create_request(ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_reinit_request(ngx_http_request_t *r);
static void ngx_http_llm_abort_request(ngx_http_request_t *r);
static void ngx_http_llm_finalize_request(ngx_http_request_t *r, ngx_int_t rc);


ngx_int_t
ngx_http_llm_upstream_start(ngx_http_llm_ctx_t *ctx)
{
    ngx_http_request_t        *r;
    ngx_http_upstream_t       *u;
    ngx_http_upstream_conf_t  *conf;

    r = ctx->request;

    if (ngx_http_upstream_create(r) != NGX_OK) {
        return NGX_ERROR;
    }

    u = r->upstream;

    /* timeouts and TLS differ by provider: a copy of our own */

    conf = ngx_palloc(r->pool, sizeof(ngx_http_upstream_conf_t));
    if (conf == NULL) {
        return NGX_ERROR;
    }

    *conf = ctx->llcf->upstream;
    conf->upstream = ctx->llcf->uscf;
    conf->ignore_client_abort = (ctx->llcf->client_abort
                                 == NGX_HTTP_LLM_ABORT_DRAIN);
    conf->buffer_size = ctx->stream ? 8192 : 16384;

    u->conf = conf;
    u->output.tag = (ngx_buf_tag_t) &ngx_http_llm_gov_module;

    u->create_request = ngx_http_llm_create_request;
    u->reinit_request = ngx_http_llm_reinit_request;
    u->process_header = ngx_http_llm_process_header;
    u->abort_request = ngx_http_llm_abort_request;
    u->finalize_request = ngx_http_llm_finalize_request;

    u->input_filter_init = ngx_http_llm_input_filter_init;
    u->input_filter = ngx_http_llm_input_filter;
    u->input_filter_ctx = ctx;
    u->buffering = 0;

    ctx->deadline = ngx_current_msec + ctx->llcf->tries_timeout;

    ngx_http_upstream_init(r);

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_create_request(ngx_http_request_t *r)
{
    /* it is built when the provider is picked, see peer.c */

    r->upstream->request_bufs = NULL;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_reinit_request(ngx_http_request_t *r)
{
    ngx_http_llm_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_llm_gov_module);

    ngx_http_llm_answer_reset(ctx);

    return NGX_OK;
}


static void
ngx_http_llm_abort_request(ngx_http_request_t *r)
{
    /* nothing of ours is to be told */
}


/* the client's own doing: it closed, broke, or stopped reading */

static ngx_uint_t
ngx_http_llm_client_gone(ngx_http_llm_ctx_t *ctx, ngx_int_t rc)
{
    ngx_connection_t  *c;

    c = ctx->request->connection;

    return ctx->draining || rc == NGX_DONE || c->error || c->timedout
           || rc == NGX_HTTP_CLIENT_CLOSED_REQUEST;
}


/* also called when the stream broke off after its header was passed on: the
 * last moment at which the client can be told why */

static void
ngx_http_llm_finalize_request(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_llm_ctx_t  *ctx;

    ctx = ngx_http_llm_ctx_get(r);

    if (ctx == NULL) {
        return;
    }

    ctx->streaming = 0;

    if (ctx->drain_timer.timer_set) {
        ngx_del_timer(&ctx->drain_timer);
    }

    if (ctx->nattempts == 0) {
        return;
    }

    if (ngx_http_llm_client_gone(ctx, rc)) {
        ctx->gone = 1;
        ctx->in_doubt |= ngx_http_llm_unanswered(ctx);
        ngx_http_llm_attempt_end(ctx, LLM_ATTEMPT_OK);

    } else if (ctx->header_sent && rc == 0) {
        ngx_http_llm_attempt_end(ctx, ctx->meter->exception.len
                                      ? LLM_ATTEMPT_EXCEPTION
                                      : LLM_ATTEMPT_OK);
        ngx_http_llm_stream_close(ctx);

    } else if (ctx->header_sent) {
        ngx_http_llm_attempt_end(ctx, LLM_ATTEMPT_BROKEN);
        ngx_http_llm_stream_close(ctx);

    } else {
        ngx_http_llm_attempt_end(ctx, rc == NGX_HTTP_GATEWAY_TIME_OUT
                                      ? LLM_ATTEMPT_TIMEOUT
                                      : LLM_ATTEMPT_BROKEN);
    }

    /* before the client sees the end of its answer, so that its next request
     * finds the room that this one gave back; a connection that lingers would
     * keep it for seconds */

    ngx_http_llm_settle(ctx);
}
