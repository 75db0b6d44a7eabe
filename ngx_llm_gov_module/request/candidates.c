/*
 * Model asked for -> the providers that could serve it, as which model and at
 * what price.  Health, limits and weight are looked at later, under the lock.
 */

#include "request.h"
#include "../governance/block.h"
#include "../providers/price_lists.h"
#include "../providers/provider.h"


static ngx_int_t ngx_http_llm_choice(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_target_t *target, const char **reason);
static ngx_int_t ngx_http_llm_choice_model(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_choice_t *choice);
static ngx_int_t ngx_http_llm_choice_fits(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_choice_t *choice);
static ngx_int_t ngx_http_llm_no_candidate(ngx_http_llm_ctx_t *ctx,
    llm_refusal_t *refusal, const char *reason);


static const char  ngx_http_llm_not_allowed[] =
    "is not among those that this key may use";

static const char  ngx_http_llm_unknown[] =
    "is not a model name that the gateway knows; llm_model_map can name it";

static const char  ngx_http_llm_unpriced[] =
    "has no price in the gateway's list, and calls whose cost is unknown are "
    "refused";


ngx_int_t
ngx_http_llm_candidates(ngx_http_llm_ctx_t *ctx, llm_refusal_t *refusal)
{
    ngx_int_t               rc;
    ngx_uint_t              i, n;
    const char             *reason;
    ngx_http_llm_route_t   *route;
    ngx_http_llm_target_t  *target;

    route = ctx->key->route ? ctx->key->route : ctx->lmcf->default_route;
    target = route->targets.elts;
    n = route->targets.nelts;
    reason = NULL;

    ctx->choices = ngx_pcalloc(ctx->request->pool,
                               n * sizeof(ngx_http_llm_choice_t) + 1);
    ctx->candidates = ngx_pcalloc(ctx->request->pool,
                                  n * sizeof(llm_candidate_t) + 1);

    if (ctx->choices == NULL || ctx->candidates == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        rc = ngx_http_llm_choice(ctx, &target[i], &reason);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    if (ctx->nchoices == 0) {
        return ngx_http_llm_no_candidate(ctx, refusal, reason);
    }

    return NGX_OK;
}


/* patterns may speak of the name that was asked for or of Bedrock's id */

ngx_uint_t
ngx_http_llm_model_allowed(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_choice_t *choice)
{
    ngx_http_llm_tenant_t  *tenant;

    for (tenant = ctx->key; tenant; tenant = tenant->parent) {
        if (!ngx_http_llm_match(tenant->models, ctx->model)
            && !ngx_http_llm_match(tenant->models, choice->model))
        {
            return 0;
        }
    }

    return 1;
}


/* adds the target to the candidates, or says in *reason why it is none */

static ngx_int_t
ngx_http_llm_choice(ngx_http_llm_ctx_t *ctx, ngx_http_llm_target_t *target,
    const char **reason)
{
    ngx_int_t                  rc;
    llm_candidate_t           *candidate;
    ngx_http_llm_choice_t     *choice;
    ngx_http_llm_provider_t   *provider;

    provider = target->provider;
    choice = &ctx->choices[ctx->nchoices];
    choice->provider = provider;

    rc = ngx_http_llm_choice_model(ctx, choice);

    if (rc == NGX_DECLINED) {
        *reason = ngx_http_llm_unknown;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (!ngx_http_llm_model_allowed(ctx, choice)) {
        *reason = ngx_http_llm_not_allowed;
        return NGX_DECLINED;
    }

    if (!ngx_http_llm_match(provider->models, ctx->model)
        && !ngx_http_llm_match(provider->models, choice->model))
    {
        *reason = "is served by none of the providers of this key's route";
        return NGX_DECLINED;
    }

    if (!ngx_http_llm_choice_fits(ctx, choice)) {
        *reason = (ctx->dialect == LLM_DIALECT_ANTHROPIC)
                  ? "cannot be served: this key's route has no Claude model, "
                    "and the Messages API needs one"
                  : "cannot be served: the models of this key's route do not "
                    "take this InvokeModel body; Converse works with all";
        return NGX_DECLINED;
    }

    if (ngx_http_llm_choice_price(ctx, choice) != NGX_OK) {
        *reason = ngx_http_llm_unpriced;
        return NGX_DECLINED;
    }

    candidate = &ctx->candidates[ctx->nchoices++];

    candidate->provider.account = provider->slot->account;
    candidate->provider.limits = provider->limits.elts;
    candidate->provider.nlimits = provider->limits.nelts;
    candidate->weight = target->weight;
    candidate->current = target->current;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_choice_model(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_choice_t *choice)
{
    char       *p;
    llm_buf_t   buf;
    llm_str_t   mapped;
    ngx_int_t   rc;

    if (choice->provider->model.len) {
        choice->model = ngx_http_llm_str(choice->provider->model);
        return NGX_OK;
    }

    mapped = ngx_http_llm_model_mapped(ctx->lmcf, ctx->model);

    if (ctx->dialect != LLM_DIALECT_ANTHROPIC) {
        choice->model = mapped;
        return NGX_OK;
    }

    llm_buf_init(&buf, 1024);

    rc = NGX_DECLINED;

    if (llm_anthropic_model(&buf, mapped,
                            ngx_http_llm_str(choice->provider->region))
        == LLM_OK)
    {
        p = ngx_pnalloc(ctx->request->pool, buf.len);
        rc = NGX_ERROR;

        if (p && !buf.failed) {
            ngx_memcpy(p, buf.data, buf.len);
            choice->model.data = p;
            choice->model.len = buf.len;
            rc = NGX_OK;
        }
    }

    llm_buf_free(&buf);

    return rc;
}


/* does the model take the body that the client wrote? */

static ngx_int_t
ngx_http_llm_choice_fits(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_choice_t *choice)
{
    llm_family_t  asked;

    choice->family = llm_model_family(
                         choice->provider->base_model.len
                         ? ngx_http_llm_str(choice->provider->base_model)
                         : choice->model);

    switch (ctx->api) {

    case LLM_API_ANTHROPIC_MESSAGES:
    case LLM_API_ANTHROPIC_COUNT_TOKENS:
        return choice->family == LLM_FAMILY_CLAUDE;

    case LLM_API_BEDROCK_INVOKE:
    case LLM_API_BEDROCK_INVOKE_STREAM:
        asked = llm_model_family(ctx->model);
        return asked == choice->family || asked == LLM_FAMILY_OTHER;

    default:
        return 1;
    }
}


ngx_int_t
ngx_http_llm_choice_price(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_choice_t *choice)
{
    int64_t                    now;
    llm_str_t                  model, region;
    ngx_http_llm_main_conf_t  *lmcf;

    lmcf = ctx->lmcf;
    now = ngx_http_llm_now();
    region = ngx_http_llm_str(choice->provider->region);
    model = choice->provider->base_model.len
            ? ngx_http_llm_str(choice->provider->base_model) : choice->model;

    if (ctx->api == LLM_API_BEDROCK_COUNT_TOKENS
        || ctx->api == LLM_API_ANTHROPIC_COUNT_TOKENS)
    {
        /* free of charge */
        choice->priced = 1;
        choice->price.free = true;
        return NGX_OK;
    }

    if (ngx_http_llm_price_find(lmcf, model, region, now, &choice->price)
        == NGX_OK)
    {
        choice->priced = 1;
        return NGX_OK;
    }

    if (!ctx->unpriced) {
        ctx->unpriced = 1;

        ngx_http_llm_lock(lmcf);
        llm_series_unpriced(lmcf->shared->series, model);
        ngx_http_llm_unlock(lmcf);
    }

    if (lmcf->unpriced == NGX_HTTP_LLM_UNPRICED_AS
        && ngx_http_llm_price_find(lmcf, ngx_http_llm_str(lmcf->unpriced_as),
                                   region, now, &choice->price)
           == NGX_OK)
    {
        choice->priced = 1;
        return NGX_OK;
    }

    return lmcf->unpriced == NGX_HTTP_LLM_UNPRICED_ALLOW ? NGX_OK
                                                         : NGX_DECLINED;
}


static ngx_int_t
ngx_http_llm_no_candidate(ngx_http_llm_ctx_t *ctx, llm_refusal_t *refusal,
    const char *reason)
{
    u_char  *p, *text;
    size_t   len;

    if (reason == NULL) {
        reason = "cannot be served: no provider is configured";
    }

    refusal->reason =
        reason == ngx_http_llm_unpriced ? LLM_REFUSE_UNPRICED
        : reason == ngx_http_llm_not_allowed ? LLM_REFUSE_MODEL_NOT_ALLOWED
        : reason == ngx_http_llm_unknown ? LLM_REFUSE_NOT_FOUND
                                         : LLM_REFUSE_NO_CANDIDATE;

    len = sizeof("The model \"\" .") + ctx->model.len + ngx_strlen(reason);

    text = ngx_pnalloc(ctx->request->pool, len);
    if (text == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(text, "The model \"%*s\" %s.", ctx->model.len,
                    ctx->model.data, reason);

    refusal->message.data = (const char *) text;
    refusal->message.len = p - text;

    return NGX_DECLINED;
}
