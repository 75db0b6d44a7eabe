/*
 * Three small things that only a filter can do: errors that nginx itself makes
 * are put into the client's dialect; a client that went away does not end the
 * reading of its answer; what other handlers answer is metered.
 */

#include "filter.h"


typedef struct {
    ngx_buf_t    *body;         /* replaces whatever comes */
    unsigned      sent:1;
} ngx_http_llm_filter_ctx_t;


static ngx_int_t ngx_http_llm_filter_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_llm_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_replace(ngx_http_request_t *r,
    ngx_http_llm_ctx_t *ctx, llm_dialect_t dialect);
static ngx_int_t ngx_http_llm_replaced(ngx_http_request_t *r,
    ngx_http_llm_filter_ctx_t *fctx, ngx_chain_t *in);
static ngx_int_t ngx_http_llm_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


static ngx_http_module_t  ngx_http_llm_gov_filter_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_llm_filter_init,              /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_llm_gov_filter_module = {
    NGX_MODULE_V1,
    &ngx_http_llm_gov_filter_module_ctx,   /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_llm_header_filter(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_uint_t                dialect;
    ngx_http_llm_ctx_t       *ctx;
    ngx_http_llm_loc_conf_t  *llcf;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_llm_ctx_get(r);
    llcf = ngx_http_get_module_loc_conf(r, ngx_http_llm_gov_module);
    dialect = llcf->dialect ? llcf->dialect : llcf->govern;

    if (r->headers_out.status >= NGX_HTTP_BAD_REQUEST
        && dialect
        && !(ctx && (ctx->answered || ctx->refused))
        && !(llcf->govern && r->upstream && r->upstream->header_sent == 0
             && r->upstream->headers_in.status_n))
    {
        rc = ngx_http_llm_replace(r, ctx, dialect);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

    } else if (ctx && ctx->governed && ctx->hold) {
        if (ngx_http_llm_govern_header(ctx) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    rc = ngx_http_next_header_filter(r);

    if (rc == NGX_ERROR && ctx && ctx->header_sent && !ctx->governed
        && ctx->llcf->client_abort == NGX_HTTP_LLM_ABORT_DRAIN)
    {
        /* the client went before there was an answer: the body filter will see
         * the error again, and drain */

        r->connection->error = 1;
        return NGX_OK;
    }

    return rc;
}


static ngx_int_t
ngx_http_llm_replace(ngx_http_request_t *r, ngx_http_llm_ctx_t *ctx,
    llm_dialect_t dialect)
{
    size_t                      i;
    ngx_int_t                   rc;
    llm_reply_t                 reply;
    ngx_http_llm_filter_ctx_t  *fctx;

    rc = ngx_http_llm_shape_error(r, ctx, dialect, &reply);

    if (rc != NGX_OK) {
        llm_buf_free(&reply.body);
        return rc;
    }

    fctx = ngx_pcalloc(r->pool, sizeof(ngx_http_llm_filter_ctx_t));

    if (fctx) {
        fctx->body = ngx_create_temp_buf(r->pool, reply.body.len + 1);
    }

    if (fctx == NULL || fctx->body == NULL) {
        llm_buf_free(&reply.body);
        return NGX_ERROR;
    }

    fctx->body->last = ngx_cpymem(fctx->body->last, reply.body.data,
                                  reply.body.len);
    fctx->body->last_buf = 1;
    fctx->body->last_in_chain = 1;

    ngx_http_set_ctx(r, fctx, ngx_http_llm_gov_filter_module);

    r->err_status = 0;
    r->headers_out.status = reply.status;
    r->headers_out.status_line.len = 0;
    r->headers_out.content_length_n = reply.body.len;
    r->headers_out.content_length = NULL;

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);

    rc = NGX_OK;

    for (i = 0; i < reply.nheaders && rc == NGX_OK; i++) {
        rc = ngx_http_llm_header_add(r, reply.headers[i].name,
                                     (llm_str_t) { reply.headers[i].value,
                                     ngx_strlen(reply.headers[i].value) });
    }

    llm_buf_free(&reply.body);

    return rc;
}


static ngx_int_t
ngx_http_llm_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t                   rc;
    ngx_chain_t                *cl;
    ngx_http_llm_ctx_t         *ctx;
    ngx_http_llm_filter_ctx_t  *fctx;

    if (r != r->main) {
        return ngx_http_next_body_filter(r, in);
    }

    fctx = ngx_http_get_module_ctx(r, ngx_http_llm_gov_filter_module);

    if (fctx) {
        return ngx_http_llm_replaced(r, fctx, in);
    }

    ctx = ngx_http_llm_ctx_get(r);

    if (ctx == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    if (ctx->governed) {
        ngx_http_llm_govern_body(ctx, in);
        return ngx_http_next_body_filter(r, in);
    }

    if (ctx->draining && ctx->streaming) {
        for (cl = in; cl; cl = cl->next) {
            cl->buf->pos = cl->buf->last;
        }

        return NGX_OK;
    }

    rc = ngx_http_next_body_filter(r, in);

    if (rc == NGX_ERROR && ctx->streaming
        && ctx->llcf->client_abort == NGX_HTTP_LLM_ABORT_DRAIN)
    {
        ngx_http_llm_drain(ctx);

        return NGX_OK;
    }

    return rc;
}


static ngx_int_t
ngx_http_llm_replaced(ngx_http_request_t *r, ngx_http_llm_filter_ctx_t *fctx,
    ngx_chain_t *in)
{
    ngx_chain_t  *cl, out;

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    if (fctx->sent) {
        return ngx_http_next_body_filter(r, NULL);
    }

    fctx->sent = 1;

    out.buf = fctx->body;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


static ngx_int_t
ngx_http_llm_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_llm_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_llm_body_filter;

    return NGX_OK;
}
