/*
 * Our own price format: lookup by scope, region and date, the shipped list,
 * and what every mistake in a list is told.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "pricing/decimal.h"
#include "pricing/price.h"
#include "tap.h"


#define DAY_MS  INT64_C(86400000)

/* 2026-11-23T00:00:00Z, and the two sides of the end of a promotion */
#define NOW           INT64_C(1795392000000)
#define SEPTEMBER_1   INT64_C(1788220800000)


typedef struct {
    unsigned   errors;
    unsigned   warnings;
    unsigned   line;
    char       text[512];
} told_t;


static void
tell(void *ctx, bool is_error, unsigned line, const char *text)
{
    told_t  *told = ctx;

    if (is_error && told->errors++ == 0) {
        told->line = line;
        snprintf(told->text, sizeof(told->text), "%s", text);
    }

    told->warnings += !is_error;
}


static llm_str_t
str(const char *text)
{
    return (llm_str_t) { text, strlen(text) };
}


static char *
read_file(const char *name, size_t *len)
{
    char    *data;
    FILE    *f;
    size_t   size = 4 * 1024 * 1024;

    f = fopen(name, "rb");
    if (f == NULL) {
        return NULL;
    }

    data = malloc(size);
    *len = fread(data, 1, size, f);
    fclose(f);

    return data;
}


static void
test_decimal(void)
{
    size_t   i;
    int64_t  value;

    static const struct {
        const char  *text;
        int          shift;
        int64_t      value;             /* -1: refused */
    } cases[] = {
        { "3e-06", 12, 3000000 },
        { "3E-6", 12, 3000000 },
        { "0.000003", 12, 3000000 },
        { "8.75e-09", 12, 8750 },
        { "5.46875e-07", 12, 546875 },
        { "1.1e-06", 12, 1100000 },
        { "0.1", 6, 100000 },
        { "3", 6, 3000000 },
        { "0.035", 6, 35000 },
        { "0.00875", 6, 8750 },
        { "1.375", 6, 1375000 },
        { "18.8", 6, 18800000 },
        { "0", 6, 0 },
        { "0.0", 12, 0 },
        { "0e5", 12, 0 },
        { "0.0000004", 6, 0 },
        { "0.0000005", 6, 1 },
        { "0.00000049999999999", 6, 0 },
        { "0.0000015", 6, 2 },
        { "1e-1000", 12, 0 },
        { "1E+2", 0, 100 },
        { "123456789012345678901234567890e-20", 6, 1234567890123457 },
        { "10000", 12, 10000000000000000 },
        { "10000.000000000001", 12, -1 },
        { "1e1000", 0, -1 },
        { "1e1001", 0, -1 },
        { "-1", 6, -1 },
        { "", 6, -1 },
        { ".5", 6, -1 },
        { "1.", 6, -1 },
        { "1e", 6, -1 },
        { "1e+", 6, -1 },
        { "1x", 6, -1 },
        { " 1", 6, -1 },
        { "1,5", 6, -1 },
        { "nan", 6, -1 },
        { "0x10", 6, -1 },
        { "11111111111111111111111111111111111111111111111111111111111111111"
          "111111111111", 0, -1 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        if (llm_decimal_parse(str(cases[i].text), cases[i].shift, &value)
            != LLM_OK)
        {
            value = -1;
        }

        ok(value == cases[i].value, "decimal \"%s\" shifted by %d",
           cases[i].text, cases[i].shift);
    }

    ok(llm_decimal_scale(3000000, 1100000) == 3300000, "times 1.1");
    ok(llm_decimal_scale(5, 1100000) == 6, "a factor rounds half up");
    ok(llm_decimal_scale(LLM_DECIMAL_MAX, 10000000) == LLM_DECIMAL_MAX * 10,
       "the largest price times 10");
}


static void
test_base(void)
{
    size_t     i;
    llm_str_t  base;

    static const char *const  cases[][2] = {
        { "anthropic.claude-haiku-4-5-20251001-v1:0",
          "anthropic.claude-haiku-4-5-20251001-v1:0" },
        { "us.anthropic.claude-opus-4-6-v1", "anthropic.claude-opus-4-6-v1" },
        { "eu.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0" },
        { "apac.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0" },
        { "au.anthropic.claude-opus-5", "anthropic.claude-opus-5" },
        { "jp.anthropic.claude-opus-5", "anthropic.claude-opus-5" },
        { "ca.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0" },
        { "us-gov.anthropic.claude-x", "anthropic.claude-x" },
        { "global.anthropic.claude-opus-5", "anthropic.claude-opus-5" },
        { "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-tg1:0",
          "amazon.titan-tg1:0" },
        { "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
          "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
          "anthropic.claude-3-7-sonnet-20250219-v1:0" },
        { "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:"
          "inference-profile/us-gov.anthropic.claude-x",
          "anthropic.claude-x" },
        { "arn:aws:bedrock:us-east-1:123456789012:"
          "application-inference-profile/mi1dadi0g15f", "" },
        { "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc",
          "" },
        { "arn:aws:bedrock:us-east-1:123456789012:"
          "custom-model-deployment/abc", "" },
        { "arn:aws:bedrock:us-east-1", "" },
        { "arn:", "" },
        { "", "" },
        { "us.", "us." },
        { "us.single", "us.single" },
        { "gpt-4o", "gpt-4o" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        base = llm_model_base(str(cases[i][0]));

        ok(llm_str_eq(base, str(cases[i][1])), "base of \"%s\"", cases[i][0]);
        ok(base.len == 0
           || base.data + base.len == cases[i][0] + strlen(cases[i][0]),
           "the base is a piece of the model's text");
    }
}


/* a small list with every kind of scope */

static const char  scopes_list[] =
    "{ \"version\": \"t1\", \"models\": {\n"
    "  \"v.m\": { \"input\": 1, \"output\": \"5\", \"cache_read\": 0.1,\n"
    "    \"source\": \"test\",\n"
    "    \"scopes\": { \"in_region\": 1.1, \"geo\": \"1.1\", \"eu.\": 1.3,\n"
    "      \"us-gov-*\": 1.2, \"us-*\": 1.15, \"eu-west-2\":\n"
    "      { \"input\": 1.57, \"output\": 7.85, \"cache_read\": 0.157 } },\n"
    "    \"aliases\": [ \"v.m-latest\" ] },\n"
    "  \"v.plain\": { \"input\": 3, \"output\": 15, \"source\": \"test\" },\n"
    "  \"v.dated\": [\n"
    "    { \"until\": \"2026-08-31\", \"input\": 2, \"output\": 10,\n"
    "      \"source\": \"test\", \"scopes\": { \"geo\": 1.1 } },\n"
    "    { \"from\": \"2026-09-01\", \"until\": \"2028-02-29\", \"input\": 3,\n"
    "      \"output\": 15, \"source\": \"test\",\n"
    "      \"scopes\": { \"geo\": 1.1 } } ],\n"
    "  \"v.free\": { \"input\": 0, \"output\": 0, \"free\": true,\n"
    "    \"source\": \"test\" } } }\n";


static int64_t
input_at(const llm_prices_t *prices, const char *model, const char *region,
    int64_t now_ms)
{
    llm_price_t  price;

    if (llm_prices_find(prices, str(model), str(region), now_ms, &price)
        != LLM_OK)
    {
        return LLM_NO_PRICE;
    }

    return price.standard.input;
}


static void
test_scopes(void)
{
    size_t         i;
    told_t         told = { 0 };
    llm_price_t    price;
    llm_prices_t  *prices;

    static const struct {
        const char  *model;
        const char  *region;
        int64_t      input;
    } cases[] = {
        { "v.m", "ap-south-1", 1100000 },
        { "v.m", "", 1100000 },
        { "v.m", "us-east-1", 1150000 },
        { "v.m", "us-gov-west-1", 1200000 },
        { "v.m", "eu-west-2", 1570000 },
        { "v.m", "eu-west-22", 1100000 },
        { "v.m-latest", "eu-west-2", 1570000 },
        { "us.v.m", "us-east-1", 1100000 },
        { "eu.v.m", "eu-west-2", 1300000 },
        { "jp.v.m", "ap-northeast-1", 1100000 },
        { "global.v.m", "us-east-1", 1000000 },
        { "global.v.m", "eu-west-2", 1000000 },
        { "global.v.m-latest", "eu-west-2", 1000000 },
        { "arn:aws:bedrock:eu-west-2::foundation-model/v.m", "", 1570000 },
        { "arn:aws:bedrock:eu-west-2::foundation-model/v.m", "us-east-1",
          1150000 },
        { "arn:aws:bedrock:eu-west-2:1:inference-profile/eu.v.m",
          "eu-west-2", 1300000 },
        { "arn:aws:bedrock:us-east-1:1:application-inference-profile/v.m",
          "us-east-1", LLM_NO_PRICE },
        { "xx.v.m", "us-east-1", LLM_NO_PRICE },
        { "v.m:0", "us-east-1", LLM_NO_PRICE },
        { "V.M", "us-east-1", LLM_NO_PRICE },
        { "", "us-east-1", LLM_NO_PRICE },
        { "v.plain", "us-east-1", 3000000 },
        { "us.v.plain", "us-east-1", 3000000 },
        { "global.v.plain", "us-east-1", 3000000 },
        { "v.free", "us-east-1", 0 }
    };

    prices = llm_prices_parse(str(scopes_list), tell, &told);

    if (!ok(prices != NULL, "the list is read: %s", told.text)) {
        return;
    }

    ok(llm_prices_count(prices) == 5, "models and aliases are counted");
    ok(llm_str_eq(llm_prices_version(prices), str("t1")), "its version");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ok(input_at(prices, cases[i].model, cases[i].region, NOW)
           == cases[i].input, "input price of %s in %s", cases[i].model,
           cases[i].region);
    }

    (void) llm_prices_find(prices, str("eu.v.m"), str("eu-west-1"), NOW,
                           &price);

    ok(price.standard.output == 6500000 && price.standard.cache_read == 130000
       && price.standard.cache_write_5m == LLM_NO_PRICE,
       "a factor is on every price, and makes none up");

    (void) llm_prices_find(prices, str("v.free"), str(""), NOW, &price);

    ok(price.free, "a free model says so");

    ok(input_at(prices, "v.dated", "", SEPTEMBER_1 - 1) == 2000000
       && input_at(prices, "us.v.dated", "", SEPTEMBER_1 - 1) == 2200000,
       "\"until\" is the last day, to its last millisecond");
    ok(input_at(prices, "v.dated", "", SEPTEMBER_1) == 3000000
       && input_at(prices, "us.v.dated", "", SEPTEMBER_1) == 3300000,
       "\"from\" begins at midnight UTC");
    ok(input_at(prices, "v.dated", "", INT64_C(1835481599999)) == 3000000
       && input_at(prices, "v.dated", "", INT64_C(1835481600000))
          == LLM_NO_PRICE,
       "after the last day, a leap day, the model is unpriced");
    ok(input_at(prices, "v.dated", "", 0) == 2000000,
       "no \"from\": since ever");

    llm_prices_free(prices);
}


/* `entry` is the text after the id on line 3, and the message must hold all
 * of `says` */

static void
broken(const char *name, const char *entry, unsigned line, const char *says)
{
    char           text[2048];
    told_t         told = { 0 };
    llm_prices_t  *prices;

    snprintf(text, sizeof(text), "{ \"models\": {\n\n\"v.m\": %s\n}}", entry);

    prices = llm_prices_parse(str(text), tell, &told);

    ok(prices == NULL && told.errors >= 1 && told.line == line
       && strstr(told.text, says) != NULL && strstr(told.text, "v.m") != NULL,
       "%s: line %u: %s", name, told.line, told.text);

    llm_prices_free(prices);
}


static void
test_broken_entries(void)
{
    broken("a misspelt member", "{ \"input\": 1,\n \"outptu\": 2 }", 4,
           "\"outptu\" is not known");
    broken("a member twice", "{ \"input\": 1,\n \"input\": 2 }", 4, "twice");
    broken("no source", "{ \"input\": 1, \"output\": 2 }", 3, "\"source\"");
    broken("an empty source",
           "{ \"input\": 1, \"output\": 2, \"source\": \"\" }", 3,
           "\"source\"");
    broken("a price in words", "{ \"input\": \"three\", \"output\": 2 }", 3,
           "US dollars per million tokens");
    broken("a negative price", "{ \"input\": -3, \"output\": 2 }", 3,
           "is no price");
    broken("a price of null", "{ \"input\": null, \"output\": 2 }", 3,
           "is no price");
    broken("a price of 0", "{ \"input\": 0, \"output\": 2 }", 3,
           "\"free\": true");
    broken("a price per token", "{ \"input\": 3e-06, \"output\": 2 }", 3,
           "too small");
    broken("a price too large", "{ \"input\": 3000, \"output\": 2 }", 3,
           "too large");
    broken("output alone", "{ \"output\": 2 }", 3, "without \"input\"");
    broken("a cache price alone", "{ \"cache_read\": 2 }", 3,
           "without \"input\"");
    broken("input alone", "{ \"input\": 2, \"source\": \"x\" }", 3,
           "\"output\" is missing");
    broken("no price at all", "{ \"source\": \"x\" }", 3,
           "\"input\" is missing");
    broken("an embedding model without a price",
           "{ \"kind\": \"embedding\", \"source\": \"x\" }", 3,
           "\"input\" is missing");
    broken("an image model without a price",
           "{ \"kind\": \"image\", \"source\": \"x\" }", 3, "\"image\"");
    broken("a rerank model without a price",
           "{ \"kind\": \"rerank\", \"source\": \"x\" }", 3, "\"query\"");
    broken("an unknown kind", "{ \"kind\": \"video\", \"source\": \"x\" }", 3,
           "\"rerank\"");
    broken("cache read and write swapped",
           "{ \"input\": 3, \"output\": 15, \"cache_read\": 3.75,\n"
           " \"cache_write_5m\": 0.3 }", 3, "cache_write");
    broken("cache write below read",
           "{ \"input\": 3, \"output\": 15, \"cache_read\": 0.3,\n"
           " \"cache_write_5m\": 0.2 }", 3, "swapped");
    broken("an hour below five minutes",
           "{ \"input\": 3, \"output\": 15, \"cache_write_5m\": 6,\n"
           " \"cache_write_1h\": 3.75 }", 3, "swapped");
    broken("a date that is none", "{ \"input\": 1, \"output\": 2,\n"
           "\"from\": \"2026-02-29\" }", 4, "no date");
    broken("a date in another order", "{ \"until\": \"31.12.2026\" }", 3,
           "no date");
    broken("an end before the beginning",
           "{ \"from\": \"2026-09-01\", \"until\": \"2026-08-01\" }", 3,
           "before");
    broken("periods that overlap",
           "[{ \"input\": 1, \"output\": 2, \"source\": \"x\","
           "\"until\": \"2026-09-01\" },\n { \"input\": 1, \"output\": 2,"
           "\"source\": \"x\", \"from\": \"2026-09-01\" }]", 4, "overlaps");
    broken("no period", "[]", 3, "empty");
    broken("an entry that is none", "3", 3, "must be an object");
    broken("an entry in an array that is none", "[ 3 ]", 3,
           "must be an object");
    broken("a scope that is none", "{ \"input\": 1, \"output\": 2,"
           "\"source\": \"x\", \"scopes\": {\n\"europe\": 1.1 } }", 4,
           "no scope");
    broken("a scope twice", "{ \"input\": 1, \"output\": 2,"
           "\"source\": \"x\", \"scopes\": {\"geo\": 1,\n\"geo\": 1.1 } }", 4,
           "twice");
    broken("a price for a factor", "{ \"input\": 1, \"output\": 2,"
           "\"source\": \"x\", \"scopes\": { \"geo\": 33 } }", 3, "factor");
    broken("a scope that forgets the cache", "{ \"input\": 1, \"output\": 2,"
           "\"cache_read\": 0.1, \"source\": \"x\",\n\"scopes\":\n"
           "{ \"eu-west-2\": { \"input\": 2, \"output\": 3 } } }", 5,
           "lacks \"cache_read\"");
    broken("scopes in an array", "{ \"input\": 1, \"output\": 2,"
           "\"source\": \"x\", \"scopes\": [] }", 3, "\"scopes\"");
    broken("a tier that is none", "{ \"input\": 1, \"output\": 2,"
           "\"source\": \"x\", \"tiers\": { \"cheap\": 0.5 } }", 3,
           "\"cheap\" is not known");
    broken("a long context without threshold", "{ \"input\": 1, \"output\": "
           "2, \"long_context\": { \"input\": 2, \"output\": 3 } }", 3,
           "\"above\"");
    broken("a long context without prices", "{ \"input\": 1, \"output\": "
           "2, \"long_context\": { \"above\": 200000 } }", 3, "\"input\"");
    broken("a threshold in a tier", "{ \"input\": 1, \"output\": 2,"
           "\"tiers\": { \"flex\": { \"above\": 2 } } }", 3,
           "\"long_context\"");
    broken("a limit in words", "{ \"input\": 1, \"output\": 2,"
           "\"max_input\": \"200k\" }", 3, "number of tokens");
    broken("free in words", "{ \"free\": \"yes\" }", 3, "true or false");
    broken("aliases in a string", "{ \"input\": 1, \"output\": 2,"
           "\"source\": \"x\", \"aliases\": \"v.n\" }", 3, "array");
    broken("an alias of its own", "{ \"input\": 1, \"output\": 2,"
           "\"source\": \"x\", \"aliases\": [ \"v.m\" ] }", 3,
           "there already");
    broken("a model twice", "{ \"input\": 1, \"output\": 2,"
           "\"source\": \"x\" },\n\"v.m\": { }", 4, "there already");
}


static void
broken_list(const char *name, const char *text, unsigned line,
    const char *says)
{
    told_t         told = { 0 };
    llm_prices_t  *prices;

    prices = llm_prices_parse(str(text), tell, &told);

    ok(prices == NULL && told.errors >= 1 && told.line == line
       && strstr(told.text, says) != NULL, "%s: line %u: %s", name, told.line,
       told.text);

    llm_prices_free(prices);
}


static void
test_broken_lists(void)
{
    char  deep[256];

    broken_list("a profile's id", "{ \"models\": {\n\"us.v.m\": {} } }", 2,
                "\"scopes\"");
    broken_list("an ARN", "{ \"models\": { \"arn:aws:x\": {} } }", 1,
                "ARN");
    broken_list("an id with an escape", "{\"models\":{\"a\\u0041\":{}}}", 1,
                "no model id");
    broken_list("an empty id", "{\"models\":{\"\":{}}}", 1, "no model id");
    broken_list("no models", "{ \"models\": {} }", 1, "\"models\"");
    broken_list("models in an array", "{ \"models\": [] }", 1, "\"models\"");
    broken_list("an unknown member beside the models",
                "{ \"modles\": 1,\n\"models\": {} }", 1, "\"modles\"");
    broken_list("a version that is a number",
                "{ \"version\": 1,\n\"models\": {} }", 1, "\"version\"");
    broken_list("another JSON file", "{ \"name\": \"x\" }", 1,
                "no price list");
    broken_list("an array", "[]", 1, "JSON object");
    broken_list("an empty object", "{}", 1, "no price list");
    broken_list("broken JSON", "{\n\n \"models\": {\n ]", 4, "");
    broken_list("cut JSON", "{\n \"models\": {\n", 3, "");
    broken_list("nothing", "", 1, "");

    memset(deep, '[', sizeof(deep));
    memcpy(deep, "{\"models\":", 10);

    deep[sizeof(deep) - 1] = '\0';

    broken_list("JSON nested too deep", deep, 1, "too deep");

    ok(llm_prices_parse(str("{"), NULL, NULL) == NULL,
       "errors may be told to nobody");
}


static void
test_many_errors(void)
{
    size_t     i;
    char      *text, *p;
    told_t     told = { 0 };

    text = malloc(100 * 64);
    p = text + sprintf(text, "{\"models\":{");

    for (i = 0; i < 100; i++) {
        p += sprintf(p, "%s\"v.m%zu\":{\"input\":%zu}", i ? "," : "", i, i);
    }

    strcpy(p, "}}");

    ok(llm_prices_parse(str(text), tell, &told) == NULL && told.errors == 20,
       "several errors are told at once, but not endlessly");

    free(text);
}


static void
test_version(void)
{
    told_t         told = { 0 };
    llm_prices_t  *prices;

    prices = llm_prices_parse(str("{\"models\":{\"v.m\":{\"input\":1,"
                                  "\"output\":2,\"source\":\"x\"}}}"),
                              tell, &told);

    /* printf %s '…' | sha256sum */

    ok(prices != NULL && llm_str_eq(llm_prices_version(prices),
                                    str("f6fc3920b3f6")),
       "without a version it is the digest's first 12 digits");

    llm_prices_free(prices);
}


/* picodollars of input and output */

static const struct {
    const char  *model;
    const char  *region;
    int64_t      input;
    int64_t      output;
} shipped[] = {
    { "anthropic.claude-3-haiku-20240307-v1:0", "us-east-1", 250000, 1250000 },
    { "eu.anthropic.claude-3-5-haiku-20241022-v1:0", "eu-west-1", 800000,
      4000000 },
    { "us.anthropic.claude-3-7-sonnet-20250219-v1:0", "us-east-1", 3000000,
      15000000 },
    { "anthropic.claude-3-7-sonnet-20250219-v1:0", "us-gov-west-1", 3600000,
      18000000 },
    { "us.anthropic.claude-opus-4-1-20250805-v1:0", "us-east-1", 15000000,
      75000000 },
    { "us.anthropic.claude-sonnet-4-20250514-v1:0", "us-east-1", 3000000,
      15000000 },
    { "global.anthropic.claude-haiku-4-5-20251001-v1:0", "us-east-1",
      1000000, 5000000 },
    { "anthropic.claude-haiku-4-5-20251001-v1:0", "us-east-1", 1100000,
      5500000 },
    { "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-east-1", 3300000,
      16500000 },
    { "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-gov-west-1",
      3600000, 18000000 },
    { "us.anthropic.claude-sonnet-4-6", "us-east-1", 3300000, 16500000 },
    { "eu.anthropic.claude-opus-4-5-20251101-v1:0", "eu-west-1", 5500000,
      27500000 },
    { "global.anthropic.claude-opus-5", "us-east-1", 5000000, 25000000 },
    { "us.anthropic.claude-opus-5-5", "us-east-1", 4400000, 22000000 },
    { "us.anthropic.claude-sonnet-5", "us-east-1", 3300000, 16500000 },
    { "us.anthropic.claude-fable-5", "us-east-1", 11000000, 55000000 },
    { "us.amazon.nova-micro-v1:0", "us-east-1", 35000, 140000 },
    { "eu.amazon.nova-micro-v1:0", "eu-west-1", 46000, 184000 },
    { "eu.amazon.nova-lite-v1:0", "eu-west-1", 78000, 312000 },
    { "amazon.nova-pro-v1:0", "eu-west-1", 1050000, 4200000 },
    { "amazon.nova-pro-v1:0", "us-gov-west-1", 960000, 3840000 },
    { "us.amazon.nova-2-lite-v1:0", "us-east-1", 330000, 2750000 },
    { "us.amazon.nova-premier-v1:0", "us-east-1", 2500000, 12500000 },
    { "amazon.titan-text-express-v1", "us-east-1", 200000, 600000 },
    { "amazon.titan-embed-text-v2:0", "us-gov-west-1", 20000, LLM_NO_PRICE },
    { "mistral.mistral-large-2402-v1:0", "us-east-1", 4000000, 12000000 },
    { "mistral.mistral-large-2402-v1:0", "eu-west-3", 5200000, 15600000 },
    { "mistral.mistral-large-2407-v1:0", "us-west-2", 2000000, 6000000 },
    { "meta.llama3-1-70b-instruct-v1:0", "us-east-1", 720000, 720000 },
    { "us.meta.llama3-2-90b-instruct-v1:0", "us-east-1", 720000, 720000 },
    { "meta.llama3-70b-instruct-v1:0", "sa-east-1", 4450000, 5880000 },
    { "cohere.command-r-v1:0", "us-east-1", 500000, 1500000 },
    { "cohere.embed-v4:0", "us-east-1", 120000, LLM_NO_PRICE },
    { "ai21.jamba-1-5-large-v1:0", "us-east-1", 2000000, 8000000 },
    { "us.deepseek.r1-v1:0", "us-east-1", 1350000, 5400000 },
    { "eu.deepseek.v3.2", "eu-north-1", 740000, 2220000 },
    { "openai.gpt-oss-20b", "us-east-1", 70000, 300000 },
    { "openai.gpt-5.6-luna", "us-east-1", 220000, 1320000 },
    { "qwen.qwen3-coder-480b-a35b-v1:0", "us-east-1", 450000, 1800000 },
    { "qwen.qwen3-coder-next", "eu-west-2", 780000, 1860000 },
    { "zai.glm-5", "us-east-1", 1000000, 3200000 },
    { "moonshotai.kimi-k2.5", "ap-south-1", 720000, 3600000 },
    { "minimax.minimax-m2.5", "eu-west-2", 470000, 1860000 },
    { "anthropic.claude-mythos-preview", "us-east-1", -2, -2 },
    { NULL, NULL, 0, 0 }
};


static void
test_shipped_list(void)
{
    int            rc;
    size_t         i, len;
    char          *text;
    told_t         told = { 0 };
    llm_price_t    price;
    llm_prices_t  *prices;

    text = read_file("conf/prices.json", &len);

    if (text == NULL) {
        ok(1, "conf/prices.json # SKIP not run from the repository's root");
        return;
    }

    prices = llm_prices_parse((llm_str_t) { text, len }, tell, &told);
    free(text);

    if (!ok(prices != NULL && told.errors == 0 && told.warnings == 0,
            "conf/prices.json is read: %u: %s", told.line, told.text))
    {
        return;
    }

    ok(llm_prices_count(prices) >= 140, "it has %zu models",
       llm_prices_count(prices));

    for (i = 0; shipped[i].model != NULL; i++) {
        rc = llm_prices_find(prices, str(shipped[i].model),
                             str(shipped[i].region), NOW, &price);

        ok(shipped[i].input == -2
           ? rc == LLM_ERROR
           : rc == LLM_OK && price.standard.input == shipped[i].input
             && price.standard.output == shipped[i].output,
           "%s in %s", shipped[i].model, shipped[i].region);
    }

    ok(llm_prices_find(prices, str("cohere.rerank-v3-5:0"), str("us-east-1"),
                       NOW, &price) == LLM_OK
       && price.query == 2000000000, "a rerank query costs 0.002 USD");

    ok(llm_prices_find(prices, str("us.amazon.nova-pro-v1:0"),
                       str("us-east-1"), NOW, &price) == LLM_OK
       && price.latency_optimized.input == 1000000
       && price.tiers[LLM_TIER_FLEX].output == 1600000
       && price.standard.cache_read == 200000,
       "Nova Pro has tiers, cache reads and a latency-optimized price");

    ok(llm_prices_find(prices, str("anthropic.claude-sonnet-4-5"),
                       str("us-east-1"), NOW, &price) == LLM_OK
       && price.long_context_above == 200000
       && price.long_context.cache_write_1h == 13200000
       && price.max_output == 64000,
       "Sonnet 4.5 has its long context, with the 10 %%, by its short name");

    ok(input_at(prices, "us.anthropic.claude-sonnet-5", "us-east-1",
                SEPTEMBER_1 - DAY_MS) == 2200000,
       "Sonnet 5 in August 2026 has its introductory price");

    llm_prices_free(prices);
}


/* called for every request: bounded generously, for sanitizer builds */

static void
test_speed(void)
{
    int              i;
    double           ns;
    told_t           told = { 0 };
    llm_price_t      price;
    llm_prices_t    *prices;
    struct timespec  start, end;

    prices = llm_prices_parse(str(scopes_list), tell, &told);

    clock_gettime(CLOCK_MONOTONIC, &start);

    for (i = 0; i < 100000; i++) {
        (void) llm_prices_find(prices, str("eu.v.m"), str("eu-west-2"), NOW,
                               &price);
    }

    clock_gettime(CLOCK_MONOTONIC, &end);

    ns = ((end.tv_sec - start.tv_sec) * 1e9
          + (end.tv_nsec - start.tv_nsec)) / i;

    ok(ns < 5000, "a look-up takes %.0f ns", ns);

    llm_prices_free(prices);
}


int
main(void)
{
    test_decimal();
    test_base();
    test_scopes();
    test_broken_entries();
    test_broken_lists();
    test_many_errors();
    test_version();
    test_shipped_list();
    test_speed();

    return plan_done();
}
