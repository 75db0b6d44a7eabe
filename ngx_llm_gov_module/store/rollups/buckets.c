/*
 * Sparse histograms on a logarithmic scale.
 */

#include "sums.h"
#include "buckets.h"

#include <math.h>
#include <stdlib.h>


/* the largest index: of 2^40 ms, 34 years; what is longer counts as that */
#define LLM_BUCKETS_VALUE  ((int64_t) 1 << 40)


static llm_bucket_t *llm_buckets_place(llm_buckets_t *buckets, uint32_t index,
    bool *found);
static int llm_buckets_room(llm_buckets_t *buckets, uint32_t n);
static uint32_t llm_buckets_missing(const llm_buckets_t *buckets,
    const llm_buckets_t *other);


uint32_t
llm_bucket_index(int64_t value)
{
    unsigned  power;

    if (value < 0) {
        return 0;
    }

    if (value > LLM_BUCKETS_VALUE) {
        value = LLM_BUCKETS_VALUE;
    }

    if (value < 64) {
        return (uint32_t) value;
    }

    power = 63 - (unsigned) __builtin_clzll((uint64_t) value);

    return 64 + (power - 6) * 32
           + (uint32_t) (((uint64_t) value >> (power - 5)) - 32);
}


/* the middle of the bucket */
int64_t
llm_bucket_value(uint32_t index)
{
    int64_t   low, width;
    unsigned  power;

    if (index < 64) {
        return index;
    }

    power = (index - 64) / 32 + 6;

    width = (int64_t) 1 << (power - 5);
    low = (32 + (index - 64) % 32) * width;

    return low + (width - 1) / 2;
}


/* the place of `index`, or where it is to be put */
static llm_bucket_t *
llm_buckets_place(llm_buckets_t *buckets, uint32_t index, bool *found)
{
    uint32_t  low, high, middle;

    low = 0;
    high = buckets->n;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (buckets->buckets[middle].index < index) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    *found = low < buckets->n && buckets->buckets[low].index == index;

    return buckets->buckets + low;
}


int
llm_buckets_add(llm_buckets_t *buckets, uint32_t index, uint64_t count)
{
    bool           found;
    uint32_t       place;
    llm_bucket_t  *bucket;

    if (count == 0) {
        return LLM_OK;
    }

    place = buckets->n;

    /* what is read comes in order */

    if (place > 0 && buckets->buckets[place - 1].index >= index) {
        bucket = llm_buckets_place(buckets, index, &found);

        if (found) {
            bucket->count += count;
            return LLM_OK;
        }

        place = (uint32_t) (bucket - buckets->buckets);
    }

    if (llm_buckets_room(buckets, buckets->n + 1) != LLM_OK) {
        return LLM_ERROR;
    }

    bucket = buckets->buckets + place;
    memmove(bucket + 1, bucket, (buckets->n - place) * sizeof(llm_bucket_t));

    bucket->index = index;
    bucket->count = count;
    buckets->n++;

    return LLM_OK;
}


/* from the largest down, so that nothing is moved twice */
int
llm_buckets_merge(llm_buckets_t *buckets, const llm_buckets_t *other)
{
    uint32_t             i, j, to;
    llm_bucket_t        *list;
    const llm_bucket_t  *from;

    i = buckets->n;
    j = other->n;
    to = i + llm_buckets_missing(buckets, other);

    if (llm_buckets_room(buckets, to) != LLM_OK) {
        return LLM_ERROR;
    }

    list = buckets->buckets;
    from = other->buckets;
    buckets->n = to;

    while (j > 0) {
        to--;

        if (i > 0 && list[i - 1].index > from[j - 1].index) {
            list[to] = list[--i];

        } else if (i > 0 && list[i - 1].index == from[j - 1].index) {
            list[to] = list[--i];
            list[to].count += from[--j].count;

        } else {
            list[to] = from[--j];
        }
    }

    return LLM_OK;
}


/* how many of the other's have no bucket here */
static uint32_t
llm_buckets_missing(const llm_buckets_t *buckets, const llm_buckets_t *other)
{
    uint32_t  i, j, n;

    i = 0;
    n = 0;

    for (j = 0; j < other->n; j++) {

        while (i < buckets->n
               && buckets->buckets[i].index < other->buckets[j].index)
        {
            i++;
        }

        if (i == buckets->n
            || buckets->buckets[i].index != other->buckets[j].index)
        {
            n++;
        }
    }

    return n;
}


static int
llm_buckets_room(llm_buckets_t *buckets, uint32_t n)
{
    uint32_t       size;
    llm_bucket_t  *list;

    if (n <= buckets->size) {
        return LLM_OK;
    }

    size = (buckets->size == 0) ? 4 : buckets->size * 2;
    size = (size < n) ? n : size;
    list = realloc(buckets->buckets, size * sizeof(llm_bucket_t));

    if (list == NULL) {
        return LLM_ERROR;
    }

    buckets->buckets = list;
    buckets->size = size;

    return LLM_OK;
}


/* buckets that the other has more of are empty then */
void
llm_buckets_subtract(llm_buckets_t *buckets, const llm_buckets_t *other)
{
    uint32_t       i, j, n;
    llm_bucket_t  *bucket;

    j = 0;
    n = 0;

    for (i = 0; i < buckets->n; i++) {
        bucket = &buckets->buckets[i];

        while (j < other->n && other->buckets[j].index < bucket->index) {
            j++;
        }

        if (j < other->n && other->buckets[j].index == bucket->index) {
            bucket->count -= (other->buckets[j].count < bucket->count)
                             ? other->buckets[j].count : bucket->count;
        }

        if (bucket->count > 0) {
            buckets->buckets[n++] = *bucket;
        }
    }

    buckets->n = n;
}


uint64_t
llm_buckets_count(const llm_buckets_t *buckets)
{
    uint32_t  i;
    uint64_t  count;

    count = 0;

    for (i = 0; i < buckets->n; i++) {
        count += buckets->buckets[i].count;
    }

    return count;
}


int64_t
llm_buckets_quantile(const llm_buckets_t *buckets, double share, int64_t max)
{
    int64_t   value;
    uint32_t  i;
    uint64_t  rank, seen, count;

    count = llm_buckets_count(buckets);

    if (count == 0) {
        return -1;
    }

    rank = (uint64_t) ceil(share * (double) count);
    rank = (rank < 1) ? 1 : (rank > count) ? count : rank;

    seen = 0;
    value = 0;

    for (i = 0; i < buckets->n && seen < rank; i++) {
        seen += buckets->buckets[i].count;
        value = llm_bucket_value(buckets->buckets[i].index);
    }

    return (value < max) ? value : max;
}
