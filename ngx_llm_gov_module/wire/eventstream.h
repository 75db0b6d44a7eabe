/*
 * application/vnd.amazon.eventstream: the frames in which Bedrock streams.
 * "Amazon event stream specification" (Smithy documentation): total length,
 * headers length, CRC-32 of these 8 bytes, headers, payload, CRC-32 of all.
 */

#ifndef LLM_EVENTSTREAM_H
#define LLM_EVENTSTREAM_H

#include "buf.h"


#define LLM_EVENTSTREAM_MAX_FRAME  (25 * 1024 * 1024)
#define LLM_EVENTSTREAM_MAX_HEADERS  64


typedef enum {
    LLM_FRAME_EVENT = 1,
    LLM_FRAME_EXCEPTION,
    LLM_FRAME_ERROR,
    LLM_FRAME_OTHER             /* no or unknown :message-type */
} llm_frame_kind_t;


/* all pointers are into the fed bytes or the decoder's own buffer: good until
 * the next call */
typedef struct {
    llm_frame_kind_t   kind;
    llm_str_t          type;         /* :event-type, :exception-type or
                                        :error-code */
    llm_str_t          message;      /* :error-message */
    llm_str_t          content_type;
    llm_str_t          payload;
    llm_str_t          raw;          /* the whole frame as it came */
} llm_frame_t;


typedef struct {
    llm_buf_t     pending;      /* the start of a frame that is not whole */
    bool          pending_done; /* pending was handed out as a frame */
    const char   *error;        /* after LLM_ERROR: what is wrong */
} llm_eventstream_t;


/* max_frame: bytes, a larger frame is an error */
void llm_eventstream_init(llm_eventstream_t *es, size_t max_frame);
void llm_eventstream_free(llm_eventstream_t *es);

/*
 * Takes bytes from *p (advancing it, up to `end`) until a frame is whole.
 * LLM_OK: *frame is filled, call again; LLM_AGAIN: all bytes taken;
 * LLM_ERROR: CRC, length or header wrong (es->error): nothing after it can be
 * read.
 */
int llm_eventstream_next(llm_eventstream_t *es, const char **p,
    const char *end, llm_frame_t *frame);

/* true if the bytes seen so far end between two frames */
bool llm_eventstream_at_boundary(const llm_eventstream_t *es);

/* One header of a frame by name, of any type, as text (numbers in decimal,
 * bytes as they are): used by tests and rare paths.  Returns false if the
 * frame has none. */
bool llm_eventstream_header(const llm_frame_t *frame, llm_str_t name,
    int *type, llm_str_t *value);

/* appends an event (`kind` EVENT or EXCEPTION) with application/json payload */
void llm_eventstream_encode(llm_buf_t *out, llm_frame_kind_t kind,
    llm_str_t type, llm_str_t payload);


#endif /* LLM_EVENTSTREAM_H */
