/*
 * The request log: rows by number, and the texts that belong to them.
 */

#include "log.h"
#include "../../wire/be.h"

#include <errno.h>
#include <stdlib.h>


#define LLM_LOG_KEY            8
#define LLM_LOG_CONTENT_KEY    LLM_LOG_PIECE

/* so much of a text is gathered before it is written */
#define LLM_LOG_PIECES_MAX     (4 * 1024 * 1024)


int
llm_log_next(llm_store_t *store, MDB_txn *txn, uint64_t *seq)
{
    int      rc;
    MDB_val  key, value;

    key = (MDB_val) { sizeof("next") - 1, "next" };

    rc = mdb_get(txn, store->meta, &key, &value);

    if (rc == MDB_NOTFOUND) {
        *seq = 1;
        return 0;
    }

    if (rc == 0 && value.mv_size != LLM_LOG_KEY) {
        rc = MDB_CORRUPTED;
    }

    if (rc == 0) {
        *seq = llm_be_get(value.mv_data, 8);
    }

    return rc;
}


int
llm_log_append(llm_store_t *store, MDB_txn *txn, llm_str_t encoded,
    uint64_t *seq)
{
    int            rc;
    MDB_val        key, value;
    unsigned char  number[LLM_LOG_KEY];

    rc = llm_log_next(store, txn, seq);

    if (rc != 0) {
        return rc;
    }

    llm_be_put(number, 8, *seq);

    key = (MDB_val) { sizeof(number), number };
    value = (MDB_val) { encoded.len, (void *) encoded.data };

    rc = mdb_put(txn, store->recent, &key, &value, MDB_APPEND);

    if (rc != 0) {
        return rc;
    }

    llm_be_put(number, 8, *seq + 1);

    key = (MDB_val) { sizeof("next") - 1, "next" };
    value = (MDB_val) { sizeof(number), number };

    return mdb_put(txn, store->meta, &key, &value, 0);
}


int
llm_log_content(llm_store_t *store, MDB_txn *txn,
    const unsigned char id[LLM_ROW_ID_SIZE], unsigned direction,
    llm_str_t text)
{
    int            rc;
    char          *space;
    size_t         before;
    MDB_val        key, old, value;
    unsigned char  name[LLM_LOG_CONTENT_KEY];

    memcpy(name, id, LLM_ROW_ID_SIZE);
    name[LLM_ROW_ID_SIZE] = (unsigned char) direction;

    key = (MDB_val) { sizeof(name), name };

    rc = mdb_get(txn, store->content, &key, &old);

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    before = (rc == 0) ? old.mv_size : 0;
    space = malloc(before + text.len + 1);

    if (space == NULL) {
        return ENOMEM;
    }

    if (before > 0) {
        memcpy(space, old.mv_data, before);
    }

    memcpy(space + before, text.data, text.len);

    value = (MDB_val) { before + text.len, space };

    rc = mdb_put(txn, store->content, &key, &value, 0);

    free(space);

    return rc;
}


void
llm_log_pieces_init(llm_log_pieces_t *pieces)
{
    llm_buf_init(&pieces->text, SIZE_MAX / 4);
}


void
llm_log_pieces_free(llm_log_pieces_t *pieces)
{
    llm_buf_free(&pieces->text);
}


int
llm_log_pieces_add(llm_log_pieces_t *pieces, llm_store_t *store, MDB_txn *txn,
    llm_str_t piece)
{
    int     rc;
    size_t  len;

    len = piece.len - LLM_LOG_PIECE;

    if (memcmp(pieces->name, piece.data, LLM_LOG_PIECE) != 0
        || pieces->text.len >= LLM_LOG_PIECES_MAX)
    {
        rc = llm_log_pieces_end(pieces, store, txn);

        if (rc != 0) {
            return rc;
        }

        memcpy(pieces->name, piece.data, LLM_LOG_PIECE);
    }

    llm_buf_append(&pieces->text, piece.data + LLM_LOG_PIECE, len);

    return pieces->text.failed ? ENOMEM : 0;
}


int
llm_log_pieces_end(llm_log_pieces_t *pieces, llm_store_t *store, MDB_txn *txn)
{
    int  rc;

    if (pieces->text.len == 0) {
        return 0;
    }

    rc = llm_log_content(store, txn, pieces->name,
                         pieces->name[LLM_ROW_ID_SIZE],
                         (llm_str_t) { pieces->text.data, pieces->text.len });

    pieces->text.len = 0;

    return rc;
}
