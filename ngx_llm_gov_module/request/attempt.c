/*
 * One attempt: the request for the chosen provider, built and signed anew.
 */

#include "request.h"

#include "../providers/signer.h"


#define NGX_HTTP_LLM_HEADERS_MAX     24

/* Host before those of the client, and the date, hash and token after them: a
 * client must not be able to push them out */
#define NGX_HTTP_LLM_HEADERS_PASSED  (NGX_HTTP_LLM_HEADERS_MAX - 4)


/* what is sent and signed; Host, dates and hashes beside them */
typedef struct {
    ngx_http_llm_ctx_t       *ctx;
    ngx_http_llm_choice_t    *choice;
    ngx_http_llm_signer_t    *signer;
    llm_header_t              headers[NGX_HTTP_LLM_HEADERS_MAX];
    ngx_uint_t                nheaders;
    llm_buf_t                 path;
    llm_buf_t                 authorization;
} ngx_http_llm_build_t;


static void ngx_http_llm_build_path(ngx_http_llm_build_t *build);
static void ngx_http_llm_build_headers(ngx_http_llm_build_t *build);
static void ngx_http_llm_build_passed(ngx_http_llm_build_t *build);
static ngx_int_t ngx_http_llm_build_sign(ngx_http_llm_build_t *build);
static ngx_chain_t *ngx_http_llm_build_head(ngx_http_llm_build_t *build);
static ngx_chain_t *ngx_http_llm_build_body(ngx_http_llm_ctx_t *ctx);
static void ngx_http_llm_header_put(ngx_http_llm_build_t *build,
    llm_str_t name, llm_str_t value);
static void ngx_http_llm_attempt_health(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_attempt_t *attempt, int64_t now);


ngx_int_t
ngx_http_llm_attempt_build(ngx_http_llm_ctx_t *ctx)
{
    ngx_int_t              rc;
    ngx_chain_t           *cl;
    ngx_http_request_t    *r;
    ngx_http_llm_build_t   build;

    r = ctx->request;
    rc = NGX_ERROR;

    build.nheaders = 0;
    build.ctx = ctx;
    build.choice = &ctx->choices[ctx->chosen];
    build.signer = ngx_http_llm_signer(build.choice->provider);

    if (build.signer == NULL) {
        return NGX_ERROR;
    }

    llm_buf_init(&build.path, 4096);
    llm_buf_init(&build.authorization, 8192);

    ngx_http_llm_build_path(&build);
    ngx_http_llm_build_headers(&build);

    if (!build.path.failed && ngx_http_llm_build_sign(&build) == NGX_OK) {

        cl = ngx_http_llm_build_head(&build);

        if (cl) {
            cl->next = ngx_http_llm_build_body(ctx);

            if (cl->next || ctx->nout == 0) {
                r->upstream->request_bufs = cl;
                rc = NGX_OK;
            }
        }
    }

    llm_buf_free(&build.path);
    llm_buf_free(&build.authorization);

    return rc;
}


static llm_str_t
ngx_http_llm_operation(ngx_http_llm_ctx_t *ctx)
{
    switch (ctx->api) {

    case LLM_API_BEDROCK_INVOKE:
        return llm_str("/invoke");

    case LLM_API_BEDROCK_INVOKE_STREAM:
        return llm_str("/invoke-with-response-stream");

    case LLM_API_BEDROCK_CONVERSE:
        return llm_str("/converse");

    case LLM_API_BEDROCK_CONVERSE_STREAM:
        return llm_str("/converse-stream");

    case LLM_API_BEDROCK_COUNT_TOKENS:
    case LLM_API_ANTHROPIC_COUNT_TOKENS:
        return llm_str("/count-tokens");

    default:
        return ctx->stream ? llm_str("/invoke-with-response-stream")
                           : llm_str("/invoke");
    }
}


static void
ngx_http_llm_build_path(ngx_http_llm_build_t *build)
{
    char                      encoded[3 * LLM_ENVELOPE_MODEL_SIZE];
    llm_str_t                 model;
    ngx_http_llm_endpoint_t  *endpoint;

    endpoint = &build->choice->provider->endpoint;
    model = build->choice->model;

    /* counting works on foundation models only, not on profiles */

    if (build->ctx->api == LLM_API_ANTHROPIC_COUNT_TOKENS
        && llm_model_base(model).len)
    {
        model = llm_model_base(model);
    }

    if (model.len > LLM_ENVELOPE_MODEL_SIZE) {
        build->path.failed = true;
        return;
    }

    llm_buf_str(&build->path, ngx_http_llm_str(endpoint->prefix));
    llm_buf_str(&build->path, llm_str("/model/"));
    llm_buf_append(&build->path, encoded, llm_percent_encode(model, encoded));
    llm_buf_str(&build->path, ngx_http_llm_operation(build->ctx));
}


static void
ngx_http_llm_header_put(ngx_http_llm_build_t *build, llm_str_t name,
    llm_str_t value)
{
    if (build->nheaders < NGX_HTTP_LLM_HEADERS_MAX) {
        build->headers[build->nheaders].name = name;
        build->headers[build->nheaders++].value = value;
    }
}


static void
ngx_http_llm_build_headers(ngx_http_llm_build_t *build)
{
    ngx_http_llm_ctx_t  *ctx;

    ctx = build->ctx;

    ngx_http_llm_header_put(build, llm_str("Host"),
               ngx_http_llm_str(build->choice->provider->endpoint.authority));

    if (ctx->dialect == LLM_DIALECT_BEDROCK) {
        ngx_http_llm_build_passed(build);
        return;
    }

    ngx_http_llm_header_put(build, llm_str("Content-Type"),
                            llm_str("application/json"));

    if (ctx->envelope->service_tier_flex) {
        ngx_http_llm_header_put(build, llm_str("X-Amzn-Bedrock-Service-Tier"),
                                llm_str("flex"));

    } else if (ctx->envelope->service_tier_priority) {
        ngx_http_llm_header_put(build, llm_str("X-Amzn-Bedrock-Service-Tier"),
                                llm_str("priority"));
    }
}


/* only what Bedrock's own operations define: nothing else of a client may steer
 * the upstream */

static void
ngx_http_llm_build_passed(ngx_http_llm_build_t *build)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &build->ctx->request->headers_in.headers.part; part;
         part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (build->nheaders > NGX_HTTP_LLM_HEADERS_PASSED) {
                return;
            }

            if ((h[i].key.len == 12
                 && ngx_strncasecmp(h[i].key.data, (u_char *) "content-type",
                                    12)
                    == 0)
                || (h[i].key.len == 6
                    && ngx_strncasecmp(h[i].key.data, (u_char *) "accept", 6)
                       == 0)
                || (h[i].key.len > 15
                    && ngx_strncasecmp(h[i].key.data,
                                       (u_char *) "x-amzn-bedrock-", 15)
                       == 0))
            {
                ngx_http_llm_header_put(build, ngx_http_llm_str(h[i].key),
                                        ngx_http_llm_str(h[i].value));
            }
        }
    }
}


static ngx_int_t
ngx_http_llm_build_sign(ngx_http_llm_build_t *build)
{
    llm_str_t                 time;
    llm_sigv4_key_t          *key;
    llm_credentials_t        *credentials;
    llm_sigv4_request_t       request;
    ngx_http_llm_provider_t  *provider;

    provider = build->choice->provider;
    credentials = &build->signer->credentials;

    if (credentials->bearer) {
        llm_buf_str(&build->authorization, llm_str("Bearer "));
        llm_buf_append(&build->authorization, credentials->token,
                       credentials->token_len);

        return build->authorization.failed ? NGX_ERROR : NGX_OK;
    }

    time = ngx_http_llm_signer_time(build->signer);

    ngx_http_llm_body_hash(build->ctx);

    ngx_http_llm_header_put(build, llm_str("X-Amz-Date"), time);
    ngx_http_llm_header_put(build, llm_str("X-Amz-Content-Sha256"),
                            (llm_str_t) { build->ctx->hash, 64 });

    if (credentials->token_len) {
        ngx_http_llm_header_put(build, llm_str("X-Amz-Security-Token"),
                                (llm_str_t) { credentials->token,
                                              credentials->token_len });
    }

    ngx_memzero(&request, sizeof(llm_sigv4_request_t));

    request.method = llm_str("POST");
    request.path.data = build->path.data;
    request.path.len = build->path.len;
    request.headers = build->headers;
    request.nheaders = build->nheaders;
    request.payload_hash.data = build->ctx->hash;
    request.payload_hash.len = 64;
    request.time = time;
    request.region = ngx_http_llm_str(provider->region);
    request.service = llm_str("bedrock");

    key = ngx_http_llm_signer_key(build->signer, time, request.region,
                                  request.service);

    return llm_sigv4_authorization(&build->authorization, key,
                                   (llm_str_t) { credentials->id,
                                                 credentials->id_len },
                                   &request)
           == LLM_OK ? NGX_OK : NGX_ERROR;
}


static u_char *
ngx_http_llm_put(u_char *p, llm_str_t str)
{
    return ngx_cpymem(p, str.data, str.len);
}


static ngx_chain_t *
ngx_http_llm_build_head(ngx_http_llm_build_t *build)
{
    size_t        len;
    u_char       *p;
    ngx_buf_t    *b;
    ngx_uint_t    i;
    ngx_chain_t  *cl;

    const llm_str_t  post = llm_str("POST ");
    const llm_str_t  version = llm_str(" HTTP/1.1" CRLF);
    const llm_str_t  colon = llm_str(": ");
    const llm_str_t  crlf = llm_str(CRLF);
    const llm_str_t  authorization = llm_str("Authorization: ");
    const llm_str_t  rest = llm_str(CRLF "Accept-Encoding: identity" CRLF
                                    "User-Agent: ngx_llm_gov" CRLF
                                    "Connection: keep-alive" CRLF
                                    "Content-Length: ");

    len = post.len + build->path.len + version.len + authorization.len
          + build->authorization.len + rest.len + NGX_SIZE_T_LEN
          + 2 * crlf.len;

    for (i = 0; i < build->nheaders; i++) {
        len += build->headers[i].name.len + colon.len
               + build->headers[i].value.len + crlf.len;
    }

    b = ngx_create_temp_buf(build->ctx->request->pool, len);
    cl = ngx_alloc_chain_link(build->ctx->request->pool);

    if (b == NULL || cl == NULL) {
        return NULL;
    }

    p = ngx_http_llm_put(b->last, post);
    p = ngx_cpymem(p, build->path.data, build->path.len);
    p = ngx_http_llm_put(p, version);

    for (i = 0; i < build->nheaders; i++) {
        p = ngx_http_llm_put(p, build->headers[i].name);
        p = ngx_http_llm_put(p, colon);
        p = ngx_http_llm_put(p, build->headers[i].value);
        p = ngx_http_llm_put(p, crlf);
    }

    p = ngx_http_llm_put(p, authorization);
    p = ngx_cpymem(p, build->authorization.data, build->authorization.len);
    p = ngx_http_llm_put(p, rest);

    b->last = ngx_sprintf(p, "%uz" CRLF CRLF, build->ctx->out_size);

    b->flush = (build->ctx->out_size == 0);

    cl->buf = b;
    cl->next = NULL;

    return cl;
}


/* the body's pieces where they lie; a retry rewinds each to its `start` */

static ngx_chain_t *
ngx_http_llm_build_body(ngx_http_llm_ctx_t *ctx)
{
    ngx_buf_t    *b;
    ngx_uint_t    i;
    ngx_chain_t  *first, *cl, **last;

    b = NULL;
    first = NULL;
    last = &first;

    for (i = 0; i < ctx->nout; i++) {

        if (ctx->out[i].len == 0) {
            continue;
        }

        b = ngx_calloc_buf(ctx->request->pool);
        cl = ngx_alloc_chain_link(ctx->request->pool);

        if (b == NULL || cl == NULL) {
            return NULL;
        }

        b->start = (u_char *) ctx->out[i].data;
        b->pos = b->start;
        b->last = b->start + ctx->out[i].len;
        b->end = b->last;
        b->memory = 1;

        cl->buf = b;
        cl->next = NULL;
        *last = cl;
        last = &cl->next;
    }

    if (b) {
        /* else TLS keeps it back for more to come */
        b->flush = 1;
    }

    return first;
}


void
ngx_http_llm_attempt_begin(ngx_http_llm_ctx_t *ctx)
{
    llm_amounts_t            amounts;
    ngx_http_llm_attempt_t  *attempt;

    attempt = &ctx->attempts[ctx->nattempts++];

    ngx_memzero(attempt, sizeof(ngx_http_llm_attempt_t));

    attempt->choice = &ctx->choices[ctx->chosen];
    attempt->provider = attempt->choice->provider;
    attempt->admitted_ms = ctx->provider_ms;
    attempt->started_ms = ngx_http_llm_now();
    attempt->started = ngx_current_msec;
    attempt->first_token = -1;

    ctx->error = NULL;
    ctx->begun = 1;

    /* From here on the call may cost, whoever dies.  Where a further attempt
     * cannot be written what the one before would cost stays in force. */

    ngx_http_llm_amounts(&amounts, &ctx->hold->estimated,
                         ctx->hold->estimated_cost);

    (void) ngx_http_llm_journal_hold(ctx, &amounts, ctx->provider_ms);

    ctx->hold->sent = 1;
}


/* once for each attempt: its series and its provider's breaker */

void
ngx_http_llm_attempt_end(ngx_http_llm_ctx_t *ctx, llm_attempt_result_t result)
{
    int64_t                  now;
    ngx_http_llm_attempt_t  *attempt;

    if (ctx->nattempts == 0) {
        return;
    }

    attempt = &ctx->attempts[ctx->nattempts - 1];

    if (attempt->ended) {
        return;
    }

    now = ngx_http_llm_now();

    attempt->ended = 1;
    attempt->result = result;

    if (!attempt->doubted) {
        /* what it is charged, if anything, is known when the call is settled */
        attempt->cost = 0;
        attempt->input_tokens = 0;
        attempt->output_tokens = 0;
        attempt->ended_ms = now;
    }

    ngx_http_llm_lock(ctx->lmcf);

    if (!ctx->governed) {
        ngx_http_llm_attempt_health(ctx, attempt, now);
    }

    llm_series_attempt(ctx->lmcf->shared->series,
                       attempt->provider->slot->account, result,
                       (ngx_msec_int_t) (ngx_current_msec - attempt->started),
                       attempt->first_token);

    ngx_http_llm_unlock(ctx->lmcf);
}


/* the breaker of its provider; another module's location has none */

static void
ngx_http_llm_attempt_health(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_attempt_t *attempt, int64_t now)
{
    llm_health_t             *health;
    const llm_health_conf_t  *conf;

    health = &attempt->provider->slot->health;
    conf = &attempt->provider->health;

    switch (attempt->result) {

    case LLM_ATTEMPT_OK:
    case LLM_ATTEMPT_CLIENT_ERROR:

        /* of a provider that had not answered yet when the client went nothing
         * is known */

        if (attempt->status) {
            llm_health_success(health);
        }

        break;

    case LLM_ATTEMPT_THROTTLED:
        llm_health_throttled(health, conf, now, ctx->retry_after_ms);
        break;

    default:
        llm_health_failure(health, conf, now);
    }
}
