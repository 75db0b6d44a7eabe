/*
 * Names, amounts and times as both endpoints show them.
 */

#ifndef NGX_HTTP_LLM_SHOW_H
#define NGX_HTTP_LLM_SHOW_H

#include "snapshot.h"
#include "../store/rows/row.h"


/* what the answers say they are made by */
#define NGX_HTTP_LLM_GOV_VERSION  "0.1.0"


llm_str_t ngx_http_llm_kind_name(llm_account_kind_t kind);
llm_str_t ngx_http_llm_metric_name(llm_metric_t metric);
llm_str_t ngx_http_llm_mode_name(llm_limit_mode_t mode);

/* the window's text form ("1M", "total"), empty for concurrency */
llm_str_t ngx_http_llm_limit_window(const llm_limit_t *limit,
    char text[16]);

/* a NUL-terminated text, or the part of a field that holds it */
llm_str_t ngx_http_llm_cstr(const char *text, size_t size);

/* the labels of a series; those of the one that the rest is folded
 * into are "other", what is not known is "none" */
typedef struct {
    llm_str_t   virtual_key;
    llm_str_t   provider;
    llm_str_t   model;
    llm_str_t   api;
} ngx_http_llm_series_names_t;

/* the names point into the zone, where they stay, and into `labels` */
ngx_http_llm_series_names_t ngx_http_llm_series_names(
    const ngx_http_llm_labels_t *labels);

/* dollars, or a count */
void ngx_http_llm_show_amount(llm_buf_t *buf, llm_metric_t metric,
    int64_t amount);

/* RFC 3339, UTC, whole seconds: 2026-12-01T00:00:00Z */
void ngx_http_llm_show_time(llm_buf_t *buf, int64_t ms);

/* an estimate within the bucket that holds the quantile (0 to 1), in units of
 * the bounds; what lies beyond the last bound counts as it.  0: no value. */
double ngx_http_llm_quantile(const llm_histogram_t *histogram,
    const uint32_t *bounds, ngx_uint_t n, double quantile);

/* "host:port" as the configuration's endpoint says */
llm_str_t ngx_http_llm_endpoint_host(const ngx_http_llm_provider_t *provider);


#endif /* NGX_HTTP_LLM_SHOW_H */
