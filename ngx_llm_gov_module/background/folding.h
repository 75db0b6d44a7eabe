/*
 * The journal into the store, and what other masters have spent back into the
 * zone.  All of this process, which has one zone and one store in its life.
 */

#ifndef NGX_HTTP_LLM_FOLDING_H
#define NGX_HTTP_LLM_FOLDING_H

#include "../governance/zone.h"
#include "../store/store.h"


/* Looks which segments of the journal there are, and settles the holds of
 * processes that are gone by what is written there; returns how many. */
ngx_uint_t ngx_http_llm_folding_recover(ngx_http_llm_main_conf_t *lmcf,
    ngx_log_t *log);

/* in how many milliseconds the next fold is due: llm_store's `sync`, or now if
 * a segment fills up faster */
ngx_msec_t ngx_http_llm_folding_due(ngx_http_llm_main_conf_t *lmcf);

/*
 * Folds what the segments hold, and all that is left if `all`.  Opens the store
 * when it is not open.  NGX_AGAIN: there is more; NGX_ERROR: it failed, the
 * reason is in the zone and was logged once; the next call tries again.
 */
ngx_int_t ngx_http_llm_folding_run(ngx_http_llm_main_conf_t *lmcf,
    ngx_uint_t all, ngx_log_t *log);

/* llm_store_guard() for other work on the store; NGX_ERROR: it is damaged,
 * which is in the zone and was logged once */
ngx_int_t ngx_http_llm_folding_guard(ngx_http_llm_main_conf_t *lmcf,
    ngx_log_t *log, llm_store_work_pt work, void *ctx);

/* the store of this process; NULL: it is not open */
llm_store_t *ngx_http_llm_folding_store(void);

/* opens it before anything is folded; NULL: *error says why */
llm_store_t *ngx_http_llm_folding_open(ngx_http_llm_main_conf_t *lmcf,
    const char **error);

/* closes the store and the segments: never open over a fork */
void ngx_http_llm_folding_close(void);


/* folding_step.c: NGX_AGAIN: there is more; NGX_ERROR: the store says why */
ngx_int_t ngx_http_llm_folding_step(ngx_http_llm_main_conf_t *lmcf,
    llm_store_t *store, ngx_log_t *log);

/*
 * Calls whose journal is lost, as it lay in memory when the power failed: once
 * in the life of a zone, when nobody else may know that journal.  What of it is
 * not in the store is not known to be anywhere.
 */
ngx_int_t ngx_http_llm_folding_strays(ngx_http_llm_main_conf_t *lmcf,
    llm_store_t *store, ngx_log_t *log);

/* unjournaled.c: what was charged without a record in the journal, into the
 * store; NGX_ERROR: its error says why */
ngx_int_t ngx_http_llm_unjournaled_write(ngx_http_llm_main_conf_t *lmcf,
    llm_store_t *store);

/* restore.c: adds to the zone what other masters have spent since the last
 * time; LLM_OK, or LLM_ERROR with the reason in the store */
int ngx_http_llm_restore_others(ngx_http_llm_main_conf_t *lmcf,
    llm_store_t *store);


#endif /* NGX_HTTP_LLM_FOLDING_H */
