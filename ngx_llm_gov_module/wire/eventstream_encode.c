/*
 * Frames out.
 */

#include "eventstream.h"
#include "be.h"

#include <zlib.h>


#define LLM_EVENTSTREAM_STRING  7       /* a header's type */


static void llm_eventstream_put_header(llm_buf_t *out, llm_str_t name,
    llm_str_t value);


void
llm_eventstream_encode(llm_buf_t *out, llm_frame_kind_t kind, llm_str_t type,
    llm_str_t payload)
{
    char      prelude[12], crc[4];
    char     *frame;
    size_t    start, headers;
    uint64_t  total;

    start = out->len;

    /* filled in when the lengths are known */
    memset(prelude, 0, sizeof(prelude));
    llm_buf_append(out, prelude, sizeof(prelude));

    if (kind == LLM_FRAME_EXCEPTION) {
        llm_eventstream_put_header(out, llm_str(":exception-type"), type);

    } else {
        llm_eventstream_put_header(out, llm_str(":event-type"), type);
    }

    llm_eventstream_put_header(out, llm_str(":content-type"),
                               llm_str("application/json"));

    llm_eventstream_put_header(out, llm_str(":message-type"),
                               (kind == LLM_FRAME_EXCEPTION)
                               ? llm_str("exception") : llm_str("event"));

    headers = out->len - start - sizeof(prelude);
    total = (uint64_t) headers + payload.len + 16;

    llm_buf_str(out, payload);

    if (total > UINT32_MAX || type.len > UINT16_MAX) {
        out->failed = true;
    }

    if (out->failed) {
        return;
    }

    frame = out->data + start;

    llm_be_put(frame, 4, (uint32_t) total);
    llm_be_put(frame + 4, 4, (uint32_t) headers);
    llm_be_put(frame + 8, 4, (uint32_t) crc32_z(0, (Bytef *) frame, 8));

    llm_be_put(crc, 4, (uint32_t) crc32_z(0, (Bytef *) frame,
                                                    out->len - start));
    llm_buf_append(out, crc, sizeof(crc));
}


static void
llm_eventstream_put_header(llm_buf_t *out, llm_str_t name, llm_str_t value)
{
    char  byte, head[3];

    byte = (char) name.len;
    llm_buf_append(out, &byte, 1);
    llm_buf_str(out, name);

    head[0] = LLM_EVENTSTREAM_STRING;
    llm_be_put(head + 1, 2, value.len);

    llm_buf_append(out, head, sizeof(head));
    llm_buf_str(out, value);
}
