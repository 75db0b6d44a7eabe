/*
 * What the text of a JSON token means: escapes undone, numbers as integers.
 */

#include "json.h"


static const char *llm_json_undo(const char *p, const char *end,
    uint32_t *code);
static int32_t llm_json_hex(const char *p, const char *end);
static size_t llm_json_encode(uint32_t code, char out[4]);
static int64_t llm_json_exponent(const char *p, const char *end);
static int64_t llm_json_digits(const char *p, const char *end, int64_t point);


long
llm_json_unescape(llm_str_t text, char *out, size_t size)
{
    char         utf8[4];
    size_t       len, run;
    uint32_t     code;
    const char  *p, *end, *slash;

    len = 0;
    p = text.data;
    end = (text.len != 0) ? p + text.len : p;

    while (p != end) {
        slash = memchr(p, '\\', (size_t) (end - p));
        run = (size_t) (((slash != NULL) ? slash : end) - p);

        if (run > size - len) {
            return -1;
        }

        /* `out` may be the text itself */
        memmove(out + len, p, run);
        len += run;
        p += run;

        if (slash == NULL) {
            break;
        }

        p = llm_json_undo(p + 1, end, &code);

        if (p == NULL) {
            return -1;
        }

        run = llm_json_encode(code, utf8);

        if (run > size - len) {
            return -1;
        }

        memcpy(out + len, utf8, run);
        len += run;
    }

    return (long) len;
}


/* p: after the backslash; returns what follows the escape, NULL if broken */
static const char *
llm_json_undo(const char *p, const char *end, uint32_t *code)
{
    int32_t      high, low;
    const char  *at;

    static const char  from[] = "\"\\/bfnrt";
    static const char  to[] = "\"\\/\b\f\n\r\t";

    if (p == end) {
        return NULL;
    }

    if (*p != 'u') {
        at = (*p != '\0') ? strchr(from, *p) : NULL;

        if (at == NULL) {
            return NULL;
        }

        *code = (uint8_t) to[at - from];

        return p + 1;
    }

    high = llm_json_hex(p + 1, end);

    if (high < 0) {
        return NULL;
    }

    p += 5;
    *code = (uint32_t) high;

    if (high < 0xd800 || high > 0xdfff) {
        return p;
    }

    /* a half of a pair that lost the other is no character */
    *code = 0xfffd;

    if (high < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        low = llm_json_hex(p + 2, end);

        if (low >= 0xdc00 && low <= 0xdfff) {
            *code = 0x10000 + (((uint32_t) high & 0x3ff) << 10)
                    + ((uint32_t) low & 0x3ff);
            p += 6;
        }
    }

    return p;
}


static int32_t
llm_json_hex(const char *p, const char *end)
{
    int      i;
    char     c;
    int32_t  n;

    if (end - p < 4) {
        return -1;
    }

    for (n = 0, i = 0; i < 4; i++) {
        c = p[i];

        if (c >= '0' && c <= '9') {
            n = n << 4 | (c - '0');
            continue;
        }

        c |= 0x20;

        if (c < 'a' || c > 'f') {
            return -1;
        }

        n = n << 4 | (c - 'a' + 10);
    }

    return n;
}


static size_t
llm_json_encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char) code;
        return 1;
    }

    if (code < 0x800) {
        out[0] = (char) (0xc0 | code >> 6);
        out[1] = (char) (0x80 | (code & 0x3f));
        return 2;
    }

    if (code < 0x10000) {
        out[0] = (char) (0xe0 | code >> 12);
        out[1] = (char) (0x80 | (code >> 6 & 0x3f));
        out[2] = (char) (0x80 | (code & 0x3f));
        return 3;
    }

    out[0] = (char) (0xf0 | code >> 18);
    out[1] = (char) (0x80 | (code >> 12 & 0x3f));
    out[2] = (char) (0x80 | (code >> 6 & 0x3f));
    out[3] = (char) (0x80 | (code & 0x3f));

    return 4;
}


int64_t
llm_json_count(const llm_json_token_t *token)
{
    int64_t      point;
    const char  *p, *end, *digits;

    if (token->type != LLM_JSON_NUMBER || token->text.len == 0) {
        return -1;
    }

    digits = token->text.data;
    end = digits + token->text.len;

    if (*digits == '-') {
        return -1;
    }

    for (p = digits; p != end && *p >= '0' && *p <= '9'; p++) { /* void */ }

    point = p - digits;

    for ( /* void */ ; p != end; p++) {

        if (*p == 'e' || *p == 'E') {
            point += llm_json_exponent(p + 1, end);
            break;
        }
    }

    return llm_json_digits(digits, p, point);
}


static int64_t
llm_json_exponent(const char *p, const char *end)
{
    bool     negative;
    int64_t  n;

    negative = (p != end && *p == '-');

    if (p != end && (*p == '-' || *p == '+')) {
        p++;
    }

    /* beyond this it only matters that it is far beyond */
    for (n = 0; p != end && n < 1000000; p++) {
        n = n * 10 + (*p - '0');
    }

    return negative ? -n : n;
}


/* the first `point` of the digits, which may have a decimal point in them */
static int64_t
llm_json_digits(const char *p, const char *end, int64_t point)
{
    int      digit;
    int64_t  n;

    for (n = 0; point > 0; point--) {

        if (p != end && *p == '.') {
            p++;
        }

        if (p != end) {
            digit = *p++ - '0';

        } else if (n == 0) {
            break;

        } else {
            digit = 0;
        }

        if (__builtin_mul_overflow(n, 10, &n)
            || __builtin_add_overflow(n, digit, &n))
        {
            return -1;
        }
    }

    return n;
}
