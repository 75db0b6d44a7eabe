/*
 * Alerts on their way: what was said already (`alerts`) and what is to be
 * delivered (`deliveries`), in the store, or in memory where there is none.
 * Both change in one transaction, so that nothing is said twice or lost by a
 * crash between them.  Pure C and LMDB.
 *
 * A delivery that is handed out is put off by a lease: if the process dies with
 * it, another one finds it again when that is over.
 */

#ifndef LLM_OUTBOX_H
#define LLM_OUTBOX_H

#include "../store/store.h"
#include "alert_text.h"


#define LLM_OUTBOX_CLAIMS    16
#define LLM_OUTBOX_LEASE_MS  20000
#define LLM_OUTBOX_UNKNOWN_MS  60000
#define LLM_OUTBOX_MEMORY    1024       /* deliveries kept without a store */
#define LLM_OUTBOX_KEY_MAX   (48 + LLM_ACCOUNT_NAME_SIZE)


typedef struct {
    unsigned char   id[LLM_ALERT_ID_SIZE];
    uint64_t        webhook;
    uint8_t         type;               /* llm_alert_type_t */
    uint32_t        tries;              /* this one too */
    int64_t         created_ms;
    int64_t         due_ms;             /* with the id: its key */
    char           *body;               /* malloc() */
    size_t          len;
} llm_delivery_t;


/* something happened: if the mark `key` does not have this state yet, it gets
 * it, and the delivery is put on its way */
typedef struct {
    unsigned char   key[LLM_OUTBOX_KEY_MAX];
    size_t          key_len;
    uint8_t         state;
    uint8_t         absent;             /* the state of who has no mark */
    int64_t         end_ms;             /* the mark means nothing after; 0:
                                           never */
    llm_delivery_t  delivery;           /* body NULL: only the mark; the
                                           caller frees it */
} llm_outbox_event_t;


/* what became of a delivery that was handed out */
typedef struct {
    unsigned char   id[LLM_ALERT_ID_SIZE];
    int64_t         due_ms;             /* as handed out */
    int64_t         next_ms;            /* 0: done with */
} llm_outbox_result_t;


/* a mark; zeroes: before the first one */
typedef struct {
    unsigned char   key[LLM_OUTBOX_KEY_MAX];
    size_t          len;
} llm_outbox_place_t;


typedef struct {
    int64_t                     now_ms;
    llm_outbox_event_t         *events;
    unsigned                    nevents;
    const llm_outbox_result_t  *results;
    unsigned                    nresults;
    unsigned                    room;   /* deliveries wanted, at most
                                           LLM_OUTBOX_CLAIMS */
    const llm_outbox_place_t   *clean;  /* drop marks of windows long over,
                                           some from here on; NULL: none */

    /* how many more a receiver may be given; -1: there is no such one, and
     * what is for it stays for a day */
    int                       (*takes)(uint64_t webhook, void *ctx);
    void                       *ctx;

    /* out */
    llm_delivery_t              claims[LLM_OUTBOX_CLAIMS];
                                        /* their bodies are the caller's */
    unsigned                    nclaims;
    uint64_t                    pending;    /* handed out ones too */
    unsigned                    lost;   /* no room in memory; damaged; of no
                                           known receiver for a day */
    llm_outbox_place_t          cleaned;    /* go on there; zeroes: done */
} llm_outbox_step_t;


/* zeroes to begin with; used where there is no store */
typedef struct {
    llm_delivery_t             *deliveries;
    unsigned                    n;
    unsigned                    size;
} llm_outbox_t;


/* keys of marks; they return the length */
size_t llm_outbox_budget_key(unsigned char key[LLM_OUTBOX_KEY_MAX],
    uint64_t webhook, llm_account_kind_t kind, llm_str_t name,
    const llm_limit_t *limit, int64_t start, unsigned threshold);
size_t llm_outbox_breaker_key(unsigned char key[LLM_OUTBOX_KEY_MAX],
    uint64_t webhook, llm_str_t name);

/*
 * Takes events and results, hands out what is due.  store NULL: in memory; then
 * every event is a new one.  LLM_ERROR: nothing was done (store's error, or no
 * memory).
 */
int llm_outbox_step(llm_outbox_t *outbox, llm_store_t *store,
    llm_outbox_step_t *step);

/* the deliveries in memory */
void llm_outbox_free(llm_outbox_t *outbox);


#endif /* LLM_OUTBOX_H */
