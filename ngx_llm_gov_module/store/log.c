/*
 * The request log: rows by number, and the texts that belong to them.
 */

#include "log.h"

#include <errno.h>
#include <stdlib.h>


#define LLM_LOG_KEY            8
#define LLM_LOG_CONTENT_KEY    (LLM_ROW_ID_SIZE + 1)


int
llm_log_next(llm_store_t *store, MDB_txn *txn, uint64_t *seq)
{
    int      rc;
    MDB_val  key, value;

    key = (MDB_val) { sizeof("next") - 1, "next" };

    rc = mdb_get(txn, store->meta, &key, &value);

    if (rc == MDB_NOTFOUND) {
        *seq = 1;
        return 0;
    }

    if (rc == 0 && value.mv_size != LLM_LOG_KEY) {
        rc = MDB_CORRUPTED;
    }

    if (rc == 0) {
        *seq = llm_store_parse64(value.mv_data);
    }

    return rc;
}


int
llm_log_append(llm_store_t *store, MDB_txn *txn, llm_str_t encoded,
    uint64_t *seq)
{
    int            rc;
    MDB_val        key, value;
    unsigned char  number[LLM_LOG_KEY];

    rc = llm_log_next(store, txn, seq);

    if (rc != 0) {
        return rc;
    }

    llm_store_key64(number, *seq);

    key = (MDB_val) { sizeof(number), number };
    value = (MDB_val) { encoded.len, (void *) encoded.data };

    rc = mdb_put(txn, store->recent, &key, &value, MDB_APPEND);

    if (rc != 0) {
        return rc;
    }

    llm_store_key64(number, *seq + 1);

    key = (MDB_val) { sizeof("next") - 1, "next" };
    value = (MDB_val) { sizeof(number), number };

    return mdb_put(txn, store->meta, &key, &value, 0);
}


int
llm_log_content(llm_store_t *store, MDB_txn *txn,
    const unsigned char id[LLM_ROW_ID_SIZE], unsigned direction,
    llm_str_t text)
{
    int            rc;
    char          *space;
    size_t         before;
    MDB_val        key, old, value;
    unsigned char  name[LLM_LOG_CONTENT_KEY];

    memcpy(name, id, LLM_ROW_ID_SIZE);
    name[LLM_ROW_ID_SIZE] = (unsigned char) direction;

    key = (MDB_val) { sizeof(name), name };

    rc = mdb_get(txn, store->content, &key, &old);

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    before = (rc == 0) ? old.mv_size : 0;
    space = malloc(before + text.len + 1);

    if (space == NULL) {
        return ENOMEM;
    }

    if (before > 0) {
        memcpy(space, old.mv_data, before);
    }

    memcpy(space + before, text.data, text.len);

    value = (MDB_val) { before + text.len, space };

    rc = mdb_put(txn, store->content, &key, &value, 0);

    free(space);

    return rc;
}
