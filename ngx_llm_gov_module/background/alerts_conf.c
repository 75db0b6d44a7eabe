/*
 * `llm_alert` as it is written.
 */

#include "alerts.h"
#include "../governance/block.h"
#include "../wire/sha256.h"


#define NGX_HTTP_LLM_ALERT_URL_MAX  2048


static char *ngx_http_llm_alert_param(ngx_conf_t *cf,
    ngx_http_llm_alert_t *alert, ngx_http_llm_webhook_t *webhook,
    ngx_str_t *value);
static char *ngx_http_llm_alert_percent(ngx_conf_t *cf,
    ngx_http_llm_alert_t *alert, ngx_str_t *value);
static char *ngx_http_llm_alert_url(ngx_conf_t *cf,
    ngx_http_llm_webhook_t *webhook, ngx_str_t *url);
static char *ngx_http_llm_alert_origin(ngx_conf_t *cf,
    ngx_http_llm_webhook_t *webhook, size_t scheme);
static char *ngx_http_llm_alert_secret(ngx_conf_t *cf,
    ngx_http_llm_webhook_t *webhook, ngx_str_t *secret);
static char *ngx_http_llm_alert_format(ngx_conf_t *cf,
    ngx_http_llm_webhook_t *webhook, ngx_str_t *format);
static char *ngx_http_llm_alert_check(ngx_conf_t *cf,
    ngx_http_llm_alert_t *alert, ngx_http_llm_webhook_t *webhook,
    ngx_uint_t breaker);
static char *ngx_http_llm_alert_webhook(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf, ngx_http_llm_alert_t *alert,
    ngx_http_llm_webhook_t *webhook);
static char *ngx_http_llm_alert_repeats(ngx_conf_t *cf, ngx_array_t *alerts,
    ngx_http_llm_alert_t *alert);


char *
ngx_http_llm_alert(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_main_conf_t *lmcf = conf;

    return ngx_http_llm_alert_add(cf, &lmcf->alerts, 1);
}


char *
ngx_http_llm_alert_add(ngx_conf_t *cf, ngx_array_t **alerts,
    ngx_uint_t breaker)
{
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_llm_alert_t       alert, *item;
    ngx_http_llm_webhook_t     webhook;
    ngx_http_llm_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_gov_module);
    value = cf->args->elts;

    ngx_memzero(&alert, sizeof(ngx_http_llm_alert_t));
    ngx_memzero(&webhook, sizeof(ngx_http_llm_webhook_t));
    ngx_http_llm_conf_place(cf, &alert.place);
    webhook.place = alert.place;
    webhook.slack = NGX_CONF_UNSET_UINT;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_llm_alert_param(cf, &alert, &webhook, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    ngx_conf_init_uint_value(webhook.slack, 0);

    if (ngx_http_llm_alert_check(cf, &alert, &webhook, breaker) != NGX_CONF_OK
        || ngx_http_llm_alert_webhook(cf, lmcf, &alert, &webhook)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (*alerts == NULL) {
        *alerts = ngx_array_create(cf->pool, 2, sizeof(ngx_http_llm_alert_t));
        if (*alerts == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_llm_alert_repeats(cf, *alerts, &alert) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    item = ngx_array_push(*alerts);
    if (item == NULL) {
        return NGX_CONF_ERROR;
    }

    *item = alert;

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_alert_param(ngx_conf_t *cf, ngx_http_llm_alert_t *alert,
    ngx_http_llm_webhook_t *webhook, ngx_str_t *value)
{
    ngx_str_t    rest;
    ngx_uint_t  *flag;

    flag = (ngx_strcmp(value->data, "projected") == 0) ? &alert->projected
           : (ngx_strcmp(value->data, "breaker") == 0) ? &alert->breaker
           : NULL;

    if (flag != NULL) {
        if (*flag) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is written twice", value);
            return NGX_CONF_ERROR;
        }

        *flag = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "url=", 4) == 0) {
        rest.data = value->data + 4;
        rest.len = value->len - 4;
        return ngx_http_llm_alert_url(cf, webhook, &rest);
    }

    if (ngx_strncmp(value->data, "secret=", 7) == 0) {
        rest.data = value->data + 7;
        rest.len = value->len - 7;
        return ngx_http_llm_alert_secret(cf, webhook, &rest);
    }

    if (ngx_strncmp(value->data, "format=", 7) == 0) {
        rest.data = value->data + 7;
        rest.len = value->len - 7;
        return ngx_http_llm_alert_format(cf, webhook, &rest);
    }

    return ngx_http_llm_alert_percent(cf, alert, value);
}


/* kept in ascending order */
static char *
ngx_http_llm_alert_percent(ngx_conf_t *cf, ngx_http_llm_alert_t *alert,
    ngx_str_t *value)
{
    ngx_int_t   percent;
    ngx_uint_t  i;

    if (value->len == 0 || value->data[value->len - 1] != '%') {

        /* it may be a URL with a secret in it: not shown */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a parameter of \"llm_alert\" is not known; write "
                           "percents, projected, breaker, url=https://…, "
                           "secret=file:<path>, format=json|slack, as in "
                           "\"llm_alert 80%% 100%% url=https://…;\"");
        return NGX_CONF_ERROR;
    }

    percent = ngx_atoi(value->data, value->len - 1);

    if (percent == NGX_ERROR
        || percent < 1 || percent > NGX_HTTP_LLM_PERCENT_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid threshold \"%V\": write a whole number "
                           "from 1%% to 1000%%", value);
        return NGX_CONF_ERROR;
    }

    if (alert->nthresholds == NGX_HTTP_LLM_THRESHOLDS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than 16 thresholds in one \"llm_alert\"");
        return NGX_CONF_ERROR;
    }

    for (i = alert->nthresholds; i > 0; i--) {

        if (alert->thresholds[i - 1] == (ngx_uint_t) percent) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the threshold \"%V\" is written twice", value);
            return NGX_CONF_ERROR;
        }

        if (alert->thresholds[i - 1] < (ngx_uint_t) percent) {
            break;
        }

        alert->thresholds[i] = alert->thresholds[i - 1];
    }

    alert->thresholds[i] = percent;
    alert->nthresholds++;

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_alert_url(ngx_conf_t *cf, ngx_http_llm_webhook_t *webhook,
    ngx_str_t *url)
{
    size_t  i, scheme;

    if (webhook->url.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "an \"llm_alert\" has one url=; write another "
                           "directive for another receiver");
        return NGX_CONF_ERROR;
    }

    if (ngx_strncasecmp(url->data, (u_char *) "https://", 8) == 0) {
        scheme = 8;

    } else if (ngx_strncasecmp(url->data, (u_char *) "http://", 7) == 0) {
        scheme = 7;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "url= needs a URL of https (or http): write "
                           "url=https://host/path");
        return NGX_CONF_ERROR;
    }

    if (url->len > NGX_HTTP_LLM_ALERT_URL_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "url= is longer than 2048 characters");
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < url->len; i++) {
        if (url->data[i] <= 0x20 || url->data[i] == 0x7f) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "url= has blanks or control characters");
            return NGX_CONF_ERROR;
        }
    }

    webhook->url = *url;

    return ngx_http_llm_alert_origin(cf, webhook, scheme);
}


/* what may be shown of it: services put secrets into user, path and query */
static char *
ngx_http_llm_alert_origin(ngx_conf_t *cf, ngx_http_llm_webhook_t *webhook,
    size_t scheme)
{
    u_char     *p, *host, *last;
    ngx_url_t   u;

    host = webhook->url.data + scheme;
    last = webhook->url.data + webhook->url.len;

    for (p = host; p < last && *p != '/' && *p != '?' && *p != '#'; p++) {
        if (*p == '@') {
            host = p + 1;
        }
    }

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url.data = host;
    u.url.len = p - host;
    u.default_port = (scheme == 8) ? 443 : 80;
    u.no_resolve = 1;

    if (host == p || ngx_parse_url(cf->temp_pool, &u) != NGX_OK
        || u.host.len == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "url= has no host, or a port that is none: write "
                           "url=https://host[:port]/path");
        return NGX_CONF_ERROR;
    }

    webhook->origin.data = ngx_pnalloc(cf->pool, webhook->url.len + 1);
    if (webhook->origin.data == NULL) {
        return NGX_CONF_ERROR;
    }

    last = ngx_cpymem(webhook->origin.data, webhook->url.data, scheme);
    last = ngx_cpymem(last, host, p - host);
    *last = '\0';

    webhook->origin.len = last - webhook->origin.data;

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_alert_secret(ngx_conf_t *cf, ngx_http_llm_webhook_t *webhook,
    ngx_str_t *secret)
{
    if (webhook->secret.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "secret= is written twice");
        return NGX_CONF_ERROR;
    }

    if ((secret->len > 5 && ngx_strncmp(secret->data, "file:", 5) == 0)
        || (secret->len > 4 && ngx_strncmp(secret->data, "env:", 4) == 0))
    {
        return ngx_http_llm_conf_secret(cf, secret, &webhook->secret);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "secret= says where the secret is: write "
                       "secret=file:<path> or secret=env:<NAME>");

    return NGX_CONF_ERROR;
}


static char *
ngx_http_llm_alert_format(ngx_conf_t *cf, ngx_http_llm_webhook_t *webhook,
    ngx_str_t *format)
{
    if (webhook->slack != NGX_CONF_UNSET_UINT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "format= is written twice");
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(format->data, "json") == 0) {
        webhook->slack = 0;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(format->data, "slack") == 0) {
        webhook->slack = 1;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown format \"%V\": it is format=json or "
                       "format=slack", format);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_llm_alert_check(ngx_conf_t *cf, ngx_http_llm_alert_t *alert,
    ngx_http_llm_webhook_t *webhook, ngx_uint_t breaker)
{
    if (webhook->url.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"llm_alert\" has no url=: write "
                           "\"llm_alert 80%% 100%% url=https://…;\"");
        return NGX_CONF_ERROR;
    }

    if (alert->breaker && (alert->nthresholds || alert->projected)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"llm_alert breaker\" stands by itself: write a "
                           "second \"llm_alert\" for the budgets");
        return NGX_CONF_ERROR;
    }

    if (alert->breaker && !breaker) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"llm_alert breaker\" is of providers: write it "
                           "in llm_provider {} or in http {}");
        return NGX_CONF_ERROR;
    }

    if (!alert->breaker && !alert->nthresholds && !alert->projected) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"llm_alert\" does not say when: write percents, "
                           "projected, or breaker before url=");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* finds or makes the webhook in lmcf->webhooks */
static char *
ngx_http_llm_alert_webhook(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_alert_t *alert, ngx_http_llm_webhook_t *webhook)
{
    llm_str_t                 pieces[2];
    unsigned char             digest[LLM_SHA256_SIZE];
    ngx_http_llm_webhook_t  **slot;

    pieces[0] = webhook->slack ? llm_str("slack ") : llm_str("json ");
    pieces[1] = ngx_http_llm_str(webhook->url);

    if (llm_sha256(pieces, 2, digest) != LLM_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(&webhook->id, digest, sizeof(uint64_t));

    alert->webhook = ngx_http_llm_webhook_find(lmcf, webhook->id);

    if (alert->webhook != NULL) {

        if (alert->webhook->secret.len == webhook->secret.len
            && ngx_memcmp(alert->webhook->secret.data, webhook->secret.data,
                          webhook->secret.len)
               == 0)
        {
            return NGX_CONF_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "this url= has another secret= in %s:%ui; it is "
                           "one receiver and has one secret",
                           alert->webhook->place.file,
                           alert->webhook->place.line);
        return NGX_CONF_ERROR;
    }

    if (lmcf->webhooks == NULL) {
        lmcf->webhooks = ngx_array_create(cf->pool, 2, sizeof(void *));
        if (lmcf->webhooks == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    slot = ngx_array_push(lmcf->webhooks);
    alert->webhook = ngx_palloc(cf->pool, sizeof(ngx_http_llm_webhook_t));

    if (slot == NULL || alert->webhook == NULL) {
        return NGX_CONF_ERROR;
    }

    *alert->webhook = *webhook;
    *slot = alert->webhook;

    return NGX_CONF_OK;
}


ngx_http_llm_webhook_t *
ngx_http_llm_webhook_find(ngx_http_llm_main_conf_t *lmcf, uint64_t id)
{
    ngx_uint_t                i;
    ngx_http_llm_webhook_t  **webhook;

    if (lmcf->webhooks == NULL) {
        return NULL;
    }

    webhook = lmcf->webhooks->elts;

    for (i = 0; i < lmcf->webhooks->nelts; i++) {
        if (webhook[i]->id == id) {
            return webhook[i];
        }
    }

    return NULL;
}


/* the same receiver would hear the same thing twice */
static char *
ngx_http_llm_alert_repeats(ngx_conf_t *cf, ngx_array_t *alerts,
    ngx_http_llm_alert_t *alert)
{
    ngx_uint_t             i, k, m;
    ngx_http_llm_alert_t  *other;

    other = alerts->elts;

    for (i = 0; i < alerts->nelts; i++) {

        if (other[i].webhook != alert->webhook) {
            continue;
        }

        if ((other[i].breaker && alert->breaker)
            || (other[i].projected && alert->projected))
        {
            goto repeats;
        }

        for (k = 0; k < other[i].nthresholds; k++) {
            for (m = 0; m < alert->nthresholds; m++) {
                if (other[i].thresholds[k] == alert->thresholds[m]) {
                    goto repeats;
                }
            }
        }
    }

    return NGX_CONF_OK;

repeats:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "the \"llm_alert\" of %s:%ui tells this receiver of "
                       "the same already", other[i].place.file,
                       other[i].place.line);

    return NGX_CONF_ERROR;
}
