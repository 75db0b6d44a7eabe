/*
 * The header and body filters, as the content of other modules and of the core
 * passes them.
 */

#ifndef NGX_HTTP_LLM_FILTER_H
#define NGX_HTTP_LLM_FILTER_H

#include "request.h"


/* govern.c: the answer of a location that somebody else serves */
ngx_int_t ngx_http_llm_govern_header(ngx_http_llm_ctx_t *ctx);
void ngx_http_llm_govern_body(ngx_http_llm_ctx_t *ctx, ngx_chain_t *in);


#endif /* NGX_HTTP_LLM_FILTER_H */
