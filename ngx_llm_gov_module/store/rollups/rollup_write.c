/*
 * A batch's rollups into the store.
 */

#include "rollup_parts.h"
#include "../../wire/be.h"

#include <errno.h>
#include <stdlib.h>


typedef struct {
    unsigned char              key[LLM_ROLLUP_KEY];
    const llm_rollup_entry_t  *entry;
} llm_rollup_line_t;


static int llm_rollup_number(llm_rollup_t *rollup, llm_names_t *names);
static int llm_rollup_number_name(llm_rollup_t *rollup, llm_names_t *names,
    llm_rollup_name_t *name);
static int llm_rollup_number_order(const void *a, const void *b);
static int llm_rollup_line_order(const void *a, const void *b);
static int llm_rollup_write_lines(llm_store_t *store, MDB_txn *txn,
    const llm_rollup_line_t *lines, uint32_t n);
static int llm_rollup_merge(llm_store_t *store, MDB_txn *txn,
    const llm_rollup_line_t *line, llm_sums_t *sums, llm_buf_t *buf);


/* sorted, as neighbours lie on the same pages */
int
llm_rollup_write(llm_rollup_t *rollup, llm_store_t *store, MDB_txn *txn)
{
    int                 rc;
    uint32_t            i;
    llm_names_t         names;
    llm_rollup_line_t  *lines;

    if (rollup->nentries == 0) {
        return 0;
    }

    memset(&names, 0, sizeof(names));
    names.store = store;
    names.txn = txn;
    names.day = rollup->newest / llm_level_size[LLM_LEVEL_DAY];

    rc = llm_rollup_number(rollup, &names);

    if (rc != 0) {
        return rc;
    }

    lines = malloc(rollup->nentries * sizeof(llm_rollup_line_t));

    if (lines == NULL) {
        return ENOMEM;
    }

    for (i = 0; i < rollup->nentries; i++) {
        lines[i].entry = &rollup->entries[i];
        llm_rollup_entry_key(rollup, lines[i].entry, lines[i].key);
    }

    qsort(lines, rollup->nentries, sizeof(llm_rollup_line_t),
          llm_rollup_line_order);

    rc = llm_rollup_write_lines(store, txn, lines, rollup->nentries);

    free(lines);

    return rc;
}


int
llm_rollup_find(llm_rollup_t *rollup, llm_store_t *store, MDB_txn *txn)
{
    llm_names_t  names;

    memset(&names, 0, sizeof(names));
    names.store = store;
    names.txn = txn;
    names.readonly = true;

    return llm_rollup_number(rollup, &names);
}


static int
llm_rollup_number(llm_rollup_t *rollup, llm_names_t *names)
{
    int       rc;
    uint32_t  i;

    /* what a tuple or set is made of came before it */

    for (i = 0; i < rollup->nnames; i++) {
        rc = llm_rollup_number_name(rollup, names, &rollup->names[i]);

        if (rc != 0) {
            return rc;
        }
    }

    return 0;
}


static int
llm_rollup_number_name(llm_rollup_t *rollup, llm_names_t *names,
    llm_rollup_name_t *name)
{
    size_t         i, n;
    uint32_t       local;
    uint64_t       numbers[LLM_NAME_BYTES / sizeof(uint32_t)];
    const char    *data;
    unsigned char  bytes[LLM_ROW_TAGS_MAX * LLM_NAME_SIZE];

    data = rollup->bytes.data + name->offset;

    if (name->space == LLM_NAME_STRING) {
        return llm_names_put(names, LLM_NAME_STRING,
                             (llm_str_t) { data, name->len }, &name->number);
    }

    n = name->len / sizeof(uint32_t);

    for (i = 0; i < n; i++) {
        memcpy(&local, data + i * sizeof(uint32_t), sizeof(uint32_t));
        numbers[i] = (local == 0) ? 0 : rollup->names[local - 1].number;
    }

    if (name->space == LLM_NAME_SET) {
        qsort(numbers, n, sizeof(uint64_t), llm_rollup_number_order);
    }

    for (i = 0; i < n; i++) {
        llm_be_put(bytes + i * LLM_NAME_SIZE, LLM_NAME_SIZE, numbers[i]);
    }

    return llm_names_put(names, name->space,
                         (llm_str_t) { (char *) bytes, n * LLM_NAME_SIZE },
                         &name->number);
}


static int
llm_rollup_number_order(const void *a, const void *b)
{
    uint64_t  x, y;

    x = *(const uint64_t *) a;
    y = *(const uint64_t *) b;

    return (x > y) - (x < y);
}


static int
llm_rollup_line_order(const void *a, const void *b)
{
    return memcmp(((const llm_rollup_line_t *) a)->key,
                  ((const llm_rollup_line_t *) b)->key, LLM_ROLLUP_KEY);
}


void
llm_rollup_entry_key(const llm_rollup_t *rollup,
    const llm_rollup_entry_t *entry, unsigned char p[LLM_ROLLUP_KEY])
{
    llm_rollup_key_t  key;

    key = entry->key;

    if (!rollup->stored) {
        key.value = (key.value != 0) ? rollup->names[key.value - 1].number : 0;
        key.tuple = rollup->names[key.tuple - 1].number;
    }

    llm_rollup_key_write(p, &key);
}


static int
llm_rollup_write_lines(llm_store_t *store, MDB_txn *txn,
    const llm_rollup_line_t *lines, uint32_t n)
{
    int         rc;
    uint32_t    i;
    llm_buf_t   buf;
    llm_sums_t  sums;

    memset(&sums, 0, sizeof(sums));
    llm_buf_init(&buf, LLM_ROLLUP_VALUE);

    rc = 0;

    for (i = 0; i < n && rc == 0; i++) {
        rc = llm_rollup_merge(store, txn, &lines[i], &sums, &buf);
    }

    llm_sums_free(&sums);
    llm_buf_free(&buf);

    return rc;
}


static int
llm_rollup_merge(llm_store_t *store, MDB_txn *txn,
    const llm_rollup_line_t *line, llm_sums_t *sums, llm_buf_t *buf)
{
    int      rc;
    MDB_val  key, value;

    key = (MDB_val) { LLM_ROLLUP_KEY, (void *) line->key };
    buf->len = 0;

    rc = mdb_get(txn, store->rollups, &key, &value);

    if (rc == MDB_NOTFOUND) {
        llm_sums_encode(buf, &line->entry->sums);

    } else if (rc == 0) {
        llm_sums_clear(sums);

        if (llm_sums_add_encoded(sums,
                                 (llm_str_t) { value.mv_data, value.mv_size },
                                 true)
            != LLM_OK)
        {
            return MDB_CORRUPTED;
        }

        if (llm_sums_add(sums, &line->entry->sums) != LLM_OK) {
            return ENOMEM;
        }

        llm_sums_encode(buf, sums);

    } else {
        return rc;
    }

    if (buf->failed) {
        return ENOMEM;
    }

    value = (MDB_val) { buf->len, buf->data };

    return mdb_put(txn, store->rollups, &key, &value, 0);
}


void
llm_rollup_key_write(unsigned char p[LLM_ROLLUP_KEY],
    const llm_rollup_key_t *key)
{
    p[0] = key->level;
    p[1] = key->facet;
    llm_be_put(p + 2, 4, key->start);
    llm_be_put(p + 6, LLM_NAME_SIZE, key->value);
    llm_be_put(p + 6 + LLM_NAME_SIZE, LLM_NAME_SIZE, key->tuple);
}


int
llm_rollup_key_read(llm_rollup_key_t *key, llm_str_t data)
{
    const unsigned char  *p;

    p = (const unsigned char *) data.data;

    if (data.len != LLM_ROLLUP_KEY || p[0] >= LLM_LEVELS
        || p[1] >= LLM_FACETS)
    {
        return LLM_ERROR;
    }

    key->level = p[0];
    key->facet = p[1];
    key->start = (uint32_t) llm_be_get(p + 2, 4);
    key->value = llm_be_get(p + 6, LLM_NAME_SIZE);
    key->tuple = llm_be_get(p + 6 + LLM_NAME_SIZE, LLM_NAME_SIZE);

    return LLM_OK;
}
