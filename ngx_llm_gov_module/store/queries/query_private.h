/*
 * What the files of the query share.
 */

#ifndef LLM_QUERY_PRIVATE_H
#define LLM_QUERY_PRIVATE_H

#include "filter_private.h"
#include "query.h"


#define LLM_QUERY_WORK     UINT64_C(20000000)   /* rows of one call */
#define LLM_QUERY_TIME_MS  1000


/*
 * Where a page begins: behind the row `seq`, as the order has it.  Sorted by
 * something else than time, the rows are those from `low` up to `high`; low 0:
 * as far as the work leads.
 */
typedef struct {
    bool       fresh;               /* of rows in [low, high) none was shown */
    int64_t    value;
    uint64_t   seq;
    uint64_t   low;
    uint64_t   high;
} llm_cursor_t;

/* LLM_ERROR: not a cursor of ours, or of another sort or order */
int llm_cursor_parse(const char *text, llm_sort_t sort, bool ascending,
    llm_cursor_t *cursor);
void llm_cursor_text(const llm_cursor_t *cursor, llm_sort_t sort,
    bool ascending, char text[LLM_CURSOR_SIZE]);

/* is it one of any sort? */
bool llm_cursor_valid(llm_str_t text);


typedef struct llm_walk_s  llm_walk_t;

/* over the rows with numbers in [low, high) that match, up or down */
struct llm_walk_s {
    MDB_txn              *txn;
    llm_store_t          *store;
    const llm_filter_t   *filter;   /* NULL: all */
    bool                  ascending;
    uint64_t              low;
    uint64_t              high;
    uint64_t              work;     /* rows; 0: what is usual, and a time */
    unsigned              patience; /* so many times the work; 0: however much
                                       it is */

    /* LLM_AGAIN: it is enough; LLM_ERROR: stop */
    int                 (*row)(llm_walk_t *walk, const llm_row_t *row,
                               uint64_t seq);
    int                 (*block)(llm_walk_t *walk, const llm_block_t *block,
                                 const uint64_t *bits);

    /* need this block not be looked at?  May be NULL. */
    bool                (*skip)(llm_walk_t *walk, const llm_block_t *block);

    void                 *ctx;

    /* as it ended */
    uint64_t              scanned;
    uint64_t              reached;  /* rows from there up (ascending: down) were
                                       looked at */
    bool                  used_up;  /* the work; else there are no more rows,
                                       or it was enough */
    int64_t               deadline_ms;
};

/* LMDB's error; LLM_ERROR: a callback's */
int llm_walk(llm_walk_t *walk);


/* the first row's number that is there; that of the next */
int llm_walk_ends(llm_store_t *store, MDB_txn *txn, uint64_t *oldest,
    uint64_t *next);

/* one row, LMDB's error: MDB_NOTFOUND */
int llm_walk_row(llm_store_t *store, MDB_txn *txn, uint64_t seq,
    llm_row_t *row);


/* a page that is not sorted by time; LMDB's error, E2BIG: the cursor's rows
 * take too long to be sorted again */
int llm_query_sorted(llm_store_t *store, MDB_txn *txn,
    const llm_query_t *query, const llm_cursor_t *cursor,
    llm_query_row_pt handler, void *ctx, llm_query_result_t *result);


#endif /* LLM_QUERY_PRIVATE_H */
