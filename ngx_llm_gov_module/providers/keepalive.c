/*
 * A queue of idle connections for each provider in each worker, after
 * ngx_http_upstream_keepalive_module, which compares addresses only and would
 * mix two hosts behind one.
 */

#include "keepalive.h"


/* an old connection is to an address that the host may have left */
#define NGX_HTTP_LLM_KEEPALIVE_MS  300000


typedef struct {
    ngx_queue_t               queue;
    ngx_http_llm_provider_t  *provider;
    ngx_connection_t         *connection;
} ngx_http_llm_idle_t;


static void ngx_http_llm_idle_dummy(ngx_event_t *ev);
static void ngx_http_llm_idle_read(ngx_event_t *ev);
static void ngx_http_llm_idle_close(ngx_http_llm_idle_t *idle);


ngx_connection_t *
ngx_http_llm_keepalive_get(ngx_http_llm_provider_t *provider, ngx_log_t *log)
{
    ngx_queue_t          *q;
    ngx_connection_t     *c;
    ngx_http_llm_idle_t  *idle;

    if (ngx_queue_empty(&provider->idle)) {
        return NULL;
    }

    q = ngx_queue_head(&provider->idle);
    idle = ngx_queue_data(q, ngx_http_llm_idle_t, queue);

    ngx_queue_remove(q);
    provider->nidle--;

    c = idle->connection;
    ngx_free(idle);

    c->idle = 0;
    c->sent = 0;
    c->data = NULL;
    c->log = log;
    c->read->log = log;
    c->write->log = log;
    c->pool->log = log;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    return c;
}


ngx_int_t
ngx_http_llm_keepalive_put(ngx_http_llm_provider_t *provider,
    ngx_connection_t *c)
{
    ngx_http_llm_idle_t  *idle;

    if (provider->nidle >= (ngx_uint_t) provider->keepalive
        || ngx_current_msec - c->start_time > NGX_HTTP_LLM_KEEPALIVE_MS
        || ngx_terminate || ngx_exiting
        || c->read->eof || c->read->error || c->read->timedout
        || c->write->error || c->write->timedout
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    idle = ngx_alloc(sizeof(ngx_http_llm_idle_t), ngx_cycle->log);
    if (idle == NULL) {
        return NGX_DECLINED;
    }

    idle->provider = provider;
    idle->connection = c;

    ngx_queue_insert_head(&provider->idle, &idle->queue);
    provider->nidle++;

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    ngx_add_timer(c->read, provider->keepalive_timeout);

    c->write->handler = ngx_http_llm_idle_dummy;
    c->read->handler = ngx_http_llm_idle_read;

    c->data = idle;
    c->idle = 1;
    c->log = ngx_cycle->log;
    c->read->log = ngx_cycle->log;
    c->write->log = ngx_cycle->log;
    c->pool->log = ngx_cycle->log;

    if (c->read->ready) {
        ngx_http_llm_idle_read(c->read);
    }

    return NGX_OK;
}


static void
ngx_http_llm_idle_dummy(ngx_event_t *ev)
{
    /* nothing is written on an idle connection */
}


static void
ngx_http_llm_idle_read(ngx_event_t *ev)
{
    int                n;
    char               buf[1];
    ngx_connection_t  *c;

    c = ev->data;

    if (!c->close && !c->read->timedout) {

        n = recv(c->fd, buf, 1, MSG_PEEK);

        if (n == -1 && ngx_socket_errno == NGX_EAGAIN) {
            ev->ready = 0;

            if (ngx_handle_read_event(c->read, 0) == NGX_OK) {
                return;
            }
        }
    }

    ngx_http_llm_idle_close(c->data);
}


static void
ngx_http_llm_idle_close(ngx_http_llm_idle_t *idle)
{
    ngx_connection_t  *c;

    c = idle->connection;

    ngx_queue_remove(&idle->queue);
    idle->provider->nidle--;
    ngx_free(idle);

    if (c->ssl) {
        /* no wait and nothing sent: it is over at once */
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;

        (void) ngx_ssl_shutdown(c);
    }

    ngx_destroy_pool(c->pool);
    ngx_close_connection(c);
}
