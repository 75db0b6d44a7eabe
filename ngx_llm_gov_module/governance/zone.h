/*
 * The shared memory zone (`llm_zone`): accounts, holds, what was learned, the
 * providers' health, addresses and credentials, and the metrics.  It survives
 * reload and the death of a worker; its only lock is the slab pool's own mutex,
 * which the master frees when its holder dies.
 *
 * Nothing in it points outside: no configuration, no pool, no function.
 */

#ifndef NGX_HTTP_LLM_ZONE_H
#define NGX_HTTP_LLM_ZONE_H

#include "../ngx_http_llm.h"
#include "estimate.h"
#include "series.h"


#define NGX_HTTP_LLM_ADDRESSES      8
#define NGX_HTTP_LLM_LEARNED        4096


typedef struct {
    socklen_t                   socklen;
    ngx_sockaddr_t              sockaddr;   /* with the provider's port */
} ngx_http_llm_address_t;


/*
 * A provider's shared part, found again by name after a reload.  `addresses`
 * and `credentials` are written by the background process only and read by
 * anyone without a lock: seqlocks (odd while being written).
 */
struct ngx_http_llm_slot_s {
    ngx_http_llm_slot_t        *next;
    llm_account_t              *account;
    llm_health_t                health;     /* under the zone's lock */

    ngx_atomic_t                addresses_seq;
    ngx_uint_t                  naddresses;
    ngx_http_llm_address_t      addresses[NGX_HTTP_LLM_ADDRESSES];
    int64_t                     resolved_ms;
    char                        resolve_error[96];

    ngx_atomic_t                credentials_seq;
    llm_credentials_t           credentials;
    ngx_atomic_t                refresh;    /* set by a worker: AWS refused
                                               them, fetch now */
};


/* smooth weighted round robin: one target's state, found by route + provider */
typedef struct ngx_http_llm_turn_s  ngx_http_llm_turn_t;

struct ngx_http_llm_turn_s {
    ngx_http_llm_turn_t        *next;
    int64_t                     current;
    uint32_t                    hash;
    uint32_t                    len;
    u_char                      name[1];    /* "route/provider" */
};


/* one admitted request */
struct ngx_http_llm_hold_s {
    ngx_queue_t                 queue;      /* in shared->holds */
    llm_hold_t                  hold;
    ngx_pid_t                   pid;        /* of its worker … */
    uint64_t                    born;       /* … and when that was started, as
                                               a pid is used again */
    int64_t                     started_ms;
    uint64_t                    id;
    ngx_flag_t                  sent;       /* it went to a provider: it will be
                                               charged, whoever dies */
    llm_usage_t                 estimated;  /* what is expected of the attempt,
                                               tokens … */
    int64_t                     estimated_cost;     /* … and nanodollars */
    ngx_http_llm_labels_t       labels;     /* for the series, see series.h */
};


/* deliveries of alerts, since the zone was made */
typedef struct {
    uint64_t                    delivered;
    uint64_t                    failed;         /* tries, to be done again */
    uint64_t                    given_up;
    uint64_t                    pending;
    int64_t                     error_ms;       /* of the last failure; 0 */
    char                        error[192];     /* shows no secret */
} ngx_http_llm_alerts_state_t;


/* a hold on its way into the queue or out of it: whoever takes the lock after
 * its holder died brings it to its end */
typedef struct {
    ngx_queue_t                *prev;       /* NULL: nothing is under way */
    ngx_queue_t                *next;
    ngx_queue_t                *hold;       /* NULL: it goes */
    ngx_uint_t                  nholds;     /* afterwards */
} ngx_http_llm_relink_t;


struct ngx_http_llm_shared_s {
    uint32_t                    magic;
    uint32_t                    version;
    uint64_t                    epoch;      /* random, made with the zone */
    int64_t                     created_ms;

    llm_account_t             **buckets;    /* by kind and name */
    ngx_uint_t                  nbuckets;
    ngx_uint_t                  naccounts;

    ngx_http_llm_slot_t        *slots;
    ngx_http_llm_turn_t        *turns;

    llm_redo_t                  redo;
    ngx_uint_t                  redo_size;  /* windows it has room for */
    int64_t                     clock_ms;   /* see ngx_http_llm_zone_now() */

    ngx_queue_t                 holds;
    ngx_uint_t                  nholds;
    ngx_http_llm_relink_t       relink;
    ngx_queue_t                *spare_holds;    /* by ->next: the slab pool
                                               does not outlive a process that
                                               is killed within it */
    ngx_uint_t                  recount;    /* sums of holds are to be made
                                               anew */
    uint64_t                    minted;     /* holds so far: their ids are
                                               epoch + minted */

    llm_learned_t              *learned;    /* NGX_HTTP_LLM_LEARNED entries */

    ngx_http_llm_series_t      *series;

    ngx_uint_t                  strays;     /* calls may be left whose journal
                                               was lost, see folding.c */

    /* the store, for status and metrics */
    int64_t                     stored_ms;      /* last fold; 0: never */
    int64_t                     store_error_ms;
    char                        store_error[512];   /* empty: all is well */
    uint64_t                    store_lag;      /* bytes of the journal that
                                                   are not in it yet */
    uint64_t                    stored_rows;
    uint64_t                    stored_recovered;   /* rows of processes that
                                                       are gone */
    uint64_t                    lost_bytes;     /* of the journal: damaged */
    uint64_t                    recovered;  /* holds settled for dead workers */

    ngx_http_llm_alerts_state_t  alerts;

    /* the journal: what it did not get, and why */
    uint64_t                    unjournaled;    /* requests charged without */
    uint64_t                    unlogged_refusals;  /* rows left out */
    uint64_t                    unlogged_content;
    int64_t                     journal_error_ms;   /* 0: never */
    char                        journal_error[512]; /* empty: all is well */
};


/* what the fixed parts need, and some hundred accounts and holds */
#define NGX_HTTP_LLM_ZONE_MIN       (2 * 1024 * 1024)


/* `llm_zone name:size;` for the main conf; the setter of the directive */
char *ngx_http_llm_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* adds the zone to the configuration and sets lmcf->zone; logs what is wrong.
 * The setter calls it, and whoever wants a zone where no directive asked for
 * one. */
ngx_int_t ngx_http_llm_zone_add(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf, ngx_str_t *name, size_t size);

/*
 * Called by the zone's init (in the master, before the workers): finds or makes
 * the account of every tenant and provider, the providers' slots and the
 * routes' turns, and sets the pointers in the configuration.
 */
ngx_int_t ngx_http_llm_zone_bind(ngx_http_llm_main_conf_t *lmcf);

/* the zone's only lock; never held across a system call */
void ngx_http_llm_lock(ngx_http_llm_main_conf_t *lmcf);
void ngx_http_llm_unlock(ngx_http_llm_main_conf_t *lmcf);

/* the caller holds the lock; NULL: there is none */
llm_account_t *ngx_http_llm_account_find(ngx_http_llm_main_conf_t *lmcf,
    llm_account_kind_t kind, ngx_str_t *name);

/* find or make; the caller holds the lock.  NULL: the zone is full or the name
 * too long; not logged, as nothing is written under the lock.  A counter's
 * address holds only until the lock is given back. */
llm_account_t *ngx_http_llm_account(ngx_http_llm_main_conf_t *lmcf,
    llm_account_kind_t kind, ngx_str_t *name);
llm_counter_t *ngx_http_llm_account_window(ngx_http_llm_main_conf_t *lmcf,
    llm_account_t *account, llm_window_t window);

/*
 * The time that the ledger counts by, of this event loop's turn or of another
 * worker's that was later: it does not go back, so that what one worker counts
 * never belongs to a window that another one has ended.  (Where the system's
 * clock is set back it follows.)  The caller holds the lock.
 */
int64_t ngx_http_llm_zone_now(ngx_http_llm_main_conf_t *lmcf);
/* the same without the lock, for what is charged soon */
int64_t ngx_http_llm_zone_time(ngx_http_llm_main_conf_t *lmcf);

/* a new hold, queued, with this process's pid; the caller holds the lock.
 * NULL: the zone is full (not logged). */
ngx_http_llm_hold_t *ngx_http_llm_hold_alloc(ngx_http_llm_main_conf_t *lmcf);
/* unqueues and frees a settled hold; the caller holds the lock */
void ngx_http_llm_hold_free(ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_hold_t *hold);

/* what the journal says of processes that are gone */
typedef struct {
    /* looks which segments there are, when it is known who is gone */
    void                      (*look)(void *data);

    /* was the record at this place written?  Called under the lock. */
    bool                      (*published)(uint64_t journal, uint64_t position,
                                           void *data);
    void                       *data;
} ngx_http_llm_recovery_t;

/* when this process was started, for its holds; once, before there are any */
void ngx_http_llm_holds_init(void);

/*
 * Settles the holds of workers that are gone, so that each account is charged
 * in shared memory what the journal's records say: the last one that was
 * written, be it that of the attempt under way (as estimated) or the final one;
 * where there is none it is released, and its request is no more counted.
 * Without a journal (recovery: NULL) what had been sent is charged as
 * estimated, the rest released.  Called by the background process each second,
 * before the journal of a worker that is gone is given to another; returns how
 * many.
 */
ngx_uint_t ngx_http_llm_holds_recover(ngx_http_llm_main_conf_t *lmcf,
    const ngx_http_llm_recovery_t *recovery);

/* consistent copies of what the background process publishes; credentials of
 * generation 0 and 0 addresses mean: none yet */
void ngx_http_llm_slot_credentials(ngx_http_llm_slot_t *slot,
    llm_credentials_t *copy);
ngx_uint_t ngx_http_llm_slot_addresses(ngx_http_llm_slot_t *slot,
    ngx_http_llm_address_t copy[NGX_HTTP_LLM_ADDRESSES]);

/* and the writer's side */
void ngx_http_llm_slot_set_credentials(ngx_http_llm_slot_t *slot,
    const llm_credentials_t *credentials);
void ngx_http_llm_slot_set_addresses(ngx_http_llm_slot_t *slot,
    const ngx_http_llm_address_t *addresses, ngx_uint_t n, int64_t now_ms);


#endif /* NGX_HTTP_LLM_ZONE_H */
