/*
 * The client is gone: the provider's answer is read on, within a cap, because
 * the usage stands at its end and AWS bills it anyway.
 */

#include "request.h"


static void ngx_http_llm_downstream(ngx_http_request_t *r);
static void ngx_http_llm_drain_timeout(ngx_event_t *ev);


/*
 * The core ends a request with 408 when the client does not read, and the
 * usage would be lost with it: its handler is wrapped.
 */

void
ngx_http_llm_watch_downstream(ngx_http_llm_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    if (ctx->llcf->client_abort != NGX_HTTP_LLM_ABORT_DRAIN) {
        return;
    }

    r = ctx->request;

    ctx->downstream_handler = r->write_event_handler;
    r->write_event_handler = ngx_http_llm_downstream;
}


static void
ngx_http_llm_downstream(ngx_http_request_t *r)
{
    ngx_event_t         *wev;
    ngx_http_llm_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_llm_gov_module);
    wev = r->connection->write;

    if (wev->timedout && ctx->streaming) {
        wev->timedout = 0;

        if (!ctx->draining) {
            ngx_http_llm_drain(ctx);
        }
    }

    ctx->downstream_handler(r);
}


void
ngx_http_llm_drain(ngx_http_llm_ctx_t *ctx)
{
    ngx_chain_t          *cl;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = ctx->request;
    u = r->upstream;

    ctx->draining = 1;
    r->connection->error = 1;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "llm client is gone, its answer is read on for the usage");

    for (cl = u->busy_bufs; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
    }

    for (cl = u->out_bufs; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
    }

    ngx_http_llm_lock(ctx->lmcf);
    ctx->lmcf->shared->series->client_aborts++;
    ngx_http_llm_unlock(ctx->lmcf);

    ctx->drain_timer.handler = ngx_http_llm_drain_timeout;
    ctx->drain_timer.data = ctx;
    ctx->drain_timer.log = r->connection->log;

    if (!ctx->drain_timer.timer_set) {
        ngx_add_timer(&ctx->drain_timer, ctx->llcf->drain_time);
    }
}


static void
ngx_http_llm_drain_timeout(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_llm_ctx_t  *ctx;

    ctx = ev->data;
    c = ctx->request->connection;

    /* the upstream's cleanup gives its reference back while the core still
     * walks the list of cleanups: one more keeps the request alive */

    ctx->request->main->count++;

    ngx_http_finalize_request(ctx->request, NGX_HTTP_CLIENT_CLOSED_REQUEST);
    ngx_http_run_posted_requests(c);
}
