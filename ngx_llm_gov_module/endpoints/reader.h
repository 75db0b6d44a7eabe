/*
 * The worker's own read-only view of the store, for the threads of its pool.
 */

#ifndef NGX_HTTP_LLM_READER_H
#define NGX_HTTP_LLM_READER_H

#include "../ngx_http_llm.h"
#include "../store/store.h"


/* In a thread only.  Opened by the first call and kept; NULL: it cannot be
 * opened now (logged, once a minute), and the next call tries again. */
llm_store_t *ngx_http_llm_reader(ngx_http_llm_main_conf_t *lmcf,
    ngx_log_t *log);

/* when no thread runs any more */
void ngx_http_llm_reader_close(void);


#endif /* NGX_HTTP_LLM_READER_H */
