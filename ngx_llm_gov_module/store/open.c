/*
 * Opening the store, and refusing what is not ours.
 */

#include "private.h"
#include "counters/retired.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


#define LLM_STORE_MAP          (64 * 1024 * 1024)
#define LLM_STORE_DATABASES    16
#define LLM_STORE_READERS      1000     /* threads that read at once, of all
                                           processes */
#define LLM_STORE_PATH         1024

/* had the counters only, which are the same */
#define LLM_STORE_FORMAT_1     LLM_STORE_NAME "1"


typedef struct {
    const char  *name;
    size_t       offset;
} llm_store_database_t;


static const llm_store_database_t  llm_store_databases[] = {
    { "counters",   offsetof(llm_store_t, counters) },
    { "epochs",     offsetof(llm_store_t, epochs) },
    { "segments",   offsetof(llm_store_t, segments) },
    { "holds",      offsetof(llm_store_t, holds) },
    { "recent",     offsetof(llm_store_t, recent) },
    { "blocks",     offsetof(llm_store_t, blocks) },
    { "summaries",  offsetof(llm_store_t, summaries) },
    { "retired",    offsetof(llm_store_t, retired) },
    { "content",    offsetof(llm_store_t, content) },
    { "names",      offsetof(llm_store_t, names) },
    { "rollups",    offsetof(llm_store_t, rollups) },
    { "alerts",     offsetof(llm_store_t, alerts) },
    { "deliveries", offsetof(llm_store_t, deliveries) }
};


static llm_store_t *llm_store_create(const char *dir, bool readonly,
    const char **error);
static int llm_store_open_env(llm_store_t *store, void *ctx);
static int llm_store_open_databases(llm_store_t *store);
static int llm_store_database(llm_store_t *store, MDB_txn *txn);
static int llm_store_check_format(llm_store_t *store, MDB_txn *txn,
    bool *old);
static int llm_store_new_format(llm_store_t *store, MDB_txn *txn);
static void llm_store_own_file(const char *dir, const char *file,
    const struct stat *owner);


llm_store_t *
llm_store_open(const char *dir, const char **error)
{
    return llm_store_create(dir, false, error);
}


llm_store_t *
llm_store_open_readonly(const char *dir, const char **error)
{
    return llm_store_create(dir, true, error);
}


static llm_store_t *
llm_store_create(const char *dir, bool readonly, const char **error)
{
    int                       rc;
    llm_store_t              *store;
    llm_store_private_t      *private;
    static _Thread_local char text[LLM_STORE_ERROR];

    store = calloc(1, sizeof(llm_store_t));
    private = calloc(1, sizeof(llm_store_private_t));

    if (store == NULL || private == NULL) {
        free(store);
        free(private);
        *error = "no memory";
        return NULL;
    }

    pthread_rwlock_init(&private->map, NULL);

    store->private = private;
    store->readonly = readonly;
    snprintf(store->dir, sizeof(store->dir), "%s", dir);

    if (!readonly && mkdir(dir, 0700) == -1 && errno != EEXIST) {
        rc = llm_store_fail(store, "make the folder", errno);

    } else {
        rc = llm_guard_refuses(readonly ? MDB_RDONLY : 0)
             ? MDB_CORRUPTED
             : llm_store_guard(store, llm_store_open_env, (void *) dir);
    }

    if (rc == MDB_CORRUPTED) {
        rc = llm_store_fail(store, "open the store", rc);
    }

    if (rc != LLM_OK) {
        memcpy(text, store->error, sizeof(text));
        *error = text;
        llm_store_close(store);
        return NULL;
    }

    return store;
}


void
llm_store_close(llm_store_t *store)
{
    llm_store_private_t  *private;

    /* a write that was broken off keeps it */

    if (store->env != NULL && (store->readonly || !llm_guard_refuses(0))) {
        mdb_env_close(store->env);
    }

    private = store->private;

    pthread_rwlock_destroy(&private->map);

    free(private);
    free(store);
}


const char *
llm_store_error(const llm_store_t *store)
{
    return store->error;
}


const char *
llm_store_reason(int rc)
{
    switch (rc) {

    case LLM_ERROR:
        return "no memory";

    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
        return "a part of the store is damaged: \"scripts/store verify\" says "
               "which";

    default:
        return mdb_strerror(rc);
    }
}


int
llm_store_fail(llm_store_t *store, const char *action, int rc)
{
    const char  *advice;

    switch (rc) {

    case MDB_VERSION_MISMATCH:
        advice = "; another version of ngx_llm_gov wrote it: load that one, or "
                 "put the copy from before the upgrade in its place";
        break;

    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
        advice = "; the file data.mdb there is damaged or not ours: put a "
                 "backup in its place, or move the folder away to start with "
                 "all counters at zero";
        break;

    case EACCES:
    case EPERM:
    case EROFS:
        advice = "; the folder and its files must belong to the user of "
                 "nginx's workers, and be writable";
        break;

    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        advice = "; make room on its file system";
        break;

    case EIO:
        advice = "; its disk is full or fails: make room on its file system, "
                 "or look at the system's log";
        break;

    case ENOENT:
        advice = store->readonly ? "; there is no store yet"
                                 : "; make the folder above it";
        break;

    case ENOMEM:
        advice = "; the file is mapped as a whole: raise the limit of virtual "
                 "memory (ulimit -v), if there is one";
        break;

    case MDB_READERS_FULL:
        advice = "; too many queries at once";
        break;

    default:
        advice = "";
    }

    snprintf(store->error, sizeof(store->error),
             "could not %s \"%.200s\": %s%s", action, store->dir,
             mdb_strerror(rc), advice);

    return LLM_ERROR;
}


static int
llm_store_open_env(llm_store_t *store, void *ctx)
{
    const char *dir = ctx;

    int       rc, dead;
    bool      new;
    char      path[LLM_STORE_PATH];
    unsigned  flags;

    rc = mdb_env_create(&store->env);

    if (rc != 0) {
        store->env = NULL;
        return llm_store_fail(store, "open the store", rc);
    }

    llm_guard_watch(store->env);

    mdb_env_set_maxdbs(store->env, LLM_STORE_DATABASES);
    mdb_env_set_maxreaders(store->env, LLM_STORE_READERS);
    mdb_env_set_mapsize(store->env, LLM_STORE_MAP);

    flags = MDB_NOTLS | (store->readonly ? MDB_RDONLY : 0);

    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    new = !store->readonly && access(path, F_OK) == -1 && errno == ENOENT;

    rc = mdb_env_open(store->env, dir, flags, 0600);

    if (rc != 0) {

        /* what is left where the disk was full would be a damaged store, when
         * there is room */

        if (new) {
            (void) unlink(path);
        }

        return llm_store_fail(store, "open the store", rc);
    }

    if (!store->readonly) {
        llm_store_share(store);
        llm_store_own(dir);
        mdb_reader_check(store->env, &dead);
    }

    rc = llm_length_check(store);

    if (rc != 0) {
        return llm_store_fail(store, "open the store", rc);
    }

    return llm_store_open_databases(store);
}


void
llm_store_own(const char *dir)
{
    struct stat  owner;

    if (geteuid() == 0 && stat(dir, &owner) == 0) {
        llm_store_own_file(dir, "data.mdb", &owner);
        llm_store_own_file(dir, "lock.mdb", &owner);
    }
}


static void
llm_store_own_file(const char *dir, const char *file,
    const struct stat *owner)
{
    char         path[LLM_STORE_PATH];
    struct stat  st;

    if (snprintf(path, sizeof(path), "%s/%s", dir, file)
        >= (int) sizeof(path))
    {
        return;
    }

    if (lstat(path, &st) == 0
        && S_ISREG(st.st_mode)
        && st.st_nlink == 1
        && (st.st_uid != owner->st_uid || st.st_gid != owner->st_gid)
        && lchown(path, owner->st_uid, owner->st_gid) == -1)
    {
        /* the background process will say that it may not write */
        return;
    }
}


static int
llm_store_open_databases(llm_store_t *store)
{
    int       rc;
    bool      old;
    MDB_txn  *txn;

    rc = llm_store_enter(store, store->readonly ? MDB_RDONLY : 0, &txn);

    if (rc != 0) {
        return llm_store_fail(store, "open the store", rc);
    }

    rc = llm_store_check_format(store, txn, &old);

    if (rc == 0) {
        rc = llm_store_database(store, txn);
    }

    if (rc == 0 && old) {
        rc = llm_retired_adopt(store, txn);
    }

    if (rc == 0) {
        rc = mdb_txn_commit(txn);

    } else {
        mdb_txn_abort(txn);
    }

    llm_store_leave(store);

    return (rc == 0) ? LLM_OK : llm_store_fail(store, "open the store", rc);
}


static int
llm_store_database(llm_store_t *store, MDB_txn *txn)
{
    int       rc;
    size_t    i;
    MDB_dbi  *dbi;

    for (i = 0;
         i < sizeof(llm_store_databases) / sizeof(llm_store_databases[0]);
         i++)
    {
        dbi = (MDB_dbi *) ((char *) store + llm_store_databases[i].offset);

        rc = mdb_dbi_open(txn, llm_store_databases[i].name,
                          store->readonly ? 0 : MDB_CREATE, dbi);

        if (rc != 0) {
            /* a store of ours has them all */
            return (rc == MDB_NOTFOUND) ? MDB_INVALID : rc;
        }
    }

    return 0;
}


/* marks a new store as ours, and refuses anybody else's; *old: it had counters
 * and no rows */
static int
llm_store_check_format(llm_store_t *store, MDB_txn *txn, bool *old)
{
    int        rc;
    MDB_val    key, value;
    llm_str_t  format;

    *old = false;

    rc = mdb_dbi_open(txn, "meta", 0, &store->meta);

    if (rc == MDB_NOTFOUND && !store->readonly) {
        return llm_store_new_format(store, txn);
    }

    if (rc != 0) {
        return (rc == MDB_NOTFOUND) ? MDB_INVALID : rc;
    }

    key = (MDB_val) { sizeof("format") - 1, "format" };

    rc = mdb_get(txn, store->meta, &key, &value);

    if (rc != 0) {
        return (rc == MDB_NOTFOUND) ? MDB_INVALID : rc;
    }

    format = (llm_str_t) { value.mv_data, value.mv_size };

    if (llm_str_eq(format, llm_str(LLM_STORE_FORMAT))) {
        return 0;
    }

    if (format.len < sizeof(LLM_STORE_NAME) - 1
        || memcmp(format.data, LLM_STORE_NAME, sizeof(LLM_STORE_NAME) - 1)
           != 0)
    {
        return MDB_INVALID;
    }

    if (!llm_str_eq(format, llm_str(LLM_STORE_FORMAT_1)) || store->readonly) {
        return MDB_VERSION_MISMATCH;
    }

    *old = true;
    value = (MDB_val) { sizeof(LLM_STORE_FORMAT) - 1, LLM_STORE_FORMAT };

    return mdb_put(txn, store->meta, &key, &value, 0);
}


static int
llm_store_new_format(llm_store_t *store, MDB_txn *txn)
{
    int       rc;
    MDB_dbi   main_db;
    MDB_val   key, value;
    MDB_stat  stat;

    rc = mdb_dbi_open(txn, NULL, 0, &main_db);

    if (rc == 0) {
        rc = mdb_stat(txn, main_db, &stat);
    }

    if (rc == 0 && stat.ms_entries > 0) {
        rc = MDB_INVALID;
    }

    if (rc == 0) {
        rc = mdb_dbi_open(txn, "meta", MDB_CREATE, &store->meta);
    }

    if (rc != 0) {
        return rc;
    }

    key = (MDB_val) { sizeof("format") - 1, "format" };
    value = (MDB_val) { sizeof(LLM_STORE_FORMAT) - 1, LLM_STORE_FORMAT };

    return mdb_put(txn, store->meta, &key, &value, 0);
}
