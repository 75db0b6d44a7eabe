/*
 * Folding: from the journal's segments into the store, with the position that
 * was reached, all in one synced transaction; so that after any crash each
 * record is counted exactly once.
 *
 * A row charges, in the windows of the account:
 *   customer, team, virtual key   1 request at admitted_ms; each attempt's
 *                                 tokens and cost at the attempt's ended_ms
 *   provider of an attempt        1 request at its admitted_ms; its tokens and
 *                                 cost at its ended_ms
 * A row with admitted_ms 0 (refused) charges nothing.
 */

#ifndef LLM_FOLD_H
#define LLM_FOLD_H

#include "../journal/journal.h"
#include "../rows/row.h"
#include "../store.h"


#define LLM_FOLD_WINDOWS  32


typedef struct {
    int64_t     now_ms;

    /* The windows of an account as the zone knows them; returns how many, and
     * writes the first `max` (LLM_FOLD_WINDOWS at least).  0: not known there:
     * then those that the store has for it, and "total". */
    unsigned  (*windows)(llm_account_kind_t kind, llm_str_t name,
                         llm_window_t *windows, unsigned max, void *ctx);

    /* May a segment that nobody writes, and that is wholly folded, go to the
     * next worker?  Not while a zone has holds that point into it.  NULL: it
     * may. */
    bool      (*recyclable)(llm_segment_t *segment, void *ctx);

    /* llm_store_alone(), and the segments are all that there are: what the
     * store has of calls in others, or in those that are free, is of processes
     * that are gone, and their journal with them (one in memory, when the power
     * failed). */
    bool        alone;

    void       *ctx;
} llm_fold_conf_t;


typedef struct {
    uint64_t    rows;               /* settled, refused ones among them */
    uint64_t    recovered;          /* of these: holds whose process is gone */
    uint64_t    bytes;
    uint64_t    damaged;            /* bytes of the journal that were lost */
    bool        more;               /* a bound was reached: call again */
} llm_fold_result_t;


/*
 * One step: what the segments hold, up to a bound (about 16 MB or 20,000
 * rows).  Segments nobody writes are folded to their end; holds of theirs that
 * are not settled become rows, `recovered`, charged as estimated; then the
 * segment is free for the next worker.  So do those of segments that are gone,
 * if conf->alone.  LLM_ERROR: nothing was folded, the store's error says why.
 */
int llm_fold(llm_store_t *store, llm_segment_t **segments, unsigned n,
    const llm_fold_conf_t *conf, llm_fold_result_t *result);


#endif /* LLM_FOLD_H */
