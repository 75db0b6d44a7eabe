/*
 * A page from the store for a watcher that is behind.  A few of them at a time,
 * in turn, so that a thousand who resume at once hold up neither the feed nor
 * the queries.
 */

#include "live.h"
#include "reader.h"

#include <inttypes.h>


#if (NGX_THREADS)

struct ngx_http_llm_step_s {
    ngx_thread_task_t            task;
    ngx_uint_t                   busy;
    ngx_http_llm_main_conf_t    *lmcf;
    ngx_http_llm_watcher_t      *watcher;   /* NULL: gone meanwhile */

    ngx_http_llm_live_filter_t  *filter;
    ngx_http_llm_live_form_t     form;
    uint64_t                     first;
    uint64_t                     bound;     /* no row behind it */

    uint64_t                     next;
    ngx_uint_t                   failed;
    ngx_uint_t                   unreadable;    /* the first row */
    llm_buf_t                    json;
    llm_buf_t                    text;
    ngx_http_llm_framer_t        framer;
};


static ngx_http_llm_step_t  *ngx_http_llm_steps[NGX_HTTP_LLM_LIVE_STEPS];


static void
ngx_http_llm_step_lost(ngx_http_llm_step_t *step, uint64_t to)
{
    step->json.len = 0;

    llm_buf_printf(&step->json, "{\"type\":\"lost\",\"from\":%" PRIu64
                   ",\"to\":%" PRIu64 "}", step->next, to);
    ngx_http_llm_live_message(&step->framer, &step->text, step->form, to,
                              (llm_str_t) { step->json.data,
                                            step->json.len });
    step->next = to + 1;
}


static int
ngx_http_llm_step_row(const llm_row_t *row, uint64_t seq, void *ctx)
{
    ngx_http_llm_step_t *step = ctx;

    if (seq >= step->bound) {
        return LLM_AGAIN;
    }

    if (seq > step->next) {
        ngx_http_llm_step_lost(step, seq - 1);
    }

    step->next = seq + 1;

    if (step->filter->filter && !llm_filter_match(step->filter->filter, row)) {
        return LLM_OK;
    }

    step->json.len = 0;

    llm_buf_printf(&step->json, "{\"type\":\"request\",\"seq\":%" PRIu64
                   ",\"log\":", seq);
    llm_row_json(&step->json, row, seq);
    llm_buf_str(&step->json, llm_str("}"));

    ngx_http_llm_live_message(&step->framer, &step->text, step->form, seq,
                              (llm_str_t) { step->json.data,
                                            step->json.len });

    return step->text.len > NGX_HTTP_LLM_LIVE_BYTES ? LLM_AGAIN : LLM_OK;
}


static int
ngx_http_llm_step_read(llm_store_t *store, void *ctx)
{
    ngx_http_llm_step_t *step = ctx;

    uint64_t  seq, lost, left;

    lost = 0;
    seq = step->first;
    left = step->bound - step->first;

    if (llm_query_since(store, &seq, ngx_min(left, NGX_HTTP_LLM_LIVE_SCAN),
                        ngx_http_llm_step_row, step, &lost)
        == LLM_ERROR
        && step->next == step->first)
    {
        step->unreadable = 1;
        return LLM_OK;
    }

    if (step->next == step->first && lost) {
        /* all that was asked for is gone */
        ngx_http_llm_step_lost(step, ngx_min(step->first + lost, step->bound)
                                     - 1);
    }

    step->failed = step->json.failed || step->text.failed;

    return LLM_OK;
}


static void
ngx_http_llm_step_thread(void *data, ngx_log_t *log)
{
    ngx_http_llm_step_t *step = data;

    step->failed = 1;

    (void) ngx_http_llm_read(step->lmcf, log, ngx_http_llm_step_read, step);

    if (step->unreadable) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "llm: the live feed cannot read "
                      "the rows from number %uL on: \"scripts/store verify\" "
                      "says more", step->first);
    }
}


static void
ngx_http_llm_step_give(ngx_http_llm_step_t *step,
    ngx_http_llm_watcher_t *watcher)
{
    step->watcher = NULL;
    watcher->step = NULL;

    if (watcher->state != NGX_HTTP_LLM_LIVE_STEPPING) {
        return;
    }

    if (step->unreadable) {
        ngx_http_llm_watcher_close(watcher, WSLAY_CODE_INTERNAL_SERVER_ERROR,
                                   "the log cannot be read there");
        return;
    }

    if (step->failed || step->next == step->first) {
        /* tried again with the next poll */
        watcher->state = NGX_HTTP_LLM_LIVE_WAITING;
        return;
    }

    llm_buf_append(&watcher->waiting, step->text.data, step->text.len);

    watcher->next = step->next;
    watcher->state = NGX_HTTP_LLM_LIVE_WAITING;

    ngx_http_llm_watcher_flush(watcher);
}


static void
ngx_http_llm_step_done(ngx_event_t *ev)
{
    ngx_http_llm_step_t *step = ev->data;

    step->busy = 0;
    ngx_http_llm_live_filter_free(step->filter);

    /* who gets it may read on at once, and it is another one's step then */

    if (step->watcher) {
        ngx_http_llm_step_give(step, step->watcher);
    }

    ngx_http_llm_steps_start();
}


static ngx_http_llm_step_t *
ngx_http_llm_step_free(void)
{
    ngx_uint_t            i;
    ngx_http_llm_step_t  *step;

    for (i = 0; i < NGX_HTTP_LLM_LIVE_STEPS; i++) {

        if (ngx_http_llm_steps[i] && !ngx_http_llm_steps[i]->busy) {
            return ngx_http_llm_steps[i];
        }

        if (ngx_http_llm_steps[i]) {
            continue;
        }

        step = ngx_calloc(sizeof(ngx_http_llm_step_t), ngx_cycle->log);
        if (step == NULL) {
            return NULL;
        }

        llm_buf_init(&step->json, 1024 * 1024);
        llm_buf_init(&step->text, 16 * 1024 * 1024);

        step->task.ctx = step;
        step->task.handler = ngx_http_llm_step_thread;
        step->task.event.handler = ngx_http_llm_step_done;
        step->task.event.data = step;
        step->task.event.log = ngx_cycle->log;

        ngx_http_llm_steps[i] = step;

        return step;
    }

    return NULL;
}


static ngx_int_t
ngx_http_llm_step_start(ngx_http_llm_step_t *step,
    ngx_http_llm_watcher_t *watcher)
{
    step->lmcf = watcher->lmcf;
    step->filter = watcher->filter;
    step->form = watcher->form;
    step->first = watcher->next;
    step->next = watcher->next;
    step->bound = ngx_http_llm_feed.next;
    step->failed = 0;
    step->unreadable = 0;
    step->json.len = 0;
    step->json.failed = false;
    step->text.len = 0;
    step->text.failed = false;

    if (ngx_thread_task_post(step->lmcf->thread_pool, &step->task)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    step->busy = 1;
    step->filter->refs++;
    step->watcher = watcher;

    watcher->step = step;
    watcher->state = NGX_HTTP_LLM_LIVE_STEPPING;

    return NGX_OK;
}


void
ngx_http_llm_step_forget(ngx_http_llm_step_t *step)
{
    step->watcher = NULL;
}


void
ngx_http_llm_steps_start(void)
{
    ngx_queue_t             *q;
    ngx_http_llm_step_t     *step;
    ngx_http_llm_watcher_t  *watcher;

    while (!ngx_queue_empty(&ngx_http_llm_feed.behind)) {

        step = ngx_http_llm_step_free();

        if (step == NULL) {
            return;
        }

        q = ngx_queue_head(&ngx_http_llm_feed.behind);
        watcher = ngx_queue_data(q, ngx_http_llm_watcher_t, behind);

        ngx_queue_remove(q);

        if (ngx_http_llm_step_start(step, watcher) != NGX_OK) {
            watcher->state = NGX_HTTP_LLM_LIVE_WAITING;
            return;
        }
    }
}

#endif
