/*
 * Prometheus' text format 0.0.4: one buffer for each family, as its samples
 * must stand together but come from one pass over the accounts and series.
 */

#ifndef NGX_HTTP_LLM_METRICS_H
#define NGX_HTTP_LLM_METRICS_H

#include "show.h"
#include "../wire/buf.h"


/* The number of samples is bounded by the series table and the configuration;
 * of a large configuration only that many accounts and limits are shown,
 * virtual keys last. */
#define NGX_HTTP_LLM_METRICS_ACCOUNTS  4096
#define NGX_HTTP_LLM_METRICS_LIMITS    4096


typedef enum {
    NGX_HTTP_LLM_M_BUILD_INFO = 0,
    NGX_HTTP_LLM_M_REQUESTS,
    NGX_HTTP_LLM_M_TOKENS,
    NGX_HTTP_LLM_M_COST,
    NGX_HTTP_LLM_M_ATTEMPTS,
    NGX_HTTP_LLM_M_REFUSALS,
    NGX_HTTP_LLM_M_UNPRICED,
    NGX_HTTP_LLM_M_ABORTS,
    NGX_HTTP_LLM_M_DRAINED,
    NGX_HTTP_LLM_M_DURATION,
    NGX_HTTP_LLM_M_FIRST_TOKEN,
    NGX_HTTP_LLM_M_OVERHEAD,
    NGX_HTTP_LLM_M_KEY_INFO,
    NGX_HTTP_LLM_M_ACCOUNT_COST,
    NGX_HTTP_LLM_M_ACCOUNT_IN_FLIGHT,
    NGX_HTTP_LLM_M_ACCOUNT_REFUSALS,
    NGX_HTTP_LLM_M_LIMIT,
    NGX_HTTP_LLM_M_LIMIT_USED,
    NGX_HTTP_LLM_M_LIMIT_HELD,
    NGX_HTTP_LLM_M_LIMIT_REMAINING,
    NGX_HTTP_LLM_M_LIMIT_RESET,
    NGX_HTTP_LLM_M_OMITTED,
    NGX_HTTP_LLM_M_PROVIDER_UP,
    NGX_HTTP_LLM_M_BREAKER_OPEN,
    NGX_HTTP_LLM_M_BREAKER_OPENED,
    NGX_HTTP_LLM_M_CREDENTIALS_EXPIRY,
    NGX_HTTP_LLM_M_CREDENTIALS_FAILING,
    NGX_HTTP_LLM_M_STORE_LAG,
    NGX_HTTP_LLM_M_STORE_FAILING,
    NGX_HTTP_LLM_M_STORE_ERROR_TIME,
    NGX_HTTP_LLM_M_STORE_ROWS,
    NGX_HTTP_LLM_M_STORE_RECOVERED,
    NGX_HTTP_LLM_M_JOURNAL_WAITING,
    NGX_HTTP_LLM_M_JOURNAL_LOST,
    NGX_HTTP_LLM_M_JOURNAL_FAILING,
    NGX_HTTP_LLM_M_UNJOURNALED,
    NGX_HTTP_LLM_M_UNLOGGED_REFUSALS,
    NGX_HTTP_LLM_M_UNLOGGED_CONTENT,
    NGX_HTTP_LLM_M_DELIVERIES,
    NGX_HTTP_LLM_M_DELIVERIES_PENDING,
    NGX_HTTP_LLM_M_HOLDS,
    NGX_HTTP_LLM_M_HOLDS_RECOVERED,
    NGX_HTTP_LLM_M_ZONE,
    NGX_HTTP_LLM_M_SERIES,
    NGX_HTTP_LLM_M_FAMILIES
} ngx_http_llm_family_t;


typedef struct {
    ngx_http_llm_main_conf_t      *lmcf;
    ngx_pool_t                    *pool;
    llm_buf_t                     *families;    /* by ngx_http_llm_family_t */
    llm_buf_t                     *labels;      /* of the sample at hand */
    ngx_http_llm_overview_t        overview;
    ngx_http_llm_account_state_t   state;
    ngx_uint_t                     naccounts;
    ngx_uint_t                     nlimits;
    ngx_uint_t                     omitted;     /* accounts */
} ngx_http_llm_metrics_t;


/* HELP and TYPE */
void ngx_http_llm_family_head(ngx_http_llm_metrics_t *metrics,
    ngx_http_llm_family_t family, const char *type, const char *help);

/* starts the labels anew, and adds one */
void ngx_http_llm_labels_reset(ngx_http_llm_metrics_t *metrics);
void ngx_http_llm_label(ngx_http_llm_metrics_t *metrics, const char *name,
    llm_str_t value);

/* the family's name and the labels; the value and the line's end follow.  The
 * second form adds a label to this sample only, its value as it is. */
llm_buf_t *ngx_http_llm_sample(ngx_http_llm_metrics_t *metrics,
    ngx_http_llm_family_t family);
llm_buf_t *ngx_http_llm_sample_with(ngx_http_llm_metrics_t *metrics,
    ngx_http_llm_family_t family, const char *name, const char *value);

void ngx_http_llm_sample_count(ngx_http_llm_metrics_t *metrics,
    ngx_http_llm_family_t family, uint64_t value);

/* `unit`: nanoseconds in one unit of the histogram's bounds and sum */
void ngx_http_llm_sample_histogram(ngx_http_llm_metrics_t *metrics,
    ngx_http_llm_family_t family, const llm_histogram_t *histogram,
    const uint32_t *bounds, ngx_uint_t n, int64_t unit);

/* metrics_accounts.c; NGX_ERROR: no memory */
ngx_int_t ngx_http_llm_metrics_accounts(ngx_http_llm_metrics_t *metrics);
/* metrics_series.c */
ngx_int_t ngx_http_llm_metrics_series(ngx_http_llm_metrics_t *metrics);


#endif /* NGX_HTTP_LLM_METRICS_H */
