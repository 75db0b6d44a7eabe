/*
 * The providers' addresses: names resolved again and again, and published in
 * the slots.
 */

#ifndef NGX_HTTP_LLM_ADDRESSES_H
#define NGX_HTTP_LLM_ADDRESSES_H

#include "../governance/zone.h"
#include "notes.h"


typedef struct ngx_http_llm_hosts_s  ngx_http_llm_hosts_t;


/* once for the life of a process, as it is never freed; NULL: no memory */
ngx_http_llm_hosts_t *ngx_http_llm_hosts_create(ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_notes_t *notes);

/* resolves what is due; may block for as long as the system's resolver does;
 * from any one thread */
void ngx_http_llm_hosts_run(void *hosts);


#endif /* NGX_HTTP_LLM_ADDRESSES_H */
