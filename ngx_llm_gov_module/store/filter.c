/*
 * Filters: terms that all must hold, and one row against them.
 */

#include "filter_private.h"

#include "../pricing/decimal.h"

#include <stdio.h>
#include <stdlib.h>


#define LLM_FILTER_TIME                                                       \
    "a time like 2026-11-23, 2026-11-23T10:00:00Z, seconds or milliseconds "  \
    "since 1970, now, today, yesterday, -15m, -24h, -7d"

#define LLM_FILTER_PERIOD                                                     \
    "today, yesterday, this_week, last_week, this_month, last_month, or a "   \
    "span that ends now, like 15m, 24h, 7d"


static int llm_filter_bound(llm_filter_t *filter,
    const llm_filter_field_t *field, char which, llm_str_t name,
    llm_str_t value, int64_t now_ms, char error[LLM_FILTER_ERROR]);
static int llm_filter_time_bounds(llm_range_t *bounds, char which,
    llm_str_t name, llm_str_t value, int64_t now_ms,
    char error[LLM_FILTER_ERROR]);
static int llm_filter_range_bounds(llm_range_t *bounds,
    const llm_filter_field_t *field, char which, llm_str_t name,
    llm_str_t value, char error[LLM_FILTER_ERROR]);
static int llm_filter_narrow(llm_filter_t *filter,
    const llm_filter_field_t *field, const llm_range_t *bounds,
    char error[LLM_FILTER_ERROR]);
static llm_term_t *llm_filter_insert(llm_filter_t *filter,
    const llm_term_t *term, char error[LLM_FILTER_ERROR]);
static bool llm_filter_holds(const llm_term_t *term, const llm_row_t *row);
static bool llm_filter_attempts(const llm_term_t *term, const llm_row_t *row);
static bool llm_filter_tags(const llm_term_t *term, const llm_row_t *row);
static bool llm_filter_ids(const llm_term_t *term, const llm_row_t *row);


llm_filter_t *
llm_filter_create(void)
{
    llm_filter_t  *filter;

    filter = calloc(1, sizeof(llm_filter_t));

    if (filter != NULL) {
        filter->ended = (llm_range_t) { INT64_MIN, INT64_MAX };
        filter->received = filter->ended;
    }

    return filter;
}


void
llm_filter_free(llm_filter_t *filter)
{
    unsigned  i;

    if (filter == NULL) {
        return;
    }

    for (i = 0; i < filter->nterms; i++) {
        llm_filter_term_free(&filter->terms[i]);
    }

    free(filter);
}


int
llm_filter_add(llm_filter_t *filter, llm_str_t name, llm_str_t value,
    int64_t now_ms, char error[LLM_FILTER_ERROR])
{
    char                       which;
    llm_term_t                 term;
    const llm_filter_field_t  *field;

    field = llm_filter_field(name, &which);

    if (field == NULL) {
        return LLM_AGAIN;
    }

    if (which != '\0') {
        return llm_filter_bound(filter, field, which, name, value, now_ms,
                                error);
    }

    memset(&term, 0, sizeof(llm_term_t));
    term.field = field;

    if (llm_filter_parse(&term, name, value, error) != LLM_OK
        || llm_filter_insert(filter, &term, error) == NULL)
    {
        llm_filter_term_free(&term);
        return LLM_ERROR;
    }

    return LLM_OK;
}


static int
llm_filter_bound(llm_filter_t *filter, const llm_filter_field_t *field,
    char which, llm_str_t name, llm_str_t value, int64_t now_ms,
    char error[LLM_FILTER_ERROR])
{
    int          rc;
    llm_range_t  bounds;

    bounds = (llm_range_t) { INT64_MIN, INT64_MAX };

    if (field->kind == LLM_TERM_TIME) {
        rc = llm_filter_time_bounds(&bounds, which, name, value, now_ms,
                                    error);
    } else {
        rc = llm_filter_range_bounds(&bounds, field, which, name, value,
                                     error);
    }

    return (rc == LLM_OK) ? llm_filter_narrow(filter, field, &bounds, error)
                          : rc;
}


static int
llm_filter_time_bounds(llm_range_t *bounds, char which, llm_str_t name,
    llm_str_t value, int64_t now_ms, char error[LLM_FILTER_ERROR])
{
    int64_t  ms;

    if (which == 'p') {
        if (llm_filter_period(value, now_ms, &bounds->min, &ms) != LLM_OK) {
            return llm_filter_wrong(error, name, LLM_FILTER_PERIOD, value);
        }

        bounds->max = ms - 1;

        return LLM_OK;
    }

    if (llm_filter_time(value, now_ms, &ms) != LLM_OK) {
        return llm_filter_wrong(error, name, LLM_FILTER_TIME, value);
    }

    if (which == 'f') {
        bounds->min = ms;

    } else {
        bounds->max = ms - 1;
    }

    return LLM_OK;
}


static int
llm_filter_range_bounds(llm_range_t *bounds, const llm_filter_field_t *field,
    char which, llm_str_t name, llm_str_t value,
    char error[LLM_FILTER_ERROR])
{
    int      rc;
    size_t   i;
    int64_t  number;

    if (field->source == LLM_COL_COST) {
        rc = llm_decimal_parse(value, 9, &number);

    } else {
        rc = (value.len == 0 || value.len > 18) ? LLM_ERROR : LLM_OK;
        number = 0;

        for (i = 0; i < value.len && rc == LLM_OK; i++) {
            if (value.data[i] < '0' || value.data[i] > '9') {
                rc = LLM_ERROR;
            }

            number = number * 10 + (value.data[i] - '0');
        }
    }

    if (rc != LLM_OK) {
        return llm_filter_wrong(error, name, field->allowed, value);
    }

    if (which == 'm') {
        bounds->min = number;

    } else {
        bounds->max = number;
    }

    return LLM_OK;
}


/* one term holds all bounds of a field */
static int
llm_filter_narrow(llm_filter_t *filter, const llm_filter_field_t *field,
    const llm_range_t *bounds, char error[LLM_FILTER_ERROR])
{
    unsigned      i;
    llm_term_t    term, *found;
    llm_range_t  *range;

    found = NULL;

    for (i = 0; i < filter->nterms; i++) {
        if (filter->terms[i].field == field) {
            found = &filter->terms[i];
        }
    }

    if (found == NULL) {
        memset(&term, 0, sizeof(llm_term_t));
        term.field = field;
        term.n = 1;
        term.ranges = malloc(sizeof(llm_range_t));

        if (term.ranges == NULL) {
            snprintf(error, LLM_FILTER_ERROR, "no memory");
            return LLM_ERROR;
        }

        /* what has no first token has none of less than so many ms either */
        term.ranges[0] = (llm_range_t) {
            field->source == LLM_COL_FIRST_TOKEN ? 0 : INT64_MIN, INT64_MAX
        };

        found = llm_filter_insert(filter, &term, error);

        if (found == NULL) {
            free(term.ranges);
            return LLM_ERROR;
        }
    }

    range = &found->ranges[0];
    range->min = (bounds->min > range->min) ? bounds->min : range->min;
    range->max = (bounds->max < range->max) ? bounds->max : range->max;

    if (field->kind == LLM_TERM_TIME) {
        *(field->source == LLM_COL_ENDED ? &filter->ended
                                         : &filter->received) = *range;

        if (range->max < INT64_MAX && range->min > range->max + 1) {
            snprintf(error, LLM_FILTER_ERROR,
                     "\"%.*s%sto\" is before \"%.*s%sfrom\"",
                     (int) field->name.len, field->name.data,
                     field->name.len ? "_" : "", (int) field->name.len,
                     field->name.data, field->name.len ? "_" : "");
            return LLM_ERROR;
        }

    } else if (range->min > range->max) {
        snprintf(error, LLM_FILTER_ERROR,
                 "\"%.*s_max\" is below \"%.*s_min\"", (int) field->name.len,
                 field->name.data, (int) field->name.len, field->name.data);
        return LLM_ERROR;
    }

    return LLM_OK;
}


/* the cheapest kinds first; takes over what the term owns */
static llm_term_t *
llm_filter_insert(llm_filter_t *filter, const llm_term_t *term,
    char error[LLM_FILTER_ERROR])
{
    unsigned     i;
    llm_term_t  *terms;

    if (filter->nterms == LLM_FILTER_TERMS) {
        snprintf(error, LLM_FILTER_ERROR, "more than %d filters",
                 LLM_FILTER_TERMS);
        return NULL;
    }

    terms = filter->terms;

    for (i = filter->nterms; i > 0; i--) {
        if (terms[i - 1].field->kind <= term->field->kind) {
            break;
        }

        terms[i] = terms[i - 1];
    }

    terms[i] = *term;
    filter->nterms++;

    return &terms[i];
}


void
llm_filter_times(const llm_filter_t *filter, int64_t *from, int64_t *to)
{
    *from = filter->ended.min;
    *to = (filter->ended.max == INT64_MAX) ? INT64_MAX
                                           : filter->ended.max + 1;
}


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
    unsigned              i;
    const llm_pattern_t  *pattern;

    for (i = 0; i < term->n; i++) {
        pattern = &term->patterns[i];

        if (pattern->prefix ? text.len > 0 && llm_str_starts(text,
                                                             pattern->text)
                            : llm_str_eq(text, pattern->text))
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


/* the patterns are folded already */
bool
llm_filter_has_part(const llm_term_t *term, llm_str_t text)
{
    char       first;
    size_t     i, k;
    unsigned   n;
    llm_str_t  part;

    for (n = 0; n < term->n; n++) {
        part = term->patterns[n].text;
        first = part.data[0];

        for (i = 0; part.len <= text.len && i <= text.len - part.len; i++) {
            if (llm_folded(text.data[i]) != first) {
                continue;
            }

            k = 1;

            while (k < part.len
                   && llm_folded(text.data[i + k]) == part.data[k])
            {
                k++;
            }

            if (k == part.len) {
                return true;
            }
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
