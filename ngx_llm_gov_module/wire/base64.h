/*
 * Base64 (RFC 4648 section 4), padding optional on input.
 */

#ifndef LLM_BASE64_H
#define LLM_BASE64_H

#include "str.h"


#define llm_base64_decoded_size(len)  (((len) + 3) / 4 * 3)
#define llm_base64_encoded_size(len)  (((len) + 2) / 3 * 4)

/* Decodes into `out`, which may be the text itself (in place).  Returns the
 * length or -1 if the text is no base64. */
long llm_base64_decode(llm_str_t text, char *out);

/* Encodes into `out` (llm_base64_encoded_size bytes); returns the length. */
size_t llm_base64_encode(llm_str_t bytes, char *out);


#endif /* LLM_BASE64_H */
