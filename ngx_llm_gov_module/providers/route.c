/*
 * `llm_route`: which providers a tenant's calls may go to, with what weight;
 * `llm_model_map`: what models are called.
 */

#include "provider.h"
#include "../governance/block.h"


#define NGX_HTTP_LLM_MAP_CHAIN  8


static char *ngx_http_llm_route_provider(ngx_conf_t *cf, void *object);
static ngx_http_llm_provider_t *ngx_http_llm_provider_find(
    ngx_http_llm_main_conf_t *lmcf, ngx_str_t *name);
static char *ngx_http_llm_route_default(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf);
static ngx_str_t *ngx_http_llm_model_map_find(ngx_http_llm_main_conf_t *lmcf,
    llm_str_t name);


static const ngx_http_llm_block_directive_t  ngx_http_llm_route_table[] = {

    { ngx_string("provider"), 1, 2, ngx_http_llm_route_provider,
      "provider <name of an llm_provider> [weight=<number>] | backup;" },

    { ngx_null_string, 0, 0, NULL, NULL }
};


char *
ngx_http_llm_route(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_main_conf_t *lmcf = conf;

    char                   *error, *rv;
    ngx_str_t              *value;
    ngx_uint_t              i, weights;
    ngx_http_llm_route_t   *route, **slot;
    ngx_http_llm_target_t  *target;

    value = cf->args->elts;

    error = ngx_http_llm_conf_name(&value[1]);
    if (error) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid name \"%V\": %s",
                           &value[1], error);
        return NGX_CONF_ERROR;
    }

    slot = lmcf->routes.elts;

    for (i = 0; i < lmcf->routes.nelts; i++) {
        if (ngx_strcmp(slot[i]->name.data, value[1].data) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate llm_route \"%V\", the first one is "
                               "in %s:%ui", &value[1], slot[i]->place.file,
                               slot[i]->place.line);
            return NGX_CONF_ERROR;
        }
    }

    route = ngx_pcalloc(cf->pool, sizeof(ngx_http_llm_route_t));
    if (route == NULL) {
        return NGX_CONF_ERROR;
    }

    route->name = value[1];
    ngx_http_llm_conf_place(cf, &route->place);

    if (ngx_array_init(&route->targets, cf->pool, 4,
                       sizeof(ngx_http_llm_target_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    slot = ngx_array_push(&lmcf->routes);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = route;

    rv = ngx_http_llm_block(cf, ngx_http_llm_route_table, route);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    target = route->targets.elts;
    weights = 0;

    for (i = 0; i < route->targets.nelts; i++) {
        weights += target[i].weight;
    }

    if (weights == 0) {
        return ngx_http_llm_conf_error(cf, &route->place,
                                       "llm_route \"%V\" needs at least one "
                                       "provider that is no backup",
                                       &route->name);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_route_provider(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_route_t *route = object;

    ngx_int_t               n;
    ngx_str_t              *value;
    ngx_uint_t              i;
    ngx_http_llm_target_t  *target;

    value = cf->args->elts;
    target = route->targets.elts;

    for (i = 0; i < route->targets.nelts; i++) {
        if (ngx_strcmp(target[i].name.data, value[1].data) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "provider \"%V\" is in this route already",
                               &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    target = ngx_array_push(&route->targets);
    if (target == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(target, sizeof(ngx_http_llm_target_t));

    target->name = value[1];
    target->weight = 1;
    ngx_http_llm_conf_place(cf, &target->place);

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[2].data, "backup") == 0) {
        target->weight = 0;
        return NGX_CONF_OK;
    }

    n = NGX_ERROR;

    if (ngx_strncmp(value[2].data, "weight=", 7) == 0) {
        n = ngx_atoi(value[2].data + 7, value[2].len - 7);
    }

    if (n == NGX_ERROR || n == 0 || n > 1000000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\": write weight=<1 to "
                           "1000000> or backup", &value[2]);
        return NGX_CONF_ERROR;
    }

    target->weight = n;

    return NGX_CONF_OK;
}


static ngx_http_llm_provider_t *
ngx_http_llm_provider_find(ngx_http_llm_main_conf_t *lmcf, ngx_str_t *name)
{
    ngx_uint_t                 i;
    ngx_http_llm_provider_t  **provider;

    provider = lmcf->providers.elts;

    for (i = 0; i < lmcf->providers.nelts; i++) {
        if (!provider[i]->governed
            && ngx_strcmp(provider[i]->name.data, name->data) == 0)
        {
            return provider[i];
        }
    }

    return NULL;
}


char *
ngx_http_llm_routes_link(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf)
{
    ngx_uint_t              i, k;
    ngx_http_llm_route_t  **route;
    ngx_http_llm_target_t  *target;

    route = lmcf->routes.elts;

    for (i = 0; i < lmcf->routes.nelts; i++) {
        target = route[i]->targets.elts;

        for (k = 0; k < route[i]->targets.nelts; k++) {
            target[k].provider = ngx_http_llm_provider_find(lmcf,
                                                            &target[k].name);
            if (target[k].provider == NULL) {
                return ngx_http_llm_conf_error(cf, &target[k].place,
                                               "there is no llm_provider "
                                               "\"%V\"", &target[k].name);
            }
        }
    }

    return ngx_http_llm_route_default(cf, lmcf);
}


/* where no route is named every provider may be chosen, with equal weights */

static char *
ngx_http_llm_route_default(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf)
{
    ngx_uint_t                 i;
    ngx_http_llm_route_t      *route;
    ngx_http_llm_target_t     *target;
    ngx_http_llm_provider_t  **provider;

    route = ngx_pcalloc(cf->pool, sizeof(ngx_http_llm_route_t));
    if (route == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&route->name, "");

    if (ngx_array_init(&route->targets, cf->pool, lmcf->providers.nelts + 1,
                       sizeof(ngx_http_llm_target_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    provider = lmcf->providers.elts;

    for (i = 0; i < lmcf->providers.nelts; i++) {
        if (provider[i]->governed) {
            continue;
        }

        target = ngx_array_push(&route->targets);
        if (target == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(target, sizeof(ngx_http_llm_target_t));

        target->provider = provider[i];
        target->name = provider[i]->name;
        target->weight = 1;
    }

    lmcf->default_route = route;

    return NGX_CONF_OK;
}


char *
ngx_http_llm_model_map(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_main_conf_t *lmcf = conf;

    ngx_str_t                 *value;
    ngx_http_llm_model_map_t  *entry;

    value = cf->args->elts;

    if (ngx_http_llm_model_map_find(lmcf, ngx_http_llm_str(value[1]))) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the model \"%V\" is mapped already", &value[1]);
        return NGX_CONF_ERROR;
    }

    entry = ngx_array_push(&lmcf->model_map);
    if (entry == NULL) {
        return NGX_CONF_ERROR;
    }

    entry->from = value[1];
    entry->to = value[2];
    ngx_http_llm_conf_place(cf, &entry->place);

    return NGX_CONF_OK;
}


char *
ngx_http_llm_model_map_check(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf)
{
    ngx_str_t                 *to;
    ngx_uint_t                 i, n;
    ngx_http_llm_model_map_t  *entry;

    entry = lmcf->model_map.elts;

    for (i = 0; i < lmcf->model_map.nelts; i++) {
        to = &entry[i].to;

        for (n = 0; to && n < NGX_HTTP_LLM_MAP_CHAIN; n++) {
            to = ngx_http_llm_model_map_find(lmcf, ngx_http_llm_str(*to));
        }

        if (to) {
            return ngx_http_llm_conf_error(cf, &entry[i].place,
                                           "llm_model_map \"%V\" leads in a "
                                           "circle", &entry[i].from);
        }
    }

    return NGX_CONF_OK;
}


llm_str_t
ngx_http_llm_model_mapped(ngx_http_llm_main_conf_t *lmcf, llm_str_t name)
{
    ngx_str_t  *to;

    for ( ;; ) {
        to = ngx_http_llm_model_map_find(lmcf, name);
        if (to == NULL) {
            return name;
        }

        name = ngx_http_llm_str(*to);
    }
}


static ngx_str_t *
ngx_http_llm_model_map_find(ngx_http_llm_main_conf_t *lmcf, llm_str_t name)
{
    ngx_uint_t                 i;
    ngx_http_llm_model_map_t  *entry;

    entry = lmcf->model_map.elts;

    for (i = 0; i < lmcf->model_map.nelts; i++) {
        if (entry[i].from.len == name.len
            && ngx_strncmp(entry[i].from.data, name.data, name.len) == 0)
        {
            return &entry[i].to;
        }
    }

    return NULL;
}
