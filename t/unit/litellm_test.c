/*
 * LiteLLM's list: what is believed of it, and what is not.  The mistakes that
 * are tested here are named by their issue numbers.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "pricing/price.h"
#include "tap.h"


/* 2026-11-23T00:00:00Z, and the end of a promotion */
#define NOW          INT64_C(1795392000000)
#define SEPTEMBER_1  INT64_C(1788220800000)

#define MAX_WARNINGS  512


typedef struct {
    unsigned   errors;
    unsigned   n;
    unsigned   line[MAX_WARNINGS];
    char       text[MAX_WARNINGS][256];
} told_t;


static void
tell(void *ctx, bool is_error, unsigned line, const char *text)
{
    told_t  *told = ctx;

    told->errors += is_error;

    if (told->n < MAX_WARNINGS) {
        told->line[told->n] = line;
        snprintf(told->text[told->n], sizeof(told->text[0]), "%s", text);
        told->n++;
    }
}


/* was there a warning about this key that says so? */

static int
warned(const told_t *told, const char *key, const char *says)
{
    unsigned  i;
    char      start[256];

    snprintf(start, sizeof(start), "price of \"%s\": ", key);

    for (i = 0; i < told->n; i++) {
        if (strncmp(told->text[i], start, strlen(start)) == 0
            && strstr(told->text[i], says) != NULL)
        {
            return 1;
        }
    }

    return 0;
}


static llm_str_t
str(const char *text)
{
    return (llm_str_t) { text, strlen(text) };
}


static int
find(const llm_prices_t *prices, const char *model, const char *region,
    llm_price_t *price)
{
    memset(price, 0, sizeof(llm_price_t));

    return llm_prices_find(prices, str(model), str(region), NOW, price);
}


static int
costs(const llm_prices_t *prices, const char *model, const char *region,
    int64_t input, int64_t output)
{
    llm_price_t  price;

    return find(prices, model, region, &price) == LLM_OK
           && price.standard.input == input
           && price.standard.output == output;
}


#define CHAT(in, out)                                                         \
    "{\"litellm_provider\":\"bedrock_converse\",\"mode\":\"chat\","           \
    "\"input_cost_per_token\":" in ",\"output_cost_per_token\":" out "}"

static const char  small_list[] =
    "{\n"
    "\"sample_spec\": { \"litellm_provider\": \"one of\","
    " \"input_cost_per_token\": 0.0 },\n"
    "\"anthropic.claude-new-1\": " CHAT("3e-06", "1.5e-05") ",\n"
    "\"global.anthropic.claude-new-1\": " CHAT("3e-06", "1.5e-05") ",\n"
    "\"us.anthropic.claude-new-1\": " CHAT("3.3e-06", "1.65e-05") ",\n"
    "\"eu.anthropic.claude-new-1\": " CHAT("3e-06", "1.5e-05") ",\n"
    "\"bedrock/eu-west-2/anthropic.claude-new-1\": "
    CHAT("4.5e-06", "2.25e-05") ",\n"
    "\"bedrock/us-east-1/1-month-commitment/anthropic.claude-new-1\":"
    " { \"litellm_provider\": \"bedrock\", \"input_cost_per_second\": 1 },\n"
    "\"v.zero\": " CHAT("0", "0") ",\n"
    "\"v.zero-out\": " CHAT("1e-06", "0") ",\n"
    "\"v.zero-in\": " CHAT("0.0", "1e-06") ",\n"
    "\"v.no-in\": { \"litellm_provider\": \"bedrock\","
    " \"output_cost_per_token\": 7.5e-06 },\n"
    "\"v.text\": " CHAT("\"1e-06\"", "1e-06") ",\n"
    "\"v.minus\": " CHAT("-1e-06", "1e-06") ",\n"
    "\"v.m\": " CHAT("1e-06", "2e-06") ",\n"
    "\"us.v.m\": " CHAT("8.9e-07", "2e-06") ",\n"
    "\"eu.v.m\": " CHAT("2.01e-06", "2e-06") ",\n"
    "\"jp.v.m\": " CHAT("2e-06", "4e-06") ",\n"
    "\"apac.v.m\": " CHAT("9e-07", "4.1e-06") ",\n"
    "\"bedrock/v.m\": " CHAT("9e-05", "9e-05") ",\n"
    "\"bedrock_mantle/v.m\": " CHAT("9e-05", "9e-05") ",\n"
    "\"bedrock/ap-south-1/v.regional\": " CHAT("1.2e-06", "2e-06") ",\n"
    "\"bedrock/us-east-1/v.regional\": " CHAT("1e-06", "2e-06") ",\n"
    "\"us.v.profile-only\": " CHAT("1e-06", "2e-06") ",\n"
    "\"v.tiers\": { \"litellm_provider\": \"bedrock\","
    " \"input_cost_per_token\": 1e-06, \"output_cost_per_token\": 2e-06,"
    " \"input_cost_per_token_batches\": 5e-07,"
    " \"output_cost_per_token_batches\": 1e-06,"
    " \"input_cost_per_token_flex\": 4e-07,"
    " \"output_cost_per_token_flex\": 8e-07,"
    " \"input_cost_per_token_priority\": 1.75e-06,"
    " \"output_cost_per_token_priority\": 3.5e-06,"
    " \"input_cost_per_token_above_272k_tokens\": 2e-06,"
    " \"output_cost_per_token_above_272k_tokens\": 3e-06,"
    " \"max_input_tokens\": 1000000, \"max_output_tokens\": \"many\" },\n"
    "\"v.twice\": " CHAT("1e-06", "1e-06") ",\n"
    "\"v.twice\": " CHAT("2e-06", "2e-06") ",\n"
    "\"v.cache\": { \"litellm_provider\": \"bedrock\","
    " \"input_cost_per_token\": 1e-06, \"output_cost_per_token\": 2e-06,"
    " \"cache_read_input_token_cost\": 2e-06 },\n"
    "\"other-free\": { \"litellm_provider\": \"free\","
    " \"input_cost_per_token\": 0, \"output_cost_per_token\": 0 },\n"
    "\"other\": { \"litellm_provider\": \"openai\","
    " \"input_cost_per_token\": 2.5e-06, \"output_cost_per_token\": 1e-05 },\n"
    "\"not an entry\": 5 }\n";


static void
test_small(void)
{
    llm_price_t    price;
    static told_t  told;
    llm_prices_t  *prices;

    prices = llm_prices_parse(str(small_list), tell, &told);

    if (!ok(prices != NULL && told.errors == 0, "the small list is read")) {
        return;
    }

    ok(costs(prices, "us.anthropic.claude-new-1", "us-east-1", 3300000,
             16500000),
       "a profile has its own price (LiteLLM #30768, #27612)");
    ok(costs(prices, "global.anthropic.claude-new-1", "us-east-1", 3000000,
             15000000), "so does global");
    ok(costs(prices, "anthropic.claude-new-1", "us-east-1", 3300000,
             16500000)
       && warned(&told, "anthropic.claude-new-1", "global"),
       "the bare id is not taken at the global price (LiteLLM #42679)");
    ok(costs(prices, "anthropic.claude-new-1", "eu-west-2", 4500000,
             22500000), "a region has its own price (LiteLLM #42191)");
    ok(costs(prices, "eu.anthropic.claude-new-1", "eu-west-1", 3300000,
             16500000)
       && warned(&told, "eu.anthropic.claude-new-1", "no more than"),
       "a profile without the others' premium is not believed");
    ok(costs(prices, "au.anthropic.claude-new-1", "ap-southeast-2", 3300000,
             16500000), "a profile that is not listed costs as the others");
    ok(costs(prices, "anthropic.claude-new-1", "ap-south-1", 3300000,
             16500000), "a region that is not listed too");

    ok(find(prices, "v.zero", "", &price) == LLM_ERROR
       && warned(&told, "v.zero", "costs 0"),
       "0/0 is not believed (LiteLLM #41344)");
    ok(find(prices, "v.zero-out", "", &price) == LLM_ERROR
       && warned(&told, "v.zero-out", "output costs nothing"),
       "nor is output for nothing");
    ok(find(prices, "v.zero-in", "", &price) == LLM_ERROR
       && warned(&told, "v.zero-in", "input costs 0"),
       "nor input for nothing");
    ok(find(prices, "v.no-in", "", &price) == LLM_ERROR
       && warned(&told, "v.no-in", "none of input"),
       "nor output without input");
    ok(find(prices, "v.text", "", &price) == LLM_ERROR
       && warned(&told, "v.text", "no number"), "nor a price in quotes");
    ok(find(prices, "v.minus", "", &price) == LLM_ERROR
       && warned(&told, "v.minus", "no number"), "nor a negative one");

    ok(costs(prices, "us.v.m", "us-east-1", 2000000, 4000000)
       && warned(&told, "us.v.m", "0.9"), "0.89 of the base is too little");
    ok(warned(&told, "eu.v.m", "0.9"), "2.01 of it is too much");
    ok(costs(prices, "jp.v.m", "ap-northeast-1", 2000000, 4000000)
       && !warned(&told, "jp.v.m", ""), "twice the base is believed");
    ok(warned(&told, "apac.v.m", "0.9"), "output is looked at as well");
    ok(costs(prices, "v.m", "us-east-1", 1000000, 2000000),
       "other spellings of the same id do not count");
    ok(costs(prices, "v.m", "ap-northeast-1", 2000000, 4000000),
       "Tokyo costs as jp. does");

    ok(costs(prices, "v.regional", "ap-south-1", 1200000, 2000000)
       && costs(prices, "v.regional", "eu-west-1", 1000000, 2000000),
       "a model with regions only has us-east-1's price elsewhere");
    ok(costs(prices, "v.profile-only", "us-east-1", 1000000, 2000000),
       "a model with a profile only has its price");

    ok(find(prices, "v.tiers", "", &price) == LLM_OK
       && price.tiers[LLM_TIER_BATCH].input == 500000
       && price.tiers[LLM_TIER_FLEX].output == 800000
       && price.tiers[LLM_TIER_PRIORITY].input == 1750000
       && price.tiers[LLM_TIER_RESERVED].input == LLM_NO_PRICE
       && price.long_context_above == 272000
       && price.long_context.output == 3000000
       && price.max_input == 1000000 && price.max_output == 0,
       "tiers, the step with its threshold, limits");
    ok(costs(prices, "v.twice", "", 2000000, 2000000),
       "of two equal keys the last counts");
    ok(find(prices, "v.cache", "", &price) == LLM_OK
       && price.standard.cache_read == LLM_NO_PRICE
       && warned(&told, "v.cache", "cache reads"),
       "cache reads dearer than input are not believed");
    ok(costs(prices, "other", "", 2500000, 10000000)
       && find(prices, "other-free", "", &price) == LLM_ERROR,
       "other providers' models are read, free ones are not");
    ok(find(prices, "sample_spec", "", &price) == LLM_ERROR
       && find(prices, "not an entry", "", &price) == LLM_ERROR
       && find(prices, "v.dated-20260101", "", &price) == LLM_ERROR,
       "what is no model is unpriced, never 0 (LiteLLM #42161)");
    ok(llm_prices_version(prices).len == 12, "the version is a digest");

    llm_prices_free(prices);
}


static void
test_broken(void)
{
    static told_t  told;

    ok(llm_prices_parse(str("{ \"gpt\": { \"litellm_provider\": \"openai\","
                            " \"input_cost_per_token\": 1e-06"),
                        tell, &told)
       == NULL && told.errors == 1,
       "a list that was cut off is an error, not an older list");
}


/* what is known to be wrong in the copy of 2026-08-01 */

static void
test_known(const llm_prices_t *prices, const told_t *told)
{
    size_t       i;
    llm_price_t  price;

    static const struct {
        const char  *key;
        const char  *says;
    } warnings[] = {
        { "anthropic.claude-mythos-preview", "costs 0" },
        { "amazon.rerank-v1:0", "per query" },
        { "cohere.rerank-v3-5:0", "per query" },
        { "eu.anthropic.claude-3-5-haiku-20241022-v1:0", "0.9" },
        { "bedrock/us-gov-east-1/amazon.titan-embed-text-v2:0", "0.9" },
        { "bedrock/us-gov-west-1/amazon.titan-embed-text-v2:0", "0.9" },
        { "bedrock/us-gov-west-1/meta.llama3-8b-instruct-v1:0", "0.9" },
        { "amazon.nova-micro-v1:0", "caching" },
        { "amazon.nova-lite-v1:0", "caching" },
        { "amazon.nova-pro-v1:0", "caching" },
        { "us.amazon.nova-pro-v1:0", "caching" },
        { "twelvelabs.pegasus-1-2-v1:0", "none of input" },
        { "us.twelvelabs.pegasus-1-2-v1:0", "none of input" },
        { "eu.twelvelabs.pegasus-1-2-v1:0", "none of input" },
        { "anthropic.claude-3-5-sonnet-20240620-v1:0", "above 200000" },
        { "anthropic.claude-3-5-sonnet-20241022-v2:0", "above 200000" },
        { "anthropic.claude-3-7-sonnet-20240620-v1:0", "no such model" },
        { "mistral.mistral-large-2402-v1:0", "4/12" },
        { "mistral.mistral-large-2407-v1:0", "2/6" },
        { "amazon.titan-text-lite-v1", "0.15/0.2" },
        { "amazon.titan-text-express-v1", "0.2/0.6" },
        { "meta.llama3-1-70b-instruct-v1:0", "0.72/0.72" },
        { "us.meta.llama3-1-405b-instruct-v1:0", "2.4/2.4" },
        { "meta.llama3-2-11b-instruct-v1:0", "0.16/0.16" },
        { "us.meta.llama3-2-90b-instruct-v1:0", "0.72/0.72" },
        { "qwen.qwen3-coder-480b-a35b-v1:0", "0.45/1.8" },
        { "bedrock_mantle/openai.gpt-oss-20b", "0.07/0.3" },
        { "anthropic.claude-haiku-4-5-20251001-v1:0", "global" },
        { "anthropic.claude-opus-5", "global" },
        { "amazon.nova-2-lite-v1:0", "global" },
        { "eu.anthropic.claude-opus-4-5-20251101-v1:0", "no more than" },
        { "anthropic.claude-sonnet-5", "promotion" }
    };

    for (i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++) {
        ok(warned(told, warnings[i].key, warnings[i].says),
           "a warning about %s", warnings[i].key);
    }

    ok(find(prices, "anthropic.claude-mythos-preview", "us-east-1", &price)
       == LLM_ERROR, "mythos-preview at 0/0 stays unpriced");
    ok(find(prices, "us.twelvelabs.pegasus-1-2-v1:0", "us-east-1", &price)
       == LLM_ERROR, "Pegasus without input price stays unpriced");
    ok(find(prices, "cohere.rerank-v3-5:0", "us-east-1", &price) == LLM_OK
       && price.query == 2000000000
       && price.standard.input == LLM_NO_PRICE, "rerank costs per query");
    ok(find(prices, "anthropic.claude-3-5-sonnet-20241022-v2:0", "me-south-1",
            &price) == LLM_OK
       && price.long_context_above == 0 && price.max_input == 200000,
       "3.5 Sonnet has no step");
    ok(find(prices, "amazon.nova-pro-v1:0", "us-east-1", &price) == LLM_OK
       && price.standard.cache_read == LLM_NO_PRICE,
       "Nova's cache reads cost as much as input");
}


static const struct {
    const char  *model;
    const char  *region;
    int64_t      input;
    int64_t      output;
} believed[] = {
    { "anthropic.claude-haiku-4-5-20251001-v1:0", "us-east-1", 1100000,
      5500000 },
    { "us.anthropic.claude-haiku-4-5-20251001-v1:0", "us-east-1", 1100000,
      5500000 },
    { "global.anthropic.claude-haiku-4-5-20251001-v1:0", "us-east-1",
      1000000, 5000000 },
    { "anthropic.claude-haiku-4-5-20251001-v1:0", "us-gov-west-1", 1200000,
      6000000 },
    { "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-gov-west-1",
      3600000, 18000000 },
    { "eu.anthropic.claude-opus-4-5-20251101-v1:0", "eu-west-1", 5500000,
      27500000 },
    { "eu.anthropic.claude-3-5-haiku-20241022-v1:0", "eu-west-1", 800000,
      4000000 },
    { "us.anthropic.claude-sonnet-4-20250514-v1:0", "us-east-1", 3000000,
      15000000 },
    { "us.anthropic.claude-sonnet-5", "us-east-1", 3300000, 16500000 },
    { "global.anthropic.claude-sonnet-5", "us-east-1", 3000000, 15000000 },
    { "amazon.titan-embed-text-v2:0", "us-gov-west-1", 20000, LLM_NO_PRICE },
    { "eu.amazon.nova-lite-v1:0", "eu-west-2", 78000, 312000 },
    { "amazon.nova-lite-v1:0", "eu-west-2", 78000, 312000 },
    { "amazon.nova-pro-v1:0", "us-gov-east-1", 960000, 3840000 },
    { "us.amazon.nova-2-lite-v1:0", "us-east-1", 330000, 2750000 },
    { "mistral.mistral-large-2402-v1:0", "us-east-1", 4000000, 12000000 },
    { "mistral.mistral-large-2402-v1:0", "eu-west-3", 5200000, 15600000 },
    { "us.meta.llama3-1-405b-instruct-v1:0", "us-west-2", 2400000, 2400000 },
    { "meta.llama3-70b-instruct-v1:0", "sa-east-1", 4450000, 5880000 },
    { "minimax.minimax-m2.5", "eu-west-2", 470000, 1860000 },
    { "qwen.qwen3-coder-480b-a35b-v1:0", "us-east-1", 450000, 1800000 },
    { "openai.gpt-oss-20b", "us-east-1", 70000, 300000 },
    { "openai.gpt-5.6-luna", "us-east-1", 220000, 1320000 },
    { NULL, NULL, 0, 0 }
};


static void
test_believed(const llm_prices_t *prices)
{
    size_t       i;
    llm_price_t  price;

    for (i = 0; believed[i].model != NULL; i++) {
        ok(costs(prices, believed[i].model, believed[i].region,
                 believed[i].input, believed[i].output),
           "%s in %s", believed[i].model, believed[i].region);
    }

    ok(find(prices, "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "us-east-1", &price) == LLM_OK
       && price.long_context_above == 200000
       && price.long_context.input == 6600000
       && price.long_context.cache_write_1h == 13200000,
       "Sonnet 4.5's step, 1h cache writes too");
    ok(find(prices, "eu.anthropic.claude-opus-4-1-20250805-v1:0",
            "eu-west-1", &price) == LLM_OK
       && price.standard.cache_write_1h == 30000000,
       "a missing price of 1h writes is twice the input for Claude");
    ok(find(prices, "apac.anthropic.claude-haiku-4-5-20251001-v1:0",
            "ap-south-1", &price) == LLM_OK
       && price.standard.cache_write_1h == 2200000,
       "of a profile's input");
    ok(find(prices, "us.meta.llama4-scout-17b-instruct-v1:0", "us-east-1",
            &price) == LLM_OK
       && price.tiers[LLM_TIER_BATCH].input == 85000, "Llama 4 batches");
    ok(find(prices, "stability.stable-image-ultra-v1:0", "us-west-2",
            &price) == LLM_OK
       && price.image == INT64_C(140000000000), "an image costs 0.14 USD");
    ok(llm_prices_find(prices, str("us.anthropic.claude-sonnet-5"),
                       str("us-east-1"), SEPTEMBER_1 - 1, &price) == LLM_OK
       && price.standard.input == 2200000,
       "Sonnet 5's promotion until 2026-08-31");
    ok(find(prices, "arn:aws:bedrock:us-east-1:123456789012:"
            "application-inference-profile/mi1dadi0g15f", "us-east-1", &price)
       == LLM_ERROR, "an opaque ARN is unpriced, not 0 (LiteLLM #18258)");
    ok(costs(prices, "arn:aws:bedrock:us-east-1:123456789012:"
             "inference-profile/us.anthropic.claude-3-7-sonnet-20250219-v1:0",
             "us-east-1", 3000000, 15000000), "a profile's ARN is priced");
}


static void
test_full(void)
{
    FILE             *f;
    char             *text, path[1024];
    size_t            len, size = 8 * 1024 * 1024;
    double            ms;
    const char       *dir;
    static told_t     told;
    llm_prices_t     *prices;
    struct timespec   start, end;

    dir = getenv("LLM_TEST_DATA");
    snprintf(path, sizeof(path), "%s/litellm_model_prices.json",
             dir ? dir : "../shared/data");

    f = fopen(path, "rb");

    if (f == NULL) {
        ok(1, "LiteLLM's whole list # SKIP there is no %s", path);
        return;
    }

    text = malloc(size);
    len = fread(text, 1, size, f);
    fclose(f);

    clock_gettime(CLOCK_MONOTONIC, &start);
    prices = llm_prices_parse((llm_str_t) { text, len }, tell, &told);
    clock_gettime(CLOCK_MONOTONIC, &end);

    free(text);

    ms = (end.tv_sec - start.tv_sec) * 1e3
         + (end.tv_nsec - start.tv_nsec) / 1e6;

    if (!ok(prices != NULL && told.errors == 0,
            "LiteLLM's whole list is read in %.0f ms", ms))
    {
        return;
    }

    ok(ms < 3000, "soon enough, with sanitizers");
    ok(llm_prices_count(prices) > 2000, "%zu models",
       llm_prices_count(prices));
    ok(told.n < 100, "%u warnings", told.n);

    test_known(prices, &told);
    test_believed(prices);

    llm_prices_free(prices);
}


int
main(void)
{
    test_small();
    test_broken();
    test_full();

    return plan_done();
}
