/*
 * Holds in the zone: the requests under way, and what becomes of them when
 * their worker dies.
 */

#include "zone_internal.h"
#include "account.h"


/* more processes than any nginx has workers; the rest waits a second */
#define NGX_HTTP_LLM_PIDS   512

/* holds settled in one critical section */
#define NGX_HTTP_LLM_BATCH  64


typedef struct {
    ngx_http_llm_published_pt   published;
    void                       *data;
} ngx_http_llm_recovery_t;


ngx_http_llm_hold_t *
ngx_http_llm_hold_alloc(ngx_http_llm_main_conf_t *lmcf)
{
    ngx_http_llm_hold_t    *hold;
    ngx_http_llm_shared_t  *shared;

    shared = lmcf->shared;

    hold = ngx_slab_calloc_locked(ngx_http_llm_pool(lmcf),
                                  sizeof(ngx_http_llm_hold_t));
    if (hold == NULL) {
        return NULL;
    }

    hold->pid = ngx_pid;
    hold->started_ms = ngx_http_llm_now();
    hold->id = shared->epoch + ++shared->minted;
    hold->hold.redo = &shared->redo;

    ngx_queue_insert_tail(&shared->holds, &hold->queue);
    shared->nholds++;

    return hold;
}


void
ngx_http_llm_hold_free(ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_hold_t *hold)
{
    ngx_queue_remove(&hold->queue);
    lmcf->shared->nholds--;

    ngx_slab_free_locked(ngx_http_llm_pool(lmcf), hold);
}


static ngx_uint_t
ngx_http_llm_pid_listed(ngx_pid_t *pids, ngx_uint_t n, ngx_pid_t pid)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (pids[i] == pid) {
            return 1;
        }
    }

    return 0;
}


/* the processes that have holds */
static ngx_uint_t
ngx_http_llm_holds_pids(ngx_http_llm_main_conf_t *lmcf, ngx_pid_t *pids)
{
    ngx_pid_t             last;
    ngx_uint_t            n;
    ngx_queue_t          *q;
    ngx_http_llm_hold_t  *hold;

    n = 0;
    last = NGX_INVALID_PID;

    ngx_http_llm_lock(lmcf);

    for (q = ngx_queue_head(&lmcf->shared->holds);
         q != ngx_queue_sentinel(&lmcf->shared->holds)
         && n < NGX_HTTP_LLM_PIDS;
         q = ngx_queue_next(q))
    {
        hold = ngx_queue_data(q, ngx_http_llm_hold_t, queue);

        if (hold->pid != last
            && !ngx_http_llm_pid_listed(pids, n, hold->pid))
        {
            pids[n++] = hold->pid;
        }

        last = hold->pid;
    }

    ngx_http_llm_unlock(lmcf);

    return n;
}


/* keeps the dead ones of the list */
static ngx_uint_t
ngx_http_llm_pids_dead(ngx_pid_t *pids, ngx_uint_t n)
{
    ngx_uint_t  i, dead;

    dead = 0;

    for (i = 0; i < n; i++) {
        if (kill(pids[i], 0) == -1 && ngx_errno == NGX_ESRCH) {
            pids[dead++] = pids[i];
        }
    }

    return dead;
}


/* the worker may have died between writing a record and noting it */
static void
ngx_http_llm_hold_commit(ngx_http_llm_hold_t *hold,
    const ngx_http_llm_recovery_t *recovery)
{
    const llm_posting_t  *posting;

    posting = llm_ledger_prepared(&hold->hold);

    if (posting != NULL && recovery->published != NULL
        && recovery->published(posting->journal, posting->position,
                               recovery->data))
    {
        llm_ledger_commit(&hold->hold);
    }
}


/* What was sent is charged as estimated: never a refund on doubt. */
static void
ngx_http_llm_hold_recover(ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_hold_t *hold, const ngx_http_llm_recovery_t *recovery)
{
    ngx_uint_t            charged;
    llm_usage_t           usage;
    llm_outcome_t         outcome;
    const llm_posting_t  *posting;

    ngx_http_llm_hold_commit(hold, recovery);

    posting = &hold->hold.postings[hold->hold.current];
    charged = (posting->serial != 0
               && hold->hold.paid <= hold->hold.ntenants);

    ngx_memzero(&usage, sizeof(llm_usage_t));
    outcome = LLM_OUTCOME_PROVIDER_ERROR;

    if (charged) {
        usage.input = posting->amounts.input_tokens;
        usage.output = posting->amounts.output_tokens;
        outcome = LLM_OUTCOME_ESTIMATED;
    }

    llm_ledger_recover(&hold->hold);

    if (hold->labels.virtual_key != NULL) {
        llm_series_add(lmcf->shared->series, &hold->labels, outcome, &usage,
                       charged ? posting->amounts.cost : 0,
                       hold->sent ? 1 : 0);
    }

    lmcf->shared->recovered++;

    ngx_http_llm_hold_free(lmcf, hold);
}


/* settles some of the holds of dead processes; returns how many */
static ngx_uint_t
ngx_http_llm_holds_batch(ngx_http_llm_main_conf_t *lmcf, ngx_pid_t *dead,
    ngx_uint_t ndead, const ngx_http_llm_recovery_t *recovery)
{
    ngx_uint_t            n;
    ngx_queue_t          *q, *next;
    ngx_http_llm_hold_t  *hold;

    n = 0;

    ngx_http_llm_lock(lmcf);

    for (q = ngx_queue_head(&lmcf->shared->holds);
         q != ngx_queue_sentinel(&lmcf->shared->holds)
         && n < NGX_HTTP_LLM_BATCH;
         q = next)
    {
        next = ngx_queue_next(q);
        hold = ngx_queue_data(q, ngx_http_llm_hold_t, queue);

        if (ngx_http_llm_pid_listed(dead, ndead, hold->pid)) {
            ngx_http_llm_hold_recover(lmcf, hold, recovery);
            n++;
        }
    }

    ngx_http_llm_unlock(lmcf);

    return n;
}


/*
 * A process may have died in the middle of a critical section, with its hold
 * at some of its accounts only; taking it away from all of them took part of
 * what others hold.  So their sums are made anew from the holds that are left.
 */
static void
ngx_http_llm_holds_recount(ngx_http_llm_main_conf_t *lmcf)
{
    ngx_uint_t            i, pass;
    ngx_queue_t          *q, *holds;
    llm_account_t        *account;
    ngx_http_llm_hold_t  *hold;

    holds = &lmcf->shared->holds;

    ngx_http_llm_lock(lmcf);

    for (pass = 0; pass < 2; pass++) {

        for (q = ngx_queue_head(holds);
             q != ngx_queue_sentinel(holds);
             q = ngx_queue_next(q))
        {
            hold = ngx_queue_data(q, ngx_http_llm_hold_t, queue);

            for (i = 0; i < hold->hold.naccounts; i++) {
                account = hold->hold.accounts[i];

                if (pass == 1) {
                    llm_account_hold(account, &hold->hold.need);
                    continue;
                }

                ngx_memzero(&account->held, sizeof(llm_amounts_t));
                ngx_memzero(&account->held_worst, sizeof(llm_amounts_t));
            }
        }
    }

    ngx_http_llm_unlock(lmcf);
}


ngx_uint_t
ngx_http_llm_holds_recover(ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_published_pt published, void *data)
{
    ngx_pid_t                pids[NGX_HTTP_LLM_PIDS];
    ngx_uint_t               n, ndead, total;
    ngx_http_llm_recovery_t  recovery;

    if (lmcf->shared == NULL) {
        return 0;
    }

    n = ngx_http_llm_holds_pids(lmcf, pids);
    ndead = ngx_http_llm_pids_dead(pids, n);

    if (ndead == 0) {
        return 0;
    }

    total = 0;
    recovery.published = published;
    recovery.data = data;

    do {
        n = ngx_http_llm_holds_batch(lmcf, pids, ndead, &recovery);
        total += n;
    } while (n == NGX_HTTP_LLM_BATCH);

    if (total > 0) {
        ngx_http_llm_holds_recount(lmcf);
    }

    return total;
}
