/*
 * What the files of the store share among themselves.
 */

#ifndef LLM_STORE_PRIVATE_H
#define LLM_STORE_PRIVATE_H

#include "store.h"

#include <pthread.h>
#include <time.h>


/* The map must not be moved while this process has a transaction: those hold
 * the lock to read, who moves the map holds it to write. */
typedef struct {
    pthread_rwlock_t   map;
    time_t             readers_checked;
} llm_store_private_t;


/* a transaction, with the map held in its place until _leave(); LMDB's error:
 * then there is nothing to leave.  Follows another process's larger map. */
int llm_store_enter(llm_store_t *store, unsigned flags, MDB_txn **txn);
void llm_store_leave(llm_store_t *store);

/* length.c: is the file as long as it must be?  LMDB's error.  And, after a
 * commit: what makes it so. */
int llm_length_check(llm_store_t *store);
void llm_length_keep(llm_store_t *store);


/* guard.c: errors of this environment end in llm_store_guard() */
void llm_guard_watch(MDB_env *env);

/* the transaction that this thread has, NULL: is about to begin; store NULL: it
 * has none any more */
void llm_guard_note(llm_store_t *store, unsigned flags, MDB_txn *txn);

/* what was found damaged is left alone by this process */
bool llm_guard_refuses(unsigned flags);


#endif /* LLM_STORE_PRIVATE_H */
