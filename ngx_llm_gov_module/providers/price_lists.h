/*
 * `llm_prices` and `llm_unpriced_model`.
 */

#ifndef NGX_HTTP_LLM_PRICE_LISTS_H
#define NGX_HTTP_LLM_PRICE_LISTS_H

#include "../ngx_http_llm.h"


/* setters */
char *ngx_http_llm_prices(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_llm_unpriced_model(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* NGX_OK, or NGX_DECLINED if no list has the model; see llm_prices_find() */
ngx_int_t ngx_http_llm_price_find(ngx_http_llm_main_conf_t *lmcf,
    llm_str_t model, llm_str_t region, int64_t now_ms, llm_price_t *price);


#endif /* NGX_HTTP_LLM_PRICE_LISTS_H */
