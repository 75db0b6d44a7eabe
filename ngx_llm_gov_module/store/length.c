/*
 * How long the store's file is.  Pages that LMDB takes and gives back within
 * one transaction (texts that grow piece by piece, for one) are never written:
 * where those are the last ones, a sound file ends before them.  One that was
 * cut short does, too, and would end in SIGBUS when its pages are touched.
 */

#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>


#define LLM_LENGTH_LOOKS     20
#define LLM_LENGTH_LOOK_NS   50000000


typedef struct {
    int        fd;
    size_t     page;
    uint64_t   is;                  /* bytes */
    uint64_t   should;              /* with all pages that are numbered */
} llm_length_t;


static int llm_length_get(llm_store_t *store, llm_length_t *length);
static int llm_length_mend(llm_store_t *store);
static int llm_length_free(llm_store_t *store, uint64_t from,
    uint64_t *pages);


int
llm_length_check(llm_store_t *store)
{
    int              rc;
    unsigned         looks;
    llm_length_t     length;
    struct timespec  pause;

    pause = (struct timespec) { 0, LLM_LENGTH_LOOK_NS };

    for (looks = 0; looks < LLM_LENGTH_LOOKS; looks++) {
        rc = llm_length_get(store, &length);

        if (rc != 0 || length.is >= length.should) {
            return rc;
        }

        if (!store->readonly) {
            return llm_length_mend(store);
        }

        /* who writes may be about to make it longer */

        nanosleep(&pause, NULL);
    }

    return MDB_CORRUPTED;
}


void
llm_length_keep(llm_store_t *store)
{
    llm_length_t  length;

    /* this never makes a file shorter, whatever another process has written
     * meanwhile; if it cannot be, the next one who opens the file sees to it */

    if (llm_length_get(store, &length) == 0 && length.is < length.should) {
        (void) posix_fallocate(length.fd, (off_t) length.is,
                               (off_t) (length.should - length.is));
    }
}


static int
llm_length_get(llm_store_t *store, llm_length_t *length)
{
    MDB_stat      main_db;
    struct stat   st;
    MDB_envinfo   info;

    mdb_env_get_fd(store->env, &length->fd);
    mdb_env_stat(store->env, &main_db);
    mdb_env_info(store->env, &info);

    if (fstat(length->fd, &st) == -1) {
        return errno;
    }

    length->page = main_db.ms_psize;
    length->is = (uint64_t) st.st_size;
    length->should = (info.me_last_pgno + 1) * main_db.ms_psize;

    return 0;
}


/* Made longer, so that all can be read; if what was not there are not all free
 * pages, it is as it was.  Others wait meanwhile. */
static int
llm_length_mend(llm_store_t *store)
{
    int            rc;
    MDB_txn       *txn;
    uint64_t       pages;
    llm_length_t   length;

    rc = llm_store_enter(store, 0, &txn);

    if (rc != 0) {
        return rc;
    }

    rc = llm_length_get(store, &length);

    if (rc == 0 && length.is < length.should) {

        if (ftruncate(length.fd, (off_t) length.should) == -1) {
            rc = errno;

        } else {
            rc = llm_length_free(store, length.is / length.page, &pages);

            if (rc == 0
                && pages != length.should / length.page
                            - length.is / length.page)
            {
                rc = MDB_CORRUPTED;
            }

            if (rc != 0 && ftruncate(length.fd, (off_t) length.is) == -1) {
                rc = errno;
            }
        }
    }

    mdb_txn_abort(txn);
    llm_store_leave(store);

    return rc;
}


/* how many of the free pages have numbers of `from` and above; database 0 is
 * LMDB's own: by transaction, a count and the pages that are free since */
static int
llm_length_free(llm_store_t *store, uint64_t from, uint64_t *pages)
{
    int          rc;
    size_t       i, n, page;
    MDB_val      key, value;
    MDB_txn     *txn;
    MDB_cursor  *cursor;

    *pages = 0;

    /* one that writes may not look there */

    rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

    if (rc != 0) {
        return rc;
    }

    rc = mdb_cursor_open(txn, 0, &cursor);

    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }

    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        n = value.mv_size / sizeof(page);

        for (i = 1; i < n; i++) {
            memcpy(&page, (char *) value.mv_data + i * sizeof(page),
                   sizeof(page));
            *pages += (page >= from);
        }
    }

    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}
