/*
 * What a row has several of, under a filter: tags, and attempts.  One that
 * matches is enough.
 */

#include "filter_look.h"


static void llm_look_untagged(llm_look_t *look, const llm_column_t *ends);
static void llm_look_earlier(llm_look_t *look, const llm_term_t *term,
    const llm_column_t *columns, const llm_codes_t *codes, unsigned n);
static bool llm_look_attempt(llm_look_t *look, const llm_term_t *term,
    const llm_column_t *columns, uint32_t index, const llm_codes_t *codes,
    unsigned n);
static bool llm_look_is_request_id(llm_look_t *look, const llm_term_t *term,
    const llm_column_t *columns, uint32_t index);
static void llm_look_maybe(llm_look_t *look, const llm_term_t *term,
    const llm_column_t *columns, uint64_t *maybe);


static inline bool
llm_look_in(const llm_codes_t *codes, unsigned n, uint64_t code)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (code >= codes[i].from && code < codes[i].to) {
            return true;
        }
    }

    return false;
}


/* By the tags, not by the rows: most blocks have none, or few of those. */
void
llm_look_tags(llm_look_t *look, const llm_term_t *term)
{
    uint32_t      row, tag;
    unsigned      n;
    llm_codes_t   codes[LLM_FILTER_VALUES];
    llm_column_t  column, ends;

    llm_block_column(look->block, LLM_COL_TAG, &column);
    llm_block_column(look->block, LLM_COL_TAGS_END, &ends);

    if (llm_filter_in_patterns(term, llm_str(""))) {
        llm_look_untagged(look, &ends);
    }

    n = llm_look_codes(look, term, &column, codes);

    if (n == 0) {
        return;
    }

    row = 0;

    for (tag = 0; tag < column.count; tag++) {
        if (!llm_look_in(codes, n, llm_column_code(&column, tag))) {
            continue;
        }

        while (row < look->block->rows
               && llm_column_number(&ends, row) <= (int64_t) tag)
        {
            row++;
        }

        if (row == look->block->rows) {
            break;
        }

        llm_look_found(look, row, true);
    }
}


/* no tag is like an empty one */
static void
llm_look_untagged(llm_look_t *look, const llm_column_t *ends)
{
    int64_t   from, to;
    uint32_t  row;

    from = 0;

    for (row = 0; row < look->block->rows; row++) {
        to = llm_column_number(ends, row);
        llm_look_found(look, row, from == to);
        from = to;
    }
}


void
llm_look_attempt_text(llm_look_t *look, const llm_term_t *term)
{
    unsigned      n;
    llm_codes_t   codes[LLM_FILTER_VALUES];
    llm_column_t  column;

    llm_look_text(look, term, LLM_COL_LAST + term->field->source);

    llm_block_column(look->block, LLM_COL_EARLIER + term->field->source,
                     &column);

    n = llm_look_codes(look, term, &column, codes);

    if (n > 0) {
        llm_look_earlier(look, term, &column, codes, n);
    }
}


void
llm_look_attempt_set(llm_look_t *look, const llm_term_t *term)
{
    uint64_t      some[LLM_BLOCK_WORDS];
    llm_range_t   one = { 1, INT64_MAX };
    llm_column_t  column;

    /* rows without any attempt have nothing there */

    memset(some, 0, sizeof(some));
    llm_block_column(look->block, LLM_COL_ATTEMPTS, &column);
    llm_scan_range(&column, &one, look->mask, some);

    llm_block_column(look->block, LLM_COL_LAST + term->field->source,
                     &column);
    llm_scan_set(&column, term->set, some, look->found);

    llm_block_column(look->block, LLM_COL_EARLIER + term->field->source,
                     &column);
    llm_look_earlier(look, term, &column, NULL, 0);
}


void
llm_look_request_id(llm_look_t *look, const llm_term_t *term)
{
    uint32_t      i;
    uint64_t      left, maybe[LLM_BLOCK_WORDS];
    unsigned      id, word;
    llm_column_t  last[3], earlier[3];

    for (id = 0; id < 3; id++) {
        llm_block_column(look->block, LLM_COL_LAST + LLM_ATT_REQUEST_ID + id,
                         &last[id]);
        llm_block_column(look->block,
                         LLM_COL_EARLIER + LLM_ATT_REQUEST_ID + id,
                         &earlier[id]);
    }

    llm_look_maybe(look, term, last, maybe);

    for (word = 0; word < LLM_BLOCK_WORDS; word++) {
        for (left = maybe[word]; left != 0; left &= left - 1) {
            i = word * 64 + (uint32_t) __builtin_ctzll(left);
            llm_look_found(look, i, llm_look_is_request_id(look, term, last,
                                                           i));
        }
    }

    llm_look_earlier(look, term, earlier, NULL, 0);
}


/* the rows that had more than one attempt, by those before the last */
static void
llm_look_earlier(llm_look_t *look, const llm_term_t *term,
    const llm_column_t *columns, const llm_codes_t *codes, unsigned n)
{
    bool          found;
    uint32_t      i, from, to;
    uint64_t      left, several[LLM_BLOCK_WORDS];
    unsigned      word;
    llm_range_t   two = { 2, INT64_MAX };
    llm_column_t  column, ends;

    if (columns[0].count == 0) {
        return;
    }

    memset(several, 0, sizeof(several));
    llm_block_column(look->block, LLM_COL_ATTEMPTS, &column);
    llm_block_column(look->block, LLM_COL_EARLIER_END, &ends);
    llm_scan_range(&column, &two, look->mask, several);

    for (word = 0; word < LLM_BLOCK_WORDS; word++) {
        for (left = several[word]; left != 0; left &= left - 1) {
            i = word * 64 + (uint32_t) __builtin_ctzll(left);

            llm_block_part(&ends, columns[0].count, i, &from, &to);

            if (to - from > LLM_ROW_ATTEMPTS_MAX - 1) {
                to = from + LLM_ROW_ATTEMPTS_MAX - 1;
            }

            for (found = false; from < to && !found; from++) {
                found = llm_look_attempt(look, term, columns, from, codes, n);
            }

            llm_look_found(look, i, found);
        }
    }
}


static bool
llm_look_attempt(llm_look_t *look, const llm_term_t *term,
    const llm_column_t *columns, uint32_t index, const llm_codes_t *codes,
    unsigned n)
{
    switch (term->field->kind) {

    case LLM_TERM_ATTEMPT_SET:
        return llm_filter_in_set(term, llm_column_number(columns, index));

    case LLM_TERM_ATTEMPT_TEXT:
        return llm_look_in(codes, n, llm_column_code(columns, index));

    default: /* LLM_TERM_REQUEST_ID */
        return llm_look_is_request_id(look, term, columns, index);
    }
}


/* columns: the string, and the UUID's two halves */
static bool
llm_look_is_request_id(llm_look_t *look, const llm_term_t *term,
    const llm_column_t *columns, uint32_t index)
{
    char      text[LLM_UUID_TEXT];
    uint64_t  high, low;
    unsigned  i;

    high = (uint64_t) llm_column_number(&columns[1], index);
    low = (uint64_t) llm_column_number(&columns[2], index);

    if (high == 0 && low == 0) {
        return llm_filter_in_patterns(term, llm_block_text(&look->texts,
                        llm_column_word(&columns[0],
                                    llm_column_code(&columns[0], index))));
    }

    for (i = 0; i < term->n; i++) {
        if (high >= term->uuids[i].min && high <= term->uuids[i].max) {
            return llm_filter_in_patterns(term,
                                          llm_uuid_text(high, low, text));
        }
    }

    return false;
}


/* the rows whose last attempt's request id may be one of those: by the first
 * half of a UUID, and by the string where there is none */
static void
llm_look_maybe(llm_look_t *look, const llm_term_t *term,
    const llm_column_t *columns, uint64_t *maybe)
{
    unsigned            i, n;
    llm_range_t         range;
    llm_codes_t         codes[LLM_FILTER_VALUES];
    const llm_uuids_t  *uuids;

    memset(maybe, 0, LLM_BLOCK_WORDS * sizeof(uint64_t));

    for (i = 0; i < term->n; i++) {
        uuids = &term->uuids[i];

        if (uuids->min > uuids->max) {
            continue;
        }

        /* the column's numbers have a sign */

        range = (llm_range_t) { (int64_t) uuids->min, (int64_t) uuids->max };

        if (range.min > range.max) {
            range = (llm_range_t) { INT64_MIN, INT64_MAX };
        }

        llm_scan_range(&columns[1], &range, look->mask, maybe);
    }

    n = llm_look_codes(look, term, &columns[0], codes);

    for (i = 0; i < n; i++) {
        llm_scan_codes(&columns[0], codes[i].from, codes[i].to - 1,
                       look->mask, maybe);
    }
}
