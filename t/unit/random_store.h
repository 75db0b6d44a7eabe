/*
 * A store with rows at random, as the fold would have written it.
 */

#ifndef LLM_RANDOM_STORE_H
#define LLM_RANDOM_STORE_H

#include "random_rows.h"
#include "store/fold/fold_parts.h"
#include "store/rows/log.h"
#include "store/rollups/rollup.h"


typedef struct {
    const llm_row_t  *rows;
    unsigned          n;
    int64_t           now_ms;
} random_batch_t;


static inline unsigned
random_windows(llm_account_kind_t kind, llm_str_t name, llm_window_t *windows,
    unsigned max, void *ctx)
{
    windows[0] = (llm_window_t) { LLM_WINDOW_FOREVER, 1 };
    windows[1] = (llm_window_t) { LLM_WINDOW_MONTH, 1 };
    windows[2] = (llm_window_t) { LLM_WINDOW_DAY, 1 };
    windows[3] = (llm_window_t) { LLM_WINDOW_HOURS, 5 };

    return 4;
}


static inline int
random_batch(llm_store_t *store, MDB_txn *txn, void *ctx)
{
    random_batch_t *batch = ctx;

    int              rc;
    uint64_t         seq;
    unsigned         i;
    llm_rollup_t    *rollup;
    llm_charges_t   *charges;
    unsigned char    bytes[LLM_ROW_MAX];
    llm_fold_conf_t  conf = { .now_ms = batch->now_ms,
                              .windows = random_windows };

    rc = 0;
    rollup = llm_rollup_create();
    charges = llm_charges_create(&conf);

    for (i = 0; i < batch->n && rc == 0; i++) {
        size_t  len = llm_row_encode(&batch->rows[i], bytes, sizeof(bytes));

        rc = llm_log_append(store, txn, (llm_str_t) { (char *) bytes, len },
                            &seq);

        if (rc == 0 && batch->rows[i].content) {
            rc = llm_log_content(store, txn, batch->rows[i].id, 1 + i % 2,
                                 llm_str("the words that were said"));
        }

        if (rc == 0) {
            llm_rollup_add(rollup, &batch->rows[i]);
            rc = llm_charges_row(charges, store, txn, 1 + i % 2,
                                 &batch->rows[i]);
        }
    }

    if (rc == 0) {
        rc = llm_charges_write(charges, store, txn);
    }

    if (rc == 0) {
        rc = llm_rollup_write(rollup, store, txn);
    }

    if (rc == 0) {
        rc = llm_log_seal(store, txn, 100);
    }

    llm_rollup_free(rollup);
    llm_charges_free(charges);

    return rc;
}


/* `n` rows over `hours` hours, to begin with RANDOM_START; every third keeps
 * content where that is asked for */
static inline int
random_store(llm_store_t *store, llm_row_t *rows, unsigned n, unsigned hours,
    bool content)
{
    unsigned        i, from;
    random_batch_t  batch;

    for (i = 0; i < n; i++) {
        random_row(&rows[i], RANDOM_START + (int64_t) i * hours * 3600000 / n);
        rows[i].content = content && i % 3 == 0;
    }

    for (from = 0; from < n; from += batch.n) {
        batch.rows = rows + from;
        batch.n = 1 + random_below(400);
        batch.n = (batch.n > n - from) ? n - from : batch.n;
        batch.now_ms = rows[from + batch.n - 1].ended_ms;

        if (llm_store_write(store, random_batch, &batch) != LLM_OK) {
            return LLM_ERROR;
        }
    }

    return LLM_OK;
}


#endif /* LLM_RANDOM_STORE_H */
