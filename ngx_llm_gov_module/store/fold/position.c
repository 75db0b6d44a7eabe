/*
 * How far each segment of the journal is folded: the position that was reached,
 * written in the transaction that has all what lies before it.
 */

#include "fold_parts.h"
#include "../counters/record.h"
#include "../../wire/be.h"
#include "../../wire/le.h"


#define LLM_POSITION_KEY        8
#define LLM_POSITION_VALUE      16      /* position, when it was written */

/* of segments that are gone, or lie in a folder that is not looked at now */
#define LLM_POSITION_FORGET_MS  ((int64_t) 30 * 24 * 3600 * 1000)


/*
 * A segment that is not known begins at its tail, which is where whoever folded
 * it into another store came to; and so does one that a store from a backup
 * knows less of.  A file that was put back, or lost its last pages when the
 * power failed, may end before the position: that never goes back.
 */
int
llm_position_get(llm_store_t *store, MDB_txn *txn, uint64_t id,
    uint64_t tail, uint64_t *position, bool *known)
{
    int            rc;
    MDB_val        key, value;
    uint64_t       folded;
    unsigned char  name[LLM_POSITION_KEY];

    llm_be_put(name, 8, id);
    key = (MDB_val) { sizeof(name), name };

    rc = mdb_get(txn, store->segments, &key, &value);

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    if (rc == 0 && value.mv_size != LLM_POSITION_VALUE) {
        return MDB_CORRUPTED;
    }

    folded = (rc == 0) ? llm_le_get64(value.mv_data) : 0;

    *position = (folded < tail) ? tail : folded;
    *known = (*position == folded);

    return 0;
}


int
llm_position_put(llm_store_t *store, MDB_txn *txn, uint64_t id,
    uint64_t position, int64_t now_ms)
{
    MDB_val        key, value;
    unsigned char  name[LLM_POSITION_KEY], text[LLM_POSITION_VALUE];

    llm_be_put(name, 8, id);
    llm_le_put64(text, position);
    llm_le_put64(text + 8, (uint64_t) now_ms);

    key = (MDB_val) { sizeof(name), name };
    value = (MDB_val) { sizeof(text), text };

    return mdb_put(txn, store->segments, &key, &value, 0);
}


int
llm_position_behind(llm_store_t *store, MDB_txn *txn,
    llm_segment_t **segments, unsigned n)
{
    int        rc;
    bool       known;
    unsigned   i;
    uint64_t   position;

    for (i = 0; i < n; i++) {
        rc = llm_position_get(store, txn, llm_segment_id(segments[i]), 0,
                              &position, &known);

        if (rc != 0) {
            return rc;
        }

        llm_segment_behind(segments[i], position);
    }

    return 0;
}


static bool
llm_position_known(llm_segment_t **segments, unsigned n, uint64_t id)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (llm_segment_id(segments[i]) == id) {
            return true;
        }
    }

    return false;
}


int
llm_position_forget(llm_store_t *store, MDB_txn *txn,
    llm_segment_t **segments, unsigned n, int64_t now_ms)
{
    int          rc;
    MDB_val      key, value;
    MDB_stat     stat;
    MDB_cursor  *cursor;

    rc = mdb_stat(txn, store->segments, &stat);

    if (rc != 0 || stat.ms_entries <= n) {
        return rc;
    }

    rc = mdb_cursor_open(txn, store->segments, &cursor);

    if (rc != 0) {
        return rc;
    }

    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {

        if (key.mv_size == LLM_POSITION_KEY
            && value.mv_size == LLM_POSITION_VALUE
            && ((int64_t) llm_le_get64((unsigned char *) value.mv_data + 8)
                > now_ms - LLM_POSITION_FORGET_MS
                || llm_position_known(segments, n,
                                      llm_be_get(key.mv_data, 8))))
        {
            continue;
        }

        rc = mdb_cursor_del(cursor, 0);

        if (rc != 0) {
            break;
        }
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}
