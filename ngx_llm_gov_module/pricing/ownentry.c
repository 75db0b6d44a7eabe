/*
 * Our own format (docs/prices.md): one entry.
 */

#include "decimal.h"
#include "own.h"


#define LLM_OWN_DAY_MS  ((int64_t) 24 * 60 * 60 * 1000)


static const char *const  llm_own_entry_members[] = {
    "input", "output", "cache_read", "cache_write_5m", "cache_write_1h",
    "image", "query", "long_context", "tiers", "latency_optimized",
    "kind", "free", "max_input", "max_output", "scopes", "from", "until",
    "aliases", "source", NULL
};

/* the prices among them, which stand first: a scope's members */
#define LLM_OWN_PRICE_MEMBERS  10


static int
llm_own_digits(llm_str_t text, size_t start, size_t n)
{
    int     value;
    size_t  i;

    for (value = 0, i = start; i < start + n; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            return -1;
        }

        value = value * 10 + (text.data[i] - '0');
    }

    return value;
}


/* "2026-08-31" to days since 1970-01-01, in the Gregorian calendar */

static int
llm_own_days(llm_str_t text, int64_t *days)
{
    int  year, month, day, last;

    static const int  month_days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    if (text.len != 10 || text.data[4] != '-' || text.data[7] != '-') {
        return LLM_ERROR;
    }

    year = llm_own_digits(text, 0, 4);
    month = llm_own_digits(text, 5, 2);
    day = llm_own_digits(text, 8, 2);

    if (year < 1970 || month < 1 || month > 12 || day < 1) {
        return LLM_ERROR;
    }

    last = month_days[month - 1];

    if (month == 2 && year % 4 == 0 && (year % 100 || year % 400 == 0)) {
        last = 29;
    }

    if (day > last) {
        return LLM_ERROR;
    }

    /* years that begin in March, so that the leap day is the last one */

    if (month < 3) {
        year--;
        month += 12;
    }

    *days = (int64_t) year * 365 + year / 4 - year / 100 + year / 400
            + (month * 153 - 457) / 5 + day - 719469;

    return LLM_OK;
}


static int
llm_own_dates(llm_reader_t *reader, llm_own_entry_t *entry)
{
    int64_t             days;
    const llm_value_t  *from, *until;

    entry->from_ms = INT64_MIN;
    entry->until_ms = INT64_MAX;

    from = llm_document_get(reader->doc, entry->value, "from");

    if (from != NULL) {
        if (from->type != LLM_JSON_STRING
            || llm_own_days(from->text, &days) != LLM_OK)
        {
            return llm_reader_error(reader, from, "\"from\" is no date, write "
                                    "\"2026-09-01\"");
        }

        entry->from_ms = days * LLM_OWN_DAY_MS;
    }

    until = llm_document_get(reader->doc, entry->value, "until");

    if (until != NULL) {
        if (until->type != LLM_JSON_STRING
            || llm_own_days(until->text, &days) != LLM_OK)
        {
            return llm_reader_error(reader, until, "\"until\" is no date, "
                                    "write \"2026-08-31\" (the last day)");
        }

        entry->until_ms = (days + 1) * LLM_OWN_DAY_MS;
    }

    if (entry->from_ms >= entry->until_ms) {
        return llm_reader_error(reader, until, "\"until\" is before "
                                "\"from\", swap them");
    }

    return LLM_OK;
}


static int
llm_own_kind(llm_reader_t *reader, llm_own_entry_t *entry)
{
    size_t              i;
    const llm_value_t  *value;

    static const char *const  names[] = {
        "chat", "embedding", "image", "rerank"
    };

    entry->kind = LLM_OWN_CHAT;

    value = llm_document_get(reader->doc, entry->value, "kind");
    if (value == NULL) {
        return LLM_OK;
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        if (value->type == LLM_JSON_STRING
            && llm_str_eq(value->text,
                          (llm_str_t) { names[i], strlen(names[i]) }))
        {
            entry->kind = (llm_own_kind_t) i;
            return LLM_OK;
        }
    }

    return llm_reader_error(reader, value, "\"kind\" must be \"chat\" (the "
                            "default), \"embedding\", \"image\" or "
                            "\"rerank\"");
}


static int
llm_own_limit(llm_reader_t *reader, const llm_value_t *object,
    const char *name, int64_t *limit)
{
    const llm_value_t  *value;

    value = llm_document_get(reader->doc, object, name);

    if (value == NULL) {
        return LLM_OK;
    }

    if (value->type != LLM_JSON_NUMBER
        || llm_decimal_parse(value->text, 0, limit) != LLM_OK
        || *limit == 0)
    {
        return llm_reader_error(reader, value, "\"%s\" must be a number of "
                                "tokens such as 200000", name);
    }

    return LLM_OK;
}


/* every kind has prices without which a call would cost nothing */

static int
llm_own_complete(llm_reader_t *reader, const llm_own_entry_t *entry,
    const llm_price_t *price, const llm_value_t *value)
{
    const char  *missing;

    missing = NULL;

    switch (entry->kind) {

    case LLM_OWN_CHAT:
        missing = price->standard.input < 0 ? "input"
                  : price->standard.output < 0 ? "output" : NULL;
        break;

    case LLM_OWN_EMBEDDING:
        missing = price->standard.input < 0 ? "input" : NULL;
        break;

    case LLM_OWN_IMAGE:
        missing = price->image < 0 ? "image" : NULL;
        break;

    case LLM_OWN_RERANK:
        missing = price->query < 0 ? "query" : NULL;
        break;
    }

    if (missing == NULL || reader->free) {
        return LLM_OK;
    }

    return llm_reader_error(reader, value, "\"%s\" is missing, write it%s",
                            missing, entry->kind == LLM_OWN_CHAT
                            ? ", or another \"kind\" than \"chat\"" : "");
}


static int
llm_own_free(llm_reader_t *reader, llm_own_entry_t *entry)
{
    const llm_value_t  *value;

    value = llm_document_get(reader->doc, entry->value, "free");

    if (value != NULL && value->type != LLM_JSON_TRUE
        && value->type != LLM_JSON_FALSE)
    {
        return llm_reader_error(reader, value, "\"free\" must be true or "
                                "false");
    }

    reader->free = (value != NULL && value->type == LLM_JSON_TRUE);
    entry->price.free = reader->free;

    return LLM_OK;
}


int
llm_ownentry_read(llm_reader_t *reader, llm_own_entry_t *entry)
{
    const llm_value_t  *source;

    llm_price_init(&entry->price);

    if (llm_ownprice_members(reader, entry->value, llm_own_entry_members)
        != LLM_OK
        || llm_own_free(reader, entry) != LLM_OK
        || llm_own_kind(reader, entry) != LLM_OK
        || llm_own_dates(reader, entry) != LLM_OK
        || llm_own_limit(reader, entry->value, "max_input",
                         &entry->price.max_input)
           != LLM_OK
        || llm_own_limit(reader, entry->value, "max_output",
                         &entry->price.max_output)
           != LLM_OK
        || llm_ownprice_read(reader, entry->value, &entry->price) != LLM_OK)
    {
        return LLM_ERROR;
    }

    source = llm_document_get(reader->doc, entry->value, "source");

    if (source == NULL || source->type != LLM_JSON_STRING
        || source->text.len == 0)
    {
        return llm_reader_error(reader, entry->value, "\"source\" is missing, "
                                "write where the price is from and when it "
                                "was looked up");
    }

    return llm_own_complete(reader, entry, &entry->price, entry->value);
}


/* An object in a scope stands for itself, so it must not forget a price that
 * the entry has: it would fall back to something else. */

int
llm_ownentry_scope(llm_reader_t *reader, const llm_own_entry_t *entry,
    const llm_value_t *value, llm_price_t *price)
{
    size_t       i;
    const char  *names[LLM_OWN_PRICE_MEMBERS + 1];

    for (i = 0; i < LLM_OWN_PRICE_MEMBERS; i++) {
        names[i] = llm_own_entry_members[i];

        if (llm_document_get(reader->doc, entry->value, names[i]) != NULL
            && llm_document_get(reader->doc, value, names[i]) == NULL)
        {
            return llm_reader_error(reader, value, "\"%.*s\" lacks \"%s\", "
                                    "which the entry has: write it, or a "
                                    "factor in place of the object",
                                    llm_reader_arg(value->key), names[i]);
        }
    }

    names[i] = NULL;

    if (llm_ownprice_members(reader, value, names) != LLM_OK) {
        return LLM_ERROR;
    }

    llm_price_init(price);

    price->max_input = entry->price.max_input;
    price->max_output = entry->price.max_output;
    price->free = entry->price.free;

    return llm_ownprice_read(reader, value, price);
}
