/*
 * A block against a filter, term by term and column by column.  A number in
 * the block that is none (a string's, an attempt's) is taken for the empty
 * string, or passed over: block.c checked the columns, not what is in them.
 */

#include "filter_look.h"
#include "../rows/block_strings.h"
#include "../../wire/be.h"


#define LLM_FILTER_MEMO  4096


static bool llm_look_never(llm_look_t *look, const llm_term_t *term);
static void llm_look_term(llm_look_t *look, const llm_term_t *term);
static void llm_look_ranges(llm_look_t *look, const llm_term_t *term);
static void llm_look_set(llm_look_t *look, const llm_term_t *term);
static void llm_look_cache(llm_look_t *look, const llm_term_t *term);
static void llm_look_ids(llm_look_t *look, const llm_term_t *term);
static void llm_look_each(llm_look_t *look, const llm_term_t *term,
    const llm_column_t *column);
static llm_str_t llm_look_span(const llm_look_t *look,
    const llm_column_t *column);
static bool llm_look_holds(const llm_look_t *look, const llm_term_t *term,
    const llm_column_t *column, uint64_t code);
static uint64_t llm_look_place(const llm_look_t *look, llm_str_t text,
    bool behind);
static uint64_t llm_look_word(const llm_column_t *column, uint64_t id);


unsigned
llm_filter_block(const llm_filter_t *filter, const llm_block_t *block,
    uint64_t *bits)
{
    unsigned           i, n, word;
    uint64_t           left;
    llm_look_t         look;
    const llm_term_t  *term;

    look.block = block;
    look.mask = bits;

    memset(bits, 0, LLM_BLOCK_WORDS * sizeof(uint64_t));

    llm_block_texts(block, &look.texts);

    for (i = 0; i < filter->nterms; i++) {
        if (llm_look_never(&look, &filter->terms[i])) {
            return 0;
        }
    }

    for (word = 0; word * 64 < block->rows; word++) {
        n = block->rows - word * 64;
        bits[word] = (n < 64) ? ((uint64_t) 1 << n) - 1 : UINT64_MAX;
    }

    for (i = 0; i < filter->nterms; i++) {
        term = &filter->terms[i];
        left = 0;

        memset(look.found, 0, sizeof(look.found));
        llm_look_term(&look, term);

        for (word = 0; word < LLM_BLOCK_WORDS; word++) {
            bits[word] &= term->negated ? ~look.found[word]
                                        : look.found[word];
            left |= bits[word];
        }

        if (left == 0) {
            return 0;
        }
    }

    n = 0;

    for (word = 0; word < LLM_BLOCK_WORDS; word++) {
        n += (unsigned) __builtin_popcountll(bits[word]);
    }

    return n;
}


/* the ranges as the column has them: see LLM_COL_FIRST_TOKEN */
static llm_range_t
llm_look_range(const llm_term_t *term, unsigned i)
{
    llm_range_t  range;

    range = term->ranges[i];

    if (term->field->source == LLM_COL_FIRST_TOKEN) {
        range.min++;
        range.max += (range.max < INT64_MAX);
    }

    return range;
}


/* is it known without a look at the rows that none matches? */
static bool
llm_look_never(llm_look_t *look, const llm_term_t *term)
{
    unsigned     i;
    llm_range_t  bounds, range;

    if (term->ranges == NULL || term->negated) {
        return false;
    }

    llm_scan_source_bounds(look->block, term->field->source, &bounds);

    for (i = 0; i < term->n; i++) {
        range = llm_look_range(term, i);

        if (range.min <= bounds.max && range.max >= bounds.min) {
            return false;
        }
    }

    return true;
}


static void
llm_look_term(llm_look_t *look, const llm_term_t *term)
{
    switch (term->field->kind) {

    case LLM_TERM_TIME:
    case LLM_TERM_RANGE:
    case LLM_TERM_STATUS:
        llm_look_ranges(look, term);
        break;

    case LLM_TERM_SET:
        llm_look_set(look, term);
        break;

    case LLM_TERM_TEXT:
    case LLM_TERM_PART:
        llm_look_text(look, term, term->field->source);
        break;

    case LLM_TERM_ID:
        llm_look_ids(look, term);
        break;

    case LLM_TERM_TAG:
        llm_look_tags(look, term);
        break;

    case LLM_TERM_ATTEMPT_TEXT:
        llm_look_attempt_text(look, term);
        break;

    case LLM_TERM_ATTEMPT_SET:
        llm_look_attempt_set(look, term);
        break;

    case LLM_TERM_REQUEST_ID:
        llm_look_request_id(look, term);
    }
}


static inline bool
llm_look_has(const llm_look_t *look, uint32_t index)
{
    return look->mask[index / 64] >> (index % 64) & 1;
}


static void
llm_look_ranges(llm_look_t *look, const llm_term_t *term)
{
    int64_t       numbers[LLM_BLOCK_ROWS];
    uint32_t      i;
    llm_range_t   range, bounds;
    llm_column_t  column;

    if (term->field->source < LLM_COLUMNS) {
        llm_block_column(look->block, term->field->source, &column);

        for (i = 0; i < term->n; i++) {
            range = llm_look_range(term, i);
            llm_scan_range(&column, &range, look->mask, look->found);
        }

        return;
    }

    /* most blocks lie within a range of time as a whole */

    llm_scan_source_bounds(look->block, term->field->source, &bounds);

    for (i = 0; i < term->n; i++) {
        if (term->ranges[i].min <= bounds.min
            && term->ranges[i].max >= bounds.max)
        {
            memcpy(look->found, look->mask, sizeof(look->found));
            return;
        }
    }

    llm_scan_numbers(look->block, term->field->source, look->mask, numbers);

    for (i = 0; i < look->block->rows; i++) {
        llm_look_found(look, i, llm_filter_in_ranges(term, numbers[i]));
    }
}


static void
llm_look_set(llm_look_t *look, const llm_term_t *term)
{
    llm_column_t  column;

    if (term->field->source == LLM_SOURCE_CACHE) {
        llm_look_cache(look, term);
        return;
    }

    llm_block_column(look->block, term->field->source, &column);
    llm_scan_set(&column, term->set, look->mask, look->found);
}


static void
llm_look_cache(llm_look_t *look, const llm_term_t *term)
{
    unsigned      what, word;
    uint64_t      sets[LLM_CACHE_HIT + 1][LLM_BLOCK_WORDS], *hit, *write;
    llm_range_t   some = { 1, INT64_MAX };
    llm_column_t  column;

    memset(sets, 0, sizeof(sets));
    hit = sets[LLM_CACHE_HIT];
    write = sets[LLM_CACHE_WRITE];

    llm_block_column(look->block, LLM_COL_CACHE_READ, &column);
    llm_scan_range(&column, &some, look->mask, hit);

    llm_block_column(look->block, LLM_COL_CACHE_WRITE_5M, &column);
    llm_scan_range(&column, &some, look->mask, write);

    llm_block_column(look->block, LLM_COL_CACHE_WRITE_1H, &column);
    llm_scan_range(&column, &some, look->mask, write);

    for (word = 0; word < LLM_BLOCK_WORDS; word++) {
        write[word] &= ~hit[word];
        sets[LLM_CACHE_NONE][word] = look->mask[word]
                                     & ~(hit[word] | write[word]);

        for (what = LLM_CACHE_NONE; what <= LLM_CACHE_HIT; what++) {
            if (llm_filter_in_set(term, what)) {
                look->found[word] |= sets[what][word];
            }
        }
    }
}


static void
llm_look_ids(llm_look_t *look, const llm_term_t *term)
{
    uint32_t              i;
    uint64_t              number, candidates[LLM_BLOCK_WORDS];
    unsigned              n;
    llm_range_t           low;
    llm_row_t             row;
    llm_column_t          column;
    const unsigned char  *id;

    llm_block_column(look->block, LLM_COL_ID_LOW, &column);
    memset(candidates, 0, sizeof(candidates));

    for (n = 0; n < term->n; n++) {
        id = term->ids[n];
        number = llm_be_get(id + 8, LLM_ROW_ID_SIZE - 8);
        low = (llm_range_t) { (int64_t) number, (int64_t) number };
        llm_scan_range(&column, &low, look->mask, candidates);
    }

    for (i = 0; i < look->block->rows; i++) {
        if (candidates[i / 64] >> (i % 64) & 1) {
            llm_block_row(look->block, i, &row);

            for (n = 0; n < term->n; n++) {
                llm_look_found(look, i, memcmp(row.id, term->ids[n],
                                               LLM_ROW_ID_SIZE) == 0);
            }
        }
    }
}


void
llm_look_text(llm_look_t *look, const llm_term_t *term, unsigned id)
{
    unsigned      i, n;
    llm_codes_t   codes[LLM_FILTER_VALUES];
    llm_column_t  column;

    llm_block_column(look->block, id, &column);

    if (term->parts) {
        llm_look_each(look, term, &column);
        return;
    }

    n = llm_look_codes(look, term, &column, codes);

    for (i = 0; i < n; i++) {
        llm_scan_codes(&column, codes[i].from, codes[i].to - 1, look->mask,
                       look->found);
    }
}


/* One look at all strings at once mostly says that there is nothing; else each
 * is looked at once, if there are not too many of them. */
static void
llm_look_each(llm_look_t *look, const llm_term_t *term,
    const llm_column_t *column)
{
    bool      found, any;
    uint32_t  i;
    uint64_t  code;
    uint8_t   memo[LLM_FILTER_MEMO];

    if (term->field->kind == LLM_TERM_TEXT
        && !llm_filter_anywhere(term, llm_look_span(look, column)))
    {
        return;
    }

    memset(memo, 0, sizeof(memo));

    if (column->dictionary != NULL) {
        any = false;

        for (code = 0; code < column->words; code++) {
            found = llm_look_holds(look, term, column, code);
            memo[code] = found ? 1 : 2;
            any |= found;
        }

        if (!any) {
            return;
        }
    }

    for (i = 0; i < look->block->rows; i++) {
        if (!llm_look_has(look, i)) {
            continue;
        }

        code = llm_column_code(column, i);

        if (code >= LLM_FILTER_MEMO) {
            llm_look_found(look, i, llm_look_holds(look, term, column, code));
            continue;
        }

        if (memo[code] == 0) {
            memo[code] = llm_look_holds(look, term, column, code) ? 1 : 2;
        }

        llm_look_found(look, i, memo[code] == 1);
    }
}


/* What has all strings of a column in it: the block's are sorted, and so are
 * those of a dictionary, whose first one is often empty.  A column without a
 * dictionary tells only the last of them. */
static llm_str_t
llm_look_span(const llm_look_t *look, const llm_column_t *column)
{
    uint64_t   code;
    llm_str_t  span, first, last;

    span = (llm_str_t) { look->texts.bytes, look->texts.len };

    code = (column->dictionary != NULL) ? (uint64_t) column->words - 1
                                        : column->max;
    last = llm_block_text(&look->texts, llm_column_word(column, code));

    if (last.len == 0) {
        return span;
    }

    span.len = (size_t) (last.data + last.len - span.data);

    if (column->dictionary == NULL) {
        return span;
    }

    first = llm_block_text(&look->texts, llm_column_word(column, 0));

    if (first.len == 0) {
        first = llm_block_text(&look->texts, llm_column_word(column, 1));
    }

    if (first.len > 0 && first.data <= last.data) {
        span.len -= (size_t) (first.data - span.data);
        span.data = first.data;
    }

    return span;
}


static bool
llm_look_holds(const llm_look_t *look, const llm_term_t *term,
    const llm_column_t *column, uint64_t code)
{
    llm_str_t  text;

    text = llm_block_text(&look->texts, llm_column_word(column, code));

    return (term->field->kind == LLM_TERM_PART)
           ? llm_filter_has_part(term, text)
           : llm_filter_in_patterns(term, text);
}


/* the codes of a column that a term's patterns stand for */
unsigned
llm_look_codes(const llm_look_t *look, const llm_term_t *term,
    const llm_column_t *column, llm_codes_t *codes)
{
    uint64_t              from, to;
    unsigned              i, n;
    const llm_pattern_t  *pattern;

    n = 0;

    for (i = 0; i < term->n; i++) {
        pattern = &term->patterns[i];

        if (pattern->after) {
            from = llm_look_place(look, pattern->text, false);
            from = (from == 0) ? 1 : from;
            to = llm_look_place(look, pattern->text, true);

        } else {
            from = llm_look_place(look, pattern->text, false);
            to = from + llm_str_eq(llm_block_text(&look->texts, from),
                                   pattern->text);
        }

        if (column->dictionary != NULL) {
            from = llm_look_word(column, from);
            to = llm_look_word(column, to);
        }

        if (from < to) {
            codes[n++] = (llm_codes_t) { from, to };
        }
    }

    return n;
}


/* the first string that is not before `text`; `behind`: nor begins with it */
static uint64_t
llm_look_place(const llm_look_t *look, llm_str_t text, bool behind)
{
    uint64_t   low, high, middle;
    llm_str_t  found;

    low = 0;
    high = look->texts.ends.count;

    while (low < high) {
        middle = low + (high - low) / 2;
        found = llm_block_text(&look->texts, middle);

        if (llm_str_compare(found, text) < 0
            || (behind && llm_str_starts(found, text)))
        {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    return low;
}


/* the first code of a dictionary whose string's number is not below `id` */
static uint64_t
llm_look_word(const llm_column_t *column, uint64_t id)
{
    uint64_t  low, high, middle;

    low = 0;
    high = column->words;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (llm_column_word(column, middle) < id) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    return low;
}
