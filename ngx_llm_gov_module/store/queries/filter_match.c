/*
 * One row against a filter, and what a block's summary says.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* memmem() */
#endif

#include "filter_private.h"


static bool llm_filter_holds(const llm_term_t *term, const llm_row_t *row);
static bool llm_filter_attempts(const llm_term_t *term, const llm_row_t *row);
static bool llm_filter_tags(const llm_term_t *term, const llm_row_t *row);
static bool llm_filter_ids(const llm_term_t *term, const llm_row_t *row);
static bool llm_filter_in_pattern(const llm_pattern_t *pattern,
    llm_str_t text);


bool
llm_filter_match(const llm_filter_t *filter, const llm_row_t *row)
{
    unsigned  i;

    for (i = 0; i < filter->nterms; i++) {
        if (llm_filter_holds(&filter->terms[i], row)
            == filter->terms[i].negated)
        {
            return false;
        }
    }

    return true;
}


static bool
llm_filter_holds(const llm_term_t *term, const llm_row_t *row)
{
    llm_str_t   text;
    llm_row_t  *unchanged;
    unsigned    source;

    source = term->field->source;
    unchanged = (llm_row_t *) row;

    switch (term->field->kind) {

    case LLM_TERM_TIME:
    case LLM_TERM_RANGE:
    case LLM_TERM_STATUS:
        return llm_filter_in_ranges(term, llm_filter_number(row, source));

    case LLM_TERM_SET:
        return llm_filter_in_set(term, llm_filter_number(row, source));

    case LLM_TERM_ID:
        return llm_filter_ids(term, row);

    case LLM_TERM_TAG:
        return llm_filter_tags(term, row);

    case LLM_TERM_TEXT:
        text = *llm_block_row_string(unchanged, source);
        return llm_filter_in_patterns(term, text);

    case LLM_TERM_PART:
        text = *llm_block_row_string(unchanged, source);
        return llm_filter_has_part(term, text);

    default: /* of an attempt */
        return llm_filter_attempts(term, row);
    }
}


static bool
llm_filter_ids(const llm_term_t *term, const llm_row_t *row)
{
    unsigned  i;

    for (i = 0; i < term->n; i++) {
        if (memcmp(term->ids[i], row->id, LLM_ROW_ID_SIZE) == 0) {
            return true;
        }
    }

    return false;
}


/* no tag is like an empty one */
static bool
llm_filter_tags(const llm_term_t *term, const llm_row_t *row)
{
    unsigned  i;

    for (i = 0; i < row->ntags; i++) {
        if (llm_filter_in_patterns(term, row->tags[i])) {
            return true;
        }
    }

    return row->ntags == 0 && llm_filter_in_patterns(term, llm_str(""));
}


static bool
llm_filter_attempts(const llm_term_t *term, const llm_row_t *row)
{
    bool                      holds;
    unsigned                  i;
    const llm_row_attempt_t  *attempt;

    for (i = 0; i < row->nattempts; i++) {
        attempt = &row->attempts[i];

        switch (term->field->kind) {

        case LLM_TERM_ATTEMPT_SET:
            holds = llm_filter_in_set(term, attempt->result);
            break;

        case LLM_TERM_ATTEMPT_TEXT:
            holds = llm_filter_in_patterns(term, attempt->provider);
            break;

        default: /* LLM_TERM_REQUEST_ID */
            holds = llm_filter_in_patterns(term, attempt->request_id);
        }

        if (holds) {
            return true;
        }
    }

    return row->nattempts == 0
           && term->field->kind != LLM_TERM_ATTEMPT_SET
           && llm_filter_in_patterns(term, llm_str(""));
}


bool
llm_filter_in_ranges(const llm_term_t *term, int64_t number)
{
    unsigned  i;

    for (i = 0; i < term->n; i++) {
        if (number >= term->ranges[i].min && number <= term->ranges[i].max) {
            return true;
        }
    }

    return false;
}


bool
llm_filter_in_set(const llm_term_t *term, int64_t number)
{
    return number >= 0 && number < 64 && (term->set >> number & 1);
}


bool
llm_filter_in_patterns(const llm_term_t *term, llm_str_t text)
{
    unsigned  i;

    for (i = 0; i < term->n; i++) {
        if (llm_filter_in_pattern(&term->patterns[i], text)) {
            return true;
        }
    }

    return false;
}


static bool
llm_filter_in_pattern(const llm_pattern_t *pattern, llm_str_t text)
{
    llm_str_t  part;

    part = pattern->text;

    if (!pattern->before && !pattern->after) {
        return llm_str_eq(text, part);
    }

    if (text.len == 0 || text.len < part.len) {
        return false;
    }

    if (!pattern->before) {
        return llm_str_starts(text, part);
    }

    if (!pattern->after) {
        return memcmp(text.data + text.len - part.len, part.data, part.len)
               == 0;
    }

    return memmem(text.data, text.len, part.data, part.len) != NULL;
}


bool
llm_filter_anywhere(const llm_term_t *term, llm_str_t bytes)
{
    unsigned   i;
    llm_str_t  part;

    for (i = 0; i < term->n; i++) {
        part = term->patterns[i].text;

        if (part.len == 0
            || memmem(bytes.data, bytes.len, part.data, part.len) != NULL)
        {
            return true;
        }
    }

    return false;
}


static inline char
llm_folded(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char) (c | 0x20) : c;
}


/* The patterns are folded already.  Who asks chooses them, and often the text
 * as well: memmem() is linear in both, whatever they are. */
bool
llm_filter_has_part(const llm_term_t *term, llm_str_t text)
{
    char       folded[LLM_ROW_ERROR_MAX];   /* no text is longer */
    size_t     i;
    unsigned   n;
    llm_str_t  part;

    text.len = (text.len < sizeof(folded)) ? text.len : sizeof(folded);

    for (i = 0; i < text.len; i++) {
        folded[i] = llm_folded(text.data[i]);
    }

    for (n = 0; n < term->n; n++) {
        part = term->patterns[n].text;

        if (memmem(folded, text.len, part.data, part.len) != NULL) {
            return true;
        }
    }

    return false;
}


bool
llm_filter_summary(const llm_filter_t *filter, const llm_summary_t *summary)
{
    int64_t            received;
    unsigned           i, n;
    const llm_term_t  *term;

    if (summary->ended_max < filter->ended.min
        || summary->ended_min > filter->ended.max
        || summary->received_max < filter->received.min
        || summary->received_min > filter->received.max)
    {
        return false;
    }

    for (i = 0; i < filter->nterms; i++) {
        term = &filter->terms[i];

        if (term->field->kind != LLM_TERM_ID || term->negated) {
            continue;
        }

        for (n = 0; n < term->n; n++) {
            received = llm_id_received(term->ids[n]);

            if (received >= summary->received_min
                && received <= summary->received_max)
            {
                break;
            }
        }

        if (n == term->n) {
            return false;
        }
    }

    return true;
}
