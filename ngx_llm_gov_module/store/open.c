/*
 * Opening the LMDB environment of the mirror, and refusing what is not ours.
 */

#include "environment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


#define LLM_MIRROR_MAP          (64 * 1024 * 1024)
#define LLM_MIRROR_PENDING      (512 * 1024 * 1024)
#define LLM_MIRROR_DATABASES    8
#define LLM_MIRROR_PATH         1024

#define LLM_MIRROR_FORMAT       "ngx_llm_gov 1"


static int llm_mirror_open_env(llm_mirror_t *mirror, const char *dir);
static int llm_mirror_open_databases(llm_mirror_t *mirror, MDB_txn *txn);
static int llm_mirror_check_format(llm_mirror_t *mirror, MDB_txn *txn);
static int llm_mirror_check_size(llm_mirror_t *mirror);
static void llm_mirror_own(const char *dir, const char *file,
    const struct stat *owner);


llm_mirror_t *
llm_mirror_open(const char *dir, const char **error)
{
    int                       rc;
    llm_mirror_t             *mirror;
    static _Thread_local char text[LLM_MIRROR_ERROR];

    mirror = calloc(1, sizeof(llm_mirror_t));

    if (mirror == NULL) {
        *error = "no memory";
        return NULL;
    }

    llm_buf_init(&mirror->pending, LLM_MIRROR_PENDING);
    snprintf(mirror->dir, sizeof(mirror->dir), "%s", dir);

    if (mkdir(dir, 0700) == -1 && errno != EEXIST) {
        rc = llm_mirror_fail(mirror, "make the folder", errno);

    } else {
        rc = llm_mirror_open_env(mirror, dir);
    }

    if (rc != LLM_OK) {
        memcpy(text, mirror->error, sizeof(text));
        *error = text;
        llm_mirror_close(mirror);
        return NULL;
    }

    return mirror;
}


void
llm_mirror_close(llm_mirror_t *mirror)
{
    if (mirror->env != NULL) {
        mdb_env_close(mirror->env);
    }

    llm_buf_free(&mirror->pending);
    free(mirror);
}


const char *
llm_mirror_error(const llm_mirror_t *mirror)
{
    return mirror->error;
}


int
llm_mirror_fail(llm_mirror_t *mirror, const char *action, int rc)
{
    const char  *advice;

    switch (rc) {

    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_VERSION_MISMATCH:
        advice = "; the file data.mdb there is damaged or not ours: put a "
                 "backup in its place, or move the folder away to start with "
                 "all counters at zero";
        break;

    case EACCES:
    case EPERM:
        advice = "; the folder and its files must belong to the user of "
                 "nginx's workers";
        break;

    case ENOSPC:
    case EDQUOT:
        advice = "; make room on its file system";
        break;

    case ENOENT:
        advice = "; make the folder above it";
        break;

    default:
        advice = "";
    }

    snprintf(mirror->error, sizeof(mirror->error),
             "could not %s \"%.200s\": %s%s", action, mirror->dir,
             mdb_strerror(rc), advice);

    return LLM_ERROR;
}


static int
llm_mirror_open_env(llm_mirror_t *mirror, const char *dir)
{
    int           rc, dead;
    MDB_txn      *txn;
    struct stat   owner;

    rc = mdb_env_create(&mirror->env);

    if (rc != 0) {
        mirror->env = NULL;
        return llm_mirror_fail(mirror, "open the store", rc);
    }

    mdb_env_set_maxdbs(mirror->env, LLM_MIRROR_DATABASES);
    mdb_env_set_mapsize(mirror->env, LLM_MIRROR_MAP);

    rc = mdb_env_open(mirror->env, dir, MDB_NOTLS, 0600);

    if (rc != 0) {
        return llm_mirror_fail(mirror, "open the store", rc);
    }

    if (geteuid() == 0 && stat(dir, &owner) == 0) {
        llm_mirror_own(dir, "data.mdb", &owner);
        llm_mirror_own(dir, "lock.mdb", &owner);
    }

    mdb_reader_check(mirror->env, &dead);
    mirror->readers_checked = time(NULL);

    if (llm_mirror_check_size(mirror) != LLM_OK) {
        return LLM_ERROR;
    }

    rc = llm_mirror_begin_txn(mirror, 0, &txn);

    if (rc != 0) {
        return llm_mirror_fail(mirror, "open the store", rc);
    }

    rc = llm_mirror_open_databases(mirror, txn);

    if (rc != 0) {
        mdb_txn_abort(txn);
        return LLM_ERROR;
    }

    rc = mdb_txn_commit(txn);

    return (rc == 0) ? LLM_OK : llm_mirror_fail(mirror, "write to", rc);
}


/* the master opens the store as root first: its files belong to whom the
 * folder belongs to, or the background process could not write them */
static void
llm_mirror_own(const char *dir, const char *file, const struct stat *owner)
{
    char         path[LLM_MIRROR_PATH];
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


/* a file that was cut short would end in SIGBUS when its pages are touched */
static int
llm_mirror_check_size(llm_mirror_t *mirror)
{
    int           fd;
    MDB_stat      main_db;
    struct stat   st;
    MDB_envinfo   info;

    mdb_env_get_fd(mirror->env, &fd);
    mdb_env_stat(mirror->env, &main_db);
    mdb_env_info(mirror->env, &info);

    if (fstat(fd, &st) == -1) {
        return llm_mirror_fail(mirror, "open the store", errno);
    }

    if ((size_t) st.st_size / main_db.ms_psize <= info.me_last_pgno) {
        return llm_mirror_fail(mirror, "open the store", MDB_CORRUPTED);
    }

    return LLM_OK;
}


static int
llm_mirror_open_databases(llm_mirror_t *mirror, MDB_txn *txn)
{
    int  rc;

    if (llm_mirror_check_format(mirror, txn) != LLM_OK) {
        return LLM_ERROR;
    }

    rc = mdb_dbi_open(txn, "counters", MDB_CREATE, &mirror->counters);

    if (rc == 0) {
        rc = mdb_dbi_open(txn, "epochs", MDB_CREATE, &mirror->epochs);
    }

    return (rc == 0) ? LLM_OK : llm_mirror_fail(mirror, "open the store", rc);
}


/* marks a new store as ours, and refuses anybody else's */
static int
llm_mirror_check_format(llm_mirror_t *mirror, MDB_txn *txn)
{
    int       rc;
    MDB_dbi   main_db, meta;
    MDB_val   key, value;
    MDB_stat  stat;

    key = (MDB_val) { sizeof("format") - 1, "format" };

    rc = mdb_dbi_open(txn, "meta", 0, &meta);

    if (rc == 0) {
        rc = mdb_get(txn, meta, &key, &value);

        if (rc == 0
            && (value.mv_size != sizeof(LLM_MIRROR_FORMAT) - 1
                || memcmp(value.mv_data, LLM_MIRROR_FORMAT, value.mv_size)
                   != 0))
        {
            rc = MDB_VERSION_MISMATCH;
        }

        return (rc == 0) ? LLM_OK
                         : llm_mirror_fail(mirror, "open the store", rc);
    }

    if (rc == MDB_NOTFOUND
        && (rc = mdb_dbi_open(txn, NULL, 0, &main_db)) == 0
        && (rc = mdb_stat(txn, main_db, &stat)) == 0)
    {
        rc = (stat.ms_entries > 0) ? MDB_INVALID : 0;
    }

    if (rc == 0
        && (rc = mdb_dbi_open(txn, "meta", MDB_CREATE, &meta)) == 0)
    {
        value = (MDB_val) { sizeof(LLM_MIRROR_FORMAT) - 1, LLM_MIRROR_FORMAT };
        rc = mdb_put(txn, meta, &key, &value, 0);
    }

    return (rc == 0) ? LLM_OK : llm_mirror_fail(mirror, "open the store", rc);
}


int
llm_mirror_begin_txn(llm_mirror_t *mirror, unsigned flags, MDB_txn **txn)
{
    int  rc;

    rc = mdb_txn_begin(mirror->env, NULL, flags, txn);

    if (rc == MDB_MAP_RESIZED) {
        /* another process made it larger */
        rc = mdb_env_set_mapsize(mirror->env, 0);

        if (rc == 0) {
            rc = mdb_txn_begin(mirror->env, NULL, flags, txn);
        }
    }

    return rc;
}
