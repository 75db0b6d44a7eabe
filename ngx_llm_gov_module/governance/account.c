/*
 * Accounts: amounts, windows and what a limit sees of them.  Amounts are never
 * negative and sums saturate, so a wild value from a body or a price list can
 * refuse but never wrap around.
 */

#include "account.h"


/* the most one request can need of anything: 4.5 million dollars, 4.5e15
 * tokens; two thousand of them still add up */
#define LLM_NEED_MAX      ((int64_t) 1 << 52)

/* The workers' clocks differ by the length of an event loop's turn: a window
 * that another worker has already turned is not turned back.  Beyond this the
 * system's clock was set back, and the window must follow. */
#define LLM_CLOCK_SKEW_MS  ((int64_t) 60 * 1000)


static int64_t
llm_rest(int64_t a, int64_t b)
{
    return (a > b) ? a - b : 0;
}


static int64_t
llm_clamp(int64_t value)
{
    if (value < 0) {
        return 0;
    }

    return (value < LLM_NEED_MAX) ? value : LLM_NEED_MAX;
}


static void
llm_amounts_add(llm_amounts_t *sum, const llm_amounts_t *amounts)
{
    sum->cost = llm_sum(sum->cost, amounts->cost);
    sum->requests = llm_sum(sum->requests, amounts->requests);
    sum->input_tokens = llm_sum(sum->input_tokens, amounts->input_tokens);
    sum->output_tokens = llm_sum(sum->output_tokens, amounts->output_tokens);
}


static void
llm_amounts_subtract(llm_amounts_t *sum, const llm_amounts_t *amounts)
{
    sum->cost = llm_rest(sum->cost, amounts->cost);
    sum->requests = llm_rest(sum->requests, amounts->requests);
    sum->input_tokens = llm_rest(sum->input_tokens, amounts->input_tokens);
    sum->output_tokens = llm_rest(sum->output_tokens, amounts->output_tokens);
}


llm_amounts_t
llm_amounts_clamp(const llm_amounts_t *amounts, int64_t requests)
{
    return (llm_amounts_t) {
        .cost = llm_clamp(amounts->cost),
        .requests = requests,
        .input_tokens = llm_clamp(amounts->input_tokens),
        .output_tokens = llm_clamp(amounts->output_tokens)
    };
}


int64_t
llm_amounts_of(const llm_amounts_t *amounts, llm_metric_t metric)
{
    switch (metric) {

    case LLM_METRIC_COST:
        return amounts->cost;

    case LLM_METRIC_REQUESTS:
    case LLM_METRIC_CONCURRENCY:
        return amounts->requests;

    case LLM_METRIC_TOKENS:
        return llm_sum(amounts->input_tokens, amounts->output_tokens);

    case LLM_METRIC_INPUT_TOKENS:
        return amounts->input_tokens;

    case LLM_METRIC_OUTPUT_TOKENS:
        return amounts->output_tokens;
    }

    return 0;
}


static void
llm_counter_turn(llm_counter_t *counter, int64_t now_ms)
{
    int64_t  start, end;

    if (now_ms < counter->end
        && counter->start - now_ms < LLM_CLOCK_SKEW_MS)
    {
        return;
    }

    start = llm_window_start(counter->window, now_ms);
    end = (counter->window.unit == LLM_WINDOW_FOREVER)
          ? INT64_MAX : llm_window_end(counter->window, now_ms);

    if (start == counter->start) {
        counter->end = end;
        return;
    }

    memset(&counter->spent, 0, sizeof(counter->spent));
    memset(&counter->restored, 0, sizeof(counter->restored));
    memset(&counter->unjournaled, 0, sizeof(counter->unjournaled));

    /* last, so that it is done again if this process dies here */

    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    counter->start = start;
    counter->end = end;
}


static llm_counter_t *
llm_counter_find(const llm_account_t *account, llm_window_t window)
{
    unsigned        i;
    llm_counter_t  *counter;

    for (i = 0; i < account->ncounters; i++) {
        counter = &account->counters[i];

        if (counter->window.unit == window.unit
            && counter->window.count == window.count)
        {
            return counter;
        }
    }

    return NULL;
}


llm_counter_t *
llm_account_window(llm_account_t *account, llm_window_t window,
    unsigned capacity)
{
    llm_counter_t  *counter;

    counter = llm_counter_find(account, window);

    if (counter != NULL || account->ncounters >= capacity) {
        return counter;
    }

    counter = &account->counters[account->ncounters];
    memset(counter, 0, sizeof(llm_counter_t));
    counter->window = window;

    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    account->ncounters++;

    return counter;
}


llm_counter_t *
llm_account_counter(llm_account_t *account, llm_window_t window,
    int64_t now_ms)
{
    llm_counter_t  *counter;

    counter = llm_counter_find(account, window);

    if (counter != NULL) {
        llm_counter_turn(counter, now_ms);
    }

    return counter;
}


void
llm_account_spend(llm_account_t *account, const llm_amounts_t *amounts,
    int64_t now_ms)
{
    unsigned  i;

    for (i = 0; i < account->ncounters; i++) {
        llm_counter_turn(&account->counters[i], now_ms);
        llm_amounts_add(&account->counters[i].spent, amounts);
    }
}


static int64_t
llm_add(int64_t a, int64_t b)
{
    a = llm_sum(a, b);

    return (a > 0) ? a : 0;
}


static llm_amounts_t
llm_amounts_sum(const llm_amounts_t *a, const llm_amounts_t *b)
{
    return (llm_amounts_t) {
        .cost = llm_add(a->cost, b->cost),
        .requests = llm_add(a->requests, b->requests),
        .input_tokens = llm_add(a->input_tokens, b->input_tokens),
        .output_tokens = llm_add(a->output_tokens, b->output_tokens)
    };
}


void
llm_account_step(llm_account_t *account, const llm_amounts_t *amounts,
    const llm_step_t *step)
{
    bool                 counts;
    unsigned             i;
    llm_redo_t          *redo;
    llm_counter_t       *counter;
    llm_redo_counter_t  *next;

    redo = step->redo;

    for (i = 0; i < account->ncounters; i++) {
        counter = &account->counters[i];
        next = &redo->counters[i];

        counts = step->present || step->at_ms >= counter->start;

        if (counts) {
            llm_counter_turn(counter, step->at_ms);
        }

        next->spent = counter->spent;
        next->unjournaled = counter->unjournaled;

        if (counts) {
            next->spent = llm_amounts_sum(&counter->spent, amounts);
        }

        if (counts && step->unjournaled) {
            next->unjournaled = llm_amounts_sum(&counter->unjournaled,
                                                amounts);
        }
    }

    redo->n = account->ncounters;
    redo->done = step->done;
    redo->value = step->value;

    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    redo->account = account;

    llm_redo(redo);
}


void
llm_redo(llm_redo_t *redo)
{
    unsigned        i;
    llm_account_t  *account;

    account = redo->account;

    if (account == NULL) {
        return;
    }

    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    for (i = 0; i < redo->n; i++) {
        account->counters[i].spent = redo->counters[i].spent;
        account->counters[i].unjournaled = redo->counters[i].unjournaled;
    }

    *redo->done = redo->value;

    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    redo->account = NULL;
}


void
llm_account_hold(llm_account_t *account, const llm_need_t *need)
{
    llm_amounts_add(&account->held, &need->expected);
    llm_amounts_add(&account->held_worst, &need->worst);
}


void
llm_account_release(llm_account_t *account, const llm_need_t *need)
{
    llm_amounts_subtract(&account->held, &need->expected);
    llm_amounts_subtract(&account->held_worst, &need->worst);
}


void
llm_limit_state(const llm_party_t *party, const llm_limit_t *limit,
    int64_t now_ms, int64_t *spent, int64_t *held, int64_t *reset_ms)
{
    llm_account_t  *account;
    llm_counter_t  *counter;

    account = party->account;

    if (limit->metric == LLM_METRIC_CONCURRENCY) {
        *spent = 0;
        *held = account->held.requests;
        *reset_ms = 0;
        return;
    }

    counter = llm_account_counter(account, limit->window, now_ms);

    if (counter != NULL) {
        *spent = llm_amounts_of(&counter->spent, limit->metric);
        *reset_ms = (counter->end == INT64_MAX) ? 0 : counter->end;

    } else {
        *spent = 0;
        *reset_ms = llm_window_end(limit->window, now_ms);
    }

    /* a request is spent as soon as it is admitted */

    *held = (limit->metric == LLM_METRIC_REQUESTS)
            ? 0
            : llm_amounts_of(limit->mode == LLM_LIMIT_HARD
                             ? &account->held_worst : &account->held,
                             limit->metric);
}
