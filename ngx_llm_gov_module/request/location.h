/*
 * What is configured by location: `llm_pass`, `llm_govern`, the endpoints, and
 * how a request is treated on its way.
 */

#ifndef NGX_HTTP_LLM_LOCATION_H
#define NGX_HTTP_LLM_LOCATION_H

#include "request.h"


extern ngx_conf_enum_t  ngx_http_llm_budget_statuses[];

/* setters */
char *ngx_http_llm_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_llm_govern(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_llm_endpoint(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_llm_client_abort(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_llm_failover(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

void *ngx_http_llm_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_llm_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child);


#endif /* NGX_HTTP_LLM_LOCATION_H */
