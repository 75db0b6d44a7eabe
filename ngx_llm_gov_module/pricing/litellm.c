/*
 * LiteLLM's list as a whole.
 */

#include <stdlib.h>

#include "litellm.h"


typedef struct {
    llm_litellm_entry_t  *entries;
    size_t                n;
    size_t                size;
} llm_litellm_entries_t;


static int
llm_litellm_grow(llm_litellm_entries_t *list)
{
    size_t                size;
    llm_litellm_entry_t  *entries;

    if (list->n < list->size) {
        return LLM_OK;
    }

    size = list->size * 2 + 64;

    entries = realloc(list->entries, size * sizeof(llm_litellm_entry_t));
    if (entries == NULL) {
        return LLM_ERROR;
    }

    list->entries = entries;
    list->size = size;

    return LLM_OK;
}


static int
llm_litellm_compare_str(llm_str_t a, llm_str_t b)
{
    int  rc;

    rc = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

    if (rc != 0) {
        return rc;
    }

    return (a.len > b.len) - (a.len < b.len);
}


/* by model; of the same scope the one that counts comes first, and of two
 * equal keys the last, as other readers of JSON have it */

static int
llm_litellm_compare(const void *one, const void *two)
{
    int                         rc;
    const llm_litellm_entry_t  *a, *b;

    a = one;
    b = two;

    rc = llm_litellm_compare_str(a->base, b->base);

    if (rc == 0) {
        rc = (a->scope > b->scope) - (a->scope < b->scope);
    }

    if (rc == 0) {
        rc = llm_litellm_compare_str(a->name, b->name);
    }

    if (rc == 0) {
        rc = (a->rank > b->rank) - (a->rank < b->rank);
    }

    if (rc == 0) {
        rc = (a->value < b->value) - (a->value > b->value);
    }

    return rc;
}


static int
llm_litellm_collect(llm_reader_t *reader, llm_litellm_entries_t *list)
{
    int                 rc;
    unsigned            others;
    const llm_value_t  *value;

    others = 0;

    for (value = llm_document_first(reader->doc, reader->doc->values);
         value != NULL;
         value = llm_document_next(reader->doc, value))
    {
        if (llm_litellm_grow(list) != LLM_OK) {
            return llm_reader_error(reader, NULL, "no memory");
        }

        rc = llm_litellm_entry(reader, value, &list->entries[list->n]);

        if (rc == LLM_OK) {
            list->n++;

        } else if (rc == LLM_ERROR
                   && list->entries[list->n].rank == LLM_LITELLM_OTHER)
        {
            others++;
        }
    }

    reader->model = (llm_str_t) { "", 0 };

    if (others) {
        llm_reader_warn(reader, NULL, "%u models of other providers than "
                        "Bedrock cost 0 or have no whole price: left out",
                        others);
    }

    return LLM_OK;
}


static int
llm_litellm_models(llm_reader_t *reader, llm_litellm_entries_t *list)
{
    size_t                i, first;
    llm_litellm_entry_t  *entries;

    entries = list->entries;

    for (first = 0; first < list->n; first = i) {

        for (i = first + 1; i < list->n; i++) {

            if (!llm_str_eq(entries[first].base, entries[i].base)) {
                break;
            }

            if (entries[i].scope == entries[i - 1].scope
                && llm_str_eq(entries[i].name, entries[i - 1].name))
            {
                entries[i].dropped = true;
            }
        }

        if (llm_litellm_model(reader, &entries[first], i - first) != LLM_OK) {
            return llm_reader_error(reader, NULL, "no memory");
        }
    }

    return LLM_OK;
}


int
llm_litellm_read(llm_reader_t *reader)
{
    int                    rc;
    llm_litellm_entries_t  list;

    memset(&list, 0, sizeof(llm_litellm_entries_t));

    rc = llm_litellm_collect(reader, &list);

    if (rc == LLM_OK && list.n == 0) {
        rc = llm_reader_error(reader, reader->doc->values, "this is no price "
                              "list: neither \"models\" nor an entry with "
                              "\"litellm_provider\" and a price");
    }

    if (rc == LLM_OK) {
        qsort(list.entries, list.n, sizeof(llm_litellm_entry_t),
              llm_litellm_compare);

        rc = llm_litellm_models(reader, &list);
    }

    free(list.entries);

    return rc;
}
