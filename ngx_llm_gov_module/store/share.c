/*
 * Who writes to a store at the same time: a lock on its file, which the kernel
 * gives back however its holder dies.  It lies beyond all that is in the file
 * and belongs to the file as this process has it open, so that neither LMDB's
 * own locks nor whoever opens and closes the file beside it are concerned.
 */

#define _GNU_SOURCE

#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>


#define LLM_SHARE_OFFSET  ((off_t) 1 << 62)


static int
llm_share_lock(llm_store_t *store, int command, short type)
{
    int           fd, rc;
    struct flock  lock;

    mdb_env_get_fd(store->env, &fd);

    do {
        memset(&lock, 0, sizeof(lock));

        lock.l_type = type;
        lock.l_whence = SEEK_SET;
        lock.l_start = LLM_SHARE_OFFSET;
        lock.l_len = 1;

        rc = fcntl(fd, command, &lock);

    } while (rc == -1 && errno == EINTR);

    return rc;
}


/* who is alone is so for the length of a transaction */
void
llm_store_share(llm_store_t *store)
{
    (void) llm_share_lock(store, F_OFD_SETLKW, F_RDLCK);
}


bool
llm_store_alone(llm_store_t *store)
{
    return llm_share_lock(store, F_OFD_SETLK, F_WRLCK) == 0;
}
