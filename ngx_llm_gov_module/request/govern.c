/*
 * `llm_govern`: a location that another module serves (proxy_pass to a model of
 * one's own, say) under the same keys, budgets and limits.  The request is
 * admitted in the precontent phase, its answer metered by the filters.
 */

#include "filter.h"
#include "../providers/price_lists.h"


static void ngx_http_llm_govern_body_handler(ngx_http_request_t *r);
static void ngx_http_llm_govern_process(ngx_http_llm_ctx_t *ctx);
static void ngx_http_llm_govern_encoding(ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_govern_admit(ngx_http_llm_ctx_t *ctx,
    llm_refusal_t *refusal);
static ngx_uint_t ngx_http_llm_govern_free(ngx_http_llm_ctx_t *ctx);
static llm_api_t ngx_http_llm_govern_api(ngx_http_llm_ctx_t *ctx);


/* the round robin of a single candidate */
static int64_t  ngx_http_llm_govern_turn;


/*
 * The shape of ngx_http_mirror_module: the body reader may finalize the request
 * itself, so the phase handler must have returned NGX_DONE before.
 */

ngx_int_t
ngx_http_llm_govern_handler(ngx_http_request_t *r)
{
    uint64_t                  begin;
    ngx_int_t                 rc;
    llm_refusal_t             refusal;
    ngx_http_llm_ctx_t       *ctx;
    ngx_http_llm_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_llm_gov_module);

    if (!llcf->govern || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_llm_gov_module);

    if (ctx) {
        return ctx->govern_status;
    }

    ctx = ngx_http_llm_ctx_get(r);

    if (ctx && ctx->governed && ctx->govern_status == NGX_DECLINED) {
        /* try_files or error_page brought it here: it was admitted before, and
         * one request is charged once */
        return NGX_DECLINED;
    }

    begin = ngx_http_llm_monotonic();

    ctx = ngx_http_llm_ctx_create(r, llcf->govern);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->governed = 1;
    ctx->govern_status = NGX_DONE;
    ctx->api = ngx_http_llm_govern_api(ctx);

    ngx_memzero(&refusal, sizeof(llm_refusal_t));

    rc = ngx_http_llm_authenticate(ctx, &refusal);

    if (rc == NGX_OK && ctx->sigv4) {
        refusal.reason = LLM_REFUSE_BAD_SIGNATURE;
        rc = NGX_DECLINED;
    }

    ctx->overhead_ns += ngx_http_llm_monotonic() - begin;

    if (rc == NGX_DECLINED) {
        ngx_http_finalize_request(r, ngx_http_llm_refuse(ctx, &refusal));
        return NGX_DONE;
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_llm_govern_free(ctx)) {
        ctx->govern_status = NGX_DECLINED;
        return NGX_DECLINED;
    }

    if (ctx->api == LLM_API_NONE) {
        /* what cannot be metered could cost, and nobody would know */
        refusal.reason = LLM_REFUSE_NOT_FOUND;
        refusal.message = llm_str("This call is none that the gateway can "
                                  "meter, so it is not let through.");
        ngx_http_finalize_request(r, ngx_http_llm_refuse(ctx, &refusal));
        return NGX_DONE;
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_llm_govern_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


/* a list of models, a health check, a count of tokens: known who, nothing to
 * charge */

static ngx_uint_t
ngx_http_llm_govern_free(ngx_http_llm_ctx_t *ctx)
{
    switch (ctx->api) {

    case LLM_API_NONE:
        return (ctx->request->method
                & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_OPTIONS)) != 0;

    case LLM_API_ANTHROPIC_MODELS:
    case LLM_API_ANTHROPIC_COUNT_TOKENS:
    case LLM_API_BEDROCK_COUNT_TOKENS:
        return 1;

    default:
        return 0;
    }
}


static llm_api_t
ngx_http_llm_govern_api(ngx_http_llm_ctx_t *ctx)
{
    llm_str_t                  path;
    llm_path_t                 parsed;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = ctx->request;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    path = ngx_http_llm_str(r->uri);

    if (clcf->name.len > 1 && path.len >= clcf->name.len
        && llm_str_starts(path, ngx_http_llm_str(clcf->name)))
    {
        path.data += clcf->name.len - (clcf->name.data[clcf->name.len - 1]
                                       == '/');
        path.len -= clcf->name.len - (clcf->name.data[clcf->name.len - 1]
                                      == '/');
    }

    if (llm_path_parse(ctx->dialect, ngx_http_llm_str(r->method_name), path,
                       &parsed)
        != LLM_OK)
    {
        return LLM_API_NONE;
    }

    ctx->stream = parsed.stream;

    if (parsed.model.len && parsed.model.len <= LLM_ENVELOPE_MODEL_SIZE) {
        ctx->model = parsed.model;
    }

    return parsed.api;
}


static void
ngx_http_llm_govern_body_handler(ngx_http_request_t *r)
{
    ngx_http_llm_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_llm_gov_module);

    r->preserve_body = 1;

    if (ngx_http_llm_body_prepare(ctx, ngx_http_llm_govern_process) != NGX_OK)
    {
        ctx->govern_status = NGX_HTTP_INTERNAL_SERVER_ERROR;
        r->write_event_handler = ngx_http_core_run_phases;
        ngx_http_core_run_phases(r);
    }
}


static void
ngx_http_llm_govern_process(ngx_http_llm_ctx_t *ctx)
{
    uint64_t             begin;
    ngx_int_t            rc;
    llm_refusal_t        refusal;
    ngx_http_request_t  *r;

    r = ctx->request;
    begin = ngx_http_llm_monotonic();

    ngx_memzero(&refusal, sizeof(llm_refusal_t));

    rc = ngx_http_llm_govern_admit(ctx, &refusal);

    ctx->overhead_ns += ngx_http_llm_monotonic() - begin;

    if (rc == NGX_DECLINED) {
        ngx_http_finalize_request(r, ngx_http_llm_refuse(ctx, &refusal));
        return;
    }

    ctx->govern_status = (rc == NGX_OK) ? NGX_DECLINED
                                        : NGX_HTTP_INTERNAL_SERVER_ERROR;

    ngx_http_llm_govern_encoding(r);

    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


/* an answer in a coding that the meter cannot read would be free: the client
 * may only ask for one that it can */

static void
ngx_http_llm_govern_encoding(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len != 15
                || ngx_strncasecmp(h[i].key.data,
                                   (u_char *) "accept-encoding", 15)
                   != 0)
            {
                continue;
            }

            if (ngx_strlcasestrn(h[i].value.data,
                                 h[i].value.data + h[i].value.len,
                                 (u_char *) "gzip", 4 - 1))
            {
                ngx_str_set(&h[i].value, "gzip");

            } else {
                ngx_str_set(&h[i].value, "identity");
            }
        }
    }
}


static ngx_int_t
ngx_http_llm_govern_admit(ngx_http_llm_ctx_t *ctx, llm_refusal_t *refusal)
{
    ngx_int_t                 rc;
    ngx_http_llm_provider_t  *provider;

    provider = ctx->llcf->governed;

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

    ctx->choices = ngx_pcalloc(ctx->request->pool,
                               sizeof(ngx_http_llm_choice_t));
    ctx->candidates = ngx_pcalloc(ctx->request->pool, sizeof(llm_candidate_t));

    if (ctx->choices == NULL || ctx->candidates == NULL) {
        return NGX_ERROR;
    }

    ctx->nchoices = 1;
    ctx->choices[0].provider = provider;
    ctx->choices[0].model = ctx->model;
    ctx->choices[0].family = llm_model_family(ctx->model);

    ctx->candidates[0].weight = 1;
    ctx->candidates[0].provider.account = provider->slot->account;
    ctx->candidates[0].current = &ngx_http_llm_govern_turn;

    if (!ngx_http_llm_model_allowed(ctx, &ctx->choices[0])) {
        refusal->reason = LLM_REFUSE_MODEL_NOT_ALLOWED;
        return NGX_DECLINED;
    }

    if (ngx_http_llm_choice_price(ctx, &ctx->choices[0]) != NGX_OK) {
        refusal->reason = LLM_REFUSE_UNPRICED;
        refusal->message = llm_str("The model has no price in the gateway's "
                                   "list, and calls whose cost is unknown are "
                                   "refused.");
        return NGX_DECLINED;
    }

    rc = ngx_http_llm_admit(ctx, refusal);

    if (rc == NGX_OK) {
        ngx_http_llm_attempt_begin(ctx);
    }

    return rc;
}


static void
ngx_http_llm_govern_request_id(ngx_http_llm_attempt_t *attempt,
    ngx_table_elt_t *h)
{
    if (h->hash
        && ((h->key.len == 16
             && ngx_strncasecmp(h->key.data, (u_char *) "x-amzn-requestid", 16)
                == 0)
            || (h->key.len == 12
                && ngx_strncasecmp(h->key.data, (u_char *) "x-request-id", 12)
                   == 0)
            || (h->key.len == 10
                && ngx_strncasecmp(h->key.data, (u_char *) "request-id", 10)
                   == 0)))
    {
        attempt->request_id = ngx_http_llm_str(h->value);
    }
}


ngx_int_t
ngx_http_llm_govern_header(ngx_http_llm_ctx_t *ctx)
{
    ngx_uint_t           i;
    ngx_list_part_t     *part;
    ngx_table_elt_t     *h;
    ngx_http_request_t  *r;

    if (ctx->meter) {
        return NGX_OK;
    }

    r = ctx->request;

    if (ngx_http_llm_header_add(r, "x-llm-request-id",
                                (llm_str_t) { (char *) ctx->id, 32 })
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->status.code = r->headers_out.status;
    ctx->attempts[0].status = r->headers_out.status;
    ctx->header_sent = 1;
    ctx->answered = 1;

    ctx->meter = ngx_palloc(r->pool, sizeof(llm_meter_t));
    if (ctx->meter == NULL) {
        return NGX_ERROR;
    }

    llm_meter_init(ctx->meter, ctx->api, ctx->choices[0].family, ctx->stream);

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            llm_meter_header(ctx->meter, ngx_http_llm_str(h[i].key),
                             ngx_http_llm_str(h[i].value));
            ngx_http_llm_govern_request_id(&ctx->attempts[0], &h[i]);
        }
    }

    if (r->headers_out.content_encoding
        && r->headers_out.content_encoding->value.len == 4)
    {
        ctx->gzip = 1;
        ctx->inflate = llm_inflate_create();
    }

    return NGX_OK;
}


/* as the client reads it, which may not be how it came */

static int
ngx_http_llm_govern_text(const char *p, size_t len, void *data)
{
    ngx_http_llm_ctx_t *ctx = data;

    ngx_http_llm_content_add(ctx, p, len);

    (void) llm_meter_feed(ctx->meter, p, len);

    return LLM_OK;
}


void
ngx_http_llm_govern_body(ngx_http_llm_ctx_t *ctx, ngx_chain_t *in)
{
    size_t        len;
    uint64_t      begin;
    const char   *p;
    ngx_chain_t  *cl;

    if (ctx->meter == NULL) {
        return;
    }

    begin = ngx_http_llm_monotonic();

    for (cl = in; cl; cl = cl->next) {

        if (!ngx_buf_in_memory(cl->buf) || cl->buf->last == cl->buf->pos) {
            continue;
        }

        p = (const char *) cl->buf->pos;
        len = cl->buf->last - cl->buf->pos;

        ngx_http_llm_first_token(ctx);

        ctx->response_bytes += len;

        if (ctx->inflate) {
            (void) llm_inflate_feed(ctx->inflate, p, len,
                                    ngx_http_llm_govern_text, ctx);

        } else {
            (void) ngx_http_llm_govern_text(p, len, ctx);
        }
    }

    ctx->overhead_ns += ngx_http_llm_monotonic() - begin;
}
