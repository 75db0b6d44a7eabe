/*
 * Does it all add up?  Rows, counters and rollups, against each other.
 */

#include "verify_parts.h"
#include "../../wire/be.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>


#define LLM_VERIFY_LINE  8192


typedef struct {
    llm_tally_t     *tally;
    llm_summary_t   *summary;       /* of the rows that were seen */
    uint64_t         next;          /* number that is to come */
} llm_verify_log_t;


static int llm_verify_read(llm_store_t *store, void *ctx);
static int llm_verify_all(llm_verify_t *verify);
static int llm_verify_log_blocks(llm_verify_t *verify, llm_verify_log_t *log);
static int llm_verify_block_room(llm_verify_t *verify);
static int llm_verify_log_row(llm_verify_t *verify, const llm_row_t *row,
    uint64_t seq, void *ctx);
static void llm_verify_gap(llm_verify_t *verify, uint64_t expected,
    uint64_t found);
static int llm_verify_block_rows(llm_verify_t *verify,
    const llm_summary_t *summary, llm_verify_row_pt handler, void *ctx);
static int llm_verify_recent_rows(llm_verify_t *verify,
    llm_verify_row_pt handler, void *ctx);


int
llm_store_verify(llm_store_t *store, int64_t now_ms,
    void (*report)(const char *line, void *ctx), void *ctx,
    uint64_t *checked, uint64_t *differences)
{
    int           rc;
    llm_verify_t  verify;

    memset(&verify, 0, sizeof(verify));

    verify.store = store;
    verify.report = report;
    verify.ctx = ctx;
    llm_buf_init(&verify.line, LLM_VERIFY_LINE);

    rc = llm_store_guard(store, llm_verify_read, &verify);

    *checked = verify.checked;
    *differences = verify.differences;

    llm_buf_free(&verify.line);
    free(verify.blocks);

    return (rc == 0) ? LLM_OK : llm_store_fail(store, "read", rc);
}


static int
llm_verify_read(llm_store_t *store, void *ctx)
{
    llm_verify_t *verify = ctx;

    int  rc;

    rc = llm_store_read(store, &verify->txn);

    if (rc == 0) {
        rc = llm_verify_all(verify);
        llm_store_read_end(store, verify->txn);
    }

    return rc;
}


static int
llm_verify_all(llm_verify_t *verify)
{
    int           rc;
    llm_tally_t  *tally;

    tally = llm_tally_create();

    if (tally == NULL) {
        return ENOMEM;
    }

    rc = llm_retired_latest(verify->store, verify->txn, &verify->retired_ms);

    if (rc == 0) {
        rc = llm_verify_counters_load(verify, tally);
    }

    if (rc == 0) {
        rc = llm_verify_log(verify, tally);
    }

    if (rc == 0) {
        rc = llm_verify_counters(verify, tally);
    }

    llm_tally_free(tally);

    if (rc == 0) {
        rc = llm_verify_rollups(verify);
    }

    return (rc == 0) ? llm_verify_days(verify) : rc;
}


int
llm_verify_log(llm_verify_t *verify, llm_tally_t *tally)
{
    int                rc;
    uint64_t           next;
    llm_verify_log_t   log;

    memset(&log, 0, sizeof(log));

    log.tally = tally;

    rc = llm_verify_log_blocks(verify, &log);

    if (rc == 0) {
        log.summary = &verify->recent;
        log.summary->rows = 0;
        rc = llm_verify_rows(verify, NULL, llm_verify_log_row, &log);
    }

    if (rc == 0) {
        rc = llm_log_next(verify->store, verify->txn, &next);
    }

    if (rc == 0 && log.next != 0 && log.next != next) {
        llm_verify_gap(verify, log.next, next);
    }

    return rc;
}


static int
llm_verify_log_blocks(llm_verify_t *verify, llm_verify_log_t *log)
{
    int             rc;
    MDB_val         key, value;
    MDB_cursor     *cursor;
    llm_summary_t  *summary;

    rc = mdb_cursor_open(verify->txn, verify->store->blocks, &cursor);

    if (rc != 0) {
        return rc;
    }

    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {

        if (key.mv_size != 8 || llm_verify_block_room(verify) != LLM_OK) {
            rc = (key.mv_size != 8) ? MDB_CORRUPTED : ENOMEM;
            break;
        }

        summary = &verify->blocks[verify->nblocks++];
        memset(summary, 0, sizeof(llm_summary_t));
        summary->first = llm_be_get(key.mv_data, 8);

        log->summary = summary;

        rc = llm_verify_rows(verify, summary, llm_verify_log_row, log);

        if (rc != 0) {
            break;
        }
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


static int
llm_verify_block_room(llm_verify_t *verify)
{
    size_t          size;
    llm_summary_t  *blocks;

    if (verify->nblocks < verify->blocks_size) {
        return LLM_OK;
    }

    size = (verify->blocks_size == 0) ? 64 : 2 * verify->blocks_size;
    blocks = realloc(verify->blocks, size * sizeof(llm_summary_t));

    if (blocks == NULL) {
        return LLM_ERROR;
    }

    verify->blocks = blocks;
    verify->blocks_size = size;

    return LLM_OK;
}


/* times of a summary: the first and the last at which anything was charged or
 * counted */
static int
llm_verify_log_row(llm_verify_t *verify, const llm_row_t *row, uint64_t seq,
    void *ctx)
{
    llm_verify_log_t *log = ctx;

    char            id[33];
    int64_t         cost;
    unsigned        i;
    llm_summary_t  *summary;

    if (log->next != 0 && seq != log->next) {
        llm_verify_gap(verify, log->next, seq);
    }

    log->next = seq + 1;

    summary = log->summary;

    if (summary->rows++ == 0) {
        summary->ended_min = INT64_MAX;
        summary->ended_max = INT64_MIN;
    }

    cost = 0;

    for (i = 0; i <= row->nattempts; i++) {
        int64_t  ms = (i < row->nattempts) ? row->attempts[i].ended_ms
                                           : row->ended_ms;

        summary->ended_min = (ms < summary->ended_min) ? ms
                                                       : summary->ended_min;
        summary->ended_max = (ms > summary->ended_max) ? ms
                                                       : summary->ended_max;

        if (i < row->nattempts) {
            llm_sum_add(&cost, row->attempts[i].cost);
        }
    }

    verify->checked++;

    if (row->admitted_ms != 0 && cost != row->cost.total) {
        llm_row_id_text(row->id, id);
        verify->line.len = 0;
        llm_buf_printf(&verify->line, "row %s: its cost is ", id);
        llm_buf_dollars(&verify->line, row->cost.total);
        llm_buf_str(&verify->line, llm_str(", its attempts cost "));
        llm_buf_dollars(&verify->line, cost);
        llm_verify_difference(verify);
    }

    return (llm_tally_row(log->tally, row) == LLM_OK) ? 0 : ENOMEM;
}


static void
llm_verify_gap(llm_verify_t *verify, uint64_t expected, uint64_t found)
{
    verify->line.len = 0;
    llm_buf_printf(&verify->line, "rows: after number %" PRIu64 " comes %"
                   PRIu64 ": rows between them are missing", expected - 1,
                   found);
    llm_verify_difference(verify);
}


int
llm_verify_rows(llm_verify_t *verify, const llm_summary_t *block,
    llm_verify_row_pt handler, void *ctx)
{
    return (block != NULL)
           ? llm_verify_block_rows(verify, block, handler, ctx)
           : llm_verify_recent_rows(verify, handler, ctx);
}


/* a block that cannot be read is a difference, and the rest is looked at */
static int
llm_verify_block_rows(llm_verify_t *verify, const llm_summary_t *summary,
    llm_verify_row_pt handler, void *ctx)
{
    int             rc;
    MDB_val         key, value;
    uint32_t        i;
    uint64_t        first;
    llm_row_t      *row;
    llm_block_t     block;
    unsigned char   name[8];

    first = summary->first;
    llm_be_put(name, 8, first);
    key = (MDB_val) { sizeof(name), name };

    rc = mdb_get(verify->txn, verify->store->blocks, &key, &value);

    if (rc != 0) {
        return rc;
    }

    if (llm_block_open(&block, value.mv_data, value.mv_size) != LLM_OK
        || !llm_block_intact(&block))
    {
        verify->line.len = 0;
        llm_buf_printf(&verify->line, "rows from number %" PRIu64
                       " on: their block is damaged", first);
        llm_verify_difference(verify);
        return 0;
    }

    row = malloc(sizeof(llm_row_t));

    if (row == NULL) {
        return ENOMEM;
    }

    for (i = 0; i < block.rows && rc == 0; i++) {
        llm_block_row(&block, i, row);
        rc = handler(verify, row, first + i, ctx);
    }

    free(row);

    return rc;
}


static int
llm_verify_recent_rows(llm_verify_t *verify, llm_verify_row_pt handler,
    void *ctx)
{
    int          rc;
    MDB_val      key, value;
    uint64_t     seq;
    llm_row_t   *row;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(verify->txn, verify->store->recent, &cursor);

    if (rc != 0) {
        return rc;
    }

    row = malloc(sizeof(llm_row_t));

    if (row == NULL) {
        mdb_cursor_close(cursor);
        return ENOMEM;
    }

    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {

        if (key.mv_size != 8) {
            rc = MDB_CORRUPTED;
            break;
        }

        seq = llm_be_get(key.mv_data, 8);

        if (llm_row_decode(row, (llm_str_t) { value.mv_data, value.mv_size })
            != LLM_OK)
        {
            verify->line.len = 0;
            llm_buf_printf(&verify->line, "row number %" PRIu64
                           ": it is damaged", seq);
            llm_verify_difference(verify);
            continue;
        }

        rc = handler(verify, row, seq, ctx);

        if (rc != 0) {
            break;
        }
    }

    free(row);
    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


void
llm_verify_difference(llm_verify_t *verify)
{
    verify->differences++;

    if (!verify->line.failed && llm_buf_reserve(&verify->line, 1)) {
        verify->line.data[verify->line.len] = '\0';
        verify->report(verify->line.data, verify->ctx);
    }

    verify->line.failed = false;
}
