/*
 * Bytes as a row.
 */

#include "row_private.h"

#include "../../wire/le.h"


/* what is left of the strings */
typedef struct {
    const char  *p;
    const char  *end;
    bool         failed;
} llm_row_rest_t;


static int llm_row_decode_fixed(llm_row_t *row, const unsigned char *p);
static void llm_row_decode_attempt(llm_row_t *row, llm_row_attempt_t *attempt,
    const unsigned char *p, llm_row_rest_t *rest);
static llm_str_t llm_row_take(llm_row_rest_t *rest, size_t len, size_t max);


int
llm_row_decode(llm_row_t *row, llm_str_t data)
{
    unsigned              i;
    llm_row_rest_t        rest;
    const unsigned char  *p, *lengths;

    p = (const unsigned char *) data.data;

    if (data.len < LLM_ROW_FIXED || llm_row_decode_fixed(row, p) != LLM_OK) {
        return LLM_ERROR;
    }

    lengths = p + LLM_ROW_FIXED + row->ntags;

    rest.p = (const char *) lengths + row->nattempts * LLM_ROW_ATTEMPT;
    rest.end = data.data + data.len;
    rest.failed = false;

    if (rest.p > rest.end) {
        return LLM_ERROR;
    }

    for (i = 0; i < LLM_ROW_STRINGS; i++) {
        *llm_row_str(row, llm_row_strings[i].offset)
            = llm_row_take(&rest, llm_le_get16(p + LLM_ROW_AT_LENGTHS + 2 * i),
                           llm_row_strings[i].max);
    }

    for (i = 0; i < row->ntags; i++) {
        row->tags[i] = llm_row_take(&rest, p[LLM_ROW_FIXED + i],
                                    LLM_ROW_TAG_MAX);
    }

    for (i = 0; i < row->nattempts; i++) {
        llm_row_decode_attempt(row, &row->attempts[i],
                               lengths + i * LLM_ROW_ATTEMPT, &rest);
    }

    return (rest.failed || rest.p != rest.end) ? LLM_ERROR : LLM_OK;
}


int
llm_row_peek(llm_str_t data, int64_t *ended_ms, int64_t *received_ms)
{
    const char  *numbers;

    if (data.len < LLM_ROW_FIXED || data.data[0] != LLM_ROW_VERSION) {
        return LLM_ERROR;
    }

    numbers = data.data + LLM_ROW_AT_NUMBERS;

    *received_ms = (int64_t) llm_le_get64(numbers);
    *ended_ms = (int64_t) llm_le_get64(numbers + 3 * 8);

    return LLM_OK;
}


/* what others take as an index is checked here, once; first read and then
 * checked, as the bytes may lie in a map that others write */
static int
llm_row_decode_fixed(llm_row_t *row, const unsigned char *p)
{
    unsigned         i;
    unsigned char    head[LLM_ROW_AT_STATUS];

    memcpy(head, p, sizeof(head));
    __asm__ volatile("" ::: "memory");

    row->ntags = head[2];
    row->nattempts = head[3];

    row->dialect = head[LLM_ROW_AT_SMALL];
    row->api = head[LLM_ROW_AT_SMALL + 1];
    row->outcome = head[LLM_ROW_AT_SMALL + 2];
    row->error = head[LLM_ROW_AT_SMALL + 3];
    row->refusal = head[LLM_ROW_AT_SMALL + 4];
    row->price_status = head[LLM_ROW_AT_SMALL + 5];
    row->usage.tier = (llm_tier_t) head[LLM_ROW_AT_SMALL + 6];

    if (head[0] != LLM_ROW_VERSION
        || (head[1] & ~LLM_ROW_FLAGS) != 0
        || row->ntags > LLM_ROW_TAGS_MAX
        || row->nattempts > LLM_ROW_ATTEMPTS_MAX
        || row->outcome >= LLM_OUTCOMES
        || row->error >= LLM_ERROR_KINDS
        || row->refusal > LLM_REFUSE_REASONS
        || row->price_status >= LLM_PRICE_STATES
        || head[LLM_ROW_AT_SMALL + 6] > LLM_TIER_RESERVED)
    {
        return LLM_ERROR;
    }

    row->streamed = (head[1] & LLM_ROW_STREAMED) != 0;
    row->aborted = (head[1] & LLM_ROW_ABORTED) != 0;
    row->recovered = (head[1] & LLM_ROW_RECOVERED) != 0;
    row->content = (head[1] & LLM_ROW_CONTENT) != 0;
    row->usage.exact = (head[1] & LLM_ROW_EXACT) != 0;
    row->usage.latency_optimized = (head[1] & LLM_ROW_OPTIMIZED) != 0;

    row->status = llm_le_get16(p + LLM_ROW_AT_STATUS);
    memcpy(row->id, p + LLM_ROW_AT_ID, LLM_ROW_ID_SIZE);

    for (i = 0; i < LLM_ROW_NUMBERS; i++) {
        *llm_row_number(row, llm_row_numbers[i])
            = llm_le_get64(p + LLM_ROW_AT_NUMBERS + 8 * i);
    }

    row->overhead_us = llm_le_get32(p + LLM_ROW_AT_OVERHEAD);

    return LLM_OK;
}


static void
llm_row_decode_attempt(llm_row_t *row, llm_row_attempt_t *attempt,
    const unsigned char *p, llm_row_rest_t *rest)
{
    unsigned              i;
    uint16_t              len[LLM_ROW_ATTEMPT_STRINGS];
    llm_str_t            *s;
    const unsigned char  *lengths;

    for (i = 0; i < LLM_ROW_ATTEMPT_NUMBERS; i++) {
        *llm_row_number(attempt, llm_row_attempt_numbers[i])
            = llm_le_get64(p + 8 * i);
    }

    attempt->status = llm_le_get16(p + LLM_ROW_ATTEMPT_STATUS);
    attempt->result = p[LLM_ROW_ATTEMPT_RESULT];

    if (attempt->result > LLM_ATTEMPT_BROKEN) {
        rest->failed = true;
    }

    lengths = p + LLM_ROW_ATTEMPT_LENGTHS;

    len[0] = (lengths[0] == 0xff) ? 0xffff : lengths[0];
    len[1] = (lengths[1] == 0xff) ? 0xffff : lengths[1];
    len[2] = llm_le_get16(lengths + 2);
    len[3] = lengths[4];

    for (i = 0; i < LLM_ROW_ATTEMPT_STRINGS; i++) {
        s = llm_row_str(attempt, llm_row_attempt_strings[i].offset);

        if (len[i] == 0xffff && llm_row_twins[i] != 0) {
            *s = *llm_row_str(row, llm_row_twins[i]);

        } else {
            *s = llm_row_take(rest, len[i], llm_row_attempt_strings[i].max);
        }
    }
}


static llm_str_t
llm_row_take(llm_row_rest_t *rest, size_t len, size_t max)
{
    llm_str_t  s;

    if (len > max || len > (size_t) (rest->end - rest->p)) {
        rest->failed = true;
        return llm_str("");
    }

    s = (llm_str_t) { rest->p, len };
    rest->p += len;

    return s;
}
