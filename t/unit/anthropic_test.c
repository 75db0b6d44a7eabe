/*
 * Anthropic's dialect over Bedrock: beta flags, model names, streams as
 * server-sent events, token counts, the models page.
 */

#define _GNU_SOURCE                 /* memmem */

#include <cjson/cJSON.h>

#include "dialects/envelope.h"
#include "dialects/translate.h"
#include "tap.h"
#include "vectors.h"
#include "wire/base64.h"
#include "wire/sse.h"


static llm_str_t
text(const char *s)
{
    return (llm_str_t) { s, strlen(s) };
}


static bool
buf_is(const llm_buf_t *buf, const char *want)
{
    bool  same;

    same = !buf->failed
           && llm_str_eq((llm_str_t) { buf->data, buf->len }, text(want));

    if (!same) {
        printf("# %.*s\n", (int) buf->len, buf->data);
    }

    return same;
}


typedef struct {
    const char  *header;
    const char  *body;
    const char  *allow;
    const char  *out;
    const char  *dropped;
} beta_case_t;


static const beta_case_t  beta_cases[] = {
    { "", "", "", "", "" },
    { "a, b ,,c", "c,d", "*", "a,b,c,d", "" },
    { "a,b,c", "", "c,a", "a,c", "b" },
    { "a,b", "", "*,b=z", "a,z", "" },
    { "a,z", "", "a=z,*", "z", "" },
    { "a", "", "a=", "", "a" },
    { "x\"y,a\rb,ok", "", "*", "ok", "" },
    { "claude-code-20250219,interleaved-thinking-2025-05-14,"
      "context-management-2025-06-27,advanced-tool-use-2025-11-20,"
      "effort-2025-11-24", "prompt-caching-2024-07-31", "",
      "interleaved-thinking-2025-05-14,context-management-2025-06-27,"
      "tool-search-tool-2025-10-19,effort-2025-11-24",
      "claude-code-20250219,prompt-caching-2024-07-31" }
};


static void
betas(void)
{
    size_t     i;
    llm_buf_t  out, dropped;

    for (i = 0; i < sizeof(beta_cases) / sizeof(beta_cases[0]); i++) {
        llm_buf_init(&out, 4096);
        llm_buf_init(&dropped, 4096);

        llm_anthropic_betas(&out, &dropped, text(beta_cases[i].header),
                            text(beta_cases[i].body),
                            text(beta_cases[i].allow));

        ok(buf_is(&out, beta_cases[i].out)
           && buf_is(&dropped, beta_cases[i].dropped), "betas %s",
           beta_cases[i].header);

        llm_buf_free(&out);
        llm_buf_free(&dropped);
    }
}


typedef struct {
    const char  *name;
    const char  *region;
    const char  *id;            /* NULL: unknown */
} model_case_t;


#define SONNET_45  "anthropic.claude-sonnet-4-5-20250929-v1:0"
#define SONNET_4   "anthropic.claude-sonnet-4-20250514-v1:0"
#define HAIKU_3    "anthropic.claude-3-haiku-20240307-v1:0"


static const model_case_t  model_cases[] = {
    { "claude-sonnet-4-5", "us-east-1", "us." SONNET_45 },
    { "claude-sonnet-4-5-20250929", "us-west-2", "us." SONNET_45 },
    { "claude-sonnet-4-5[1m]", "ca-central-1", "us." SONNET_45 },
    { "claude-sonnet-4-5", "eu-central-1", "eu." SONNET_45 },
    { "claude-sonnet-4-5", "ap-northeast-1", "jp." SONNET_45 },
    { "claude-sonnet-4-5", "ap-southeast-2", "au." SONNET_45 },
    { "claude-sonnet-4-5", "ap-south-1", "global." SONNET_45 },
    { "claude-sonnet-4-5", "sa-east-1", "global." SONNET_45 },
    { "claude-sonnet-4-5", "us-gov-west-1", "us-gov." SONNET_45 },
    { "claude-sonnet-4-0", "ap-northeast-1", "apac." SONNET_4 },
    { "claude-sonnet-4-20250514", "ap-southeast-2", "apac." SONNET_4 },
    { "claude-sonnet-4-0", "us-gov-west-1", SONNET_4 },
    { "claude-3-7-sonnet-latest", "eu-west-1",
      "eu.anthropic.claude-3-7-sonnet-20250219-v1:0" },
    { "claude-3-haiku-20240307", "us-east-1", HAIKU_3 },
    { "claude-3-5-haiku-latest", "us-east-1",
      "anthropic.claude-3-5-haiku-20241022-v1:0" },
    { "claude-3-5-sonnet-latest", "eu-west-1",
      "anthropic.claude-3-5-sonnet-20241022-v2:0" },
    { "claude-opus-4-6", "us-east-1", "us.anthropic.claude-opus-4-6-v1" },
    { "claude-opus-4-5", "ap-northeast-1",
      "global.anthropic.claude-opus-4-5-20251101-v1:0" },
    { "claude-opus-5-5", "us-east-1", "us.anthropic.claude-opus-5-5" },
    { "claude-haiku-4-5", "eu-north-1",
      "eu.anthropic.claude-haiku-4-5-20251001-v1:0" },
    { "claude-opus-4-1", "sa-east-1",
      "anthropic.claude-opus-4-1-20250805-v1:0" },
    { "us." SONNET_45, "eu-west-1", "us." SONNET_45 },
    { HAIKU_3, "eu-west-1", HAIKU_3 },
    { "mistral.mistral-large-2407-v1:0", "us-west-2",
      "mistral.mistral-large-2407-v1:0" },
    { "arn:aws:bedrock:us-east-1:1:inference-profile/us.x", "us-east-1",
      "arn:aws:bedrock:us-east-1:1:inference-profile/us.x" },
    { "claude-nothing", "us-east-1", NULL },
    { "claude-3.5-sonnet", "us-east-1", NULL },
    { "gpt-5", "us-east-1", NULL },
    { "[1m]", "us-east-1", NULL },
    { "", "us-east-1", NULL }
};


static void
models(void)
{
    int                  rc;
    size_t               i;
    llm_buf_t            out;
    const model_case_t  *c;

    for (i = 0; i < sizeof(model_cases) / sizeof(model_cases[0]); i++) {
        c = &model_cases[i];

        llm_buf_init(&out, 4096);
        rc = llm_anthropic_model(&out, text(c->name), text(c->region));

        ok(c->id ? rc == LLM_OK && buf_is(&out, c->id) : rc == LLM_ERROR,
           "%s in %s", c->name, c->region);

        llm_buf_free(&out);
    }
}


/* the name is made of the id's parts, whatever stands around them */
static void
priced(void)
{
    char                          path[128];
    size_t                        i, n, missing;
    llm_str_t                     prices;
    const llm_anthropic_model_t  *models;

    prices = vector_read("litellm_model_prices.json");

    if (prices.data == NULL) {
        printf("# no price list: skipped\n");
        return;
    }

    models = llm_anthropic_models(&n);

    for (missing = 0, i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "\"%s\"", models[i].bedrock_id);

        if (strstr(prices.data, path) == NULL) {
            printf("# not in LiteLLM's list: %s\n", path);
            missing++;
        }
    }

    ok(missing <= 4, "the list knows all but the newest of %d models",
       (int) n);

    vector_free(prices);
}


static void
models_page(void)
{
    cJSON                        *json, *data, *entry;
    size_t                        n;
    llm_buf_t                     out;
    const llm_anthropic_model_t  *models;

    models = llm_anthropic_models(&n);

    llm_buf_init(&out, 65536);
    ok(llm_anthropic_models_page(&out, llm_str("")) == LLM_OK, "models page");

    json = cJSON_ParseWithLength(out.data, out.len);
    data = cJSON_GetObjectItem(json, "data");
    entry = cJSON_GetArrayItem(data, 0);

    ok(cJSON_GetArraySize(data) == (int) n
       && cJSON_IsFalse(cJSON_GetObjectItem(json, "has_more"))
       && strcmp(cJSON_GetObjectItem(entry, "id")->valuestring,
                 models[0].name) == 0
       && strcmp(cJSON_GetObjectItem(entry, "type")->valuestring,
                 "model") == 0
       && cJSON_GetObjectItem(entry, "display_name")
       && cJSON_GetObjectItem(entry, "created_at"), "all %d of them",
       (int) n);

    cJSON_Delete(json);
    out.len = 0;

    ok(llm_anthropic_models_page(&out, llm_str("claude-sonnet-4-5")) == LLM_OK
       && buf_is(&out, "{\"type\":\"model\",\"id\":\"claude-sonnet-4-5-"
                       "20250929\",\"display_name\":\"Claude Sonnet 4.5\","
                       "\"created_at\":\"2025-09-29T00:00:00Z\"}"),
       "one of them by its alias");
    ok(llm_anthropic_models_page(&out, llm_str("nothing")) == LLM_ERROR,
       "none by that name");

    llm_buf_free(&out);
}


static void
count_tokens(void)
{
    char        body[10000], *base64;
    long        n;
    size_t      i, step, count;
    llm_str_t   pieces[10000], head;
    llm_buf_t   out;

    llm_buf_init(&out, 65536);

    ok(llm_anthropic_count_tokens(&out, llm_str("{\"inputTokens\": 18}"))
       == LLM_OK && buf_is(&out, "{\"input_tokens\":18}"), "token count");
    ok(llm_anthropic_count_tokens(&out, llm_str("{\"message\":\"no\"}"))
       == LLM_ERROR
       && llm_anthropic_count_tokens(&out, llm_str("{\"inputTokens\":\"x\"}"))
          == LLM_ERROR
       && llm_anthropic_count_tokens(&out, llm_str("")) == LLM_ERROR,
       "no token count");

    for (i = 0; i < sizeof(body); i++) {
        body[i] = (char) (i * 7);
    }

    head = llm_str("{\"input\":{\"invokeModel\":{\"body\":\"");

    for (step = 1; step < 9000; step = step * 3 + 1) {
        for (count = 0, i = 0; i < sizeof(body); i += step, count++) {
            pieces[count].data = body + i;
            pieces[count].len = sizeof(body) - i < step ? sizeof(body) - i
                                                        : step;
        }

        out.len = 0;

        if (llm_count_tokens_request(&out, pieces, count) != LLM_OK) {
            break;
        }

        base64 = out.data + head.len;
        n = llm_base64_decode((llm_str_t) { base64, out.len - head.len - 4 },
                              base64);

        ok(memcmp(out.data, head.data, head.len) == 0
           && memcmp(out.data + out.len - 4, "\"}}}", 4) == 0
           && n == (long) sizeof(body)
           && memcmp(base64, body, sizeof(body)) == 0,
           "CountTokens body of pieces of %d", (int) step);
    }

    out.len = 0;
    ok(llm_count_tokens_request(&out, NULL, 0) == LLM_OK
       && buf_is(&out, "{\"input\":{\"invokeModel\":{\"body\":\"\"}}}"),
       "CountTokens body of nothing");

    llm_buf_free(&out);
}


static llm_anthropic_sse_t  sse;


/* the event made of a chunk's JSON; NULL: refused */
static const char *
event_of(const char *json, const char *member)
{
    int          rc;
    char         payload[4096], base64[2048];
    size_t       n;
    llm_str_t    chunk;
    llm_frame_t  frame;

    static llm_buf_t  out;

    n = llm_base64_encode(text(json), base64);
    snprintf(payload, sizeof(payload), "{\"%s\":\"%.*s\",\"p\":\"abc\"}",
             member, (int) n, base64);

    memset(&frame, 0, sizeof(frame));
    frame.kind = LLM_FRAME_EVENT;
    frame.type = llm_str("chunk");
    frame.payload = text(payload);

    llm_buf_free(&out);
    llm_buf_init(&out, 65536);

    rc = llm_anthropic_sse_frame(&sse, &out, &frame, &chunk, llm_str(""));

    if (rc != LLM_OK) {
        return NULL;
    }

    if (!llm_str_eq(chunk, text(json))) {
        return "the chunk differs";
    }

    llm_buf_append(&out, "", 1);

    return out.data;
}


typedef struct {
    const char  *json;
    const char  *event;
} sse_case_t;


#define METRICS  "\"amazon-bedrock-invocationMetrics\":{\"a\":[1,{}],\"b\":2}"


static const sse_case_t  sse_cases[] = {
    { "{\"type\":\"ping\"}", "event: ping\ndata: {\"type\":\"ping\"}\n\n" },
    { "{\"type\":\"message_stop\"," METRICS "}",
      "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n" },
    { "{" METRICS ",\"type\":\"message_stop\"}",
      "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n" },
    { "{\"type\":\"message_stop\", " METRICS " ,\"x\":1}",
      "event: message_stop\ndata: {\"type\":\"message_stop\" ,\"x\":1}\n\n" },
    { "{" METRICS "}", "data: {}\n\n" },
    { "{\"a\":{\"type\":\"no\"," METRICS "},\"type\":\"x\"}",
      "event: x\ndata: {\"a\":{\"type\":\"no\"," METRICS "},\"type\":\"x\"}"
      "\n\n" },
    { "{\n \"type\" : \"y\"\r\n}",
      "event: y\ndata: {  \"type\" : \"y\"  }\n\n" },
    { "{\"type\":\"z\\nevent: evil\"}",
      "event: z event: evil\ndata: {\"type\":\"z\\nevent: evil\"}\n\n" },
    { "{\"completion\":\"x\"}", "data: {\"completion\":\"x\"}\n\n" },
    { "{\"type\":\"message_stop\"", NULL },
    { "", NULL }
};


static void
events(void)
{
    size_t       i;
    const char  *event;

    llm_anthropic_sse_init(&sse);

    for (i = 0; i < sizeof(sse_cases) / sizeof(sse_cases[0]); i++) {
        event = event_of(sse_cases[i].json, "bytes");

        ok(sse_cases[i].event ? event && strcmp(event, sse_cases[i].event) == 0
                              : event == NULL,
           "event of %s", sse_cases[i].json);
    }

    ok(sse.message_stopped && !sse.is_error, "the message has stopped");
    ok(event_of("{\"type\":\"ping\"}", "octets") == NULL, "no bytes");
    ok(event_of("{\"type\":\"error\"}", "bytes") && sse.is_error,
       "an error in a chunk");

    llm_anthropic_sse_free(&sse);
}


/* a whole stream of frames becomes events */
typedef struct {
    int          frames;
    int          rc;
    bool         same;          /* every event is its chunk, metrics aside */
    llm_buf_t    out;
} stream_t;


static bool
same_json(llm_str_t chunk, const char *event, size_t len)
{
    bool         same;
    cJSON       *want, *got;
    const char  *data;

    data = memmem(event, len, "data: ", 6);

    if (data == NULL) {
        return false;
    }

    data += 6;

    want = cJSON_ParseWithLength(chunk.data, chunk.len);
    got = cJSON_ParseWithLength(data, len - (size_t) (data - event));

    cJSON_DeleteItemFromObject(want, "amazon-bedrock-invocationMetrics");

    same = cJSON_Compare(want, got, true);

    if (cJSON_GetArraySize(want) > 0
        && memmem(chunk.data, chunk.len, "invocationMetrics", 17) == NULL)
    {
        same = same && len - (size_t) (data - event) == chunk.len + 2
               && memcmp(data, chunk.data, chunk.len) == 0;
    }

    cJSON_Delete(want);
    cJSON_Delete(got);

    return same;
}


static void
translate(stream_t *stream, llm_str_t bytes, size_t step)
{
    size_t             i, n, from;
    llm_str_t          chunk;
    const char        *p;
    llm_frame_t        frame;
    llm_eventstream_t  es;

    memset(stream, 0, sizeof(stream_t));
    stream->same = true;

    llm_buf_init(&stream->out, 16 * 1024 * 1024);
    llm_anthropic_sse_init(&sse);
    llm_eventstream_init(&es, LLM_EVENTSTREAM_MAX_FRAME);

    for (i = 0; i < bytes.len; i += n) {
        n = (step == 0 || bytes.len - i < step) ? bytes.len - i : step;
        p = bytes.data + i;

        while ((stream->rc = llm_eventstream_next(&es, &p, bytes.data + i + n,
                                                  &frame)) == LLM_OK)
        {
            from = stream->out.len;

            if (llm_anthropic_sse_frame(&sse, &stream->out, &frame, &chunk,
                                        llm_str("r1")) != LLM_OK)
            {
                stream->rc = LLM_ERROR;
                break;
            }

            stream->frames++;

            if (chunk.len) {
                stream->same = stream->same
                               && same_json(chunk, stream->out.data + from,
                                            stream->out.len - from);
            }
        }

        if (stream->rc == LLM_ERROR) {
            break;
        }
    }

    llm_eventstream_free(&es);
}


static int
count_event(llm_str_t event, llm_str_t data, void *ctx)
{
    int    *count = ctx;
    cJSON  *json;

    json = cJSON_ParseWithLength(data.data, data.len);

    if (json && llm_str_eq(event,
                           text(cJSON_GetObjectItem(json,
                                                    "type")->valuestring)))
    {
        (*count)++;
    }

    cJSON_Delete(json);

    return LLM_OK;
}


typedef struct {
    const char  *file;
    int          events;
    bool         stopped;
    bool         is_error;
} stream_case_t;


static const stream_case_t  stream_cases[] = {
    { "samples/invoke-stream-claude/response.bin", 15, true, false },
    { "eventstream/bedrock-synthetic/invoke-claude-cache.bin", 7, true,
      false },
    { "eventstream/bedrock-synthetic/invoke-claude-exception-mid.bin", 5,
      false, true },
    { "eventstream/bedrock-synthetic/exception-first-throttlingException.bin",
      1, false, true },
    { "eventstream/bedrock-synthetic/error-frame-mid.bin", 1, false, true },
    { "eventstream/bedrock-synthetic/converse-text.bin", 0, false, false }
};


static void
streams(void)
{
    int                   count;
    size_t                i, j;
    stream_t              stream;
    llm_sse_t             reader;
    llm_str_t             bytes;
    const stream_case_t  *c;

    static const size_t  steps[] = { 0, 7, 1 };

    for (i = 0; i < sizeof(stream_cases) / sizeof(stream_cases[0]); i++) {
        c = &stream_cases[i];
        bytes = vector_read("%s", c->file);

        if (bytes.data == NULL) {
            printf("# no %s: skipped\n", c->file);
            continue;
        }

        for (j = 0; j < 3; j++) {
            translate(&stream, bytes, steps[j]);

            count = 0;
            llm_sse_init(&reader, 1024 * 1024);
            llm_sse_feed(&reader, stream.out.data, stream.out.len,
                         count_event, &count);
            llm_sse_free(&reader);

            ok(stream.rc == LLM_AGAIN && stream.same && count == c->events
               && sse.message_stopped == c->stopped
               && sse.is_error == c->is_error
               && (stream.out.len == 0
                   || memmem(stream.out.data, stream.out.len,
                             "invocationMetrics", 17) == NULL),
               "%s in pieces of %d: %d events", c->file, (int) steps[j],
               count);

            llm_buf_free(&stream.out);
            llm_anthropic_sse_free(&sse);
        }

        vector_free(bytes);
    }
}


int
main(void)
{
    betas();
    models();
    priced();
    models_page();
    count_tokens();
    events();
    streams();

    return plan_done();
}
