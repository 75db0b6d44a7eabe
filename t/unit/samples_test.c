/*
 * The meter over recorded real exchanges: what it reads must equal
 * expected-usage.json, however small the pieces in which the bytes arrive.
 */

#include <stdlib.h>

#include <cjson/cJSON.h>

#include "dialects/meter.h"
#include "tap.h"


typedef struct {
    llm_api_t      api;
    llm_family_t   family;
    bool           stream;
    char          *headers;
    char          *body;
    size_t         len;
} sample_t;


typedef struct {
    const char    *suffix;
    llm_api_t      api;
} suffix_t;


static const suffix_t  suffixes[] = {
    { "/invoke", LLM_API_BEDROCK_INVOKE },
    { "/invoke-with-response-stream", LLM_API_BEDROCK_INVOKE_STREAM },
    { "/converse", LLM_API_BEDROCK_CONVERSE },
    { "/converse-stream", LLM_API_BEDROCK_CONVERSE_STREAM },
    { "/count-tokens", LLM_API_BEDROCK_COUNT_TOKENS },
    { "/v1/messages", LLM_API_ANTHROPIC_MESSAGES },
    { "/v1/messages/count_tokens", LLM_API_ANTHROPIC_COUNT_TOKENS },
    { "/v1/models", LLM_API_ANTHROPIC_MODELS },
    { "/v1/chat/completions", LLM_API_OPENAI_CHAT },
    { "/v1/responses", LLM_API_OPENAI_RESPONSES }
};


static const char *
data_root(void)
{
    const char  *root;

    root = getenv("LLM_TEST_DATA");

    return (root != NULL) ? root : "../shared/data";
}


/* a file's bytes and a NUL, NULL if there is none; the caller frees */
static char *
read_file(const char *name, const char *file, size_t *len)
{
    char    path[1024], *data;
    long    size;
    FILE   *fp;

    snprintf(path, sizeof(path), "%s/samples/%s%s%s", data_root(), name,
             (*name != '\0') ? "/" : "", file);

    fp = fopen(path, "rb");
    if (fp == NULL) {
        return NULL;
    }

    fseek(fp, 0, SEEK_END);
    size = ftell(fp);
    rewind(fp);

    data = malloc((size_t) size + 1);
    *len = fread(data, 1, (size_t) size, fp);
    data[*len] = '\0';

    fclose(fp);

    return data;
}


static bool
ends_with(const char *text, size_t len, const char *suffix)
{
    size_t  n;

    n = strlen(suffix);

    return len >= n && memcmp(text + len - n, suffix, n) == 0;
}


/* "POST https://host/model/ID/invoke": only the operation and ID are told */
static void
read_request(sample_t *sample, const char *name)
{
    char       *text, *url, *end, *model;
    size_t      i, len;
    llm_str_t   id;

    text = read_file(name, "request.txt", &len);
    url = strchr(text, ' ') + 1;
    end = url + strcspn(url, " ?\r\n");

    for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {

        if (ends_with(url, (size_t) (end - url), suffixes[i].suffix)) {
            sample->api = suffixes[i].api;
        }
    }

    model = strstr(url, "/model/");

    if (model != NULL && model < end) {
        id.data = model + 7;
        id.len = strcspn(id.data, "/");
        sample->family = llm_model_family(id);
    }

    free(text);
}


static bool
read_sample(sample_t *sample, const char *name)
{
    size_t  len;

    memset(sample, 0, sizeof(sample_t));

    read_request(sample, name);

    sample->headers = read_file(name, "response.headers", &len);
    sample->body = read_file(name, "response.json", &sample->len);

    if (sample->body == NULL) {
        sample->stream = true;
        sample->body = read_file(name, "response.bin", &sample->len);
    }

    if (sample->body == NULL) {
        sample->body = read_file(name, "response.sse", &sample->len);
    }

    return sample->api != LLM_API_NONE && sample->body != NULL;
}


static void
feed_headers(llm_meter_t *meter, const char *p)
{
    llm_str_t   name, value;
    const char *colon;

    while (*p != '\0') {
        value.len = strcspn(p, "\r\n");
        colon = memchr(p, ':', value.len);

        if (colon != NULL) {
            name.data = p;
            name.len = (size_t) (colon - p);

            value.data = colon + 1 + strspn(colon + 1, " ");
            value.len = (size_t) (p + value.len - value.data);
            llm_meter_header(meter, name, value);
        }

        p += strcspn(p, "\n");
        p += (*p == '\n');
    }
}


/* each piece in memory of its own, so that reading past it is seen */
static int
feed_body(llm_meter_t *meter, const char *p, size_t len, size_t step)
{
    int      rc;
    char    *piece;
    size_t   n;

    for (rc = LLM_OK; len != 0; p += n, len -= n) {
        n = (step < len) ? step : len;

        piece = malloc(n);
        memcpy(piece, p, n);
        rc = llm_meter_feed(meter, piece, n);
        free(piece);

        if (rc != LLM_OK) {
            break;
        }
    }

    return rc;
}


static int64_t
number(const cJSON *object, const char *name)
{
    const cJSON  *item;

    item = cJSON_GetObjectItem(object, name);

    return cJSON_IsNumber(item) ? (int64_t) item->valuedouble : 0;
}


static bool
same_usage(const llm_usage_t *usage, const cJSON *expected)
{
    return usage->input == number(expected, "input")
           && usage->output == number(expected, "output")
           && usage->cache_read == number(expected, "cache_read")
           && usage->cache_write_5m == number(expected, "cache_write_5m")
           && usage->cache_write_1h == number(expected, "cache_write_1h")
           && usage->reasoning == number(expected, "reasoning");
}


static void
check_sample(const cJSON *expected, size_t step)
{
    int          rc;
    bool         free_call;
    cJSON       *usage, *units;
    sample_t     sample;
    const char  *name;
    llm_meter_t  meter;

    name = expected->string;
    usage = cJSON_GetObjectItem(expected, "usage");
    units = cJSON_GetObjectItem(expected, "units");

    if (!read_sample(&sample, name)) {
        ok(0, "%s: cannot be read", name);
        return;
    }

    llm_meter_init(&meter, sample.api, sample.family, sample.stream);
    llm_meter_request_units(&meter, 0, number(units, "queries"));
    feed_headers(&meter, sample.headers);
    rc = feed_body(&meter, sample.body, sample.len, step);
    llm_meter_finish(&meter);

    ok(rc == LLM_OK && same_usage(&meter.usage, usage) && !meter.mismatch,
       "%s by %zu: %lld in, %lld out", name, step,
       (long long) meter.usage.input, (long long) meter.usage.output);

    free_call = (sample.api == LLM_API_BEDROCK_COUNT_TOKENS
                 || sample.api == LLM_API_ANTHROPIC_COUNT_TOKENS
                 || sample.api == LLM_API_ANTHROPIC_MODELS);

    ok(meter.usage.exact == (cJSON_IsObject(usage) || free_call
                             || cJSON_IsObject(units))
       && meter.usage.queries == number(units, "queries"),
       "%s by %zu: exact only if reported", name, step);

    if (cJSON_IsObject(usage) && number(usage, "output") > 0) {
        ok(meter.output_bytes > 0 && meter.started,
           "%s by %zu: %llu bytes of output", name, step,
           (unsigned long long) meter.output_bytes);
    }

    llm_meter_free(&meter);
    free(sample.headers);
    free(sample.body);
}


int
main(void)
{
    char    *text;
    cJSON   *root, *expected;
    size_t   i, len;

    static const size_t  steps[] = { 1 << 30, 7, 1 };

    text = read_file("", "expected-usage.json", &len);

    if (text == NULL) {
        printf("# no recorded samples at %s: skipped\n", data_root());
        return plan_done();
    }

    root = cJSON_Parse(text);

    cJSON_ArrayForEach(expected, root) {

        if (strncmp(expected->string, "gemini-", 7) == 0) {
            continue;
        }

        for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
            check_sample(expected, steps[i]);
        }
    }

    cJSON_Delete(root);
    free(text);

    return plan_done();
}
