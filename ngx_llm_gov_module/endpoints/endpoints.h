/*
 * `llm_status`, `llm_me` and `llm_metrics`: what there is to see.
 */

#ifndef NGX_HTTP_LLM_ENDPOINTS_H
#define NGX_HTTP_LLM_ENDPOINTS_H

#include "../ngx_http_llm.h"


/* content handlers */
ngx_int_t ngx_http_llm_status_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_llm_me_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_llm_metrics_handler(ngx_http_request_t *r);

/* a worker ends, its threads have ended already */
void ngx_http_llm_endpoints_exit(void);


#endif /* NGX_HTTP_LLM_ENDPOINTS_H */
