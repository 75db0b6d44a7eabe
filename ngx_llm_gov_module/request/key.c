/*
 * The virtual key that a request carries: looked up by the digest of its
 * secret, so that no secret is ever compared byte by byte.
 */

#include "key.h"
#include "../governance/tenants.h"
#include "../wire/sha256.h"


ngx_str_t *
ngx_http_llm_header(ngx_http_request_t *r, const char *name, size_t len)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
            {
                return &h[i].value;
            }
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_llm_key_secret(ngx_http_request_t *r, ngx_str_t *secret)
{
    ngx_str_t  *value;

    value = ngx_http_llm_header(r, "x-api-key", 9);

    if (value == NULL) {
        value = ngx_http_llm_header(r, "x-goog-api-key", 14);
    }

    if (value && value->len) {
        *secret = *value;
        return NGX_OK;
    }

    if (r->headers_in.authorization == NULL) {
        return NGX_DECLINED;
    }

    value = &r->headers_in.authorization->value;

    if (value->len <= 7
        || ngx_strncasecmp(value->data, (u_char *) "Bearer ", 7) != 0)
    {
        return NGX_DECLINED;
    }

    secret->data = value->data + 7;
    secret->len = value->len - 7;

    while (secret->len && secret->data[0] == ' ') {
        secret->data++;
        secret->len--;
    }

    return NGX_OK;
}


ngx_http_llm_tenant_t *
ngx_http_llm_key_find(ngx_http_llm_main_conf_t *lmcf, const ngx_str_t *secret,
    llm_refusal_reason_t *reason)
{
    u_char                  digest[LLM_SHA256_SIZE];
    llm_str_t               text;
    ngx_http_llm_tenant_t  *key;

    text = ngx_http_llm_str(*secret);

    if (llm_sha256(&text, 1, digest) != LLM_OK) {
        *reason = LLM_REFUSE_TOO_BUSY;
        return NULL;
    }

    key = ngx_http_llm_key_by_digest(lmcf, digest);

    if (key == NULL) {
        *reason = LLM_REFUSE_UNKNOWN_KEY;
    }

    return key;
}
