/*
 * The location's configuration.
 */

#include "location.h"
#include "../governance/block.h"


static char *ngx_http_llm_location_handler(ngx_conf_t *cf,
    ngx_http_llm_loc_conf_t *llcf, ngx_http_handler_pt handler);
static ngx_uint_t ngx_http_llm_dialect(ngx_str_t *name);
static ngx_http_llm_provider_t *ngx_http_llm_governed_provider(ngx_conf_t *cf,
    ngx_str_t *name);
static void ngx_http_llm_merge_noname(ngx_http_core_loc_conf_t *clcf,
    ngx_http_llm_loc_conf_t *conf, ngx_http_llm_loc_conf_t *prev);
static char *ngx_http_llm_merge_upstream(ngx_conf_t *cf,
    ngx_http_llm_loc_conf_t *conf, ngx_http_llm_loc_conf_t *prev);


ngx_conf_enum_t  ngx_http_llm_budget_statuses[] = {
    { ngx_string("default"), 0 },
    { ngx_string("400"), 400 },
    { ngx_string("402"), 402 },
    { ngx_string("403"), 403 },
    { ngx_string("429"), 429 },
    { ngx_null_string, 0 }
};


/* not passed on to AWS clients: nginx sends its own, or they would steer it */
static ngx_str_t  ngx_http_llm_hide_headers[] = {
    ngx_string("Date"),
    ngx_string("Server"),
    ngx_string("X-Pad"),
    ngx_string("X-Accel-Expires"),
    ngx_string("X-Accel-Redirect"),
    ngx_string("X-Accel-Limit-Rate"),
    ngx_string("X-Accel-Buffering"),
    ngx_string("X-Accel-Charset"),
    ngx_null_string
};


char *
ngx_http_llm_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_loc_conf_t *llcf = conf;

    ngx_str_t                 *value;
    ngx_http_llm_main_conf_t  *lmcf;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    if (llcf->dialect) {
        return "is duplicate";
    }

    llcf->dialect = ngx_http_llm_dialect(&value[1]);

    if (llcf->dialect != LLM_DIALECT_ANTHROPIC
        && llcf->dialect != LLM_DIALECT_BEDROCK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown dialect \"%V\": write anthropic or "
                           "bedrock", &value[1]);
        return NGX_CONF_ERROR;
    }

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_gov_module);
    lmcf->used = 1;

    if (lmcf->pass.file == NULL) {
        ngx_http_llm_conf_place(cf, &lmcf->pass);
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->named) {
        return "needs a prefix location, \"location /anthropic/ { }\": the "
               "call is read from the path below it";
    }

    return ngx_http_llm_location_handler(cf, llcf, ngx_http_llm_handler);
}


static char *
ngx_http_llm_location_handler(ngx_conf_t *cf, ngx_http_llm_loc_conf_t *llcf,
    ngx_http_handler_pt handler)
{
    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "is in a location that has another content handler already";
    }

    value = cf->args->elts;

    clcf->handler = handler;
    llcf->handler = handler;
    llcf->directive = value[0];
    ngx_http_llm_conf_place(cf, &llcf->place);

    return NGX_CONF_OK;
}


char *
ngx_http_llm_govern(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_loc_conf_t *llcf = conf;

    ngx_str_t                 *value, name;
    ngx_http_llm_main_conf_t  *lmcf;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    if (llcf->govern) {
        return "is duplicate";
    }

    llcf->govern = ngx_http_llm_dialect(&value[1]);

    if (llcf->govern == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown dialect \"%V\": write anthropic, openai "
                           "or bedrock", &value[1]);
        return NGX_CONF_ERROR;
    }

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_gov_module);
    lmcf->used = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    name = clcf->name;

    if (cf->args->nelts == 3) {

        if (ngx_strncmp(value[2].data, "name=", 5) != 0
            || value[2].len == 5)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\": write name=<what "
                               "to call it in metrics>", &value[2]);
            return NGX_CONF_ERROR;
        }

        name.data = value[2].data + 5;
        name.len = value[2].len - 5;
    }

    if (name.len == 0 || name.len > LLM_ACCOUNT_NAME_SIZE - 1) {
        return "needs name=<name>: that of the location does not do";
    }

    llcf->governed = ngx_http_llm_governed_provider(cf, &name);

    return llcf->governed ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* the account on the provider's side; locations of one name share it */

static ngx_http_llm_provider_t *
ngx_http_llm_governed_provider(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_http_llm_main_conf_t   *lmcf;
    ngx_http_llm_provider_t    *p, **slot;

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_gov_module);
    slot = lmcf->providers.elts;

    for (i = 0; i < lmcf->providers.nelts; i++) {

        if (slot[i]->name.len != name->len
            || ngx_strncmp(slot[i]->name.data, name->data, name->len) != 0)
        {
            continue;
        }

        if (slot[i]->governed) {
            return slot[i];
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is the name of an llm_provider: give the "
                           "location another one with name=", name);
        return NULL;
    }

    p = ngx_pcalloc(cf->pool, sizeof(ngx_http_llm_provider_t));
    slot = ngx_array_push(&lmcf->providers);

    if (p == NULL || slot == NULL
        || ngx_array_init(&p->limits, cf->pool, 1, sizeof(llm_limit_t))
           != NGX_OK)
    {
        return NULL;
    }

    p->name = *name;
    p->governed = 1;
    p->index = lmcf->providers.nelts - 1;
    ngx_http_llm_conf_place(cf, &p->place);
    ngx_queue_init(&p->idle);

    *slot = p;

    return p;
}


static ngx_uint_t
ngx_http_llm_dialect(ngx_str_t *name)
{
    ngx_uint_t  dialect;

    for (dialect = LLM_DIALECT_BEDROCK; dialect <= LLM_DIALECT_OPENAI;
         dialect++)
    {
        if (llm_str_eq(ngx_http_llm_str(*name), llm_dialect_name(dialect))) {
            return dialect;
        }
    }

    return 0;
}


char *
ngx_http_llm_endpoint(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_gov_module);
    lmcf->used = 1;

    return ngx_http_llm_location_handler(cf, conf,
                                         (ngx_http_handler_pt) cmd->post);
}


char *
ngx_http_llm_client_abort(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_loc_conf_t *llcf = conf;

    ssize_t      size;
    ngx_int_t    ms;
    ngx_str_t   *value, s;
    ngx_uint_t   i;

    value = cf->args->elts;

    if (llcf->client_abort != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "drain") == 0) {
        llcf->client_abort = NGX_HTTP_LLM_ABORT_DRAIN;

    } else if (ngx_strcmp(value[1].data, "cancel") == 0) {
        llcf->client_abort = NGX_HTTP_LLM_ABORT_CANCEL;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\": write drain or cancel",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        s.data = value[i].data + 5;
        s.len = value[i].len - 5;

        if (ngx_strncmp(value[i].data, "time=", 5) == 0) {
            ms = ngx_parse_time(&s, 0);

            if (ms != NGX_ERROR && ms > 0) {
                llcf->drain_time = ms;
                continue;
            }

        } else if (ngx_strncmp(value[i].data, "size=", 5) == 0) {
            size = ngx_parse_size(&s);

            if (size != NGX_ERROR && size > 0) {
                llcf->drain_size = size;
                continue;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\": write time=60s or "
                           "size=16m", &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_llm_failover(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_loc_conf_t *llcf = conf;

    ngx_int_t    n;
    ngx_str_t   *value, s;
    ngx_uint_t   i;

    value = cf->args->elts;

    if (llcf->tries != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "off") == 0 && cf->args->nelts == 2) {
        llcf->tries = 1;
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "tries=", 6) == 0) {
            n = ngx_atoi(value[i].data + 6, value[i].len - 6);

            if (n != NGX_ERROR && n > 0 && n <= NGX_HTTP_LLM_ATTEMPTS_MAX) {
                llcf->tries = n;
                continue;
            }

        } else if (ngx_strncmp(value[i].data, "timeout=", 8) == 0) {
            s.data = value[i].data + 8;
            s.len = value[i].len - 8;
            n = ngx_parse_time(&s, 0);

            if (n != NGX_ERROR && n > 0) {
                llcf->tries_timeout = n;
                continue;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\": write off, or tries=<1 "
                           "to %d> and timeout=<time>", &value[i],
                           NGX_HTTP_LLM_ATTEMPTS_MAX);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


void *
ngx_http_llm_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_llm_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_llm_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->client_abort = NGX_CONF_UNSET_UINT;
    conf->drain_time = NGX_CONF_UNSET_MSEC;
    conf->drain_size = NGX_CONF_UNSET_SIZE;
    conf->tries = NGX_CONF_UNSET_UINT;
    conf->tries_timeout = NGX_CONF_UNSET_MSEC;
    conf->budget_status = NGX_CONF_UNSET_UINT;

    conf->upstream.hide_headers = NGX_CONF_UNSET_PTR;
    conf->upstream.pass_headers = NGX_CONF_UNSET_PTR;

    return conf;
}


char *
ngx_http_llm_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_llm_loc_conf_t *prev = parent;
    ngx_http_llm_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    ngx_conf_merge_uint_value(conf->client_abort, prev->client_abort,
                              NGX_HTTP_LLM_ABORT_DRAIN);
    ngx_conf_merge_msec_value(conf->drain_time, prev->drain_time, 60000);
    ngx_conf_merge_size_value(conf->drain_size, prev->drain_size,
                              16 * 1024 * 1024);
    ngx_conf_merge_uint_value(conf->tries, prev->tries, 3);
    ngx_conf_merge_msec_value(conf->tries_timeout, prev->tries_timeout,
                              60000);
    ngx_conf_merge_uint_value(conf->budget_status, prev->budget_status, 0);
    ngx_conf_merge_str_value(conf->betas, prev->betas, "");
    ngx_conf_merge_str_value(conf->anthropic_version, prev->anthropic_version,
                             "bedrock-2023-05-31");

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname) {
        ngx_http_llm_merge_noname(clcf, conf, prev);
    }

    /* proxy_pass does not ask whether somebody serves the location already */

    if (conf->handler && clcf->handler != conf->handler) {
        return ngx_http_llm_conf_error(cf, &conf->place,
                                       "\"%V\" is in a location that has "
                                       "another content handler, too",
                                       &conf->directive);
    }

    if (!conf->dialect) {
        return NGX_CONF_OK;
    }

    return ngx_http_llm_merge_upstream(cf, conf, prev);
}


/* `if` and `limit_except` are the location that they stand in: a request that
 * gets into them must not get around its governance */

static void
ngx_http_llm_merge_noname(ngx_http_core_loc_conf_t *clcf,
    ngx_http_llm_loc_conf_t *conf, ngx_http_llm_loc_conf_t *prev)
{
    if (conf->govern == 0) {
        conf->govern = prev->govern;
        conf->governed = prev->governed;
    }

    if (clcf->handler == NULL && prev->dialect) {
        conf->dialect = prev->dialect;
        clcf->handler = ngx_http_llm_handler;
    }
}


static char *
ngx_http_llm_merge_upstream(ngx_conf_t *cf, ngx_http_llm_loc_conf_t *conf,
    ngx_http_llm_loc_conf_t *prev)
{
    ngx_hash_init_t            hash;
    ngx_http_upstream_conf_t  *u;

    conf->uscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_upstream_srv_conf_t));
    if (conf->uscf == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&conf->uscf->host, "llm");
    conf->uscf->peer.init = ngx_http_llm_peer_init;

    u = &conf->upstream;

    u->request_buffering = 1;
    u->socket_keepalive = 1;
    u->next_upstream = NGX_HTTP_UPSTREAM_FT_ERROR
                       |NGX_HTTP_UPSTREAM_FT_TIMEOUT
                       |NGX_HTTP_UPSTREAM_FT_INVALID_HEADER
                       |NGX_HTTP_UPSTREAM_FT_NOLIVE
                       |NGX_HTTP_UPSTREAM_FT_NON_IDEMPOTENT;
    u->ignore_headers = NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT
                        |NGX_HTTP_UPSTREAM_IGN_XA_EXPIRES
                        |NGX_HTTP_UPSTREAM_IGN_EXPIRES
                        |NGX_HTTP_UPSTREAM_IGN_CACHE_CONTROL
                        |NGX_HTTP_UPSTREAM_IGN_SET_COOKIE
                        |NGX_HTTP_UPSTREAM_IGN_XA_LIMIT_RATE
                        |NGX_HTTP_UPSTREAM_IGN_XA_BUFFERING
                        |NGX_HTTP_UPSTREAM_IGN_XA_CHARSET
                        |NGX_HTTP_UPSTREAM_IGN_VARY;

    hash.max_size = 512;
    hash.bucket_size = ngx_align(64, ngx_cacheline_size);
    hash.name = "llm_headers_hash";

    if (ngx_http_upstream_hide_headers_hash(cf, u, &prev->upstream,
                                            ngx_http_llm_hide_headers, &hash)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
