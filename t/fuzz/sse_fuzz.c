/*
 * Server-sent events: the first byte says how the rest is cut.  Cut or whole,
 * the events must be the same.
 */

#include "wire/sse.h"

#include <stdlib.h>


typedef struct {
    int       rc;
    uint32_t  events;
    uint32_t  sum;
} seen_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static int
on_event(llm_str_t event, llm_str_t data, void *ctx)
{
    size_t   i;
    seen_t  *seen;

    seen = ctx;
    seen->events++;

    for (i = 0; i < event.len; i++) {
        seen->sum = seen->sum * 31 + (uint8_t) event.data[i];
    }

    seen->sum = seen->sum * 31 + 1000;

    for (i = 0; i < data.len; i++) {
        seen->sum = seen->sum * 31 + (uint8_t) data.data[i];
    }

    return LLM_OK;
}


static void
read_events(const char *p, size_t size, size_t piece, seen_t *seen)
{
    char       *copy;
    size_t      i, n;
    llm_sse_t   sse;

    memset(seen, 0, sizeof(*seen));
    llm_sse_init(&sse, 100);

    for (i = 0; i < size && seen->rc == LLM_OK; i += n) {
        n = (size - i < piece) ? size - i : piece;
        copy = malloc(n);
        memcpy(copy, p + i, n);
        seen->rc = llm_sse_feed(&sse, copy, n, on_event, seen);
        free(copy);
    }

    llm_sse_free(&sse);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    seen_t  whole, cut;

    if (size < 2) {
        return 0;
    }

    read_events((const char *) data + 1, size - 1, size - 1, &whole);
    read_events((const char *) data + 1, size - 1, 1 + data[0] % 32, &cut);

    if (memcmp(&whole, &cut, sizeof(seen_t)) != 0) {
        abort();
    }

    return 0;
}
