/*
 * The counters in the store.
 *
 * A record is one (epoch, kind, name, window): what was spent in that window
 * by one life of a zone, which is its epoch.  The fold adds to it what is newly
 * settled.  The truth of a window is the sum over the epochs: so a new zone
 * begins with what the others have spent, and two masters (a binary upgrade)
 * see each other's spend and never count it twice.
 */

#ifndef LLM_COUNTERS_H
#define LLM_COUNTERS_H

#include "record.h"
#include "../store.h"


/* of the clocks of processes; beyond this the system's was set back */
#define LLM_COUNTERS_SKEW_MS  (60 * 1000)


/* Adds to a counter, within a write transaction; LMDB's error, 0 if all is
 * well.  A window that is over already is left as it is, a new one begins: also
 * where a later one is there that is still to come, as the clock was set
 * back. */
int llm_counters_add(llm_store_t *store, MDB_txn *txn,
    const llm_record_t *record, int64_t now_ms);

/* What was charged while the journal could not be written (on_error=continue)
 * since this window began: `amounts` takes the place of what was said before,
 * so that saying it twice is harmless.  As above. */
int llm_counters_unjournaled(llm_store_t *store, MDB_txn *txn, uint64_t epoch,
    llm_account_kind_t kind, llm_str_t name, llm_window_t window,
    int64_t start, const llm_amounts_t *amounts);

/* a window that begins then has not begun yet: the clock was set back */
static inline bool
llm_counters_ahead(int64_t start_ms, int64_t now_ms)
{
    return start_ms > now_ms + LLM_COUNTERS_SKEW_MS;
}

/* notes that something was added to an epoch, or that it lives; as above */
int llm_counters_seen(llm_store_t *store, MDB_txn *txn, uint64_t epoch,
    int64_t now_ms);

/* Each (kind, name, window) with the sum over all epochs of the spend of the
 * window that is current at now_ms.  Stops at the handler's first LLM_ERROR. */
typedef int (*llm_counters_handler_pt)(llm_account_kind_t kind,
    llm_str_t name, llm_window_t window, int64_t start,
    const llm_amounts_t *spent, void *ctx);
int llm_counters_restore(llm_store_t *store, int64_t now_ms,
    llm_counters_handler_pt handler, void *ctx);

/* The same without the epoch `live`: what all other lives have spent.  One of
 * them may still be going on: another master, during a binary upgrade.
 * _others_seen() tells when any of them was last written (0: never). */
int llm_counters_others(llm_store_t *store, uint64_t live, int64_t now_ms,
    llm_counters_handler_pt handler, void *ctx);
int llm_counters_others_seen(llm_store_t *store, uint64_t live,
    int64_t *seen_ms);

/* Folds the records of epochs other than `live` that have been silent for a
 * day into one, and drops those of windows that are over. */
int llm_counters_compact(llm_store_t *store, uint64_t live, int64_t now_ms);


#endif /* LLM_COUNTERS_H */
