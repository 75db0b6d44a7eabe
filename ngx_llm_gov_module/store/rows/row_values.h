/*
 * Numbers that are read out of a row in one way only.  A damaged row may hold
 * any, so they wrap.
 */

#ifndef LLM_ROW_VALUES_H
#define LLM_ROW_VALUES_H

#include "row.h"


static inline int64_t
llm_row_difference(int64_t a, int64_t b)
{
    return (int64_t) ((uint64_t) a - (uint64_t) b);
}


/* milliseconds */
static inline int64_t
llm_row_latency(const llm_row_t *row)
{
    return llm_row_difference(row->ended_ms, row->received_ms);
}


/* milliseconds from when it was received; -1: none came */
static inline int64_t
llm_row_first_token(const llm_row_t *row)
{
    return (row->first_token_ms == 0)
           ? -1 : llm_row_difference(row->first_token_ms, row->received_ms);
}


/* all but reasoning, which is part of output */
static inline int64_t
llm_row_tokens(const llm_row_t *row)
{
    const llm_usage_t  *usage;

    usage = &row->usage;

    return (int64_t) ((uint64_t) usage->input + (uint64_t) usage->output
                      + (uint64_t) usage->cache_read
                      + (uint64_t) usage->cache_write_5m
                      + (uint64_t) usage->cache_write_1h);
}


#endif /* LLM_ROW_VALUES_H */
