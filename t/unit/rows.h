/*
 * Random rows, the same for the same seed; `strings` keeps their text.
 */

#ifndef LLM_ROWS_H
#define LLM_ROWS_H

#include "store/rows/row.h"

#include <stdio.h>
#include <stdlib.h>


#define ROWS_START  INT64_C(1795392000000)      /* ms since the epoch */


typedef struct {
    uint64_t   state;
    bool       wild;                /* any numbers, any bytes */
    char      *text;
    size_t     size, used;
} rows_t;


static inline uint64_t
rows_random(rows_t *rows)
{
    uint64_t  x;

    x = rows->state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);

    return x ^ x >> 31;
}


static inline unsigned
rows_below(rows_t *rows, unsigned n)
{
    return (unsigned) (rows_random(rows) % n);
}


/* one in `n` */
static inline bool
rows_chance(rows_t *rows, unsigned n)
{
    return rows_below(rows, n) == 0;
}


static inline llm_str_t
rows_text(rows_t *rows, const char *format, unsigned n)
{
    char  *p;
    int    len;

    if (rows->size - rows->used < 600) {
        rows->used = 0;
    }

    p = rows->text + rows->used;
    len = snprintf(p, 600, format, n);
    rows->used += (size_t) len;

    return (llm_str_t) { p, (size_t) len };
}


/* a name out of `n`, or none; in wild ones any bytes */
static inline llm_str_t
rows_name(rows_t *rows, const char *format, unsigned n, unsigned empty)
{
    char      *p;
    unsigned   i, len;

    if (empty && rows_chance(rows, empty)) {
        return llm_str("");
    }

    if (!rows->wild || rows_chance(rows, 2)) {
        return rows_text(rows, format, rows_below(rows, n));
    }

    len = rows_below(rows, 60);
    p = (char *) rows_text(rows, "%060u", 0).data;

    for (i = 0; i < len; i++) {
        p[i] = (char) rows_random(rows);
    }

    return (llm_str_t) { p, len };
}


static inline int64_t
rows_number(rows_t *rows, unsigned n)
{
    if (rows->wild && rows_chance(rows, 4)) {
        return (int64_t) (rows_random(rows) >> (27 + rows_below(rows, 37)));
    }

    return rows_below(rows, n);
}


static inline llm_str_t
rows_uuid(rows_t *rows)
{
    char      *p;
    uint64_t   a, b;

    a = rows_random(rows);
    b = rows_random(rows);
    p = (char *) rows_text(rows, "%036u", 0).data;

    snprintf(p, 37, "%08x-%04x-%04x-%04x-%012llx", (unsigned) (a >> 32),
             (unsigned) (a >> 16 & 0xffff), (unsigned) (a & 0xffff),
             (unsigned) (b >> 48), (unsigned long long) (b & 0xffffffffffff));

    return (llm_str_t) { p, 36 };
}


static inline void
rows_attempt(rows_t *rows, llm_row_t *row, unsigned i)
{
    bool                last;
    llm_row_attempt_t  *attempt;

    last = (i + 1 == row->nattempts);
    attempt = &row->attempts[i];

    attempt->provider = last ? row->provider
                             : rows_name(rows, "provider-%u", 4, 0);
    attempt->region = last ? row->region : rows_name(rows, "region-%u", 3, 9);
    attempt->model = last ? row->model : rows_name(rows, "model-%u", 12, 0);
    attempt->request_id = rows_chance(rows, 8)
                          ? rows_name(rows, "req-%u", 50, 3)
                          : rows_uuid(rows);
    attempt->admitted_ms = row->admitted_ms + i * rows_below(rows, 50);
    attempt->started_ms = rows_chance(rows, 20)
                          ? 0 : attempt->admitted_ms + rows_below(rows, 9);
    attempt->ended_ms = row->ended_ms - (last ? 0 : rows_below(rows, 900));
    attempt->first_token_ms = row->streamed ? (int) rows_below(rows, 2000)
                                            : -1;
    attempt->input_tokens = last ? row->usage.input
                                 : rows_number(rows, 9000);
    attempt->output_tokens = last ? row->usage.output : 0;
    attempt->cost = last ? row->cost.total - row->earlier_cost
                         : rows_number(rows, 1000);
    attempt->status = last ? row->status : (uint16_t) rows_below(rows, 600);
    attempt->result = (uint8_t) (rows_chance(rows, 3) ? rows_below(rows, 8)
                                                      : 0);
}


static inline void
rows_usage(rows_t *rows, llm_row_t *row)
{
    llm_usage_t  *usage;

    usage = &row->usage;

    usage->input = rows_number(rows, 20000);
    usage->output = rows_number(rows, 4000);
    usage->cache_read = rows_chance(rows, 3) ? rows_number(rows, 90000) : 0;
    usage->cache_write_5m = rows_chance(rows, 5) ? rows_number(rows, 900) : 0;
    usage->cache_write_1h = rows_chance(rows, 9) ? rows_number(rows, 900) : 0;
    usage->reasoning = rows_chance(rows, 4) ? rows_number(rows, 1000) : 0;
    usage->images = rows_chance(rows, 50) ? rows_number(rows, 4) : 0;
    usage->queries = rows_chance(rows, 50) ? rows_number(rows, 4) : 0;
    usage->tier = (llm_tier_t) (rows_chance(rows, 9) ? rows_below(rows, 5)
                                                     : 0);
    usage->latency_optimized = rows_chance(rows, 20);
    usage->exact = !rows_chance(rows, 20);

    row->cost.input = usage->input * 3000;
    row->cost.output = usage->output * 15000;
    row->cost.cache_read = usage->cache_read * 300;
    row->cost.cache_write = usage->cache_write_5m * 3750;
    row->cost.other = usage->images * 40000000;
    row->earlier_cost = (row->nattempts > 1) ? rows_number(rows, 999) : 0;
    row->cost.total = row->cost.input + row->cost.output
                      + row->cost.cache_read + row->cost.cache_write
                      + row->cost.other + row->earlier_cost
                      + rows_below(rows, 3);
}


static inline void
rows_row(rows_t *rows, llm_row_t *row, int64_t ended_ms)
{
    unsigned   i;
    uint64_t   high, low;

    memset(row, 0, sizeof(llm_row_t));

    row->ended_ms = ended_ms;
    row->received_ms = ended_ms - rows_number(rows, 30000);
    row->admitted_ms = rows_chance(rows, 10)
                       ? 0 : row->received_ms + rows_below(rows, 5);
    row->streamed = rows_chance(rows, 2);
    row->first_token_ms = row->streamed
                          ? row->received_ms + rows_number(rows, 2000) : 0;

    high = rows_random(rows);
    low = (uint64_t) row->received_ms << 16 | (high & 0xffff);

    for (i = 0; i < 8; i++) {
        row->id[i] = (unsigned char) (low >> (56 - 8 * i));
        row->id[8 + i] = (unsigned char) (high >> (56 - 8 * i));
    }

    row->virtual_key = rows_name(rows, "key-%u", 50, 30);
    row->team = rows_name(rows, "team-%u", 10, 5);
    row->customer = rows_name(rows, "customer-%u", 5, 5);
    row->provider = rows_name(rows, "provider-%u", 4, 20);
    row->region = rows_name(rows, "region-%u", 3, 20);
    row->model_asked = rows_name(rows, "asked-%u", 12, 20);
    row->model = rows_name(rows, "model-%u", 12, 20);
    row->dialect = (uint8_t) rows_below(rows, 4);
    row->api = (uint8_t) rows_below(rows, LLM_API_OPENAI_EMBEDDINGS + 1);
    row->status = (uint16_t) (rows_chance(rows, 9) ? rows_below(rows, 600)
                                                   : 200);
    row->outcome = (uint8_t) rows_below(rows, LLM_OUTCOMES);
    row->error = (uint8_t) (rows_chance(rows, 3)
                            ? rows_below(rows, LLM_ERROR_KINDS) : 0);
    row->refusal = (uint8_t) (rows_chance(rows, 9)
                              ? rows_below(rows, LLM_REFUSE_REASONS + 1) : 0);
    row->price_status = (uint8_t) rows_below(rows, LLM_PRICE_STATES);
    row->aborted = rows_chance(rows, 9);
    row->recovered = rows_chance(rows, 40);
    row->content = rows_chance(rows, 20);
    row->error_message = row->error
                         ? rows_name(rows, "Something Failed: number %u, try "
                                     "again", 40, 4)
                         : llm_str("");
    row->overhead_us = (uint32_t) rows_below(rows, 900);
    row->request_bytes = (uint64_t) rows_number(rows, 100000);
    row->response_bytes = (uint64_t) rows_number(rows, 100000);
    row->client = rows_name(rows, "10.0.0.%u", 200, 0);
    row->user_agent = rows_name(rows, "Agent/%u.0 (Linux, x86)", 12, 9);
    row->session = rows_name(rows, "session-%u", 3000, 3);
    row->end_user = rows_name(rows, "user_%u", 400, 3);
    row->ntags = rows_chance(rows, 2) ? 0 : rows_below(rows, 4);

    for (i = 0; i < row->ntags; i++) {
        row->tags[i] = rows_name(rows, "tag-%u", 20, 0);
    }

    row->nattempts = row->admitted_ms == 0
                     ? 0 : 1 + (rows_chance(rows, 10) ? rows_below(rows, 16)
                                                      : 0);
    rows_usage(rows, row);

    for (i = 0; i < row->nattempts; i++) {
        rows_attempt(rows, row, i);
    }
}


static inline rows_t
rows_begin(uint64_t seed)
{
    rows_t  rows;

    rows = (rows_t) { .state = seed, .size = 1 << 20 };
    rows.text = malloc(rows.size);

    if (rows.text == NULL) {
        abort();
    }

    return rows;
}


#endif /* LLM_ROWS_H */
