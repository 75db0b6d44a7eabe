/*
 * `llm_prices`: the lists, read when the configuration is, asked in the order
 * in which they are named.
 */

#include "price_lists.h"


#define NGX_HTTP_LLM_PRICES_MAX  (64 * 1024 * 1024)


typedef struct {
    ngx_conf_t   *cf;
    ngx_str_t    *file;
    ngx_uint_t    warnings;
} ngx_http_llm_price_report_t;


static ngx_int_t ngx_http_llm_prices_read(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *text);
static void ngx_http_llm_prices_report(void *data, bool is_error,
    unsigned line, const char *text);
static void ngx_http_llm_prices_cleanup(void *data);


char *
ngx_http_llm_prices(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_main_conf_t *lmcf = conf;

    ngx_str_t                    *value, text;
    llm_prices_t                **prices;
    ngx_pool_cleanup_t           *cln;
    ngx_http_llm_price_report_t   report;

    value = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, &value[1], 1) != NGX_OK
        || ngx_http_llm_prices_read(cf, &value[1], &text) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    prices = ngx_array_push(&lmcf->prices);
    if (prices == NULL) {
        return NGX_CONF_ERROR;
    }

    report.cf = cf;
    report.file = &value[1];
    report.warnings = 0;

    *prices = llm_prices_parse(ngx_http_llm_str(text),
                               ngx_http_llm_prices_report, &report);

    ngx_free(text.data);

    if (*prices == NULL) {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        llm_prices_free(*prices);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_llm_prices_cleanup;
    cln->data = *prices;

    return NGX_CONF_OK;
}


/* larger than a pool should keep: freed once it is parsed */

static ngx_int_t
ngx_http_llm_prices_read(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *text)
{
    off_t            size;
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_file_info_t  fi;

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "the price list \"%V\" cannot be opened", name);
        return NGX_ERROR;
    }

    text->data = NULL;
    text->len = 0;
    n = -1;

    if (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR) {
        size = ngx_file_size(&fi);

        if (size <= NGX_HTTP_LLM_PRICES_MAX) {
            text->len = (size_t) size;
            text->data = ngx_alloc(text->len + 1, cf->log);
        }

        if (text->data) {
            n = ngx_read_fd(fd, text->data, text->len);
        }
    }

    (void) ngx_close_file(fd);

    if (n != (ssize_t) text->len || text->data == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "the price list \"%V\" cannot be read", name);

        if (text->data) {
            ngx_free(text->data);
        }

        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_llm_prices_report(void *data, bool is_error, unsigned line,
    const char *text)
{
    ngx_http_llm_price_report_t *report = data;

    ngx_uint_t  level;

    /* a foreign list has dozens of entries that are not believed: they are
     * there for whoever looks, at a level that does not fill every start */

    level = is_error ? NGX_LOG_EMERG : NGX_LOG_NOTICE;

    ngx_log_error(level, report->cf->log, 0, "%s in %V:%ui", text,
                  report->file, (ngx_uint_t) line);

    report->warnings += !is_error;
}


static void
ngx_http_llm_prices_cleanup(void *data)
{
    llm_prices_free(data);
}


char *
ngx_http_llm_unpriced_model(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_main_conf_t *lmcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (lmcf->unpriced != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "refuse") == 0) {
        lmcf->unpriced = NGX_HTTP_LLM_UNPRICED_REFUSE;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "allow") == 0) {
        lmcf->unpriced = NGX_HTTP_LLM_UNPRICED_ALLOW;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[1].data, "price=", 6) == 0 && value[1].len > 6) {
        lmcf->unpriced = NGX_HTTP_LLM_UNPRICED_AS;
        lmcf->unpriced_as.data = value[1].data + 6;
        lmcf->unpriced_as.len = value[1].len - 6;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\": write refuse, allow or "
                       "price=<model id>", &value[1]);

    return NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_llm_price_find(ngx_http_llm_main_conf_t *lmcf, llm_str_t model,
    llm_str_t region, int64_t now_ms, llm_price_t *price)
{
    ngx_uint_t      i;
    llm_prices_t  **prices;

    prices = lmcf->prices.elts;

    for (i = 0; i < lmcf->prices.nelts; i++) {
        if (llm_prices_find(prices[i], model, region, now_ms, price) == LLM_OK)
        {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}
