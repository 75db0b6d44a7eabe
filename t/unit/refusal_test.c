/*
 * Refusals: status, headers and body in every dialect, for every reason.
 */

#include <cjson/cJSON.h>
#include <strings.h>

#include "dialects/refusal.h"
#include "tap.h"


#define BEDROCK    LLM_DIALECT_BEDROCK
#define ANTHROPIC  LLM_DIALECT_ANTHROPIC
#define OPENAI     LLM_DIALECT_OPENAI


static llm_reply_t    reply;
static llm_refusal_t  refusal;
static cJSON         *body;


static void
render(llm_dialect_t dialect)
{
    llm_buf_free(&reply.body);
    cJSON_Delete(body);

    llm_refusal_render(&reply, dialect, &refusal);

    body = cJSON_ParseWithLength(reply.body.data, reply.body.len);
}


static const char *
header(const char *name)
{
    size_t  i;

    for (i = 0; i < reply.nheaders; i++) {
        if (strcasecmp(reply.headers[i].name, name) == 0) {
            return reply.headers[i].value;
        }
    }

    return "-";
}


static bool
has_header(const char *name, const char *value)
{
    if (strcmp(header(name), value) == 0) {
        return true;
    }

    printf("# %s: %s\n", name, header(name));

    return false;
}


/* "error.details.scope" */
static cJSON *
at(const char *path)
{
    char    part[64];
    size_t  n;
    cJSON  *json;

    for (json = body; json && *path; path += n + (path[n] == '.')) {
        n = strcspn(path, ".");
        snprintf(part, sizeof(part), "%.*s", (int) n, path);
        json = cJSON_GetObjectItemCaseSensitive(json, part);
    }

    return json;
}


static bool
text_is(const char *path, const char *want)
{
    const char  *text;

    text = cJSON_GetStringValue(at(path));

    if (text && strcmp(text, want) == 0) {
        return true;
    }

    printf("# %s: %s\n", path, text ? text : "none");

    return false;
}


static bool
number_is(const char *path, double want)
{
    return cJSON_IsNumber(at(path)) && at(path)->valuedouble == want;
}


static void
budget_case(void)
{
    memset(&refusal, 0, sizeof(refusal));

    refusal.reason = LLM_REFUSE_BUDGET;
    refusal.scope = llm_str("virtual key");
    refusal.account = llm_str("staging-key");
    refusal.window = llm_str("1w");
    refusal.limit = 500000000000;
    refusal.spent = 499980000000;
    refusal.held = 50000000;
    refusal.need = 20000000;
    refusal.reset_ms = 1796083200000;       /* 2026-12-01 */
    refusal.now_ms = 1796083200000 - 86400000 + 1;
    refusal.request_id = llm_str("req_1");
}


static void
budget(void)
{
    static const char  sentence[] =
        "Budget of virtual key \"staging-key\" is used up: $500 per week, "
        "$499.98 spent, $0.05 held by requests under way; "
        "resets 2026-12-01T00:00:00Z.";

    budget_case();
    render(ANTHROPIC);

    ok(reply.status == 402 && text_is("type", "error")
       && text_is("error.type", "billing_error")
       && text_is("error.message", sentence)
       && text_is("request_id", "req_1"), "anthropic: budget");
    ok(text_is("error.details.error_code", "enforced_spend_limit_reached")
       && text_is("error.details.scope", "virtual key")
       && text_is("error.details.account", "staging-key")
       && text_is("error.details.window", "1w")
       && text_is("error.details.reset_at", "2026-12-01T00:00:00Z")
       && number_is("error.details.limit", 500)
       && number_is("error.details.spent", 499.98)
       && number_is("error.details.held", 0.05), "anthropic: details");
    ok(has_header("request-id", "req_1")
       && has_header("x-should-retry", "false")
       && has_header("Retry-After", "86400"), "anthropic: headers");

    render(OPENAI);

    ok(reply.status == 402 && text_is("error.type", "insufficient_quota")
       && text_is("error.code", "budget_exceeded")
       && text_is("error.message", sentence)
       && number_is("error.details.limit", 500)
       && has_header("x-request-id", "req_1")
       && has_header("x-should-retry", "false"), "openai: budget");

    render(BEDROCK);

    ok(reply.status == 400 && text_is("message", sentence)
       && number_is("details.spent", 499.98)
       && text_is("request_id", "req_1")
       && has_header("x-amzn-errortype", "ServiceQuotaExceededException")
       && has_header("x-amzn-requestid", "req_1")
       && has_header("x-should-retry", "false")
       && has_header("Retry-After", "86400"), "bedrock: budget");
}


static void
budget_status(void)
{
    size_t  i;

    static const struct {
        unsigned     status;
        const char  *anthropic;
        const char  *bedrock;
    } cases[] = {
        { 400, "invalid_request_error", "ServiceQuotaExceededException" },
        { 402, "billing_error", "ServiceQuotaExceededException" },
        { 403, "permission_error", "AccessDeniedException" },
        { 429, "rate_limit_error", "ServiceQuotaExceededException" }
    };

    budget_case();

    for (i = 0; i < 4; i++) {
        refusal.budget_status = cases[i].status;

        render(ANTHROPIC);
        ok(reply.status == cases[i].status
           && text_is("error.type", cases[i].anthropic)
           && text_is("error.details.error_code",
                      "enforced_spend_limit_reached")
           && has_header("x-should-retry", "false"),
           "anthropic: budget by %u", cases[i].status);

        render(OPENAI);
        ok(reply.status == cases[i].status
           && text_is("error.code", "budget_exceeded"),
           "openai: budget by %u", cases[i].status);

        render(BEDROCK);
        ok(reply.status == cases[i].status
           && has_header("x-amzn-errortype", cases[i].bedrock),
           "bedrock: budget by %u", cases[i].status);
    }
}


static void
budget_kinds(void)
{
    budget_case();
    refusal.spent = 1000000000;
    refusal.need = 600000000000;
    refusal.window = llm_str("");
    refusal.reset_ms = 0;
    render(ANTHROPIC);

    ok(text_is("error.message",
               "Budget of virtual key \"staging-key\" has no room for this "
               "request: $500 in all, $1 spent, $0.05 held by requests under "
               "way, up to $600 needed.")
       && cJSON_IsNull(at("error.details.reset_at"))
       && has_header("Retry-After", "-")
       && has_header("x-should-retry", "false"),
       "a hard budget without a window");

    budget_case();
    refusal.account = llm_str("a\"b\r\nx: y\\\xff");
    render(BEDROCK);

    ok(body && text_is("details.account", "a\"b\r\nx: y\\\xef\xbf\xbd"),
       "a name of any bytes stays inside its string");
}


typedef struct {
    llm_refusal_reason_t   reason;
    const char            *window;
    const char            *sentence;
    const char            *openai;
} limit_case_t;


static const limit_case_t  limit_cases[] = {
    { LLM_REFUSE_REQUESTS, "1h",
      "Request limit of team \"web\" is reached: 500 requests per hour, "
      "497 used, 3 held by requests under way; "
      "resets 2026-12-01T00:00:00Z.", "requests" },
    { LLM_REFUSE_TOKENS, "5m",
      "Token limit of team \"web\" is reached: 500 tokens per 5 minutes, "
      "497 used, 3 held by requests under way; "
      "resets 2026-12-01T00:00:00Z.", "tokens" },
    { LLM_REFUSE_INPUT_TOKENS, "1M",
      "Input token limit of team \"web\" is reached: 500 input tokens per "
      "month, 497 used, 3 held by requests under way; "
      "resets 2026-12-01T00:00:00Z.", "tokens" },
    { LLM_REFUSE_OUTPUT_TOKENS, "1Y",
      "Output token limit of team \"web\" is reached: 500 output tokens per "
      "year, 497 used, 3 held by requests under way; "
      "resets 2026-12-01T00:00:00Z.", "tokens" },
    { LLM_REFUSE_CONCURRENCY, "",
      "Concurrency limit of team \"web\" is reached: 500 requests at once, "
      "500 under way.", "requests" }
};


static void
limits(void)
{
    size_t               i;
    const limit_case_t  *c;

    for (i = 0; i < sizeof(limit_cases) / sizeof(limit_cases[0]); i++) {
        c = &limit_cases[i];

        budget_case();
        refusal.reason = c->reason;
        refusal.scope = llm_str("team");
        refusal.account = llm_str("web");
        refusal.window = (llm_str_t) { c->window, strlen(c->window) };
        refusal.limit = 500;
        refusal.spent = 497;
        refusal.held = 3;
        refusal.need = 1;

        if (c->reason == LLM_REFUSE_CONCURRENCY) {
            refusal.reset_ms = 0;

        } else {
            refusal.now_ms = refusal.reset_ms - 2500;
        }

        render(ANTHROPIC);
        ok(reply.status == 429 && text_is("error.type", "rate_limit_error")
           && text_is("error.message", c->sentence)
           && number_is("error.details.limit", 500)
           && has_header("x-should-retry", "-")
           && has_header("Retry-After", refusal.reset_ms ? "3" : "1"),
           "anthropic: %s", c->sentence);

        render(OPENAI);
        ok(reply.status == 429 && text_is("error.type", c->openai)
           && text_is("error.code", "rate_limit_exceeded"), "openai: same");

        render(BEDROCK);
        ok(reply.status == 429
           && has_header("x-amzn-errortype", "ThrottlingException")
           && text_is("message", c->sentence), "bedrock: same");
    }

    refusal.retry_after = 7;
    render(BEDROCK);
    ok(has_header("Retry-After", "7"), "the caller's Retry-After goes first");
}


typedef struct {
    llm_refusal_reason_t   reason;
    unsigned               statuses[3];     /* Anthropic, OpenAI, Bedrock */
    const char            *names[3];
} other_case_t;


static const other_case_t  other_cases[] = {
    { LLM_REFUSE_NO_KEY, { 401, 401, 403 },
      { "authentication_error", "invalid_api_key",
        "MissingAuthenticationTokenException" } },
    { LLM_REFUSE_UNKNOWN_KEY, { 401, 401, 403 },
      { "authentication_error", "invalid_api_key",
        "UnrecognizedClientException" } },
    { LLM_REFUSE_BAD_SIGNATURE, { 401, 401, 403 },
      { "authentication_error", "invalid_api_key",
        "InvalidSignatureException" } },
    { LLM_REFUSE_CLOCK_SKEW, { 401, 401, 403 },
      { "authentication_error", "invalid_api_key",
        "InvalidSignatureException" } },
    { LLM_REFUSE_MODEL_NOT_ALLOWED, { 403, 403, 403 },
      { "permission_error", "model_not_allowed", "AccessDeniedException" } },
    { LLM_REFUSE_NO_CANDIDATE, { 403, 403, 403 },
      { "permission_error", "no_candidate", "AccessDeniedException" } },
    { LLM_REFUSE_UNPRICED, { 403, 403, 403 },
      { "permission_error", "model_unpriced", "AccessDeniedException" } },
    { LLM_REFUSE_NO_PROVIDER, { 529, 503, 503 },
      { "overloaded_error", "no_provider", "ServiceUnavailableException" } },
    { LLM_REFUSE_BAD_REQUEST, { 400, 400, 400 },
      { "invalid_request_error", "invalid_request", "ValidationException" } },
    { LLM_REFUSE_NOT_FOUND, { 404, 404, 404 },
      { "not_found_error", "not_found", "ResourceNotFoundException" } },
    { LLM_REFUSE_METHOD, { 405, 405, 405 },
      { "invalid_request_error", "method_not_allowed",
        "ValidationException" } },
    { LLM_REFUSE_TOO_LARGE, { 413, 413, 413 },
      { "request_too_large", "request_too_large", "ValidationException" } },
    { LLM_REFUSE_ENCODING, { 415, 415, 415 },
      { "invalid_request_error", "encoding_unsupported",
        "ValidationException" } },
    { LLM_REFUSE_TOO_BUSY, { 429, 429, 429 },
      { "rate_limit_error", "rate_limit_exceeded", "ThrottlingException" } },
    { LLM_REFUSE_LEDGER, { 429, 429, 429 },
      { "rate_limit_error", "rate_limit_exceeded", "ThrottlingException" } }
};


static void
others(void)
{
    size_t               i;
    llm_str_t            name;
    const other_case_t  *c;

    for (i = 0; i < sizeof(other_cases) / sizeof(other_cases[0]); i++) {
        c = &other_cases[i];
        name = llm_refusal_name(c->reason);

        memset(&refusal, 0, sizeof(refusal));
        refusal.reason = c->reason;
        refusal.allow = "POST";

        render(ANTHROPIC);
        ok(reply.status == c->statuses[0]
           && text_is("error.type", c->names[0])
           && strlen(cJSON_GetStringValue(at("error.message"))) > 10
           && at("request_id") == NULL
           && has_header("Allow", c->reason == LLM_REFUSE_METHOD
                                      ? "POST" : "-"),
           "anthropic: %.*s", (int) name.len, name.data);

        render(OPENAI);
        ok(reply.status == c->statuses[1]
           && text_is("error.code", c->names[1]),
           "openai: %.*s", (int) name.len, name.data);

        refusal.message = llm_str("max_tokens is required");
        render(BEDROCK);
        ok(reply.status == c->statuses[2]
           && has_header("x-amzn-errortype", c->names[2])
           && text_is("message", "max_tokens is required"),
           "bedrock: %.*s", (int) name.len, name.data);
    }
}


static void
names(void)
{
    int        i, j, bad;
    llm_str_t  a;

    for (bad = 0, i = 0; i < LLM_REFUSE_REASONS; i++) {
        a = llm_refusal_name(i);

        for (j = 0; j < i; j++) {
            bad += llm_str_eq(a, llm_refusal_name(j));
        }
    }

    ok(bad == 0 && llm_str_eq(llm_refusal_name(LLM_REFUSE_BUDGET),
                              llm_str("budget"))
       && llm_str_eq(llm_refusal_name(LLM_REFUSE_REASONS),
                     llm_str("unknown")), "names are distinct");
}


static void
injection(void)
{
    char  id[200];

    memset(id, 'i', sizeof(id));
    memcpy(id, "a\r\nX-Evil: 1\x80\0", 15);

    budget_case();
    refusal.request_id.data = id;
    refusal.request_id.len = sizeof(id);
    render(ANTHROPIC);

    ok(strlen(header("request-id")) == sizeof(reply.headers[0].value) - 1
       && strpbrk(header("request-id"), "\r\n\x80") == NULL,
       "a request id ends no header line");
}


int
main(void)
{
    budget();
    budget_status();
    budget_kinds();
    limits();
    others();
    names();
    injection();

    llm_buf_free(&reply.body);
    cJSON_Delete(body);

    return plan_done();
}
