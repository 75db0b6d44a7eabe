/*
 * Metrics: bounded, whatever comes.
 */

#include "governance/series.h"
#include "tap.h"

#include <stdlib.h>


static ngx_http_llm_labels_t
labels(llm_account_t *key, llm_account_t *provider, const char *model)
{
    ngx_http_llm_labels_t  l;

    memset(&l, 0, sizeof(l));
    l.virtual_key = key;
    l.provider = provider;
    l.api = LLM_API_BEDROCK_CONVERSE;
    l.model_len = (uint8_t) strlen(model);
    memcpy(l.model, model, l.model_len);

    return l;
}


static llm_series_entry_t *
entry(ngx_http_llm_series_t *s, const char *model)
{
    unsigned  i;

    for (i = 0; i < NGX_HTTP_LLM_SERIES_MAX; i++) {
        if (s->entries[i].hash != 0
            && s->entries[i].labels.model_len == strlen(model)
            && memcmp(s->entries[i].labels.model, model, strlen(model)) == 0)
        {
            return &s->entries[i];
        }
    }

    return NULL;
}


static void
sums(ngx_http_llm_series_t *s)
{
    llm_usage_t            usage;
    llm_account_t          key, provider;
    llm_series_entry_t    *e;
    ngx_http_llm_labels_t  l;

    memset(&usage, 0, sizeof(usage));
    usage.input = 1;
    usage.output = 2;
    usage.cache_read = 3;
    usage.cache_write_5m = 4;
    usage.cache_write_1h = 5;

    l = labels(&key, &provider, "a");
    llm_series_add(s, &l, LLM_OUTCOME_OK, &usage, 100, 1);
    llm_series_add(s, &l, LLM_OUTCOME_OK, &usage, 100, 2);
    llm_series_add(s, &l, LLM_OUTCOME_ESTIMATED, &usage, 5, 1);
    l = labels(&key, NULL, "b");
    llm_series_add(s, &l, LLM_OUTCOME_PROVIDER_ERROR, &usage, 0, 3);

    e = entry(s, "a");
    ok(e != NULL && e->requests[LLM_OUTCOME_OK] == 2
       && e->requests[LLM_OUTCOME_ESTIMATED] == 1 && e->cost == 205
       && e->attempts == 4 && e->input == 3 && e->output == 6
       && e->cache_read == 9 && e->cache_write_5m == 12
       && e->cache_write_1h == 15, "one series sums up");
    ok(s->nentries == 2 && entry(s, "b")->attempts == 3, "another is apart");

    usage.input = -5;
    l = labels(&key, &provider, "c");
    llm_series_add(s, &l, LLM_OUTCOME_OK, &usage, INT64_MAX, 1);
    llm_series_add(s, &l, LLM_OUTCOME_OK, &usage, INT64_MAX, 1);
    ok(entry(s, "c")->cost == INT64_MAX && entry(s, "c")->input == 0,
       "sums stop at the end");
}


static void
bounded(ngx_http_llm_series_t *s)
{
    char                   model[32];
    uint64_t               requests;
    unsigned               i, used;
    llm_usage_t            usage;
    llm_account_t          key;
    ngx_http_llm_labels_t  l;

    memset(&usage, 0, sizeof(usage));

    for (i = 0; i < 100000; i++) {
        snprintf(model, sizeof(model), "model-%u", i);
        l = labels(&key, NULL, model);
        llm_series_add(s, &l, LLM_OUTCOME_OK, &usage, 1, 1);
    }

    used = 0;
    requests = 0;

    for (i = 0; i < NGX_HTTP_LLM_SERIES_MAX; i++) {
        used += s->entries[i].hash != 0;
        requests += s->entries[i].requests[LLM_OUTCOME_OK];
    }

    ok(used <= NGX_HTTP_LLM_SERIES_MAX * 3 / 4 + 1 && used > 1000,
       "100,000 models make %u series", used);
    ok(requests == 100000, "no request is lost");
    ok(memcmp(s->entries[0].labels.model, "other", 5) == 0
       && s->entries[0].requests[LLM_OUTCOME_OK] > 90000,
       "the rest is one series named other");

    l.model_len = 255;
    llm_series_add(s, &l, LLM_OUTCOME_OK, &usage, 1, 1);
    ok(1, "a length beyond the name's size is not followed");
}


static void
attempts(ngx_http_llm_series_t *s)
{
    unsigned                i;
    llm_account_t          *account;
    llm_provider_series_t  *p;

    account = calloc(300, sizeof(llm_account_t));

    llm_series_attempt(s, &account[0], LLM_ATTEMPT_OK, 25, 26);
    llm_series_attempt(s, &account[0], LLM_ATTEMPT_OK, 1000000, -1);
    llm_series_attempt(s, &account[0], LLM_ATTEMPT_TIMEOUT, -1, -1);

    p = s->providers;
    while (p->provider != &account[0]) {
        p++;
    }

    ok(p->attempts[LLM_ATTEMPT_OK] == 2
       && p->attempts[LLM_ATTEMPT_TIMEOUT] == 1
       && p->latency_ms.count == 2 && p->latency_ms.sum == 1000025
       && p->latency_ms.bucket[0] == 1
       && p->latency_ms.bucket[LLM_LATENCY_BUCKETS - 1] == 1
       && p->first_token_ms.count == 1 && p->first_token_ms.bucket[1] == 1,
       "attempts and times of a provider");

    for (i = 0; i < 300; i++) {
        llm_series_attempt(s, &account[i], LLM_ATTEMPT_OK, 1, 1);
    }

    ok(p->attempts[LLM_ATTEMPT_OK] == 3, "300 providers");

    llm_series_overhead(s, 10);
    llm_series_overhead(s, 11);
    llm_series_overhead(s, UINT64_MAX);
    ok(s->overhead_us.bucket[0] == 1 && s->overhead_us.bucket[1] == 1
       && s->overhead_us.bucket[LLM_OVERHEAD_BUCKETS - 1] == 1
       && llm_overhead_bounds_us[LLM_OVERHEAD_BUCKETS - 1] == UINT32_MAX,
       "our own time");

    llm_series_refused(s, LLM_REFUSE_BUDGET);
    ok(s->refusals[LLM_REFUSE_BUDGET] == 1, "refusals");

    free(account);
}


static void
unpriced(ngx_http_llm_series_t *s)
{
    char      name[200];
    unsigned  i;

    llm_series_unpriced(s, llm_str("abc"));
    llm_series_unpriced(s, llm_str("ab"));
    llm_series_unpriced(s, llm_str("abc"));
    llm_series_unpriced(s, (llm_str_t) { NULL, 0 });
    ok(s->unpriced_models == 4 && strcmp(s->unpriced[0], "ab") == 0
       && strcmp(s->unpriced[1], "abc") == 0 && s->unpriced[2][0] == '\0',
       "names of unpriced models, each once");

    for (i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "m%u", i);
        llm_series_unpriced(s, (llm_str_t) { name, strlen(name) });
    }

    ok(strcmp(s->unpriced[0], "m99") == 0
       && strcmp(s->unpriced[15], "m84") == 0,
       "the latest");

    memset(name, 'x', sizeof(name));
    memcpy(name + 93, "\xe2\x82\xac", 3);
    llm_series_unpriced(s, (llm_str_t) { name, sizeof(name) });
    ok(strlen(s->unpriced[0]) == 93, "cut between two characters");
}


int
main(void)
{
    ngx_http_llm_series_t  *s;

    s = calloc(1, sizeof(*s));
    sums(s);
    memset(s, 0, sizeof(*s));
    bounded(s);
    attempts(s);
    unpriced(s);

    printf("# %zu bytes\n", sizeof(*s));
    free(s);

    return plan_done();
}
