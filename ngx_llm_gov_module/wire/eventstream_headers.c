/*
 * Headers of a frame: a name, a type, a value of the type's size.
 */

#include "eventstream_headers.h"
#include "be.h"

#include <inttypes.h>
#include <stdio.h>


#define LLM_EVENTSTREAM_HEADERS_AT  12

enum {
    LLM_HEADER_TRUE = 0,
    LLM_HEADER_FALSE,
    LLM_HEADER_INT8,
    LLM_HEADER_INT16,
    LLM_HEADER_INT32,
    LLM_HEADER_INT64,
    LLM_HEADER_BYTES,
    LLM_HEADER_STRING,
    LLM_HEADER_TIMESTAMP,
    LLM_HEADER_UUID,
    LLM_HEADER_TYPES
};


typedef struct {
    llm_str_t   name;
    unsigned    type;
    llm_str_t   value;          /* as on the wire */
} llm_frame_header_t;


typedef struct {
    llm_str_t   message_type;
    llm_str_t   event_type;
    llm_str_t   exception_type;
    llm_str_t   error_code;
    llm_str_t   error_message;
    llm_str_t   content_type;
} llm_frame_names_t;


static const char *llm_eventstream_header_next(const char *p, const char *end,
    llm_frame_header_t *header);
static void llm_eventstream_known(llm_frame_names_t *names,
    const llm_frame_header_t *header);
static void llm_eventstream_kind(llm_frame_t *frame,
    const llm_frame_names_t *names);
static llm_str_t llm_eventstream_text(const llm_frame_header_t *header);


static inline const char *
llm_eventstream_headers_end(const llm_frame_t *frame)
{
    return frame->payload.data;
}


const char *
llm_eventstream_headers(llm_frame_t *frame)
{
    size_t               i, n;
    const char          *p, *end;
    llm_str_t            seen[LLM_EVENTSTREAM_MAX_HEADERS];
    llm_frame_names_t    names;
    llm_frame_header_t   header;

    memset(&names, 0, sizeof(names));

    p = frame->raw.data + LLM_EVENTSTREAM_HEADERS_AT;
    end = llm_eventstream_headers_end(frame);

    for (n = 0; p != end; n++) {

        if (n == LLM_EVENTSTREAM_MAX_HEADERS) {
            return "too many headers";
        }

        p = llm_eventstream_header_next(p, end, &header);

        if (p == NULL) {
            return "broken header";
        }

        for (i = 0; i < n; i++) {
            if (llm_str_eq(seen[i], header.name)) {
                return "duplicate header";
            }
        }

        seen[n] = header.name;

        llm_eventstream_known(&names, &header);
    }

    llm_eventstream_kind(frame, &names);

    return NULL;
}


/* returns what follows the header, NULL if it is broken */
static const char *
llm_eventstream_header_next(const char *p, const char *end,
    llm_frame_header_t *header)
{
    size_t  len;

    static const uint8_t  sizes[LLM_HEADER_TYPES] = {
        0, 0, 1, 2, 4, 8, 0, 0, 8, 16
    };

    len = (uint8_t) *p++;

    if (len == 0 || (size_t) (end - p) < len + 1) {
        return NULL;
    }

    header->name.data = p;
    header->name.len = len;

    p += len;
    header->type = (uint8_t) *p++;

    if (header->type >= LLM_HEADER_TYPES) {
        return NULL;
    }

    len = sizes[header->type];

    if (header->type == LLM_HEADER_BYTES || header->type == LLM_HEADER_STRING)
    {
        if (end - p < 2) {
            return NULL;
        }

        len = llm_be_get(p, 2);
        p += 2;
    }

    if ((size_t) (end - p) < len) {
        return NULL;
    }

    header->value.data = p;
    header->value.len = len;

    return p + len;
}


static void
llm_eventstream_known(llm_frame_names_t *names,
    const llm_frame_header_t *header)
{
    if (header->type != LLM_HEADER_STRING || header->name.data[0] != ':') {
        return;
    }

    if (llm_str_eq(header->name, llm_str(":message-type"))) {
        names->message_type = header->value;

    } else if (llm_str_eq(header->name, llm_str(":event-type"))) {
        names->event_type = header->value;

    } else if (llm_str_eq(header->name, llm_str(":content-type"))) {
        names->content_type = header->value;

    } else if (llm_str_eq(header->name, llm_str(":exception-type"))) {
        names->exception_type = header->value;

    } else if (llm_str_eq(header->name, llm_str(":error-code"))) {
        names->error_code = header->value;

    } else if (llm_str_eq(header->name, llm_str(":error-message"))) {
        names->error_message = header->value;
    }
}


static void
llm_eventstream_kind(llm_frame_t *frame, const llm_frame_names_t *names)
{
    frame->content_type = names->content_type;
    frame->message = names->error_message;

    if (llm_str_eq(names->message_type, llm_str("event"))) {
        frame->kind = LLM_FRAME_EVENT;
        frame->type = names->event_type;

    } else if (llm_str_eq(names->message_type, llm_str("exception"))) {
        frame->kind = LLM_FRAME_EXCEPTION;
        frame->type = names->exception_type;

    } else if (llm_str_eq(names->message_type, llm_str("error"))) {
        frame->kind = LLM_FRAME_ERROR;
        frame->type = names->error_code;

    } else {
        frame->kind = LLM_FRAME_OTHER;
    }
}


bool
llm_eventstream_header(const llm_frame_t *frame, llm_str_t name, int *type,
    llm_str_t *value)
{
    const char          *p, *end;
    llm_frame_header_t   header;

    p = frame->raw.data + LLM_EVENTSTREAM_HEADERS_AT;
    end = llm_eventstream_headers_end(frame);

    while (p != NULL && p != end) {
        p = llm_eventstream_header_next(p, end, &header);

        if (p != NULL && llm_str_eq(header.name, name)) {
            *type = (int) header.type;
            *value = llm_eventstream_text(&header);

            return true;
        }
    }

    return false;
}


static llm_str_t
llm_eventstream_text(const llm_frame_header_t *header)
{
    int        len;
    size_t     i;
    int64_t    n;
    llm_str_t  text;

    static _Thread_local char  decimal[24];

    switch (header->type) {

    case LLM_HEADER_TRUE:
        return llm_str("true");

    case LLM_HEADER_FALSE:
        return llm_str("false");

    case LLM_HEADER_BYTES:
    case LLM_HEADER_STRING:
    case LLM_HEADER_UUID:
        return header->value;
    }

    /* big endian, with the sign of the first byte */
    n = (int8_t) header->value.data[0];

    for (i = 1; i < header->value.len; i++) {
        n = n * 256 + (uint8_t) header->value.data[i];
    }

    len = snprintf(decimal, sizeof(decimal), "%" PRId64, n);

    text.data = decimal;
    text.len = (size_t) len;

    return text;
}
