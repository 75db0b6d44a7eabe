/*
 * The event stream decoder.  The first byte says how the rest is cut, and
 * whether the checksums are made right first: without that nothing gets past
 * them.
 */

#include "store/rows/content_text.h"
#include "wire/eventstream.h"

#include <stdlib.h>
#include <zlib.h>


typedef struct {
    int       rc;
    bool      boundary;
    uint32_t  frames;
    uint32_t  sum;
} seen_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
sum(seen_t *seen, llm_str_t s)
{
    seen->sum = seen->sum * 31 + (uint32_t) s.len;

    if (s.len != 0) {
        seen->sum = (uint32_t) crc32(seen->sum, (const Bytef *) s.data,
                                     (uInt) s.len);
    }
}


static void
decode(const char *p, size_t size, size_t piece, seen_t *seen)
{
    int                 type;
    char               *copy;
    size_t              i, n;
    llm_str_t           value;
    const char         *at;
    llm_frame_t         frame;
    llm_eventstream_t   es;

    memset(seen, 0, sizeof(*seen));
    seen->rc = LLM_AGAIN;
    llm_eventstream_init(&es, 65536);

    for (i = 0; i < size && seen->rc == LLM_AGAIN; i += n) {
        n = (size - i < piece) ? size - i : piece;
        copy = malloc(n);
        memcpy(copy, p + i, n);
        at = copy;

        while ((seen->rc = llm_eventstream_next(&es, &at, copy + n, &frame))
               == LLM_OK)
        {
            seen->frames++;
            seen->sum += frame.kind;
            sum(seen, frame.type);
            sum(seen, frame.message);
            sum(seen, frame.content_type);
            sum(seen, frame.payload);
            sum(seen, frame.raw);

            if (llm_eventstream_header(&frame, llm_str("a"), &type, &value)) {
                sum(seen, value);
            }
        }

        if (seen->rc == LLM_AGAIN && at != copy + n) {
            abort();
        }

        free(copy);
    }

    seen->boundary = llm_eventstream_at_boundary(&es);
    llm_eventstream_free(&es);
}


static uint32_t
get_u32(const uint8_t *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}


static void
put_u32(uint8_t *p, uint32_t n)
{
    p[0] = (uint8_t) (n >> 24);
    p[1] = (uint8_t) (n >> 16);
    p[2] = (uint8_t) (n >> 8);
    p[3] = (uint8_t) n;
}


static void
mend(uint8_t *p, size_t size)
{
    uint32_t  total;

    while (size >= 16) {
        put_u32(p + 8, (uint32_t) crc32(0, p, 8));
        total = get_u32(p);

        if (total < 16 || total > size) {
            return;
        }

        put_u32(p + total - 4, (uint32_t) crc32(0, p, total - 4));

        p += total;
        size -= total;
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    seen_t      whole, cut;
    uint8_t    *copy;
    llm_buf_t   text;

    if (size < 2) {
        return 0;
    }

    copy = malloc(size - 1);
    memcpy(copy, data + 1, size - 1);

    if (data[0] & 0x80) {
        mend(copy, size - 1);
    }

    llm_buf_init(&text, 1 << 20);
    (void) llm_content_events(&text, (llm_str_t) { (char *) copy, size - 1 });
    llm_buf_free(&text);

    decode((char *) copy, size - 1, size - 1, &whole);
    decode((char *) copy, size - 1, 1 + data[0] % 32, &cut);

    if (memcmp(&whole, &cut, sizeof(seen_t)) != 0) {
        abort();
    }

    free(copy);

    return 0;
}
