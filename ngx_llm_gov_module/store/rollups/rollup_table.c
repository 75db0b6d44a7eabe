/*
 * The hash tables of a batch: its names, and its entries.
 */

#include "rollup_parts.h"

#include <stdlib.h>


static uint64_t llm_rollup_hash(uint64_t hash, const void *data, size_t len);
static uint64_t llm_rollup_key_hash(const llm_rollup_key_t *key);
static bool llm_rollup_key_same(const llm_rollup_key_t *a,
    const llm_rollup_key_t *b);
static int llm_rollup_name_room(llm_rollup_t *rollup);
static int llm_rollup_entry_room(llm_rollup_t *rollup);
static int llm_rollup_table_grow(llm_rollup_table_t *table);
static void llm_rollup_table_put(llm_rollup_table_t *table, uint64_t hash,
    uint32_t index);


/* each bit of the result depends on all bits */
static inline uint64_t
llm_rollup_stir(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= 0x9e3779b97f4a7c15;

    return hash ^ hash >> 29;
}


int
llm_rollup_intern(llm_rollup_t *rollup, char space, llm_str_t bytes,
    uint32_t *number)
{
    uint32_t             slot;
    uint64_t             hash;
    llm_rollup_name_t   *name;
    llm_rollup_table_t  *table;

    *number = 0;

    if (bytes.len == 0) {
        return LLM_OK;
    }

    if (bytes.len > LLM_NAME_BYTES) {
        bytes.len = LLM_NAME_BYTES;
    }

    if (llm_rollup_name_room(rollup) != LLM_OK) {
        return LLM_ERROR;
    }

    table = &rollup->by_name;
    hash = llm_rollup_hash((uint64_t) space, bytes.data, bytes.len);

    for (slot = hash & (table->size - 1);
         table->slots[slot] != 0;
         slot = (slot + 1) & (table->size - 1))
    {
        name = &rollup->names[table->slots[slot] - 1];

        if (name->hash == hash && name->space == space
            && name->len == bytes.len
            && memcmp(rollup->bytes.data + name->offset, bytes.data, bytes.len)
               == 0)
        {
            *number = table->slots[slot];
            return LLM_OK;
        }
    }

    name = &rollup->names[rollup->nnames];
    name->hash = hash;
    name->offset = rollup->bytes.len;
    name->len = (uint32_t) bytes.len;
    name->space = space;
    name->number = 0;

    llm_buf_str(&rollup->bytes, bytes);

    if (rollup->bytes.failed) {
        return LLM_ERROR;
    }

    table->slots[slot] = ++rollup->nnames;
    *number = rollup->nnames;

    return LLM_OK;
}


llm_sums_t *
llm_rollup_entry(llm_rollup_t *rollup, const llm_rollup_key_t *key)
{
    uint32_t             slot;
    uint64_t             hash;
    llm_rollup_entry_t  *entry;
    llm_rollup_table_t  *table;

    if (llm_rollup_entry_room(rollup) != LLM_OK) {
        return NULL;
    }

    table = &rollup->by_key;
    hash = llm_rollup_key_hash(key);

    for (slot = hash & (table->size - 1);
         table->slots[slot] != 0;
         slot = (slot + 1) & (table->size - 1))
    {
        entry = &rollup->entries[table->slots[slot] - 1];

        if (entry->hash == hash && llm_rollup_key_same(&entry->key, key)) {
            return &entry->sums;
        }
    }

    entry = &rollup->entries[rollup->nentries];
    entry->hash = hash;
    entry->key = *key;
    llm_sums_clear(&entry->sums);

    table->slots[slot] = ++rollup->nentries;

    return &entry->sums;
}


static int
llm_rollup_name_room(llm_rollup_t *rollup)
{
    uint32_t            i, size;
    llm_rollup_name_t  *names;

    if (rollup->nnames < rollup->names_size) {
        return LLM_OK;
    }

    size = (rollup->names_size == 0) ? 64 : rollup->names_size * 2;
    names = realloc(rollup->names, size * sizeof(llm_rollup_name_t));

    if (names == NULL) {
        return LLM_ERROR;
    }

    rollup->names = names;

    if (rollup->by_name.size < 2 * size) {

        if (llm_rollup_table_grow(&rollup->by_name) != LLM_OK) {
            return LLM_ERROR;
        }

        for (i = 0; i < rollup->nnames; i++) {
            llm_rollup_table_put(&rollup->by_name, names[i].hash, i);
        }
    }

    rollup->names_size = size;

    return LLM_OK;
}


static int
llm_rollup_entry_room(llm_rollup_t *rollup)
{
    uint32_t             i, size;
    llm_rollup_entry_t  *entries;

    if (rollup->nentries < rollup->entries_size) {
        return LLM_OK;
    }

    size = (rollup->entries_size == 0) ? 64 : rollup->entries_size * 2;
    entries = realloc(rollup->entries, size * sizeof(llm_rollup_entry_t));

    if (entries == NULL) {
        return LLM_ERROR;
    }

    rollup->entries = entries;

    memset(entries + rollup->entries_size, 0,
           (size - rollup->entries_size) * sizeof(llm_rollup_entry_t));

    rollup->entries_size = size;

    if (rollup->by_key.size < 2 * size) {

        if (llm_rollup_table_grow(&rollup->by_key) != LLM_OK) {
            rollup->entries_size = rollup->nentries;
            return LLM_ERROR;
        }

        for (i = 0; i < rollup->nentries; i++) {
            llm_rollup_table_put(&rollup->by_key, entries[i].hash, i);
        }
    }

    return LLM_OK;
}


/* twice as large, at least 128, and empty */
static int
llm_rollup_table_grow(llm_rollup_table_t *table)
{
    uint32_t   size;
    uint32_t  *slots;

    size = (table->size == 0) ? 128 : table->size * 2;
    slots = calloc(size, sizeof(uint32_t));

    if (slots == NULL) {
        return LLM_ERROR;
    }

    free(table->slots);
    table->slots = slots;
    table->size = size;

    return LLM_OK;
}


static void
llm_rollup_table_put(llm_rollup_table_t *table, uint64_t hash, uint32_t index)
{
    uint32_t  slot;

    slot = hash & (table->size - 1);

    while (table->slots[slot] != 0) {
        slot = (slot + 1) & (table->size - 1);
    }

    table->slots[slot] = index + 1;
}


/* FNV-1a, the bits stirred once more at the end */
static uint64_t
llm_rollup_hash(uint64_t hash, const void *data, size_t len)
{
    size_t                i;
    const unsigned char  *p;

    p = data;
    hash ^= 0xcbf29ce484222325;

    for (i = 0; i < len; i++) {
        hash = (hash ^ p[i]) * 0x100000001b3;
    }

    return llm_rollup_stir(hash);
}


static uint64_t
llm_rollup_key_hash(const llm_rollup_key_t *key)
{
    uint64_t  hash;

    hash = (uint64_t) key->level << 40 | (uint64_t) key->facet << 32
           | key->start;
    hash = llm_rollup_stir(hash);
    hash = llm_rollup_stir(hash ^ key->value);

    return llm_rollup_stir(hash ^ key->tuple);
}


static bool
llm_rollup_key_same(const llm_rollup_key_t *a, const llm_rollup_key_t *b)
{
    return a->level == b->level && a->facet == b->facet
           && a->start == b->start && a->value == b->value
           && a->tuple == b->tuple;
}
