/*
 * The JSON scanner: a state machine over pieces.  Long strings (images in
 * base64) are passed a machine word at a time, everything else by the byte.
 */

#include "json_private.h"


static int llm_json_step(llm_json_t *json, llm_json_piece_t *in);
static int llm_json_structure(llm_json_t *json, llm_json_piece_t *in, char c);
static int llm_json_name(llm_json_t *json, llm_json_piece_t *in, char c);
static int llm_json_next(llm_json_t *json, llm_json_piece_t *in, char c);
static int llm_json_value(llm_json_t *json, llm_json_piece_t *in, char c);
static int llm_json_open(llm_json_t *json, llm_json_piece_t *in,
    bool is_array);
static int llm_json_close(llm_json_t *json, llm_json_piece_t *in,
    bool is_array);


static inline bool
llm_json_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}


void
llm_json_init(llm_json_t *json, llm_json_handler_pt handler, void *data)
{
    /* keys and scratch are written before they are read */
    memset(json, 0, offsetof(llm_json_t, key));

    json->handler = handler;
    json->data = data;
}


int
llm_json_scan(const char *p, size_t len, llm_json_handler_pt handler,
    void *data)
{
    int         rc;
    llm_json_t  json;

    llm_json_init(&json, handler, data);

    rc = llm_json_feed(&json, p, len);

    return (rc == LLM_OK) ? llm_json_finish(&json) : rc;
}


int
llm_json_feed(llm_json_t *json, const char *p, size_t len)
{
    int               rc;
    llm_json_piece_t  in;

    if (json->error != NULL) {
        return LLM_ERROR;
    }

    if (len == 0) {
        return LLM_OK;
    }

    in.begin = p;
    in.p = p;
    in.end = p + len;
    in.text = p;
    in.base = json->offset;

    rc = LLM_OK;

    while (in.p != in.end && rc == LLM_OK) {
        rc = llm_json_step(json, &in);
    }

    if (rc == LLM_OK && (json->state == LLM_JSON_S_STRING
                         || json->state == LLM_JSON_S_NUMBER))
    {
        llm_json_stash(json, &in);
    }

    json->offset = in.base + (uint64_t) (in.p - in.begin);

    return rc;
}


int
llm_json_finish(llm_json_t *json)
{
    int               rc;
    llm_json_piece_t  in;

    if (json->error != NULL) {
        return LLM_ERROR;
    }

    if (json->state == LLM_JSON_S_NUMBER) {
        /* only now it is known that no digit follows */
        in.begin = in.p = in.end = in.text = json->scratch;
        in.base = json->offset;

        rc = llm_json_number_end(json, &in);

        if (rc != LLM_OK) {
            return rc;
        }
    }

    if (json->state != LLM_JSON_S_DONE) {
        return llm_json_fail(json, "unexpected end");
    }

    return LLM_OK;
}


static int
llm_json_step(llm_json_t *json, llm_json_piece_t *in)
{
    char  c;

    switch (json->state) {

    case LLM_JSON_S_STRING:
        return llm_json_string(json, in);

    case LLM_JSON_S_NUMBER:
        return llm_json_number(json, in);

    case LLM_JSON_S_LITERAL:
        return llm_json_literal(json, in);
    }

    c = *in->p;

    if (llm_json_is_space(c)) {
        in->p++;
        return LLM_OK;
    }

    return llm_json_structure(json, in, c);
}


static int
llm_json_structure(llm_json_t *json, llm_json_piece_t *in, char c)
{
    switch (json->state) {

    case LLM_JSON_S_FIRST_ELEMENT:
        if (c == ']') {
            return llm_json_close(json, in, true);
        }

        /* fall through */

    case LLM_JSON_S_VALUE:
        return llm_json_value(json, in, c);

    case LLM_JSON_S_FIRST_KEY:
        if (c == '}') {
            return llm_json_close(json, in, false);
        }

        /* fall through */

    case LLM_JSON_S_KEY:
        return llm_json_name(json, in, c);

    case LLM_JSON_S_COLON:
        if (c != ':') {
            return llm_json_fail(json, "a colon expected");
        }

        in->p++;
        json->state = LLM_JSON_S_VALUE;

        return LLM_OK;

    case LLM_JSON_S_NEXT:
        return llm_json_next(json, in, c);
    }

    return llm_json_fail(json, "bytes after the value");
}


static int
llm_json_name(llm_json_t *json, llm_json_piece_t *in, char c)
{
    if (c != '"') {
        return llm_json_fail(json, "a key expected");
    }

    json->is_key = true;
    json->member = in->base + (uint64_t) (in->p - in->begin);

    in->p++;
    llm_json_text(json, in, LLM_JSON_S_STRING);

    return llm_json_string(json, in);
}


static int
llm_json_next(llm_json_t *json, llm_json_piece_t *in, char c)
{
    if (c == ']' || c == '}') {
        return llm_json_close(json, in, c == ']');
    }

    if (c != ',') {
        return llm_json_fail(json, "a comma or a closing bracket expected");
    }

    in->p++;

    if (llm_json_in_array(json, json->depth)) {
        json->state = LLM_JSON_S_VALUE;
        return LLM_OK;
    }

    json->state = LLM_JSON_S_KEY;

    return (in->p != in->end && *in->p == '"') ? llm_json_name(json, in, '"')
                                               : LLM_OK;
}


static int
llm_json_value(llm_json_t *json, llm_json_piece_t *in, char c)
{
    json->start = in->base + (uint64_t) (in->p - in->begin);

    if (json->depth == 0 || llm_json_in_array(json, json->depth)) {
        json->member = json->start;
    }

    switch (c) {

    case '{':
        return llm_json_open(json, in, false);

    case '[':
        return llm_json_open(json, in, true);

    case '"':
        in->p++;
        llm_json_text(json, in, LLM_JSON_S_STRING);
        return llm_json_string(json, in);

    case 't':
    case 'f':
    case 'n':
        llm_json_text(json, in, LLM_JSON_S_LITERAL);
        return llm_json_literal(json, in);
    }

    if (c != '-' && (c < '0' || c > '9')) {
        return llm_json_fail(json, "a value expected");
    }

    llm_json_text(json, in, LLM_JSON_S_NUMBER);

    return llm_json_number(json, in);
}


static int
llm_json_open(llm_json_t *json, llm_json_piece_t *in, bool is_array)
{
    int               rc;
    uint8_t          *byte, bit;
    llm_json_token_t  token;

    if (json->depth == LLM_JSON_MAX_DEPTH) {
        return llm_json_fail(json, "nested too deep");
    }

    in->p++;

    memset(&token, 0, sizeof(token));

    token.type = is_array ? LLM_JSON_ARRAY : LLM_JSON_OBJECT;

    rc = llm_json_emit(json, in, &token);

    byte = &json->is_array[json->depth / 8];
    bit = (uint8_t) (1 << json->depth % 8);

    *byte = is_array ? *byte | bit : *byte & (uint8_t) ~bit;

    json->depth++;
    json->state = is_array ? LLM_JSON_S_FIRST_ELEMENT : LLM_JSON_S_FIRST_KEY;

    if (json->depth <= LLM_JSON_NAMED_DEPTH) {
        json->key_len[json->depth] = 0;
    }

    return rc;
}


static int
llm_json_close(llm_json_t *json, llm_json_piece_t *in, bool is_array)
{
    llm_json_token_t  token;

    if (llm_json_in_array(json, json->depth) != is_array) {
        return llm_json_fail(json, "the wrong closing bracket");
    }

    json->start = in->base + (uint64_t) (in->p - in->begin);
    json->member = json->start;
    json->depth--;
    json->state = (json->depth == 0) ? LLM_JSON_S_DONE : LLM_JSON_S_NEXT;

    in->p++;

    memset(&token, 0, sizeof(token));

    token.type = is_array ? LLM_JSON_ARRAY_END : LLM_JSON_OBJECT_END;

    return llm_json_emit(json, in, &token);
}


int
llm_json_emit(llm_json_t *json, llm_json_piece_t *in, llm_json_token_t *token)
{
    json->offset = in->base + (uint64_t) (in->p - in->begin);

    token->member = json->member;
    token->start = json->start;
    token->end = json->offset;

    return json->handler(json, token, json->data);
}


int
llm_json_fail(llm_json_t *json, const char *error)
{
    json->error = error;

    return LLM_ERROR;
}
