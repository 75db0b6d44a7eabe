/*
 * Folding, as the background process does it, and the master when it starts and
 * ends.
 */

#include "folding.h"
#include "segments.h"
#include "../store/counters/counters.h"
#include "../store/journal/journals.h"


/* of one call: others want their turn, too */
#define NGX_HTTP_LLM_FOLD_STEPS   8

/* of a segment: more is folded at once, so that it never gets full */
#define NGX_HTTP_LLM_FOLD_PART    8

#define NGX_HTTP_LLM_LOOK_MS      100
#define NGX_HTTP_LLM_REOPEN_MS    5000
#define NGX_HTTP_LLM_ALIVE_MS     (10 * 60 * 1000)
#define NGX_HTTP_LLM_COMPACT_MS   (60 * 60 * 1000)


typedef struct {
    llm_store_t   *store;
    ngx_msec_t     opened;          /* ngx_current_msec, as all here */
    ngx_msec_t     folded;
    ngx_msec_t     seen;
    ngx_msec_t     compacted;
    int64_t        others_ms;       /* when others last wrote */
    unsigned       tried:1;
    unsigned       begun:1;
    unsigned       failing:1;
    char           error[LLM_STORE_ERROR];
} ngx_http_llm_folding_t;


/* what is to be folded */
typedef struct {
    ngx_http_llm_main_conf_t  *lmcf;
    ngx_uint_t                 all;
    ngx_log_t                 *log;
} ngx_http_llm_fold_t;


static ngx_http_llm_folding_t  ngx_http_llm_folding;


static void ngx_http_llm_folding_look(void *data);
static bool ngx_http_llm_folding_published(uint64_t journal,
    uint64_t position, void *data);
static ngx_int_t ngx_http_llm_folding_reopen(ngx_http_llm_main_conf_t *lmcf,
    ngx_log_t *log);
static int ngx_http_llm_folding_fold(llm_store_t *store, void *ctx);
static void ngx_http_llm_folding_folder(const char *dir, void *ctx);
static ngx_int_t ngx_http_llm_folding_steps(ngx_http_llm_main_conf_t *lmcf,
    llm_store_t *store, ngx_uint_t all, ngx_log_t *log);
static ngx_int_t ngx_http_llm_folding_others(ngx_http_llm_main_conf_t *lmcf);
static ngx_int_t ngx_http_llm_folding_housekeeping(
    ngx_http_llm_main_conf_t *lmcf);
static int ngx_http_llm_folding_seen(llm_store_t *store, MDB_txn *txn,
    void *ctx);
static void ngx_http_llm_folding_ok(ngx_http_llm_main_conf_t *lmcf,
    ngx_log_t *log);
static void ngx_http_llm_folding_failed(ngx_http_llm_main_conf_t *lmcf,
    ngx_log_t *log, const char *error);


ngx_uint_t
ngx_http_llm_folding_recover(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    ngx_http_llm_recovery_t  recovery;

    ngx_http_llm_segments_look(lmcf, log);

    recovery.look = ngx_http_llm_folding_look;
    recovery.published = ngx_http_llm_folding_published;
    recovery.data = lmcf;

    return ngx_http_llm_holds_recover(lmcf, &recovery);
}


static void
ngx_http_llm_folding_look(void *data)
{
    ngx_http_llm_main_conf_t *lmcf = data;

    ngx_http_llm_segments_look(lmcf, lmcf->log);
}


static bool
ngx_http_llm_folding_published(uint64_t journal, uint64_t position, void *data)
{
    unsigned         n;
    llm_segment_t  **segments;

    segments = ngx_http_llm_segments(&n);

    return llm_segments_published(segments, n, journal, position);
}


ngx_msec_t
ngx_http_llm_folding_due(ngx_http_llm_main_conf_t *lmcf)
{
    uint64_t    most;
    ngx_msec_t  past;

    past = ngx_current_msec - ngx_http_llm_folding.folded;

    if (!ngx_http_llm_folding.begun || past >= lmcf->store_sync) {
        return 0;
    }

    (void) ngx_http_llm_segments_lag(&most);

    if (ngx_http_llm_folding.failing) {
        return ngx_min(lmcf->store_sync - past, NGX_HTTP_LLM_LOOK_MS);
    }

    if (most > lmcf->journal_size / NGX_HTTP_LLM_FOLD_PART
        || (past >= NGX_HTTP_LLM_LOOK_MS && ngx_http_llm_segments_left()))
    {
        return 0;
    }

    return ngx_min(lmcf->store_sync - past, NGX_HTTP_LLM_LOOK_MS);
}


ngx_int_t
ngx_http_llm_folding_run(ngx_http_llm_main_conf_t *lmcf, ngx_uint_t all,
    ngx_log_t *log)
{
    ngx_http_llm_fold_t  fold = { lmcf, all, log };

    ngx_http_llm_folding.begun = 1;
    ngx_http_llm_folding.folded = ngx_current_msec;

    if (ngx_http_llm_folding_reopen(lmcf, log) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_llm_folding_guard(lmcf, log, ngx_http_llm_folding_fold,
                                      &fold);
}


ngx_int_t
ngx_http_llm_folding_guard(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log,
    llm_store_work_pt work, void *ctx)
{
    int           rc;
    llm_store_t  *store;

    rc = llm_store_guard(ngx_http_llm_folding.store, work, ctx);

    if (rc != MDB_CORRUPTED) {
        return rc;
    }

    store = ngx_http_llm_folding.store;

    if (store != NULL) {
        (void) llm_store_fail(store, "read", rc);
        ngx_http_llm_folding_failed(lmcf, log, llm_store_error(store));

        llm_store_close(store);
        ngx_http_llm_folding.store = NULL;
    }

    return NGX_ERROR;
}


static int
ngx_http_llm_folding_fold(llm_store_t *store, void *ctx)
{
    ngx_http_llm_fold_t *fold = ctx;

    ngx_int_t                  rc;
    ngx_log_t                 *log;
    const char                *error;
    ngx_http_llm_main_conf_t  *lmcf;

    lmcf = fold->lmcf;
    log = fold->log;

    rc = ngx_http_llm_folding_steps(lmcf, store, fold->all, log);

    if (rc == NGX_OK) {
        rc = ngx_http_llm_folding_strays(lmcf, store, log);
    }

    if (rc == NGX_ERROR
        || ngx_http_llm_unjournaled_write(lmcf, store) != NGX_OK
        || ngx_http_llm_folding_others(lmcf) != NGX_OK
        || ngx_http_llm_folding_housekeeping(lmcf) != NGX_OK)
    {
        error = llm_store_error(store);
        ngx_http_llm_folding_failed(lmcf, log, error[0] ? error : "no memory");

        /* some errors of LMDB are final for an environment */

        llm_store_close(store);
        ngx_http_llm_folding.store = NULL;

        return NGX_ERROR;
    }

    ngx_http_llm_folding_ok(lmcf, log);

    return rc;
}


llm_store_t *
ngx_http_llm_folding_store(void)
{
    return ngx_http_llm_folding.store;
}


void
ngx_http_llm_folding_close(void)
{
    if (ngx_http_llm_folding.store != NULL) {
        llm_store_close(ngx_http_llm_folding.store);
    }

    ngx_http_llm_segments_close();

    ngx_memzero(&ngx_http_llm_folding, sizeof(ngx_http_llm_folding_t));
}


static ngx_int_t
ngx_http_llm_folding_reopen(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    const char  *error;

    if (ngx_http_llm_folding.store != NULL) {
        return NGX_OK;
    }

    if (ngx_http_llm_folding.tried
        && ngx_current_msec - ngx_http_llm_folding.opened
           < NGX_HTTP_LLM_REOPEN_MS)
    {
        return NGX_ERROR;
    }

    if (ngx_http_llm_folding_open(lmcf, &error) == NULL) {
        ngx_http_llm_folding_failed(lmcf, log, error);
        return NGX_ERROR;
    }

    return NGX_OK;
}


llm_store_t *
ngx_http_llm_folding_open(ngx_http_llm_main_conf_t *lmcf, const char **error)
{
    char         *dir;
    llm_store_t  *store;

    ngx_http_llm_folding.tried = 1;
    ngx_http_llm_folding.opened = ngx_current_msec;

    store = llm_store_open((char *) lmcf->store->name.data, error);

    if (store == NULL) {
        return NULL;
    }

    ngx_http_llm_folding.store = store;

    /* that a folder could not be noted shows in the fold that follows */

    (void) llm_journals_note(store, (char *) lmcf->journal.data);
    (void) llm_journals_each(store, ngx_http_llm_folding_folder, lmcf->log);

    ngx_http_llm_segments_look(lmcf, lmcf->log);

    while ((dir = ngx_http_llm_segments_gone()) != NULL) {
        (void) llm_journals_forget(store, dir);
        ngx_free(dir);
    }

    return store;
}


static void
ngx_http_llm_folding_folder(const char *dir, void *ctx)
{
    ngx_http_llm_segments_folder(dir, ctx);
}


static ngx_int_t
ngx_http_llm_folding_steps(ngx_http_llm_main_conf_t *lmcf,
    llm_store_t *store, ngx_uint_t all, ngx_log_t *log)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    rc = NGX_AGAIN;

    for (i = 0; rc == NGX_AGAIN && (i < NGX_HTTP_LLM_FOLD_STEPS || all); i++) {
        rc = ngx_http_llm_folding_step(lmcf, store, log);
    }

    return rc;
}


/* during a binary upgrade two masters spend from the same budgets */
static ngx_int_t
ngx_http_llm_folding_others(ngx_http_llm_main_conf_t *lmcf)
{
    int64_t       seen_ms;
    llm_store_t  *store;

    store = ngx_http_llm_folding.store;

    if (llm_counters_others_seen(store, lmcf->shared->epoch, &seen_ms)
        != LLM_OK)
    {
        return NGX_ERROR;
    }

    if (seen_ms == ngx_http_llm_folding.others_ms) {
        return NGX_OK;
    }

    if (ngx_http_llm_restore_others(lmcf, store) != LLM_OK) {
        return NGX_ERROR;
    }

    ngx_http_llm_folding.others_ms = seen_ms;

    return NGX_OK;
}


/* an epoch that is not seen for a day is taken for a dead one; the dead ones
 * are folded now and then */
static ngx_int_t
ngx_http_llm_folding_housekeeping(ngx_http_llm_main_conf_t *lmcf)
{
    ngx_http_llm_folding_t  *folding;

    folding = &ngx_http_llm_folding;

    if (folding->seen == 0
        || ngx_current_msec - folding->seen >= NGX_HTTP_LLM_ALIVE_MS)
    {
        if (llm_store_write(folding->store, ngx_http_llm_folding_seen, lmcf)
            != LLM_OK)
        {
            return NGX_ERROR;
        }

        folding->seen = ngx_current_msec;
    }

    if (folding->compacted == 0
        || ngx_current_msec - folding->compacted >= NGX_HTTP_LLM_COMPACT_MS)
    {
        folding->compacted = ngx_current_msec;

        if (llm_counters_compact(folding->store, lmcf->shared->epoch,
                                 ngx_http_llm_now())
            != LLM_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static int
ngx_http_llm_folding_seen(llm_store_t *store, MDB_txn *txn, void *ctx)
{
    ngx_http_llm_main_conf_t *lmcf = ctx;

    return llm_counters_seen(store, txn, lmcf->shared->epoch,
                             ngx_http_llm_now());
}


static void
ngx_http_llm_folding_ok(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    uint64_t  lag, most;

    ngx_time_update();

    lag = ngx_http_llm_segments_lag(&most);

    ngx_http_llm_lock(lmcf);

    lmcf->shared->stored_ms = ngx_http_llm_now();
    lmcf->shared->store_lag = lag;
    lmcf->shared->store_error[0] = '\0';

    ngx_http_llm_unlock(lmcf);

    if (ngx_http_llm_folding.failing) {
        ngx_http_llm_folding.failing = 0;
        ngx_http_llm_folding.error[0] = '\0';

        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "llm_store: the journal is written again to \"%V\"",
                      &lmcf->store->name);
    }
}


static void
ngx_http_llm_folding_failed(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log,
    const char *error)
{
    uint64_t  lag, most;

    lag = ngx_http_llm_segments_lag(&most);

    ngx_http_llm_lock(lmcf);

    lmcf->shared->store_lag = lag;
    lmcf->shared->store_error_ms = ngx_http_llm_now();
    ngx_cpystrn((u_char *) lmcf->shared->store_error, (u_char *) error,
                sizeof(lmcf->shared->store_error));

    ngx_http_llm_unlock(lmcf);

    if (!ngx_http_llm_folding.failing
        || ngx_strcmp(ngx_http_llm_folding.error, error) != 0)
    {
        ngx_cpystrn((u_char *) ngx_http_llm_folding.error, (u_char *) error,
                    sizeof(ngx_http_llm_folding.error));

        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "llm_store: %s; nothing is lost: the journal in \"%V\" "
                      "keeps it until then, as long as it has room",
                      error, &lmcf->journal);
    }

    ngx_http_llm_folding.failing = 1;
}
