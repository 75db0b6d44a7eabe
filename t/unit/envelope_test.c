/*
 * Request envelopes: what is read of each API's body, what is cut out of an
 * Anthropic one, and that what is left is the same JSON without it.
 */

#include <cjson/cJSON.h>

#include "dialects/envelope.h"
#include "tap.h"
#include "vectors.h"


#define MESSAGES    LLM_API_ANTHROPIC_MESSAGES
#define COUNT       LLM_API_ANTHROPIC_COUNT_TOKENS
#define INVOKE      LLM_API_BEDROCK_INVOKE
#define CONVERSE    LLM_API_BEDROCK_CONVERSE
#define CHAT        LLM_API_OPENAI_CHAT
#define RESPONSES   LLM_API_OPENAI_RESPONSES
#define EMBEDDINGS  LLM_API_OPENAI_EMBEDDINGS


static llm_envelope_t         envelope;
static llm_envelope_reader_t  reader;


/* step 0: in one piece */
static int
read_body(llm_api_t api, const char *body, size_t len, size_t step)
{
    int     rc;
    char   *piece;
    size_t  i, n;

    llm_envelope_init(&reader, &envelope, api);

    if (step == 0) {
        step = len ? len : 1;
    }

    for (i = 0; i < len; i += n) {
        n = (len - i < step) ? len - i : step;

        /* so that a read beyond a piece is seen */
        piece = malloc(n);
        memcpy(piece, body + i, n);

        rc = llm_envelope_feed(&reader, piece, n);

        free(piece);

        if (rc != LLM_OK) {
            return rc;
        }
    }

    return llm_envelope_finish(&reader);
}


static int
reads(llm_api_t api, const char *body)
{
    int             whole, single;
    llm_envelope_t  first;

    whole = read_body(api, body, strlen(body), 0);
    first = envelope;
    single = read_body(api, body, strlen(body), 1);

    if (whole != single
        || (whole == LLM_OK
            && memcmp(&first, &envelope, sizeof(llm_envelope_t)) != 0))
    {
        printf("# differs by pieces: %s\n", body);
        return -2;
    }

    return whole;
}


static void
refuses(llm_api_t api, const char *body, const char *error)
{
    int  rc;

    rc = reads(api, body);

    ok(rc == LLM_ERROR && reader.json.error
       && strcmp(reader.json.error, error) == 0, "%.50s: %s", body,
       rc == LLM_ERROR ? reader.json.error : "no error");
}


static bool
is(const char *data, size_t len, const char *want)
{
    return len == strlen(want) && memcmp(data, want, len) == 0;
}


static void
anthropic(void)
{
    ok(reads(MESSAGES,
             "{\"model\":\"claude-opus-5-5\",\"max_tokens\":128000,"
             "\"stream\":true,\"metadata\":{\"user_id\":\"{\\\"a\\\":1}\"},"
             "\"thinking\":{\"type\":\"adaptive\"},"
             "\"anthropic_beta\":[\"a-1\",\"b-2\"],"
             "\"service_tier\":\"flex\","
             "\"system\":[{\"type\":\"text\",\"text\":\"x\","
             "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}],"
             "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}")
       == LLM_OK, "a Messages body is read");

    ok(is(envelope.model, envelope.model_len, "claude-opus-5-5"), "model");
    ok(is(envelope.user, envelope.user_len, "{\"a\":1}"), "user");
    ok(is(envelope.betas, envelope.betas_len, "a-1,b-2")
       && envelope.has_betas, "betas");
    ok(envelope.max_tokens == 128000 && envelope.stream
       && envelope.thinking && envelope.service_tier_flex
       && !envelope.service_tier_priority && envelope.cache
       && envelope.cache_1h && !envelope.has_anthropic_version,
       "numbers and flags");
    ok(envelope.text_bytes == envelope.bytes && envelope.bytes > 300,
       "all of it is text");

    ok(reads(MESSAGES, "{\"\\u006dodel\":\"m\\u00e9\\/\",\"max_tokens\":1.0,"
                       "\"anthropic_version\":\"x\"}") == LLM_OK
       && is(envelope.model, envelope.model_len, "m\xc3\xa9/")
       && envelope.max_tokens == 1 && envelope.has_anthropic_version,
       "escaped keys and strings");

    ok(reads(COUNT, "{\"model\":\"m\",\"messages\":[]}") == LLM_OK
       && envelope.max_tokens == -1, "count_tokens needs no max_tokens");

    ok(reads(MESSAGES, "{\"model\":\"m\",\"max_tokens\":1,"
                       "\"messages\":[{\"content\":[{\"type\":\"tool_use\","
                       "\"input\":{\"max_tokens\":9,\"model\":\"x\","
                       "\"source\":{\"type\":\"base64\",\"data\":\"AAAA\"}"
                       "}}]}],\"a\":{\"model\":\"y\",\"stream\":true}}")
       == LLM_OK && envelope.max_tokens == 1 && !envelope.stream
       && envelope.base64_document_bytes == 0
       && envelope.base64_image_bytes == 0,
       "a tool's input that looks like more is text");
}


static void
anthropic_errors(void)
{
    static const char  whole[] = "max_tokens must be a whole number of at "
                                 "least 1";
    static const char *const  wrong[] = {
        "0", "-1", "1.5", "1e3", "\"5\"", "null", "true", "[1]", "{}",
        "99999999999999999999"
    };
    char    body[128];
    size_t  i;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(body, sizeof(body), "{\"max_tokens\":%s,\"model\":\"m\"}",
                 wrong[i]);
        refuses(MESSAGES, body, whole);
    }

    refuses(MESSAGES, "{\"model\":\"m\"}", "max_tokens is required");
    refuses(MESSAGES, "{\"max_tokens\":1}", "model is required");
    refuses(MESSAGES, "{\"max_tokens\":1,\"model\":5}",
            "model must be a string");
    refuses(MESSAGES, "{\"max_tokens\":1,\"model\":null}",
            "model must be a string");
    refuses(MESSAGES, "{\"max_tokens\":1,\"model\":\"\"}",
            "model must be a string");
    refuses(MESSAGES, "{\"model\":\"a\",\"model\":\"b\",\"max_tokens\":1}",
            "model is given twice");
    refuses(MESSAGES, "{\"model\":\"a\",\"stream\":\"yes\"}",
            "stream must be true or false");
    refuses(MESSAGES, "{\"anthropic_beta\":\"x\"}",
            "anthropic_beta must be a list of strings");
    refuses(MESSAGES, "{\"anthropic_beta\":[1]}",
            "anthropic_beta must be a list of strings");
    refuses(MESSAGES, "{\"anthropic_beta\":[\"a,b\"]}",
            "anthropic_beta must be a list of strings");
    refuses(MESSAGES, "", "the body is empty");
    refuses(MESSAGES, "[]", "the body must be a JSON object");
    refuses(MESSAGES, "null", "the body must be a JSON object");
    refuses(MESSAGES, "{\"model\":\"m\"", "unexpected end");
}


static void
long_values(void)
{
    char    body[4096], flag[300];
    int     i, n;

    memset(flag, 'x', sizeof(flag));

    snprintf(body, sizeof(body), "{\"model\":\"%.*s\"}", 256, flag);
    refuses(MESSAGES, body, "model is too long");

    snprintf(body, sizeof(body),
             "{\"model\":\"%.*s\",\"max_tokens\":2,\"metadata\":"
             "{\"user_id\":\"%.*s\"}}", 255, flag, 300, flag);
    ok(reads(MESSAGES, body) == LLM_OK && envelope.model_len == 255
       && envelope.user_len == LLM_ENVELOPE_USER_SIZE,
       "the longest model, a user cut");

    n = snprintf(body, sizeof(body), "{\"anthropic_beta\":[\"%.*s\"", 255,
                 flag);

    for (i = 0; i < 4; i++) {
        n += snprintf(body + n, sizeof(body) - (size_t) n, ",\"%.*s\"", 255,
                      flag);
    }

    snprintf(body + n, sizeof(body) - (size_t) n, "]}");
    refuses(MESSAGES, body, "anthropic_beta is too long");
}


typedef struct {
    llm_api_t    api;
    const char  *body;
    int64_t      max_tokens;
} max_case_t;


static const max_case_t  max_cases[] = {
    { INVOKE, "{\"max_tokens\":10,\"messages\":[]}", 10 },
    { INVOKE, "{\"max_gen_len\":11}", 11 },
    { INVOKE, "{\"max_tokens_to_sample\":12}", 12 },
    { INVOKE, "{\"maxTokens\":13}", 13 },
    { INVOKE, "{\"inferenceConfig\":{\"maxTokens\":14}}", 14 },
    { INVOKE, "{\"inferenceConfig\":{\"max_new_tokens\":15}}", 15 },
    { INVOKE, "{\"textGenerationConfig\":{\"maxTokenCount\":16}}", 16 },
    { INVOKE, "{\"max_completion_tokens\":17,\"max_tokens\":5}", 17 },
    { INVOKE, "{\"max_tokens\":18,\"max_tokens\":5}", 18 },
    { INVOKE, "{\"max_tokens\":5,\"max_tokens\":19}", 19 },
    { INVOKE, "{\"max_tokens\":5,\"num_generations\":4}", 20 },
    { INVOKE, "{\"max_tokens\":null}", -1 },
    { INVOKE, "{\"prompt\":\"x\"}", -1 },
    { LLM_API_BEDROCK_INVOKE_STREAM, "{\"max_gen_len\":21}", 21 },
    { CONVERSE, "{\"inferenceConfig\":{\"maxTokens\":22}}", 22 },
    { CONVERSE, "{\"inferenceConfig\":{\"maxTokens\":2},"
                "\"additionalModelRequestFields\":{\"max_tokens\":23}}", 23 },
    { CONVERSE, "{\"max_tokens\":1}", -1 },
    { LLM_API_BEDROCK_CONVERSE_STREAM,
      "{\"inferenceConfig\":{\"maxTokens\":24}}", 24 },
    { CHAT, "{\"model\":\"m\",\"max_tokens\":25}", 25 },
    { CHAT, "{\"model\":\"m\",\"max_completion_tokens\":13,\"n\":2}", 26 },
    { CHAT, "{\"model\":\"m\",\"max_tokens\":null,\"n\":null}", -1 },
    { RESPONSES, "{\"model\":\"m\",\"max_output_tokens\":27}", 27 },
    { EMBEDDINGS, "{\"model\":\"m\",\"input\":\"x\"}", -1 },
    { LLM_API_BEDROCK_COUNT_TOKENS, "{\"input\":{}}", -1 }
};


static void
most_tokens(void)
{
    size_t  i;

    for (i = 0; i < sizeof(max_cases) / sizeof(max_cases[0]); i++) {
        ok(reads(max_cases[i].api, max_cases[i].body) == LLM_OK
           && envelope.max_tokens == max_cases[i].max_tokens,
           "max_tokens %d of %s", (int) envelope.max_tokens,
           max_cases[i].body);
    }

    refuses(CONVERSE, "{\"inferenceConfig\":{\"maxTokens\":\"5\"}}",
            "inferenceConfig.maxTokens must be a whole number of at least 1");
    refuses(CHAT, "{\"model\":\"m\",\"n\":100000000}",
            "too many answers asked for");
    refuses(CHAT, "{\"messages\":[]}", "model is required");
    refuses(CHAT, "{\"model\":\"a\",\"model\":\"b\"}",
            "model is given twice");
}


typedef struct {
    llm_api_t    api;
    const char  *body;
    unsigned     images;
    unsigned     documents;
    uint64_t     image_bytes;
    uint64_t     document_bytes;
    unsigned     texts;
} media_case_t;


#define IN_BLOCK(x)   "{\"messages\":[{\"content\":[{" x "}]}],"              \
                      "\"model\":\"m\",\"max_tokens\":5}"
#define IN_RESULT(x)  IN_BLOCK("\"type\":\"tool_result\",\"content\":[{" x "}]")
#define IN_TOOL(x)    IN_BLOCK("\"toolResult\":{\"content\":[{" x "}]}")
#define BASE64        "\"data\":\"QUJDREVG\""
#define BYTES         "{\"format\":\"png\",\"source\":{\"bytes\":\"QUJDREVG\"}}"
#define DATA_URL      "\"data:image/png;base64,QUJDREVG\""


static const media_case_t  media_cases[] = {
    { MESSAGES, IN_BLOCK("\"type\":\"image\",\"source\":{\"type\":\"base64\","
                         "\"media_type\":\"image/png\"," BASE64 "}"),
      1, 0, 8, 0, 0 },
    { MESSAGES, IN_BLOCK("\"source\":{" BASE64 ",\"media_type\":"
                         "\"image\\/png\",\"type\":\"base64\"},"
                         "\"type\":\"image\""), 1, 0, 8, 0, 0 },
    { MESSAGES, IN_BLOCK("\"type\":\"document\",\"source\":{\"type\":"
                         "\"base64\",\"media_type\":\"application/pdf\","
                         BASE64 "}"), 0, 1, 0, 8, 0 },
    { MESSAGES, IN_BLOCK("\"type\":\"document\",\"source\":{\"type\":"
                         "\"text\",\"media_type\":\"text/plain\"," BASE64
                         "}"), 0, 1, 0, 0, 0 },
    { MESSAGES, IN_BLOCK("\"type\":\"image\",\"source\":{\"type\":\"url\","
                         "\"url\":\"https://x/y.png\"}"), 1, 0, 0, 0, 0 },
    { MESSAGES, IN_RESULT("\"type\":\"image\",\"source\":{\"type\":"
                          "\"base64\",\"media_type\":\"image/png\"," BASE64
                          "}"), 1, 0, 8, 0, 0 },
    { INVOKE, IN_BLOCK("\"type\":\"image\",\"source\":{\"type\":\"base64\","
                       "\"media_type\":\"image/png\"," BASE64 "}"),
      1, 0, 8, 0, 0 },
    { INVOKE, IN_BLOCK("\"image\":" BYTES), 1, 0, 8, 0, 0 },
    { CONVERSE, IN_BLOCK("\"image\":" BYTES), 1, 0, 8, 0, 0 },
    { CONVERSE, IN_BLOCK("\"document\":" BYTES), 0, 1, 0, 8, 0 },
    { CONVERSE, IN_BLOCK("\"video\":" BYTES), 0, 1, 0, 8, 0 },
    { CONVERSE, IN_TOOL("\"image\":" BYTES), 1, 0, 8, 0, 0 },
    { CONVERSE, IN_TOOL("\"document\":" BYTES), 0, 1, 0, 8, 0 },
    { CONVERSE, IN_BLOCK("\"guardContent\":{\"image\":" BYTES "}"),
      1, 0, 8, 0, 0 },
    { CONVERSE, IN_BLOCK("\"toolUse\":{\"input\":{\"image\":" BYTES "}}"),
      0, 0, 0, 0, 0 },
    { CHAT, IN_BLOCK("\"type\":\"image_url\",\"image_url\":{\"url\":"
                     DATA_URL "}"), 1, 0, 8, 0, 0 },
    { CHAT, IN_BLOCK("\"type\":\"image_url\",\"image_url\":{\"url\":"
                     "\"https://x/y.png\"}"), 1, 0, 0, 0, 0 },
    { RESPONSES, "{\"model\":\"m\",\"input\":[{\"content\":[{\"type\":"
                 "\"input_image\",\"image_url\":" DATA_URL "}]}]}",
      1, 0, 8, 0, 0 },
    { CHAT, IN_BLOCK("\"type\":\"file\",\"file\":{\"file_data\":"
                     "\"data:application/pdf;base64,QUJDREVG\"}"),
      0, 1, 0, 8, 0 },
    { MESSAGES, IN_BLOCK("\"type\":\"document\",\"source\":{\"type\":"
                         "\"content\",\"content\":[{\"type\":\"image\","
                         "\"source\":{\"type\":\"base64\",\"media_type\":"
                         "\"image/png\"," BASE64 "}}]}"), 1, 1, 8, 0, 0 },
    { CONVERSE, IN_BLOCK("\"audio\":" BYTES), 0, 1, 0, 8, 0 },
    { CONVERSE, IN_TOOL("\"video\":" BYTES), 0, 1, 0, 8, 0 },
    { CHAT, IN_BLOCK("\"image_url\":" DATA_URL), 1, 0, 8, 0, 0 },
    { CHAT, IN_BLOCK("\"input_audio\":{" BASE64 "}"), 0, 0, 0, 8, 0 },
    { RESPONSES, "{\"model\":\"m\",\"input\":[{\"content\":[{\"type\":"
                 "\"input_file\",\"file_data\":\"QUJDREVG\"}]}]}",
      0, 1, 0, 8, 0 },
    { INVOKE, "{\"inputs\":[{\"content\":[{\"text\":\"x\"},{\"image_url\":"
              "{\"url\":" DATA_URL "}}]}]}", 1, 0, 8, 0, 1 },
    { INVOKE, "{\"inputText\":\"x\"}", 0, 0, 0, 0, 1 },
    { INVOKE, "{\"inputText\":\"x\",\"inputImage\":\"QUJDREVG\"}",
      1, 0, 8, 0, 1 },
    { INVOKE, "{\"texts\":[\"x\",\"y\",\"z\"]}", 0, 0, 0, 0, 3 },
    { INVOKE, "{\"images\":[" DATA_URL "]}", 1, 0, 8, 0, 0 },
    { EMBEDDINGS, "{\"model\":\"m\",\"input\":\"x\"}", 0, 0, 0, 0, 1 },
    { EMBEDDINGS, "{\"model\":\"m\",\"input\":[\"x\",\"y\"]}",
      0, 0, 0, 0, 2 },
    { EMBEDDINGS, "{\"model\":\"m\",\"input\":[1,2,3]}", 0, 0, 0, 0, 1 },
    { EMBEDDINGS, "{\"model\":\"m\",\"input\":[[1,2],[3]]}", 0, 0, 0, 0, 2 }
};


static void
media(void)
{
    size_t               i;
    const media_case_t  *c;

    for (i = 0; i < sizeof(media_cases) / sizeof(media_cases[0]); i++) {
        c = &media_cases[i];

        ok(reads(c->api, c->body) == LLM_OK
           && envelope.images == c->images
           && envelope.documents == c->documents
           && envelope.base64_image_bytes == c->image_bytes
           && envelope.base64_document_bytes == c->document_bytes
           && envelope.texts == c->texts
           && envelope.text_bytes
              == strlen(c->body) - c->image_bytes - c->document_bytes,
           "media of %s", c->body);
    }

    ok(reads(CONVERSE, "{\"system\":[{\"cachePoint\":{\"type\":\"default\","
                       "\"ttl\":\"1h\"}}]}") == LLM_OK
       && envelope.cache && envelope.cache_1h, "cachePoint");
    ok(reads(CONVERSE, "{\"system\":[{\"cachePoint\":{\"type\":\"default\""
                       "}}],\"ttl\":\"1h\"}") == LLM_OK
       && envelope.cache && !envelope.cache_1h, "cachePoint of 5 minutes");
}


/* the rewritten body, NUL-terminated, to be freed */
static char *
rewrite(const char *body, const char *betas, const char *version)
{
    char           *out, *p;
    size_t          n;
    unsigned        i;
    llm_rewrite_t   rewrite;

    if (llm_anthropic_to_invoke(&rewrite, &envelope,
                                (llm_str_t) { betas, strlen(betas) },
                                (llm_str_t) { version, strlen(version) })
        != LLM_OK)
    {
        return NULL;
    }

    out = malloc(rewrite.head.len + strlen(body) + 1);
    memcpy(out, rewrite.head.data, rewrite.head.len);
    p = out + rewrite.head.len;

    for (i = 0; i < rewrite.nspans; i++) {
        n = (size_t) (rewrite.spans[i].end - rewrite.spans[i].start);
        memcpy(p, body + rewrite.spans[i].start, n);
        p += n;
    }

    *p = '\0';

    llm_rewrite_free(&rewrite);

    return out;
}


typedef struct {
    const char  *body;
    const char  *betas;
    const char  *result;
} rewrite_case_t;


#define HEAD  "{\"anthropic_version\":\"bedrock-2023-05-31\""


static const rewrite_case_t  rewrite_cases[] = {
    { "{\"model\":\"m\",\"max_tokens\":5,\"stream\":true}", "",
      HEAD ",\"max_tokens\":5}" },
    { "{\"max_tokens\":5,\"model\":\"m\"}", "a,b",
      HEAD ",\"anthropic_beta\":[\"a\",\"b\"],\"max_tokens\":5}" },
    { " {\n  \"model\" : \"m\" ,\n  \"x\" : 1.50 ,\n  \"max_tokens\" : 5\n}\n",
      "", HEAD ",\n  \"x\" : 1.50 ,\n  \"max_tokens\" : 5\n}\n" },
    { "{\"model\":\"m\"}", "", HEAD ",\"max_tokens\":1}" },
    { "{ \"stream\":false , \"model\":\"m\" }", "",
      HEAD ",\"max_tokens\":1  }" },
    { "{\"model\":\"m\",\"thinking\":{\"type\":\"enabled\","
      "\"budget_tokens\":2000}}", "",
      HEAD ",\"max_tokens\":2001,\"thinking\":{\"type\":\"enabled\","
      "\"budget_tokens\":2000}}" },
    { "{\"model\":\"m\",\"max_tokens\":5,\"thinking\":{\"display\":"
      "\"updates\",\"type\":\"adaptive\"}}", "",
      HEAD ",\"max_tokens\":5,\"thinking\":{\"type\":\"adaptive\"}}" },
    { "{\"model\":\"m\",\"max_tokens\":5,\"thinking\":{\"type\":\"adaptive\","
      "\"display\":\"omitted\"}}", "",
      HEAD ",\"max_tokens\":5,\"thinking\":{\"type\":\"adaptive\","
      "\"display\":\"omitted\"}}" },
    { "{\"model\":\"m\",\"max_tokens\":5,\"system\":[{\"cache_control\":"
      "{\"scope\":\"global\",\"type\":\"ephemeral\"}}],\"tools\":[{\"custom\":"
      "{\"defer_loading\":true},\"name\":\"n\",\"cache_control\":{\"type\":"
      "\"ephemeral\",\"scope\":\"global\"}}]}", "",
      HEAD ",\"max_tokens\":5,\"system\":[{\"cache_control\":"
      "{\"type\":\"ephemeral\"}}],\"tools\":[{"
      "\"name\":\"n\",\"cache_control\":{\"type\":\"ephemeral\"}}]}" },
    { "{\"model\":\"m\",\"max_tokens\":5,\"messages\":[{\"role\":\"system\","
      "\"output_config\":{\"effort\":\"low\",\"x\":[{}]},\"content\":[{"
      "\"cache_control\":{\"scope\":\"x\"}},{\"content\":[{\"cache_control\":"
      "{\"type\":\"e\",\"scope\":\"x\",\"ttl\":\"1h\"}}]},{\"input\":{"
      "\"cache_control\":{\"scope\":\"kept\"},\"model\":\"kept\"}}]}],"
      "\"output_config\":{\"effort\":\"low\"}}", "",
      HEAD ",\"max_tokens\":5,\"messages\":[{\"role\":\"system\","
      "\"content\":[{"
      "\"cache_control\":{}},{\"content\":[{\"cache_control\":"
      "{\"type\":\"e\",\"ttl\":\"1h\"}}]},{\"input\":{"
      "\"cache_control\":{\"scope\":\"kept\"},\"model\":\"kept\"}}]}],"
      "\"output_config\":{\"effort\":\"low\"}}" },
    { "{\"mcp_servers\":[{\"a\":[1]}],\"speed\":\"fast\",\"service_tier\":"
      "\"auto\",\"a\":1,\"container\":{\"id\":\"c\"},\"inference_geo\":\"us\","
      "\"b\":2,\"fallbacks\":[[]],\"user_profile_id\":\"u\","
      "\"output_format\":{\"type\":\"json\"},\"model\":\"m\"}", "",
      HEAD ",\"max_tokens\":1,\"a\":1,\"b\":2}" }
};


static void
rewrites(void)
{
    char    *out;
    size_t   i;

    for (i = 0; i < sizeof(rewrite_cases) / sizeof(rewrite_cases[0]); i++) {
        reads(COUNT, rewrite_cases[i].body);
        out = rewrite(rewrite_cases[i].body, rewrite_cases[i].betas, "");

        ok(out && strcmp(out, rewrite_cases[i].result) == 0,
           "rewritten %d: %s", (int) i, out ? out : "not");

        free(out);
    }
}


static const char *const  members[] = {
    "\"model\":\"m\"",
    "\"max_tokens\" : 7",
    "\"stream\":true",
    "\"messages\":[{\"output_config\":{},\"role\":\"user\",\"content\":"
        "[{\"cache_control\":{\"scope\":\"g\",\"type\":\"e\"}}]}]",
    "\"anthropic_version\":\"old\"",
    "\"anthropic_beta\":[\"x\"]",
    "\"unknown\":{\"model\":[{}],\"stream\":1}"
};

#define MEMBERS  7


/* what the rewritten body must be, by cJSON */
static cJSON *
expected(const char *body, bool betas)
{
    cJSON  *json, *message;

    json = cJSON_Parse(body);

    cJSON_DeleteItemFromObjectCaseSensitive(json, "model");
    cJSON_DeleteItemFromObjectCaseSensitive(json, "stream");
    cJSON_DeleteItemFromObjectCaseSensitive(json, "anthropic_version");
    cJSON_DeleteItemFromObjectCaseSensitive(json, "anthropic_beta");

    message = cJSON_GetArrayItem(
                  cJSON_GetObjectItemCaseSensitive(json, "messages"), 0);

    if (message) {
        cJSON_DeleteItemFromObjectCaseSensitive(message, "output_config");
        cJSON_DeleteItemFromObjectCaseSensitive(
            cJSON_GetObjectItemCaseSensitive(
                cJSON_GetArrayItem(
                    cJSON_GetObjectItemCaseSensitive(message, "content"), 0),
                "cache_control"),
            "scope");
    }

    cJSON_AddStringToObject(json, "anthropic_version", "v");

    if (betas) {
        cJSON_AddItemToArray(cJSON_AddArrayToObject(json, "anthropic_beta"),
                             cJSON_CreateString("b"));
    }

    if (!cJSON_GetObjectItemCaseSensitive(json, "max_tokens")) {
        cJSON_AddNumberToObject(json, "max_tokens", 1);
    }

    return json;
}


static bool
rewritten_well(const char *body, bool betas, size_t step)
{
    bool    same;
    char   *out;
    cJSON  *want, *got;

    read_body(COUNT, body, strlen(body), step);

    out = rewrite(body, betas ? "b" : "", "v");
    want = expected(body, betas);
    got = out ? cJSON_ParseWithOpts(out, NULL, true) : NULL;
    same = got && cJSON_Compare(want, got, true)
           && cJSON_GetArraySize(want) == cJSON_GetArraySize(got);

    if (!same) {
        printf("# %s\n# -> %s\n", body, out);
    }

    cJSON_Delete(want);
    cJSON_Delete(got);
    free(out);

    return same;
}


static int  tried, failed;


static void
permute(const int *order, int n)
{
    int     i, style;
    char    body[1024];
    size_t  len;

    static const char *const  open[] = { "{", " { " };
    static const char *const  comma[] = { ",", " ,\n " };
    static const char *const  close[] = { "}", "\n}\n" };

    for (style = 0; style < 2; style++) {
        len = (size_t) sprintf(body, "%s", open[style]);

        for (i = 0; i < n; i++) {
            len += (size_t) sprintf(body + len, "%s%s",
                                    i ? comma[style] : "", members[order[i]]);
        }

        sprintf(body + len, "%s", close[style]);

        tried++;
        failed += !rewritten_well(body, tried & 1, tried % 5);
    }
}


static void
orders(int *order, int n, unsigned used)
{
    int  i;

    permute(order, n);

    for (i = 0; i < MEMBERS; i++) {
        if (!(used & (1u << i))) {
            order[n] = i;
            orders(order, n + 1, used | (1u << i));
        }
    }
}


static void
brute_force(void)
{
    int  order[MEMBERS];

    orders(order, 0, 0);

    ok(failed == 0 && tried == 2 * 13700,
       "%d bodies of all subsets and orders, %d wrong", tried, failed);
}


/* more cuts than there is room for: those of the top object still happen */
static void
many_cuts(void)
{
    int     i;
    char   *body, *p, *out;
    cJSON  *json;

    body = malloc(600 * 64 + 256);
    p = body + sprintf(body, "{\"model\":\"m\",\"max_tokens\":1,"
                             "\"messages\":[");

    for (i = 0; i < 600; i++) {
        p += sprintf(p, "%s{\"role\":\"system\",\"output_config\":{}}",
                     i ? "," : "");
    }

    sprintf(p, "],\"stream\":true,\"x\":1,\"speed\":2}");

    ok(read_body(MESSAGES, body, strlen(body), 0) == LLM_OK, "600 cuts");

    out = rewrite(body, "", "v");
    json = cJSON_Parse(out);

    ok(json && cJSON_GetObjectItem(json, "model") == NULL
       && cJSON_GetObjectItem(json, "stream") == NULL
       && cJSON_GetObjectItem(json, "speed") == NULL
       && cJSON_GetObjectItem(json, "x") != NULL,
       "the top object's are all done");

    cJSON_Delete(json);
    free(out);
    free(body);
}


static void
sample(const char *name)
{
    llm_str_t  body;
    llm_api_t  api;

    if (strncmp(name, "converse-", 9) == 0) {
        api = CONVERSE;

    } else if (strncmp(name, "invoke-", 7) == 0) {
        api = INVOKE;

    } else if (strncmp(name, "openai-chat", 11) == 0) {
        api = CHAT;

    } else if (strcmp(name, "anthropic-stream") == 0
               || strcmp(name, "anthropic-cache-write") == 0)
    {
        api = MESSAGES;

    } else {
        return;
    }

    body = vector_read("samples/%s/request.json", name);

    if (body.data == NULL) {
        return;
    }

    ok(reads(api, body.data) == LLM_OK, "%s is read, max_tokens %d", name,
       (int) envelope.max_tokens);

    vector_free(body);
}


int
main(void)
{
    anthropic();
    anthropic_errors();
    long_values();
    most_tokens();
    media();
    rewrites();
    brute_force();
    many_cuts();

    vector_list("samples", sample);

    return plan_done();
}
