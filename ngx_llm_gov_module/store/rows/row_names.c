/*
 * A row's names, and what is read out of it in one way only.
 */

#include "row.h"


static int llm_name_find(const llm_str_t *names, unsigned n, llm_str_t name);
static llm_str_t llm_name(const llm_str_t *names, unsigned n, unsigned i);


static const llm_str_t  llm_error_kinds[LLM_ERROR_KINDS] = {
    [LLM_ERROR_NONE] = llm_str("none"),
    [LLM_ERROR_REFUSED] = llm_str("refused"),
    [LLM_ERROR_CLIENT] = llm_str("client_error"),
    [LLM_ERROR_THROTTLED] = llm_str("throttled"),
    [LLM_ERROR_SERVER] = llm_str("server_error"),
    [LLM_ERROR_EXCEPTION] = llm_str("exception"),
    [LLM_ERROR_CONNECT] = llm_str("connect"),
    [LLM_ERROR_TIMEOUT] = llm_str("timeout"),
    [LLM_ERROR_BROKEN] = llm_str("broken"),
    [LLM_ERROR_CLIENT_GONE] = llm_str("client_gone"),
    [LLM_ERROR_GATEWAY_DIED] = llm_str("gateway_died")
};

static const llm_str_t  llm_price_states[LLM_PRICE_STATES] = {
    [LLM_PRICE_EXACT] = llm_str("exact"),
    [LLM_PRICE_ESTIMATED] = llm_str("estimated"),
    [LLM_PRICE_UNPRICED] = llm_str("unpriced")
};

static const llm_str_t  llm_outcomes[LLM_OUTCOMES] = {
    [LLM_OUTCOME_OK] = llm_str("ok"),
    [LLM_OUTCOME_ESTIMATED] = llm_str("estimated"),
    [LLM_OUTCOME_UNPRICED] = llm_str("unpriced"),
    [LLM_OUTCOME_CLIENT_ERROR] = llm_str("client_error"),
    [LLM_OUTCOME_PROVIDER_ERROR] = llm_str("provider_error")
};

static const llm_str_t  llm_attempt_results[LLM_ATTEMPT_BROKEN + 1] = {
    [LLM_ATTEMPT_OK] = llm_str("ok"),
    [LLM_ATTEMPT_CLIENT_ERROR] = llm_str("client_error"),
    [LLM_ATTEMPT_THROTTLED] = llm_str("throttled"),
    [LLM_ATTEMPT_SERVER_ERROR] = llm_str("server_error"),
    [LLM_ATTEMPT_EXCEPTION] = llm_str("exception"),
    [LLM_ATTEMPT_CONNECT] = llm_str("connect"),
    [LLM_ATTEMPT_TIMEOUT] = llm_str("timeout"),
    [LLM_ATTEMPT_BROKEN] = llm_str("broken")
};

static const llm_str_t  llm_tiers[LLM_TIER_RESERVED + 1] = {
    [LLM_TIER_DEFAULT] = llm_str("default"),
    [LLM_TIER_PRIORITY] = llm_str("priority"),
    [LLM_TIER_FLEX] = llm_str("flex"),
    [LLM_TIER_BATCH] = llm_str("batch"),
    [LLM_TIER_RESERVED] = llm_str("reserved")
};


llm_amounts_t
llm_row_attempt_amounts(const llm_row_attempt_t *attempt)
{
    return (llm_amounts_t) { .cost = attempt->cost,
                             .input_tokens = attempt->input_tokens,
                             .output_tokens = attempt->output_tokens };
}


llm_str_t
llm_row_cache(const llm_row_t *row)
{
    if (row->usage.cache_read > 0) {
        return llm_str("hit");
    }

    if (row->usage.cache_write_5m > 0 || row->usage.cache_write_1h > 0) {
        return llm_str("write");
    }

    return llm_str("none");
}


llm_str_t
llm_error_kind_name(unsigned kind)
{
    return llm_name(llm_error_kinds, LLM_ERROR_KINDS, kind);
}


llm_str_t
llm_price_status_name(unsigned status)
{
    return llm_name(llm_price_states, LLM_PRICE_STATES, status);
}


llm_str_t
llm_outcome_text(unsigned outcome)
{
    return llm_name(llm_outcomes, LLM_OUTCOMES, outcome);
}


llm_str_t
llm_attempt_result_text(unsigned result)
{
    return llm_name(llm_attempt_results, LLM_ATTEMPT_BROKEN + 1, result);
}


llm_str_t
llm_tier_text(unsigned tier)
{
    return llm_name(llm_tiers, LLM_TIER_RESERVED + 1, tier);
}


int
llm_error_kind_find(llm_str_t name)
{
    return llm_name_find(llm_error_kinds, LLM_ERROR_KINDS, name);
}


int
llm_price_status_find(llm_str_t name)
{
    return llm_name_find(llm_price_states, LLM_PRICE_STATES, name);
}


int
llm_outcome_find(llm_str_t name)
{
    return llm_name_find(llm_outcomes, LLM_OUTCOMES, name);
}


int
llm_attempt_result_find(llm_str_t name)
{
    return llm_name_find(llm_attempt_results, LLM_ATTEMPT_BROKEN + 1, name);
}


int
llm_tier_find(llm_str_t name)
{
    return llm_name_find(llm_tiers, LLM_TIER_RESERVED + 1, name);
}


int
llm_refusal_find(llm_str_t name)
{
    int  i;

    for (i = 0; i < LLM_REFUSE_REASONS; i++) {
        if (llm_str_eq(llm_refusal_name((llm_refusal_reason_t) i), name)) {
            return i;
        }
    }

    return -1;
}


static llm_str_t
llm_name(const llm_str_t *names, unsigned n, unsigned i)
{
    return (i < n) ? names[i] : llm_str("unknown");
}


static int
llm_name_find(const llm_str_t *names, unsigned n, llm_str_t name)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (llm_str_eq(names[i], name)) {
            return (int) i;
        }
    }

    return -1;
}


void
llm_row_id_text(const unsigned char id[LLM_ROW_ID_SIZE], char text[33])
{
    unsigned           i;
    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < LLM_ROW_ID_SIZE; i++) {
        text[2 * i] = hex[id[i] >> 4];
        text[2 * i + 1] = hex[id[i] & 0xf];
    }

    text[32] = '\0';
}


int
llm_row_id_parse(llm_str_t text, unsigned char id[LLM_ROW_ID_SIZE])
{
    char      c;
    unsigned  i, digit;

    if (text.len != 2 * LLM_ROW_ID_SIZE) {
        return LLM_ERROR;
    }

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c >= '0' && c <= '9') {
            digit = (unsigned) (c - '0');

        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (unsigned) ((c | 0x20) - 'a' + 10);

        } else {
            return LLM_ERROR;
        }

        id[i / 2] = (unsigned char) (id[i / 2] << 4 | digit);
    }

    return LLM_OK;
}
