/*
 * The words and figures of a refusal, the same in every dialect.
 */

#include <inttypes.h>

#include "refusal_text.h"
#include "../wire/utc.h"


typedef struct {
    const char  *what;          /* begins the sentence of a limit */
    const char  *unit;          /* counted in this; NULL: dollars */
    const char  *text;          /* the sentence of all other reasons */
} llm_refusal_words_t;


static const llm_refusal_words_t  llm_refusal_words[LLM_REFUSE_REASONS] = {
    [LLM_REFUSE_NO_KEY] = { NULL, NULL,
        "No API key was given: send the virtual key as a bearer token, as "
        "x-api-key, or sign the request with it." },
    [LLM_REFUSE_UNKNOWN_KEY] = { NULL, NULL,
        "This API key is not known, is blocked or has expired." },
    [LLM_REFUSE_BAD_SIGNATURE] = { NULL, NULL,
        "The request signature does not match: check the secret of the "
        "virtual key, and that nothing between changes host or path." },
    [LLM_REFUSE_CLOCK_SKEW] = { NULL, NULL,
        "Signature expired or not yet current: the clock that signed is more "
        "than 5 minutes off." },
    [LLM_REFUSE_MODEL_NOT_ALLOWED] = { NULL, NULL,
        "This key may not use this model." },
    [LLM_REFUSE_NO_CANDIDATE] = { NULL, NULL,
        "No provider behind this route can serve this call." },
    [LLM_REFUSE_UNPRICED] = { NULL, NULL,
        "This model has no price in the price list, so it is not allowed." },
    [LLM_REFUSE_BUDGET] = { "Budget", NULL, NULL },
    [LLM_REFUSE_REQUESTS] = { "Request limit", "requests", NULL },
    [LLM_REFUSE_TOKENS] = { "Token limit", "tokens", NULL },
    [LLM_REFUSE_INPUT_TOKENS] = { "Input token limit", "input tokens", NULL },
    [LLM_REFUSE_OUTPUT_TOKENS] = { "Output token limit", "output tokens",
        NULL },
    [LLM_REFUSE_CONCURRENCY] = { "Concurrency limit", "requests", NULL },
    [LLM_REFUSE_NO_PROVIDER] = { NULL, NULL,
        "No provider is available for this model just now." },
    [LLM_REFUSE_BAD_REQUEST] = { NULL, NULL, "The request cannot be read." },
    [LLM_REFUSE_NOT_FOUND] = { NULL, NULL, "There is nothing at this path." },
    [LLM_REFUSE_METHOD] = { NULL, NULL,
        "This path does not take this method." },
    [LLM_REFUSE_TOO_LARGE] = { NULL, NULL, "The request body is too large." },
    [LLM_REFUSE_ENCODING] = { NULL, NULL,
        "Compressed request bodies are not supported: send it without "
        "Content-Encoding." },
    [LLM_REFUSE_TOO_BUSY] = { NULL, NULL,
        "Too many requests are under way: try again in a moment." },
    [LLM_REFUSE_LEDGER] = { NULL, NULL,
        "The gateway cannot write down just now what calls cost, so it lets "
        "none through: try again in a moment." }
};


bool
llm_refusal_is_limit(llm_refusal_reason_t reason)
{
    return llm_refusal_words[reason].what != NULL;
}


/* "1M" -> "per month", "5m" -> "per 5 minutes" */
static void
llm_refusal_window(llm_buf_t *out, llm_str_t window)
{
    char         unit;
    size_t       n;
    const char  *name;

    if (window.len < 2) {
        llm_buf_str(out, llm_str("in all"));
        return;
    }

    n = window.len - 1;
    unit = window.data[n];

    name = unit == 'm' ? "minute" : unit == 'h' ? "hour"
           : unit == 'd' ? "day" : unit == 'w' ? "week"
           : unit == 'M' ? "month" : unit == 'Y' ? "year" : NULL;

    if (name == NULL) {
        llm_buf_str(out, llm_str("per "));
        llm_buf_str(out, window);

    } else if (n == 1 && window.data[0] == '1') {
        llm_buf_printf(out, "per %s", name);

    } else {
        llm_buf_printf(out, "per %.*s %ss", (int) n, window.data, name);
    }
}


static void
llm_refusal_time(llm_buf_t *out, int64_t ms)
{
    char  text[LLM_UTC_TEXT];

    llm_buf_str(out, llm_utc_seconds(ms, text));
}


/* "$0.05", or "20 tokens" where `unit` is given, else "20" */
static void
llm_refusal_amount(llm_buf_t *out, const llm_refusal_t *refusal,
    int64_t amount, const char *unit)
{
    if (refusal->reason == LLM_REFUSE_BUDGET) {
        llm_buf_str(out, llm_str("$"));
        llm_buf_dollars(out, amount);
        return;
    }

    llm_buf_printf(out, "%" PRId64, amount);

    if (unit) {
        llm_buf_printf(out, " %s", unit);
    }
}


static void
llm_refusal_figures(llm_buf_t *out, const llm_refusal_t *refusal,
    const llm_refusal_words_t *words, bool used_up)
{
    if (refusal->reason == LLM_REFUSE_CONCURRENCY) {
        llm_buf_printf(out, "%" PRId64 " requests at once, %" PRId64
                       " under way", refusal->limit,
                       refusal->spent + refusal->held);
        return;
    }

    llm_refusal_amount(out, refusal, refusal->limit, words->unit);
    llm_buf_str(out, llm_str(" "));
    llm_refusal_window(out, refusal->window);

    llm_buf_str(out, llm_str(", "));
    llm_refusal_amount(out, refusal, refusal->spent, NULL);
    llm_buf_printf(out, " %s, ", words->unit ? "used" : "spent");
    llm_refusal_amount(out, refusal, refusal->held, NULL);
    llm_buf_str(out, llm_str(" held by requests under way"));

    if (!used_up) {
        llm_buf_str(out, llm_str(", up to "));
        llm_refusal_amount(out, refusal, refusal->need, NULL);
        llm_buf_str(out, llm_str(" needed"));
    }
}


void
llm_refusal_sentence(llm_buf_t *out, const llm_refusal_t *refusal)
{
    bool                        used_up;
    const llm_refusal_words_t  *words;

    words = &llm_refusal_words[refusal->reason];

    if (words->what == NULL) {
        if (refusal->message.len) {
            llm_buf_str(out, refusal->message);

        } else {
            llm_buf_append(out, words->text, strlen(words->text));
        }

        return;
    }

    /* a hard limit refuses what might not fit, before all of it is used */
    used_up = refusal->need <= 0
              || refusal->spent >= refusal->limit - refusal->held;

    llm_buf_printf(out, "%s of %.*s \"%.*s\" ", words->what,
                   (int) refusal->scope.len, refusal->scope.data,
                   (int) refusal->account.len, refusal->account.data);

    llm_buf_printf(out, "%s: ", !used_up ? "has no room for this request"
                                : words->unit ? "is reached" : "is used up");

    llm_refusal_figures(out, refusal, words, used_up);

    if (refusal->reset_ms > 0) {
        llm_buf_str(out, llm_str("; resets "));
        llm_refusal_time(out, refusal->reset_ms);
    }

    llm_buf_str(out, llm_str("."));
}


static void
llm_refusal_number(llm_buf_t *out, const llm_refusal_t *refusal,
    const char *name, int64_t amount)
{
    llm_buf_printf(out, ",\"%s\":", name);

    if (refusal->reason == LLM_REFUSE_BUDGET) {
        llm_buf_dollars(out, amount);

    } else {
        llm_buf_printf(out, "%" PRId64, amount);
    }
}


void
llm_refusal_details(llm_buf_t *out, const llm_refusal_t *refusal)
{
    /* the code by which Anthropic's own clients know a spending limit */
    llm_buf_printf(out, "{\"error_code\":\"%s\"",
                   refusal->reason == LLM_REFUSE_BUDGET
                       ? "enforced_spend_limit_reached"
                       : "rate_limit_exceeded");

    llm_buf_str(out, llm_str(",\"limit_type\":"));
    llm_buf_json_string(out, llm_refusal_name(refusal->reason));

    llm_buf_str(out, llm_str(",\"scope\":"));
    llm_buf_json_string(out, refusal->scope);
    llm_buf_str(out, llm_str(",\"account\":"));
    llm_buf_json_string(out, refusal->account);

    if (refusal->window.len) {
        llm_buf_str(out, llm_str(",\"window\":"));
        llm_buf_json_string(out, refusal->window);
    }

    llm_refusal_number(out, refusal, "limit", refusal->limit);
    llm_refusal_number(out, refusal, "spent", refusal->spent);
    llm_refusal_number(out, refusal, "held", refusal->held);

    if (refusal->need > 0) {
        llm_refusal_number(out, refusal, "needed", refusal->need);
    }

    llm_buf_str(out, llm_str(",\"reset_at\":"));

    if (refusal->reset_ms > 0) {
        llm_buf_str(out, llm_str("\""));
        llm_refusal_time(out, refusal->reset_ms);
        llm_buf_str(out, llm_str("\""));

    } else {
        llm_buf_str(out, llm_str("null"));
    }

    llm_buf_str(out, llm_str("}"));
}
