/*
 * Providers' errors: how they are read, what is done about them, how an
 * Anthropic client is told.
 */

#include <cjson/cJSON.h>

#include "dialects/translate.h"
#include "tap.h"
#include "vectors.h"


#define PASS         LLM_VERDICT_PASS
#define FAILOVER     LLM_VERDICT_FAILOVER
#define THROTTLED    LLM_VERDICT_THROTTLED
#define DAY          LLM_VERDICT_THROTTLED_DAY
#define CREDENTIALS  LLM_VERDICT_CREDENTIALS
#define NO_ACCESS    LLM_VERDICT_NO_ACCESS
#define CLOCK        LLM_VERDICT_CLOCK
#define BETA         LLM_VERDICT_BETA


typedef struct {
    unsigned        status;
    const char     *header;
    const char     *body;
    const char     *type;
    const char     *message;
    llm_verdict_t   verdict;
    unsigned        to_status;
    const char     *to_type;
    const char     *to_message;     /* NULL: the same */
} error_case_t;


#define OWN_FAULT  "The provider refused the gateway's own credentials."
#define NO_MODEL   "The provider gives the gateway no access to this model."


static const error_case_t  cases[] = {
    { 400, "ValidationException:http://internal.amazon.com/coral/",
      "{\"message\":\"Too long.\"}", "ValidationException", "Too long.",
      PASS, 400, "invalid_request_error", NULL },
    { 400, "ValidationException", "{\"message\":\"Invalid Beta Flag\"}",
      "ValidationException", "Invalid Beta Flag",
      BETA, 400, "invalid_request_error", NULL },
    { 400, "ValidationException",
      "{\"message\":\"The provided model identifier is invalid.\"}",
      "ValidationException", "The provided model identifier is invalid.",
      NO_ACCESS, 400, "invalid_request_error", NULL },
    { 400, "", "{\"__type\":\"com.amazon.coral.validate#"
      "ValidationException\",\"Message\":\"x\\ty\"}", "ValidationException",
      "x y", PASS, 400, "invalid_request_error", NULL },
    { 400, "ServiceQuotaExceededException", "{\"message\":\"q\"}",
      "ServiceQuotaExceededException", "q",
      THROTTLED, 429, "rate_limit_error", NULL },
    { 401, "", "{\"message\":\"who\"}", "", "who",
      CREDENTIALS, 502, "api_error", OWN_FAULT },
    { 403, "ExpiredTokenException",
      "{\"message\":\"The security token included in the request is "
      "expired\"}", "ExpiredTokenException",
      "The security token included in the request is expired",
      CREDENTIALS, 502, "api_error", OWN_FAULT },
    { 403, "UnrecognizedClientException", "{\"message\":\"AKIA\"}",
      "UnrecognizedClientException", "AKIA",
      CREDENTIALS, 502, "api_error", OWN_FAULT },
    { 403, "InvalidSignatureException",
      "{\"message\":\"Signature expired: 1 is now earlier than 2\"}",
      "InvalidSignatureException",
      "Signature expired: 1 is now earlier than 2",
      CLOCK, 502, "api_error", OWN_FAULT },
    { 403, "RequestTimeTooSkewed", "", "RequestTimeTooSkewed", "",
      CLOCK, 502, "api_error", OWN_FAULT },
    { 403, "InvalidSignatureException",
      "{\"message\":\"The signature does not match.\\n\\nThe Canonical String "
      "for this request should have been\\n'POST\\nx-amz-security-token:"
      "secret'\"}", "InvalidSignatureException",
      "The signature does not match.",
      CREDENTIALS, 502, "api_error", OWN_FAULT },
    { 403, "SignatureDoesNotMatch", "{}", "SignatureDoesNotMatch", "",
      CREDENTIALS, 502, "api_error", OWN_FAULT },
    { 403, "AccessDeniedException",
      "{\"Message\":\"User: arn:aws:sts::123:role/x is not authorized\"}",
      "AccessDeniedException",
      "User: arn:aws:sts::123:role/x is not authorized",
      NO_ACCESS, 403, "permission_error", NO_MODEL },
    { 403, "AccessDeniedException",
      "{\"Message\":\"Bearer Token has expired\"}",
      "AccessDeniedException", "Bearer Token has expired",
      CREDENTIALS, 502, "api_error", OWN_FAULT },
    { 404, "ResourceNotFoundException", "{\"message\":\"eol\"}",
      "ResourceNotFoundException", "eol",
      NO_ACCESS, 404, "not_found_error", NULL },
    { 200, "", "{\"Output\":{\"__type\":\"com.amazon.coral.service#"
      "UnknownOperationException\"},\"Version\":\"1.0\"}",
      "UnknownOperationException", "",
      NO_ACCESS, 404, "not_found_error", "The provider has no such model." },
    { 408, "ModelTimeoutException", "{\"message\":\"t\"}",
      "ModelTimeoutException", "t", FAILOVER, 504, "timeout_error", NULL },
    { 424, "ModelErrorException", "{\"message\":\"m\"}",
      "ModelErrorException", "m", FAILOVER, 500, "api_error", NULL },
    { 429, "ThrottlingException",
      "{\"message\":\"Too many tokens, please wait\"}",
      "ThrottlingException", "Too many tokens, please wait",
      THROTTLED, 429, "rate_limit_error", NULL },
    { 429, "ThrottlingException",
      "{\"message\":\"Too many tokens per day\"}", "ThrottlingException",
      "Too many tokens per day", DAY, 429, "rate_limit_error", NULL },
    { 429, "ModelNotReadyException", "{\"message\":\"w\"}",
      "ModelNotReadyException", "w",
      THROTTLED, 429, "rate_limit_error", NULL },
    { 500, "InternalServerException", "{\"message\":\"i\"}",
      "InternalServerException", "i", FAILOVER, 500, "api_error", NULL },
    { 503, "ServiceUnavailableException", "{\"message\":\"s\"}",
      "ServiceUnavailableException", "s",
      FAILOVER, 529, "overloaded_error", NULL },
    { 502, "", "<html>Bad Gateway</html>", "", "",
      FAILOVER, 500, "api_error", "The provider failed." },
    { 504, "", "", "", "",
      FAILOVER, 504, "timeout_error", "The provider took too long." },
    { 413, "", "{\"message\":\"big\"}", "", "big",
      PASS, 413, "request_too_large", NULL },
    { 422, "", "{\"message\":\"odd\"}", "", "odd",
      PASS, 422, "invalid_request_error", NULL },
    { 529, "", "{\"type\":\"error\",\"error\":{\"type\":"
      "\"overloaded_error\",\"message\":\"Overloaded\"}}",
      "overloaded_error", "Overloaded",
      FAILOVER, 529, "overloaded_error", NULL },
    { 200, "", "{\"type\":\"message\"}", "", "", PASS, 404,
      "not_found_error", "The provider has no such model." }
};


static llm_str_t
text(const char *s)
{
    return (llm_str_t) { s, strlen(s) };
}


static bool
says(const llm_buf_t *out, const char *type, const char *message)
{
    bool    good;
    cJSON  *json, *error;

    json = cJSON_ParseWithLength(out->data, out->len);
    error = cJSON_GetObjectItem(json, "error");

    good = error
           && strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(json, "type")),
                     "error") == 0
           && strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(error, "type")),
                     type) == 0
           && strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(error,
                                                              "message")),
                     message) == 0
           && strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(json,
                                                              "request_id")),
                     "r\"1") == 0;

    cJSON_Delete(json);

    if (!good) {
        printf("# %.*s\n", (int) out->len, out->data);
    }

    return good;
}


static void
errors(void)
{
    size_t                i;
    unsigned              status;
    llm_buf_t             out;
    const error_case_t   *c;
    llm_upstream_error_t  error;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        c = &cases[i];

        llm_upstream_error_read(&error, c->status, text(c->header),
                                text(c->body));

        ok(error.status == c->status
           && llm_str_eq((llm_str_t) { error.type, error.type_len },
                         text(c->type))
           && llm_str_eq((llm_str_t) { error.message, error.message_len },
                         text(c->message)),
           "%u %s: read", c->status, c->type);

        ok(llm_upstream_verdict(&error) == c->verdict,
           "%u %s: verdict %d", c->status, c->message,
           (int) llm_upstream_verdict(&error));

        llm_buf_init(&out, 65536);
        llm_anthropic_upstream_error(&out, &status, &error,
                                     llm_str("r\"1"));

        ok(status == c->to_status
           && says(&out, c->to_type, c->to_message ? c->to_message
                                                   : c->message),
           "%u %s: told as %u %s", c->status, c->type, status, c->to_type);

        llm_buf_free(&out);
    }
}


static void
frames(void)
{
    size_t                i;
    llm_buf_t             out;
    llm_frame_t           frame;
    llm_upstream_error_t  error;

    static const struct {
        const char     *type;
        const char     *name;
        unsigned        status;
        llm_verdict_t   verdict;
    } types[] = {
        { "throttlingException", "ThrottlingException", 429, THROTTLED },
        { "internalServerException", "InternalServerException", 500,
          FAILOVER },
        { "modelStreamErrorException", "ModelStreamErrorException", 424,
          FAILOVER },
        { "modelTimeoutException", "ModelTimeoutException", 408, FAILOVER },
        { "validationException", "ValidationException", 400, PASS },
        { "serviceUnavailableException", "ServiceUnavailableException", 503,
          FAILOVER },
        { "InternalError", "InternalError", 500, FAILOVER },
        { "", "", 500, FAILOVER }
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        memset(&frame, 0, sizeof(frame));
        frame.kind = LLM_FRAME_EXCEPTION;
        frame.type = text(types[i].type);
        frame.payload = llm_str("{\"message\":\"m\",\"originalMessage\":"
                                "\"o\",\"originalStatusCode\":500}");

        llm_upstream_error_from_frame(&error, &frame);

        ok(error.status == types[i].status
           && llm_str_eq((llm_str_t) { error.type, error.type_len },
                         text(types[i].name))
           && llm_str_eq((llm_str_t) { error.message, error.message_len },
                         llm_str("m"))
           && llm_upstream_verdict(&error) == types[i].verdict,
           "frame %s", types[i].type);
    }

    memset(&frame, 0, sizeof(frame));
    frame.kind = LLM_FRAME_ERROR;
    frame.type = llm_str("ServiceUnavailable");
    frame.message = llm_str("gone\nevent: x");

    llm_upstream_error_from_frame(&error, &frame);
    llm_buf_init(&out, 65536);
    llm_anthropic_stream_error(&out, &error, llm_str("r1"));

    ok(llm_str_eq((llm_str_t) { out.data, out.len },
                  llm_str("event: error\ndata: {\"type\":\"error\",\"error\":"
                          "{\"type\":\"overloaded_error\",\"message\":"
                          "\"gone event: x\"},\"request_id\":\"r1\"}\n\n")),
       "an error frame as an event");

    llm_buf_free(&out);
}


static void
long_ones(void)
{
    char                  body[8192];
    size_t                i;
    llm_upstream_error_t  error;

    i = (size_t) sprintf(body, "{\"message\":\"");

    while (i < 6000) {
        i += (size_t) sprintf(body + i, "\\ud83d\\ude00\xe2\x82\xac");
    }

    i += (size_t) sprintf(body + i, "\"}");

    llm_upstream_error_read(&error, 400, llm_str(""),
                            (llm_str_t) { body, i });

    ok(error.message_len > sizeof(error.message) / 4
       && (error.message_len % 7 == 0 || error.message_len % 7 == 4),
       "a long message is cut between characters: %d",
       (int) error.message_len);

    memset(body, 'T', sizeof(body));
    llm_upstream_error_read(&error, 400, (llm_str_t) { body, 500 },
                            llm_str(""));

    ok(error.type_len == sizeof(error.type), "a long type is cut");
}


static void
sample(const char *name)
{
    llm_str_t             body;
    llm_upstream_error_t  error;

    if (strncmp(name, "error-", 6) != 0
        && strcmp(name, "anthropic-error-context") != 0)
    {
        return;
    }

    body = vector_read("samples/%s/response.json", name);

    llm_upstream_error_read(&error, 400, llm_str(""), body);
    ok(error.message_len > 20, "%s: %.*s", name, (int) error.message_len,
       error.message);

    vector_free(body);
}


int
main(void)
{
    errors();
    frames();
    long_ones();

    vector_list("samples", sample);

    return plan_done();
}
