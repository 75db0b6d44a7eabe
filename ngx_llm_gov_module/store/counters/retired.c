/*
 * What is charged in the counters and has no row any more, or is charged by
 * rows and not in a counter.
 */

#include "retired.h"
#include "../../wire/le.h"


#define LLM_RETIRED_KEY     (1 + LLM_RECORD_KEY_SIZE)
#define LLM_RETIRED_VALUE   32


static int llm_retired_sum(llm_store_t *store, MDB_txn *txn, MDB_val *key,
    const llm_amounts_t *amounts);
static int llm_retired_read(llm_store_t *store, MDB_txn *txn, MDB_val *key,
    llm_amounts_t *amounts);
static int llm_retired_account(llm_store_t *store, MDB_txn *txn,
    const llm_record_t *record, bool *known, llm_amounts_t *total);
static int llm_retired_note_latest(llm_store_t *store, MDB_txn *txn,
    int64_t latest_ms);


static size_t
llm_retired_row_key(unsigned char key[LLM_RETIRED_KEY],
    llm_account_kind_t kind, llm_str_t name)
{
    key[0] = 'r';
    key[1] = (unsigned char) kind;
    memcpy(key + 2, name.data, name.len);

    return 2 + name.len;
}


static size_t
llm_retired_window_key(unsigned char key[LLM_RETIRED_KEY],
    const llm_record_t *record)
{
    llm_record_t  base;

    base = *record;
    base.epoch = LLM_RECORD_BASE;

    key[0] = 'w';

    return 1 + llm_record_key(&base, key + 1);
}


int
llm_retired_add(llm_store_t *store, MDB_txn *txn, const llm_tally_t *tally)
{
    int                         rc;
    size_t                      i;
    MDB_val                     key;
    unsigned char               name[LLM_RETIRED_KEY];
    const llm_tally_account_t  *account;

    for (i = 0; i < tally->size; i++) {
        account = tally->table[i];

        if (account == NULL) {
            continue;
        }

        key.mv_data = name;
        key.mv_size = llm_retired_row_key(name, account->kind,
                                          (llm_str_t) { account->name,
                                                        account->name_len });

        rc = llm_retired_sum(store, txn, &key, &account->sum);

        if (rc != 0) {
            return rc;
        }
    }

    return llm_retired_note_latest(store, txn, tally->latest_ms);
}


int
llm_retired_window(llm_store_t *store, MDB_txn *txn,
    const llm_record_t *record)
{
    int             rc;
    bool            known;
    MDB_val         key, value;
    llm_amounts_t   total;
    unsigned char   name[LLM_RETIRED_KEY], start[8];

    if (record->window.unit == LLM_WINDOW_FOREVER) {
        return 0;
    }

    rc = llm_retired_account(store, txn, record, &known, &total);

    /* a new account: all that it has is in this counter, too */

    if (rc != 0 || known
        || memcmp(&total, &record->spent, sizeof(total)) == 0)
    {
        return rc;
    }

    key = (MDB_val) { llm_retired_window_key(name, record), name };
    value = (MDB_val) { sizeof(start), start };
    llm_le_put64(start, (uint64_t) record->start);

    return mdb_put(txn, store->retired, &key, &value, 0);
}


/* *known: the window has a counter in some epoch; *total: all that the account
 * was ever charged */
static int
llm_retired_account(llm_store_t *store, MDB_txn *txn,
    const llm_record_t *record, bool *known, llm_amounts_t *total)
{
    int             rc;
    size_t          len;
    MDB_val         key, value;
    MDB_cursor     *cursor;
    llm_record_t    other;
    unsigned char   name[LLM_RECORD_KEY_SIZE];

    *known = false;
    memset(total, 0, sizeof(llm_amounts_t));

    other = *record;
    other.window = (llm_window_t) { LLM_WINDOW_FOREVER, 0 };
    other.epoch = LLM_RECORD_BASE;

    key = (MDB_val) { llm_record_key(&other, name), name };
    len = 2 + record->name.len;

    rc = mdb_cursor_open(txn, store->counters, &cursor);

    if (rc != 0) {
        return rc;
    }

    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

    while (rc == 0 && key.mv_size > len && memcmp(key.mv_data, name, len) == 0
           && llm_record_parse(&other,
                               (llm_str_t) { key.mv_data, key.mv_size },
                               (llm_str_t) { value.mv_data, value.mv_size })
              == LLM_OK)
    {
        if (other.window.unit == LLM_WINDOW_FOREVER) {
            llm_record_add(total, &other.spent);
        }

        *known |= other.window.unit == record->window.unit
                  && other.window.count == record->window.count;

        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


int
llm_retired_window_start(llm_store_t *store, MDB_txn *txn,
    const llm_record_t *record, int64_t *start)
{
    int            rc;
    MDB_val        key, value;
    unsigned char  name[LLM_RETIRED_KEY];

    *start = INT64_MIN;

    key = (MDB_val) { llm_retired_window_key(name, record), name };

    rc = mdb_get(txn, store->retired, &key, &value);

    if (rc == 0 && value.mv_size == 8) {
        *start = (int64_t) llm_le_get64(value.mv_data);
    }

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


int
llm_retired_adopt(llm_store_t *store, MDB_txn *txn)
{
    int             rc;
    MDB_val         key, value;
    MDB_cursor     *cursor;
    llm_record_t    record;
    unsigned char   name[LLM_RECORD_KEY_SIZE], text[LLM_RECORD_VALUE_SIZE];

    rc = mdb_cursor_open(txn, store->counters, &cursor);

    if (rc != 0) {
        return rc;
    }

    rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);

    while (rc == 0) {

        if (llm_record_parse(&record,
                             (llm_str_t) { key.mv_data, key.mv_size },
                             (llm_str_t) { value.mv_data, value.mv_size })
            != LLM_OK)
        {
            rc = MDB_INVALID;
            break;
        }

        if (record.epoch & LLM_RECORD_UNJOURNALED) {
            rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
            continue;
        }

        /* it moves to a later place, and the search goes on where it was */

        record.epoch |= LLM_RECORD_UNJOURNALED;
        llm_record_value(&record, text);
        key = (MDB_val) { llm_record_key(&record, name), name };
        value = (MDB_val) { sizeof(text), text };

        rc = mdb_cursor_del(cursor, 0);

        if (rc == 0) {
            rc = mdb_put(txn, store->counters, &key, &value, 0);
        }

        if (rc == 0) {
            record.epoch = LLM_RECORD_BASE;
            key.mv_size = llm_record_key(&record, name);
            rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
        }
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


static int
llm_retired_sum(llm_store_t *store, MDB_txn *txn, MDB_val *key,
    const llm_amounts_t *amounts)
{
    int            rc;
    MDB_val        value;
    llm_amounts_t  sum;
    unsigned char  bytes[LLM_RETIRED_VALUE];

    rc = llm_retired_read(store, txn, key, &sum);

    if (rc != 0) {
        return rc;
    }

    llm_record_add(&sum, amounts);

    llm_le_put64(bytes, (uint64_t) sum.cost);
    llm_le_put64(bytes + 8, (uint64_t) sum.requests);
    llm_le_put64(bytes + 16, (uint64_t) sum.input_tokens);
    llm_le_put64(bytes + 24, (uint64_t) sum.output_tokens);

    value = (MDB_val) { sizeof(bytes), bytes };

    return mdb_put(txn, store->retired, key, &value, 0);
}


static int
llm_retired_read(llm_store_t *store, MDB_txn *txn, MDB_val *key,
    llm_amounts_t *amounts)
{
    int                   rc;
    MDB_val               value;
    const unsigned char  *p;

    memset(amounts, 0, sizeof(llm_amounts_t));

    rc = mdb_get(txn, store->retired, key, &value);

    if (rc == MDB_NOTFOUND) {
        return 0;
    }

    if (rc != 0 || value.mv_size != LLM_RETIRED_VALUE) {
        return (rc != 0) ? rc : MDB_CORRUPTED;
    }

    p = value.mv_data;

    amounts->cost = (int64_t) llm_le_get64(p);
    amounts->requests = (int64_t) llm_le_get64(p + 8);
    amounts->input_tokens = (int64_t) llm_le_get64(p + 16);
    amounts->output_tokens = (int64_t) llm_le_get64(p + 24);

    return 0;
}


int
llm_retired_get(llm_store_t *store, MDB_txn *txn, llm_account_kind_t kind,
    llm_str_t name, llm_amounts_t *amounts)
{
    MDB_val        key;
    unsigned char  bytes[LLM_RETIRED_KEY];

    key.mv_data = bytes;
    key.mv_size = llm_retired_row_key(bytes, kind, name);

    return llm_retired_read(store, txn, &key, amounts);
}


static int
llm_retired_note_latest(llm_store_t *store, MDB_txn *txn, int64_t latest_ms)
{
    int            rc;
    int64_t        known_ms;
    MDB_val        key, value;
    unsigned char  bytes[8];

    rc = llm_retired_latest(store, txn, &known_ms);

    if (rc != 0 || latest_ms <= known_ms) {
        return rc;
    }

    llm_le_put64(bytes, (uint64_t) latest_ms);

    key = (MDB_val) { 1, "m" };
    value = (MDB_val) { sizeof(bytes), bytes };

    return mdb_put(txn, store->retired, &key, &value, 0);
}


int
llm_retired_latest(llm_store_t *store, MDB_txn *txn, int64_t *latest_ms)
{
    int      rc;
    MDB_val  key, value;

    *latest_ms = INT64_MIN;
    key = (MDB_val) { 1, "m" };

    rc = mdb_get(txn, store->retired, &key, &value);

    if (rc == 0 && value.mv_size == 8) {
        *latest_ms = (int64_t) llm_le_get64(value.mv_data);
    }

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}
