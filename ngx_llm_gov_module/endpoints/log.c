/*
 * `logs/{id}`: one request, with the text of it that was kept.
 */

#include "respond.h"
#include "task.h"
#include "view.h"
#include "../store/rows/content_text.h"
#include "../store/queries/query.h"


/* as llm_query_content() counts directions */
#define NGX_HTTP_LLM_REQUEST_TEXT  1
#define NGX_HTTP_LLM_ANSWER_TEXT   2


/* the answer's parts, one behind the other, and what it takes to make them */
typedef enum {
    NGX_HTTP_LLM_LOG_HEAD = 0,
    NGX_HTTP_LLM_LOG_SAID,
    NGX_HTTP_LLM_LOG_TAIL,
    NGX_HTTP_LLM_LOG_KEPT,          /* as the store has it */
    NGX_HTTP_LLM_LOG_EVENTS,
    NGX_HTTP_LLM_LOG_BUFS
} ngx_http_llm_log_buf_t;


typedef struct {
    unsigned char    id[LLM_ROW_ID_SIZE];
    llm_str_t        owner;         /* empty: anybody's */
    ngx_uint_t       theirs;        /* the row is not the owner's */
    ngx_uint_t       content;
    llm_buf_t       *bufs;
    int              rc;
} ngx_http_llm_log_t;


static int
ngx_http_llm_log_row(const llm_row_t *row, uint64_t seq, void *ctx)
{
    ngx_http_llm_log_t *log = ctx;

    llm_buf_t  *tail;

    if (log->owner.len && !llm_str_eq(log->owner, row->virtual_key)) {
        log->theirs = 1;
        return LLM_OK;
    }

    tail = &log->bufs[NGX_HTTP_LLM_LOG_TAIL];
    log->content = row->content;

    llm_row_json_begin(&log->bufs[NGX_HTTP_LLM_LOG_HEAD], row, seq);
    llm_row_json_end(tail, row);
    llm_buf_str(tail, llm_str("\n"));

    return LLM_OK;
}


static void
ngx_http_llm_log_text(llm_store_t *store, ngx_http_llm_log_t *log,
    const char *name, unsigned direction)
{
    int         rc;
    llm_buf_t  *kept, *events, *said;

    kept = &log->bufs[NGX_HTTP_LLM_LOG_KEPT];
    events = &log->bufs[NGX_HTTP_LLM_LOG_EVENTS];
    said = &log->bufs[NGX_HTTP_LLM_LOG_SAID];

    kept->len = 0;
    events->len = 0;

    rc = llm_query_content(store, log->id, direction, kept);

    llm_buf_printf(said, "\"%s\":", name);

    if (rc != LLM_OK) {
        llm_buf_str(said, llm_str("null"));
        log->rc = (rc == LLM_AGAIN) ? log->rc : rc;
        return;
    }

    if (llm_content_events(events, (llm_str_t) { kept->data, kept->len })
        == LLM_OK)
    {
        kept = events;
    }

    llm_buf_json_string(said, (llm_str_t) { kept->data, kept->len });
    said->failed |= kept->failed;
}


static void
ngx_http_llm_log_run(llm_store_t *store, void *data)
{
    ngx_http_llm_log_t *log = data;

    llm_buf_t  *said;

    log->rc = llm_query_id(store, log->id, ngx_http_llm_log_row, log);

    if (log->rc != LLM_OK || log->theirs) {
        return;
    }

    said = &log->bufs[NGX_HTTP_LLM_LOG_SAID];

    if (!log->content) {
        llm_buf_str(said, llm_str("false"));
        return;
    }

    llm_buf_str(said, llm_str("{"));
    ngx_http_llm_log_text(store, log, "request", NGX_HTTP_LLM_REQUEST_TEXT);
    llm_buf_str(said, llm_str(","));
    ngx_http_llm_log_text(store, log, "response", NGX_HTTP_LLM_ANSWER_TEXT);
    llm_buf_str(said, llm_str("}"));
}


static ngx_int_t
ngx_http_llm_log_done(ngx_http_request_t *r, void *data)
{
    ngx_http_llm_log_t *log = data;

    static ngx_str_t  json = ngx_string("application/json");

    if (log->rc == LLM_AGAIN || log->theirs) {
        return ngx_http_llm_respond_error(r, NGX_HTTP_NOT_FOUND, "not_found",
                                          "there is no request with this id "
                                          "in the log");
    }

    if (log->rc != LLM_OK) {
        return ngx_http_llm_respond_error(r, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                          "query_failed",
                                          "the request log cannot be read");
    }

    return ngx_http_llm_respond(r, NGX_HTTP_OK, &json, log->bufs,
                                NGX_HTTP_LLM_LOG_TAIL + 1);
}


ngx_int_t
ngx_http_llm_log(ngx_http_request_t *r, const ngx_http_llm_view_t *view)
{
    ngx_int_t            rc;
    ngx_http_llm_log_t  *log;

    rc = ngx_http_llm_task_possible(r, view->lmcf);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    log = ngx_pcalloc(r->pool, sizeof(ngx_http_llm_log_t));

    if (log == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    log->bufs = ngx_http_llm_respond_bufs(r, NGX_HTTP_LLM_LOG_BUFS);

    if (log->bufs == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (llm_row_id_parse(ngx_http_llm_str(view->path), log->id) != LLM_OK) {
        return ngx_http_llm_respond_field(r, NGX_HTTP_BAD_REQUEST,
                                          "bad_request", llm_str("id"),
                                          llm_str("the id of a request has "
                                                  "32 hex digits"));
    }

    if (r->args.len) {
        return ngx_http_llm_respond_error(r, NGX_HTTP_BAD_REQUEST,
                                          "bad_request", "logs/{id} takes no "
                                          "parameters");
    }

    if (view->key) {
        log->owner = ngx_http_llm_str(view->key->name);
    }

    return ngx_http_llm_task(r, view, ngx_http_llm_log_run,
                             ngx_http_llm_log_done, log);
}
