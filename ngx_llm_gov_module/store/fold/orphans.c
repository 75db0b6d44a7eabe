/*
 * Calls whose process is gone: what the store has of them is what they charge.
 */

#include "fold_parts.h"
#include "../counters/record.h"


static bool llm_fold_used(const llm_fold_t *fold, uint64_t id);
static int llm_fold_take(llm_fold_t *fold, llm_store_t *store, MDB_txn *txn,
    llm_fold_segment_t *of);
static void llm_fold_recover(llm_fold_t *fold);


int
llm_fold_orphans(llm_fold_t *fold, llm_store_t *store, MDB_txn *txn,
    llm_fold_segment_t *of)
{
    if (!of->dead || of->position < of->head) {
        return 0;
    }

    return llm_fold_take(fold, store, txn, of);
}


/* is it there, and a process writes it, or has left it behind? */
static bool
llm_fold_used(const llm_fold_t *fold, uint64_t id)
{
    unsigned  i;

    for (i = 0; i < fold->nall; i++) {
        if (llm_segment_id(fold->all[i]) == id) {
            return !llm_segment_idle(fold->all[i]);
        }
    }

    return false;
}


int
llm_fold_strays(llm_fold_t *fold, llm_store_t *store, MDB_txn *txn)
{
    int                  rc;
    llm_fold_segment_t  *strays;

    strays = &fold->strays;
    memset(strays, 0, sizeof(llm_fold_segment_t));

    /* nobody knows the life of the gateway that they were charged in */

    strays->epoch = LLM_RECORD_BASE;

    while ((rc = llm_holds_segment(store, txn, &strays->id)) == 0) {

        if (!llm_fold_used(fold, strays->id)) {
            rc = llm_fold_take(fold, store, txn, strays);

            if (rc != 0) {
                return rc;
            }
        }

        if (++strays->id == 0) {
            return 0;
        }
    }

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


/* the holds that the store has of a segment, as rows */
static int
llm_fold_take(llm_fold_t *fold, llm_store_t *store, MDB_txn *txn,
    llm_fold_segment_t *of)
{
    int             rc;
    size_t          len;
    llm_str_t       payload;
    unsigned char   hold[LLM_ROW_MAX], encoded[LLM_ROW_MAX];

    while ((rc = llm_holds_take(store, txn, of->id, hold, &payload)) == 0) {

        if (llm_row_decode(&fold->row, payload) != LLM_OK) {
            fold->result->damaged += payload.len;
            continue;
        }

        llm_fold_recover(fold);

        len = llm_row_encode(&fold->row, encoded, sizeof(encoded));
        rc = llm_fold_row(fold, store, txn, of,
                          (llm_str_t) { (char *) encoded, len });

        if (rc != 0) {
            return rc;
        }

        fold->result->recovered++;
    }

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


/* never a refund on doubt: it is charged as it was expected to end */
static void
llm_fold_recover(llm_fold_t *fold)
{
    unsigned    i;
    llm_row_t  *row;

    row = &fold->row;

    row->recovered = true;
    row->ended_ms = fold->conf->now_ms;
    row->error = LLM_ERROR_GATEWAY_DIED;

    if (row->price_status == LLM_PRICE_EXACT) {
        row->price_status = LLM_PRICE_ESTIMATED;
    }

    for (i = 0; i < row->nattempts; i++) {
        if (row->attempts[i].ended_ms == 0) {
            row->attempts[i].ended_ms = row->ended_ms;
        }
    }
}
