/*
 * OpenAI's shapes: chat completions (also the body of many open models through
 * InvokeModel), embeddings, and the Responses API.  Source: OpenAI API
 * reference.  Its input counts include what was cached.
 */

#include "meter_rules.h"


#define llm_rules_openai_error(prefix)                                        \
    llm_rule_string(prefix "error.", "type", llm_meter_error_type),           \
    llm_rule_string(prefix "error.", "code", llm_meter_error_type),           \
    llm_rule_string(prefix "error.", "message", llm_meter_error_message)

#define llm_rules_responses_usage(prefix)                                     \
    llm_rule_count(prefix "usage.", "input_tokens", LLM_METER_PROMPT),        \
    llm_rule_count(prefix "usage.", "output_tokens", LLM_METER_OUTPUT),       \
    llm_rule_count(prefix "usage.input_tokens_details.", "cached_tokens",     \
                   LLM_METER_CACHE_READ),                                     \
    llm_rule_count(prefix "usage.input_tokens_details.", "cache_write_tokens",\
                   LLM_METER_CACHE_WRITE),                                    \
    llm_rule_count(prefix "usage.output_tokens_details.", "reasoning_tokens", \
                   LLM_METER_REASONING),                                      \
    llm_rule_string(prefix, "service_tier", llm_meter_tier)


static const llm_meter_rule_t  llm_rules_chat[] = {
    llm_rule_count("usage.", "prompt_tokens", LLM_METER_PROMPT),
    llm_rule_count("usage.", "completion_tokens", LLM_METER_OUTPUT),
    llm_rule_count("usage.prompt_tokens_details.", "cached_tokens",
                   LLM_METER_CACHE_READ),
    llm_rule_count("usage.prompt_tokens_details.", "cache_write_tokens",
                   LLM_METER_CACHE_WRITE),
    llm_rule_count("usage.completion_tokens_details.", "reasoning_tokens",
                   LLM_METER_REASONING),
    llm_rule_string("", "service_tier", llm_meter_tier),
    llm_rule_string("choices[].", "finish_reason", llm_meter_stop_reason),
    llm_rule_text("choices[].delta.", "content"),
    llm_rule_text("choices[].delta.", "reasoning_content"),
    llm_rule_text("choices[].delta.", "refusal"),
    llm_rule_text("choices[].delta.tool_calls[].function.", "arguments"),
    llm_rule_text("choices[].message.", "content"),
    llm_rule_text("choices[].message.", "reasoning_content"),
    llm_rule_text("choices[].message.", "refusal"),
    llm_rule_text("choices[].message.tool_calls[].function.", "arguments"),
    llm_rule_text("choices[].", "text"),
    llm_rules_openai_error("")
};

const llm_shape_t  llm_shape_chat = llm_shape_of(llm_rules_chat);


/*
 * The events that end a stream carry the whole response under `response`; its
 * output is not looked at there, the deltas have told it.
 */
static const llm_meter_rule_t  llm_rules_responses[] = {
    llm_rules_responses_usage(""),
    llm_rules_responses_usage("response."),
    llm_rule_string("", "type", llm_meter_event_type),
    llm_rule_text("", "delta"),
    llm_rule_text("output[].content[].", "text"),
    llm_rule_text("output[].content[].", "refusal"),
    llm_rule_text("output[].summary[].", "text"),
    llm_rule_text("output[].", "arguments"),
    llm_rules_openai_error(""),
    llm_rules_openai_error("response.")
};

const llm_shape_t  llm_shape_responses = llm_shape_of(llm_rules_responses);
