/*
 * InvokeModelWithResponseStream of a Claude model as server-sent events: each
 * frame carries the JSON of one event in base64.  The JSON goes on byte for
 * byte, but for AWS's own member in message_stop.
 */

#include "../wire/base64.h"
#include "meter.h"
#include "text.h"
#include "translate.h"


#define LLM_EVENT_NAME_SIZE  64
#define LLM_SSE_KEPT_SIZE    16384


/* what one event says, and where AWS's member lies in it */
typedef struct {
    char          name[LLM_EVENT_NAME_SIZE];
    size_t        name_len;
    bool          kept;         /* a member before this one stays */
    bool          cut_open;     /* the cut ends where the next member begins */
    bool          cutting;
    uint64_t      last_end;
    uint64_t      cut_start;
    uint64_t      cut_end;      /* 0: nothing to cut */
    llm_meter_t  *meter;        /* that looks on, NULL: none */
} llm_sse_event_t;


/* the chunk's base64 in a frame's payload */
typedef struct {
    llm_str_t    bytes;
    bool         found;
    bool         escaped;
} llm_sse_payload_t;


void
llm_anthropic_sse_init(llm_anthropic_sse_t *sse)
{
    memset(sse, 0, sizeof(llm_anthropic_sse_t));

    llm_buf_init(&sse->work, LLM_EVENTSTREAM_MAX_FRAME);
}


void
llm_anthropic_sse_free(llm_anthropic_sse_t *sse)
{
    llm_buf_free(&sse->work);
}


static int
llm_sse_payload_token(llm_json_t *json, const llm_json_token_t *token,
    void *data)
{
    llm_sse_payload_t  *payload = data;

    if (json->depth == 1 && token->type == LLM_JSON_STRING
        && llm_str_eq(llm_json_key(json), llm_str("bytes")))
    {
        payload->bytes = token->text;
        payload->found = true;
        payload->escaped = token->escaped;
    }

    return LLM_OK;
}


/* the buffer was for one large event, of which a stream has few */
static void
llm_sse_shrink(llm_buf_t *work)
{
    work->len = 0;

    if (work->size > LLM_SSE_KEPT_SIZE) {
        llm_buf_free(work);
        llm_buf_init(work, LLM_EVENTSTREAM_MAX_FRAME);
    }
}


static int
llm_sse_decode(llm_anthropic_sse_t *sse, llm_str_t payload, llm_str_t *chunk)
{
    long               n;
    llm_str_t          text;
    llm_sse_payload_t  found;

    memset(&found, 0, sizeof(llm_sse_payload_t));

    if (llm_json_scan(payload.data, payload.len, llm_sse_payload_token,
                      &found)
        != LLM_OK
        || !found.found || found.bytes.len == 0)
    {
        return LLM_ERROR;
    }

    llm_sse_shrink(&sse->work);
    llm_buf_str(&sse->work, found.bytes);

    if (sse->work.failed) {
        return LLM_ERROR;
    }

    text.data = sse->work.data;
    text.len = sse->work.len;

    if (found.escaped) {
        n = llm_json_unescape(text, sse->work.data, sse->work.len);

        if (n < 0) {
            return LLM_ERROR;
        }

        text.len = (size_t) n;
    }

    n = llm_base64_decode(text, sse->work.data);

    if (n < 0) {
        return LLM_ERROR;
    }

    chunk->data = sse->work.data;
    chunk->len = (size_t) n;

    return LLM_OK;
}


static void
llm_sse_event_cut(llm_sse_event_t *event, const llm_json_token_t *token)
{
    if (!event->kept) {
        event->cut_open = true;
        event->cut_start = token->member;

    } else {
        event->cut_start = event->last_end;
    }

    event->cutting = (token->type == LLM_JSON_OBJECT
                      || token->type == LLM_JSON_ARRAY);
    event->cut_end = token->end;
}


static int
llm_sse_event_token(llm_json_t *json, const llm_json_token_t *token,
    void *data)
{
    llm_str_t         key;
    llm_sse_event_t  *event = data;

    if (event->meter != NULL) {
        llm_meter_chunk_token(event->meter, json, token);
    }

    if (json->depth != 1) {
        return LLM_OK;
    }

    if (token->type == LLM_JSON_OBJECT_END
        || token->type == LLM_JSON_ARRAY_END)
    {
        if (event->cutting) {
            event->cutting = false;
            event->cut_end = token->end;

        } else {
            event->last_end = token->end;
        }

        return LLM_OK;
    }

    key = llm_json_key(json);

    if (event->cut_end == 0
        && llm_str_eq(key, llm_str("amazon-bedrock-invocationMetrics")))
    {
        llm_sse_event_cut(event, token);
        return LLM_OK;
    }

    if (event->cut_open) {
        event->cut_open = false;
        event->cut_end = token->member;
    }

    event->kept = true;
    event->last_end = token->end;

    if (token->type == LLM_JSON_STRING && llm_str_eq(key, llm_str("type"))) {
        event->name_len = llm_text_copy(event->name, LLM_EVENT_NAME_SIZE,
                                        token);
    }

    return LLM_OK;
}


/* a line must not end within the JSON; where one does it is white space */
static void
llm_sse_data(llm_buf_t *out, const char *p, size_t len)
{
    size_t  i, from;

    from = out->len;

    llm_buf_append(out, p, len);

    if (out->failed) {
        return;
    }

    if (memchr(p, '\n', len) == NULL && memchr(p, '\r', len) == NULL) {
        return;
    }

    for (i = from; i < out->len; i++) {
        if (out->data[i] == '\n' || out->data[i] == '\r') {
            out->data[i] = ' ';
        }
    }
}


static int
llm_sse_chunk(llm_anthropic_sse_t *sse, llm_buf_t *out, llm_str_t chunk)
{
    int              rc;
    llm_str_t        name;
    llm_sse_event_t  event;

    memset(&event, 0, sizeof(llm_sse_event_t));
    event.meter = sse->meter;

    rc = llm_json_scan(chunk.data, chunk.len, llm_sse_event_token, &event);

    if (event.meter != NULL) {
        llm_meter_chunk_end(event.meter);
    }

    if (rc != LLM_OK) {
        return LLM_ERROR;
    }

    name.data = event.name;
    name.len = event.name_len;

    if (llm_str_eq(name, llm_str("message_stop"))) {
        sse->message_stopped = true;

    } else if (llm_str_eq(name, llm_str("error"))) {
        sse->is_error = true;
    }

    /* Anthropic's clients pass over events without a name */
    if (name.len) {
        llm_buf_str(out, llm_str("event: "));
        llm_buf_str(out, name);
        llm_buf_str(out, llm_str("\n"));
    }

    llm_buf_str(out, llm_str("data: "));

    if (event.cut_end) {
        llm_sse_data(out, chunk.data, event.cut_start);
        chunk.data += event.cut_end;
        chunk.len -= event.cut_end;
    }

    llm_sse_data(out, chunk.data, chunk.len);
    llm_buf_str(out, llm_str("\n\n"));

    return out->failed ? LLM_ERROR : LLM_OK;
}


int
llm_anthropic_sse_frame(llm_anthropic_sse_t *sse, llm_buf_t *out,
    const llm_frame_t *frame, llm_str_t *chunk, llm_str_t request_id)
{
    llm_upstream_error_t  error;

    *chunk = llm_str("");

    if (frame->kind == LLM_FRAME_EXCEPTION || frame->kind == LLM_FRAME_ERROR) {
        sse->is_error = true;

        llm_upstream_error_from_frame(&error, frame);
        llm_anthropic_stream_error(out, &error, request_id);

        return out->failed ? LLM_ERROR : LLM_OK;
    }

    if (frame->kind != LLM_FRAME_EVENT
        || !llm_str_eq(frame->type, llm_str("chunk")))
    {
        return LLM_OK;
    }

    if (llm_sse_decode(sse, frame->payload, chunk) != LLM_OK) {
        return LLM_ERROR;
    }

    return llm_sse_chunk(sse, out, *chunk);
}
