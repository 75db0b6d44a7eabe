/*
 * Frames in.  A frame that is whole in the fed bytes is read where it
 * lies; one that is not is collected first.
 */

#include "eventstream.h"
#include "eventstream_headers.h"
#include "be.h"

#include <zlib.h>


#define LLM_EVENTSTREAM_PRELUDE  12     /* two lengths and their CRC */
#define LLM_EVENTSTREAM_CRC      4
#define LLM_EVENTSTREAM_LEAST    16     /* a frame of nothing */

/* what a collected frame may leave allocated for the next one */
#define LLM_EVENTSTREAM_KEEP     8192


static void llm_eventstream_again(llm_eventstream_t *es);
static int llm_eventstream_collect(llm_eventstream_t *es, const char **p,
    const char *end);
static int llm_eventstream_take(llm_eventstream_t *es, const char **p,
    const char *end, size_t want);
static size_t llm_eventstream_prelude(llm_eventstream_t *es, const char *p);
static int llm_eventstream_frame(llm_eventstream_t *es, const char *p,
    size_t len, llm_frame_t *frame);
static int llm_eventstream_fail(llm_eventstream_t *es, const char *error);


static inline uint32_t
llm_eventstream_crc(const char *p, size_t len)
{
    return (uint32_t) crc32_z(0, (const Bytef *) p, len);
}


void
llm_eventstream_init(llm_eventstream_t *es, size_t max_frame)
{
    memset(es, 0, sizeof(*es));
    llm_buf_init(&es->pending, max_frame);
}


void
llm_eventstream_free(llm_eventstream_t *es)
{
    llm_buf_free(&es->pending);
}


bool
llm_eventstream_at_boundary(const llm_eventstream_t *es)
{
    return es->error == NULL && (es->pending.len == 0 || es->pending_done);
}


int
llm_eventstream_next(llm_eventstream_t *es, const char **p, const char *end,
    llm_frame_t *frame)
{
    int     rc;
    size_t  total;

    if (es->error != NULL) {
        return LLM_ERROR;
    }

    if (es->pending_done) {
        llm_eventstream_again(es);
    }

    if (*p == end) {
        return LLM_AGAIN;
    }

    if (es->pending.len == 0 && end - *p >= LLM_EVENTSTREAM_PRELUDE) {
        total = llm_eventstream_prelude(es, *p);

        if (total == 0) {
            return LLM_ERROR;
        }

        if (total <= (size_t) (end - *p)) {
            rc = llm_eventstream_frame(es, *p, total, frame);
            *p += total;
            return rc;
        }
    }

    rc = llm_eventstream_collect(es, p, end);

    if (rc != LLM_OK) {
        return rc;
    }

    es->pending_done = true;

    return llm_eventstream_frame(es, es->pending.data, es->pending.len, frame);
}


/* the collected frame has been read */
static void
llm_eventstream_again(llm_eventstream_t *es)
{
    es->pending_done = false;
    es->pending.len = 0;

    if (es->pending.size > LLM_EVENTSTREAM_KEEP) {
        llm_buf_free(&es->pending);
    }
}


/* until a frame is pending */
static int
llm_eventstream_collect(llm_eventstream_t *es, const char **p,
    const char *end)
{
    int  rc;

    if (es->pending.len < LLM_EVENTSTREAM_PRELUDE) {
        rc = llm_eventstream_take(es, p, end, LLM_EVENTSTREAM_PRELUDE);

        if (rc != LLM_OK) {
            return rc;
        }

        if (llm_eventstream_prelude(es, es->pending.data) == 0) {
            return LLM_ERROR;
        }
    }

    return llm_eventstream_take(es, p, end,
                                (uint32_t) llm_be_get(es->pending.data, 4));
}


/* takes what is there until `want` bytes are pending */
static int
llm_eventstream_take(llm_eventstream_t *es, const char **p, const char *end,
    size_t want)
{
    size_t  len;

    len = want - es->pending.len;

    if (len > (size_t) (end - *p)) {
        len = (size_t) (end - *p);
    }

    llm_buf_append(&es->pending, *p, len);
    *p += len;

    if (es->pending.failed) {
        return llm_eventstream_fail(es, "no memory for a frame");
    }

    return (es->pending.len == want) ? LLM_OK : LLM_AGAIN;
}


/* the frame's length from its first 12 bytes, 0 if they are wrong */
static size_t
llm_eventstream_prelude(llm_eventstream_t *es, const char *p)
{
    uint32_t  total, headers;

    total = (uint32_t) llm_be_get(p, 4);
    headers = (uint32_t) llm_be_get(p + 4, 4);

    if (llm_eventstream_crc(p, 8) != (uint32_t) llm_be_get(p + 8, 4)) {
        llm_eventstream_fail(es, "prelude checksum mismatch");
        return 0;
    }

    if (total < LLM_EVENTSTREAM_LEAST
        || headers > total - LLM_EVENTSTREAM_LEAST)
    {
        llm_eventstream_fail(es, "impossible frame length");
        return 0;
    }

    if (total > es->pending.limit) {
        llm_eventstream_fail(es, "frame too large");
        return 0;
    }

    return total;
}


static int
llm_eventstream_frame(llm_eventstream_t *es, const char *p, size_t len,
    llm_frame_t *frame)
{
    size_t       headers;
    const char  *error;

    if (llm_eventstream_crc(p, len - LLM_EVENTSTREAM_CRC)
        != (uint32_t) llm_be_get(p + len - LLM_EVENTSTREAM_CRC, 4))
    {
        return llm_eventstream_fail(es, "message checksum mismatch");
    }

    headers = (uint32_t) llm_be_get(p + 4, 4);

    memset(frame, 0, sizeof(*frame));

    frame->raw.data = p;
    frame->raw.len = len;
    frame->payload.data = p + LLM_EVENTSTREAM_PRELUDE + headers;
    frame->payload.len = len - LLM_EVENTSTREAM_LEAST - headers;

    error = llm_eventstream_headers(frame);

    return (error == NULL) ? LLM_OK : llm_eventstream_fail(es, error);
}


static int
llm_eventstream_fail(llm_eventstream_t *es, const char *error)
{
    es->error = error;

    return LLM_ERROR;
}
