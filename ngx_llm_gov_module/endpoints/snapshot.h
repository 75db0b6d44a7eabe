/*
 * What the endpoints show, copied out of the zone: each call here takes the
 * lock once, for one bounded piece, and nothing is formatted under it.  So an
 * account is consistent in itself; two accounts may be some microseconds apart.
 */

#ifndef NGX_HTTP_LLM_SNAPSHOT_H
#define NGX_HTTP_LLM_SNAPSHOT_H

#include "../governance/zone.h"


#define NGX_HTTP_LLM_UNPRICED_SHOWN  16
#define NGX_HTTP_LLM_ATTEMPTS        (LLM_ATTEMPT_BROKEN + 1)
#define NGX_HTTP_LLM_ENTRIES         32     /* series copied at a time */


/* nanodollars or a count, as the limit's metric says */
typedef struct {
    const llm_limit_t          *limit;
    int64_t                     used;
    int64_t                     held;
    int64_t                     remaining;  /* never below 0 */
    int64_t                     reset_ms;   /* since the epoch; 0: never */
} ngx_http_llm_limit_state_t;


/* a tenant or a provider; zeroed by the caller before its first use */
typedef struct {
    llm_account_kind_t          kind;
    ngx_str_t                   name;
    ngx_http_llm_tenant_t      *tenant;     /* NULL: a provider */
    ngx_http_llm_provider_t    *provider;   /* NULL: a tenant */

    llm_amounts_t               spent;      /* in all */
    llm_amounts_t               held;       /* requests: those in flight */
    uint64_t                    refused;

    ngx_http_llm_limit_state_t *limits;
    ngx_uint_t                  nlimits;
    ngx_uint_t                  nalloc;

    /* providers */
    llm_health_t                health;
    uint64_t                    attempts[NGX_HTTP_LLM_ATTEMPTS];
    llm_histogram_t             latency_ms;
    llm_histogram_t             first_token_ms;
} ngx_http_llm_account_state_t;


/* a provider's credentials without what is secret in them */
typedef struct {
    ngx_flag_t                  present;
    ngx_flag_t                  bearer;
    int64_t                     expires_ms;     /* 0: never */
    int64_t                     fetched_ms;
    int64_t                     error_ms;
    char                        source[24];
    char                        error[192];     /* empty: none */
} ngx_http_llm_credentials_state_t;


typedef struct {
    int64_t                     now_ms;
    int64_t                     created_ms;
    uint64_t                    epoch;

    size_t                      size;           /* of the zone, bytes */
    size_t                      free;           /* in whole pages */
    ngx_uint_t                  naccounts;
    ngx_uint_t                  nholds;
    uint64_t                    minted;
    uint64_t                    recovered;

    int64_t                     stored_ms;      /* 0: never */
    int64_t                     store_error_ms;
    char                        store_error[512];
    uint64_t                    store_lag;      /* bytes */
    uint64_t                    stored_rows;
    uint64_t                    stored_recovered;
    uint64_t                    lost_bytes;

    int64_t                     journal_error_ms;   /* 0: never */
    char                        journal_error[512]; /* empty: all is well */
    uint64_t                    unjournaled;
    uint64_t                    unlogged_refusals;
    uint64_t                    unlogged_content;

    ngx_http_llm_alerts_state_t alerts;

    ngx_uint_t                  nseries;
    uint64_t                    refusals[LLM_REFUSE_REASONS];
    llm_histogram_t             overhead_us;
    uint64_t                    unpriced_requests;
    char                        unpriced[NGX_HTTP_LLM_UNPRICED_SHOWN]
                                        [NGX_HTTP_LLM_MODEL_SIZE];
    uint64_t                    client_aborts;
    uint64_t                    drained;
} ngx_http_llm_overview_t;


void ngx_http_llm_overview(ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_overview_t *overview);

/* NGX_ERROR: no memory; the limits' array is from the pool and used again */
ngx_int_t ngx_http_llm_tenant_state(ngx_http_llm_main_conf_t *lmcf,
    ngx_pool_t *pool, ngx_http_llm_tenant_t *tenant,
    ngx_http_llm_account_state_t *state);
ngx_int_t ngx_http_llm_provider_state(ngx_http_llm_main_conf_t *lmcf,
    ngx_pool_t *pool, ngx_http_llm_provider_t *provider,
    ngx_http_llm_account_state_t *state);

/* without a lock, see governance/zone.h */
void ngx_http_llm_credentials_state(ngx_http_llm_provider_t *provider,
    ngx_http_llm_credentials_state_t *state);

/* copies series in use into `entries` (NGX_HTTP_LLM_ENTRIES of them), from
 * *index on, which is moved; returns how many; *index of
 * NGX_HTTP_LLM_SERIES_MAX: that was all */
ngx_uint_t ngx_http_llm_entries(ngx_http_llm_main_conf_t *lmcf,
    llm_series_entry_t *entries, ngx_uint_t *index);

/* the providers' series, one at a time in the same way; 0: that was all */
ngx_uint_t ngx_http_llm_provider_entry(ngx_http_llm_main_conf_t *lmcf,
    llm_provider_series_t *entry, ngx_uint_t *index);

/* breaker closed or due for a probe, and where it is ours to call: an address
 * and credentials that have not expired are known */
ngx_uint_t ngx_http_llm_provider_up(
    const ngx_http_llm_account_state_t *state,
    const ngx_http_llm_credentials_state_t *credentials, int64_t now_ms);


#endif /* NGX_HTTP_LLM_SNAPSHOT_H */
