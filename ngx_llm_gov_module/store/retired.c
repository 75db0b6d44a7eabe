/*
 * What is charged in the counters and has no row (any more).
 */

#include "retired.h"

#include <errno.h>


#define LLM_RETIRED_KEY     (1 + LLM_RECORD_KEY_SIZE + 8)
#define LLM_RETIRED_VALUE   32


static int llm_retired_sum(llm_store_t *store, MDB_txn *txn, MDB_val *key,
    const llm_amounts_t *amounts);
static int llm_retired_read(llm_store_t *store, MDB_txn *txn, MDB_val *key,
    llm_amounts_t *amounts);
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


/* 0: it has no name */
static size_t
llm_retired_unlogged_key(unsigned char key[LLM_RETIRED_KEY],
    const llm_record_t *record)
{
    size_t        len;
    llm_record_t  base;

    base = *record;
    base.epoch = LLM_RECORD_BASE;

    key[0] = 'u';
    len = llm_record_key(&base, key + 1);

    if (len == 0) {
        return 0;
    }

    llm_store_key64(key + 1 + len, (uint64_t) record->start);

    return 1 + len + 8;
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
llm_retired_unlogged(llm_store_t *store, MDB_txn *txn,
    const llm_record_t *record)
{
    MDB_val        key;
    unsigned char  name[LLM_RETIRED_KEY];

    key.mv_data = name;
    key.mv_size = llm_retired_unlogged_key(name, record);

    return (key.mv_size == 0)
           ? EINVAL : llm_retired_sum(store, txn, &key, &record->spent);
}


int
llm_retired_adopt(llm_store_t *store, MDB_txn *txn)
{
    int            rc;
    MDB_val        key, value;
    MDB_cursor    *cursor;
    llm_record_t   record;

    rc = mdb_cursor_open(txn, store->counters, &cursor);

    if (rc != 0) {
        return rc;
    }

    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {

        if (llm_record_parse(&record,
                             (llm_str_t) { key.mv_data, key.mv_size },
                             (llm_str_t) { value.mv_data, value.mv_size })
            != LLM_OK)
        {
            rc = MDB_INVALID;
            break;
        }

        rc = llm_retired_unlogged(store, txn, &record);

        if (rc != 0) {
            break;
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

    llm_record_put_int(bytes, sum.cost);
    llm_record_put_int(bytes + 8, sum.requests);
    llm_record_put_int(bytes + 16, sum.input_tokens);
    llm_record_put_int(bytes + 24, sum.output_tokens);

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

    amounts->cost = llm_record_get_int(p);
    amounts->requests = llm_record_get_int(p + 8);
    amounts->input_tokens = llm_record_get_int(p + 16);
    amounts->output_tokens = llm_record_get_int(p + 24);

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


int
llm_retired_get_unlogged(llm_store_t *store, MDB_txn *txn,
    const llm_record_t *record, llm_amounts_t *amounts)
{
    MDB_val        key;
    unsigned char  name[LLM_RETIRED_KEY];

    key.mv_data = name;
    key.mv_size = llm_retired_unlogged_key(name, record);

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

    llm_record_put_int(bytes, latest_ms);

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
        *latest_ms = llm_record_get_int(value.mv_data);
    }

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}
