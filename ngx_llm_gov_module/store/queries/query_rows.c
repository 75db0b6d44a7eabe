/*
 * Rows by their id and by their number, and the texts that belong to them.
 */

#include "query_private.h"


/* one row that is looked for */
typedef struct {
    const unsigned char  *id;
    llm_query_row_pt      handler;
    void                 *ctx;
    bool                  found;
} llm_wanted_t;


/* rows that follow */
typedef struct {
    llm_query_row_pt      handler;
    void                 *ctx;
    unsigned              left;
    uint64_t              next;
} llm_follow_t;


static int llm_wanted_row(llm_walk_t *walk, const llm_row_t *row,
    uint64_t seq);
static int llm_wanted_block(llm_walk_t *walk, const llm_block_t *block,
    const uint64_t *bits);
static int llm_follow_row(llm_walk_t *walk, const llm_row_t *row,
    uint64_t seq);
static int llm_follow_block(llm_walk_t *walk, const llm_block_t *block,
    const uint64_t *bits);


int
llm_query_id(llm_store_t *store, const unsigned char id[LLM_ROW_ID_SIZE],
    llm_query_row_pt handler, void *ctx)
{
    int            rc;
    char           text[33], error[LLM_FILTER_ERROR];
    MDB_txn       *txn;
    llm_walk_t     walk;
    llm_filter_t  *filter;
    llm_wanted_t   wanted;

    filter = llm_filter_create();

    if (filter == NULL) {
        return LLM_ERROR;
    }

    llm_row_id_text(id, text);

    if (llm_filter_add(filter, llm_str("id"), (llm_str_t) { text, 32 }, 0,
                       error) != LLM_OK
        || llm_store_read(store, &txn) != 0)
    {
        llm_filter_free(filter);
        return LLM_ERROR;
    }

    memset(&wanted, 0, sizeof(llm_wanted_t));
    wanted.handler = handler;
    wanted.ctx = ctx;

    memset(&walk, 0, sizeof(llm_walk_t));
    walk.txn = txn;
    walk.store = store;
    walk.filter = filter;
    walk.high = UINT64_MAX;
    walk.row = llm_wanted_row;
    walk.block = llm_wanted_block;
    walk.ctx = &wanted;

    rc = llm_walk(&walk);

    llm_store_read_end(store, txn);
    llm_filter_free(filter);

    if (rc != 0) {
        return LLM_ERROR;
    }

    return wanted.found ? LLM_OK : LLM_AGAIN;
}


static int
llm_wanted_row(llm_walk_t *walk, const llm_row_t *row, uint64_t seq)
{
    llm_wanted_t  *wanted;

    wanted = walk->ctx;
    wanted->found = true;

    return (wanted->handler(row, seq, wanted->ctx) == LLM_ERROR) ? LLM_ERROR
                                                                 : LLM_AGAIN;
}


static int
llm_wanted_block(llm_walk_t *walk, const llm_block_t *block,
    const uint64_t *bits)
{
    uint32_t   i;
    llm_row_t  row;

    if (!llm_block_intact(block)) {
        return MDB_CORRUPTED;
    }

    for (i = 0; i < block->rows; i++) {
        if (bits[i / 64] >> (i % 64) & 1) {
            llm_block_row(block, i, &row);
            return llm_wanted_row(walk, &row, block->first + i);
        }
    }

    return 0;
}


int
llm_query_content(llm_store_t *store,
    const unsigned char id[LLM_ROW_ID_SIZE], unsigned direction,
    llm_buf_t *text)
{
    int            rc;
    MDB_txn       *txn;
    MDB_val        key, value;
    unsigned char  name[LLM_ROW_ID_SIZE + 1];

    if (llm_store_read(store, &txn) != 0) {
        return LLM_ERROR;
    }

    memcpy(name, id, LLM_ROW_ID_SIZE);
    name[LLM_ROW_ID_SIZE] = (unsigned char) direction;
    key = (MDB_val) { sizeof(name), name };

    rc = mdb_get(txn, store->content, &key, &value);

    if (rc == 0) {
        llm_buf_append(text, value.mv_data, value.mv_size);
    }

    llm_store_read_end(store, txn);

    if (rc == MDB_NOTFOUND) {
        return LLM_AGAIN;
    }

    return (rc == 0 && !text->failed) ? LLM_OK : LLM_ERROR;
}


int
llm_query_ends(llm_store_t *store, uint64_t *oldest, uint64_t *next)
{
    int       rc;
    MDB_txn  *txn;

    if (llm_store_read(store, &txn) != 0) {
        return LLM_ERROR;
    }

    rc = llm_walk_ends(store, txn, oldest, next);

    llm_store_read_end(store, txn);

    return (rc == 0) ? LLM_OK : LLM_ERROR;
}


int
llm_query_since(llm_store_t *store, uint64_t *seq, unsigned max,
    llm_query_row_pt handler, void *ctx, uint64_t *lost)
{
    int           rc;
    MDB_txn      *txn;
    uint64_t      oldest, next;
    llm_walk_t    walk;
    llm_follow_t  follow;

    *lost = 0;

    if (max == 0) {
        return LLM_OK;
    }

    if (llm_store_read(store, &txn) != 0) {
        return LLM_ERROR;
    }

    rc = llm_walk_ends(store, txn, &oldest, &next);

    if (rc == 0) {
        *seq = (*seq == 0) ? 1 : *seq;

        if (*seq < oldest) {
            *lost = oldest - *seq;
            *seq = oldest;
        }

        follow = (llm_follow_t) { handler, ctx, max, *seq };

        memset(&walk, 0, sizeof(llm_walk_t));
        walk.txn = txn;
        walk.store = store;
        walk.ascending = true;
        walk.low = *seq;
        walk.high = (next > *seq) ? next : *seq;
        walk.row = llm_follow_row;
        walk.block = llm_follow_block;
        walk.ctx = &follow;

        rc = llm_walk(&walk);
        *seq = follow.next;
    }

    llm_store_read_end(store, txn);

    return (rc == 0) ? LLM_OK : LLM_ERROR;
}


static int
llm_follow_row(llm_walk_t *walk, const llm_row_t *row, uint64_t seq)
{
    int            rc;
    llm_follow_t  *follow;

    follow = walk->ctx;
    rc = follow->handler(row, seq, follow->ctx);

    if (rc == LLM_ERROR) {
        return LLM_ERROR;
    }

    follow->next = seq + 1;

    return (rc != LLM_OK || --follow->left == 0) ? LLM_AGAIN : 0;
}


static int
llm_follow_block(llm_walk_t *walk, const llm_block_t *block,
    const uint64_t *bits)
{
    int        rc;
    uint32_t   i;
    llm_row_t  row;

    if (!llm_block_intact(block)) {
        return MDB_CORRUPTED;
    }

    for (i = 0; i < block->rows; i++) {
        if (!(bits[i / 64] >> (i % 64) & 1)) {
            continue;
        }

        llm_block_row(block, i, &row);
        rc = llm_follow_row(walk, &row, block->first + i);

        if (rc != 0) {
            return rc;
        }
    }

    return 0;
}
