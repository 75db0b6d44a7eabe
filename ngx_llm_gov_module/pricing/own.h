/*
 * Our own format: one entry, which is one model's prices for one span of time.
 */

#ifndef LLM_OWN_H
#define LLM_OWN_H

#include "reader.h"


typedef enum {
    LLM_OWN_CHAT,
    LLM_OWN_EMBEDDING,
    LLM_OWN_IMAGE,
    LLM_OWN_RERANK
} llm_own_kind_t;


typedef struct {
    llm_price_t         price;
    llm_own_kind_t      kind;
    int64_t             from_ms;        /* inclusive */
    int64_t             until_ms;       /* exclusive */
    const llm_value_t  *value;
} llm_own_entry_t;


/* reads entry->value; an error is told */
int llm_ownentry_read(llm_reader_t *reader, llm_own_entry_t *entry);

/* reads an object under "scopes", which stands for itself but for the limits;
 * an error is told */
int llm_ownentry_scope(llm_reader_t *reader, const llm_own_entry_t *entry,
    const llm_value_t *value, llm_price_t *price);

/* a price block: prices, tiers, long context */
int llm_ownprice_read(llm_reader_t *reader, const llm_value_t *object,
    llm_price_t *price);

/* Are all members of `object` among `names` (ended by NULL, at most 32), each
 * once?  An error is told. */
int llm_ownprice_members(llm_reader_t *reader, const llm_value_t *object,
    const char *const *names);

/* a factor such as 1.1, in millionths */
int llm_ownprice_factor(llm_reader_t *reader, const llm_value_t *value,
    int64_t *millionths);


#endif /* LLM_OWN_H */
