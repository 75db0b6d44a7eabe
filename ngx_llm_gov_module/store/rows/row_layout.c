/*
 * The tables of the encoding.  Their order is the format: a change of it is a
 * new LLM_ROW_VERSION.
 */

#include "row_private.h"


#define LLM_ROW_AT(field)  offsetof(llm_row_t, field)
#define LLM_TRY_AT(field)  offsetof(llm_row_attempt_t, field)


/* peeked at by its place: received first, ended fourth */

const uint16_t  llm_row_numbers[LLM_ROW_NUMBERS] = {
    LLM_ROW_AT(received_ms),
    LLM_ROW_AT(admitted_ms),
    LLM_ROW_AT(first_token_ms),
    LLM_ROW_AT(ended_ms),
    LLM_ROW_AT(usage.input),
    LLM_ROW_AT(usage.output),
    LLM_ROW_AT(usage.cache_read),
    LLM_ROW_AT(usage.cache_write_5m),
    LLM_ROW_AT(usage.cache_write_1h),
    LLM_ROW_AT(usage.reasoning),
    LLM_ROW_AT(usage.images),
    LLM_ROW_AT(usage.queries),
    LLM_ROW_AT(cost.total),
    LLM_ROW_AT(cost.input),
    LLM_ROW_AT(cost.output),
    LLM_ROW_AT(cost.cache_read),
    LLM_ROW_AT(cost.cache_write),
    LLM_ROW_AT(cost.other),
    LLM_ROW_AT(earlier_cost),
    LLM_ROW_AT(request_bytes),
    LLM_ROW_AT(response_bytes)
};


const llm_row_string_t  llm_row_strings[LLM_ROW_STRINGS] = {
    { LLM_ROW_AT(virtual_key), LLM_ROW_NAME_MAX },
    { LLM_ROW_AT(team), LLM_ROW_NAME_MAX },
    { LLM_ROW_AT(customer), LLM_ROW_NAME_MAX },
    { LLM_ROW_AT(provider), LLM_ROW_NAME_MAX },
    { LLM_ROW_AT(region), LLM_ROW_SHORT_MAX },
    { LLM_ROW_AT(model_asked), LLM_ROW_MODEL_MAX },
    { LLM_ROW_AT(model), LLM_ROW_MODEL_MAX },
    { LLM_ROW_AT(client), LLM_ROW_SHORT_MAX },
    { LLM_ROW_AT(session), LLM_ROW_SHORT_MAX },
    { LLM_ROW_AT(end_user), LLM_ROW_USER_MAX },
    { LLM_ROW_AT(user_agent), LLM_ROW_AGENT_MAX },
    { LLM_ROW_AT(error_message), LLM_ROW_ERROR_MAX }
};


const uint16_t  llm_row_attempt_numbers[LLM_ROW_ATTEMPT_NUMBERS] = {
    LLM_TRY_AT(admitted_ms),
    LLM_TRY_AT(started_ms),
    LLM_TRY_AT(ended_ms),
    LLM_TRY_AT(first_token_ms),
    LLM_TRY_AT(input_tokens),
    LLM_TRY_AT(output_tokens),
    LLM_TRY_AT(cost)
};


const llm_row_string_t  llm_row_attempt_strings[LLM_ROW_ATTEMPT_STRINGS] = {
    { LLM_TRY_AT(provider), LLM_ROW_NAME_MAX },
    { LLM_TRY_AT(region), LLM_ROW_SHORT_MAX },
    { LLM_TRY_AT(model), LLM_ROW_MODEL_MAX },
    { LLM_TRY_AT(request_id), LLM_ROW_SHORT_MAX }
};


const uint16_t  llm_row_twins[LLM_ROW_ATTEMPT_STRINGS] = {
    LLM_ROW_AT(provider),
    LLM_ROW_AT(region),
    LLM_ROW_AT(model),
    0
};
