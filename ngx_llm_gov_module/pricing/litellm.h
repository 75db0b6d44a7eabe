/*
 * LiteLLM's model_prices_and_context_window.json: one entry of it.
 */

#ifndef LLM_LITELLM_H
#define LLM_LITELLM_H

#include "reader.h"


/* of two entries for one model and scope the first kind counts */
typedef enum {
    LLM_LITELLM_BEDROCK,
    LLM_LITELLM_MANTLE,
    LLM_LITELLM_OTHER           /* of another provider */
} llm_litellm_rank_t;


typedef struct {
    llm_str_t            base;
    llm_scope_t          scope;
    llm_str_t            name;      /* region, or geo prefix without its dot */
    llm_litellm_rank_t   rank;
    bool                 dropped;   /* not believed */
    llm_price_t          price;
    const llm_value_t   *value;
} llm_litellm_entry_t;


/*
 * LLM_OK: believed, as far as it goes; LLM_AGAIN: no model or no price for a
 * call, passed over; LLM_ERROR: not believed, and a warning was given if it is
 * a Bedrock model.
 */
int llm_litellm_entry(llm_reader_t *reader, const llm_value_t *value,
    llm_litellm_entry_t *entry);

/* Corrects a price that is known to be wrong, with a warning.  LLM_ERROR: there
 * is no such model. */
int llm_litellm_known(llm_reader_t *reader, llm_litellm_entry_t *entry);

/* The list has no dates.  The end of a promotion that the price is from (then
 * it is to be multiplied by *millionths), INT64_MAX: none. */
int64_t llm_litellm_until(const llm_litellm_entry_t *entry,
    int64_t *millionths);

/* Checks the entries of one model against each other and adds the model with
 * all that is believed.  LLM_ERROR: no memory, told. */
int llm_litellm_model(llm_reader_t *reader, llm_litellm_entry_t *entries,
    size_t n);


#endif /* LLM_LITELLM_H */
