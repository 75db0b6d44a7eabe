#include <stdlib.h>

#include "pricelist.h"


static llm_str_t
llm_pricelist_str(const llm_prices_t *prices, llm_name_t name)
{
    return (llm_str_t) { prices->strings + name.start, name.len };
}


/* FNV-1a, folded: the ids come from the operator's file, not from clients */

static uint64_t
llm_pricelist_hash(llm_str_t id)
{
    size_t    i;
    uint64_t  hash;

    hash = 0xcbf29ce484222325;

    for (i = 0; i < id.len; i++) {
        hash = (hash ^ (uint8_t) id.data[i]) * 0x100000001b3;
    }

    return hash ^ (hash >> 32);
}


/* the slot of the id, or the free one where it would go */

static uint32_t *
llm_pricelist_slot(const llm_prices_t *prices, llm_str_t id, uint64_t hash)
{
    uint32_t      i, *slot;
    llm_model_t  *model;

    for (i = hash & (prices->nslots - 1);
         /* void */ ;
         i = (i + 1) & (prices->nslots - 1))
    {
        slot = &prices->slots[i];

        if (*slot == 0) {
            return slot;
        }

        model = &prices->models[*slot - 1];

        if (model->hash == hash
            && llm_str_eq(llm_pricelist_str(prices, model->name), id))
        {
            return slot;
        }
    }
}


/* makes room for `need` more items */

static int
llm_pricelist_grow(void **items, uint32_t *size, uint32_t n, size_t need,
    size_t item)
{
    void    *p;
    size_t   want;

    if (need <= *size - n) {
        return LLM_OK;
    }

    want = (size_t) *size * 2 + need + 16;

    if (want > UINT32_MAX) {
        return LLM_ERROR;
    }

    p = realloc(*items, want * item);
    if (p == NULL) {
        return LLM_ERROR;
    }

    *items = p;
    *size = want;

    return LLM_OK;
}


/* at most half of the slots are taken, so that a search always ends */

static int
llm_pricelist_rehash(llm_prices_t *prices)
{
    uint32_t      i, n, *slots;
    llm_model_t  *model;

    if (prices->nmodels < prices->nslots / 2) {
        return LLM_OK;
    }

    n = prices->nslots ? prices->nslots * 2 : 64;

    slots = calloc(n, sizeof(uint32_t));
    if (slots == NULL) {
        return LLM_ERROR;
    }

    free(prices->slots);
    prices->slots = slots;
    prices->nslots = n;

    for (i = 0; i < prices->nmodels; i++) {
        model = &prices->models[i];

        *llm_pricelist_slot(prices, llm_pricelist_str(prices, model->name),
                            model->hash) = i + 1;
    }

    return LLM_OK;
}


static int
llm_pricelist_add_name(llm_prices_t *prices, llm_str_t text, llm_name_t *name)
{
    if (llm_pricelist_grow((void **) &prices->strings, &prices->strings_size,
                           prices->strings_len, text.len, 1)
        != LLM_OK)
    {
        return LLM_ERROR;
    }

    name->start = prices->strings_len;
    name->len = text.len;

    if (text.len) {
        memcpy(prices->strings + name->start, text.data, text.len);
    }

    prices->strings_len += text.len;

    return LLM_OK;
}


llm_prices_t *
llm_pricelist_create(void)
{
    return calloc(1, sizeof(llm_prices_t));
}


void
llm_prices_free(llm_prices_t *prices)
{
    if (prices == NULL) {
        return;
    }

    free(prices->variants);
    free(prices->models);
    free(prices->slots);
    free(prices->strings);
    free(prices);
}


int
llm_pricelist_add_model(llm_prices_t *prices, llm_str_t id)
{
    uint32_t     *slot;
    uint64_t      hash;
    llm_model_t  *model;

    if (llm_pricelist_rehash(prices) != LLM_OK
        || llm_pricelist_grow((void **) &prices->models, &prices->models_size,
                              prices->nmodels, 1, sizeof(llm_model_t))
           != LLM_OK)
    {
        return LLM_ERROR;
    }

    hash = llm_pricelist_hash(id);
    slot = llm_pricelist_slot(prices, id, hash);

    if (*slot) {
        return LLM_AGAIN;
    }

    model = &prices->models[prices->nmodels];

    if (llm_pricelist_add_name(prices, id, &model->name) != LLM_OK) {
        return LLM_ERROR;
    }

    model->hash = hash;
    model->first = prices->nvariants;
    model->n = 0;

    *slot = ++prices->nmodels;

    return LLM_OK;
}


int
llm_pricelist_add_alias(llm_prices_t *prices, llm_str_t id)
{
    int           rc;
    llm_model_t   model;

    model = prices->models[prices->nmodels - 1];

    rc = llm_pricelist_add_model(prices, id);

    if (rc == LLM_OK) {
        prices->models[prices->nmodels - 1].first = model.first;
        prices->models[prices->nmodels - 1].n = model.n;
    }

    return rc;
}


int
llm_pricelist_add_variant(llm_prices_t *prices, llm_scope_t scope,
    llm_str_t name, int64_t from_ms, int64_t until_ms,
    const llm_price_t *price)
{
    llm_variant_t  *variant;

    if (llm_pricelist_grow((void **) &prices->variants,
                           &prices->variants_size, prices->nvariants, 1,
                           sizeof(llm_variant_t))
        != LLM_OK)
    {
        return LLM_ERROR;
    }

    variant = &prices->variants[prices->nvariants];

    if (llm_pricelist_add_name(prices, name, &variant->name) != LLM_OK) {
        return LLM_ERROR;
    }

    variant->scope = scope;
    variant->from_ms = from_ms;
    variant->until_ms = until_ms;
    variant->price = *price;

    prices->nvariants++;
    prices->models[prices->nmodels - 1].n++;

    return LLM_OK;
}


size_t
llm_prices_count(const llm_prices_t *prices)
{
    return prices->nmodels;
}


llm_str_t
llm_prices_version(const llm_prices_t *prices)
{
    return prices->version;
}


/* is the variant one for calls of this kind? */

static bool
llm_pricelist_fits(const llm_prices_t *prices, const llm_variant_t *variant,
    const llm_model_name_t *name)
{
    llm_str_t  text;

    text = llm_pricelist_str(prices, variant->name);

    switch (variant->scope) {

    case LLM_SCOPE_BASE:
        return true;

    case LLM_SCOPE_GLOBAL:
    case LLM_SCOPE_IN_REGION:
        return name->scope == variant->scope;

    case LLM_SCOPE_GEO:
        return name->scope == LLM_SCOPE_GEO_NAMED;

    case LLM_SCOPE_GEO_NAMED:
        return name->scope == LLM_SCOPE_GEO_NAMED
               && llm_str_eq(name->geo, text);

    case LLM_SCOPE_REGION_PREFIX:
        return name->scope == LLM_SCOPE_IN_REGION
               && llm_str_starts(name->region, text);

    default: /* LLM_SCOPE_REGION */
        return name->scope == LLM_SCOPE_IN_REGION
               && llm_str_eq(name->region, text);
    }
}


int
llm_prices_find(const llm_prices_t *prices, llm_str_t model, llm_str_t region,
    int64_t now_ms, llm_price_t *price)
{
    uint32_t              slot, i;
    llm_model_name_t      name;
    const llm_model_t    *entry;
    const llm_variant_t  *variant, *best;

    if (prices->nslots == 0 || llm_model_name(&name, model) != LLM_OK) {
        return LLM_ERROR;
    }

    slot = *llm_pricelist_slot(prices, name.base,
                               llm_pricelist_hash(name.base));
    if (slot == 0) {
        return LLM_ERROR;
    }

    if (region.len) {
        name.region = region;
    }

    best = NULL;
    entry = &prices->models[slot - 1];

    for (i = entry->first; i < entry->first + entry->n; i++) {
        variant = &prices->variants[i];

        if (now_ms < variant->from_ms || now_ms >= variant->until_ms
            || !llm_pricelist_fits(prices, variant, &name))
        {
            continue;
        }

        /* of two beginnings of the region's name the longer one */

        if (best == NULL || variant->scope > best->scope
            || (variant->scope == best->scope
                && variant->name.len > best->name.len))
        {
            best = variant;
        }
    }

    if (best == NULL) {
        return LLM_ERROR;
    }

    *price = best->price;

    return LLM_OK;
}
