/*
 * LiteLLM's list has a key for every scope of a model.  Here they are checked
 * against each other and brought together.
 */

#include "litellm.h"


/* another scope costs 0.9 to 2 times as much, or the entry is wrong */
#define LLM_LITELLM_LEAST_TENTHS  9
#define LLM_LITELLM_MOST_TENTHS   20


static llm_litellm_entry_t *
llm_litellm_find(llm_litellm_entry_t *entries, size_t n, llm_scope_t scope,
    llm_str_t name)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (!entries[i].dropped && entries[i].scope == scope
            && llm_str_eq(entries[i].name, name))
        {
            return &entries[i];
        }
    }

    return NULL;
}


/* what the other entries are measured by */

static llm_litellm_entry_t *
llm_litellm_reference(llm_litellm_entry_t *entries, size_t n)
{
    llm_litellm_entry_t  *entry;

    entry = llm_litellm_find(entries, n, LLM_SCOPE_BASE, llm_str(""));

    if (entry == NULL) {
        entry = llm_litellm_find(entries, n, LLM_SCOPE_REGION,
                                 llm_str("us-east-1"));
    }

    if (entry == NULL) {
        entry = llm_litellm_find(entries, n, LLM_SCOPE_REGION,
                                 llm_str("us-west-2"));
    }

    if (entry == NULL) {
        entry = llm_litellm_find(entries, n, LLM_SCOPE_GEO_NAMED,
                                 llm_str("us"));
    }

    return entry ? entry : &entries[0];
}


static bool
llm_litellm_ratio(int64_t price, int64_t reference)
{
    if (price <= 0 || reference <= 0) {
        return true;
    }

    return (__int128) price * 10
               >= (__int128) reference * LLM_LITELLM_LEAST_TENTHS
           && (__int128) price * 10
               <= (__int128) reference * LLM_LITELLM_MOST_TENTHS;
}


static void
llm_litellm_check_ratios(llm_reader_t *reader, llm_litellm_entry_t *entries,
    size_t n, const llm_litellm_entry_t *reference)
{
    size_t              i;
    const llm_price_t  *a, *b;

    b = &reference->price;

    for (i = 0; i < n; i++) {
        a = &entries[i].price;

        if (entries[i].dropped) {
            continue;
        }

        if (llm_litellm_ratio(a->standard.input, b->standard.input)
            && llm_litellm_ratio(a->standard.output, b->standard.output)
            && llm_litellm_ratio(a->image, b->image))
        {
            continue;
        }

        reader->model = entries[i].value->key;
        llm_reader_warn(reader, entries[i].value, "costs less than 0.9 or "
                        "more than 2 times what the model does elsewhere: "
                        "left out, the other price counts");

        entries[i].dropped = true;
    }
}


/* the dearest geographic profile, but us. before all others */

static llm_litellm_entry_t *
llm_litellm_geo(llm_litellm_entry_t *entries, size_t n)
{
    size_t                i;
    llm_litellm_entry_t  *geo;

    geo = llm_litellm_find(entries, n, LLM_SCOPE_GEO_NAMED, llm_str("us"));

    if (geo != NULL) {
        return geo;
    }

    for (i = 0; i < n; i++) {
        if (!entries[i].dropped && entries[i].scope == LLM_SCOPE_GEO_NAMED
            && (geo == NULL || entries[i].price.standard.input
                               > geo->price.standard.input))
        {
            geo = &entries[i];
        }
    }

    return geo;
}


/* where profiles carry a premium over global, all of them do, and so does the
 * call without a profile */

static bool
llm_litellm_check_premium(llm_reader_t *reader, llm_litellm_entry_t *entries,
    size_t n, const llm_litellm_entry_t *geo,
    const llm_litellm_entry_t *reference)
{
    size_t                      i;
    int64_t                     price;
    const llm_litellm_entry_t  *global;

    global = llm_litellm_find(entries, n, LLM_SCOPE_GLOBAL, llm_str("global"));

    if (global == NULL || geo == NULL) {
        return false;
    }

    price = global->price.standard.input;

    if (geo->price.standard.input <= price) {
        return false;
    }

    for (i = 0; i < n; i++) {
        if (entries[i].dropped || entries[i].scope != LLM_SCOPE_GEO_NAMED
            || entries[i].price.standard.input > price)
        {
            continue;
        }

        reader->model = entries[i].value->key;
        llm_reader_warn(reader, entries[i].value, "costs no more than the "
                        "global profile, but other geographic profiles do: "
                        "left out, their price counts");

        entries[i].dropped = true;
    }

    if (reference->price.standard.input > price) {
        return false;
    }

    reader->model = reference->value->key;
    llm_reader_warn(reader, reference->value, "has the global profile's price,"
                    " calls without a profile are taken at the geographic "
                    "one's");

    return true;
}


static int
llm_litellm_add(llm_reader_t *reader, const llm_litellm_entry_t *entry,
    llm_scope_t scope, llm_str_t name)
{
    int64_t      until, millionths;
    llm_price_t  price;

    until = llm_litellm_until(entry, &millionths);

    if (llm_pricelist_add_variant(reader->prices, scope, name, INT64_MIN,
                                  until, &entry->price)
        != LLM_OK)
    {
        return LLM_ERROR;
    }

    if (until == INT64_MAX) {
        return LLM_OK;
    }

    price = entry->price;
    llm_price_scale(&price, millionths);

    return llm_pricelist_add_variant(reader->prices, scope, name, until,
                                     INT64_MAX, &price);
}


/* the list may be read long after it was written */

static void
llm_litellm_check_promotion(llm_reader_t *reader,
    const llm_litellm_entry_t *reference)
{
    int64_t  millionths;

    if (llm_litellm_until(reference, &millionths) == INT64_MAX) {
        return;
    }

    reader->model = reference->value->key;
    llm_reader_warn(reader, reference->value, "has a promotion's price: after "
                    "its end taken times %g", millionths / 1e6);
}


/* Calls without a profile cost what the profile of their part of the world
 * does, unless the list has the region itself. */

static int
llm_litellm_add_regions(llm_reader_t *reader, const llm_litellm_entry_t *entry)
{
    size_t  i;

    static const struct {
        llm_str_t    geo;
        llm_scope_t  scope;
        llm_str_t    name;
    } regions[] = {
        { { "us", 2 }, LLM_SCOPE_REGION_PREFIX, { "us-", 3 } },
        { { "us-gov", 6 }, LLM_SCOPE_REGION_PREFIX, { "us-gov-", 7 } },
        { { "eu", 2 }, LLM_SCOPE_REGION_PREFIX, { "eu-", 3 } },
        { { "apac", 4 }, LLM_SCOPE_REGION_PREFIX, { "ap-", 3 } },
        { { "ca", 2 }, LLM_SCOPE_REGION_PREFIX, { "ca-", 3 } },
        { { "jp", 2 }, LLM_SCOPE_REGION_PREFIX, { "ap-northeast-1", 14 } },
        { { "au", 2 }, LLM_SCOPE_REGION_PREFIX, { "ap-southeast-2", 14 } }
    };

    for (i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {

        if (llm_str_eq(regions[i].geo, entry->name)
            && llm_litellm_add(reader, entry, regions[i].scope,
                               regions[i].name)
               != LLM_OK)
        {
            return LLM_ERROR;
        }
    }

    return LLM_OK;
}


static int
llm_litellm_add_scopes(llm_reader_t *reader,
    const llm_litellm_entry_t *entries, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (entries[i].dropped || entries[i].scope == LLM_SCOPE_BASE) {
            continue;
        }

        if (llm_litellm_add(reader, &entries[i], entries[i].scope,
                            entries[i].name)
            != LLM_OK)
        {
            return LLM_ERROR;
        }

        if (entries[i].scope == LLM_SCOPE_GEO_NAMED
            && llm_litellm_add_regions(reader, &entries[i]) != LLM_OK)
        {
            return LLM_ERROR;
        }
    }

    return LLM_OK;
}


int
llm_litellm_model(llm_reader_t *reader, llm_litellm_entry_t *entries, size_t n)
{
    bool                  premium;
    llm_litellm_entry_t  *geo, *reference;

    reference = llm_litellm_reference(entries, n);

    llm_litellm_check_ratios(reader, entries, n, reference);

    geo = llm_litellm_geo(entries, n);
    premium = llm_litellm_check_premium(reader, entries, n, geo, reference);
    llm_litellm_check_promotion(reader, reference);

    if (llm_pricelist_add_model(reader->prices, reference->base) != LLM_OK
        || llm_litellm_add(reader, reference, LLM_SCOPE_BASE, llm_str(""))
           != LLM_OK)
    {
        return LLM_ERROR;
    }

    if (geo != NULL
        && llm_litellm_add(reader, geo, LLM_SCOPE_GEO, llm_str("")) != LLM_OK)
    {
        return LLM_ERROR;
    }

    if (premium
        && llm_litellm_add(reader, geo, LLM_SCOPE_IN_REGION, llm_str(""))
           != LLM_OK)
    {
        return LLM_ERROR;
    }

    return llm_litellm_add_scopes(reader, entries, n);
}
