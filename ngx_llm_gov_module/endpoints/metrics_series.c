/*
 * What was counted request by request.
 */

#include "metrics.h"

#include <inttypes.h>


static void
ngx_http_llm_entry_labels(ngx_http_llm_metrics_t *metrics,
    const ngx_http_llm_labels_t *labels)
{
    ngx_http_llm_series_names_t  names;

    names = ngx_http_llm_series_names(labels);

    ngx_http_llm_labels_reset(metrics);
    ngx_http_llm_label(metrics, "virtual_key", names.virtual_key);
    ngx_http_llm_label(metrics, "provider", names.provider);
    ngx_http_llm_label(metrics, "model", names.model);
    ngx_http_llm_label(metrics, "api", names.api);
}


static void
ngx_http_llm_entry_samples(ngx_http_llm_metrics_t *metrics,
    const llm_series_entry_t *entry)
{
    llm_buf_t   *buf;
    ngx_uint_t   i;

    struct {
        const char  *kind;
        uint64_t     tokens;
    } kinds[] = {
        { "input", entry->input },
        { "output", entry->output },
        { "cache_read", entry->cache_read },
        { "cache_write_5m", entry->cache_write_5m },
        { "cache_write_1h", entry->cache_write_1h }
    };

    for (i = 0; i < LLM_OUTCOMES; i++) {
        buf = ngx_http_llm_sample_with(metrics, NGX_HTTP_LLM_M_REQUESTS,
                                       "outcome",
                                       llm_outcome_text(i).data);
        llm_buf_printf(buf, "%" PRIu64 "\n", entry->requests[i]);
    }

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        buf = ngx_http_llm_sample_with(metrics, NGX_HTTP_LLM_M_TOKENS, "kind",
                                       kinds[i].kind);
        llm_buf_printf(buf, "%" PRIu64 "\n", kinds[i].tokens);
    }

    buf = ngx_http_llm_sample(metrics, NGX_HTTP_LLM_M_COST);
    llm_buf_dollars(buf, entry->cost);
    llm_buf_append(buf, "\n", 1);
}


static ngx_int_t
ngx_http_llm_metrics_entries(ngx_http_llm_metrics_t *metrics)
{
    ngx_uint_t           i, n, index;
    llm_series_entry_t  *entries;

    entries = ngx_palloc(metrics->pool,
                         NGX_HTTP_LLM_ENTRIES * sizeof(llm_series_entry_t));
    if (entries == NULL) {
        return NGX_ERROR;
    }

    index = 0;

    while (index < NGX_HTTP_LLM_SERIES_MAX) {
        n = ngx_http_llm_entries(metrics->lmcf, entries, &index);

        for (i = 0; i < n; i++) {
            ngx_http_llm_entry_labels(metrics, &entries[i].labels);
            ngx_http_llm_entry_samples(metrics, &entries[i]);
        }
    }

    return NGX_OK;
}


static void
ngx_http_llm_metrics_calls(ngx_http_llm_metrics_t *metrics)
{
    llm_buf_t              *buf;
    ngx_uint_t              i, index;
    llm_provider_series_t   entry;

    index = 0;

    while (ngx_http_llm_provider_entry(metrics->lmcf, &entry, &index)) {

        ngx_http_llm_labels_reset(metrics);
        ngx_http_llm_label(metrics, "provider",
                           (llm_str_t) { entry.provider->name,
                                         entry.provider->name_len });

        ngx_http_llm_sample_histogram(metrics, NGX_HTTP_LLM_M_DURATION,
                                      &entry.latency_ms,
                                      llm_latency_bounds_ms,
                                      LLM_LATENCY_BUCKETS, 1000000);
        ngx_http_llm_sample_histogram(metrics, NGX_HTTP_LLM_M_FIRST_TOKEN,
                                      &entry.first_token_ms,
                                      llm_latency_bounds_ms,
                                      LLM_LATENCY_BUCKETS, 1000000);

        for (i = 0; i < NGX_HTTP_LLM_ATTEMPTS; i++) {
            buf = ngx_http_llm_sample_with(metrics, NGX_HTTP_LLM_M_ATTEMPTS,
                                           "result",
                                           llm_attempt_result_text(i).data);
            llm_buf_printf(buf, "%" PRIu64 "\n", entry.attempts[i]);
        }
    }
}


ngx_int_t
ngx_http_llm_metrics_series(ngx_http_llm_metrics_t *metrics)
{
    ngx_http_llm_metrics_calls(metrics);

    return ngx_http_llm_metrics_entries(metrics);
}
