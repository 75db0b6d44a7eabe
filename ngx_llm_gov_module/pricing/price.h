/*
 * The price list and what a call costs.  Prices are picodollars (1e-12 USD)
 * per unit, a call's cost is summed exactly and rounded half up once to
 * nanodollars.
 */

#ifndef LLM_PRICE_H
#define LLM_PRICE_H

#include "../wire/buf.h"
#include "usage.h"


#define LLM_PICO_PER_NANO  1000

/* a dimension that the list does not give */
#define LLM_NO_PRICE  ((int64_t) -1)


/* picodollars per unit, LLM_NO_PRICE where the list has none */
typedef struct {
    int64_t   input;
    int64_t   output;
    int64_t   cache_read;
    int64_t   cache_write_5m;
    int64_t   cache_write_1h;
} llm_rates_t;


typedef struct {
    llm_rates_t   standard;
    llm_rates_t   long_context;         /* whole request, when the input is
                                           above the threshold */
    int64_t       long_context_above;   /* tokens (input and cache); 0: none */
    llm_rates_t   tiers[5];             /* by llm_tier_t; DEFAULT unused */
    llm_rates_t   latency_optimized;
    int64_t       image;                /* per image made */
    int64_t       query;                /* per rerank query */
    int64_t       max_input;            /* tokens, 0: unknown */
    int64_t       max_output;           /* tokens, 0: unknown */
    bool          free;                 /* said to be free: 0 is meant */
} llm_price_t;


typedef struct llm_prices_s  llm_prices_t;

/* told of every entry that is not believed (warning) or cannot be read */
typedef void (*llm_prices_report_pt)(void *ctx, bool is_error, unsigned line,
    const char *text);


/*
 * Reads our own format (docs/prices.md) or LiteLLM's, told apart by their
 * content.  Returns NULL after an error was reported: the JSON is broken or,
 * in our own format, an entry is.  What is not believed of LiteLLM's list (an
 * entry, or one of its prices) is reported as a warning and left out or put
 * right.  `line` is 0 where there is none.  The text is not needed afterwards.
 */
llm_prices_t *llm_prices_parse(llm_str_t text, llm_prices_report_pt report,
    void *ctx);
void llm_prices_free(llm_prices_t *prices);

/* number of entries; the list's version (its "version" member, or the first
 * 12 hex digits of its SHA-256) */
size_t llm_prices_count(const llm_prices_t *prices);
llm_str_t llm_prices_version(const llm_prices_t *prices);

/*
 * The price of a Bedrock model: `model` as it goes on the wire, decoded: a
 * foundation model id (in-region price), a profile id with its prefix (geo or
 * global price), or an ARN that holds one of them.  `region`: of the endpoint.
 * `now_ms`: prices have dates.  Fills *price with the resolved picodollars.
 * LLM_ERROR: unpriced.
 */
int llm_prices_find(const llm_prices_t *prices, llm_str_t model,
    llm_str_t region, int64_t now_ms, llm_price_t *price);

/* "us.anthropic.claude-…" and ARNs to the bare foundation model id, a part of
 * `model`; an opaque ARN gives the empty string */
llm_str_t llm_model_base(llm_str_t model);

/* the cost in nanodollars, with its parts (nanodollars each, rounded on their
 * own: for display; their sum may differ from `total` by a few) */
typedef struct {
    int64_t   total;
    int64_t   input;
    int64_t   output;
    int64_t   cache_read;
    int64_t   cache_write;
    int64_t   other;            /* images, queries */
} llm_cost_t;

/*
 * A missing cache price counts as the input price (never 0), a missing tier as
 * the standard one.  Saturates at INT64_MAX; negative counts are taken as 0.
 */
void llm_cost(const llm_price_t *price, const llm_usage_t *usage,
    llm_cost_t *cost);


#endif /* LLM_PRICE_H */
