/*
 * `llm_budget` and `llm_rate_limit` inside the blocks.
 */

#ifndef NGX_HTTP_LLM_LIMITS_H
#define NGX_HTTP_LLM_LIMITS_H

#include "../ngx_http_llm.h"


/* `llm_budget <dollars> <window> [hard|soft];` appended to an array of
 * llm_limit_t */
char *ngx_http_llm_budget(ngx_conf_t *cf, ngx_array_t *limits);

/* `llm_rate_limit [requests=n/window] [tokens=…] [input_tokens=…]
 * [output_tokens=…] [concurrency=n] [hard|soft];` */
char *ngx_http_llm_rate_limit(ngx_conf_t *cf, ngx_array_t *limits);


#endif /* NGX_HTTP_LLM_LIMITS_H */
