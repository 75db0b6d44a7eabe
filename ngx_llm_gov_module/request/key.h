/*
 * The virtual key that a request carries.
 */

#ifndef NGX_HTTP_LLM_KEY_H
#define NGX_HTTP_LLM_KEY_H

#include "../ngx_http_llm.h"
#include "../dialects/refusal.h"


/* The first header of that name, in lower case; NULL: there is none. */
ngx_str_t *ngx_http_llm_header(ngx_http_request_t *r, const char *name,
    size_t len);

/* x-api-key, x-goog-api-key, Authorization: Bearer; NGX_DECLINED: none of
 * them */
ngx_int_t ngx_http_llm_key_secret(ngx_http_request_t *r, ngx_str_t *secret);

/* NULL: *reason says why */
ngx_http_llm_tenant_t *ngx_http_llm_key_find(ngx_http_llm_main_conf_t *lmcf,
    const ngx_str_t *secret, llm_refusal_reason_t *reason);


#endif /* NGX_HTTP_LLM_KEY_H */
