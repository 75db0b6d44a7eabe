/*
 * The meter's rules one by one, over data of its own and over the synthetic
 * Bedrock streams, whole, in pieces, and cut at every byte.
 */

#include <stdlib.h>

#include "dialects/meter.h"
#include "wire/base64.h"
#include "tap.h"


#define WHOLE  ((size_t) 1 << 30)

#define NAME(name)  "X-Amzn-Bedrock-" name


/* what the last run read; its strings point into it */
static llm_meter_t  m;

static const size_t  steps[] = { WHOLE, 7, 1 };

#define NSTEPS  (sizeof(steps) / sizeof(steps[0]))


static llm_str_t
str(const char *text)
{
    llm_str_t  s;

    s.data = text;
    s.len = strlen(text);

    return s;
}


/* each piece in memory of its own, so that reading past it is seen */
static int
feed(const char *p, size_t len, size_t step)
{
    int      rc;
    char    *piece;
    size_t   n;

    for (rc = LLM_OK; len != 0; p += n, len -= n) {
        n = (step < len) ? step : len;

        piece = malloc(n);
        memcpy(piece, p, n);
        rc = llm_meter_feed(&m, piece, n);
        free(piece);
    }

    return rc;
}


static int
run(llm_api_t api, llm_family_t family, bool stream, llm_str_t body,
    size_t step)
{
    int  rc;

    llm_meter_init(&m, api, family, stream);
    rc = feed(body.data, body.len, step);
    llm_meter_finish(&m);
    llm_meter_free(&m);

    return rc;
}


static bool
used(int64_t input, int64_t output, int64_t read, int64_t write_5m,
    int64_t write_1h)
{
    return m.usage.input == input && m.usage.output == output
           && m.usage.cache_read == read && m.usage.cache_write_5m == write_5m
           && m.usage.cache_write_1h == write_1h;
}


static void
event(llm_buf_t *out, const char *type, const char *payload)
{
    llm_eventstream_encode(out, LLM_FRAME_EVENT, str(type), str(payload));
}


static void
chunk(llm_buf_t *out, const char *json)
{
    char    payload[4096];
    size_t  len;

    len = (size_t) sprintf(payload, "{\"bytes\":\"");
    len += llm_base64_encode(str(json), payload + len);
    strcpy(payload + len, "\",\"p\":\"abcdef\"}");

    event(out, "chunk", payload);
}


static llm_str_t
bytes(const llm_buf_t *buf)
{
    llm_str_t  s;

    s.data = buf->data;
    s.len = buf->len;

    return s;
}


typedef struct {
    const char   *file;
    llm_usage_t   usage;            /* input, output, read, 5 m */
    bool          exact;
    const char   *exception;
    const char   *message;          /* how it begins */
    int           rc;
    unsigned      output_bytes;
} synthetic_t;


#define NORMAL     { .input = 12, .output = 7 }, true, NULL, NULL, LLM_OK
#define NOTHING    { .input = 0 }, false
#define BROKEN_OFF(type)  "converse-exception-mid-" type ".bin", NOTHING, type
#define FIRST(type)       "exception-first-" type ".bin", NOTHING, type

#define INTERNAL     "The system encountered an unexpected error"
#define VALIDATION   "The model returned the following errors: x"
#define STREAM       "An error occurred while streaming"
#define UNAVAILABLE  "Bedrock is unable to process your request."
#define THROTTLED    "Too many tokens, please wait before trying again."


static const synthetic_t  synthetics[] = {
    { "converse-text.bin", NORMAL, 17 },
    { "converse-tool.bin", NORMAL, 30 },
    { "converse-reasoning.bin", NORMAL, 6 },
    { "unknown-event-type.bin", NORMAL, 1 },
    { "no-content-type-header.bin", NORMAL, 1 },
    { "large-frame-900k.bin", NORMAL, 900000 },
    { "guardrail-intervened.bin", { .input = 0 }, true, NULL, NULL, LLM_OK,
      15 },
    { "invoke-claude-cache.bin", { .input = 3, .output = 44,
      .cache_read = 9511, .cache_write_5m = 1956 }, true, NULL, NULL, LLM_OK,
      18 },
    { "invoke-claude-exception-mid.bin", { .input = 3, .cache_read = 9511,
      .cache_write_5m = 1956 }, false, "modelStreamErrorException",
      "stream error", LLM_OK, 18 },
    { "truncated-mid-frame.bin", NOTHING, NULL, NULL, LLM_OK, 1 },
    { "bad-message-crc-second-frame.bin", NOTHING, NULL, NULL, LLM_ERROR, 0 },
    { "error-frame-mid.bin", NOTHING, "InternalError", "", LLM_OK, 7 },
    { BROKEN_OFF("throttlingException"), THROTTLED, LLM_OK, 7 },
    { BROKEN_OFF("internalServerException"), INTERNAL, LLM_OK, 7 },
    { BROKEN_OFF("modelStreamErrorException"), STREAM, LLM_OK, 7 },
    { BROKEN_OFF("validationException"), VALIDATION, LLM_OK, 7 },
    { BROKEN_OFF("serviceUnavailableException"), UNAVAILABLE, LLM_OK, 7 },
    { BROKEN_OFF("modelTimeoutException"), "Model timeout", LLM_OK, 7 },
    { FIRST("throttlingException"), THROTTLED, LLM_OK, 0 },
    { FIRST("internalServerException"), INTERNAL, LLM_OK, 0 },
    { FIRST("modelStreamErrorException"), STREAM, LLM_OK, 0 },
    { FIRST("validationException"), VALIDATION, LLM_OK, 0 },
    { FIRST("serviceUnavailableException"), UNAVAILABLE, LLM_OK, 0 }
};


static char *
read_synthetic(const char *file, size_t *len)
{
    char        *data, path[1024];
    FILE        *fp;
    const char  *root;

    root = getenv("LLM_TEST_DATA");

    snprintf(path, sizeof(path), "%s/eventstream/bedrock-synthetic/%s",
             (root != NULL) ? root : "../shared/data", file);

    fp = fopen(path, "rb");
    if (fp == NULL) {
        return NULL;
    }

    data = malloc(2000000);
    *len = fread(data, 1, 2000000, fp);
    fclose(fp);

    return data;
}


static bool
same_exception(const synthetic_t *s)
{
    if (s->exception == NULL) {
        return m.exception.len == 0;
    }

    return llm_str_eq(m.exception, str(s->exception))
           && m.exception_message_len >= strlen(s->message)
           && memcmp(m.exception_message, s->message, strlen(s->message)) == 0;
}


static void
test_synthetic(const synthetic_t *s)
{
    int         rc;
    char       *data;
    size_t      i;
    llm_api_t   api;
    llm_str_t   body;

    data = read_synthetic(s->file, &body.len);

    if (data == NULL) {
        printf("# %s: not there, skipped\n", s->file);
        return;
    }

    body.data = data;
    api = (strncmp(s->file, "invoke", 6) == 0) ? LLM_API_BEDROCK_INVOKE_STREAM
                                         : LLM_API_BEDROCK_CONVERSE_STREAM;

    for (i = 0; i < NSTEPS; i++) {
        rc = run(api, LLM_FAMILY_CLAUDE, true, body, steps[i]);

        ok(rc == s->rc
           && used(s->usage.input, s->usage.output, s->usage.cache_read,
                   s->usage.cache_write_5m, 0)
           && m.usage.exact == s->exact && m.ended == s->exact,
           "%s by %zu: usage", s->file, steps[i]);

        ok(same_exception(s) && m.output_bytes == s->output_bytes
           && m.started == (m.output_bytes > 0 || s->rc == LLM_ERROR),
           "%s by %zu: exception, %llu bytes of output", s->file, steps[i],
           (unsigned long long) m.output_bytes);
    }

    free(data);
}


/* whatever is cut off: exact once the last event is whole, and not before */
static void
test_cuts(llm_api_t api, llm_str_t body, size_t last, const char *name)
{
    size_t     i, wrong;
    llm_str_t  part;

    part = body;
    wrong = 0;

    for (i = 0; i <= body.len; i++) {
        part.len = i;

        (void) run(api, LLM_FAMILY_CLAUDE, true, part, WHOLE);

        wrong += (m.usage.exact != (i >= last));
    }

    ok(wrong == 0, "%s: exact only when whole, at %zu cuts", name, body.len);
}


/* two pieces, parted anywhere */
static void
test_splits(llm_api_t api, llm_str_t body, const char *name)
{
    size_t       i, wrong;
    llm_usage_t  usage;

    (void) run(api, LLM_FAMILY_CLAUDE, true, body, WHOLE);
    usage = m.usage;

    for (wrong = 0, i = 1; i < body.len; i++) {
        llm_meter_init(&m, api, LLM_FAMILY_CLAUDE, true);
        (void) feed(body.data, i, WHOLE);
        (void) feed(body.data + i, body.len - i, WHOLE);
        llm_meter_finish(&m);
        llm_meter_free(&m);

        wrong += (memcmp(&usage, &m.usage, sizeof(usage)) != 0);
    }

    ok(wrong == 0 && usage.exact, "%s: the same in any two pieces", name);
}


static void
test_converse_stream(void)
{
    size_t     last;
    llm_buf_t  buf;

    llm_buf_init(&buf, 65536);

    event(&buf, "messageStart", "{\"role\":\"assistant\"}");
    event(&buf, "contentBlockDelta",
          "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"Hello\"}}");
    event(&buf, "contentBlockDelta",
          "{\"delta\":{\"toolUse\":{\"input\":\"{}\"}}}");
    event(&buf, "messageStop", "{\"stopReason\":\"end_turn\"}");
    event(&buf, "metadata",
          "{\"usage\":{\"inputTokens\":10,\"outputTokens\":4.0,"
          "\"cacheReadInputTokens\":7,\"cacheWriteInputTokens\":300,"
          "\"cacheWriteInputTokenCount\":300,\"cacheDetails\":["
          "{\"inputTokens\":100,\"ttl\":\"1h\"},"
          "{\"ttl\":\"5m\",\"inputTokens\":200}]},"
          "\"performanceConfig\":{\"latency\":\"optimized\"},"
          "\"serviceTier\":{\"type\":\"priority\"}}");

    last = buf.len;

    (void) run(LLM_API_BEDROCK_CONVERSE_STREAM, LLM_FAMILY_OTHER, false,
               bytes(&buf), 7);

    ok(used(10, 4, 7, 200, 100) && m.usage.exact, "metadata event");
    ok(m.usage.tier == LLM_TIER_PRIORITY && m.usage.latency_optimized,
       "tier and latency of the metadata event");
    ok(m.output_bytes == 7 && m.started && m.ended, "text and tool input");

    test_cuts(LLM_API_BEDROCK_CONVERSE_STREAM, bytes(&buf), last,
              "ConverseStream");
    test_splits(LLM_API_BEDROCK_CONVERSE_STREAM, bytes(&buf),
                "ConverseStream");

    llm_buf_free(&buf);
}


static void
test_converse(void)
{
    (void) run(LLM_API_BEDROCK_CONVERSE, LLM_FAMILY_OTHER, false, str(
        "{\"output\":{\"message\":{\"content\":[{\"text\":\"abc\"},"
        "{\"toolUse\":{\"input\":{\"usage\":{\"inputTokens\":999}},"
        "\"name\":\"x\"}}]}},\"usage\":{\"inputTokens\":5,"
        "\"outputTokens\":6,\"cacheWriteInputTokens\":9}}"), 1);

    ok(used(5, 6, 0, 9, 0) && m.usage.exact,
       "Converse: writes without detail are 5 m");
    ok(m.output_bytes == 3 + 29, "a tool's input counts as it is written");

    (void) run(LLM_API_BEDROCK_CONVERSE, LLM_FAMILY_OTHER, false, str(
        "{\"usage\":{\"inputTokens\":-5,\"outputTokens\":1e30}}"), WHOLE);

    ok(used(0, 0, 0, 0, 0) && !m.usage.exact, "absurd numbers are no counts");

    ok(run(LLM_API_BEDROCK_CONVERSE, LLM_FAMILY_OTHER, false, str(
           "{\"usage\":{\"inputTokens\":5,\"outputTokens\":6},"), WHOLE)
       == LLM_OK && used(5, 6, 0, 0, 0) && !m.usage.exact,
       "a cut body is not exact");

    ok(run(LLM_API_BEDROCK_CONVERSE, LLM_FAMILY_OTHER, false,
           str("<html>502</html>"), 1) == LLM_ERROR && !m.usage.exact,
       "garbage is an error, and stays one");

    (void) run(LLM_API_BEDROCK_CONVERSE_STREAM, LLM_FAMILY_OTHER, false, str(
        "{\"Output\":{\"__type\":\"com.amazon.coral.service"
        "#UnknownOperationException\"},\"Version\":\"1.0\"}"), 1);

    ok(m.unknown_operation && !m.usage.exact,
       "200 that means an unknown operation, where frames were awaited");
}


static void
claude_stream(llm_buf_t *buf, const char *delta, const char *stop)
{
    llm_buf_init(buf, 65536);

    chunk(buf, "{\"type\":\"message_start\",\"message\":{\"usage\":{"
          "\"input_tokens\":3,\"cache_read_input_tokens\":20,"
          "\"cache_creation_input_tokens\":50,\"cache_creation\":{"
          "\"ephemeral_5m_input_tokens\":30,\"ephemeral_1h_input_tokens\":20},"
          "\"output_tokens\":8}}}");
    chunk(buf, "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{"
          "\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\"\"}}");

    if (delta != NULL) {
        chunk(buf, delta);
    }

    if (stop != NULL) {
        chunk(buf, stop);
    }
}


static void
test_claude_stream(void)
{
    llm_buf_t  buf;

    claude_stream(&buf, "{\"type\":\"message_delta\",\"usage\":"
                  "{\"output_tokens\":134}}",
                  "{\"type\":\"message_stop\","
                  "\"amazon-bedrock-invocationMetrics\":{"
                  "\"inputTokenCount\":3,\"outputTokenCount\":90}}");

    (void) run(LLM_API_BEDROCK_INVOKE_STREAM, LLM_FAMILY_CLAUDE, true,
               bytes(&buf), 1);

    ok(used(3, 134, 20, 30, 20) && m.usage.exact && m.mismatch,
       "Claude: the larger output, the cache of message_start, a mismatch");
    ok(m.output_bytes == 6, "a tool's partial JSON counts");

    test_splits(LLM_API_BEDROCK_INVOKE_STREAM, bytes(&buf),
                "InvokeModelWithResponseStream");
    test_cuts(LLM_API_BEDROCK_INVOKE_STREAM, bytes(&buf), buf.len,
              "InvokeModelWithResponseStream");

    (void) run(LLM_API_BEDROCK_INVOKE_STREAM, LLM_FAMILY_OTHER, true,
               bytes(&buf), WHOLE);

    ok(used(3, 134, 20, 30, 20) && m.usage.exact,
       "Claude behind an opaque ARN");

    llm_buf_free(&buf);

    claude_stream(&buf, NULL, NULL);
    (void) run(LLM_API_BEDROCK_INVOKE_STREAM, LLM_FAMILY_CLAUDE, true,
               bytes(&buf), 7);

    ok(used(3, 0, 20, 30, 20) && !m.usage.exact && m.started && !m.ended,
       "Claude: message_start's output is not believed");

    llm_buf_free(&buf);
}


static void
test_chunks(void)
{
    llm_buf_t    buf;
    llm_frame_t  frame;

    llm_buf_init(&buf, 65536);
    event(&buf, "chunk", "{\"p\":\"x\",\"bytes\":\"not base64!\"}");
    event(&buf, "chunk", "{\"bytes\":\"e30=\"}");
    event(&buf, "chunk", "{\"bytes\":\"eyJvdXRwdXRUZXh0IjoiPz8\\/In0=\"}");
    event(&buf, "chunk", "{\"bytes\":17}");
    chunk(&buf, "{\"amazon-bedrock-invocationMetrics\":"
          "{\"inputTokenCount\":1,\"outputTokenCount\":2,"
          "\"cacheReadInputTokenCount\":3,\"cacheWriteInputTokenCount\":4}}");

    ok(run(LLM_API_BEDROCK_INVOKE_STREAM, LLM_FAMILY_TITAN_TEXT, true,
           bytes(&buf), 1) == LLM_OK
       && used(1, 2, 3, 4, 0) && m.usage.exact && m.output_bytes == 3,
       "broken chunks are passed over, escaped base64 is read");

    llm_buf_free(&buf);

    memset(&frame, 0, sizeof(frame));
    frame.kind = LLM_FRAME_EVENT;
    frame.type = str("chunk");
    frame.payload = str("{\"bytes\":\"eyJvdXRwdXRUZXh0IjoiPz8/In0=\"}");

    llm_meter_init(&m, LLM_API_BEDROCK_INVOKE_STREAM, LLM_FAMILY_TITAN_TEXT,
                   true);
    llm_meter_frame(&m, &frame);
    llm_meter_chunk(&m, str("{\"outputText\":\"ab\","
        "\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":1,"
        "\"outputTokenCount\":2}}"));

    ok(m.ended && m.output_bytes == 5, "frames and chunks decoded elsewhere");

    llm_meter_finish(&m);
    llm_meter_free(&m);

    ok(used(1, 2, 0, 0, 0) && m.usage.exact, "their usage");
}


static const char  anthropic_sse[] =
    "event: message_start\n"
    "data: {\"type\":\"message_start\",\"message\":{\"usage\":{"
    "\"input_tokens\":15,\"cache_read_input_tokens\":2,\"output_tokens\":1,"
    "\"cache_creation_input_tokens\":9,\"service_tier\":\"priority\"}}}\n\n"
    "event: ping\ndata: {\"type\": \"ping\"}\n\n"
    "event: content_block_delta\n"
    "data: {\"type\":\"content_block_delta\",\"delta\":{\"thinking\":\"hm\"}}"
    "\n\n"
    "event: message_delta\n"
    "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":4}}\n\n"
    "event: message_delta\n"
    "data: {\"type\":\"message_delta\",\"usage\":{\"input_tokens\":15,"
    "\"cache_read_input_tokens\":2,\"cache_creation_input_tokens\":9,"
    "\"output_tokens\":9}}\n\n"
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";


static void
test_anthropic(void)
{
    (void) run(LLM_API_ANTHROPIC_MESSAGES, LLM_FAMILY_CLAUDE, true,
               str(anthropic_sse), 1);

    ok(used(15, 9, 2, 9, 0) && m.usage.exact
       && m.usage.tier == LLM_TIER_PRIORITY && m.output_bytes == 2,
       "Messages: counts are repeated, not added");

    test_splits(LLM_API_ANTHROPIC_MESSAGES, str(anthropic_sse), "Messages");
    test_cuts(LLM_API_ANTHROPIC_MESSAGES, str(anthropic_sse),
              sizeof(anthropic_sse) - 1, "Messages");

    (void) run(LLM_API_ANTHROPIC_MESSAGES, LLM_FAMILY_CLAUDE, true, str(
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
        "\"overloaded_error\",\"message\":\"Over\\u006coaded\"}}\n\n"), 1);

    ok(llm_str_eq(m.exception, str("overloaded_error")) && !m.started
       && m.exception_message_len == 10
       && memcmp(m.exception_message, "Overloaded", 10) == 0,
       "Messages: an error event");

    (void) run(LLM_API_ANTHROPIC_MESSAGES, LLM_FAMILY_CLAUDE, false, str(
        "{\"type\":\"message\",\"content\":[{\"type\":\"tool_use\","
        "\"input\":{\"a\":[{}]}}],\"usage\":{\"input_tokens\":1,"
        "\"cache_creation\":{\"ephemeral_1h_input_tokens\":6},"
        "\"output_tokens\":2}}"), 1);

    ok(used(1, 2, 0, 0, 6) && m.usage.exact && m.output_bytes == 10,
       "Messages, not streamed: the split alone tells the writes");
}


static void
test_openai(void)
{
    const char  *head;
    llm_buf_t    buf;

    head = "data: {\"choices\":[{\"delta\":{\"content\":\"abc\"}}],"
           "\"usage\":null}\n\ndata: {\"choices\":[{\"delta\":{},"
           "\"finish_reason\":\"stop\"}],\"usage\":null}\n\n";

    (void) run(LLM_API_OPENAI_CHAT, LLM_FAMILY_OTHER, true, str(head), 7);
    ok(!m.ended && !m.usage.exact && m.output_bytes == 3,
       "chat: the finish_reason is not the end");

    llm_buf_init(&buf, 65536);
    llm_buf_printf(&buf, "%sdata: {\"choices\":[],\"service_tier\":\"flex\","
        "\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":20,"
        "\"prompt_tokens_details\":{\"cached_tokens\":80},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":5}}}\n\n", head);

    (void) run(LLM_API_OPENAI_CHAT, LLM_FAMILY_OTHER, true, bytes(&buf), 1);
    ok(used(20, 20, 80, 0, 0) && m.usage.exact && m.ended
       && m.usage.reasoning == 5 && m.usage.tier == LLM_TIER_FLEX,
       "chat: cached tokens are inside the prompt's");
    llm_buf_free(&buf);

    (void) run(LLM_API_OPENAI_CHAT, LLM_FAMILY_OTHER, true,
               str("data: {\"choices\":[]}\n\ndata: [DONE]\n\n"), 1);
    ok(m.ended && !m.usage.exact, "chat: done without usage");

    (void) run(LLM_API_OPENAI_EMBEDDINGS, LLM_FAMILY_OTHER, false, str(
        "{\"data\":[{\"embedding\":[0.1,2,3]}],"
        "\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}"), 1);
    ok(used(8, 0, 0, 0, 0) && m.usage.exact, "embeddings have no output");

    (void) run(LLM_API_OPENAI_RESPONSES, LLM_FAMILY_OTHER, true, str(
        "event: response.output_text.delta\n"
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"ab\"}\n\n"
        "event: response.incomplete\n"
        "data: {\"type\":\"response.incomplete\",\"response\":{"
        "\"output\":[{\"content\":[{\"text\":\"ab\"}]}],\"usage\":{"
        "\"input_tokens\":50,\"input_tokens_details\":{\"cached_tokens\":10,"
        "\"cache_write_tokens\":5},\"output_tokens\":6}}}\n\n"), 1);
    ok(used(35, 6, 10, 5, 0) && m.usage.exact && m.output_bytes == 2,
       "responses: incomplete, with its usage");

    (void) run(LLM_API_OPENAI_RESPONSES, LLM_FAMILY_OTHER, true, str(
        "data: {\"type\":\"response.failed\",\"response\":{\"error\":{"
        "\"code\":\"server_error\",\"message\":\"no\"},\"usage\":null}}\n\n"),
        1);
    ok(llm_str_eq(m.exception, str("server_error")) && !m.usage.exact,
       "responses: failed");
}


static void
run_headers(llm_family_t family, const char *input, const char *output,
    const char *write, const char *body)
{
    llm_meter_init(&m, LLM_API_BEDROCK_INVOKE, family, true);
    llm_meter_header(&m, str(NAME("Input-Token-Count")), str(input));
    llm_meter_header(&m, str("x-amzn-bedrock-output-token-count"),
                     str(output));
    llm_meter_header(&m, str(NAME("Cache-Write-Input-Token-Count")),
                     str(write));
    llm_meter_header(&m, str("X-AMZN-BEDROCK-SERVICE-TIER"), str("flex"));
    llm_meter_header(&m, str(NAME("PerformanceConfig-Latency")),
                     str("optimized"));
    llm_meter_header(&m, str("Content-Type"), str("application/json"));
    (void) feed(body, strlen(body), 1);
    llm_meter_finish(&m);
    llm_meter_free(&m);
}


static void
test_headers(void)
{
    run_headers(LLM_FAMILY_COHERE, "5", "6", "0", "{\"text\":\"abc\"}");
    ok(used(5, 6, 0, 0, 0) && m.usage.exact
       && m.usage.tier == LLM_TIER_FLEX && m.usage.latency_optimized,
       "headers of any case");

    run_headers(LLM_FAMILY_MISTRAL, "5", "6", "0", "{\"outputs\":[{");
    ok(used(5, 6, 0, 0, 0) && m.usage.exact,
       "headers have said it all when the body breaks off");

    run_headers(LLM_FAMILY_CLAUDE, "5", "6", "70", "{\"content\":[");
    ok(used(5, 6, 0, 70, 0) && !m.usage.exact,
       "but for the lifetime of a cache write");

    run_headers(LLM_FAMILY_CLAUDE, "5", "6", "70", "{\"usage\":{"
        "\"input_tokens\":5,\"output_tokens\":6,"
        "\"cache_creation_input_tokens\":70,\"cache_creation\":{"
        "\"ephemeral_1h_input_tokens\":60}}}");
    ok(used(5, 6, 0, 10, 60) && m.usage.exact && !m.mismatch,
       "which the body has");

    run_headers(LLM_FAMILY_CLAUDE, "9", "6", "70", "{\"usage\":{"
        "\"input_tokens\":5,\"output_tokens\":6,"
        "\"cache_creation_input_tokens\":70,\"cache_creation\":{"
        "\"ephemeral_1h_input_tokens\":60}}}");
    ok(used(9, 6, 0, 10, 60) && m.usage.exact && m.mismatch,
       "also where the headers report more input");

    run_headers(LLM_FAMILY_CLAUDE, "5", "6", "", "{\"usage\":{"
        "\"input_tokens\":5,\"output_tokens\":7}}");
    ok(used(5, 7, 0, 0, 0) && m.mismatch, "headers and body differ");

    run_headers(LLM_FAMILY_OPENAI_LIKE, "100", "6", "", "{\"usage\":{"
        "\"prompt_tokens\":100,\"completion_tokens\":6,"
        "\"prompt_tokens_details\":{\"cached_tokens\":90}}}");
    ok(used(10, 6, 90, 0, 0) && m.usage.exact && !m.mismatch,
       "the body splits what the header sums up");

    run_headers(LLM_FAMILY_OTHER, "8", "", "", "{\"embedding\":[1,0.5]}");
    ok(used(8, 0, 0, 0, 0) && m.usage.exact,
       "an embedding behind an opaque ARN");

    run_headers(LLM_FAMILY_CLAUDE, "5 ", "0x6", "99999999999999",
                "{\"content\":[]}");
    ok(used(0, 0, 0, 0, 0) && !m.usage.exact, "headers that are no numbers");
}


static void
test_families(void)
{
    (void) run(LLM_API_BEDROCK_INVOKE, LLM_FAMILY_LLAMA, false, str(
        "{\"generation\":\"abc\",\"prompt_token_count\":5,"
        "\"generation_token_count\":10}"), 1);
    ok(used(5, 10, 0, 0, 0) && m.usage.exact && m.output_bytes == 3, "Llama");

    (void) run(LLM_API_BEDROCK_INVOKE, LLM_FAMILY_TITAN_TEXT, false, str(
        "{\"inputTextTokenCount\":28.0,\"results\":[{\"tokenCount\":2.8e1,"
        "\"outputText\":\"a\"},{\"tokenCount\":2,\"outputText\":\"b\"}]}"), 1);
    ok(used(28, 30, 0, 0, 0) && m.usage.exact, "Titan, numbers as floats");

    (void) run(LLM_API_BEDROCK_INVOKE, LLM_FAMILY_NOVA, false, str(
        "{\"output\":{\"message\":{\"content\":[{\"text\":\"a\"}]}},"
        "\"usage\":{\"inputTokens\":5,\"outputTokens\":10,"
        "\"cacheReadInputTokenCount\":3}}"), 1);
    ok(used(5, 10, 3, 0, 0) && m.usage.exact, "Nova");

    (void) run(LLM_API_BEDROCK_INVOKE, LLM_FAMILY_AI21, false, str(
        "{\"prompt\":{\"tokens\":[{},{\"a\":1}]},\"completions\":[{"
        "\"data\":{\"text\":\"ab\",\"tokens\":[{}]}}]}"), 1);
    ok(used(2, 1, 0, 0, 0) && m.usage.exact, "AI21: lists of tokens");

    (void) run(LLM_API_BEDROCK_INVOKE, LLM_FAMILY_TITAN_EMBED, false, str(
        "{\"embedding\":[0.1,0.2],\"inputTextTokenCount\":4}"), 1);
    ok(used(4, 0, 0, 0, 0) && m.usage.exact, "Titan embeddings");

    (void) run(LLM_API_BEDROCK_INVOKE, LLM_FAMILY_OPENAI_LIKE, false, str(
        "{\"choices\":[{\"text\":\"abcd\"}],\"usage\":{"
        "\"prompt_tokens\":4,\"completion_tokens\":2}}"), 1);
    ok(used(4, 2, 0, 0, 0) && m.usage.exact && m.output_bytes == 4,
       "open models");

    (void) run(LLM_API_BEDROCK_COUNT_TOKENS, LLM_FAMILY_CLAUDE, false,
               str("{\"inputTokens\":375}"), 1);
    ok(used(0, 0, 0, 0, 0) && m.usage.exact, "counting tokens is free");
}


static void
run_units(llm_family_t family, const char *body, int64_t images,
    int64_t queries)
{
    llm_meter_init(&m, LLM_API_BEDROCK_INVOKE, family, false);
    llm_meter_request_units(&m, images, queries);
    (void) feed(body, strlen(body), 1);
    llm_meter_finish(&m);
    llm_meter_free(&m);
}


static void
test_units(void)
{
    char    *image;
    size_t   len;

    run_units(LLM_FAMILY_IMAGE, "{\"images\":[\"aGk=\",null,\"aGk=\"]}", 3, 0);
    ok(m.usage.images == 2 && m.usage.exact, "images that were made count");

    run_units(LLM_FAMILY_IMAGE, "{\"images\":[],\"error\":\"filtered\"}", 3,
              0);
    ok(m.usage.images == 0 && m.usage.exact, "no image was made");

    run_units(LLM_FAMILY_IMAGE, "{\"pictures\":1}", 3, 0);
    ok(m.usage.images == 3 && !m.usage.exact, "images as asked for");

    run_units(LLM_FAMILY_RERANK, "{\"results\":[]}", 0, 2);
    ok(m.usage.queries == 2 && m.usage.exact, "queries come from the request");

    run_units(LLM_FAMILY_RERANK, "{\"message\":\"no\"}", 0, 2);
    ok(!m.usage.exact, "an error is no rerank answer");

    run_units(LLM_FAMILY_RERANK, "{\"results\":[", 0, 2);
    ok(m.usage.queries == 2 && !m.usage.exact, "a broken rerank answer");

    len = 4 * 1024 * 1024;
    image = malloc(len);
    memset(image, 'A', len);
    memcpy(image, "{\"images\":[\"", 12);
    memcpy(image + len - 3, "\"]}", 3);

    llm_meter_init(&m, LLM_API_BEDROCK_INVOKE, LLM_FAMILY_IMAGE, false);
    (void) feed(image, len, 16384);
    ok(m.scratch.size == 0 && m.frames.pending.size == 0
       && m.sse.line.size == 0 && m.sse.data.size == 0,
       "4 MB of an image leave nothing in memory");
    llm_meter_finish(&m);
    llm_meter_free(&m);
    ok(m.usage.images == 1 && m.usage.exact, "and are one image");

    free(image);
}


static void
test_long_message(void)
{
    char         text[600];
    size_t       i;
    llm_frame_t  frame;

    memset(&frame, 0, sizeof(frame));
    frame.kind = LLM_FRAME_EXCEPTION;
    frame.type = str("aNameThatIsLongerThanAnyThatWasEverSeenInAnException");

    strcpy(text, "{\"message\":\"abc");

    for (i = 15; i < 590; i += 6) {
        memcpy(text + i, "\\u00e9", 6);
    }

    strcpy(text + i, "\"}");
    frame.payload = str(text);

    llm_meter_init(&m, LLM_API_BEDROCK_CONVERSE_STREAM, LLM_FAMILY_OTHER,
                   true);
    llm_meter_frame(&m, &frame);

    ok(m.exception.len == sizeof(m.exception_name)
       && m.exception_message_len == 3 + 42 * 2
       && memcmp(m.exception_message, "abc\xc3\xa9", 5) == 0,
       "a long exception is cut, not within an escape");

    frame.kind = LLM_FRAME_ERROR;
    frame.message = str(text);
    llm_meter_frame(&m, &frame);

    ok(m.exception_message_len == sizeof(m.exception_message),
       "a long error message is cut");

    llm_meter_finish(&m);
    llm_meter_free(&m);
}


typedef struct {
    const char    *model;
    llm_family_t   family;
} model_t;


static const model_t  models[] = {
    { "anthropic.claude-3-haiku-20240307-v1:0", LLM_FAMILY_CLAUDE },
    { "global.anthropic.claude-sonnet-4-5-20250929-v1:0", LLM_FAMILY_CLAUDE },
    { "us-gov.anthropic.claude-3-7-sonnet-20250219-v1:0", LLM_FAMILY_CLAUDE },
    { "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
      "us.anthropic.claude-3-7-sonnet-20250219-v1:0", LLM_FAMILY_CLAUDE },
    { "arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-8b-v1:0",
      LLM_FAMILY_LLAMA },
    { "us.amazon.nova-pro-v1:0", LLM_FAMILY_NOVA },
    { "amazon.nova-canvas-v1:0", LLM_FAMILY_IMAGE },
    { "amazon.nova-2-multimodal-embeddings-v1:0", LLM_FAMILY_TITAN_EMBED },
    { "amazon.titan-embed-text-v2:0", LLM_FAMILY_TITAN_EMBED },
    { "amazon.titan-image-generator-v2:0", LLM_FAMILY_IMAGE },
    { "amazon.titan-text-lite-v1", LLM_FAMILY_TITAN_TEXT },
    { "amazon.rerank-v1:0", LLM_FAMILY_RERANK },
    { "cohere.rerank-v3-5:0", LLM_FAMILY_RERANK },
    { "us.cohere.embed-v4:0", LLM_FAMILY_COHERE_EMBED },
    { "cohere.command-r-v1:0", LLM_FAMILY_COHERE },
    { "mistral.mistral-large-2407-v1:0", LLM_FAMILY_MISTRAL },
    { "ai21.jamba-1-5-large-v1:0", LLM_FAMILY_AI21 },
    { "stability.sd3-5-large-v1:0", LLM_FAMILY_IMAGE },
    { "us.deepseek.r1-v1:0", LLM_FAMILY_OPENAI_LIKE },
    { "openai.gpt-oss-120b-1:0", LLM_FAMILY_OPENAI_LIKE },
    { "qwen.qwen3-32b-v1:0", LLM_FAMILY_OPENAI_LIKE },
    { "arn:aws:bedrock:us-east-1:123456789012:"
      "application-inference-profile/mi1dadi0g15f", LLM_FAMILY_OTHER },
    { "arn:aws:bedrock:us-east-1:123456789012:imported-model/x.y",
      LLM_FAMILY_OTHER },
    { "us.", LLM_FAMILY_OTHER },
    { "/", LLM_FAMILY_OTHER },
    { "", LLM_FAMILY_OTHER }
};


int
main(void)
{
    size_t  i;

    for (i = 0; i < sizeof(synthetics) / sizeof(synthetics[0]); i++) {
        test_synthetic(&synthetics[i]);
    }

    test_converse_stream();
    test_converse();
    test_claude_stream();
    test_chunks();
    test_anthropic();
    test_openai();
    test_headers();
    test_families();
    test_units();
    test_long_message();

    for (i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        ok(llm_model_family(str(models[i].model)) == models[i].family,
           "family of \"%s\"", models[i].model);
    }

    return plan_done();
}
