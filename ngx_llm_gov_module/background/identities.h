/*
 * The providers' credentials: fetched once for all providers that take them
 * from the same source, and published in their slots.
 */

#ifndef NGX_HTTP_LLM_IDENTITIES_H
#define NGX_HTTP_LLM_IDENTITIES_H

#include "../governance/zone.h"
#include "notes.h"


typedef struct ngx_http_llm_identities_s  ngx_http_llm_identities_t;


/* once for the life of a process, as it is never freed; NULL: no memory.
 * `primed`: what is in the slots and new was fetched for this configuration. */
ngx_http_llm_identities_t *ngx_http_llm_identities_create(
    ngx_http_llm_main_conf_t *lmcf, ngx_http_llm_notes_t *notes,
    ngx_uint_t primed);

/* fetches what is due, or was asked for by a worker; may block for seconds;
 * from any one thread */
void ngx_http_llm_identities_run(void *identities);


#endif /* NGX_HTTP_LLM_IDENTITIES_H */
