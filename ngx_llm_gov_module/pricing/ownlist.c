/*
 * Our own format (docs/prices.md): the models, their periods and scopes.
 */

#include "own.h"


/* so many periods of a model, and scopes of a period */
#define LLM_OWN_MOST_PARTS  64


/* "in_region", "geo", "global", "eu.", "eu-west-2", "us-gov-*" */

static int
llm_own_scope(llm_reader_t *reader, const llm_value_t *value,
    llm_scope_t *scope, llm_str_t *name)
{
    size_t     i;
    char       prefixed[16];
    llm_str_t  key;

    key = value->key;
    *name = (llm_str_t) { "", 0 };

    if (llm_str_eq(key, llm_str("in_region"))) {
        *scope = LLM_SCOPE_IN_REGION;
        return LLM_OK;
    }

    if (llm_str_eq(key, llm_str("geo"))) {
        *scope = LLM_SCOPE_GEO;
        return LLM_OK;
    }

    if (llm_str_eq(key, llm_str("global"))) {
        *scope = LLM_SCOPE_GLOBAL;
        return LLM_OK;
    }

    *name = key;

    if (key.len > 1 && key.len < 9 && key.data[key.len - 1] == '.') {
        memcpy(prefixed, key.data, key.len);
        memcpy(prefixed + key.len, "a.b", 3);

        if (llm_model_prefix((llm_str_t) { prefixed, key.len + 3 })
            == key.len)
        {
            name->len--;
            *scope = LLM_SCOPE_GEO_NAMED;
            return LLM_OK;
        }
    }

    *scope = LLM_SCOPE_REGION;

    if (key.len > 1 && key.data[key.len - 1] == '*') {
        name->len--;
        *scope = LLM_SCOPE_REGION_PREFIX;
    }

    for (i = 0; i < name->len; i++) {
        if (!((name->data[i] >= 'a' && name->data[i] <= 'z')
              || (name->data[i] >= '0' && name->data[i] <= '9')
              || name->data[i] == '-'))
        {
            break;
        }
    }

    if (i == name->len && memchr(name->data, '-', name->len) != NULL) {
        return LLM_OK;
    }

    return llm_reader_error(reader, value, "\"%.*s\" is no scope, write "
                            "in_region, geo, global, a profile's prefix with "
                            "its dot (eu.), a region (eu-west-2) or the "
                            "beginning of one (us-gov-*)",
                            llm_reader_arg(key));
}


static bool
llm_own_twice(llm_reader_t *reader, const llm_value_t *object,
    const llm_value_t *member)
{
    const llm_value_t  *other;

    for (other = llm_document_first(reader->doc, object);
         other != member;
         other = llm_document_next(reader->doc, other))
    {
        if (llm_str_eq(other->key, member->key)) {
            return true;
        }
    }

    return false;
}


static int
llm_own_scopes(llm_reader_t *reader, const llm_own_entry_t *entry)
{
    int64_t             millionths;
    llm_str_t           name;
    llm_price_t         price;
    llm_scope_t         scope;
    unsigned            n;
    const llm_value_t  *scopes, *value;

    scopes = llm_document_get(reader->doc, entry->value, "scopes");
    if (scopes == NULL) {
        return LLM_OK;
    }

    if (scopes->type != LLM_JSON_OBJECT) {
        return llm_reader_error(reader, scopes, "\"scopes\" must be an object "
                                "such as { \"geo\": 1.1 }");
    }

    n = 0;

    for (value = llm_document_first(reader->doc, scopes);
         value != NULL;
         value = llm_document_next(reader->doc, value))
    {
        if (++n > LLM_OWN_MOST_PARTS) {
            return llm_reader_error(reader, value, "more than %d scopes",
                                    LLM_OWN_MOST_PARTS);
        }

        if (llm_own_scope(reader, value, &scope, &name) != LLM_OK) {
            return LLM_ERROR;
        }

        if (llm_own_twice(reader, scopes, value)) {
            return llm_reader_error(reader, value, "\"%.*s\" is given twice, "
                                    "remove one of the two",
                                    llm_reader_arg(value->key));
        }

        if (value->type == LLM_JSON_OBJECT) {

            if (llm_ownentry_scope(reader, entry, value, &price) != LLM_OK) {
                return LLM_ERROR;
            }

        } else {

            if (llm_ownprice_factor(reader, value, &millionths) != LLM_OK) {
                return LLM_ERROR;
            }

            price = entry->price;
            llm_price_scale(&price, millionths);
        }

        if (llm_pricelist_add_variant(reader->prices, scope, name,
                                      entry->from_ms, entry->until_ms, &price)
            != LLM_OK)
        {
            return llm_reader_error(reader, value, "no memory");
        }
    }

    return LLM_OK;
}


/* the periods of one model must not overlap: which price would count? */

static int
llm_own_period(llm_reader_t *reader, const llm_own_entry_t *entry)
{
    uint32_t              i;
    const llm_model_t    *model;
    const llm_variant_t  *other;

    model = &reader->prices->models[reader->prices->nmodels - 1];

    for (i = model->first; i < model->first + model->n; i++) {
        other = &reader->prices->variants[i];

        if (other->scope == LLM_SCOPE_BASE
            && entry->from_ms < other->until_ms
            && other->from_ms < entry->until_ms)
        {
            return llm_reader_error(reader, entry->value, "this period "
                                    "overlaps an earlier one, write \"from\" "
                                    "and \"until\" so that one ends on the "
                                    "day before the next");
        }
    }

    return LLM_OK;
}


static int
llm_own_add(llm_reader_t *reader, const llm_value_t *value)
{
    llm_own_entry_t  entry;

    entry.value = value;

    if (llm_ownentry_read(reader, &entry) != LLM_OK
        || llm_own_period(reader, &entry) != LLM_OK)
    {
        return LLM_ERROR;
    }

    if (llm_pricelist_add_variant(reader->prices, LLM_SCOPE_BASE,
                                  (llm_str_t) { "", 0 }, entry.from_ms,
                                  entry.until_ms, &entry.price)
        != LLM_OK)
    {
        return llm_reader_error(reader, value, "no memory");
    }

    return llm_own_scopes(reader, &entry);
}


static int
llm_own_id(llm_reader_t *reader, const llm_value_t *value, llm_str_t id,
    bool is_alias)
{
    int  rc;

    if (id.len == 0 || memchr(id.data, '\\', id.len) != NULL) {
        return llm_reader_error(reader, value, "this is no model id");
    }

    if (llm_model_prefix(id) || llm_str_starts(id, llm_str("arn:"))) {
        return llm_reader_error(reader, value, "\"%.*s\" is a profile or ARN, "
                                "write the foundation model's id, and the "
                                "profile's price under \"scopes\"",
                                llm_reader_arg(id));
    }

    rc = is_alias ? llm_pricelist_add_alias(reader->prices, id)
                  : llm_pricelist_add_model(reader->prices, id);

    if (rc == LLM_AGAIN) {
        return llm_reader_error(reader, value, "\"%.*s\" is there already, "
                                "put several periods into one array",
                                llm_reader_arg(id));
    }

    return rc == LLM_OK ? rc : llm_reader_error(reader, value, "no memory");
}


static int
llm_own_aliases(llm_reader_t *reader, const llm_value_t *entry)
{
    const llm_value_t  *aliases, *alias;

    aliases = llm_document_get(reader->doc, entry, "aliases");
    if (aliases == NULL) {
        return LLM_OK;
    }

    if (aliases->type != LLM_JSON_ARRAY) {
        return llm_reader_error(reader, aliases, "\"aliases\" must be an "
                                "array of model ids");
    }

    for (alias = llm_document_first(reader->doc, aliases);
         alias != NULL;
         alias = llm_document_next(reader->doc, alias))
    {
        if (alias->type != LLM_JSON_STRING) {
            return llm_reader_error(reader, alias, "\"aliases\" must be an "
                                    "array of model ids");
        }

        if (llm_own_id(reader, alias, alias->text, true) != LLM_OK) {
            return LLM_ERROR;
        }
    }

    return LLM_OK;
}


/* one entry, or an array of them, one for each period */

static int
llm_own_model(llm_reader_t *reader, const llm_value_t *model)
{
    unsigned            n;
    const llm_value_t  *entry;

    reader->model = model->key;

    if (llm_own_id(reader, model, model->key, false) != LLM_OK) {
        return LLM_ERROR;
    }

    if (model->type != LLM_JSON_ARRAY) {

        if (llm_own_add(reader, model) != LLM_OK) {
            return LLM_ERROR;
        }

        return llm_own_aliases(reader, model);
    }

    entry = llm_document_first(reader->doc, model);

    if (entry == NULL) {
        return llm_reader_error(reader, model, "the array is empty, write at "
                                "least one entry");
    }

    n = 0;

    for ( /* void */ ;
         entry != NULL;
         entry = llm_document_next(reader->doc, entry))
    {
        if (++n > LLM_OWN_MOST_PARTS) {
            return llm_reader_error(reader, entry, "more than %d periods",
                                    LLM_OWN_MOST_PARTS);
        }

        if (llm_own_add(reader, entry) != LLM_OK) {
            return LLM_ERROR;
        }
    }

    return llm_own_aliases(reader, llm_document_first(reader->doc, model));
}


int
llm_ownlist_read(llm_reader_t *reader, const llm_value_t *models)
{
    const llm_value_t  *model;

    if (models->type != LLM_JSON_OBJECT || models->child == 0) {
        return llm_reader_error(reader, models, "\"models\" must be an object "
                                "of model ids with their prices");
    }

    for (model = llm_document_first(reader->doc, models);
         model != NULL && reader->errors < LLM_READER_MAX_ERRORS;
         model = llm_document_next(reader->doc, model))
    {
        (void) llm_own_model(reader, model);
    }

    return reader->errors ? LLM_ERROR : LLM_OK;
}
