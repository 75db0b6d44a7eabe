/*
 * Base64, by table.
 */

#include "base64.h"


#define LLM_BASE64_BAD  0xff


static const char  llm_base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";


#define _  LLM_BASE64_BAD

static const uint8_t  llm_base64_values[256] = {
     _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,
     _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,
     _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _, 62,  _,  _,  _, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61,  _,  _,  _,  _,  _,  _,
     _,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,  _,  _,  _,  _,  _,
     _, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,  _,  _,  _,  _,  _,
     _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,
     _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,
     _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,
     _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,
     _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,
     _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,
     _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,
     _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _,  _
};

#undef _


static long llm_base64_tail(const uint8_t *p, size_t len, char *out);


long
llm_base64_decode(llm_str_t text, char *out)
{
    long            tail;
    char           *start;
    size_t          len;
    uint32_t        word;
    uint8_t         a, b, c, d;
    const uint8_t  *p;

    p = (const uint8_t *) text.data;
    len = text.len;
    start = out;

    /* padding only ever fills the last four */
    if (len != 0 && len % 4 == 0 && p[len - 1] == '=') {
        len -= (p[len - 2] == '=') ? 2 : 1;
    }

    for ( /* void */ ; len >= 4; len -= 4, p += 4) {
        a = llm_base64_values[p[0]];
        b = llm_base64_values[p[1]];
        c = llm_base64_values[p[2]];
        d = llm_base64_values[p[3]];

        if ((a | b | c | d) & 0xc0) {
            return -1;
        }

        word = (uint32_t) a << 18 | (uint32_t) b << 12 | (uint32_t) c << 6 | d;

        *out++ = (char) (word >> 16);
        *out++ = (char) (word >> 8);
        *out++ = (char) word;
    }

    tail = llm_base64_tail(p, len, out);

    return (tail < 0) ? -1 : (long) (out - start) + tail;
}


/* the last 0, 2 or 3 characters, without padding */
static long
llm_base64_tail(const uint8_t *p, size_t len, char *out)
{
    uint8_t  a, b, c;

    if (len == 0) {
        return 0;
    }

    if (len == 1) {
        return -1;
    }

    a = llm_base64_values[p[0]];
    b = llm_base64_values[p[1]];
    c = (len == 3) ? llm_base64_values[p[2]] : 0;

    if ((a | b | c) & 0xc0) {
        return -1;
    }

    *out++ = (char) (a << 2 | b >> 4);

    if (len == 3) {
        *out = (char) (b << 4 | c >> 2);
    }

    return (long) len - 1;
}


size_t
llm_base64_encode(llm_str_t bytes, char *out)
{
    char           *start;
    size_t          len;
    uint32_t        word;
    const uint8_t  *p;

    p = (const uint8_t *) bytes.data;
    start = out;

    for (len = bytes.len; len >= 3; len -= 3, p += 3) {
        word = (uint32_t) p[0] << 16 | (uint32_t) p[1] << 8 | p[2];

        *out++ = llm_base64_alphabet[word >> 18];
        *out++ = llm_base64_alphabet[word >> 12 & 0x3f];
        *out++ = llm_base64_alphabet[word >> 6 & 0x3f];
        *out++ = llm_base64_alphabet[word & 0x3f];
    }

    if (len != 0) {
        word = (uint32_t) p[0] << 16;

        if (len == 2) {
            word |= (uint32_t) p[1] << 8;
        }

        *out++ = llm_base64_alphabet[word >> 18];
        *out++ = llm_base64_alphabet[word >> 12 & 0x3f];
        *out++ = (len == 2) ? llm_base64_alphabet[word >> 6 & 0x3f] : '=';
        *out++ = '=';
    }

    return (size_t) (out - start);
}
