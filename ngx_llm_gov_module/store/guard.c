/*
 * LMDB believes what its file says.  Where that is damaged it ends the process
 * (an assertion), or touches what lies behind the file's end (SIGBUS).  A
 * worker that only wanted to show the log must not die of it, nor must the
 * master without a word.
 *
 * What was allocated meanwhile is lost, and a transaction that writes cannot be
 * given up in the middle: so this process reads no more for a while, or writes
 * no more.
 */

#include "private.h"

#include <setjmp.h>
#include <signal.h>


#define LLM_GUARD_REST_S  60


typedef struct llm_guard_s  llm_guard_t;

struct llm_guard_s {
    llm_guard_t     *outer;
    sigjmp_buf       jump;
    llm_store_t     *store;         /* with a transaction; NULL: none */
    MDB_txn         *txn;           /* NULL: it is about to begin */
    bool             writes;
};


static _Thread_local llm_guard_t  *llm_guard;       /* the innermost one */

static time_t          llm_guard_rest;          /* no reads until then */
static bool            llm_guard_stuck;         /* no writes any more */
static pthread_once_t  llm_guard_once = PTHREAD_ONCE_INIT;


static int llm_guard_damaged(llm_guard_t *guard);
static void llm_guard_assert(MDB_env *env, const char *text);
static void llm_guard_sigbus(int signo);
static void llm_guard_install(void);


int
llm_store_guard(llm_store_t *store, llm_store_work_pt work, void *ctx)
{
    int          rc;
    llm_guard_t  guard;

    guard.outer = llm_guard;
    guard.store = NULL;
    guard.txn = NULL;
    guard.writes = false;

    if (sigsetjmp(guard.jump, 0) == 0) {
        llm_guard = &guard;
        rc = work(store, ctx);

    } else {
        rc = llm_guard_damaged(&guard);
    }

    llm_guard = guard.outer;

    return rc;
}


static int
llm_guard_damaged(llm_guard_t *guard)
{
    /* whoever comes here again has nobody but the outer one */

    llm_guard = guard->outer;

    __atomic_store_n(&llm_guard_rest, time(NULL) + LLM_GUARD_REST_S,
                     __ATOMIC_RELAXED);

    if (guard->writes) {
        __atomic_store_n(&llm_guard_stuck, true, __ATOMIC_RELAXED);

    } else if (guard->txn != NULL) {
        mdb_txn_abort(guard->txn);
    }

    if (guard->store != NULL) {
        llm_store_leave(guard->store);
    }

    return MDB_CORRUPTED;
}


bool
llm_guard_refuses(unsigned flags)
{
    if (flags & MDB_RDONLY) {
        return time(NULL) < __atomic_load_n(&llm_guard_rest, __ATOMIC_RELAXED);
    }

    return __atomic_load_n(&llm_guard_stuck, __ATOMIC_RELAXED);
}


void
llm_guard_note(llm_store_t *store, unsigned flags, MDB_txn *txn)
{
    if (llm_guard != NULL) {
        llm_guard->store = store;
        llm_guard->txn = txn;
        llm_guard->writes = (store != NULL && !(flags & MDB_RDONLY));
    }
}


void
llm_guard_watch(MDB_env *env)
{
    (void) mdb_env_set_assert(env, llm_guard_assert);
    (void) pthread_once(&llm_guard_once, llm_guard_install);
}


static void
llm_guard_assert(MDB_env *env, const char *text)
{
    (void) env;
    (void) text;

    if (llm_guard != NULL) {
        siglongjmp(llm_guard->jump, 1);
    }
}


/* of the thread that touched the page */
static void
llm_guard_sigbus(int signo)
{
    if (llm_guard != NULL) {
        siglongjmp(llm_guard->jump, 1);
    }

    /* not ours: it happens again, and ends the process */

    (void) signal(signo, SIG_DFL);
}


static void
llm_guard_install(void)
{
    struct sigaction  action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = llm_guard_sigbus;
    action.sa_flags = SA_NODEFER;
    sigemptyset(&action.sa_mask);

    (void) sigaction(SIGBUS, &action, NULL);
}
