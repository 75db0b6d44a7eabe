/*
 * The parts of the status page as JSON.
 */

#ifndef NGX_HTTP_LLM_STATUS_JSON_H
#define NGX_HTTP_LLM_STATUS_JSON_H

#include "status.h"


/* "name":"2026-12-01T00:00:00Z", null for 0 */
void ngx_http_llm_json_time(llm_buf_t *buf, const char *name, int64_t ms);

/* "name":"text", null where it is empty */
void ngx_http_llm_json_text(llm_buf_t *buf, const char *name, llm_str_t text);

/* "name":{…} of a histogram; `unit`: of its values in a second */
void ngx_http_llm_json_histogram(llm_buf_t *buf, const char *name,
    const llm_histogram_t *histogram, const uint32_t *bounds, ngx_uint_t n,
    double unit);

/* how much of a limit is told */
typedef enum {
    NGX_HTTP_LLM_LIMITS_STATUS = 0,     /* "limit", "used", "held" */
    NGX_HTTP_LLM_LIMITS_LIVE,           /* the same, "used" as "spent" */
    NGX_HTTP_LLM_LIMITS_LEFT            /* only what remains */
} ngx_http_llm_limits_shown_t;

/* "limits":[…] of an account */
void ngx_http_llm_json_limits(llm_buf_t *buf,
    const ngx_http_llm_account_state_t *state,
    ngx_http_llm_limits_shown_t shown);

/* what all accounts have; the object stays open */
void ngx_http_llm_json_account(llm_buf_t *buf,
    const ngx_http_llm_account_state_t *state);

/* these begin with a comma; NGX_ERROR: no memory */
ngx_int_t ngx_http_llm_json_tenants(ngx_http_llm_status_t *status,
    llm_buf_t *buf, const char *name, ngx_array_t *tenants);
ngx_int_t ngx_http_llm_json_providers(ngx_http_llm_status_t *status,
    llm_buf_t *buf);
ngx_int_t ngx_http_llm_json_usage(ngx_http_llm_status_t *status,
    llm_buf_t *buf);


#endif /* NGX_HTTP_LLM_STATUS_JSON_H */
