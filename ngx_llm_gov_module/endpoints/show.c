/*
 * Names, amounts and times.
 */

#include "show.h"
#include "../wire/utc.h"

#include <inttypes.h>


static const llm_str_t  ngx_http_llm_kinds[] = {
    [LLM_ACCOUNT_CUSTOMER] = llm_str("customer"),
    [LLM_ACCOUNT_TEAM] = llm_str("team"),
    [LLM_ACCOUNT_VIRTUAL_KEY] = llm_str("virtual_key"),
    [LLM_ACCOUNT_PROVIDER] = llm_str("provider")
};

static const llm_str_t  ngx_http_llm_metrics[] = {
    [LLM_METRIC_COST] = llm_str("cost"),
    [LLM_METRIC_REQUESTS] = llm_str("requests"),
    [LLM_METRIC_TOKENS] = llm_str("tokens"),
    [LLM_METRIC_INPUT_TOKENS] = llm_str("input_tokens"),
    [LLM_METRIC_OUTPUT_TOKENS] = llm_str("output_tokens"),
    [LLM_METRIC_CONCURRENCY] = llm_str("concurrency")
};

static const llm_str_t  ngx_http_llm_modes[] = {
    [LLM_LIMIT_NORMAL] = llm_str("normal"),
    [LLM_LIMIT_HARD] = llm_str("hard"),
    [LLM_LIMIT_SOFT] = llm_str("soft")
};


llm_str_t
ngx_http_llm_kind_name(llm_account_kind_t kind)
{
    return ngx_http_llm_kinds[kind];
}


llm_str_t
ngx_http_llm_metric_name(llm_metric_t metric)
{
    return ngx_http_llm_metrics[metric];
}


llm_str_t
ngx_http_llm_mode_name(llm_limit_mode_t mode)
{
    return ngx_http_llm_modes[mode];
}


llm_str_t
ngx_http_llm_limit_window(const llm_limit_t *limit, char text[16])
{
    llm_str_t  window;

    window.data = text;
    window.len = (limit->metric == LLM_METRIC_CONCURRENCY)
                 ? 0 : llm_window_text(limit->window, text);

    return window;
}


llm_str_t
ngx_http_llm_cstr(const char *text, size_t size)
{
    return (llm_str_t) { text, strnlen(text, size) };
}


void
ngx_http_llm_show_amount(llm_buf_t *buf, llm_metric_t metric, int64_t amount)
{
    if (metric == LLM_METRIC_COST) {
        llm_buf_dollars(buf, amount);
        return;
    }

    llm_buf_printf(buf, "%" PRId64, amount);
}


void
ngx_http_llm_show_time(llm_buf_t *buf, int64_t ms)
{
    char  text[LLM_UTC_TEXT];

    llm_buf_str(buf, llm_utc_seconds(ms, text));
}


llm_str_t
ngx_http_llm_endpoint_host(const ngx_http_llm_provider_t *provider)
{
    return ngx_http_llm_str(provider->endpoint.authority);
}


double
ngx_http_llm_quantile(const llm_histogram_t *histogram,
    const uint32_t *bounds, ngx_uint_t n, double quantile)
{
    double      rank, below, low;
    ngx_uint_t  i;

    if (histogram->count == 0) {
        return 0;
    }

    low = 0;
    below = 0;
    rank = quantile * (double) histogram->count;

    for (i = 0; i < n - 1; i++) {

        if (below + (double) histogram->bucket[i] >= rank
            && histogram->bucket[i])
        {
            return low + (bounds[i] - low) * (rank - below)
                         / (double) histogram->bucket[i];
        }

        below += (double) histogram->bucket[i];
        low = bounds[i];
    }

    return low;
}


static llm_str_t
ngx_http_llm_account_name(const llm_account_t *account)
{
    if (account == NULL) {
        return llm_str("none");
    }

    return (llm_str_t) { account->name, account->name_len };
}


/* no call has these labels */
static ngx_uint_t
ngx_http_llm_series_other(const ngx_http_llm_labels_t *labels)
{
    return labels->virtual_key == NULL
           && labels->provider == NULL
           && labels->api == LLM_API_NONE
           && labels->model_len == 5
           && ngx_memcmp(labels->model, "other", 5) == 0;
}


ngx_http_llm_series_names_t
ngx_http_llm_series_names(const ngx_http_llm_labels_t *labels)
{
    ngx_http_llm_series_names_t  names;

    if (ngx_http_llm_series_other(labels)) {
        names.virtual_key = llm_str("other");
        names.provider = llm_str("other");
        names.model = llm_str("other");
        names.api = llm_str("other");

        return names;
    }

    names.virtual_key = ngx_http_llm_account_name(labels->virtual_key);
    names.provider = ngx_http_llm_account_name(labels->provider);
    names.model.data = labels->model;
    names.model.len = labels->model_len;
    names.api = llm_api_name(labels->api);

    return names;
}
