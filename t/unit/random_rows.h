/*
 * Rows as a busy gateway might write them, at random but the same in each run.
 */

#ifndef LLM_RANDOM_ROWS_H
#define LLM_RANDOM_ROWS_H

#include "store/rows/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


#define RANDOM_START  ((int64_t) 1763164800000)     /* 2025-11-15T00:00:00Z,
                                                       a Saturday */


static uint64_t  random_state = 88172645463325252;


static inline uint64_t
random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;

    return random_state;
}


static inline unsigned
random_below(unsigned n)
{
    return (unsigned) ((random_next() >> 11) % n);
}


/* "prefix0" … "prefix{n - 1}"; the strings live for ever */
static inline llm_str_t
random_name(const char *prefix, unsigned n)
{
    unsigned       i;
    static char    names[512][24];
    static size_t  used;
    char           name[24];

    snprintf(name, sizeof(name), "%s%u", prefix, random_below(n));

    for (i = 0; i < used && strcmp(names[i], name) != 0; i++) {
        /* void */
    }

    if (i == used) {
        snprintf(names[used++], sizeof(names[0]), "%s", name);
    }

    return (llm_str_t) { names[i], strlen(names[i]) };
}


/* mostly short, sometimes very long */
static inline int64_t
random_latency(void)
{
    return 1 + random_below(1u << (4 + random_below(14)));
}


static inline void
random_attempt(llm_row_attempt_t *attempt, llm_row_t *row, int64_t begin_ms,
    int64_t end_ms)
{
    memset(attempt, 0, sizeof(llm_row_attempt_t));

    attempt->provider = random_name("provider", 4);
    attempt->region = random_name("region", 2);
    attempt->model = random_name("model", 5);
    attempt->admitted_ms = begin_ms;
    attempt->started_ms = begin_ms;
    attempt->ended_ms = end_ms;
    attempt->first_token_ms = -1;
    attempt->result = LLM_ATTEMPT_THROTTLED;
    attempt->status = 429;

    if (random_below(3) == 0) {
        attempt->input_tokens = random_below(5000);
        attempt->output_tokens = random_below(500);
        attempt->cost = random_below(1000000000);
        row->earlier_cost += attempt->cost;
    }
}


static inline void
random_usage(llm_row_t *row)
{
    llm_usage_t  *usage;

    usage = &row->usage;
    usage->exact = true;
    usage->input = random_below(10000);
    usage->output = random_below(4000);

    if (random_below(3) == 0) {
        usage->cache_read = random_below(50000);
        usage->cache_write_5m = random_below(2000);
        usage->cache_write_1h = random_below(2000);
        usage->reasoning = random_below(100);
    }

    if (random_below(20) == 0) {
        usage->images = 1 + random_below(3);
        usage->queries = random_below(3);
    }

    row->cost.total = random_below(2000000000);
}


static inline void
random_who(llm_row_t *row)
{
    unsigned  i;

    row->virtual_key = random_name("key", 7);
    row->team = random_name("team", 4);
    row->customer = random_name("customer", 2);
    row->model_asked = random_name("model", 5);
    row->dialect = 1 + random_below(3);
    row->api = LLM_API_ANTHROPIC_MESSAGES;
    row->client = llm_str("127.0.0.1");

    if (random_below(2) == 0) {
        row->end_user = random_name("user", 9);
    }

    if (random_below(2) == 0) {
        row->session = random_name("session", 60);
    }

    row->ntags = random_below(2) * random_below(4);

    for (i = 0; i < row->ntags; i++) {
        row->tags[i] = random_name("tag", 6);
    }
}


/* a request that ended at about `ended_ms` */
static inline void
random_row(llm_row_t *row, int64_t ended_ms)
{
    unsigned            i;
    int64_t             begin_ms, end_ms;
    llm_row_attempt_t  *last;

    memset(row, 0, sizeof(llm_row_t));

    random_who(row);

    row->ended_ms = ended_ms;
    row->received_ms = ended_ms - random_latency();

    for (i = 0; i < LLM_ROW_ID_SIZE; i++) {
        row->id[i] = (i < 6) ? (unsigned char) (row->received_ms
                                                >> (8 * (5 - i)))
                             : (unsigned char) random_next();
    }

    if (random_below(15) == 0) {
        row->error = LLM_ERROR_REFUSED;
        row->refusal = 1 + LLM_REFUSE_BUDGET;
        row->status = 402;
        return;
    }

    row->admitted_ms = row->received_ms;
    row->nattempts = 1 + random_below(2) * random_below(3);
    row->status = 200;

    begin_ms = row->received_ms;

    for (i = 0; i < row->nattempts; i++) {
        end_ms = (i + 1 == row->nattempts)
                 ? ended_ms
                 : begin_ms + random_below((unsigned) (ended_ms - begin_ms)
                                           + 1);
        random_attempt(&row->attempts[i], row, begin_ms, end_ms);
        begin_ms = end_ms;
    }

    last = &row->attempts[row->nattempts - 1];
    row->earlier_cost -= last->cost;

    if (row->earlier_cost > 0) {
        row->price_status = LLM_PRICE_ESTIMATED;
    }

    row->provider = last->provider;
    row->region = last->region;
    row->model = last->model;

    random_usage(row);

    if (random_below(6) == 0) {
        row->error = LLM_ERROR_CLIENT + random_below(LLM_ERROR_KINDS
                                                     - LLM_ERROR_CLIENT);
        row->status = 502;
    }

    row->recovered = (row->error == LLM_ERROR_GATEWAY_DIED);

    if (row->recovered || random_below(10) == 0) {
        row->price_status = LLM_PRICE_ESTIMATED;
        row->outcome = LLM_OUTCOME_ESTIMATED;
    }

    if (random_below(2) == 0) {
        row->streamed = true;
        row->first_token_ms = row->received_ms
                              + (ended_ms - row->received_ms) / 2;
    }

    last->result = LLM_ATTEMPT_OK;
    last->status = 200;
    last->cost = row->cost.total;
    last->input_tokens = llm_usage_input_total(&row->usage);
    last->output_tokens = row->usage.output;

    row->cost.total += row->earlier_cost;
}


static inline void
random_remove(const char *dir)
{
    char  path[256];

    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/lock.mdb", dir);
    unlink(path);
    rmdir(dir);
}


#endif /* LLM_RANDOM_ROWS_H */
