/*
 * Strings and byte buffers of the pure parts: a pointer and a length, never
 * NUL-terminated.  Nothing in wire/, pricing/ or dialects/ knows nginx.
 */

#ifndef LLM_STR_H
#define LLM_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>


/* what the pure functions return */
#define LLM_OK      0
#define LLM_AGAIN   1
#define LLM_ERROR  -1


typedef struct {
    const char  *data;
    size_t       len;
} llm_str_t;


#define llm_str(literal)   (llm_str_t) { literal, sizeof(literal) - 1 }


static inline bool
llm_str_eq(llm_str_t a, llm_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


static inline bool
llm_str_starts(llm_str_t s, llm_str_t prefix)
{
    return s.len >= prefix.len && memcmp(s.data, prefix.data, prefix.len) == 0;
}


#endif /* LLM_STR_H */
