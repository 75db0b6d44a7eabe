/*
 * Columns under a filter, 64 rows at a time.
 */

#include "filter_private.h"


/* sums and differences of columns */
static const struct {
    unsigned   source;
    unsigned   column;
    int        sign;
}              llm_scan_parts[] = {
    { LLM_SOURCE_RECEIVED, LLM_COL_ENDED, 1 },
    { LLM_SOURCE_RECEIVED, LLM_COL_LATENCY, -1 },
    { LLM_SOURCE_TOKENS, LLM_COL_INPUT, 1 },
    { LLM_SOURCE_TOKENS, LLM_COL_OUTPUT, 1 },
    { LLM_SOURCE_TOKENS, LLM_COL_CACHE_READ, 1 },
    { LLM_SOURCE_TOKENS, LLM_COL_CACHE_WRITE_5M, 1 },
    { LLM_SOURCE_TOKENS, LLM_COL_CACHE_WRITE_1H, 1 },
    { LLM_SOURCE_CACHE_WRITE, LLM_COL_CACHE_WRITE_5M, 1 },
    { LLM_SOURCE_CACHE_WRITE, LLM_COL_CACHE_WRITE_1H, 1 },
    { LLM_SOURCE_COST_OUTPUT, LLM_COL_COST, 1 },
    { LLM_SOURCE_COST_OUTPUT, LLM_COL_COST_INPUT, -1 },
    { LLM_SOURCE_COST_OUTPUT, LLM_COL_COST_REST, -1 },
    { LLM_SOURCE_COST_OUTPUT, LLM_COL_COST_CACHE_READ, -1 },
    { LLM_SOURCE_COST_OUTPUT, LLM_COL_COST_CACHE_WRITE, -1 },
    { LLM_SOURCE_COST_OUTPUT, LLM_COL_COST_OTHER, -1 },
    { LLM_SOURCE_COST_OUTPUT, LLM_COL_COST_EARLIER, -1 }
};

#define LLM_SCAN_PARTS                                                        \
    (sizeof(llm_scan_parts) / sizeof(llm_scan_parts[0]))


static void llm_scan_add(const llm_block_t *block, unsigned id,
    const uint64_t *mask, int sign, int64_t *numbers);


/* inlined for each width, so that the loop is as short as can be */
static inline __attribute__((always_inline)) void
llm_scan_words(const llm_column_t *column, unsigned width, uint64_t min,
    uint64_t span, const uint64_t *mask, uint64_t *found)
{
    uint32_t              i, n, word;
    uint64_t              bits, code, valid;
    const unsigned char  *p;

    valid = llm_column_mask(width);

    for (word = 0; word * 64 < column->count; word++) {
        if (mask[word] == 0) {
            continue;
        }

        n = column->count - word * 64;
        n = (n < 64) ? n : 64;
        p = column->codes + (size_t) word * 64 * width;
        bits = 0;

        for (i = 0; i < n; i++) {
            code = llm_column_load(p + i * width, valid);
            bits |= (uint64_t) (code - min <= span) << i;
        }

        found[word] |= bits & mask[word];
    }
}


void
llm_scan_codes(const llm_column_t *column, uint64_t min, uint64_t max,
    const uint64_t *mask, uint64_t *found)
{
    uint32_t  word;
    uint64_t  span;

    if (min > max || min > column->max) {
        return;
    }

    if (column->width == 0 || (min == 0 && max >= column->max)) {

        for (word = 0; word * 64 < column->count; word++) {
            found[word] |= mask[word];
        }

        return;
    }

    span = max - min;

    switch (column->width) {

    case 1:
        llm_scan_words(column, 1, min, span, mask, found);
        break;

    case 2:
        llm_scan_words(column, 2, min, span, mask, found);
        break;

    case 3:
        llm_scan_words(column, 3, min, span, mask, found);
        break;

    case 4:
        llm_scan_words(column, 4, min, span, mask, found);
        break;

    case 8:
        llm_scan_words(column, 8, min, span, mask, found);
        break;

    default:
        llm_scan_words(column, column->width, min, span, mask, found);
    }
}


void
llm_scan_range(const llm_column_t *column, const llm_range_t *range,
    const uint64_t *mask, uint64_t *found)
{
    uint64_t     min, max, base;
    llm_range_t  bounds;

    llm_scan_bounds(column, &bounds);

    if (range->min > range->max
        || range->max < bounds.min || range->min > bounds.max)
    {
        return;
    }

    base = (uint64_t) column->base;
    min = 0;

    if (range->min > column->base) {
        min = (uint64_t) range->min - base;
        min = min / column->scale + (min % column->scale != 0);
    }

    max = ((uint64_t) range->max - base) / column->scale;

    llm_scan_codes(column, min, max, mask, found);
}


/* the codes below 64 whose numbers are in a set of numbers below 64 */
static uint64_t
llm_scan_set_codes(const llm_column_t *column, uint64_t set)
{
    uint64_t  code, number, codes;

    codes = 0;

    for (code = 0; code < 64 && code <= column->max; code++) {
        number = (uint64_t) column->base + code * column->scale;

        if (number < 64 && (set >> number & 1)) {
            codes |= (uint64_t) 1 << code;
        }
    }

    return codes;
}


void
llm_scan_set(const llm_column_t *column, uint64_t set, const uint64_t *mask,
    uint64_t *found)
{
    uint32_t              i, n, word;
    uint64_t              bits, code, codes;
    const unsigned char  *p;

    codes = llm_scan_set_codes(column, set);

    if (codes == 0) {
        return;
    }

    for (word = 0; word * 64 < column->count; word++) {
        if (mask[word] == 0) {
            continue;
        }

        if (column->width == 0) {
            found[word] |= (codes & 1) ? mask[word] : 0;
            continue;
        }

        n = column->count - word * 64;
        n = (n < 64) ? n : 64;
        p = column->codes + (size_t) word * 64 * column->width;
        bits = 0;

        for (i = 0; i < n; i++) {
            code = llm_column_load(p, column->mask);
            bits |= (codes >> (code & 63) & (code < 64)) << i;
            p += column->width;
        }

        found[word] |= bits & mask[word];
    }
}


void
llm_scan_numbers(const llm_block_t *block, unsigned source,
    const uint64_t *mask, int64_t *numbers)
{
    size_t  i;

    memset(numbers, 0, block->rows * sizeof(int64_t));

    if (source < LLM_COLUMNS) {
        llm_scan_add(block, source, mask, 1, numbers);
        return;
    }

    for (i = 0; i < LLM_SCAN_PARTS; i++) {
        if (llm_scan_parts[i].source == source) {
            llm_scan_add(block, llm_scan_parts[i].column, mask,
                         llm_scan_parts[i].sign, numbers);
        }
    }
}


/* inlined for each width */
static inline __attribute__((always_inline)) void
llm_scan_add_words(const llm_column_t *column, unsigned width, uint64_t scale,
    uint64_t base, const uint64_t *mask, int64_t *numbers)
{
    uint32_t              i, n, word;
    uint64_t              code, valid;
    const unsigned char  *p;

    valid = llm_column_mask(width);

    for (word = 0; word * 64 < column->count; word++) {
        if (mask[word] == 0) {
            continue;
        }

        n = column->count - word * 64;
        n = (n < 64) ? n : 64;
        p = column->codes + (size_t) word * 64 * width;

        for (i = 0; i < n; i++) {
            code = llm_column_load(p + i * width, valid);
            numbers[word * 64 + i] = (int64_t)
                ((uint64_t) numbers[word * 64 + i] + base + code * scale);
        }
    }
}


static void
llm_scan_add(const llm_block_t *block, unsigned id, const uint64_t *mask,
    int sign, int64_t *numbers)
{
    uint64_t      base, scale;
    llm_column_t  column;

    llm_block_column(block, id, &column);

    base = (sign < 0) ? 0 - (uint64_t) column.base : (uint64_t) column.base;
    scale = (sign < 0) ? 0 - column.scale : column.scale;

    if (column.width == 0 && base == 0) {
        return;
    }

    switch (column.width) {

    case 2:
        llm_scan_add_words(&column, 2, scale, base, mask, numbers);
        break;

    case 3:
        llm_scan_add_words(&column, 3, scale, base, mask, numbers);
        break;

    case 4:
        llm_scan_add_words(&column, 4, scale, base, mask, numbers);
        break;

    default:
        llm_scan_add_words(&column, column.width, scale, base, mask, numbers);
    }
}


void
llm_scan_bounds(const llm_column_t *column, llm_range_t *bounds)
{
    uint64_t  span;

    *bounds = (llm_range_t) { column->base, INT64_MAX };

    if (__builtin_mul_overflow(column->max, column->scale, &span)
        || span > (uint64_t) INT64_MAX - (uint64_t) column->base)
    {
        return;
    }

    bounds->max = (int64_t) ((uint64_t) column->base + span);
}


void
llm_scan_source_bounds(const llm_block_t *block, unsigned source,
    llm_range_t *bounds)
{
    size_t        i;
    llm_range_t   part, sum;
    llm_column_t  column;

    if (source < LLM_COLUMNS) {
        llm_block_column(block, source, &column);
        llm_scan_bounds(&column, bounds);
        return;
    }

    *bounds = (llm_range_t) { INT64_MIN, INT64_MAX };
    sum = (llm_range_t) { 0, 0 };

    for (i = 0; i < LLM_SCAN_PARTS; i++) {
        if (llm_scan_parts[i].source != source) {
            continue;
        }

        llm_block_column(block, llm_scan_parts[i].column, &column);
        llm_scan_bounds(&column, &part);

        if (llm_scan_parts[i].sign > 0
            ? __builtin_add_overflow(sum.min, part.min, &sum.min)
              || __builtin_add_overflow(sum.max, part.max, &sum.max)
            : __builtin_sub_overflow(sum.min, part.max, &sum.min)
              || __builtin_sub_overflow(sum.max, part.min, &sum.max))
        {
            return;
        }
    }

    *bounds = sum;
}
