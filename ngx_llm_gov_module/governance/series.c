/*
 * Metrics.  Look-ups take a bounded number of steps, whatever labels come.
 */

#include "series.h"


/* the table is open addressing: it stays fast while a quarter is free */
#define LLM_SERIES_FULL   (NGX_HTTP_LLM_SERIES_MAX / 4 * 3)
#define LLM_SERIES_STEPS  32

#define LLM_UNPRICED      16


const uint32_t  llm_latency_bounds_ms[] = {
    25, 50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 10000,
    20000, 30000, 60000, 120000, UINT32_MAX
};

const uint32_t  llm_overhead_bounds_us[] = {
    10, 25, 50, 75, 100, 150, 250, 500, 1000, 2500, 5000, 10000, 50000,
    UINT32_MAX
};


_Static_assert(sizeof(llm_latency_bounds_ms)
               == LLM_LATENCY_BUCKETS * sizeof(uint32_t), "bounds");
_Static_assert(sizeof(llm_overhead_bounds_us)
               == LLM_OVERHEAD_BUCKETS * sizeof(uint32_t), "bounds");
_Static_assert(LLM_OVERHEAD_BUCKETS <= LLM_LATENCY_BUCKETS, "bounds");


static uint64_t
llm_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15;

    return hash ^ hash >> 32;
}


static uint64_t
llm_labels_hash(const ngx_http_llm_labels_t *labels)
{
    size_t    i, n;
    uint64_t  hash, word;

    hash = llm_mix(0, (uintptr_t) labels->virtual_key);
    hash = llm_mix(hash, (uintptr_t) labels->provider);
    hash = llm_mix(hash, labels->api);
    hash = llm_mix(hash, labels->model_len);

    for (i = 0; i < labels->model_len; i += n) {
        n = labels->model_len - i;
        n = (n < sizeof(word)) ? n : sizeof(word);
        word = 0;
        memcpy(&word, labels->model + i, n);
        hash = llm_mix(hash, word);
    }

    return hash ? hash : 1;
}


static bool
llm_labels_eq(const ngx_http_llm_labels_t *a, const ngx_http_llm_labels_t *b)
{
    return a->virtual_key == b->virtual_key
           && a->provider == b->provider
           && a->api == b->api
           && a->model_len == b->model_len
           && memcmp(a->model, b->model, a->model_len) == 0;
}


/* the one that all others are folded into */
static llm_series_entry_t *
llm_series_other(ngx_http_llm_series_t *series)
{
    llm_series_entry_t  *other;

    other = &series->entries[0];

    if (other->hash == 0) {
        other->hash = 1;
        other->labels.model_len = 5;
        memcpy(other->labels.model, "other", 5);
    }

    return other;
}


static llm_series_entry_t *
llm_series_find(ngx_http_llm_series_t *series,
    const ngx_http_llm_labels_t *labels)
{
    uint64_t             hash;
    unsigned             i, step;
    llm_series_entry_t  *entry;

    if (labels->model_len > NGX_HTTP_LLM_MODEL_SIZE) {
        return llm_series_other(series);
    }

    hash = llm_labels_hash(labels);
    i = (unsigned) (hash % (NGX_HTTP_LLM_SERIES_MAX - 1));

    for (step = 0; step < LLM_SERIES_STEPS; step++) {
        entry = &series->entries[1 + i];

        if (entry->hash == hash && llm_labels_eq(&entry->labels, labels)) {
            return entry;
        }

        if (entry->hash == 0) {
            if (series->nentries >= LLM_SERIES_FULL) {
                break;
            }

            series->nentries++;
            entry->hash = hash;
            entry->labels = *labels;

            return entry;
        }

        i = (i + 1) % (NGX_HTTP_LLM_SERIES_MAX - 1);
    }

    return llm_series_other(series);
}


static uint64_t
llm_count(int64_t value)
{
    return value > 0 ? (uint64_t) value : 0;
}


void
llm_series_add(ngx_http_llm_series_t *series,
    const ngx_http_llm_labels_t *labels, llm_outcome_t outcome,
    const llm_usage_t *usage, int64_t cost, unsigned attempts)
{
    llm_series_entry_t  *entry;

    entry = llm_series_find(series, labels);

    entry->requests[outcome]++;
    entry->attempts += attempts;

    entry->input += llm_count(usage->input);
    entry->output += llm_count(usage->output);
    entry->cache_read += llm_count(usage->cache_read);
    entry->cache_write_5m += llm_count(usage->cache_write_5m);
    entry->cache_write_1h += llm_count(usage->cache_write_1h);

    if (__builtin_add_overflow(entry->cost, cost, &entry->cost)) {
        entry->cost = INT64_MAX;
    }
}


static void
llm_histogram_add(llm_histogram_t *histogram, const uint32_t *bounds,
    unsigned n, uint64_t value)
{
    unsigned  i;

    for (i = 0; i < n - 1 && value > bounds[i]; i++) { /* void */ }

    histogram->bucket[i]++;
    histogram->count++;
    histogram->sum += value;
}


/* NULL: more providers than there is place for */
static llm_provider_series_t *
llm_provider_find(ngx_http_llm_series_t *series, llm_account_t *provider)
{
    unsigned                i, step;
    llm_provider_series_t  *entry;

    i = (unsigned) (llm_mix(0, (uintptr_t) provider)
                    % NGX_HTTP_LLM_PROVIDERS_MAX);

    for (step = 0; step < NGX_HTTP_LLM_PROVIDERS_MAX; step++) {
        entry = &series->providers[i];

        if (entry->provider == NULL) {
            entry->provider = provider;
        }

        if (entry->provider == provider) {
            return entry;
        }

        i = (i + 1) % NGX_HTTP_LLM_PROVIDERS_MAX;
    }

    return NULL;
}


void
llm_series_attempt(ngx_http_llm_series_t *series, llm_account_t *provider,
    llm_attempt_result_t result, int64_t latency_ms, int64_t first_token_ms)
{
    llm_provider_series_t  *entry;

    entry = llm_provider_find(series, provider);

    if (entry == NULL) {
        return;
    }

    entry->attempts[result]++;

    if (latency_ms >= 0) {
        llm_histogram_add(&entry->latency_ms, llm_latency_bounds_ms,
                          LLM_LATENCY_BUCKETS, (uint64_t) latency_ms);
    }

    if (first_token_ms >= 0) {
        llm_histogram_add(&entry->first_token_ms, llm_latency_bounds_ms,
                          LLM_LATENCY_BUCKETS, (uint64_t) first_token_ms);
    }
}


void
llm_series_overhead(ngx_http_llm_series_t *series, uint64_t us)
{
    llm_histogram_add(&series->overhead_us, llm_overhead_bounds_us,
                      LLM_OVERHEAD_BUCKETS, us);
}


void
llm_series_refused(ngx_http_llm_series_t *series, llm_refusal_reason_t reason)
{
    series->refusals[reason]++;
}


/* Counts the request and keeps the name, NUL-terminated, the newest first; a
 * long one is cut between two characters. */
void
llm_series_unpriced(ngx_http_llm_series_t *series, llm_str_t model)
{
    char      *name;
    unsigned   i;

    series->unpriced_models++;

    if (model.len == 0) {
        return;
    }

    if (model.len > NGX_HTTP_LLM_MODEL_SIZE - 1) {
        model.len = NGX_HTTP_LLM_MODEL_SIZE - 1;

        while (model.len > 0 && (model.data[model.len] & 0xc0) == 0x80) {
            model.len--;
        }
    }

    for (i = 0; i < LLM_UNPRICED; i++) {
        name = series->unpriced[i];

        if (name[model.len] == '\0'
            && memcmp(name, model.data, model.len) == 0)
        {
            return;
        }
    }

    memmove(series->unpriced[1], series->unpriced[0],
            (LLM_UNPRICED - 1) * NGX_HTTP_LLM_MODEL_SIZE);
    memcpy(series->unpriced[0], model.data, model.len);
    memset(series->unpriced[0] + model.len, 0,
           NGX_HTTP_LLM_MODEL_SIZE - model.len);
}
