/*
 * Answers of our own: refusals, and errors in the client's dialect.
 */

#include "request.h"


static llm_refusal_reason_t ngx_http_llm_core_reason(ngx_uint_t status);
static void ngx_http_llm_upstream_reply(ngx_http_llm_ctx_t *ctx,
    llm_dialect_t dialect, llm_reply_t *reply);


ngx_int_t
ngx_http_llm_refuse(ngx_http_llm_ctx_t *ctx, llm_refusal_t *refusal)
{
    llm_str_t            name;
    ngx_int_t            rc;
    ngx_str_t            nobody = ngx_null_string;
    llm_reply_t          reply;
    ngx_http_request_t  *r;

    r = ctx->request;
    name = llm_refusal_name(refusal->reason);

    ctx->refused = 1;
    ctx->refusal = refusal->reason;

    refusal->now_ms = ngx_http_llm_now();
    refusal->budget_status = ctx->llcf->budget_status;
    refusal->request_id.data = (const char *) ctx->id;
    refusal->request_id.len = 32;

    ngx_http_llm_lock(ctx->lmcf);
    llm_series_refused(ctx->lmcf->shared->series, refusal->reason);
    ngx_http_llm_unlock(ctx->lmcf);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "llm request refused: %*s, virtual key \"%V\"",
                  name.len, name.data, ctx->key ? &ctx->key->name : &nobody);

    ngx_memzero(&reply, sizeof(llm_reply_t));
    llm_refusal_render(&reply, ctx->dialect, refusal);

    ngx_http_llm_journal_refused(ctx, refusal, &reply);

    rc = ngx_http_llm_reply(r, &reply);

    llm_buf_free(&reply.body);

    return rc;
}


ngx_int_t
ngx_http_llm_header_add(ngx_http_request_t *r, const char *name,
    llm_str_t value)
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

    h->value.len = value.len;
    h->value.data = ngx_pnalloc(r->pool, value.len + 1);
    if (h->value.data == NULL) {
        h->hash = 0;
        return NGX_ERROR;
    }

    ngx_memcpy(h->value.data, value.data, value.len);

    return NGX_OK;
}


/* returns what a content handler does, or ngx_http_finalize_request() gets */

ngx_int_t
ngx_http_llm_reply(ngx_http_request_t *r, llm_reply_t *reply)
{
    size_t        i;
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    if (r->headers_in.expect && r->request_body == NULL) {
        /* it is not asked for: the client need not send it */
        r->expect_tested = 1;
        r->keepalive = 0;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (reply->body.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = reply->status;
    r->headers_out.content_length_n = reply->body.len;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    for (i = 0; i < reply->nheaders; i++) {
        if (ngx_http_llm_header_add(r, reply->headers[i].name,
                                    (llm_str_t) { reply->headers[i].value,
                                    ngx_strlen(reply->headers[i].value) })
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_create_temp_buf(r->pool, reply->body.len + 1);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->last = ngx_cpymem(b->last, reply->body.data, reply->body.len);
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/*
 * The status is one that nginx itself chose: 413 before we ever saw the
 * request, 403 of an access rule, 502 or 504 after the last attempt.
 */

ngx_int_t
ngx_http_llm_shape_error(ngx_http_request_t *r, ngx_http_llm_ctx_t *ctx,
    llm_dialect_t dialect, llm_reply_t *reply)
{
    u_char         id[33], bytes[LLM_ROW_ID_SIZE];
    llm_refusal_t  refusal;

    ngx_memzero(reply, sizeof(llm_reply_t));

    if (ctx && ctx->nattempts && r->headers_out.status >= 500) {
        ngx_http_llm_upstream_reply(ctx, dialect, reply);
        return reply->body.failed ? NGX_ERROR : NGX_OK;
    }

    if (r->headers_out.status >= 500) {
        return NGX_DECLINED;
    }

    ngx_memzero(&refusal, sizeof(llm_refusal_t));

    refusal.reason = ngx_http_llm_core_reason(r->headers_out.status);
    refusal.now_ms = ngx_http_llm_now();

    if (refusal.reason == LLM_REFUSE_BAD_REQUEST) {
        refusal.message = llm_str("The request is not one that this server "
                                  "accepts.");
    }

    if (ctx) {
        ngx_memcpy(id, ctx->id, sizeof(id));

    } else {
        /* refused before our handler could see it */
        ngx_http_llm_mint_id(id, bytes, refusal.now_ms);
    }

    refusal.request_id.data = (const char *) id;
    refusal.request_id.len = 32;

    llm_refusal_render(reply, dialect, &refusal);

    return reply->body.failed ? NGX_ERROR : NGX_OK;
}


static llm_refusal_reason_t
ngx_http_llm_core_reason(ngx_uint_t status)
{
    switch (status) {

    case NGX_HTTP_UNAUTHORIZED:
        return LLM_REFUSE_NO_KEY;

    case NGX_HTTP_FORBIDDEN:
        return LLM_REFUSE_UNKNOWN_KEY;

    case NGX_HTTP_NOT_FOUND:
        return LLM_REFUSE_NOT_FOUND;

    case NGX_HTTP_NOT_ALLOWED:
        return LLM_REFUSE_METHOD;

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return LLM_REFUSE_TOO_LARGE;

    default:
        return LLM_REFUSE_BAD_REQUEST;
    }
}


/* the last attempt's error, or that there was no answer at all */

static void
ngx_http_llm_upstream_error(ngx_http_llm_ctx_t *ctx,
    llm_upstream_error_t *error)
{
    if (ctx->error) {
        *error = *ctx->error;
        return;
    }

    ngx_memzero(error, sizeof(llm_upstream_error_t));

    if (ctx->attempts[ctx->nattempts - 1].result == LLM_ATTEMPT_TIMEOUT
        || (ctx->governed
            && ctx->request->headers_out.status == NGX_HTTP_GATEWAY_TIME_OUT))
    {
        llm_upstream_error_read(error, 408, llm_str("ModelTimeoutException"),
                                llm_str("{\"message\":\"The provider did "
                                        "not answer in time.\"}"));
        return;
    }

    llm_upstream_error_read(error, 503,
                            llm_str("ServiceUnavailableException"),
                            llm_str("{\"message\":\"No provider could "
                                    "be reached.\"}"));
}


ngx_uint_t
ngx_http_llm_error_status(ngx_http_llm_ctx_t *ctx)
{
    unsigned              status;
    llm_buf_t             unused;
    llm_upstream_error_t  error;

    ngx_http_llm_upstream_error(ctx, &error);

    status = error.status;

    if (ctx->dialect == LLM_DIALECT_ANTHROPIC) {
        llm_buf_init(&unused, 65536);
        llm_anthropic_upstream_error(&unused, &status, &error,
                                     (llm_str_t) { (char *) ctx->id, 32 });
        llm_buf_free(&unused);
    }

    return status;
}


static void
ngx_http_llm_upstream_reply(ngx_http_llm_ctx_t *ctx, llm_dialect_t dialect,
    llm_reply_t *reply)
{
    unsigned              status;
    llm_str_t             message;
    llm_upstream_error_t  error;

    ngx_http_llm_upstream_error(ctx, &error);

    message.data = error.message;
    message.len = error.message_len;

    llm_buf_init(&reply->body, 65536);

    if (dialect == LLM_DIALECT_ANTHROPIC) {
        status = error.status;
        llm_anthropic_upstream_error(&reply->body, &status, &error,
                                     (llm_str_t) { (char *) ctx->id, 32 });
        reply->status = status;

        reply->headers[0].name = "request-id";
        ngx_memcpy(reply->headers[0].value, ctx->id, 33);
        reply->nheaders = 1;

        return;
    }

    reply->status = error.status;

    if (dialect == LLM_DIALECT_OPENAI) {
        llm_buf_str(&reply->body, llm_str("{\"error\":{\"type\":"
                                          "\"server_error\",\"param\":null,"
                                          "\"code\":null,\"message\":"));
        llm_buf_json_string(&reply->body, message);
        llm_buf_str(&reply->body, llm_str("}}"));

        reply->headers[0].name = "x-request-id";
        ngx_memcpy(reply->headers[0].value, ctx->id, 33);
        reply->nheaders = 1;

        return;
    }

    llm_buf_str(&reply->body, llm_str("{\"message\":"));
    llm_buf_json_string(&reply->body, message);
    llm_buf_str(&reply->body, llm_str("}"));

    reply->headers[0].name = "x-amzn-errortype";
    ngx_memcpy(reply->headers[0].value, error.type, error.type_len);
    reply->headers[0].value[error.type_len] = '\0';
    reply->headers[1].name = "x-amzn-requestid";
    ngx_memcpy(reply->headers[1].value, ctx->id, 33);
    reply->nheaders = 2;
}
