/*
 * The store: one LMDB environment with the counters, the request log and the
 * rollups.  Written by the background process (and the master at start and
 * end), read by the workers' thread pools and by scripts/store.  Pure C and
 * LMDB, no nginx.
 *
 * Databases, by file that owns them:
 *   meta         format, next sequence number of a row            (open.c)
 *   counters     spend of a window since an epoch began           (record.h)
 *   epochs       when each life of a zone was last seen           (counters.c)
 *   segments     journal segment id -> position folded            (position.c)
 *   holds        segment, row id -> a row under way, as it is to
 *                be charged                                       (holds.c)
 *   recent       sequence number -> a row, encoded                (log.c)
 *   blocks       first sequence number -> rows in columns         (block.c)
 *   summaries    the same key -> times and sums of a block        (log.c)
 *   retired      account -> what rows that are gone had charged   (retention.c)
 *   content      row id + direction -> logged text                (log.c)
 *   names        string -> number, number -> string               (rollup.c)
 *   rollups      time, dimensions -> sums                         (rollup.c)
 *   alerts       account, window, threshold -> sent               (background)
 *   deliveries   a webhook that is to be sent                     (background)
 *
 * A row's sequence number says in which order the ledger took it: 1, 2, 3 …
 * without a gap.
 */

#ifndef LLM_STORE_H
#define LLM_STORE_H

#include "../governance/ledger.h"
#include "../wire/buf.h"

#include <lmdb.h>


#define LLM_STORE_ERROR      512
#define LLM_STORE_NAME       "ngx_llm_gov "
#define LLM_STORE_FORMAT     LLM_STORE_NAME "2"


typedef struct llm_store_s  llm_store_t;

struct llm_store_s {
    MDB_env      *env;
    MDB_dbi       meta;
    MDB_dbi       counters;
    MDB_dbi       epochs;
    MDB_dbi       segments;
    MDB_dbi       holds;
    MDB_dbi       recent;
    MDB_dbi       blocks;
    MDB_dbi       summaries;
    MDB_dbi       retired;
    MDB_dbi       content;
    MDB_dbi       names;
    MDB_dbi       rollups;
    MDB_dbi       alerts;
    MDB_dbi       deliveries;
    bool          readonly;
    void         *private;          /* open.c's own */
    char          dir[256];         /* for messages, cut if longer */
    char          error[LLM_STORE_ERROR];
};


/* Opens (makes) the environment in `dir` for the calling process.  NULL: *error
 * (thread-local) says why, in words that say what to do. */
llm_store_t *llm_store_open(const char *dir, const char **error);

/* The files belong to whom the folder belongs to, as the master, which is root,
 * opens the store first, and a reload may bring another user. */
void llm_store_own(const char *dir);

/* For readers in other processes; NULL also where there is no store yet.  Its
 * reads may run in several threads at once.  Makes nothing but lock.mdb, where
 * that is missing. */
llm_store_t *llm_store_open_readonly(const char *dir, const char **error);

void llm_store_close(llm_store_t *store);
const char *llm_store_error(const llm_store_t *store);

/* sets the error text for LMDB's or the system's error; LLM_ERROR */
int llm_store_fail(llm_store_t *store, const char *action, int rc);

/* what such an error means to whoever only asked for something */
const char *llm_store_reason(int rc);

/*
 * Calls `work`, which uses the store in this thread, and returns what it
 * returns; or MDB_CORRUPTED where the file is so damaged that LMDB would have
 * ended the process.  This process then reads no more for a minute; writes have
 * a guard of their own, after which it writes no more.
 */
typedef int (*llm_store_work_pt)(llm_store_t *store, void *ctx);

int llm_store_guard(llm_store_t *store, llm_store_work_pt work, void *ctx);

/*
 * One write transaction, synced: `step` is called, and again from the start
 * with a larger map when that is full.  `step` returns LMDB's errors, 0 if all
 * is well.  LLM_ERROR: nothing was written, llm_store_error() says why.
 */
typedef int (*llm_store_step_pt)(llm_store_t *store, MDB_txn *txn, void *ctx);

int llm_store_write(llm_store_t *store, llm_store_step_pt step, void *ctx);

/* A read transaction; LMDB's error, 0 if all is well.  Between the two the map
 * cannot change: short, never over a return to an event loop. */
int llm_store_read(llm_store_t *store, MDB_txn **txn);
void llm_store_read_end(llm_store_t *store, MDB_txn *txn);

/*
 * Whoever opens the store to write to it shares it with others who do.
 * _alone(): there are none, and none comes until _share(), unless it returns
 * false.
 */
bool llm_store_alone(llm_store_t *store);
void llm_store_share(llm_store_t *store);

/* bytes of the file in use (free pages not counted), and of the file; within a
 * read transaction */
int llm_store_size(llm_store_t *store, MDB_txn *txn, uint64_t *used,
    uint64_t *file);


#endif /* LLM_STORE_H */
