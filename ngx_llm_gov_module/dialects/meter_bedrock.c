/*
 * Bedrock's shapes: what Converse answers, and what the models answer through
 * InvokeModel.  Sources: botocore's service model bedrock-runtime 2023-09-30;
 * the models' parameter pages in the Bedrock User Guide; recorded responses
 * for what neither of them says (the `*TokenCount` twins of the cache members,
 * `amazon-bedrock-invocationMetrics`).
 */

#include "meter_rules.h"


static void llm_meter_detail_list(llm_meter_t *meter,
    const llm_meter_rule_t *rule, const llm_json_token_t *token);
static void llm_meter_detail(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token);
static void llm_meter_detail_tokens(llm_meter_t *meter,
    const llm_meter_rule_t *rule, const llm_json_token_t *token);
static void llm_meter_detail_ttl(llm_meter_t *meter,
    const llm_meter_rule_t *rule, const llm_json_token_t *token);
static void llm_meter_detail_done(llm_meter_t *meter);
static void llm_meter_unknown_operation(llm_meter_t *meter,
    const llm_meter_rule_t *rule, const llm_json_token_t *token);


#define llm_rule_metric(name, count)                                          \
    llm_rule("amazon-bedrock-invocationMetrics.", name, LLM_JSON_NUMBER,      \
             llm_meter_count_largest, LLM_METER_METRICS, count)

/* Converse's usage object, which Nova's own format has, too */
#define llm_rules_converse_usage(prefix)                                      \
    llm_rule_count(prefix "usage.", "inputTokens", LLM_METER_INPUT),          \
    llm_rule_count(prefix "usage.", "outputTokens", LLM_METER_OUTPUT),        \
    llm_rule_count(prefix "usage.", "cacheReadInputTokens",                   \
                   LLM_METER_CACHE_READ),                                     \
    llm_rule_count(prefix "usage.", "cacheReadInputTokenCount",               \
                   LLM_METER_CACHE_READ),                                     \
    llm_rule_count(prefix "usage.", "cacheWriteInputTokens",                  \
                   LLM_METER_CACHE_WRITE),                                    \
    llm_rule_count(prefix "usage.", "cacheWriteInputTokenCount",              \
                   LLM_METER_CACHE_WRITE)

#define llm_rules_converse_output                                             \
    llm_rule_text("output.message.content[].", "text"),                       \
    llm_rule_text("output.message.content[].reasoningContent"                 \
                  ".reasoningText.", "text"),                                 \
    llm_rule_object("output.message.content[].toolUse.", "input")


static const llm_meter_rule_t  llm_rules_bedrock[] = {
    llm_rule_metric("inputTokenCount", LLM_METER_INPUT),
    llm_rule_metric("outputTokenCount", LLM_METER_OUTPUT),
    llm_rule_metric("cacheReadInputTokenCount", LLM_METER_CACHE_READ),
    llm_rule_metric("cacheWriteInputTokenCount", LLM_METER_CACHE_WRITE),
    llm_rule_string("Output.", "__type", llm_meter_unknown_operation)
};

const llm_shape_t  llm_shape_bedrock = llm_shape_of(llm_rules_bedrock);


/* the whole answer, and the payloads of a stream's events */
static const llm_meter_rule_t  llm_rules_converse[] = {
    llm_rules_converse_usage(""),
    llm_rule("usage.", "cacheDetails", LLM_JSON_ARRAY, llm_meter_detail_list,
             LLM_METER_BODY, 0),
    llm_rule("usage.cacheDetails[]", "", LLM_JSON_OBJECT, llm_meter_detail,
             LLM_METER_BODY, 0),
    llm_rule("usage.cacheDetails[].", "inputTokens", LLM_JSON_NUMBER,
             llm_meter_detail_tokens, LLM_METER_BODY, 0),
    llm_rule_string("usage.cacheDetails[].", "ttl", llm_meter_detail_ttl),
    llm_rule_string("serviceTier.", "type", llm_meter_tier),
    llm_rule_string("performanceConfig.", "latency", llm_meter_latency),
    llm_rules_converse_output,
    llm_rule_text("delta.", "text"),
    llm_rule_text("delta.toolUse.", "input"),
    llm_rule_text("delta.reasoningContent.", "text")
};

const llm_shape_t  llm_shape_converse = llm_shape_of(llm_rules_converse);


static const llm_meter_rule_t  llm_rules_nova[] = {
    llm_rules_converse_usage(""),
    llm_rules_converse_usage("metadata."),
    llm_rules_converse_output,
    llm_rule_text("contentBlockDelta.delta.", "text"),
    llm_rule_text("contentBlockDelta.delta.toolUse.", "input"),
    llm_rule_text("contentBlockDelta.delta.reasoningContent.", "text")
};

const llm_shape_t  llm_shape_nova = llm_shape_of(llm_rules_nova);


/* text and embeddings */
static const llm_meter_rule_t  llm_rules_titan[] = {
    llm_rule_count("", "inputTextTokenCount", LLM_METER_INPUT),
    llm_rule("results[].", "tokenCount", LLM_JSON_NUMBER, llm_meter_count_sum,
             LLM_METER_BODY, LLM_METER_OUTPUT),
    llm_rule_count("", "totalOutputTextTokenCount", LLM_METER_OUTPUT),
    llm_rule_text("results[].", "outputText"),
    llm_rule_text("", "outputText")
};

const llm_shape_t  llm_shape_titan = llm_shape_of(llm_rules_titan);


/* in a stream the output's count grows; the input's is in the first chunk */
static const llm_meter_rule_t  llm_rules_llama[] = {
    llm_rule_count("", "prompt_token_count", LLM_METER_INPUT),
    llm_rule_count("", "generation_token_count", LLM_METER_OUTPUT),
    llm_rule_text("", "generation")
};

const llm_shape_t  llm_shape_llama = llm_shape_of(llm_rules_llama);


static const llm_meter_rule_t  llm_rules_mistral[] = {
    llm_rule_text("outputs[].", "text")
};

const llm_shape_t  llm_shape_mistral = llm_shape_of(llm_rules_mistral);


/* Command R (`text`) and the older Command */
static const llm_meter_rule_t  llm_rules_cohere[] = {
    llm_rule_text("", "text"),
    llm_rule_text("generations[].", "text"),
    llm_rule_object("tool_calls[].", "parameters")
};

const llm_shape_t  llm_shape_cohere = llm_shape_of(llm_rules_cohere);


/* Jurassic-2; Jamba answers as chat completions do */
static const llm_meter_rule_t  llm_rules_ai21[] = {
    llm_rule_element("prompt.tokens[]", "", LLM_JSON_OBJECT, LLM_METER_INPUT),
    llm_rule_element("completions[].data.tokens[]", "", LLM_JSON_OBJECT,
                     LLM_METER_OUTPUT),
    llm_rule_text("completions[].data.", "text")
};

const llm_shape_t  llm_shape_ai21 = llm_shape_of(llm_rules_ai21);


/* a filtered image is null or left out: only those made count */
static const llm_meter_rule_t  llm_rules_image[] = {
    llm_rule("", "images", LLM_JSON_ARRAY, llm_meter_count_none, LLM_METER_BODY,
             LLM_METER_IMAGES),
    llm_rule_element("images[]", "", LLM_JSON_STRING, LLM_METER_IMAGES),
    llm_rule("", "artifacts", LLM_JSON_ARRAY, llm_meter_count_none,
             LLM_METER_BODY, LLM_METER_IMAGES),
    llm_rule_element("artifacts[].", "base64", LLM_JSON_STRING,
                     LLM_METER_IMAGES)
};

const llm_shape_t  llm_shape_image = llm_shape_of(llm_rules_image);


static const llm_meter_rule_t  llm_rules_rerank[] = {
    llm_rule("", "results", LLM_JSON_ARRAY, llm_meter_begun, LLM_METER_BODY, 0)
};

const llm_shape_t  llm_shape_rerank = llm_shape_of(llm_rules_rerank);


/* a new list replaces what an earlier one said */
static void
llm_meter_detail_list(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    llm_meter_report_t  *report;

    report = &meter->report[LLM_METER_BODY];

    report->count[LLM_METER_CACHE_5M] = 0;
    report->count[LLM_METER_CACHE_1H] = 0;
}


static void
llm_meter_detail(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    meter->detail_tokens = -1;
    meter->detail_count = -1;
}


static void
llm_meter_detail_tokens(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    meter->detail_tokens = llm_json_count(token);

    llm_meter_detail_done(meter);
}


static void
llm_meter_detail_ttl(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    meter->detail_count = llm_str_eq(token->text, llm_str("1h"))
                          ? LLM_METER_CACHE_1H : LLM_METER_CACHE_5M;

    llm_meter_detail_done(meter);
}


/* an element's two members come in any order */
static void
llm_meter_detail_done(llm_meter_t *meter)
{
    llm_meter_report_t  *report;

    if (meter->detail_tokens < 0 || meter->detail_count < 0) {
        return;
    }

    report = &meter->report[LLM_METER_BODY];

    llm_meter_set(report, meter->detail_count,
                  report->count[meter->detail_count] + meter->detail_tokens);

    meter->detail_tokens = -1;
}


/* an unknown path is answered with 200 and this, not with an error */
static void
llm_meter_unknown_operation(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    meter->unknown_operation = true;
}
