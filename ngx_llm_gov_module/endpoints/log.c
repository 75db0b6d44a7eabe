/*
 * `logs/{id}`: one request, with the text of it that was kept.
 */

#include "respond.h"
#include "task.h"
#include "view.h"
#include "../store/query.h"


/* as llm_query_content() counts directions */
#define NGX_HTTP_LLM_REQUEST_TEXT  1
#define NGX_HTTP_LLM_ANSWER_TEXT   2


typedef struct {
    unsigned char    id[LLM_ROW_ID_SIZE];
    llm_str_t        owner;         /* empty: anybody's */
    ngx_uint_t       theirs;        /* the row is not the owner's */
    ngx_uint_t       content;
    llm_buf_t       *row;
    llm_buf_t       *text;
    llm_buf_t       *answer;
    int              rc;
} ngx_http_llm_log_t;


static int
ngx_http_llm_log_row(const llm_row_t *row, uint64_t seq, void *ctx)
{
    ngx_http_llm_log_t *log = ctx;

    if (log->owner.len && !llm_str_eq(log->owner, row->virtual_key)) {
        log->theirs = 1;
        return LLM_OK;
    }

    log->content = row->content;
    llm_row_json(log->row, row, seq);

    return LLM_OK;
}


static void
ngx_http_llm_log_text(llm_store_t *store, ngx_http_llm_log_t *log,
    const char *name, unsigned direction)
{
    int  rc;

    log->text->len = 0;
    rc = llm_query_content(store, log->id, direction, log->text);

    llm_buf_printf(log->answer, "\"%s\":", name);

    if (rc == LLM_OK) {
        llm_buf_json_string(log->answer, (llm_str_t) { log->text->data,
                                                       log->text->len });
        return;
    }

    llm_buf_str(log->answer, llm_str("null"));

    if (rc != LLM_AGAIN) {
        log->rc = rc;
    }
}


/* the row says that there is text: it stands in the place of `true`, which can
 * be in no string of the row, as quotes are escaped there */
static void
ngx_http_llm_log_content(llm_store_t *store, ngx_http_llm_log_t *log)
{
    u_char     *mark;
    size_t      head;
    llm_str_t   row;

    static u_char  flag[] = "\"content\":true";

    row.data = log->row->data;
    row.len = log->row->len;
    head = row.len;

    mark = ngx_strlcasestrn((u_char *) row.data, (u_char *) row.data + row.len,
                            flag, sizeof(flag) - 2);
    if (mark) {
        head = mark - (u_char *) row.data + sizeof("\"content\":") - 1;
    }

    llm_buf_append(log->answer, row.data, head);

    if (mark) {
        llm_buf_str(log->answer, llm_str("{"));
        ngx_http_llm_log_text(store, log, "request",
                              NGX_HTTP_LLM_REQUEST_TEXT);
        llm_buf_str(log->answer, llm_str(","));
        ngx_http_llm_log_text(store, log, "response",
                              NGX_HTTP_LLM_ANSWER_TEXT);
        llm_buf_str(log->answer, llm_str("}"));

        head += sizeof("true") - 1;
        llm_buf_append(log->answer, row.data + head, row.len - head);
    }
}


static void
ngx_http_llm_log_run(llm_store_t *store, void *data)
{
    ngx_http_llm_log_t *log = data;

    log->rc = llm_query_id(store, log->id, ngx_http_llm_log_row, log);

    if (log->rc != LLM_OK || log->theirs) {
        return;
    }

    if (log->row->failed) {
        log->rc = LLM_ERROR;
        return;
    }

    if (log->content) {
        ngx_http_llm_log_content(store, log);

    } else {
        llm_buf_append(log->answer, log->row->data, log->row->len);
    }

    llm_buf_str(log->answer, llm_str("\n"));
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

    return ngx_http_llm_respond(r, NGX_HTTP_OK, &json, log->answer, 1);
}


ngx_int_t
ngx_http_llm_log(ngx_http_request_t *r, const ngx_http_llm_view_t *view)
{
    ngx_int_t            rc;
    llm_buf_t           *bufs;
    ngx_http_llm_log_t  *log;

    rc = ngx_http_llm_task_possible(r, view->lmcf);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    log = ngx_pcalloc(r->pool, sizeof(ngx_http_llm_log_t));
    bufs = ngx_http_llm_respond_bufs(r, 3);

    if (log == NULL || bufs == NULL) {
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

    log->row = &bufs[0];
    log->text = &bufs[1];
    log->answer = &bufs[2];

    return ngx_http_llm_task(r, view->lmcf, ngx_http_llm_log_run,
                             ngx_http_llm_log_done, log);
}
