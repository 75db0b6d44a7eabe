/*
 * One entry of LiteLLM's list: what its key and its members mean, and whether
 * it can be true.
 */

#include "decimal.h"
#include "litellm.h"


/* USD to picodollars */
#define LLM_LITELLM_SHIFT  12


static llm_str_t
llm_litellm_text(llm_reader_t *reader, const llm_value_t *object,
    const char *name)
{
    const llm_value_t  *value;

    value = llm_document_get(reader->doc, object, name);

    if (value == NULL || value->type != LLM_JSON_STRING) {
        return (llm_str_t) { "", 0 };
    }

    return value->text;
}


static void
llm_litellm_doubt(llm_reader_t *reader, const llm_litellm_entry_t *entry,
    const char *text)
{
    if (entry->rank != LLM_LITELLM_OTHER) {
        llm_reader_warn(reader, entry->value, "%s", text);
    }
}


/* "bedrock/<region>/<id>", "bedrock_mantle/<id>", "us.<id>", "<id>" */

static int
llm_litellm_key(llm_litellm_entry_t *entry, llm_str_t key)
{
    size_t       prefix;
    const char  *slash;

    entry->scope = LLM_SCOPE_BASE;
    entry->name = (llm_str_t) { "", 0 };

    if (llm_str_starts(key, llm_str("bedrock_mantle/"))) {
        key.data += sizeof("bedrock_mantle/") - 1;
        key.len -= sizeof("bedrock_mantle/") - 1;
        entry->rank = LLM_LITELLM_MANTLE;

    } else if (llm_str_starts(key, llm_str("bedrock/"))) {
        key.data += sizeof("bedrock/") - 1;
        key.len -= sizeof("bedrock/") - 1;

        slash = memchr(key.data, '/', key.len);

        /* without a region it is another spelling of the bare id */

        if (slash == NULL
            || memchr(key.data, '-', slash - key.data) == NULL)
        {
            return LLM_AGAIN;
        }

        entry->scope = LLM_SCOPE_REGION;
        entry->name = (llm_str_t) { key.data, slash - key.data };

        key.len -= slash + 1 - key.data;
        key.data = slash + 1;
    }

    /* left are commitments and sizes of images */

    if (key.len == 0 || memchr(key.data, '/', key.len) != NULL) {
        return LLM_AGAIN;
    }

    prefix = (entry->scope == LLM_SCOPE_BASE) ? llm_model_prefix(key) : 0;

    if (prefix) {
        entry->name = (llm_str_t) { key.data, prefix - 1 };
        entry->scope = llm_str_eq(entry->name, llm_str("global"))
                       ? LLM_SCOPE_GLOBAL : LLM_SCOPE_GEO_NAMED;
    }

    entry->base = (llm_str_t) { key.data + prefix, key.len - prefix };

    return LLM_OK;
}


static int
llm_litellm_number(llm_reader_t *reader, const llm_value_t *object,
    const char *name, int shift, int64_t *number)
{
    const llm_value_t  *value;

    value = llm_document_get(reader->doc, object, name);

    if (value == NULL || value->type == LLM_JSON_NULL) {
        return LLM_OK;
    }

    if (value->type != LLM_JSON_NUMBER) {
        return LLM_ERROR;
    }

    return llm_decimal_parse(value->text, shift, number);
}


/* names are the base name and a suffix: "_flex", "_above_200k_tokens" */

static int
llm_litellm_rates(llm_reader_t *reader, const llm_value_t *object,
    llm_str_t suffix, llm_rates_t *rates)
{
    size_t  i, len;
    char    name[128];

    const struct {
        const char  *name;
        int64_t     *rate;
    } members[] = {
        { "input_cost_per_token", &rates->input },
        { "output_cost_per_token", &rates->output },
        { "cache_read_input_token_cost", &rates->cache_read },
        { "cache_creation_input_token_cost", &rates->cache_write_5m },
        { "cache_creation_input_token_cost_above_1hr",
          &rates->cache_write_1h }
    };

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {

        len = strlen(members[i].name);

        if (len + suffix.len >= sizeof(name)) {
            return LLM_OK;
        }

        memcpy(name, members[i].name, len);
        memcpy(name + len, suffix.data, suffix.len);
        name[len + suffix.len] = '\0';

        if (llm_litellm_number(reader, object, name, LLM_LITELLM_SHIFT,
                               members[i].rate)
            != LLM_OK)
        {
            return LLM_ERROR;
        }
    }

    return LLM_OK;
}


/* the "_above_200k_tokens" of a list whose threshold is in the names */

static llm_str_t
llm_litellm_band(llm_reader_t *reader, const llm_value_t *object,
    int64_t *above)
{
    size_t              i;
    llm_str_t           key;
    const llm_value_t  *member;
    const llm_str_t     start = llm_str("input_cost_per_token_above_");

    for (member = llm_document_first(reader->doc, object);
         member != NULL;
         member = llm_document_next(reader->doc, member))
    {
        key = member->key;

        if (!llm_str_starts(key, start)) {
            continue;
        }

        *above = 0;

        for (i = start.len;
             i < key.len && i < start.len + 6
             && key.data[i] >= '0' && key.data[i] <= '9';
             i++)
        {
            *above = *above * 10 + (key.data[i] - '0');
        }

        *above *= 1000;

        key.data += i;
        key.len -= i;

        if (*above && llm_str_eq(key, llm_str("k_tokens"))) {
            i -= sizeof("input_cost_per_token") - 1;
            return (llm_str_t) { key.data - i, key.len + i };
        }
    }

    *above = 0;

    return (llm_str_t) { "", 0 };
}


static int
llm_litellm_prices(llm_reader_t *reader, llm_litellm_entry_t *entry)
{
    llm_str_t           band;
    llm_price_t        *price;
    const llm_value_t  *object;

    price = &entry->price;
    object = entry->value;

    llm_price_init(price);

    band = llm_litellm_band(reader, object, &price->long_context_above);

    if (band.len
        && llm_litellm_rates(reader, object, band, &price->long_context)
           != LLM_OK)
    {
        return LLM_ERROR;
    }

    if (llm_litellm_rates(reader, object, llm_str(""), &price->standard)
        != LLM_OK
        || llm_litellm_rates(reader, object, llm_str("_flex"),
                             &price->tiers[LLM_TIER_FLEX])
           != LLM_OK
        || llm_litellm_rates(reader, object, llm_str("_priority"),
                             &price->tiers[LLM_TIER_PRIORITY])
           != LLM_OK
        || llm_litellm_rates(reader, object, llm_str("_batches"),
                             &price->tiers[LLM_TIER_BATCH])
           != LLM_OK
        || llm_litellm_number(reader, object, "input_cost_per_query",
                              LLM_LITELLM_SHIFT, &price->query)
           != LLM_OK
        || llm_litellm_number(reader, object, "input_cost_per_image",
                              LLM_LITELLM_SHIFT, &price->image)
           != LLM_OK
        || llm_litellm_number(reader, object, "output_cost_per_image",
                              LLM_LITELLM_SHIFT, &price->image)
           != LLM_OK)
    {
        return LLM_ERROR;
    }

    /* limits are no reason to doubt a price */

    if (llm_litellm_number(reader, object, "max_input_tokens", 0,
                           &price->max_input)
        != LLM_OK)
    {
        price->max_input = 0;
    }

    if (llm_litellm_number(reader, object, "max_output_tokens", 0,
                           &price->max_output)
        != LLM_OK)
    {
        price->max_output = 0;
    }

    return LLM_OK;
}


/* prices of 0, and prices without which a call would cost nothing */

static const char *
llm_litellm_zero(llm_reader_t *reader, llm_litellm_entry_t *entry)
{
    bool          has_unit;
    llm_str_t     mode;
    llm_rates_t  *rates;

    rates = &entry->price.standard;
    mode = llm_litellm_text(reader, entry->value, "mode");

    if (entry->price.image == 0) {
        entry->price.image = LLM_NO_PRICE;
    }

    if (entry->price.query == 0) {
        entry->price.query = LLM_NO_PRICE;
    }

    has_unit = entry->price.image > 0 || entry->price.query > 0;

    if (rates->input <= 0 && rates->output <= 0) {

        if (!has_unit) {
            return rates->input == 0 ? "costs 0, which nothing says is meant: "
                                       "left out"
                                     : "";
        }

        if (rates->input == 0) {
            llm_litellm_doubt(reader, entry, "tokens cost 0, only the price "
                              "per query or image is taken");
        }

        llm_rates_init(rates);

        return NULL;
    }

    if (rates->input < 0) {
        return "has a price of output but none of input: left out";
    }

    if (rates->input == 0) {
        return "input costs 0, which nothing says is meant: left out";
    }

    if (rates->output > 0) {
        return NULL;
    }

    rates->output = LLM_NO_PRICE;

    if (llm_str_eq(mode, llm_str("embedding")) || has_unit) {
        return NULL;
    }

    return "output costs nothing, which nothing says is meant: left out";
}


static void
llm_litellm_cache(llm_reader_t *reader, llm_litellm_entry_t *entry)
{
    llm_rates_t        *rates;
    const llm_value_t  *claim;

    rates = &entry->price.standard;

    if (rates->cache_read == 0 || rates->cache_read > rates->input) {
        llm_litellm_doubt(reader, entry, "the price of cache reads is 0 or "
                          "above that of input: taken as that of input");
        rates->cache_read = LLM_NO_PRICE;
    }

    if (rates->cache_write_5m == 0) {
        rates->cache_write_5m = LLM_NO_PRICE;
    }

    if (rates->cache_write_1h == 0) {
        rates->cache_write_1h = LLM_NO_PRICE;
    }

    claim = llm_document_get(reader->doc, entry->value,
                             "supports_prompt_caching");

    if (claim != NULL && claim->type == LLM_JSON_TRUE
        && rates->cache_read < 0)
    {
        llm_litellm_doubt(reader, entry, "claims prompt caching but has no "
                          "price of cache reads: they cost as much as input");
    }
}


/* a write for an hour costs twice the input for every Claude */

static void
llm_litellm_claude_rates(llm_rates_t *rates)
{
    if (rates->cache_write_5m > 0 && rates->cache_write_1h < 0) {
        rates->cache_write_1h = rates->input * 2;
    }
}


static void
llm_litellm_claude(llm_reader_t *reader, llm_litellm_entry_t *entry)
{
    llm_price_t  *price;

    if (!llm_str_starts(entry->base, llm_str("anthropic.claude-"))) {
        return;
    }

    price = &entry->price;

    /* the longer context came with Sonnet 4 */

    if (price->long_context_above
        && llm_str_starts(entry->base, llm_str("anthropic.claude-3-")))
    {
        llm_litellm_doubt(reader, entry, "has a price above 200000 tokens, "
                          "which this model does not take: not believed");

        llm_rates_init(&price->long_context);
        price->max_input = price->long_context_above;
        price->long_context_above = 0;
    }

    llm_litellm_claude_rates(&price->standard);
    llm_litellm_claude_rates(&price->long_context);
}


int
llm_litellm_entry(llm_reader_t *reader, const llm_value_t *value,
    llm_litellm_entry_t *entry)
{
    llm_str_t    provider;
    const char  *doubt;

    if (value->type != LLM_JSON_OBJECT
        || memchr(value->key.data, '\\', value->key.len) != NULL)
    {
        return LLM_AGAIN;
    }

    provider = llm_litellm_text(reader, value, "litellm_provider");

    if (provider.len == 0 || llm_str_eq(value->key, llm_str("sample_spec"))) {
        return LLM_AGAIN;
    }

    entry->value = value;
    entry->base = value->key;
    entry->scope = LLM_SCOPE_BASE;
    entry->name = (llm_str_t) { "", 0 };
    entry->rank = LLM_LITELLM_OTHER;
    entry->dropped = false;

    if (llm_str_starts(provider, llm_str("bedrock"))) {
        entry->rank = LLM_LITELLM_BEDROCK;

        if (llm_litellm_key(entry, value->key) != LLM_OK) {
            return LLM_AGAIN;
        }
    }

    reader->model = value->key;

    if (llm_litellm_prices(reader, entry) != LLM_OK) {
        llm_litellm_doubt(reader, entry, "has a price that is no number from "
                          "0 to 10000 USD: left out");
        return LLM_ERROR;
    }

    doubt = llm_litellm_zero(reader, entry);

    if (doubt != NULL && *doubt == '\0') {
        return LLM_AGAIN;
    }

    if (doubt != NULL) {
        llm_litellm_doubt(reader, entry, doubt);
        return LLM_ERROR;
    }

    if (entry->rank == LLM_LITELLM_OTHER) {
        return LLM_OK;
    }

    llm_litellm_cache(reader, entry);
    llm_litellm_claude(reader, entry);

    return llm_litellm_known(reader, entry);
}
