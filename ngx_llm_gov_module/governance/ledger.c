/*
 * The ledger: what is held, moved, raised and charged in the accounts of one
 * request.
 */

#include "admission.h"


/* one request more, or less, of the account at `i` */
static void
llm_hold_count(llm_hold_t *hold, unsigned i, int64_t requests)
{
    llm_step_t     step;
    llm_amounts_t  amounts;

    memset(&amounts, 0, sizeof(llm_amounts_t));
    amounts.requests = requests;

    step = (llm_step_t) {
        .redo = hold->redo,
        .done = &hold->counted, .value = (requests > 0) ? i + 1 : i,
        .at_ms = hold->counted_ms,
        .present = (requests > 0),
        .unjournaled = hold->unjournaled
    };

    llm_account_step(hold->accounts[i], &amounts, &step);
}


/* takes what the chosen candidate needs from every tier */
static void
llm_hold_place(llm_hold_t *hold, const llm_admission_t *admission,
    const llm_candidate_t *chosen)
{
    unsigned  i, first;

    /* what is counted again comes last: in this order it is never taken back
     * from an account that did not count it */

    first = admission->again ? admission->ntenants : 0;
    hold->counted = first;
    hold->told = first;

    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    hold->counted_ms = admission->now_ms;
    hold->need = llm_candidate_need(chosen);
    hold->ntenants = admission->ntenants;
    hold->accounts[admission->ntenants] = chosen->provider.account;

    for (i = 0; i < admission->ntenants; i++) {
        hold->accounts[i] = admission->tenants[i].account;
    }

    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    hold->naccounts = admission->ntenants + 1;

    for (i = 0; i < hold->naccounts; i++) {
        llm_account_hold(hold->accounts[i], &hold->need);
    }

    for (i = first; i < hold->naccounts; i++) {
        llm_hold_count(hold, i, 1);
    }
}


/* why nothing was found: a tenant's limit before a provider's */
static void
llm_admission_refuse(const llm_admission_t *admission,
    llm_shortage_t *shortage)
{
    unsigned        i;
    llm_account_t  *account;

    *shortage = (admission->tenant.account != NULL) ? admission->tenant
                                                    : admission->provider;

    for (i = 0; i < admission->ntenants + admission->ncandidates; i++) {
        account = (i < admission->ntenants)
                  ? admission->tenants[i].account
                  : admission->candidates[i - admission->ntenants]
                    .provider.account;

        if (account == shortage->account) {
            account->refused++;
            return;
        }
    }
}


static int
llm_ledger_try(llm_hold_t *hold, llm_admission_t *admission,
    unsigned *chosen, llm_shortage_t *shortage)
{
    unsigned    i;
    llm_need_t  need;

    /* first what no candidate could change: the short way for a storm of
     * retries, and the right answer when every provider rests */

    memset(&need, 0, sizeof(llm_need_t));

    if (admission->ncandidates > 0) {
        need.expected = admission->candidates[0].need.expected;
    }

    i = admission->ncandidates;

    if (llm_tenants_room(admission, admission->again ? LLM_LIMITS_AGAIN
                                                     : LLM_LIMITS_ALL,
                         &need))
    {
        i = llm_candidates_choose(admission);
    }

    if (i == admission->ncandidates) {
        llm_admission_refuse(admission, shortage);
        return LLM_ERROR;
    }

    llm_hold_place(hold, admission, &admission->candidates[i]);
    *chosen = i;

    return LLM_OK;
}


int
llm_ledger_admit(llm_hold_t *hold, const llm_party_t *tenants,
    unsigned ntenants, llm_candidate_t *candidates, unsigned ncandidates,
    int64_t now_ms, unsigned *chosen, llm_shortage_t *shortage)
{
    llm_admission_t  admission;

    admission = (llm_admission_t) {
        .tenants = tenants, .ntenants = ntenants,
        .candidates = candidates, .ncandidates = ncandidates,
        .now_ms = now_ms
    };

    return llm_ledger_try(hold, &admission, chosen, shortage);
}


int
llm_ledger_move(llm_hold_t *hold, const llm_party_t *tenants,
    unsigned ntenants, llm_candidate_t *candidates, unsigned ncandidates,
    int64_t now_ms, unsigned *chosen, llm_shortage_t *shortage)
{
    unsigned         i;
    llm_admission_t  admission;

    admission = (llm_admission_t) {
        .tenants = tenants, .ntenants = ntenants,
        .candidates = candidates, .ncandidates = ncandidates,
        .now_ms = now_ms, .again = true
    };

    /* without its own hold, so that it competes with the others' only */

    for (i = 0; i < hold->naccounts; i++) {
        llm_account_release(hold->accounts[i], &hold->need);
    }

    if (llm_ledger_try(hold, &admission, chosen, shortage) == LLM_OK) {
        return LLM_OK;
    }

    hold->naccounts = ntenants;

    for (i = 0; i < hold->naccounts; i++) {
        llm_account_hold(hold->accounts[i], &hold->need);
    }

    return LLM_ERROR;
}


static int64_t
llm_larger(int64_t a, int64_t b)
{
    return (a > b) ? a : b;
}


static void
llm_amounts_raise(llm_amounts_t *amounts, const llm_amounts_t *least)
{
    amounts->cost = llm_larger(amounts->cost, least->cost);
    amounts->input_tokens = llm_larger(amounts->input_tokens,
                                       least->input_tokens);
    amounts->output_tokens = llm_larger(amounts->output_tokens,
                                        least->output_tokens);
}


void
llm_ledger_raise(llm_hold_t *hold, const llm_amounts_t *expected)
{
    unsigned       i;
    llm_need_t     before;
    llm_amounts_t  amounts;

    /* the hold first: should this process die in the loop, who settles it gives
     * back at least what was added */

    before = hold->need;
    amounts = llm_amounts_clamp(expected, 1);

    llm_amounts_raise(&hold->need.expected, &amounts);
    llm_amounts_raise(&hold->need.worst, &amounts);

    for (i = 0; i < hold->naccounts; i++) {
        llm_account_release(hold->accounts[i], &before);
        llm_account_hold(hold->accounts[i], &hold->need);
    }
}


/* the posting that is not in force */
static llm_posting_t *
llm_hold_other(llm_hold_t *hold)
{
    return &hold->postings[hold->current == 0];
}


const llm_posting_t *
llm_ledger_prepare(llm_hold_t *hold, llm_account_t *provider,
    const llm_amounts_t *amounts, int64_t at_ms, uint64_t journal,
    uint64_t position)
{
    llm_posting_t  *posting;

    posting = llm_hold_other(hold);
    posting->serial = 0;

    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    posting->provider = provider;
    posting->amounts = llm_amounts_clamp(amounts, 0);
    posting->at_ms = at_ms;
    posting->journal = journal;
    posting->position = position;
    posting->paid = 0;

    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    posting->serial = hold->postings[hold->current].serial + 1;

    return posting;
}


const llm_posting_t *
llm_ledger_prepared(const llm_hold_t *hold)
{
    const llm_posting_t  *posting;

    posting = &hold->postings[hold->current == 0];

    return (posting->serial > hold->postings[hold->current].serial) ? posting
                                                                    : NULL;
}


void
llm_ledger_commit(llm_hold_t *hold)
{
    /* until the last step it is found as prepared, and committed once more */

    if (llm_hold_other(hold)->journal != 0) {
        hold->told = hold->counted;
    }

    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    hold->current = (hold->current == 0);
}


void
llm_ledger_cancel(llm_hold_t *hold)
{
    llm_hold_other(hold)->serial = 0;
}


void
llm_ledger_charge(llm_hold_t *hold)
{
    llm_step_t      step;
    llm_account_t  *account;
    llm_posting_t  *posting;

    posting = &hold->postings[hold->current];

    if (posting->serial == 0) {
        return;
    }

    step = (llm_step_t) {
        .redo = hold->redo,
        .done = &posting->paid,
        .at_ms = posting->at_ms,
        .unjournaled = hold->unjournaled
    };

    while (posting->paid <= hold->ntenants) {
        account = (posting->paid < hold->ntenants)
                  ? hold->accounts[posting->paid] : posting->provider;

        if (account == NULL) {
            posting->paid++;
            continue;
        }

        step.value = posting->paid + 1;
        llm_account_step(account, &posting->amounts, &step);
    }
}


static void
llm_hold_release(llm_hold_t *hold)
{
    unsigned  i;

    for (i = 0; i < hold->naccounts; i++) {
        llm_account_release(hold->accounts[i], &hold->need);
    }

    hold->naccounts = 0;
}


int
llm_ledger_settle(llm_hold_t *hold)
{
    if (hold->naccounts == 0) {
        return LLM_AGAIN;
    }

    llm_ledger_charge(hold);
    llm_hold_release(hold);

    return LLM_OK;
}


void
llm_ledger_recover(llm_hold_t *hold)
{
    while (!hold->unjournaled && hold->counted > hold->told) {
        llm_hold_count(hold, hold->counted - 1, -1);
    }

    llm_ledger_charge(hold);
    llm_hold_release(hold);
}
