/*
 * Paths of each dialect, and %-encoding.
 */

#include "dialects/api.h"
#include "tap.h"


typedef struct {
    llm_dialect_t   dialect;
    const char     *method;
    const char     *path;
    int             rc;
    llm_api_t       api;
    bool            stream;
    const char     *model;
    const char     *allow;
} path_case_t;


#define BEDROCK    LLM_DIALECT_BEDROCK
#define ANTHROPIC  LLM_DIALECT_ANTHROPIC
#define OPENAI     LLM_DIALECT_OPENAI
#define NONE       LLM_API_NONE


static const path_case_t  cases[] = {
    { BEDROCK, "POST", "/model/anthropic.claude-3-haiku-20240307-v1:0/invoke",
      LLM_OK, LLM_API_BEDROCK_INVOKE, false,
      "anthropic.claude-3-haiku-20240307-v1:0", NULL },
    { BEDROCK, "POST",
      "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse",
      LLM_OK, LLM_API_BEDROCK_CONVERSE, false,
      "anthropic.claude-3-haiku-20240307-v1%3A0", NULL },
    { BEDROCK, "POST", "/model/m/invoke-with-response-stream",
      LLM_OK, LLM_API_BEDROCK_INVOKE_STREAM, true, "m", NULL },
    { BEDROCK, "POST", "/model/m/converse-stream",
      LLM_OK, LLM_API_BEDROCK_CONVERSE_STREAM, true, "m", NULL },
    { BEDROCK, "POST", "/model/m/count-tokens",
      LLM_OK, LLM_API_BEDROCK_COUNT_TOKENS, false, "m", NULL },
    { BEDROCK, "POST",
      "/model/arn:aws:bedrock:us-east-1:1:inference-profile/us.x/converse",
      LLM_OK, LLM_API_BEDROCK_CONVERSE, false,
      "arn:aws:bedrock:us-east-1:1:inference-profile/us.x", NULL },
    { BEDROCK, "POST",
      "/model/arn%3Aaws%3Abedrock%3A%3A1%3Ainference-profile%2Fus.x/converse",
      LLM_OK, LLM_API_BEDROCK_CONVERSE, false,
      "arn%3Aaws%3Abedrock%3A%3A1%3Ainference-profile%2Fus.x", NULL },
    { BEDROCK, "POST", "/model/invoke/invoke",
      LLM_OK, LLM_API_BEDROCK_INVOKE, false, "invoke", NULL },
    { BEDROCK, "POST", "/model/m/invoke?x=/y",
      LLM_OK, LLM_API_BEDROCK_INVOKE, false, "m", NULL },
    { BEDROCK, "GET", "/model/m/invoke", LLM_ERROR, LLM_API_BEDROCK_INVOKE,
      false, "m", "POST" },
    { BEDROCK, "POST", "/model//invoke", LLM_ERROR, NONE, false, "", NULL },
    { BEDROCK, "POST", "/model/invoke", LLM_ERROR, NONE, false, "", NULL },
    { BEDROCK, "POST", "/model/", LLM_ERROR, NONE, false, "", NULL },
    { BEDROCK, "POST", "/model", LLM_ERROR, NONE, false, "", NULL },
    { BEDROCK, "POST", "/model/m/invoke/", LLM_ERROR, NONE, false, "", NULL },
    { BEDROCK, "POST", "/model/m/Invoke", LLM_ERROR, NONE, false, "", NULL },
    { BEDROCK, "POST", "/model/m/other", LLM_ERROR, NONE, false, "", NULL },
    { BEDROCK, "GET", "/inference-profiles", LLM_ERROR, NONE, false, "",
      NULL },
    { BEDROCK, "POST", "", LLM_ERROR, NONE, false, "", NULL },
    { BEDROCK, "POST", "?", LLM_ERROR, NONE, false, "", NULL },

    { ANTHROPIC, "POST", "/v1/messages", LLM_OK, LLM_API_ANTHROPIC_MESSAGES,
      false, "", NULL },
    { ANTHROPIC, "POST", "/v1/messages?beta=true", LLM_OK,
      LLM_API_ANTHROPIC_MESSAGES, false, "", NULL },
    { ANTHROPIC, "POST", "/v1/messages/count_tokens", LLM_OK,
      LLM_API_ANTHROPIC_COUNT_TOKENS, false, "", NULL },
    { ANTHROPIC, "GET", "/v1/models", LLM_OK, LLM_API_ANTHROPIC_MODELS,
      false, "", NULL },
    { ANTHROPIC, "HEAD", "/v1/models/?limit=1000", LLM_OK,
      LLM_API_ANTHROPIC_MODELS, false, "", NULL },
    { ANTHROPIC, "GET", "/v1/models/claude-opus-5-5", LLM_OK,
      LLM_API_ANTHROPIC_MODELS, false, "claude-opus-5-5", NULL },
    { ANTHROPIC, "POST", "/v1/models", LLM_ERROR, LLM_API_ANTHROPIC_MODELS,
      false, "", "GET, HEAD" },
    { ANTHROPIC, "GET", "/v1/messages", LLM_ERROR,
      LLM_API_ANTHROPIC_MESSAGES, false, "", "POST" },
    { ANTHROPIC, "GET", "/v1/modelsx", LLM_ERROR, NONE, false, "", NULL },
    { ANTHROPIC, "POST", "/v1/messages/batches", LLM_ERROR, NONE, false, "",
      NULL },
    { ANTHROPIC, "HEAD", "/api/hello", LLM_ERROR, NONE, false, "", NULL },

    { OPENAI, "POST", "/v1/chat/completions", LLM_OK, LLM_API_OPENAI_CHAT,
      false, "", NULL },
    { OPENAI, "POST", "/openai/v1/responses", LLM_OK,
      LLM_API_OPENAI_RESPONSES, false, "", NULL },
    { OPENAI, "POST", "/v1/embeddings", LLM_OK, LLM_API_OPENAI_EMBEDDINGS,
      false, "", NULL },
    { OPENAI, "DELETE", "/v1/embeddings", LLM_ERROR,
      LLM_API_OPENAI_EMBEDDINGS, false, "", "POST" },
    { OPENAI, "GET", "/v1/models", LLM_ERROR, NONE, false, "", NULL },
    { 0, "GET", "/v1/models", LLM_ERROR, NONE, false, "", NULL }
};


static llm_str_t
text(const char *s)
{
    return (llm_str_t) { s, strlen(s) };
}


static void
paths(void)
{
    int                 rc;
    size_t              i;
    llm_path_t          path;
    const path_case_t  *c;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        c = &cases[i];

        rc = llm_path_parse(c->dialect, text(c->method), text(c->path),
                            &path);

        ok(rc == c->rc && path.api == c->api && path.stream == c->stream
           && llm_str_eq(path.model, text(c->model))
           && (path.allow == NULL) == (c->allow == NULL)
           && (c->allow == NULL || strcmp(c->allow, path.allow) == 0),
           "%s %s", c->method, c->path);
    }
}


static void
decoding(void)
{
    char    out[64];
    long    n;
    size_t  i;

    static const char *const  broken[] = {
        "%", "%3", "a%3", "%zz", "%3g", "%00", "%0a", "a\nb", "%7f", "\x7f"
    };

    n = llm_percent_decode(llm_str("a%3Ab%2fc%20d+e"), out);

    ok(n == 9 && memcmp(out, "a:b/c d+e", 9) == 0, "decodes");

    ok(llm_percent_decode(llm_str(""), out) == 0, "decodes nothing");

    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        ok(llm_percent_decode(text(broken[i]), out) == -1,
           "broken encoding %d is refused", (int) i);
    }
}


static void
encoding(void)
{
    int     i;
    char    all[256], out[768], back[768];
    long    m;
    size_t  n;

    n = llm_percent_encode(llm_str("arn:aws/x-1.0_~ %"), out);

    ok(n == 25 && memcmp(out, "arn%3Aaws%2Fx-1.0_~%20%25", 25) == 0,
       "encodes what is reserved");

    for (i = 0; i < 256 - 32; i++) {
        all[i] = (char) (i + 32);
    }

    all[127 - 32] = 'x';

    n = llm_percent_encode((llm_str_t) { all, 224 }, out);
    m = llm_percent_decode((llm_str_t) { out, n }, back);

    ok(m == 224 && memcmp(all, back, 224) == 0, "encoding undone is the text");
}


static void
names(void)
{
    ok(llm_str_eq(llm_dialect_name(LLM_DIALECT_ANTHROPIC),
                  llm_str("anthropic"))
       && llm_str_eq(llm_dialect_name(LLM_DIALECT_BEDROCK),
                     llm_str("bedrock"))
       && llm_str_eq(llm_dialect_name(LLM_DIALECT_OPENAI),
                     llm_str("openai")), "names of dialects");

    ok(llm_str_eq(llm_api_name(LLM_API_BEDROCK_CONVERSE_STREAM),
                  llm_str("converse-stream"))
       && llm_str_eq(llm_api_name(LLM_API_NONE), llm_str("none")),
       "names of operations");
}


int
main(void)
{
    paths();
    decoding();
    encoding();
    names();

    return plan_done();
}
