/*
 * A page that is sorted by a number of the row: all rows are looked at, the
 * best are kept in a heap with the worst of them on top.
 */

#include "query_private.h"
#include "../rows/row_values.h"

#include <errno.h>
#include <stdlib.h>


/* so many times the work of the first page may one after it take */
#define LLM_SORT_PATIENCE  10


typedef struct {
    int64_t    value;
    uint64_t   seq;
} llm_sorted_t;


typedef struct {
    llm_sorted_t          *heap;
    unsigned               n;
    unsigned               limit;
    unsigned               source;
    bool                   ascending;
    bool                   more;    /* some did not fit in */
    const llm_cursor_t    *behind;  /* only what comes after it; or NULL */
} llm_sorter_t;


static void llm_sorter_offer(llm_sorter_t *sorter, int64_t value,
    uint64_t seq);
static void llm_sorter_sink(llm_sorter_t *sorter, unsigned i);
static bool llm_sorter_after(const llm_sorter_t *sorter, int64_t value,
    uint64_t seq, int64_t than_value, uint64_t than_seq);
static int64_t llm_sorter_value(const llm_sorter_t *sorter, int64_t number);
static bool llm_sorter_skip(llm_walk_t *walk, const llm_block_t *block);
static int llm_sorter_row(llm_walk_t *walk, const llm_row_t *row,
    uint64_t seq);
static int llm_sorter_block(llm_walk_t *walk, const llm_block_t *block,
    const uint64_t *bits);
static int llm_sorted_rows(llm_store_t *store, MDB_txn *txn,
    llm_sorter_t *sorter, llm_query_row_pt handler, void *ctx,
    llm_query_result_t *result, llm_sorted_t *last);


static const unsigned  llm_sorter_sources[] = {
    [LLM_SORT_COST] = LLM_COL_COST,
    [LLM_SORT_TOKENS] = LLM_SOURCE_TOKENS,
    [LLM_SORT_LATENCY] = LLM_COL_LATENCY,
    [LLM_SORT_FIRST_TOKEN] = LLM_COL_FIRST_TOKEN
};


int
llm_query_sorted(llm_store_t *store, MDB_txn *txn, const llm_query_t *query,
    const llm_cursor_t *cursor, llm_query_row_pt handler, void *ctx,
    llm_query_result_t *result)
{
    int           rc;
    uint64_t      oldest, next;
    llm_walk_t    walk;
    llm_cursor_t  position;
    llm_sorter_t  sorter;
    llm_sorted_t  last;

    memset(&sorter, 0, sizeof(llm_sorter_t));
    sorter.limit = query->limit ? query->limit : LLM_QUERY_LIMIT;
    sorter.source = llm_sorter_sources[query->sort];
    sorter.ascending = query->ascending;
    sorter.behind = (cursor != NULL && !cursor->fresh) ? cursor : NULL;

    rc = llm_walk_ends(store, txn, &oldest, &next);

    if (rc != 0) {
        return rc;
    }

    memset(&walk, 0, sizeof(llm_walk_t));
    walk.txn = txn;
    walk.store = store;
    walk.filter = query->filter;
    walk.high = cursor ? cursor->high : next;
    walk.low = cursor ? cursor->low : 0;
    walk.work = query->work;

    /* what was sorted as a whole is to be so for all its pages, if it should
     * take longer this time: of a part of it, rows would come twice */

    walk.patience = (walk.low > 0) ? LLM_SORT_PATIENCE : 1;
    walk.row = llm_sorter_row;
    walk.block = llm_sorter_block;
    walk.skip = llm_sorter_skip;
    walk.ctx = &sorter;

    sorter.heap = malloc(sorter.limit * sizeof(llm_sorted_t));

    if (sorter.heap == NULL) {
        return LLM_ERROR;
    }

    rc = llm_walk(&walk);

    if (rc == 0 && walk.low > 0 && walk.used_up) {
        rc = E2BIG;
    }

    if (rc == 0) {
        rc = llm_sorted_rows(store, txn, &sorter, handler, ctx, result,
                             &last);
    }

    free(sorter.heap);

    if (rc != 0) {
        return rc;
    }

    result->scanned = walk.scanned;
    result->complete = !walk.used_up && walk.low <= oldest;

    memset(&position, 0, sizeof(llm_cursor_t));

    /* the same rows again, or those below them */

    if (sorter.more) {
        position.value = last.value;
        position.seq = last.seq;
        position.high = walk.high;
        position.low = walk.used_up ? walk.reached
                                    : (walk.low > oldest ? walk.low : oldest);

    } else if (walk.used_up || walk.low > oldest) {
        position.fresh = true;
        position.high = walk.used_up ? walk.reached : walk.low;

    } else {
        return 0;
    }

    llm_cursor_text(&position, query->sort, query->ascending, result->next);

    return 0;
}


/* the heap's rows in order */
static int
llm_sorted_rows(llm_store_t *store, MDB_txn *txn, llm_sorter_t *sorter,
    llm_query_row_pt handler, void *ctx, llm_query_result_t *result,
    llm_sorted_t *last)
{
    int           rc;
    unsigned      i, n;
    llm_row_t     row;
    llm_sorted_t  worst;

    /* the worst goes to the end, again and again */

    n = sorter->n;

    while (sorter->n > 1) {
        worst = sorter->heap[0];
        sorter->heap[0] = sorter->heap[sorter->n - 1];
        sorter->heap[--sorter->n] = worst;
        llm_sorter_sink(sorter, 0);
    }

    for (i = 0; i < n; i++) {
        *last = sorter->heap[i];

        rc = llm_walk_row(store, txn, last->seq, &row);

        if (rc != 0) {
            return rc;
        }

        rc = handler(&row, last->seq, ctx);

        if (rc == LLM_ERROR) {
            return LLM_ERROR;
        }

        result->rows++;

        if (rc != LLM_OK) {
            sorter->more |= (i + 1 < n);
            break;
        }
    }

    return 0;
}


static void
llm_sorter_offer(llm_sorter_t *sorter, int64_t value, uint64_t seq)
{
    unsigned              i, above;
    llm_sorted_t         *heap, swap;
    const llm_cursor_t   *behind;

    behind = sorter->behind;

    if (behind != NULL
        && !llm_sorter_after(sorter, value, seq, behind->value, behind->seq))
    {
        return;
    }

    heap = sorter->heap;

    if (sorter->n == sorter->limit) {
        sorter->more = true;

        if (!llm_sorter_after(sorter, heap[0].value, heap[0].seq, value, seq))
        {
            return;
        }

        heap[0] = (llm_sorted_t) { value, seq };
        llm_sorter_sink(sorter, 0);
        return;
    }

    i = sorter->n++;
    heap[i] = (llm_sorted_t) { value, seq };

    while (i > 0) {
        above = (i - 1) / 2;

        if (!llm_sorter_after(sorter, heap[i].value, heap[i].seq,
                              heap[above].value, heap[above].seq))
        {
            break;
        }

        swap = heap[i];
        heap[i] = heap[above];
        heap[above] = swap;
        i = above;
    }
}


static void
llm_sorter_sink(llm_sorter_t *sorter, unsigned i)
{
    unsigned       child;
    llm_sorted_t  *heap, swap;

    heap = sorter->heap;

    for ( ;; ) {
        child = 2 * i + 1;

        if (child >= sorter->n) {
            break;
        }

        if (child + 1 < sorter->n
            && llm_sorter_after(sorter, heap[child + 1].value,
                                heap[child + 1].seq, heap[child].value,
                                heap[child].seq))
        {
            child++;
        }

        if (!llm_sorter_after(sorter, heap[child].value, heap[child].seq,
                              heap[i].value, heap[i].seq))
        {
            break;
        }

        swap = heap[i];
        heap[i] = heap[child];
        heap[child] = swap;
        i = child;
    }
}


/* of equal ones the newer comes first, with the smallest first the older */
static bool
llm_sorter_after(const llm_sorter_t *sorter, int64_t value, uint64_t seq,
    int64_t than_value, uint64_t than_seq)
{
    if (value != than_value) {
        return sorter->ascending ? value > than_value : value < than_value;
    }

    return sorter->ascending ? seq > than_seq : seq < than_seq;
}


/* what has no first token comes last in any order */
static int64_t
llm_sorter_value(const llm_sorter_t *sorter, int64_t number)
{
    if (sorter->source == LLM_COL_FIRST_TOKEN && number == -1) {
        return sorter->ascending ? INT64_MAX : INT64_MIN;
    }

    return number;
}


/* Once there is more than fits, a block whose rows are all worse than what is
 * there says nothing new.  A first token's bounds are those of its column, by
 * one too high and with 0 for none: that keeps a block too many. */
static bool
llm_sorter_skip(llm_walk_t *walk, const llm_block_t *block)
{
    int64_t        worst;
    llm_range_t    bounds;
    llm_sorter_t  *sorter;

    sorter = walk->ctx;

    if (!sorter->more) {
        return false;
    }

    worst = sorter->heap[0].value;

    if (sorter->source == LLM_COL_FIRST_TOKEN && sorter->ascending) {
        return false;
    }

    llm_scan_source_bounds(block, sorter->source, &bounds);

    return sorter->ascending ? bounds.min > worst : bounds.max < worst;
}


static int
llm_sorter_row(llm_walk_t *walk, const llm_row_t *row, uint64_t seq)
{
    int64_t        number;
    llm_sorter_t  *sorter;

    sorter = walk->ctx;
    number = llm_filter_number(row, sorter->source);

    llm_sorter_offer(sorter, llm_sorter_value(sorter, number), seq);

    return 0;
}


static int
llm_sorter_block(llm_walk_t *walk, const llm_block_t *block,
    const uint64_t *bits)
{
    int64_t        numbers[LLM_BLOCK_ROWS], number;
    uint32_t       i;
    uint64_t       left;
    unsigned       word;
    llm_sorter_t  *sorter;

    sorter = walk->ctx;

    llm_scan_numbers(block, sorter->source, bits, numbers);

    for (word = 0; word < LLM_BLOCK_WORDS; word++) {
        for (left = bits[word]; left != 0; left &= left - 1) {
            i = word * 64 + (uint32_t) __builtin_ctzll(left);
            number = numbers[i];

            if (sorter->source == LLM_COL_FIRST_TOKEN) {
                number = (number > 0) ? number - 1
                                      : (number == 0 ? -1 : number);
            }

            number = llm_sorter_value(sorter, number);

            /* most are worse than all that were kept */

            if (!sorter->more
                || (sorter->ascending ? number <= sorter->heap[0].value
                                      : number >= sorter->heap[0].value))
            {
                llm_sorter_offer(sorter, number, block->first + i);
            }
        }
    }

    return 0;
}
