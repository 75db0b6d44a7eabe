/*
 * The groups of a report: found by what they are grouped by, sorted, cut.
 */

#include "report_parts.h"

#include <stdlib.h>


static uint64_t llm_report_hash(int64_t time_ms, const uint64_t *numbers,
    unsigned n);
static int llm_report_room(llm_report_answer_t *answer);
static int llm_report_order(const void *a, const void *b);
static int llm_report_compare(const llm_report_t *report,
    const llm_report_group_t *a, const llm_report_group_t *b);
static int llm_report_names_compare(const llm_report_t *report,
    const llm_report_group_t *a, const llm_report_group_t *b);


llm_report_group_t *
llm_report_group(llm_report_answer_t *answer, int64_t time_ms,
    const uint64_t numbers[LLM_REPORT_COLUMNS])
{
    size_t               len;
    uint32_t             slot, mask;
    uint64_t             hash;
    llm_report_group_t  *group;

    if (answer->ngroups == answer->size && llm_report_room(answer) != LLM_OK) {
        return NULL;
    }

    len = answer->report->ncolumns * sizeof(uint64_t);
    hash = llm_report_hash(time_ms, numbers, answer->report->ncolumns);
    mask = answer->table.size - 1;

    for (slot = hash & mask;
         answer->table.slots[slot] != 0;
         slot = (slot + 1) & mask)
    {
        group = &answer->groups[answer->table.slots[slot] - 1];

        if (group->hash == hash && group->time_ms == time_ms
            && memcmp(group->numbers, numbers, len) == 0)
        {
            return group;
        }
    }

    if (answer->ngroups == LLM_REPORT_GROUPS) {
        answer->truncated = true;
        return NULL;
    }

    group = &answer->groups[answer->ngroups];
    memset(group, 0, sizeof(llm_report_group_t));
    group->report = answer->report;
    group->hash = hash;
    group->time_ms = time_ms;
    memcpy(group->numbers, numbers, len);

    answer->table.slots[slot] = ++answer->ngroups;

    return group;
}


static uint64_t
llm_report_hash(int64_t time_ms, const uint64_t *numbers, unsigned n)
{
    unsigned  i;
    uint64_t  hash;

    hash = (uint64_t) time_ms * 0x9e3779b97f4a7c15;

    for (i = 0; i < n; i++) {
        hash = (hash ^ hash >> 31 ^ numbers[i]) * 0xbf58476d1ce4e5b9;
    }

    return hash ^ hash >> 32;
}


/* room for one more than the most there may be, so that a look-up works */
static int
llm_report_room(llm_report_answer_t *answer)
{
    unsigned             i, size;
    uint32_t             slot, *slots;
    llm_report_group_t  *groups;

    size = (answer->size == 0) ? 64 : answer->size * 2;

    groups = realloc(answer->groups, size * sizeof(llm_report_group_t));

    if (groups == NULL) {
        return LLM_ERROR;
    }

    answer->groups = groups;

    slots = calloc(2 * size, sizeof(uint32_t));

    if (slots == NULL) {
        return LLM_ERROR;
    }

    for (i = 0; i < answer->ngroups; i++) {
        slot = groups[i].hash & (2 * size - 1);

        while (slots[slot] != 0) {
            slot = (slot + 1) & (2 * size - 1);
        }

        slots[slot] = i + 1;
    }

    free(answer->table.slots);
    answer->table.slots = slots;
    answer->table.size = 2 * size;
    answer->size = size;

    return LLM_OK;
}


void
llm_report_sort(llm_report_answer_t *answer)
{
    unsigned  i, n;

    n = 0;

    for (i = 0; i < answer->ngroups; i++) {

        if (llm_sums_empty(&answer->groups[i].sums)) {
            llm_sums_free(&answer->groups[i].sums);

        } else {
            answer->groups[n++] = answer->groups[i];
        }
    }

    answer->ngroups = n;

    if (n > 0) {
        qsort(answer->groups, n, sizeof(llm_report_group_t),
              llm_report_order);
    }

    while (answer->ngroups > answer->report->limit) {
        llm_sums_free(&answer->groups[--answer->ngroups].sums);
        answer->truncated = true;
    }
}


/* what is equal: by time, then by name, so that the order is always the same */
static int
llm_report_order(const void *a, const void *b)
{
    int                        order;
    const llm_report_group_t  *x = a, *y = b;

    order = llm_report_compare(x->report, x, y);

    if (order != 0) {
        return order;
    }

    if (x->time_ms != y->time_ms) {
        return (x->time_ms > y->time_ms) ? 1 : -1;
    }

    return llm_report_names_compare(x->report, x, y);
}


static int
llm_report_compare(const llm_report_t *report, const llm_report_group_t *a,
    const llm_report_group_t *b)
{
    int                order;
    int64_t            x, y;
    llm_report_sort_t  sort;

    sort = report->sort;
    order = report->order;

    if (sort == LLM_REPORT_BY_DEFAULT) {
        sort = (report->interval == LLM_INTERVAL_NONE) ? LLM_REPORT_BY_COST
                                                       : LLM_REPORT_BY_TIME;
    }

    if (order == 0) {
        order = (sort == LLM_REPORT_BY_TIME || sort == LLM_REPORT_BY_NAME)
                ? 1 : -1;
    }

    switch (sort) {

    case LLM_REPORT_BY_NAME:
        return order * llm_report_names_compare(report, a, b);

    case LLM_REPORT_BY_TIME:
        x = a->time_ms;
        y = b->time_ms;
        break;

    case LLM_REPORT_BY_REQUESTS:
        x = a->sums.sum[LLM_SUM_REQUESTS];
        y = b->sums.sum[LLM_SUM_REQUESTS];
        break;

    case LLM_REPORT_BY_TOKENS:
        x = llm_report_tokens(&a->sums);
        y = llm_report_tokens(&b->sums);
        break;

    default:
        x = a->sums.sum[LLM_SUM_COST];
        y = b->sums.sum[LLM_SUM_COST];
    }

    return order * ((x > y) - (x < y));
}


static int
llm_report_names_compare(const llm_report_t *report,
    const llm_report_group_t *a, const llm_report_group_t *b)
{
    int               order;
    size_t            len;
    unsigned          i;
    const llm_str_t  *x, *y;

    for (i = 0; i < report->ncolumns; i++) {
        x = &a->names[i];
        y = &b->names[i];
        len = (x->len < y->len) ? x->len : y->len;

        order = (len > 0) ? memcmp(x->data, y->data, len) : 0;

        if (order != 0) {
            return order;
        }

        if (x->len != y->len) {
            return (x->len > y->len) ? 1 : -1;
        }
    }

    return 0;
}


int64_t
llm_report_tokens(const llm_sums_t *sums)
{
    int64_t  tokens;

    tokens = sums->sum[LLM_SUM_INPUT];

    llm_sum_add(&tokens, sums->sum[LLM_SUM_OUTPUT]);
    llm_sum_add(&tokens, sums->sum[LLM_SUM_CACHE_READ]);
    llm_sum_add(&tokens, sums->sum[LLM_SUM_CACHE_WRITE]);

    return tokens;
}
