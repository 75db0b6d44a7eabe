/*
 * Rollups: sums by minute and by hour over the dimensions that people group
 * spend by, exact, and kept when the rows are long gone.
 *
 * The plain dimensions of a rollup are customer, team, virtual key, provider,
 * region, model, dialect.  End users, sessions and tags have rollups of their
 * own beside them, each with the plain dimensions too: any report may use one
 * of the three.
 */

#ifndef LLM_ROLLUP_H
#define LLM_ROLLUP_H

#include "../rows/row.h"
#include "../store.h"


/* adds rows to the rollups, within one write transaction: gathered in memory
 * first, so that many rows of one minute are one write */
typedef struct llm_rollup_s  llm_rollup_t;

llm_rollup_t *llm_rollup_create(void);          /* NULL: no memory */
void llm_rollup_free(llm_rollup_t *rollup);
int llm_rollup_add(llm_rollup_t *rollup, const llm_row_t *row); /* LLM_ERROR:
                                                                   no memory */
/* LMDB's error; what was gathered stays until _reset() */
int llm_rollup_write(llm_rollup_t *rollup, llm_store_t *store, MDB_txn *txn);
void llm_rollup_reset(llm_rollup_t *rollup);


/* deletes minutes before `minutes_ms` and hours before `hours_ms`, at most
 * `max` records; *more: there are more */
int llm_rollup_retire(llm_store_t *store, MDB_txn *txn, int64_t minutes_ms,
    int64_t hours_ms, unsigned max, bool *more);


#endif /* LLM_ROLLUP_H */
