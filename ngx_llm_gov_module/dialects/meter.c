/*
 * The meter fed: headers, and bytes by the format they are in.
 */

#include "meter_rules.h"


typedef enum {
    LLM_FORMAT_UNKNOWN = 0,
    LLM_FORMAT_JSON,
    LLM_FORMAT_FRAMES,
    LLM_FORMAT_SSE
} llm_meter_format_t;


typedef struct {
    llm_str_t          name;        /* lower case */
    llm_meter_count_t  count;
} llm_meter_header_t;


static bool llm_meter_is_bedrock(const llm_meter_t *meter);
static int llm_meter_body(llm_json_t *json, const llm_json_token_t *token,
    void *data);
static int llm_meter_frames(llm_meter_t *meter, const char *p, size_t len);
static int llm_meter_event(llm_str_t event, llm_str_t data, void *ctx);
static bool llm_meter_starts(llm_str_t name, llm_str_t lower);
static int64_t llm_meter_decimal(llm_str_t value);


/* after the prefix that they all have */
static const llm_meter_header_t  llm_meter_headers[] = {
    { { "input-token-count", 17 }, LLM_METER_INPUT },
    { { "output-token-count", 18 }, LLM_METER_OUTPUT },
    { { "cache-read-input-token-count", 28 }, LLM_METER_CACHE_READ },
    { { "cache-write-input-token-count", 29 }, LLM_METER_CACHE_WRITE }
};


static inline bool
llm_meter_is_name(llm_str_t name, llm_str_t lower)
{
    return name.len == lower.len && llm_meter_starts(name, lower);
}


void
llm_meter_init(llm_meter_t *meter, llm_api_t api, llm_family_t family,
    bool stream)
{
    /* the scanner's buffers are written before they are read */
    memset(meter, 0, offsetof(llm_meter_t, json));

    meter->api = api;
    meter->family = family;
    meter->stream = stream;
    meter->detail_tokens = -1;
    meter->detail_count = -1;

    llm_meter_look_for(meter, llm_meter_shapes(api, family));

    if (llm_meter_is_bedrock(meter)) {
        meter->stream = (api == LLM_API_BEDROCK_INVOKE_STREAM
                         || api == LLM_API_BEDROCK_CONVERSE_STREAM);
    }

    llm_eventstream_init(&meter->frames, LLM_EVENTSTREAM_MAX_FRAME);
    llm_sse_init(&meter->sse, LLM_EVENTSTREAM_MAX_FRAME);
    llm_json_init(&meter->json, llm_meter_body, meter);
    llm_buf_init(&meter->scratch, LLM_EVENTSTREAM_MAX_FRAME);
}


void
llm_meter_free(llm_meter_t *meter)
{
    llm_eventstream_free(&meter->frames);
    llm_sse_free(&meter->sse);
    llm_buf_free(&meter->scratch);
}


static bool
llm_meter_is_bedrock(const llm_meter_t *meter)
{
    return meter->api >= LLM_API_BEDROCK_INVOKE
           && meter->api <= LLM_API_BEDROCK_COUNT_TOKENS;
}


void
llm_meter_header(llm_meter_t *meter, llm_str_t name, llm_str_t value)
{
    size_t           i, n;
    const llm_str_t  prefix = llm_str("x-amzn-bedrock-");

    if (!llm_meter_starts(name, prefix)) {
        return;
    }

    name.data += prefix.len;
    name.len -= prefix.len;

    n = sizeof(llm_meter_headers) / sizeof(llm_meter_headers[0]);

    for (i = 0; i < n; i++) {

        if (llm_meter_is_name(name, llm_meter_headers[i].name)) {
            llm_meter_set(&meter->report[LLM_METER_HEADERS],
                          llm_meter_headers[i].count,
                          llm_meter_decimal(value));
            return;
        }
    }

    if (llm_meter_is_name(name, llm_str("service-tier"))) {
        llm_meter_set_tier(meter, value);

    } else if (llm_meter_is_name(name, llm_str("performanceconfig-latency"))) {
        llm_meter_set_latency(meter, value);
    }
}


void
llm_meter_request_units(llm_meter_t *meter, int64_t images, int64_t queries)
{
    meter->asked_images = images;
    meter->asked_queries = queries;
}


/*
 * A stream may be answered with one JSON object (an unknown operation, an
 * error): no frame and no event starts with a brace.
 */
int
llm_meter_feed(llm_meter_t *meter, const char *p, size_t len)
{
    int  rc;

    if (meter->broken) {
        return LLM_ERROR;
    }

    if (len == 0) {
        return LLM_OK;
    }

    if (meter->format == LLM_FORMAT_UNKNOWN) {
        meter->format = (!meter->stream || *p == '{') ? LLM_FORMAT_JSON
                        : llm_meter_is_bedrock(meter) ? LLM_FORMAT_FRAMES
                                                      : LLM_FORMAT_SSE;
    }

    switch (meter->format) {

    case LLM_FORMAT_JSON:
        rc = llm_json_feed(&meter->json, p, len);
        break;

    case LLM_FORMAT_FRAMES:
        rc = llm_meter_frames(meter, p, len);
        break;

    default:
        rc = llm_sse_feed(&meter->sse, p, len, llm_meter_event, meter);
        break;
    }

    if (rc != LLM_OK) {
        meter->broken = true;
        return LLM_ERROR;
    }

    return LLM_OK;
}


static int
llm_meter_body(llm_json_t *json, const llm_json_token_t *token, void *data)
{
    llm_meter_t  *meter;

    meter = data;

    if (json->depth == 0 && token->type == LLM_JSON_OBJECT_END) {
        meter->ended = true;
    }

    return llm_meter_token(json, token, data);
}


static int
llm_meter_frames(llm_meter_t *meter, const char *p, size_t len)
{
    int           rc;
    const char   *end;
    llm_frame_t   frame;

    end = p + len;

    do {
        rc = llm_eventstream_next(&meter->frames, &p, end, &frame);

        if (rc == LLM_OK) {
            llm_meter_frame(meter, &frame);
        }

    } while (rc == LLM_OK);

    return (rc == LLM_AGAIN) ? LLM_OK : rc;
}


static int
llm_meter_event(llm_str_t event, llm_str_t data, void *ctx)
{
    llm_meter_t  *meter;

    meter = ctx;

    if (llm_str_eq(data, llm_str("[DONE]"))) {
        meter->ended = true;
        return LLM_OK;
    }

    llm_meter_chunk(meter, data);

    if (llm_str_eq(event, llm_str("error"))) {
        llm_meter_set_exception(meter, event);
    }

    return LLM_OK;
}


void
llm_meter_chunk(llm_meter_t *meter, llm_str_t json)
{
    llm_meter_scan(meter, json);
    llm_meter_chunk_end(meter);
}


void
llm_meter_chunk_token(llm_meter_t *meter, llm_json_t *json,
    const llm_json_token_t *token)
{
    (void) llm_meter_token(json, token, meter);
}


/*
 * invocationMetrics come in the last chunk.  Chat completions end with their
 * usage, which may follow the chunk that has the finish_reason.
 */
void
llm_meter_chunk_end(llm_meter_t *meter)
{
    unsigned  seen;

    /* it may have broken off within an object */
    meter->raw_depth = 0;

    if (meter->report[LLM_METER_METRICS].seen != 0) {
        meter->ended = true;
    }

    seen = meter->report[LLM_METER_BODY].seen;

    if (meter->stopped && (seen & llm_meter_bit(LLM_METER_PROMPT))
        && (seen & llm_meter_bit(LLM_METER_OUTPUT)))
    {
        meter->ended = true;
    }
}


static bool
llm_meter_starts(llm_str_t name, llm_str_t lower)
{
    char    c;
    size_t  i;

    if (name.len < lower.len) {
        return false;
    }

    for (i = 0; i < lower.len; i++) {
        c = name.data[i];

        if (c != lower.data[i]
            && (c < 'A' || c > 'Z' || (c | 0x20) != lower.data[i]))
        {
            return false;
        }
    }

    return true;
}


static int64_t
llm_meter_decimal(llm_str_t value)
{
    size_t   i;
    int64_t  n;

    if (value.len == 0 || value.len > 12) {
        return -1;
    }

    for (n = 0, i = 0; i < value.len; i++) {

        if (value.data[i] < '0' || value.data[i] > '9') {
            return -1;
        }

        n = n * 10 + (value.data[i] - '0');
    }

    return n;
}
