/*
 * The live feed as a WebSocket (RFC 6455): the handshake, and what the client
 * says.  Framing, masks, pings and the closing handshake are wslay's.
 */

#include "live.h"
#include "respond.h"
#include "../request/key.h"

#include <ngx_sha1.h>


#if (NGX_THREADS)

#define NGX_HTTP_LLM_SOCKET_MESSAGE  4096   /* of a client, which has nothing
                                               to say */
#define NGX_HTTP_LLM_SOCKET_READS    16     /* before others have their turn */

#define NGX_HTTP_LLM_SOCKET_GUID  "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define NGX_HTTP_LLM_SOCKET_KEY   24


/* the port that need not be said */
static void
ngx_http_llm_socket_port(ngx_uint_t https, ngx_str_t *host)
{
    size_t       tail;
    const char  *port;

    port = https ? ":443" : ":80";
    tail = ngx_strlen(port);

    if (host->len > tail
        && ngx_memcmp(host->data + host->len - tail, port, tail) == 0)
    {
        host->len -= tail;
    }
}


/*
 * A browser lets any page open a WebSocket to anywhere, and sends what it knows
 * of the one who looks at it: their network.  So a page from elsewhere is
 * refused; over TLS also one that came without, which anybody on the way may
 * have written.
 */
static ngx_uint_t
ngx_http_llm_socket_foreign(ngx_http_request_t *r)
{
    u_char      *p;
    ngx_str_t   *origin, from, host;
    ngx_uint_t   https;

    origin = ngx_http_llm_header(r, "origin", 6);

    if (origin == NULL) {
        /* not a browser */
        return 0;
    }

    if (r->headers_in.host == NULL) {
        return 1;
    }

    host = r->headers_in.host->value;
    p = ngx_strlchr(origin->data, origin->data + origin->len, ':');

    if (p == NULL || origin->data + origin->len - p < 3
        || p[1] != '/' || p[2] != '/')
    {
        return 1;
    }

    from.data = p + 3;
    from.len = origin->data + origin->len - from.data;

    https = (p - origin->data == 5
             && ngx_strncasecmp(origin->data, (u_char *) "https", 5) == 0);

#if (NGX_HTTP_SSL)
    if (r->connection->ssl && !https) {
        return 1;
    }
#endif

    ngx_http_llm_socket_port(https, &host);
    ngx_http_llm_socket_port(https, &from);

    return from.len == 0 || from.len != host.len
           || ngx_strncasecmp(from.data, host.data, from.len) != 0;
}


ngx_int_t
ngx_http_llm_socket_check(ngx_http_request_t *r)
{
    ngx_str_t  *version, *key;

    if (ngx_http_llm_socket_foreign(r)) {
        return ngx_http_llm_respond_error(r, NGX_HTTP_FORBIDDEN,
                                          "foreign_origin", "a page of "
                                          "another site may not open this "
                                          "WebSocket");
    }

    version = ngx_http_llm_header(r, "sec-websocket-version", 21);

    if (version == NULL || version->len != 2
        || ngx_strncmp(version->data, "13", 2) != 0)
    {
        if (ngx_http_llm_respond_header(r, "Sec-WebSocket-Version", "13")
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_llm_respond_error(r, 426, "bad_request",
                                          "the WebSocket's version is 13");
    }

    key = ngx_http_llm_header(r, "sec-websocket-key", 17);

    if (key == NULL || key->len != NGX_HTTP_LLM_SOCKET_KEY
        || r->method != NGX_HTTP_GET)
    {
        return ngx_http_llm_respond_error(r, NGX_HTTP_BAD_REQUEST,
                                          "bad_request", "this is not a "
                                          "WebSocket's handshake");
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_llm_socket_accept(ngx_http_request_t *r)
{
    u_char      digest[20];
    ngx_str_t   from, to, *key;
    ngx_sha1_t  sha1;

    key = ngx_http_llm_header(r, "sec-websocket-key", 17);

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, key->data, key->len);
    ngx_sha1_update(&sha1, NGX_HTTP_LLM_SOCKET_GUID,
                    sizeof(NGX_HTTP_LLM_SOCKET_GUID) - 1);
    ngx_sha1_final(digest, &sha1);

    from.data = digest;
    from.len = sizeof(digest);

    to.data = ngx_pcalloc(r->pool, ngx_base64_encoded_length(20) + 1);
    if (to.data == NULL) {
        return NGX_ERROR;
    }

    ngx_encode_base64(&to, &from);

    return ngx_http_llm_respond_header(r, "Sec-WebSocket-Accept",
                                       (char *) to.data);
}


static ngx_int_t
ngx_http_llm_socket_header(ngx_http_request_t *r)
{
    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    ngx_str_set(&r->headers_out.status_line, "101 Switching Protocols");
    r->headers_out.content_length_n = -1;
    r->keepalive = 0;

    if (ngx_http_llm_respond_header(r, "Upgrade", "websocket") != NGX_OK
        || ngx_http_llm_socket_accept(r) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_send_header(r) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_send_special(r, NGX_HTTP_FLUSH) == NGX_ERROR ? NGX_ERROR
                                                                 : NGX_OK;
}


/* what came with the header first */
static ssize_t
ngx_http_llm_socket_recv(wslay_event_context_ptr ctx, uint8_t *buf,
    size_t len, int flags, void *data)
{
    ngx_http_llm_watcher_t *watcher = data;

    ssize_t              n;
    ngx_buf_t           *b;
    ngx_connection_t    *c;

    c = watcher->request->connection;
    b = watcher->request->header_in;

    if (b->pos < b->last) {
        n = ngx_min((size_t) (b->last - b->pos), len);
        ngx_memcpy(buf, b->pos, n);
        b->pos += n;
        return n;
    }

    if (watcher->reads++ == NGX_HTTP_LLM_SOCKET_READS) {
        ngx_post_event(c->read, &ngx_posted_next_events);
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }

    n = c->recv(c, buf, len);

    if (n == NGX_AGAIN) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }

    if (n <= 0) {
        c->error = 1;
        wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
    }

    watcher->heard = ngx_current_msec;

    return n;
}


static ssize_t
ngx_http_llm_socket_send(wslay_event_context_ptr ctx, const uint8_t *bytes,
    size_t len, int flags, void *data)
{
    ngx_http_llm_watcher_t *watcher = data;

    llm_buf_append(&watcher->waiting, bytes, len);

    return len;
}


static void
ngx_http_llm_socket_reader(ngx_http_request_t *r)
{
    int                      rc;
    ngx_connection_t        *c;
    ngx_http_llm_watcher_t  *watcher;

    c = r->connection;
    watcher = ngx_http_llm_watcher_get(r);

    if (watcher == NULL || watcher->socket == NULL) {
        return;
    }

    if (ngx_http_llm_watcher_queued(watcher) > NGX_HTTP_LLM_LIVE_FULL) {
        /* who does not read is not read either: each ping means a pong */
        watcher->unread = 1;
        ngx_http_block_reading(r);
        return;
    }

    watcher->reads = 0;
    rc = wslay_event_recv(watcher->socket);

    ngx_http_llm_feed.inside++;

    if (rc != 0 || c->error
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        c->error = 1;
        ngx_http_llm_watcher_end(watcher, NGX_HTTP_CLIENT_CLOSED_REQUEST);

    } else {

        if (!wslay_event_get_read_enabled(watcher->socket)) {
            /* it has said goodbye, or something that is no WebSocket */
            ngx_http_llm_watcher_stop(watcher);
        }

        if (wslay_event_want_write(watcher->socket)) {
            (void) wslay_event_send(watcher->socket);
        }

        ngx_http_llm_watcher_flush(watcher);
    }

    ngx_http_llm_feed.inside--;
}


ngx_int_t
ngx_http_llm_socket_start(ngx_http_llm_watcher_t *watcher)
{
    ngx_connection_t              *c;
    ngx_http_request_t            *r;
    ngx_http_core_loc_conf_t      *clcf;
    struct wslay_event_callbacks   callbacks;

    r = watcher->request;
    c = r->connection;

    ngx_memzero(&callbacks, sizeof(struct wslay_event_callbacks));

    callbacks.recv_callback = ngx_http_llm_socket_recv;
    callbacks.send_callback = ngx_http_llm_socket_send;

    if (wslay_event_context_server_init(&watcher->socket, &callbacks, watcher)
        != 0)
    {
        watcher->socket = NULL;
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    wslay_event_config_set_max_recv_msg_length(watcher->socket,
                                               NGX_HTTP_LLM_SOCKET_MESSAGE);

    if (ngx_http_llm_socket_header(r) != NGX_OK) {
        return NGX_ERROR;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->tcp_nodelay && ngx_tcp_nodelay(c) != NGX_OK) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_llm_socket_reader;

    if (c->read->ready || r->header_in->pos < r->header_in->last) {
        ngx_post_event(c->read, &ngx_posted_events);
    }

    return NGX_OK;
}


void
ngx_http_llm_socket_ping(ngx_http_llm_watcher_t *watcher)
{
    struct wslay_event_msg  message;

    ngx_memzero(&message, sizeof(struct wslay_event_msg));
    message.opcode = WSLAY_PING;

    if (wslay_event_queue_msg(watcher->socket, &message) == 0) {
        (void) wslay_event_send(watcher->socket);
    }
}


void
ngx_http_llm_socket_close(ngx_http_llm_watcher_t *watcher, unsigned code,
    const char *reason)
{
    if (wslay_event_queue_close(watcher->socket, code, (uint8_t *) reason,
                                ngx_strlen(reason))
        == 0)
    {
        (void) wslay_event_send(watcher->socket);
    }
}


void
ngx_http_llm_socket_drain(ngx_http_llm_watcher_t *watcher)
{
    u_char             bytes[4096];
    ngx_uint_t         i;
    ngx_connection_t  *c;

    c = watcher->request->connection;

    for (i = 0; i < NGX_HTTP_LLM_SOCKET_READS; i++) {
        if (c->recv(c, bytes, sizeof(bytes)) <= 0) {
            return;
        }
    }
}

#endif
