/*
 * Anthropic's count_tokens by way of Bedrock's CountTokens, which wants an
 * InvokeModel body in base64.
 */

#include <inttypes.h>

#include "../wire/base64.h"
#include "../wire/json.h"
#include "translate.h"


#define LLM_COUNT_STEP  3072    /* bytes encoded at once, a multiple of 3 */


static int
llm_count_token(llm_json_t *json, const llm_json_token_t *token, void *data)
{
    int64_t  *count = data;

    if (json->depth == 1
        && llm_str_eq(llm_json_key(json), llm_str("inputTokens")))
    {
        *count = llm_json_count(token);
    }

    return LLM_OK;
}


int
llm_anthropic_count_tokens(llm_buf_t *out, llm_str_t body)
{
    int64_t  count;

    count = -1;

    if (llm_json_scan(body.data, body.len, llm_count_token, &count) != LLM_OK
        || count < 0)
    {
        return LLM_ERROR;
    }

    llm_buf_printf(out, "{\"input_tokens\":%" PRId64 "}", count);

    return out->failed ? LLM_ERROR : LLM_OK;
}


static void
llm_count_encode(llm_buf_t *out, const char *p, size_t len)
{
    char    text[llm_base64_encoded_size(LLM_COUNT_STEP)];
    size_t  n;

    while (len) {
        n = len < LLM_COUNT_STEP ? len : LLM_COUNT_STEP;

        llm_buf_append(out, text,
                       llm_base64_encode((llm_str_t) { p, n }, text));

        p += n;
        len -= n;
    }
}


int
llm_count_tokens_request(llm_buf_t *out, const llm_str_t *pieces, size_t n)
{
    char       carry[3];
    size_t     i, whole, carried;
    llm_str_t  piece;

    carried = 0;

    llm_buf_str(out, llm_str("{\"input\":{\"invokeModel\":{\"body\":\""));

    for (i = 0; i < n; i++) {
        piece = pieces[i];

        while (carried && carried < 3 && piece.len) {
            carry[carried++] = *piece.data++;
            piece.len--;
        }

        if (carried == 3) {
            llm_count_encode(out, carry, 3);
            carried = 0;
        }

        if (carried) {
            continue;
        }

        whole = piece.len - piece.len % 3;
        llm_count_encode(out, piece.data, whole);

        while (whole < piece.len) {
            carry[carried++] = piece.data[whole++];
        }
    }

    llm_count_encode(out, carry, carried);
    llm_buf_str(out, llm_str("\"}}}"));

    return out->failed ? LLM_ERROR : LLM_OK;
}
