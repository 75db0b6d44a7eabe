/*
 * /llm/spend and /llm/stats: rollups grouped.  Runs in a thread; pure C.
 */

#ifndef LLM_REPORT_H
#define LLM_REPORT_H

#include "query.h"
#include "../rollups/rollup.h"


typedef struct llm_report_s  llm_report_t;


/* stats: with error rates and quantiles, else spend */
llm_report_t *llm_report_create(bool stats);    /* NULL: no memory */
void llm_report_free(llm_report_t *report);

/*
 * customer, team, virtual_key, provider, region, model, dialect, end_user,
 * session, tag (values as in filter.h), from, to, period, group_by (comma
 * list), interval (minute, hour, day, week, month), sort (cost, requests,
 * tokens, time, name), order, limit, format.  As llm_filter_add().
 */
int llm_report_param(llm_report_t *report, llm_str_t name, llm_str_t value,
    int64_t now_ms, char error[LLM_FILTER_ERROR]);
llm_str_t llm_report_names(void);

/* so long may the next run take, ms; as long as it needs unless told */
void llm_report_patience(llm_report_t *report, int64_t ms);

/* appends the whole answer in the format asked for; LLM_ERROR: `error`;
 * LLM_AGAIN: the same, but it is the question that is too large */
int llm_report_run(llm_report_t *report, llm_store_t *store, int64_t now_ms,
    llm_buf_t *out, char error[LLM_FILTER_ERROR]);
llm_format_t llm_report_format(const llm_report_t *report);

/* were there more rows than the answer has?  After a run. */
bool llm_report_truncated(const llm_report_t *report);


#endif /* LLM_REPORT_H */
