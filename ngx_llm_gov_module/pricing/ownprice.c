/*
 * Our own format (docs/prices.md): the prices of one entry or scope.
 */

#include "decimal.h"
#include "own.h"


/* USD per million tokens to picodollars per token, USD to picodollars */
#define LLM_OWN_PER_MILLION  6
#define LLM_OWN_PER_UNIT     12

/* Picodollars per token.  Below the one a price was written per token, above
 * the other it is per thousand million or a slip of the point. */
#define LLM_OWN_LEAST  100
#define LLM_OWN_MOST   ((int64_t) 1000 * 1000 * 1000)

/* factors in millionths: 0.05 to 10 */
#define LLM_OWN_FACTOR_LEAST  50000
#define LLM_OWN_FACTOR_MOST   10000000


typedef struct {
    const char  *name;
    size_t       offset;
} llm_own_rate_t;


static const llm_own_rate_t  llm_own_rates[] = {
    { "input", offsetof(llm_rates_t, input) },
    { "output", offsetof(llm_rates_t, output) },
    { "cache_read", offsetof(llm_rates_t, cache_read) },
    { "cache_write_5m", offsetof(llm_rates_t, cache_write_5m) },
    { "cache_write_1h", offsetof(llm_rates_t, cache_write_1h) },
    { NULL, 0 }
};


static const char *const  llm_own_rate_members[] = {
    "input", "output", "cache_read", "cache_write_5m", "cache_write_1h",
    "above", NULL
};

static const char *const  llm_own_tier_members[] = {
    "priority", "flex", "batch", "reserved", NULL
};


static int64_t *
llm_own_rate(llm_rates_t *rates, const llm_own_rate_t *rate)
{
    return (int64_t *) ((char *) rates + rate->offset);
}


static int
llm_own_unknown(llm_reader_t *reader, const llm_value_t *member,
    const char *const *names)
{
    char    list[256];
    size_t  i, len, used;

    for (used = 0, i = 0; names[i] != NULL; i++) {
        len = strlen(names[i]);

        if (used + len + 2 > sizeof(list)) {
            break;
        }

        memcpy(list + used, ", ", 2);
        memcpy(list + used + 2, names[i], len);
        used += len + 2;
    }

    return llm_reader_error(reader, member, "\"%.*s\" is not known here, "
                            "write one of %.*s", llm_reader_arg(member->key),
                            (int) used - 2, list + 2);
}


int
llm_ownprice_members(llm_reader_t *reader, const llm_value_t *object,
    const char *const *names)
{
    size_t              i;
    uint32_t            seen;
    const llm_value_t  *member;

    if (object->type != LLM_JSON_OBJECT) {
        return llm_reader_error(reader, object, "\"%.*s\" must be an object "
                                "{ \"name\": value, ... }",
                                llm_reader_arg(object->key));
    }

    seen = 0;

    for (member = llm_document_first(reader->doc, object);
         member != NULL;
         member = llm_document_next(reader->doc, member))
    {
        for (i = 0; names[i] != NULL; i++) {
            if (strlen(names[i]) == member->key.len
                && memcmp(names[i], member->key.data, member->key.len) == 0)
            {
                break;
            }
        }

        if (names[i] == NULL) {
            return llm_own_unknown(reader, member, names);
        }

        if (seen & (1u << i)) {
            return llm_reader_error(reader, member, "\"%.*s\" is given twice, "
                                    "remove one of the two",
                                    llm_reader_arg(member->key));
        }

        seen |= 1u << i;
    }

    return LLM_OK;
}


/* a number or a string that holds one */

static int
llm_own_number(const llm_value_t *value, int shift, int64_t *number)
{
    if (value->type != LLM_JSON_NUMBER && value->type != LLM_JSON_STRING) {
        return LLM_ERROR;
    }

    return llm_decimal_parse(value->text, shift, number);
}


static int
llm_own_price(llm_reader_t *reader, const llm_value_t *value, int shift,
    int64_t *price)
{
    if (llm_own_number(value, shift, price) != LLM_OK) {
        return llm_reader_error(reader, value, "\"%.*s\" is no price, write "
                                "US dollars %s as a decimal number such as "
                                "0.25",
                                llm_reader_arg(value->key),
                                shift == LLM_OWN_PER_MILLION
                                ? "per million tokens" : "each");
    }

    if (*price == 0 && !reader->free) {
        return llm_reader_error(reader, value, "\"%.*s\" is 0, write \"free\":"
                                " true in the entry if that is meant, or "
                                "leave it out",
                                llm_reader_arg(value->key));
    }

    if (shift != LLM_OWN_PER_MILLION || *price == 0) {
        return LLM_OK;
    }

    if (*price < LLM_OWN_LEAST || *price > LLM_OWN_MOST) {
        return llm_reader_error(reader, value, "\"%.*s\" is too %s, write US "
                                "dollars per million tokens, not per %s",
                                llm_reader_arg(value->key),
                                *price < LLM_OWN_LEAST ? "small" : "large",
                                *price < LLM_OWN_LEAST ? "token or per "
                                "thousand" : "thousand million");
    }

    return LLM_OK;
}


/* what no provider does, and people and scripts mix up */

static int
llm_own_rates_check(llm_reader_t *reader, const llm_value_t *object,
    const llm_rates_t *rates)
{
    if (rates->output >= 0 && rates->input < 0) {
        return llm_reader_error(reader, object, "\"output\" without "
                                "\"input\", write both");
    }

    if (rates->input < 0
        && (rates->cache_read >= 0 || rates->cache_write_5m >= 0
            || rates->cache_write_1h >= 0))
    {
        return llm_reader_error(reader, object, "cache prices without "
                                "\"input\", write it");
    }

    if (rates->cache_read > rates->input) {
        return llm_reader_error(reader, object, "\"cache_read\" is above "
                                "\"input\", is it a cache_write price?");
    }

    if (rates->cache_write_5m >= 0
        && rates->cache_write_5m < rates->cache_read)
    {
        return llm_reader_error(reader, object, "\"cache_write_5m\" is below "
                                "\"cache_read\", are the two swapped?");
    }

    if (rates->cache_write_1h >= 0
        && rates->cache_write_1h < rates->cache_write_5m)
    {
        return llm_reader_error(reader, object, "\"cache_write_1h\" is below "
                                "\"cache_write_5m\", are the two swapped?");
    }

    return LLM_OK;
}


static int
llm_own_rates_read(llm_reader_t *reader, const llm_value_t *object,
    llm_rates_t *rates)
{
    const llm_value_t     *value;
    const llm_own_rate_t  *rate;

    for (rate = llm_own_rates; rate->name != NULL; rate++) {

        value = llm_document_get(reader->doc, object, rate->name);

        if (value != NULL
            && llm_own_price(reader, value, LLM_OWN_PER_MILLION,
                             llm_own_rate(rates, rate))
               != LLM_OK)
        {
            return LLM_ERROR;
        }
    }

    return llm_own_rates_check(reader, object, rates);
}


static void
llm_own_rates_scale(llm_rates_t *rates, int64_t millionths)
{
    int64_t               *price;
    const llm_own_rate_t  *rate;

    for (rate = llm_own_rates; rate->name != NULL; rate++) {
        price = llm_own_rate(rates, rate);

        if (*price >= 0) {
            *price = llm_decimal_scale(*price, millionths);
        }
    }
}


int
llm_ownprice_factor(llm_reader_t *reader, const llm_value_t *value,
    int64_t *millionths)
{
    if (llm_own_number(value, 6, millionths) == LLM_OK
        && *millionths >= LLM_OWN_FACTOR_LEAST
        && *millionths <= LLM_OWN_FACTOR_MOST)
    {
        return LLM_OK;
    }

    return llm_reader_error(reader, value, "\"%.*s\" must be a factor from "
                            "0.05 to 10 such as 1.1, or an object with prices",
                            llm_reader_arg(value->key));
}


/* a factor on the standard prices, or prices of its own */

static int
llm_own_rates_or_factor(llm_reader_t *reader, const llm_value_t *value,
    const llm_rates_t *standard, llm_rates_t *rates)
{
    int64_t             millionths;
    const llm_value_t  *above;

    if (value->type != LLM_JSON_OBJECT) {

        if (llm_ownprice_factor(reader, value, &millionths) != LLM_OK) {
            return LLM_ERROR;
        }

        *rates = *standard;
        llm_own_rates_scale(rates, millionths);

        return LLM_OK;
    }

    if (llm_ownprice_members(reader, value, llm_own_rate_members) != LLM_OK) {
        return LLM_ERROR;
    }

    above = llm_document_get(reader->doc, value, "above");

    if (above != NULL) {
        return llm_reader_error(reader, above, "\"above\" belongs into "
                                "\"long_context\"");
    }

    return llm_own_rates_read(reader, value, rates);
}


static int
llm_own_tiers(llm_reader_t *reader, const llm_value_t *tiers,
    llm_price_t *price)
{
    size_t              i;
    const llm_value_t  *value;

    static const llm_tier_t  tier[] = {
        LLM_TIER_PRIORITY, LLM_TIER_FLEX, LLM_TIER_BATCH, LLM_TIER_RESERVED
    };

    if (llm_ownprice_members(reader, tiers, llm_own_tier_members) != LLM_OK) {
        return LLM_ERROR;
    }

    for (i = 0; llm_own_tier_members[i] != NULL; i++) {

        value = llm_document_get(reader->doc, tiers, llm_own_tier_members[i]);

        if (value != NULL
            && llm_own_rates_or_factor(reader, value, &price->standard,
                                       &price->tiers[tier[i]])
               != LLM_OK)
        {
            return LLM_ERROR;
        }
    }

    return LLM_OK;
}


static int
llm_own_long_context(llm_reader_t *reader, const llm_value_t *object,
    llm_price_t *price)
{
    const llm_value_t  *above;

    if (llm_ownprice_members(reader, object, llm_own_rate_members)
        != LLM_OK)
    {
        return LLM_ERROR;
    }

    above = llm_document_get(reader->doc, object, "above");

    if (above == NULL
        || llm_own_number(above, 0, &price->long_context_above) != LLM_OK
        || price->long_context_above == 0)
    {
        return llm_reader_error(reader, object, "\"long_context\" needs "
                                "\"above\", a number of tokens such as "
                                "200000");
    }

    if (llm_own_rates_read(reader, object, &price->long_context) != LLM_OK) {
        return LLM_ERROR;
    }

    if (price->long_context.input < 0) {
        return llm_reader_error(reader, object, "\"long_context\" needs "
                                "prices of its own, write \"input\" and "
                                "\"output\"");
    }

    return LLM_OK;
}


int
llm_ownprice_read(llm_reader_t *reader, const llm_value_t *object,
    llm_price_t *price)
{
    const llm_value_t  *value;

    if (llm_own_rates_read(reader, object, &price->standard) != LLM_OK) {
        return LLM_ERROR;
    }

    value = llm_document_get(reader->doc, object, "image");

    if (value != NULL
        && llm_own_price(reader, value, LLM_OWN_PER_UNIT, &price->image)
           != LLM_OK)
    {
        return LLM_ERROR;
    }

    value = llm_document_get(reader->doc, object, "query");

    if (value != NULL
        && llm_own_price(reader, value, LLM_OWN_PER_UNIT, &price->query)
           != LLM_OK)
    {
        return LLM_ERROR;
    }

    value = llm_document_get(reader->doc, object, "long_context");

    if (value != NULL
        && llm_own_long_context(reader, value, price) != LLM_OK)
    {
        return LLM_ERROR;
    }

    value = llm_document_get(reader->doc, object, "tiers");

    if (value != NULL && llm_own_tiers(reader, value, price) != LLM_OK) {
        return LLM_ERROR;
    }

    value = llm_document_get(reader->doc, object, "latency_optimized");

    if (value == NULL) {
        return LLM_OK;
    }

    return llm_own_rates_or_factor(reader, value, &price->standard,
                                   &price->latency_optimized);
}


void
llm_price_scale(llm_price_t *price, int64_t millionths)
{
    size_t  i;

    llm_own_rates_scale(&price->standard, millionths);
    llm_own_rates_scale(&price->long_context, millionths);
    llm_own_rates_scale(&price->latency_optimized, millionths);

    for (i = 0; i < sizeof(price->tiers) / sizeof(price->tiers[0]); i++) {
        llm_own_rates_scale(&price->tiers[i], millionths);
    }

    if (price->image > 0) {
        price->image = llm_decimal_scale(price->image, millionths);
    }

    if (price->query > 0) {
        price->query = llm_decimal_scale(price->query, millionths);
    }
}
