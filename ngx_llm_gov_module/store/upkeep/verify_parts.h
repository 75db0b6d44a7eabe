/*
 * What the files of verify share.
 */

#ifndef LLM_VERIFY_PARTS_H
#define LLM_VERIFY_PARTS_H

#include "retention.h"
#include "../rows/block.h"
#include "../rows/log.h"
#include "../counters/retired.h"
#include "../rollups/rollup_parts.h"
#include "../../wire/utc.h"


typedef struct {
    llm_store_t     *store;
    MDB_txn         *txn;
    int64_t          retired_ms;    /* what starts later has all its rows */
    void           (*report)(const char *line, void *ctx);
    void            *ctx;
    uint64_t         checked;
    uint64_t         differences;
    llm_buf_t        line;          /* for messages */

    llm_summary_t   *blocks;        /* in the order of their numbers */
    size_t           nblocks;
    size_t           blocks_size;
    llm_summary_t    recent;        /* of the rows that are in no block */
} llm_verify_t;


typedef struct {
    unsigned char              key[LLM_ROLLUP_KEY];
    const llm_sums_t          *sums;
} llm_verify_rollup_t;


/* what rollups of one level and facet are to be, sorted */
typedef struct {
    llm_level_t                level;
    llm_facet_t                facet;
    uint32_t                   from;    /* minutes */
    uint32_t                   to;
    const llm_verify_rollup_t *expected;
    size_t                     n;
    const char                *by;
} llm_verify_range_t;


/* all that are int return LMDB's error, 0 if all is well */

/* calls for each row of a block, or of `recent` (block NULL) */
typedef int (*llm_verify_row_pt)(llm_verify_t *verify, const llm_row_t *row,
    uint64_t seq, void *ctx);

int llm_verify_rows(llm_verify_t *verify, const llm_summary_t *block,
    llm_verify_row_pt handler, void *ctx);

/* every row once: are they all there, does each add up, what do they charge?
 * Fills verify->blocks and ->recent. */
int llm_verify_log(llm_verify_t *verify, llm_tally_t *tally);

/* counters against the tally */
int llm_verify_counters_load(llm_verify_t *verify, llm_tally_t *tally);
int llm_verify_counters(llm_verify_t *verify, llm_tally_t *tally);

/* rollups against the rows, days against hours */
int llm_verify_rollups(llm_verify_t *verify);
int llm_verify_days(llm_verify_t *verify);

/* a rollup's sums as a range expects them; *expected is freed by the caller,
 * also after an error */
int llm_verify_sort(const llm_rollup_t *rollup,
    llm_verify_rollup_t **expected);

/* what is stored in a range against what is expected of it */
int llm_verify_range(llm_verify_t *verify, const llm_verify_range_t *range);

/* is a key, LLM_ROLLUP_KEY bytes, one of the range? */
bool llm_verify_within(const llm_verify_range_t *range,
    const unsigned char *key);

/* two sums of one rollup; `by` names what was expected */
void llm_verify_sums(llm_verify_t *verify, const llm_rollup_key_t *key,
    const llm_sums_t *expected, const llm_sums_t *found, const char *by);

void llm_verify_time(llm_buf_t *line, int64_t ms);

/* verify->line is a difference */
void llm_verify_difference(llm_verify_t *verify);


#endif /* LLM_VERIFY_PARTS_H */
