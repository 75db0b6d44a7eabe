/*
 * Big endian numbers of 1 to 8 bytes at any address: as bytes they sort as the
 * numbers do.
 */

#ifndef LLM_BE_H
#define LLM_BE_H

#include "str.h"


/* the lowest n bytes of `value` */
static inline void
llm_be_put(void *p, unsigned n, uint64_t value)
{
    unsigned char *bytes = p;

    while (n > 0) {
        bytes[--n] = (unsigned char) value;
        value >>= 8;
    }
}


static inline uint64_t
llm_be_get(const void *p, unsigned n)
{
    const unsigned char *bytes = p;

    unsigned  i;
    uint64_t  value;

    value = 0;

    for (i = 0; i < n; i++) {
        value = value << 8 | bytes[i];
    }

    return value;
}


#endif /* LLM_BE_H */
