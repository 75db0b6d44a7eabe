/*
 * Filters: terms that all must hold.
 */

#include "filter_private.h"

#include "../../pricing/decimal.h"

#include <stdio.h>
#include <stdlib.h>


#define LLM_FILTER_TIME                                                       \
    "a time like 2026-11-23, 2026-11-23T10:00:00Z, seconds or milliseconds "  \
    "since 1970, now, today, yesterday, -15m, -24h, -7d"

#define LLM_FILTER_PERIOD                                                     \
    "today, yesterday, this_week, last_week, this_month, last_month, "        \
    "this_year, last_year, or a span that ends now, like 15m, 24h, 7d"


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

    if (field->allowed == llm_filter_dollars) {
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
