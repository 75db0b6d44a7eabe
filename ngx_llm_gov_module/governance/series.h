/*
 * Metrics in shared memory: a bounded number of series, the rest folded into
 * one named "other"; histograms with fixed buckets.  The caller holds the
 * zone's lock.  Pure C.
 */

#ifndef LLM_SERIES_H
#define LLM_SERIES_H

#include "../dialects/refusal.h"
#include "../pricing/price.h"
#include "ledger.h"


#define NGX_HTTP_LLM_SERIES_MAX   2048
#define NGX_HTTP_LLM_MODEL_SIZE   96


typedef enum {
    LLM_OUTCOME_OK = 0,             /* the provider answered, usage exact */
    LLM_OUTCOME_ESTIMATED,          /* charged, but as estimated */
    LLM_OUTCOME_UNPRICED,           /* answered and counted, no price known */
    LLM_OUTCOME_CLIENT_ERROR,       /* the provider refused the request */
    LLM_OUTCOME_PROVIDER_ERROR,     /* no provider answered well */
    LLM_OUTCOMES
} llm_outcome_t;


/* what a series is told apart by; accounts are pointers into the zone */
typedef struct {
    llm_account_t  *virtual_key;
    llm_account_t  *provider;       /* NULL: none was chosen */
    llm_api_t       api;            /* as the client called */
    uint8_t         model_len;
    char            model[NGX_HTTP_LLM_MODEL_SIZE];     /* as served */
} ngx_http_llm_labels_t;


/* upper bounds, in milliseconds and in microseconds; the last is +Inf */
extern const uint32_t  llm_latency_bounds_ms[];
extern const uint32_t  llm_overhead_bounds_us[];

#define LLM_LATENCY_BUCKETS   18
#define LLM_OVERHEAD_BUCKETS  14


typedef struct {
    uint64_t   count;
    uint64_t   sum;                 /* ms or µs */
    uint64_t   bucket[LLM_LATENCY_BUCKETS];     /* not cumulative */
} llm_histogram_t;


typedef struct {
    ngx_http_llm_labels_t   labels;
    uint64_t                hash;           /* 0: free */
    uint64_t                requests[LLM_OUTCOMES];
    uint64_t                input, output, cache_read, cache_write_5m,
                            cache_write_1h;
    int64_t                 cost;           /* nanodollars */
    uint64_t                attempts;
} llm_series_entry_t;


/* per provider: found by its account */
typedef struct {
    llm_account_t          *provider;
    llm_histogram_t         latency_ms;
    llm_histogram_t         first_token_ms;
    uint64_t                attempts[8];    /* by llm_attempt_result_t */
} llm_provider_series_t;


typedef enum {
    LLM_ATTEMPT_OK = 0,
    LLM_ATTEMPT_CLIENT_ERROR,
    LLM_ATTEMPT_THROTTLED,
    LLM_ATTEMPT_SERVER_ERROR,
    LLM_ATTEMPT_EXCEPTION,          /* in the event stream */
    LLM_ATTEMPT_CONNECT,            /* connect or TLS failed */
    LLM_ATTEMPT_TIMEOUT,
    LLM_ATTEMPT_BROKEN              /* reset, truncated, garbage */
} llm_attempt_result_t;


#define NGX_HTTP_LLM_PROVIDERS_MAX  256

typedef struct ngx_http_llm_series_s {
    unsigned                nentries;
    llm_series_entry_t      entries[NGX_HTTP_LLM_SERIES_MAX];
                            /* open addressing; [0] is "other" */
    llm_provider_series_t   providers[NGX_HTTP_LLM_PROVIDERS_MAX];
    uint64_t                refusals[LLM_REFUSE_REASONS];
    llm_histogram_t         overhead_us;
    uint64_t                unpriced_models;    /* requests for them */
    char                    unpriced[16][NGX_HTTP_LLM_MODEL_SIZE];
                            /* their names, the latest */
    uint64_t                mismatches;     /* calls whose provider reported
                                               its usage twice, differently */
    uint64_t                client_aborts;
    uint64_t                drained;            /* of those, to the usage */
} ngx_http_llm_series_t;


/* adds one settled request; usage of a request that cost nothing may be zero */
void llm_series_add(ngx_http_llm_series_t *series,
    const ngx_http_llm_labels_t *labels, llm_outcome_t outcome,
    const llm_usage_t *usage, int64_t cost, unsigned attempts);

/* latency_ms and first_token_ms: -1 where there is none */
void llm_series_attempt(ngx_http_llm_series_t *series, llm_account_t *provider,
    llm_attempt_result_t result, int64_t latency_ms, int64_t first_token_ms);

void llm_series_overhead(ngx_http_llm_series_t *series, uint64_t us);
void llm_series_refused(ngx_http_llm_series_t *series,
    llm_refusal_reason_t reason);
void llm_series_unpriced(ngx_http_llm_series_t *series, llm_str_t model);


#endif /* LLM_SERIES_H */
