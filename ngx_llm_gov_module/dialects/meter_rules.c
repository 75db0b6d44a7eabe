/*
 * The rules applied: which shapes a call's answer may have, and which rule of
 * them is for a token.
 */

#include "meter_rules.h"


static const llm_meter_rule_t *llm_meter_rule(llm_meter_t *meter,
    llm_json_t *json, const llm_json_token_t *token);
static bool llm_meter_in_object(llm_meter_t *meter, llm_json_t *json,
    const llm_json_token_t *token);


static const llm_shape_t  *llm_meter_shape[LLM_SHAPES] = {
    [LLM_SHAPE_BEDROCK] = &llm_shape_bedrock,
    [LLM_SHAPE_CONVERSE] = &llm_shape_converse,
    [LLM_SHAPE_ANTHROPIC] = &llm_shape_anthropic,
    [LLM_SHAPE_NOVA] = &llm_shape_nova,
    [LLM_SHAPE_TITAN] = &llm_shape_titan,
    [LLM_SHAPE_LLAMA] = &llm_shape_llama,
    [LLM_SHAPE_MISTRAL] = &llm_shape_mistral,
    [LLM_SHAPE_COHERE] = &llm_shape_cohere,
    [LLM_SHAPE_AI21] = &llm_shape_ai21,
    [LLM_SHAPE_IMAGE] = &llm_shape_image,
    [LLM_SHAPE_RERANK] = &llm_shape_rerank,
    [LLM_SHAPE_CHAT] = &llm_shape_chat,
    [LLM_SHAPE_RESPONSES] = &llm_shape_responses
};


#define llm_shape_bit(shape)  llm_meter_bit(LLM_SHAPE_ ## shape)

/* what an unknown model's body is looked through for; their members differ */
#define LLM_SHAPES_INVOKE                                                     \
    (llm_shape_bit(ANTHROPIC) | llm_shape_bit(NOVA) | llm_shape_bit(TITAN)    \
     | llm_shape_bit(LLAMA) | llm_shape_bit(MISTRAL) | llm_shape_bit(COHERE)  \
     | llm_shape_bit(AI21) | llm_shape_bit(IMAGE) | llm_shape_bit(CHAT))

static const unsigned  llm_family_shapes[] = {
    [LLM_FAMILY_OTHER] = LLM_SHAPES_INVOKE,
    [LLM_FAMILY_CLAUDE] = llm_shape_bit(ANTHROPIC),
    [LLM_FAMILY_NOVA] = llm_shape_bit(NOVA),
    [LLM_FAMILY_TITAN_TEXT] = llm_shape_bit(TITAN),
    [LLM_FAMILY_TITAN_EMBED] = llm_shape_bit(TITAN),
    [LLM_FAMILY_LLAMA] = llm_shape_bit(LLAMA) | llm_shape_bit(CHAT),
    [LLM_FAMILY_MISTRAL] = llm_shape_bit(MISTRAL) | llm_shape_bit(CHAT),
    [LLM_FAMILY_COHERE] = llm_shape_bit(COHERE),
    [LLM_FAMILY_COHERE_EMBED] = 0,
    [LLM_FAMILY_RERANK] = llm_shape_bit(RERANK),
    [LLM_FAMILY_AI21] = llm_shape_bit(AI21) | llm_shape_bit(CHAT),
    [LLM_FAMILY_OPENAI_LIKE] = llm_shape_bit(CHAT),
    [LLM_FAMILY_IMAGE] = llm_shape_bit(IMAGE)
};


unsigned
llm_meter_shapes(llm_api_t api, llm_family_t family)
{
    switch (api) {

    case LLM_API_BEDROCK_INVOKE:
    case LLM_API_BEDROCK_INVOKE_STREAM:
        if ((size_t) family >= sizeof(llm_family_shapes)
                               / sizeof(llm_family_shapes[0]))
        {
            family = LLM_FAMILY_OTHER;
        }

        return llm_shape_bit(BEDROCK) | llm_family_shapes[family];

    case LLM_API_BEDROCK_CONVERSE:
    case LLM_API_BEDROCK_CONVERSE_STREAM:
        return llm_shape_bit(BEDROCK) | llm_shape_bit(CONVERSE);

    case LLM_API_BEDROCK_COUNT_TOKENS:
        return llm_shape_bit(BEDROCK);

    case LLM_API_ANTHROPIC_MESSAGES:
        return llm_shape_bit(ANTHROPIC);

    case LLM_API_OPENAI_CHAT:
    case LLM_API_OPENAI_EMBEDDINGS:
        return llm_shape_bit(CHAT);

    case LLM_API_OPENAI_RESPONSES:
        return llm_shape_bit(RESPONSES);

    default:
        return 0;
    }
}


void
llm_meter_look_for(llm_meter_t *meter, unsigned shapes)
{
    const llm_shape_t       *shape;
    const llm_meter_rule_t  *rule, *end;

    meter->shapes = shapes;

    for ( /* void */ ; shapes != 0; shapes &= shapes - 1) {
        shape = llm_meter_shape[__builtin_ctz(shapes)];
        end = shape->rules + shape->n;

        for (rule = shape->rules; rule != end; rule++) {
            meter->keys[rule->type] |= (uint64_t) 1 << rule->key_len;
        }
    }
}


void
llm_meter_scan(llm_meter_t *meter, llm_str_t json)
{
    (void) llm_json_scan(json.data, json.len, llm_meter_token, meter);

    /* it may have broken off within an object */
    meter->raw_depth = 0;
}


int
llm_meter_token(llm_json_t *json, const llm_json_token_t *token, void *data)
{
    llm_meter_t             *meter;
    const llm_meter_rule_t  *rule;

    meter = data;

    if (llm_meter_in_object(meter, json, token)) {
        return LLM_OK;
    }

    rule = llm_meter_rule(meter, json, token);

    if (rule != NULL) {
        rule->action(meter, rule, token);

        if (rule->action == llm_meter_object) {
            meter->raw_depth = json->depth;
        }
    }

    return LLM_OK;
}


/*
 * Inside a tool's input nothing is looked at, and when it ends its size as JSON
 * is the size of what the model wrote.
 */
static bool
llm_meter_in_object(llm_meter_t *meter, llm_json_t *json,
    const llm_json_token_t *token)
{
    if (meter->raw_depth == 0) {
        return false;
    }

    if (token->type == LLM_JSON_OBJECT_END && json->depth == meter->raw_depth) {
        meter->output_bytes += token->end - meter->raw_start;
        meter->raw_depth = 0;
    }

    return true;
}


static const llm_meter_rule_t *
llm_meter_rule(llm_meter_t *meter, llm_json_t *json,
    const llm_json_token_t *token)
{
    unsigned                 shapes;
    llm_str_t                key;
    const llm_shape_t       *shape;
    const llm_meter_rule_t  *rule, *end;

    key = llm_json_key(json);

    /* most tokens end here */

    if (key.len >= 64 || !(meter->keys[token->type] >> key.len & 1)) {
        return NULL;
    }

    for (shapes = meter->shapes; shapes != 0; shapes &= shapes - 1) {
        shape = llm_meter_shape[__builtin_ctz(shapes)];
        end = shape->rules + shape->n;

        for (rule = shape->rules; rule != end; rule++) {

            if (rule->type == token->type && rule->key_len == key.len
                && llm_json_at(json, rule->path))
            {
                return rule;
            }
        }
    }

    return NULL;
}
