/*
 * The ledger: its rules one by one, then a long random life compared with a
 * naive model after every step.
 */

#include "governance/ledger.h"
#include "tap.h"

#include <stdlib.h>


#define WINDOWS   4
#define SECOND    ((int64_t) 1000)
#define HOUR      (3600 * SECOND)
#define DAY       (24 * HOUR)
#define START     ((int64_t) 1790000000000)


static const llm_window_t  windows[WINDOWS] = {
    { LLM_WINDOW_FOREVER, 1 }, { LLM_WINDOW_MINUTES, 5 },
    { LLM_WINDOW_DAY, 1 }, { LLM_WINDOW_MONTH, 1 }
};


static llm_redo_counter_t  redo_counters[WINDOWS];
static llm_redo_t          redo = { .counters = redo_counters };


typedef struct {
    llm_account_t  account;
    llm_counter_t  counters[WINDOWS];
    llm_limit_t    limits[6];
    unsigned       nlimits;
    int64_t        current;
} box_t;


static void
box_init(box_t *box, llm_account_kind_t kind)
{
    unsigned  i;

    memset(box, 0, sizeof(box_t));
    box->account.kind = kind;
    box->account.counters = box->counters;

    for (i = 0; i < WINDOWS; i++) {
        llm_account_window(&box->account, windows[i], WINDOWS);
    }
}


static void
box_limit(box_t *box, llm_metric_t metric, llm_limit_mode_t mode,
    unsigned window, int64_t amount)
{
    box->limits[box->nlimits++] =
        (llm_limit_t) { metric, mode, windows[window], amount };
}


static llm_party_t
party(box_t *box)
{
    return (llm_party_t) { &box->account, box->limits, box->nlimits };
}


static llm_amounts_t
amounts(int64_t cost, int64_t input, int64_t output)
{
    return (llm_amounts_t) { cost, 1, input, output };
}


static llm_candidate_t
candidate(box_t *box, unsigned weight, int64_t expected, int64_t worst)
{
    return (llm_candidate_t) {
        .provider = party(box), .weight = weight, .current = &box->current,
        .need = { amounts(expected, 10, 20), amounts(worst, 100, 200) }
    };
}


static int
first_admit(llm_hold_t *hold, const llm_party_t *tenants, unsigned ntenants,
    llm_candidate_t *candidates, unsigned ncandidates, int64_t now,
    unsigned *chosen, llm_shortage_t *shortage)
{
    memset(hold, 0, sizeof(llm_hold_t));
    hold->redo = &redo;

    return llm_ledger_admit(hold, tenants, ntenants, candidates, ncandidates,
                            now, chosen, shortage);
}


static void
commit(llm_hold_t *hold, const llm_amounts_t *actual, int64_t now)
{
    llm_ledger_prepare(hold, (hold->naccounts > hold->ntenants)
                             ? hold->accounts[hold->ntenants] : NULL,
                       actual, now, 0, 0);
    llm_ledger_commit(hold);
}


static void
charge(llm_hold_t *hold, const llm_amounts_t *actual, int64_t now)
{
    commit(hold, actual, now);
    llm_ledger_charge(hold);
    llm_ledger_charge(hold);
}


static int
settle(llm_hold_t *hold, const llm_amounts_t *actual, int64_t now)
{
    if (hold->naccounts != 0) {
        commit(hold, actual, now);
    }

    return llm_ledger_settle(hold);
}


/* one tenant, one provider */
static int
admit(llm_hold_t *hold, box_t *tenant, box_t *provider, int64_t expected,
    int64_t worst, int64_t now, llm_shortage_t *shortage)
{
    unsigned         chosen;
    llm_party_t      tenants[1];
    llm_candidate_t  candidates[1];

    tenants[0] = party(tenant);
    candidates[0] = candidate(provider, 1, expected, worst);

    return first_admit(hold, tenants, 1, candidates, 1, now, &chosen,
                            shortage);
}


static int64_t
spent(box_t *box, unsigned window, int64_t now)
{
    return llm_account_counter(&box->account, windows[window], now)
           ->spent.cost;
}


static void
budgets(void)
{
    box_t           t, p;
    llm_hold_t      a, b, c;
    llm_amounts_t   actual;
    llm_shortage_t  s;

    box_init(&t, LLM_ACCOUNT_VIRTUAL_KEY);
    box_init(&p, LLM_ACCOUNT_PROVIDER);
    box_limit(&t, LLM_METRIC_COST, LLM_LIMIT_NORMAL, 2, 100);

    ok(admit(&a, &t, &p, 90, 5000, START, &s) == LLM_OK,
       "a worst case over the budget is no reason");
    ok(admit(&b, &t, &p, 90, 5000, START, &s) == LLM_OK,
       "admitted while spent + held by others < limit");
    ok(admit(&c, &t, &p, 1, 1, START, &s) == LLM_ERROR
       && s.account == &t.account && s.limit == &t.limits[0]
       && s.spent == 0 && s.held == 180 && s.need == 1
       && s.reset_ms == llm_window_end(windows[2], START),
       "then refused, with everything that is to be told");
    ok(t.account.refused == 1 && p.account.refused == 0,
       "the refusal is counted at its account");

    actual = amounts(30, 7, 8);
    ok(settle(&a, &actual, START) == LLM_OK, "settled");
    ok(settle(&a, &actual, START) == LLM_AGAIN, "only once");
    ok(spent(&t, 2, START) == 30 && spent(&p, 0, START) == 30
       && t.account.held.cost == 90 && t.account.held.requests == 1,
       "charged at the key and the provider, the hold is gone");
    ok(admit(&c, &t, &p, 1, 1, START, &s) == LLM_ERROR, "30 + 90: still full");

    ok(admit(&c, &t, &p, 20, 20, START + DAY, &s) == LLM_OK,
       "a new day: the open hold counts on, the spend does not");
    ok(t.account.held.cost == 110, "both are held");

    settle(&b, &actual, START + DAY);
    settle(&c, &actual, START + DAY);
    ok(spent(&t, 2, START + DAY) == 60 && spent(&t, 0, START + DAY) == 90
       && spent(&t, 2, START + 2 * DAY) == 0,
       "charged to the day in which they ended, and to the total");
    ok(t.account.held.cost == 0 && t.account.held_worst.cost == 0
       && t.account.held.requests == 0 && p.account.held.cost == 0,
       "nothing is held at the end");
}


static void
hard_and_soft(void)
{
    box_t           t, p;
    llm_hold_t      a, b;
    llm_amounts_t   actual;
    llm_shortage_t  s;

    box_init(&t, LLM_ACCOUNT_VIRTUAL_KEY);
    box_init(&p, LLM_ACCOUNT_PROVIDER);
    box_limit(&t, LLM_METRIC_COST, LLM_LIMIT_HARD, 3, 100);
    box_limit(&t, LLM_METRIC_COST, LLM_LIMIT_SOFT, 3, 1);
    box_limit(&t, LLM_METRIC_REQUESTS, LLM_LIMIT_SOFT, 3, 0);

    ok(admit(&a, &t, &p, 1, 101, START, &s) == LLM_ERROR && s.need == 101,
       "hard: the worst case must fit");
    ok(admit(&a, &t, &p, 1, 60, START, &s) == LLM_OK, "60 of 100 fit");
    ok(admit(&b, &t, &p, 1, 41, START, &s) == LLM_ERROR && s.held == 60,
       "41 more do not");
    ok(admit(&b, &t, &p, 1, 40, START, &s) == LLM_OK,
       "40 do, to the last; soft limits never refuse");

    actual = amounts(60, 0, 0);
    settle(&a, &actual, START);
    actual = amounts(10, 0, 0);
    settle(&b, &actual, START);
    ok(spent(&t, 3, START) == 70, "70 spent");
    ok(admit(&b, &t, &p, 1, 30, START, &s) == LLM_OK, "30 fit again");
}


static void
counts(void)
{
    box_t           t, p;
    llm_hold_t      a, b, c;
    llm_amounts_t   nothing;
    llm_shortage_t  s;

    memset(&nothing, 0, sizeof(nothing));
    box_init(&t, LLM_ACCOUNT_TEAM);
    box_init(&p, LLM_ACCOUNT_PROVIDER);
    box_limit(&t, LLM_METRIC_REQUESTS, LLM_LIMIT_NORMAL, 1, 2);

    ok(admit(&a, &t, &p, 1, 1, START, &s) == LLM_OK
       && admit(&b, &t, &p, 1, 1, START, &s) == LLM_OK, "two requests of two");
    ok(admit(&c, &t, &p, 1, 1, START, &s) == LLM_ERROR && s.spent == 2
       && s.held == 0 && s.need == 1, "not a third");

    settle(&a, &nothing, START);
    settle(&b, &nothing, START);
    ok(admit(&c, &t, &p, 1, 1, START, &s) == LLM_ERROR,
       "a released one stays counted");
    ok(admit(&c, &t, &p, 1, 1, START + 300 * SECOND, &s) == LLM_OK,
       "until the window turns");
    settle(&c, &nothing, START);

    box_init(&t, LLM_ACCOUNT_TEAM);
    box_limit(&t, LLM_METRIC_CONCURRENCY, LLM_LIMIT_NORMAL, 0, 1);
    ok(admit(&a, &t, &p, 1, 1, START, &s) == LLM_OK
       && admit(&b, &t, &p, 1, 1, START + DAY, &s) == LLM_ERROR
       && s.held == 1 && s.reset_ms == 0,
       "concurrency: one at a time, whatever the clock says");
    settle(&a, &nothing, START);
    ok(admit(&b, &t, &p, 1, 1, START, &s) == LLM_OK, "the next one");

    box_init(&t, LLM_ACCOUNT_TEAM);
    box_limit(&t, LLM_METRIC_TOKENS, LLM_LIMIT_HARD, 1, 300);
    ok(admit(&a, &t, &p, 1, 1, START, &s) == LLM_OK
       && admit(&b, &t, &p, 1, 1, START, &s) == LLM_ERROR && s.need == 300,
       "tokens are input and output");

    box_init(&t, LLM_ACCOUNT_TEAM);
    box_limit(&t, LLM_METRIC_OUTPUT_TOKENS, LLM_LIMIT_NORMAL, 1, 20);
    box_limit(&t, LLM_METRIC_INPUT_TOKENS, LLM_LIMIT_NORMAL, 1, 20);
    ok(admit(&a, &t, &p, 1, 1, START, &s) == LLM_OK
       && admit(&b, &t, &p, 1, 1, START, &s) == LLM_ERROR
       && s.limit == &t.limits[0] && s.held == 20,
       "output tokens apart from input tokens");
}


static void
tiers(void)
{
    box_t            key, team, p;
    unsigned         chosen;
    llm_hold_t       hold;
    llm_party_t      tenants[2];
    llm_shortage_t   s;
    llm_candidate_t  c[1];

    box_init(&key, LLM_ACCOUNT_VIRTUAL_KEY);
    box_init(&team, LLM_ACCOUNT_TEAM);
    box_init(&p, LLM_ACCOUNT_PROVIDER);
    box_limit(&key, LLM_METRIC_REQUESTS, LLM_LIMIT_NORMAL, 1, 0);
    box_limit(&team, LLM_METRIC_COST, LLM_LIMIT_NORMAL, 3, 0);
    box_limit(&p, LLM_METRIC_COST, LLM_LIMIT_NORMAL, 0, 0);

    tenants[0] = party(&key);
    tenants[1] = party(&team);
    c[0] = candidate(&p, 1, 5, 5);

    ok(first_admit(&hold, tenants, 2, c, 1, START, &chosen, &s)
       == LLM_ERROR && s.account == &team.account,
       "a tenant's shortage before a provider's, the longest of them");
    ok(key.account.held.requests == 0 && spent(&key, 0, START) == 0
       && hold.naccounts == 0, "nothing is taken");

    ok(first_admit(&hold, tenants, 0, c, 1, START, &chosen, &s)
       == LLM_ERROR && s.account == &p.account && p.account.refused == 1,
       "then the provider's");

    c[0].excluded = true;
    ok(first_admit(&hold, tenants, 0, c, 1, START, &chosen, &s)
       == LLM_ERROR && s.account == NULL, "none at all if all rest");
    ok(first_admit(&hold, tenants, 2, c, 1, START, &chosen, &s)
       == LLM_ERROR && s.account == &team.account,
       "a tenant's all the same");
}


static void
choice(void)
{
    box_t            t, p[3];
    unsigned         i, chosen, n[3], order[7];
    llm_hold_t       hold;
    llm_party_t      tenants[1];
    llm_amounts_t    nothing;
    llm_shortage_t   s;
    llm_candidate_t  c[3];

    static const unsigned  smooth[7] = { 0, 0, 1, 0, 2, 0, 0 };

    memset(&nothing, 0, sizeof(nothing));
    box_init(&t, LLM_ACCOUNT_VIRTUAL_KEY);

    for (i = 0; i < 3; i++) {
        box_init(&p[i], LLM_ACCOUNT_PROVIDER);
        n[i] = 0;
    }

    tenants[0] = party(&t);
    c[0] = candidate(&p[0], 5, 5, 5);
    c[1] = candidate(&p[1], 1, 5, 5);
    c[2] = candidate(&p[2], 1, 5, 5);

    for (i = 0; i < 7; i++) {
        first_admit(&hold, tenants, 1, c, 3, START, &order[i], &s);
        settle(&hold, &nothing, START);
    }

    ok(memcmp(order, smooth, sizeof(order)) == 0, "5 1 1: a a b a c a a");

    c[0].weight = 80;
    c[1].weight = 20;
    c[2].weight = 0;

    for (i = 0; i < 10000; i++) {
        first_admit(&hold, tenants, 1, c, 3, START, &chosen, &s);
        settle(&hold, &nothing, START);
        n[chosen]++;
    }

    ok(n[0] >= 7990 && n[0] <= 8010 && n[2] == 0, "80/20: %u %u %u", n[0],
       n[1], n[2]);

    c[1].preferred = true;
    first_admit(&hold, tenants, 1, c, 3, START, &chosen, &s);
    ok(chosen == 1, "the preferred one first");
    c[1].excluded = true;
    first_admit(&hold, tenants, 1, c, 3, START, &chosen, &s);
    ok(chosen == 0, "unless it rests");

    box_limit(&p[0], LLM_METRIC_COST, LLM_LIMIT_NORMAL, 1, 0);
    c[0].provider = party(&p[0]);
    first_admit(&hold, tenants, 1, c, 3, START, &chosen, &s);
    ok(chosen == 2, "the backup when no other has room");

    c[2].weight = 1;
    c[2].need.worst.cost = 1000;
    c[1].excluded = c[1].preferred = false;
    box_limit(&t, LLM_METRIC_COST, LLM_LIMIT_HARD, 1, 500);
    tenants[0] = party(&t);
    p[2].current = 1000000;
    first_admit(&hold, tenants, 1, c, 3, START, &chosen, &s);
    ok(chosen == 1, "a cheaper candidate where the dear one does not fit");

    c[1].excluded = true;
    ok(first_admit(&hold, tenants, 1, c, 3, START, &chosen, &s)
       == LLM_ERROR && s.account == &t.account && s.need == 1000,
       "and the tenant's shortage when none is left");
}


static void
failover(void)
{
    box_t            t, p[2];
    unsigned         chosen;
    llm_hold_t       hold;
    llm_party_t      tenants[1];
    llm_amounts_t    actual;
    llm_shortage_t   s;
    llm_candidate_t  c[2];

    box_init(&t, LLM_ACCOUNT_VIRTUAL_KEY);
    box_init(&p[0], LLM_ACCOUNT_PROVIDER);
    box_init(&p[1], LLM_ACCOUNT_PROVIDER);
    box_limit(&t, LLM_METRIC_COST, LLM_LIMIT_HARD, 2, 100);
    box_limit(&t, LLM_METRIC_REQUESTS, LLM_LIMIT_NORMAL, 2, 1);
    box_limit(&t, LLM_METRIC_CONCURRENCY, LLM_LIMIT_NORMAL, 0, 1);

    tenants[0] = party(&t);
    c[0] = candidate(&p[0], 1, 60, 100);
    c[1] = candidate(&p[1], 0, 40, 90);

    first_admit(&hold, tenants, 1, c, 2, START, &chosen, &s);
    c[0].excluded = true;
    ok(llm_ledger_move(&hold, tenants, 1, c, 2, START, &chosen, &s) == LLM_OK
       && chosen == 1,
       "moves: its own hold, request and slot are no reason against it");
    ok(t.account.held.cost == 40 && t.account.held_worst.cost == 90
       && p[0].account.held.cost == 0 && p[0].account.held.requests == 0
       && p[1].account.held.cost == 40, "held at the new one's need");
    ok(p[0].counters[0].spent.requests == 1
       && p[1].counters[0].spent.requests == 1
       && t.counters[0].spent.requests == 1,
       "both providers saw a request, the tenant made one");

    actual = amounts(15, 1, 1);
    charge(&hold, &actual, START);
    ok(spent(&t, 2, START) == 15 && spent(&p[1], 2, START) == 15
       && t.account.held.cost == 40, "a costly failure is charged, held on");

    c[0].excluded = false;
    ok(llm_ledger_move(&hold, tenants, 1, c, 1, START, &chosen, &s)
       == LLM_ERROR && s.account == &t.account && s.spent == 15,
       "its cost counts when it moves on");
    ok(t.account.held.cost == 40 && p[1].account.held.cost == 0,
       "a failed move keeps the tenants' part only");

    llm_ledger_raise(&hold, &(llm_amounts_t) { 95, 0, 5, 300 });
    ok(t.account.held.cost == 95 && t.account.held_worst.cost == 95
       && t.account.held.input_tokens == 10
       && t.account.held.output_tokens == 300
       && t.account.held_worst.output_tokens == 300
       && t.account.held.requests == 1, "raised where it is more");

    ok(settle(&hold, &actual, START) == LLM_OK
       && spent(&t, 2, START) == 30 && spent(&p[1], 2, START) == 15
       && t.account.held.cost == 0 && t.account.held_worst.cost == 0,
       "settled at the tenants");
}


static void
extremes(void)
{
    box_t           t, p;
    llm_hold_t      a, b;
    llm_amounts_t   wild;
    llm_counter_t  *counter;
    llm_shortage_t  s;

    box_init(&t, LLM_ACCOUNT_VIRTUAL_KEY);
    box_init(&p, LLM_ACCOUNT_PROVIDER);
    box_limit(&t, LLM_METRIC_COST, LLM_LIMIT_NORMAL, 2, INT64_MAX);

    wild = amounts(INT64_MAX, INT64_MAX, -5);
    ok(admit(&a, &t, &p, INT64_MAX, INT64_MAX, START, &s) == LLM_OK
       && admit(&b, &t, &p, -7, INT64_MIN, START, &s) == LLM_OK
       && t.account.held.cost > 0, "wild needs are bounded");
    llm_ledger_raise(&b, &wild);
    settle(&a, &wild, START);
    settle(&b, &wild, START);
    ok(t.account.held.cost == 0 && t.account.held.input_tokens == 0
       && spent(&t, 0, START) > 0, "and given back to the last");

    t.counters[0].spent.cost = INT64_MAX - 1;
    settle(&a, &wild, START);
    admit(&a, &t, &p, 1, 1, START, &s);
    settle(&a, &wild, START);
    ok(spent(&t, 0, START) == INT64_MAX, "sums stop at the end");

    box_init(&t, LLM_ACCOUNT_VIRTUAL_KEY);
    admit(&a, &t, &p, 1, 1, START, &s);
    t.account.held.cost = 0;
    settle(&a, &wild, START);
    ok(t.account.held.cost == 0, "held is never below zero");

    /* 5-minute window: two workers' clocks around its end */

    box_init(&t, LLM_ACCOUNT_VIRTUAL_KEY);
    counter = llm_account_counter(&t.account, windows[1], 600 * SECOND);
    counter->spent.cost = 9;
    counter = llm_account_counter(&t.account, windows[1], 600 * SECOND - 20);
    ok(counter->spent.cost == 9 && counter->start == 600 * SECOND,
       "a clock that is a little behind does not turn a window back");
    counter = llm_account_counter(&t.account, windows[1], 500 * SECOND);
    ok(counter->spent.cost == 0 && counter->start == 300 * SECOND,
       "a clock that was set back does");

    ok(llm_account_window(&t.account, (llm_window_t) { LLM_WINDOW_WEEK, 1 },
                          WINDOWS) == NULL
       && llm_account_window(&t.account, windows[1], WINDOWS) == counter
       && llm_account_counter(&t.account,
                              (llm_window_t) { LLM_WINDOW_WEEK, 1 }, START)
          == NULL, "no counter beyond the room for it");
}


/* 1,000 requests of random worst cases and costs, up to 50 at a time */
static void
never_exceeded(void)
{
    box_t           t, p;
    int64_t         worst, most;
    unsigned        i, slot, refused, exceeded;
    llm_hold_t      hold[50];
    llm_amounts_t   actual;
    llm_shortage_t  s;

    box_init(&t, LLM_ACCOUNT_VIRTUAL_KEY);
    box_init(&p, LLM_ACCOUNT_PROVIDER);
    box_limit(&t, LLM_METRIC_COST, LLM_LIMIT_HARD, 0, 1000000000);

    memset(hold, 0, sizeof(hold));
    srand(7);
    refused = exceeded = 0;
    most = 0;

    for (i = 0; i < 1050; i++) {
        slot = i % 50;
        actual = amounts(hold[slot].need.worst.cost
                         - (rand() % 3 ? 0 : rand() % 1000), 0, 0);
        settle(&hold[slot], &actual, START);

        worst = rand() % 10000000 + 1000;

        if (i < 1000) {
            refused += admit(&hold[slot], &t, &p, worst / 3, worst, START, &s)
                       != LLM_OK;
        }

        most = spent(&t, 0, START) + t.account.held_worst.cost;
        exceeded += most > 1000000000;
    }

    ok(exceeded == 0 && refused > 0 && spent(&t, 0, START) > 980000000,
       "a hard budget is never exceeded: %lld of 1000000000 spent, "
       "%u refused", (long long) spent(&t, 0, START), refused);
}


/*
 * The model: what each account spent per window and start of the window, and
 * the holds as a list.
 */

#define TENANTS    7        /* 2 customers, 2 teams, 3 keys */
#define PROVIDERS  3
#define ACCOUNTS   (TENANTS + PROVIDERS)
#define HOLDS      24
#define TURNS      40000


typedef struct {
    int64_t        start;
    llm_amounts_t  sum;
} sum_t;


static box_t          box[ACCOUNTS];
static sum_t         *sums[ACCOUNTS][WINDOWS];
static unsigned       nsums[ACCOUNTS][WINDOWS];
static int64_t        now;

static struct {
    bool           live;
    llm_hold_t     hold;
    unsigned       accounts[4];
    unsigned       naccounts;       /* 3 without a provider */
    llm_need_t     need;
} request[HOLDS];


static llm_amounts_t *
model_sum(unsigned account, unsigned window)
{
    unsigned  n;
    int64_t   start;
    sum_t    *list;

    start = llm_window_start(windows[window], now);
    n = nsums[account][window];
    list = sums[account][window];

    if (n == 0 || list[n - 1].start != start) {
        if (n % 1024 == 0) {
            list = realloc(list, (n + 1024) * sizeof(sum_t));
        }

        memset(&list[n], 0, sizeof(sum_t));
        list[n].start = start;
        sums[account][window] = list;
        nsums[account][window] = ++n;
    }

    return &list[n - 1].sum;
}


static void
model_spend(unsigned account, const llm_amounts_t *a, int64_t requests)
{
    unsigned        w;
    llm_amounts_t  *sum;

    for (w = 0; w < WINDOWS; w++) {
        sum = model_sum(account, w);
        sum->cost += a ? a->cost : 0;
        sum->input_tokens += a ? a->input_tokens : 0;
        sum->output_tokens += a ? a->output_tokens : 0;
        sum->requests += requests;
    }
}


/* what others hold */
static void
model_held(unsigned account, unsigned but, llm_amounts_t *expected,
    llm_amounts_t *worst)
{
    unsigned  i, k;

    memset(expected, 0, sizeof(llm_amounts_t));
    memset(worst, 0, sizeof(llm_amounts_t));

    for (i = 0; i < HOLDS; i++) {
        for (k = 0; request[i].live && i != but && k < request[i].naccounts;
             k++)
        {
            if (request[i].accounts[k] != account) {
                continue;
            }

            expected->cost += request[i].need.expected.cost;
            expected->input_tokens += request[i].need.expected.input_tokens;
            expected->output_tokens += request[i].need.expected.output_tokens;
            expected->requests++;
            worst->cost += request[i].need.worst.cost;
            worst->input_tokens += request[i].need.worst.input_tokens;
            worst->output_tokens += request[i].need.worst.output_tokens;
            worst->requests++;
        }
    }
}


static int64_t
pick(const llm_amounts_t *a, llm_metric_t metric)
{
    return metric == LLM_METRIC_COST ? a->cost
           : metric == LLM_METRIC_INPUT_TOKENS ? a->input_tokens
           : metric == LLM_METRIC_OUTPUT_TOKENS ? a->output_tokens
           : metric == LLM_METRIC_TOKENS ? a->input_tokens + a->output_tokens
           : a->requests;
}


static bool
model_room(unsigned account, unsigned but, const llm_need_t *need,
    bool requests_too)
{
    unsigned        i, w;
    llm_limit_t    *l;
    llm_amounts_t   expected, worst, *sum;

    model_held(account, but, &expected, &worst);

    for (i = 0; i < box[account].nlimits; i++) {
        l = &box[account].limits[i];

        for (w = 0; windows[w].unit != l->window.unit; w++) { /* void */ }

        sum = model_sum(account, w);

        if (l->mode == LLM_LIMIT_SOFT) {
            continue;
        }

        if (l->metric == LLM_METRIC_REQUESTS) {
            if (requests_too && sum->requests + 1 > l->amount) {
                return false;
            }

        } else if (l->metric == LLM_METRIC_CONCURRENCY) {
            if (requests_too && expected.requests + 1 > l->amount) {
                return false;
            }

        } else if (l->mode == LLM_LIMIT_HARD) {
            if (pick(sum, l->metric) + pick(&worst, l->metric)
                + pick(&need->worst, l->metric) > l->amount)
            {
                return false;
            }

        } else if (pick(sum, l->metric) + pick(&expected, l->metric)
                   >= l->amount)
        {
            return false;
        }
    }

    return true;
}


static unsigned
compare(void)
{
    unsigned        a, w, bad;
    llm_counter_t  *counter;
    llm_amounts_t   expected, worst;

    bad = 0;

    for (a = 0; a < ACCOUNTS; a++) {
        model_held(a, HOLDS, &expected, &worst);
        bad += memcmp(&expected, &box[a].account.held, sizeof(expected)) != 0;
        bad += memcmp(&worst, &box[a].account.held_worst, sizeof(worst)) != 0;

        for (w = 0; w < WINDOWS; w++) {
            counter = llm_account_counter(&box[a].account, windows[w], now);
            bad += memcmp(&counter->spent, model_sum(a, w),
                          sizeof(llm_amounts_t)) != 0;
        }
    }

    return bad;
}


static void
random_limits(void)
{
    unsigned  a, i, metric, mode;

    static const int64_t  size[] = {
        400000, 3000, 400000, 200000, 200000, 6
    };

    for (a = 0; a < ACCOUNTS; a++) {
        box_init(&box[a], a < TENANTS ? LLM_ACCOUNT_TEAM
                                      : LLM_ACCOUNT_PROVIDER);

        for (i = 0; i < 3; i++) {
            metric = rand() % 6;
            mode = rand() % 5;
            box_limit(&box[a], metric, mode > 2 ? 0 : mode,
                      1 + rand() % (WINDOWS - 1),
                      size[metric] * (1 + rand() % 8) / 4
                      * (a < 4 || a >= TENANTS ? 2 : 1));
        }
    }
}


static void
random_need(llm_need_t *need)
{
    need->expected = amounts(rand() % 3000, rand() % 900, rand() % 900);
    need->worst = amounts(need->expected.cost + rand() % 9000,
                          need->expected.input_tokens + rand() % 2000,
                          need->expected.output_tokens + rand() % 2000);
}


static unsigned
random_candidates(llm_candidate_t *c, unsigned *provider)
{
    unsigned  i, n;

    n = 0;

    for (i = 0; i < PROVIDERS; i++) {
        if (rand() % 8 == 0) {
            continue;
        }

        provider[n] = TENANTS + i;
        memset(&c[n], 0, sizeof(llm_candidate_t));
        c[n].provider = party(&box[TENANTS + i]);
        c[n].current = &box[TENANTS + i].current;
        c[n].weight = rand() % 4;
        c[n].excluded = rand() % 6 == 0;
        c[n].preferred = rand() % 6 == 0;
        random_need(&c[n].need);
        n++;
    }

    return n;
}


/* whether it was the right choice, as far as the turns leave none */
static bool
right_choice(const llm_candidate_t *c, unsigned n, const bool *eligible,
    int rc, unsigned chosen)
{
    unsigned  i, rank, best;

    best = 3;

    /* 0: the first preferred, 1: any weighted, 2: the first backup */

    for (i = 0; i < n; i++) {
        rank = c[i].preferred ? 0 : c[i].weight ? 1 : 2;
        best = (eligible[i] && rank < best) ? rank : best;
    }

    if (rc != LLM_OK) {
        return best == 3;
    }

    for (i = 0; i < n && best != 1; i++) {
        if (eligible[i] && (best == 2 || c[i].preferred)) {
            return chosen == i;
        }
    }

    return best == 1 && eligible[chosen] && c[chosen].weight > 0;
}


/* admits or moves one request; returns the number of differences */
static unsigned
random_admit(unsigned slot, bool move)
{
    int              rc;
    bool             room, eligible[PROVIDERS];
    unsigned         i, k, n, chosen, provider[PROVIDERS];
    llm_party_t      tenants[3];
    llm_shortage_t   s;
    llm_candidate_t  c[PROVIDERS];

    n = random_candidates(c, provider);

    if (!move) {
        memset(&request[slot], 0, sizeof(request[slot]));
        request[slot].accounts[0] = rand() % 2;
        request[slot].accounts[1] = 2 + rand() % 2;
        request[slot].accounts[2] = 4 + rand() % 3;
    }

    for (k = 0; k < 3; k++) {
        tenants[k] = party(&box[request[slot].accounts[k]]);
    }

    for (i = 0; i < n; i++) {
        room = !c[i].excluded;

        for (k = 0; k < 3; k++) {
            room = room && model_room(request[slot].accounts[k], slot,
                                      &c[i].need, !move);
        }

        eligible[i] = room && model_room(provider[i], slot, &c[i].need, true);
    }

    chosen = PROVIDERS;
    rc = (move ? llm_ledger_move : first_admit)
             (&request[slot].hold, tenants, 3, c, n, now, &chosen, &s);

    if (!right_choice(c, n, eligible, rc, chosen)) {
        return 1;
    }

    request[slot].live = move || rc == LLM_OK;
    request[slot].naccounts = 3;

    if (rc == LLM_OK) {
        request[slot].need = c[chosen].need;
        request[slot].naccounts = 4;
        request[slot].accounts[3] = provider[chosen];

        for (k = move ? 3 : 0; k < 4; k++) {
            model_spend(request[slot].accounts[k], NULL, 1);
        }
    }

    return 0;
}


static void
random_raise(unsigned slot)
{
    llm_need_t     *need;
    llm_amounts_t   more;

    more = amounts(rand() % 6000, rand() % 2000, rand() % 2000);
    llm_ledger_raise(&request[slot].hold, &more);

    need = &request[slot].need;

#define raise(a, field)                                                       \
    (a).field = (a).field > more.field ? (a).field : more.field

    raise(need->expected, cost);
    raise(need->expected, input_tokens);
    raise(need->expected, output_tokens);
    raise(need->worst, cost);
    raise(need->worst, input_tokens);
    raise(need->worst, output_tokens);
}


static void
random_charge(unsigned slot, bool last)
{
    unsigned       k;
    llm_amounts_t  actual;

    actual = amounts(rand() % 6000, rand() % 2000, rand() % 2000);

    for (k = 0; k < request[slot].naccounts; k++) {
        model_spend(request[slot].accounts[k], &actual, 0);
    }

    if (last) {
        settle(&request[slot].hold, &actual, now);
        request[slot].live = false;

    } else {
        charge(&request[slot].hold, &actual, now);
    }
}


static void
random_life(void)
{
    unsigned        i, slot, bad, admitted, refused;
    llm_amounts_t   nothing;

    static const int64_t  jumps[] = {
        0, 0, 0, 1, 20, 900, 7000, 7000, 61000, 299000, HOUR, 7 * HOUR
    };

    srand(20261123);
    random_limits();
    now = START;
    bad = admitted = refused = 0;

    for (i = 0; i < TURNS && bad == 0; i++) {
        slot = rand() % HOLDS;
        now += jumps[rand() % 12] * (rand() % 4 != 0);
        now += (rand() % 2000 == 0) ? 40 * DAY : 0;

        if (!request[slot].live) {
            bad += random_admit(slot, false);
            admitted += request[slot].live;
            refused += !request[slot].live;

        } else {
            switch (rand() % 6) {
            case 0:
                bad += random_admit(slot, true);
                break;
            case 1:
                random_raise(slot);
                break;
            case 2:
                random_charge(slot, false);
                break;
            default:
                random_charge(slot, true);
            }
        }

        bad += compare();
    }

    ok(bad == 0, "as the model says after each of %u steps (%u admitted, "
       "%u refused)", i, admitted, refused);

    memset(&nothing, 0, sizeof(nothing));

    for (slot = 0; slot < HOLDS; slot++) {
        settle(&request[slot].hold, &nothing, now);
        request[slot].live = false;
    }

    ok(compare() == 0, "nothing is held at the end");

    for (i = 0; i < ACCOUNTS * WINDOWS; i++) {
        free(sums[i / WINDOWS][i % WINDOWS]);
    }
}


static int64_t
requests(const box_t *box)
{
    return box->counters[0].spent.requests;
}


/* the process dies here and there: what is charged is what the journal says */
static void
killed(void)
{
    box_t           t, p, q;
    unsigned        chosen;
    llm_party_t     tenants[1];
    llm_hold_t      hold;
    llm_amounts_t   actual;
    llm_shortage_t  s;
    llm_candidate_t c[2];

    box_init(&t, LLM_ACCOUNT_VIRTUAL_KEY);
    box_init(&p, LLM_ACCOUNT_PROVIDER);
    box_init(&q, LLM_ACCOUNT_PROVIDER);
    actual = amounts(30, 7, 8);

    admit(&hold, &t, &p, 90, 90, START, &s);
    llm_ledger_recover(&hold);
    ok(requests(&t) == 0 && requests(&p) == 0 && t.account.held.cost == 0,
       "before the first record: as if it had never been");

    admit(&hold, &t, &p, 90, 90, START, &s);
    llm_ledger_prepare(&hold, &p.account, &actual, START, 1, 100);
    ok(llm_ledger_prepared(&hold) != NULL
       && llm_ledger_prepared(&hold)->position == 100,
       "a prepared charge is found");
    llm_ledger_recover(&hold);
    ok(requests(&t) == 0 && spent(&t, 0, START) == 0,
       "and is none without its record");

    admit(&hold, &t, &p, 90, 90, START, &s);
    llm_ledger_prepare(&hold, &p.account, &actual, START, 1, 100);
    llm_ledger_commit(&hold);
    ok(llm_ledger_prepared(&hold) == NULL, "committed");
    llm_ledger_recover(&hold);
    llm_ledger_recover(&hold);
    ok(requests(&t) == 1 && spent(&t, 0, START) == 30
       && spent(&p, 0, START) == 30, "with its record it is charged, once");

    admit(&hold, &t, &p, 90, 90, START, &s);
    charge(&hold, &actual, START);
    ok(spent(&t, 0, START) == 60, "a costly failure");
    tenants[0] = party(&t);
    c[0] = candidate(&q, 1, 40, 90);
    llm_ledger_move(&hold, tenants, 1, c, 1, START, &chosen, &s);
    ok(requests(&q) == 1 && requests(&t) == 2, "moved on");
    llm_ledger_recover(&hold);
    ok(requests(&q) == 0 && requests(&t) == 2 && requests(&p) == 2
       && spent(&t, 0, START) == 60 && spent(&q, 0, START) == 0
       && t.account.held.cost == 0,
       "the request that no record tells of is not counted");

    admit(&hold, &t, &p, 90, 90, START, &s);
    commit(&hold, &actual, START);
    hold.postings[hold.current].paid = 1;
    llm_ledger_recover(&hold);
    ok(spent(&t, 0, START) == 60 && spent(&p, 0, START) == 90,
       "who has paid does not pay again");

    admit(&hold, &t, &p, 90, 90, START, &s);
    commit(&hold, &actual, START);
    redo.account = &t.account;
    redo.done = &hold.postings[hold.current].paid;
    redo.value = 1;
    redo.n = 1;
    redo_counters[0].spent = t.counters[0].spent;
    redo_counters[0].spent.cost += 30;
    redo_counters[0].unjournaled = t.counters[0].unjournaled;
    t.counters[0].spent.input_tokens = 999999;
    llm_redo(&redo);
    llm_redo(&redo);
    llm_ledger_settle(&hold);
    ok(spent(&t, 0, START) == 90 && spent(&p, 0, START) == 120
       && t.counters[0].spent.input_tokens != 999999,
       "a step that broke off is brought to its end");
}


static void
set_back(void)
{
    box_t           t, p;
    llm_hold_t      hold;
    llm_amounts_t   actual;
    llm_shortage_t  s;

    box_init(&t, LLM_ACCOUNT_VIRTUAL_KEY);
    box_init(&p, LLM_ACCOUNT_PROVIDER);
    actual = amounts(30, 7, 8);

    admit(&hold, &t, &p, 90, 90, START + 2 * DAY, &s);
    settle(&hold, &actual, START + 2 * DAY);
    admit(&hold, &t, &p, 90, 90, START, &s);
    settle(&hold, &actual, START);
    ok(t.counters[2].spent.cost == 30 && t.counters[2].spent.requests == 1
       && t.counters[2].start == llm_window_start(windows[2], START)
       && t.counters[0].spent.cost == 60,
       "where the clock is set back the windows follow");
}


static void
late(void)
{
    box_t           t, p;
    llm_hold_t      hold;
    llm_amounts_t   actual;
    llm_shortage_t  s;

    box_init(&t, LLM_ACCOUNT_VIRTUAL_KEY);
    box_init(&p, LLM_ACCOUNT_PROVIDER);
    actual = amounts(30, 7, 8);

    admit(&hold, &t, &p, 90, 90, START, &s);
    (void) spent(&t, 1, START + HOUR);
    settle(&hold, &actual, START);
    ok(spent(&t, 0, START) == 30 && spent(&t, 2, START) == 30
       && spent(&t, 1, START + HOUR) == 0,
       "a charge of a window that has turned since is not the next one's");

    memset(&hold, 0, sizeof(hold));
    hold.unjournaled = true;
    hold.redo = &redo;
    {
        unsigned         chosen;
        llm_party_t      tenants[1] = { party(&t) };
        llm_candidate_t  c[1] = { candidate(&p, 1, 5, 5) };

        llm_ledger_admit(&hold, tenants, 1, c, 1, START, &chosen, &s);
    }
    settle(&hold, &actual, START);
    ok(t.counters[0].unjournaled.cost == 30
       && t.counters[0].unjournaled.requests == 1
       && p.counters[0].unjournaled.input_tokens == 7
       && spent(&t, 0, START) == 60,
       "what no record tells of is remembered");
    (void) spent(&t, 2, START + 2 * DAY);
    ok(t.counters[2].unjournaled.cost == 0
       && t.counters[0].unjournaled.cost == 30, "until its window turns");
}


int
main(void)
{
    budgets();
    hard_and_soft();
    counts();
    tiers();
    choice();
    failover();
    extremes();
    never_exceeded();
    killed();
    late();
    set_back();
    random_life();

    return plan_done();
}
