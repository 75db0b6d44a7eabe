/*
 * This worker's segment of the journal: an attempt's record before it is sent,
 * the final one before the ledger is settled.  Nothing here allocates, waits or
 * makes a system call, but for finding a segment.
 */

#include "journal.h"


#define NGX_HTTP_LLM_CLAIM_MS       250

/* rows of refusals in a second: a storm of retries must not fill the journal */
#define NGX_HTTP_LLM_REFUSED_ROWS   100


/* of this process */
typedef struct {
    ngx_http_llm_main_conf_t   *lmcf;
    llm_journal_t              *journal;    /* NULL: none could be claimed */
    ngx_event_t                 timer;      /* tries again */
#if (NGX_THREADS)
    ngx_thread_task_t          *task;
#endif
    llm_journal_t              *claimed;    /* by the thread, or its error */
    char                        error[LLM_JOURNAL_ERROR];

    time_t                      second;     /* of the rows of refusals … */
    ngx_uint_t                  refused;    /* … and how many there were */

    unsigned                    failing:1;

    /* a record is made here */
    llm_row_t                   row;
    u_char                      record[LLM_ROW_MAX];
} ngx_http_llm_journal_t;


static ngx_http_llm_journal_t  ngx_http_llm_journal;


static void ngx_http_llm_journal_claimed(void);
static void ngx_http_llm_journal_timer(ngx_event_t *ev);
static void ngx_http_llm_journal_failed(const char *error);
static void ngx_http_llm_journal_works(void);
static ngx_int_t ngx_http_llm_journal_write(llm_journal_kind_t kind);
static ngx_uint_t ngx_http_llm_journal_spare(ngx_http_llm_ctx_t *ctx);

#if (NGX_THREADS)
static void ngx_http_llm_journal_thread(void *data, ngx_log_t *log);
static void ngx_http_llm_journal_thread_done(ngx_event_t *ev);
#endif


ngx_int_t
ngx_http_llm_journal_init(ngx_cycle_t *cycle, ngx_http_llm_main_conf_t *lmcf)
{
    ngx_http_llm_journal_t  *j;

    if (lmcf->journal.len == 0
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    j = &ngx_http_llm_journal;

    j->lmcf = lmcf;
    j->timer.handler = ngx_http_llm_journal_timer;
    j->timer.data = j;
    j->timer.log = cycle->log;
    j->timer.cancelable = 1;

#if (NGX_THREADS)
    j->task = ngx_thread_task_alloc(cycle->pool, 0);
    if (j->task == NULL) {
        return NGX_ERROR;
    }

    j->task->handler = ngx_http_llm_journal_thread;
    j->task->event.handler = ngx_http_llm_journal_thread_done;
    j->task->event.log = cycle->log;
#endif

    /* nobody waits for this process yet: here it may take its time */

    j->claimed = llm_journal_claim((char *) lmcf->journal.data,
                                   lmcf->shared->epoch, j->error);
    ngx_http_llm_journal_claimed();

    return NGX_OK;
}


void
ngx_http_llm_journal_exit(void)
{
    if (ngx_http_llm_journal.journal != NULL) {
        llm_journal_release(ngx_http_llm_journal.journal);
        ngx_http_llm_journal.journal = NULL;
    }
}


llm_journal_t *
ngx_http_llm_journal_get(void)
{
    return ngx_http_llm_journal.journal;
}


static void
ngx_http_llm_journal_claimed(void)
{
    ngx_http_llm_journal_t  *j;

    j = &ngx_http_llm_journal;

    if (j->claimed == NULL) {
        ngx_http_llm_journal_failed(j->error);
        ngx_add_timer(&j->timer, NGX_HTTP_LLM_CLAIM_MS);
        return;
    }

    j->journal = j->claimed;
    j->claimed = NULL;

    ngx_http_llm_journal_works();
}


static void
ngx_http_llm_journal_timer(ngx_event_t *ev)
{
    ngx_http_llm_journal_t  *j;

    j = ev->data;

    if (ngx_exiting || ngx_terminate) {
        return;
    }

#if (NGX_THREADS)
    if (j->lmcf->thread_pool != NULL
        && ngx_thread_task_post(j->lmcf->thread_pool, j->task) == NGX_OK)
    {
        return;
    }
#endif

    j->claimed = llm_journal_claim((char *) j->lmcf->journal.data,
                                   j->lmcf->shared->epoch, j->error);
    ngx_http_llm_journal_claimed();
}


#if (NGX_THREADS)

static void
ngx_http_llm_journal_thread(void *data, ngx_log_t *log)
{
    ngx_http_llm_journal_t  *j;

    j = &ngx_http_llm_journal;

    j->claimed = llm_journal_claim((char *) j->lmcf->journal.data,
                                   j->lmcf->shared->epoch, j->error);
}


static void
ngx_http_llm_journal_thread_done(ngx_event_t *ev)
{
    ngx_http_llm_journal_claimed();
}

#endif


/* told once, and in the status as long as it lasts */

static void
ngx_http_llm_journal_failed(const char *error)
{
    ngx_http_llm_journal_t  *j;
    ngx_http_llm_shared_t   *shared;

    j = &ngx_http_llm_journal;
    shared = j->lmcf->shared;

    ngx_http_llm_lock(j->lmcf);

    shared->journal_error_ms = ngx_http_llm_now();
    ngx_cpystrn((u_char *) shared->journal_error, (u_char *) error,
                sizeof(shared->journal_error));

    ngx_http_llm_unlock(j->lmcf);

    if (!j->failing) {
        j->failing = 1;

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "llm_store: %s; new calls are %s", error,
                      ngx_http_llm_journal_optional()
                      ? "let through, and their rows are missing in the log"
                      : "refused until it works again");
    }
}


static void
ngx_http_llm_journal_works(void)
{
    ngx_http_llm_journal_t  *j;

    j = &ngx_http_llm_journal;

    if (!j->failing) {
        return;
    }

    j->failing = 0;

    ngx_http_llm_lock(j->lmcf);
    j->lmcf->shared->journal_error[0] = '\0';
    ngx_http_llm_unlock(j->lmcf);

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "llm_store: the journal is written again");
}


/* without a background process nobody empties it: it is only for trying out */

ngx_uint_t
ngx_http_llm_journal_optional(void)
{
    return ngx_http_llm_journal.lmcf->on_error
               == NGX_HTTP_LLM_ON_ERROR_CONTINUE
           || ngx_process == NGX_PROCESS_SINGLE;
}


ngx_int_t
ngx_http_llm_journal_admit(ngx_http_llm_ctx_t *ctx)
{
    size_t                   bound;
    ngx_http_llm_journal_t  *j;

    ctx->reserved = 0;

    j = &ngx_http_llm_journal;

    if (ctx->lmcf->journal.len == 0) {
        return NGX_OK;
    }

    if (j->journal != NULL) {
        bound = ngx_http_llm_row_bound(ctx);

        /* for the last record, and for the first one, which follows at once */

        if (llm_journal_room(j->journal)
            >= 2 * (bound + LLM_JOURNAL_RECORD + LLM_JOURNAL_ALIGN)
            && llm_journal_reserve(j->journal, bound) == LLM_OK)
        {
            ctx->reserved = bound;

            if (j->failing && ngx_http_llm_journal_spare(ctx)) {
                ngx_http_llm_journal_works();
            }

            return NGX_OK;
        }

        if (!j->failing) {
            ngx_http_llm_journal_failed("the journal is full, as nobody "
                                        "empties it into the store");
        }
    }

    return ngx_http_llm_journal_optional() ? NGX_OK : NGX_DECLINED;
}


void
ngx_http_llm_journal_forget(ngx_http_llm_ctx_t *ctx)
{
    if (ctx->reserved) {
        llm_journal_unreserve(ngx_http_llm_journal.journal, ctx->reserved);
        ctx->reserved = 0;
    }
}


/* Is it less than half full?  Room is what one record could have, and the rest
 * may lie in two pieces. */

static ngx_uint_t
ngx_http_llm_journal_spare(ngx_http_llm_ctx_t *ctx)
{
    return llm_journal_room(ngx_http_llm_journal.journal)
           >= ctx->lmcf->journal_size / 4;
}


static ngx_int_t
ngx_http_llm_journal_write(llm_journal_kind_t kind)
{
    size_t                   len;
    ngx_http_llm_journal_t  *j;

    j = &ngx_http_llm_journal;

    len = llm_row_encode(&j->row, j->record, sizeof(j->record));

    return llm_journal_append(j->journal, kind, j->record, len) == LLM_OK
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
    llm_account_t           *provider;
    ngx_http_llm_journal_t  *j;

    j = &ngx_http_llm_journal;
    provider = ctx->choices[ctx->chosen].provider->slot->account;

    if (!ctx->reserved) {
        return llm_ledger_prepare(&ctx->hold->hold, provider, amounts, at_ms,
                                  0, 0);
    }

    return llm_ledger_prepare(&ctx->hold->hold, provider, amounts, at_ms,
                              llm_journal_id(j->journal),
                              llm_journal_position(j->journal));
}


ngx_int_t
ngx_http_llm_journal_hold(ngx_http_llm_ctx_t *ctx,
    const llm_amounts_t *amounts, int64_t at_ms)
{
    const llm_posting_t  *posting;

    posting = ngx_http_llm_journal_prepare(ctx, amounts, at_ms);

    ngx_http_llm_journal_attempt(&ctx->attempts[ctx->nattempts - 1], posting);

    if (ctx->reserved) {
        ngx_http_llm_row_hold(ctx, &ngx_http_llm_journal.row, at_ms);

        if (ngx_http_llm_journal_write(LLM_JOURNAL_HOLD) != NGX_OK) {
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

    if (ctx->reserved) {
        ngx_http_llm_content_write(ctx);
    }

    posting = ngx_http_llm_journal_prepare(ctx, amounts, at_ms);

    if (ctx->begun) {
        attempt = &ctx->attempts[ctx->nattempts - 1];

        if (!attempt->doubted) {
            ngx_http_llm_journal_attempt(attempt, posting);
        }
    }

    if (ctx->reserved) {
        ngx_http_llm_row(ctx, &ngx_http_llm_journal.row, at_ms);

        ngx_http_llm_journal_forget(ctx);

        if (ngx_http_llm_journal_write(LLM_JOURNAL_SETTLE) != NGX_OK) {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                          "llm request %s did not fit into the room that was "
                          "kept for it: the store will have it as estimated",
                          ctx->id);
        }
    }

    llm_ledger_commit(&ctx->hold->hold);
}


void
ngx_http_llm_journal_refused(ngx_http_llm_ctx_t *ctx,
    const llm_refusal_t *refusal, const llm_reply_t *reply)
{
    llm_buf_t                sentence;
    ngx_int_t                rc;
    ngx_http_llm_journal_t  *j;

    j = &ngx_http_llm_journal;

    if (!ctx->lmcf->log_refusals || ctx->lmcf->journal.len == 0) {
        return;
    }

    if (j->second != ngx_time()) {
        j->second = ngx_time();
        j->refused = 0;
    }

    rc = NGX_DECLINED;

    if (j->journal != NULL && j->refused < NGX_HTTP_LLM_REFUSED_ROWS
        && ngx_http_llm_journal_spare(ctx))
    {
        j->refused++;

        llm_buf_init(&sentence, 4096);
        llm_refusal_sentence(&sentence, refusal);

        ngx_http_llm_row_refused(ctx, &j->row, refusal, reply,
                                 (llm_str_t) { sentence.data, sentence.len });

        rc = ngx_http_llm_journal_write(LLM_JOURNAL_SETTLE);

        llm_buf_free(&sentence);
    }

    if (rc != NGX_OK) {
        (void) __sync_fetch_and_add(&ctx->lmcf->shared->unlogged_refusals, 1);
    }
}
