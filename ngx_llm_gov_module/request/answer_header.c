/*
 * Reading the provider's status line and header, as nginx's proxy does; what
 * the meter and the verdict need of it is noted.
 */

#include "request.h"


#define NGX_HTTP_LLM_EVENTSTREAM  "application/vnd.amazon.eventstream"


static ngx_int_t ngx_http_llm_meter_start(ngx_http_llm_ctx_t *ctx);
static ngx_int_t ngx_http_llm_header_line(ngx_http_llm_ctx_t *ctx);
static void ngx_http_llm_header_note(ngx_http_llm_ctx_t *ctx,
    ngx_table_elt_t *h);


ngx_int_t
ngx_http_llm_parse_status(ngx_http_llm_ctx_t *ctx)
{
    size_t                len;
    ngx_int_t             rc;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = ctx->request;
    u = r->upstream;

    if (ctx->error_memory == NULL) {
        ctx->error_memory = ngx_palloc(r->pool, sizeof(llm_upstream_error_t));
        if (ctx->error_memory == NULL) {
            return NGX_ERROR;
        }
    }

    rc = ngx_http_parse_status_line(r, &u->buffer, &ctx->status);

    if (rc == NGX_AGAIN) {
        return rc;
    }

    if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "llm provider \"%V\" sent no valid HTTP/1 status line",
                      &ctx->choices[ctx->chosen].provider->name);
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    if (u->state) {
        u->state->status = ctx->status.code;
    }

    ctx->status_done = 1;
    ctx->attempts[ctx->nattempts - 1].status = ctx->status.code;

    u->headers_in.status_n = ctx->status.code;

    len = ctx->status.end - ctx->status.start;
    u->headers_in.status_line.len = len;
    u->headers_in.status_line.data = ngx_pnalloc(r->pool, len);
    if (u->headers_in.status_line.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(u->headers_in.status_line.data, ctx->status.start, len);

    if (ctx->status.http_version < NGX_HTTP_VERSION_11) {
        u->headers_in.connection_close = 1;
    }

    return ngx_http_llm_meter_start(ctx);
}


static ngx_int_t
ngx_http_llm_meter_start(ngx_http_llm_ctx_t *ctx)
{
    llm_api_t               api;
    ngx_http_llm_choice_t  *choice;

    if (ctx->meter) {
        llm_meter_free(ctx->meter);

    } else {
        ctx->meter = ngx_palloc(ctx->request->pool, sizeof(llm_meter_t));
        if (ctx->meter == NULL) {
            return NGX_ERROR;
        }
    }

    choice = &ctx->choices[ctx->chosen];
    api = ctx->api;

    if (api == LLM_API_ANTHROPIC_MESSAGES) {
        api = ctx->stream ? LLM_API_BEDROCK_INVOKE_STREAM
                          : LLM_API_BEDROCK_INVOKE;

    } else if (api == LLM_API_ANTHROPIC_COUNT_TOKENS) {
        api = LLM_API_BEDROCK_COUNT_TOKENS;
    }

    llm_meter_init(ctx->meter, api, choice->family, ctx->stream);

    llm_meter_request_units(ctx->meter, 0,
                            choice->family == LLM_FAMILY_RERANK
                            ? ngx_max(1, (ctx->envelope->ranked + 99) / 100)
                            : 0);

    return NGX_OK;
}


ngx_int_t
ngx_http_llm_parse_headers(ngx_http_llm_ctx_t *ctx)
{
    ngx_int_t             rc;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = ctx->request;
    u = r->upstream;

    for ( ;; ) {
        rc = ngx_http_parse_header_line(r, &u->buffer, 1);

        if (rc == NGX_OK) {
            rc = ngx_http_llm_header_line(ctx);
            if (rc != NGX_OK) {
                return rc;
            }

            continue;
        }

        if (rc == NGX_HTTP_PARSE_HEADER_DONE) {
            break;
        }

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "llm provider \"%V\" sent an invalid header",
                      &ctx->choices[ctx->chosen].provider->name);

        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    ctx->header_done = 1;

    if (u->headers_in.chunked) {
        u->headers_in.content_length_n = -1;
    }

    ctx->length = u->headers_in.chunked ? -1 : u->headers_in.content_length_n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_header_line(ngx_http_llm_ctx_t *ctx)
{
    ngx_int_t                       rc;
    ngx_table_elt_t                *h;
    ngx_http_request_t             *r;
    ngx_http_upstream_t            *u;
    ngx_http_upstream_header_t     *hh;
    ngx_http_upstream_main_conf_t  *umcf;

    r = ctx->request;
    u = r->upstream;
    umcf = ngx_http_get_module_main_conf(r, ngx_http_upstream_module);

    /* a list of the upstream's headers is what the core passes on: of a
     * dialect that we translate none is */

    if (ctx->dialect == LLM_DIALECT_BEDROCK) {
        h = ngx_list_push(&u->headers_in.headers);

    } else {
        h = ngx_palloc(r->pool, sizeof(ngx_table_elt_t));
    }

    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = r->header_hash;
    h->key.len = r->header_name_end - r->header_name_start;
    h->value.len = r->header_end - r->header_start;

    h->key.data = ngx_pnalloc(r->pool, 2 * h->key.len + h->value.len + 2);
    if (h->key.data == NULL) {
        h->hash = 0;
        return NGX_ERROR;
    }

    h->value.data = h->key.data + h->key.len + 1;
    h->lowcase_key = h->key.data + h->key.len + 1 + h->value.len + 1;

    ngx_memcpy(h->key.data, r->header_name_start, h->key.len);
    h->key.data[h->key.len] = '\0';
    ngx_memcpy(h->value.data, r->header_start, h->value.len);
    h->value.data[h->value.len] = '\0';

    ngx_strlow(h->lowcase_key, h->key.data, h->key.len);
    h->hash = ngx_hash_key(h->lowcase_key, h->key.len);

    hh = ngx_hash_find(&umcf->headers_in_hash, h->hash, h->lowcase_key,
                       h->key.len);

    if (hh) {
        rc = hh->handler(r, h, hh->offset);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_http_llm_header_note(ctx, h);

    return NGX_OK;
}


static void
ngx_http_llm_header_note(ngx_http_llm_ctx_t *ctx, ngx_table_elt_t *h)
{
    ngx_int_t  n;
    llm_str_t  name;

    name.data = (const char *) h->lowcase_key;
    name.len = h->key.len;

    llm_meter_header(ctx->meter, name, ngx_http_llm_str(h->value));

    if (llm_str_eq(name, llm_str("x-amzn-errortype"))) {
        ctx->error_type = ngx_http_llm_str(h->value);

    } else if (llm_str_eq(name, llm_str("retry-after"))) {
        n = ngx_atoi(h->value.data, h->value.len);
        ctx->retry_after_ms = (n > 0 && n < 86400) ? n * 1000 : 0;

    } else if (llm_str_eq(name, llm_str("x-amzn-requestid"))
               || llm_str_eq(name, llm_str("request-id"))
               || llm_str_eq(name, llm_str("x-request-id")))
    {
        ctx->attempts[ctx->nattempts - 1].request_id =
            ngx_http_llm_str(h->value);

    } else if (llm_str_eq(name, llm_str("content-encoding"))) {
        ctx->gzip = (h->value.len == 4
                     && ngx_strncasecmp(h->value.data, (u_char *) "gzip", 4)
                        == 0);

    } else if (llm_str_eq(name, llm_str("content-type"))) {
        ctx->event_stream = (h->value.len >= sizeof(NGX_HTTP_LLM_EVENTSTREAM)
                                             - 1
                             && ngx_strncasecmp(h->value.data,
                                    (u_char *) NGX_HTTP_LLM_EVENTSTREAM,
                                    sizeof(NGX_HTTP_LLM_EVENTSTREAM) - 1)
                                == 0);
    }
}
