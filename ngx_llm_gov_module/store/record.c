/*
 * The counters' records as bytes.
 */

#include "record.h"


size_t
llm_record_key(const llm_record_t *record,
    unsigned char key[LLM_RECORD_KEY_SIZE])
{
    unsigned char  *p;

    if (record->name.len == 0 || record->name.len > LLM_ACCOUNT_NAME_SIZE) {
        return 0;
    }

    p = key;

    *p++ = (unsigned char) record->kind;
    *p++ = (unsigned char) record->name.len;

    memcpy(p, record->name.data, record->name.len);
    p += record->name.len;

    *p++ = (unsigned char) record->window.unit;
    *p++ = (unsigned char) (record->window.count >> 24);
    *p++ = (unsigned char) (record->window.count >> 16);
    *p++ = (unsigned char) (record->window.count >> 8);
    *p++ = (unsigned char) record->window.count;

    llm_record_epoch_key(record->epoch, p);

    return p + LLM_RECORD_EPOCH_SIZE - key;
}


void
llm_record_value(const llm_record_t *record,
    unsigned char value[LLM_RECORD_VALUE_SIZE])
{
    llm_record_put_int(value, record->start);
    llm_record_put_int(value + 8, record->spent.cost);
    llm_record_put_int(value + 16, record->spent.requests);
    llm_record_put_int(value + 24, record->spent.input_tokens);
    llm_record_put_int(value + 32, record->spent.output_tokens);
}


int
llm_record_parse(llm_record_t *record, llm_str_t key, llm_str_t value)
{
    size_t                name_len;
    const unsigned char  *p;

    p = (const unsigned char *) key.data;

    if (value.len != LLM_RECORD_VALUE_SIZE
        || key.len < 2 + 5 + LLM_RECORD_EPOCH_SIZE)
    {
        return LLM_ERROR;
    }

    name_len = p[1];

    if (key.len != 2 + name_len + 5 + LLM_RECORD_EPOCH_SIZE
        || name_len == 0 || name_len > LLM_ACCOUNT_NAME_SIZE
        || p[0] < LLM_ACCOUNT_CUSTOMER || p[0] > LLM_ACCOUNT_PROVIDER
        || p[2 + name_len] > LLM_WINDOW_YEAR)
    {
        return LLM_ERROR;
    }

    record->kind = p[0];
    record->name = (llm_str_t) { key.data + 2, name_len };

    p += 2 + name_len;

    record->window.unit = p[0];
    record->window.count = (uint32_t) p[1] << 24 | (uint32_t) p[2] << 16
                           | (uint32_t) p[3] << 8 | p[4];
    record->epoch = llm_record_epoch_parse(p + 5);

    if (record->window.unit != LLM_WINDOW_FOREVER
        && record->window.count == 0)
    {
        return LLM_ERROR;
    }

    p = (const unsigned char *) value.data;

    record->start = llm_record_get_int(p);
    record->spent.cost = llm_record_get_int(p + 8);
    record->spent.requests = llm_record_get_int(p + 16);
    record->spent.input_tokens = llm_record_get_int(p + 24);
    record->spent.output_tokens = llm_record_get_int(p + 32);

    return LLM_OK;
}


void
llm_record_epoch_key(uint64_t epoch, unsigned char key[LLM_RECORD_EPOCH_SIZE])
{
    int  i;

    for (i = LLM_RECORD_EPOCH_SIZE - 1; i >= 0; i--) {
        key[i] = (unsigned char) epoch;
        epoch >>= 8;
    }
}


uint64_t
llm_record_epoch_parse(const unsigned char *key)
{
    int       i;
    uint64_t  epoch;

    epoch = 0;

    for (i = 0; i < LLM_RECORD_EPOCH_SIZE; i++) {
        epoch = epoch << 8 | key[i];
    }

    return epoch;
}


void
llm_record_put_int(unsigned char *p, int64_t value)
{
    int       i;
    uint64_t  bits;

    bits = (uint64_t) value;

    for (i = 0; i < 8; i++) {
        p[i] = (unsigned char) (bits >> (8 * i));
    }
}


int64_t
llm_record_get_int(const unsigned char *p)
{
    int       i;
    uint64_t  bits;

    bits = 0;

    for (i = 7; i >= 0; i--) {
        bits = bits << 8 | p[i];
    }

    return (int64_t) bits;
}


static void
llm_record_add_one(int64_t *sum, int64_t amount)
{
    if (__builtin_add_overflow(*sum, amount, sum)) {
        *sum = (amount > 0) ? INT64_MAX : INT64_MIN;
    }
}


void
llm_record_add(llm_amounts_t *sum, const llm_amounts_t *amounts)
{
    llm_record_add_one(&sum->cost, amounts->cost);
    llm_record_add_one(&sum->requests, amounts->requests);
    llm_record_add_one(&sum->input_tokens, amounts->input_tokens);
    llm_record_add_one(&sum->output_tokens, amounts->output_tokens);
}
