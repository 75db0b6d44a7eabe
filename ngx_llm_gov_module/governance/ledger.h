/*
 * The ledger: what every account has spent, what is held for requests under
 * way, and the one atomic check of a request over all of them.  Pure C over
 * structures that lie in shared memory: the caller holds the zone's lock around
 * every call here, and allocates.
 *
 * A hold is apart from spend and belongs to no window: when a window turns,
 * `spent` is zero again and the hold moves with its request.  So an account
 * needs one sum of holds, however many limits look at it, and a limit that is
 * added by a reload sees the requests already under way.
 */

#ifndef LLM_LEDGER_H
#define LLM_LEDGER_H

#include "window.h"


#define LLM_ACCOUNT_NAME_SIZE  128
#define LLM_TIERS_MAX          4    /* customer, team, virtual key, provider */


typedef enum {
    LLM_ACCOUNT_CUSTOMER = 1,
    LLM_ACCOUNT_TEAM,
    LLM_ACCOUNT_VIRTUAL_KEY,
    LLM_ACCOUNT_PROVIDER
} llm_account_kind_t;


typedef enum {
    LLM_METRIC_COST = 0,            /* nanodollars: a budget */
    LLM_METRIC_REQUESTS,
    LLM_METRIC_TOKENS,              /* input (cached ones too) and output */
    LLM_METRIC_INPUT_TOKENS,
    LLM_METRIC_OUTPUT_TOKENS,
    LLM_METRIC_CONCURRENCY          /* knows no window */
} llm_metric_t;


typedef enum {
    LLM_LIMIT_NORMAL = 0,           /* admitted while spent + held < limit */
    LLM_LIMIT_HARD,                 /* only if the worst case fits */
    LLM_LIMIT_SOFT                  /* never refuses */
} llm_limit_mode_t;


/* configuration; lives in the memory of the process */
typedef struct {
    llm_metric_t       metric;
    llm_limit_mode_t   mode;        /* requests, concurrency: always exact */
    llm_window_t       window;
    int64_t            amount;      /* nanodollars or a count */
} llm_limit_t;


typedef struct {
    int64_t   cost;                 /* nanodollars */
    int64_t   requests;
    int64_t   input_tokens;         /* cached ones too */
    int64_t   output_tokens;
} llm_amounts_t;


/* what was spent in one window of an account */
typedef struct {
    llm_window_t    window;
    int64_t         start;          /* llm_window_start(): the window's id */
    int64_t         end;            /* llm_window_end(), so that it need not be
                                       computed at every check; 0: not yet */
    llm_amounts_t   spent;
    llm_amounts_t   restored;       /* the part of spent that came from the
                                       store when the zone was made */
} llm_counter_t;


/* in shared memory; found by kind and name, so it outlives a reload.
 * counters[0] is the one that never resets.  Windows are only ever appended. */
typedef struct llm_account_s  llm_account_t;

struct llm_account_s {
    llm_account_t      *next;       /* in its hash bucket */
    llm_account_kind_t  kind;
    llm_amounts_t       held;       /* expected; requests: those under way */
    llm_amounts_t       held_worst; /* worst case, what HARD limits look at */
    uint64_t            refused;    /* requests that this account refused */
    llm_counter_t      *counters;
    uint16_t            ncounters;
    uint8_t             name_len;
    char                name[LLM_ACCOUNT_NAME_SIZE];
};


/* an account as one configuration sees it */
typedef struct {
    llm_account_t      *account;
    const llm_limit_t  *limits;
    unsigned            nlimits;
} llm_party_t;


typedef struct {
    llm_amounts_t   expected;       /* requests: 1 */
    llm_amounts_t   worst;
} llm_need_t;


/* one request under way, in shared memory */
typedef struct {
    llm_account_t  *accounts[LLM_TIERS_MAX];    /* the last one: provider */
    unsigned        naccounts;
    llm_need_t      need;
    bool            counted;        /* `requests` went to spent on admission */
} llm_hold_t;


/* which limit said no */
typedef struct {
    const llm_account_t  *account;
    const llm_limit_t    *limit;
    int64_t               spent;
    int64_t               held;     /* by others; as the limit sees it */
    int64_t               need;
    int64_t               reset_ms; /* since the epoch; 0: never */
} llm_shortage_t;


/* a provider that could take the request */
typedef struct {
    llm_party_t     provider;
    llm_need_t      need;           /* priced for this provider */
    unsigned        weight;         /* 0: backup, used when no other has room,
                                       in the given order */
    int64_t        *current;        /* smooth weighted round robin: the
                                       provider's state within its route, in
                                       shared memory */
    bool            excluded;       /* resting, or tried already */
    bool            preferred;      /* session affinity: first if it has room */
} llm_candidate_t;


/* Adds a window to an account that has room for it (`counters` is big enough);
 * returns its counter, which may have been there. */
llm_counter_t *llm_account_window(llm_account_t *account, llm_window_t window,
    unsigned capacity);

/* the counter of a window, NULL if the account has none; turned to now */
llm_counter_t *llm_account_counter(llm_account_t *account,
    llm_window_t window, int64_t now_ms);

/* spent and held as one limit sees them */
void llm_limit_state(const llm_party_t *party, const llm_limit_t *limit,
    int64_t now_ms, int64_t *spent, int64_t *held, int64_t *reset_ms);

/*
 * Admits a request: every limit of every tenant and of one candidate has room,
 * or nothing is taken.  The candidate is chosen by smooth weighted round robin
 * among those not excluded whose provider has room.  LLM_OK: *hold is placed
 * (requests are counted as spent at once), *chosen is the candidate's index.
 * LLM_ERROR: *shortage says why (a tenant's limit if one is short, else a
 * provider's; account NULL if all candidates were excluded).
 */
int llm_ledger_admit(llm_hold_t *hold, const llm_party_t *tenants,
    unsigned ntenants, llm_candidate_t *candidates, unsigned ncandidates,
    int64_t now_ms, unsigned *chosen, llm_shortage_t *shortage);

/* Failover: gives the provider's part back and admits the request on another
 * candidate, with its need for all tiers.  On LLM_ERROR the tenants' part is
 * still held, the provider's is not. */
int llm_ledger_move(llm_hold_t *hold, const llm_party_t *tenants,
    unsigned ntenants, llm_candidate_t *candidates, unsigned ncandidates,
    int64_t now_ms, unsigned *chosen, llm_shortage_t *shortage);

/* The stream runs past what was expected: raises the hold to `expected` where
 * that is more.  Never refuses. */
void llm_ledger_raise(llm_hold_t *hold, const llm_amounts_t *expected);

/* An attempt that cost something and failed over: charges its provider and the
 * tenants, the hold stays. */
void llm_ledger_charge(llm_hold_t *hold, const llm_amounts_t *actual,
    int64_t now_ms);

/* Ends the hold and charges `actual` (requests is ignored: counted already)
 * to all its accounts in the windows of now.  Idempotent: a second call does
 * nothing and returns LLM_AGAIN. */
int llm_ledger_settle(llm_hold_t *hold, const llm_amounts_t *actual,
    int64_t now_ms);


#endif /* LLM_LEDGER_H */
