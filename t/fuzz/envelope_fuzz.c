/*
 * Request bodies: the first byte chooses the API, the second the size of the
 * pieces.  What is made of a Messages body must be JSON again.
 */

#include <stdlib.h>

#include "dialects/envelope.h"


static int
pass(llm_json_t *json, const llm_json_token_t *token, void *data)
{
    return LLM_OK;
}


static void
rewritten(const llm_envelope_t *envelope, const char *body, size_t len)
{
    uint64_t        last;
    unsigned        i;
    llm_json_t      json;
    llm_rewrite_t   rewrite;

    if (llm_anthropic_to_invoke(&rewrite, envelope,
                                (llm_str_t) { envelope->betas,
                                              envelope->betas_len },
                                llm_str(""))
        != LLM_OK)
    {
        abort();
    }

    llm_json_init(&json, pass, NULL);

    if (llm_json_feed(&json, rewrite.head.data, rewrite.head.len) != LLM_OK) {
        abort();
    }

    for (last = 0, i = 0; i < rewrite.nspans; i++) {
        if (rewrite.spans[i].start < last
            || rewrite.spans[i].end <= rewrite.spans[i].start
            || rewrite.spans[i].end > len)
        {
            abort();
        }

        last = rewrite.spans[i].end;

        if (llm_json_feed(&json, body + rewrite.spans[i].start,
                          (size_t) (last - rewrite.spans[i].start))
            != LLM_OK)
        {
            abort();
        }
    }

    if (llm_json_finish(&json) != LLM_OK) {
        abort();
    }

    llm_rewrite_free(&rewrite);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                     rc;
    size_t                  i, n, step;
    const char             *body;
    llm_api_t               api;
    llm_envelope_t          envelope;
    llm_envelope_reader_t   reader;

    if (size < 2) {
        return 0;
    }

    api = data[0] % (LLM_API_OPENAI_EMBEDDINGS + 1);
    step = data[1] ? data[1] : size;
    body = (const char *) data + 2;
    size -= 2;

    llm_envelope_init(&reader, &envelope, api);

    for (rc = LLM_OK, i = 0; i < size && rc == LLM_OK; i += n) {
        n = size - i < step ? size - i : step;
        rc = llm_envelope_feed(&reader, body + i, n);
    }

    if (rc == LLM_OK) {
        rc = llm_envelope_finish(&reader);
    }

    if (rc != LLM_OK) {
        if (reader.json.error == NULL) {
            abort();
        }

        return 0;
    }

    if (envelope.bytes != size || envelope.text_bytes > size) {
        abort();
    }

    if (api == LLM_API_ANTHROPIC_MESSAGES
        || api == LLM_API_ANTHROPIC_COUNT_TOKENS)
    {
        rewritten(&envelope, body, size);
    }

    return 0;
}
