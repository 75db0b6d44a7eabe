/*
 * The fields that there are filters for.
 */

#include "filter_private.h"
#include "../rows/row_api.h"
#include "../rows/row_values.h"


/* numbers below 64 with bit 0, 1, 2, 3 set */
#define LLM_SET_BIT_0  UINT64_C(0xaaaaaaaaaaaaaaaa)
#define LLM_SET_BIT_1  UINT64_C(0xcccccccccccccccc)
#define LLM_SET_BIT_2  UINT64_C(0xf0f0f0f0f0f0f0f0)
#define LLM_SET_BIT_3  UINT64_C(0xff00ff00ff00ff00)

#define LLM_NAMES      "a name, a comma list of them, \"name*\" for all that "\
                       "begin so, \"*name*\" for all that have it, \"!name\" " \
                       "for all others"
#define LLM_STRINGS    "a name, a comma list of them, \"name*\" for all that "\
                       "begin so, \"!name\" for all others"
#define LLM_YES_NO     "\"true\" or \"false\""
#define LLM_COUNT      "a whole number, like 1000"
#define LLM_PART       "a text to look for, of one byte or more"

#define llm_text_field(name, source)                                          \
    { llm_str(name), LLM_TERM_TEXT, source, LLM_NAMES, NULL, 0, 0, 0 }
#define llm_range_field(name, source)                                         \
    { llm_str(name), LLM_TERM_RANGE, source, LLM_COUNT, NULL, 0, 0, 0 }
#define llm_cost_field(name, source)                                          \
    { llm_str(name), LLM_TERM_RANGE, source, llm_filter_dollars, NULL, 0, 0, 0 }
#define llm_flag_field(name, bit)                                             \
    { llm_str(name), LLM_TERM_SET, LLM_COL_FLAGS, LLM_YES_NO, NULL,           \
      LLM_SET_BIT_ ## bit, ~LLM_SET_BIT_ ## bit, 0 }


static int llm_cache_find(llm_str_t name);
static int llm_refusal_bit(llm_str_t name);


const char  llm_filter_dollars[] = "an amount of dollars, like 0.05";


static const llm_filter_field_t  llm_filter_fields[] = {
    { llm_str("received"), LLM_TERM_TIME, LLM_SOURCE_RECEIVED,
      NULL, NULL, 0, 0, 0 },
    { llm_str(""), LLM_TERM_TIME, LLM_COL_ENDED, NULL, NULL, 0, 0, 0 },

    { llm_str("id"), LLM_TERM_ID, 0,
      "an id of 32 hex digits, or a comma list of them", NULL, 0, 0, 0 },

    llm_text_field("customer", LLM_COL_CUSTOMER),
    llm_text_field("team", LLM_COL_TEAM),
    llm_text_field("virtual_key", LLM_COL_VIRTUAL_KEY),
    llm_text_field("provider", LLM_COL_PROVIDER),
    llm_text_field("region", LLM_COL_REGION),
    llm_text_field("model", LLM_COL_MODEL),
    llm_text_field("model_asked", LLM_COL_MODEL_ASKED),
    llm_text_field("client", LLM_COL_CLIENT),
    llm_text_field("session", LLM_COL_SESSION),
    llm_text_field("end_user", LLM_COL_END_USER),

    { llm_str("tag"), LLM_TERM_TAG, 0, LLM_STRINGS, NULL, 0, 0, 0 },
    { llm_str("attempt_provider"), LLM_TERM_ATTEMPT_TEXT, LLM_ATT_PROVIDER,
      LLM_STRINGS, NULL, 0, 0, 0 },
    { llm_str("provider_request_id"), LLM_TERM_REQUEST_ID, 0,
      LLM_STRINGS, NULL, 0, 0, 0 },
    { llm_str("attempt_result"), LLM_TERM_ATTEMPT_SET, LLM_ATT_RESULT,
      "one of ok, client_error, throttled, server_error, exception, connect, "
      "timeout, broken", llm_attempt_result_find, 0, 0, 0 },

    { llm_str("dialect"), LLM_TERM_SET, LLM_COL_DIALECT,
      "one of anthropic, bedrock, openai", llm_row_dialect_find, 0, 0, 0 },
    { llm_str("api"), LLM_TERM_SET, LLM_COL_API,
      "an operation like anthropic_messages, bedrock_converse, "
      "bedrock_invoke_stream, openai_chat", llm_row_api_find, 0, 0, 0 },
    { llm_str("outcome"), LLM_TERM_SET, LLM_COL_OUTCOME,
      "one of ok, estimated, unpriced, client_error, provider_error",
      llm_outcome_find, 0, 0, 0 },
    { llm_str("error"), LLM_TERM_SET, LLM_COL_ERROR,
      "one of none, any, refused, client_error, throttled, server_error, "
      "exception, connect, timeout, broken, client_gone, gateway_died",
      llm_error_kind_find, 0, 0, ~UINT64_C(1) },
    { llm_str("refusal"), LLM_TERM_SET, LLM_COL_REFUSAL,
      "none, any, or a reason like budget, requests, tokens, unknown_key",
      llm_refusal_bit, 0, 0, ~UINT64_C(1) },
    { llm_str("price"), LLM_TERM_SET, LLM_COL_PRICE,
      "one of exact, estimated, unpriced", llm_price_status_find, 0, 0, 0 },
    { llm_str("cache"), LLM_TERM_SET, LLM_SOURCE_CACHE,
      "one of hit, write, none", llm_cache_find, 0, 0, 0 },
    { llm_str("tier"), LLM_TERM_SET, LLM_COL_TIER,
      "one of default, priority, flex, batch, reserved", llm_tier_find,
      0, 0, 0 },

    llm_flag_field("streamed", 0),
    llm_flag_field("aborted", 1),
    llm_flag_field("recovered", 2),
    llm_flag_field("content", 3),
    { llm_str("failover"), LLM_TERM_SET, LLM_COL_ATTEMPTS, LLM_YES_NO, NULL,
      ~UINT64_C(3), UINT64_C(3), 0 },

    { llm_str("status"), LLM_TERM_STATUS, LLM_COL_STATUS,
      "a status from 100 to 599, a class from 1xx to 5xx, 0 for none, or a "
      "comma list of them",
      NULL, 0, 0, 0 },

    llm_cost_field("cost", LLM_COL_COST),
    llm_cost_field("cost_input", LLM_COL_COST_INPUT),
    llm_cost_field("cost_output", LLM_SOURCE_COST_OUTPUT),
    llm_cost_field("cost_cache_read", LLM_COL_COST_CACHE_READ),
    llm_cost_field("cost_cache_write", LLM_COL_COST_CACHE_WRITE),
    llm_cost_field("cost_other", LLM_COL_COST_OTHER),
    llm_cost_field("cost_earlier_attempts", LLM_COL_COST_EARLIER),
    llm_range_field("attempts", LLM_COL_ATTEMPTS),
    llm_range_field("tokens", LLM_SOURCE_TOKENS),
    llm_range_field("input_tokens", LLM_COL_INPUT),
    llm_range_field("output_tokens", LLM_COL_OUTPUT),
    llm_range_field("cache_read_tokens", LLM_COL_CACHE_READ),
    llm_range_field("cache_write_tokens", LLM_SOURCE_CACHE_WRITE),
    llm_range_field("cache_write_5m_tokens", LLM_COL_CACHE_WRITE_5M),
    llm_range_field("cache_write_1h_tokens", LLM_COL_CACHE_WRITE_1H),
    llm_range_field("reasoning_tokens", LLM_COL_REASONING),
    llm_range_field("images", LLM_COL_IMAGES),
    llm_range_field("queries", LLM_COL_QUERIES),
    llm_range_field("latency", LLM_COL_LATENCY),
    llm_range_field("first_token", LLM_COL_FIRST_TOKEN),
    llm_range_field("overhead", LLM_COL_OVERHEAD),
    llm_range_field("request_bytes", LLM_COL_REQUEST_BYTES),
    llm_range_field("response_bytes", LLM_COL_RESPONSE_BYTES),

    { llm_str("user_agent"), LLM_TERM_PART, LLM_COL_USER_AGENT, LLM_PART,
      NULL, 0, 0, 0 },
    { llm_str("text"), LLM_TERM_PART, LLM_COL_ERROR_MESSAGE, LLM_PART,
      NULL, 0, 0, 0 }
};

#define LLM_FILTER_FIELDS                                                     \
    (sizeof(llm_filter_fields) / sizeof(llm_filter_fields[0]))


typedef struct {
    llm_str_t   suffix;
    char        which;
    unsigned    kind;
} llm_filter_suffix_t;


static const llm_filter_suffix_t  llm_filter_suffixes[] = {
    { llm_str("_from"), 'f', LLM_TERM_TIME },
    { llm_str("_to"), 't', LLM_TERM_TIME },
    { llm_str("from"), 'f', LLM_TERM_TIME },
    { llm_str("to"), 't', LLM_TERM_TIME },
    { llm_str("period"), 'p', LLM_TERM_TIME },
    { llm_str("_min"), 'm', LLM_TERM_RANGE },
    { llm_str("_max"), 'M', LLM_TERM_RANGE }
};

#define LLM_FILTER_SUFFIXES                                                   \
    (sizeof(llm_filter_suffixes) / sizeof(llm_filter_suffixes[0]))


llm_str_t
llm_filter_names(void)
{
    return llm_str(
        "from, to, period, received_from, received_to, id, customer, team, "
        "virtual_key, provider, region, model, model_asked, attempt_provider, "
        "attempt_result, provider_request_id, dialect, api, streamed, "
        "aborted, recovered, content, status, outcome, error, refusal, price, "
        "cache, tier, failover, attempts_min, attempts_max, cost_min, "
        "cost_max, cost_input_min, cost_input_max, cost_output_min, "
        "cost_output_max, cost_cache_read_min, cost_cache_read_max, "
        "cost_cache_write_min, cost_cache_write_max, cost_other_min, "
        "cost_other_max, cost_earlier_attempts_min, "
        "cost_earlier_attempts_max, tokens_min, tokens_max, input_tokens_min, "
        "input_tokens_max, output_tokens_min, output_tokens_max, "
        "cache_read_tokens_min, cache_read_tokens_max, "
        "cache_write_tokens_min, cache_write_tokens_max, "
        "cache_write_5m_tokens_min, cache_write_5m_tokens_max, "
        "cache_write_1h_tokens_min, cache_write_1h_tokens_max, "
        "reasoning_tokens_min, reasoning_tokens_max, images_min, images_max, "
        "queries_min, queries_max, latency_min, "
        "latency_max, first_token_min, first_token_max, overhead_min, "
        "overhead_max, request_bytes_min, request_bytes_max, "
        "response_bytes_min, response_bytes_max, client, user_agent, text, "
        "session, end_user, tag");
}


const llm_filter_field_t *
llm_filter_field(llm_str_t name, char *which)
{
    size_t                      i, k;
    llm_str_t                   rest;
    const llm_filter_field_t   *field;
    const llm_filter_suffix_t  *suffix;

    for (i = 0; i < LLM_FILTER_FIELDS; i++) {
        field = &llm_filter_fields[i];

        if (!llm_str_starts(name, field->name)) {
            continue;
        }

        rest = (llm_str_t) { name.data + field->name.len,
                             name.len - field->name.len };

        if (field->kind != LLM_TERM_TIME && field->kind != LLM_TERM_RANGE) {
            if (rest.len == 0) {
                *which = '\0';
                return field;
            }

            continue;
        }

        for (k = 0; k < LLM_FILTER_SUFFIXES; k++) {
            suffix = &llm_filter_suffixes[k];

            if (suffix->kind == field->kind
                && llm_str_eq(suffix->suffix, rest)
                && (field->kind == LLM_TERM_RANGE
                    || (field->name.len == 0) == (rest.data[0] != '_')))
            {
                *which = suffix->which;
                return field;
            }
        }
    }

    return NULL;
}


static int
llm_cache_find(llm_str_t name)
{
    if (llm_str_eq(name, llm_str("hit"))) {
        return LLM_CACHE_HIT;
    }

    if (llm_str_eq(name, llm_str("write"))) {
        return LLM_CACHE_WRITE;
    }

    return llm_str_eq(name, llm_str("none")) ? LLM_CACHE_NONE : -1;
}


static int
llm_refusal_bit(llm_str_t name)
{
    int  reason;

    if (llm_str_eq(name, llm_str("none"))) {
        return 0;
    }

    reason = llm_refusal_find(name);

    return (reason < 0) ? -1 : reason + 1;
}


int64_t
llm_filter_number(const llm_row_t *row, unsigned source)
{
    const llm_usage_t  *usage;

    usage = &row->usage;

    switch (source) {

    case LLM_COL_ENDED:
        return row->ended_ms;

    case LLM_SOURCE_RECEIVED:
        return row->received_ms;

    case LLM_COL_LATENCY:
        return llm_row_latency(row);

    case LLM_COL_FIRST_TOKEN:
        return llm_row_first_token(row);

    case LLM_COL_DIALECT:
        return row->dialect;

    case LLM_COL_API:
        return row->api;

    case LLM_COL_STATUS:
        return row->status;

    case LLM_COL_OUTCOME:
        return row->outcome;

    case LLM_COL_ERROR:
        return row->error;

    case LLM_COL_REFUSAL:
        return row->refusal;

    case LLM_COL_PRICE:
        return row->price_status;

    case LLM_COL_FLAGS:
        return llm_block_flags(row);

    case LLM_COL_TIER:
        return usage->tier;

    case LLM_COL_INPUT:
        return usage->input;

    case LLM_COL_OUTPUT:
        return usage->output;

    case LLM_COL_CACHE_READ:
        return usage->cache_read;

    case LLM_COL_CACHE_WRITE_5M:
        return usage->cache_write_5m;

    case LLM_COL_CACHE_WRITE_1H:
        return usage->cache_write_1h;

    case LLM_SOURCE_CACHE_WRITE:
        return (int64_t) ((uint64_t) usage->cache_write_5m
                          + (uint64_t) usage->cache_write_1h);

    case LLM_SOURCE_CACHE:
        if (usage->cache_read > 0) {
            return LLM_CACHE_HIT;
        }

        return (usage->cache_write_5m > 0 || usage->cache_write_1h > 0)
               ? LLM_CACHE_WRITE : LLM_CACHE_NONE;

    case LLM_SOURCE_TOKENS:
        return llm_row_tokens(row);

    case LLM_COL_REASONING:
        return usage->reasoning;

    case LLM_COL_IMAGES:
        return usage->images;

    case LLM_COL_QUERIES:
        return usage->queries;

    case LLM_COL_COST:
        return row->cost.total;

    case LLM_COL_COST_INPUT:
        return row->cost.input;

    case LLM_SOURCE_COST_OUTPUT:
        return row->cost.output;

    case LLM_COL_COST_CACHE_READ:
        return row->cost.cache_read;

    case LLM_COL_COST_CACHE_WRITE:
        return row->cost.cache_write;

    case LLM_COL_COST_OTHER:
        return row->cost.other;

    case LLM_COL_COST_EARLIER:
        return row->earlier_cost;

    case LLM_COL_OVERHEAD:
        return row->overhead_us;

    case LLM_COL_REQUEST_BYTES:
        return (int64_t) row->request_bytes;

    case LLM_COL_RESPONSE_BYTES:
        return (int64_t) row->response_bytes;

    default: /* LLM_COL_ATTEMPTS */
        return row->nattempts;
    }
}
