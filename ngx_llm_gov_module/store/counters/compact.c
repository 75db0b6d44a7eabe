/*
 * Folding what is old in the counters: the records of epochs that ended into
 * one, those of windows that are over into nothing.
 */

#include "counters.h"
#include "../../wire/buf.h"
#include "../../wire/be.h"
#include "../../wire/le.h"

#include <errno.h>


#define LLM_COMPACT_SILENT_MS  (24 * 3600 * 1000)
#define LLM_COMPACT_PENDING    (512 * 1024 * 1024)

#define LLM_COMPACT_PUT        'p'
#define LLM_COMPACT_DELETE     'd'


typedef struct {
    uint64_t       live;
    int64_t        now_ms;

    /* one (kind, name, window) on the way through its epochs; what no row
     * tells of comes after the others, and stays apart */
    llm_str_t      prefix;          /* the key without its epoch */
    llm_record_t   base;
    bool           changed;

    llm_buf_t      pending;         /* action, length of the key, key, value:
                                       done when all was looked at */
} llm_compact_t;


static int llm_compact_step(llm_store_t *store, MDB_txn *txn, void *ctx);
static int llm_compact_scan(llm_compact_t *compact, llm_store_t *store,
    MDB_txn *txn, MDB_cursor *cursor);
static int llm_compact_record(llm_compact_t *compact, llm_store_t *store,
    MDB_txn *txn, const llm_record_t *record, llm_str_t prefix);
static void llm_compact_begin(llm_compact_t *compact,
    const llm_record_t *record, llm_str_t prefix);
static int llm_compact_end(llm_compact_t *compact);
static int llm_compact_gather(llm_compact_t *compact, char action,
    const llm_record_t *record);
static int llm_compact_apply(llm_compact_t *compact, llm_store_t *store,
    MDB_txn *txn);
static int llm_compact_epochs(llm_compact_t *compact, llm_store_t *store,
    MDB_txn *txn);
static int llm_compact_dead(llm_compact_t *compact, llm_store_t *store,
    MDB_txn *txn, uint64_t epoch, bool *dead);
static bool llm_compact_silent(const llm_compact_t *compact, uint64_t epoch,
    const MDB_val *seen);


int
llm_counters_compact(llm_store_t *store, uint64_t live, int64_t now_ms)
{
    int            rc;
    llm_compact_t  compact;

    memset(&compact, 0, sizeof(compact));

    compact.live = live;
    compact.now_ms = now_ms;
    llm_buf_init(&compact.pending, LLM_COMPACT_PENDING);

    rc = llm_store_write(store, llm_compact_step, &compact);

    llm_buf_free(&compact.pending);

    return rc;
}


static int
llm_compact_step(llm_store_t *store, MDB_txn *txn, void *ctx)
{
    llm_compact_t *compact = ctx;

    int          rc;
    MDB_cursor  *cursor;

    compact->prefix = (llm_str_t) { NULL, 0 };
    compact->changed = false;
    compact->pending.len = 0;

    rc = mdb_cursor_open(txn, store->counters, &cursor);

    if (rc != 0) {
        return rc;
    }

    rc = llm_compact_scan(compact, store, txn, cursor);

    mdb_cursor_close(cursor);

    if (rc == 0) {
        rc = llm_compact_apply(compact, store, txn);
    }

    return (rc == 0) ? llm_compact_epochs(compact, store, txn) : rc;
}


static int
llm_compact_scan(llm_compact_t *compact, llm_store_t *store, MDB_txn *txn,
    MDB_cursor *cursor)
{
    int            rc;
    MDB_val        key, value;
    llm_str_t      prefix;
    llm_record_t   record;

    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {

        if (llm_record_parse(&record,
                             (llm_str_t) { key.mv_data, key.mv_size },
                             (llm_str_t) { value.mv_data, value.mv_size })
            != LLM_OK)
        {
            return MDB_CORRUPTED;
        }

        prefix = (llm_str_t) { key.mv_data,
                               key.mv_size - LLM_RECORD_EPOCH_SIZE };

        rc = llm_compact_record(compact, store, txn, &record, prefix);

        if (rc != 0) {
            return rc;
        }
    }

    return (rc == MDB_NOTFOUND) ? llm_compact_end(compact) : rc;
}


static int
llm_compact_record(llm_compact_t *compact, llm_store_t *store, MDB_txn *txn,
    const llm_record_t *record, llm_str_t prefix)
{
    int       rc;
    bool      dead;
    uint64_t  base;

    base = LLM_RECORD_BASE | (record->epoch & LLM_RECORD_UNJOURNALED);

    if (!llm_str_eq(compact->prefix, prefix) || compact->base.epoch != base) {
        rc = llm_compact_end(compact);

        if (rc != 0) {
            return rc;
        }

        llm_compact_begin(compact, record, prefix);
    }

    if (record->start > compact->base.start) {
        /* the clock was set back: its window is still to come */
        return 0;
    }

    if (record->epoch != base) {
        rc = llm_compact_dead(compact, store, txn, record->epoch, &dead);

        if (rc != 0 || !dead) {
            return rc;
        }

        compact->changed = true;
    }

    if (record->start == compact->base.start) {
        llm_record_add(&compact->base.spent, &record->spent);

        if (record->epoch == base) {
            return 0;
        }
    }

    return llm_compact_gather(compact, LLM_COMPACT_DELETE, record);
}


static void
llm_compact_begin(llm_compact_t *compact, const llm_record_t *record,
    llm_str_t prefix)
{
    compact->prefix = prefix;
    compact->base = *record;
    compact->base.epoch = LLM_RECORD_BASE
                          | (record->epoch & LLM_RECORD_UNJOURNALED);
    compact->base.start = llm_window_start(record->window, compact->now_ms);
    memset(&compact->base.spent, 0, sizeof(llm_amounts_t));
}


/* the base record gets what its dead epochs had */
static int
llm_compact_end(llm_compact_t *compact)
{
    llm_amounts_t  *spent;

    spent = &compact->base.spent;

    if (!compact->changed) {
        return 0;
    }

    compact->changed = false;

    if (spent->cost == 0 && spent->requests == 0
        && spent->input_tokens == 0 && spent->output_tokens == 0)
    {
        return 0;
    }

    return llm_compact_gather(compact, LLM_COMPACT_PUT, &compact->base);
}


static int
llm_compact_gather(llm_compact_t *compact, char action,
    const llm_record_t *record)
{
    size_t         len;
    unsigned char  key[LLM_RECORD_KEY_SIZE], value[LLM_RECORD_VALUE_SIZE];
    unsigned char  head[2];

    len = llm_record_key(record, key);

    llm_record_value(record, value);

    head[0] = (unsigned char) action;
    head[1] = (unsigned char) len;

    llm_buf_append(&compact->pending, head, sizeof(head));
    llm_buf_append(&compact->pending, key, len);
    llm_buf_append(&compact->pending, value, sizeof(value));

    return compact->pending.failed ? ENOMEM : 0;
}


static int
llm_compact_apply(llm_compact_t *compact, llm_store_t *store, MDB_txn *txn)
{
    int       rc;
    char     *p, *last, action;
    MDB_val   key, value;

    p = compact->pending.data;
    last = p + compact->pending.len;

    while (p != last) {
        action = p[0];
        key = (MDB_val) { (unsigned char) p[1], p + 2 };
        value = (MDB_val) { LLM_RECORD_VALUE_SIZE, p + 2 + key.mv_size };

        if (action == LLM_COMPACT_PUT) {
            rc = mdb_put(txn, store->counters, &key, &value, 0);

        } else {
            rc = mdb_del(txn, store->counters, &key, NULL);
        }

        if (rc != 0) {
            return rc;
        }

        p = (char *) value.mv_data + value.mv_size;
    }

    return 0;
}


static int
llm_compact_epochs(llm_compact_t *compact, llm_store_t *store, MDB_txn *txn)
{
    int          rc;
    MDB_val      key, seen;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(txn, store->epochs, &cursor);

    if (rc != 0) {
        return rc;
    }

    while ((rc = mdb_cursor_get(cursor, &key, &seen, MDB_NEXT)) == 0) {

        if (key.mv_size != LLM_RECORD_EPOCH_SIZE
            || llm_compact_silent(compact,
                                  llm_be_get(key.mv_data,
                                             LLM_RECORD_EPOCH_SIZE),
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


static int
llm_compact_dead(llm_compact_t *compact, llm_store_t *store, MDB_txn *txn,
    uint64_t epoch, bool *dead)
{
    int            rc;
    MDB_val        key, seen;
    unsigned char  name[LLM_RECORD_EPOCH_SIZE];

    epoch &= ~LLM_RECORD_UNJOURNALED;

    llm_be_put(name, LLM_RECORD_EPOCH_SIZE, epoch);
    key = (MDB_val) { sizeof(name), name };

    rc = mdb_get(txn, store->epochs, &key, &seen);

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    *dead = llm_compact_silent(compact, epoch, rc == 0 ? &seen : NULL);

    return 0;
}


/* an epoch without a note of when it was seen belongs to nobody */
static bool
llm_compact_silent(const llm_compact_t *compact, uint64_t epoch,
    const MDB_val *seen)
{
    if (epoch == compact->live) {
        return false;
    }

    if (seen == NULL || seen->mv_size != 8) {
        return true;
    }

    return (int64_t) llm_le_get64(seen->mv_data)
           < compact->now_ms - LLM_COMPACT_SILENT_MS;
}
