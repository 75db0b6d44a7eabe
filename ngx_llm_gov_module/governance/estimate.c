/*
 * What a request will need, before its answer is known.
 */

#include "estimate.h"


/* entries that a pair may lie in */
#define LLM_LEARNED_WAYS       4

/* bytes per token are kept in 1/1024; beyond these bounds it was no text */
#define LLM_BYTES_UNIT         1024
#define LLM_BYTES_FIRST        (4 * LLM_BYTES_UNIT)
#define LLM_BYTES_LEAST        (LLM_BYTES_UNIT / 2)
#define LLM_BYTES_MOST         (16 * LLM_BYTES_UNIT)

/* the share of a new sample: 1/8 */
#define LLM_BYTES_SHIFT        3

/* the first bucket of output tokens; each next one is a quarter larger: the
 * last ends at 285,000 */
#define LLM_OUTPUT_FIRST       8

/* samples at which all are halved, so that the last thousand or two count */
#define LLM_SAMPLES_MAX        2048

#define LLM_INPUT_MAX_UNKNOWN  200000
#define LLM_OUTPUT_UNKNOWN     8192

/* an image costs by its pixels, which we do not see: so much at its usual
 * size, and at its largest */
#define LLM_IMAGE_EXPECTED     1600
#define LLM_IMAGE_WORST        5000
#define LLM_IMAGE_LEAST        64
#define LLM_IMAGE_BYTES        16       /* a token, of a small image */

#define LLM_DOCUMENT_EXPECTED  10000    /* fetched by the provider */
#define LLM_DOCUMENT_BYTES     20       /* a token, of one in the body */

/* instructions that providers put before the caller's: a token a byte covers
 * them but in the smallest bodies */
#define LLM_INPUT_HIDDEN       512

/* what one call to a model that makes images, or reranks, is billed for */
#define LLM_IMAGES_WORST       5
#define LLM_QUERIES_WORST      10


static int64_t
llm_smaller(int64_t a, int64_t b)
{
    return (a < b) ? a : b;
}


static int64_t
llm_larger(int64_t a, int64_t b)
{
    return (a > b) ? a : b;
}


/* rounded up; sizes of bodies, so far from any overflow after the cut */
static int64_t
llm_tokens_of(uint64_t bytes, uint64_t bytes_per_token)
{
    if (bytes > (uint64_t) 1 << 40) {
        bytes = (uint64_t) 1 << 40;
    }

    return (int64_t) ((bytes * LLM_BYTES_UNIT + bytes_per_token - 1)
                      / bytes_per_token);
}


llm_learned_t *
llm_learned_find(llm_learned_t *table, unsigned n, uint64_t key,
    int64_t now_ms)
{
    unsigned        i, first;
    llm_learned_t  *entry, *oldest;

    key |= (key == 0);
    first = (unsigned) (key ^ key >> 32) & (n - 1)
            & ~(unsigned) (LLM_LEARNED_WAYS - 1);
    oldest = &table[first];

    for (i = first; i < n && i < first + LLM_LEARNED_WAYS; i++) {
        entry = &table[i];

        if (entry->key == key) {
            entry->used_ms = now_ms;
            return entry;
        }

        if (oldest->key != 0
            && (entry->key == 0 || entry->used_ms < oldest->used_ms))
        {
            oldest = entry;
        }
    }

    memset(oldest, 0, sizeof(llm_learned_t));
    oldest->key = key;
    oldest->used_ms = now_ms;

    return oldest;
}


/* the upper edge of the bucket that follows the one that ends at `edge` */
static int64_t
llm_output_next(int64_t edge)
{
    return edge + edge / 4;
}


static void
llm_learned_bytes(llm_learned_t *learned, uint64_t text_bytes,
    int64_t input_tokens)
{
    int64_t  sample, known;

    sample = (int64_t) (llm_smaller((int64_t) (text_bytes >> 1),
                                    (int64_t) 1 << 40)
                        * 2 * LLM_BYTES_UNIT / input_tokens);
    sample = llm_larger(llm_smaller(sample, LLM_BYTES_MOST), LLM_BYTES_LEAST);
    known = learned->bytes_per_token;

    if (known != 0) {
        sample = known + (sample - known) / (1 << LLM_BYTES_SHIFT);
    }

    learned->bytes_per_token = (uint32_t) sample;
}


static void
llm_learned_halve(llm_learned_t *learned)
{
    unsigned  i;

    learned->samples = 0;

    for (i = 0; i < LLM_LEARNED_BUCKETS; i++) {
        learned->output[i] /= 2;
        learned->samples += learned->output[i];
    }
}


void
llm_learned_add(llm_learned_t *learned, uint64_t text_bytes,
    int64_t input_tokens, int64_t output_tokens)
{
    int64_t   edge;
    unsigned  i;

    if (text_bytes > 0 && input_tokens > 0) {
        llm_learned_bytes(learned, text_bytes, input_tokens);
    }

    if (learned->samples >= LLM_SAMPLES_MAX) {
        llm_learned_halve(learned);
    }

    edge = LLM_OUTPUT_FIRST;

    for (i = 0; i < LLM_LEARNED_BUCKETS - 1 && output_tokens > edge; i++) {
        edge = llm_output_next(edge);
    }

    learned->output[i]++;
    learned->samples++;
}


int64_t
llm_learned_output(const llm_learned_t *learned)
{
    int64_t   edge;
    uint32_t  i, seen, wanted;

    if (learned == NULL || learned->samples < LLM_LEARNED_ENOUGH) {
        return -1;
    }

    /* 99 of 100, rounded up */

    wanted = (learned->samples * 99 + 99) / 100;
    edge = LLM_OUTPUT_FIRST;
    seen = 0;

    for (i = 0; i < LLM_LEARNED_BUCKETS - 1; i++) {
        seen += learned->output[i];

        if (seen >= wanted) {
            break;
        }

        edge = llm_output_next(edge);
    }

    return edge;
}


static uint64_t
llm_bytes_per_token(const llm_learned_t *learned)
{
    return (learned != NULL && learned->bytes_per_token != 0)
           ? learned->bytes_per_token : LLM_BYTES_FIRST;
}


/* of one image */
static int64_t
llm_image_tokens(const llm_envelope_t *envelope)
{
    int64_t  bytes;

    if (envelope->base64_image_bytes == 0) {
        return LLM_IMAGE_EXPECTED;
    }

    bytes = (int64_t) (envelope->base64_image_bytes / 4 * 3
                       / envelope->images);

    return llm_larger(llm_smaller(bytes / LLM_IMAGE_BYTES,
                                  LLM_IMAGE_EXPECTED),
                      LLM_IMAGE_LEAST);
}


/* the most that the model reads: it refuses more and charges nothing.  A list
 * that has a price for what lies above its maximum does not know it. */
static int64_t
llm_input_max(const llm_price_t *price)
{
    return (price != NULL && price->max_input > price->long_context_above)
           ? price->max_input : INT64_MAX;
}


static int64_t
llm_input_expected(const llm_envelope_t *envelope,
    const llm_learned_t *learned)
{
    int64_t  tokens, decoded;

    tokens = llm_tokens_of(envelope->text_bytes,
                           llm_bytes_per_token(learned));

    if (envelope->images > 0) {
        tokens += envelope->images * llm_image_tokens(envelope);
    }

    if (envelope->documents > 0 && envelope->base64_document_bytes == 0) {
        return tokens + (int64_t) envelope->documents * LLM_DOCUMENT_EXPECTED;
    }

    decoded = (int64_t) (envelope->base64_document_bytes / 4 * 3);

    return tokens + decoded / LLM_DOCUMENT_BYTES;
}


static int64_t
llm_input_worst(const llm_envelope_t *envelope, const llm_price_t *price)
{
    int64_t  tokens, decoded, whole, most;

    most = llm_input_max(price);

    tokens = llm_tokens_of(envelope->text_bytes, LLM_BYTES_UNIT)
             + LLM_INPUT_HIDDEN
             + (int64_t) envelope->images * LLM_IMAGE_WORST;

    if (envelope->documents > 0) {
        decoded = (int64_t) (envelope->base64_document_bytes / 4 * 3);
        whole = (most == INT64_MAX) ? LLM_INPUT_MAX_UNKNOWN : most;

        tokens += (decoded == 0) ? whole : llm_smaller(decoded, whole);
    }

    return llm_smaller(tokens, most);
}


/* the most that the answer may have */
static int64_t
llm_output_worst(const llm_envelope_t *envelope, const llm_price_t *price)
{
    if (envelope->texts > 0) {
        return 0;
    }

    if (envelope->max_tokens >= 0) {
        return envelope->max_tokens;
    }

    return (price != NULL && price->max_output > 0) ? price->max_output
                                                    : LLM_OUTPUT_UNKNOWN;
}


/* what is billed by the piece */
static void
llm_pieces(llm_usage_t *usage, const llm_envelope_t *envelope,
    const llm_price_t *price, int64_t images, int64_t queries)
{
    if (price->image > 0) {
        usage->images = llm_larger(envelope->images,
                                   envelope->texts > 0 ? 0 : images);
    }

    if (price->query > 0) {
        usage->queries = queries;
    }
}


static int64_t
llm_cost_expected(const llm_envelope_t *envelope, const llm_price_t *price,
    const llm_amounts_t *expected)
{
    llm_cost_t   cost;
    llm_usage_t  usage;

    memset(&usage, 0, sizeof(llm_usage_t));

    usage.input = expected->input_tokens;
    usage.output = expected->output_tokens;
    llm_pieces(&usage, envelope, price, 1, 1);

    llm_cost(price, &usage, &cost);

    return cost.total;
}


/* the same tokens at whatever input rate the provider may choose */
static int64_t
llm_cost_dearest(const llm_envelope_t *envelope, const llm_price_t *price,
    llm_usage_t usage)
{
    int64_t     input, dearest;
    llm_cost_t  cost;

    llm_cost(price, &usage, &cost);
    dearest = cost.total;

    input = usage.input;
    usage.input = 0;

    if (envelope->cache) {
        usage.cache_write_5m = input;
        llm_cost(price, &usage, &cost);
        dearest = llm_larger(dearest, cost.total);
        usage.cache_write_5m = 0;
    }

    if (envelope->cache_1h) {
        usage.cache_write_1h = input;
        llm_cost(price, &usage, &cost);
        dearest = llm_larger(dearest, cost.total);
    }

    return dearest;
}


/* A tier may be asked for in places that the envelope does not see, so every
 * one that has a price may apply. */
static int64_t
llm_cost_worst(const llm_envelope_t *envelope, const llm_price_t *price,
    const llm_amounts_t *worst)
{
    int64_t      dearest;
    unsigned     tier;
    llm_usage_t  usage;

    memset(&usage, 0, sizeof(llm_usage_t));

    usage.input = worst->input_tokens;
    usage.output = worst->output_tokens;
    llm_pieces(&usage, envelope, price, LLM_IMAGES_WORST, LLM_QUERIES_WORST);

    dearest = llm_cost_dearest(envelope, price, usage);

    for (tier = LLM_TIER_PRIORITY; tier <= LLM_TIER_RESERVED; tier++) {

        if (price->tiers[tier].input > price->standard.input
            || price->tiers[tier].output > price->standard.output)
        {
            usage.tier = (llm_tier_t) tier;
            dearest = llm_larger(dearest,
                                 llm_cost_dearest(envelope, price, usage));
        }
    }

    if (price->latency_optimized.input > 0
        || price->latency_optimized.output > 0)
    {
        usage.latency_optimized = true;
        dearest = llm_larger(dearest,
                             llm_cost_dearest(envelope, price, usage));
    }

    return dearest;
}


void
llm_estimate(llm_need_t *need, const llm_envelope_t *envelope,
    const llm_price_t *price, const llm_learned_t *learned)
{
    int64_t         output;
    llm_amounts_t  *expected, *worst;

    memset(need, 0, sizeof(llm_need_t));

    expected = &need->expected;
    worst = &need->worst;

    worst->requests = 1;
    worst->input_tokens = llm_input_worst(envelope, price);
    worst->output_tokens = llm_output_worst(envelope, price);

    output = llm_learned_output(learned);

    expected->requests = 1;
    expected->input_tokens = llm_smaller(llm_input_expected(envelope, learned),
                                         worst->input_tokens);
    expected->output_tokens = (output < 0)
                              ? worst->output_tokens
                              : llm_smaller(output, worst->output_tokens);

    if (price != NULL) {
        worst->cost = llm_cost_worst(envelope, price, worst);
        expected->cost = llm_smaller(llm_cost_expected(envelope, price,
                                                       expected),
                                     worst->cost);
    }
}


void
llm_estimate_observed(llm_usage_t *usage, const llm_envelope_t *envelope,
    const llm_learned_t *learned, uint64_t output_bytes)
{
    memset(usage, 0, sizeof(llm_usage_t));

    usage->input = llm_smaller(llm_input_expected(envelope, learned),
                               llm_input_worst(envelope, NULL));
    usage->output = llm_tokens_of(output_bytes, llm_bytes_per_token(learned));

    /* never above the worst case: a hard limit was checked for that */

    if (envelope->max_tokens >= 0) {
        usage->output = llm_smaller(usage->output, envelope->max_tokens);
    }
}
