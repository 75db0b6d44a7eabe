/*
 * The counters of the zone into the store, and back.
 */

#ifndef NGX_HTTP_LLM_MIRRORING_H
#define NGX_HTTP_LLM_MIRRORING_H

#include "../governance/zone.h"
#include "../store/mirror.h"
#include "../store/store.h"


/*
 * Writes the counters that changed since this process last did.  Opens the
 * store when it is not open.  NGX_ERROR: it failed, the reason is in the zone
 * and was logged once; the next call tries again.
 */
ngx_int_t ngx_http_llm_mirroring_run(ngx_http_llm_main_conf_t *lmcf,
    ngx_log_t *log);

/* adds to the zone what other masters have spent since the last time; LLM_OK,
 * or LLM_ERROR with the reason in the mirror */
int ngx_http_llm_restore_others(ngx_http_llm_main_conf_t *lmcf,
    llm_mirror_t *mirror);

/* the store of this process, for whoever else writes to it; NULL: it cannot be
 * opened */
llm_store_t *ngx_http_llm_mirroring_store(void);

/* closes the store */
void ngx_http_llm_mirroring_close(void);


#endif /* NGX_HTTP_LLM_MIRRORING_H */
