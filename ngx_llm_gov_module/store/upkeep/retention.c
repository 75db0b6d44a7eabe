/*
 * What is old goes: rows with their content, rollups, names that nothing uses.
 */

#include "retention_parts.h"
#include "../rows/log.h"
#include "../rows/block.h"
#include "../counters/retired.h"
#include "../rollups/rollup_parts.h"
#include "../../wire/be.h"

#include <errno.h>
#include <stdlib.h>


/* of one step, some milliseconds' work each */
#define LLM_RETENTION_BLOCKS    8
#define LLM_RETENTION_ROWS      1024
#define LLM_RETENTION_CONTENT   1024
#define LLM_RETENTION_ROLLUPS   4096
#define LLM_RETENTION_NAMES     4096


static int llm_retention_step(llm_store_t *store, MDB_txn *txn, void *ctx);
static int llm_retention_rows(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn);
static int llm_retention_blocks(llm_retention_step_t *step,
    llm_store_t *store, MDB_txn *txn, llm_tally_t *tally, unsigned *n);
static int llm_retention_block(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn, llm_tally_t *tally, MDB_val *key);
static int llm_retention_recent(llm_retention_step_t *step,
    llm_store_t *store, MDB_txn *txn, llm_tally_t *tally);
static bool llm_retention_enough(const llm_retention_step_t *step,
    int64_t ended_ms);
static void llm_retention_freed(llm_retention_step_t *step, size_t bytes);
static int llm_retention_row(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn, llm_tally_t *tally);
static int llm_retention_said(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn);
static int llm_retention_content(llm_retention_step_t *step,
    llm_store_t *store, MDB_txn *txn);
static int llm_retention_names(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn);


int
llm_retention_run(llm_store_t *store, const llm_retention_t *retention,
    int64_t now_ms, bool *more)
{
    int                   rc;
    MDB_txn              *txn;
    llm_retention_step_t  step;

    *more = false;

    memset(&step, 0, sizeof(step));

    step.before_ms = (retention->rows_ms > 0) ? now_ms - retention->rows_ms
                                              : 0;
    step.minutes_ms = (retention->minutes_ms > 0)
                      ? now_ms - retention->minutes_ms : 0;
    step.hours_ms = (retention->hours_ms > 0) ? now_ms - retention->hours_ms
                                              : 0;
    step.today = (uint32_t) (now_ms / LLM_RETENTION_DAY_MS);

    rc = llm_store_read(store, &txn);

    if (rc != 0) {
        return llm_store_fail(store, "read", rc);
    }

    rc = llm_retention_look(&step, store, txn, retention);

    llm_store_read_end(store, txn);

    if (rc != 0) {
        return llm_store_fail(store, "read", rc);
    }

    if (!step.rows && step.excess == 0 && !step.content && !step.rollups
        && !step.names)
    {
        return LLM_OK;
    }

    if (llm_store_write(store, llm_retention_step, &step) != LLM_OK) {
        return LLM_ERROR;
    }

    *more = step.more;

    return LLM_OK;
}


/* may be called again from the start */
static int
llm_retention_step(llm_store_t *store, MDB_txn *txn, void *ctx)
{
    llm_retention_step_t  *step = ctx;

    int   rc;
    bool  more;

    rc = 0;
    more = false;
    step->left = step->excess;
    step->texts = 0;

    if (step->rows || step->excess > 0) {
        rc = llm_retention_rows(step, store, txn);
        step->more = true;
    }

    if (rc == 0 && step->content) {
        rc = llm_retention_content(step, store, txn);
    }

    if (rc == 0 && step->rollups) {
        rc = llm_rollup_retire(store, txn, step->minutes_ms, step->hours_ms,
                               LLM_RETENTION_ROLLUPS, &more);
        step->more |= more;
    }

    /* names go when nothing that goes before them has any of them */

    return (rc == 0 && step->names && !more)
           ? llm_retention_names(step, store, txn) : rc;
}


/* what rows had charged stays in `retired` */
static int
llm_retention_rows(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn)
{
    int           rc;
    unsigned      n;
    llm_tally_t  *tally;

    tally = llm_tally_create();

    if (tally == NULL) {
        return ENOMEM;
    }

    rc = llm_retention_blocks(step, store, txn, tally, &n);

    if (rc == 0 && n == 0) {
        rc = llm_retention_recent(step, store, txn, tally);
    }

    if (rc == 0) {
        rc = llm_retired_add(store, txn, tally);
    }

    llm_tally_free(tally);

    return rc;
}


static int
llm_retention_blocks(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn, llm_tally_t *tally, unsigned *n)
{
    int             rc;
    MDB_val         key, value;
    MDB_cursor     *cursor;
    unsigned char   name[8];
    llm_summary_t   summary;

    for (*n = 0; *n < LLM_RETENTION_BLOCKS; (*n)++) {

        rc = mdb_cursor_open(txn, store->summaries, &cursor);

        if (rc != 0) {
            return rc;
        }

        rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
        mdb_cursor_close(cursor);

        if (rc != 0) {
            return (rc == MDB_NOTFOUND) ? 0 : rc;
        }

        if (llm_summary_parse(&summary, &key, &value) != LLM_OK) {
            return MDB_CORRUPTED;
        }

        if (llm_retention_enough(step, summary.ended_max)) {
            return 0;
        }

        llm_be_put(name, 8, summary.first);
        key = (MDB_val) { sizeof(name), name };

        rc = llm_retention_block(step, store, txn, tally, &key);

        if (rc != 0) {
            return rc;
        }
    }

    return 0;
}


static int
llm_retention_block(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn, llm_tally_t *tally, MDB_val *key)
{
    int           rc;
    void         *copy;
    MDB_val       value;
    uint32_t      i;
    llm_block_t   block;

    rc = mdb_get(txn, store->blocks, key, &value);

    if (rc != 0) {
        return (rc == MDB_NOTFOUND) ? MDB_CORRUPTED : rc;
    }

    /* deleting content may move what the map holds */

    copy = malloc(value.mv_size);

    if (copy == NULL) {
        return ENOMEM;
    }

    memcpy(copy, value.mv_data, value.mv_size);

    rc = (llm_block_open(&block, copy, value.mv_size) == LLM_OK
          && llm_block_intact(&block))
         ? 0 : MDB_CORRUPTED;

    for (i = 0; rc == 0 && i < block.rows; i++) {
        llm_block_row(&block, i, &step->row);
        rc = llm_retention_row(step, store, txn, tally);
    }

    free(copy);
    llm_retention_freed(step, value.mv_size);

    if (rc == 0) {
        rc = mdb_del(txn, store->blocks, key, NULL);
    }

    return (rc == 0) ? mdb_del(txn, store->summaries, key, NULL) : rc;
}


/* rows that are too few for a block */
static int
llm_retention_recent(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn, llm_tally_t *tally)
{
    int             rc;
    MDB_val         key, value;
    unsigned        n;
    MDB_cursor     *cursor;
    unsigned char   copy[LLM_ROW_MAX];

    rc = mdb_cursor_open(txn, store->recent, &cursor);

    if (rc != 0) {
        return rc;
    }

    for (n = 0; n < LLM_RETENTION_ROWS && rc == 0; n++) {

        rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);

        if (rc != 0) {
            break;
        }

        if (value.mv_size > sizeof(copy)) {
            rc = MDB_CORRUPTED;
            break;
        }

        memcpy(copy, value.mv_data, value.mv_size);

        if (llm_row_decode(&step->row, (llm_str_t) { (char *) copy,
                                                     value.mv_size })
            != LLM_OK)
        {
            rc = MDB_CORRUPTED;
            break;
        }

        if (llm_retention_enough(step, step->row.ended_ms)) {
            break;
        }

        llm_retention_freed(step, value.mv_size);
        rc = llm_retention_row(step, store, txn, tally);

        if (rc == 0) {
            rc = mdb_cursor_del(cursor, 0);
        }
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


/* May what ended then stay, or has this transaction done its part?  Texts lie
 * on pages of their own, which are looked at one by one. */
static bool
llm_retention_enough(const llm_retention_step_t *step, int64_t ended_ms)
{
    return (ended_ms >= step->before_ms && step->left == 0)
           || step->texts >= LLM_RETENTION_CONTENT;
}


static void
llm_retention_freed(llm_retention_step_t *step, size_t bytes)
{
    step->left -= (bytes < step->left) ? bytes : step->left;
}


/* step->row goes, and its content */
static int
llm_retention_row(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn, llm_tally_t *tally)
{
    if (llm_tally_row(tally, &step->row) != LLM_OK) {
        return ENOMEM;
    }

    return step->row.content ? llm_retention_said(step, store, txn) : 0;
}


static int
llm_retention_said(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn)
{
    int            rc;
    MDB_val        key, value;
    unsigned char  name[LLM_ROW_ID_SIZE + 1];

    memcpy(name, step->row.id, LLM_ROW_ID_SIZE);
    key = (MDB_val) { sizeof(name), name };

    for (name[LLM_ROW_ID_SIZE] = 1;
         name[LLM_ROW_ID_SIZE] <= 2;
         name[LLM_ROW_ID_SIZE]++)
    {
        rc = mdb_get(txn, store->content, &key, &value);

        if (rc == 0) {
            step->texts++;
            llm_retention_freed(step, value.mv_size);
            rc = mdb_del(txn, store->content, &key, NULL);
        }

        if (rc != 0 && rc != MDB_NOTFOUND) {
            return rc;
        }
    }

    return 0;
}


static int
llm_retention_content(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn)
{
    int          rc;
    MDB_val      key, value;
    unsigned     n;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(txn, store->content, &cursor);

    if (rc != 0) {
        return rc;
    }

    for (n = 0; n < LLM_RETENTION_CONTENT && rc == 0; n++) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);

        if (rc == 0
            && llm_retention_received(&key)
               >= step->before_ms - LLM_RETENTION_DAY_MS)
        {
            break;
        }

        if (rc == 0) {
            rc = mdb_cursor_del(cursor, 0);
        }
    }

    mdb_cursor_close(cursor);

    step->more |= (n == LLM_RETENTION_CONTENT);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


/* once a day all names are looked through, a few at a time */
static int
llm_retention_names(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn)
{
    int            rc;
    bool           more;
    MDB_val        key, value;
    uint32_t       day;
    unsigned       i;
    uint64_t       swept[4];
    unsigned char  bytes[sizeof(swept)];

    rc = llm_retention_swept(store, txn, swept);

    if (rc != 0) {
        return rc;
    }

    /* hours go by whole days */

    day = (step->hours_ms > LLM_RETENTION_DAY_MS)
          ? (uint32_t) (step->hours_ms / LLM_RETENTION_DAY_MS) - 1 : 0;

    rc = llm_names_retire(store, txn, day, LLM_RETENTION_NAMES, swept, &more);

    if (rc != 0) {
        return rc;
    }

    if (!more) {
        swept[3] = step->today;
    }

    step->more |= more;

    for (i = 0; i < 4; i++) {
        llm_be_put(bytes + 8 * i, 8, swept[i]);
    }

    key = (MDB_val) { sizeof("names swept") - 1, "names swept" };
    value = (MDB_val) { sizeof(bytes), bytes };

    return mdb_put(txn, store->meta, &key, &value, 0);
}
