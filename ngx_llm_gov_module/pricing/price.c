/*
 * A price list of either format, read.
 */

#include <stdarg.h>
#include <stdio.h>

#include <openssl/sha.h>

#include "own.h"


#define LLM_PRICE_HASH_BYTES  6


static const char *const  llm_price_members[] = {
    "format", "version", "about", "models", NULL
};


static void
llm_reader_vtell(llm_reader_t *reader, bool is_error, unsigned line,
    const char *format, va_list args)
{
    int   n;
    char  text[512];

    if (reader->report == NULL) {
        return;
    }

    n = 0;

    if (reader->model.len) {
        n = snprintf(text, sizeof(text), "price of \"%.*s\": ",
                     llm_reader_arg(reader->model));
    }

    vsnprintf(text + n, sizeof(text) - n, format, args);

    reader->report(reader->ctx, is_error, line, text);
}


static unsigned
llm_reader_line(const llm_reader_t *reader, const llm_value_t *value)
{
    return value ? llm_document_line(reader->doc, value->place) : 0;
}


int
llm_reader_error(llm_reader_t *reader, const llm_value_t *value,
    const char *format, ...)
{
    va_list  args;

    reader->errors++;

    va_start(args, format);
    llm_reader_vtell(reader, true, llm_reader_line(reader, value), format,
                     args);
    va_end(args);

    return LLM_ERROR;
}


void
llm_reader_warn(llm_reader_t *reader, const llm_value_t *value,
    const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    llm_reader_vtell(reader, false, llm_reader_line(reader, value), format,
                     args);
    va_end(args);
}


static void
llm_price_version(llm_prices_t *prices, llm_str_t text,
    const llm_value_t *version)
{
    size_t         i;
    unsigned char  hash[SHA256_DIGEST_LENGTH];

    prices->version.data = prices->version_text;

    if (version != NULL && version->text.len
        && version->text.len <= sizeof(prices->version_text))
    {
        memcpy(prices->version_text, version->text.data, version->text.len);
        prices->version.len = version->text.len;
        return;
    }

    SHA256((const unsigned char *) text.data, text.len, hash);

    for (i = 0; i < LLM_PRICE_HASH_BYTES; i++) {
        snprintf(prices->version_text + i * 2, 3, "%02x", hash[i]);
    }

    prices->version.len = LLM_PRICE_HASH_BYTES * 2;
}


static int
llm_price_read(llm_reader_t *reader, llm_str_t text)
{
    const llm_value_t  *top, *models, *version;

    if (llm_document_read(reader->doc, text) != LLM_OK) {
        reader->errors++;

        if (reader->report != NULL) {
            reader->report(reader->ctx, true,
                           llm_document_line(reader->doc,
                                             reader->doc->error_place),
                           reader->doc->error);
        }

        return LLM_ERROR;
    }

    top = reader->doc->values;

    if (top->type != LLM_JSON_OBJECT) {
        return llm_reader_error(reader, top, "a price list is a JSON object, "
                                "see docs/prices.md");
    }

    version = NULL;
    models = llm_document_get(reader->doc, top, "models");

    if (models != NULL) {

        if (llm_ownprice_members(reader, top, llm_price_members) != LLM_OK) {
            return LLM_ERROR;
        }

        version = llm_document_get(reader->doc, top, "version");

        if (version != NULL && version->type != LLM_JSON_STRING) {
            return llm_reader_error(reader, version, "\"version\" must be a "
                                    "string such as \"2026-11-23\"");
        }
    }

    llm_price_version(reader->prices, text, version);

    return models ? llm_ownlist_read(reader, models)
                  : llm_litellm_read(reader);
}


llm_prices_t *
llm_prices_parse(llm_str_t text, llm_prices_report_pt report, void *ctx)
{
    int             rc;
    llm_reader_t    reader;
    llm_document_t  doc;

    memset(&reader, 0, sizeof(llm_reader_t));

    reader.doc = &doc;
    reader.report = report;
    reader.ctx = ctx;
    reader.prices = llm_pricelist_create();

    if (reader.prices == NULL) {
        return NULL;
    }

    rc = llm_price_read(&reader, text);

    llm_document_free(&doc);

    if (rc != LLM_OK) {
        llm_prices_free(reader.prices);
        return NULL;
    }

    return reader.prices;
}
