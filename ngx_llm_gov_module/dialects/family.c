/*
 * The family of a model by its Bedrock id.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* memrchr() */
#endif

#include "api.h"


typedef struct {
    llm_str_t      prefix;
    llm_family_t   family;
} llm_family_prefix_t;


static bool llm_family_find(llm_str_t id, llm_family_t *family);


#define llm_family_of(prefix, family)                                         \
    { { prefix, sizeof(prefix) - 1 }, family }

/* the first that fits: special ones stand before their provider's */
static const llm_family_prefix_t  llm_family_prefixes[] = {
    llm_family_of("anthropic.", LLM_FAMILY_CLAUDE),
    llm_family_of("claude-", LLM_FAMILY_CLAUDE),
    llm_family_of("amazon.nova-canvas", LLM_FAMILY_IMAGE),
    llm_family_of("amazon.nova-reel", LLM_FAMILY_OTHER),
    llm_family_of("amazon.nova-2-multimodal-embeddings",
                  LLM_FAMILY_TITAN_EMBED),
    llm_family_of("amazon.nova-", LLM_FAMILY_NOVA),
    llm_family_of("amazon.titan-embed-", LLM_FAMILY_TITAN_EMBED),
    llm_family_of("amazon.titan-image-", LLM_FAMILY_IMAGE),
    llm_family_of("amazon.titan-", LLM_FAMILY_TITAN_TEXT),
    llm_family_of("amazon.rerank-", LLM_FAMILY_RERANK),
    llm_family_of("cohere.rerank-", LLM_FAMILY_RERANK),
    llm_family_of("cohere.embed-", LLM_FAMILY_COHERE_EMBED),
    llm_family_of("cohere.", LLM_FAMILY_COHERE),
    llm_family_of("meta.", LLM_FAMILY_LLAMA),
    llm_family_of("mistral.", LLM_FAMILY_MISTRAL),
    llm_family_of("ai21.", LLM_FAMILY_AI21),
    llm_family_of("stability.", LLM_FAMILY_IMAGE),
    llm_family_of("deepseek.", LLM_FAMILY_OPENAI_LIKE),
    llm_family_of("google.", LLM_FAMILY_OPENAI_LIKE),
    llm_family_of("minimax.", LLM_FAMILY_OPENAI_LIKE),
    llm_family_of("moonshot.", LLM_FAMILY_OPENAI_LIKE),
    llm_family_of("moonshotai.", LLM_FAMILY_OPENAI_LIKE),
    llm_family_of("nvidia.", LLM_FAMILY_OPENAI_LIKE),
    llm_family_of("openai.", LLM_FAMILY_OPENAI_LIKE),
    llm_family_of("qwen.", LLM_FAMILY_OPENAI_LIKE),
    llm_family_of("writer.", LLM_FAMILY_OPENAI_LIKE),
    llm_family_of("xai.", LLM_FAMILY_OPENAI_LIKE),
    llm_family_of("zai.", LLM_FAMILY_OPENAI_LIKE)
};


/*
 * An ARN ends with "/" and an id ("…:foundation-model/anthropic.claude-…",
 * "…:inference-profile/us.anthropic.claude-…"); an application inference
 * profile's or an imported model's id does not tell the family.
 */
llm_family_t
llm_model_family(llm_str_t model)
{
    size_t        i;
    const char   *slash;
    llm_family_t  family;

    slash = (model.len != 0) ? memrchr(model.data, '/', model.len) : NULL;

    if (slash != NULL) {
        model.len -= (size_t) (slash + 1 - model.data);
        model.data = slash + 1;
    }

    if (llm_family_find(model, &family)) {
        return family;
    }

    /* "us.", "apac.", "global.": the scope of an inference profile */

    for (i = 0; i < model.len; i++) {

        if (model.data[i] == '.') {
            model.data += i + 1;
            model.len -= i + 1;

            return llm_family_find(model, &family) ? family : LLM_FAMILY_OTHER;
        }
    }

    return LLM_FAMILY_OTHER;
}


static bool
llm_family_find(llm_str_t id, llm_family_t *family)
{
    size_t                      i, n;
    const llm_family_prefix_t  *prefix;

    n = sizeof(llm_family_prefixes) / sizeof(llm_family_prefixes[0]);

    for (i = 0; i < n; i++) {
        prefix = &llm_family_prefixes[i];

        if (llm_str_starts(id, prefix->prefix)) {
            *family = prefix->family;
            return true;
        }
    }

    return false;
}
