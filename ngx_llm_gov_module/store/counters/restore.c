/*
 * Reading the counters: the spend of each window, summed over the epochs.
 */

#include "counters.h"
#include "../../wire/be.h"
#include "../../wire/le.h"


/* no zone is ever made with it */
#define LLM_COUNTERS_NO_EPOCH  UINT64_MAX


/* the sum of a window's records over the epochs */
typedef struct {
    llm_str_t      prefix;          /* the key without its epoch */
    llm_record_t   sum;
    bool           current;
} llm_counters_group_t;


static int llm_counters_read(llm_store_t *store, uint64_t except,
    int64_t now_ms, llm_counters_handler_pt handler, void *ctx);
static int llm_counters_scan(llm_store_t *store, MDB_cursor *cursor,
    uint64_t except, int64_t now_ms, llm_counters_handler_pt handler,
    void *ctx);
static void llm_counters_group_add(llm_counters_group_t *group,
    const llm_record_t *record);
static int llm_counters_emit(llm_counters_group_t *group,
    llm_counters_handler_pt handler, void *ctx);


int
llm_counters_restore(llm_store_t *store, int64_t now_ms,
    llm_counters_handler_pt handler, void *ctx)
{
    return llm_counters_read(store, LLM_COUNTERS_NO_EPOCH, now_ms, handler,
                             ctx);
}


int
llm_counters_others(llm_store_t *store, uint64_t live, int64_t now_ms,
    llm_counters_handler_pt handler, void *ctx)
{
    return llm_counters_read(store, live, now_ms, handler, ctx);
}


int
llm_counters_others_seen(llm_store_t *store, uint64_t live, int64_t *seen_ms)
{
    int          rc;
    int64_t      ms;
    MDB_txn     *txn;
    MDB_val      key, seen;
    MDB_cursor  *cursor;

    *seen_ms = 0;

    rc = llm_store_read(store, &txn);

    if (rc != 0) {
        return llm_store_fail(store, "read", rc);
    }

    rc = mdb_cursor_open(txn, store->epochs, &cursor);

    if (rc == 0) {
        while ((rc = mdb_cursor_get(cursor, &key, &seen, MDB_NEXT)) == 0) {

            if (key.mv_size != LLM_RECORD_EPOCH_SIZE || seen.mv_size != 8
                || llm_be_get(key.mv_data, LLM_RECORD_EPOCH_SIZE) == live)
            {
                continue;
            }

            ms = (int64_t) llm_le_get64(seen.mv_data);
            *seen_ms = (ms > *seen_ms) ? ms : *seen_ms;
        }

        mdb_cursor_close(cursor);
    }

    llm_store_read_end(store, txn);

    return (rc == MDB_NOTFOUND) ? LLM_OK : llm_store_fail(store, "read", rc);
}


static int
llm_counters_read(llm_store_t *store, uint64_t except, int64_t now_ms,
    llm_counters_handler_pt handler, void *ctx)
{
    int          rc;
    MDB_txn     *txn;
    MDB_cursor  *cursor;

    rc = llm_store_read(store, &txn);

    if (rc != 0) {
        return llm_store_fail(store, "read", rc);
    }

    rc = mdb_cursor_open(txn, store->counters, &cursor);

    if (rc != 0) {
        llm_store_read_end(store, txn);
        return llm_store_fail(store, "read", rc);
    }

    rc = llm_counters_scan(store, cursor, except, now_ms, handler, ctx);

    mdb_cursor_close(cursor);
    llm_store_read_end(store, txn);

    return rc;
}


static int
llm_counters_scan(llm_store_t *store, MDB_cursor *cursor, uint64_t except,
    int64_t now_ms, llm_counters_handler_pt handler, void *ctx)
{
    int                  rc;
    MDB_val              key, value;
    llm_record_t         record;
    llm_counters_group_t   group;

    memset(&group, 0, sizeof(group));

    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {

        if (llm_record_parse(&record,
                             (llm_str_t) { key.mv_data, key.mv_size },
                             (llm_str_t) { value.mv_data, value.mv_size })
            != LLM_OK)
        {
            return llm_store_fail(store, "read", MDB_CORRUPTED);
        }

        key.mv_size -= LLM_RECORD_EPOCH_SIZE;

        if (!llm_str_eq(group.prefix,
                        (llm_str_t) { key.mv_data, key.mv_size }))
        {
            if (llm_counters_emit(&group, handler, ctx) != LLM_OK) {
                return LLM_ERROR;
            }

            group.prefix = (llm_str_t) { key.mv_data, key.mv_size };
            group.current = false;
        }

        if ((record.epoch & ~LLM_RECORD_UNJOURNALED) != except
            && record.start == llm_window_start(record.window, now_ms))
        {
            llm_counters_group_add(&group, &record);
        }
    }

    if (rc != MDB_NOTFOUND) {
        return llm_store_fail(store, "read", rc);
    }

    return llm_counters_emit(&group, handler, ctx);
}


static void
llm_counters_group_add(llm_counters_group_t *group, const llm_record_t *record)
{
    if (group->current) {
        llm_record_add(&group->sum.spent, &record->spent);
        return;
    }

    group->sum = *record;
    group->current = true;
}


static int
llm_counters_emit(llm_counters_group_t *group, llm_counters_handler_pt handler,
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
