/*
 * Work on the store for one request, in nginx's thread pool: a worker never
 * waits for a disk.
 */

#ifndef NGX_HTTP_LLM_TASK_H
#define NGX_HTTP_LLM_TASK_H

#include "view.h"
#include "../store/store.h"


/* at once and waiting, of one worker, and both of one key's holder, who is not
 * to be in the way of others; who comes then gets a 429 */
#define NGX_HTTP_LLM_TASKS          8
#define NGX_HTTP_LLM_TASKS_WAITING  64
#define NGX_HTTP_LLM_TASKS_KEY      4


/* in a thread: touches nothing of nginx */
typedef void (*ngx_http_llm_task_run_pt)(llm_store_t *store, void *data);

/* back in the event loop: answers, and returns what content handlers return */
typedef ngx_int_t (*ngx_http_llm_task_done_pt)(ngx_http_request_t *r,
    void *data);


/* NGX_DECLINED where there is a store and threads, else it is answered and this
 * is what the content handler returns */
ngx_int_t ngx_http_llm_task_possible(ngx_http_request_t *r,
    ngx_http_llm_main_conf_t *lmcf);

/* Runs `run` and then `done`; `data` lives as long as the request, which is
 * kept until both have returned.  Returns what the content handler returns. */
ngx_int_t ngx_http_llm_task(ngx_http_request_t *r,
    const ngx_http_llm_view_t *view, ngx_http_llm_task_run_pt run,
    ngx_http_llm_task_done_pt done, void *data);


#endif /* NGX_HTTP_LLM_TASK_H */
