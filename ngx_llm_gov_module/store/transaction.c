/*
 * Transactions of the store, and its map: LMDB wants to be told how large it
 * may become, and that may change only while the process has no transaction.
 */

#include "private.h"

#include <errno.h>
#include <sys/stat.h>


#define LLM_STORE_TRIES      24     /* 64 MB doubled so often is beyond any
                                       disk */
#define LLM_STORE_READERS_S  60


typedef struct {
    llm_store_step_pt    step;
    void                *ctx;
} llm_store_attempt_t;


static int llm_store_attempt(llm_store_t *store, void *ctx);
static int llm_store_grow(llm_store_t *store);
static int llm_store_follow(llm_store_t *store);
static void llm_store_check_readers(llm_store_t *store);


int
llm_store_write(llm_store_t *store, llm_store_step_pt step, void *ctx)
{
    int                  rc;
    unsigned             tries;
    llm_store_attempt_t  attempt = { step, ctx };

    if (store->readonly) {
        return llm_store_fail(store, "write to", EACCES);
    }

    llm_store_check_readers(store);

    rc = llm_store_guard(store, llm_store_attempt, &attempt);

    for (tries = 0; rc == MDB_MAP_FULL && tries < LLM_STORE_TRIES; tries++) {

        rc = llm_store_grow(store);

        if (rc == 0) {
            rc = llm_store_guard(store, llm_store_attempt, &attempt);
        }
    }

    if (rc != 0) {
        return llm_store_fail(store, "write to", rc);
    }

    store->error[0] = '\0';

    return LLM_OK;
}


static int
llm_store_attempt(llm_store_t *store, void *ctx)
{
    llm_store_attempt_t *attempt = ctx;

    int       rc;
    MDB_txn  *txn;

    rc = llm_store_enter(store, 0, &txn);

    if (rc != 0) {
        return rc;
    }

    rc = attempt->step(store, txn, attempt->ctx);

    if (rc == 0) {
        rc = mdb_txn_commit(txn);
        llm_length_keep(store);

    } else {
        mdb_txn_abort(txn);
    }

    llm_store_leave(store);

    return rc;
}


int
llm_store_read(llm_store_t *store, MDB_txn **txn)
{
    return llm_store_enter(store, MDB_RDONLY, txn);
}


void
llm_store_read_end(llm_store_t *store, MDB_txn *txn)
{
    mdb_txn_abort(txn);
    llm_store_leave(store);
}


int
llm_store_enter(llm_store_t *store, unsigned flags, MDB_txn **txn)
{
    int                   rc;
    llm_store_private_t  *private;

    private = store->private;

    if (llm_guard_refuses(flags)) {
        return MDB_CORRUPTED;
    }

    for ( ;; ) {
        pthread_rwlock_rdlock(&private->map);
        llm_guard_note(store, flags, NULL);

        rc = mdb_txn_begin(store->env, NULL, flags, txn);

        if (rc == 0) {
            llm_guard_note(store, flags, *txn);
            return 0;
        }

        llm_store_leave(store);

        if (rc != MDB_MAP_RESIZED) {
            return rc;
        }

        rc = llm_store_follow(store);

        if (rc != 0) {
            return rc;
        }
    }
}


void
llm_store_leave(llm_store_t *store)
{
    llm_store_private_t  *private;

    private = store->private;

    llm_guard_note(NULL, 0, NULL);
    pthread_rwlock_unlock(&private->map);
}


static int
llm_store_grow(llm_store_t *store)
{
    int                   rc;
    MDB_envinfo           info;
    llm_store_private_t  *private;

    private = store->private;

    pthread_rwlock_wrlock(&private->map);

    rc = mdb_env_info(store->env, &info);

    if (rc == 0) {
        rc = mdb_env_set_mapsize(store->env, info.me_mapsize * 2);
    }

    pthread_rwlock_unlock(&private->map);

    return rc;
}


/* another process made the map larger */
static int
llm_store_follow(llm_store_t *store)
{
    int                   rc;
    llm_store_private_t  *private;

    private = store->private;

    pthread_rwlock_wrlock(&private->map);
    rc = mdb_env_set_mapsize(store->env, 0);
    pthread_rwlock_unlock(&private->map);

    return rc;
}


/* a reader that was killed would keep its pages from being used again */
static void
llm_store_check_readers(llm_store_t *store)
{
    int                   dead;
    time_t                now;
    llm_store_private_t  *private;

    private = store->private;
    now = time(NULL);

    if (now - private->readers_checked >= LLM_STORE_READERS_S) {
        mdb_reader_check(store->env, &dead);
        private->readers_checked = now;
    }
}


int
llm_store_size(llm_store_t *store, MDB_txn *txn, uint64_t *used,
    uint64_t *file)
{
    int           rc, fd;
    size_t        pages;
    uint64_t      unused;
    MDB_val       key, value;
    MDB_stat      stat;
    MDB_cursor   *cursor;
    MDB_envinfo   info;
    struct stat   st;

    /* database 0 is LMDB's own: by transaction, a count and the pages that are
     * free since */

    unused = 0;

    rc = mdb_cursor_open(txn, 0, &cursor);

    if (rc != 0) {
        return rc;
    }

    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        if (value.mv_size >= sizeof(pages)) {
            memcpy(&pages, value.mv_data, sizeof(pages));
            unused += pages;
        }
    }

    mdb_cursor_close(cursor);

    if (rc != MDB_NOTFOUND) {
        return rc;
    }

    mdb_env_info(store->env, &info);
    mdb_env_stat(store->env, &stat);
    mdb_env_get_fd(store->env, &fd);

    if (fstat(fd, &st) == -1) {
        return errno;
    }

    *used = (info.me_last_pgno + 1 - unused) * stat.ms_psize;
    *file = (uint64_t) st.st_size;

    return 0;
}
