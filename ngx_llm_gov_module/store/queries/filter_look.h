/*
 * A block as a filter's terms look at it: filter_block.c, filter_parts.c.
 */

#ifndef LLM_FILTER_LOOK_H
#define LLM_FILTER_LOOK_H

#include "filter_private.h"


/* a block as its terms look at it */
typedef struct {
    const llm_block_t   *block;
    llm_block_texts_t    texts;
    uint64_t            *mask;      /* rows that the terms so far left */
    uint64_t             found[LLM_BLOCK_WORDS];    /* of this term */
} llm_look_t;


/* codes that a term's patterns stand for: [from, to) */
typedef struct {
    uint64_t   from;
    uint64_t   to;
} llm_codes_t;


/* each finds the rows in look->mask that its term holds for */
void llm_look_text(llm_look_t *look, const llm_term_t *term, unsigned id);
void llm_look_tags(llm_look_t *look, const llm_term_t *term);
void llm_look_attempt_text(llm_look_t *look, const llm_term_t *term);
void llm_look_attempt_set(llm_look_t *look, const llm_term_t *term);
void llm_look_request_id(llm_look_t *look, const llm_term_t *term);

/* the codes of a column that a term's patterns stand for; returns how many
 * ranges, LLM_FILTER_VALUES at most */
unsigned llm_look_codes(const llm_look_t *look, const llm_term_t *term,
    const llm_column_t *column, llm_codes_t *codes);


static inline void
llm_look_found(llm_look_t *look, uint32_t index, bool found)
{
    look->found[index / 64] |= (uint64_t) found << (index % 64);
}


#endif /* LLM_FILTER_LOOK_H */
