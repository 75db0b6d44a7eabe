/*
 * What the files of the fold share: what is gathered in memory from a batch of
 * records, and then written into the one transaction.  All functions return
 * LMDB's or the system's error, 0 if all is well.
 */

#ifndef LLM_FOLD_PARTS_H
#define LLM_FOLD_PARTS_H

#include "fold.h"
#include "../rows/log.h"
#include "../rollups/rollup.h"


typedef struct llm_charges_s  llm_charges_t;
typedef struct llm_holds_s  llm_holds_t;


/* a segment as it was when the step began */
typedef struct {
    llm_segment_t        *segment;
    uint64_t              id;
    uint64_t              epoch;
    uint64_t              tail;
    uint64_t              head;
    uint64_t              position; /* reached */
    bool                  dead;     /* and its lock is ours */
    bool                  charged;
} llm_fold_segment_t;


typedef struct {
    const llm_fold_conf_t   *conf;
    llm_fold_result_t       *result;
    llm_segment_t          **all;
    unsigned                 nall;

    llm_fold_segment_t      *segments;      /* with something to do */
    unsigned                 n;
    llm_fold_segment_t       strays;        /* of segments that are gone */
    uint64_t                 rows_max;      /* of each */
    uint64_t                 bytes_max;

    /* from here on of one attempt at the transaction */
    llm_charges_t           *charges;
    llm_holds_t             *holds;
    llm_rollup_t            *rollup;
    llm_log_pieces_t         pieces;
    llm_row_t                row;
} llm_fold_t;


/* fold.c: fold->row, as it is in the log from now on */
int llm_fold_row(llm_fold_t *fold, llm_store_t *store, MDB_txn *txn,
    llm_fold_segment_t *of, llm_str_t encoded);


/* orphans.c: what was under way when its process died, of a segment; and of all
 * that were lost, or lost what they knew of it */
int llm_fold_orphans(llm_fold_t *fold, llm_store_t *store, MDB_txn *txn,
    llm_fold_segment_t *of);
int llm_fold_strays(llm_fold_t *fold, llm_store_t *store, MDB_txn *txn);


/* charge.c: what the rows of a batch charge, one sum for each counter */
llm_charges_t *llm_charges_create(const llm_fold_conf_t *conf); /* NULL: no
                                                                   memory */
void llm_charges_free(llm_charges_t *charges);
int llm_charges_row(llm_charges_t *charges, llm_store_t *store, MDB_txn *txn,
    uint64_t epoch, const llm_row_t *row);
int llm_charges_write(llm_charges_t *charges, llm_store_t *store,
    MDB_txn *txn);


/* holds.c: rows under way, in `holds` by segment and row id */
#define LLM_HOLDS_KEY  (8 + LLM_ROW_ID_SIZE)

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

/* the next segment, *segment or behind it, that has holds in the store;
 * MDB_NOTFOUND: there is none */
int llm_holds_segment(llm_store_t *store, MDB_txn *txn, uint64_t *segment);


/* position.c: how far each segment is folded; *known: the store says the same,
 * it need not be written */
int llm_position_get(llm_store_t *store, MDB_txn *txn, uint64_t id,
    uint64_t tail, uint64_t *position, bool *known);
int llm_position_put(llm_store_t *store, MDB_txn *txn, uint64_t id,
    uint64_t position, int64_t now_ms);

/* Segments that are free and older than what the store has of them (the power
 * failed): their next life must not begin before that, or nobody would read
 * it. */
int llm_position_behind(llm_store_t *store, MDB_txn *txn,
    llm_segment_t **segments, unsigned n);

/* forgets those that were not written for a month and are none of these */
int llm_position_forget(llm_store_t *store, MDB_txn *txn,
    llm_segment_t **segments, unsigned n, int64_t now_ms);


#endif /* LLM_FOLD_PARTS_H */
