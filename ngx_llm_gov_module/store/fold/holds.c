/*
 * Rows under way.  Most begin and end within a batch and never reach the store.
 */

#include "fold_parts.h"
#include "../../wire/be.h"

#include <errno.h>
#include <stdlib.h>


#define LLM_HOLDS_FIRST  256


typedef struct {
    unsigned char   key[LLM_HOLDS_KEY];
    bool            used;
    bool            settled;
    llm_str_t       payload;
} llm_holds_entry_t;


struct llm_holds_s {
    llm_holds_entry_t  *table;
    size_t              size;       /* a power of two */
    size_t              n;
};


static int llm_holds_entry(llm_holds_t *holds, uint64_t segment,
    const void *id, llm_holds_entry_t **entry);
static int llm_holds_grow(llm_holds_t *holds);
static llm_holds_entry_t *llm_holds_slot(llm_holds_t *holds,
    const unsigned char key[LLM_HOLDS_KEY]);
static int llm_holds_first(MDB_cursor *cursor, uint64_t segment, MDB_val *key,
    MDB_val *value);


llm_holds_t *
llm_holds_create(void)
{
    llm_holds_t  *holds;

    holds = calloc(1, sizeof(llm_holds_t));

    if (holds == NULL) {
        return NULL;
    }

    holds->size = LLM_HOLDS_FIRST;
    holds->table = calloc(holds->size, sizeof(llm_holds_entry_t));

    if (holds->table == NULL) {
        free(holds);
        return NULL;
    }

    return holds;
}


void
llm_holds_free(llm_holds_t *holds)
{
    free(holds->table);
    free(holds);
}


int
llm_holds_place(llm_holds_t *holds, uint64_t segment, const void *id,
    llm_str_t payload)
{
    int                 rc;
    llm_holds_entry_t  *entry;

    rc = llm_holds_entry(holds, segment, id, &entry);

    if (rc == 0) {
        entry->settled = false;
        entry->payload = payload;
    }

    return rc;
}


int
llm_holds_settle(llm_holds_t *holds, uint64_t segment, const void *id)
{
    int                 rc;
    llm_holds_entry_t  *entry;

    rc = llm_holds_entry(holds, segment, id, &entry);

    if (rc == 0) {
        entry->settled = true;
    }

    return rc;
}


static int
llm_holds_entry(llm_holds_t *holds, uint64_t segment, const void *id,
    llm_holds_entry_t **entry)
{
    unsigned char  key[LLM_HOLDS_KEY];

    if (2 * holds->n >= holds->size && llm_holds_grow(holds) != 0) {
        return ENOMEM;
    }

    llm_be_put(key, 8, segment);
    memcpy(key + 8, id, LLM_ROW_ID_SIZE);

    *entry = llm_holds_slot(holds, key);

    if (!(*entry)->used) {
        (*entry)->used = true;
        memcpy((*entry)->key, key, sizeof(key));
        holds->n++;
    }

    return 0;
}


static int
llm_holds_grow(llm_holds_t *holds)
{
    size_t              i, size;
    llm_holds_entry_t  *old;

    old = holds->table;
    size = holds->size;

    holds->table = calloc(2 * size, sizeof(llm_holds_entry_t));

    if (holds->table == NULL) {
        holds->table = old;
        return ENOMEM;
    }

    holds->size = 2 * size;

    for (i = 0; i < size; i++) {
        if (old[i].used) {
            *llm_holds_slot(holds, old[i].key) = old[i];
        }
    }

    free(old);

    return 0;
}


/* the entry's place, or the free one where it would be */
static llm_holds_entry_t *
llm_holds_slot(llm_holds_t *holds, const unsigned char key[LLM_HOLDS_KEY])
{
    size_t    i;
    uint64_t  a, b, hash;

    /* an id begins with the time and ends with random bits */

    memcpy(&a, key + 8, 8);
    memcpy(&b, key + 16, 8);

    hash = (a ^ b << 1) * 0x9e3779b97f4a7c15;

    for (i = hash >> 20; /* void */ ; i++) {
        i &= holds->size - 1;

        if (!holds->table[i].used
            || memcmp(holds->table[i].key, key, LLM_HOLDS_KEY) == 0)
        {
            return &holds->table[i];
        }
    }
}


int
llm_holds_write(llm_holds_t *holds, llm_store_t *store, MDB_txn *txn)
{
    int                 rc;
    size_t              i;
    MDB_val             key, value;
    MDB_stat            stat;
    llm_holds_entry_t  *entry;

    rc = mdb_stat(txn, store->holds, &stat);

    for (i = 0; rc == 0 && i < holds->size; i++) {
        entry = &holds->table[i];

        if (!entry->used) {
            continue;
        }

        key = (MDB_val) { sizeof(entry->key), entry->key };

        if (!entry->settled) {
            value = (MDB_val) { entry->payload.len,
                                (void *) entry->payload.data };
            rc = mdb_put(txn, store->holds, &key, &value, 0);

        } else if (stat.ms_entries > 0) {
            rc = mdb_del(txn, store->holds, &key, NULL);
            rc = (rc == MDB_NOTFOUND) ? 0 : rc;
        }
    }

    return rc;
}


int
llm_holds_take(llm_store_t *store, MDB_txn *txn, uint64_t segment,
    unsigned char copy[LLM_ROW_MAX], llm_str_t *payload)
{
    int          rc;
    MDB_val      key, value;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(txn, store->holds, &cursor);

    if (rc != 0) {
        return rc;
    }

    rc = llm_holds_first(cursor, segment, &key, &value);

    if (rc == 0 && llm_be_get(key.mv_data, 8) != segment) {
        rc = MDB_NOTFOUND;
    }

    if (rc == 0) {
        payload->len = (value.mv_size < LLM_ROW_MAX) ? value.mv_size
                                                     : LLM_ROW_MAX;
        payload->data = (char *) copy;
        memcpy(copy, value.mv_data, payload->len);

        rc = mdb_cursor_del(cursor, 0);
    }

    mdb_cursor_close(cursor);

    return rc;
}


int
llm_holds_segment(llm_store_t *store, MDB_txn *txn, uint64_t *segment)
{
    int          rc;
    MDB_val      key, value;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(txn, store->holds, &cursor);

    if (rc != 0) {
        return rc;
    }

    rc = llm_holds_first(cursor, *segment, &key, &value);

    if (rc == 0) {
        *segment = llm_be_get(key.mv_data, 8);
    }

    mdb_cursor_close(cursor);

    return rc;
}


/* the first hold of this segment, or of one behind it */
static int
llm_holds_first(MDB_cursor *cursor, uint64_t segment, MDB_val *key,
    MDB_val *value)
{
    int            rc;
    unsigned char  prefix[LLM_HOLDS_KEY];

    memset(prefix, 0, sizeof(prefix));
    llm_be_put(prefix, 8, segment);

    *key = (MDB_val) { sizeof(prefix), prefix };

    rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);

    return (rc == 0 && key->mv_size != LLM_HOLDS_KEY) ? MDB_NOTFOUND : rc;
}
