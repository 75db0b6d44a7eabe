#include <stdlib.h>

#include "document.h"


static llm_value_t *
llm_document_add(llm_document_t *doc)
{
    uint32_t      size;
    llm_value_t  *values;

    if (doc->n == doc->size) {

        if (doc->size >= LLM_DOCUMENT_VALUES) {
            doc->error = "too many values";
            return NULL;
        }

        size = doc->size ? doc->size * 2 : 256;

        values = realloc(doc->values, size * sizeof(llm_value_t));
        if (values == NULL) {
            doc->error = "no memory";
            return NULL;
        }

        doc->values = values;
        doc->size = size;
    }

    return &doc->values[doc->n++];
}


static llm_str_t
llm_document_key(const llm_document_t *doc, const llm_json_token_t *token)
{
    size_t     i;
    llm_str_t  key;

    key = (llm_str_t) { "", 0 };

    if (token->member == token->start) {
        return key;
    }

    key.data = doc->text.data + token->member + 1;

    for (i = token->member + 1; i < token->start; i++) {

        if (doc->text.data[i] == '"') {
            break;
        }

        if (doc->text.data[i] == '\\') {
            i++;
        }
    }

    key.len = i - token->member - 1;

    return key;
}


static llm_str_t
llm_document_scalar(const llm_document_t *doc, const llm_json_token_t *token)
{
    llm_str_t  text;

    text.data = doc->text.data + token->start;
    text.len = token->end - token->start;

    if (token->type == LLM_JSON_STRING) {
        text.data++;
        text.len -= 2;
    }

    return text;
}


static int
llm_document_token(llm_json_t *json, const llm_json_token_t *token, void *data)
{
    uint32_t         index;
    llm_value_t     *value;
    llm_document_t  *doc;

    doc = data;

    if (token->type == LLM_JSON_OBJECT_END
        || token->type == LLM_JSON_ARRAY_END)
    {
        return LLM_OK;
    }

    if (json->depth >= LLM_DOCUMENT_DEPTH) {
        doc->error = "nested too deep";
        return LLM_ERROR;
    }

    value = llm_document_add(doc);
    if (value == NULL) {
        return LLM_ERROR;
    }

    index = value - doc->values;

    value->type = token->type;
    value->next = 0;
    value->child = 0;
    value->place = token->member;
    value->key = llm_document_key(doc, token);
    value->text = llm_document_scalar(doc, token);

    if (json->depth) {

        if (doc->last[json->depth]) {
            doc->values[doc->last[json->depth]].next = index;

        } else {
            doc->values[doc->open[json->depth]].child = index;
        }

        doc->last[json->depth] = index;
    }

    doc->open[json->depth + 1] = index;
    doc->last[json->depth + 1] = 0;

    return LLM_OK;
}


int
llm_document_read(llm_document_t *doc, llm_str_t text)
{
    llm_json_t  json;

    memset(doc, 0, sizeof(llm_document_t));
    doc->text = text;

    if (text.len > LLM_DOCUMENT_SIZE) {
        doc->error = "larger than 32 MB";
        return LLM_ERROR;
    }

    llm_json_init(&json, llm_document_token, doc);

    if (llm_json_feed(&json, text.data, text.len) == LLM_OK
        && llm_json_finish(&json) == LLM_OK)
    {
        return LLM_OK;
    }

    if (doc->error == NULL) {
        doc->error = json.error ? json.error : "broken JSON";
    }

    doc->error_place = json.offset;

    return LLM_ERROR;
}


void
llm_document_free(llm_document_t *doc)
{
    free(doc->values);
    doc->values = NULL;
    doc->n = 0;
    doc->size = 0;
}


const llm_value_t *
llm_document_first(const llm_document_t *doc, const llm_value_t *container)
{
    return container->child ? &doc->values[container->child] : NULL;
}


const llm_value_t *
llm_document_next(const llm_document_t *doc, const llm_value_t *member)
{
    return member->next ? &doc->values[member->next] : NULL;
}


const llm_value_t *
llm_document_get(const llm_document_t *doc, const llm_value_t *object,
    const char *key)
{
    llm_str_t           name;
    const llm_value_t  *member;

    if (object->type != LLM_JSON_OBJECT) {
        return NULL;
    }

    name = (llm_str_t) { key, strlen(key) };

    for (member = llm_document_first(doc, object);
         member != NULL;
         member = llm_document_next(doc, member))
    {
        if (llm_str_eq(member->key, name)) {
            return member;
        }
    }

    return NULL;
}


unsigned
llm_document_line(const llm_document_t *doc, uint64_t place)
{
    unsigned     line;
    const char  *p, *end;

    if (place > doc->text.len) {
        place = doc->text.len;
    }

    p = doc->text.data;
    end = p + place;

    for (line = 1; p < end; line++, p++) {
        p = memchr(p, '\n', end - p);

        if (p == NULL) {
            break;
        }
    }

    return line;
}
