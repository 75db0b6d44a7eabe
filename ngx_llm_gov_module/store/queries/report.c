/*
 * Reports: the question, and the way from it to the answer.
 */

#include "report_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>


#define LLM_REPORT_BUSY  "too much to add up: ask for a shorter time, or "     \
                         "without end_user, session and tag"


static const struct {
    const char  *name;
    uint8_t      column;
    uint8_t      facet;
} llm_report_columns[] = {
    { "customer", LLM_DIMENSION_CUSTOMER, LLM_FACET_NONE },
    { "team", LLM_DIMENSION_TEAM, LLM_FACET_NONE },
    { "virtual_key", LLM_DIMENSION_VIRTUAL_KEY, LLM_FACET_NONE },
    { "provider", LLM_DIMENSION_PROVIDER, LLM_FACET_NONE },
    { "region", LLM_DIMENSION_REGION, LLM_FACET_NONE },
    { "model", LLM_DIMENSION_MODEL, LLM_FACET_NONE },
    { "dialect", LLM_DIMENSION_DIALECT, LLM_FACET_NONE },
    { "end_user", LLM_REPORT_FACET, LLM_FACET_END_USER },
    { "session", LLM_REPORT_FACET, LLM_FACET_SESSION },
    { "tag", LLM_REPORT_FACET, LLM_FACET_TAG }
};

#define LLM_REPORT_NAMED                                                       \
    (sizeof(llm_report_columns) / sizeof(llm_report_columns[0]))

#define LLM_REPORT_NAMES                                                       \
    "customer, team, virtual_key, provider, region, model, dialect, "          \
    "end_user, session, tag"

/* the words that a parameter may be; in the order of its enum */
static const char  *llm_report_intervals[] = {
    "minute", "hour", "day", "week", "month", NULL
};

static const char  *llm_report_sorts[] = {
    "time", "cost", "requests", "tokens", "name", NULL
};

static const char  *llm_report_orders[] = { "asc", "desc", NULL };

static const char  *llm_report_formats[] = { "json", "ndjson", "csv", NULL };


static int llm_report_filter(llm_report_t *report, unsigned i, llm_str_t value,
    int64_t now_ms, char error[LLM_FILTER_ERROR]);
static int llm_report_facet(llm_report_t *report, llm_facet_t facet,
    char error[LLM_FILTER_ERROR]);
static int llm_report_group_by(llm_report_t *report, llm_str_t value,
    char error[LLM_FILTER_ERROR]);
static int llm_report_column(llm_report_t *report, llm_str_t name,
    char error[LLM_FILTER_ERROR]);
static int llm_report_word(const char *field, const char **words,
    llm_str_t value, unsigned *index, char error[LLM_FILTER_ERROR]);
static int llm_report_number(llm_str_t value, unsigned *number,
    char error[LLM_FILTER_ERROR]);
static int llm_report_answer(llm_report_answer_t *answer, llm_store_t *store,
    int64_t now_ms, llm_buf_t *out);
static void llm_report_answer_free(llm_report_answer_t *answer);


static llm_str_t
llm_report_name(unsigned i)
{
    const char  *name;

    name = llm_report_columns[i].name;

    return (llm_str_t) { name, strlen(name) };
}


llm_report_t *
llm_report_create(bool stats)
{
    llm_report_t  *report;

    report = calloc(1, sizeof(llm_report_t));

    if (report == NULL) {
        return NULL;
    }

    report->stats = stats;
    report->limit = LLM_REPORT_LIMIT;
    report->plain = llm_filter_create();
    report->values = llm_filter_create();
    report->times = llm_filter_create();

    if (report->plain == NULL || report->values == NULL
        || report->times == NULL)
    {
        llm_report_free(report);
        return NULL;
    }

    return report;
}


void
llm_report_free(llm_report_t *report)
{
    if (report->plain != NULL) {
        llm_filter_free(report->plain);
    }

    if (report->values != NULL) {
        llm_filter_free(report->values);
    }

    if (report->times != NULL) {
        llm_filter_free(report->times);
    }

    free(report);
}


llm_str_t
llm_report_names(void)
{
    return llm_str(LLM_REPORT_NAMES ", from, to, period, group_by, interval, "
                   "sort, order, limit, format");
}


llm_format_t
llm_report_format(const llm_report_t *report)
{
    return report->format;
}


int
llm_report_param(llm_report_t *report, llm_str_t name, llm_str_t value,
    int64_t now_ms, char error[LLM_FILTER_ERROR])
{
    int       rc;
    unsigned  i, word;

    for (i = 0; i < LLM_REPORT_NAMED; i++) {
        if (llm_str_eq(name, llm_report_name(i))) {
            return llm_report_filter(report, i, value, now_ms, error);
        }
    }

    if (llm_str_eq(name, llm_str("from")) || llm_str_eq(name, llm_str("to"))
        || llm_str_eq(name, llm_str("period")))
    {
        return llm_filter_add(report->times, name, value, now_ms, error);
    }

    if (llm_str_eq(name, llm_str("group_by"))) {
        return llm_report_group_by(report, value, error);
    }

    if (llm_str_eq(name, llm_str("limit"))) {
        return llm_report_number(value, &report->limit, error);
    }

    word = 0;

    if (llm_str_eq(name, llm_str("interval"))) {
        rc = llm_report_word("interval", llm_report_intervals, value, &word,
                             error);
        report->interval = LLM_INTERVAL_MINUTE + word;

    } else if (llm_str_eq(name, llm_str("sort"))) {
        rc = llm_report_word("sort", llm_report_sorts, value, &word, error);
        report->sort = LLM_REPORT_BY_TIME + word;

    } else if (llm_str_eq(name, llm_str("order"))) {
        rc = llm_report_word("order", llm_report_orders, value, &word, error);
        report->order = (word == 0) ? 1 : -1;

    } else if (llm_str_eq(name, llm_str("format"))) {
        rc = llm_report_word("format", llm_report_formats, value, &word,
                             error);
        report->format = LLM_FORMAT_JSON + word;

    } else {
        return LLM_AGAIN;
    }

    return rc;
}


static int
llm_report_filter(llm_report_t *report, unsigned i, llm_str_t value,
    int64_t now_ms, char error[LLM_FILTER_ERROR])
{
    llm_str_t  name;

    name = llm_report_name(i);

    if (llm_report_columns[i].facet == LLM_FACET_NONE) {
        return llm_filter_add(report->plain, name, value, now_ms, error);
    }

    if (report->filtered) {
        snprintf(error, LLM_FILTER_ERROR,
                 "\"%.*s\" is one filter too many: one of end_user, session, "
                 "tag may be given, once; several values are a comma list",
                 (int) name.len, name.data);
        return LLM_ERROR;
    }

    report->filtered = true;

    if (llm_report_facet(report, llm_report_columns[i].facet, error)
        != LLM_OK)
    {
        return LLM_ERROR;
    }

    return llm_filter_add(report->values, name, value, now_ms, error);
}


static int
llm_report_facet(llm_report_t *report, llm_facet_t facet,
    char error[LLM_FILTER_ERROR])
{
    if (report->facet != LLM_FACET_NONE && report->facet != facet) {
        snprintf(error, LLM_FILTER_ERROR,
                 "\"group_by\" and filters may name one of end_user, session, "
                 "tag, not several of them");
        return LLM_ERROR;
    }

    report->facet = facet;

    return LLM_OK;
}


static int
llm_report_group_by(llm_report_t *report, llm_str_t value,
    char error[LLM_FILTER_ERROR])
{
    llm_str_t    name;
    const char  *comma;

    for ( ;; ) {
        comma = (value.len > 0) ? memchr(value.data, ',', value.len) : NULL;

        name = value;
        name.len = (comma != NULL) ? (size_t) (comma - value.data) : value.len;

        if (llm_report_column(report, name, error) != LLM_OK) {
            return LLM_ERROR;
        }

        if (comma == NULL) {
            return LLM_OK;
        }

        value.len -= name.len + 1;
        value.data = comma + 1;
    }
}


static int
llm_report_column(llm_report_t *report, llm_str_t name,
    char error[LLM_FILTER_ERROR])
{
    unsigned  i, j;

    for (i = 0;
         i < LLM_REPORT_NAMED && !llm_str_eq(name, llm_report_name(i));
         i++)
    {
        /* void */
    }

    if (i == LLM_REPORT_NAMED) {
        snprintf(error, LLM_FILTER_ERROR,
                 "\"group_by\" is a comma list of " LLM_REPORT_NAMES);
        return LLM_ERROR;
    }

    if (llm_report_columns[i].facet != LLM_FACET_NONE
        && llm_report_facet(report, llm_report_columns[i].facet, error)
           != LLM_OK)
    {
        return LLM_ERROR;
    }

    for (j = 0; j < report->ncolumns; j++) {
        if (report->columns[j] == llm_report_columns[i].column) {
            return LLM_OK;
        }
    }

    report->columns[report->ncolumns++] = llm_report_columns[i].column;

    return LLM_OK;
}


llm_str_t
llm_report_column_name(const llm_report_t *report, uint8_t column)
{
    unsigned  i;

    for (i = 0; /* void */ ; i++) {
        if (llm_report_columns[i].column == column
            && (column != LLM_REPORT_FACET
                || llm_report_columns[i].facet == report->facet))
        {
            return llm_report_name(i);
        }
    }
}


static int
llm_report_word(const char *field, const char **words, llm_str_t value,
    unsigned *index, char error[LLM_FILTER_ERROR])
{
    int       len;
    unsigned  i;

    for (i = 0; words[i] != NULL; i++) {
        if (llm_str_eq(value, (llm_str_t) { words[i], strlen(words[i]) })) {
            *index = i;
            return LLM_OK;
        }
    }

    len = snprintf(error, LLM_FILTER_ERROR, "\"%s\" is one of", field);

    for (i = 0; words[i] != NULL; i++) {
        len += snprintf(error + len, (size_t) (LLM_FILTER_ERROR - len),
                        "%s %s", (i > 0) ? "," : "", words[i]);
    }

    return LLM_ERROR;
}


static int
llm_report_number(llm_str_t value, unsigned *number,
    char error[LLM_FILTER_ERROR])
{
    size_t    i;
    unsigned  sum;

    sum = 0;

    for (i = 0; i < value.len && i < 6; i++) {

        if (value.data[i] < '0' || value.data[i] > '9') {
            break;
        }

        sum = sum * 10 + (unsigned) (value.data[i] - '0');
    }

    if (i == 0 || i != value.len || sum < 1 || sum > LLM_REPORT_LIMIT) {
        snprintf(error, LLM_FILTER_ERROR,
                 "\"limit\" is a number from 1 to %d", LLM_REPORT_LIMIT);
        return LLM_ERROR;
    }

    *number = sum;

    return LLM_OK;
}


void
llm_report_patience(llm_report_t *report, int64_t ms)
{
    report->patience_ms = ms;
}


bool
llm_report_truncated(const llm_report_t *report)
{
    return report->truncated;
}


int
llm_report_run(llm_report_t *report, llm_store_t *store, int64_t now_ms,
    llm_buf_t *out, char error[LLM_FILTER_ERROR])
{
    int                   rc;
    llm_report_answer_t  *answer;

    answer = calloc(1, sizeof(llm_report_answer_t));

    if (answer == NULL) {
        snprintf(error, LLM_FILTER_ERROR, "no memory");
        return LLM_ERROR;
    }

    answer->report = report;

    rc = llm_report_answer(answer, store, now_ms, out);

    report->truncated = answer->truncated;

    if (rc == 0 && out->failed) {
        rc = ENOMEM;
    }

    if (rc != 0) {
        snprintf(error, LLM_FILTER_ERROR, "%s",
                 (rc == E2BIG) ? LLM_REPORT_BUSY : llm_store_reason(rc));
    }

    llm_report_answer_free(answer);

    return (rc == 0) ? LLM_OK : (rc == E2BIG) ? LLM_AGAIN : LLM_ERROR;
}


static int
llm_report_answer(llm_report_answer_t *answer, llm_store_t *store,
    int64_t now_ms, llm_buf_t *out)
{
    int       rc;
    MDB_txn  *txn;

    rc = llm_store_read(store, &txn);

    if (rc != 0) {
        return rc;
    }

    rc = llm_report_plan(answer->report, store, txn, now_ms, &answer->plan);

    if (rc == 0) {
        rc = llm_report_scan(answer, store, txn);
    }

    if (rc == 0) {
        llm_report_sort(answer);
        llm_report_write(answer, out);
    }

    llm_store_read_end(store, txn);

    return rc;
}


static void
llm_report_answer_free(llm_report_answer_t *answer)
{
    unsigned  i;

    for (i = 0; i < answer->ngroups; i++) {
        llm_sums_free(&answer->groups[i].sums);
    }

    llm_sums_free(&answer->total);
    free(answer->groups);
    free(answer->table.slots);
    free(answer);
}
