/*
 * Where credentials are to come from, compared: what two providers share is
 * fetched once, and what was fetched for another configuration is not kept.
 */

#ifndef NGX_HTTP_LLM_ORIGIN_H
#define NGX_HTTP_LLM_ORIGIN_H

#include "../ngx_http_llm.h"


ngx_uint_t ngx_http_llm_origin_same(const llm_credentials_conf_t *a,
    const llm_credentials_conf_t *b);

/* FNV-1a: to know in a slot what another process fetched for the same
 * configuration */
uint64_t ngx_http_llm_origin_hash(const llm_credentials_conf_t *conf);


#endif /* NGX_HTTP_LLM_ORIGIN_H */
