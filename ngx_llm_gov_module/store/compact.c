/*
 * Folding what is old in the mirror: the records of epochs that ended into
 * one, those of windows that are over into nothing.
 */

#include "environment.h"

#include <errno.h>


#define LLM_MIRROR_SILENT_MS  (24 * 3600 * 1000)


/* one (kind, name, window) on the way through its epochs */
typedef struct {
    llm_str_t      prefix;          /* the key without its epoch */
    llm_record_t   base;
    bool           changed;
} llm_mirror_fold_t;


static int llm_mirror_compact_step(llm_mirror_t *mirror, MDB_txn *txn);
static int llm_mirror_fold_record(llm_mirror_t *mirror, MDB_txn *txn,
    llm_mirror_fold_t *fold, const llm_record_t *record, llm_str_t prefix);
static int llm_mirror_fold_end(llm_mirror_t *mirror, llm_mirror_fold_t *fold);
static int llm_mirror_drop_epochs(llm_mirror_t *mirror, MDB_txn *txn);
static bool llm_mirror_silent(const llm_mirror_t *mirror, uint64_t epoch,
    const MDB_val *seen);


int
llm_mirror_compact(llm_mirror_t *mirror, uint64_t live, int64_t now_ms)
{
    int  rc;

    mirror->compact_live = live;
    mirror->compact_now_ms = now_ms;

    rc = llm_mirror_write(mirror, llm_mirror_compact_step, 0);

    mirror->pending.len = 0;
    mirror->pending.failed = false;

    return rc;
}


static int
llm_mirror_compact_step(llm_mirror_t *mirror, MDB_txn *txn)
{
    int                 rc;
    MDB_val             key, value;
    llm_str_t           prefix;
    MDB_cursor         *cursor;
    llm_record_t        record;
    llm_mirror_fold_t   fold;

    memset(&fold, 0, sizeof(fold));
    mirror->pending.len = 0;

    rc = mdb_cursor_open(txn, mirror->counters, &cursor);

    if (rc != 0) {
        return rc;
    }

    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {

        if (llm_record_parse(&record,
                             (llm_str_t) { key.mv_data, key.mv_size },
                             (llm_str_t) { value.mv_data, value.mv_size })
            != LLM_OK)
        {
            rc = MDB_CORRUPTED;
            break;
        }

        prefix = (llm_str_t) { key.mv_data,
                               key.mv_size - LLM_RECORD_EPOCH_SIZE };

        rc = llm_mirror_fold_record(mirror, txn, &fold, &record, prefix);

        if (rc != 0) {
            break;
        }
    }

    if (rc == MDB_NOTFOUND) {
        rc = llm_mirror_fold_end(mirror, &fold);
    }

    mdb_cursor_close(cursor);

    return (rc == 0) ? llm_mirror_drop_epochs(mirror, txn) : rc;
}


static int
llm_mirror_fold_record(llm_mirror_t *mirror, MDB_txn *txn,
    llm_mirror_fold_t *fold, const llm_record_t *record, llm_str_t prefix)
{
    int            rc;
    MDB_val        key, seen;
    unsigned char  name[LLM_RECORD_EPOCH_SIZE];

    if (!llm_str_eq(fold->prefix, prefix)) {
        rc = llm_mirror_fold_end(mirror, fold);

        if (rc != 0) {
            return rc;
        }

        fold->prefix = prefix;
        fold->base = *record;
        fold->base.epoch = LLM_RECORD_BASE;
        fold->base.start = llm_window_start(record->window,
                                            mirror->compact_now_ms);
        memset(&fold->base.spent, 0, sizeof(llm_amounts_t));
    }

    if (record->start > fold->base.start) {
        /* the clock was set back: its window is still to come */
        return 0;
    }

    if (record->epoch != LLM_RECORD_BASE) {
        llm_record_epoch_key(record->epoch, name);
        key = (MDB_val) { sizeof(name), name };

        rc = mdb_get(txn, mirror->epochs, &key, &seen);

        if (rc != 0 && rc != MDB_NOTFOUND) {
            return rc;
        }

        if (!llm_mirror_silent(mirror, record->epoch, rc == 0 ? &seen : NULL))
        {
            return 0;
        }

        fold->changed = true;
    }

    if (record->start == fold->base.start) {
        llm_mirror_add(&fold->base.spent, &record->spent);

        if (record->epoch == LLM_RECORD_BASE) {
            return 0;
        }
    }

    return (llm_mirror_gather(mirror, LLM_MIRROR_DELETE, record) == LLM_OK)
           ? 0 : ENOMEM;
}


/* the base record gets what its dead epochs had */
static int
llm_mirror_fold_end(llm_mirror_t *mirror, llm_mirror_fold_t *fold)
{
    llm_amounts_t  *spent;

    spent = &fold->base.spent;

    if (fold->changed
        && (spent->cost != 0 || spent->requests != 0
            || spent->input_tokens != 0 || spent->output_tokens != 0)
        && llm_mirror_gather(mirror, LLM_MIRROR_PUT, &fold->base) != LLM_OK)
    {
        return ENOMEM;
    }

    fold->changed = false;

    return 0;
}


static int
llm_mirror_drop_epochs(llm_mirror_t *mirror, MDB_txn *txn)
{
    int          rc;
    MDB_val      key, seen;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(txn, mirror->epochs, &cursor);

    if (rc != 0) {
        return rc;
    }

    while ((rc = mdb_cursor_get(cursor, &key, &seen, MDB_NEXT)) == 0) {

        if (key.mv_size != LLM_RECORD_EPOCH_SIZE
            || llm_mirror_silent(mirror, llm_record_epoch_parse(key.mv_data),
                                 &seen))
        {
            rc = mdb_cursor_del(cursor, 0);

            if (rc != 0) {
                break;
            }
        }
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


/* an epoch without a note of when it was seen belongs to nobody */
static bool
llm_mirror_silent(const llm_mirror_t *mirror, uint64_t epoch,
    const MDB_val *seen)
{
    if (epoch == mirror->compact_live) {
        return false;
    }

    if (seen == NULL || seen->mv_size != 8) {
        return true;
    }

    return llm_record_get_int(seen->mv_data)
           < mirror->compact_now_ms - LLM_MIRROR_SILENT_MS;
}
