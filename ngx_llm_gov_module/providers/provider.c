/*
 * `llm_provider`: a place to send calls to.
 */

#include "provider.h"
#include "../background/alerts.h"
#include "../governance/block.h"
#include "../governance/limits.h"


#define NGX_HTTP_LLM_CA_BUNDLE  "/etc/ssl/certs/ca-certificates.crt"


static char *ngx_http_llm_provider_type(ngx_conf_t *cf, void *object);
static char *ngx_http_llm_provider_endpoint(ngx_conf_t *cf, void *object);
static char *ngx_http_llm_provider_models(ngx_conf_t *cf, void *object);
static char *ngx_http_llm_provider_budget(ngx_conf_t *cf, void *object);
static char *ngx_http_llm_provider_rate_limit(ngx_conf_t *cf, void *object);
static char *ngx_http_llm_provider_alert(ngx_conf_t *cf, void *object);
static char *ngx_http_llm_provider_field(ngx_conf_t *cf, void *object);
static ngx_http_llm_provider_t *ngx_http_llm_provider_new(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf);
static char *ngx_http_llm_provider_check(ngx_conf_t *cf,
    ngx_http_llm_provider_t *provider);
static char *ngx_http_llm_provider_default_endpoint(ngx_conf_t *cf,
    ngx_http_llm_provider_t *provider);
static char *ngx_http_llm_provider_ssl(ngx_conf_t *cf,
    ngx_http_llm_provider_t *provider);


#define NGX_HTTP_LLM_FIELD(name, syntax)                                      \
    { ngx_string(name), 1, 1, ngx_http_llm_provider_field, name " " syntax ";" }

static const ngx_http_llm_block_directive_t  ngx_http_llm_provider_table[] = {

    { ngx_string("type"), 1, 1, ngx_http_llm_provider_type,
      "type bedrock;" },

    { ngx_string("endpoint"), 1, 1, ngx_http_llm_provider_endpoint,
      "endpoint https://host[:port][/prefix];" },

    { ngx_string("models"), 1, 64, ngx_http_llm_provider_models,
      "models <pattern> …; (\"*\" stands for any text)" },

    { ngx_string("credentials"), 1, 6, ngx_http_llm_provider_credentials,
      "credentials auto | static … | environment | profile <name> | imds | "
      "container | web_identity | process <command> | bearer <key>;" },

    { ngx_string("assume_role"), 1, 4, ngx_http_llm_provider_assume_role,
      "assume_role <arn> [session_name=…] [external_id=…] "
      "[sts_endpoint=…];" },

    { ngx_string("llm_budget"), 2, 3, ngx_http_llm_provider_budget,
      "llm_budget <dollars> <period> [hard|soft];" },

    { ngx_string("llm_rate_limit"), 1, 6, ngx_http_llm_provider_rate_limit,
      "llm_rate_limit requests=100/1h tokens=50000/1h concurrency=20;" },

    { ngx_string("llm_alert"), 1, 32, ngx_http_llm_provider_alert,
      "llm_alert 80% 100% | breaker url=https://… [secret=file:<path>];" },

    NGX_HTTP_LLM_FIELD("region", "<AWS region>"),
    NGX_HTTP_LLM_FIELD("model", "<model id or ARN>"),
    NGX_HTTP_LLM_FIELD("price_as", "<model id>"),
    NGX_HTTP_LLM_FIELD("connect_timeout", "<time>"),
    NGX_HTTP_LLM_FIELD("send_timeout", "<time>"),
    NGX_HTTP_LLM_FIELD("first_byte_timeout", "<time>"),
    NGX_HTTP_LLM_FIELD("read_timeout", "<time>"),
    NGX_HTTP_LLM_FIELD("keepalive", "<connections per worker>"),
    NGX_HTTP_LLM_FIELD("keepalive_timeout", "<time>"),
    NGX_HTTP_LLM_FIELD("max_failures", "<number>"),
    NGX_HTTP_LLM_FIELD("cooldown", "<time>"),
    NGX_HTTP_LLM_FIELD("ssl_verify", "on|off"),
    NGX_HTTP_LLM_FIELD("ssl_verify_depth", "<number>"),
    NGX_HTTP_LLM_FIELD("ssl_trusted_certificate", "<file>"),

    { ngx_null_string, 0, 0, NULL, NULL }
};


/* the plain fields are read by nginx's own slot functions */
static ngx_command_t  ngx_http_llm_provider_fields[] = {

    { ngx_string("region"), 0, ngx_conf_set_str_slot, 0,
      offsetof(ngx_http_llm_provider_t, region), NULL },

    { ngx_string("model"), 0, ngx_conf_set_str_slot, 0,
      offsetof(ngx_http_llm_provider_t, model), NULL },

    { ngx_string("price_as"), 0, ngx_conf_set_str_slot, 0,
      offsetof(ngx_http_llm_provider_t, base_model), NULL },

    { ngx_string("connect_timeout"), 0, ngx_conf_set_msec_slot, 0,
      offsetof(ngx_http_llm_provider_t, connect_timeout), NULL },

    { ngx_string("send_timeout"), 0, ngx_conf_set_msec_slot, 0,
      offsetof(ngx_http_llm_provider_t, send_timeout), NULL },

    { ngx_string("first_byte_timeout"), 0, ngx_conf_set_msec_slot, 0,
      offsetof(ngx_http_llm_provider_t, first_byte_timeout), NULL },

    { ngx_string("read_timeout"), 0, ngx_conf_set_msec_slot, 0,
      offsetof(ngx_http_llm_provider_t, read_timeout), NULL },

    { ngx_string("keepalive"), 0, ngx_conf_set_num_slot, 0,
      offsetof(ngx_http_llm_provider_t, keepalive), NULL },

    { ngx_string("keepalive_timeout"), 0, ngx_conf_set_msec_slot, 0,
      offsetof(ngx_http_llm_provider_t, keepalive_timeout), NULL },

    { ngx_string("max_failures"), 0, ngx_conf_set_num_slot, 0,
      offsetof(ngx_http_llm_provider_t, max_failures), NULL },

    { ngx_string("cooldown"), 0, ngx_conf_set_msec_slot, 0,
      offsetof(ngx_http_llm_provider_t, cooldown), NULL },

    { ngx_string("ssl_verify"), 0, ngx_conf_set_flag_slot, 0,
      offsetof(ngx_http_llm_provider_t, ssl_verify), NULL },

    { ngx_string("ssl_verify_depth"), 0, ngx_conf_set_num_slot, 0,
      offsetof(ngx_http_llm_provider_t, ssl_verify_depth), NULL },

    { ngx_string("ssl_trusted_certificate"), 0, ngx_conf_set_str_slot, 0,
      offsetof(ngx_http_llm_provider_t, ssl_trusted_certificate), NULL },

    ngx_null_command
};


char *
ngx_http_llm_provider(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_main_conf_t *lmcf = conf;

    char                     *rv;
    ngx_http_llm_provider_t  *provider;

    provider = ngx_http_llm_provider_new(cf, lmcf);
    if (provider == NULL) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_llm_block(cf, ngx_http_llm_provider_table, provider);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_llm_provider_check(cf, provider);
}


static ngx_http_llm_provider_t *
ngx_http_llm_provider_new(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf)
{
    char                      *error;
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_llm_provider_t   *p, **slot;

    value = cf->args->elts;

    error = ngx_http_llm_conf_name(&value[1]);
    if (error) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid name \"%V\": %s",
                           &value[1], error);
        return NULL;
    }

    slot = lmcf->providers.elts;

    for (i = 0; i < lmcf->providers.nelts; i++) {
        if (slot[i]->name.len == value[1].len
            && ngx_strncmp(slot[i]->name.data, value[1].data, value[1].len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate llm_provider \"%V\", the first one "
                               "is in %s:%ui", &value[1], slot[i]->place.file,
                               slot[i]->place.line);
            return NULL;
        }
    }

    p = ngx_pcalloc(cf->pool, sizeof(ngx_http_llm_provider_t));
    if (p == NULL) {
        return NULL;
    }

    p->name = value[1];
    p->index = lmcf->providers.nelts;
    ngx_http_llm_conf_place(cf, &p->place);

    p->connect_timeout = NGX_CONF_UNSET_MSEC;
    p->send_timeout = NGX_CONF_UNSET_MSEC;
    p->first_byte_timeout = NGX_CONF_UNSET_MSEC;
    p->read_timeout = NGX_CONF_UNSET_MSEC;
    p->keepalive = NGX_CONF_UNSET;
    p->keepalive_timeout = NGX_CONF_UNSET_MSEC;
    p->max_failures = NGX_CONF_UNSET;
    p->cooldown = NGX_CONF_UNSET_MSEC;
    p->ssl_verify = NGX_CONF_UNSET;
    p->ssl_verify_depth = NGX_CONF_UNSET;

    if (ngx_array_init(&p->limits, cf->pool, 4, sizeof(llm_limit_t)) != NGX_OK)
    {
        return NULL;
    }

    slot = ngx_array_push(&lmcf->providers);
    if (slot == NULL) {
        return NULL;
    }

    *slot = p;

    return p;
}


static char *
ngx_http_llm_provider_field(ngx_conf_t *cf, void *object)
{
    ngx_str_t      *value;
    ngx_command_t  *cmd;

    value = cf->args->elts;

    for (cmd = ngx_http_llm_provider_fields; cmd->name.len; cmd++) {
        if (ngx_strcmp(cmd->name.data, value[0].data) == 0) {
            return cmd->set(cf, cmd, object);
        }
    }

    return NGX_CONF_ERROR;
}


static char *
ngx_http_llm_provider_type(ngx_conf_t *cf, void *object)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "bedrock") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown provider type \"%V\": write "
                           "\"type bedrock;\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_provider_models(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_provider_t *provider = object;

    return ngx_http_llm_conf_list(cf, &provider->models);
}


static char *
ngx_http_llm_provider_budget(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_provider_t *provider = object;

    return ngx_http_llm_budget(cf, &provider->limits);
}


static char *
ngx_http_llm_provider_rate_limit(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_provider_t *provider = object;

    return ngx_http_llm_rate_limit(cf, &provider->limits);
}


static char *
ngx_http_llm_provider_alert(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_provider_t *provider = object;

    return ngx_http_llm_alert_add(cf, &provider->alerts, 1);
}


static char *
ngx_http_llm_provider_endpoint(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_provider_t *provider = object;

    u_char                   *p;
    ngx_url_t                 u;
    ngx_str_t                *value;
    ngx_http_llm_endpoint_t  *endpoint;

    value = cf->args->elts;
    endpoint = &provider->endpoint;

    if (endpoint->host.len) {
        return "is duplicate";
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    if (ngx_strncasecmp(value[1].data, (u_char *) "https://", 8) == 0) {
        endpoint->tls = 1;
        u.default_port = 443;
        u.url.data = value[1].data + 8;

    } else if (ngx_strncasecmp(value[1].data, (u_char *) "http://", 7) == 0) {
        u.default_port = 80;
        u.url.data = value[1].data + 7;

    } else {
        return "needs a URL: endpoint https://host[:port][/prefix];";
    }

    u.url.len = value[1].len - (u.url.data - value[1].data);
    u.uri_part = 1;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.host.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in endpoint \"%V\"",
                           u.err ? u.err : "no host", &value[1]);
        return NGX_CONF_ERROR;
    }

    while (u.uri.len && u.uri.data[u.uri.len - 1] == '/') {
        u.uri.len--;
    }

    endpoint->port = u.port;
    endpoint->prefix = u.uri;

    /* "host" NUL "host:port": getaddrinfo() wants a C string */

    p = ngx_pnalloc(cf->pool, 2 * (u.host.len + 1) + sizeof(":65535"));
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    endpoint->host.data = p;
    endpoint->host.len = u.host.len;
    p = ngx_sprintf(p, "%V%Z", &u.host);

    endpoint->authority.data = p;
    p = ngx_cpymem(p, u.host.data, u.host.len);

    if (u.port != u.default_port) {
        p = ngx_sprintf(p, ":%ui", (ngx_uint_t) u.port);
    }

    endpoint->authority.len = p - endpoint->authority.data;

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_provider_check(ngx_conf_t *cf, ngx_http_llm_provider_t *p)
{
    u_char      c;
    ngx_uint_t  i;

    if (p->region.len == 0) {
        return ngx_http_llm_conf_error(cf, &p->place,
                                       "llm_provider \"%V\" has no region: "
                                       "write \"region us-east-1;\"",
                                       &p->name);
    }

    for (i = 0; i < p->region.len; i++) {
        c = p->region.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return ngx_http_llm_conf_error(cf, &p->place,
                                           "llm_provider \"%V\": \"%V\" is no "
                                           "AWS region, write one as "
                                           "us-east-1", &p->name, &p->region);
        }
    }

    ngx_conf_init_msec_value(p->connect_timeout, 5000);
    ngx_conf_init_msec_value(p->send_timeout, 60000);
    ngx_conf_init_msec_value(p->first_byte_timeout, 300000);
    ngx_conf_init_msec_value(p->read_timeout, 120000);
    ngx_conf_init_value(p->keepalive, 64);
    ngx_conf_init_msec_value(p->keepalive_timeout, 60000);
    ngx_conf_init_value(p->max_failures, 5);
    ngx_conf_init_msec_value(p->cooldown, 10000);
    ngx_conf_init_value(p->ssl_verify, 1);
    ngx_conf_init_value(p->ssl_verify_depth, 5);

    p->health.max_failures = p->max_failures;
    p->health.cooldown_ms = p->cooldown;

    p->credentials.region = (const char *) p->region.data;

    return NGX_CONF_OK;
}


char *
ngx_http_llm_providers_complete(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf)
{
    ngx_uint_t                 i;
    ngx_http_llm_provider_t  **provider;

    provider = lmcf->providers.elts;

    for (i = 0; i < lmcf->providers.nelts; i++) {

        if (provider[i]->governed) {
            continue;
        }

        if (provider[i]->endpoint.host.len == 0
            && ngx_http_llm_provider_default_endpoint(cf, provider[i])
               != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

        if (provider[i]->endpoint.tls
            && ngx_http_llm_provider_ssl(cf, provider[i]) != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

        ngx_queue_init(&provider[i]->idle);
    }

    return NGX_CONF_OK;
}


/* bedrock-runtime.{region}.amazonaws.com; China has a suffix of its own */

static char *
ngx_http_llm_provider_default_endpoint(ngx_conf_t *cf,
    ngx_http_llm_provider_t *p)
{
    u_char      *host;
    const char  *suffix;

    suffix = (ngx_strncmp(p->region.data, "cn-", 3) == 0)
             ? "amazonaws.com.cn" : "amazonaws.com";

    host = ngx_pnalloc(cf->pool, sizeof("bedrock-runtime..amazonaws.com.cn")
                                 + p->region.len);
    if (host == NULL) {
        return NGX_CONF_ERROR;
    }

    p->endpoint.host.data = host;
    p->endpoint.host.len = ngx_sprintf(host, "bedrock-runtime.%V.%s%Z",
                                       &p->region, suffix)
                           - host - 1;
    p->endpoint.authority = p->endpoint.host;
    p->endpoint.port = 443;
    p->endpoint.tls = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_provider_ssl(ngx_conf_t *cf, ngx_http_llm_provider_t *p)
{
    ngx_pool_cleanup_t  *cln;

    p->ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (p->ssl == NULL) {
        return NGX_CONF_ERROR;
    }

    p->ssl->log = cf->log;

    if (ngx_ssl_create(p->ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(p->ssl);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = p->ssl;

    if (ngx_ssl_client_session_cache(cf, p->ssl, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (!p->ssl_verify) {
        return NGX_CONF_OK;
    }

    if (p->ssl_trusted_certificate.len == 0) {

        if (access(NGX_HTTP_LLM_CA_BUNDLE, R_OK) == -1) {
            return ngx_http_llm_conf_error(cf, &p->place,
                                           "llm_provider \"%V\": "
                                           NGX_HTTP_LLM_CA_BUNDLE " cannot be "
                                           "read: install ca-certificates or "
                                           "set ssl_trusted_certificate",
                                           &p->name);
        }

        ngx_str_set(&p->ssl_trusted_certificate, NGX_HTTP_LLM_CA_BUNDLE);
    }

    if (ngx_ssl_trusted_certificate(cf, p->ssl, &p->ssl_trusted_certificate,
                                    p->ssl_verify_depth)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
