/*
 * Filters of watchers: those who ask for the same share one, so that a row is
 * looked at once for all of them.
 */

#include "live.h"


#if (NGX_THREADS)

ngx_http_llm_live_filter_t *
ngx_http_llm_live_filter(llm_filter_t *filter, const llm_buf_t *text,
    ngx_uint_t shared)
{
    ngx_queue_t                 *q, *filters;
    ngx_http_llm_live_filter_t  *known;

    filters = &ngx_http_llm_feed.filters;

    for (q = ngx_queue_head(filters);
         shared && q != ngx_queue_sentinel(filters);
         q = ngx_queue_next(q))
    {
        known = ngx_queue_data(q, ngx_http_llm_live_filter_t, queue);

        if (known->shared
            && llm_str_eq((llm_str_t) { known->text.data, known->text.len },
                          (llm_str_t) { text->data, text->len }))
        {
            llm_filter_free(filter);
            known->refs++;
            return known;
        }
    }

    known = ngx_calloc(sizeof(ngx_http_llm_live_filter_t), ngx_cycle->log);
    if (known == NULL) {
        llm_filter_free(filter);
        return NULL;
    }

    known->refs = 1;
    known->shared = shared;
    known->filter = filter;

    if (text->len == 0) {
        /* nothing is asked for: everything */
        llm_filter_free(filter);
        known->filter = NULL;
    }

    llm_buf_init(&known->text, text->len);
    llm_buf_append(&known->text, text->data, text->len);

    if (known->text.failed) {
        known->shared = 0;
    }

    ngx_queue_insert_tail(filters, &known->queue);

    return known;
}


void
ngx_http_llm_live_filter_free(ngx_http_llm_live_filter_t *filter)
{
    if (--filter->refs) {
        return;
    }

    ngx_queue_remove(&filter->queue);
    llm_buf_free(&filter->text);
    llm_filter_free(filter->filter);
    ngx_free(filter);
}

#endif
