/*
 * The work of the process that is not a worker: nginx's cache manager, through
 * an ngx_path_t whose manager callback we are (nginx-craft: it is respawned
 * after a crash and replaced on reload; its exit hooks are not called).
 */

#ifndef NGX_HTTP_LLM_MANAGER_H
#define NGX_HTTP_LLM_MANAGER_H

#include "../ngx_http_llm.h"


/* `llm_store path [sync=1s] [journal=folder] [journal_size=8m]
 * [on_error=refuse|continue];` sets lmcf->store and registers the path */
char *ngx_http_llm_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* a folder with the background process's callback; NULL: no memory */
ngx_path_t *ngx_http_llm_manager_path(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf, ngx_str_t *name);

/* makes sure that there is a segment of the journal for each worker that is
 * going to start; in the master, when the zone is made or found again */
ngx_int_t ngx_http_llm_journal_prepare(ngx_http_llm_main_conf_t *lmcf,
    ngx_log_t *log);

/* Called when the configuration is complete.  Without llm_store there must be a
 * background process all the same, so this makes an empty folder of our own
 * beside client_body_temp_path's: "llm_gov_temp".  It also names what the
 * sources of credentials need of the environment (AWS_*, HOME, PATH, proxies)
 * as `env` would, so that no such lines are needed.  With `master_process off`
 * there is no background process: nothing is renewed then, and the store is
 * written at the end only. */
ngx_int_t ngx_http_llm_manager_init(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf);

/* first credentials and addresses, before the workers start (in the master; in
 * all at most ~2 s; what fails is left to the background process): so that the
 * first request after a start already finds them */
void ngx_http_llm_manager_prime(ngx_cycle_t *cycle,
    ngx_http_llm_main_conf_t *lmcf);

/* the counters of a new zone from the store; in the master */
ngx_int_t ngx_http_llm_restore(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log);

/* exit_master: the last fold, after every worker is gone */
void ngx_http_llm_manager_exit(ngx_cycle_t *cycle);


#endif /* NGX_HTTP_LLM_MANAGER_H */
