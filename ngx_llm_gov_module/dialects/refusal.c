/*
 * Refusals in the shape of each dialect.  Which status stops a client at once
 * and which makes it come back was measured with the vendors' own clients
 * (design, section 9): 402 and 400 are tried once, a plain 429 again and
 * again.
 */

#include <stdio.h>

#include "refusal_text.h"


/* seconds that a client may be asked to wait and try again by itself */
#define LLM_REFUSAL_PATIENCE    60

#define LLM_REFUSAL_BODY_LIMIT  (64 * 1024)


typedef struct {
    unsigned     status;
    const char  *type;          /* error.type, or x-amzn-errortype */
    const char  *code;          /* OpenAI's error.code, Anthropic's
                                   details.error_code */
} llm_refusal_shape_t;


typedef struct {
    const char           *name;
    bool                  passing;      /* worth trying again */
    llm_refusal_shape_t   anthropic;
    llm_refusal_shape_t   openai;
    llm_refusal_shape_t   bedrock;
} llm_refusal_kind_t;


static const llm_refusal_kind_t  llm_refusal_kinds[LLM_REFUSE_REASONS] = {

    [LLM_REFUSE_NO_KEY] = { "no_key", false,
        { 401, "authentication_error", NULL },
        { 401, "invalid_request_error", "invalid_api_key" },
        { 403, "MissingAuthenticationTokenException", NULL } },

    [LLM_REFUSE_UNKNOWN_KEY] = { "unknown_key", false,
        { 401, "authentication_error", NULL },
        { 401, "invalid_request_error", "invalid_api_key" },
        { 403, "UnrecognizedClientException", NULL } },

    [LLM_REFUSE_BAD_SIGNATURE] = { "bad_signature", false,
        { 401, "authentication_error", NULL },
        { 401, "invalid_request_error", "invalid_api_key" },
        { 403, "InvalidSignatureException", NULL } },

    /* AWS's SDKs set their clock by our Date and sign again */
    [LLM_REFUSE_CLOCK_SKEW] = { "clock_skew", true,
        { 401, "authentication_error", NULL },
        { 401, "invalid_request_error", "invalid_api_key" },
        { 403, "InvalidSignatureException", NULL } },

    [LLM_REFUSE_MODEL_NOT_ALLOWED] = { "model_not_allowed", false,
        { 403, "permission_error", NULL },
        { 403, "invalid_request_error", "model_not_allowed" },
        { 403, "AccessDeniedException", NULL } },

    [LLM_REFUSE_NO_CANDIDATE] = { "no_candidate", false,
        { 403, "permission_error", NULL },
        { 403, "invalid_request_error", "no_candidate" },
        { 403, "AccessDeniedException", NULL } },

    [LLM_REFUSE_UNPRICED] = { "unpriced", false,
        { 403, "permission_error", NULL },
        { 403, "invalid_request_error", "model_unpriced" },
        { 403, "AccessDeniedException", NULL } },

    [LLM_REFUSE_BUDGET] = { "budget", false,
        { 402, "billing_error", NULL },
        { 402, "insufficient_quota", "budget_exceeded" },
        { 400, "ServiceQuotaExceededException", NULL } },

    [LLM_REFUSE_REQUESTS] = { "requests", true,
        { 429, "rate_limit_error", NULL },
        { 429, "requests", "rate_limit_exceeded" },
        { 429, "ThrottlingException", NULL } },

    [LLM_REFUSE_TOKENS] = { "tokens", true,
        { 429, "rate_limit_error", NULL },
        { 429, "tokens", "rate_limit_exceeded" },
        { 429, "ThrottlingException", NULL } },

    [LLM_REFUSE_INPUT_TOKENS] = { "input_tokens", true,
        { 429, "rate_limit_error", NULL },
        { 429, "tokens", "rate_limit_exceeded" },
        { 429, "ThrottlingException", NULL } },

    [LLM_REFUSE_OUTPUT_TOKENS] = { "output_tokens", true,
        { 429, "rate_limit_error", NULL },
        { 429, "tokens", "rate_limit_exceeded" },
        { 429, "ThrottlingException", NULL } },

    [LLM_REFUSE_CONCURRENCY] = { "concurrency", true,
        { 429, "rate_limit_error", NULL },
        { 429, "requests", "rate_limit_exceeded" },
        { 429, "ThrottlingException", NULL } },

    [LLM_REFUSE_NO_PROVIDER] = { "no_provider", true,
        { 529, "overloaded_error", NULL },
        { 503, "server_error", "no_provider" },
        { 503, "ServiceUnavailableException", NULL } },

    [LLM_REFUSE_BAD_REQUEST] = { "bad_request", false,
        { 400, "invalid_request_error", NULL },
        { 400, "invalid_request_error", "invalid_request" },
        { 400, "ValidationException", NULL } },

    [LLM_REFUSE_NOT_FOUND] = { "not_found", false,
        { 404, "not_found_error", NULL },
        { 404, "invalid_request_error", "not_found" },
        { 404, "ResourceNotFoundException", NULL } },

    [LLM_REFUSE_METHOD] = { "method", false,
        { 405, "invalid_request_error", NULL },
        { 405, "invalid_request_error", "method_not_allowed" },
        { 405, "ValidationException", NULL } },

    [LLM_REFUSE_TOO_LARGE] = { "too_large", false,
        { 413, "request_too_large", NULL },
        { 413, "invalid_request_error", "request_too_large" },
        { 413, "ValidationException", NULL } },

    [LLM_REFUSE_ENCODING] = { "encoding", false,
        { 415, "invalid_request_error", "request_body_encoding_unsupported" },
        { 415, "invalid_request_error", "encoding_unsupported" },
        { 415, "ValidationException", NULL } },

    [LLM_REFUSE_TOO_BUSY] = { "too_busy", true,
        { 429, "rate_limit_error", NULL },
        { 429, "requests", "rate_limit_exceeded" },
        { 429, "ThrottlingException", NULL } },

    [LLM_REFUSE_LEDGER] = { "ledger", true,
        { 429, "rate_limit_error", NULL },
        { 429, "requests", "rate_limit_exceeded" },
        { 429, "ThrottlingException", NULL } }
};


llm_str_t
llm_refusal_name(llm_refusal_reason_t reason)
{
    llm_str_t  name;

    if ((unsigned) reason >= LLM_REFUSE_REASONS) {
        return llm_str("unknown");
    }

    name.data = llm_refusal_kinds[reason].name;
    name.len = strlen(name.data);

    return name;
}


/* an operator's own status for budgets takes the name that fits it */
static void
llm_refusal_budget_shape(llm_refusal_shape_t *shape, llm_dialect_t dialect,
    unsigned status)
{
    if (status == 0 || status == shape->status) {
        return;
    }

    shape->status = status;

    if (dialect == LLM_DIALECT_ANTHROPIC) {
        shape->type = status == 429 ? "rate_limit_error"
                      : status == 403 ? "permission_error"
                      : status == 400 ? "invalid_request_error"
                      : "billing_error";

    } else if (dialect == LLM_DIALECT_BEDROCK && status == 403) {
        /* modelled for every operation, so SDKs raise a typed error */
        shape->type = "AccessDeniedException";
    }
}


static llm_refusal_shape_t
llm_refusal_shape(llm_dialect_t dialect, const llm_refusal_t *refusal)
{
    llm_refusal_shape_t        shape;
    const llm_refusal_kind_t  *kind;

    kind = &llm_refusal_kinds[refusal->reason];

    shape = dialect == LLM_DIALECT_ANTHROPIC ? kind->anthropic
            : dialect == LLM_DIALECT_OPENAI ? kind->openai : kind->bedrock;

    if (refusal->reason == LLM_REFUSE_BUDGET) {
        llm_refusal_budget_shape(&shape, dialect, refusal->budget_status);
    }

    return shape;
}


/* adds a header; what could end a header line early is replaced */
static void
llm_refusal_header(llm_reply_t *reply, const char *name, llm_str_t value)
{
    char    c, *dst;
    size_t  i, n, max;

    n = reply->nheaders;

    if (n == sizeof(reply->headers) / sizeof(reply->headers[0])) {
        return;
    }

    dst = reply->headers[n].value;
    max = sizeof(reply->headers[n].value) - 1;

    for (i = 0; i < value.len && i < max; i++) {
        c = value.data[i];
        dst[i] = (c > 0x20 && c < 0x7f) || c == ' ' ? c : '_';
    }

    dst[i] = '\0';

    reply->headers[n].name = name;
    reply->nheaders++;
}


static void
llm_refusal_header_text(llm_reply_t *reply, const char *name,
    const char *value)
{
    llm_refusal_header(reply, name, (llm_str_t) { value, strlen(value) });
}


/* seconds until it makes sense to come back; 0: never, or not known */
static int64_t
llm_refusal_retry_after(const llm_refusal_t *refusal)
{
    if (refusal->retry_after) {
        return refusal->retry_after;
    }

    if (refusal->reset_ms > refusal->now_ms
        && llm_refusal_is_limit(refusal->reason))
    {
        return (refusal->reset_ms - refusal->now_ms + 999) / 1000;
    }

    if (refusal->reason != LLM_REFUSE_BUDGET
        && refusal->reason != LLM_REFUSE_CLOCK_SKEW
        && llm_refusal_kinds[refusal->reason].passing)
    {
        return 1;
    }

    return 0;
}


static void
llm_refusal_headers(llm_reply_t *reply, llm_dialect_t dialect,
    const llm_refusal_t *refusal, const llm_refusal_shape_t *shape)
{
    char        text[32];
    int64_t     seconds;

    if (refusal->request_id.len) {
        llm_refusal_header(reply, dialect == LLM_DIALECT_ANTHROPIC
                                      ? "request-id"
                                  : dialect == LLM_DIALECT_OPENAI
                                      ? "x-request-id" : "x-amzn-requestid",
                           refusal->request_id);
    }

    if (dialect == LLM_DIALECT_BEDROCK) {
        llm_refusal_header_text(reply, "x-amzn-errortype", shape->type);
    }

    seconds = llm_refusal_retry_after(refusal);

    /* some clients sleep for whatever Retry-After says: what takes that long is
     * better told at once */

    if (!llm_refusal_kinds[refusal->reason].passing
        || seconds > LLM_REFUSAL_PATIENCE)
    {
        llm_refusal_header_text(reply, "x-should-retry", "false");
    }

    if (seconds) {
        snprintf(text, sizeof(text), "%lld", (long long) seconds);
        llm_refusal_header_text(reply, "Retry-After", text);
    }

    if (refusal->reason == LLM_REFUSE_METHOD && refusal->allow) {
        llm_refusal_header_text(reply, "Allow", refusal->allow);
    }
}


static void
llm_refusal_body(llm_buf_t *out, llm_dialect_t dialect,
    const llm_refusal_t *refusal, const llm_refusal_shape_t *shape,
    llm_str_t sentence)
{
    if (dialect == LLM_DIALECT_ANTHROPIC) {
        llm_buf_printf(out, "{\"type\":\"error\",\"error\":{\"type\":\"%s\","
                       "\"message\":", shape->type);

    } else if (dialect == LLM_DIALECT_OPENAI) {
        llm_buf_printf(out, "{\"error\":{\"type\":\"%s\",\"param\":null,"
                       "\"code\":\"%s\",\"message\":",
                       shape->type, shape->code);

    } else {
        llm_buf_str(out, llm_str("{\"message\":"));
    }

    llm_buf_json_string(out, sentence);

    if (llm_refusal_is_limit(refusal->reason)) {
        llm_buf_str(out, llm_str(",\"details\":"));
        llm_refusal_details(out, refusal);

    } else if (dialect == LLM_DIALECT_ANTHROPIC && shape->code) {
        llm_buf_printf(out, ",\"details\":{\"error_code\":\"%s\"}",
                       shape->code);
    }

    if (dialect != LLM_DIALECT_BEDROCK) {
        llm_buf_str(out, llm_str("}"));
    }

    if (refusal->request_id.len) {
        llm_buf_str(out, llm_str(",\"request_id\":"));
        llm_buf_json_string(out, refusal->request_id);
    }

    llm_buf_str(out, llm_str("}"));
}


void
llm_refusal_render(llm_reply_t *reply, llm_dialect_t dialect,
    const llm_refusal_t *refusal)
{
    llm_buf_t            sentence;
    llm_refusal_shape_t  shape;

    memset(reply, 0, sizeof(llm_reply_t));

    llm_buf_init(&reply->body, LLM_REFUSAL_BODY_LIMIT);
    llm_buf_init(&sentence, LLM_REFUSAL_BODY_LIMIT / 8);

    shape = llm_refusal_shape(dialect, refusal);

    reply->status = shape.status;

    llm_refusal_headers(reply, dialect, refusal, &shape);

    llm_refusal_sentence(&sentence, refusal);
    llm_refusal_body(&reply->body, dialect, refusal, &shape,
                     (llm_str_t) { sentence.data, sentence.len });

    llm_buf_free(&sentence);
}
