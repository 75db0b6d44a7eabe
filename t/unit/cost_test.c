/*
 * What a call costs: exact sums with one rounding.  The mistakes of others
 * that are tested here are named by their issue numbers.
 */

#include <stdio.h>
#include <stdlib.h>

#include "pricing/price.h"
#include "tap.h"


/* 2026-11-23T00:00:00Z */
#define NOW  INT64_C(1795392000000)


static const char  list[] =
    "{ \"models\": {\n"
    "\"anthropic.claude-haiku-4-5-20251001-v1:0\": { \"input\": 1,\n"
    "  \"output\": 5, \"cache_read\": 0.1, \"cache_write_5m\": 1.25,\n"
    "  \"cache_write_1h\": 2, \"tiers\": { \"batch\": 0.5 },\n"
    "  \"scopes\": { \"in_region\": 1.1, \"geo\": 1.1 },\n"
    "  \"source\": \"test\" },\n"
    "\"anthropic.claude-sonnet-4-5-20250929-v1:0\": { \"input\": 3,\n"
    "  \"output\": 15, \"cache_read\": 0.3, \"cache_write_5m\": 3.75,\n"
    "  \"cache_write_1h\": 6, \"long_context\": { \"above\": 200000,\n"
    "  \"input\": 6, \"output\": 22.5, \"cache_read\": 0.6,\n"
    "  \"cache_write_5m\": 7.5, \"cache_write_1h\": 12 },\n"
    "  \"tiers\": { \"batch\": 0.5 }, \"source\": \"test\" },\n"
    "\"amazon.nova-pro-v1:0\": { \"input\": 0.8, \"output\": 3.2,\n"
    "  \"cache_read\": 0.2, \"latency_optimized\": 1.25,\n"
    "  \"tiers\": { \"flex\": 0.5, \"priority\": 1.75, \"batch\": 0.5 },\n"
    "  \"source\": \"test\" },\n"
    "\"amazon.nova-micro-v1:0\": { \"input\": 0.035, \"output\": 0.14,\n"
    "  \"cache_read\": 0.00875, \"source\": \"test\" },\n"
    "\"v.nocache\": { \"input\": 1, \"output\": 2, \"source\": \"test\" },\n"
    "\"v.write5m\": { \"input\": 4, \"output\": 20,\n"
    "  \"cache_write_5m\": 5, \"source\": \"test\" },\n"
    "\"v.free\": { \"input\": 0, \"output\": 0, \"free\": true,\n"
    "  \"source\": \"test\" },\n"
    "\"amazon.titan-embed-text-v2:0\": { \"kind\": \"embedding\",\n"
    "  \"input\": 0.02, \"source\": \"test\" },\n"
    "\"cohere.rerank-v3-5:0\": { \"kind\": \"rerank\",\n"
    "  \"query\": 0.002, \"source\": \"test\" },\n"
    "\"amazon.nova-canvas-v1:0\": { \"kind\": \"image\",\n"
    "  \"image\": 0.06, \"source\": \"test\" } } }\n";


static llm_prices_t  *prices;


static void
find(const char *model, llm_price_t *price)
{
    if (llm_prices_find(prices, (llm_str_t) { model, strlen(model) },
                        llm_str("us-east-1"), NOW, price)
        != LLM_OK)
    {
        printf("Bail out! %s is unpriced\n", model);
        exit(1);
    }
}


/* nanodollars of input, cache read, write 5m, write 1h, output */

static int64_t
cost_of(const char *model, int64_t in, int64_t cr, int64_t w5, int64_t w1,
    int64_t out, llm_tier_t tier)
{
    llm_cost_t   cost;
    llm_price_t  price;
    llm_usage_t  usage = {
        .input = in, .cache_read = cr, .cache_write_5m = w5,
        .cache_write_1h = w1, .output = out, .tier = tier
    };

    find(model, &price);
    llm_cost(&price, &usage, &cost);

    return cost.total;
}


#define HAIKU   "us.anthropic.claude-haiku-4-5-20251001-v1:0"
#define SONNET  "anthropic.claude-sonnet-4-5-20250929-v1:0"


static void
test_checks(void)
{
    llm_cost_t   cost;
    llm_price_t  price;
    llm_usage_t  usage = {
        .input = 10, .cache_write_5m = 7351, .output = 4
    };

    find(HAIKU, &price);
    llm_cost(&price, &usage, &cost);

    ok(cost.total == 10140625, "converse-haiku-4-5-cache-write: 10140625 n$");
    ok(cost.input == 11000 && cost.cache_write == 10107625
       && cost.output == 22000 && cost.cache_read == 0 && cost.other == 0,
       "and its parts");

    ok(cost_of("amazon.titan-embed-text-v2:0", 4, 0, 0, 0, 0, 0) == 80,
       "4 tokens to embed cost 80 n$");
    ok(cost_of("amazon.nova-micro-v1:0", 1, 0, 0, 0, 0, 0) == 35,
       "the smallest price is whole picodollars");
    ok(cost_of("amazon.nova-micro-v1:0", 0, 1, 0, 0, 0, 0) == 9,
       "8.75 n$ of cache read are rounded once, up");
    ok(cost_of("amazon.nova-micro-v1:0", 0, 1000, 0, 0, 0, 0) == 8750,
       "1000 of them are exact");
    ok(cost_of("amazon.nova-micro-v1:0", 0, 2, 0, 0, 0, 0) == 18,
       "half a nanodollar is rounded up");
    ok(cost_of("v.free", 1000000, 5, 5, 5, 1000000, 0) == 0,
       "a free model is free");

    memset(&usage, 0, sizeof(usage));
    usage.queries = 3;
    find("cohere.rerank-v3-5:0", &price);
    llm_cost(&price, &usage, &cost);
    ok(cost.total == 6000000 && cost.other == 6000000, "3 rerank queries");

    memset(&usage, 0, sizeof(usage));
    usage.images = 2;
    find("amazon.nova-canvas-v1:0", &price);
    llm_cost(&price, &usage, &cost);
    ok(cost.total == 120000000 && cost.other == 120000000, "2 images");
}


/* every mix of the five kinds, against a sum made another way */

static void
test_mixes(void)
{
    unsigned     i, j, mix, wrong, parts;
    __int128     want;
    llm_cost_t   cost;
    llm_price_t  price;
    llm_usage_t  usage;

    static const int64_t  counts[] = { 0, 1, 7, 7351, 199999 };
    static const int64_t  rates[] = {
        1100000, 110000, 1375000, 2200000, 5500000
    };

    find(HAIKU, &price);

    wrong = 0;
    parts = 0;

    for (i = 0; i < 3125; i++) {
        memset(&usage, 0, sizeof(usage));
        want = 0;

        for (j = 0, mix = i; j < 5; j++, mix /= 5) {
            usage.input += (j == 0) ? counts[mix % 5] : 0;
            usage.cache_read += (j == 1) ? counts[mix % 5] : 0;
            usage.cache_write_5m += (j == 2) ? counts[mix % 5] : 0;
            usage.cache_write_1h += (j == 3) ? counts[mix % 5] : 0;
            usage.output += (j == 4) ? counts[mix % 5] : 0;
            want += (__int128) rates[j] * counts[mix % 5];
        }

        llm_cost(&price, &usage, &cost);

        wrong += cost.total != (int64_t) ((want + 500) / 1000);
        parts += llabs(cost.input + cost.output + cost.cache_read
                       + cost.cache_write + cost.other - cost.total) > 3;
    }

    ok(wrong == 0, "3125 mixes of input, cache read, writes and output: %u "
       "wrong", wrong);
    ok(parts == 0, "their parts add up within 3 n$: %u do not", parts);
}


static void
test_tiers(void)
{
    llm_cost_t   cost;
    llm_price_t  price;
    llm_usage_t  usage = { .input = 1000, .output = 1000 };

    ok(cost_of("amazon.nova-pro-v1:0", 1000, 1000, 0, 0, 1000, 0) == 4200000,
       "the standard tier");
    ok(cost_of("amazon.nova-pro-v1:0", 1000, 1000, 0, 0, 1000, LLM_TIER_FLEX)
       == 2100000, "flex is half, cache reads too (LiteLLM #21171)");
    ok(cost_of("amazon.nova-pro-v1:0", 1000, 1000, 0, 0, 1000,
               LLM_TIER_PRIORITY)
       == 7350000, "priority is dearer (LiteLLM #21172)");
    ok(cost_of(HAIKU, 1000, 0, 0, 0, 1000, LLM_TIER_BATCH) == 3300000,
       "a batch is half and not free (LiteLLM #37077)");
    ok(cost_of("amazon.nova-pro-v1:0", 1000, 1000, 0, 0, 1000,
               LLM_TIER_RESERVED)
       == 4200000, "a tier without a price costs as the standard one");
    ok(cost_of("amazon.nova-pro-v1:0", 1000, 1000, 0, 0, 1000,
               (llm_tier_t) 77)
       == 4200000, "an unknown tier too");

    find("amazon.nova-pro-v1:0", &price);
    usage.latency_optimized = true;
    llm_cost(&price, &usage, &cost);
    ok(cost.total == 5000000, "latency-optimized: 1 and 4 USD per million");

    find("v.nocache", &price);
    llm_cost(&price, &usage, &cost);
    ok(cost.total == 3000000, "without such a price the standard one");

    memset(&price, 0, sizeof(price));
    price.standard.input = 1000000;
    price.standard.output = 2000000;
    usage.tier = LLM_TIER_FLEX;
    llm_cost(&price, &usage, &cost);
    ok(cost.total == 3000000, "zeroed memory is no free tier");
}


static void
test_long_context(void)
{
    ok(cost_of(SONNET, 200000, 0, 0, 0, 1000, 0) == 615000000,
       "at the threshold: 3 and 15");
    ok(cost_of(SONNET, 200001, 0, 0, 0, 1000, 0) == 1222506000,
       "one token above: 6 and 22.5, for the whole request");
    ok(cost_of(SONNET, 1, 100000, 60000, 40000, 0, 0)
       == 6000 + 60000000 + 450000000 + 480000000,
       "what is read from and written to the cache counts for the step");
    ok(cost_of(SONNET, 0, 100000, 60000, 40000, 0, 0)
       == 30000000 + 225000000 + 240000000, "at the threshold it does not");
    ok(cost_of(SONNET, 1000, 0, 0, 0, 300000, 0) == 4503000000,
       "output does not (Bifrost counts it)");
    ok(cost_of(SONNET, 200001, 0, 0, 0, 1000, LLM_TIER_BATCH) == 611253000,
       "a batch of a long context is half of its price");
    ok(cost_of(HAIKU, 10000000, 0, 0, 0, 0, 0) == 11000000000,
       "a model without a step has none");
}


static void
test_gaps(void)
{
    ok(cost_of("v.nocache", 0, 1000, 0, 0, 0, 0) == 1000000
       && cost_of("v.nocache", 0, 0, 1000, 0, 0, 0) == 1000000
       && cost_of("v.nocache", 0, 0, 0, 1000, 0, 0) == 1000000,
       "a missing cache price is that of input, never 0 (LiteLLM #29145)");
    ok(cost_of("v.write5m", 0, 0, 0, 1000, 0, 0) == 5000000,
       "a missing 1h write is no cheaper than the 5m one");
    ok(cost_of(HAIKU, 0, 0, 1000, 0, 0, 0) == 1375000
       && cost_of(HAIKU, 0, 0, 0, 1000, 0, 0) == 2200000,
       "1h writes have their own price (LiteLLM #36762, #29432)");
    ok(cost_of(HAIKU, 10, 1000000, 0, 0, 10, 0) == 110066000,
       "large cache reads add, they do not subtract (LiteLLM #15292)");
    ok(cost_of(HAIKU, 1000, 1000, 1000, 0, 0, 0) == 2585000,
       "each token counts once (LiteLLM #12313, #12488)");
    ok(cost_of(HAIKU, -1000, -1, -1, -1, 1000, 0) == 5500000,
       "negative counts are none");
}


static void
test_saturation(void)
{
    size_t       i;
    llm_cost_t   cost;
    llm_price_t  price;
    llm_usage_t  usage;
    int64_t      most = INT64_MAX;

    memset(&price, 0, sizeof(price));
    price.standard = (llm_rates_t) { most, most, most, most, most };
    price.long_context = price.standard;
    price.latency_optimized = price.standard;
    price.long_context_above = 1;
    price.image = most;
    price.query = most;

    for (i = 0; i < 5; i++) {
        price.tiers[i] = price.standard;
    }

    memset(&usage, 0, sizeof(usage));
    usage.input = most;
    usage.output = most;
    usage.cache_read = most;
    usage.cache_write_5m = most;
    usage.cache_write_1h = most;
    usage.images = most;
    usage.queries = most;

    llm_cost(&price, &usage, &cost);
    ok(cost.total == INT64_MAX && cost.input == INT64_MAX
       && cost.other == INT64_MAX, "what is too much is INT64_MAX");

    usage.tier = LLM_TIER_FLEX;
    price.standard.input = 1;
    llm_cost(&price, &usage, &cost);
    ok(cost.total == INT64_MAX, "with a tier and a step too");

    usage.latency_optimized = true;
    llm_cost(&price, &usage, &cost);
    ok(cost.total == INT64_MAX, "and latency-optimized");

    memset(&usage, 0, sizeof(usage));
    usage.input = INT64_MIN;
    usage.output = INT64_MIN;
    usage.images = INT64_MIN;
    usage.queries = INT64_MIN;
    llm_cost(&price, &usage, &cost);
    ok(cost.total == 0, "the most negative counts are 0");

    usage.input = 9223372036854;
    price.standard.input = 1000000;
    price.long_context_above = 0;
    usage.latency_optimized = false;
    llm_cost(&price, &usage, &cost);
    ok(cost.total == INT64_C(9223372036854000),
       "below it is exact: 9.2 million dollars");
}


/* The recorded exchanges, their usage as the provider reported it, and what
 * they cost by AWS's prices, worked out by hand. */

static const struct {
    const char    *sample;
    const char    *model;
    llm_usage_t    usage;
    int64_t        cost;            /* -1: unpriced */
} samples[] = {
    { "invoke-claude-v2", "anthropic.claude-v2",
      { .input = 14, .output = 10 }, 352000 },
    { "invoke-claude-3-5-haiku-cache-write",
      "anthropic.claude-3-5-haiku-20241022-v1:0",
      { .input = 4, .cache_write_5m = 18131, .output = 50 }, 18334200 },
    { "invoke-nova", "amazon.nova-micro-v1:0",
      { .input = 5, .output = 10 }, 1575 },
    { "invoke-titan-text", "amazon.titan-text-lite-v1",
      { .input = 5, .output = 10 }, 2750 },
    { "invoke-cohere-command-r", "cohere.command-r-v1:0",
      { .input = 5, .output = 10 }, 17500 },
    { "invoke-llama", "meta.llama3-1-70b-instruct-v1:0",
      { .input = 5, .output = 10 }, 10800 },
    { "invoke-mistral", "mistral.mistral-7b-instruct-v0:2",
      { .input = 6, .output = 10 }, 2900 },
    { "invoke-ai21-j2", "ai21.j2-mid-v1",
      { .input = 26, .output = 42 }, 850000 },
    { "invoke-titan-guardrail", "amazon.titan-text-express-v1",
      { .input = 28, .output = 197 }, 123800 },
    { "invoke-titan-embed-v1", "amazon.titan-embed-text-v1",
      { .input = 3 }, 300 },
    { "invoke-titan-embed-v2", "amazon.titan-embed-text-v2:0",
      { .input = 4 }, 80 },
    { "invoke-cohere-embed-v3", "cohere.embed-english-v3",
      { .input = 7 }, 700 },
    { "invoke-cohere-embed-v4", "cohere.embed-v4:0", { .input = 3 }, 360 },
    { "invoke-cohere-rerank-3-5", "cohere.rerank-v3-5:0",
      { .queries = 1 }, 2000000 },
    { "invoke-stream-llama", "meta.llama2-13b-chat-v1",
      { .input = 10, .output = 60 }, 67500 },
    { "converse-nova-micro-service-tier", "us.amazon.nova-micro-v1:0",
      { .input = 13, .output = 5, .tier = LLM_TIER_FLEX }, 578 },
    { "converse-nova-pro-latency-optimized", "us.amazon.nova-pro-v1:0",
      { .input = 13, .output = 67, .latency_optimized = true }, 281000 },
    { "converse-haiku-4-5-cache-write",
      "us.anthropic.claude-haiku-4-5-20251001-v1:0",
      { .input = 10, .cache_write_5m = 7351, .output = 4 }, 10140625 },
    { "converse-deepseek-r1", "us.deepseek.r1-v1:0",
      { .input = 12, .output = 693 }, 3758400 },
    { "converse-claude-cross-region-guardrail",
      "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
      "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
      { .input = 20, .output = 72 }, 1140000 },
    { "converse-application-inference-profile",
      "arn:aws:bedrock:us-east-1:123456789012:"
      "application-inference-profile/mi1dadi0g15f",
      { .input = 8, .output = 2 }, -1 },
    { "converse-tool-use-nova-2", "us.amazon.nova-2-lite-v1:0",
      { .input = 986, .output = 42 }, 440880 },
    { "converse-stream-claude-cache",
      "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
      { .input = 12, .cache_read = 1028, .output = 250 }, 4094400 },
    { "converse-stream-claude-tool",
      "anthropic.claude-3-sonnet-20240229-v1:0",
      { .input = 236, .output = 58 }, 1578000 },
    { "converse-stream-claude-thinking",
      "us.anthropic.claude-sonnet-4-20250514-v1:0",
      { .input = 36, .output = 73 }, 1203000 },
    { "converse-stream-guardrail", "amazon.titan-text-express-v1",
      { .input = 17, .output = 16 }, 13000 }
};


static void
test_samples(void)
{
    FILE          *f;
    char          *text;
    size_t         i, len, size = 1024 * 1024;
    llm_cost_t     cost;
    llm_price_t    price;
    llm_prices_t  *shipped;

    f = fopen("conf/prices.json", "rb");

    if (f == NULL) {
        ok(1, "recorded exchanges # SKIP not run from the repository's root");
        return;
    }

    text = malloc(size);
    len = fread(text, 1, size, f);
    fclose(f);

    shipped = llm_prices_parse((llm_str_t) { text, len }, NULL, NULL);
    free(text);

    if (!ok(shipped != NULL, "conf/prices.json is read")) {
        return;
    }

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {

        cost.total = -1;

        if (llm_prices_find(shipped,
                            (llm_str_t) { samples[i].model,
                                          strlen(samples[i].model) },
                            llm_str("us-east-1"), NOW, &price)
            == LLM_OK)
        {
            llm_cost(&price, &samples[i].usage, &cost);
        }

        ok(cost.total == samples[i].cost, "%s: %lld n$", samples[i].sample,
           (long long) cost.total);
    }

    llm_prices_free(shipped);
}


int
main(void)
{
    prices = llm_prices_parse((llm_str_t) { list, sizeof(list) - 1 }, NULL,
                              NULL);

    if (prices == NULL) {
        printf("Bail out! the list is not read\n");
        return 1;
    }

    test_checks();
    test_mixes();
    test_tiers();
    test_long_context();
    test_gaps();
    test_saturation();
    test_samples();

    llm_prices_free(prices);

    return plan_done();
}
