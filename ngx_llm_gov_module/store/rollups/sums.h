/*
 * What a rollup holds: sums, and histograms of latencies that can be added up
 * and give quantiles to 2 %.  Pure C.
 *
 * In LMDB: a version, which sums are not zero, these as variable-length
 * numbers, the longest latencies, then the buckets that are not empty.
 */

#ifndef LLM_SUMS_H
#define LLM_SUMS_H

#include "../../wire/buf.h"


typedef enum {
    LLM_SUM_REQUESTS = 0,
    LLM_SUM_ERRORS,
    LLM_SUM_REFUSED,
    LLM_SUM_ESTIMATED,              /* requests */
    LLM_SUM_INPUT,                  /* tokens */
    LLM_SUM_OUTPUT,
    LLM_SUM_CACHE_READ,
    LLM_SUM_CACHE_WRITE,
    LLM_SUM_REASONING,
    LLM_SUM_IMAGES,
    LLM_SUM_QUERIES,
    LLM_SUM_COST,                   /* nanodollars */
    LLM_SUM_COST_ESTIMATED,
    LLM_SUM_LATENCY,                /* milliseconds */
    LLM_SUM_FIRST_TOKEN,
    LLM_SUMS
} llm_sum_t;


/* values below 64 have a bucket each, those above a 32nd of a power of two */
typedef struct {
    uint32_t             index;
    uint64_t             count;
} llm_bucket_t;

typedef struct {
    uint32_t             n;
    uint32_t             size;
    llm_bucket_t        *buckets;       /* by index, none empty */
} llm_buckets_t;


typedef struct {
    int64_t              sum[LLM_SUMS];
    int64_t              latency_max;       /* milliseconds */
    int64_t              first_token_max;
    llm_buckets_t        latency;
    llm_buckets_t        first_token;
} llm_sums_t;


/* all zero, its memory is kept; memory that is all zero is such a one */
void llm_sums_clear(llm_sums_t *sums);
void llm_sums_free(llm_sums_t *sums);

/* LLM_ERROR: no memory */
int llm_sums_latency(llm_sums_t *sums, int64_t latency_ms);
int llm_sums_first_token(llm_sums_t *sums, int64_t first_token_ms);
int llm_sums_add(llm_sums_t *sums, const llm_sums_t *other);

/* what the other has is taken off: the longest latencies become those of the
 * highest buckets that are left */
void llm_sums_subtract(llm_sums_t *sums, const llm_sums_t *other);

bool llm_sums_empty(const llm_sums_t *sums);
bool llm_sums_equal(const llm_sums_t *a, const llm_sums_t *b);

/* appended to `out` */
void llm_sums_encode(llm_buf_t *out, const llm_sums_t *sums);

/* adds encoded ones; without `buckets` all but the histograms.  LLM_ERROR: no
 * sums of this version, or no memory */
int llm_sums_add_encoded(llm_sums_t *sums, llm_str_t data, bool buckets);

uint64_t llm_buckets_count(const llm_buckets_t *buckets);

/* the value that `share` of all (0 … 1) do not go beyond, to 2 %; at most
 * `max`; -1: there are none */
int64_t llm_buckets_quantile(const llm_buckets_t *buckets, double share,
    int64_t max);

/* stops at the ends of int64_t */
static inline void
llm_sum_add(int64_t *sum, int64_t value)
{
    int64_t  result;

    if (__builtin_add_overflow(*sum, value, &result)) {
        result = (value > 0) ? INT64_MAX : INT64_MIN;
    }

    *sum = result;
}


#endif /* LLM_SUMS_H */
