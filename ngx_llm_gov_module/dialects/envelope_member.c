/*
 * The members of a body that say what the call is: model, stream, limits of
 * the output, betas, user.  Each vendor has its own names for them.
 */

#include "envelope_parts.h"
#include "text.h"


#define LLM_ENVELOPE_MAX_ANSWERS  65536


typedef enum {
    LLM_MEMBER_MODEL,
    LLM_MEMBER_STREAM,
    LLM_MEMBER_MAX_TOKENS,
    LLM_MEMBER_ANSWERS,
    LLM_MEMBER_USER,
    LLM_MEMBER_VERSION,
    LLM_MEMBER_BETAS,
    LLM_MEMBER_BETA,
    LLM_MEMBER_TIER,
    LLM_MEMBER_THINKING,
    LLM_MEMBER_THINKING_BUDGET
} llm_member_t;


typedef struct {
    unsigned       depth;
    llm_str_t      key;
    const char    *path;
    unsigned       apis;
    llm_member_t   member;
    const char    *error;       /* for a wrong type */
} llm_member_rule_t;


#define llm_rule(depth, key, path, apis, member, error)                       \
    { depth, { key, sizeof(key) - 1 }, path, apis, member, error }

#define llm_rule_top(key, apis, member, error)                                \
    llm_rule(1, key, key, apis, member, error)

#define llm_rule_max(depth, key, path, apis)                                  \
    llm_rule(depth, key, path, apis, LLM_MEMBER_MAX_TOKENS,                   \
             path " must be a whole number of at least 1")


static const llm_member_rule_t  llm_member_rules[] = {

    llm_rule_top("model", LLM_FOR_CLAUDE|LLM_FOR_OPENAI, LLM_MEMBER_MODEL,
                 "model must be a string"),
    llm_rule_top("stream", LLM_FOR_ANTHROPIC|LLM_FOR_CHAT, LLM_MEMBER_STREAM,
                 "stream must be true or false"),

    llm_rule_max(1, "max_tokens", "max_tokens",
                 LLM_FOR_CLAUDE|LLM_FOR_CHAT),
    llm_rule_max(1, "max_completion_tokens", "max_completion_tokens",
                 LLM_FOR_INVOKE|LLM_FOR_CHAT),
    llm_rule_max(1, "max_output_tokens", "max_output_tokens",
                 LLM_FOR_INVOKE|LLM_FOR_CHAT),
    llm_rule_max(1, "max_tokens_to_sample", "max_tokens_to_sample",
                 LLM_FOR_INVOKE),
    llm_rule_max(1, "max_gen_len", "max_gen_len", LLM_FOR_INVOKE),
    llm_rule_max(1, "max_new_tokens", "max_new_tokens", LLM_FOR_INVOKE),
    llm_rule_max(1, "maxTokens", "maxTokens", LLM_FOR_INVOKE),
    llm_rule_max(1, "maxTokenCount", "maxTokenCount", LLM_FOR_INVOKE),
    llm_rule_max(2, "maxTokenCount", "textGenerationConfig.maxTokenCount",
                 LLM_FOR_INVOKE),
    llm_rule_max(2, "maxTokens", "inferenceConfig.maxTokens",
                 LLM_FOR_INVOKE|LLM_FOR_CONVERSE),
    llm_rule_max(2, "max_new_tokens", "inferenceConfig.max_new_tokens",
                 LLM_FOR_INVOKE),
    llm_rule_max(2, "maxNewTokens", "inferenceConfig.maxNewTokens",
                 LLM_FOR_INVOKE),

    /* Converse hands these on to the model as they are */
    llm_rule_max(2, "max_tokens", "additionalModelRequestFields.max_tokens",
                 LLM_FOR_CONVERSE),
    llm_rule_max(2, "max_gen_len", "additionalModelRequestFields.max_gen_len",
                 LLM_FOR_CONVERSE),
    llm_rule_max(2, "max_completion_tokens",
                 "additionalModelRequestFields.max_completion_tokens",
                 LLM_FOR_CONVERSE),
    llm_rule_max(3, "maxTokens",
                 "additionalModelRequestFields.inferenceConfig.maxTokens",
                 LLM_FOR_CONVERSE),

    llm_rule_top("n", LLM_FOR_INVOKE|LLM_FOR_CHAT, LLM_MEMBER_ANSWERS,
                 "n must be a whole number of at least 1"),
    llm_rule_top("num_generations", LLM_FOR_INVOKE, LLM_MEMBER_ANSWERS,
                 "num_generations must be a whole number of at least 1"),
    llm_rule_top("numResults", LLM_FOR_INVOKE, LLM_MEMBER_ANSWERS,
                 "numResults must be a whole number of at least 1"),

    llm_rule_top("user", LLM_FOR_OPENAI, LLM_MEMBER_USER, NULL),
    llm_rule(2, "user_id", "metadata.user_id", LLM_FOR_CLAUDE,
             LLM_MEMBER_USER, NULL),

    llm_rule_top("anthropic_version", LLM_FOR_CLAUDE, LLM_MEMBER_VERSION,
                 NULL),
    llm_rule_top("anthropic_beta", LLM_FOR_CLAUDE, LLM_MEMBER_BETAS,
                 "anthropic_beta must be a list of strings"),
    llm_rule(2, "", "anthropic_beta[]", LLM_FOR_CLAUDE, LLM_MEMBER_BETA,
             "anthropic_beta must be a list of strings"),

    llm_rule_top("service_tier", LLM_FOR_ANTHROPIC|LLM_FOR_CHAT,
                 LLM_MEMBER_TIER, NULL),
    llm_rule(2, "type", "serviceTier.type", LLM_FOR_CONVERSE, LLM_MEMBER_TIER,
             NULL),

    llm_rule(2, "type", "thinking.type", LLM_FOR_CLAUDE, LLM_MEMBER_THINKING,
             NULL),
    llm_rule(2, "budget_tokens", "thinking.budget_tokens", LLM_FOR_CLAUDE,
             LLM_MEMBER_THINKING_BUDGET, NULL),
    llm_rule(3, "type", "additionalModelRequestFields.thinking.type",
             LLM_FOR_CONVERSE, LLM_MEMBER_THINKING, NULL)
};


#define LLM_MEMBER_RULES                                                      \
    (sizeof(llm_member_rules) / sizeof(llm_member_rules[0]))


/* 0: not given (null, where that is the same), -1: no whole number above 0 */
static int64_t
llm_member_whole(const llm_json_token_t *token)
{
    size_t   i;
    int64_t  n;

    if (token->type == LLM_JSON_NULL) {
        return 0;
    }

    n = llm_json_count(token);

    if (n < 1) {
        return -1;
    }

    for (i = 0; i < token->text.len; i++) {
        if (token->text.data[i] == '.') {
            break;
        }

        if (token->text.data[i] < '0' || token->text.data[i] > '9') {
            return -1;
        }
    }

    /* "1024.0", as some languages write it */

    while (++i < token->text.len) {
        if (token->text.data[i] != '0') {
            return -1;
        }
    }

    return n;
}


static int
llm_member_fail(llm_envelope_reader_t *reader, const char *error)
{
    reader->json.error = error;

    return LLM_ERROR;
}


static int
llm_member_model(llm_envelope_reader_t *reader,
    const llm_json_token_t *token, const char *error)
{
    llm_envelope_t  *envelope;

    envelope = reader->envelope;

    if (token->type != LLM_JSON_STRING || token->text.len == 0) {

        /* InvokeModel bodies need none, the path has it */
        return (reader->apis & LLM_FOR_INVOKE)
                   ? LLM_OK : llm_member_fail(reader, error);
    }

    /* which of them counts would be the provider's guess, not ours */
    if (envelope->model_len && !(reader->apis & LLM_FOR_INVOKE)) {
        return llm_member_fail(reader, "model is given twice");
    }

    if (token->len >= LLM_ENVELOPE_MODEL_SIZE) {
        return llm_member_fail(reader, "model is too long");
    }

    envelope->model_len = llm_text_copy(envelope->model,
                                        LLM_ENVELOPE_MODEL_SIZE - 1, token);

    return LLM_OK;
}


static int
llm_member_count(llm_envelope_reader_t *reader,
    const llm_json_token_t *token, const llm_member_rule_t *rule)
{
    int64_t  n;

    n = llm_member_whole(token);

    if (n < 0 || (n == 0 && (reader->apis & LLM_FOR_ANTHROPIC))) {
        return llm_member_fail(reader, rule->error);
    }

    if (n == 0) {
        return LLM_OK;
    }

    if (rule->member == LLM_MEMBER_ANSWERS) {
        if (n > LLM_ENVELOPE_MAX_ANSWERS) {
            return llm_member_fail(reader, "too many answers asked for");
        }

        if (n > reader->answers) {
            reader->answers = n;
        }

        return LLM_OK;
    }

    if (n > reader->envelope->max_tokens) {
        reader->envelope->max_tokens = n;
    }

    return LLM_OK;
}


static int
llm_member_beta(llm_envelope_reader_t *reader,
    const llm_json_token_t *token, const char *error)
{
    char            *dst;
    char             c;
    size_t           i, n;
    llm_envelope_t  *envelope;

    if (token->type != LLM_JSON_STRING || token->escaped) {
        return llm_member_fail(reader, error);
    }

    envelope = reader->envelope;
    n = envelope->betas_len + (envelope->betas_len > 0);

    if (token->len > LLM_ENVELOPE_BETA_SIZE - n || token->truncated) {
        return llm_member_fail(reader, "anthropic_beta is too long");
    }

    for (i = 0; i < token->text.len; i++) {
        c = token->text.data[i];

        if (c <= 0x20 || c >= 0x7f || c == ',') {
            return llm_member_fail(reader, error);
        }
    }

    if (token->text.len == 0) {
        return LLM_OK;
    }

    dst = envelope->betas;

    if (envelope->betas_len) {
        dst[n - 1] = ',';
    }

    memcpy(dst + n, token->text.data, token->text.len);
    envelope->betas_len = n + token->text.len;

    return LLM_OK;
}


/* the list itself: may be null, must else be one */
static int
llm_member_betas(llm_envelope_reader_t *reader,
    const llm_json_token_t *token, const char *error)
{
    if (token->type == LLM_JSON_ARRAY || token->type == LLM_JSON_ARRAY_END) {
        reader->envelope->has_betas = true;
        return LLM_OK;
    }

    return (token->type == LLM_JSON_NULL)
               ? LLM_OK : llm_member_fail(reader, error);
}


static int
llm_member_stream(llm_envelope_reader_t *reader,
    const llm_json_token_t *token, const char *error)
{
    if (token->type != LLM_JSON_TRUE && token->type != LLM_JSON_FALSE
        && token->type != LLM_JSON_NULL)
    {
        return llm_member_fail(reader, error);
    }

    reader->envelope->stream = (token->type == LLM_JSON_TRUE);

    return LLM_OK;
}


static bool
llm_member_is(const llm_json_token_t *token, llm_str_t text)
{
    return token->type == LLM_JSON_STRING && llm_str_eq(token->text, text);
}


static int
llm_member_apply(llm_envelope_reader_t *reader,
    const llm_json_token_t *token, const llm_member_rule_t *rule)
{
    llm_envelope_t  *envelope;

    envelope = reader->envelope;

    switch (rule->member) {

    case LLM_MEMBER_MODEL:
        return llm_member_model(reader, token, rule->error);

    case LLM_MEMBER_STREAM:
        return llm_member_stream(reader, token, rule->error);

    case LLM_MEMBER_MAX_TOKENS:
    case LLM_MEMBER_ANSWERS:
        return llm_member_count(reader, token, rule);

    case LLM_MEMBER_BETAS:
        return llm_member_betas(reader, token, rule->error);

    case LLM_MEMBER_BETA:
        return llm_member_beta(reader, token, rule->error);

    case LLM_MEMBER_USER:
        if (token->type == LLM_JSON_STRING) {
            envelope->user_len = llm_text_copy(envelope->user,
                                               LLM_ENVELOPE_USER_SIZE, token);
        }

        break;

    case LLM_MEMBER_VERSION:
        envelope->has_anthropic_version = true;
        break;

    case LLM_MEMBER_TIER:
        envelope->service_tier_flex = llm_member_is(token, llm_str("flex"));
        envelope->service_tier_priority
            = llm_member_is(token, llm_str("priority"));
        break;

    case LLM_MEMBER_THINKING:
        envelope->thinking = llm_member_is(token, llm_str("enabled"))
                             || llm_member_is(token, llm_str("adaptive"));
        break;

    case LLM_MEMBER_THINKING_BUDGET:
        envelope->thinking_budget = llm_json_count(token);
        break;
    }

    return LLM_OK;
}


void
llm_envelope_member_init(llm_envelope_reader_t *reader)
{
    size_t                    i;
    const llm_member_rule_t  *rule;

    for (i = 0; i < LLM_MEMBER_RULES; i++) {
        rule = &llm_member_rules[i];

        if (rule->apis & reader->apis) {
            reader->member_keys[rule->depth] |= 1u << rule->key.len;
        }
    }
}


int
llm_envelope_member(llm_envelope_reader_t *reader,
    const llm_json_token_t *token)
{
    size_t                    i;
    llm_str_t                 key;
    const llm_json_t         *json;
    const llm_member_rule_t  *rule;

    json = &reader->json;

    key = llm_json_key(json);

    if (!llm_envelope_maybe(reader->member_keys[json->depth], key)) {
        return LLM_OK;
    }

    for (i = 0; i < LLM_MEMBER_RULES; i++) {
        rule = &llm_member_rules[i];

        if (rule->depth == json->depth && (rule->apis & reader->apis)
            && llm_str_eq(rule->key, key) && llm_json_at(json, rule->path))
        {
            return llm_member_apply(reader, token, rule);
        }
    }

    return LLM_OK;
}
