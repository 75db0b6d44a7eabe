/*
 * `spend` and `stats`: reports.
 */

#include "arguments.h"
#include "respond.h"
#include "task.h"
#include "view.h"
#include "../store/queries/report.h"


/* ms that a thread may be at one report */
#define NGX_HTTP_LLM_REPORT_TIME  10000


typedef struct {
    llm_report_t    *report;
    int64_t          now_ms;
    llm_buf_t       *buf;
    const char      *disposition;
    int              rc;
    char             error[LLM_FILTER_ERROR];
} ngx_http_llm_spend_t;


static int
ngx_http_llm_spend_take(void *data, llm_str_t name, llm_str_t value,
    char error[LLM_FILTER_ERROR])
{
    ngx_http_llm_spend_t *spend = data;

    return llm_report_param(spend->report, name, value, spend->now_ms, error);
}


static void
ngx_http_llm_spend_run(llm_store_t *store, void *data)
{
    ngx_http_llm_spend_t *spend = data;

    spend->rc = llm_report_run(spend->report, store, spend->now_ms,
                               spend->buf, spend->error);
}


static ngx_int_t
ngx_http_llm_spend_done(ngx_http_request_t *r, void *data)
{
    ngx_http_llm_spend_t *spend = data;

    llm_format_t  format;

    static ngx_str_t  types[] = {
        ngx_string("application/json"),
        ngx_string("application/x-ndjson"),
        ngx_string("text/csv; charset=utf-8")
    };

    if (spend->rc == LLM_AGAIN) {
        return ngx_http_llm_respond_error(r, NGX_HTTP_BAD_REQUEST, "too_much",
                                          spend->error);
    }

    if (spend->rc != LLM_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "llm: a report failed: %s", spend->error);

        return ngx_http_llm_respond_error(r, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                          "query_failed", spend->error);
    }

    format = llm_report_format(spend->report);

    if (format == LLM_FORMAT_CSV
        && ngx_http_llm_respond_header(r, "Content-Disposition",
                                       spend->disposition)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (format != LLM_FORMAT_JSON
        && llm_report_truncated(spend->report)
        && ngx_http_llm_respond_header(r, "X-LLM-Truncated", "true")
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_llm_respond(r, NGX_HTTP_OK, &types[format], spend->buf,
                                1);
}


static void
ngx_http_llm_spend_free(void *data)
{
    llm_report_free(data);
}


static ngx_http_llm_spend_t *
ngx_http_llm_spend_create(ngx_http_request_t *r, bool stats)
{
    ngx_pool_cleanup_t    *cleanup;
    ngx_http_llm_spend_t  *spend;

    spend = ngx_pcalloc(r->pool, sizeof(ngx_http_llm_spend_t));
    cleanup = ngx_pool_cleanup_add(r->pool, 0);

    if (spend == NULL || cleanup == NULL) {
        return NULL;
    }

    spend->now_ms = ngx_http_llm_now();
    spend->disposition = stats
                         ? "attachment; filename=\"llm-stats.csv\""
                         : "attachment; filename=\"llm-spend.csv\"";

    spend->report = llm_report_create(stats);

    if (spend->report == NULL) {
        return NULL;
    }

    llm_report_patience(spend->report, NGX_HTTP_LLM_REPORT_TIME);

    cleanup->handler = ngx_http_llm_spend_free;
    cleanup->data = spend->report;

    spend->buf = ngx_http_llm_respond_bufs(r, 1);

    return spend->buf ? spend : NULL;
}


static ngx_int_t
ngx_http_llm_report(ngx_http_request_t *r, const ngx_http_llm_view_t *view,
    bool stats)
{
    ngx_int_t              rc;
    ngx_http_llm_spend_t  *spend;

    rc = ngx_http_llm_task_possible(r, view->lmcf);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    spend = ngx_http_llm_spend_create(r, stats);

    if (spend == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_llm_arguments(r, view, ngx_http_llm_spend_take, spend,
                                llm_report_names());

    if (rc != NGX_DECLINED) {
        return rc;
    }

    return ngx_http_llm_task(r, view, ngx_http_llm_spend_run,
                             ngx_http_llm_spend_done, spend);
}


ngx_int_t
ngx_http_llm_spend(ngx_http_request_t *r, const ngx_http_llm_view_t *view)
{
    return ngx_http_llm_report(r, view, false);
}


ngx_int_t
ngx_http_llm_stats(ngx_http_request_t *r, const ngx_http_llm_view_t *view)
{
    return ngx_http_llm_report(r, view, true);
}
