/*
 * Is anything old, or too much?
 */

#include "retention_parts.h"
#include "../rows/log.h"
#include "../rollups/rollup_parts.h"
#include "../../wire/be.h"


static int llm_retention_look_full(llm_retention_step_t *step,
    llm_store_t *store, MDB_txn *txn, uint64_t size);
static int llm_retention_oldest(llm_store_t *store, MDB_txn *txn,
    int64_t *ended_ms);
static int llm_retention_oldest_content(llm_store_t *store, MDB_txn *txn,
    int64_t *received_ms);
static int llm_retention_look_rollups(llm_retention_step_t *step,
    llm_store_t *store, MDB_txn *txn, bool *found);
static uint64_t llm_retention_pages(MDB_txn *txn, MDB_dbi dbi);
static int llm_retention_oldest_rollup(llm_store_t *store, MDB_txn *txn,
    llm_level_t level, int64_t *start_ms);


/* most of the time there is nothing to do, and nothing is written then */
int
llm_retention_look(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn, const llm_retention_t *retention)
{
    int       rc;
    int64_t   oldest_ms;
    uint64_t  swept[4];

    rc = llm_retention_oldest(store, txn, &oldest_ms);

    step->rows = oldest_ms < step->before_ms;

    if (rc == 0) {
        rc = llm_retention_oldest_content(store, txn, &oldest_ms);
    }

    /* what belongs to no row: a request may have taken its time */

    step->content = oldest_ms < step->before_ms - LLM_RETENTION_DAY_MS;

    if (rc == 0 && retention->size > 0) {
        rc = llm_retention_look_full(step, store, txn, retention->size);
    }

    if (rc == 0) {
        rc = llm_rollup_old(store, txn, step->minutes_ms, step->hours_ms,
                            &step->rollups);
    }

    if (rc == 0 && step->hours_ms > 0) {
        rc = llm_retention_swept(store, txn, swept);
        step->names = swept[3] < step->today;
    }

    return rc;
}


/* Over the size: rows go, or rollups where those take more, as the one is not
 * to be without end at the cost of the other. */
static int
llm_retention_look_full(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn, uint64_t size)
{
    int       rc;
    bool      found;
    int64_t   oldest_ms;
    uint64_t  used, file, rows, rollups;

    rc = llm_store_size(store, txn, &used, &file);

    if (rc != 0 || used <= size) {
        return rc;
    }

    rows = llm_retention_pages(txn, store->blocks)
           + llm_retention_pages(txn, store->recent)
           + llm_retention_pages(txn, store->content);
    rollups = llm_retention_pages(txn, store->rollups)
              + llm_retention_pages(txn, store->names);

    if (rollups > rows) {
        rc = llm_retention_look_rollups(step, store, txn, &found);

        if (rc != 0 || found) {
            return rc;
        }
    }

    rc = llm_retention_oldest(store, txn, &oldest_ms);

    if (rc == 0 && oldest_ms != INT64_MAX) {
        step->excess = used - size;
    }

    return rc;
}


/* the oldest day of the minutes, else of the hours, unless it is one that is
 * still asked for */
static int
llm_retention_look_rollups(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn, bool *found)
{
    int          rc;
    unsigned     i;
    int64_t      start_ms, today_ms;

    const struct {
        llm_level_t   level;
        int64_t       days;         /* that stay, before today */
        int64_t      *before_ms;
    } levels[] = {
        { LLM_LEVEL_MINUTE, 1, &step->minutes_ms },
        { LLM_LEVEL_HOUR, 31, &step->hours_ms }
    };

    rc = 0;
    *found = false;
    today_ms = (int64_t) step->today * LLM_RETENTION_DAY_MS;

    for (i = 0; i < 2 && rc == 0 && !*found; i++) {
        rc = llm_retention_oldest_rollup(store, txn, levels[i].level,
                                         &start_ms);

        if (rc == 0
            && start_ms < today_ms - levels[i].days * LLM_RETENTION_DAY_MS)
        {
            start_ms += LLM_RETENTION_DAY_MS;
            *levels[i].before_ms = (start_ms > *levels[i].before_ms)
                                   ? start_ms : *levels[i].before_ms;
            *found = true;
            step->more = true;
        }
    }

    return rc;
}


static uint64_t
llm_retention_pages(MDB_txn *txn, MDB_dbi dbi)
{
    MDB_stat  stat;

    if (mdb_stat(txn, dbi, &stat) != 0) {
        return 0;
    }

    return stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
}


/* when the newest row of the oldest block ended, or the oldest row if there is
 * no block; INT64_MAX: there is none */
static int
llm_retention_oldest(llm_store_t *store, MDB_txn *txn, int64_t *ended_ms)
{
    int             rc;
    int64_t         received_ms;
    MDB_val         key, value;
    MDB_cursor     *cursor;
    llm_summary_t   summary;

    *ended_ms = INT64_MAX;

    rc = mdb_cursor_open(txn, store->summaries, &cursor);

    if (rc != 0) {
        return rc;
    }

    rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);

    if (rc == 0) {
        rc = (llm_summary_parse(&summary, &key, &value) == LLM_OK)
             ? 0 : MDB_CORRUPTED;
        *ended_ms = summary.ended_max;
        mdb_cursor_close(cursor);
        return rc;
    }

    mdb_cursor_close(cursor);

    if (rc != MDB_NOTFOUND) {
        return rc;
    }

    rc = mdb_cursor_open(txn, store->recent, &cursor);

    if (rc != 0) {
        return rc;
    }

    rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);

    if (rc == 0
        && llm_row_peek((llm_str_t) { value.mv_data, value.mv_size }, ended_ms,
                        &received_ms)
           != LLM_OK)
    {
        rc = MDB_CORRUPTED;
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


int64_t
llm_retention_received(const MDB_val *key)
{
    return (key->mv_size < 6) ? 0 : (int64_t) llm_be_get(key->mv_data, 6);
}


static int
llm_retention_oldest_content(llm_store_t *store, MDB_txn *txn,
    int64_t *received_ms)
{
    int          rc;
    MDB_val      key, value;
    MDB_cursor  *cursor;

    *received_ms = INT64_MAX;

    rc = mdb_cursor_open(txn, store->content, &cursor);

    if (rc != 0) {
        return rc;
    }

    rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);

    if (rc == 0) {
        *received_ms = llm_retention_received(&key);
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


static int
llm_retention_oldest_rollup(llm_store_t *store, MDB_txn *txn,
    llm_level_t level, int64_t *start_ms)
{
    int                rc;
    MDB_val            key, value;
    MDB_cursor        *cursor;
    unsigned char      name[LLM_ROLLUP_KEY];
    llm_rollup_key_t   first;

    *start_ms = INT64_MAX;

    rc = mdb_cursor_open(txn, store->rollups, &cursor);

    if (rc != 0) {
        return rc;
    }

    memset(&first, 0, sizeof(first));
    first.level = level;
    llm_rollup_key_write(name, &first);
    key = (MDB_val) { sizeof(name), name };

    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

    if (rc == 0
        && llm_rollup_key_read(&first, (llm_str_t) { key.mv_data,
                                                     key.mv_size })
           == LLM_OK
        && first.level == level)
    {
        *start_ms = (int64_t) first.start * LLM_MINUTE_MS;
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


int
llm_retention_swept(llm_store_t *store, MDB_txn *txn, uint64_t swept[4])
{
    int       rc;
    MDB_val   key, value;
    unsigned  i;

    memset(swept, 0, 4 * sizeof(uint64_t));

    key = (MDB_val) { sizeof("names swept") - 1, "names swept" };

    rc = mdb_get(txn, store->meta, &key, &value);

    if (rc == 0 && value.mv_size == 32) {
        for (i = 0; i < 4; i++) {
            swept[i] = llm_be_get((unsigned char *) value.mv_data
                                         + 8 * i, 8);
        }
    }

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}
