/*
 * A provider's kept connections in one worker.
 */

#ifndef NGX_HTTP_LLM_KEEPALIVE_H
#define NGX_HTTP_LLM_KEEPALIVE_H

#include "../ngx_http_llm.h"


/* a live kept connection, taken out of the queue; NULL: none */
ngx_connection_t *ngx_http_llm_keepalive_get(ngx_http_llm_provider_t *provider,
    ngx_log_t *log);

/* keeps it; NGX_DECLINED: it could not be, the caller closes it */
ngx_int_t ngx_http_llm_keepalive_put(ngx_http_llm_provider_t *provider,
    ngx_connection_t *c);


#endif /* NGX_HTTP_LLM_KEEPALIVE_H */
