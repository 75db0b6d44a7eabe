/*
 * Which virtual key?  Authorization: Bearer, x-api-key, x-goog-api-key, or an
 * AWS signature whose access key id is the key's name.
 */

#include "key.h"
#include "request.h"
#include "../governance/tenants.h"


/* AWS accepts five minutes either way */
#define NGX_HTTP_LLM_SKEW  (5 * 60 * 1000)


static ngx_int_t ngx_http_llm_authenticate_secret(ngx_http_llm_ctx_t *ctx,
    ngx_str_t *secret, llm_refusal_t *refusal);
static ngx_int_t ngx_http_llm_authenticate_sigv4(ngx_http_llm_ctx_t *ctx,
    ngx_str_t *authorization, llm_refusal_t *refusal);
static ngx_int_t ngx_http_llm_tenants_of(ngx_http_llm_ctx_t *ctx);


ngx_int_t
ngx_http_llm_authenticate(ngx_http_llm_ctx_t *ctx, llm_refusal_t *refusal)
{
    ngx_str_t           *value, secret;
    ngx_http_request_t  *r;

    r = ctx->request;

    if (ngx_http_llm_key_secret(r, &secret) == NGX_OK) {
        return ngx_http_llm_authenticate_secret(ctx, &secret, refusal);
    }

    if (r->headers_in.authorization == NULL) {
        refusal->reason = LLM_REFUSE_NO_KEY;
        return NGX_DECLINED;
    }

    value = &r->headers_in.authorization->value;

    if (value->len > 16
        && ngx_strncmp(value->data, "AWS4-HMAC-SHA256", 16) == 0)
    {
        return ngx_http_llm_authenticate_sigv4(ctx, value, refusal);
    }

    refusal->reason = LLM_REFUSE_NO_KEY;

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_llm_authenticate_secret(ngx_http_llm_ctx_t *ctx, ngx_str_t *secret,
    llm_refusal_t *refusal)
{
    ctx->key = ngx_http_llm_key_find(ctx->lmcf, secret, &refusal->reason);

    if (ctx->key == NULL) {
        return NGX_DECLINED;
    }

    return ngx_http_llm_tenants_of(ctx);
}


static ngx_int_t
ngx_http_llm_authenticate_sigv4(ngx_http_llm_ctx_t *ctx,
    ngx_str_t *authorization, llm_refusal_t *refusal)
{
    ctx->sigv4 = ngx_palloc(ctx->request->pool,
                            sizeof(llm_sigv4_credential_t));
    if (ctx->sigv4 == NULL) {
        return NGX_ERROR;
    }

    if (llm_sigv4_parse(ngx_http_llm_str(*authorization), ctx->sigv4)
        != LLM_OK
        || !llm_str_eq(ctx->sigv4->service, llm_str("bedrock")))
    {
        refusal->reason = LLM_REFUSE_BAD_SIGNATURE;
        return NGX_DECLINED;
    }

    ctx->key = ngx_http_llm_key_by_name(ctx->lmcf, ctx->sigv4->access_key_id);

    if (ctx->key == NULL) {
        refusal->reason = LLM_REFUSE_UNKNOWN_KEY;
        return NGX_DECLINED;
    }

    return ngx_http_llm_tenants_of(ctx);
}


/* the path is signed as it came on the wire, and the SDK encodes it once more
 * for the signature: r->uri, decoded and merged, would not do */

ngx_int_t
ngx_http_llm_verify_sigv4(ngx_http_llm_ctx_t *ctx, llm_refusal_t *refusal)
{
    u_char               *args;
    ngx_uint_t            i, n;
    llm_header_t         *headers;
    ngx_list_part_t      *part;
    ngx_table_elt_t      *h;
    ngx_http_request_t   *r;
    llm_sigv4_request_t   request;

    if (ctx->sigv4 == NULL) {
        return NGX_OK;
    }

    r = ctx->request;
    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        n += part->nelts;
    }

    headers = ngx_palloc(r->pool, (n + 1) * sizeof(llm_header_t));
    if (headers == NULL) {
        return NGX_ERROR;
    }

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            headers[n].name = ngx_http_llm_str(h[i].key);
            headers[n++].value = ngx_http_llm_str(h[i].value);
        }
    }

    /* HTTP/2 has :authority, which nginx keeps as the Host header */

    ngx_memzero(&request, sizeof(llm_sigv4_request_t));

    request.method = ngx_http_llm_str(r->method_name);
    request.path = ngx_http_llm_str(r->unparsed_uri);
    request.headers = headers;
    request.nheaders = n;
    request.payload_hash.data = ctx->raw_hash;
    request.payload_hash.len = 64;

    args = ngx_strlchr(r->unparsed_uri.data,
                       r->unparsed_uri.data + r->unparsed_uri.len, '?');
    if (args) {
        request.path.len = args - r->unparsed_uri.data;
        request.query.data = (const char *) args + 1;
        request.query.len = r->unparsed_uri.len - request.path.len - 1;
    }

    switch (llm_sigv4_verify(ctx->sigv4, ngx_http_llm_str(ctx->key->secret),
                             &request, ngx_http_llm_now(), NGX_HTTP_LLM_SKEW))
    {
    case LLM_SIGV4_VALID:
        return NGX_OK;

    case LLM_SIGV4_EXPIRED:
    case LLM_SIGV4_NOT_YET:
        refusal->reason = LLM_REFUSE_CLOCK_SKEW;
        return NGX_DECLINED;

    default:
        refusal->reason = LLM_REFUSE_BAD_SIGNATURE;
        return NGX_DECLINED;
    }
}


/* customer, team, virtual key: the parties that every limit is checked for */

static ngx_int_t
ngx_http_llm_tenants_of(ngx_http_llm_ctx_t *ctx)
{
    ngx_uint_t              n;
    llm_party_t            *party;
    ngx_http_llm_tenant_t  *tenant;

    n = 0;

    for (tenant = ctx->key; tenant; tenant = tenant->parent) {
        n++;
    }

    ctx->ntenants = n;

    for (tenant = ctx->key; tenant; tenant = tenant->parent) {
        party = &ctx->tenants[--n];

        party->account = tenant->account;
        party->limits = tenant->limits.elts;
        party->nlimits = tenant->limits.nelts;
    }

    return NGX_OK;
}
