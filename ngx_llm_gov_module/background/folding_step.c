/*
 * One step of the fold: the segments that there are, and what the fold has to
 * know of the zone.
 */

#include "folding.h"
#include "segments.h"
#include "../store/fold/fold.h"


static ngx_int_t ngx_http_llm_folding_one(ngx_http_llm_main_conf_t *lmcf,
    llm_store_t *store, bool alone, ngx_log_t *log);
static void ngx_http_llm_folding_tell(ngx_http_llm_main_conf_t *lmcf,
    const llm_fold_result_t *result, ngx_log_t *log);
static unsigned ngx_http_llm_folding_windows(llm_account_kind_t kind,
    llm_str_t name, llm_window_t *windows, unsigned max, void *ctx);
static bool ngx_http_llm_folding_recyclable(llm_segment_t *segment, void *ctx);
static ngx_uint_t ngx_http_llm_folding_pointed(ngx_http_llm_main_conf_t *lmcf,
    uint64_t journal);


ngx_int_t
ngx_http_llm_folding_step(ngx_http_llm_main_conf_t *lmcf, llm_store_t *store,
    ngx_log_t *log)
{
    return ngx_http_llm_folding_one(lmcf, store, false, log);
}


ngx_int_t
ngx_http_llm_folding_strays(ngx_http_llm_main_conf_t *lmcf,
    llm_store_t *store, ngx_log_t *log)
{
    ngx_int_t  rc;

    if (!lmcf->shared->strays || !llm_store_alone(store)) {
        return NGX_OK;
    }

    rc = NGX_OK;

    if (ngx_http_llm_segments_look(lmcf, log) == NGX_OK) {
        rc = ngx_http_llm_folding_one(lmcf, store, true, log);

        if (rc != NGX_ERROR) {
            lmcf->shared->strays = 0;
        }
    }

    llm_store_share(store);

    return rc;
}


static ngx_int_t
ngx_http_llm_folding_one(ngx_http_llm_main_conf_t *lmcf, llm_store_t *store,
    bool alone, ngx_log_t *log)
{
    unsigned             n;
    llm_segment_t      **segments;
    llm_fold_conf_t      conf;
    llm_fold_result_t    result;

    ngx_time_update();

    ngx_memzero(&conf, sizeof(llm_fold_conf_t));
    conf.now_ms = ngx_http_llm_now();
    conf.windows = ngx_http_llm_folding_windows;
    conf.recyclable = ngx_http_llm_folding_recyclable;
    conf.alone = alone;
    conf.ctx = lmcf;

    segments = ngx_http_llm_segments(&n);

    if (llm_fold(store, segments, n, &conf, &result) != LLM_OK) {
        return NGX_ERROR;
    }

    ngx_http_llm_folding_tell(lmcf, &result, log);

    return result.more ? NGX_AGAIN : NGX_OK;
}


static void
ngx_http_llm_folding_tell(ngx_http_llm_main_conf_t *lmcf,
    const llm_fold_result_t *result, ngx_log_t *log)
{
    ngx_http_llm_shared_t  *shared;

    shared = lmcf->shared;

    ngx_http_llm_lock(lmcf);

    shared->stored_rows += result->rows;
    shared->stored_recovered += result->recovered;
    shared->lost_bytes += result->damaged;

    ngx_http_llm_unlock(lmcf);

    if (result->damaged > 0) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "llm_store: %uL bytes of the journal are damaged: the "
                      "requests they told of are not in the log, and are "
                      "charged as estimated at best", result->damaged);
    }

    if (result->recovered > 0) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "llm_store: %uL requests whose process is gone were "
                      "written as estimated", result->recovered);
    }
}


static unsigned
ngx_http_llm_folding_windows(llm_account_kind_t kind, llm_str_t name,
    llm_window_t *windows, unsigned max, void *ctx)
{
    ngx_http_llm_main_conf_t *lmcf = ctx;

    unsigned        i, n;
    ngx_str_t       text;
    llm_account_t  *account;

    text.data = (u_char *) name.data;
    text.len = name.len;
    n = 0;

    ngx_http_llm_lock(lmcf);

    account = ngx_http_llm_account_find(lmcf, kind, &text);

    if (account != NULL) {
        n = account->ncounters;

        for (i = 0; i < n && i < max; i++) {
            windows[i] = account->counters[i].window;
        }
    }

    ngx_http_llm_unlock(lmcf);

    return n;
}


/* Its next writer may only come when no hold in shared memory waits for what
 * the segment says.  Another master looks after its own. */
static bool
ngx_http_llm_folding_recyclable(llm_segment_t *segment, void *ctx)
{
    ngx_http_llm_main_conf_t *lmcf = ctx;

    uint64_t  epoch;

    epoch = llm_segment_epoch(segment);

    if (epoch != lmcf->shared->epoch) {
        return !ngx_http_llm_segments_alive(epoch);
    }

    return !ngx_http_llm_folding_pointed(lmcf, llm_segment_id(segment));
}


static ngx_uint_t
ngx_http_llm_folding_pointed(ngx_http_llm_main_conf_t *lmcf, uint64_t journal)
{
    ngx_uint_t            pointed;
    ngx_queue_t          *q;
    ngx_http_llm_hold_t  *hold;

    pointed = 0;

    ngx_http_llm_lock(lmcf);

    for (q = ngx_queue_head(&lmcf->shared->holds);
         q != ngx_queue_sentinel(&lmcf->shared->holds) && !pointed;
         q = ngx_queue_next(q))
    {
        hold = ngx_queue_data(q, ngx_http_llm_hold_t, queue);

        pointed = (hold->hold.postings[0].journal == journal
                   || hold->hold.postings[1].journal == journal);
    }

    ngx_http_llm_unlock(lmcf);

    return pointed;
}
