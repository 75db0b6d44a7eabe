/*
 * `llm_log_retention`: how long the store keeps what, and the work of letting
 * it go, a little at a time.
 */

#ifndef NGX_HTTP_LLM_RETENTION_H
#define NGX_HTTP_LLM_RETENTION_H

#include "../ngx_http_llm.h"
#include "../store/store.h"


char *ngx_http_llm_log_retention(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* those that were not given; when the configuration is complete */
void ngx_http_llm_retention_init(ngx_http_llm_main_conf_t *lmcf);

/* One short step where there is something to do; in the background process,
 * as often as one likes.  store: NULL if it is not open. */
void ngx_http_llm_retention_run(ngx_http_llm_main_conf_t *lmcf,
    llm_store_t *store, ngx_log_t *log);


#endif /* NGX_HTTP_LLM_RETENTION_H */
