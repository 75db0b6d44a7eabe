/*
 * The content handler of `llm_pass`: from the first header byte to the moment
 * the upstream takes over.
 */

#include "request.h"


static ngx_int_t ngx_http_llm_path(ngx_http_llm_ctx_t *ctx,
    llm_refusal_t *refusal);
static ngx_int_t ngx_http_llm_path_model(ngx_http_llm_ctx_t *ctx,
    llm_refusal_t *refusal);
static ngx_int_t ngx_http_llm_encoded(ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_models(ngx_http_llm_ctx_t *ctx);
static void ngx_http_llm_body_handler(ngx_http_request_t *r);
static void ngx_http_llm_process(ngx_http_llm_ctx_t *ctx);
static ngx_int_t ngx_http_llm_check(ngx_http_llm_ctx_t *ctx,
    llm_refusal_t *refusal);


ngx_int_t
ngx_http_llm_handler(ngx_http_request_t *r)
{
    uint64_t                  begin;
    ngx_int_t                 rc;
    llm_refusal_t             refusal;
    ngx_http_llm_ctx_t       *ctx;
    ngx_http_llm_loc_conf_t  *llcf;

    if (r != r->main) {
        /* a subrequest's answer may be dropped unread, its usage with it */
        return NGX_HTTP_FORBIDDEN;
    }

    begin = ngx_http_llm_monotonic();

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_llm_gov_module);

    ctx = ngx_http_llm_ctx_create(r, llcf->dialect);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&refusal, sizeof(llm_refusal_t));

    rc = ngx_http_llm_path(ctx, &refusal);

    if (rc == NGX_OK) {
        rc = ngx_http_llm_authenticate(ctx, &refusal);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_llm_path_model(ctx, &refusal);
    }

    if (rc == NGX_OK && ngx_http_llm_encoded(r)) {
        refusal.reason = LLM_REFUSE_ENCODING;
        rc = NGX_DECLINED;
    }

    ctx->overhead_ns += ngx_http_llm_monotonic() - begin;

    if (rc == NGX_DECLINED) {
        return ngx_http_llm_refuse(ctx, &refusal);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->api == LLM_API_ANTHROPIC_MODELS) {
        return ngx_http_llm_models(ctx);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_llm_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


/*
 * Model ids hold `:` and `/`, raw or encoded: the path is read from the request
 * line, below the location, never from the decoded and merged r->uri.
 */

static ngx_int_t
ngx_http_llm_path(ngx_http_llm_ctx_t *ctx, llm_refusal_t *refusal)
{
    u_char                    *args;
    llm_str_t                  path;
    ngx_str_t                  prefix;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = ctx->request;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    path = ngx_http_llm_str(r->unparsed_uri);

    args = ngx_strlchr(r->unparsed_uri.data,
                       r->unparsed_uri.data + r->unparsed_uri.len, '?');
    if (args) {
        path.len = args - r->unparsed_uri.data;
    }

    prefix = clcf->name;

    while (prefix.len && prefix.data[prefix.len - 1] == '/') {
        prefix.len--;
    }

    if (llm_str_starts(path, ngx_http_llm_str(prefix))) {
        path.data += prefix.len;
        path.len -= prefix.len;
    }

    if (llm_path_parse(ctx->dialect, ngx_http_llm_str(r->method_name), path,
                       &ctx->path)
        != LLM_OK)
    {
        refusal->reason = ctx->path.allow ? LLM_REFUSE_METHOD
                                          : LLM_REFUSE_NOT_FOUND;
        refusal->allow = ctx->path.allow;
        return NGX_DECLINED;
    }

    ctx->api = ctx->path.api;
    ctx->stream = ctx->path.stream;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_path_model(ngx_http_llm_ctx_t *ctx, llm_refusal_t *refusal)
{
    char  *model;
    long   len;

    if (ctx->path.model.len == 0) {
        return NGX_OK;
    }

    model = ngx_pnalloc(ctx->request->pool, ctx->path.model.len);
    if (model == NULL) {
        return NGX_ERROR;
    }

    len = llm_percent_decode(ctx->path.model, model);

    if (len <= 0 || len > LLM_ENVELOPE_MODEL_SIZE) {
        refusal->reason = LLM_REFUSE_BAD_REQUEST;
        refusal->message = llm_str("The model id in the path is not "
                                   "%-encoded correctly, or is too long");
        return NGX_DECLINED;
    }

    ctx->model.data = model;
    ctx->model.len = len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_encoded(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == 16
                && ngx_strncasecmp(h[i].key.data,
                                   (u_char *) "content-encoding", 16)
                   == 0)
            {
                return h[i].value.len
                       && ngx_strncasecmp(h[i].value.data,
                                          (u_char *) "identity", 8) != 0;
            }
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_llm_models(ngx_http_llm_ctx_t *ctx)
{
    ngx_int_t      rc;
    llm_reply_t    reply;
    llm_refusal_t  refusal;

    ngx_memzero(&reply, sizeof(llm_reply_t));
    llm_buf_init(&reply.body, 1024 * 1024);

    if (llm_anthropic_models_page(&reply.body, ctx->model) != LLM_OK) {
        llm_buf_free(&reply.body);

        ngx_memzero(&refusal, sizeof(llm_refusal_t));
        refusal.reason = LLM_REFUSE_NOT_FOUND;

        return ngx_http_llm_refuse(ctx, &refusal);
    }

    reply.status = NGX_HTTP_OK;
    ctx->answered = 1;

    rc = ngx_http_llm_reply(ctx->request, &reply);

    llm_buf_free(&reply.body);

    return rc;
}


static void
ngx_http_llm_body_handler(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_http_llm_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_llm_gov_module);

    rc = ngx_http_llm_body_prepare(ctx, ngx_http_llm_process);

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


/* the body is in and read: check, admit, send */

static void
ngx_http_llm_process(ngx_http_llm_ctx_t *ctx)
{
    uint64_t             begin;
    ngx_int_t            rc;
    llm_refusal_t        refusal;
    ngx_http_request_t  *r;

    r = ctx->request;
    begin = ngx_http_llm_monotonic();

    ngx_memzero(&refusal, sizeof(llm_refusal_t));

    rc = ngx_http_llm_check(ctx, &refusal);

    if (rc == NGX_OK) {
        rc = ngx_http_llm_candidates(ctx, &refusal);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_llm_admit(ctx, &refusal);
    }

    ctx->overhead_ns += ngx_http_llm_monotonic() - begin;

    if (rc == NGX_DECLINED) {
        ngx_http_finalize_request(r, ngx_http_llm_refuse(ctx, &refusal));
        return;
    }

    if (rc == NGX_OK) {
        rc = ngx_http_llm_upstream_start(ctx);
    }

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


static ngx_int_t
ngx_http_llm_check(ngx_http_llm_ctx_t *ctx, llm_refusal_t *refusal)
{
    ngx_int_t  rc;

    rc = ngx_http_llm_verify_sigv4(ctx, refusal);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ctx->body_error) {
        refusal->reason = LLM_REFUSE_BAD_REQUEST;
        refusal->message.data = ctx->body_error;
        refusal->message.len = ngx_strlen(ctx->body_error);
        return NGX_DECLINED;
    }

    if (ctx->model.len == 0) {
        ctx->model.data = ctx->envelope->model;
        ctx->model.len = ctx->envelope->model_len;
    }

    if (ctx->dialect != LLM_DIALECT_BEDROCK) {
        ctx->stream = ctx->envelope->stream;
    }

    return NGX_OK;
}
