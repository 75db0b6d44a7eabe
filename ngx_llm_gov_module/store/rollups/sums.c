/*
 * Sums of a rollup: added, taken off, written and read.
 */

#include "sums.h"
#include "buckets.h"

#include <stdlib.h>


#define LLM_SUMS_VERSION  1


/* what is read; `p` is NULL once something was wrong */
typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
} llm_sums_reader_t;


static void llm_sums_put(llm_buf_t *out, uint64_t value);
static uint64_t llm_sums_get(llm_sums_reader_t *reader);
static void llm_sums_put_buckets(llm_buf_t *out, const llm_buckets_t *buckets);
static int llm_sums_get_buckets(llm_sums_reader_t *reader,
    llm_buckets_t *buckets);
static int64_t llm_sums_longest(const llm_buckets_t *buckets, int64_t max);
static bool llm_sums_same_buckets(const llm_buckets_t *a,
    const llm_buckets_t *b);


/* negative numbers are small ones, too */
static inline uint64_t
llm_sums_fold(int64_t value)
{
    return ((uint64_t) value << 1) ^ (uint64_t) (value >> 63);
}


static inline int64_t
llm_sums_unfold(uint64_t value)
{
    return (int64_t) (value >> 1) ^ -(int64_t) (value & 1);
}


void
llm_sums_clear(llm_sums_t *sums)
{
    llm_buckets_t  latency, first_token;

    latency = sums->latency;
    first_token = sums->first_token;

    memset(sums, 0, sizeof(llm_sums_t));

    sums->latency = latency;
    sums->latency.n = 0;
    sums->first_token = first_token;
    sums->first_token.n = 0;
}


void
llm_sums_free(llm_sums_t *sums)
{
    free(sums->latency.buckets);
    free(sums->first_token.buckets);
    memset(sums, 0, sizeof(llm_sums_t));
}


int
llm_sums_latency(llm_sums_t *sums, int64_t latency_ms)
{
    llm_sum_add(&sums->sum[LLM_SUM_LATENCY], latency_ms);

    if (latency_ms > sums->latency_max) {
        sums->latency_max = latency_ms;
    }

    return llm_buckets_add(&sums->latency, llm_bucket_index(latency_ms), 1);
}


int
llm_sums_first_token(llm_sums_t *sums, int64_t first_token_ms)
{
    llm_sum_add(&sums->sum[LLM_SUM_FIRST_TOKEN], first_token_ms);

    if (first_token_ms > sums->first_token_max) {
        sums->first_token_max = first_token_ms;
    }

    return llm_buckets_add(&sums->first_token,
                           llm_bucket_index(first_token_ms), 1);
}


int
llm_sums_add(llm_sums_t *sums, const llm_sums_t *other)
{
    unsigned  i;

    for (i = 0; i < LLM_SUMS; i++) {
        llm_sum_add(&sums->sum[i], other->sum[i]);
    }

    if (other->latency_max > sums->latency_max) {
        sums->latency_max = other->latency_max;
    }

    if (other->first_token_max > sums->first_token_max) {
        sums->first_token_max = other->first_token_max;
    }

    if (llm_buckets_merge(&sums->latency, &other->latency) != LLM_OK) {
        return LLM_ERROR;
    }

    return llm_buckets_merge(&sums->first_token, &other->first_token);
}


void
llm_sums_subtract(llm_sums_t *sums, const llm_sums_t *other)
{
    unsigned  i;

    for (i = 0; i < LLM_SUMS; i++) {
        llm_sum_add(&sums->sum[i], (other->sum[i] == INT64_MIN)
                                   ? INT64_MAX : -other->sum[i]);
    }

    llm_buckets_subtract(&sums->latency, &other->latency);
    llm_buckets_subtract(&sums->first_token, &other->first_token);

    sums->latency_max = llm_sums_longest(&sums->latency, sums->latency_max);
    sums->first_token_max = llm_sums_longest(&sums->first_token,
                                             sums->first_token_max);
}


static int64_t
llm_sums_longest(const llm_buckets_t *buckets, int64_t max)
{
    uint32_t  last;

    if (buckets->n == 0) {
        return 0;
    }

    last = buckets->buckets[buckets->n - 1].index;

    return (last == llm_bucket_index(max)) ? max : llm_bucket_value(last);
}


bool
llm_sums_empty(const llm_sums_t *sums)
{
    unsigned  i;

    for (i = 0; i < LLM_SUMS; i++) {
        if (sums->sum[i] != 0) {
            return false;
        }
    }

    return sums->latency.n == 0 && sums->first_token.n == 0;
}


bool
llm_sums_equal(const llm_sums_t *a, const llm_sums_t *b)
{
    return memcmp(a->sum, b->sum, sizeof(a->sum)) == 0
           && a->latency_max == b->latency_max
           && a->first_token_max == b->first_token_max
           && llm_sums_same_buckets(&a->latency, &b->latency)
           && llm_sums_same_buckets(&a->first_token, &b->first_token);
}


static bool
llm_sums_same_buckets(const llm_buckets_t *a, const llm_buckets_t *b)
{
    uint32_t  i;

    if (a->n != b->n) {
        return false;
    }

    for (i = 0; i < a->n; i++) {
        if (a->buckets[i].index != b->buckets[i].index
            || a->buckets[i].count != b->buckets[i].count)
        {
            return false;
        }
    }

    return true;
}


void
llm_sums_encode(llm_buf_t *out, const llm_sums_t *sums)
{
    unsigned  i, present;

    present = 0;

    for (i = 0; i < LLM_SUMS; i++) {
        if (sums->sum[i] != 0) {
            present |= 1u << i;
        }
    }

    llm_sums_put(out, LLM_SUMS_VERSION);
    llm_sums_put(out, present);

    for (i = 0; i < LLM_SUMS; i++) {
        if (sums->sum[i] != 0) {
            llm_sums_put(out, llm_sums_fold(sums->sum[i]));
        }
    }

    llm_sums_put(out, llm_sums_fold(sums->latency_max));
    llm_sums_put(out, llm_sums_fold(sums->first_token_max));
    llm_sums_put_buckets(out, &sums->latency);
    llm_sums_put_buckets(out, &sums->first_token);
}


static void
llm_sums_put_buckets(llm_buf_t *out, const llm_buckets_t *buckets)
{
    uint32_t  i, last;

    llm_sums_put(out, buckets->n);

    last = 0;

    for (i = 0; i < buckets->n; i++) {
        llm_sums_put(out, buckets->buckets[i].index - last);
        llm_sums_put(out, buckets->buckets[i].count);

        last = buckets->buckets[i].index;
    }
}


int
llm_sums_add_encoded(llm_sums_t *sums, llm_str_t data, bool buckets)
{
    int64_t            max;
    uint64_t           i, present;
    llm_sums_reader_t  reader;

    reader.p = (const unsigned char *) data.data;
    reader.end = reader.p + data.len;

    if (llm_sums_get(&reader) != LLM_SUMS_VERSION) {
        return LLM_ERROR;
    }

    present = llm_sums_get(&reader);

    for (i = 0; i < LLM_SUMS; i++) {
        if (present & (uint64_t) 1 << i) {
            llm_sum_add(&sums->sum[i], llm_sums_unfold(llm_sums_get(&reader)));
        }
    }

    max = llm_sums_unfold(llm_sums_get(&reader));
    sums->latency_max = (max > sums->latency_max) ? max : sums->latency_max;

    max = llm_sums_unfold(llm_sums_get(&reader));
    sums->first_token_max = (max > sums->first_token_max)
                            ? max : sums->first_token_max;

    if (present >> LLM_SUMS != 0 || reader.p == NULL) {
        return LLM_ERROR;
    }

    if (!buckets) {
        return LLM_OK;
    }

    if (llm_sums_get_buckets(&reader, &sums->latency) != LLM_OK
        || llm_sums_get_buckets(&reader, &sums->first_token) != LLM_OK)
    {
        return LLM_ERROR;
    }

    return (reader.p == reader.end) ? LLM_OK : LLM_ERROR;
}


static int
llm_sums_get_buckets(llm_sums_reader_t *reader, llm_buckets_t *buckets)
{
    uint64_t  i, n, index, count;

    n = llm_sums_get(reader);
    index = 0;

    for (i = 0; i < n; i++) {
        index += llm_sums_get(reader);
        count = llm_sums_get(reader);

        if (reader->p == NULL || index >= LLM_BUCKET_INDEX_MAX
            || llm_buckets_add(buckets, (uint32_t) index, count) != LLM_OK)
        {
            return LLM_ERROR;
        }
    }

    return (reader->p != NULL) ? LLM_OK : LLM_ERROR;
}


static void
llm_sums_put(llm_buf_t *out, uint64_t value)
{
    size_t         len;
    unsigned char  bytes[10];

    for (len = 0; value > 0x7f; len++) {
        bytes[len] = (unsigned char) (value | 0x80);
        value >>= 7;
    }

    bytes[len++] = (unsigned char) value;

    llm_buf_append(out, bytes, len);
}


static uint64_t
llm_sums_get(llm_sums_reader_t *reader)
{
    uint64_t  value;
    unsigned  shift;

    value = 0;

    for (shift = 0; shift < 70 && reader->p != NULL; shift += 7) {

        if (reader->p == reader->end) {
            break;
        }

        value |= (uint64_t) (*reader->p & 0x7f) << shift;

        if ((*reader->p++ & 0x80) == 0) {
            return value;
        }
    }

    reader->p = NULL;

    return 0;
}
