/*
 * Paths: the first byte chooses dialect and method.
 */

#include <stdlib.h>

#include "dialects/api.h"
#include "dialects/envelope.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char        *out, *back;
    long         n;
    size_t       m;
    llm_buf_t    id;
    llm_str_t    text;
    llm_path_t   path;

    if (size < 1) {
        return 0;
    }

    text.data = (const char *) data + 1;
    text.len = size - 1;

    if (llm_path_parse(data[0] % 4, data[0] & 8 ? llm_str("GET")
                                                : llm_str("POST"),
                       text, &path)
        == LLM_OK && path.api == LLM_API_NONE)
    {
        abort();
    }

    out = malloc(size);
    n = llm_percent_decode(path.model, out);

    if (n > 0) {
        back = malloc(3 * (size_t) n);
        m = llm_percent_encode((llm_str_t) { out, (size_t) n }, back);

        if (llm_percent_decode((llm_str_t) { back, m }, back) != n
            || memcmp(back, out, (size_t) n) != 0)
        {
            abort();
        }

        free(back);

        llm_buf_init(&id, 65536);
        (void) llm_anthropic_model(&id, (llm_str_t) { out, (size_t) n },
                                   text);
        llm_buf_free(&id);
    }

    free(out);

    return 0;
}
