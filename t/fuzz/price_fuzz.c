/*
 * Any bytes as a price list, then look-ups in what came of it.
 */

#include <stdlib.h>

#include "pricing/price.h"


static void
tell(void *ctx, bool is_error, unsigned line, const char *text)
{
    unsigned  *errors = ctx;

    *errors += is_error;

    /* a message is text, and short */

    if (line > 1000000 || strlen(text) > 511) {
        abort();
    }
}


static void
look_up(const llm_prices_t *prices, llm_str_t model, llm_str_t region)
{
    llm_str_t    base;
    llm_cost_t   cost;
    llm_price_t  price;
    llm_usage_t  usage = {
        .input = 200001, .output = 7, .cache_read = 3, .cache_write_5m = 2,
        .cache_write_1h = 1, .images = 1, .queries = 1,
        .tier = LLM_TIER_FLEX
    };

    base = llm_model_base(model);

    if (base.len > model.len) {
        abort();
    }

    if (llm_prices_find(prices, model, region, INT64_C(1795392000000),
                        &price)
        != LLM_OK)
    {
        return;
    }

    llm_cost(&price, &usage, &cost);

    if (cost.total < 0 || cost.input < 0 || cost.other < 0) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned       errors;
    llm_str_t      text;
    llm_prices_t  *prices;

    errors = 0;
    text = (llm_str_t) { (const char *) data, size };

    prices = llm_prices_parse(text, tell, &errors);

    /* a list, or a reason why there is none, never both */

    if ((prices == NULL) != (errors > 0)) {
        abort();
    }

    if (prices == NULL) {
        return 0;
    }

    look_up(prices, llm_str("v.m"), llm_str("us-east-1"));
    look_up(prices, llm_str("us.v.m"), llm_str("us-east-1"));
    look_up(prices, llm_str("global.v.m"), llm_str("eu-west-2"));
    look_up(prices, llm_str("arn:aws:bedrock:eu-west-2::foundation-model/v.m"),
            llm_str(""));
    look_up(prices, text, text);

    llm_prices_free(prices);

    return 0;
}
