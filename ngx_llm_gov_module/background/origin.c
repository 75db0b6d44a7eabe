/*
 * Where credentials are to come from, compared.
 */

#include "origin.h"


/* of llm_credentials_conf_t */
#define NGX_HTTP_LLM_FIELDS  12


static ngx_uint_t
ngx_http_llm_same(const char *a, const char *b)
{
    return (a == NULL || b == NULL) ? a == b : strcmp(a, b) == 0;
}


/* all that decides what is got.  The region is not among it: it tells only
 * which STS is asked, and what that gives is good everywhere */
static ngx_uint_t
ngx_http_llm_origin_fields(const llm_credentials_conf_t *conf,
    const char **fields)
{
    ngx_uint_t  n;

    n = 0;

    fields[n++] = conf->access_key_id;
    fields[n++] = conf->secret_access_key;
    fields[n++] = conf->session_token;
    fields[n++] = conf->bearer;
    fields[n++] = conf->bearer_file;
    fields[n++] = conf->profile;
    fields[n++] = conf->process;
    fields[n++] = conf->imds_endpoint;
    fields[n++] = conf->sts_endpoint;
    fields[n++] = conf->assume_role;
    fields[n++] = conf->role_session_name;
    fields[n++] = conf->external_id;

    return n;
}


ngx_uint_t
ngx_http_llm_origin_same(const llm_credentials_conf_t *a,
    const llm_credentials_conf_t *b)
{
    const char  *one[NGX_HTTP_LLM_FIELDS], *other[NGX_HTTP_LLM_FIELDS];
    ngx_uint_t   i, n;

    n = ngx_http_llm_origin_fields(a, one);
    (void) ngx_http_llm_origin_fields(b, other);

    for (i = 0; i < n; i++) {
        if (!ngx_http_llm_same(one[i], other[i])) {
            return 0;
        }
    }

    return a->source == b->source;
}


uint64_t
ngx_http_llm_origin_hash(const llm_credentials_conf_t *conf)
{
    uint64_t     hash;
    const char  *p, *fields[NGX_HTTP_LLM_FIELDS];
    ngx_uint_t   i, n;

    n = ngx_http_llm_origin_fields(conf, fields);
    hash = 0xcbf29ce484222325 ^ conf->source;

    for (i = 0; i < n; i++) {

        for (p = fields[i]; p != NULL && *p != '\0'; p++) {
            hash = (hash ^ (u_char) *p) * 0x100000001b3;
        }

        hash = (hash ^ (fields[i] == NULL ? 0x100 : 0x101)) * 0x100000001b3;
    }

    return hash;
}
