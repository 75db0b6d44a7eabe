/*
 * What the ledger needs of an account; private to governance/.
 */

#ifndef LLM_ACCOUNT_H
#define LLM_ACCOUNT_H

#include "ledger.h"


/* saturates at INT64_MAX */
static inline int64_t
llm_sum(int64_t a, int64_t b)
{
    int64_t  sum;

    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}


/* what a metric looks at; TOKENS is input and output */
int64_t llm_amounts_of(const llm_amounts_t *amounts, llm_metric_t metric);

/* every amount between 0 and a bound at which sums stay far from the end */
llm_amounts_t llm_amounts_clamp(const llm_amounts_t *amounts,
    int64_t requests);

/* adds to what every window of the account has spent */
void llm_account_spend(llm_account_t *account, const llm_amounts_t *amounts,
    int64_t now_ms);

/*
 * Adds to the windows that `at_ms` lies in (those that began later have turned
 * since), as one step that llm_redo() can bring to its end, after which *done
 * is `value`.  Negative amounts take back, down to 0.
 */
typedef struct {
    llm_redo_t     *redo;
    unsigned       *done;
    unsigned        value;
    int64_t         at_ms;
    bool            present;        /* that is now: where the clock was set
                                       back the windows follow */
    bool            unjournaled;
} llm_step_t;

void llm_account_step(llm_account_t *account, const llm_amounts_t *amounts,
    const llm_step_t *step);

/* a request's part of what is held */
void llm_account_hold(llm_account_t *account, const llm_need_t *need);
void llm_account_release(llm_account_t *account, const llm_need_t *need);


#endif /* LLM_ACCOUNT_H */
