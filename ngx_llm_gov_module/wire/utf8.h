/*
 * UTF-8, byte by byte (Unicode 15.0, table 3-7): what may follow a lead byte.
 */

#ifndef LLM_UTF8_H
#define LLM_UTF8_H

#include "str.h"


/* what is still missing of a character */
typedef struct {
    unsigned   left;            /* bytes to come */
    uint8_t    min;             /* range of the next one */
    uint8_t    max;
} llm_utf8_t;


/* false if no character starts with `lead`, a byte over 0x7f */
static inline bool
llm_utf8_start(llm_utf8_t *utf8, uint8_t lead)
{
    if (lead < 0xc2 || lead > 0xf4) {
        return false;
    }

    utf8->left = 1 + (lead >= 0xe0) + (lead >= 0xf0);

    /* no overlong forms, no surrogates, nothing over U+10FFFF */
    utf8->min = (lead == 0xe0) ? 0xa0 : (lead == 0xf0) ? 0x90 : 0x80;
    utf8->max = (lead == 0xed) ? 0x9f : (lead == 0xf4) ? 0x8f : 0xbf;

    return true;
}


static inline bool
llm_utf8_follow(llm_utf8_t *utf8, uint8_t c)
{
    if (c < utf8->min || c > utf8->max) {
        return false;
    }

    utf8->left--;
    utf8->min = 0x80;
    utf8->max = 0xbf;

    return true;
}


#endif /* LLM_UTF8_H */
