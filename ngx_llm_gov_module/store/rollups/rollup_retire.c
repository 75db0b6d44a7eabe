/*
 * Rollups that are old go.
 */

#include "rollup_parts.h"
#include "../../wire/be.h"


static const char  *llm_rollup_since_keys[LLM_LEVELS] = {
    "rollups since, minutes",
    "rollups since, hours",
    "rollups since, hours"
};


/* records of one level and facet */
typedef struct {
    llm_level_t   level;
    llm_facet_t   facet;
    uint32_t      before;           /* minutes */
} llm_rollup_old_t;


static int llm_rollup_retire_level(llm_store_t *store, MDB_txn *txn,
    llm_level_t level, int64_t before_ms, unsigned *left);
static int llm_rollup_retire_facet(MDB_cursor *cursor,
    const llm_rollup_old_t *old, unsigned *left);
static int llm_rollup_old_first(MDB_cursor *cursor,
    const llm_rollup_old_t *old, bool *found);
static int llm_rollup_note(llm_store_t *store, MDB_txn *txn,
    llm_level_t level, int64_t since_ms);


/* minutes go by whole hours, hours by whole days, so that what the next level
 * has can stand for them */
static uint32_t
llm_rollup_bound(llm_level_t level, int64_t before_ms)
{
    uint32_t  minutes, whole;

    if (before_ms <= 0) {
        return 0;
    }

    whole = llm_level_size[level == LLM_LEVEL_MINUTE ? LLM_LEVEL_HOUR
                                                     : LLM_LEVEL_DAY];
    minutes = (uint32_t) (before_ms / LLM_MINUTE_MS);

    return minutes - minutes % whole;
}


int
llm_rollup_retire(llm_store_t *store, MDB_txn *txn, int64_t minutes_ms,
    int64_t hours_ms, unsigned max, bool *more)
{
    int       rc;
    unsigned  left;

    left = max;

    rc = llm_rollup_retire_level(store, txn, LLM_LEVEL_MINUTE, minutes_ms,
                                 &left);

    if (rc == 0) {
        rc = llm_rollup_retire_level(store, txn, LLM_LEVEL_HOUR, hours_ms,
                                     &left);
    }

    if (rc == 0) {
        rc = llm_rollup_retire_level(store, txn, LLM_LEVEL_DAY, hours_ms,
                                     &left);
    }

    *more = (left == 0);

    return rc;
}


static int
llm_rollup_retire_level(llm_store_t *store, MDB_txn *txn, llm_level_t level,
    int64_t before_ms, unsigned *left)
{
    int                rc;
    unsigned           had;
    MDB_cursor        *cursor;
    llm_rollup_old_t   old;

    had = *left;
    old.level = level;
    old.before = llm_rollup_bound(level, before_ms);

    if (old.before == 0 || had == 0) {
        return 0;
    }

    rc = mdb_cursor_open(txn, store->rollups, &cursor);

    if (rc != 0) {
        return rc;
    }

    for (old.facet = 0; old.facet < LLM_FACETS && rc == 0; old.facet++) {
        rc = llm_rollup_retire_facet(cursor, &old, left);
    }

    mdb_cursor_close(cursor);

    if (rc == 0 && *left < had) {
        rc = llm_rollup_note(store, txn, level,
                             (int64_t) old.before * LLM_MINUTE_MS);
    }

    return rc;
}


static int
llm_rollup_retire_facet(MDB_cursor *cursor, const llm_rollup_old_t *old,
    unsigned *left)
{
    int   rc;
    bool  found;

    while (*left > 0) {
        rc = llm_rollup_old_first(cursor, old, &found);

        if (rc != 0 || !found) {
            return rc;
        }

        rc = mdb_cursor_del(cursor, 0);

        if (rc != 0) {
            return rc;
        }

        (*left)--;
    }

    return 0;
}


/* the cursor on the first one, if there is any */
static int
llm_rollup_old_first(MDB_cursor *cursor, const llm_rollup_old_t *old,
    bool *found)
{
    int                rc;
    MDB_val            key, value;
    unsigned char      name[LLM_ROLLUP_KEY];
    llm_rollup_key_t   first;

    memset(&first, 0, sizeof(first));
    first.level = old->level;
    first.facet = old->facet;

    llm_rollup_key_write(name, &first);
    key = (MDB_val) { sizeof(name), name };

    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

    *found = rc == 0
             && llm_rollup_key_read(&first, (llm_str_t) { key.mv_data,
                                                          key.mv_size })
                == LLM_OK
             && first.level == old->level && first.facet == old->facet
             && first.start < old->before;

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


int
llm_rollup_old(llm_store_t *store, MDB_txn *txn, int64_t minutes_ms,
    int64_t hours_ms, bool *found)
{
    int                rc;
    MDB_cursor        *cursor;
    llm_rollup_old_t   old;

    *found = false;

    rc = mdb_cursor_open(txn, store->rollups, &cursor);

    if (rc != 0) {
        return rc;
    }

    for (old.level = 0; old.level < LLM_LEVELS; old.level++) {
        old.before = llm_rollup_bound(old.level,
                                      (old.level == LLM_LEVEL_MINUTE)
                                      ? minutes_ms : hours_ms);

        for (old.facet = 0;
             old.facet < LLM_FACETS && rc == 0 && !*found;
             old.facet++)
        {
            rc = llm_rollup_old_first(cursor, &old, found);
        }
    }

    mdb_cursor_close(cursor);

    return rc;
}


static int
llm_rollup_note(llm_store_t *store, MDB_txn *txn, llm_level_t level,
    int64_t since_ms)
{
    int            rc;
    int64_t        known_ms;
    MDB_val        key, value;
    unsigned char  bytes[8];

    rc = llm_rollup_since(store, txn, level, &known_ms);

    if (rc != 0 || known_ms >= since_ms) {
        return rc;
    }

    llm_be_put(bytes, 8, (uint64_t) since_ms);

    key.mv_data = (void *) llm_rollup_since_keys[level];
    key.mv_size = strlen(llm_rollup_since_keys[level]);
    value = (MDB_val) { sizeof(bytes), bytes };

    return mdb_put(txn, store->meta, &key, &value, 0);
}


int
llm_rollup_since(llm_store_t *store, MDB_txn *txn, llm_level_t level,
    int64_t *since_ms)
{
    int      rc;
    MDB_val  key, value;

    *since_ms = 0;

    key.mv_data = (void *) llm_rollup_since_keys[level];
    key.mv_size = strlen(llm_rollup_since_keys[level]);

    rc = mdb_get(txn, store->meta, &key, &value);

    if (rc == 0 && value.mv_size == 8) {
        *since_ms = (int64_t) llm_be_get(value.mv_data, 8);
    }

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}
