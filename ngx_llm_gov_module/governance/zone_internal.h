/*
 * What the parts of the zone share among themselves.
 */

#ifndef NGX_HTTP_LLM_ZONE_INTERNAL_H
#define NGX_HTTP_LLM_ZONE_INTERNAL_H

#include "zone.h"


/*
 * The lock, for the master: it blocks SIGCHLD while it reads a configuration,
 * so it would wait forever for a worker that died with the lock.  NGX_ERROR
 * after ten seconds (logged).
 */
ngx_int_t ngx_http_llm_zone_lock(ngx_slab_pool_t *pool, ngx_log_t *log);

/* for whoever has just got the lock: a hold half way into the queue or out of
 * it */
void ngx_http_llm_holds_redo(ngx_http_llm_shared_t *shared);

/* the provider's slot, found by its account or made; NULL: the zone is full */
ngx_http_llm_slot_t *ngx_http_llm_zone_slot(ngx_http_llm_main_conf_t *lmcf,
    llm_account_t *account);

/* fills a new zone with what the one it replaces (same name, other size) had */
ngx_int_t ngx_http_llm_zone_copy(ngx_http_llm_main_conf_t *lmcf,
    ngx_slab_pool_t *old);


static ngx_inline ngx_slab_pool_t *
ngx_http_llm_pool(ngx_http_llm_main_conf_t *lmcf)
{
    return (ngx_slab_pool_t *) lmcf->zone->shm.addr;
}


#endif /* NGX_HTTP_LLM_ZONE_INTERNAL_H */
