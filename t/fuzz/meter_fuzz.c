/*
 * The meter over any bytes.  The first four say which API, family, piece size
 * and header; the rest is the body, or what a frame holds, so that no CRC has
 * to be guessed.
 *
 * What must hold: no crash, and the same usage however the bytes are cut.
 */

#include <stdlib.h>

#include "dialects/meter.h"


static void
feed(llm_meter_t *meter, const char *body, size_t size, size_t step)
{
    size_t  n;

    for ( /* void */ ; size != 0; size -= n, body += n) {
        n = (step < size) ? step : size;

        if (llm_meter_feed(meter, body, n) != LLM_OK) {
            break;
        }
    }
}


static void
feed_frame(llm_meter_t *meter, const char *body, size_t size, unsigned kind)
{
    llm_frame_t  frame;

    static const llm_str_t  types[] = {
        { "chunk", 5 }, { "metadata", 8 }, { "contentBlockDelta", 17 }
    };

    memset(&frame, 0, sizeof(frame));

    frame.kind = (llm_frame_kind_t) (kind % 5);
    frame.type = types[kind % 3];
    frame.payload.data = body;
    frame.payload.len = size;
    frame.message = frame.payload;

    llm_meter_frame(meter, &frame);
    llm_meter_chunk(meter, frame.payload);
}


static void
run(llm_meter_t *meter, const uint8_t *data, size_t size, size_t step)
{
    llm_str_t    value;
    const char  *text;

    text = (const char *) data;
    value.data = text + 3;
    value.len = 1;

    llm_meter_init(meter,
                   (llm_api_t) (data[0] % (LLM_API_OPENAI_EMBEDDINGS + 1)),
                   (llm_family_t) ((data[1] & 0x3f)
                                   % (LLM_FAMILY_IMAGE + 1)),
                   (data[1] & 0x80) != 0);

    llm_meter_header(meter, llm_str("X-Amzn-Bedrock-Input-Token-Count"),
                     value);
    llm_meter_request_units(meter, data[3], data[3]);

    if (data[1] & 0x40) {
        feed_frame(meter, text + 4, size - 4, data[2]);

    } else {
        feed(meter, text + 4, size - 4, step);
    }

    llm_meter_finish(meter);
    llm_meter_free(meter);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static llm_meter_t  whole, pieces;

    if (size < 4) {
        return 0;
    }

    run(&whole, data, size, size);
    run(&pieces, data, size, (size_t) data[2] % 16 + 1);

    if (memcmp(&whole.usage, &pieces.usage, sizeof(llm_usage_t)) != 0
        || whole.exception_message_len > sizeof(whole.exception_message)
        || whole.usage.input < 0 || whole.usage.output < 0
        || whole.usage.cache_write_5m < 0 || whole.usage.images < 0)
    {
        abort();
    }

    return 0;
}
