/*
 * How much is held for a request before its answer is known.  Learned online
 * in shared memory, per virtual key and model; the caller holds the zone's
 * lock.
 */

#ifndef LLM_ESTIMATE_H
#define LLM_ESTIMATE_H

#include "../dialects/envelope.h"
#include "../pricing/price.h"
#include "ledger.h"


/* enough samples to believe the quantile */
#define LLM_LEARNED_ENOUGH   20
#define LLM_LEARNED_BUCKETS  48


/* one (virtual key, model) pair; in shared memory */
typedef struct {
    uint64_t   key;                 /* hash of the pair; 0: free */
    int64_t    used_ms;             /* for eviction */
    uint32_t   samples;
    uint32_t   bytes_per_token;     /* of input text, in 1/1024; 0: unknown */
    uint16_t   output[LLM_LEARNED_BUCKETS];  /* histogram of output tokens,
                                       geometric buckets, halved when full */
} llm_learned_t;


/* finds the pair's entry among `n` (a power of two) or makes one, at the cost
 * of the least recently used of a few */
llm_learned_t *llm_learned_find(llm_learned_t *table, unsigned n,
    uint64_t key, int64_t now_ms);

/* an exact settlement teaches: text bytes sent, input tokens and output tokens
 * reported */
void llm_learned_add(llm_learned_t *learned, uint64_t text_bytes,
    int64_t input_tokens, int64_t output_tokens);

/* the p99 of output tokens (upper edge of its bucket), -1 while little is
 * known */
int64_t llm_learned_output(const llm_learned_t *learned);


/*
 * Expected and worst-case need of a request in tokens and nanodollars.
 * Expected: input by the learned bytes per token (4 at first), images and
 * documents by formula; output min(max_tokens, p99), or max_tokens (else the
 * model's maximum) while little is known.  Worst: a token a byte, images and
 * documents at their maximum, cache writes at their price, max_tokens.
 * `price` may be NULL (unpriced, allowed): cost 0.
 */
void llm_estimate(llm_need_t *need, const llm_envelope_t *envelope,
    const llm_price_t *price, const llm_learned_t *learned);

/* what to charge when the provider reported no usage: the larger of what was
 * expected as input and what was observed as output (bytes of text), but never
 * above the worst case.  Tokens only; the caller prices them. */
void llm_estimate_observed(llm_usage_t *usage, const llm_envelope_t *envelope,
    const llm_learned_t *learned, uint64_t output_bytes);


#endif /* LLM_ESTIMATE_H */
