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

/* the process ends: run() is to return within a second */
ngx_uint_t ngx_http_llm_helper_stopping(void);

/* end() is called at the process's end, in the main thread, when all threads
 * have ended; not if one of them hangs.  One for the process. */
void ngx_http_llm_helper_at_end(void (*end)(void));

#endif /* NGX_HTTP_LLM_HELPER_H */
