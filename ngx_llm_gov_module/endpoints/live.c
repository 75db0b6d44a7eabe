/*
 * `live`: what is happening now, as a WebSocket or as server-sent events.
 */

#include "arguments.h"
#include "live.h"
#include "reader.h"
#include "respond.h"
#include "task.h"
#include "endpoints.h"
#include "../request/key.h"


void
ngx_http_llm_endpoints_exit(void)
{
    ngx_http_llm_reader_close();
}


#if (NGX_THREADS)

#define NGX_HTTP_LLM_NOT_ACCEPTABLE  406


typedef struct {
    llm_filter_t    *filter;
    llm_buf_t       *text;          /* the parameters, as they came */
    ngx_uint_t       own;           /* it has a filter of its own: some time in
                                       it is relative to now */
    uint64_t         since;
    ngx_uint_t       resume;        /* there is a `since` */
    ngx_uint_t       requests;
    ngx_uint_t       budgets;
} ngx_http_llm_live_ask_t;


static const char  ngx_http_llm_live_own_names[] = ", since, types";


static int
ngx_http_llm_live_since(ngx_http_llm_live_ask_t *ask, llm_str_t value,
    char error[LLM_FILTER_ERROR])
{
    ngx_int_t  n;

    n = ngx_atoi((u_char *) value.data, value.len);

    if (n == NGX_ERROR || n == NGX_MAX_INT_T_VALUE) {
        ngx_cpystrn((u_char *) error, (u_char *) "\"since\" is the sequence "
                    "number of a row", LLM_FILTER_ERROR);
        return LLM_ERROR;
    }

    ask->since = n;
    ask->resume = 1;

    return LLM_OK;
}


static int
ngx_http_llm_live_types(ngx_http_llm_live_ask_t *ask, llm_str_t value,
    char error[LLM_FILTER_ERROR])
{
    llm_str_t    type;
    const char  *p, *last, *end;

    ask->requests = 0;
    ask->budgets = 0;

    last = value.data + value.len;

    for (p = value.data; p <= last; p = end + 1) {
        end = memchr(p, ',', last - p);

        if (end == NULL) {
            end = last;
        }

        type.data = p;
        type.len = end - p;

        if (llm_str_eq(type, llm_str("request"))) {
            ask->requests = 1;

        } else if (llm_str_eq(type, llm_str("budget"))) {
            ask->budgets = 1;

        } else {
            ngx_cpystrn((u_char *) error, (u_char *) "\"types\" are request, "
                        "budget", LLM_FILTER_ERROR);
            return LLM_ERROR;
        }
    }

    return LLM_OK;
}


static ngx_uint_t
ngx_http_llm_live_timed(llm_str_t name)
{
    ngx_uint_t  i;

    static const llm_str_t  names[] = {
        { "from", 4 }, { "to", 2 }, { "period", 6 },
        { "received_from", 13 }, { "received_to", 11 }
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (llm_str_eq(name, names[i])) {
            return 1;
        }
    }

    return 0;
}


static int
ngx_http_llm_live_take(void *data, llm_str_t name, llm_str_t value,
    char error[LLM_FILTER_ERROR])
{
    ngx_http_llm_live_ask_t *ask = data;

    if (llm_str_eq(name, llm_str("since"))) {
        return ngx_http_llm_live_since(ask, value, error);
    }

    if (llm_str_eq(name, llm_str("types"))) {
        return ngx_http_llm_live_types(ask, value, error);
    }

    ask->own |= ngx_http_llm_live_timed(name);

    llm_buf_str(ask->text, name);
    llm_buf_str(ask->text, llm_str("="));
    llm_buf_str(ask->text, value);
    llm_buf_append(ask->text, "", 1);

    return llm_filter_add(ask->filter, name, value, ngx_http_llm_now(),
                          error);
}


static ngx_int_t
ngx_http_llm_live_ask(ngx_http_request_t *r, const ngx_http_llm_view_t *view,
    ngx_http_llm_live_ask_t *ask)
{
    ngx_int_t   rc;
    ngx_str_t  *last;
    llm_str_t   value;
    llm_buf_t  *names;
    char        error[LLM_FILTER_ERROR];

    ask->requests = 1;
    ask->budgets = 1;
    ask->text = ngx_http_llm_respond_bufs(r, 1);
    names = ngx_http_llm_respond_bufs(r, 1);

    if (ask->text == NULL || names == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    llm_buf_str(names, llm_filter_names());
    llm_buf_str(names, llm_str(ngx_http_llm_live_own_names));

    rc = ngx_http_llm_arguments(r, view, ngx_http_llm_live_take, ask,
                                (llm_str_t) { names->data, names->len });

    if (rc == NGX_DECLINED && ask->text->failed) {
        /* what is not asked for would be everything */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* what a client that reconnects by itself has seen is newer than what its
     * address says */

    last = ngx_http_llm_header(r, "last-event-id", 13);

    if (rc != NGX_DECLINED || last == NULL || last->len == 0) {
        return rc;
    }

    value = ngx_http_llm_str(*last);

    if (ngx_http_llm_live_since(ask, value, error) != LLM_OK) {
        return ngx_http_llm_respond_field(r, NGX_HTTP_BAD_REQUEST,
                                          "bad_request",
                                          llm_str("Last-Event-ID"),
                                          llm_str("Last-Event-ID is the "
                                                  "sequence number of a "
                                                  "row"));
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_llm_live_full(const ngx_http_llm_view_t *view)
{
    ngx_uint_t               n;
    ngx_queue_t             *q;
    ngx_http_llm_watcher_t  *watcher;

    if (ngx_http_llm_feed.n >= NGX_HTTP_LLM_LIVE_MAX) {
        return 1;
    }

    if (view->key == NULL) {
        return 0;
    }

    n = 0;

    for (q = ngx_queue_head(&ngx_http_llm_feed.watchers);
         q != ngx_queue_sentinel(&ngx_http_llm_feed.watchers);
         q = ngx_queue_next(q))
    {
        watcher = ngx_queue_data(q, ngx_http_llm_watcher_t, queue);
        n += (watcher->key == view->key);
    }

    return n >= NGX_HTTP_LLM_LIVE_KEY_MAX;
}


static ngx_int_t
ngx_http_llm_live_events(ngx_http_llm_watcher_t *watcher)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    static ngx_str_t  type = ngx_string("text/event-stream");

    r = watcher->request;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_type = type;
    r->headers_out.content_type_len = type.len;
    r->headers_out.content_length_n = -1;

    if (ngx_http_llm_respond_header(r, "Cache-Control", "no-store") != NGX_OK
        || ngx_http_llm_respond_header(r, "X-Accel-Buffering", "no")
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return r->header_only ? NGX_DONE : rc;
    }

    r->read_event_handler = ngx_http_test_reading;

    return ngx_http_send_special(r, NGX_HTTP_FLUSH) == NGX_ERROR ? NGX_ERROR
                                                                 : NGX_OK;
}


static ngx_int_t
ngx_http_llm_live_start(ngx_http_request_t *r,
    const ngx_http_llm_view_t *view, ngx_http_llm_live_form_t form,
    ngx_http_llm_live_ask_t *ask)
{
    ngx_int_t                rc;
    ngx_http_llm_watcher_t  *watcher;

    watcher = ngx_http_llm_watcher_create(r);

    if (watcher == NULL) {
        llm_filter_free(ask->filter);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    watcher->lmcf = view->lmcf;
    watcher->key = view->key;
    watcher->form = form;
    watcher->requests = ask->requests;
    watcher->budgets = ask->budgets;
    watcher->next = ask->resume ? ask->since + 1 : 0;
    watcher->filter = ngx_http_llm_live_filter(ask->filter, ask->text,
                                               !ask->own);
    if (watcher->filter == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = (form == NGX_HTTP_LLM_LIVE_SOCKET)
         ? ngx_http_llm_socket_start(watcher)
         : ngx_http_llm_live_events(watcher);

    if (rc == NGX_DONE) {
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_llm_feed_join(watcher) != NGX_OK) {
        return NGX_ERROR;
    }

    r->write_event_handler = ngx_http_llm_watcher_writer;
    r->main->count++;

    ngx_http_llm_feed.inside++;
    ngx_http_llm_feed_begin(watcher);
    ngx_http_llm_feed.inside--;

    return NGX_DONE;
}


/* NGX_DECLINED: *form is what is asked for */
static ngx_int_t
ngx_http_llm_live_form(ngx_http_request_t *r, ngx_http_llm_live_form_t *form)
{
    ngx_str_t  *upgrade, *accept;

    upgrade = ngx_http_llm_header(r, "upgrade", 7);
    accept = ngx_http_llm_header(r, "accept", 6);

    if (r != r->main || r->discard_body) {
        return ngx_http_llm_respond_error(r, NGX_HTTP_BAD_REQUEST,
                                          "bad_request", "this takes no body "
                                          "and no subrequest");
    }

    if (upgrade && r->http_version == NGX_HTTP_VERSION_11
        && ngx_strlcasestrn(upgrade->data, upgrade->data + upgrade->len,
                            (u_char *) "websocket", 8))
    {
        *form = NGX_HTTP_LLM_LIVE_SOCKET;
        return ngx_http_llm_socket_check(r);
    }

    if (accept
        && ngx_strlcasestrn(accept->data, accept->data + accept->len,
                            (u_char *) "text/event-stream", 16))
    {
        *form = NGX_HTTP_LLM_LIVE_EVENTS;
        return NGX_DECLINED;
    }

    return ngx_http_llm_respond_error(r, NGX_HTTP_LLM_NOT_ACCEPTABLE,
                                      "not_acceptable", "open it as a "
                                      "WebSocket, or with \"Accept: "
                                      "text/event-stream\"");
}


ngx_int_t
ngx_http_llm_live(ngx_http_request_t *r, const ngx_http_llm_view_t *view)
{
    ngx_int_t                  rc;
    ngx_http_llm_live_ask_t    ask;
    ngx_http_llm_live_form_t   form;

    rc = ngx_http_llm_task_possible(r, view->lmcf);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_llm_live_form(r, &form);
    }

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_http_llm_feed.watchers.next == NULL) {
        ngx_queue_init(&ngx_http_llm_feed.watchers);
        ngx_queue_init(&ngx_http_llm_feed.behind);
        ngx_queue_init(&ngx_http_llm_feed.filters);
    }

    if (ngx_http_llm_live_full(view)) {
        return ngx_http_llm_respond_error(r, NGX_HTTP_TOO_MANY_REQUESTS,
                                          "busy", "too many watch already");
    }

    ngx_memzero(&ask, sizeof(ngx_http_llm_live_ask_t));
    ask.filter = llm_filter_create();

    if (ask.filter == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_llm_live_ask(r, view, &ask);

    if (rc != NGX_DECLINED) {
        llm_filter_free(ask.filter);
        return rc;
    }

    return ngx_http_llm_live_start(r, view, form, &ask);
}

#else

ngx_int_t
ngx_http_llm_live(ngx_http_request_t *r, const ngx_http_llm_view_t *view)
{
    return ngx_http_llm_task_possible(r, view->lmcf);
}

#endif
