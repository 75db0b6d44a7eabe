/*
 * Customers, teams and virtual keys as the configuration declares them.
 */

#ifndef NGX_HTTP_LLM_TENANTS_H
#define NGX_HTTP_LLM_TENANTS_H

#include "../ngx_http_llm.h"


/* a secret shorter than this can be guessed */
#define NGX_HTTP_LLM_SECRET_MIN  16


/* the setters of the blocks */
char *ngx_http_llm_customer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_llm_team(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_llm_virtual_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* resolves parents and routes by name once all blocks are read; NGX_CONF_OK or
 * a logged error */
char *ngx_http_llm_tenants_link(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf);

/* NULL: there is none */
ngx_http_llm_tenant_t *ngx_http_llm_tenant_find(
    ngx_http_llm_main_conf_t *lmcf, llm_account_kind_t kind, ngx_str_t *name);

/* the virtual key whose secret has this SHA-256, or that is called so and has
 * `sigv4 on`; NULL: none */
ngx_http_llm_tenant_t *ngx_http_llm_key_by_digest(
    ngx_http_llm_main_conf_t *lmcf, const u_char digest[32]);
ngx_http_llm_tenant_t *ngx_http_llm_key_by_name(ngx_http_llm_main_conf_t *lmcf,
    llm_str_t name);


#endif /* NGX_HTTP_LLM_TENANTS_H */
