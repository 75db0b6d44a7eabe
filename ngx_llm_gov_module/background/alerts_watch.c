/*
 * Which budgets and breakers are watched, and for which llm_alert.
 */

#include "alerts_watch.h"
#include "../governance/zone.h"


static ngx_int_t ngx_http_llm_watches_kind(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf, ngx_array_t *tenants);
static ngx_int_t ngx_http_llm_watches_providers(
    ngx_http_llm_watches_t *watches, ngx_http_llm_main_conf_t *lmcf);
static ngx_int_t ngx_http_llm_watches_account(ngx_http_llm_watches_t *watches,
    llm_account_t *account, ngx_array_t *limits, ngx_array_t *alerts);
static ngx_int_t ngx_http_llm_watches_breaker(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf, ngx_http_llm_slot_t *slot,
    ngx_array_t *alerts);
static ngx_array_t *ngx_http_llm_watches_alerts(ngx_array_t *own,
    ngx_array_t *outer, ngx_uint_t breaker);


ngx_int_t
ngx_http_llm_watches_init(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf)
{
    ngx_memzero(watches, sizeof(ngx_http_llm_watches_t));

    if (ngx_http_llm_watches_kind(watches, lmcf, &lmcf->customers) != NGX_OK
        || ngx_http_llm_watches_kind(watches, lmcf, &lmcf->teams) != NGX_OK
        || ngx_http_llm_watches_kind(watches, lmcf, &lmcf->virtual_keys)
           != NGX_OK
        || ngx_http_llm_watches_providers(watches, lmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_watches_kind(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf, ngx_array_t *tenants)
{
    ngx_uint_t               i;
    ngx_http_llm_tenant_t  **tenant;

    tenant = tenants->elts;

    for (i = 0; i < tenants->nelts; i++) {
        if (ngx_http_llm_watches_account(watches, tenant[i]->account,
                   &tenant[i]->limits,
                   ngx_http_llm_watches_alerts(tenant[i]->alerts,
                                               lmcf->alerts, 0))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_watches_providers(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf)
{
    ngx_uint_t                 i;
    ngx_http_llm_provider_t  **provider;

    provider = lmcf->providers.elts;

    for (i = 0; i < lmcf->providers.nelts; i++) {

        if (ngx_http_llm_watches_account(watches, provider[i]->slot->account,
                   &provider[i]->limits,
                   ngx_http_llm_watches_alerts(provider[i]->alerts,
                                               lmcf->alerts, 0))
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (!provider[i]->governed
            && ngx_http_llm_watches_breaker(watches, lmcf, provider[i]->slot,
                   ngx_http_llm_watches_alerts(provider[i]->alerts,
                                               lmcf->alerts, 1))
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* budgets and breakers are inherited apart: where a block has none of the one
 * sort, those of http {} hold */
static ngx_array_t *
ngx_http_llm_watches_alerts(ngx_array_t *own, ngx_array_t *outer,
    ngx_uint_t breaker)
{
    ngx_uint_t             i;
    ngx_http_llm_alert_t  *alert;

    if (own == NULL) {
        return outer;
    }

    alert = own->elts;

    for (i = 0; i < own->nelts; i++) {
        if (alert[i].breaker == breaker) {
            return own;
        }
    }

    return outer;
}


static void
ngx_http_llm_alerts_check_block(ngx_conf_t *cf, ngx_array_t *alerts,
    ngx_array_t *limits)
{
    ngx_uint_t             i;
    llm_limit_t           *limit;
    ngx_http_llm_alert_t  *alert;

    if (alerts == NULL) {
        return;
    }

    limit = limits->elts;

    for (i = 0; i < limits->nelts; i++) {
        if (limit[i].metric == LLM_METRIC_COST) {
            return;
        }
    }

    alert = alerts->elts;

    for (i = 0; i < alerts->nelts; i++) {

        if (alert[i].breaker) {
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"llm_alert\" watches budgets, and there is no "
                      "\"llm_budget\" in its block, in %s:%ui",
                      alert[i].place.file, alert[i].place.line);
    }
}


void
ngx_http_llm_alerts_check(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf)
{
    ngx_uint_t                 i, k;
    ngx_array_t               *kinds[3];
    ngx_http_llm_tenant_t    **tenant;
    ngx_http_llm_provider_t  **provider;

    kinds[0] = &lmcf->customers;
    kinds[1] = &lmcf->teams;
    kinds[2] = &lmcf->virtual_keys;

    for (k = 0; k < 3; k++) {
        tenant = kinds[k]->elts;

        for (i = 0; i < kinds[k]->nelts; i++) {
            ngx_http_llm_alerts_check_block(cf, tenant[i]->alerts,
                                            &tenant[i]->limits);
        }
    }

    provider = lmcf->providers.elts;

    for (i = 0; i < lmcf->providers.nelts; i++) {
        ngx_http_llm_alerts_check_block(cf, provider[i]->alerts,
                                        &provider[i]->limits);
    }
}


/* room for one more, in steps of doubling; NULL: no memory */
static void *
ngx_http_llm_watches_push(void **elts, ngx_uint_t n, size_t size)
{
    void    *larger;
    u_char  *elt;

    if ((n & (n - 1)) == 0) {
        larger = realloc(*elts, (n ? 2 * n : 1) * size);
        if (larger == NULL) {
            return NULL;
        }

        *elts = larger;
    }

    elt = (u_char *) *elts + n * size;
    ngx_memzero(elt, size);

    return elt;
}


static ngx_int_t
ngx_http_llm_watches_account(ngx_http_llm_watches_t *watches,
    llm_account_t *account, ngx_array_t *limits, ngx_array_t *alerts)
{
    ngx_uint_t             i, k;
    llm_limit_t           *limit;
    ngx_http_llm_alert_t  *alert;
    ngx_http_llm_watch_t  *watch;

    if (alerts == NULL) {
        return NGX_OK;
    }

    limit = limits->elts;
    alert = alerts->elts;

    for (i = 0; i < limits->nelts; i++) {

        if (limit[i].metric != LLM_METRIC_COST) {
            continue;
        }

        for (k = 0; k < alerts->nelts; k++) {

            if (alert[k].breaker) {
                continue;
            }

            watch = ngx_http_llm_watches_push((void **) &watches->watches,
                                              watches->nwatches,
                                              sizeof(ngx_http_llm_watch_t));
            if (watch == NULL) {
                return NGX_ERROR;
            }

            watches->nwatches++;
            watch->party.account = account;
            watch->party.limits = limit;
            watch->party.nlimits = (unsigned) limits->nelts;
            watch->limit = &limit[i];
            watch->alert = &alert[k];
            watch->start = -1;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_watches_breaker(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf, ngx_http_llm_slot_t *slot,
    ngx_array_t *alerts)
{
    ngx_uint_t                     i;
    ngx_http_llm_alert_t          *alert;
    ngx_http_llm_breaker_watch_t  *watch;

    if (alerts == NULL) {
        return NGX_OK;
    }

    alert = alerts->elts;

    for (i = 0; i < alerts->nelts; i++) {

        if (!alert[i].breaker) {
            continue;
        }

        watch = ngx_http_llm_watches_push((void **) &watches->breakers,
                                          watches->nbreakers,
                                          sizeof(ngx_http_llm_breaker_watch_t));
        if (watch == NULL) {
            return NGX_ERROR;
        }

        watches->nbreakers++;
        watch->slot = slot;
        watch->alert = &alert[i];
        watch->told = lmcf->store ? NGX_HTTP_LLM_BREAKER_UNKNOWN
                                  : NGX_HTTP_LLM_BREAKER_CLOSED;
        watch->opened = slot->health.opened_total;
    }

    return NGX_OK;
}
