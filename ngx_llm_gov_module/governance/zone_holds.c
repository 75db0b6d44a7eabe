/*
 * Holds in the zone: the requests under way, and what becomes of them when
 * their worker dies.
 */

#include "zone_internal.h"
#include "account.h"


/* more processes than any nginx has workers; the rest waits a second */
#define NGX_HTTP_LLM_OWNERS  512

/* holds settled in one critical section */
#define NGX_HTTP_LLM_BATCH  64

/* in /proc/<pid>/stat: when it was started, behind the name */
#define NGX_HTTP_LLM_BORN   20


/* a process that has holds */
typedef struct {
    ngx_pid_t   pid;
    uint64_t    born;
} ngx_http_llm_owner_t;


static uint64_t  ngx_http_llm_born;


/* in clock ticks since the machine was started; 0: not known, or it is gone */
static uint64_t
ngx_http_llm_owner_born(ngx_pid_t pid)
{
    int          fd;
    char         name[32], text[1024], *p;
    ssize_t      n;
    ngx_uint_t   i;

    (void) ngx_sprintf((u_char *) name, "/proc/%P/stat%Z", pid);

    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }

    n = read(fd, text, sizeof(text) - 1);
    (void) close(fd);

    if (n <= 0) {
        return 0;
    }

    text[n] = '\0';

    /* the name may hold anything */

    p = strrchr(text, ')');

    for (i = 0; p != NULL && i < NGX_HTTP_LLM_BORN; i++) {
        p = strchr(p + 1, ' ');
    }

    return (p == NULL) ? 0 : strtoull(p, NULL, 10);
}


void
ngx_http_llm_holds_init(void)
{
    ngx_http_llm_born = ngx_http_llm_owner_born(ngx_pid);
}


void
ngx_http_llm_holds_redo(ngx_http_llm_shared_t *shared)
{
    ngx_http_llm_relink_t  *link;

    link = &shared->relink;

    if (link->prev == NULL) {
        return;
    }

    link->prev->next = (link->hold != NULL) ? link->hold : link->next;
    link->next->prev = (link->hold != NULL) ? link->hold : link->prev;
    shared->nholds = link->nholds;

    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    link->prev = NULL;
}


/* what is between `prev` and `next` from now on; NULL: nothing */
static void
ngx_http_llm_holds_link(ngx_http_llm_shared_t *shared, ngx_queue_t *prev,
    ngx_queue_t *next, ngx_queue_t *hold)
{
    ngx_http_llm_relink_t  *link;

    link = &shared->relink;

    link->next = next;
    link->hold = hold;
    link->nholds = shared->nholds + ((hold != NULL) ? 1 : -1);

    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    link->prev = prev;

    ngx_http_llm_holds_redo(shared);
}


ngx_http_llm_hold_t *
ngx_http_llm_hold_alloc(ngx_http_llm_main_conf_t *lmcf)
{
    ngx_queue_t            *last;
    ngx_http_llm_hold_t    *hold;
    ngx_http_llm_shared_t  *shared;

    shared = lmcf->shared;

    if (shared->spare_holds != NULL) {
        hold = ngx_queue_data(shared->spare_holds, ngx_http_llm_hold_t, queue);
        shared->spare_holds = hold->queue.next;
        ngx_memzero(hold, sizeof(ngx_http_llm_hold_t));

    } else {
        hold = ngx_slab_calloc_locked(ngx_http_llm_pool(lmcf),
                                      sizeof(ngx_http_llm_hold_t));
        if (hold == NULL) {
            return NULL;
        }
    }

    hold->pid = ngx_pid;
    hold->born = ngx_http_llm_born;
    hold->started_ms = ngx_http_llm_now();
    hold->id = shared->epoch + ++shared->minted;
    hold->hold.redo = &shared->redo;

    last = ngx_queue_last(&shared->holds);
    hold->queue.prev = last;
    hold->queue.next = &shared->holds;

    ngx_http_llm_holds_link(shared, last, &shared->holds, &hold->queue);

    return hold;
}


void
ngx_http_llm_hold_free(ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_hold_t *hold)
{
    ngx_http_llm_shared_t  *shared;

    shared = lmcf->shared;

    ngx_http_llm_holds_link(shared, hold->queue.prev, hold->queue.next, NULL);

    hold->queue.next = shared->spare_holds;
    shared->spare_holds = &hold->queue;
}


static ngx_uint_t
ngx_http_llm_owner_listed(ngx_http_llm_owner_t *owners, ngx_uint_t n,
    const ngx_http_llm_hold_t *hold)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (owners[i].pid == hold->pid && owners[i].born == hold->born) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_llm_holds_owners(ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_owner_t *owners)
{
    ngx_uint_t            n;
    ngx_queue_t          *q;
    ngx_http_llm_hold_t  *hold;

    n = 0;

    ngx_http_llm_lock(lmcf);

    for (q = ngx_queue_head(&lmcf->shared->holds);
         q != ngx_queue_sentinel(&lmcf->shared->holds)
         && n < NGX_HTTP_LLM_OWNERS;
         q = ngx_queue_next(q))
    {
        hold = ngx_queue_data(q, ngx_http_llm_hold_t, queue);

        if (!ngx_http_llm_owner_listed(owners, n, hold)) {
            owners[n].pid = hold->pid;
            owners[n++].born = hold->born;
        }
    }

    ngx_http_llm_unlock(lmcf);

    return n;
}


/* is it gone?  Its pid may be another process's by now. */
static ngx_uint_t
ngx_http_llm_owner_gone(const ngx_http_llm_owner_t *owner)
{
    uint64_t  born;

    if (kill(owner->pid, 0) == -1 && ngx_errno == NGX_ESRCH) {
        return 1;
    }

    born = ngx_http_llm_owner_born(owner->pid);

    return born != 0 && owner->born != 0 && born != owner->born;
}


/* keeps those of the list that are gone */
static ngx_uint_t
ngx_http_llm_owners_gone(ngx_http_llm_owner_t *owners, ngx_uint_t n)
{
    ngx_uint_t  i, gone;

    gone = 0;

    for (i = 0; i < n; i++) {
        if (ngx_http_llm_owner_gone(&owners[i])) {
            owners[gone++] = owners[i];
        }
    }

    return gone;
}


/* the worker may have died between writing a record and noting it */
static void
ngx_http_llm_hold_commit(ngx_http_llm_hold_t *hold,
    const ngx_http_llm_recovery_t *recovery)
{
    const llm_posting_t  *posting;

    posting = llm_ledger_prepared(&hold->hold);

    if (posting != NULL && recovery != NULL
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
               && posting->paid <= hold->hold.ntenants);

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


/* settles some of the holds of processes that are gone; returns how many */
static ngx_uint_t
ngx_http_llm_holds_batch(ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_owner_t *gone, ngx_uint_t ngone,
    const ngx_http_llm_recovery_t *recovery)
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

        if (ngx_http_llm_owner_listed(gone, ngone, hold)) {
            lmcf->shared->recount = 1;
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

    lmcf->shared->recount = 0;

    ngx_http_llm_unlock(lmcf);
}


ngx_uint_t
ngx_http_llm_holds_recover(ngx_http_llm_main_conf_t *lmcf,
    const ngx_http_llm_recovery_t *recovery)
{
    ngx_uint_t            n, ngone, total;
    ngx_http_llm_owner_t  owners[NGX_HTTP_LLM_OWNERS];

    if (lmcf->shared == NULL) {
        return 0;
    }

    total = 0;

    n = ngx_http_llm_holds_owners(lmcf, owners);
    ngone = ngx_http_llm_owners_gone(owners, n);

    if (ngone > 0 && recovery != NULL) {

        /* now that they write no more: a file that was not there before may be
         * theirs */

        recovery->look(recovery->data);
    }

    do {
        n = (ngone > 0) ? ngx_http_llm_holds_batch(lmcf, owners, ngone,
                                                   recovery)
                        : 0;
        total += n;
    } while (n == NGX_HTTP_LLM_BATCH);

    /* who began it before may have been killed */

    if (lmcf->shared->recount) {
        ngx_http_llm_holds_recount(lmcf);
    }

    return total;
}
