/*
 * A page of the log in the order of time, and what asks for pages.
 */

#include "query_private.h"

#include <errno.h>
#include <stdio.h>


/* a page under way */
typedef struct {
    llm_query_row_pt   handler;
    void              *ctx;
    unsigned           limit;
    unsigned           rows;
    uint64_t           last;        /* the last row's number */
    bool               more;
} llm_page_t;


static int llm_query_page(llm_store_t *store, MDB_txn *txn,
    const llm_query_t *query, const llm_cursor_t *cursor,
    llm_query_row_pt handler, void *ctx, llm_query_result_t *result);
static int llm_page_row(llm_walk_t *walk, const llm_row_t *row, uint64_t seq);
static int llm_page_block(llm_walk_t *walk, const llm_block_t *block,
    const uint64_t *bits);
static int llm_query_limit(llm_query_t *query, llm_str_t value);
static int llm_query_name(llm_str_t value, const llm_str_t *names,
    unsigned n);


static const llm_str_t  llm_query_sorts[] = {
    [LLM_SORT_TIME] = llm_str("time"),
    [LLM_SORT_COST] = llm_str("cost"),
    [LLM_SORT_TOKENS] = llm_str("tokens"),
    [LLM_SORT_LATENCY] = llm_str("latency"),
    [LLM_SORT_FIRST_TOKEN] = llm_str("first_token")
};

static const llm_str_t  llm_query_orders[] = {
    llm_str("desc"), llm_str("asc")
};


int
llm_query_param(llm_query_t *query, llm_str_t name, llm_str_t value,
    char error[LLM_FILTER_ERROR])
{
    int  i;

    if (llm_str_eq(name, llm_str("sort"))) {
        i = llm_query_name(value, llm_query_sorts, LLM_SORT_FIRST_TOKEN + 1);

        if (i < 0) {
            return llm_filter_wrong(error, name, "one of time, cost, tokens, "
                                    "latency, first_token", value);
        }

        query->sort = (llm_sort_t) i;
        return LLM_OK;
    }

    if (llm_str_eq(name, llm_str("order"))) {
        i = llm_query_name(value, llm_query_orders, 2);

        if (i < 0) {
            return llm_filter_wrong(error, name, "\"desc\" or \"asc\"",
                                    value);
        }

        query->ascending = i;
        return LLM_OK;
    }

    if (llm_str_eq(name, llm_str("limit"))) {
        if (llm_query_limit(query, value) != LLM_OK) {
            return llm_filter_wrong(error, name, "a number from 1 to 1000",
                                    value);
        }

        return LLM_OK;
    }

    if (llm_str_eq(name, llm_str("cursor"))) {
        if (!llm_cursor_valid(value)) {
            return llm_filter_wrong(error, name,
                                    "the \"next\" of the page before", value);
        }

        memcpy(query->cursor, value.data, value.len);
        query->cursor[value.len] = '\0';
        return LLM_OK;
    }

    return LLM_AGAIN;
}


static int
llm_query_name(llm_str_t value, const llm_str_t *names, unsigned n)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (llm_str_eq(value, names[i])) {
            return (int) i;
        }
    }

    return -1;
}


static int
llm_query_limit(llm_query_t *query, llm_str_t value)
{
    size_t    i;
    unsigned  limit;

    if (value.len == 0 || value.len > 4) {
        return LLM_ERROR;
    }

    limit = 0;

    for (i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') {
            return LLM_ERROR;
        }

        limit = limit * 10 + (unsigned) (value.data[i] - '0');
    }

    if (limit == 0 || limit > LLM_QUERY_LIMIT_MAX) {
        return LLM_ERROR;
    }

    query->limit = limit;

    return LLM_OK;
}


int
llm_query(llm_store_t *store, llm_query_t *query, llm_query_row_pt handler,
    void *ctx, llm_query_result_t *result, char error[LLM_FILTER_ERROR])
{
    int           rc;
    MDB_txn      *txn;
    llm_cursor_t  cursor;

    memset(result, 0, sizeof(llm_query_result_t));

    if (query->cursor[0] != '\0'
        && llm_cursor_parse(query->cursor, query->sort, query->ascending,
                            &cursor)
           != LLM_OK)
    {
        snprintf(error, LLM_FILTER_ERROR, "\"cursor\" is the \"next\" of the "
                 "page before, with the same \"sort\" and \"order\"");
        return LLM_ERROR;
    }

    rc = llm_store_read(store, &txn);

    if (rc != 0) {
        snprintf(error, LLM_FILTER_ERROR, "could not read the log: %s",
                 llm_store_reason(rc));
        return LLM_ERROR;
    }

    rc = (query->sort == LLM_SORT_TIME ? llm_query_page : llm_query_sorted)
             (store, txn, query, query->cursor[0] ? &cursor : NULL, handler,
              ctx, result);

    llm_store_read_end(store, txn);

    if (rc == E2BIG) {
        snprintf(error, LLM_FILTER_ERROR, "\"cursor\" leads to rows that take "
                 "too long to sort now: ask again, or for a shorter time");
        return LLM_ERROR;
    }

    if (rc != 0) {
        snprintf(error, LLM_FILTER_ERROR, "could not read the log: %s",
                 llm_store_reason(rc));
        return LLM_ERROR;
    }

    return LLM_OK;
}


static int
llm_query_page(llm_store_t *store, MDB_txn *txn, const llm_query_t *query,
    const llm_cursor_t *cursor, llm_query_row_pt handler, void *ctx,
    llm_query_result_t *result)
{
    int           rc;
    llm_page_t    page;
    llm_walk_t    walk;
    llm_cursor_t  next;

    memset(&page, 0, sizeof(llm_page_t));
    page.handler = handler;
    page.ctx = ctx;
    page.limit = query->limit ? query->limit : LLM_QUERY_LIMIT;

    memset(&walk, 0, sizeof(llm_walk_t));
    walk.txn = txn;
    walk.store = store;
    walk.filter = query->filter;
    walk.ascending = query->ascending;
    walk.high = UINT64_MAX;
    walk.work = query->work;
    walk.patience = 1;
    walk.row = llm_page_row;
    walk.block = llm_page_block;
    walk.ctx = &page;

    if (cursor != NULL && walk.ascending) {
        walk.low = cursor->seq;

    } else if (cursor != NULL) {
        walk.high = cursor->seq;
    }

    rc = llm_walk(&walk);

    if (rc != 0) {
        return rc;
    }

    result->rows = page.rows;
    result->scanned = walk.scanned;
    result->complete = !walk.used_up || page.rows == page.limit;

    memset(&next, 0, sizeof(llm_cursor_t));

    if (walk.used_up) {
        next.seq = walk.reached;

    } else {
        next.seq = walk.ascending ? page.last + 1 : page.last;
    }

    if (walk.used_up || page.more) {
        llm_cursor_text(&next, LLM_SORT_TIME, query->ascending, result->next);
    }

    return 0;
}


static int
llm_page_row(llm_walk_t *walk, const llm_row_t *row, uint64_t seq)
{
    int          rc;
    llm_page_t  *page;

    page = walk->ctx;

    /* one more than wanted is looked for: the last page says that it is */

    if (page->rows == page->limit) {
        page->more = true;
        return LLM_AGAIN;
    }

    rc = page->handler(row, seq, page->ctx);

    if (rc == LLM_ERROR) {
        return LLM_ERROR;
    }

    page->rows++;
    page->last = seq;

    if (rc != LLM_OK) {
        page->limit = page->rows;
    }

    return 0;
}


static int
llm_page_block(llm_walk_t *walk, const llm_block_t *block,
    const uint64_t *bits)
{
    int        rc;
    uint32_t   i, index;
    llm_row_t  row;

    if (!llm_block_intact(block)) {
        return MDB_CORRUPTED;
    }

    for (i = 0; i < block->rows; i++) {
        index = walk->ascending ? i : block->rows - 1 - i;

        if (bits[index / 64] >> (index % 64) & 1) {
            llm_block_row(block, index, &row);
            rc = llm_page_row(walk, &row, block->first + index);

            if (rc != 0) {
                return rc;
            }
        }
    }

    return 0;
}
