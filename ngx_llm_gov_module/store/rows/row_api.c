/*
 * Calls as the HTTP API spells them.
 */

#include "row_api.h"

#include "../../dialects/api.h"


static const llm_str_t  llm_row_apis[] = {
    [LLM_API_NONE] = llm_str(""),
    [LLM_API_BEDROCK_INVOKE] = llm_str("bedrock_invoke"),
    [LLM_API_BEDROCK_INVOKE_STREAM] = llm_str("bedrock_invoke_stream"),
    [LLM_API_BEDROCK_CONVERSE] = llm_str("bedrock_converse"),
    [LLM_API_BEDROCK_CONVERSE_STREAM] = llm_str("bedrock_converse_stream"),
    [LLM_API_BEDROCK_COUNT_TOKENS] = llm_str("bedrock_count_tokens"),
    [LLM_API_ANTHROPIC_MESSAGES] = llm_str("anthropic_messages"),
    [LLM_API_ANTHROPIC_COUNT_TOKENS] = llm_str("anthropic_count_tokens"),
    [LLM_API_ANTHROPIC_MODELS] = llm_str("anthropic_models"),
    [LLM_API_OPENAI_CHAT] = llm_str("openai_chat"),
    [LLM_API_OPENAI_RESPONSES] = llm_str("openai_responses"),
    [LLM_API_OPENAI_EMBEDDINGS] = llm_str("openai_embeddings")
};

#define LLM_ROW_APIS  (sizeof(llm_row_apis) / sizeof(llm_row_apis[0]))


llm_str_t
llm_row_api_text(unsigned api)
{
    return (api < LLM_ROW_APIS) ? llm_row_apis[api] : llm_str("");
}


int
llm_row_api_find(llm_str_t name)
{
    unsigned  i;

    for (i = LLM_API_NONE + 1; i < LLM_ROW_APIS; i++) {
        if (llm_str_eq(llm_row_apis[i], name)) {
            return (int) i;
        }
    }

    return -1;
}


int
llm_row_dialect_find(llm_str_t name)
{
    unsigned  i;

    for (i = LLM_DIALECT_BEDROCK; i <= LLM_DIALECT_OPENAI; i++) {
        if (llm_str_eq(llm_dialect_name(i), name)) {
            return (int) i;
        }
    }

    return -1;
}
