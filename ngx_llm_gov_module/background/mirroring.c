/*
 * The counters of the zone into the store: looked through under the lock in
 * short steps, written outside it.
 */

#include "mirroring.h"
#include "spent.h"
#include "../store/environment.h"


/* of the zone's hash table, looked through in one critical section */
#define NGX_HTTP_LLM_BUCKETS      128

/* copied before they are written in one transaction */
#define NGX_HTTP_LLM_COPIES       (8 * 1024 * 1024)

#define NGX_HTTP_LLM_REOPEN_MS    5000
#define NGX_HTTP_LLM_ALIVE_MS     (10 * 60 * 1000)
#define NGX_HTTP_LLM_COMPACT_MS   (60 * 60 * 1000)


/* a copy of an account; its counters follow it */
typedef struct {
    llm_account_t       *account;
    llm_account_kind_t   kind;
    ngx_uint_t           ncounters;
    size_t               name_len;
    char                 name[LLM_ACCOUNT_NAME_SIZE];
} ngx_http_llm_copy_t;


/* of this process, which has one zone and one store in its life */
typedef struct {
    llm_mirror_t          *mirror;
    ngx_http_llm_spent_t   spent;
    u_char                *copies;
    size_t                 used;
    ngx_msec_t             opened;      /* ngx_current_msec, as all here */
    ngx_msec_t             written;
    ngx_msec_t             compacted;
    int64_t               others_ms;    /* when others last wrote */
    unsigned               tried:1;
    unsigned               failing:1;
    char                   error[512];
} ngx_http_llm_mirroring_t;


static ngx_http_llm_mirroring_t  ngx_http_llm_mirroring;


static ngx_int_t ngx_http_llm_mirroring_open(
    ngx_http_llm_mirroring_t *mirroring, ngx_http_llm_main_conf_t *lmcf,
    ngx_log_t *log);
static ngx_int_t ngx_http_llm_mirroring_pass(
    ngx_http_llm_mirroring_t *mirroring, ngx_http_llm_main_conf_t *lmcf);
static ngx_uint_t ngx_http_llm_mirroring_copy(
    ngx_http_llm_mirroring_t *mirroring, ngx_http_llm_main_conf_t *lmcf,
    ngx_uint_t bucket);
static ngx_int_t ngx_http_llm_mirroring_copy_bucket(
    ngx_http_llm_mirroring_t *mirroring, llm_account_t *account);
static ngx_int_t ngx_http_llm_mirroring_copy_account(
    ngx_http_llm_mirroring_t *mirroring, llm_account_t *account);
static ngx_int_t ngx_http_llm_mirroring_write(
    ngx_http_llm_mirroring_t *mirroring, uint64_t epoch);
static ngx_int_t ngx_http_llm_mirroring_others(
    ngx_http_llm_mirroring_t *mirroring, ngx_http_llm_main_conf_t *lmcf);
static ngx_int_t ngx_http_llm_mirroring_alive(
    ngx_http_llm_mirroring_t *mirroring, ngx_http_llm_main_conf_t *lmcf);
static void ngx_http_llm_mirroring_ok(ngx_http_llm_mirroring_t *mirroring,
    ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log);
static void ngx_http_llm_mirroring_failed(
    ngx_http_llm_mirroring_t *mirroring, ngx_http_llm_main_conf_t *lmcf,
    ngx_log_t *log, const char *error);


ngx_int_t
ngx_http_llm_mirroring_run(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    const char                *error;
    ngx_http_llm_mirroring_t  *mirroring;

    mirroring = &ngx_http_llm_mirroring;

    if (mirroring->mirror == NULL
        && ngx_http_llm_mirroring_open(mirroring, lmcf, log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_llm_mirroring_pass(mirroring, lmcf) != NGX_OK
        || ngx_http_llm_mirroring_others(mirroring, lmcf) != NGX_OK
        || ngx_http_llm_mirroring_alive(mirroring, lmcf) != NGX_OK)
    {
        error = llm_mirror_error(mirroring->mirror);
        ngx_http_llm_mirroring_failed(mirroring, lmcf, log,
                                      error[0] ? error : "no memory");

        /* some errors of LMDB are final for an environment */
        ngx_http_llm_mirroring_close();

        return NGX_ERROR;
    }

    ngx_http_llm_mirroring_ok(mirroring, lmcf, log);

    return NGX_OK;
}


llm_store_t *
ngx_http_llm_mirroring_store(void)
{
    return ngx_http_llm_mirroring.mirror
           ? ngx_http_llm_mirroring.mirror->store : NULL;
}


void
ngx_http_llm_mirroring_close(void)
{
    if (ngx_http_llm_mirroring.mirror != NULL) {
        llm_mirror_close(ngx_http_llm_mirroring.mirror);
        ngx_http_llm_mirroring.mirror = NULL;
    }
}


static ngx_int_t
ngx_http_llm_mirroring_open(ngx_http_llm_mirroring_t *mirroring,
    ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    const char  *error;

    if (mirroring->tried
        && ngx_current_msec - mirroring->opened < NGX_HTTP_LLM_REOPEN_MS)
    {
        return NGX_ERROR;
    }

    mirroring->tried = 1;
    mirroring->opened = ngx_current_msec;

    if (mirroring->copies == NULL) {
        mirroring->copies = ngx_alloc(NGX_HTTP_LLM_COPIES, log);
        if (mirroring->copies == NULL) {
            return NGX_ERROR;
        }
    }

    mirroring->mirror = llm_mirror_open((char *) lmcf->store->name.data,
                                        &error);
    if (mirroring->mirror == NULL) {
        ngx_http_llm_mirroring_failed(mirroring, lmcf, log, error);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* one look at every account */
static ngx_int_t
ngx_http_llm_mirroring_pass(ngx_http_llm_mirroring_t *mirroring,
    ngx_http_llm_main_conf_t *lmcf)
{
    ngx_uint_t  bucket, next;

    bucket = 0;
    mirroring->used = 0;

    for ( ;; ) {
        next = ngx_http_llm_mirroring_copy(mirroring, lmcf, bucket);

        if (next == bucket || next == lmcf->shared->nbuckets) {

            if (ngx_http_llm_mirroring_write(mirroring, lmcf->shared->epoch)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            mirroring->used = 0;
        }

        if (next == lmcf->shared->nbuckets) {
            return NGX_OK;
        }

        bucket = next;
    }
}


/* Copies what changed in some buckets, under the lock; returns the bucket to
 * go on with, which is the same one if there was no room for all of it: what
 * was copied of it will not have changed the next time. */
static ngx_uint_t
ngx_http_llm_mirroring_copy(ngx_http_llm_mirroring_t *mirroring,
    ngx_http_llm_main_conf_t *lmcf, ngx_uint_t bucket)
{
    ngx_uint_t  last;

    last = ngx_min(bucket + NGX_HTTP_LLM_BUCKETS, lmcf->shared->nbuckets);

    ngx_http_llm_lock(lmcf);

    while (bucket < last
           && ngx_http_llm_mirroring_copy_bucket(mirroring,
                                               lmcf->shared->buckets[bucket])
              == NGX_OK)
    {
        bucket++;
    }

    ngx_http_llm_unlock(lmcf);

    return bucket;
}


static ngx_int_t
ngx_http_llm_mirroring_copy_bucket(ngx_http_llm_mirroring_t *mirroring,
    llm_account_t *account)
{
    for ( /* void */ ; account != NULL; account = account->next) {

        if (!ngx_http_llm_spent_same(&mirroring->spent, account)
            && ngx_http_llm_mirroring_copy_account(mirroring, account)
               != NGX_OK)
        {
            return NGX_AGAIN;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_mirroring_copy_account(ngx_http_llm_mirroring_t *mirroring,
    llm_account_t *account)
{
    size_t                size, left;
    ngx_uint_t            n;
    ngx_http_llm_copy_t  *copy;

    left = NGX_HTTP_LLM_COPIES - mirroring->used;
    n = account->ncounters;
    size = sizeof(ngx_http_llm_copy_t) + n * sizeof(llm_counter_t);

    if (size > left) {

        if (mirroring->used > 0) {
            return NGX_AGAIN;
        }

        /* ten thousand windows on one account: those beyond are left out */

        n = (left - sizeof(ngx_http_llm_copy_t)) / sizeof(llm_counter_t);
        size = sizeof(ngx_http_llm_copy_t) + n * sizeof(llm_counter_t);
    }

    copy = (ngx_http_llm_copy_t *) (mirroring->copies + mirroring->used);

    copy->account = account;
    copy->kind = account->kind;
    copy->ncounters = n;
    copy->name_len = account->name_len;
    ngx_memcpy(copy->name, account->name, account->name_len);
    ngx_memcpy(copy + 1, account->counters, n * sizeof(llm_counter_t));

    mirroring->used += size;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_llm_mirroring_untouched(llm_counter_t *counter)
{
    return ngx_memcmp(&counter->spent, &counter->restored,
                      sizeof(llm_amounts_t)) == 0;
}


/* what was copied, in one transaction */
static ngx_int_t
ngx_http_llm_mirroring_write(ngx_http_llm_mirroring_t *mirroring,
    uint64_t epoch)
{
    u_char               *p, *last;
    ngx_uint_t            i;
    llm_counter_t        *counters;
    ngx_http_llm_copy_t  *copy;

    if (mirroring->used == 0) {
        return NGX_OK;
    }

    last = mirroring->copies + mirroring->used;

    if (llm_mirror_begin(mirroring->mirror) != LLM_OK) {
        return NGX_ERROR;
    }

    for (p = mirroring->copies;
         p < last;
         p = (u_char *) &counters[copy->ncounters])
    {
        copy = (ngx_http_llm_copy_t *) p;
        counters = (llm_counter_t *) (copy + 1);

        for (i = 0; i < copy->ncounters; i++) {

            if (ngx_http_llm_mirroring_untouched(&counters[i])) {
                continue;
            }

            if (llm_mirror_put(mirroring->mirror, epoch, copy->kind,
                               (llm_str_t) { copy->name, copy->name_len },
                               &counters[i])
                != LLM_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    if (llm_mirror_commit(mirroring->mirror) != LLM_OK) {
        return NGX_ERROR;
    }

    mirroring->written = ngx_current_msec;

    for (p = mirroring->copies;
         p < last;
         p = (u_char *) &counters[copy->ncounters])
    {
        copy = (ngx_http_llm_copy_t *) p;
        counters = (llm_counter_t *) (copy + 1);

        if (ngx_http_llm_spent_set(&mirroring->spent, copy->account,
                                   &counters[0].spent)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* during a binary upgrade two masters spend from the same budgets */
static ngx_int_t
ngx_http_llm_mirroring_others(ngx_http_llm_mirroring_t *mirroring,
    ngx_http_llm_main_conf_t *lmcf)
{
    int64_t  seen_ms;

    if (llm_mirror_others_seen(mirroring->mirror, lmcf->shared->epoch,
                               &seen_ms)
        != LLM_OK)
    {
        return NGX_ERROR;
    }

    if (seen_ms == mirroring->others_ms) {
        return NGX_OK;
    }

    if (ngx_http_llm_restore_others(lmcf, mirroring->mirror) != LLM_OK) {
        return NGX_ERROR;
    }

    mirroring->others_ms = seen_ms;

    return NGX_OK;
}


/* an epoch that is not written for a day is taken for a dead one; the dead
 * ones are folded now and then */
static ngx_int_t
ngx_http_llm_mirroring_alive(ngx_http_llm_mirroring_t *mirroring,
    ngx_http_llm_main_conf_t *lmcf)
{
    if (ngx_current_msec - mirroring->written >= NGX_HTTP_LLM_ALIVE_MS) {

        if (llm_mirror_begin(mirroring->mirror) != LLM_OK
            || llm_mirror_commit(mirroring->mirror) != LLM_OK)
        {
            return NGX_ERROR;
        }

        mirroring->written = ngx_current_msec;
    }

    if (mirroring->compacted == 0
        || ngx_current_msec - mirroring->compacted >= NGX_HTTP_LLM_COMPACT_MS)
    {
        mirroring->compacted = ngx_current_msec;

        if (llm_mirror_compact(mirroring->mirror, lmcf->shared->epoch,
                               ngx_http_llm_now())
            != LLM_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_http_llm_mirroring_ok(ngx_http_llm_mirroring_t *mirroring,
    ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    ngx_time_update();

    ngx_http_llm_lock(lmcf);

    lmcf->shared->mirrored_ms = ngx_http_llm_now();
    lmcf->shared->mirror_error[0] = '\0';

    ngx_http_llm_unlock(lmcf);

    if (mirroring->failing) {
        mirroring->failing = 0;
        mirroring->error[0] = '\0';

        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "llm_store: the counters are written again to \"%V\"",
                      &lmcf->store->name);
    }
}


static void
ngx_http_llm_mirroring_failed(ngx_http_llm_mirroring_t *mirroring,
    ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log, const char *error)
{
    ngx_http_llm_lock(lmcf);

    lmcf->shared->mirror_error_ms = ngx_http_llm_now();
    ngx_cpystrn((u_char *) lmcf->shared->mirror_error, (u_char *) error,
                sizeof(lmcf->shared->mirror_error));

    ngx_http_llm_unlock(lmcf);

    if (!mirroring->failing || ngx_strcmp(mirroring->error, error) != 0) {
        ngx_cpystrn((u_char *) mirroring->error, (u_char *) error,
                    sizeof(mirroring->error));

        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "llm_store: %s; limits go on from shared memory, "
                      "a restart would forget what was spent since",
                      error);
    }

    mirroring->failing = 1;
}
