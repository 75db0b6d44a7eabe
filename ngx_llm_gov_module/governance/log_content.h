/*
 * `llm_log_content` of a virtual key.
 */

#ifndef NGX_HTTP_LLM_LOG_CONTENT_H
#define NGX_HTTP_LLM_LOG_CONTENT_H

#include "../ngx_http_llm.h"


/* bits of log_content */
#define NGX_HTTP_LLM_CONTENT_REQUEST  1
#define NGX_HTTP_LLM_CONTENT_ANSWER   2


/* `llm_log_content off | [request] [response] [size=64k];` of an
 * ngx_http_llm_tenant_t, in a block's table */
char *ngx_http_llm_log_content(ngx_conf_t *cf, void *object);


#endif /* NGX_HTTP_LLM_LOG_CONTENT_H */
