/*
 * A provider's error: read, judged, and told in Anthropic's words.
 */

#include "text.h"
#include "translate.h"


typedef struct {
    const char   *type;         /* Bedrock's, in lower case, without the
                                   "exception" at its end */
    unsigned      status;
} llm_upstream_type_t;


/* "Service model of Bedrock runtime": the status of each exception, for those
 * that come as frames of a stream whose own status was 200 */
static const llm_upstream_type_t  llm_upstream_types[] = {
    { "throttling", 429 },
    { "modelnotready", 429 },
    { "toomanyrequests", 429 },
    { "serviceunavailable", 503 },
    { "modelstreamerror", 424 },
    { "modelerror", 424 },
    { "modeltimeout", 408 },
    { "validation", 400 },
    { "servicequotaexceeded", 400 },
    { "accessdenied", 403 },
    { "resourcenotfound", 404 },
    { "unknownoperation", 404 },
    { NULL, 500 }
};


static llm_str_t
llm_upstream_type(const llm_upstream_error_t *error)
{
    return (llm_str_t) { error->type, error->type_len };
}


static llm_str_t
llm_upstream_message(const llm_upstream_error_t *error)
{
    return (llm_str_t) { error->message, error->message_len };
}


/* "com.amazon.x#NameException:http://…" -> "NameException" */
static void
llm_upstream_set_type(llm_upstream_error_t *error, llm_str_t text)
{
    const char  *p;

    p = text.len ? memchr(text.data, '#', text.len) : NULL;

    if (p) {
        text.len -= (size_t) (p + 1 - text.data);
        text.data = p + 1;
    }

    p = text.len ? memchr(text.data, ':', text.len) : NULL;

    if (p) {
        text.len = (size_t) (p - text.data);
    }

    error->type_len = llm_text_copy_plain(error->type, sizeof(error->type),
                                          text);
}


static int
llm_upstream_token(llm_json_t *json, const llm_json_token_t *token,
    void *data)
{
    char                   type[128];
    llm_str_t              text;
    llm_upstream_error_t  *error = data;

    if (token->type != LLM_JSON_STRING) {
        return LLM_OK;
    }

    if (llm_json_at(json, "message") || llm_json_at(json, "Message")
        || llm_json_at(json, "error.message"))
    {
        error->message_len = llm_text_copy(error->message,
                                           sizeof(error->message), token);
        return LLM_OK;
    }

    /* an unknown path answers 200 with this in it */
    if (llm_json_at(json, "Output.__type")
        || (error->type_len == 0
            && (llm_json_at(json, "__type") || llm_json_at(json, "code")
                || llm_json_at(json, "error.type"))))
    {
        text.data = type;
        text.len = llm_text_copy(type, sizeof(type), token);
        llm_upstream_set_type(error, text);
    }

    return LLM_OK;
}


/* Of a signature that does not match AWS tells what it would have signed, and
 * our session token stands in it: nobody needs to read that in a log. */
static void
llm_upstream_cut(llm_upstream_error_t *error)
{
    size_t           i;
    const llm_str_t  mark = llm_str("The Canonical String");

    for (i = 0; i + mark.len <= error->message_len; i++) {

        if (memcmp(error->message + i, mark.data, mark.len) == 0) {
            error->message_len = i;
        }
    }

    while (error->message_len > 0
           && error->message[error->message_len - 1] == ' ')
    {
        error->message_len--;
    }
}


void
llm_upstream_error_read(llm_upstream_error_t *error, unsigned status,
    llm_str_t errortype, llm_str_t body)
{
    memset(error, 0, sizeof(llm_upstream_error_t));

    error->status = status;

    llm_upstream_set_type(error, errortype);

    /* what is no JSON, or cut short, gives as much as could be read */
    (void) llm_json_scan(body.data, body.len, llm_upstream_token, error);

    llm_upstream_cut(error);
}


static bool
llm_upstream_is(const llm_upstream_error_t *error, const char *type)
{
    size_t     n;
    llm_str_t  name;

    n = strlen(type);
    name = llm_upstream_type(error);

    if (name.len < n) {
        return false;
    }

    name.len = n;

    return llm_text_holds(name, type);
}


void
llm_upstream_error_from_frame(llm_upstream_error_t *error,
    const llm_frame_t *frame)
{
    const llm_upstream_type_t  *type;

    llm_upstream_error_read(error, 0, frame->type, frame->payload);

    if (error->message_len == 0) {
        error->message_len = llm_text_copy_plain(error->message,
                                                 sizeof(error->message),
                                                 frame->message);
    }

    /* the model says "throttlingException" what headers call
     * "ThrottlingException" */
    if (error->type_len && error->type[0] >= 'a' && error->type[0] <= 'z') {
        error->type[0] -= 'a' - 'A';
    }

    for (type = llm_upstream_types; type->type; type++) {
        if (llm_upstream_is(error, type->type)) {
            break;
        }
    }

    error->status = type->status;
}


static llm_verdict_t
llm_upstream_verdict_403(const llm_upstream_error_t *error)
{
    llm_str_t  message;

    message = llm_upstream_message(error);

    if (llm_upstream_is(error, "requesttimetooskewed")
        || llm_upstream_is(error, "requestexpired")
        || llm_upstream_is(error, "requestinthefuture")
        || llm_text_holds(message, "signature expired")
        || llm_text_holds(message, "signature not yet current"))
    {
        return LLM_VERDICT_CLOCK;
    }

    if (!llm_upstream_is(error, "accessdenied")) {
        return LLM_VERDICT_CREDENTIALS;
    }

    /* what a wrong or expired Bedrock API key gets */
    if (llm_text_holds(message, "bearer token")
        || llm_text_holds(message, "api key")
        || llm_text_holds(message, "security token"))
    {
        return LLM_VERDICT_CREDENTIALS;
    }

    return LLM_VERDICT_NO_ACCESS;
}


static llm_verdict_t
llm_upstream_verdict_400(const llm_upstream_error_t *error)
{
    llm_str_t  message;

    message = llm_upstream_message(error);

    if (llm_upstream_is(error, "servicequotaexceeded")) {
        return LLM_VERDICT_THROTTLED;
    }

    if (llm_text_holds(message, "invalid beta flag")) {
        return LLM_VERDICT_BETA;
    }

    /* this region has no such model, or only behind a profile */
    if (llm_text_holds(message, "model identifier is invalid")
        || llm_text_holds(message, "on-demand throughput isn"))
    {
        return LLM_VERDICT_NO_ACCESS;
    }

    return LLM_VERDICT_PASS;
}


llm_verdict_t
llm_upstream_verdict(const llm_upstream_error_t *error)
{
    if (llm_upstream_is(error, "unknownoperation")) {
        return LLM_VERDICT_NO_ACCESS;
    }

    switch (error->status) {

    case 400:
        return llm_upstream_verdict_400(error);

    case 401:
        return LLM_VERDICT_CREDENTIALS;

    case 403:
        return llm_upstream_verdict_403(error);

    case 404:
        return LLM_VERDICT_NO_ACCESS;

    case 408:
    case 424:
        return LLM_VERDICT_FAILOVER;

    case 429:
        return llm_text_holds(llm_upstream_message(error), "per day")
                   ? LLM_VERDICT_THROTTLED_DAY : LLM_VERDICT_THROTTLED;
    }

    return error->status >= 500 ? LLM_VERDICT_FAILOVER : LLM_VERDICT_PASS;
}
