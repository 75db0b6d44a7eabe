/*
 * A row as the numbers of its columns, and back.
 */

#include "block_columns.h"
#include "../../wire/be.h"


typedef struct {
    uint8_t    column;
    uint8_t    size;                /* bytes */
    uint16_t   offset;              /* in llm_row_t */
} llm_block_field_t;


#define llm_block_field(column, field)                                        \
    { column, sizeof(((llm_row_t *) 0)->field), offsetof(llm_row_t, field) }


/* those that are kept as they are */
static const llm_block_field_t  llm_block_fields[] = {
    llm_block_field(LLM_COL_ENDED, ended_ms),
    llm_block_field(LLM_COL_DIALECT, dialect),
    llm_block_field(LLM_COL_API, api),
    llm_block_field(LLM_COL_STATUS, status),
    llm_block_field(LLM_COL_OUTCOME, outcome),
    llm_block_field(LLM_COL_ERROR, error),
    llm_block_field(LLM_COL_REFUSAL, refusal),
    llm_block_field(LLM_COL_PRICE, price_status),
    llm_block_field(LLM_COL_TIER, usage.tier),
    llm_block_field(LLM_COL_INPUT, usage.input),
    llm_block_field(LLM_COL_OUTPUT, usage.output),
    llm_block_field(LLM_COL_CACHE_READ, usage.cache_read),
    llm_block_field(LLM_COL_CACHE_WRITE_5M, usage.cache_write_5m),
    llm_block_field(LLM_COL_CACHE_WRITE_1H, usage.cache_write_1h),
    llm_block_field(LLM_COL_REASONING, usage.reasoning),
    llm_block_field(LLM_COL_IMAGES, usage.images),
    llm_block_field(LLM_COL_QUERIES, usage.queries),
    llm_block_field(LLM_COL_COST, cost.total),
    llm_block_field(LLM_COL_COST_INPUT, cost.input),
    llm_block_field(LLM_COL_COST_CACHE_READ, cost.cache_read),
    llm_block_field(LLM_COL_COST_CACHE_WRITE, cost.cache_write),
    llm_block_field(LLM_COL_COST_OTHER, cost.other),
    llm_block_field(LLM_COL_COST_EARLIER, earlier_cost),
    llm_block_field(LLM_COL_OVERHEAD, overhead_us),
    llm_block_field(LLM_COL_REQUEST_BYTES, request_bytes),
    llm_block_field(LLM_COL_RESPONSE_BYTES, response_bytes),
    llm_block_field(LLM_COL_ATTEMPTS, nattempts)
};

#define LLM_BLOCK_FIELDS                                                      \
    (sizeof(llm_block_fields) / sizeof(llm_block_fields[0]))


static const uint16_t  llm_block_strings[] = {
    [LLM_COL_VIRTUAL_KEY] = offsetof(llm_row_t, virtual_key),
    [LLM_COL_TEAM] = offsetof(llm_row_t, team),
    [LLM_COL_CUSTOMER] = offsetof(llm_row_t, customer),
    [LLM_COL_PROVIDER] = offsetof(llm_row_t, provider),
    [LLM_COL_REGION] = offsetof(llm_row_t, region),
    [LLM_COL_MODEL_ASKED] = offsetof(llm_row_t, model_asked),
    [LLM_COL_MODEL] = offsetof(llm_row_t, model),
    [LLM_COL_ERROR_MESSAGE] = offsetof(llm_row_t, error_message),
    [LLM_COL_CLIENT] = offsetof(llm_row_t, client),
    [LLM_COL_USER_AGENT] = offsetof(llm_row_t, user_agent),
    [LLM_COL_SESSION] = offsetof(llm_row_t, session),
    [LLM_COL_END_USER] = offsetof(llm_row_t, end_user)
};


static int64_t llm_row_cost_rest(const llm_row_t *row);
static int64_t llm_row_input(const llm_row_t *row);
static int64_t llm_block_first_token(const llm_row_t *row, int64_t started_ms);


/* differences of what may be any number */
static inline int64_t
llm_less(int64_t a, int64_t b)
{
    return (int64_t) ((uint64_t) a - (uint64_t) b);
}


void
llm_block_numbers(const llm_row_t *row, int64_t *numbers)
{
    size_t                    i;
    uint64_t                  value;
    const llm_block_field_t  *field;

    for (i = 0; i < LLM_BLOCK_FIELDS; i++) {
        field = &llm_block_fields[i];
        value = 0;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        memcpy((char *) &value + 8 - field->size,
               (const char *) row + field->offset, field->size);
#else
        memcpy(&value, (const char *) row + field->offset, field->size);
#endif

        numbers[field->column] = (int64_t) value;
    }

    numbers[LLM_COL_LATENCY] = llm_less(row->ended_ms, row->received_ms);
    numbers[LLM_COL_ADMITTED] = llm_column_since(row->admitted_ms,
                                                 row->received_ms);
    numbers[LLM_COL_FIRST_TOKEN] = llm_column_since(row->first_token_ms,
                                                    row->received_ms);
    numbers[LLM_COL_ID_TIME] = llm_less((int64_t) llm_be_get(row->id, 6),
                                        row->received_ms);
    numbers[LLM_COL_ID_MIDDLE] = (int64_t) llm_be_get(row->id + 6, 2);
    numbers[LLM_COL_ID_LOW] = (int64_t) llm_be_get(row->id + 8, 8);
    numbers[LLM_COL_COST_REST] = llm_less(llm_row_cost_rest(row),
                                          row->cost.output);
    numbers[LLM_COL_FLAGS] = llm_block_flags(row);
}


void
llm_block_row_back(llm_row_t *row, const int64_t *numbers)
{
    int64_t                   flags;
    size_t                    i;
    uint64_t                  value;
    const llm_block_field_t  *field;

    for (i = 0; i < LLM_BLOCK_FIELDS; i++) {
        field = &llm_block_fields[i];
        value = (uint64_t) numbers[field->column];

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        memcpy((char *) row + field->offset,
               (const char *) &value + 8 - field->size, field->size);
#else
        memcpy((char *) row + field->offset, &value, field->size);
#endif
    }

    row->received_ms = llm_less(row->ended_ms, numbers[LLM_COL_LATENCY]);
    row->admitted_ms = llm_column_time(numbers[LLM_COL_ADMITTED],
                                       row->received_ms);
    row->first_token_ms = llm_column_time(numbers[LLM_COL_FIRST_TOKEN],
                                          row->received_ms);

    llm_be_put(row->id, 6, (uint64_t) numbers[LLM_COL_ID_TIME]
                           + (uint64_t) row->received_ms);
    llm_be_put(row->id + 6, 2, (uint64_t) numbers[LLM_COL_ID_MIDDLE]);
    llm_be_put(row->id + 8, 8, (uint64_t) numbers[LLM_COL_ID_LOW]);

    row->cost.output = llm_less(llm_row_cost_rest(row),
                                numbers[LLM_COL_COST_REST]);

    flags = numbers[LLM_COL_FLAGS];

    row->streamed = (flags & LLM_FLAG_STREAMED) != 0;
    row->aborted = (flags & LLM_FLAG_ABORTED) != 0;
    row->recovered = (flags & LLM_FLAG_RECOVERED) != 0;
    row->content = (flags & LLM_FLAG_CONTENT) != 0;
    row->usage.latency_optimized = (flags & LLM_FLAG_OPTIMIZED) != 0;
    row->usage.exact = (flags & LLM_FLAG_EXACT) != 0;
}


int64_t
llm_block_flags(const llm_row_t *row)
{
    return (row->streamed ? LLM_FLAG_STREAMED : 0)
           | (row->aborted ? LLM_FLAG_ABORTED : 0)
           | (row->recovered ? LLM_FLAG_RECOVERED : 0)
           | (row->content ? LLM_FLAG_CONTENT : 0)
           | (row->usage.latency_optimized ? LLM_FLAG_OPTIMIZED : 0)
           | (row->usage.exact ? LLM_FLAG_EXACT : 0);
}


/* what the output cost, but for a few nanodollars of rounding */
static int64_t
llm_row_cost_rest(const llm_row_t *row)
{
    return (int64_t) ((uint64_t) row->cost.total - (uint64_t) row->cost.input
                      - (uint64_t) row->cost.cache_read
                      - (uint64_t) row->cost.cache_write
                      - (uint64_t) row->cost.other
                      - (uint64_t) row->earlier_cost);
}


static int64_t
llm_row_input(const llm_row_t *row)
{
    return (int64_t) ((uint64_t) row->usage.input
                      + (uint64_t) row->usage.cache_read
                      + (uint64_t) row->usage.cache_write_5m
                      + (uint64_t) row->usage.cache_write_1h);
}


static int64_t
llm_block_first_token(const llm_row_t *row, int64_t started_ms)
{
    return (row->first_token_ms == 0) ? -1
                                      : llm_less(row->first_token_ms,
                                                 started_ms);
}


void
llm_block_attempt_numbers(const llm_row_t *row,
    const llm_row_attempt_t *attempt, int64_t *numbers)
{
    uint64_t  high, low;

    if (llm_uuid_parse(attempt->request_id, &high, &low) != LLM_OK) {
        high = 0;
        low = 0;
    }

    numbers[LLM_ATT_UUID_HIGH] = (int64_t) high;
    numbers[LLM_ATT_UUID_LOW] = (int64_t) low;
    numbers[LLM_ATT_ADMITTED] = llm_less(attempt->admitted_ms,
                                         row->admitted_ms);
    numbers[LLM_ATT_STARTED] = llm_column_since(attempt->started_ms,
                                                attempt->admitted_ms);
    numbers[LLM_ATT_ENDED] = llm_less(row->ended_ms, attempt->ended_ms);
    numbers[LLM_ATT_FIRST_TOKEN] =
                    llm_less(llm_block_first_token(row, attempt->started_ms),
                             attempt->first_token_ms);
    numbers[LLM_ATT_INPUT] = llm_less(llm_row_input(row),
                                      attempt->input_tokens);
    numbers[LLM_ATT_OUTPUT] = llm_less(row->usage.output,
                                       attempt->output_tokens);
    numbers[LLM_ATT_COST] = llm_less(llm_less(row->cost.total,
                                              row->earlier_cost),
                                     attempt->cost);
    numbers[LLM_ATT_STATUS] = (int64_t) row->status - attempt->status;
    numbers[LLM_ATT_RESULT] = attempt->result;
}


void
llm_block_attempt_back(const llm_row_t *row,
    llm_row_attempt_t *attempt, const int64_t *numbers)
{
    attempt->admitted_ms = (int64_t) ((uint64_t) row->admitted_ms
                                + (uint64_t) numbers[LLM_ATT_ADMITTED]);
    attempt->started_ms = llm_column_time(numbers[LLM_ATT_STARTED],
                                          attempt->admitted_ms);
    attempt->ended_ms = llm_less(row->ended_ms, numbers[LLM_ATT_ENDED]);
    attempt->first_token_ms =
                    llm_less(llm_block_first_token(row, attempt->started_ms),
                             numbers[LLM_ATT_FIRST_TOKEN]);
    attempt->input_tokens = llm_less(llm_row_input(row),
                                     numbers[LLM_ATT_INPUT]);
    attempt->output_tokens = llm_less(row->usage.output,
                                      numbers[LLM_ATT_OUTPUT]);
    attempt->cost = llm_less(llm_less(row->cost.total, row->earlier_cost),
                             numbers[LLM_ATT_COST]);
    attempt->status = (uint16_t) llm_less(row->status,
                                          numbers[LLM_ATT_STATUS]);
    attempt->result = (uint8_t) numbers[LLM_ATT_RESULT];
}


llm_str_t *
llm_block_row_string(llm_row_t *row, unsigned id)
{
    return (llm_str_t *) ((char *) row + llm_block_strings[id]);
}


llm_str_t *
llm_block_attempt_string(llm_row_attempt_t *attempt, unsigned id)
{
    switch (id) {

    case LLM_ATT_PROVIDER:
        return &attempt->provider;

    case LLM_ATT_REGION:
        return &attempt->region;

    case LLM_ATT_MODEL:
        return &attempt->model;

    default: /* LLM_ATT_REQUEST_ID */
        return &attempt->request_id;
    }
}


int
llm_uuid_parse(llm_str_t text, uint64_t *high, uint64_t *low)
{
    char      c;
    size_t    i;
    uint64_t  part[2], digit;
    unsigned  n;

    if (text.len != 36) {
        return LLM_ERROR;
    }

    part[0] = 0;
    part[1] = 0;
    n = 0;

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-') {
                return LLM_ERROR;
            }

            continue;
        }

        if (c >= '0' && c <= '9') {
            digit = (uint64_t) (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            digit = (uint64_t) (c - 'a') + 10;

        } else {
            return LLM_ERROR;
        }

        part[n / 16] = part[n / 16] << 4 | digit;
        n++;
    }

    if (part[0] == 0 && part[1] == 0) {
        return LLM_ERROR;
    }

    *high = part[0];
    *low = part[1];

    return LLM_OK;
}


llm_str_t
llm_uuid_text(uint64_t high, uint64_t low, char text[LLM_UUID_TEXT])
{
    char              *p;
    unsigned           i;
    static const char  hex[] = "0123456789abcdef";

    p = text;

    for (i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) {
            *p++ = '-';
        }

        *p++ = hex[(i < 16 ? high >> (60 - 4 * i) : low >> (124 - 4 * i))
                   & 0x0f];
    }

    return (llm_str_t) { text, LLM_UUID_TEXT };
}
