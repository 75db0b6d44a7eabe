/*
 * Every tier and one provider have room, or the request is refused: one
 * critical section.
 */

#include "request.h"


/* how long others keep away from a provider that is being probed */
#define NGX_HTTP_LLM_PROBE  30000


static void ngx_http_llm_learned_keys(ngx_http_llm_ctx_t *ctx);
static void ngx_http_llm_needs(ngx_http_llm_ctx_t *ctx, int64_t now);
static ngx_uint_t ngx_http_llm_credentialed(ngx_http_llm_ctx_t *ctx,
    int64_t now);
static ngx_uint_t ngx_http_llm_least_bad(ngx_http_llm_ctx_t *ctx, int64_t now);
static void ngx_http_llm_exclude(ngx_http_llm_ctx_t *ctx, int64_t now);
static void ngx_http_llm_hold_fill(ngx_http_llm_ctx_t *ctx, int64_t now);
static void ngx_http_llm_shortage(ngx_http_llm_ctx_t *ctx,
    const llm_shortage_t *shortage, llm_refusal_t *refusal, int64_t now);


ngx_int_t
ngx_http_llm_admit(ngx_http_llm_ctx_t *ctx, llm_refusal_t *refusal)
{
    int64_t         now;
    unsigned        chosen;
    ngx_int_t       rc;
    llm_shortage_t  shortage;

    if (ngx_http_llm_journal_admit(ctx) != NGX_OK) {
        refusal->reason = LLM_REFUSE_LEDGER;
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    ngx_memzero(&shortage, sizeof(llm_shortage_t));

    ngx_http_llm_learned_keys(ctx);

    ngx_http_llm_lock(ctx->lmcf);

    now = ngx_http_llm_zone_now(ctx->lmcf);
    ctx->hold = ngx_http_llm_hold_alloc(ctx->lmcf);

    if (ctx->hold) {
        ctx->hold->hold.unjournaled = (ctx->segment == NULL);

        ngx_http_llm_needs(ctx, now);
        ngx_http_llm_exclude(ctx, now);

        if (llm_ledger_admit(&ctx->hold->hold, ctx->tenants, ctx->ntenants,
                             ctx->candidates, ctx->nchoices, now, &chosen,
                             &shortage)
            == LLM_OK
            || (shortage.account == NULL
                && ngx_http_llm_least_bad(ctx, now)
                && llm_ledger_admit(&ctx->hold->hold, ctx->tenants,
                                    ctx->ntenants, ctx->candidates,
                                    ctx->nchoices, now, &chosen, &shortage)
                   == LLM_OK))
        {
            ctx->chosen = chosen;
            ctx->admitted_ms = now;
            ngx_http_llm_hold_fill(ctx, now);
            rc = NGX_OK;

            if (ctx->segment == NULL && ctx->lmcf->journal.len) {
                ctx->lmcf->shared->unjournaled++;
            }

        } else {
            ngx_http_llm_hold_free(ctx->lmcf, ctx->hold);
            ctx->hold = NULL;
        }

    } else {
        refusal->reason = LLM_REFUSE_TOO_BUSY;
    }

    ngx_http_llm_unlock(ctx->lmcf);

    if (rc == NGX_OK) {
        ngx_http_llm_settle_watch(ctx);
        ctx->have_peer = 1;
        return NGX_OK;
    }

    ngx_http_llm_journal_forget(ctx);

    if (refusal->reason != LLM_REFUSE_TOO_BUSY) {
        ngx_http_llm_shortage(ctx, &shortage, refusal, now);
    }

    return rc;
}


ngx_int_t
ngx_http_llm_admit_next(ngx_http_llm_ctx_t *ctx)
{
    int64_t         now;
    unsigned        chosen;
    ngx_int_t       rc;
    llm_shortage_t  shortage;

    if (ctx->nattempts >= ctx->llcf->tries
        || ctx->nattempts >= NGX_HTTP_LLM_ATTEMPTS_MAX
        || (ngx_msec_int_t) (ctx->deadline - ngx_current_msec) <= 0)
    {
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    ngx_http_llm_lock(ctx->lmcf);

    now = ngx_http_llm_zone_now(ctx->lmcf);

    ngx_http_llm_exclude(ctx, now);
    ctx->candidates[ctx->chosen].excluded = true;

    if (llm_ledger_move(&ctx->hold->hold, ctx->tenants, ctx->ntenants,
                        ctx->candidates, ctx->nchoices, now, &chosen,
                        &shortage)
        == LLM_OK)
    {
        ctx->chosen = chosen;
        ngx_http_llm_hold_fill(ctx, now);
        rc = NGX_OK;
    }

    ngx_http_llm_unlock(ctx->lmcf);

    if (rc == NGX_OK) {
        ctx->have_peer = 1;
    }

    return rc;
}


/* before the lock is taken, because it is all computing */

static void
ngx_http_llm_learned_keys(ngx_http_llm_ctx_t *ctx)
{
    uint64_t                key;
    ngx_uint_t              i;
    ngx_http_llm_choice_t  *choice;

    key = ngx_crc32_long(ctx->key->name.data, ctx->key->name.len);

    for (i = 0; i < ctx->nchoices; i++) {
        choice = &ctx->choices[i];

        if (i > 0 && choice->model.data == choice[-1].model.data
            && choice->model.len == choice[-1].model.len)
        {
            choice->learned = choice[-1].learned;
            continue;
        }

        choice->learned = key << 32
                          | ngx_crc32_long((u_char *) choice->model.data,
                                           choice->model.len);
    }
}


llm_learned_t *
ngx_http_llm_learned(ngx_http_llm_ctx_t *ctx,
    const ngx_http_llm_choice_t *choice, int64_t now)
{
    return llm_learned_find(ctx->lmcf->shared->learned, NGX_HTTP_LLM_LEARNED,
                            choice->learned, now);
}


static void
ngx_http_llm_needs(ngx_http_llm_ctx_t *ctx, int64_t now)
{
    ngx_uint_t              i;
    ngx_http_llm_choice_t  *choice;

    for (i = 0; i < ctx->nchoices; i++) {
        choice = &ctx->choices[i];

        llm_estimate(&ctx->candidates[i].need, ctx->envelope,
                     choice->priced ? &choice->price : NULL,
                     ngx_http_llm_learned(ctx, choice, now));

        if (choice->price.free) {
            /* a count of tokens: one request, and nothing else */
            ngx_memzero(&ctx->candidates[i].need, sizeof(llm_need_t));
            ctx->candidates[i].need.expected.requests = 1;
            ctx->candidates[i].need.worst.requests = 1;
        }
    }
}


static ngx_uint_t
ngx_http_llm_credentials_valid(ngx_http_llm_slot_t *slot, int64_t now)
{
    return slot->credentials.generation
           && (slot->credentials.expires_ms == 0
               || slot->credentials.expires_ms > now);
}


static ngx_uint_t
ngx_http_llm_usable(ngx_http_llm_slot_t *slot, int64_t now)
{
    return slot->naddresses && ngx_http_llm_credentials_valid(slot, now);
}


static ngx_uint_t
ngx_http_llm_credentialed(ngx_http_llm_ctx_t *ctx, int64_t now)
{
    ngx_uint_t  i;

    for (i = 0; i < ctx->nchoices; i++) {
        if (ngx_http_llm_credentials_valid(ctx->choices[i].provider->slot,
                                           now))
        {
            return 1;
        }
    }

    return 0;
}


/* All candidates rest: like nginx with the servers of an upstream, the one that
 * rests for the shortest time is tried all the same.  To answer for a provider
 * that nothing can replace would help nobody. */

static ngx_uint_t
ngx_http_llm_least_bad(ngx_http_llm_ctx_t *ctx, int64_t now)
{
    ngx_uint_t            i, best;
    ngx_http_llm_slot_t  *slot;

    best = ctx->nchoices;

    for (i = 0; i < ctx->nchoices; i++) {
        slot = ctx->choices[i].provider->slot;

        if (ctx->choices[i].provider->governed
            || !ngx_http_llm_usable(slot, now))
        {
            continue;
        }

        if (best == ctx->nchoices
            || slot->health.open_until_ms
               < ctx->choices[best].provider->slot->health.open_until_ms)
        {
            best = i;
        }
    }

    if (best == ctx->nchoices) {
        return 0;
    }

    ctx->candidates[best].excluded = false;

    return 1;
}


/* resting providers, those without credentials or address, those tried */

static void
ngx_http_llm_exclude(ngx_http_llm_ctx_t *ctx, int64_t now)
{
    ngx_uint_t                i, k;
    ngx_http_llm_slot_t      *slot;
    ngx_http_llm_provider_t  *provider;

    for (i = 0; i < ctx->nchoices; i++) {
        provider = ctx->choices[i].provider;
        slot = provider->slot;

        if (provider->governed) {
            continue;
        }

        ctx->candidates[i].excluded =
            llm_health_state(&slot->health, now) == LLM_HEALTH_RESTING
            || !ngx_http_llm_usable(slot, now);

        for (k = 0; k < ctx->nattempts; k++) {
            if (ctx->attempts[k].provider == provider) {
                ctx->candidates[i].excluded = true;
            }
        }
    }
}


static void
ngx_http_llm_hold_fill(ngx_http_llm_ctx_t *ctx, int64_t now)
{
    size_t                  len;
    ngx_http_llm_hold_t    *hold;
    ngx_http_llm_choice_t  *choice;
    const llm_amounts_t    *expected;

    hold = ctx->hold;
    choice = &ctx->choices[ctx->chosen];
    expected = &ctx->candidates[ctx->chosen].need.expected;

    if (hold->started_ms == 0) {
        hold->started_ms = now;
    }

    ctx->provider_ms = now;
    ctx->begun = 0;

    hold->estimated_cost = expected->cost;
    hold->estimated.input = expected->input_tokens;
    hold->estimated.output = expected->output_tokens;

    ctx->raise_at = (uint64_t) expected->output_tokens * 4
                    + NGX_HTTP_LLM_RAISE_STEP;

    len = ngx_min(choice->model.len, NGX_HTTP_LLM_MODEL_SIZE);

    hold->labels.virtual_key = ctx->key->account;
    hold->labels.provider = choice->provider->slot->account;
    hold->labels.api = ctx->api;
    hold->labels.model_len = len;
    ngx_memcpy(hold->labels.model, choice->model.data, len);

    if (!choice->provider->governed
        && llm_health_state(&choice->provider->slot->health, now)
           == LLM_HEALTH_PROBE)
    {
        llm_health_probe(&choice->provider->slot->health, now,
                         NGX_HTTP_LLM_PROBE);
    }
}


static const struct {
    llm_metric_t           metric;
    llm_refusal_reason_t   reason;
} ngx_http_llm_shortages[] = {
    { LLM_METRIC_COST, LLM_REFUSE_BUDGET },
    { LLM_METRIC_REQUESTS, LLM_REFUSE_REQUESTS },
    { LLM_METRIC_TOKENS, LLM_REFUSE_TOKENS },
    { LLM_METRIC_INPUT_TOKENS, LLM_REFUSE_INPUT_TOKENS },
    { LLM_METRIC_OUTPUT_TOKENS, LLM_REFUSE_OUTPUT_TOKENS },
    { LLM_METRIC_CONCURRENCY, LLM_REFUSE_CONCURRENCY }
};


static void
ngx_http_llm_shortage(ngx_http_llm_ctx_t *ctx, const llm_shortage_t *shortage,
    llm_refusal_t *refusal, int64_t now)
{
    char                 *window;
    ngx_uint_t            i;
    const llm_account_t  *account;

    account = shortage->account;

    if (account == NULL) {
        refusal->reason = LLM_REFUSE_NO_PROVIDER;
        refusal->retry_after = 5;

        if (!ngx_http_llm_credentialed(ctx, now)) {
            refusal->message = llm_str("The gateway has no valid credentials "
                                       "for its provider just now; they are "
                                       "being fetched.");
        }

        return;
    }

    for (i = 0; ngx_http_llm_shortages[i].metric != shortage->limit->metric;
         i++)
    {
        /* void */
    }

    refusal->reason = ngx_http_llm_shortages[i].reason;

    /* a name is never changed, so it may be read without the lock */

    refusal->account.data = account->name;
    refusal->account.len = account->name_len;

    refusal->scope =
        account->kind == LLM_ACCOUNT_CUSTOMER ? llm_str("customer")
        : account->kind == LLM_ACCOUNT_TEAM ? llm_str("team")
        : account->kind == LLM_ACCOUNT_VIRTUAL_KEY ? llm_str("virtual key")
                                                   : llm_str("provider");

    refusal->limit = shortage->limit->amount;
    refusal->spent = shortage->spent;
    refusal->held = shortage->held;
    refusal->need = shortage->need;
    refusal->reset_ms = shortage->reset_ms;

    if (shortage->reset_ms > now) {
        refusal->retry_after = (shortage->reset_ms - now + 999) / 1000;

    } else if (refusal->reason != LLM_REFUSE_BUDGET) {
        refusal->retry_after = 1;
    }

    if (shortage->limit->metric == LLM_METRIC_CONCURRENCY
        || shortage->limit->window.unit == LLM_WINDOW_FOREVER)
    {
        return;
    }

    window = ngx_pnalloc(ctx->request->pool, 16);

    if (window) {
        refusal->window.data = window;
        refusal->window.len = llm_window_text(shortage->limit->window, window);
    }
}
