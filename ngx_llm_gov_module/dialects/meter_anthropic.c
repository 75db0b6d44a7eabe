/*
 * Anthropic Messages: api.anthropic.com's own answers and server-sent events,
 * and the same JSON inside InvokeModel's body and chunks.  Source: Anthropic
 * API reference, "Messages" and "Streaming messages".
 */

#include "meter_rules.h"


#define llm_rules_anthropic_input(prefix)                                     \
    llm_rule_count(prefix "usage.", "input_tokens", LLM_METER_INPUT),         \
    llm_rule_count(prefix "usage.", "cache_read_input_tokens",                \
                   LLM_METER_CACHE_READ),                                     \
    llm_rule_count(prefix "usage.", "cache_creation_input_tokens",            \
                   LLM_METER_CACHE_WRITE),                                    \
    llm_rule_count(prefix "usage.cache_creation.",                            \
                   "ephemeral_5m_input_tokens", LLM_METER_CACHE_5M),          \
    llm_rule_count(prefix "usage.cache_creation.",                            \
                   "ephemeral_1h_input_tokens", LLM_METER_CACHE_1H),          \
    llm_rule_string(prefix "usage.", "service_tier", llm_meter_tier)


/*
 * message_start's output_tokens is what the model had written when the event
 * was made, and no part of message_delta's, which counts from the beginning:
 * it is not looked at.
 */
static const llm_meter_rule_t  llm_rules_anthropic[] = {
    llm_rules_anthropic_input(""),
    llm_rules_anthropic_input("message."),
    llm_rule_count("usage.", "output_tokens", LLM_METER_OUTPUT),
    llm_rule_string("", "type", llm_meter_event_type),
    llm_rule_text("delta.", "text"),
    llm_rule_text("delta.", "partial_json"),
    llm_rule_text("delta.", "thinking"),
    llm_rule_text("content[].", "text"),
    llm_rule_text("content[].", "thinking"),
    llm_rule_object("content[].", "input"),
    llm_rule_text("", "completion"),
    llm_rule_string("error.", "type", llm_meter_error_type),
    llm_rule_string("error.", "message", llm_meter_error_message)
};

const llm_shape_t  llm_shape_anthropic = llm_shape_of(llm_rules_anthropic);
