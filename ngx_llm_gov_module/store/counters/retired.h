/*
 * What was charged by rows that are gone, and which counters began in the
 * middle of their window; and the sums of what rows charge, by account.
 *
 * In `retired`, numbers little endian but in keys:
 *   'r', kind (1), name -> cost, requests, input, output tokens: of rows that
 *                          are gone
 *   'w', key of a counter of epoch 0 -> start (8) of the window in which it
 *                          came to an account that had charges already: what
 *                          was charged before is not in it
 *   'm' -> the latest time at which a row that is gone charged anything, ms
 */

#ifndef LLM_RETIRED_H
#define LLM_RETIRED_H

#include "record.h"
#include "../rows/row.h"
#include "../store.h"


/* one window of an account, for verify */
typedef struct {
    llm_window_t           window;
    int64_t                start;
    int64_t                end;         /* INT64_MAX: never */
    llm_amounts_t          found;
    llm_amounts_t          expected;
} llm_tally_window_t;

typedef struct {
    uint64_t               hash;
    llm_account_kind_t     kind;
    size_t                 name_len;
    char                   name[LLM_ACCOUNT_NAME_SIZE];
    llm_amounts_t          sum;         /* of all rows */
    unsigned               n;
    unsigned               size;
    llm_tally_window_t    *windows;
} llm_tally_account_t;

typedef struct {
    llm_tally_account_t  **table;
    size_t                 size;        /* a power of two */
    size_t                 n;
    int64_t                latest_ms;   /* of all charges */
} llm_tally_t;


/* NULL: no memory */
llm_tally_t *llm_tally_create(void);
void llm_tally_free(llm_tally_t *tally);

/* finds or adds; NULL: no memory, or no name that an account can have */
llm_tally_account_t *llm_tally_account(llm_tally_t *tally,
    llm_account_kind_t kind, llm_str_t name);

/* LLM_ERROR: no memory */
int llm_tally_window(llm_tally_account_t *account,
    const llm_tally_window_t *window);

/* adds what a row charges, to the sums and to the windows it falls in;
 * LLM_ERROR: no memory */
int llm_tally_row(llm_tally_t *tally, const llm_row_t *row);


/* adds a tally's sums to `retired`; LMDB's error */
int llm_retired_add(llm_store_t *store, MDB_txn *txn,
    const llm_tally_t *tally);

/* Notes a window that comes to an account that was charged before.  Called
 * when a counter has no record of its epoch; LMDB's error. */
int llm_retired_window(llm_store_t *store, MDB_txn *txn,
    const llm_record_t *record);

/* the start of the window that is not counted as a whole; INT64_MIN: none */
int llm_retired_window_start(llm_store_t *store, MDB_txn *txn,
    const llm_record_t *record, int64_t *start);

/* all counters of a store that had no rows yet become such that no row tells
 * of; LMDB's error */
int llm_retired_adopt(llm_store_t *store, MDB_txn *txn);

int llm_retired_get(llm_store_t *store, MDB_txn *txn, llm_account_kind_t kind,
    llm_str_t name, llm_amounts_t *amounts);

/* 'm'; INT64_MIN: no row has gone yet */
int llm_retired_latest(llm_store_t *store, MDB_txn *txn, int64_t *latest_ms);


#endif /* LLM_RETIRED_H */
