/*
 * Copies out of the zone, in pieces.
 */

#include "snapshot.h"


static ngx_int_t ngx_http_llm_limits_reserve(
    ngx_http_llm_account_state_t *state, ngx_array_t *limits,
    ngx_pool_t *pool);
static void ngx_http_llm_account_copy(ngx_http_llm_account_state_t *state,
    llm_account_t *account, ngx_array_t *limits, int64_t now_ms);
static int64_t ngx_http_llm_remaining(int64_t limit, int64_t used,
    int64_t held);


static void
ngx_http_llm_snapshot_store(ngx_http_llm_overview_t *overview,
    const ngx_http_llm_shared_t *shared)
{
    overview->stored_ms = shared->stored_ms;
    overview->store_error_ms = shared->store_error_ms;
    ngx_memcpy(overview->store_error, shared->store_error,
               sizeof(overview->store_error));

    overview->store_lag = shared->store_lag;
    overview->stored_rows = shared->stored_rows;
    overview->stored_recovered = shared->stored_recovered;
    overview->lost_bytes = shared->lost_bytes;

    overview->unjournaled = shared->unjournaled;
    overview->unlogged_refusals = shared->unlogged_refusals;
    overview->unlogged_content = shared->unlogged_content;
    overview->journal_error_ms = shared->journal_error_ms;
    ngx_memcpy(overview->journal_error, shared->journal_error,
               sizeof(overview->journal_error));
}


void
ngx_http_llm_overview(ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_overview_t *overview)
{
    ngx_slab_pool_t        *pool;
    ngx_http_llm_series_t  *series;
    ngx_http_llm_shared_t  *shared;

    shared = lmcf->shared;
    series = shared->series;
    pool = (ngx_slab_pool_t *) lmcf->zone->shm.addr;

    overview->now_ms = ngx_http_llm_now();
    overview->size = lmcf->zone->shm.size;
    overview->created_ms = shared->created_ms;
    overview->epoch = shared->epoch;

    ngx_http_llm_lock(lmcf);

    overview->free = pool->pfree * ngx_pagesize;
    overview->naccounts = shared->naccounts;
    overview->nholds = shared->nholds;
    overview->minted = shared->minted;
    overview->recovered = shared->recovered;

    ngx_http_llm_snapshot_store(overview, shared);
    overview->alerts = shared->alerts;

    overview->nseries = series->nentries;
    ngx_memcpy(overview->refusals, series->refusals,
               sizeof(overview->refusals));
    overview->overhead_us = series->overhead_us;
    overview->unpriced_requests = series->unpriced_models;
    ngx_memcpy(overview->unpriced, series->unpriced,
               sizeof(overview->unpriced));
    overview->client_aborts = series->client_aborts;
    overview->drained = series->drained;

    ngx_http_llm_unlock(lmcf);
}


ngx_int_t
ngx_http_llm_tenant_state(ngx_http_llm_main_conf_t *lmcf, ngx_pool_t *pool,
    ngx_http_llm_tenant_t *tenant, ngx_http_llm_account_state_t *state)
{
    if (ngx_http_llm_limits_reserve(state, &tenant->limits, pool) != NGX_OK) {
        return NGX_ERROR;
    }

    state->kind = tenant->kind;
    state->name = tenant->name;
    state->tenant = tenant;
    state->provider = NULL;

    ngx_http_llm_lock(lmcf);

    ngx_http_llm_account_copy(state, tenant->account, &tenant->limits,
                              ngx_http_llm_now());
    ngx_http_llm_unlock(lmcf);

    return NGX_OK;
}


ngx_int_t
ngx_http_llm_provider_state(ngx_http_llm_main_conf_t *lmcf, ngx_pool_t *pool,
    ngx_http_llm_provider_t *provider, ngx_http_llm_account_state_t *state)
{
    ngx_uint_t              i;
    llm_account_t          *account;
    llm_provider_series_t  *series;

    if (ngx_http_llm_limits_reserve(state, &provider->limits, pool)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    state->kind = LLM_ACCOUNT_PROVIDER;
    state->name = provider->name;
    state->tenant = NULL;
    state->provider = provider;
    ngx_memzero(state->attempts, sizeof(state->attempts));
    ngx_memzero(&state->latency_ms, sizeof(llm_histogram_t));
    ngx_memzero(&state->first_token_ms, sizeof(llm_histogram_t));

    account = provider->slot->account;
    series = lmcf->shared->series->providers;

    ngx_http_llm_lock(lmcf);

    ngx_http_llm_account_copy(state, account, &provider->limits,
                              ngx_http_llm_now());
    state->health = provider->slot->health;

    for (i = 0; i < NGX_HTTP_LLM_PROVIDERS_MAX; i++) {
        if (series[i].provider == account) {
            ngx_memcpy(state->attempts, series[i].attempts,
                       sizeof(state->attempts));
            state->latency_ms = series[i].latency_ms;
            state->first_token_ms = series[i].first_token_ms;
            break;
        }
    }

    ngx_http_llm_unlock(lmcf);

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_limits_reserve(ngx_http_llm_account_state_t *state,
    ngx_array_t *limits, ngx_pool_t *pool)
{
    if (limits->nelts <= state->nalloc) {
        return NGX_OK;
    }

    state->limits = ngx_palloc(pool, limits->nelts
                                     * sizeof(ngx_http_llm_limit_state_t));
    if (state->limits == NULL) {
        state->nalloc = 0;
        return NGX_ERROR;
    }

    state->nalloc = limits->nelts;

    return NGX_OK;
}


/* the caller holds the lock */
static void
ngx_http_llm_account_copy(ngx_http_llm_account_state_t *state,
    llm_account_t *account, ngx_array_t *limits, int64_t now_ms)
{
    ngx_uint_t                   i;
    llm_party_t                  party;
    ngx_http_llm_limit_state_t  *copy;

    party.account = account;
    party.limits = limits->elts;
    party.nlimits = (unsigned) limits->nelts;

    state->spent = account->counters[0].spent;
    state->held = account->held;
    state->refused = account->refused;
    state->nlimits = limits->nelts;

    for (i = 0; i < state->nlimits; i++) {
        copy = &state->limits[i];
        copy->limit = &party.limits[i];

        llm_limit_state(&party, copy->limit, now_ms, &copy->used, &copy->held,
                        &copy->reset_ms);

        copy->remaining = ngx_http_llm_remaining(copy->limit->amount,
                                                 copy->used, copy->held);
    }
}


static int64_t
ngx_http_llm_remaining(int64_t limit, int64_t used, int64_t held)
{
    int64_t  rest;

    if (__builtin_sub_overflow(limit, used, &rest)
        || __builtin_sub_overflow(rest, held, &rest)
        || rest < 0)
    {
        return 0;
    }

    return rest;
}


void
ngx_http_llm_credentials_state(ngx_http_llm_provider_t *provider,
    ngx_http_llm_credentials_state_t *state)
{
    llm_credentials_t  credentials;

    ngx_http_llm_slot_credentials(provider->slot, &credentials);

    state->present = credentials.generation != 0;
    state->bearer = credentials.bearer;
    state->expires_ms = credentials.expires_ms;
    state->fetched_ms = credentials.fetched_ms;
    state->error_ms = credentials.error_ms;

    ngx_cpystrn((u_char *) state->source, (u_char *) credentials.source,
                sizeof(state->source));
    ngx_cpystrn((u_char *) state->error, (u_char *) credentials.error,
                sizeof(state->error));

    ngx_explicit_memzero(&credentials, sizeof(llm_credentials_t));
}


ngx_uint_t
ngx_http_llm_entries(ngx_http_llm_main_conf_t *lmcf,
    llm_series_entry_t *entries, ngx_uint_t *index)
{
    ngx_uint_t           n, i;
    llm_series_entry_t  *table;

    n = 0;
    i = *index;
    table = lmcf->shared->series->entries;

    ngx_http_llm_lock(lmcf);

    while (i < NGX_HTTP_LLM_SERIES_MAX && n < NGX_HTTP_LLM_ENTRIES) {
        if (table[i].hash != 0) {
            entries[n++] = table[i];
        }

        i++;
    }

    ngx_http_llm_unlock(lmcf);

    *index = i;

    return n;
}


ngx_uint_t
ngx_http_llm_provider_entry(ngx_http_llm_main_conf_t *lmcf,
    llm_provider_series_t *entry, ngx_uint_t *index)
{
    ngx_uint_t              i, found;
    llm_provider_series_t  *table;

    found = 0;
    table = lmcf->shared->series->providers;

    ngx_http_llm_lock(lmcf);

    for (i = *index; i < NGX_HTTP_LLM_PROVIDERS_MAX && !found; i++) {
        if (table[i].provider != NULL) {
            *entry = table[i];
            found = 1;
        }
    }

    ngx_http_llm_unlock(lmcf);

    *index = i;

    return found;
}


ngx_uint_t
ngx_http_llm_provider_up(const ngx_http_llm_account_state_t *state,
    const ngx_http_llm_credentials_state_t *credentials, int64_t now_ms)
{
    if (llm_health_state(&state->health, now_ms) == LLM_HEALTH_RESTING) {
        return 0;
    }

    if (state->provider->governed) {
        return 1;
    }

    return state->provider->slot->naddresses > 0
           && credentials->present
           && (credentials->expires_ms == 0
               || credentials->expires_ms > now_ms);
}
