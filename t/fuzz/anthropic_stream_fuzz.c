/*
 * Frames of a Claude stream: the first byte chooses whether the rest is the
 * JSON of one event, a frame's payload, or an exception's.
 */

#include <stdlib.h>

#include "dialects/translate.h"
#include "wire/base64.h"


/* what is appended must be lines of one event, ended by an empty one */
static void
check(const llm_buf_t *out)
{
    size_t  i;

    if (out->len == 0) {
        return;
    }

    if (out->len < 8 || memcmp(out->data + out->len - 2, "\n\n", 2) != 0) {
        abort();
    }

    for (i = 0; i + 2 < out->len; i++) {
        if (out->data[i] == '\r') {
            abort();
        }

        if (out->data[i] == '\n'
            && (out->len - i < 7
                || memcmp(out->data + i + 1, "data: ", 6) != 0))
        {
            abort();
        }
    }
}


static void
chunk_of(llm_buf_t *payload, llm_str_t json)
{
    char  *base64;

    base64 = malloc(llm_base64_encoded_size(json.len) + 1);

    llm_buf_str(payload, llm_str("{\"bytes\":\""));
    llm_buf_append(payload, base64, llm_base64_encode(json, base64));
    llm_buf_str(payload, llm_str("\"}"));

    free(base64);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    llm_str_t             json, chunk;
    llm_buf_t             out, payload;
    llm_frame_t           frame;
    llm_anthropic_sse_t   sse;
    llm_upstream_error_t  error;

    if (size < 1) {
        return 0;
    }

    json.data = (const char *) data + 1;
    json.len = size - 1;

    memset(&frame, 0, sizeof(frame));
    frame.kind = data[0] % 4 == 2 ? LLM_FRAME_EXCEPTION : LLM_FRAME_EVENT;
    frame.type = data[0] % 4 == 2 ? (llm_str_t) { json.data, json.len % 40 }
                                  : llm_str("chunk");
    frame.payload = json;

    llm_buf_init(&out, 1024 * 1024);
    llm_buf_init(&payload, 1024 * 1024);
    llm_anthropic_sse_init(&sse);

    if (data[0] % 4 == 0) {
        chunk_of(&payload, json);
        frame.payload = (llm_str_t) { payload.data, payload.len };
    }

    if (llm_anthropic_sse_frame(&sse, &out, &frame, &chunk, llm_str("r"))
        == LLM_OK)
    {
        check(&out);

        if (data[0] % 4 == 0 && !llm_str_eq(chunk, json)) {
            abort();
        }
    }

    llm_upstream_error_read(&error, data[0] * 3, (llm_str_t) { NULL, 0 },
                            json);
    (void) llm_upstream_verdict(&error);
    (void) llm_anthropic_count_tokens(&out, json);

    llm_anthropic_sse_free(&sse);
    llm_buf_free(&payload);
    llm_buf_free(&out);

    return 0;
}
