/*
 * What one call used, as the provider reported it (or as we estimated it).
 * The token kinds are disjoint: input excludes everything cached.
 */

#ifndef LLM_USAGE_H
#define LLM_USAGE_H

#include "../wire/str.h"


typedef enum {
    LLM_TIER_DEFAULT = 0,
    LLM_TIER_PRIORITY,
    LLM_TIER_FLEX,
    LLM_TIER_BATCH,
    LLM_TIER_RESERVED
} llm_tier_t;


typedef struct {
    int64_t      input;             /* tokens, not from or into a cache */
    int64_t      output;            /* tokens, reasoning among them */
    int64_t      cache_read;        /* tokens */
    int64_t      cache_write_5m;    /* tokens */
    int64_t      cache_write_1h;    /* tokens */
    int64_t      reasoning;         /* tokens of output, for information */
    int64_t      images;            /* images made */
    int64_t      queries;           /* rerank queries */
    llm_tier_t   tier;              /* as served, from the response */
    bool         latency_optimized; /* as served, from the response */
    bool         exact;             /* reported by the provider and whole */
} llm_usage_t;


static inline int64_t
llm_usage_input_total(const llm_usage_t *usage)
{
    return usage->input + usage->cache_read + usage->cache_write_5m
           + usage->cache_write_1h;
}


#endif /* LLM_USAGE_H */
