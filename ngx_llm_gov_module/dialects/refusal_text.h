/*
 * The words and figures of a refusal, the same in every dialect.
 */

#ifndef LLM_REFUSAL_TEXT_H
#define LLM_REFUSAL_TEXT_H

#include "refusal.h"


/* a budget, rate, token or concurrency limit: has scope, account, figures */
bool llm_refusal_is_limit(llm_refusal_reason_t reason);

/* appends the sentence for people, not escaped */
void llm_refusal_sentence(llm_buf_t *out, const llm_refusal_t *refusal);

/* appends the JSON object for programs: dollars for budgets, else counts */
void llm_refusal_details(llm_buf_t *out, const llm_refusal_t *refusal);


#endif /* LLM_REFUSAL_TEXT_H */
