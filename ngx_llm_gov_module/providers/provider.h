/*
 * `llm_provider`, `llm_route` and `llm_model_map` as the configuration declares
 * them.
 */

#ifndef NGX_HTTP_LLM_PROVIDER_H
#define NGX_HTTP_LLM_PROVIDER_H

#include "../ngx_http_llm.h"


/* setters */
char *ngx_http_llm_provider(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_llm_route(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_llm_model_map(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* `credentials …;` and `assume_role …;` of a provider's block */
char *ngx_http_llm_provider_credentials(ngx_conf_t *cf, void *object);
char *ngx_http_llm_provider_assume_role(ngx_conf_t *cf, void *object);

/* resolves the providers of routes, completes endpoints and TLS contexts;
 * NGX_CONF_OK or a logged error */
char *ngx_http_llm_providers_complete(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf);
char *ngx_http_llm_routes_link(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf);
char *ngx_http_llm_model_map_check(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf);

/* what llm_model_map makes of a model name: the last of a chain of entries, or
 * the name itself */
llm_str_t ngx_http_llm_model_mapped(ngx_http_llm_main_conf_t *lmcf,
    llm_str_t name);


#endif /* NGX_HTTP_LLM_PROVIDER_H */
