/*
 * The worker's own read-only view of the store, for the threads of its pool.
 */

#ifndef NGX_HTTP_LLM_READER_H
#define NGX_HTTP_LLM_READER_H

#include "../ngx_http_llm.h"
#include "../store/store.h"


/* Calls `work`, in a thread only.  The store is opened by the first call and
 * kept.  NGX_DECLINED: it cannot be opened now, and the next call tries again;
 * or it is damaged, and `work` may have been broken off.  Both are logged, once
 * a minute. */
ngx_int_t ngx_http_llm_read(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log,
    llm_store_work_pt work, void *ctx);

/* when no thread runs any more */
void ngx_http_llm_reader_close(void);


#endif /* NGX_HTTP_LLM_READER_H */
