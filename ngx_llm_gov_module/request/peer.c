/*
 * The upstream's peer: which provider's address, over which connection.  Built
 * on nginx's load balancer interface, so that each attempt has its own host,
 * name for TLS, URI, body and signature.
 */

#include "request.h"
#include "../providers/keepalive.h"


/* a kept connection that ends this soon was closed before we wrote to it: ms */
#define NGX_HTTP_LLM_STALE  1000


static ngx_int_t ngx_http_llm_peer_get(ngx_peer_connection_t *pc, void *data);
static void ngx_http_llm_peer_free(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state);
static ngx_int_t ngx_http_llm_peer_set_session(ngx_peer_connection_t *pc,
    void *data);
static void ngx_http_llm_peer_save_session(ngx_peer_connection_t *pc,
    void *data);
static ngx_int_t ngx_http_llm_peer_next(ngx_http_llm_ctx_t *ctx,
    ngx_peer_connection_t *pc);
static void ngx_http_llm_peer_configure(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_provider_t *provider);
static ngx_int_t ngx_http_llm_peer_address(ngx_http_llm_ctx_t *ctx,
    ngx_peer_connection_t *pc, ngx_http_llm_provider_t *provider);
static llm_attempt_result_t ngx_http_llm_peer_failure(ngx_http_llm_ctx_t *ctx,
    ngx_peer_connection_t *pc);


ngx_int_t
ngx_http_llm_peer_init(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *uscf)
{
    ngx_peer_connection_t  *pc;

    pc = &r->upstream->peer;

    pc->data = ngx_http_get_module_ctx(r, ngx_http_llm_gov_module);
    pc->get = ngx_http_llm_peer_get;
    pc->free = ngx_http_llm_peer_free;
    pc->set_session = ngx_http_llm_peer_set_session;
    pc->save_session = ngx_http_llm_peer_save_session;

    /* the number of attempts is ours to bound; the core must only not think
     * that there are none left */
    pc->tries = NGX_HTTP_LLM_ATTEMPTS_MAX * 2;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_peer_get(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_llm_ctx_t *ctx = data;

    uint64_t                  begin;
    ngx_int_t                 rc;
    ngx_connection_t         *c;
    ngx_http_llm_provider_t  *provider;

    begin = ngx_http_llm_monotonic();

    rc = ngx_http_llm_peer_next(ctx, pc);
    if (rc != NGX_OK) {
        return rc;
    }

    provider = ctx->choices[ctx->chosen].provider;

    ngx_http_llm_peer_configure(ctx, provider);

    if (ngx_http_llm_attempt_build(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_llm_peer_address(ctx, pc, provider);

    ctx->overhead_ns += ngx_http_llm_monotonic() - begin;

    if (rc != NGX_OK) {
        return rc;
    }

    c = ngx_http_llm_keepalive_get(provider, pc->log);

    if (c) {
        pc->connection = c;
        pc->cached = 1;
        return NGX_DONE;
    }

    pc->connection = NULL;
    pc->cached = 0;

    return NGX_OK;
}


/* NGX_BUSY ends the request: there is no further candidate */

static ngx_int_t
ngx_http_llm_peer_next(ngx_http_llm_ctx_t *ctx, ngx_peer_connection_t *pc)
{
    if (ctx->retry_same) {
        ctx->retry_same = 0;
        ctx->nattempts--;

    } else if (!ctx->have_peer
               && ngx_http_llm_admit_next(ctx) != NGX_OK)
    {
        pc->tries = 0;
        return NGX_BUSY;
    }

    ctx->have_peer = 0;

    ngx_http_llm_attempt_begin(ctx);

    return NGX_OK;
}


static void
ngx_http_llm_peer_configure(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_provider_t *provider)
{
    ngx_http_upstream_t       *u;
    ngx_http_upstream_conf_t  *conf;

    u = ctx->request->upstream;
    conf = u->conf;             /* this request's own copy */

    conf->connect_timeout = provider->connect_timeout;
    conf->send_timeout = provider->send_timeout;
    conf->read_timeout = provider->first_byte_timeout;

    conf->ssl = provider->ssl;
    conf->ssl_verify = provider->ssl_verify;
    conf->ssl_server_name = 1;
    conf->ssl_session_reuse = 1;

    if (provider->endpoint.tls) {
        ngx_str_set(&u->schema, "https://");

    } else {
        ngx_str_set(&u->schema, "http://");
    }

    u->ssl = provider->endpoint.tls;
    u->ssl_name = provider->endpoint.host;
}


static ngx_int_t
ngx_http_llm_peer_address(ngx_http_llm_ctx_t *ctx, ngx_peer_connection_t *pc,
    ngx_http_llm_provider_t *provider)
{
    ngx_uint_t               n;
    ngx_http_llm_address_t   copy[NGX_HTTP_LLM_ADDRESSES];

    n = ngx_http_llm_slot_addresses(provider->slot, copy);

    if (n == 0) {
        ngx_http_llm_attempt_end(ctx, LLM_ATTEMPT_CONNECT);
        return NGX_DECLINED;
    }

    ctx->address = copy[provider->turn++ % n];

    pc->sockaddr = &ctx->address.sockaddr.sockaddr;
    pc->socklen = ctx->address.socklen;
    pc->name = &provider->endpoint.authority;

    return NGX_OK;
}


static void
ngx_http_llm_peer_free(ngx_peer_connection_t *pc, void *data, ngx_uint_t state)
{
    ngx_http_llm_ctx_t *ctx = data;

    ngx_connection_t         *c;
    ngx_http_upstream_t      *u;
    ngx_http_llm_attempt_t   *attempt;

    if (ctx->nattempts == 0) {
        return;
    }

    u = ctx->request->upstream;
    c = pc->connection;
    attempt = &ctx->attempts[ctx->nattempts - 1];

    if ((state & NGX_PEER_FAILED) && !attempt->ended) {

        if (pc->cached && u->state && u->state->bytes_received == 0
            && ngx_current_msec - attempt->started < NGX_HTTP_LLM_STALE
            && !(c && (c->read->timedout || c->write->timedout)))
        {
            /* it was closed while it was idle: nobody's fault */
            ctx->retry_same = 1;

        } else if (!ctx->header_sent) {
            ngx_http_llm_attempt_end(ctx, ngx_http_llm_peer_failure(ctx, pc));
        }
    }

    if (c && !(state & NGX_PEER_FAILED) && u->keepalive
        && u->request_body_sent && !c->error
        && ngx_http_llm_keepalive_put(attempt->provider, c) == NGX_OK)
    {
        pc->connection = NULL;
    }

    if (pc->tries) {
        pc->tries--;
    }
}


static llm_attempt_result_t
ngx_http_llm_peer_failure(ngx_http_llm_ctx_t *ctx, ngx_peer_connection_t *pc)
{
    ngx_connection_t     *c;
    ngx_http_upstream_t  *u;

    c = pc->connection;
    u = ctx->request->upstream;

    if (c == NULL || !u->request_sent) {
        return (c && c->write->timedout) ? LLM_ATTEMPT_TIMEOUT
                                         : LLM_ATTEMPT_CONNECT;
    }

    if (c->read->timedout || c->write->timedout) {
        if (u->request_body_sent) {
            /* it may well have worked on it: never refund on doubt */
            ngx_http_llm_attempt_doubt(ctx);
        }

        return LLM_ATTEMPT_TIMEOUT;
    }

    return LLM_ATTEMPT_BROKEN;
}


static ngx_int_t
ngx_http_llm_peer_set_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_llm_ctx_t *ctx = data;

    ngx_http_llm_provider_t  *provider;

    provider = ctx->attempts[ctx->nattempts - 1].provider;

    if (provider->ssl_session == NULL) {
        return NGX_OK;
    }

    return ngx_ssl_set_session(pc->connection, provider->ssl_session);
}


static void
ngx_http_llm_peer_save_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_llm_ctx_t *ctx = data;

    ngx_ssl_session_t        *session;
    ngx_http_llm_provider_t  *provider;

    session = ngx_ssl_get_session(pc->connection);
    if (session == NULL) {
        return;
    }

    provider = ctx->attempts[ctx->nattempts - 1].provider;

    if (provider->ssl_session) {
        ngx_ssl_free_session(provider->ssl_session);
    }

    provider->ssl_session = session;
}
