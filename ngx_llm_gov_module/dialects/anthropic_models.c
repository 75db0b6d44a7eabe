/*
 * Anthropic's model names and Bedrock's ids for them.  Ids and the profiles
 * that exist: the Bedrock rows of LiteLLM's price list and wire notes 8.2; an
 * operator's own map goes before this one.
 */

#include "envelope.h"


#define LLM_SCOPE_US      0x01
#define LLM_SCOPE_EU      0x02
#define LLM_SCOPE_APAC    0x04
#define LLM_SCOPE_JP      0x08
#define LLM_SCOPE_AU      0x10
#define LLM_SCOPE_GLOBAL  0x20
#define LLM_SCOPE_GOV     0x40

#define LLM_SCOPE_ALL                                                         \
    (LLM_SCOPE_US|LLM_SCOPE_EU|LLM_SCOPE_JP|LLM_SCOPE_AU|LLM_SCOPE_GLOBAL)
#define LLM_SCOPE_OLD     (LLM_SCOPE_US|LLM_SCOPE_EU|LLM_SCOPE_APAC)

/* what Anthropic's own API says where it does not know */
#define LLM_NO_DATE       "1970-01-01T00:00:00Z"


static const llm_anthropic_model_t  llm_anthropic_model_list[] = {
    { "claude-opus-5-5", "Claude Opus 5.5",
      "anthropic.claude-opus-5-5", LLM_NO_DATE, LLM_SCOPE_ALL },
    { "claude-sonnet-5-5", "Claude Sonnet 5.5",
      "anthropic.claude-sonnet-5-5", LLM_NO_DATE, LLM_SCOPE_ALL },
    { "claude-haiku-5-5", "Claude Haiku 5.5",
      "anthropic.claude-haiku-5-5", LLM_NO_DATE, LLM_SCOPE_ALL },
    { "claude-fable-5-1", "Claude Fable 5.1",
      "anthropic.claude-fable-5-1", LLM_NO_DATE,
      LLM_SCOPE_US|LLM_SCOPE_EU|LLM_SCOPE_GLOBAL },
    { "claude-fable-5", "Claude Fable 5",
      "anthropic.claude-fable-5", LLM_NO_DATE,
      LLM_SCOPE_US|LLM_SCOPE_EU|LLM_SCOPE_GLOBAL },
    { "claude-opus-5", "Claude Opus 5",
      "anthropic.claude-opus-5", LLM_NO_DATE, LLM_SCOPE_ALL },
    { "claude-sonnet-5", "Claude Sonnet 5",
      "anthropic.claude-sonnet-5", LLM_NO_DATE, LLM_SCOPE_ALL },
    { "claude-mythos-preview", "Claude Mythos (preview)",
      "anthropic.claude-mythos-preview", LLM_NO_DATE, 0 },
    { "claude-opus-4-8", "Claude Opus 4.8",
      "anthropic.claude-opus-4-8", LLM_NO_DATE, LLM_SCOPE_ALL },
    { "claude-opus-4-7", "Claude Opus 4.7",
      "anthropic.claude-opus-4-7", "2026-04-16T00:00:00Z", LLM_SCOPE_ALL },
    { "claude-sonnet-4-6", "Claude Sonnet 4.6",
      "anthropic.claude-sonnet-4-6", LLM_NO_DATE, LLM_SCOPE_ALL },
    { "claude-opus-4-6", "Claude Opus 4.6",
      "anthropic.claude-opus-4-6-v1", "2026-02-05T00:00:00Z",
      LLM_SCOPE_US|LLM_SCOPE_EU|LLM_SCOPE_AU|LLM_SCOPE_GLOBAL },
    { "claude-opus-4-5-20251101", "Claude Opus 4.5",
      "anthropic.claude-opus-4-5-20251101-v1:0", "2025-11-01T00:00:00Z",
      LLM_SCOPE_US|LLM_SCOPE_EU|LLM_SCOPE_GLOBAL },
    { "claude-haiku-4-5-20251001", "Claude Haiku 4.5",
      "anthropic.claude-haiku-4-5-20251001-v1:0", "2025-10-01T00:00:00Z",
      LLM_SCOPE_ALL },
    { "claude-sonnet-4-5-20250929", "Claude Sonnet 4.5",
      "anthropic.claude-sonnet-4-5-20250929-v1:0", "2025-09-29T00:00:00Z",
      LLM_SCOPE_ALL|LLM_SCOPE_GOV },
    { "claude-opus-4-1-20250805", "Claude Opus 4.1",
      "anthropic.claude-opus-4-1-20250805-v1:0", "2025-08-05T00:00:00Z",
      LLM_SCOPE_US|LLM_SCOPE_EU },
    { "claude-opus-4-20250514", "Claude Opus 4",
      "anthropic.claude-opus-4-20250514-v1:0", "2025-05-14T00:00:00Z",
      LLM_SCOPE_US|LLM_SCOPE_EU },
    { "claude-sonnet-4-20250514", "Claude Sonnet 4",
      "anthropic.claude-sonnet-4-20250514-v1:0", "2025-05-14T00:00:00Z",
      LLM_SCOPE_OLD|LLM_SCOPE_GLOBAL },
    { "claude-3-7-sonnet-20250219", "Claude Sonnet 3.7",
      "anthropic.claude-3-7-sonnet-20250219-v1:0", "2025-02-19T00:00:00Z",
      LLM_SCOPE_OLD },
    { "claude-3-5-sonnet-20241022", "Claude Sonnet 3.5 v2",
      "anthropic.claude-3-5-sonnet-20241022-v2:0", "2024-10-22T00:00:00Z",
      0 },
    { "claude-3-5-haiku-20241022", "Claude Haiku 3.5",
      "anthropic.claude-3-5-haiku-20241022-v1:0", "2024-10-22T00:00:00Z", 0 },
    { "claude-3-5-sonnet-20240620", "Claude Sonnet 3.5",
      "anthropic.claude-3-5-sonnet-20240620-v1:0", "2024-06-20T00:00:00Z",
      0 },
    { "claude-3-haiku-20240307", "Claude Haiku 3",
      "anthropic.claude-3-haiku-20240307-v1:0", "2024-03-07T00:00:00Z", 0 },
    { "claude-3-opus-20240229", "Claude Opus 3",
      "anthropic.claude-3-opus-20240229-v1:0", "2024-02-29T00:00:00Z", 0 },
    { "claude-3-sonnet-20240229", "Claude Sonnet 3",
      "anthropic.claude-3-sonnet-20240229-v1:0", "2024-02-29T00:00:00Z", 0 }
};


#define LLM_ANTHROPIC_MODELS                                                  \
    (sizeof(llm_anthropic_model_list) / sizeof(llm_anthropic_model_list[0]))


typedef struct {
    const char  *alias;
    const char  *name;
} llm_anthropic_alias_t;


static const llm_anthropic_alias_t  llm_anthropic_aliases[] = {
    { "claude-opus-4-7-20260416", "claude-opus-4-7" },
    { "claude-opus-4-6-20260205", "claude-opus-4-6" },
    { "claude-opus-4-5", "claude-opus-4-5-20251101" },
    { "claude-haiku-4-5", "claude-haiku-4-5-20251001" },
    { "claude-sonnet-4-5", "claude-sonnet-4-5-20250929" },
    { "claude-opus-4-1", "claude-opus-4-1-20250805" },
    { "claude-opus-4-0", "claude-opus-4-20250514" },
    { "claude-4-opus-20250514", "claude-opus-4-20250514" },
    { "claude-sonnet-4-0", "claude-sonnet-4-20250514" },
    { "claude-4-sonnet-20250514", "claude-sonnet-4-20250514" },
    { "claude-3-7-sonnet-latest", "claude-3-7-sonnet-20250219" },
    { "claude-3-7-sonnet", "claude-3-7-sonnet-20250219" },
    { "claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022" },
    { "claude-3-5-sonnet", "claude-3-5-sonnet-20241022" },
    { "claude-3-5-haiku-latest", "claude-3-5-haiku-20241022" },
    { "claude-3-5-haiku", "claude-3-5-haiku-20241022" },
    { "claude-3-opus-latest", "claude-3-opus-20240229" },
    { "claude-3-opus", "claude-3-opus-20240229" },
    { "claude-3-haiku", "claude-3-haiku-20240307" },
    { "claude-3-sonnet", "claude-3-sonnet-20240229" },
    { NULL, NULL }
};


/* which profiles can be called from a region, the nearest first */
typedef struct {
    const char  *region;        /* or how it begins */
    unsigned     scopes[2];
} llm_anthropic_region_t;


static const llm_anthropic_region_t  llm_anthropic_regions[] = {
    { "us-gov-", { LLM_SCOPE_GOV, 0 } },
    { "us-", { LLM_SCOPE_US, 0 } },
    { "ca-", { LLM_SCOPE_US, 0 } },
    { "eu-", { LLM_SCOPE_EU, 0 } },
    { "ap-northeast-1", { LLM_SCOPE_JP, LLM_SCOPE_APAC } },
    { "ap-northeast-3", { LLM_SCOPE_JP, LLM_SCOPE_APAC } },
    { "ap-southeast-2", { LLM_SCOPE_AU, LLM_SCOPE_APAC } },
    { "ap-southeast-4", { LLM_SCOPE_AU, LLM_SCOPE_APAC } },
    { "ap-", { LLM_SCOPE_APAC, 0 } },
    { "", { 0, 0 } }
};


static const char *
llm_anthropic_prefix(unsigned scope)
{
    switch (scope) {

    case LLM_SCOPE_US:
        return "us.";

    case LLM_SCOPE_EU:
        return "eu.";

    case LLM_SCOPE_APAC:
        return "apac.";

    case LLM_SCOPE_JP:
        return "jp.";

    case LLM_SCOPE_AU:
        return "au.";

    case LLM_SCOPE_GLOBAL:
        return "global.";

    case LLM_SCOPE_GOV:
        return "us-gov.";
    }

    return "";
}


static bool
llm_name_is(const char *name, llm_str_t text)
{
    return strlen(name) == text.len && memcmp(name, text.data, text.len) == 0;
}


const llm_anthropic_model_t *
llm_anthropic_model_find(llm_str_t name)
{
    size_t                        i;
    const llm_anthropic_alias_t  *alias;

    for (alias = llm_anthropic_aliases; alias->alias; alias++) {
        if (llm_name_is(alias->alias, name)) {
            name.data = alias->name;
            name.len = strlen(alias->name);
            break;
        }
    }

    for (i = 0; i < LLM_ANTHROPIC_MODELS; i++) {
        if (llm_name_is(llm_anthropic_model_list[i].name, name)) {
            return &llm_anthropic_model_list[i];
        }
    }

    return NULL;
}


/* the profile to use in a region; 0: the bare id */
static unsigned
llm_anthropic_scope(const llm_anthropic_model_t *model, llm_str_t region)
{
    size_t                         n;
    const llm_anthropic_region_t  *r;

    for (r = llm_anthropic_regions; *r->region; r++) {
        n = strlen(r->region);

        if (region.len >= n && memcmp(r->region, region.data, n) == 0) {
            break;
        }
    }

    if (model->scopes & r->scopes[0]) {
        return r->scopes[0];
    }

    if (model->scopes & r->scopes[1]) {
        return r->scopes[1];
    }

    /* GovCloud is apart from the rest of the world */
    return r->scopes[0] == LLM_SCOPE_GOV ? 0 : model->scopes & LLM_SCOPE_GLOBAL;
}


/* "anthropic.claude-…", "eu.amazon.nova-…", "arn:aws:…" */
static bool
llm_anthropic_is_bedrock_id(llm_str_t name)
{
    return llm_str_starts(name, llm_str("arn:"))
           || (!llm_str_starts(name, llm_str("claude"))
               && memchr(name.data, '.', name.len) != NULL);
}


int
llm_anthropic_model(llm_buf_t *out, llm_str_t name, llm_str_t region)
{
    const char                   *prefix;
    const llm_anthropic_model_t  *model;

    if (name.len == 0) {
        return LLM_ERROR;
    }

    if (llm_anthropic_is_bedrock_id(name)) {
        llm_buf_str(out, name);
        return out->failed ? LLM_ERROR : LLM_OK;
    }

    /* how Claude Code asks for the long context window */
    if (name.len > 4 && memcmp(name.data + name.len - 4, "[1m]", 4) == 0) {
        name.len -= 4;
    }

    model = llm_anthropic_model_find(name);

    if (model == NULL) {
        return LLM_ERROR;
    }

    prefix = llm_anthropic_prefix(llm_anthropic_scope(model, region));

    llm_buf_append(out, prefix, strlen(prefix));
    llm_buf_append(out, model->bedrock_id, strlen(model->bedrock_id));

    return out->failed ? LLM_ERROR : LLM_OK;
}


const llm_anthropic_model_t *
llm_anthropic_models(size_t *n)
{
    *n = LLM_ANTHROPIC_MODELS;

    return llm_anthropic_model_list;
}
