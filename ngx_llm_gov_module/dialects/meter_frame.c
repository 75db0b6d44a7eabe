/*
 * The meter fed with frames of the event stream: the events of ConverseStream,
 * the chunks of InvokeModelWithResponseStream, and what breaks either off.
 * Source: botocore's service model bedrock-runtime 2023-09-30.
 */

#include "../wire/base64.h"
#include "meter_rules.h"


/* what is kept of the scratch buffer between two chunks, bytes */
#define LLM_METER_SCRATCH_KEPT  8192


static void llm_meter_converse_event(llm_meter_t *meter,
    const llm_frame_t *frame);
static void llm_meter_chunk_event(llm_meter_t *meter, llm_str_t payload);
static int llm_meter_chunk_bytes(llm_json_t *json,
    const llm_json_token_t *token, void *data);
static int llm_meter_exception(llm_json_t *json, const llm_json_token_t *token,
    void *data);


void
llm_meter_frame(llm_meter_t *meter, const llm_frame_t *frame)
{
    llm_str_t  type;

    type = (frame->type.len != 0) ? frame->type : llm_str("unknown");

    switch (frame->kind) {

    case LLM_FRAME_EVENT:
        if (meter->api == LLM_API_BEDROCK_CONVERSE_STREAM) {
            llm_meter_converse_event(meter, frame);

        } else if (llm_str_eq(frame->type, llm_str("chunk"))) {
            llm_meter_chunk_event(meter, frame->payload);
        }

        break;

    case LLM_FRAME_EXCEPTION:
        llm_meter_set_exception(meter, type);
        (void) llm_json_scan(frame->payload.data, frame->payload.len,
                             llm_meter_exception, meter);
        break;

    case LLM_FRAME_ERROR:
        llm_meter_set_exception(meter, type);
        llm_meter_set_message(meter, frame->message);
        break;

    default:
        break;
    }
}


/* metadata is the last event; messageStop comes before it */
static void
llm_meter_converse_event(llm_meter_t *meter, const llm_frame_t *frame)
{
    if (llm_str_eq(frame->type, llm_str("contentBlockDelta"))) {
        meter->started = true;
        llm_meter_scan(meter, frame->payload);

    } else if (llm_str_eq(frame->type, llm_str("metadata"))) {
        llm_meter_scan(meter, frame->payload);
        meter->ended = true;

    } else if (llm_str_eq(frame->type, llm_str("messageStart"))) {
        meter->started = true;
    }
}


/* {"bytes":"<base64 of the model's JSON>","p":"<padding>"} */
static void
llm_meter_chunk_event(llm_meter_t *meter, llm_str_t payload)
{
    int        rc;
    llm_str_t  json;

    meter->started = true;
    meter->scratch.len = 0;

    rc = llm_json_scan(payload.data, payload.len, llm_meter_chunk_bytes,
                       meter);

    if (rc == LLM_AGAIN) {
        json.data = meter->scratch.data;
        json.len = meter->scratch.len;

        llm_meter_chunk(meter, json);
    }

    if (meter->scratch.failed || meter->scratch.size > LLM_METER_SCRATCH_KEPT) {
        llm_buf_free(&meter->scratch);
        llm_buf_init(&meter->scratch, LLM_EVENTSTREAM_MAX_FRAME);
    }
}


/* LLM_AGAIN, which ends the scan: the scratch buffer holds the chunk */
static int
llm_meter_chunk_bytes(llm_json_t *json, const llm_json_token_t *token,
    void *data)
{
    long          len;
    llm_buf_t    *buf;
    llm_str_t     text;
    llm_meter_t  *meter;

    if (token->type != LLM_JSON_STRING || json->depth != 1
        || !llm_str_eq(llm_json_key(json), llm_str("bytes")))
    {
        return LLM_OK;
    }

    meter = data;
    buf = &meter->scratch;

    llm_buf_append(buf, token->text.data, token->text.len);

    if (buf->failed || buf->len == 0) {
        return LLM_ERROR;
    }

    text.data = buf->data;
    text.len = buf->len;

    if (token->escaped) {
        /* some encoders write `\/` */
        len = llm_json_unescape(text, buf->data, buf->len);

        if (len < 0) {
            return LLM_ERROR;
        }

        text.len = (size_t) len;
    }

    len = llm_base64_decode(text, buf->data);

    if (len < 0) {
        return LLM_ERROR;
    }

    buf->len = (size_t) len;

    return LLM_AGAIN;
}


static int
llm_meter_exception(llm_json_t *json, const llm_json_token_t *token,
    void *data)
{
    if (token->type == LLM_JSON_STRING
        && (llm_json_at(json, "message") || llm_json_at(json, "Message")))
    {
        llm_meter_error_message(data, NULL, token);
    }

    return LLM_OK;
}
