/*
 * `llm_status` and `llm_metrics`: what there is to see.
 */

#ifndef NGX_HTTP_LLM_ENDPOINTS_H
#define NGX_HTTP_LLM_ENDPOINTS_H

#include "../ngx_http_llm.h"


/* content handlers */
ngx_int_t ngx_http_llm_status_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_llm_metrics_handler(ngx_http_request_t *r);


#endif /* NGX_HTTP_LLM_ENDPOINTS_H */
