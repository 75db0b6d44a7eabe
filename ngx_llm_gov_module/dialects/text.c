/*
 * Texts of JSON tokens, kept in arrays of fixed size.
 */

#include "text.h"


/* the longest escape: a surrogate pair, "\ud83d\ude00" */
#define LLM_TEXT_ESCAPE  12


static size_t
llm_text_clean(char *out, size_t len, bool cut)
{
    size_t   i, lead;
    uint8_t  c;

    for (i = 0; i < len; i++) {
        c = (uint8_t) out[i];

        if (c < 0x20 || c == 0x7f) {
            out[i] = ' ';
        }
    }

    if (!cut) {
        return len;
    }

    /* a character that lost its last bytes goes as a whole */

    for (lead = len; lead > 0 && len - lead < 4; lead--) {
        c = (uint8_t) out[lead - 1];

        if (c < 0x80) {
            break;
        }

        if (c >= 0xc0) {
            i = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

            return (len - lead + 1 < i) ? lead - 1 : len;
        }
    }

    return len;
}


size_t
llm_text_copy_plain(char *out, size_t size, llm_str_t text)
{
    bool  cut;

    cut = text.len > size;

    if (cut) {
        text.len = size;
    }

    if (text.len == 0) {
        return 0;
    }

    memcpy(out, text.data, text.len);

    return llm_text_clean(out, text.len, cut);
}


size_t
llm_text_copy(char *out, size_t size, const llm_json_token_t *token)
{
    bool       cut;
    long       n;
    unsigned   i;
    llm_str_t  text;

    text = token->text;

    if (!token->escaped) {
        cut = token->truncated || text.len > size;
        text.len = llm_text_copy_plain(out, size, text);

        return cut ? llm_text_clean(out, text.len, true) : text.len;
    }

    cut = token->truncated;

    n = llm_json_unescape(text, out, size);

    if (n < 0 && text.len > size) {
        text.len = size;
        cut = true;
    }

    /* the cut may have gone through an escape */

    for (i = 0; n < 0 && i <= LLM_TEXT_ESCAPE && text.len > 0; i++) {
        n = llm_json_unescape(text, out, size);
        text.len--;
    }

    return (n < 0) ? 0 : llm_text_clean(out, (size_t) n, cut);
}


bool
llm_text_holds(llm_str_t text, const char *part)
{
    char    c;
    size_t  i, j, n;

    n = strlen(part);

    for (i = 0; i + n <= text.len; i++) {

        for (j = 0; j < n; j++) {
            c = text.data[i + j];

            if (c >= 'A' && c <= 'Z') {
                c |= 0x20;
            }

            if (c != part[j]) {
                break;
            }
        }

        if (j == n) {
            return true;
        }
    }

    return false;
}
