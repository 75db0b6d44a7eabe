/*
 * `llm_log_content` of a virtual key.
 */

#include "block.h"
#include "log_content.h"


#define NGX_HTTP_LLM_CONTENT_SIZE  (64 * 1024)
#define NGX_HTTP_LLM_CONTENT_MAX   (1024 * 1024)


static ngx_int_t ngx_http_llm_log_content_size(ngx_conf_t *cf,
    ngx_str_t *value, ngx_http_llm_tenant_t *key);


char *
ngx_http_llm_log_content(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_tenant_t *key = object;

    ngx_str_t   *value;
    ngx_uint_t   i, off;

    if (key->log_content_size) {
        return "is duplicate";
    }

    value = cf->args->elts;
    key->log_content_size = NGX_HTTP_LLM_CONTENT_SIZE;
    off = 0;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "off") == 0) {
            off = 1;

        } else if (ngx_strcmp(value[i].data, "request") == 0) {
            key->log_content |= NGX_HTTP_LLM_CONTENT_REQUEST;

        } else if (ngx_strcmp(value[i].data, "response") == 0) {
            key->log_content |= NGX_HTTP_LLM_CONTENT_ANSWER;

        } else if (ngx_strncmp(value[i].data, "size=", 5) == 0) {

            if (ngx_http_llm_log_content_size(cf, &value[i], key) != NGX_OK) {
                return NGX_CONF_ERROR;
            }

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\": write "
                               "\"llm_log_content off;\", or \"request\", "
                               "\"response\" or both, and \"size=64k\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (off ? cf->args->nelts > 2 : key->log_content == 0) {
        return "is either \"off\" alone, or \"request\", \"response\" or "
               "both";
    }

    if (!off) {
        ngx_http_llm_conf_wants_store(cf);
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_llm_log_content_size(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_llm_tenant_t *key)
{
    ssize_t    size;
    ngx_str_t  text;

    text.data = value->data + 5;
    text.len = value->len - 5;
    size = ngx_parse_size(&text);

    if (size < 1 || size > NGX_HTTP_LLM_CONTENT_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\": of each body so much is kept, 1m "
                           "at most, \"size=64k\" is the default", value);
        return NGX_ERROR;
    }

    key->log_content_size = size;

    return NGX_OK;
}
