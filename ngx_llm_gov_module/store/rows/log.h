/*
 * The request log in the store: rows come in one by one (`recent`), and are
 * put away in blocks of columns when there are enough.
 */

#ifndef LLM_LOG_H
#define LLM_LOG_H

#include "row.h"
#include "../store.h"


#define LLM_BLOCK_ROWS    1024      /* of a full block */
#define LLM_RECENT_MAX    (LLM_BLOCK_ROWS + 256)


/* All within one write transaction; LMDB's errors, 0 if all is well. */

/* a row at the end of the log; *seq: its number */
int llm_log_append(llm_store_t *store, MDB_txn *txn, llm_str_t encoded,
    uint64_t *seq);

/* the oldest rows of `recent` into blocks while there are LLM_RECENT_MAX of
 * them; at most `max` blocks */
int llm_log_seal(llm_store_t *store, MDB_txn *txn, unsigned max);

/* direction: 1 request, 2 answer; appended to what is there */
int llm_log_content(llm_store_t *store, MDB_txn *txn,
    const unsigned char id[LLM_ROW_ID_SIZE], unsigned direction,
    llm_str_t text);

/*
 * The same for a text that comes in pieces, one after another: to append each
 * of them to what is there would copy it as often as there are pieces.  A piece
 * is the id, the direction and some text; the last of them are written by
 * _end().
 */
#define LLM_LOG_PIECE  (LLM_ROW_ID_SIZE + 1)    /* what is before the text */

typedef struct {
    unsigned char   name[LLM_LOG_PIECE];
    llm_buf_t       text;
} llm_log_pieces_t;

void llm_log_pieces_init(llm_log_pieces_t *pieces);
void llm_log_pieces_free(llm_log_pieces_t *pieces);
int llm_log_pieces_add(llm_log_pieces_t *pieces, llm_store_t *store,
    MDB_txn *txn, llm_str_t piece);
int llm_log_pieces_end(llm_log_pieces_t *pieces, llm_store_t *store,
    MDB_txn *txn);

/* the next row's number */
int llm_log_next(llm_store_t *store, MDB_txn *txn, uint64_t *seq);


/* a block's summary, as it lies in `summaries` */
typedef struct {
    uint64_t   first;               /* sequence number */
    uint32_t   rows;
    int64_t    ended_min, ended_max;        /* ms since the epoch */
    int64_t    received_min, received_max;
} llm_summary_t;

int llm_summary_parse(llm_summary_t *summary, MDB_val *key, MDB_val *value);


#endif /* LLM_LOG_H */
