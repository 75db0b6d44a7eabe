/*
 * What the accounts of the configuration have: spend, limits, health.
 */

#include "metrics.h"

#include <inttypes.h>


static void
ngx_http_llm_account_labels(ngx_http_llm_metrics_t *metrics,
    const ngx_http_llm_account_state_t *state)
{
    ngx_http_llm_labels_reset(metrics);
    ngx_http_llm_label(metrics, "scope", ngx_http_llm_kind_name(state->kind));
    ngx_http_llm_label(metrics, "account", ngx_http_llm_str(state->name));
}


static void
ngx_http_llm_limit_samples(ngx_http_llm_metrics_t *metrics,
    const ngx_http_llm_limit_state_t *state)
{
    char                text[16];
    llm_buf_t          *buf;
    ngx_uint_t          i;
    const llm_limit_t  *limit;

    struct {
        ngx_http_llm_family_t   family;
        int64_t                 amount;
    } samples[] = {
        { NGX_HTTP_LLM_M_LIMIT, state->limit->amount },
        { NGX_HTTP_LLM_M_LIMIT_USED, state->used },
        { NGX_HTTP_LLM_M_LIMIT_HELD, state->held },
        { NGX_HTTP_LLM_M_LIMIT_REMAINING, state->remaining }
    };

    limit = state->limit;

    ngx_http_llm_label(metrics, "metric",
                       ngx_http_llm_metric_name(limit->metric));
    ngx_http_llm_label(metrics, "window",
                       ngx_http_llm_limit_window(limit, text));
    ngx_http_llm_label(metrics, "mode", ngx_http_llm_mode_name(limit->mode));

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        buf = ngx_http_llm_sample(metrics, samples[i].family);
        ngx_http_llm_show_amount(buf, limit->metric, samples[i].amount);
        llm_buf_append(buf, "\n", 1);
    }

    if (state->reset_ms) {
        buf = ngx_http_llm_sample(metrics, NGX_HTTP_LLM_M_LIMIT_RESET);
        llm_buf_printf(buf, "%" PRId64 "\n", state->reset_ms / 1000);
    }
}


static void
ngx_http_llm_account_samples(ngx_http_llm_metrics_t *metrics)
{
    llm_buf_t                     *buf;
    ngx_uint_t                     i;
    ngx_http_llm_account_state_t  *state;

    state = &metrics->state;

    ngx_http_llm_account_labels(metrics, state);

    buf = ngx_http_llm_sample(metrics, NGX_HTTP_LLM_M_ACCOUNT_COST);
    llm_buf_dollars(buf, state->spent.cost);
    llm_buf_append(buf, "\n", 1);

    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_ACCOUNT_IN_FLIGHT,
                              (uint64_t) state->held.requests);
    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_ACCOUNT_REFUSALS,
                              state->refused);

    for (i = 0; i < state->nlimits; i++) {
        ngx_http_llm_account_labels(metrics, state);
        ngx_http_llm_limit_samples(metrics, &state->limits[i]);
    }
}


/* whether there is room for another account with so many limits */
static ngx_uint_t
ngx_http_llm_metrics_room(ngx_http_llm_metrics_t *metrics, ngx_uint_t nlimits)
{
    if (metrics->naccounts == NGX_HTTP_LLM_METRICS_ACCOUNTS
        || nlimits > NGX_HTTP_LLM_METRICS_LIMITS - metrics->nlimits)
    {
        metrics->omitted++;
        return 0;
    }

    metrics->naccounts++;
    metrics->nlimits += nlimits;

    return 1;
}


/* to join what is known by key with its team and customer */
static void
ngx_http_llm_key_samples(ngx_http_llm_metrics_t *metrics,
    ngx_http_llm_tenant_t *key)
{
    llm_str_t               team, customer;
    ngx_http_llm_tenant_t  *tenant;

    team = llm_str("");
    customer = llm_str("");

    for (tenant = key->parent; tenant != NULL; tenant = tenant->parent) {
        if (tenant->kind == LLM_ACCOUNT_TEAM) {
            team = ngx_http_llm_str(tenant->name);

        } else {
            customer = ngx_http_llm_str(tenant->name);
        }
    }

    ngx_http_llm_labels_reset(metrics);
    ngx_http_llm_label(metrics, "virtual_key", ngx_http_llm_str(key->name));
    ngx_http_llm_label(metrics, "team", team);
    ngx_http_llm_label(metrics, "customer", customer);

    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_KEY_INFO, 1);
}


static ngx_int_t
ngx_http_llm_metrics_tenants(ngx_http_llm_metrics_t *metrics,
    ngx_array_t *tenants)
{
    ngx_uint_t               i;
    ngx_http_llm_tenant_t  **tenant;

    tenant = tenants->elts;

    for (i = 0; i < tenants->nelts; i++) {

        if (!ngx_http_llm_metrics_room(metrics, tenant[i]->limits.nelts)) {
            continue;
        }

        if (ngx_http_llm_tenant_state(metrics->lmcf, metrics->pool, tenant[i],
                                      &metrics->state)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_llm_account_samples(metrics);

        if (tenant[i]->kind == LLM_ACCOUNT_VIRTUAL_KEY) {
            ngx_http_llm_key_samples(metrics, tenant[i]);
        }
    }

    return NGX_OK;
}


static void
ngx_http_llm_provider_samples(ngx_http_llm_metrics_t *metrics)
{
    int64_t                            now_ms;
    ngx_http_llm_provider_t           *provider;
    ngx_http_llm_account_state_t      *state;
    ngx_http_llm_credentials_state_t   credentials;

    state = &metrics->state;
    provider = state->provider;
    now_ms = metrics->overview.now_ms;

    ngx_http_llm_labels_reset(metrics);
    ngx_http_llm_label(metrics, "provider", ngx_http_llm_str(state->name));

    ngx_http_llm_credentials_state(provider, &credentials);

    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_PROVIDER_UP,
                              ngx_http_llm_provider_up(state, &credentials,
                                                       now_ms));
    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_BREAKER_OPEN,
                              llm_health_state(&state->health, now_ms)
                              != LLM_HEALTH_OK);
    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_BREAKER_OPENED,
                              state->health.opened_total);
    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_CREDENTIALS_FAILING,
                              credentials.error[0] != '\0');

    if (credentials.present && credentials.expires_ms) {
        llm_buf_printf(ngx_http_llm_sample(metrics,
                                           NGX_HTTP_LLM_M_CREDENTIALS_EXPIRY),
                       "%" PRId64 "\n", credentials.expires_ms / 1000);
    }
}


static ngx_int_t
ngx_http_llm_metrics_providers(ngx_http_llm_metrics_t *metrics)
{
    ngx_uint_t                 i;
    ngx_http_llm_provider_t  **provider;

    provider = metrics->lmcf->providers.elts;

    for (i = 0; i < metrics->lmcf->providers.nelts; i++) {

        if (!ngx_http_llm_metrics_room(metrics, provider[i]->limits.nelts)) {
            continue;
        }

        if (ngx_http_llm_provider_state(metrics->lmcf, metrics->pool,
                                        provider[i], &metrics->state)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_llm_account_samples(metrics);

        if (!provider[i]->governed) {
            ngx_http_llm_provider_samples(metrics);
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_llm_metrics_accounts(ngx_http_llm_metrics_t *metrics)
{
    ngx_http_llm_main_conf_t  *lmcf;

    lmcf = metrics->lmcf;

    if (ngx_http_llm_metrics_providers(metrics) != NGX_OK
        || ngx_http_llm_metrics_tenants(metrics, &lmcf->customers) != NGX_OK
        || ngx_http_llm_metrics_tenants(metrics, &lmcf->teams) != NGX_OK
        || ngx_http_llm_metrics_tenants(metrics, &lmcf->virtual_keys)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_llm_labels_reset(metrics);
    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_OMITTED,
                              metrics->omitted);

    return NGX_OK;
}
