/*
 * The strings of a block while it is built.  A client may choose them so that
 * they collide: no more than a few slots are tried, and the sort finds what
 * was taken in twice.
 */

#include "block_strings.h"

#include <stdlib.h>


#define LLM_STRINGS_PROBES  16
#define LLM_STRINGS_FIRST   1024


static int llm_strings_compare(const void *one, const void *two);


llm_strings_t *
llm_strings_create(void)
{
    llm_strings_t  *strings;

    strings = calloc(1, sizeof(llm_strings_t));

    if (strings == NULL) {
        return NULL;
    }

    (void) llm_strings_add(strings, llm_str(""));

    return strings;
}


void
llm_strings_free(llm_strings_t *strings)
{
    if (strings == NULL) {
        return;
    }

    free(strings->entries);
    free(strings->numbers);
    free(strings);
}


uint32_t
llm_strings_add(llm_strings_t *strings, llm_str_t text)
{
    size_t                i;
    uint32_t              slot, *found;
    uint64_t              hash;
    unsigned              n;
    llm_strings_entry_t  *entries;

    hash = UINT64_C(0xcbf29ce484222325);

    for (i = 0; i < text.len; i++) {
        hash = (hash ^ (uint8_t) text.data[i]) * UINT64_C(0x100000001b3);
    }

    slot = (uint32_t) (hash ^ hash >> 32);
    found = NULL;

    for (n = 0; n < LLM_STRINGS_PROBES; n++) {
        found = &strings->slots[(slot + n) & (LLM_STRINGS_SLOTS - 1)];

        if (*found == 0) {
            break;
        }

        if (llm_str_eq(strings->entries[*found - 1].text, text)) {
            return *found - 1;
        }
    }

    if (strings->n == strings->size) {
        strings->size = strings->size ? 2 * strings->size : LLM_STRINGS_FIRST;
        entries = realloc(strings->entries,
                          strings->size * sizeof(llm_strings_entry_t));

        if (entries == NULL) {
            strings->size = strings->n;
            strings->failed = true;
            return 0;
        }

        strings->entries = entries;
    }

    strings->entries[strings->n] = (llm_strings_entry_t) { text, strings->n };
    *found = ++strings->n;

    return strings->n - 1;
}


int
llm_strings_sort(llm_strings_t *strings)
{
    uint32_t              i, n;
    llm_strings_entry_t  *entries;

    if (strings->failed) {
        return LLM_ERROR;
    }

    strings->numbers = malloc(strings->n * sizeof(uint32_t));

    if (strings->numbers == NULL) {
        return LLM_ERROR;
    }

    entries = strings->entries;

    qsort(entries, strings->n, sizeof(llm_strings_entry_t),
          llm_strings_compare);

    n = 0;

    for (i = 0; i < strings->n; i++) {
        if (i > 0 && !llm_str_eq(entries[n].text, entries[i].text)) {
            n++;
        }

        strings->numbers[entries[i].index] = n;
        entries[n].text = entries[i].text;
    }

    strings->n = n + 1;

    return LLM_OK;
}


static int
llm_strings_compare(const void *one, const void *two)
{
    return llm_str_compare(((const llm_strings_entry_t *) one)->text,
                           ((const llm_strings_entry_t *) two)->text);
}
