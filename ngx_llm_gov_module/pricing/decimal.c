#include "decimal.h"


/* more digits than a price ever needs, so that a hostile one costs nothing */
#define LLM_DECIMAL_DIGITS    64
#define LLM_DECIMAL_EXPONENT  1000


typedef struct {
    char      digits[LLM_DECIMAL_DIGITS];
    size_t    n;
    long      exponent;         /* the value is digits * 10^exponent */
} llm_decimal_t;


static const char *
llm_decimal_digits(llm_decimal_t *dec, const char *p, const char *end,
    bool fraction)
{
    for ( /* void */ ; p < end && *p >= '0' && *p <= '9'; p++) {

        if (fraction) {
            dec->exponent--;
        }

        if (dec->n == 0 && *p == '0') {
            continue;
        }

        if (dec->n == LLM_DECIMAL_DIGITS) {
            return NULL;
        }

        dec->digits[dec->n++] = *p - '0';
    }

    return p;
}


static const char *
llm_decimal_exponent(llm_decimal_t *dec, const char *p, const char *end)
{
    long  value;
    bool  negative;

    negative = false;

    if (p < end && (*p == '+' || *p == '-')) {
        negative = (*p++ == '-');
    }

    if (p == end) {
        return NULL;
    }

    for (value = 0; p < end && *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (*p - '0');

        if (value > LLM_DECIMAL_EXPONENT) {
            return NULL;
        }
    }

    dec->exponent += negative ? -value : value;

    return p;
}


static int
llm_decimal_read(llm_decimal_t *dec, llm_str_t text)
{
    const char  *p, *end, *start;

    dec->n = 0;
    dec->exponent = 0;

    start = text.data;
    end = text.data + text.len;

    p = llm_decimal_digits(dec, start, end, false);
    if (p == NULL || p == start) {
        return LLM_ERROR;
    }

    if (p < end && *p == '.') {
        start = ++p;

        p = llm_decimal_digits(dec, start, end, true);
        if (p == NULL || p == start) {
            return LLM_ERROR;
        }
    }

    if (p < end && (*p == 'e' || *p == 'E')) {
        p = llm_decimal_exponent(dec, p + 1, end);
    }

    return (p == end) ? LLM_OK : LLM_ERROR;
}


int
llm_decimal_parse(llm_str_t text, int shift, int64_t *value)
{
    long           i, whole;
    int64_t        sum;
    llm_decimal_t  dec;

    if (text.len == 0 || llm_decimal_read(&dec, text) != LLM_OK) {
        return LLM_ERROR;
    }

    *value = 0;

    if (dec.n == 0) {
        return LLM_OK;
    }

    /* so many digits stand before the point once it has been shifted */
    whole = (long) dec.n + dec.exponent + shift;

    if (whole > 18) {
        return LLM_ERROR;
    }

    for (sum = 0, i = 0; i < whole; i++) {
        sum = sum * 10 + (i < (long) dec.n ? dec.digits[i] : 0);
    }

    if (whole >= 0 && whole < (long) dec.n && dec.digits[whole] >= 5) {
        sum++;
    }

    if (sum > LLM_DECIMAL_MAX) {
        return LLM_ERROR;
    }

    *value = sum;

    return LLM_OK;
}


int64_t
llm_decimal_scale(int64_t value, int64_t millionths)
{
    return (int64_t) (((__int128) value * millionths + 500000) / 1000000);
}
