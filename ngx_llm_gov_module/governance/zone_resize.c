/*
 * A zone whose size changed is a new zone: it takes over what the old one had.
 * Old workers go on counting in the old one until they end, where nobody looks
 * any more.  With a store they are another life of the gateway, as during a
 * binary upgrade, and the new zone hears from there what they charge.  Without
 * one, what they hold at this moment is taken over as spent.  Metrics start
 * again from zero.
 */

#include "zone_internal.h"
#include "account.h"


/* ids minted in the old zone from now on must not be minted here too */
#define NGX_HTTP_LLM_ID_GAP  ((uint64_t) 1 << 32)


static ngx_int_t
ngx_http_llm_copy_account(ngx_http_llm_main_conf_t *lmcf, llm_account_t *old)
{
    ngx_uint_t      i;
    ngx_str_t       name;
    llm_account_t  *account;
    llm_amounts_t   held;
    llm_counter_t  *counter;

    name.data = (u_char *) old->name;
    name.len = old->name_len;

    account = ngx_http_llm_account(lmcf, old->kind, &name);
    if (account == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < old->ncounters; i++) {
        counter = ngx_http_llm_account_window(lmcf, account,
                                              old->counters[i].window);
        if (counter == NULL) {
            return NGX_ERROR;
        }

        *counter = old->counters[i];

        if (lmcf->store != NULL) {
            counter->restored = counter->spent;
            ngx_memzero(&counter->unjournaled, sizeof(llm_amounts_t));
        }
    }

    if (lmcf->store == NULL) {

        /* the requests are counted already */

        held = llm_amounts_clamp(&old->held, 0);
        llm_account_spend(account, &held, ngx_http_llm_now());
    }

    account->refused = old->refused;

    return NGX_OK;
}


/* one bucket at a time: the old workers wait for the lock */
static ngx_int_t
ngx_http_llm_copy_accounts(ngx_http_llm_main_conf_t *lmcf,
    ngx_slab_pool_t *pool)
{
    ngx_int_t               rc;
    ngx_uint_t              i;
    llm_account_t          *account;
    ngx_http_llm_shared_t  *old;

    old = pool->data;
    rc = NGX_OK;

    for (i = 0; i < old->nbuckets && rc == NGX_OK; i++) {

        if (old->buckets[i] == NULL) {
            continue;
        }

        if (ngx_http_llm_zone_lock(pool, lmcf->zone->shm.log) != NGX_OK) {
            return NGX_ERROR;
        }

        for (account = old->buckets[i];
             account != NULL && rc == NGX_OK;
             account = account->next)
        {
            rc = ngx_http_llm_copy_account(lmcf, account);
        }

        ngx_shmtx_unlock(&pool->mutex);
    }

    return rc;
}


static ngx_int_t
ngx_http_llm_copy_slots(ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_shared_t *old)
{
    ngx_str_t               name;
    ngx_uint_t              n;
    llm_account_t          *account;
    llm_credentials_t       credentials;
    ngx_http_llm_slot_t    *slot, *from;
    ngx_http_llm_address_t  addresses[NGX_HTTP_LLM_ADDRESSES];

    for (from = old->slots; from != NULL; from = from->next) {

        name.data = (u_char *) from->account->name;
        name.len = from->account->name_len;

        account = ngx_http_llm_account(lmcf, LLM_ACCOUNT_PROVIDER, &name);
        slot = (account == NULL) ? NULL
                                 : ngx_http_llm_zone_slot(lmcf, account);
        if (slot == NULL) {
            return NGX_ERROR;
        }

        n = ngx_http_llm_slot_addresses(from, addresses);
        ngx_http_llm_slot_set_addresses(slot, addresses, n, from->resolved_ms);

        ngx_http_llm_slot_credentials(from, &credentials);
        ngx_http_llm_slot_set_credentials(slot, &credentials);

        slot->health = from->health;
    }

    ngx_explicit_memzero(&credentials, sizeof(llm_credentials_t));

    return NGX_OK;
}


ngx_int_t
ngx_http_llm_zone_copy(ngx_http_llm_main_conf_t *lmcf, ngx_slab_pool_t *pool)
{
    ngx_http_llm_shared_t  *old, *shared;

    old = pool->data;
    shared = lmcf->shared;

    if (ngx_http_llm_copy_accounts(lmcf, pool) != NGX_OK
        || ngx_http_llm_copy_slots(lmcf, old) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, lmcf->zone->shm.log, 0,
                      "llm_zone \"%V\" of %uzm cannot take over the %ui "
                      "accounts of the zone it replaces: keep the old size "
                      "or write a larger one",
                      &lmcf->zone->shm.name,
                      lmcf->zone->shm.size / (1024 * 1024), old->naccounts);
        return NGX_ERROR;
    }

    if (ngx_http_llm_zone_lock(pool, lmcf->zone->shm.log) != NGX_OK) {
        return NGX_ERROR;
    }

    shared->created_ms = old->created_ms;
    shared->minted = old->minted + NGX_HTTP_LLM_ID_GAP;
    shared->recovered = old->recovered;
    shared->strays = old->strays;
    shared->alerts = old->alerts;

    ngx_memcpy(shared->learned, old->learned,
               NGX_HTTP_LLM_LEARNED * sizeof(llm_learned_t));

    ngx_shmtx_unlock(&pool->mutex);

    return NGX_OK;
}
