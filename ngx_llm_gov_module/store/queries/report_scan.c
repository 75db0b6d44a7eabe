/*
 * Reading the rollups of a report.
 *
 * Requests without a session have no rollup of the facet `session` (nor of the
 * others): where they are asked for, the plain rollups are added first and
 * those of the facet taken off.
 */

#include "report_parts.h"
#include "../../wire/be.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>


#define LLM_REPORT_CACHE   16384
#define LLM_REPORT_LOOK    4096         /* rollups between looks at the
                                           clock */


/* what is known of a tuple */
typedef struct {
    uint64_t         tuple;             /* 0: free */
    bool             match;
    uint64_t         numbers[LLM_DIMENSIONS];
} llm_report_tuple_t;


/* of an end user, a session, or a set of tags; `shown`: those of the tags that
 * the filter asks for, or just the value itself */
typedef struct {
    uint64_t         value;             /* 0: free */
    bool             match;
    unsigned         n;
    uint64_t         shown[LLM_ROW_TAGS_MAX];
} llm_report_value_t;


typedef struct {
    llm_report_answer_t   *answer;
    const llm_report_t    *report;
    llm_store_t           *store;
    MDB_txn               *txn;
    llm_report_tuple_t    *tuples;      /* by number, the latest */
    llm_report_value_t    *values;
    uint64_t               work;
    int64_t                end_ms;      /* of the patience; 0: none */
    bool                   grouped;     /* by the facet */
    bool                   rest;        /* those without a value count, too */
    llm_sums_t             sums;        /* of one rollup */
    llm_row_t              row;         /* for the filters */
} llm_report_scan_t;


static int llm_report_scan_all(llm_report_scan_t *scan);
static int llm_report_scan_facet(llm_report_scan_t *scan, llm_facet_t facet);
static int llm_report_scan_span(llm_report_scan_t *scan, llm_facet_t facet,
    const llm_report_span_t *span, MDB_cursor *cursor);
static bool llm_report_tired(llm_report_scan_t *scan);
static int64_t llm_report_clock(void);
static int llm_report_rollup(llm_report_scan_t *scan,
    const llm_rollup_key_t *key, llm_str_t value);
static int llm_report_count(llm_report_scan_t *scan,
    const llm_rollup_key_t *key, const llm_report_tuple_t *tuple);
static int llm_report_add(llm_report_scan_t *scan, int64_t time_ms,
    const llm_report_tuple_t *tuple, uint64_t value);
static void llm_report_subtract(llm_report_scan_t *scan, int64_t time_ms,
    const llm_report_tuple_t *tuple);
static void llm_report_numbers(const llm_report_t *report,
    const llm_report_tuple_t *tuple, uint64_t value,
    uint64_t numbers[LLM_REPORT_COLUMNS]);
static int llm_report_tuple(llm_report_scan_t *scan, uint64_t number,
    llm_report_tuple_t **tuple);
static bool llm_report_tuple_match(llm_report_scan_t *scan,
    const llm_str_t names[LLM_DIMENSIONS]);
static int llm_report_value(llm_report_scan_t *scan, uint64_t number,
    llm_report_value_t **value);
static int llm_report_tags(llm_report_scan_t *scan,
    llm_report_value_t *value);
static int llm_report_names_of(llm_report_scan_t *scan);


int
llm_report_scan(llm_report_answer_t *answer, llm_store_t *store, MDB_txn *txn)
{
    int                 rc;
    unsigned            i;
    llm_report_scan_t  *scan;

    scan = calloc(1, sizeof(llm_report_scan_t));

    if (scan == NULL) {
        return ENOMEM;
    }

    scan->answer = answer;
    scan->report = answer->report;
    scan->store = store;
    scan->txn = txn;
    scan->tuples = calloc(LLM_REPORT_CACHE, sizeof(llm_report_tuple_t));
    scan->values = calloc(LLM_REPORT_CACHE, sizeof(llm_report_value_t));

    if (scan->report->patience_ms != 0) {
        scan->end_ms = llm_report_clock() + scan->report->patience_ms;
    }

    for (i = 0; i < scan->report->ncolumns; i++) {
        scan->grouped |= scan->report->columns[i] == LLM_REPORT_FACET;
    }

    rc = (scan->tuples != NULL && scan->values != NULL)
         ? llm_report_scan_all(scan) : ENOMEM;

    llm_sums_free(&scan->sums);
    free(scan->tuples);
    free(scan->values);
    free(scan);

    return rc;
}


static int
llm_report_scan_all(llm_report_scan_t *scan)
{
    int  rc;

    /* a row of nobody: do those without a value pass the filter? */

    scan->rest = !scan->report->filtered
                 || llm_filter_match(scan->report->values, &scan->row);

    rc = 0;

    if (scan->rest) {
        rc = llm_report_scan_facet(scan, LLM_FACET_NONE);
    }

    if (rc == 0 && scan->report->facet != LLM_FACET_NONE) {
        rc = llm_report_scan_facet(scan, scan->report->facet);
    }

    return (rc == 0) ? llm_report_names_of(scan) : rc;
}


static int
llm_report_scan_facet(llm_report_scan_t *scan, llm_facet_t facet)
{
    int                       rc;
    unsigned                  i;
    MDB_cursor               *cursor;
    const llm_report_plan_t  *plan;

    plan = &scan->answer->plan;

    rc = mdb_cursor_open(scan->txn, scan->store->rollups, &cursor);

    if (rc != 0) {
        return rc;
    }

    for (i = 0; i < plan->n && rc == 0; i++) {
        rc = llm_report_scan_span(scan, facet, &plan->spans[i], cursor);
    }

    mdb_cursor_close(cursor);

    return rc;
}


static int
llm_report_scan_span(llm_report_scan_t *scan, llm_facet_t facet,
    const llm_report_span_t *span, MDB_cursor *cursor)
{
    int                rc;
    MDB_val            name, value;
    unsigned char      first[LLM_ROLLUP_KEY];
    llm_rollup_key_t   key;

    memset(&key, 0, sizeof(key));
    key.level = span->level;
    key.facet = facet;
    key.start = span->from;

    llm_rollup_key_write(first, &key);
    name = (MDB_val) { sizeof(first), first };

    rc = mdb_cursor_get(cursor, &name, &value, MDB_SET_RANGE);

    while (rc == 0) {

        if (llm_rollup_key_read(&key, (llm_str_t) { name.mv_data,
                                                    name.mv_size })
            != LLM_OK)
        {
            return MDB_CORRUPTED;
        }

        if (key.level != span->level || key.facet != facet
            || key.start >= span->to)
        {
            return 0;
        }

        if (llm_report_tired(scan)) {
            return E2BIG;
        }

        rc = llm_report_rollup(scan, &key, (llm_str_t) { value.mv_data,
                                                         value.mv_size });

        if (rc == 0) {
            rc = mdb_cursor_get(cursor, &name, &value, MDB_NEXT);
        }
    }

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


static bool
llm_report_tired(llm_report_scan_t *scan)
{
    if (scan->work++ % LLM_REPORT_LOOK == 0 && scan->end_ms != 0
        && llm_report_clock() > scan->end_ms)
    {
        return true;
    }

    return scan->work > LLM_REPORT_WORK;
}


static int64_t
llm_report_clock(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


static int
llm_report_rollup(llm_report_scan_t *scan, const llm_rollup_key_t *key,
    llm_str_t value)
{
    int                  rc;
    llm_report_tuple_t  *tuple;

    rc = llm_report_tuple(scan, key->tuple, &tuple);

    if (rc != 0 || !tuple->match) {
        return rc;
    }

    llm_sums_clear(&scan->sums);

    if (llm_sums_add_encoded(&scan->sums, value, scan->report->stats)
        != LLM_OK)
    {
        return MDB_CORRUPTED;
    }

    return llm_report_count(scan, key, tuple);
}


/* one rollup, in scan->sums */
static int
llm_report_count(llm_report_scan_t *scan, const llm_rollup_key_t *key,
    const llm_report_tuple_t *tuple)
{
    int                  rc;
    int64_t              time_ms;
    unsigned             i;
    llm_report_value_t  *value;

    time_ms = llm_report_interval(scan->report->interval,
                                  (int64_t) key->start * LLM_MINUTE_MS);

    if (key->facet == LLM_FACET_NONE) {
        rc = llm_report_add(scan, time_ms, tuple, 0);

        return (rc != 0) ? rc
               : (llm_sums_add(&scan->answer->total, &scan->sums) == LLM_OK)
                 ? 0 : ENOMEM;
    }

    rc = llm_report_value(scan, key->value, &value);

    if (rc != 0) {
        return rc;
    }

    /* the rest has all of them so far */

    if (scan->rest && !value->match) {
        llm_sums_subtract(&scan->answer->total, &scan->sums);
    }

    if (!scan->rest && value->match
        && llm_sums_add(&scan->answer->total, &scan->sums) != LLM_OK)
    {
        return ENOMEM;
    }

    if (scan->rest && (scan->grouped || !value->match)) {
        llm_report_subtract(scan, time_ms, tuple);
    }

    if (!value->match || (scan->rest && !scan->grouped)) {
        return 0;
    }

    if (!scan->grouped) {
        return llm_report_add(scan, time_ms, tuple, 0);
    }

    for (i = 0; i < value->n && rc == 0; i++) {
        rc = llm_report_add(scan, time_ms, tuple, value->shown[i]);
    }

    return rc;
}


static int
llm_report_add(llm_report_scan_t *scan, int64_t time_ms,
    const llm_report_tuple_t *tuple, uint64_t value)
{
    uint64_t             numbers[LLM_REPORT_COLUMNS];
    llm_report_group_t  *group;

    llm_report_numbers(scan->report, tuple, value, numbers);

    group = llm_report_group(scan->answer, time_ms, numbers);

    if (group == NULL) {
        return scan->answer->truncated ? 0 : ENOMEM;
    }

    return (llm_sums_add(&group->sums, &scan->sums) == LLM_OK) ? 0 : ENOMEM;
}


static void
llm_report_subtract(llm_report_scan_t *scan, int64_t time_ms,
    const llm_report_tuple_t *tuple)
{
    uint64_t             numbers[LLM_REPORT_COLUMNS];
    llm_report_group_t  *group;

    llm_report_numbers(scan->report, tuple, 0, numbers);

    group = llm_report_group(scan->answer, time_ms, numbers);

    if (group != NULL) {
        llm_sums_subtract(&group->sums, &scan->sums);
    }
}


static void
llm_report_numbers(const llm_report_t *report, const llm_report_tuple_t *tuple,
    uint64_t value, uint64_t numbers[LLM_REPORT_COLUMNS])
{
    unsigned  i;

    for (i = 0; i < report->ncolumns; i++) {
        numbers[i] = (report->columns[i] == LLM_REPORT_FACET)
                     ? value : tuple->numbers[report->columns[i]];
    }
}


static int
llm_report_tuple(llm_report_scan_t *scan, uint64_t number,
    llm_report_tuple_t **tuple)
{
    int                    rc;
    unsigned               i;
    llm_str_t              bytes, names[LLM_DIMENSIONS];
    llm_report_tuple_t    *entry;
    const unsigned char   *p;

    *tuple = entry = &scan->tuples[number % LLM_REPORT_CACHE];

    if (entry->tuple == number) {
        return 0;
    }

    rc = llm_names_get(scan->store, scan->txn, LLM_NAME_TUPLE, number, &bytes);

    if (rc != 0 || bytes.len != LLM_DIMENSIONS * LLM_NAME_SIZE) {
        return (rc != 0 && rc != MDB_NOTFOUND) ? rc : MDB_CORRUPTED;
    }

    p = (const unsigned char *) bytes.data;

    for (i = 0; i < LLM_DIMENSIONS; i++) {
        entry->numbers[i] = llm_be_get(p + i * LLM_NAME_SIZE, LLM_NAME_SIZE);

        rc = llm_names_get(scan->store, scan->txn, LLM_NAME_STRING,
                           entry->numbers[i], &names[i]);

        if (rc != 0) {
            return (rc == MDB_NOTFOUND) ? MDB_CORRUPTED : rc;
        }
    }

    entry->tuple = number;
    entry->match = llm_report_tuple_match(scan, names);

    return 0;
}


static bool
llm_report_tuple_match(llm_report_scan_t *scan,
    const llm_str_t names[LLM_DIMENSIONS])
{
    bool        match;
    unsigned    dialect;
    llm_row_t  *row;

    row = &scan->row;

    row->customer = names[LLM_DIMENSION_CUSTOMER];
    row->team = names[LLM_DIMENSION_TEAM];
    row->virtual_key = names[LLM_DIMENSION_VIRTUAL_KEY];
    row->provider = names[LLM_DIMENSION_PROVIDER];
    row->region = names[LLM_DIMENSION_REGION];
    row->model = names[LLM_DIMENSION_MODEL];

    for (dialect = LLM_DIALECT_BEDROCK;
         dialect <= LLM_DIALECT_OPENAI;
         dialect++)
    {
        if (llm_str_eq(llm_dialect_name(dialect),
                       names[LLM_DIMENSION_DIALECT]))
        {
            row->dialect = (uint8_t) dialect;
        }
    }

    match = llm_filter_match(scan->report->plain, row);

    memset(row, 0, sizeof(llm_row_t));

    return match;
}


static int
llm_report_value(llm_report_scan_t *scan, uint64_t number,
    llm_report_value_t **value)
{
    int                  rc;
    llm_str_t            text;
    llm_row_t           *row;
    llm_report_value_t  *entry;

    *value = entry = &scan->values[number % LLM_REPORT_CACHE];

    if (entry->value == number) {
        return 0;
    }

    entry->value = number;
    entry->match = true;
    entry->n = 1;
    entry->shown[0] = number;

    if (scan->report->facet == LLM_FACET_TAG) {
        return llm_report_tags(scan, entry);
    }

    if (!scan->report->filtered) {
        return 0;
    }

    rc = llm_names_get(scan->store, scan->txn, LLM_NAME_STRING, number, &text);

    if (rc != 0) {
        return (rc == MDB_NOTFOUND) ? MDB_CORRUPTED : rc;
    }

    row = &scan->row;

    if (scan->report->facet == LLM_FACET_SESSION) {
        row->session = text;

    } else {
        row->end_user = text;
    }

    entry->match = llm_filter_match(scan->report->values, row);

    memset(row, 0, sizeof(llm_row_t));

    return 0;
}


/* does the set pass the filter, and which of its tags would by themselves? */
static int
llm_report_tags(llm_report_scan_t *scan, llm_report_value_t *value)
{
    int                   rc;
    unsigned              i, n;
    uint64_t              numbers[LLM_ROW_TAGS_MAX];
    llm_str_t             bytes, tags[LLM_ROW_TAGS_MAX];
    llm_row_t            *row;
    const unsigned char  *p;

    rc = llm_names_get(scan->store, scan->txn, LLM_NAME_SET, value->value,
                       &bytes);

    n = (unsigned) (bytes.len / LLM_NAME_SIZE);

    if (rc != 0 || n > LLM_ROW_TAGS_MAX) {
        return (rc != 0 && rc != MDB_NOTFOUND) ? rc : MDB_CORRUPTED;
    }

    p = (const unsigned char *) bytes.data;

    for (i = 0; i < n; i++) {
        numbers[i] = llm_be_get(p + i * LLM_NAME_SIZE, LLM_NAME_SIZE);

        rc = llm_names_get(scan->store, scan->txn, LLM_NAME_STRING, numbers[i],
                           &tags[i]);

        if (rc != 0) {
            return (rc == MDB_NOTFOUND) ? MDB_CORRUPTED : rc;
        }
    }

    row = &scan->row;
    row->ntags = n;
    memcpy(row->tags, tags, n * sizeof(llm_str_t));

    value->match = llm_filter_match(scan->report->values, row);

    row->ntags = 1;
    value->n = 0;

    for (i = 0; i < n; i++) {
        row->tags[0] = tags[i];

        if (llm_filter_match(scan->report->values, row)) {
            value->shown[value->n++] = numbers[i];
        }
    }

    memset(row, 0, sizeof(llm_row_t));

    return 0;
}


/* what the groups' numbers mean: valid as long as the transaction */
static int
llm_report_names_of(llm_report_scan_t *scan)
{
    int                   rc;
    unsigned              i, j;
    llm_report_group_t   *group;
    llm_report_answer_t  *answer;

    answer = scan->answer;

    for (i = 0; i < answer->ngroups; i++) {
        group = &answer->groups[i];

        for (j = 0; j < scan->report->ncolumns; j++) {

            rc = llm_names_get(scan->store, scan->txn, LLM_NAME_STRING,
                               group->numbers[j], &group->names[j]);

            if (rc != 0) {
                return (rc == MDB_NOTFOUND) ? MDB_CORRUPTED : rc;
            }
        }
    }

    return 0;
}
