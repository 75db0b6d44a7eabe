/*
 * One step of the fold: a batch of the journal's records, gathered in memory,
 * then written.
 */

#include "fold_parts.h"
#include "../counters/counters.h"
#include "../rows/log.h"

#include <errno.h>
#include <stdlib.h>


/* of one step, over all segments */
#define LLM_FOLD_ROWS        20000
#define LLM_FOLD_BYTES       (16 * 1024 * 1024)

/* of one segment at least, however many there are */
#define LLM_FOLD_ROWS_MIN    256
#define LLM_FOLD_BYTES_MIN   (64 * 1024)

#define LLM_FOLD_BLOCKS      (LLM_FOLD_ROWS / LLM_BLOCK_ROWS + 2)


static int llm_fold_begin(llm_fold_t *fold);
static bool llm_fold_look(llm_fold_segment_t *of, llm_segment_t *segment);
static void llm_fold_end(llm_fold_t *fold);
static int llm_fold_step(llm_store_t *store, MDB_txn *txn, void *ctx);
static int llm_fold_again(llm_fold_t *fold);
static void llm_fold_drop(llm_fold_t *fold);
static int llm_fold_gather(llm_fold_t *fold, llm_store_t *store, MDB_txn *txn);
static int llm_fold_segment(llm_fold_t *fold, llm_store_t *store,
    MDB_txn *txn, llm_fold_segment_t *of);
static int llm_fold_record(llm_fold_t *fold, llm_store_t *store, MDB_txn *txn,
    llm_fold_segment_t *of, const llm_journal_record_t *record);
static int llm_fold_write(llm_fold_t *fold, llm_store_t *store, MDB_txn *txn);
static void llm_fold_committed(llm_fold_t *fold);


int
llm_fold(llm_store_t *store, llm_segment_t **segments, unsigned n,
    const llm_fold_conf_t *conf, llm_fold_result_t *result)
{
    int         rc;
    llm_fold_t  fold;

    memset(result, 0, sizeof(llm_fold_result_t));
    memset(&fold, 0, sizeof(llm_fold_t));

    fold.conf = conf;
    fold.result = result;
    fold.all = segments;
    fold.nall = n;

    if (llm_fold_begin(&fold) != 0) {
        return llm_store_fail(store, "write to", ENOMEM);
    }

    rc = (fold.n > 0 || conf->alone)
         ? llm_store_write(store, llm_fold_step, &fold) : LLM_OK;

    if (rc == LLM_OK) {
        llm_fold_committed(&fold);

    } else {
        memset(result, 0, sizeof(llm_fold_result_t));
    }

    llm_fold_end(&fold);

    return rc;
}


/* which segments there is something to do about */
static int
llm_fold_begin(llm_fold_t *fold)
{
    unsigned  i;

    fold->segments = calloc(fold->nall + 1, sizeof(llm_fold_segment_t));

    if (fold->segments == NULL) {
        return ENOMEM;
    }

    for (i = 0; i < fold->nall; i++) {
        if (llm_fold_look(&fold->segments[fold->n], fold->all[i])) {
            fold->n++;
        }
    }

    if (fold->n > 0) {
        fold->rows_max = LLM_FOLD_ROWS / fold->n + LLM_FOLD_ROWS_MIN;
        fold->bytes_max = LLM_FOLD_BYTES / fold->n + LLM_FOLD_BYTES_MIN;
    }

    return 0;
}


/*
 * Is there something to do?  Another process may fold the segment, too, and
 * give it to its next writer, who may belong to another epoch: so the head goes
 * first.  What lies before it is either of that epoch, or has been folded.
 */
static bool
llm_fold_look(llm_fold_segment_t *of, llm_segment_t *segment)
{
    if (llm_segment_idle(segment)) {
        return false;
    }

    of->segment = segment;
    of->dead = !llm_segment_busy(segment);

    of->head = llm_segment_head(segment);
    of->tail = llm_segment_tail(segment);
    of->epoch = llm_segment_epoch(segment);
    of->id = llm_segment_id(segment);

    return of->dead || of->tail < of->head;
}


static void
llm_fold_end(llm_fold_t *fold)
{
    unsigned  i;

    for (i = 0; i < fold->n; i++) {
        if (fold->segments[i].dead) {
            llm_segment_unlock(fold->segments[i].segment);
        }
    }

    llm_fold_drop(fold);
    free(fold->segments);
}


static int
llm_fold_step(llm_store_t *store, MDB_txn *txn, void *ctx)
{
    llm_fold_t *fold = ctx;

    int  rc;

    rc = llm_fold_again(fold);

    if (rc == 0) {
        rc = llm_fold_gather(fold, store, txn);
    }

    return (rc == 0) ? llm_fold_write(fold, store, txn) : rc;
}


/* a step is done again from its start when the map was full */
static int
llm_fold_again(llm_fold_t *fold)
{
    llm_fold_drop(fold);

    memset(fold->result, 0, sizeof(llm_fold_result_t));

    fold->charges = llm_charges_create(fold->conf);
    fold->holds = llm_holds_create();
    fold->rollup = llm_rollup_create();
    llm_log_pieces_init(&fold->pieces);

    if (fold->charges == NULL || fold->holds == NULL || fold->rollup == NULL) {
        return ENOMEM;
    }

    return 0;
}


static void
llm_fold_drop(llm_fold_t *fold)
{
    if (fold->charges != NULL) {
        llm_charges_free(fold->charges);
        fold->charges = NULL;
    }

    if (fold->holds != NULL) {
        llm_holds_free(fold->holds);
        fold->holds = NULL;
    }

    if (fold->rollup != NULL) {
        llm_rollup_free(fold->rollup);
        fold->rollup = NULL;
    }

    llm_log_pieces_free(&fold->pieces);
}


static int
llm_fold_gather(llm_fold_t *fold, llm_store_t *store, MDB_txn *txn)
{
    int       rc;
    unsigned  i;

    for (i = 0; i < fold->n; i++) {
        rc = llm_fold_segment(fold, store, txn, &fold->segments[i]);

        if (rc != 0) {
            return rc;
        }
    }

    rc = llm_log_pieces_end(&fold->pieces, store, txn);

    if (rc == 0) {
        rc = llm_holds_write(fold->holds, store, txn);
    }

    for (i = 0; rc == 0 && i < fold->n; i++) {
        rc = llm_fold_orphans(fold, store, txn, &fold->segments[i]);
    }

    if (rc == 0 && fold->conf->alone) {
        rc = llm_fold_strays(fold, store, txn);
    }

    if (rc == 0 && fold->conf->alone) {
        rc = llm_position_behind(store, txn, fold->all, fold->nall);
    }

    return rc;
}


static int
llm_fold_segment(llm_fold_t *fold, llm_store_t *store, MDB_txn *txn,
    llm_fold_segment_t *of)
{
    int                    rc;
    bool                   known;
    uint64_t               begin, next, rows;
    llm_journal_record_t   record;

    rc = llm_position_get(store, txn, of->id, of->tail, &begin, &known);

    of->charged = false;
    of->position = begin;
    rows = fold->result->rows;

    while (rc == 0 && of->position < of->head) {

        if (fold->result->rows - rows >= fold->rows_max
            || of->position - begin >= fold->bytes_max)
        {
            fold->result->more = true;
            break;
        }

        if (llm_segment_read(of->segment, of->position, &record, &next)
            == LLM_OK)
        {
            next = record.next;
            rc = llm_fold_record(fold, store, txn, of, &record);

        } else {
            fold->result->damaged += next - of->position;
        }

        if (next <= of->position) {
            break;
        }

        of->position = next;
    }

    fold->result->bytes += of->position - begin;

    if (rc != 0 || (known && of->position == begin)) {
        return rc;
    }

    return llm_position_put(store, txn, of->id, of->position,
                            fold->conf->now_ms);
}


/* what cannot be understood is lost like what cannot be read */
static int
llm_fold_record(llm_fold_t *fold, llm_store_t *store, MDB_txn *txn,
    llm_fold_segment_t *of, const llm_journal_record_t *record)
{
    int        rc;
    llm_str_t  payload;

    payload = record->payload;

    switch (record->kind) {

    case LLM_JOURNAL_PAD:
        return 0;

    case LLM_JOURNAL_HOLD:

        if (llm_row_decode(&fold->row, payload) == LLM_OK) {
            return llm_holds_place(fold->holds, of->id, fold->row.id, payload);
        }

        break;

    case LLM_JOURNAL_SETTLE:

        if (llm_row_decode(&fold->row, payload) == LLM_OK) {
            rc = llm_holds_settle(fold->holds, of->id, fold->row.id);

            return (rc == 0) ? llm_fold_row(fold, store, txn, of, payload)
                             : rc;
        }

        break;

    case LLM_JOURNAL_CONTENT:

        if (payload.len >= LLM_LOG_PIECE) {
            return llm_log_pieces_add(&fold->pieces, store, txn, payload);
        }

        break;
    }

    fold->result->damaged += record->next - record->position;

    return 0;
}


int
llm_fold_row(llm_fold_t *fold, llm_store_t *store, MDB_txn *txn,
    llm_fold_segment_t *of, llm_str_t encoded)
{
    int       rc;
    uint64_t  seq;

    rc = llm_log_append(store, txn, encoded, &seq);

    if (rc == 0) {
        rc = llm_charges_row(fold->charges, store, txn, of->epoch, &fold->row);
    }

    if (rc == 0 && llm_rollup_add(fold->rollup, &fold->row) != LLM_OK) {
        rc = ENOMEM;
    }

    of->charged = true;
    fold->result->rows++;

    return rc;
}


static int
llm_fold_write(llm_fold_t *fold, llm_store_t *store, MDB_txn *txn)
{
    int       rc;
    unsigned  i;

    rc = llm_charges_write(fold->charges, store, txn);

    if (rc == 0) {
        rc = llm_rollup_write(fold->rollup, store, txn);
    }

    if (rc == 0) {
        rc = llm_log_seal(store, txn, LLM_FOLD_BLOCKS);
    }

    if (rc == 0) {
        rc = llm_position_forget(store, txn, fold->all, fold->nall,
                                 fold->conf->now_ms);
    }

    for (i = 0; rc == 0 && i < fold->n; i++) {
        if (fold->segments[i].charged) {
            rc = llm_counters_seen(store, txn, fold->segments[i].epoch,
                                   fold->conf->now_ms);
        }
    }

    if (rc == 0 && fold->strays.charged) {
        rc = llm_counters_seen(store, txn, fold->strays.epoch,
                               fold->conf->now_ms);
    }

    return rc;
}


static void
llm_fold_committed(llm_fold_t *fold)
{
    unsigned                i;
    llm_fold_segment_t     *of;
    const llm_fold_conf_t  *conf;

    conf = fold->conf;

    for (i = 0; i < fold->n; i++) {
        of = &fold->segments[i];

        llm_segment_fold(of->segment, of->position);

        if (of->dead && of->position >= of->head
            && (conf->recyclable == NULL
                || conf->recyclable(of->segment, conf->ctx)))
        {
            llm_segment_recycle(of->segment, false);
        }
    }
}
