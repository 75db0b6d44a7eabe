/*
 * A price list as a tree of its JSON values.  Nothing is copied: keys and
 * scalars are pieces of the text, as written, and every value knows its place
 * in it, so that errors can name a line and prices are read digit by digit.
 */

#ifndef LLM_DOCUMENT_H
#define LLM_DOCUMENT_H

#include "../wire/json.h"


/* bounds for any text: LiteLLM's list has 1.7 MB and 75,000 values */
#define LLM_DOCUMENT_SIZE    (32 * 1024 * 1024)
#define LLM_DOCUMENT_VALUES  (1024 * 1024)
#define LLM_DOCUMENT_DEPTH   16


typedef struct llm_value_s  llm_value_t;

struct llm_value_s {
    llm_json_type_t   type;
    uint32_t          next;     /* index of the next member, 0: none */
    uint32_t          child;    /* index of the first member, 0: none */
    uint32_t          place;    /* offset of the member in the text */
    llm_str_t         key;      /* as written, without quotes */
    llm_str_t         text;     /* of a scalar, as written, without quotes */
};


typedef struct {
    llm_str_t         text;
    llm_value_t      *values;   /* the first is the top value */
    uint32_t          n;
    uint32_t          size;
    const char       *error;    /* after LLM_ERROR */
    uint64_t          error_place;

    /* while reading: the open containers and the last member of each */
    uint32_t          open[LLM_DOCUMENT_DEPTH + 1];
    uint32_t          last[LLM_DOCUMENT_DEPTH + 1];
} llm_document_t;


/* LLM_ERROR: doc->error and doc->error_place say what and where; the text must
 * outlive the document; llm_document_free() is needed in both cases */
int llm_document_read(llm_document_t *doc, llm_str_t text);
void llm_document_free(llm_document_t *doc);

/* the members of an object or array: NULL after the last */
const llm_value_t *llm_document_first(const llm_document_t *doc,
    const llm_value_t *container);
const llm_value_t *llm_document_next(const llm_document_t *doc,
    const llm_value_t *member);

/* the member of that name, NULL: none (or not an object) */
const llm_value_t *llm_document_get(const llm_document_t *doc,
    const llm_value_t *object, const char *key);

/* line numbers start with 1 */
unsigned llm_document_line(const llm_document_t *doc, uint64_t place);


#endif /* LLM_DOCUMENT_H */
