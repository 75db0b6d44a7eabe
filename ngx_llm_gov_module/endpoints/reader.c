/*
 * The worker's read-only view of the store: one environment for all threads of
 * a process, as LMDB wants it.
 */

#include "reader.h"

#include <pthread.h>


#define NGX_HTTP_LLM_READER_SILENCE  60     /* seconds between complaints */


static llm_store_t      *ngx_http_llm_reader_store;
static time_t            ngx_http_llm_reader_complained;
static pthread_mutex_t   ngx_http_llm_reader_mutex =
    PTHREAD_MUTEX_INITIALIZER;


static llm_store_t *ngx_http_llm_reader(ngx_http_llm_main_conf_t *lmcf,
    ngx_log_t *log);


/* the caller holds the mutex */
static llm_store_t *
ngx_http_llm_reader_open(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    time_t        now;
    const char   *error;
    llm_store_t  *store;

    error = NULL;

    store = llm_store_open_readonly((char *) lmcf->store->name.data, &error);

    if (store != NULL) {
        ngx_http_llm_reader_complained = 0;
        return store;
    }

    now = ngx_time();

    if (ngx_http_llm_reader_complained == 0
        || now - ngx_http_llm_reader_complained > NGX_HTTP_LLM_READER_SILENCE)
    {
        ngx_http_llm_reader_complained = now;

        ngx_log_error(NGX_LOG_ERR, log, 0, "llm: the request log cannot be "
                      "read: %s", error ? error : "there is none yet");
    }

    return NULL;
}


ngx_int_t
ngx_http_llm_read(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log,
    llm_store_work_pt work, void *ctx)
{
    llm_store_t  *store;

    store = ngx_http_llm_reader(lmcf, log);

    if (store == NULL) {
        return NGX_DECLINED;
    }

    if (llm_store_guard(store, work, ctx) == MDB_CORRUPTED) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "llm: the request log cannot be "
                      "read for a minute: the file data.mdb in \"%V\" is "
                      "damaged: put a backup in its place",
                      &lmcf->store->name);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static llm_store_t *
ngx_http_llm_reader(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    llm_store_t  *store;

    (void) pthread_mutex_lock(&ngx_http_llm_reader_mutex);

    if (ngx_http_llm_reader_store == NULL) {
        ngx_http_llm_reader_store = ngx_http_llm_reader_open(lmcf, log);
    }

    store = ngx_http_llm_reader_store;

    (void) pthread_mutex_unlock(&ngx_http_llm_reader_mutex);

    return store;
}


void
ngx_http_llm_reader_close(void)
{
    if (ngx_http_llm_reader_store != NULL) {
        llm_store_close(ngx_http_llm_reader_store);
        ngx_http_llm_reader_store = NULL;
    }
}
