/*
 * Pages of the request log.  Runs in a thread with a read transaction of its
 * own; the work of one call is bounded, and a cursor leads on.
 */

#ifndef LLM_QUERY_H
#define LLM_QUERY_H

#include "filter.h"
#include "../store.h"
#include "../rows/row_text.h"


#define LLM_QUERY_LIMIT      50     /* rows of a page unless told */
#define LLM_QUERY_LIMIT_MAX  1000   /* JSON; exports go page by page */
#define LLM_CURSOR_SIZE      96


typedef enum {
    LLM_SORT_TIME = 0,              /* by sequence number */
    LLM_SORT_COST,
    LLM_SORT_TOKENS,
    LLM_SORT_LATENCY,
    LLM_SORT_FIRST_TOKEN
} llm_sort_t;


typedef struct {
    llm_filter_t   *filter;         /* NULL: all rows */
    llm_sort_t      sort;
    bool            ascending;
    unsigned        limit;
    char            cursor[LLM_CURSOR_SIZE];    /* empty: from the start */
    uint64_t        work;           /* rows that may be looked at; 0: as many
                                       as fit a second or so */
} llm_query_t;


/* Called for each row of the page in order; the row lives until it returns.
 * LLM_AGAIN: enough, the page ends behind this row; LLM_ERROR: no page. */
typedef int (*llm_query_row_pt)(const llm_row_t *row, uint64_t seq, void *ctx);


typedef struct {
    unsigned   rows;
    uint64_t   scanned;
    bool       complete;            /* false: the work was used up before the
                                       page was full, the cursor leads on */
    char       next[LLM_CURSOR_SIZE];   /* empty: there is no more */
} llm_query_result_t;


/*
 * LLM_ERROR: `error` says why.  Other sorts than time look at all rows before
 * the first one is known: when the work is used up, the page is of the newest
 * rows that could be looked at, and when all of those were shown, `next` goes
 * on with older ones, sorted on their own.
 */
int llm_query(llm_store_t *store, llm_query_t *query, llm_query_row_pt handler,
    void *ctx, llm_query_result_t *result, char error[LLM_FILTER_ERROR]);

/* parses sort, order, limit, cursor; as llm_filter_add() */
int llm_query_param(llm_query_t *query, llm_str_t name, llm_str_t value,
    char error[LLM_FILTER_ERROR]);

/* the row with an id; LLM_AGAIN: there is none (any more) */
int llm_query_id(llm_store_t *store, const unsigned char id[LLM_ROW_ID_SIZE],
    llm_query_row_pt handler, void *ctx);

/* logged content, appended to `text`; LLM_AGAIN: none */
int llm_query_content(llm_store_t *store,
    const unsigned char id[LLM_ROW_ID_SIZE], unsigned direction,
    llm_buf_t *text);

/* rows with a number of `*seq` and above, oldest first, at most `max`, or to
 * where the handler has enough; *seq: where to go on; *lost: rows that are
 * gone already (retention) */
int llm_query_since(llm_store_t *store, uint64_t *seq, unsigned max,
    llm_query_row_pt handler, void *ctx, uint64_t *lost);

/* the next number; *oldest: the first row that is still there */
int llm_query_ends(llm_store_t *store, uint64_t *oldest, uint64_t *next);


#endif /* LLM_QUERY_H */
