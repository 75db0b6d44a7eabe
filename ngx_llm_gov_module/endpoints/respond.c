/*
 * Answers of the endpoints.
 */

#include "respond.h"


typedef struct {
    llm_buf_t   *bufs;
    ngx_uint_t   n;
} ngx_http_llm_respond_cleanup_t;


static void
ngx_http_llm_respond_free(void *data)
{
    ngx_http_llm_respond_cleanup_t *held = data;

    ngx_uint_t  i;

    for (i = 0; i < held->n; i++) {
        llm_buf_free(&held->bufs[i]);
    }
}


llm_buf_t *
ngx_http_llm_respond_bufs(ngx_http_request_t *r, ngx_uint_t n)
{
    ngx_uint_t                       i;
    ngx_pool_cleanup_t              *cleanup;
    ngx_http_llm_respond_cleanup_t  *held;

    cleanup = ngx_pool_cleanup_add(r->pool,
                                   sizeof(ngx_http_llm_respond_cleanup_t));
    if (cleanup == NULL) {
        return NULL;
    }

    held = cleanup->data;

    held->bufs = ngx_palloc(r->pool, n * sizeof(llm_buf_t));
    if (held->bufs == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        llm_buf_init(&held->bufs[i], NGX_HTTP_LLM_ANSWER_MAX);
    }

    held->n = n;
    cleanup->handler = ngx_http_llm_respond_free;

    return held->bufs;
}


ngx_int_t
ngx_http_llm_respond_begin(ngx_http_request_t *r,
    ngx_http_llm_main_conf_t *lmcf)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {

        if (ngx_http_llm_respond_header(r, "Allow", "GET, HEAD") != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_llm_respond_error(r, NGX_HTTP_NOT_ALLOWED,
                                          "method_not_allowed",
                                          "use GET or HEAD");
    }

    if (lmcf->shared == NULL) {
        return ngx_http_llm_respond_error(r, NGX_HTTP_NOT_FOUND, "no_zone",
                                          "there is no llm_zone");
    }

    return NGX_DECLINED;
}


static ngx_chain_t *
ngx_http_llm_respond_chain(ngx_http_request_t *r, llm_buf_t *bufs,
    ngx_uint_t n)
{
    ngx_buf_t    *b;
    ngx_uint_t    i;
    ngx_chain_t  *chain, *cl, **last;

    b = NULL;
    chain = NULL;
    last = &chain;

    for (i = 0; i < n; i++) {
        if (bufs[i].len == 0) {
            continue;
        }

        b = ngx_calloc_buf(r->pool);
        cl = ngx_alloc_chain_link(r->pool);

        if (b == NULL || cl == NULL) {
            return NULL;
        }

        b->pos = (u_char *) bufs[i].data;
        b->last = b->pos + bufs[i].len;
        b->memory = 1;

        cl->buf = b;
        cl->next = NULL;
        *last = cl;
        last = &cl->next;
    }

    if (b != NULL) {
        b->last_buf = (r == r->main) ? 1 : 0;
        b->last_in_chain = 1;
    }

    return chain;
}


static void
ngx_http_llm_respond_type(ngx_http_request_t *r, ngx_str_t *type)
{
    u_char  *p;

    /* the length is that of the type without its parameters, so that `charset`
     * adds none */

    p = ngx_strlchr(type->data, type->data + type->len, ';');

    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = p ? (size_t) (p - type->data)
                                        : type->len;
    r->headers_out.content_type_lowcase = NULL;
}


ngx_int_t
ngx_http_llm_respond(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, llm_buf_t *bufs, ngx_uint_t n)
{
    off_t         length;
    ngx_int_t     rc;
    ngx_uint_t    i;
    ngx_chain_t  *chain;

    length = 0;

    for (i = 0; i < n; i++) {
        if (bufs[i].failed) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "llm: the answer does not fit into memory");
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        length += bufs[i].len;
    }

    chain = ngx_http_llm_respond_chain(r, bufs, n);

    /* what clients sent stands in answers: no browser is to take it for a
     * page or a script */

    if ((chain == NULL && length)
        || ngx_http_llm_respond_header(r, "Cache-Control", "no-store")
           != NGX_OK
        || ngx_http_llm_respond_header(r, "X-Content-Type-Options", "nosniff")
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_llm_respond_type(r, type);

    r->headers_out.status = status;
    r->headers_out.content_length_n = length;

    if (length == 0) {
        /* no row at all, as lines */
        r->header_only = 1;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, chain);
}


ngx_int_t
ngx_http_llm_respond_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, const char *message)
{
    llm_str_t  text;

    text.data = message;
    text.len = ngx_strlen(message);

    return ngx_http_llm_respond_field(r, status, type, llm_str(""), text);
}


ngx_int_t
ngx_http_llm_respond_field(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, llm_str_t field, llm_str_t message)
{
    llm_buf_t  *buf;

    static ngx_str_t  json = ngx_string("application/json");

    buf = ngx_http_llm_respond_bufs(r, 1);
    if (buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    llm_buf_printf(buf, "{\"error\":{\"type\":\"%s\"", type);

    if (field.len) {
        llm_buf_str(buf, llm_str(",\"field\":"));
        llm_buf_json_string(buf, field);
    }

    llm_buf_str(buf, llm_str(",\"message\":"));
    llm_buf_json_string(buf, message);
    llm_buf_str(buf, llm_str("}}\n"));

    return ngx_http_llm_respond(r, status, &json, buf, 1);
}


ngx_int_t
ngx_http_llm_respond_header(ngx_http_request_t *r, const char *name,
    const char *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value.data = (u_char *) value;
    h->value.len = ngx_strlen(value);

    return NGX_OK;
}
