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
    llm_amounts_t   unjournaled;    /* the part of spent that no record of the
                                       journal tells of */
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


/*
 * What is being added to an account: written before it is done, so that whoever
 * takes the lock after its holder died brings it to its end.  One in each zone.
 */
typedef struct {
    llm_amounts_t   spent;
    llm_amounts_t   unjournaled;
} llm_redo_counter_t;

typedef struct {
    llm_account_t       *account;   /* NULL: nothing is under way */
    unsigned            *done;      /* in the hold: how many have paid */
    unsigned             value;
    unsigned             n;
    llm_redo_counter_t  *counters;  /* the caller's: as many as any account
                                       has */
} llm_redo_t;


/*
 * A charge, and the record of the journal that tells of it.  It is written
 * before its record, and paid after it: when the process dies, the accounts in
 * shared memory pay what the journal says.
 */
typedef struct {
    llm_account_t  *provider;       /* pays beside the tenants; NULL: none */
    llm_amounts_t   amounts;        /* requests: 0 */
    int64_t         at_ms;          /* in the windows of this moment */
    uint64_t        journal;        /* its segment's id; 0: there is none */
    uint64_t        position;
    uint64_t        serial;         /* within the hold; 0: not whole */
    unsigned        paid;           /* accounts that have paid it */
} llm_posting_t;


/* one request under way, in shared memory */
typedef struct {
    llm_account_t  *accounts[LLM_TIERS_MAX];    /* the last one: provider */
    unsigned        naccounts;
    unsigned        ntenants;
    llm_need_t      need;

    unsigned        counted;        /* accounts whose request is counted … */
    unsigned        told;           /* … and that a record tells of */
    int64_t         counted_ms;     /* when the others' were */

    llm_posting_t   postings[2];
    unsigned        current;        /* the one in force: of an attempt under
                                       way what it costs if its process dies */

    bool            unjournaled;    /* there will be no records */
    llm_redo_t     *redo;           /* the zone's */
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
 * The caller has zeroed *hold, but for `unjournaled` and `redo`.  LLM_ERROR:
 * *shortage says why (a tenant's limit if one is short, else a provider's;
 * account NULL if all candidates were excluded).
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

/*
 * The next charge, in three steps: _prepare() notes it, with the place that its
 * record is going to have in the journal (0, 0: it gets none); then the record
 * is written; then _commit().  At a place in time: windows that began later are
 * not touched.  The amounts that count are those of the posting returned.
 */
const llm_posting_t *llm_ledger_prepare(llm_hold_t *hold,
    llm_account_t *provider, const llm_amounts_t *amounts, int64_t at_ms,
    uint64_t journal, uint64_t position);
void llm_ledger_commit(llm_hold_t *hold);

/* there is to be no such record: the posting before stays in force */
void llm_ledger_cancel(llm_hold_t *hold);

/* what is prepared and not committed; NULL: nothing */
const llm_posting_t *llm_ledger_prepared(const llm_hold_t *hold);

/* Charges the committed posting to the tenants and its provider, once; the hold
 * stays: an attempt that cost something and failed over. */
void llm_ledger_charge(llm_hold_t *hold);

/* Charges the committed posting and ends the hold.  Idempotent: a second call
 * does nothing and returns LLM_AGAIN. */
int llm_ledger_settle(llm_hold_t *hold);

/* The same for a process that is gone: what was committed is charged, unless it
 * was charged already; requests that no record tells of are no more counted.
 * Called again it goes on where it was. */
void llm_ledger_recover(llm_hold_t *hold);

/* the caller has just got the lock: brings to its end what its holder before
 * may have died in */
void llm_redo(llm_redo_t *redo);


#endif /* LLM_LEDGER_H */
