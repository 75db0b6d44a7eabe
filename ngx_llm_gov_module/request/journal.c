/*
 * Records of the journal: an attempt's before it is sent, the final one before
 * the ledger is settled.  Nothing here allocates, waits or makes a system call.
 */

#include "journal.h"


/* rows of refusals in a second: a storm of retries must not fill the journal */
#define NGX_HTTP_LLM_REFUSED_ROWS  100


/* of this process: where a record is made */
typedef struct {
    llm_row_t                   row;
    u_char                      record[LLM_ROW_MAX];

    time_t                      second;     /* of the rows of refusals … */
    ngx_uint_t                  refused;    /* … and how many there were */
} ngx_http_llm_journal_t;


static ngx_int_t ngx_http_llm_journal_reserve(ngx_http_llm_segment_t *segment,
    size_t bound);
static void ngx_http_llm_journal_unreserve_first(ngx_http_llm_ctx_t *ctx);
static ngx_uint_t ngx_http_llm_journal_spare(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_segment_t *segment);
static ngx_int_t ngx_http_llm_journal_write(ngx_http_llm_segment_t *segment,
    llm_journal_kind_t kind);


static ngx_http_llm_journal_t  ngx_http_llm_journal;


ngx_int_t
ngx_http_llm_journal_admit(ngx_http_llm_ctx_t *ctx)
{
    size_t                   bound;
    ngx_http_llm_segment_t  *segment;

    if (ctx->lmcf->journal.len == 0) {
        return NGX_OK;
    }

    segment = ngx_http_llm_segment_get();

    if (segment != NULL) {
        bound = ngx_http_llm_row_bound(ctx);

        if (ngx_http_llm_journal_reserve(segment, bound) == NGX_OK) {
            ctx->segment = segment;
            ctx->reserved = bound;
            ctx->reserved_first = 1;
            segment->under_way++;

            if (ngx_http_llm_journal_spare(ctx, segment)) {
                ngx_http_llm_segment_works();
            }

            return NGX_OK;
        }

        ngx_http_llm_segment_full();
    }

    return ngx_http_llm_segment_optional() ? NGX_OK : NGX_DECLINED;
}


/* for the first record and for the last one: what is sent without the first
 * would be lost with its process */

static ngx_int_t
ngx_http_llm_journal_reserve(ngx_http_llm_segment_t *segment, size_t bound)
{
    if (llm_journal_reserve(segment->journal, bound) != LLM_OK) {
        return NGX_DECLINED;
    }

    if (llm_journal_reserve(segment->journal, bound) != LLM_OK) {
        llm_journal_unreserve(segment->journal, bound);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* its record follows, or none */

static void
ngx_http_llm_journal_unreserve_first(ngx_http_llm_ctx_t *ctx)
{
    if (ctx->reserved_first) {
        llm_journal_unreserve(ctx->segment->journal, ctx->reserved);
        ctx->reserved_first = 0;
    }
}


void
ngx_http_llm_journal_forget(ngx_http_llm_ctx_t *ctx)
{
    if (ctx->segment == NULL) {
        return;
    }

    ngx_http_llm_journal_unreserve_first(ctx);

    if (ctx->reserved) {
        llm_journal_unreserve(ctx->segment->journal, ctx->reserved);
        ctx->reserved = 0;
    }

    ngx_http_llm_segment_done(ctx->segment);
    ctx->segment = NULL;
}


/* Is it less than half full?  Room is what one record could have, and the rest
 * may lie in two pieces. */

static ngx_uint_t
ngx_http_llm_journal_spare(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_segment_t *segment)
{
    return llm_journal_room(segment->journal) >= ctx->lmcf->journal_size / 4;
}


static ngx_int_t
ngx_http_llm_journal_write(ngx_http_llm_segment_t *segment,
    llm_journal_kind_t kind)
{
    size_t                   len;
    ngx_http_llm_journal_t  *j;

    j = &ngx_http_llm_journal;

    len = llm_row_encode(&j->row, j->record, sizeof(j->record));

    return llm_journal_append(segment->journal, kind, j->record, len) == LLM_OK
           ? NGX_OK : NGX_DECLINED;
}


/* what is charged is what the posting says, which has bounds */

static void
ngx_http_llm_journal_attempt(ngx_http_llm_attempt_t *attempt,
    const llm_posting_t *posting)
{
    attempt->cost = posting->amounts.cost;
    attempt->input_tokens = posting->amounts.input_tokens;
    attempt->output_tokens = posting->amounts.output_tokens;
    attempt->ended_ms = posting->at_ms;
}


static const llm_posting_t *
ngx_http_llm_journal_prepare(ngx_http_llm_ctx_t *ctx,
    const llm_amounts_t *amounts, int64_t at_ms)
{
    llm_account_t  *provider;

    provider = ctx->choices[ctx->chosen].provider->slot->account;

    if (ctx->segment == NULL) {
        return llm_ledger_prepare(&ctx->hold->hold, provider, amounts, at_ms,
                                  0, 0);
    }

    return llm_ledger_prepare(&ctx->hold->hold, provider, amounts, at_ms,
                              llm_journal_id(ctx->segment->journal),
                              llm_journal_position(ctx->segment->journal));
}


ngx_int_t
ngx_http_llm_journal_hold(ngx_http_llm_ctx_t *ctx,
    const llm_amounts_t *amounts, int64_t at_ms)
{
    const llm_posting_t  *posting;

    posting = ngx_http_llm_journal_prepare(ctx, amounts, at_ms);

    ngx_http_llm_journal_attempt(&ctx->attempts[ctx->nattempts - 1], posting);

    if (ctx->segment != NULL) {
        ngx_http_llm_row_hold(ctx, &ngx_http_llm_journal.row, at_ms);
        ngx_http_llm_journal_unreserve_first(ctx);

        if (ngx_http_llm_journal_write(ctx->segment, LLM_JOURNAL_HOLD)
            != NGX_OK)
        {
            llm_ledger_cancel(&ctx->hold->hold);
            return NGX_DECLINED;
        }
    }

    llm_ledger_commit(&ctx->hold->hold);

    return NGX_OK;
}


void
ngx_http_llm_journal_settle(ngx_http_llm_ctx_t *ctx,
    const llm_amounts_t *amounts, int64_t at_ms)
{
    const llm_posting_t     *posting;
    ngx_http_llm_attempt_t  *attempt;

    if (ctx->segment != NULL) {
        ngx_http_llm_content_write(ctx);
    }

    posting = ngx_http_llm_journal_prepare(ctx, amounts, at_ms);

    if (ctx->begun) {
        attempt = &ctx->attempts[ctx->nattempts - 1];

        if (!attempt->doubted) {
            ngx_http_llm_journal_attempt(attempt, posting);
        }
    }

    if (ctx->segment != NULL) {
        ngx_http_llm_row(ctx, &ngx_http_llm_journal.row, at_ms);

        ngx_http_llm_journal_unreserve_first(ctx);
        llm_journal_unreserve(ctx->segment->journal, ctx->reserved);
        ctx->reserved = 0;

        if (ngx_http_llm_journal_write(ctx->segment, LLM_JOURNAL_SETTLE)
            != NGX_OK)
        {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                          "llm request %s did not fit into the room that was "
                          "kept for it: the store will have it as estimated",
                          ctx->id);
        }
    }

    llm_ledger_commit(&ctx->hold->hold);

    ngx_http_llm_journal_forget(ctx);
}


void
ngx_http_llm_journal_refused(ngx_http_llm_ctx_t *ctx,
    const llm_refusal_t *refusal, const llm_reply_t *reply)
{
    llm_buf_t                sentence;
    ngx_int_t                rc;
    ngx_http_llm_journal_t  *j;
    ngx_http_llm_segment_t  *segment;

    j = &ngx_http_llm_journal;

    if (!ctx->lmcf->log_refusals || ctx->lmcf->journal.len == 0) {
        return;
    }

    if (j->second != ngx_time()) {
        j->second = ngx_time();
        j->refused = 0;
    }

    rc = NGX_DECLINED;

    segment = ngx_http_llm_segment_get();

    if (segment != NULL && j->refused < NGX_HTTP_LLM_REFUSED_ROWS
        && ngx_http_llm_journal_spare(ctx, segment))
    {
        j->refused++;

        llm_buf_init(&sentence, 4096);
        llm_refusal_sentence(&sentence, refusal);

        ngx_http_llm_row_refused(ctx, &j->row, refusal, reply,
                                 (llm_str_t) { sentence.data, sentence.len });

        rc = ngx_http_llm_journal_write(segment, LLM_JOURNAL_SETTLE);

        llm_buf_free(&sentence);
    }

    if (rc != NGX_OK) {
        (void) __sync_fetch_and_add(&ctx->lmcf->shared->unlogged_refusals, 1);
    }
}
