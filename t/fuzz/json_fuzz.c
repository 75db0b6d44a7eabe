/*
 * The JSON scanner: the first byte says how the rest is cut.  Cut or whole,
 * the tokens must be the same.
 */

#include "wire/json.h"

#include <stdlib.h>


typedef struct {
    uint64_t  tokens;
    uint64_t  sum;
    size_t    fed;              /* no token may end beyond it */
} seen_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static int
on_token(llm_json_t *json, const llm_json_token_t *token, void *data)
{
    char     out[LLM_JSON_SCRATCH];
    size_t   i, n;
    seen_t  *seen;

    seen = data;
    seen->tokens++;

    if (token->end > seen->fed || token->start > token->end
        || token->member > token->start || json->offset != token->end)
    {
        abort();
    }

    n = (token->text.len < LLM_JSON_SCRATCH) ? token->text.len
                                             : LLM_JSON_SCRATCH;

    for (i = 0; i < n; i++) {
        seen->sum = seen->sum * 31 + (uint8_t) token->text.data[i];
    }

    seen->sum = seen->sum * 31 + token->end + token->member * 7
                + token->type + json->depth * 17 + token->len;
    seen->sum += llm_json_key(json).len;
    seen->sum += llm_json_at(json, "a.b[].c") + llm_json_at(json, "");
    seen->sum += (uint64_t) llm_json_count(token);

    if (token->type == LLM_JSON_STRING && token->len <= LLM_JSON_SCRATCH) {
        /* what the scanner let pass can be undone */
        if (llm_json_unescape(token->text, out, sizeof(out)) < 0) {
            abort();
        }
    }

    return LLM_OK;
}


static int
scan(const char *p, size_t size, size_t piece, seen_t *seen)
{
    int          rc;
    char        *copy;
    size_t       i, n;
    llm_json_t   json;

    memset(seen, 0, sizeof(*seen));
    llm_json_init(&json, on_token, seen);
    rc = LLM_OK;

    for (i = 0; i < size && rc == LLM_OK; i += n) {
        n = (size - i < piece) ? size - i : piece;
        copy = malloc(n);
        memcpy(copy, p + i, n);
        seen->fed = i + n;
        rc = llm_json_feed(&json, copy, n);
        free(copy);
    }

    return (rc == LLM_OK) ? llm_json_finish(&json) : rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int          rc;
    char         out[256];
    seen_t       whole, cut;
    llm_str_t    text;

    if (size == 0) {
        return 0;
    }

    text.data = (const char *) data + 1;
    text.len = size - 1;

    rc = scan(text.data, text.len, text.len, &whole);

    if (scan(text.data, text.len, 1 + data[0] % 32, &cut) != rc
        || cut.tokens != whole.tokens || cut.sum != whole.sum)
    {
        abort();
    }

    /* any bytes, also such as no token has */
    llm_json_unescape(text, out, sizeof(out));

    return 0;
}
