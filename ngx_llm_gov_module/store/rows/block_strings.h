/*
 * The strings of a block while it is built: each once, then sorted.
 */

#ifndef LLM_BLOCK_STRINGS_H
#define LLM_BLOCK_STRINGS_H

#include "../../wire/str.h"


#define LLM_STRINGS_SLOTS  16384    /* a power of 2 */


typedef struct {
    llm_str_t   text;               /* not owned */
    uint32_t    index;              /* what llm_strings_add() returned */
} llm_strings_entry_t;


typedef struct {
    llm_strings_entry_t  *entries;
    uint32_t              n;
    uint32_t              size;
    uint32_t             *numbers;  /* index -> place, once sorted */
    bool                  failed;   /* no memory */
    uint32_t              slots[LLM_STRINGS_SLOTS];     /* index + 1 */
} llm_strings_t;


/* NULL: no memory.  The empty string is there from the start. */
llm_strings_t *llm_strings_create(void);
void llm_strings_free(llm_strings_t *strings);

/* a number for the text, the same for the same one (nearly always: the sort
 * puts that right); 0 and `failed`: no memory */
uint32_t llm_strings_add(llm_strings_t *strings, llm_str_t text);

/* sorts bytewise and drops what is there twice: entries[0..n-1], numbers[] */
int llm_strings_sort(llm_strings_t *strings);


/* bytewise: negative, 0, positive */
static inline int
llm_str_compare(llm_str_t a, llm_str_t b)
{
    int     rc;
    size_t  len;

    len = (a.len < b.len) ? a.len : b.len;
    rc = (len == 0) ? 0 : memcmp(a.data, b.data, len);

    return (rc != 0) ? rc : (a.len > b.len) - (a.len < b.len);
}


#endif /* LLM_BLOCK_STRINGS_H */
