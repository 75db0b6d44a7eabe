/*
 * What the files of reports share: the question, its range in time, the groups
 * of the answer.
 */

#ifndef LLM_REPORT_PARTS_H
#define LLM_REPORT_PARTS_H

#include "report.h"
#include "../rollups/rollup_parts.h"


/* a column of group_by beyond the dimensions: end user, session or tag */
#define LLM_REPORT_FACET      LLM_DIMENSIONS
#define LLM_REPORT_COLUMNS    (LLM_DIMENSIONS + 1)

#define LLM_REPORT_LIMIT      10000

/* what one report may cost: groups in memory (those of stats have histograms)
 * and rollups that are looked at, some seconds' worth */
#define LLM_REPORT_GROUPS     20000
#define LLM_REPORT_WORK       20000000


typedef enum {
    LLM_INTERVAL_NONE = 0,
    LLM_INTERVAL_MINUTE,
    LLM_INTERVAL_HOUR,
    LLM_INTERVAL_DAY,
    LLM_INTERVAL_WEEK,
    LLM_INTERVAL_MONTH
} llm_interval_t;


typedef enum {
    LLM_REPORT_BY_DEFAULT = 0,      /* time with an interval, else cost */
    LLM_REPORT_BY_TIME,
    LLM_REPORT_BY_COST,
    LLM_REPORT_BY_REQUESTS,
    LLM_REPORT_BY_TOKENS,
    LLM_REPORT_BY_NAME
} llm_report_sort_t;


struct llm_report_s {
    bool                 stats;
    llm_filter_t        *plain;         /* of the dimensions */
    llm_filter_t        *values;        /* of the facet */
    llm_filter_t        *times;
    llm_facet_t          facet;         /* asked for in any way */
    bool                 filtered;      /* by the facet */
    unsigned             ncolumns;
    uint8_t              columns[LLM_REPORT_COLUMNS];
    llm_interval_t       interval;
    llm_report_sort_t    sort;
    int                  order;         /* 1, -1; 0: the sort's own */
    unsigned             limit;
    llm_format_t         format;
    int64_t              patience_ms;   /* 0: without end */
    bool                 truncated;     /* of the last run */
};


/* starts in minutes, `to` is not included */
typedef struct {
    llm_level_t          level;
    uint32_t             from;
    uint32_t             to;
} llm_report_span_t;

/* minutes, hours, days, hours, minutes */
#define LLM_REPORT_SPANS   5

typedef struct {
    int64_t              from_ms;
    int64_t              to_ms;
    unsigned             n;
    llm_report_span_t    spans[LLM_REPORT_SPANS];
} llm_report_plan_t;


/* one row of the answer; the names' numbers, in the order of the columns */
typedef struct {
    const llm_report_t  *report;        /* for the order */
    uint64_t             hash;
    int64_t              time_ms;       /* of its interval; 0 without */
    uint64_t             numbers[LLM_REPORT_COLUMNS];
    llm_str_t            names[LLM_REPORT_COLUMNS];
    llm_sums_t           sums;
} llm_report_group_t;


typedef struct {
    const llm_report_t  *report;
    llm_report_plan_t    plan;
    llm_report_group_t  *groups;
    unsigned             ngroups;
    unsigned             size;
    llm_rollup_table_t   table;
    llm_sums_t           total;
    bool                 truncated;
} llm_report_answer_t;


/* the spans of time; LMDB's error */
int llm_report_plan(const llm_report_t *report, llm_store_t *store,
    MDB_txn *txn, int64_t now_ms, llm_report_plan_t *plan);

/* the start of the interval that holds a time, ms */
int64_t llm_report_interval(llm_interval_t interval, int64_t ms);

/* reads the rollups and fills the groups, with names, and the total; LMDB's
 * error, E2BIG: more work than is allowed */
int llm_report_scan(llm_report_answer_t *answer, llm_store_t *store,
    MDB_txn *txn);

/* the group of a time and numbers; NULL: there are too many groups already
 * (answer->truncated), or no memory (it is not) */
llm_report_group_t *llm_report_group(llm_report_answer_t *answer,
    int64_t time_ms, const uint64_t numbers[LLM_REPORT_COLUMNS]);

/* leaves out what is empty, sorts, cuts */
void llm_report_sort(llm_report_answer_t *answer);

void llm_report_write(const llm_report_answer_t *answer, llm_buf_t *out);

/* name of a column */
llm_str_t llm_report_column_name(const llm_report_t *report, uint8_t column);

int64_t llm_report_tokens(const llm_sums_t *sums);

/* 2026-11-23T10:00:00Z */
void llm_report_time(llm_buf_t *out, int64_t ms);


#endif /* LLM_REPORT_PARTS_H */
