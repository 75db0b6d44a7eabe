/*
 * A provider's error in Anthropic's words: as the answer, and in the middle of
 * a stream.
 */

#include "translate.h"


typedef struct {
    unsigned     from;
    unsigned     status;
    const char  *type;
    const char  *text;          /* where the provider gave no message */
} llm_anthropic_error_t;


static const llm_anthropic_error_t  llm_anthropic_errors[] = {
    { 400, 400, "invalid_request_error", "The provider refused the request." },
    { 404, 404, "not_found_error", "The provider has no such model." },
    { 408, 504, "timeout_error", "The model took too long." },
    { 413, 413, "request_too_large", "The request is too large." },
    { 424, 500, "api_error", "The model failed." },
    { 429, 429, "rate_limit_error", "The provider is throttling." },
    { 503, 529, "overloaded_error", "The provider is overloaded." },
    { 504, 504, "timeout_error", "The provider took too long." },
    { 529, 529, "overloaded_error", "The provider is overloaded." },
    { 0, 500, "api_error", "The provider failed." }
};

/* whose account, which role, which policy: nothing for a client */
static const llm_anthropic_error_t  llm_anthropic_credentials = {
    0, 502, "api_error",
    "The provider refused the gateway's own credentials."
};

static const llm_anthropic_error_t  llm_anthropic_no_access = {
    0, 403, "permission_error",
    "The provider gives the gateway no access to this model."
};

/* AWS's word for a quota of its own: waiting helps, changing does not */
static const llm_anthropic_error_t  llm_anthropic_throttled = {
    0, 429, "rate_limit_error", "The provider is throttling."
};


static llm_anthropic_error_t
llm_anthropic_error_by_status(unsigned status)
{
    llm_anthropic_error_t         map;
    const llm_anthropic_error_t  *known;

    /* UnknownOperationException comes with 200 */
    if (status < 300) {
        status = 404;
    }

    known = llm_anthropic_errors;

    while (known->from && known->from != status) {
        known++;
    }

    map = *known;

    if (map.from == 0 && status >= 400 && status < 500) {
        map.status = status;
        map.type = "invalid_request_error";
        map.text = llm_anthropic_errors[0].text;
    }

    return map;
}


/* *hide: the provider's own message is not for clients */
static llm_anthropic_error_t
llm_anthropic_error(const llm_upstream_error_t *error, bool *hide)
{
    *hide = false;

    switch (llm_upstream_verdict(error)) {

    case LLM_VERDICT_CREDENTIALS:
    case LLM_VERDICT_CLOCK:
        *hide = true;
        return llm_anthropic_credentials;

    case LLM_VERDICT_NO_ACCESS:
        if (error->status == 403) {
            *hide = true;
            return llm_anthropic_no_access;
        }

        break;

    case LLM_VERDICT_THROTTLED:
        return llm_anthropic_throttled;

    default:
        break;
    }

    return llm_anthropic_error_by_status(error->status);
}


static void
llm_anthropic_error_body(llm_buf_t *out, const llm_anthropic_error_t *map,
    bool hide, const llm_upstream_error_t *error, llm_str_t request_id)
{
    llm_str_t  message;

    message.data = error->message;
    message.len = error->message_len;

    if (hide || message.len == 0) {
        message.data = map->text;
        message.len = strlen(map->text);
    }

    llm_buf_printf(out, "{\"type\":\"error\",\"error\":{\"type\":\"%s\","
                   "\"message\":", map->type);

    llm_buf_json_string(out, message);
    llm_buf_str(out, llm_str("}"));

    if (request_id.len) {
        llm_buf_str(out, llm_str(",\"request_id\":"));
        llm_buf_json_string(out, request_id);
    }

    llm_buf_str(out, llm_str("}"));
}


void
llm_anthropic_upstream_error(llm_buf_t *out, unsigned *status,
    const llm_upstream_error_t *error, llm_str_t request_id)
{
    bool                   hide;
    llm_anthropic_error_t  map;

    map = llm_anthropic_error(error, &hide);

    *status = map.status;

    llm_anthropic_error_body(out, &map, hide, error, request_id);
}


void
llm_anthropic_stream_error(llm_buf_t *out, const llm_upstream_error_t *error,
    llm_str_t request_id)
{
    bool                   hide;
    llm_anthropic_error_t  map;

    map = llm_anthropic_error(error, &hide);

    llm_buf_str(out, llm_str("event: error\ndata: "));
    llm_anthropic_error_body(out, &map, hide, error, request_id);
    llm_buf_str(out, llm_str("\n\n"));
}
