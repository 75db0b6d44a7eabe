/*
 * `llm_budget` and `llm_rate_limit`: amounts and windows as people write them.
 */

#include "limits.h"


#define NGX_HTTP_LLM_NANO  1000000000


static char *ngx_http_llm_limit_add(ngx_conf_t *cf, ngx_array_t *limits,
    const llm_limit_t *limit);
static ngx_int_t ngx_http_llm_dollars(ngx_str_t *text, int64_t *nanodollars);
static ngx_int_t ngx_http_llm_limit_mode(ngx_str_t *text,
    llm_limit_mode_t *mode);
static char *ngx_http_llm_rate(ngx_conf_t *cf, ngx_str_t *arg,
    llm_limit_t *limit);


static const struct {
    ngx_str_t      name;
    llm_metric_t   metric;
} ngx_http_llm_rates[] = {
    { ngx_string("requests="), LLM_METRIC_REQUESTS },
    { ngx_string("tokens="), LLM_METRIC_TOKENS },
    { ngx_string("input_tokens="), LLM_METRIC_INPUT_TOKENS },
    { ngx_string("output_tokens="), LLM_METRIC_OUTPUT_TOKENS },
    { ngx_string("concurrency="), LLM_METRIC_CONCURRENCY },
    { ngx_null_string, 0 }
};


char *
ngx_http_llm_budget(ngx_conf_t *cf, ngx_array_t *limits)
{
    ngx_str_t    *value;
    llm_limit_t   limit;
    const char   *error;

    value = cf->args->elts;

    ngx_memzero(&limit, sizeof(llm_limit_t));
    limit.metric = LLM_METRIC_COST;

    if (ngx_http_llm_dollars(&value[1], &limit.amount) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no amount of dollars: write 500 or 0.25",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (llm_window_parse(ngx_http_llm_str(value[2]), &limit.window, &error)
        != LLM_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid period \"%V\": %s",
                           &value[2], error);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 4
        && ngx_http_llm_limit_mode(&value[3], &limit.mode) != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\": a budget is \"hard\", "
                           "\"soft\", or neither", &value[3]);
        return NGX_CONF_ERROR;
    }

    return ngx_http_llm_limit_add(cf, limits, &limit);
}


char *
ngx_http_llm_rate_limit(ngx_conf_t *cf, ngx_array_t *limits)
{
    char              *rv;
    ngx_str_t         *value;
    ngx_uint_t         i, n;
    llm_limit_t        limit;
    llm_limit_mode_t   mode;

    value = cf->args->elts;
    mode = LLM_LIMIT_NORMAL;
    n = cf->args->nelts;

    if (ngx_http_llm_limit_mode(&value[n - 1], &mode) == NGX_OK) {
        n--;
    }

    if (n == 1) {
        return "needs at least one of requests=, tokens=, input_tokens=, "
               "output_tokens=, concurrency=";
    }

    for (i = 1; i < n; i++) {
        ngx_memzero(&limit, sizeof(llm_limit_t));
        limit.mode = mode;

        rv = ngx_http_llm_rate(cf, &value[i], &limit);
        if (rv != NGX_CONF_OK) {
            return rv;
        }

        rv = ngx_http_llm_limit_add(cf, limits, &limit);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


/* one "requests=100/1h" or "concurrency=20" */

static char *
ngx_http_llm_rate(ngx_conf_t *cf, ngx_str_t *arg, llm_limit_t *limit)
{
    u_char      *p, *last, *slash;
    ngx_int_t    n;
    ngx_uint_t   i;
    llm_str_t    window;
    const char  *error;

    for (i = 0; /* void */ ; i++) {
        if (ngx_http_llm_rates[i].name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\": write "
                               "requests=100/1h, tokens=50000/1m, "
                               "input_tokens=…, output_tokens=… or "
                               "concurrency=20", arg);
            return NGX_CONF_ERROR;
        }

        if (arg->len > ngx_http_llm_rates[i].name.len
            && ngx_strncmp(arg->data, ngx_http_llm_rates[i].name.data,
                           ngx_http_llm_rates[i].name.len)
               == 0)
        {
            break;
        }
    }

    limit->metric = ngx_http_llm_rates[i].metric;

    p = arg->data + ngx_http_llm_rates[i].name.len;
    last = arg->data + arg->len;
    slash = ngx_strlchr(p, last, '/');

    n = ngx_atoi(p, (slash ? slash : last) - p);

    if (n == NGX_ERROR || n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number in \"%V\": it must be whole and "
                           "at least 1", arg);
        return NGX_CONF_ERROR;
    }

    limit->amount = n;

    if (limit->metric == LLM_METRIC_CONCURRENCY) {
        if (slash) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\": concurrency has no period: write "
                               "concurrency=20", arg);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    if (slash == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has no period: write %V/1h", arg, arg);
        return NGX_CONF_ERROR;
    }

    window.data = (const char *) slash + 1;
    window.len = last - slash - 1;

    if (llm_window_parse(window, &limit->window, &error) != LLM_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid period in \"%V\": %s",
                           arg, error);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_limit_add(ngx_conf_t *cf, ngx_array_t *limits,
    const llm_limit_t *limit)
{
    ngx_uint_t    i;
    llm_limit_t  *item;

    item = limits->elts;

    for (i = 0; i < limits->nelts; i++) {
        if (item[i].metric == limit->metric && item[i].mode == limit->mode
            && item[i].window.unit == limit->window.unit
            && item[i].window.count == limit->window.count)
        {
            return "repeats a limit of the same kind and period; keep one of "
                   "them";
        }
    }

    item = ngx_array_push(limits);
    if (item == NULL) {
        return NGX_CONF_ERROR;
    }

    *item = *limit;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_llm_limit_mode(ngx_str_t *text, llm_limit_mode_t *mode)
{
    if (ngx_strcmp(text->data, "hard") == 0) {
        *mode = LLM_LIMIT_HARD;
        return NGX_OK;
    }

    if (ngx_strcmp(text->data, "soft") == 0) {
        *mode = LLM_LIMIT_SOFT;
        return NGX_OK;
    }

    return NGX_DECLINED;
}


/* "500", "$500", "0.25": up to nine decimals, above zero, below 9e9 */

static ngx_int_t
ngx_http_llm_dollars(ngx_str_t *text, int64_t *nanodollars)
{
    u_char     *p, *last;
    int64_t     whole, nano, unit;
    ngx_uint_t  digits;

    p = text->data;
    last = p + text->len;

    if (p < last && *p == '$') {
        p++;
    }

    whole = 0;
    nano = 0;
    unit = NGX_HTTP_LLM_NANO;

    for (digits = 0; p < last && *p >= '0' && *p <= '9'; p++, digits++) {
        whole = whole * 10 + (*p - '0');

        if (whole > 9000000000LL) {
            return NGX_ERROR;
        }
    }

    if (p < last && *p == '.') {
        for (p++; p < last && *p >= '0' && *p <= '9'; p++, digits++) {
            unit /= 10;

            if (unit == 0) {
                return NGX_ERROR;
            }

            nano += (*p - '0') * unit;
        }
    }

    *nanodollars = whole * NGX_HTTP_LLM_NANO + nano;

    return (p == last && digits > 0 && *nanodollars > 0) ? NGX_OK : NGX_ERROR;
}
