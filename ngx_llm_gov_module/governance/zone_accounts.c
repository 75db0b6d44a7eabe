/*
 * Accounts in the zone, and the configuration's pointers to them.  Accounts,
 * slots and turns are never freed: an old worker may look at them until it
 * ends, and a name that comes back finds its counters.
 */

#include "zone_internal.h"


/* an account with its counters, in the slab's sizes; a slot; a hold */
#define NGX_HTTP_LLM_ACCOUNT_SIZE  640
#define NGX_HTTP_LLM_SLOT_SIZE     (2 * 4096)
#define NGX_HTTP_LLM_SPARE_SIZE    (4 * 1024 * 1024)


static llm_account_t **
ngx_http_llm_bucket(ngx_http_llm_shared_t *shared, llm_account_kind_t kind,
    ngx_str_t *name)
{
    uint32_t  hash;

    hash = ngx_murmur_hash2(name->data, name->len);
    hash ^= (uint32_t) kind * 0x9e3779b1;

    return &shared->buckets[hash & (shared->nbuckets - 1)];
}


static llm_account_t *
ngx_http_llm_account_make(ngx_slab_pool_t *pool, llm_account_kind_t kind,
    ngx_str_t *name)
{
    llm_account_t  *account;

    account = ngx_slab_calloc_locked(pool, sizeof(llm_account_t));
    if (account == NULL) {
        return NULL;
    }

    account->counters = ngx_slab_calloc_locked(pool, sizeof(llm_counter_t));
    if (account->counters == NULL) {
        ngx_slab_free_locked(pool, account);
        return NULL;
    }

    account->kind = kind;
    account->name_len = (uint8_t) name->len;
    ngx_memcpy(account->name, name->data, name->len);

    (void) llm_account_window(account,
                              (llm_window_t) { LLM_WINDOW_FOREVER, 1 }, 1);

    return account;
}


llm_account_t *
ngx_http_llm_account_find(ngx_http_llm_main_conf_t *lmcf,
    llm_account_kind_t kind, ngx_str_t *name)
{
    llm_account_t  *account;

    for (account = *ngx_http_llm_bucket(lmcf->shared, kind, name);
         account != NULL;
         account = account->next)
    {
        if (account->kind == kind
            && account->name_len == name->len
            && ngx_memcmp(account->name, name->data, name->len) == 0)
        {
            return account;
        }
    }

    return NULL;
}


llm_account_t *
ngx_http_llm_account(ngx_http_llm_main_conf_t *lmcf, llm_account_kind_t kind,
    ngx_str_t *name)
{
    llm_account_t  *account, **bucket;

    if (name->len > LLM_ACCOUNT_NAME_SIZE) {
        return NULL;
    }

    account = ngx_http_llm_account_find(lmcf, kind, name);

    if (account != NULL) {
        return account;
    }

    account = ngx_http_llm_account_make(ngx_http_llm_pool(lmcf), kind, name);

    if (account != NULL) {
        bucket = ngx_http_llm_bucket(lmcf->shared, kind, name);
        account->next = *bucket;
        *bucket = account;
        lmcf->shared->naccounts++;
    }

    return account;
}


/* the redo log has room for the windows of each account */
static ngx_int_t
ngx_http_llm_redo_grow(ngx_http_llm_main_conf_t *lmcf, ngx_uint_t windows)
{
    ngx_slab_pool_t        *pool;
    llm_redo_counter_t     *counters, *old;
    ngx_http_llm_shared_t  *shared;

    shared = lmcf->shared;

    if (windows <= shared->redo_size) {
        return NGX_OK;
    }

    pool = ngx_http_llm_pool(lmcf);
    old = shared->redo.counters;
    counters = ngx_slab_alloc_locked(pool, 2 * windows
                                           * sizeof(llm_redo_counter_t));
    if (counters == NULL) {
        return NGX_ERROR;
    }

    shared->redo.counters = counters;
    shared->redo_size = 2 * windows;

    ngx_slab_free_locked(pool, old);

    return NGX_OK;
}


/* The old array may be freed at once: nobody looks at counters without the
 * lock, nor keeps their address. */
llm_counter_t *
ngx_http_llm_account_window(ngx_http_llm_main_conf_t *lmcf,
    llm_account_t *account, llm_window_t window)
{
    unsigned          capacity;
    llm_counter_t    *counter, *counters, *old;
    ngx_slab_pool_t  *pool;

    counter = llm_account_window(account, window, account->ncounters);

    if (counter != NULL) {
        return counter;
    }

    pool = ngx_http_llm_pool(lmcf);
    capacity = account->ncounters + 1;
    old = account->counters;

    if (ngx_http_llm_redo_grow(lmcf, capacity) != NGX_OK) {
        return NULL;
    }

    counters = ngx_slab_alloc_locked(pool, capacity * sizeof(llm_counter_t));
    if (counters == NULL) {
        return NULL;
    }

    ngx_memcpy(counters, old, account->ncounters * sizeof(llm_counter_t));

    account->counters = counters;
    counter = llm_account_window(account, window, capacity);

    ngx_slab_free_locked(pool, old);

    return counter;
}


/* tells what size would do */
static void
ngx_http_llm_zone_full(ngx_http_llm_main_conf_t *lmcf)
{
    size_t      size, megabytes;
    ngx_str_t  *name;

    name = &lmcf->zone->shm.name;
    size = lmcf->shared->naccounts
           + lmcf->customers.nelts + lmcf->teams.nelts
           + lmcf->virtual_keys.nelts;
    size = NGX_HTTP_LLM_ZONE_MIN + NGX_HTTP_LLM_SPARE_SIZE
           + size * NGX_HTTP_LLM_ACCOUNT_SIZE
           + lmcf->providers.nelts * NGX_HTTP_LLM_SLOT_SIZE;

    if (size < 2 * lmcf->zone->shm.size) {
        size = 2 * lmcf->zone->shm.size;
    }

    megabytes = (size + 1024 * 1024 - 1) / (1024 * 1024);

    ngx_log_error(NGX_LOG_EMERG, lmcf->zone->shm.log, 0,
                  "llm_zone \"%V\" is full: %ui customers, %ui teams, "
                  "%ui virtual keys and %ui providers do not fit, "
                  "write \"llm_zone %V:%uzm;\"",
                  name, lmcf->customers.nelts, lmcf->teams.nelts,
                  lmcf->virtual_keys.nelts, lmcf->providers.nelts,
                  name, megabytes);
}


/* the account with a counter for each of its limits; NULL: the zone is full */
static llm_account_t *
ngx_http_llm_bind_account(ngx_http_llm_main_conf_t *lmcf,
    llm_account_kind_t kind, ngx_str_t *name, ngx_array_t *limits)
{
    ngx_uint_t      i;
    llm_limit_t    *limit;
    llm_account_t  *account;

    account = ngx_http_llm_account(lmcf, kind, name);
    if (account == NULL) {
        return NULL;
    }

    limit = limits->elts;

    for (i = 0; i < limits->nelts; i++) {

        if (limit[i].metric != LLM_METRIC_CONCURRENCY
            && ngx_http_llm_account_window(lmcf, account, limit[i].window)
               == NULL)
        {
            return NULL;
        }
    }

    return account;
}


/* The lock is given back after each of them: a million take a while, and
 * the old workers go on meanwhile. */
static ngx_int_t
ngx_http_llm_bind_tenants(ngx_http_llm_main_conf_t *lmcf,
    ngx_array_t *tenants)
{
    ngx_uint_t               i;
    ngx_http_llm_tenant_t  **tenant;

    tenant = tenants->elts;

    for (i = 0; i < tenants->nelts; i++) {

        if (ngx_http_llm_zone_lock(ngx_http_llm_pool(lmcf),
                                   lmcf->zone->shm.log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        tenant[i]->account = ngx_http_llm_bind_account(lmcf, tenant[i]->kind,
                                                       &tenant[i]->name,
                                                       &tenant[i]->limits);
        ngx_http_llm_unlock(lmcf);

        if (tenant[i]->account == NULL) {
            ngx_http_llm_zone_full(lmcf);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_http_llm_slot_t *
ngx_http_llm_zone_slot(ngx_http_llm_main_conf_t *lmcf, llm_account_t *account)
{
    ngx_http_llm_slot_t  *slot;

    for (slot = lmcf->shared->slots; slot != NULL; slot = slot->next) {
        if (slot->account == account) {
            return slot;
        }
    }

    slot = ngx_slab_calloc_locked(ngx_http_llm_pool(lmcf),
                                  sizeof(ngx_http_llm_slot_t));
    if (slot != NULL) {
        slot->account = account;
        slot->next = lmcf->shared->slots;
        lmcf->shared->slots = slot;
    }

    return slot;
}


static ngx_int_t
ngx_http_llm_bind_providers(ngx_http_llm_main_conf_t *lmcf)
{
    ngx_uint_t                 i;
    llm_account_t             *account;
    ngx_http_llm_provider_t  **provider;

    provider = lmcf->providers.elts;

    for (i = 0; i < lmcf->providers.nelts; i++) {

        if (ngx_http_llm_zone_lock(ngx_http_llm_pool(lmcf),
                                   lmcf->zone->shm.log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        account = ngx_http_llm_bind_account(lmcf, LLM_ACCOUNT_PROVIDER,
                                            &provider[i]->name,
                                            &provider[i]->limits);
        provider[i]->slot = (account == NULL)
                            ? NULL : ngx_http_llm_zone_slot(lmcf, account);

        ngx_http_llm_unlock(lmcf);

        if (provider[i]->slot == NULL) {
            ngx_http_llm_zone_full(lmcf);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_http_llm_turn_t *
ngx_http_llm_turn_find(ngx_http_llm_shared_t *shared, ngx_str_t *route,
    ngx_str_t *provider, uint32_t hash)
{
    ngx_http_llm_turn_t  *turn;

    for (turn = shared->turns; turn != NULL; turn = turn->next) {

        if (turn->hash == hash
            && turn->len == route->len + 1 + provider->len
            && ngx_memcmp(turn->name, route->data, route->len) == 0
            && turn->name[route->len] == '/'
            && ngx_memcmp(turn->name + route->len + 1, provider->data,
                          provider->len) == 0)
        {
            return turn;
        }
    }

    return NULL;
}


/* finds or makes a target's turn, and starts it anew: its weight or company may
 * have changed */
static int64_t *
ngx_http_llm_bind_turn(ngx_http_llm_main_conf_t *lmcf, ngx_str_t *route,
    ngx_str_t *provider)
{
    size_t                len;
    u_char               *p;
    uint32_t              hash;
    ngx_http_llm_turn_t  *turn;

    hash = ngx_murmur_hash2(route->data, route->len) * 31
           + ngx_murmur_hash2(provider->data, provider->len);
    len = route->len + 1 + provider->len;

    turn = ngx_http_llm_turn_find(lmcf->shared, route, provider, hash);

    if (turn == NULL) {
        turn = ngx_slab_alloc_locked(ngx_http_llm_pool(lmcf),
                                     offsetof(ngx_http_llm_turn_t, name)
                                     + len);
        if (turn == NULL) {
            return NULL;
        }

        turn->hash = hash;
        turn->len = (uint32_t) len;

        p = ngx_cpymem(turn->name, route->data, route->len);
        *p++ = '/';
        ngx_memcpy(p, provider->data, provider->len);

        turn->next = lmcf->shared->turns;
        lmcf->shared->turns = turn;
    }

    turn->current = 0;

    return &turn->current;
}


static ngx_int_t
ngx_http_llm_bind_route(ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_route_t *route)
{
    ngx_uint_t              i;
    ngx_http_llm_target_t  *target;

    target = route->targets.elts;

    for (i = 0; i < route->targets.nelts; i++) {

        if (ngx_http_llm_zone_lock(ngx_http_llm_pool(lmcf),
                                   lmcf->zone->shm.log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        target[i].current = ngx_http_llm_bind_turn(lmcf, &route->name,
                                                   &target[i].provider->name);
        ngx_http_llm_unlock(lmcf);

        if (target[i].current == NULL) {
            ngx_http_llm_zone_full(lmcf);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_llm_zone_bind(ngx_http_llm_main_conf_t *lmcf)
{
    ngx_uint_t              i;
    ngx_http_llm_route_t  **route;

    if (ngx_http_llm_bind_tenants(lmcf, &lmcf->customers) != NGX_OK
        || ngx_http_llm_bind_tenants(lmcf, &lmcf->teams) != NGX_OK
        || ngx_http_llm_bind_tenants(lmcf, &lmcf->virtual_keys) != NGX_OK
        || ngx_http_llm_bind_providers(lmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    route = lmcf->routes.elts;

    for (i = 0; i < lmcf->routes.nelts; i++) {
        if (ngx_http_llm_bind_route(lmcf, route[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (lmcf->default_route != NULL) {
        return ngx_http_llm_bind_route(lmcf, lmcf->default_route);
    }

    return NGX_OK;
}
