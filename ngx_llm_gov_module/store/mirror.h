/*
 * The LMDB mirror of the counters.  Written by the background process at least
 * every second and by the master when it ends, read when a zone is made.  Pure
 * C and LMDB, no nginx.
 *
 * A record is one (epoch, kind, name, window): what was spent in that window
 * since the epoch (one life of a zone) began, as an absolute value, so that
 * writing it twice is harmless and two masters (a binary upgrade) do not
 * overwrite each other.  The truth of a window is the sum over the epochs.
 */

#ifndef LLM_MIRROR_H
#define LLM_MIRROR_H

#include "../governance/ledger.h"


typedef struct llm_mirror_s  llm_mirror_t;


/* Opens (makes) the environment in `dir` for the calling process.  NULL:
 * *error says why, in words that say what to do. */
llm_mirror_t *llm_mirror_open(const char *dir, const char **error);
void llm_mirror_close(llm_mirror_t *mirror);

/* One transaction: begin, put each counter that changed, commit (synced).
 * LLM_ERROR: llm_mirror_error() says why; the transaction is gone.  The map
 * grows by itself. */
int llm_mirror_begin(llm_mirror_t *mirror);
int llm_mirror_put(llm_mirror_t *mirror, uint64_t epoch,
    llm_account_kind_t kind, llm_str_t name, const llm_counter_t *counter);
int llm_mirror_commit(llm_mirror_t *mirror);
const char *llm_mirror_error(const llm_mirror_t *mirror);

/* Each (kind, name, window) with the sum over all epochs of the spend of the
 * window that is current at now_ms.  Stops at the handler's first LLM_ERROR. */
typedef int (*llm_mirror_handler_pt)(llm_account_kind_t kind, llm_str_t name,
    llm_window_t window, int64_t start, const llm_amounts_t *spent, void *ctx);
int llm_mirror_restore(llm_mirror_t *mirror, int64_t now_ms,
    llm_mirror_handler_pt handler, void *ctx);

/* The same without the epoch `live`: what all other lives have spent.  One of
 * them may still be going on: another master, during a binary upgrade.
 * _others_seen() tells when any of them was last written (0: never). */
int llm_mirror_others(llm_mirror_t *mirror, uint64_t live, int64_t now_ms,
    llm_mirror_handler_pt handler, void *ctx);
int llm_mirror_others_seen(llm_mirror_t *mirror, uint64_t live,
    int64_t *seen_ms);

/* Folds the records of epochs other than `live` that have been silent for a
 * day into one, and drops those of windows that are over. */
int llm_mirror_compact(llm_mirror_t *mirror, uint64_t live, int64_t now_ms);


#endif /* LLM_MIRROR_H */
