/*
 * Over the log's rows, up or down: one by one those that are recent, by the
 * block those that were put away.
 */

#include "query_private.h"
#include "../../wire/be.h"

#include <errno.h>
#include <time.h>


#define LLM_WALK_KEY  8


static int llm_walk_recent(llm_walk_t *walk);
static int llm_walk_recent_row(llm_walk_t *walk, const MDB_val *value,
    uint64_t seq);
static int llm_walk_blocks(llm_walk_t *walk);
static int llm_walk_block(llm_walk_t *walk, const llm_summary_t *summary);
static int llm_walk_cut(const llm_walk_t *walk, const llm_block_t *block,
    uint64_t *bits);
static bool llm_walk_tired(llm_walk_t *walk);
static int llm_walk_start(const llm_walk_t *walk, MDB_cursor *cursor,
    MDB_val *key, MDB_val *value, bool blocks);
static int64_t llm_walk_clock(void);


int
llm_walk(llm_walk_t *walk)
{
    int  rc;

    walk->scanned = 0;
    walk->used_up = false;
    walk->reached = walk->ascending ? walk->low : walk->high;
    walk->deadline_ms = llm_walk_clock()
                        + (int64_t) walk->patience * LLM_QUERY_TIME_MS;

    rc = walk->ascending ? llm_walk_blocks(walk) : llm_walk_recent(walk);

    if (rc == 0 && !walk->used_up) {
        rc = walk->ascending ? llm_walk_recent(walk) : llm_walk_blocks(walk);
    }

    if (rc == LLM_AGAIN) {
        return 0;
    }

    if (rc == 0 && !walk->used_up) {
        walk->reached = walk->ascending ? walk->high : walk->low;
    }

    return rc;
}


static int
llm_walk_recent(llm_walk_t *walk)
{
    int          rc;
    MDB_val      key, value;
    uint64_t     seq;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(walk->txn, walk->store->recent, &cursor);

    if (rc != 0) {
        return rc;
    }

    rc = llm_walk_start(walk, cursor, &key, &value, false);

    while (rc == 0) {
        if (key.mv_size != LLM_WALK_KEY) {
            rc = MDB_CORRUPTED;
            break;
        }

        seq = llm_be_get(key.mv_data, 8);

        if (seq < walk->low || seq >= walk->high) {
            break;
        }

        if (llm_walk_tired(walk)) {
            break;
        }

        rc = llm_walk_recent_row(walk, &value, seq);

        if (rc == 0) {
            walk->reached = walk->ascending ? seq + 1 : seq;
            rc = mdb_cursor_get(cursor, &key, &value,
                                walk->ascending ? MDB_NEXT : MDB_PREV);
        }
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


static int
llm_walk_recent_row(llm_walk_t *walk, const MDB_val *value, uint64_t seq)
{
    int64_t    ended, received;
    llm_row_t  row;
    llm_str_t  data;

    walk->scanned++;
    data = (llm_str_t) { value->mv_data, value->mv_size };

    /* a row that cannot be read is passed over, as there is nothing to show */

    if (llm_row_peek(data, &ended, &received) != LLM_OK) {
        return 0;
    }

    if (walk->filter != NULL
        && (ended < walk->filter->ended.min
            || ended > walk->filter->ended.max))
    {
        return 0;
    }

    if (llm_row_decode(&row, data) != LLM_OK
        || (walk->filter != NULL && !llm_filter_match(walk->filter, &row)))
    {
        return 0;
    }

    return walk->row(walk, &row, seq);
}


static int
llm_walk_blocks(llm_walk_t *walk)
{
    int             rc;
    MDB_val         key, value;
    MDB_cursor     *cursor;
    llm_summary_t   summary;

    rc = mdb_cursor_open(walk->txn, walk->store->summaries, &cursor);

    if (rc != 0) {
        return rc;
    }

    rc = llm_walk_start(walk, cursor, &key, &value, true);

    while (rc == 0) {
        if (llm_summary_parse(&summary, &key, &value) != LLM_OK) {
            rc = MDB_CORRUPTED;
            break;
        }

        if (walk->ascending ? summary.first >= walk->high
                            : summary.first + summary.rows <= walk->low)
        {
            break;
        }

        if (summary.first + summary.rows > walk->low
            && (walk->filter == NULL
                || llm_filter_summary(walk->filter, &summary)))
        {
            if (llm_walk_tired(walk)) {
                break;
            }

            rc = llm_walk_block(walk, &summary);
        }

        if (rc == 0) {
            walk->reached = walk->ascending ? summary.first + summary.rows
                                            : summary.first;
            rc = mdb_cursor_get(cursor, &key, &value,
                                walk->ascending ? MDB_NEXT : MDB_PREV);
        }
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


static int
llm_walk_block(llm_walk_t *walk, const llm_summary_t *summary)
{
    int            rc;
    MDB_val        key, value;
    uint64_t       bits[LLM_BLOCK_WORDS];
    unsigned       word, n;
    llm_block_t    block;
    unsigned char  number[LLM_WALK_KEY];

    llm_be_put(number, 8, summary->first);
    key = (MDB_val) { sizeof(number), number };

    rc = mdb_get(walk->txn, walk->store->blocks, &key, &value);

    if (rc != 0) {
        return (rc == MDB_NOTFOUND) ? MDB_CORRUPTED : rc;
    }

    if (llm_block_open(&block, value.mv_data, value.mv_size) != LLM_OK
        || block.first != summary->first)
    {
        return MDB_CORRUPTED;
    }

    walk->scanned += block.rows;

    if (walk->skip != NULL && walk->skip(walk, &block)) {
        return 0;
    }

    if (walk->filter != NULL) {
        if (llm_filter_block(walk->filter, &block, bits) == 0) {
            return 0;
        }

    } else {
        for (word = 0; word < LLM_BLOCK_WORDS; word++) {
            n = (block.rows > word * 64) ? block.rows - word * 64 : 0;
            bits[word] = (n < 64) ? ((uint64_t) 1 << n) - 1 : UINT64_MAX;
        }
    }

    return llm_walk_cut(walk, &block, bits) ? walk->block(walk, &block, bits)
                                            : 0;
}


/* rows of the first and the last block may be beyond the range; how many words
 * are left */
static int
llm_walk_cut(const llm_walk_t *walk, const llm_block_t *block, uint64_t *bits)
{
    int       left;
    uint32_t  i;

    if (block->first < walk->low || block->first + block->rows > walk->high) {
        for (i = 0; i < block->rows; i++) {
            if (block->first + i < walk->low || block->first + i >= walk->high)
            {
                bits[i / 64] &= ~((uint64_t) 1 << (i % 64));
            }
        }
    }

    left = 0;

    for (i = 0; i < LLM_BLOCK_WORDS; i++) {
        left += (bits[i] != 0);
    }

    return left;
}


/* is the work used up?  Something is looked at in each call. */
static bool
llm_walk_tired(llm_walk_t *walk)
{
    if (walk->patience == 0 || walk->scanned == 0) {
        return false;
    }

    if (walk->work > 0) {
        walk->used_up = (walk->scanned >= walk->work * walk->patience);

    } else {
        walk->used_up = (walk->scanned >= LLM_QUERY_WORK * walk->patience
                         || llm_walk_clock() >= walk->deadline_ms);
    }

    return walk->used_up;
}


/* to the first key of the range; a block's key is the number of its first
 * row */
static int
llm_walk_start(const llm_walk_t *walk, MDB_cursor *cursor, MDB_val *key,
    MDB_val *value, bool blocks)
{
    int            rc;
    uint64_t       seq;
    unsigned char  number[LLM_WALK_KEY];

    if (walk->high <= walk->low) {
        return MDB_NOTFOUND;
    }

    seq = walk->ascending ? walk->low : walk->high - 1;

    llm_be_put(number, 8, seq);
    *key = (MDB_val) { sizeof(number), number };

    rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    if (rc == 0 && key->mv_size == LLM_WALK_KEY
        && llm_be_get(key->mv_data, 8) == seq)
    {
        return 0;
    }

    if (walk->ascending && !blocks) {
        return rc;
    }

    /* the key before: down it is the first one, up it may hold the row */

    rc = mdb_cursor_get(cursor, key, value, (rc == 0) ? MDB_PREV : MDB_LAST);

    if (rc == MDB_NOTFOUND && walk->ascending) {
        rc = mdb_cursor_get(cursor, key, value, MDB_FIRST);
    }

    return rc;
}


static int64_t
llm_walk_clock(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


int
llm_walk_ends(llm_store_t *store, MDB_txn *txn, uint64_t *oldest,
    uint64_t *next)
{
    int          i, rc;
    MDB_val      key, value;
    MDB_dbi      databases[] = { store->blocks, store->recent };
    MDB_cursor  *cursor;

    rc = llm_log_next(store, txn, next);

    *oldest = *next;

    for (i = 0; i < 2 && rc == 0; i++) {
        rc = mdb_cursor_open(txn, databases[i], &cursor);

        if (rc != 0) {
            break;
        }

        rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
        mdb_cursor_close(cursor);

        if (rc == 0) {
            *oldest = (key.mv_size == LLM_WALK_KEY)
                      ? llm_be_get(key.mv_data, 8) : *next;
            break;
        }

        rc = (rc == MDB_NOTFOUND) ? 0 : rc;
    }

    return rc;
}


int
llm_walk_row(llm_store_t *store, MDB_txn *txn, uint64_t seq, llm_row_t *row)
{
    int            rc;
    MDB_val        key, value;
    llm_walk_t     walk;
    MDB_cursor    *cursor;
    llm_block_t    block;
    unsigned char  number[LLM_WALK_KEY];

    llm_be_put(number, 8, seq);
    key = (MDB_val) { sizeof(number), number };

    rc = mdb_get(txn, store->recent, &key, &value);

    if (rc == 0) {
        return (llm_row_decode(row, (llm_str_t) { value.mv_data,
                                                  value.mv_size })
                == LLM_OK) ? 0 : MDB_NOTFOUND;
    }

    if (rc != MDB_NOTFOUND) {
        return rc;
    }

    rc = mdb_cursor_open(txn, store->blocks, &cursor);

    if (rc != 0) {
        return rc;
    }

    memset(&walk, 0, sizeof(llm_walk_t));
    walk.high = seq + 1;

    rc = llm_walk_start(&walk, cursor, &key, &value, true);
    mdb_cursor_close(cursor);

    if (rc != 0) {
        return rc;
    }

    if (llm_block_open(&block, value.mv_data, value.mv_size) != LLM_OK
        || !llm_block_intact(&block))
    {
        return MDB_CORRUPTED;
    }

    if (seq < block.first || seq - block.first >= block.rows) {
        return MDB_NOTFOUND;
    }

    llm_block_row(&block, (uint32_t) (seq - block.first), row);

    return 0;
}
