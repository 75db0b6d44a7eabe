/*
 * Rows out of `recent`, a block at a time.  Those that come and go within one
 * transaction never reach the disk as single ones.
 */

#include "block.h"
#include "log.h"
#include "../../wire/be.h"
#include "../../wire/le.h"

#include <errno.h>
#include <stdlib.h>


#define LLM_LOG_KEY            8
#define LLM_LOG_BLOCK_MAX      (LLM_BLOCK_ROWS * (LLM_ROW_MAX + 256))
#define LLM_SUMMARY_SIZE       40


typedef struct {
    llm_summary_t   summary;
    llm_str_t       rows[LLM_BLOCK_ROWS];
    llm_buf_t       block;
} llm_log_block_t;


static int llm_log_seal_block(llm_store_t *store, MDB_txn *txn,
    llm_log_block_t *block, bool *sealed);
static int llm_log_oldest(llm_store_t *store, MDB_txn *txn,
    llm_log_block_t *block);
static bool llm_log_cover(llm_summary_t *summary, llm_str_t row);
static int llm_log_put_block(llm_store_t *store, MDB_txn *txn,
    llm_log_block_t *block);
static int llm_log_delete(llm_store_t *store, MDB_txn *txn,
    const llm_summary_t *summary);


int
llm_log_seal(llm_store_t *store, MDB_txn *txn, unsigned max)
{
    int               rc;
    bool              sealed;
    MDB_stat          stat;
    llm_log_block_t  *block;

    rc = mdb_stat(txn, store->recent, &stat);

    if (rc != 0 || stat.ms_entries < LLM_RECENT_MAX) {
        return rc;
    }

    block = malloc(sizeof(llm_log_block_t));

    if (block == NULL) {
        return ENOMEM;
    }

    llm_buf_init(&block->block, LLM_LOG_BLOCK_MAX);

    do {
        rc = llm_log_seal_block(store, txn, block, &sealed);

        if (rc == 0) {
            rc = mdb_stat(txn, store->recent, &stat);
        }

    } while (rc == 0 && sealed && --max > 0
             && stat.ms_entries >= LLM_RECENT_MAX);

    llm_buf_free(&block->block);
    free(block);

    return rc;
}


/* Should a row be unreadable, it and those after it stay as they are, where
 * queries find the others one by one: the ledger must go on. */
static int
llm_log_seal_block(llm_store_t *store, MDB_txn *txn, llm_log_block_t *block,
    bool *sealed)
{
    int  rc;

    *sealed = false;

    rc = llm_log_oldest(store, txn, block);

    if (rc != 0) {
        return rc;
    }

    block->block.len = 0;
    block->block.failed = false;

    if (block->summary.rows < LLM_BLOCK_ROWS
        || llm_block_build(&block->block, block->summary.first, block->rows,
                           LLM_BLOCK_ROWS)
           != LLM_OK)
    {
        return 0;
    }

    *sealed = true;

    rc = llm_log_put_block(store, txn, block);

    return (rc == 0) ? llm_log_delete(store, txn, &block->summary) : rc;
}


/* the oldest rows up to a full block, as far as they can be read: pointers into
 * the transaction's pages, until it writes something */
static int
llm_log_oldest(llm_store_t *store, MDB_txn *txn, llm_log_block_t *block)
{
    int             rc;
    MDB_val         key, value;
    llm_str_t      *row;
    MDB_cursor     *cursor;
    llm_summary_t  *summary;

    summary = &block->summary;
    memset(summary, 0, sizeof(llm_summary_t));

    rc = mdb_cursor_open(txn, store->recent, &cursor);

    if (rc != 0) {
        return rc;
    }

    while (summary->rows < LLM_BLOCK_ROWS) {

        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);

        if (rc != 0 || key.mv_size != LLM_LOG_KEY) {
            break;
        }

        if (summary->rows == 0) {
            summary->first = llm_be_get(key.mv_data, 8);
        }

        row = &block->rows[summary->rows];
        *row = (llm_str_t) { value.mv_data, value.mv_size };

        if (!llm_log_cover(summary, *row)) {
            break;
        }

        summary->rows++;
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


static bool
llm_log_cover(llm_summary_t *summary, llm_str_t row)
{
    int64_t  ended_ms, received_ms;

    if (llm_row_peek(row, &ended_ms, &received_ms) != LLM_OK) {
        return false;
    }

    if (summary->rows == 0) {
        summary->ended_min = ended_ms;
        summary->ended_max = ended_ms;
        summary->received_min = received_ms;
        summary->received_max = received_ms;
        return true;
    }

    if (ended_ms < summary->ended_min) {
        summary->ended_min = ended_ms;
    }

    if (ended_ms > summary->ended_max) {
        summary->ended_max = ended_ms;
    }

    if (received_ms < summary->received_min) {
        summary->received_min = received_ms;
    }

    if (received_ms > summary->received_max) {
        summary->received_max = received_ms;
    }

    return true;
}


static int
llm_log_put_block(llm_store_t *store, MDB_txn *txn, llm_log_block_t *block)
{
    int             rc;
    MDB_val         key, value;
    llm_summary_t  *summary;
    unsigned char   number[LLM_LOG_KEY], text[LLM_SUMMARY_SIZE];

    summary = &block->summary;

    llm_be_put(number, 8, summary->first);

    key = (MDB_val) { sizeof(number), number };
    value = (MDB_val) { block->block.len, block->block.data };

    rc = mdb_put(txn, store->blocks, &key, &value, MDB_APPEND);

    if (rc != 0) {
        return rc;
    }

    llm_le_put64(text, (uint64_t) summary->rows);
    llm_le_put64(text + 8, (uint64_t) summary->ended_min);
    llm_le_put64(text + 16, (uint64_t) summary->ended_max);
    llm_le_put64(text + 24, (uint64_t) summary->received_min);
    llm_le_put64(text + 32, (uint64_t) summary->received_max);

    value = (MDB_val) { sizeof(text), text };

    return mdb_put(txn, store->summaries, &key, &value, MDB_APPEND);
}


static int
llm_log_delete(llm_store_t *store, MDB_txn *txn, const llm_summary_t *summary)
{
    int          rc;
    uint32_t     i;
    MDB_val      key, value;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(txn, store->recent, &cursor);

    if (rc != 0) {
        return rc;
    }

    for (i = 0; rc == 0 && i < summary->rows; i++) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);

        if (rc == 0) {
            rc = mdb_cursor_del(cursor, 0);
        }
    }

    mdb_cursor_close(cursor);

    return rc;
}


int
llm_summary_parse(llm_summary_t *summary, MDB_val *key, MDB_val *value)
{
    int64_t               rows;
    const unsigned char  *p;

    if (key->mv_size != LLM_LOG_KEY || value->mv_size != LLM_SUMMARY_SIZE) {
        return LLM_ERROR;
    }

    p = value->mv_data;
    rows = (int64_t) llm_le_get64(p);

    if (rows < 1 || rows > LLM_BLOCK_ROWS) {
        return LLM_ERROR;
    }

    summary->first = llm_be_get(key->mv_data, 8);
    summary->rows = (uint32_t) rows;
    summary->ended_min = (int64_t) llm_le_get64(p + 8);
    summary->ended_max = (int64_t) llm_le_get64(p + 16);
    summary->received_min = (int64_t) llm_le_get64(p + 24);
    summary->received_max = (int64_t) llm_le_get64(p + 32);

    return LLM_OK;
}
