/*
 * Exactly once for each admitted request, whatever becomes of it: usage ->
 * cost, hold -> charge, metrics.
 */

#include "request.h"


static void ngx_http_llm_settle_handler(void *data);
static llm_attempt_result_t ngx_http_llm_result(ngx_http_llm_ctx_t *ctx);
static void ngx_http_llm_outcome(ngx_http_llm_ctx_t *ctx);
static void ngx_http_llm_estimated(ngx_http_llm_ctx_t *ctx,
    const ngx_http_llm_choice_t *choice);


/* the requests under way in this worker: a worker that is told to stop at once
 * does not finish them, but settles them */
static ngx_queue_t  ngx_http_llm_requests;


ngx_int_t
ngx_http_llm_settle_init(ngx_cycle_t *cycle)
{
    ngx_queue_init(&ngx_http_llm_requests);

    return NGX_OK;
}


void
ngx_http_llm_settle_watch(ngx_http_llm_ctx_t *ctx)
{
    ngx_queue_insert_tail(&ngx_http_llm_requests, &ctx->queue);

    ctx->cleanup->handler = ngx_http_llm_settle_handler;
    ctx->cleanup->data = ctx;
}


/* what was not settled when its upstream ended: there was none, or another
 * module's */

static void
ngx_http_llm_settle_handler(void *data)
{
    ngx_http_llm_ctx_t *ctx = data;

    if (!ctx->settled) {
        ctx->gone |= (ctx->request->connection->error
                      || ctx->request->connection->timedout);
        ngx_http_llm_settle(ctx);
    }
}


void
ngx_http_llm_settle_all(ngx_cycle_t *cycle)
{
    ngx_queue_t         *q;
    ngx_http_llm_ctx_t  *ctx;

    while (ngx_http_llm_requests.next
           && !ngx_queue_empty(&ngx_http_llm_requests))
    {
        q = ngx_queue_head(&ngx_http_llm_requests);
        ctx = ngx_queue_data(q, ngx_http_llm_ctx_t, queue);

        ctx->stopped = 1;
        ngx_http_llm_settle(ctx);
    }
}


void
ngx_http_llm_settle(ngx_http_llm_ctx_t *ctx)
{
    int64_t                 now;
    llm_amounts_t           amounts;
    llm_learned_t          *learned;
    ngx_http_llm_choice_t  *choice;
    ngx_http_llm_labels_t   labels;

    if (ctx->settled) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "llm request %s is settled a second time", ctx->id);
        return;
    }

    ctx->settled = 1;
    ngx_queue_remove(&ctx->queue);

    now = ngx_http_llm_zone_time(ctx->lmcf);
    choice = &ctx->choices[ctx->chosen];

    if (ngx_http_llm_unanswered(ctx)) {
        ctx->in_doubt = 1;
    }

    ngx_http_llm_attempt_end(ctx, ngx_http_llm_result(ctx));
    ngx_http_llm_outcome(ctx);
    ngx_http_llm_amounts(&amounts, &ctx->usage, ctx->cost.total);

    /* first what a crash leaves, then what it does not */

    ngx_http_llm_journal_settle(ctx, &amounts, now);

    ngx_http_llm_lock(ctx->lmcf);

    (void) ngx_http_llm_zone_now(ctx->lmcf);

    labels = ctx->hold->labels;

    (void) llm_ledger_settle(&ctx->hold->hold);

    ngx_http_llm_hold_free(ctx->lmcf, ctx->hold);
    ctx->hold = NULL;

    if (ctx->usage.exact && ctx->cost.total) {
        learned = ngx_http_llm_learned(ctx, choice, now);

        /* pictures are no text: they would teach a wrong ratio */

        llm_learned_add(learned,
                        ctx->envelope->images || ctx->envelope->documents
                        ? 0 : ctx->envelope->text_bytes,
                        llm_usage_input_total(&ctx->usage),
                        ctx->usage.output);
    }

    llm_series_add(ctx->lmcf->shared->series, &labels, ctx->outcome,
                   &ctx->usage, ctx->cost.total + ctx->earlier_cost,
                   ctx->nattempts);

    llm_series_overhead(ctx->lmcf->shared->series, ctx->overhead_ns / 1000);

    if (ctx->meter && ctx->meter->mismatch) {
        ctx->lmcf->shared->series->mismatches++;
    }

    if (ctx->draining && ctx->usage.exact) {
        ctx->lmcf->shared->series->drained++;
    }

    ngx_http_llm_unlock(ctx->lmcf);

    if (ctx->meter && ctx->meter->mismatch) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "llm request %s: the provider reported its usage twice, "
                      "differently; the larger counts", ctx->id);
    }
}


/* of an attempt that has not ended before: of another module's only the status
 * is known */

static llm_attempt_result_t
ngx_http_llm_result(ngx_http_llm_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;

    if (!ctx->governed || (ctx->gone && !ctx->header_sent)) {
        return LLM_ATTEMPT_OK;
    }

    if (ctx->header_sent) {
        return ctx->status.code == 429 ? LLM_ATTEMPT_THROTTLED
               : ctx->status.code >= 500 ? LLM_ATTEMPT_SERVER_ERROR
               : ctx->status.code >= 400 ? LLM_ATTEMPT_CLIENT_ERROR
                                         : LLM_ATTEMPT_OK;
    }

    if (u && u->state && u->state->status == NGX_HTTP_GATEWAY_TIME_OUT) {
        return LLM_ATTEMPT_TIMEOUT;
    }

    return u && u->request_sent ? LLM_ATTEMPT_BROKEN : LLM_ATTEMPT_CONNECT;
}


/* sent as a whole, and still unanswered when it is given up: the provider may
 * bill it */

ngx_uint_t
ngx_http_llm_unanswered(ngx_http_llm_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;

    return u && u->request_body_sent && !ctx->header_sent && ctx->nattempts
           && !ctx->attempts[ctx->nattempts - 1].ended;
}


/* what is charged, and why */

static void
ngx_http_llm_outcome(ngx_http_llm_ctx_t *ctx)
{
    ngx_http_llm_choice_t  *choice;

    choice = &ctx->choices[ctx->chosen];

    ngx_memzero(&ctx->usage, sizeof(llm_usage_t));
    ngx_memzero(&ctx->cost, sizeof(llm_cost_t));

    if (!ctx->header_sent || ctx->meter == NULL) {

        /* the provider gave nothing: released, unless it was still at work
         * when the client, or we, gave up */

        ctx->outcome = (ctx->error && ctx->error->status < 429)
                       ? LLM_OUTCOME_CLIENT_ERROR : LLM_OUTCOME_PROVIDER_ERROR;

        if (ctx->in_doubt) {
            ngx_http_llm_estimated(ctx, choice);
        }

    } else if (ctx->status.code >= 300) {
        ctx->outcome = ctx->status.code < 429 ? LLM_OUTCOME_CLIENT_ERROR
                                              : LLM_OUTCOME_PROVIDER_ERROR;

    } else {
        llm_meter_finish(ctx->meter);
        ctx->usage = ctx->meter->usage;
        ctx->outcome = LLM_OUTCOME_OK;

        if (!ctx->usage.exact) {
            ngx_http_llm_estimated(ctx, choice);
        }
    }

    if (choice->priced) {
        llm_cost(&choice->price, &ctx->usage, &ctx->cost);

    } else if (ctx->outcome == LLM_OUTCOME_OK) {
        ctx->outcome = LLM_OUTCOME_UNPRICED;
    }
}


/* the larger of what was expected and what was seen; never less than what the
 * provider did report */

static void
ngx_http_llm_estimated(ngx_http_llm_ctx_t *ctx,
    const ngx_http_llm_choice_t *choice)
{
    uint64_t      bytes;
    llm_usage_t   seen;

    if (choice->price.free) {
        return;
    }

    ngx_memzero(&seen, sizeof(llm_usage_t));

    bytes = ctx->meter ? ctx->meter->output_bytes : 0;

    ngx_http_llm_lock(ctx->lmcf);
    llm_estimate_observed(&seen, ctx->envelope,
                          ngx_http_llm_learned(ctx, choice,
                                               ngx_http_llm_now()),
                          bytes);
    ngx_http_llm_unlock(ctx->lmcf);

    if (llm_usage_input_total(&ctx->usage) == 0) {
        ctx->usage.input = seen.input;
    }

    ctx->usage.output = ngx_max(ctx->usage.output, seen.output);

    if (ctx->in_doubt) {
        ctx->usage.output = ngx_max(ctx->usage.output,
                                    ctx->hold->estimated.output);
    }

    ctx->outcome = LLM_OUTCOME_ESTIMATED;
}


void
ngx_http_llm_amounts(llm_amounts_t *amounts, const llm_usage_t *usage,
    int64_t cost)
{
    amounts->cost = cost;
    amounts->requests = 0;
    amounts->input_tokens = llm_usage_input_total(usage);
    amounts->output_tokens = usage->output;
}


/* an attempt timed out after it was sent: the provider may bill it */

void
ngx_http_llm_attempt_doubt(ngx_http_llm_ctx_t *ctx)
{
    int64_t                  now;
    llm_amounts_t            amounts;
    ngx_http_llm_hold_t     *hold;
    ngx_http_llm_attempt_t  *attempt;

    hold = ctx->hold;
    attempt = &ctx->attempts[ctx->nattempts - 1];
    now = ngx_http_llm_zone_time(ctx->lmcf);

    ngx_http_llm_amounts(&amounts, &hold->estimated, hold->estimated_cost);

    attempt->doubted = 1;

    if (ngx_http_llm_journal_hold(ctx, &amounts, now) != NGX_OK) {

        /* the last record will tell of it */

        (void) llm_ledger_prepare(&hold->hold, attempt->provider->slot->account,
                                  &amounts, now, 0, 0);
        llm_ledger_commit(&hold->hold);
    }

    ctx->earlier_cost += attempt->cost;

    ngx_http_llm_lock(ctx->lmcf);

    (void) ngx_http_llm_zone_now(ctx->lmcf);

    llm_ledger_charge(&hold->hold);

    ngx_http_llm_unlock(ctx->lmcf);
}
