/*
 * The counters of a new zone from the store, and the last word to it.
 */

#include "manager.h"
#include "../governance/zone.h"
#include "../store/mirror.h"


typedef struct {
    ngx_http_llm_main_conf_t  *lmcf;
    ngx_uint_t                 n;
} ngx_http_llm_restored_t;


/* accounts that the configuration does not name are made too: should they come
 * back, they have not forgotten */
static int
ngx_http_llm_restore_counter(llm_account_kind_t kind, llm_str_t name,
    llm_window_t window, int64_t start, const llm_amounts_t *spent, void *ctx)
{
    ngx_http_llm_restored_t *restored = ctx;

    ngx_str_t       text;
    llm_account_t  *account;
    llm_counter_t  *counter;

    text.data = (u_char *) name.data;
    text.len = name.len;

    counter = NULL;

    ngx_http_llm_lock(restored->lmcf);

    account = ngx_http_llm_account(restored->lmcf, kind, &text);

    if (account != NULL) {
        counter = ngx_http_llm_account_window(restored->lmcf, account, window);
    }

    if (counter != NULL) {
        counter->start = start;
        counter->spent = *spent;
        counter->restored = *spent;
        restored->n++;
    }

    ngx_http_llm_unlock(restored->lmcf);

    return (counter == NULL) ? LLM_ERROR : LLM_OK;
}


ngx_int_t
ngx_http_llm_restore(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    int                       rc;
    const char               *error;
    llm_mirror_t             *mirror;
    ngx_http_llm_restored_t   restored;

    if (lmcf->store == NULL || ngx_test_config) {
        return NGX_OK;
    }

    mirror = llm_mirror_open((char *) lmcf->store->name.data, &error);

    if (mirror == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "llm_store: %s", error);
        return NGX_ERROR;
    }

    restored.lmcf = lmcf;
    restored.n = 0;

    rc = llm_mirror_restore(mirror, ngx_http_llm_now(),
                            ngx_http_llm_restore_counter, &restored);

    if (rc == LLM_OK) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "llm_store: %ui counters restored from \"%V\"",
                      restored.n, &lmcf->store->name);

    } else if (llm_mirror_error(mirror)[0] != '\0') {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "llm_store: %s",
                      llm_mirror_error(mirror));

    } else {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "llm_zone \"%V\" is full: the counters in \"%V\" do not "
                      "fit, write a larger one",
                      &lmcf->zone->shm.name, &lmcf->store->name);
    }

    /* never open over a fork */

    llm_mirror_close(mirror);

    return (rc == LLM_OK) ? NGX_OK : NGX_ERROR;
}
