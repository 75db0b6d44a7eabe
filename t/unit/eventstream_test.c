/*
 * Event stream frames: the vectors of three official decoders and streams
 * shaped like Bedrock's, each whole, in 7-byte and in 1-byte pieces.
 */

#include "wire/base64.h"
#include "wire/eventstream.h"

#include "tap.h"
#include "vectors.h"

#include <cjson/cJSON.h>
#include <zlib.h>


static const size_t  pieces[] = { 1024 * 1024 * 1024, 7, 1 };

#define PIECES  (sizeof(pieces) / sizeof(pieces[0]))


typedef struct {
    int          rc;            /* LLM_AGAIN or LLM_ERROR */
    int          frames;
    bool         boundary;
    uint32_t     sum;           /* of all that was handed out */
    const char  *error;
} result_t;

typedef void (*each_pt)(const llm_frame_t *frame, void *data);


static void
sum_str(uint32_t *sum, llm_str_t s)
{
    *sum = *sum * 31 + (uint32_t) s.len;

    if (s.len != 0) {
        *sum = (uint32_t) crc32(*sum, (const Bytef *) s.data, (uInt) s.len);
    }
}


static result_t
decode(llm_str_t bytes, size_t piece, size_t max, each_pt each, void *data)
{
    char               *copy;
    size_t              i, n;
    result_t            result;
    const char         *p;
    llm_frame_t         frame;
    llm_eventstream_t   es;

    memset(&result, 0, sizeof(result));
    result.rc = LLM_AGAIN;
    llm_eventstream_init(&es, max);

    for (i = 0; i < bytes.len && result.rc == LLM_AGAIN; i += n) {
        n = (bytes.len - i < piece) ? bytes.len - i : piece;

        /* on the heap and just as long, so that no byte over it is read */
        copy = malloc(n);
        memcpy(copy, bytes.data + i, n);
        p = copy;

        while ((result.rc = llm_eventstream_next(&es, &p, copy + n, &frame))
               == LLM_OK)
        {
            result.frames++;
            sum_str(&result.sum, frame.type);
            sum_str(&result.sum, frame.message);
            sum_str(&result.sum, frame.content_type);
            sum_str(&result.sum, frame.payload);
            sum_str(&result.sum, frame.raw);
            result.sum += frame.kind;

            if (each != NULL) {
                each(&frame, data);
            }
        }

        free(copy);
    }

    result.boundary = llm_eventstream_at_boundary(&es);
    result.error = es.error;
    llm_eventstream_free(&es);

    return result;
}


static llm_str_t
decode_base64(const char *text)
{
    char       *out;
    llm_str_t   from, to;

    from.data = text ? text : "";
    from.len = strlen(from.data);

    out = malloc(llm_base64_decoded_size(from.len) + 1);

    to.len = (size_t) llm_base64_decode(from, out);
    to.data = out;

    return to;
}


static llm_str_t
decode_hex(const char *text)
{
    char       *out;
    size_t      i;
    unsigned    byte;
    llm_str_t   to;

    out = malloc(strlen(text) / 2 + 1);

    for (i = 0; i < strlen(text) / 2; i++) {
        sscanf(text + 2 * i, "%2x", &byte);
        out[i] = (char) byte;
    }

    to.data = out;
    to.len = strlen(text) / 2;

    return to;
}


/* a header's value, which cJSON holds as some kind of thing */
static bool
same_value(cJSON *item, int type, llm_str_t value)
{
    bool        same;
    char        number[32];
    cJSON      *hex;
    llm_str_t   want;

    if (cJSON_IsBool(item)) {
        return type == (cJSON_IsTrue(item) ? 0 : 1);
    }

    if (cJSON_IsNumber(item)) {
        snprintf(number, sizeof(number), "%.0f", item->valuedouble);
        want.data = number;
        want.len = strlen(number);

        return llm_str_eq(want, value);
    }

    hex = cJSON_GetObjectItem(item, "hex");

    if (hex == NULL) {
        want.data = item->valuestring;
        want.len = strlen(want.data);

        return llm_str_eq(want, value);
    }

    want = decode_hex(hex->valuestring);
    same = llm_str_eq(want, value);
    vector_free(want);

    return same;
}


static bool
has_header(const llm_frame_t *frame, const char *name, cJSON *item)
{
    int        type;
    llm_str_t  key, value;

    key.data = name;
    key.len = strlen(name);

    return llm_eventstream_header(frame, key, &type, &value)
           && same_value(item, type, value);
}


/* as smithy-typescript writes them: strings and bytes in base64 */
static void
aws_frame(const llm_frame_t *frame, void *data)
{
    int         type;
    bool        same;
    cJSON      *json, *header, *value;
    llm_str_t   key, got, want;

    json = data;

    cJSON_ArrayForEach(header, cJSON_GetObjectItem(json, "headers")) {
        key.data = cJSON_GetObjectItem(header, "name")->valuestring;
        key.len = strlen(key.data);
        value = cJSON_GetObjectItem(header, "value");

        same = llm_eventstream_header(frame, key, &type, &got)
               && type == cJSON_GetObjectItem(header, "type")->valueint;

        if (cJSON_IsString(value)) {
            want = decode_base64(value->valuestring);
            same = same && llm_str_eq(want, got);
            vector_free(want);

        } else {
            /* 40972 is what they say of an int32 and mean it */
            same = same && same_value(value, type, got);
        }

        ok(same, "header %s", key.data);
    }

    value = cJSON_GetObjectItem(json, "payload");
    want = decode_base64(cJSON_GetStringValue(value));
    ok(llm_str_eq(want, frame->payload), "payload");
    vector_free(want);
}


static void
aws_positive(const char *name)
{
    size_t      i;
    cJSON      *json;
    result_t    result;
    llm_str_t   bytes, text;

    bytes = vector_read("eventstream/aws/encoded/positive/%s", name);
    text = vector_read("eventstream/aws/decoded/positive/%s", name);
    json = cJSON_Parse(text.data ? text.data : "");

    for (i = 0; i < PIECES; i++) {
        result = decode(bytes, pieces[i], 100000, aws_frame, json);
        ok(json && result.frames == 1 && result.boundary
           && result.rc == LLM_AGAIN, "aws %s by %zu", name, pieces[i]);
    }

    cJSON_Delete(json);
    vector_free(bytes);
    vector_free(text);
}


static void
botocore_frame(const llm_frame_t *frame, void *data)
{
    cJSON      *header, *hex;
    llm_str_t   want;

    cJSON_ArrayForEach(header, cJSON_GetObjectItem(data, "headers")) {
        ok(has_header(frame, header->string, header), "header %s",
           header->string);
    }

    hex = cJSON_GetObjectItem(data, "payload_hex");
    want = decode_hex(hex->valuestring);
    ok(llm_str_eq(want, frame->payload), "payload");
    vector_free(want);
}


static void
botocore_positive(const char *name)
{
    size_t      i;
    cJSON      *json, *want;
    result_t    result;
    llm_str_t   bytes, text;

    bytes = vector_read("eventstream/botocore/positive/%s", name);
    text = vector_read("eventstream/botocore/expected.json");
    json = cJSON_Parse(text.data ? text.data : "");
    want = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "positive"), name);

    for (i = 0; i < PIECES; i++) {
        result = decode(bytes, pieces[i], 100000, botocore_frame, want);
        ok(want && result.frames == 1 && result.boundary
           && result.rc == LLM_AGAIN, "botocore %s by %zu", name, pieces[i]);
    }

    cJSON_Delete(json);
    vector_free(bytes);
    vector_free(text);
}


static void
refused(const char *folder, const char *name)
{
    size_t     i;
    result_t   result;
    llm_str_t  bytes;

    bytes = vector_read("eventstream/%s/%s", folder, name);

    for (i = 0; i < PIECES; i++) {
        result = decode(bytes, pieces[i], 100000, NULL, NULL);
        ok(bytes.len != 0 && result.frames == 0 && result.rc == LLM_ERROR
           && !result.boundary, "%s refused by %zu: %s", name, pieces[i],
           result.error ? result.error : "no error");
    }

    vector_free(bytes);
}


static void
aws_negative(const char *name)
{
    refused("aws/encoded/negative", name);
}


static void
botocore_negative(const char *name)
{
    refused("botocore/negative", name);
}


static void
smithy_frame(const llm_frame_t *frame, void *data)
{
    int        type;
    llm_str_t  value;

    if (strcmp(data, "valid_with_all_headers_and_payload") == 0) {
        ok(llm_eventstream_header(frame, llm_str("long"), &type, &value)
           && type == 5 && llm_str_eq(value, llm_str("50000000000")), "long");
        ok(llm_eventstream_header(frame, llm_str("time"), &type, &value)
           && type == 8 && llm_str_eq(value, llm_str("5000000000")), "time");
        ok(llm_str_eq(frame->payload, llm_str("some payload")), "payload");

    } else if (strcmp(data, "valid_no_headers") == 0) {
        ok(llm_str_eq(frame->payload, llm_str("another test payload")),
           "payload");

    } else {
        ok(llm_eventstream_header(frame, llm_str("some-header"), &type,
                                  &value)
           && type == 3 && llm_str_eq(value, llm_str("500"))
           && frame->payload.len == 0, "empty payload");
    }
}


static void
smithy(const char *name)
{
    size_t     i;
    result_t   result;
    llm_str_t  bytes;

    if (strncmp(name, "valid", 5) != 0) {
        refused("smithy-rs", name);
        return;
    }

    bytes = vector_read("eventstream/smithy-rs/%s", name);

    for (i = 0; i < PIECES; i++) {
        result = decode(bytes, pieces[i], 100000, smithy_frame,
                        (void *) name);
        ok(result.frames == 1 && result.boundary, "smithy %s by %zu", name,
           pieces[i]);
    }

    vector_free(bytes);
}


/* a stream gives the same frames however it is cut */
static void
stream(const char *folder, const char *name, int frames)
{
    bool       broken, truncated;
    size_t     i;
    result_t   result, whole;
    llm_str_t  bytes;

    bytes = vector_read("eventstream/%s/%s", folder, name);
    whole = decode(bytes, pieces[0], LLM_EVENTSTREAM_MAX_FRAME, NULL, NULL);

    broken = strstr(name, "broken") != NULL || strstr(name, "bad-") != NULL;
    truncated = strstr(name, "truncated") != NULL;

    /* the manifest counts those that cannot be read too */
    ok(bytes.len != 0
       && (frames < 0
           || ((broken || truncated) ? whole.frames < frames
                                     : whole.frames == frames))
       && (whole.rc == LLM_ERROR) == broken
       && whole.boundary == (!broken && !truncated),
       "%s: %d frames%s%s", name, whole.frames, whole.error ? ", " : "",
       whole.error ? whole.error : "");

    for (i = 1; i < PIECES; i++) {
        result = decode(bytes, pieces[i], LLM_EVENTSTREAM_MAX_FRAME, NULL,
                        NULL);

        ok(result.frames == whole.frames && result.sum == whole.sum
           && result.rc == whole.rc && result.boundary == whole.boundary,
           "%s by %zu", name, pieces[i]);
    }

    vector_free(bytes);
}


static void
gateway(const char *name)
{
    stream("other-gateways", name, -1);
}


static void
test_synthetic(void)
{
    cJSON      *json, *item;
    llm_str_t   text;

    text = vector_read("eventstream/bedrock-synthetic/manifest.json");
    json = cJSON_Parse(text.data ? text.data : "");

    cJSON_ArrayForEach(item, json) {
        cJSON  *frames = cJSON_GetObjectItem(item, "frames");

        stream("bedrock-synthetic",
               cJSON_GetObjectItem(item, "file")->valuestring,
               cJSON_IsNumber(frames) ? frames->valueint : -1);
    }

    cJSON_Delete(json);
    vector_free(text);
}


static void
sample(const char *name)
{
    char       path[256];
    llm_str_t  bytes;

    bytes = vector_read("samples/%s/response.bin", name);

    if (bytes.data != NULL) {
        vector_free(bytes);
        snprintf(path, sizeof(path), "../samples/%s", name);
        stream(path, "response.bin", -1);
    }
}


static void
put_u32(char *p, uint32_t n)
{
    p[0] = (char) (n >> 24);
    p[1] = (char) (n >> 16);
    p[2] = (char) (n >> 8);
    p[3] = (char) n;
}


/* a frame around any headers, with right checksums */
static llm_str_t
frame_of(const char *headers, size_t len, size_t headers_len)
{
    char       *p;
    llm_str_t   frame;

    p = malloc(len + 16);
    put_u32(p, (uint32_t) len + 16);
    put_u32(p + 4, (uint32_t) headers_len);
    put_u32(p + 8, (uint32_t) crc32(0, (Bytef *) p, 8));
    memcpy(p + 12, headers, len);
    put_u32(p + 12 + len, (uint32_t) crc32(0, (Bytef *) p,
                                           (uInt) len + 12));
    frame.data = p;
    frame.len = len + 16;

    return frame;
}


static void
header_case(const char *name, const char *headers, size_t len, bool good)
{
    size_t     i;
    result_t   result;
    llm_str_t  frame;

    frame = frame_of(headers, len, len);

    for (i = 0; i < PIECES; i++) {
        result = decode(frame, pieces[i], 100000, NULL, NULL);
        ok(result.frames == good && (result.rc == LLM_ERROR) == !good,
           "%s by %zu: %s", name, pieces[i],
           result.error ? result.error : "good");
    }

    vector_free(frame);
}


#define header(name, bytes, good)  \
    header_case(name, bytes, sizeof(bytes) - 1, good)


static void
test_headers(void)
{
    int   i, n;
    char  many[LLM_EVENTSTREAM_MAX_HEADERS * 4 + 4];

    header("a true", "\1a\0", true);
    header("an empty string", "\1a\7\0\0", true);
    header("an empty name", "\0\0", false);
    header("a name cut off", "\4abc", false);
    header("no type", "\1a", false);
    header("an unknown type", "\1a\12", false);
    header("a byte cut off", "\1a\2", false);
    header("an int64 cut off", "\1a\5\0\0\0\0\0\0\0", false);
    header("a string's length cut off", "\1a\7\0", false);
    header("a string cut off", "\1a\7\0\2x", false);
    header("a uuid cut off", "\1a\11" "0123456789abcde", false);
    header("a name twice", "\1a\0\1b\1\1a\1", false);

    for (i = 0, n = 0; i <= LLM_EVENTSTREAM_MAX_HEADERS; i++) {
        many[n++] = 2;
        many[n++] = (char) ('0' + i / 10);
        many[n++] = (char) ('0' + i % 10);
        many[n++] = 0;
    }

    header_case("64 headers", many, (size_t) n - 4, true);
    header_case("65 headers", many, (size_t) n, false);
}


static void
test_lengths(void)
{
    char       prelude[12];
    size_t     i;
    result_t   result;
    llm_str_t  frame;

    static const uint32_t  bad[][2] = {
        { 0, 0 }, { 15, 0 }, { 16, 1 }, { 20, 5 }, { 0xffffffff, 0 },
        { 100001, 0 }, { 20, 0xffffffff }
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put_u32(prelude, bad[i][0]);
        put_u32(prelude + 4, bad[i][1]);
        put_u32(prelude + 8, (uint32_t) crc32(0, (Bytef *) prelude, 8));

        frame.data = prelude;
        frame.len = sizeof(prelude);

        result = decode(frame, 1, 100000, NULL, NULL);
        ok(result.rc == LLM_ERROR, "lengths %u and %u: %s", bad[i][0],
           bad[i][1], result.error);
    }
}


static void
own_frame(const llm_frame_t *frame, void *data)
{
    int  *n = data;

    if (*n == 0) {
        ok(frame->kind == LLM_FRAME_EVENT
           && llm_str_eq(frame->type, llm_str("chunk"))
           && llm_str_eq(frame->content_type, llm_str("application/json"))
           && llm_str_eq(frame->payload, llm_str("{\"a\":1}")), "event");

    } else if (*n == 1) {
        ok(frame->kind == LLM_FRAME_EXCEPTION
           && llm_str_eq(frame->type, llm_str("throttlingException"))
           && llm_str_eq(frame->payload, llm_str("{}")), "exception");
    }

    (*n)++;
}


static void
test_own(void)
{
    int                 n;
    size_t              cut;
    result_t            whole, result;
    llm_buf_t           out;
    llm_str_t           bytes;
    const char         *p;
    llm_frame_t         frame;
    llm_eventstream_t   es;

    llm_buf_init(&out, 10000);
    llm_eventstream_encode(&out, LLM_FRAME_EVENT, llm_str("chunk"),
                           llm_str("{\"a\":1}"));
    llm_eventstream_encode(&out, LLM_FRAME_EXCEPTION,
                           llm_str("throttlingException"), llm_str("{}"));
    bytes.data = out.data;
    bytes.len = out.len;

    n = 0;
    whole = decode(bytes, pieces[0], 1000, own_frame, &n);
    ok(whole.frames == 2, "what is encoded is decoded");

    for (cut = 1; cut < bytes.len; cut++) {
        result = decode(bytes, cut, 1000, NULL, NULL);

        if (result.sum != whole.sum || result.frames != 2) {
            break;
        }
    }

    ok(cut == bytes.len, "cut anywhere");

    llm_eventstream_init(&es, 1000);
    p = bytes.data;
    ok(llm_eventstream_next(&es, &p, bytes.data + bytes.len, &frame) == LLM_OK
       && frame.raw.data == bytes.data && es.pending.data == NULL,
       "a whole frame is not copied");
    llm_eventstream_free(&es);

    llm_eventstream_init(&es, LLM_EVENTSTREAM_MAX_FRAME);
    p = bytes.data;
    llm_eventstream_next(&es, &p, bytes.data + 40, &frame);
    ok(p == bytes.data + 40 && es.pending.size < 1000,
       "memory is taken as bytes come");
    ok(!llm_eventstream_at_boundary(&es), "within a frame");
    llm_eventstream_free(&es);

    llm_buf_free(&out);

    /* a payload may be larger than the buffer's limit */
    llm_buf_init(&out, 50);
    llm_eventstream_encode(&out, LLM_FRAME_EVENT, llm_str("chunk"),
                           llm_str("{\"a\":1}"));
    ok(out.failed, "no room");
    llm_buf_free(&out);
}


int
main(void)
{
    test_own();
    test_headers();
    test_lengths();

    vector_list("eventstream/aws/encoded/positive", aws_positive);
    vector_list("eventstream/aws/encoded/negative", aws_negative);
    vector_list("eventstream/botocore/positive", botocore_positive);
    vector_list("eventstream/botocore/negative", botocore_negative);
    vector_list("eventstream/smithy-rs", smithy);
    vector_list("eventstream/other-gateways", gateway);
    test_synthetic();
    vector_list("samples", sample);

    return plan_done();
}
