/*
 * What `llm_log_content` kept, for people to read.
 */

#include "content_text.h"

#include "../../wire/base64.h"
#include "../../wire/eventstream.h"
#include "../../wire/json.h"


#define LLM_CONTENT_PRELUDE  12     /* of a frame, with a checksum */


static void llm_content_event(llm_buf_t *text, const llm_frame_t *frame);
static int llm_content_bytes(llm_json_t *json, const llm_json_token_t *token,
    void *data);


int
llm_content_events(llm_buf_t *text, llm_str_t content)
{
    int                 rc;
    bool                found;
    const char         *p;
    llm_frame_t         frame;
    llm_eventstream_t   es;

    if (content.len < LLM_CONTENT_PRELUDE) {
        return LLM_AGAIN;
    }

    llm_eventstream_init(&es, LLM_EVENTSTREAM_MAX_FRAME);

    p = content.data;
    found = false;

    while ((rc = llm_eventstream_next(&es, &p, content.data + content.len,
                                      &frame))
           == LLM_OK)
    {
        llm_content_event(text, &frame);
        found = true;
    }

    llm_eventstream_free(&es);

    /* one whose first frame was cut is none the less one */

    return (found || rc == LLM_AGAIN) ? LLM_OK : LLM_AGAIN;
}


static void
llm_content_event(llm_buf_t *text, const llm_frame_t *frame)
{
    if (!llm_str_eq(frame->type, llm_str("chunk"))
        || llm_json_scan(frame->payload.data, frame->payload.len,
                         llm_content_bytes, text)
           != LLM_AGAIN)
    {
        llm_buf_str(text, llm_str("{"));
        llm_buf_json_string(text, frame->type);
        llm_buf_str(text, llm_str(":"));
        llm_buf_str(text, frame->payload.len ? frame->payload
                                             : llm_str("null"));
        llm_buf_str(text, llm_str("}"));
    }

    llm_buf_str(text, llm_str("\n"));
}


/* {"bytes":"<base64 of the model's JSON>","p":"<padding>"}; LLM_AGAIN, which
 * ends the scan: that JSON was appended */
static int
llm_content_bytes(llm_json_t *json, const llm_json_token_t *token, void *data)
{
    llm_buf_t *text = data;

    long   len;
    char  *p;

    if (token->type != LLM_JSON_STRING || json->depth != 1
        || !llm_str_eq(llm_json_key(json), llm_str("bytes")))
    {
        return LLM_OK;
    }

    if (!llm_buf_reserve(text, token->text.len)) {
        return LLM_ERROR;
    }

    p = text->data + text->len;
    len = llm_json_unescape(token->text, p, token->text.len);

    if (len >= 0) {
        len = llm_base64_decode((llm_str_t) { p, (size_t) len }, p);
    }

    if (len < 0) {
        return LLM_ERROR;
    }

    text->len += (size_t) len;

    return LLM_AGAIN;
}
