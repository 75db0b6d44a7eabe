/*
 * Texts of JSON tokens, kept in arrays of fixed size.
 */

#ifndef LLM_TEXT_H
#define LLM_TEXT_H

#include "../wire/json.h"


/*
 * Copies a string token's text into `out`, escapes undone, control characters
 * replaced by spaces; what does not fit is cut off at a character's end.
 * Returns the length.
 */
size_t llm_text_copy(char *out, size_t size, const llm_json_token_t *token);

/* the same for plain text */
size_t llm_text_copy_plain(char *out, size_t size, llm_str_t text);

/* does `text` hold `part`, ASCII letters of any case? `part` in lower case */
bool llm_text_holds(llm_str_t text, const char *part);


#endif /* LLM_TEXT_H */
