/*
 * The counters' records as bytes.
 */

#include "record.h"
#include "../../wire/be.h"
#include "../../wire/le.h"


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
    llm_be_put(p, 4, record->window.count);
    p += 4;

    llm_be_put(p, LLM_RECORD_EPOCH_SIZE, record->epoch);

    return p + LLM_RECORD_EPOCH_SIZE - key;
}


void
llm_record_value(const llm_record_t *record,
    unsigned char value[LLM_RECORD_VALUE_SIZE])
{
    llm_le_put64(value, (uint64_t) record->start);
    llm_le_put64(value + 8, (uint64_t) record->spent.cost);
    llm_le_put64(value + 16, (uint64_t) record->spent.requests);
    llm_le_put64(value + 24, (uint64_t) record->spent.input_tokens);
    llm_le_put64(value + 32, (uint64_t) record->spent.output_tokens);
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
    record->window.count = (uint32_t) llm_be_get(p + 1, 4);
    record->epoch = llm_be_get(p + 5, LLM_RECORD_EPOCH_SIZE);

    if (record->window.unit != LLM_WINDOW_FOREVER
        && record->window.count == 0)
    {
        return LLM_ERROR;
    }

    p = (const unsigned char *) value.data;

    record->start = (int64_t) llm_le_get64(p);
    record->spent.cost = (int64_t) llm_le_get64(p + 8);
    record->spent.requests = (int64_t) llm_le_get64(p + 16);
    record->spent.input_tokens = (int64_t) llm_le_get64(p + 24);
    record->spent.output_tokens = (int64_t) llm_le_get64(p + 32);

    return LLM_OK;
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
