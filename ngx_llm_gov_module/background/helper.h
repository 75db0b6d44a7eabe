/*
 * Threads of the background process for what may wait: name servers, metadata
 * services.  They touch no pool, no log and no event.
 */

#ifndef NGX_HTTP_LLM_HELPER_H
#define NGX_HTTP_LLM_HELPER_H

#include "../ngx_http_llm.h"


/* Runs run(data) ten times a second in a thread of its own until the process
 * exits.  Returns an errno. */
ngx_err_t ngx_http_llm_helper_start(void (*run)(void *data), void *data);

#endif /* NGX_HTTP_LLM_HELPER_H */
