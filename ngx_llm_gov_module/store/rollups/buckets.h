/*
 * What sums.c needs of the histograms.
 */

#ifndef LLM_BUCKETS_H
#define LLM_BUCKETS_H

#include "sums.h"


#define LLM_BUCKET_INDEX_MAX  2048  /* above the largest index */


/* a value's bucket, and the middle of a bucket */
uint32_t llm_bucket_index(int64_t value);
int64_t llm_bucket_value(uint32_t index);

/* LLM_ERROR: no memory */
int llm_buckets_add(llm_buckets_t *buckets, uint32_t index, uint64_t count);

/* all of the other's, in one pass; LLM_ERROR: no memory, nothing was added */
int llm_buckets_merge(llm_buckets_t *buckets, const llm_buckets_t *other);

void llm_buckets_subtract(llm_buckets_t *buckets, const llm_buckets_t *other);


#endif /* LLM_BUCKETS_H */
