/*
 * The front door: directives, contexts, and where the module hooks in.
 */

#include "background/alerts.h"
#include "background/manager.h"
#include "background/retention.h"
#include "endpoints/endpoints.h"
#include "governance/block.h"
#include "governance/tenants.h"
#include "providers/price_lists.h"
#include "providers/provider.h"
#include "request/location.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif


#define NGX_HTTP_LLM_DEFAULT_ZONE  (32 * 1024 * 1024)

#define NGX_HTTP_LLM_MAPPED        (1024 * 1024)


static ngx_int_t ngx_http_llm_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_llm_postconfiguration(ngx_conf_t *cf);
static void *ngx_http_llm_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_llm_init_main_conf(ngx_conf_t *cf, void *conf);
static ngx_int_t ngx_http_llm_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_llm_init_process(ngx_cycle_t *cycle);
static void ngx_http_llm_exit_process(ngx_cycle_t *cycle);
static void ngx_http_llm_exit_master(ngx_cycle_t *cycle);


#define NGX_HTTP_LLM_ANYWHERE                                                 \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF)


static ngx_command_t  ngx_http_llm_commands[] = {

    { ngx_string("llm_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_llm_store,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_alert"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_llm_alert,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_log_retention"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_llm_log_retention,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_log_refusals"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_llm_main_conf_t, log_refusals),
      NULL },

    { ngx_string("llm_prices"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_prices,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_unpriced_model"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_unpriced_model,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_model_map"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_llm_model_map,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_provider"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_llm_provider,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_route"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_llm_route,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_customer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_llm_customer,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_team"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_llm_team,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_virtual_key"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_llm_virtual_key,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_pass"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_pass,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_govern"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_llm_govern,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_llm_endpoint,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      (void *) ngx_http_llm_status_handler },

    { ngx_string("llm_me"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_llm_endpoint,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      (void *) ngx_http_llm_me_handler },

    { ngx_string("llm_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_llm_endpoint,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      (void *) ngx_http_llm_metrics_handler },

    { ngx_string("llm_client_abort"),
      NGX_HTTP_LLM_ANYWHERE|NGX_CONF_TAKE123,
      ngx_http_llm_client_abort,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_failover"),
      NGX_HTTP_LLM_ANYWHERE|NGX_CONF_TAKE12,
      ngx_http_llm_failover,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_budget_status"),
      NGX_HTTP_LLM_ANYWHERE|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_loc_conf_t, budget_status),
      &ngx_http_llm_budget_statuses },

    { ngx_string("llm_anthropic_betas"),
      NGX_HTTP_LLM_ANYWHERE|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_loc_conf_t, betas),
      NULL },

    { ngx_string("llm_anthropic_version"),
      NGX_HTTP_LLM_ANYWHERE|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_loc_conf_t, anthropic_version),
      NULL },

    { ngx_string("llm_budget"),
      NGX_HTTP_LLM_ANYWHERE|NGX_CONF_ANY,
      ngx_http_llm_misplaced,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      "llm_virtual_key {}, llm_team {}, llm_customer {} or llm_provider {}" },

    { ngx_string("llm_rate_limit"),
      NGX_HTTP_LLM_ANYWHERE|NGX_CONF_ANY,
      ngx_http_llm_misplaced,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      "llm_virtual_key {}, llm_team {}, llm_customer {} or llm_provider {}" },

    { ngx_string("llm_log_content"),
      NGX_HTTP_LLM_ANYWHERE|NGX_CONF_ANY,
      ngx_http_llm_misplaced,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      "llm_virtual_key {}" },

    ngx_null_command
};


static ngx_http_module_t  ngx_http_llm_gov_module_ctx = {
    ngx_http_llm_preconfiguration,         /* preconfiguration */
    ngx_http_llm_postconfiguration,        /* postconfiguration */

    ngx_http_llm_create_main_conf,         /* create main configuration */
    ngx_http_llm_init_main_conf,           /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_llm_create_loc_conf,          /* create location configuration */
    ngx_http_llm_merge_loc_conf            /* merge location configuration */
};


ngx_module_t  ngx_http_llm_gov_module = {
    NGX_MODULE_V1,
    &ngx_http_llm_gov_module_ctx,          /* module context */
    ngx_http_llm_commands,                 /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_llm_init_module,              /* init module */
    ngx_http_llm_init_process,             /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_llm_exit_process,             /* exit process */
    ngx_http_llm_exit_master,              /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_llm_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_llm_add_variables(cf);
}


static ngx_int_t
ngx_http_llm_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_llm_govern_handler;

    return NGX_OK;
}


static void *
ngx_http_llm_create_main_conf(ngx_conf_t *cf)
{
    ngx_uint_t                 i;
    ngx_array_t               *lists[6];
    ngx_http_llm_main_conf_t  *lmcf;

    lmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_llm_main_conf_t));
    if (lmcf == NULL) {
        return NULL;
    }

    lists[0] = &lmcf->customers;
    lists[1] = &lmcf->teams;
    lists[2] = &lmcf->virtual_keys;
    lists[3] = &lmcf->providers;
    lists[4] = &lmcf->routes;
    lists[5] = &lmcf->prices;

    for (i = 0; i < 6; i++) {
        if (ngx_array_init(lists[i], cf->pool, 4, sizeof(void *)) != NGX_OK) {
            return NULL;
        }
    }

    if (ngx_array_init(&lmcf->model_map, cf->pool, 4,
                       sizeof(ngx_http_llm_model_map_t))
        != NGX_OK)
    {
        return NULL;
    }

    ngx_rbtree_init(&lmcf->keys_by_digest, &lmcf->keys_sentinel,
                    ngx_rbtree_insert_value);

    for (i = 0; i < LLM_ACCOUNT_PROVIDER; i++) {
        ngx_rbtree_init(&lmcf->tenants_by_name[i], &lmcf->names_sentinel[i],
                        ngx_str_rbtree_insert_value);
    }

    lmcf->restore = ngx_http_llm_restore;
    lmcf->unpriced = NGX_CONF_UNSET_UINT;
    lmcf->store_sync = NGX_CONF_UNSET_MSEC;
    lmcf->prepare = ngx_http_llm_journal_prepare;
    lmcf->log_refusals = NGX_CONF_UNSET;
    lmcf->log_age_ms = NGX_CONF_UNSET;
    lmcf->log_minutes_ms = NGX_CONF_UNSET;
    lmcf->log_hours_ms = NGX_CONF_UNSET;
    lmcf->log = &cf->cycle->new_log;

    return lmcf;
}


/* all blocks are read: names become pointers, and what they need is made; a
 * configuration that uses none of it stays as it would be without us */

static char *
ngx_http_llm_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_llm_main_conf_t *lmcf = conf;

    ngx_str_t  name = ngx_string("llm_gov");

    ngx_conf_init_uint_value(lmcf->unpriced, NGX_HTTP_LLM_UNPRICED_REFUSE);
    ngx_conf_init_msec_value(lmcf->store_sync, 1000);
    ngx_conf_init_value(lmcf->log_refusals, 1);
    ngx_http_llm_retention_init(lmcf);

    if (lmcf->zone == NULL && lmcf->store == NULL
        && lmcf->providers.nelts == 0 && lmcf->virtual_keys.nelts == 0
        && !lmcf->used)
    {
        return NGX_CONF_OK;
    }

    if (lmcf->pass.file && lmcf->providers.nelts == 0) {
        return ngx_http_llm_conf_error(cf, &lmcf->pass,
                                       "\"llm_pass\" has nowhere to pass to: "
                                       "declare an \"llm_provider\"");
    }

    if (ngx_http_llm_routes_link(cf, lmcf) != NGX_CONF_OK
        || ngx_http_llm_tenants_link(cf, lmcf) != NGX_CONF_OK
        || ngx_http_llm_model_map_check(cf, lmcf) != NGX_CONF_OK
        || ngx_http_llm_providers_complete(cf, lmcf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_llm_alerts_check(cf, lmcf);

    if (lmcf->store == NULL && lmcf->wants_store.len) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"%V\" does nothing, as there is no \"llm_store\", in "
                      "%s:%ui", &lmcf->wants_store,
                      lmcf->wants_store_place.file,
                      lmcf->wants_store_place.line);
    }

    if (lmcf->zone == NULL
        && ngx_http_llm_zone_add(cf, lmcf, &name, NGX_HTTP_LLM_DEFAULT_ZONE)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (lmcf->prices.nelts == 0
        && lmcf->unpriced != NGX_HTTP_LLM_UNPRICED_ALLOW)
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "there is no \"llm_prices\": every call will be "
                           "refused as unpriced");
    }

#if (NGX_THREADS)
    lmcf->thread_pool = ngx_thread_pool_add(cf, NULL);
    if (lmcf->thread_pool == NULL) {
        return NGX_CONF_ERROR;
    }
#endif

    if (ngx_http_llm_manager_init(cf, lmcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_http_llm_main_conf_t *
ngx_http_llm_active(ngx_cycle_t *cycle)
{
    ngx_http_llm_main_conf_t  *lmcf;

    if (ngx_get_conf(cycle->conf_ctx, ngx_http_module) == NULL) {
        return NULL;
    }

    lmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_llm_gov_module);

    return (lmcf && lmcf->zone) ? lmcf : NULL;
}


static ngx_int_t
ngx_http_llm_init_module(ngx_cycle_t *cycle)
{
    ngx_http_llm_main_conf_t  *lmcf;

    lmcf = ngx_http_llm_active(cycle);

    if (lmcf && !ngx_test_config) {
        ngx_http_llm_manager_prime(cycle, lmcf);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_init_process(ngx_cycle_t *cycle)
{
    ngx_http_llm_main_conf_t  *lmcf;

    lmcf = ngx_http_llm_active(cycle);

#if defined(__GLIBC__)

    /* glibc would take the first large body for the usual size, and keep the
     * memory of as many as there ever were at once */

    if (lmcf) {
        (void) mallopt(M_MMAP_THRESHOLD, NGX_HTTP_LLM_MAPPED);
        (void) mallopt(M_TRIM_THRESHOLD, 4 * NGX_HTTP_LLM_MAPPED);
    }

#endif

    ngx_http_llm_holds_init();

    if (lmcf && ngx_http_llm_segment_init(cycle, lmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_llm_settle_init(cycle);
}


static void
ngx_http_llm_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_llm_settle_all(cycle);
    ngx_http_llm_segment_exit();
    ngx_http_llm_endpoints_exit();
}


static void
ngx_http_llm_exit_master(ngx_cycle_t *cycle)
{
    if (ngx_http_llm_active(cycle)) {
        ngx_http_llm_manager_exit(cycle);
    }
}
