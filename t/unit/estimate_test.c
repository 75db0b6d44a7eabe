/*
 * What is held before an answer is known, and what is learned from answers.
 */

#include "governance/estimate.h"
#include "tap.h"

#include <stdlib.h>


#define TABLE  64


/* 3 and 15 dollars a million tokens; twice that above 200,000 */
static llm_price_t
price(void)
{
    llm_price_t  p;

    memset(&p, 0, sizeof(p));
    p.standard = (llm_rates_t) { 3000000, 15000000, 300000, 3750000, 6000000 };
    p.image = LLM_NO_PRICE;
    p.query = LLM_NO_PRICE;
    p.max_input = 200000;
    p.max_output = 64000;

    return p;
}


static llm_envelope_t
envelope(uint64_t text_bytes, int64_t max_tokens)
{
    llm_envelope_t  e;

    memset(&e, 0, sizeof(e));
    e.bytes = text_bytes;
    e.text_bytes = text_bytes;
    e.max_tokens = max_tokens;

    return e;
}


static void
is(const llm_need_t *need, int64_t input, int64_t output, int64_t cost,
    int64_t worst_input, int64_t worst_output, int64_t worst_cost,
    const char *what)
{
    ok(need->expected.requests == 1 && need->expected.input_tokens == input
       && need->expected.output_tokens == output
       && need->expected.cost == cost && need->worst.requests == 1
       && need->worst.input_tokens == worst_input
       && need->worst.output_tokens == worst_output
       && need->worst.cost == worst_cost,
       "%s: %lld %lld %lld, worst %lld %lld %lld", what,
       (long long) need->expected.input_tokens,
       (long long) need->expected.output_tokens,
       (long long) need->expected.cost, (long long) need->worst.input_tokens,
       (long long) need->worst.output_tokens, (long long) need->worst.cost);
}


static void
texts(void)
{
    llm_need_t      need;
    llm_price_t     p;
    llm_envelope_t  e;

    p = price();
    e = envelope(4000, 1000);

    llm_estimate(&need, &e, &p, NULL);
    is(&need, 1000, 1000, 18000000, 4512, 1000, 28536000,
       "4000 bytes, max_tokens 1000");

    e.max_tokens = -1;
    llm_estimate(&need, &e, &p, NULL);
    is(&need, 1000, 64000, 963000000, 4512, 64000, 973536000,
       "no max_tokens: the model's maximum");

    p.max_output = 0;
    llm_estimate(&need, &e, &p, NULL);
    is(&need, 1000, 8192, 125880000, 4512, 8192, 136416000,
       "unknown maximum: 8192");

    llm_estimate(&need, &e, NULL, NULL);
    is(&need, 1000, 8192, 0, 4512, 8192, 0, "unpriced");

    e.texts = 2;
    llm_estimate(&need, &e, &p, NULL);
    is(&need, 1000, 0, 3000000, 4512, 0, 13536000,
       "embeddings have no output");

    e = envelope(5000000, 10);
    llm_estimate(&need, &e, &p, NULL);
    is(&need, 200000, 10, 600150000, 200000, 10, 600150000,
       "no more than the model reads");
}


static void
rates(void)
{
    llm_need_t      need;
    llm_price_t     p;
    llm_envelope_t  e;

    p = price();
    e = envelope(4000, 0);

    e.cache = true;
    llm_estimate(&need, &e, &p, NULL);
    is(&need, 1000, 0, 3000000, 4512, 0, 16920000,
       "cached: written for five minutes at worst");

    e.cache_1h = true;
    llm_estimate(&need, &e, &p, NULL);
    is(&need, 1000, 0, 3000000, 4512, 0, 27072000, "or for an hour");

    p.long_context = (llm_rates_t) { 6000000, 22500000, 600000, 7500000,
                                     12000000 };
    p.long_context_above = 200000;
    e = envelope(400000, 100);
    llm_estimate(&need, &e, &p, NULL);
    is(&need, 100000, 100, 301500000, 400512, 100, 2405322000,
       "above the step: the long context's rates");

    p = price();
    p.tiers[LLM_TIER_PRIORITY] = p.standard;
    p.tiers[LLM_TIER_PRIORITY].input = 5250000;
    p.tiers[LLM_TIER_PRIORITY].output = 26250000;
    p.tiers[LLM_TIER_FLEX] = p.standard;
    p.tiers[LLM_TIER_FLEX].input = 1500000;
    e = envelope(4000, 1000);
    llm_estimate(&need, &e, &p, NULL);
    is(&need, 1000, 1000, 18000000, 4512, 1000, 49938000,
       "the dearest tier at worst");
}


static void
media(void)
{
    llm_need_t      need;
    llm_price_t     p;
    llm_envelope_t  e;

    e = envelope(400, 10);

    e.images = 2;
    llm_estimate(&need, &e, NULL, NULL);
    is(&need, 3300, 10, 0, 10912, 10, 0, "images by address");

    e.base64_image_bytes = 4000000;
    llm_estimate(&need, &e, NULL, NULL);
    is(&need, 3300, 10, 0, 10912, 10, 0, "large images");

    e.base64_image_bytes = 16000;
    llm_estimate(&need, &e, NULL, NULL);
    is(&need, 850, 10, 0, 10912, 10, 0, "small images: 6000 bytes each");

    e.base64_image_bytes = 200;
    llm_estimate(&need, &e, NULL, NULL);
    is(&need, 228, 10, 0, 10912, 10, 0, "icons");

    e = envelope(400, 10);
    e.documents = 1;
    e.base64_document_bytes = 40000;
    llm_estimate(&need, &e, NULL, NULL);
    is(&need, 1600, 10, 0, 30912, 10, 0, "a document of 30,000 bytes");

    e.base64_document_bytes = 4000000;
    llm_estimate(&need, &e, NULL, NULL);
    is(&need, 150100, 10, 0, 200912, 10, 0, "one of 3,000,000");

    e.base64_document_bytes = 0;
    llm_estimate(&need, &e, NULL, NULL);
    is(&need, 10100, 10, 0, 200912, 10, 0, "one that is somewhere else");

    p = price();
    memset(&p.standard, 0, sizeof(p.standard));
    p.free = true;
    p.image = 40000000000;
    e = envelope(400, -1);
    llm_estimate(&need, &e, &p, NULL);
    ok(need.expected.cost == 40000000 && need.worst.cost == 200000000,
       "made images are priced by the piece: %lld, worst %lld",
       (long long) need.expected.cost, (long long) need.worst.cost);
}


static void
learned(void)
{
    unsigned        i;
    llm_need_t      need;
    llm_price_t     p;
    llm_usage_t     usage;
    llm_learned_t   l;
    llm_envelope_t  e;

    p = price();
    e = envelope(6000, 64000);
    memset(&l, 0, sizeof(l));

    for (i = 0; i < LLM_LEARNED_ENOUGH - 1; i++) {
        llm_learned_add(&l, 3000, 1000, 300);
    }

    ok(llm_learned_output(&l) == -1, "19 samples: not enough");
    llm_learned_add(&l, 3000, 1000, 300);
    ok(llm_learned_output(&l) == 366, "20 of 300 tokens: %lld",
       (long long) llm_learned_output(&l));

    llm_estimate(&need, &e, &p, &l);
    is(&need, 2000, 366, 11490000, 6512, 64000, 979536000,
       "3 bytes a token and the p99");

    e.max_tokens = 100;
    llm_estimate(&need, &e, &p, &l);
    is(&need, 2000, 100, 7500000, 6512, 100, 21036000,
       "max_tokens if that is less");

    for (i = 0; i < 980; i++) {
        llm_learned_add(&l, 3000, 1000, 300);
    }

    for (i = 0; i < 10; i++) {
        llm_learned_add(&l, 3000, 1000, 20000);
    }

    ok(llm_learned_output(&l) == 366, "10 of 1010 above: still 300");
    llm_learned_add(&l, 3000, 1000, 20000);
    llm_learned_add(&l, 3000, 1000, 20000);
    ok(llm_learned_output(&l) >= 20000 && llm_learned_output(&l) <= 25000,
       "more than one in a hundred: %lld",
       (long long) llm_learned_output(&l));

    for (i = 0; i < 200000; i++) {
        llm_learned_add(&l, 3000, 1000, 5);
    }

    ok(llm_learned_output(&l) == 8 && l.samples <= 2048,
       "forgets, and nothing overflows: %u samples", l.samples);

    for (i = 0; i < 100; i++) {
        llm_learned_add(&l, UINT64_MAX, 1, INT64_MAX);
        llm_learned_add(&l, 1, INT64_MAX, -1);
    }

    ok(l.bytes_per_token >= 512 && l.bytes_per_token <= 16 * 1024
       && llm_learned_output(&l) > 200000, "wild values are bounded");

    memset(&l, 0, sizeof(l));
    e = envelope(4000, 1000);
    llm_estimate_observed(&usage, &e, &l, 1001);
    ok(usage.input == 1000 && usage.output == 251 && !usage.exact,
       "observed: 1001 bytes of answer are 251 tokens");
    llm_estimate_observed(&usage, &e, NULL, UINT64_MAX);
    ok(usage.output == 1000, "no more than max_tokens");
    e.max_tokens = -1;
    llm_estimate_observed(&usage, &e, NULL, UINT64_MAX);
    ok(usage.output > 1000, "any number of bytes");
}


/* the histogram's p99 is never below the true one, nor far above */
static void
quantile(void)
{
    int64_t        output[1000], p99, found, t;
    unsigned       round, i, j, below, above;
    llm_learned_t  l;

    srand(3);
    below = above = 0;

    for (round = 0; round < 200; round++) {
        memset(&l, 0, sizeof(l));

        for (i = 0; i < 1000; i++) {
            output[i] = (rand() % 60000 >> rand() % 12) + 8;
            llm_learned_add(&l, 0, 0, output[i]);
        }

        for (i = 1; i < 1000; i++) {
            t = output[i];
            for (j = i; j > 0 && output[j - 1] > t; j--) {
                output[j] = output[j - 1];
            }
            output[j] = t;
        }

        p99 = output[989];
        found = llm_learned_output(&l);
        below += found < p99;
        above += found > p99 * 5 / 4 + 1;
    }

    ok(below == 0 && above == 0,
       "p99 within a quarter above the true one in 200 rounds (%u, %u)",
       below, above);
}


static void
table(void)
{
    unsigned        i, found;
    llm_learned_t  *t, *a;

    t = calloc(TABLE, sizeof(llm_learned_t));

    a = llm_learned_find(t, TABLE, 77, 1);
    a->samples = 5;
    ok(llm_learned_find(t, TABLE, 77, 2) == a && a->samples == 5
       && a->used_ms == 2, "found again");
    ok(llm_learned_find(t, TABLE, 0, 2)->key != 0, "key 0 is a key");

    for (i = 0; i < 1000; i++) {
        llm_learned_find(t, TABLE, 77, 10 + i);
        llm_learned_find(t, TABLE, (uint64_t) i * 0x9e3779b97f4a7c15,
                         10 + i);
    }

    ok(llm_learned_find(t, TABLE, 77, 2000) == a && a->samples == 5,
       "what is used stays");

    found = 0;
    for (i = 0; i < TABLE; i++) {
        found += t[i].key != 0;
    }
    ok(found == TABLE, "the whole table is used: %u of %u", found, TABLE);

    for (i = 0; i < TABLE; i++) {
        t[i].used_ms = 5000;
    }
    a = llm_learned_find(t, TABLE, 4, 6000);
    ok(a->key == 4 && a->samples == 0 && a->bytes_per_token == 0,
       "a new one begins with nothing");

    free(t);
}


int
main(void)
{
    texts();
    rates();
    media();
    learned();
    quantile();
    table();

    return plan_done();
}
