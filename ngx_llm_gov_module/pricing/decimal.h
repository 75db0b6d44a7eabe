/*
 * Decimal numbers as text to integers, exactly: a price never is a double.
 */

#ifndef LLM_DECIMAL_H
#define LLM_DECIMAL_H

#include "../wire/str.h"


/* no price per unit is above ten thousand dollars */
#define LLM_DECIMAL_MAX  ((int64_t) 10 * 1000 * 1000 * 1000 * 1000 * 1000)


/*
 * `text` (JSON's number syntax, leading zeros allowed) times 10^shift as an
 * integer, rounded half up where digits are left over.  LLM_ERROR: not such a
 * number, negative, or above LLM_DECIMAL_MAX.
 */
int llm_decimal_parse(llm_str_t text, int shift, int64_t *value);

/* value * millionths / 1e6, rounded half up; both not negative and at most
 * LLM_DECIMAL_MAX */
int64_t llm_decimal_scale(int64_t value, int64_t millionths);


#endif /* LLM_DECIMAL_H */
