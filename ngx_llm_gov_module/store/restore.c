/*
 * Reading the mirror: the spend of each window, summed over the epochs.
 */

#include "environment.h"


/* no zone is ever made with it */
#define LLM_MIRROR_NO_EPOCH  UINT64_MAX


/* the sum of a window's records over the epochs */
typedef struct {
    llm_str_t      prefix;          /* the key without its epoch */
    llm_record_t   sum;
    bool           current;
} llm_mirror_group_t;


static int llm_mirror_read(llm_mirror_t *mirror, uint64_t except,
    int64_t now_ms, llm_mirror_handler_pt handler, void *ctx);
static int llm_mirror_scan(llm_mirror_t *mirror, MDB_cursor *cursor,
    uint64_t except, int64_t now_ms, llm_mirror_handler_pt handler,
    void *ctx);
static void llm_mirror_group_add(llm_mirror_group_t *group,
    const llm_record_t *record);
static int llm_mirror_emit(llm_mirror_group_t *group,
    llm_mirror_handler_pt handler, void *ctx);


int
llm_mirror_restore(llm_mirror_t *mirror, int64_t now_ms,
    llm_mirror_handler_pt handler, void *ctx)
{
    return llm_mirror_read(mirror, LLM_MIRROR_NO_EPOCH, now_ms, handler, ctx);
}


int
llm_mirror_others(llm_mirror_t *mirror, uint64_t live, int64_t now_ms,
    llm_mirror_handler_pt handler, void *ctx)
{
    return llm_mirror_read(mirror, live, now_ms, handler, ctx);
}


int
llm_mirror_others_seen(llm_mirror_t *mirror, uint64_t live, int64_t *seen_ms)
{
    int          rc;
    int64_t      ms;
    MDB_txn     *txn;
    MDB_val      key, seen;
    MDB_cursor  *cursor;

    *seen_ms = 0;

    rc = llm_store_read(mirror->store, &txn);

    if (rc != 0) {
        return llm_mirror_fail(mirror, "read", rc);
    }

    rc = mdb_cursor_open(txn, mirror->epochs, &cursor);

    if (rc == 0) {
        while ((rc = mdb_cursor_get(cursor, &key, &seen, MDB_NEXT)) == 0) {

            if (key.mv_size != LLM_RECORD_EPOCH_SIZE || seen.mv_size != 8
                || llm_record_epoch_parse(key.mv_data) == live)
            {
                continue;
            }

            ms = llm_record_get_int(seen.mv_data);
            *seen_ms = (ms > *seen_ms) ? ms : *seen_ms;
        }

        mdb_cursor_close(cursor);
    }

    llm_store_read_end(mirror->store, txn);

    return (rc == MDB_NOTFOUND) ? LLM_OK : llm_mirror_fail(mirror, "read", rc);
}


static int
llm_mirror_read(llm_mirror_t *mirror, uint64_t except, int64_t now_ms,
    llm_mirror_handler_pt handler, void *ctx)
{
    int          rc;
    MDB_txn     *txn;
    MDB_cursor  *cursor;

    rc = llm_store_read(mirror->store, &txn);

    if (rc != 0) {
        return llm_mirror_fail(mirror, "read", rc);
    }

    rc = mdb_cursor_open(txn, mirror->counters, &cursor);

    if (rc != 0) {
        llm_store_read_end(mirror->store, txn);
        return llm_mirror_fail(mirror, "read", rc);
    }

    rc = llm_mirror_scan(mirror, cursor, except, now_ms, handler, ctx);

    mdb_cursor_close(cursor);
    llm_store_read_end(mirror->store, txn);

    return rc;
}


static int
llm_mirror_scan(llm_mirror_t *mirror, MDB_cursor *cursor, uint64_t except,
    int64_t now_ms, llm_mirror_handler_pt handler, void *ctx)
{
    int                  rc;
    MDB_val              key, value;
    llm_record_t         record;
    llm_mirror_group_t   group;

    memset(&group, 0, sizeof(group));

    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {

        if (llm_record_parse(&record,
                             (llm_str_t) { key.mv_data, key.mv_size },
                             (llm_str_t) { value.mv_data, value.mv_size })
            != LLM_OK)
        {
            return llm_mirror_fail(mirror, "read", MDB_CORRUPTED);
        }

        key.mv_size -= LLM_RECORD_EPOCH_SIZE;

        if (!llm_str_eq(group.prefix,
                        (llm_str_t) { key.mv_data, key.mv_size }))
        {
            if (llm_mirror_emit(&group, handler, ctx) != LLM_OK) {
                return LLM_ERROR;
            }

            group.prefix = (llm_str_t) { key.mv_data, key.mv_size };
            group.current = false;
        }

        if (record.epoch != except
            && record.start == llm_window_start(record.window, now_ms))
        {
            llm_mirror_group_add(&group, &record);
        }
    }

    if (rc != MDB_NOTFOUND) {
        return llm_mirror_fail(mirror, "read", rc);
    }

    return llm_mirror_emit(&group, handler, ctx);
}


static void
llm_mirror_group_add(llm_mirror_group_t *group, const llm_record_t *record)
{
    if (group->current) {
        llm_mirror_add(&group->sum.spent, &record->spent);
        return;
    }

    group->sum = *record;
    group->current = true;
}


static int
llm_mirror_emit(llm_mirror_group_t *group, llm_mirror_handler_pt handler,
    void *ctx)
{
    llm_record_t  *sum;

    if (!group->current) {
        return LLM_OK;
    }

    sum = &group->sum;

    return handler(sum->kind, sum->name, sum->window, sum->start, &sum->spent,
                   ctx);
}


static void
llm_mirror_add_one(int64_t *sum, int64_t amount)
{
    if (__builtin_add_overflow(*sum, amount, sum)) {
        *sum = (amount > 0) ? INT64_MAX : INT64_MIN;
    }
}


void
llm_mirror_add(llm_amounts_t *sum, const llm_amounts_t *amounts)
{
    llm_mirror_add_one(&sum->cost, amounts->cost);
    llm_mirror_add_one(&sum->requests, amounts->requests);
    llm_mirror_add_one(&sum->input_tokens, amounts->input_tokens);
    llm_mirror_add_one(&sum->output_tokens, amounts->output_tokens);
}
