/*
 * How long the store keeps what.
 */

#include "retention.h"
#include "../governance/block.h"
#include "../store/upkeep/retention.h"


#define NGX_HTTP_LLM_DAY_MS         ((int64_t) 24 * 3600 * 1000)

#define NGX_HTTP_LLM_ROWS_MS        (90 * NGX_HTTP_LLM_DAY_MS)
#define NGX_HTTP_LLM_MINUTES_MS     (7 * NGX_HTTP_LLM_DAY_MS)
#define NGX_HTTP_LLM_HOURS_MS       (3 * 365 * NGX_HTTP_LLM_DAY_MS)

#define NGX_HTTP_LLM_SIZE_MIN       (64 * 1024 * 1024)

/* between looks, and between steps while there is something to do: folding
 * comes first */
#define NGX_HTTP_LLM_RETENTION_LOOK  10000
#define NGX_HTTP_LLM_RETENTION_STEP  100

#define NGX_HTTP_LLM_RETENTION_TELL  (10 * 60 * 1000)


static char *ngx_http_llm_retention_age(ngx_conf_t *cf, ngx_str_t *text,
    const char *name, int64_t least, int64_t *ms);
static char *ngx_http_llm_retention_size(ngx_conf_t *cf, ngx_str_t *text,
    uint64_t *size);


/* of this process */
static ngx_msec_t  ngx_http_llm_retention_next;
static ngx_msec_t  ngx_http_llm_retention_told;


char *
ngx_http_llm_log_retention(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_main_conf_t *lmcf = conf;

    char        *rc;
    ngx_str_t   *value, rest;
    ngx_uint_t   i;

    if (lmcf->log_age_ms != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    ngx_http_llm_conf_wants_store(cf);

    value = cf->args->elts;

    rc = ngx_http_llm_retention_age(cf, &value[1], "", 60 * 1000,
                                    &lmcf->log_age_ms);

    for (i = 2; i < cf->args->nelts && rc == NGX_CONF_OK; i++) {

        if (ngx_strncmp(value[i].data, "size=", 5) == 0) {
            rest.data = value[i].data + 5;
            rest.len = value[i].len - 5;
            rc = ngx_http_llm_retention_size(cf, &rest, &lmcf->log_size);

        } else if (ngx_strncmp(value[i].data, "minutes=", 8) == 0) {
            rest.data = value[i].data + 8;
            rest.len = value[i].len - 8;
            rc = ngx_http_llm_retention_age(cf, &rest, "minutes=",
                                            3600 * 1000,
                                            &lmcf->log_minutes_ms);

        } else if (ngx_strncmp(value[i].data, "hours=", 6) == 0) {
            rest.data = value[i].data + 6;
            rest.len = value[i].len - 6;
            rc = ngx_http_llm_retention_age(cf, &rest, "hours=",
                                            NGX_HTTP_LLM_DAY_MS,
                                            &lmcf->log_hours_ms);

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\": write \"size=20g\", "
                               "\"minutes=7d\" or \"hours=3y\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return rc;
}


static char *
ngx_http_llm_retention_age(ngx_conf_t *cf, ngx_str_t *text, const char *name,
    int64_t least, int64_t *ms)
{
    ngx_int_t  seconds;

    if (*ms != NGX_CONF_UNSET) {
        return "has the same parameter twice";
    }

    if (text->len == 3 && ngx_strncmp(text->data, "off", 3) == 0) {
        *ms = 0;
        return NGX_CONF_OK;
    }

    seconds = ngx_parse_time(text, 1);

    /* "90" would be 90 seconds, and what is older is gone */

    if (seconds == NGX_ERROR || (int64_t) seconds * 1000 < least
        || text->data[text->len - 1] <= '9')
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid age \"%s%V\": write a time like 90d or "
                           "1y, %s at least, or \"off\" to keep them for ever",
                           name, text,
                           (least == NGX_HTTP_LLM_DAY_MS) ? "1d"
                           : (least == 3600 * 1000) ? "1h" : "1m");
        return NGX_CONF_ERROR;
    }

    *ms = (int64_t) seconds * 1000;

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_retention_size(ngx_conf_t *cf, ngx_str_t *text, uint64_t *size)
{
    off_t  bytes;

    if (*size) {
        return "has the same parameter twice";
    }

    bytes = ngx_parse_offset(text);

    if (bytes == NGX_ERROR || bytes < NGX_HTTP_LLM_SIZE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"size=%V\": write a size like 20g, 64m "
                           "at least", text);
        return NGX_CONF_ERROR;
    }

    *size = (uint64_t) bytes;

    return NGX_CONF_OK;
}


void
ngx_http_llm_retention_init(ngx_http_llm_main_conf_t *lmcf)
{
    if (lmcf->log_age_ms == NGX_CONF_UNSET) {
        lmcf->log_age_ms = NGX_HTTP_LLM_ROWS_MS;
    }

    if (lmcf->log_minutes_ms == NGX_CONF_UNSET) {
        lmcf->log_minutes_ms = NGX_HTTP_LLM_MINUTES_MS;
    }

    if (lmcf->log_hours_ms == NGX_CONF_UNSET) {
        lmcf->log_hours_ms = NGX_HTTP_LLM_HOURS_MS;
    }
}


void
ngx_http_llm_retention_run(ngx_http_llm_main_conf_t *lmcf, llm_store_t *store,
    ngx_log_t *log)
{
    int              rc;
    bool             more;
    llm_retention_t  retention;

    if (store == NULL
        || (ngx_msec_int_t) (ngx_current_msec - ngx_http_llm_retention_next)
           < 0)
    {
        return;
    }

    retention.rows_ms = lmcf->log_age_ms;
    retention.size = lmcf->log_size;
    retention.minutes_ms = lmcf->log_minutes_ms;
    retention.hours_ms = lmcf->log_hours_ms;

    rc = llm_retention_run(store, &retention, ngx_http_llm_now(), &more);

    ngx_http_llm_retention_next = ngx_current_msec
                                  + (more ? NGX_HTTP_LLM_RETENTION_STEP
                                          : NGX_HTTP_LLM_RETENTION_LOOK);

    if (rc == LLM_OK) {
        return;
    }

    if (ngx_http_llm_retention_told == 0
        || ngx_current_msec - ngx_http_llm_retention_told
           >= NGX_HTTP_LLM_RETENTION_TELL)
    {
        ngx_http_llm_retention_told = ngx_current_msec;

        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "llm_log_retention: what is old stays for now: %s",
                      llm_store_error(store));
    }
}
