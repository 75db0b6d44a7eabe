/*
 * One client of the live feed: what it is to get, and how fast it takes it.
 */

#include "live.h"

#include <inttypes.h>


#if (NGX_THREADS)

/* more than a batch and a step, and what wslay has to say */
#define NGX_HTTP_LLM_LIVE_BUFFER  (32 * 1024 * 1024)


static void
ngx_http_llm_watcher_cleanup(void *data)
{
    ngx_http_llm_watcher_t *watcher = data;

    if (watcher->queue.next) {
        ngx_queue_remove(&watcher->queue);
        ngx_http_llm_feed.n--;
    }

    if (watcher->state == NGX_HTTP_LLM_LIVE_BEHIND) {
        ngx_queue_remove(&watcher->behind);
    }

    if (watcher->step) {
        ngx_http_llm_step_forget(watcher->step);
    }

    if (watcher->filter) {
        ngx_http_llm_live_filter_free(watcher->filter);
    }

    if (watcher->socket) {
        wslay_event_context_free(watcher->socket);
    }

    watcher->queue.next = NULL;
    watcher->step = NULL;
    watcher->filter = NULL;
    watcher->socket = NULL;
    watcher->state = NGX_HTTP_LLM_LIVE_CLOSING;
}


/* HTTP/2 may still be sending from them when the request's own cleanup runs */
static void
ngx_http_llm_watcher_free(void *data)
{
    ngx_http_llm_watcher_t *watcher = data;

    llm_buf_free(&watcher->waiting);
    llm_buf_free(&watcher->sending);
}


ngx_http_llm_watcher_t *
ngx_http_llm_watcher_create(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t      *memory;
    ngx_http_cleanup_t      *cleanup;
    ngx_http_llm_watcher_t  *watcher;

    watcher = ngx_pcalloc(r->pool, sizeof(ngx_http_llm_watcher_t));
    memory = ngx_pool_cleanup_add(r->pool, 0);
    cleanup = ngx_http_cleanup_add(r, 0);

    if (watcher == NULL || memory == NULL || cleanup == NULL) {
        return NULL;
    }

    watcher->request = r;
    watcher->progress = ngx_current_msec;
    watcher->slow = ngx_current_msec;
    watcher->pinged = ngx_current_msec;
    watcher->heard = ngx_current_msec;

    llm_buf_init(&watcher->waiting, NGX_HTTP_LLM_LIVE_BUFFER);
    llm_buf_init(&watcher->sending, NGX_HTTP_LLM_LIVE_BUFFER);

    memory->handler = ngx_http_llm_watcher_free;
    memory->data = watcher;

    cleanup->handler = ngx_http_llm_watcher_cleanup;
    cleanup->data = watcher;

    return watcher;
}


ngx_http_llm_watcher_t *
ngx_http_llm_watcher_get(ngx_http_request_t *r)
{
    ngx_http_cleanup_t  *cleanup;

    for (cleanup = r->main->cleanup; cleanup; cleanup = cleanup->next) {
        if (cleanup->handler == ngx_http_llm_watcher_cleanup) {
            return cleanup->data;
        }
    }

    return NULL;
}


size_t
ngx_http_llm_watcher_queued(const ngx_http_llm_watcher_t *watcher)
{
    return (watcher->buf.last - watcher->buf.pos) + watcher->waiting.len;
}


void
ngx_http_llm_watcher_end(ngx_http_llm_watcher_t *watcher, ngx_int_t rc)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = watcher->request;
    c = r->connection;

    ngx_http_finalize_request(r, rc);

    if (!ngx_http_llm_feed.inside) {
        ngx_http_run_posted_requests(c);
    }
}


/* what the connection has taken needs no memory: watchers are many, and most of
 * the time there is nothing to be sent */
static void
ngx_http_llm_watcher_sent(ngx_http_llm_watcher_t *watcher)
{
    watcher->sent += watcher->sending.len;

    llm_buf_free(&watcher->sending);
    ngx_memzero(&watcher->buf, sizeof(ngx_buf_t));
}


/* the messages that wait become those that are sent */
static void
ngx_http_llm_watcher_swap(ngx_http_llm_watcher_t *watcher)
{
    ngx_buf_t  *b;

    ngx_http_llm_watcher_sent(watcher);

    watcher->sending = watcher->waiting;
    llm_buf_init(&watcher->waiting, NGX_HTTP_LLM_LIVE_BUFFER);

    b = &watcher->buf;

    b->start = (u_char *) watcher->sending.data;
    b->pos = b->start;
    b->last = b->start + watcher->sending.len;
    b->end = b->last;
    b->memory = 1;
    b->flush = 1;
}


/* NGX_AGAIN: the connection takes no more now */
static ngx_int_t
ngx_http_llm_watcher_send(ngx_http_llm_watcher_t *watcher)
{
    ngx_chain_t          out;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = watcher->request;
    c = r->connection;

    if (watcher->waiting.failed) {
        return NGX_ERROR;
    }

    if ((watcher->buf.pos != watcher->buf.last || r->buffered || c->buffered)
        && ngx_http_output_filter(r, NULL) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    while (watcher->buf.pos == watcher->buf.last && watcher->waiting.len) {

        ngx_http_llm_watcher_swap(watcher);

        out.buf = &watcher->buf;
        out.next = NULL;

        if (ngx_http_output_filter(r, &out) == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    if (watcher->buf.pos != watcher->buf.last || r->buffered || c->buffered) {
        return NGX_AGAIN;
    }

    ngx_http_llm_watcher_sent(watcher);

    return NGX_OK;
}


void
ngx_http_llm_watcher_flush(ngx_http_llm_watcher_t *watcher)
{
    ngx_int_t  rc;

    rc = ngx_http_llm_watcher_send(watcher);

    if (rc == NGX_ERROR) {
        ngx_http_llm_watcher_end(watcher, NGX_HTTP_CLOSE);
        return;
    }

    if (watcher->unread
        && ngx_http_llm_watcher_queued(watcher) < NGX_HTTP_LLM_LIVE_ROOM)
    {
        watcher->unread = 0;
        ngx_post_event(watcher->request->connection->read,
                       &ngx_posted_events);
    }

    if (watcher->state == NGX_HTTP_LLM_LIVE_WAITING
        && ngx_http_llm_watcher_queued(watcher) < NGX_HTTP_LLM_LIVE_ROOM)
    {
        if (watcher->next == ngx_http_llm_feed.next) {
            watcher->state = NGX_HTTP_LLM_LIVE_NOW;
            watcher->was_live = 1;
            watcher->slow = ngx_current_msec;
            return;
        }

        watcher->state = NGX_HTTP_LLM_LIVE_BEHIND;
        ngx_queue_insert_tail(&ngx_http_llm_feed.behind, &watcher->behind);
        ngx_http_llm_steps_start();
        return;
    }

    if (watcher->state == NGX_HTTP_LLM_LIVE_CLOSING
        && (ngx_exiting
            || (rc == NGX_OK
                && (watcher->socket == NULL
                    || !wslay_event_get_read_enabled(watcher->socket)))))
    {
        if (watcher->socket) {
            ngx_http_llm_socket_drain(watcher);
        }

        /* not as one that timed out: a reset may overtake the close frame */

        ngx_http_llm_watcher_end(watcher, NGX_ERROR);
    }
}


void
ngx_http_llm_watcher_stop(ngx_http_llm_watcher_t *watcher)
{
    if (watcher->state == NGX_HTTP_LLM_LIVE_BEHIND) {
        ngx_queue_remove(&watcher->behind);
    }

    if (watcher->state != NGX_HTTP_LLM_LIVE_CLOSING) {
        watcher->state = NGX_HTTP_LLM_LIVE_CLOSING;
        watcher->closed = ngx_current_msec;
    }

    /* these are whole messages: a frame that is partly out goes out */

    watcher->waiting.len = 0;
}


void
ngx_http_llm_watcher_writer(ngx_http_request_t *r)
{
    ngx_http_llm_watcher_t  *watcher;

    watcher = ngx_http_llm_watcher_get(r);

    if (watcher == NULL) {
        return;
    }

    ngx_http_llm_feed.inside++;
    ngx_http_llm_watcher_flush(watcher);
    ngx_http_llm_feed.inside--;
}


/* events have no code to end with: the client reconnects and says where it had
 * been */
static void
ngx_http_llm_watcher_close_events(ngx_http_llm_watcher_t *watcher)
{
    ngx_int_t  rc;

    if (watcher->buf.pos != watcher->buf.last
        || watcher->request->buffered
        || watcher->request->connection->buffered)
    {
        ngx_http_llm_watcher_end(watcher, NGX_HTTP_CLOSE);
        return;
    }

    rc = ngx_http_send_special(watcher->request, NGX_HTTP_LAST);

    ngx_http_llm_watcher_end(watcher, rc);
}


void
ngx_http_llm_watcher_close(ngx_http_llm_watcher_t *watcher, unsigned code,
    const char *reason)
{
    if (watcher->state == NGX_HTTP_LLM_LIVE_CLOSING) {
        return;
    }

    ngx_http_llm_watcher_stop(watcher);

    if (watcher->socket == NULL) {
        ngx_http_llm_watcher_close_events(watcher);
        return;
    }

    ngx_http_llm_socket_close(watcher, code, reason);
    ngx_http_llm_watcher_flush(watcher);
}


static void
ngx_http_llm_watcher_ping(ngx_http_llm_watcher_t *watcher)
{
    watcher->pinged = ngx_current_msec;

    if (watcher->socket) {
        ngx_http_llm_socket_ping(watcher);

    } else if (watcher->state == NGX_HTTP_LLM_LIVE_NOW) {
        /* an event without data is none, but the client remembers its id */
        llm_buf_printf(&watcher->waiting, ":\nid: %" PRIu64 "\n\n",
                       watcher->next - 1);
    } else {
        llm_buf_str(&watcher->waiting, llm_str(":\n\n"));
    }

    ngx_http_llm_watcher_flush(watcher);
}


void
ngx_http_llm_watcher_look(ngx_http_llm_watcher_t *watcher)
{
    uint64_t    sent;
    ngx_msec_t  now;

    now = ngx_current_msec;
    sent = watcher->sent + (watcher->buf.pos - watcher->buf.start);

    if (sent != watcher->seen || ngx_http_llm_watcher_queued(watcher) == 0) {
        watcher->seen = sent;
        watcher->progress = now;
    }

    if (watcher->state == NGX_HTTP_LLM_LIVE_CLOSING) {

        if (now - watcher->closed > NGX_HTTP_LLM_LIVE_LINGER) {
            ngx_http_llm_watcher_end(watcher, NGX_HTTP_CLOSE);
        }

        return;
    }

    if (watcher->state == NGX_HTTP_LLM_LIVE_NOW || !watcher->was_live) {
        watcher->slow = now;
    }

    if (now - watcher->progress > NGX_HTTP_LLM_LIVE_SLOW
        || now - watcher->slow > NGX_HTTP_LLM_LIVE_SLOW)
    {
        ngx_http_llm_watcher_close(watcher, WSLAY_CODE_POLICY_VIOLATION,
                                   "too slow");
        return;
    }

    if (watcher->socket
        && now - watcher->heard > NGX_HTTP_LLM_LIVE_DEAF)
    {
        ngx_http_llm_watcher_close(watcher, WSLAY_CODE_POLICY_VIOLATION,
                                   "no pong");
        return;
    }

    if (now - watcher->pinged >= NGX_HTTP_LLM_LIVE_PING) {
        ngx_http_llm_watcher_ping(watcher);
        return;
    }

    if (watcher->state == NGX_HTTP_LLM_LIVE_WAITING) {
        ngx_http_llm_watcher_flush(watcher);
    }
}

#endif
