/*
 * What the files of the fold share: what is gathered in memory from a batch of
 * records, and then written into the one transaction.  All functions return
 * LMDB's or the system's error, 0 if all is well.
 */

#ifndef LLM_FOLD_PARTS_H
#define LLM_FOLD_PARTS_H

#include "fold.h"
#include "rollup.h"


/* charge.c: what the rows of a batch charge, one sum for each counter */
typedef struct llm_charges_s  llm_charges_t;

llm_charges_t *llm_charges_create(const llm_fold_conf_t *conf); /* NULL: no
                                                                   memory */
void llm_charges_free(llm_charges_t *charges);
int llm_charges_row(llm_charges_t *charges, llm_store_t *store, MDB_txn *txn,
    uint64_t epoch, const llm_row_t *row);
int llm_charges_write(llm_charges_t *charges, llm_store_t *store,
    MDB_txn *txn);


/* holds.c: rows under way, in `holds` by segment and row id */
#define LLM_HOLDS_KEY  (8 + LLM_ROW_ID_SIZE)

typedef struct llm_holds_s  llm_holds_t;

llm_holds_t *llm_holds_create(void);            /* NULL: no memory */
void llm_holds_free(llm_holds_t *holds);

/* an attempt begins: `payload` stays where it is until _write() */
int llm_holds_place(llm_holds_t *holds, uint64_t segment, const void *id,
    llm_str_t payload);
int llm_holds_settle(llm_holds_t *holds, uint64_t segment, const void *id);
int llm_holds_write(llm_holds_t *holds, llm_store_t *store, MDB_txn *txn);

/* takes a hold of this segment out of the store: `payload` is in `copy`.
 * MDB_NOTFOUND: there is none left. */
int llm_holds_take(llm_store_t *store, MDB_txn *txn, uint64_t segment,
    unsigned char copy[LLM_ROW_MAX], llm_str_t *payload);


/* position.c: how far each segment is folded; *known: the store says the same,
 * it need not be written */
int llm_position_get(llm_store_t *store, MDB_txn *txn, uint64_t id,
    uint64_t tail, uint64_t *position, bool *known);
int llm_position_put(llm_store_t *store, MDB_txn *txn, uint64_t id,
    uint64_t position, int64_t now_ms);

/* forgets those that were not written for a month and are none of these */
int llm_position_forget(llm_store_t *store, MDB_txn *txn,
    llm_segment_t **segments, unsigned n, int64_t now_ms);


#endif /* LLM_FOLD_PARTS_H */
