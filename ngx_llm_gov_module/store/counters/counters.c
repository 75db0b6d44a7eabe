/*
 * Adding to the counters of the store.
 */

#include "counters.h"
#include "retired.h"
#include "../../wire/be.h"
#include "../../wire/le.h"

#include <errno.h>


static int llm_counters_sum(llm_record_t *sum, MDB_val *key,
    MDB_val *value, int64_t now_ms);


int
llm_counters_add(llm_store_t *store, MDB_txn *txn, const llm_record_t *record,
    int64_t now_ms)
{
    int            rc;
    MDB_val        key, value;
    llm_record_t   sum;
    unsigned char  name[LLM_RECORD_KEY_SIZE], text[LLM_RECORD_VALUE_SIZE];

    key.mv_data = name;
    key.mv_size = llm_record_key(record, name);

    if (key.mv_size == 0) {
        return EINVAL;
    }

    sum = *record;

    rc = mdb_get(txn, store->counters, &key, &value);

    if (rc == 0) {
        rc = llm_counters_sum(&sum, &key, &value, now_ms);

        if (rc == LLM_AGAIN) {
            return 0;
        }
    }

    if (rc == MDB_NOTFOUND) {
        rc = llm_retired_window(store, txn, record);
    }

    if (rc != 0) {
        return rc;
    }

    llm_record_value(&sum, text);
    value = (MDB_val) { sizeof(text), text };

    return mdb_put(txn, store->counters, &key, &value, 0);
}


/* LLM_AGAIN: a later window has begun there */
static int
llm_counters_sum(llm_record_t *sum, MDB_val *key, MDB_val *value,
    int64_t now_ms)
{
    llm_record_t  old;

    if (llm_record_parse(&old, (llm_str_t) { key->mv_data, key->mv_size },
                         (llm_str_t) { value->mv_data, value->mv_size })
        != LLM_OK)
    {
        return MDB_CORRUPTED;
    }

    if (old.start > sum->start) {
        return llm_counters_ahead(old.start, now_ms) ? 0 : LLM_AGAIN;
    }

    if (old.start == sum->start) {
        llm_record_add(&sum->spent, &old.spent);
    }

    return 0;
}


int
llm_counters_unjournaled(llm_store_t *store, MDB_txn *txn, uint64_t epoch,
    llm_account_kind_t kind, llm_str_t name, llm_window_t window,
    int64_t start, const llm_amounts_t *amounts)
{
    MDB_val        key, value;
    llm_record_t   record;
    unsigned char  text[LLM_RECORD_KEY_SIZE], sum[LLM_RECORD_VALUE_SIZE];

    record.epoch = epoch | LLM_RECORD_UNJOURNALED;
    record.kind = kind;
    record.name = name;
    record.window = window;
    record.start = start;
    record.spent = *amounts;

    key = (MDB_val) { llm_record_key(&record, text), text };

    if (key.mv_size == 0) {
        return EINVAL;
    }

    llm_record_value(&record, sum);
    value = (MDB_val) { sizeof(sum), sum };

    return mdb_put(txn, store->counters, &key, &value, 0);
}


/* times of an epoch only grow, so that others see each change */
int
llm_counters_seen(llm_store_t *store, MDB_txn *txn, uint64_t epoch,
    int64_t now_ms)
{
    int            rc;
    int64_t        before;
    MDB_val        key, value;
    unsigned char  name[LLM_RECORD_EPOCH_SIZE], seen[8];

    llm_be_put(name, LLM_RECORD_EPOCH_SIZE, epoch);
    key = (MDB_val) { sizeof(name), name };

    rc = mdb_get(txn, store->epochs, &key, &value);

    if (rc == 0 && value.mv_size == sizeof(seen)) {
        before = (int64_t) llm_le_get64(value.mv_data);

        if (now_ms <= before && before < now_ms + LLM_COUNTERS_SKEW_MS) {
            now_ms = before + 1;
        }

    } else if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    llm_le_put64(seen, (uint64_t) now_ms);
    value = (MDB_val) { sizeof(seen), seen };

    return mdb_put(txn, store->epochs, &key, &value, 0);
}
