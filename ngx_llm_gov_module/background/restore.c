/*
 * What other lives of the gateway have spent, from the store into the zone:
 * all of it when a zone is made, and later what another master (a binary
 * upgrade) goes on spending.
 */

#include "manager.h"
#include "folding.h"
#include "../store/counters/counters.h"
#include "../governance/zone.h"


typedef struct {
    ngx_http_llm_main_conf_t  *lmcf;
    int64_t                    now_ms;
    ngx_uint_t                 n;
    unsigned                   full:1;
} ngx_http_llm_restored_t;


static ngx_int_t ngx_http_llm_restore_all(ngx_http_llm_main_conf_t *lmcf,
    llm_store_t *store, ngx_log_t *log);
static int ngx_http_llm_restore_read(llm_store_t *store, void *ctx);
static int ngx_http_llm_restore_counter(llm_account_kind_t kind,
    llm_str_t name, llm_window_t window, int64_t start,
    const llm_amounts_t *spent, void *ctx);
static llm_counter_t *ngx_http_llm_restore_find(
    ngx_http_llm_restored_t *restored, llm_account_kind_t kind, llm_str_t name,
    llm_window_t window);
static void ngx_http_llm_restore_add(llm_counter_t *counter,
    const llm_amounts_t *others);


ngx_int_t
ngx_http_llm_restore(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    ngx_int_t     rc;
    const char   *error;
    llm_store_t  *store;

    if (lmcf->store == NULL || ngx_test_config) {
        return NGX_OK;
    }

    store = ngx_http_llm_folding_open(lmcf, &error);

    if (store == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "llm_store: %s", error);
        ngx_http_llm_folding_close();
        return NGX_ERROR;
    }

    /* what cannot be folded now counts as soon as it can be: as what others
     * have spent */

    lmcf->shared->strays = 1;
    rc = NGX_OK;

    if (ngx_http_llm_folding_run(lmcf, 1, log) == NGX_OK) {
        rc = ngx_http_llm_restore_all(lmcf, ngx_http_llm_folding_store(), log);

    } else {
        ngx_http_llm_folding_close();
        store = ngx_http_llm_folding_open(lmcf, &error);

        if (store == NULL) {
            ngx_log_error(NGX_LOG_EMERG, log, 0, "llm_store: %s", error);
            rc = NGX_ERROR;

        } else {
            rc = ngx_http_llm_restore_all(lmcf, store, log);
        }
    }

    /* never open over a fork */

    ngx_http_llm_folding_close();

    return rc;
}


static ngx_int_t
ngx_http_llm_restore_all(ngx_http_llm_main_conf_t *lmcf, llm_store_t *store,
    ngx_log_t *log)
{
    int                      rc;
    ngx_http_llm_restored_t  restored;

    ngx_memzero(&restored, sizeof(ngx_http_llm_restored_t));
    restored.lmcf = lmcf;
    restored.now_ms = ngx_http_llm_now();

    rc = llm_store_guard(store, ngx_http_llm_restore_read, &restored);

    if (rc == MDB_CORRUPTED) {
        rc = llm_store_fail(store, "read", rc);
    }

    if (rc != LLM_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "llm_store: %s",
                      llm_store_error(store));
        return NGX_ERROR;
    }

    if (restored.full) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "llm_zone \"%V\" is full: the counters in \"%V\" do not "
                      "fit, write a larger one",
                      &lmcf->zone->shm.name, &lmcf->store->name);
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "llm_store: %ui counters restored from \"%V\"",
                  restored.n, &lmcf->store->name);

    return NGX_OK;
}


static int
ngx_http_llm_restore_read(llm_store_t *store, void *ctx)
{
    ngx_http_llm_restored_t *restored = ctx;

    return llm_counters_restore(store, restored->now_ms,
                                ngx_http_llm_restore_counter, restored);
}


int
ngx_http_llm_restore_others(ngx_http_llm_main_conf_t *lmcf, llm_store_t *store)
{
    ngx_http_llm_restored_t  restored;

    ngx_memzero(&restored, sizeof(ngx_http_llm_restored_t));
    restored.lmcf = lmcf;
    restored.now_ms = ngx_http_llm_now();

    return llm_counters_others(store, lmcf->shared->epoch, restored.now_ms,
                               ngx_http_llm_restore_counter, &restored);
}


/* accounts that the configuration does not name are made too: should they come
 * back, they have not forgotten */
static int
ngx_http_llm_restore_counter(llm_account_kind_t kind, llm_str_t name,
    llm_window_t window, int64_t start, const llm_amounts_t *spent, void *ctx)
{
    ngx_http_llm_restored_t *restored = ctx;

    llm_counter_t  *counter;

    ngx_http_llm_lock(restored->lmcf);

    counter = ngx_http_llm_restore_find(restored, kind, name, window);

    if (counter == NULL) {
        restored->full = 1;

    } else if (counter->start == start) {
        ngx_http_llm_restore_add(counter, spent);
        restored->n++;
    }

    ngx_http_llm_unlock(restored->lmcf);

    return LLM_OK;
}


/* turned to now; NULL: the zone is full */
static llm_counter_t *
ngx_http_llm_restore_find(ngx_http_llm_restored_t *restored,
    llm_account_kind_t kind, llm_str_t name, llm_window_t window)
{
    ngx_str_t       text;
    llm_account_t  *account;

    text.data = (u_char *) name.data;
    text.len = name.len;

    account = ngx_http_llm_account(restored->lmcf, kind, &text);

    if (account == NULL
        || ngx_http_llm_account_window(restored->lmcf, account, window)
           == NULL)
    {
        return NULL;
    }

    return llm_account_counter(account, window, restored->now_ms);
}


static void
ngx_http_llm_restore_amount(int64_t *spent, int64_t *restored, int64_t others)
{
    int64_t  sum;

    if (others > *restored) {
        *spent = __builtin_add_overflow(*spent, others - *restored, &sum)
                 ? INT64_MAX : sum;
        *restored = others;
    }
}


/* what is new of it since the last time */
static void
ngx_http_llm_restore_add(llm_counter_t *counter, const llm_amounts_t *others)
{
    llm_amounts_t  *spent, *restored;

    spent = &counter->spent;
    restored = &counter->restored;

    ngx_http_llm_restore_amount(&spent->cost, &restored->cost, others->cost);
    ngx_http_llm_restore_amount(&spent->requests, &restored->requests,
                                others->requests);
    ngx_http_llm_restore_amount(&spent->input_tokens, &restored->input_tokens,
                                others->input_tokens);
    ngx_http_llm_restore_amount(&spent->output_tokens,
                                &restored->output_tokens,
                                others->output_tokens);
}
