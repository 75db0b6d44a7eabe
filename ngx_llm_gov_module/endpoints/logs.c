/*
 * `logs`: pages of the request log.
 */

#include "arguments.h"
#include "respond.h"
#include "task.h"
#include "view.h"
#include "../store/queries/query.h"

#include <inttypes.h>


typedef struct {
    llm_query_t              query;
    llm_format_t             format;
    ngx_uint_t               attempts;      /* rows=attempts */
    llm_buf_t               *buf;
    llm_query_result_t       result;
    int                      rc;
    char                     error[LLM_FILTER_ERROR];
} ngx_http_llm_logs_t;


static const char  ngx_http_llm_logs_own_names[] =
    ", sort, order, limit, cursor, rows, format";


static int
ngx_http_llm_logs_choose(llm_str_t value, const char *const *choices,
    const char *message, char error[LLM_FILTER_ERROR])
{
    int  i;

    for (i = 0; choices[i]; i++) {
        if (value.len == ngx_strlen(choices[i])
            && ngx_memcmp(value.data, choices[i], value.len) == 0)
        {
            return i;
        }
    }

    ngx_cpystrn((u_char *) error, (u_char *) message, LLM_FILTER_ERROR);

    return LLM_ERROR;
}


static int
ngx_http_llm_logs_take(void *data, llm_str_t name, llm_str_t value,
    char error[LLM_FILTER_ERROR])
{
    ngx_http_llm_logs_t *logs = data;

    int  rc;

    static const char *const  formats[] = { "json", "ndjson", "csv", NULL };
    static const char *const  rows[] = { "requests", "attempts", NULL };

    if (llm_str_eq(name, llm_str("format"))) {
        rc = ngx_http_llm_logs_choose(value, formats, "\"format\" is json, "
                                      "ndjson or csv", error);
        logs->format = (llm_format_t) rc;

    } else if (llm_str_eq(name, llm_str("rows"))) {
        rc = ngx_http_llm_logs_choose(value, rows, "\"rows\" is requests or "
                                      "attempts", error);
        logs->attempts = rc;

    } else {
        rc = llm_query_param(&logs->query, name, value, error);

        return rc != LLM_AGAIN ? rc
               : llm_filter_add(logs->query.filter, name, value,
                                ngx_http_llm_now(), error);
    }

    return rc < 0 ? LLM_ERROR : LLM_OK;
}


static int
ngx_http_llm_logs_row(const llm_row_t *row, uint64_t seq, void *ctx)
{
    ngx_http_llm_logs_t *logs = ctx;

    size_t      len;
    llm_buf_t  *buf;

    buf = logs->buf;

    switch (logs->format) {

    case LLM_FORMAT_CSV:

        if (logs->attempts) {
            llm_attempt_csv(buf, row, seq);

        } else {
            llm_row_csv(buf, row, seq);
        }

        break;

    case LLM_FORMAT_NDJSON:

        len = buf->len;

        if (logs->attempts) {
            llm_attempt_ndjson(buf, row, seq);

        } else {
            llm_row_json(buf, row, seq);
        }

        if (buf->len > len) {
            /* a refused request has no attempts */
            llm_buf_str(buf, llm_str("\n"));
        }

        break;

    default:

        /* behind {"logs":[ */
        llm_buf_str(buf, buf->len > 9 ? llm_str(",\n") : llm_str("\n"));
        llm_row_json(buf, row, seq);
    }

    return buf->failed ? LLM_ERROR : LLM_OK;
}


static void
ngx_http_llm_logs_run(llm_store_t *store, void *data)
{
    ngx_http_llm_logs_t *logs = data;

    llm_buf_t  *buf;

    buf = logs->buf;

    if (logs->format == LLM_FORMAT_JSON) {
        llm_buf_str(buf, llm_str("{\"logs\":["));

    } else if (logs->format == LLM_FORMAT_CSV && logs->attempts) {
        llm_attempt_csv_head(buf);

    } else if (logs->format == LLM_FORMAT_CSV) {
        llm_row_csv_head(buf);
    }

    logs->rc = llm_query(store, &logs->query, ngx_http_llm_logs_row, logs,
                         &logs->result, logs->error);

    if (logs->rc != LLM_OK || logs->format != LLM_FORMAT_JSON) {
        return;
    }

    llm_buf_str(buf, llm_str("],\n\"next\":"));

    if (logs->result.next[0]) {
        llm_buf_json_string(buf, (llm_str_t) { logs->result.next,
                                          ngx_strlen(logs->result.next) });
    } else {
        llm_buf_str(buf, llm_str("null"));
    }

    llm_buf_printf(buf, ",\"complete\":%s,\"scanned\":%" PRIu64 "}\n",
                   logs->result.complete ? "true" : "false",
                   logs->result.scanned);
}


static ngx_int_t
ngx_http_llm_logs_done(ngx_http_request_t *r, void *data)
{
    ngx_http_llm_logs_t *logs = data;

    static ngx_str_t  types[] = {
        ngx_string("application/json"),
        ngx_string("application/x-ndjson"),
        ngx_string("text/csv; charset=utf-8")
    };

    if (logs->rc != LLM_OK
        && ngx_strncmp(logs->error, "\"cursor\"", 8) == 0)
    {
        /* known only where it is used: it is of a page with another sort, or
         * leads too far */
        return ngx_http_llm_respond_field(r, NGX_HTTP_BAD_REQUEST,
                                          "bad_request", llm_str("cursor"),
                                          (llm_str_t) { logs->error,
                                          ngx_strlen(logs->error) });
    }

    if (logs->rc != LLM_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "llm: a query of the request log failed: %s",
                      logs->error);

        return ngx_http_llm_respond_error(r, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                          "query_failed", logs->error);
    }

    if (logs->format == LLM_FORMAT_CSV
        && ngx_http_llm_respond_header(r, "Content-Disposition",
                                       "attachment; filename=\"llm-logs.csv\"")
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (logs->format != LLM_FORMAT_JSON
        && logs->result.next[0]
        && ngx_http_llm_respond_header(r, "X-LLM-Next", logs->result.next)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_llm_respond(r, NGX_HTTP_OK, &types[logs->format],
                                logs->buf, 1);
}


static void
ngx_http_llm_logs_filter_free(void *data)
{
    llm_filter_free(data);
}


static ngx_http_llm_logs_t *
ngx_http_llm_logs_create(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t   *cleanup;
    ngx_http_llm_logs_t  *logs;

    logs = ngx_pcalloc(r->pool, sizeof(ngx_http_llm_logs_t));
    cleanup = ngx_pool_cleanup_add(r->pool, 0);

    if (logs == NULL || cleanup == NULL) {
        return NULL;
    }

    logs->query.limit = LLM_QUERY_LIMIT;
    logs->query.filter = llm_filter_create();

    if (logs->query.filter == NULL) {
        return NULL;
    }

    cleanup->handler = ngx_http_llm_logs_filter_free;
    cleanup->data = logs->query.filter;

    logs->buf = ngx_http_llm_respond_bufs(r, 1);

    return logs->buf ? logs : NULL;
}


ngx_int_t
ngx_http_llm_logs(ngx_http_request_t *r, const ngx_http_llm_view_t *view)
{
    ngx_int_t             rc;
    llm_buf_t            *names;
    ngx_http_llm_logs_t  *logs;

    rc = ngx_http_llm_task_possible(r, view->lmcf);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    logs = ngx_http_llm_logs_create(r);
    names = ngx_http_llm_respond_bufs(r, 1);

    if (logs == NULL || names == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    llm_buf_str(names, llm_filter_names());
    llm_buf_str(names, llm_str(ngx_http_llm_logs_own_names));

    rc = ngx_http_llm_arguments(r, view, ngx_http_llm_logs_take, logs,
                                (llm_str_t) { names->data, names->len });

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (logs->attempts && logs->format == LLM_FORMAT_JSON) {
        return ngx_http_llm_respond_field(r, NGX_HTTP_BAD_REQUEST,
                                          "bad_request", llm_str("rows"),
                                          llm_str("\"rows\" of attempts come "
                                          "with format=ndjson or "
                                          "format=csv"));
    }

    return ngx_http_llm_task(r, view, ngx_http_llm_logs_run,
                             ngx_http_llm_logs_done, logs);
}
