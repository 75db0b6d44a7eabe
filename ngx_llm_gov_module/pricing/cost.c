#include "pricelist.h"


void
llm_rates_init(llm_rates_t *rates)
{
    rates->input = LLM_NO_PRICE;
    rates->output = LLM_NO_PRICE;
    rates->cache_read = LLM_NO_PRICE;
    rates->cache_write_5m = LLM_NO_PRICE;
    rates->cache_write_1h = LLM_NO_PRICE;
}


void
llm_price_init(llm_price_t *price)
{
    size_t  i;

    memset(price, 0, sizeof(llm_price_t));

    llm_rates_init(&price->standard);
    llm_rates_init(&price->long_context);
    llm_rates_init(&price->latency_optimized);

    for (i = 0; i < sizeof(price->tiers) / sizeof(price->tiers[0]); i++) {
        llm_rates_init(&price->tiers[i]);
    }

    price->image = LLM_NO_PRICE;
    price->query = LLM_NO_PRICE;
}


/* zeroed memory is not a price list of free tiers */

static bool
llm_rates_given(const llm_rates_t *rates)
{
    return rates->input > 0 || rates->output > 0;
}


/*
 * No gap is free: a cache read without a price counts as input, a cache write
 * too, and the longer write never less than the shorter one.
 */

static llm_rates_t
llm_rates_fill(llm_rates_t rates)
{
    if (rates.input < 0) {
        rates.input = 0;
    }

    if (rates.output < 0) {
        rates.output = 0;
    }

    if (rates.cache_read < 0) {
        rates.cache_read = rates.input;
    }

    if (rates.cache_write_5m < 0) {
        rates.cache_write_5m = rates.input;
    }

    if (rates.cache_write_1h < 0) {
        rates.cache_write_1h = rates.cache_write_5m > rates.input
                               ? rates.cache_write_5m : rates.input;
    }

    return rates;
}


/* rate * part / whole, rounded half up */

static int64_t
llm_rate_ratio(int64_t rate, int64_t part, int64_t whole)
{
    __int128  value;

    if (whole <= 0) {
        return part;
    }

    value = ((__int128) rate * part + whole / 2) / whole;

    return value > INT64_MAX ? INT64_MAX : (int64_t) value;
}


/* the rates of this call: tier or latency first, then the step for a long
 * context in the ratio it has to the standard rates */

static llm_rates_t
llm_rates_choose(const llm_price_t *price, const llm_usage_t *usage,
    bool is_long)
{
    size_t              ntiers;
    llm_rates_t         rates, standard, high;
    const llm_rates_t  *chosen;

    chosen = &price->standard;
    ntiers = sizeof(price->tiers) / sizeof(price->tiers[0]);

    if (usage->latency_optimized
        && llm_rates_given(&price->latency_optimized))
    {
        chosen = &price->latency_optimized;

    } else if (usage->tier > LLM_TIER_DEFAULT && usage->tier < ntiers
               && llm_rates_given(&price->tiers[usage->tier]))
    {
        chosen = &price->tiers[usage->tier];
    }

    rates = llm_rates_fill(*chosen);

    if (!is_long || !llm_rates_given(&price->long_context)) {
        return rates;
    }

    high = llm_rates_fill(price->long_context);

    if (chosen == &price->standard) {
        return high;
    }

    standard = llm_rates_fill(price->standard);

    rates.input = llm_rate_ratio(rates.input, high.input, standard.input);
    rates.output = llm_rate_ratio(rates.output, high.output, standard.output);
    rates.cache_read = llm_rate_ratio(rates.cache_read, high.cache_read,
                                      standard.cache_read);
    rates.cache_write_5m = llm_rate_ratio(rates.cache_write_5m,
                                          high.cache_write_5m,
                                          standard.cache_write_5m);
    rates.cache_write_1h = llm_rate_ratio(rates.cache_write_1h,
                                          high.cache_write_1h,
                                          standard.cache_write_1h);

    return rates;
}


/* not inline, nor the product: six and seven copies of them were 3 KB of code,
 * cold whenever it ran */

static int64_t __attribute__((noinline))
llm_cost_nano(__int128 pico)
{
    pico += LLM_PICO_PER_NANO / 2;

    /* a division of 128 bits costs as much as all the rest */

    if (pico <= INT64_MAX) {
        return (int64_t) pico / LLM_PICO_PER_NANO;
    }

    pico /= LLM_PICO_PER_NANO;

    return pico > INT64_MAX ? INT64_MAX : (int64_t) pico;
}


/* prices and counts are below 2^63, and at most seven products are added:
 * the sum of products that large is cut to what cannot overflow */

static __int128 __attribute__((noinline))
llm_cost_product(int64_t rate, int64_t count)
{
    __int128  value, most;

    if (rate <= 0 || count <= 0) {
        return 0;
    }

    value = (__int128) rate * count;
    most = (__int128) INT64_MAX * LLM_PICO_PER_NANO;

    return value > most ? most : value;
}


static __int128
llm_cost_input_total(const llm_usage_t *usage)
{
    const int64_t counts[] = {
        usage->input, usage->cache_read, usage->cache_write_5m,
        usage->cache_write_1h
    };

    size_t    i;
    __int128  total;

    total = 0;

    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        total += counts[i] > 0 ? counts[i] : 0;
    }

    return total;
}


void
llm_cost(const llm_price_t *price, const llm_usage_t *usage, llm_cost_t *cost)
{
    bool         is_long;
    __int128     input, output, cache_read, cache_write, other;
    llm_rates_t  rates;

    is_long = price->long_context_above > 0
              && llm_cost_input_total(usage) > price->long_context_above;

    rates = llm_rates_choose(price, usage, is_long);

    input = llm_cost_product(rates.input, usage->input);
    output = llm_cost_product(rates.output, usage->output);
    cache_read = llm_cost_product(rates.cache_read, usage->cache_read);
    cache_write = llm_cost_product(rates.cache_write_5m,
                                   usage->cache_write_5m)
                  + llm_cost_product(rates.cache_write_1h,
                                     usage->cache_write_1h);
    other = llm_cost_product(price->image, usage->images)
            + llm_cost_product(price->query, usage->queries);

    cost->input = llm_cost_nano(input);
    cost->output = llm_cost_nano(output);
    cost->cache_read = llm_cost_nano(cache_read);
    cost->cache_write = llm_cost_nano(cache_write);
    cost->other = llm_cost_nano(other);

    cost->total = llm_cost_nano(input + output + cache_read + cache_write
                                + other);
}
