/*
 * The worker's poll for new rows, and who gets them.
 */

#include "live.h"

#include <inttypes.h>


ngx_http_llm_feed_t  ngx_http_llm_feed;


#if (NGX_THREADS)

static void ngx_http_llm_feed_tick(ngx_event_t *ev);
static void ngx_http_llm_batch_done(ngx_event_t *ev);


static void
ngx_http_llm_feed_again(ngx_msec_t ms)
{
    ngx_event_t  *ev;

    static ngx_connection_t  dummy;

    ev = &ngx_http_llm_feed.timer;

    dummy.fd = (ngx_socket_t) -1;

    ev->handler = ngx_http_llm_feed_tick;
    ev->data = &dummy;
    ev->log = ngx_cycle->log;

    if (ev->timer_set) {
        /* else a time that is close to the one before would not count */
        ngx_del_timer(ev);
    }

    ngx_add_timer(ev, ms);
}


static void
ngx_http_llm_feed_tell(ngx_http_llm_watcher_t *watcher, uint64_t seq)
{
    u_char     text[64];
    llm_str_t  json;

    json.data = (char *) text;
    json.len = ngx_sprintf(text, "{\"type\":\"hello\",\"seq\":%uL}", seq)
               - text;

    ngx_http_llm_live_message(&ngx_http_llm_feed.framer, &watcher->waiting,
                              watcher->form, seq, json);
}


void
ngx_http_llm_feed_begin(ngx_http_llm_watcher_t *watcher)
{
    uint64_t  next;

    next = ngx_http_llm_feed.next;

    if (next == 0 || watcher->next > next) {
        /* a poll that begins from now on tells whether there are such rows:
         * another worker may be ahead of this one */
        return;
    }

    if (watcher->next == 0) {
        watcher->next = next;
    }

    ngx_http_llm_feed_tell(watcher, watcher->next - 1);

    if (!watcher->requests) {
        watcher->next = next;
    }

    if (watcher->next == next) {
        watcher->state = NGX_HTTP_LLM_LIVE_NOW;
        watcher->was_live = 1;

    } else {
        watcher->state = NGX_HTTP_LLM_LIVE_WAITING;
    }

    ngx_http_llm_watcher_flush(watcher);
}


ngx_int_t
ngx_http_llm_feed_join(ngx_http_llm_watcher_t *watcher)
{
    if (ngx_http_llm_feed.batch == NULL) {
        ngx_http_llm_feed.batch = ngx_http_llm_batch_create();

        if (ngx_http_llm_feed.batch == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_queue_insert_tail(&ngx_http_llm_feed.watchers, &watcher->queue);
    ngx_http_llm_feed.n++;

    if (!ngx_http_llm_feed.timer.timer_set) {
        ngx_http_llm_feed.looked = ngx_current_msec;
        ngx_http_llm_feed.read = ngx_current_msec;
        ngx_http_llm_feed_again(1);
    }

    return NGX_OK;
}


/* notes a filter in the batch, so that the thread tries its rows on it */
static void
ngx_http_llm_batch_filter(ngx_http_llm_batch_t *batch,
    ngx_http_llm_live_filter_t *filter)
{
    if (filter->batch == batch->number) {
        return;
    }

    filter->batch = batch->number;
    filter->index = batch->nfilters;
    filter->refs++;

    batch->filters[batch->nfilters++] = filter;
}


static ngx_int_t
ngx_http_llm_batch_matches(ngx_http_llm_batch_t *batch)
{
    size_t  size;

    size = sizeof(batch->matches[0]);

    if (batch->nfilters > batch->nmatches) {

        if (batch->matches) {
            ngx_free(batch->matches);
        }

        batch->nmatches = 0;
        batch->matches = ngx_alloc(batch->nfilters * size, ngx_cycle->log);

        if (batch->matches == NULL) {
            return NGX_ERROR;
        }

        batch->nmatches = batch->nfilters;
    }

    if (batch->nfilters) {
        ngx_memzero(batch->matches, batch->nfilters * size);
    }

    return NGX_OK;
}


static void
ngx_http_llm_batch_end(ngx_http_llm_batch_t *batch)
{
    while (batch->nfilters) {
        ngx_http_llm_live_filter_free(batch->filters[--batch->nfilters]);
    }

    batch->busy = 0;
}


static void
ngx_http_llm_feed_poll(void)
{
    ngx_queue_t             *q;
    ngx_http_llm_batch_t    *batch;
    ngx_http_llm_watcher_t  *watcher;

    batch = ngx_http_llm_feed.batch;

    batch->number++;
    batch->first = ngx_http_llm_feed.next;
    batch->wanted = 0;
    batch->budgets = 0;
    batch->left = 0;
    ngx_memzero(batch->forms, sizeof(batch->forms));

    for (q = ngx_queue_head(&ngx_http_llm_feed.watchers);
         q != ngx_queue_sentinel(&ngx_http_llm_feed.watchers);
         q = ngx_queue_next(q))
    {
        watcher = ngx_queue_data(q, ngx_http_llm_watcher_t, queue);
        batch->lmcf = watcher->lmcf;

        if (watcher->state == NGX_HTTP_LLM_LIVE_NEW) {
            watcher->asked = 1;
        }

        if (watcher->state != NGX_HTTP_LLM_LIVE_NOW) {
            continue;
        }

        batch->wanted = 1;
        batch->forms[watcher->form] = 1;
        batch->budgets |= watcher->budgets;

        ngx_http_llm_batch_filter(batch, watcher->filter);
    }

    batch->task.event.handler = ngx_http_llm_batch_done;
    batch->busy = 1;

    if (ngx_http_llm_batch_matches(batch) != NGX_OK
        || ngx_thread_task_post(batch->lmcf->thread_pool, &batch->task)
           != NGX_OK)
    {
        ngx_http_llm_batch_end(batch);
    }
}


/* the rows that the filter lets through, runs of them at once */
static void
ngx_http_llm_feed_rows(ngx_http_llm_batch_t *batch,
    ngx_http_llm_watcher_t *watcher, const uint64_t *matches)
{
    size_t      *ends;
    ngx_uint_t   i, from;

    ends = batch->ends[watcher->form];

    for (i = 0; i < batch->n; i++) {

        if (!(matches[i / 64] >> (i % 64) & 1)) {
            continue;
        }

        from = i;

        while (i + 1 < batch->n && (matches[(i + 1) / 64] >> ((i + 1) % 64)
                                    & 1))
        {
            i++;
        }

        llm_buf_append(&watcher->waiting,
                       batch->text[watcher->form].data + ends[from],
                       ends[i + 1] - ends[from]);
    }
}


static void
ngx_http_llm_feed_budgets(ngx_http_llm_batch_t *batch,
    ngx_http_llm_watcher_t *watcher, const uint64_t *matches)
{
    size_t                       *ends;
    ngx_str_t                    *own;
    ngx_uint_t                    i, w, hit;
    ngx_http_llm_live_account_t  *account;

    ends = batch->budget_ends[watcher->form];
    own = watcher->key ? &watcher->key->name : NULL;

    for (i = 0; i < batch->naccounts; i++) {
        account = &batch->accounts[i];

        if (own && (account->kind != LLM_ACCOUNT_VIRTUAL_KEY
                    || account->len != own->len
                    || ngx_memcmp(account->name, own->data, own->len) != 0))
        {
            continue;
        }

        hit = 0;

        for (w = 0; w < NGX_HTTP_LLM_LIVE_WORDS; w++) {
            hit |= (account->rows[w] & matches[w]) != 0;
        }

        if (hit) {
            llm_buf_append(&watcher->waiting,
                           batch->budget[watcher->form].data + ends[i],
                           ends[i + 1] - ends[i]);
        }
    }
}


/* one who is live gets the batch, or reads on by themselves */
static void
ngx_http_llm_feed_give(ngx_http_llm_batch_t *batch,
    ngx_http_llm_watcher_t *watcher)
{
    uint64_t  *matches;

    if (!watcher->requests && !watcher->budgets) {
        watcher->next = batch->next;
        return;
    }

    if (batch->n == 0 || watcher->filter->batch != batch->number
        || !batch->forms[watcher->form]
        || ngx_http_llm_watcher_queued(watcher) > NGX_HTTP_LLM_LIVE_FULL)
    {
        if (!watcher->requests) {
            watcher->next = batch->next;
            return;
        }

        watcher->state = NGX_HTTP_LLM_LIVE_WAITING;
        batch->left = 1;
        return;
    }

    matches = batch->matches[watcher->filter->index];
    watcher->next = batch->next;

    if (watcher->requests) {
        ngx_http_llm_feed_rows(batch, watcher, matches);
    }

    if (watcher->budgets) {
        ngx_http_llm_feed_budgets(batch, watcher, matches);
    }

    if (watcher->waiting.len) {
        ngx_http_llm_watcher_flush(watcher);
    }
}


/* NGX_AGAIN: others have their turn first */
static ngx_int_t
ngx_http_llm_feed_share(ngx_http_llm_batch_t *batch)
{
    ngx_uint_t               n;
    ngx_queue_t             *q, *next;
    ngx_http_llm_watcher_t  *watcher;

    n = 0;

    for (q = ngx_queue_head(&ngx_http_llm_feed.watchers);
         q != ngx_queue_sentinel(&ngx_http_llm_feed.watchers);
         q = next)
    {
        next = ngx_queue_next(q);
        watcher = ngx_queue_data(q, ngx_http_llm_watcher_t, queue);

        if (watcher->state != NGX_HTTP_LLM_LIVE_NOW
            || watcher->next != batch->first)
        {
            continue;
        }

        if (n++ == NGX_HTTP_LLM_LIVE_SLICE) {
            return NGX_AGAIN;
        }

        ngx_http_llm_feed_give(batch, watcher);
    }

    return NGX_OK;
}


static void
ngx_http_llm_feed_each(void (*handler)(ngx_http_llm_watcher_t *watcher))
{
    ngx_queue_t  *q, *next;

    for (q = ngx_queue_head(&ngx_http_llm_feed.watchers);
         q != ngx_queue_sentinel(&ngx_http_llm_feed.watchers);
         q = next)
    {
        next = ngx_queue_next(q);
        handler(ngx_queue_data(q, ngx_http_llm_watcher_t, queue));
    }
}


static void
ngx_http_llm_feed_left(ngx_http_llm_watcher_t *watcher)
{
    if (watcher->state == NGX_HTTP_LLM_LIVE_WAITING) {
        ngx_http_llm_watcher_flush(watcher);
    }
}


/* a poll told where the log ends */
static void
ngx_http_llm_feed_known(ngx_http_llm_watcher_t *watcher)
{
    uint64_t  end;

    if (watcher->state != NGX_HTTP_LLM_LIVE_NEW) {
        return;
    }

    end = ngx_http_llm_feed.batch->end;

    if (watcher->asked && watcher->next > end) {
        watcher->next = end;
    }

    ngx_http_llm_feed_begin(watcher);
}


/* the batch is there, or a part of the watchers still has to get it */
static void
ngx_http_llm_feed_deliver(ngx_http_llm_batch_t *batch)
{
    ngx_uint_t  full;

    if (batch->next != batch->first
        && ngx_http_llm_feed_share(batch) == NGX_AGAIN)
    {
        ngx_http_llm_feed_again(1);
        return;
    }

    full = batch->full;
    batch->n = 0;
    ngx_http_llm_feed.next = batch->next;

    ngx_http_llm_batch_end(batch);
    ngx_http_llm_feed_each(ngx_http_llm_feed_known);

    if (batch->left) {
        ngx_http_llm_feed_each(ngx_http_llm_feed_left);
    }

    if (full && !ngx_queue_empty(&ngx_http_llm_feed.watchers)) {
        ngx_http_llm_feed_again(1);
    }
}


static void
ngx_http_llm_feed_blind(ngx_http_llm_watcher_t *watcher)
{
    ngx_http_llm_watcher_close(watcher, WSLAY_CODE_INTERNAL_SERVER_ERROR,
                               "the log cannot be read");
}


/* nobody is to take silence for an answer */
static void
ngx_http_llm_batch_failed(ngx_http_llm_batch_t *batch)
{
    ngx_http_llm_batch_end(batch);

    if (ngx_current_msec - ngx_http_llm_feed.read
        > NGX_HTTP_LLM_LIVE_BLIND)
    {
        ngx_http_llm_feed.read = ngx_current_msec;
        ngx_http_llm_feed_each(ngx_http_llm_feed_blind);
    }
}


static void
ngx_http_llm_batch_done(ngx_event_t *ev)
{
    ngx_http_llm_batch_t *batch = ev->data;

    if (batch->failed) {
        ngx_http_llm_batch_failed(batch);
        return;
    }

    ngx_http_llm_feed.read = ngx_current_msec;

    if (ngx_queue_empty(&ngx_http_llm_feed.watchers)
        || (batch->first && batch->first != ngx_http_llm_feed.next))
    {
        ngx_http_llm_batch_end(batch);
        return;
    }

    if (batch->first == 0) {
        ngx_http_llm_feed.next = batch->next;
        ngx_http_llm_batch_end(batch);
        ngx_http_llm_feed_each(ngx_http_llm_feed_known);
        return;
    }

    batch->busy = 2;

    if (batch->naccounts) {
        ngx_http_llm_live_budgets(batch);
    }

    ngx_http_llm_feed_deliver(batch);
}


static void
ngx_http_llm_feed_leave(ngx_http_llm_watcher_t *watcher)
{
    if (watcher->state == NGX_HTTP_LLM_LIVE_CLOSING) {
        ngx_http_llm_watcher_end(watcher, NGX_HTTP_CLOSE);
        return;
    }

    ngx_http_llm_watcher_close(watcher, WSLAY_CODE_GOING_AWAY,
                               "the gateway reloads");
}


static void
ngx_http_llm_feed_tick(ngx_event_t *ev)
{
    ngx_http_llm_batch_t  *batch;

    batch = ngx_http_llm_feed.batch;

    if (ngx_exiting) {
        ngx_http_llm_feed_each(ngx_http_llm_feed_leave);
        return;
    }

    if (ngx_current_msec - ngx_http_llm_feed.looked >= 1000) {
        ngx_http_llm_feed.looked = ngx_current_msec;
        ngx_http_llm_feed_each(ngx_http_llm_watcher_look);
    }

    if (ngx_queue_empty(&ngx_http_llm_feed.watchers)) {

        if (batch->busy == 2) {
            ngx_http_llm_batch_end(batch);
        }

        ngx_http_llm_feed.next = 0;
        return;
    }

    ngx_http_llm_feed_again(NGX_HTTP_LLM_LIVE_POLL);

    if (batch->busy == 2) {
        ngx_http_llm_feed_deliver(batch);

    } else if (batch->busy == 0) {
        ngx_http_llm_feed_poll();
    }
}

#endif
