/*
 * `llm_log_content` of a virtual key.
 */

#include "log_content.h"


#define NGX_HTTP_LLM_CONTENT_SIZE  (64 * 1024)
#define NGX_HTTP_LLM_CONTENT_MAX   (1024 * 1024)


char *
ngx_http_llm_log_content(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_tenant_t *key = object;

    ssize_t      size;
    ngx_str_t   *value, text;
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
            text.data = value[i].data + 5;
            text.len = value[i].len - 5;
            size = ngx_parse_size(&text);

            if (size < 1 || size > NGX_HTTP_LLM_CONTENT_MAX) {
                return "takes a size from 1 to 1m: size=64k";
            }

            key->log_content_size = size;

        } else {
            return "is \"off\", or \"request\", \"response\" or both, and "
                   "\"size=64k\"";
        }
    }

    if (off ? cf->args->nelts > 2 : key->log_content == 0) {
        return "is \"off\", or \"request\", \"response\" or both";
    }

    return NGX_CONF_OK;
}
