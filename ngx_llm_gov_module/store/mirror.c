/*
 * The LMDB environment of the mirror: opening, writing, restoring.  Folding
 * what is old is in compact.c.
 *
 * Puts are gathered in memory and written in one short transaction, so that a
 * full map can be made larger and the transaction done again.
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
#define LLM_MIRROR_TRIES        16
#define LLM_MIRROR_READERS_S    60
#define LLM_MIRROR_PATH         1024

#define LLM_MIRROR_FORMAT       "ngx_llm_gov 1"


/* the sum of a window's records over the epochs */
typedef struct {
    llm_str_t      prefix;          /* the key without its epoch */
    llm_record_t   sum;
    bool           current;
} llm_mirror_group_t;


static int llm_mirror_open_env(llm_mirror_t *mirror, const char *dir);
static int llm_mirror_open_databases(llm_mirror_t *mirror, MDB_txn *txn);
static int llm_mirror_check_format(llm_mirror_t *mirror, MDB_txn *txn);
static int llm_mirror_check_size(llm_mirror_t *mirror);
static void llm_mirror_own(const char *dir, const char *file,
    const struct stat *owner);
static int llm_mirror_begin_txn(llm_mirror_t *mirror, unsigned flags,
    MDB_txn **txn);
static int llm_mirror_put_epoch(llm_mirror_t *mirror, MDB_txn *txn);
static int llm_mirror_scan(llm_mirror_t *mirror, MDB_cursor *cursor,
    int64_t now_ms, llm_mirror_handler_pt handler, void *ctx);
static int llm_mirror_emit(llm_mirror_group_t *group,
    llm_mirror_handler_pt handler, void *ctx);


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


static int
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


int
llm_mirror_begin(llm_mirror_t *mirror)
{
    int     dead;
    time_t  now;

    mirror->pending.len = 0;
    mirror->pending.failed = false;

    now = time(NULL);

    if (now - mirror->readers_checked >= LLM_MIRROR_READERS_S) {
        mdb_reader_check(mirror->env, &dead);
        mirror->readers_checked = now;
    }

    return LLM_OK;
}


int
llm_mirror_put(llm_mirror_t *mirror, uint64_t epoch, llm_account_kind_t kind,
    llm_str_t name, const llm_counter_t *counter)
{
    llm_record_t  record;

    record.epoch = epoch;
    record.kind = kind;
    record.name = name;
    record.window = counter->window;
    record.start = counter->start;

    record.spent.cost = counter->spent.cost - counter->restored.cost;
    record.spent.requests = counter->spent.requests
                            - counter->restored.requests;
    record.spent.input_tokens = counter->spent.input_tokens
                                - counter->restored.input_tokens;
    record.spent.output_tokens = counter->spent.output_tokens
                                 - counter->restored.output_tokens;

    mirror->epoch = epoch;
    mirror->has_epoch = true;

    return llm_mirror_gather(mirror, LLM_MIRROR_PUT, &record);
}


int
llm_mirror_gather(llm_mirror_t *mirror, char action,
    const llm_record_t *record)
{
    size_t         len;
    unsigned char  key[LLM_RECORD_KEY_SIZE], value[LLM_RECORD_VALUE_SIZE];
    unsigned char  head[2];

    len = llm_record_key(record, key);

    if (len == 0) {
        return llm_mirror_fail(mirror, "write to", EINVAL);
    }

    llm_record_value(record, value);

    head[0] = (unsigned char) action;
    head[1] = (unsigned char) len;

    llm_buf_append(&mirror->pending, head, sizeof(head));
    llm_buf_append(&mirror->pending, key, len);
    llm_buf_append(&mirror->pending, value, sizeof(value));

    if (mirror->pending.failed) {
        return llm_mirror_fail(mirror, "write to", ENOMEM);
    }

    return LLM_OK;
}


int
llm_mirror_commit(llm_mirror_t *mirror)
{
    if (mirror->pending.failed) {
        return LLM_ERROR;
    }

    return llm_mirror_write(mirror, llm_mirror_put_epoch, 0);
}


/* when this epoch was last seen alive */
static int
llm_mirror_put_epoch(llm_mirror_t *mirror, MDB_txn *txn)
{
    MDB_val          key, value;
    unsigned char    name[LLM_RECORD_EPOCH_SIZE], seen[8];
    struct timespec  now;

    if (!mirror->has_epoch) {
        return 0;
    }

    clock_gettime(CLOCK_REALTIME, &now);

    llm_record_epoch_key(mirror->epoch, name);
    llm_record_put_int(seen,
                       (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000);

    key = (MDB_val) { sizeof(name), name };
    value = (MDB_val) { sizeof(seen), seen };

    return mdb_put(txn, mirror->epochs, &key, &value, 0);
}


int
llm_mirror_write(llm_mirror_t *mirror, llm_mirror_step_pt step, unsigned tries)
{
    int           rc;
    MDB_txn      *txn;
    MDB_envinfo   info;

    rc = llm_mirror_begin_txn(mirror, 0, &txn);

    if (rc != 0) {
        return llm_mirror_fail(mirror, "write to", rc);
    }

    rc = step(mirror, txn);

    if (rc == 0) {
        rc = llm_mirror_apply(mirror, txn);
    }

    if (rc == 0) {
        rc = mdb_txn_commit(txn);

    } else {
        mdb_txn_abort(txn);
    }

    if (rc == MDB_MAP_FULL
        && tries < LLM_MIRROR_TRIES
        && mdb_env_info(mirror->env, &info) == 0
        && mdb_env_set_mapsize(mirror->env, info.me_mapsize * 2) == 0)
    {
        return llm_mirror_write(mirror, step, tries + 1);
    }

    if (rc != 0) {
        return llm_mirror_fail(mirror, "write to", rc);
    }

    mirror->error[0] = '\0';

    return LLM_OK;
}


/* what was gathered, into the transaction */
int
llm_mirror_apply(llm_mirror_t *mirror, MDB_txn *txn)
{
    int       rc;
    char      action;
    char     *p, *last;
    MDB_val   key, value;

    p = mirror->pending.data;
    last = p + mirror->pending.len;

    while (p != last) {
        action = p[0];
        key = (MDB_val) { (unsigned char) p[1], p + 2 };
        value = (MDB_val) { LLM_RECORD_VALUE_SIZE, p + 2 + key.mv_size };

        if (action == LLM_MIRROR_PUT) {
            rc = mdb_put(txn, mirror->counters, &key, &value, 0);

        } else {
            rc = mdb_del(txn, mirror->counters, &key, NULL);
            rc = (rc == MDB_NOTFOUND) ? 0 : rc;
        }

        if (rc != 0) {
            return rc;
        }

        p = (char *) value.mv_data + value.mv_size;
    }

    return 0;
}


int
llm_mirror_restore(llm_mirror_t *mirror, int64_t now_ms,
    llm_mirror_handler_pt handler, void *ctx)
{
    int          rc;
    MDB_txn     *txn;
    MDB_cursor  *cursor;

    rc = llm_mirror_begin_txn(mirror, MDB_RDONLY, &txn);

    if (rc != 0) {
        return llm_mirror_fail(mirror, "read", rc);
    }

    rc = mdb_cursor_open(txn, mirror->counters, &cursor);

    if (rc != 0) {
        mdb_txn_abort(txn);
        return llm_mirror_fail(mirror, "read", rc);
    }

    rc = llm_mirror_scan(mirror, cursor, now_ms, handler, ctx);

    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);

    return rc;
}


static int
llm_mirror_scan(llm_mirror_t *mirror, MDB_cursor *cursor, int64_t now_ms,
    llm_mirror_handler_pt handler, void *ctx)
{
    int                  rc;
    MDB_val              key, value;
    llm_record_t         record;
    llm_mirror_group_t   group;

    memset(&group, 0, sizeof(group));

    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {

        if (llm_record_parse(&record,
                             (llm_str_t) { key.mv_data, key.mv_size },
                             (llm_str_t) { value.mv_data, value.mv_size })
            != LLM_OK)
        {
            return llm_mirror_fail(mirror, "read", MDB_CORRUPTED);
        }

        key.mv_size -= LLM_RECORD_EPOCH_SIZE;

        if (!llm_str_eq(group.prefix,
                        (llm_str_t) { key.mv_data, key.mv_size }))
        {
            if (llm_mirror_emit(&group, handler, ctx) != LLM_OK) {
                return LLM_ERROR;
            }

            group.prefix = (llm_str_t) { key.mv_data, key.mv_size };
            group.current = false;
        }

        if (record.start == llm_window_start(record.window, now_ms)) {

            if (group.current) {
                llm_mirror_add(&group.sum.spent, &record.spent);

            } else {
                group.sum = record;
                group.current = true;
            }
        }
    }

    if (rc != MDB_NOTFOUND) {
        return llm_mirror_fail(mirror, "read", rc);
    }

    return llm_mirror_emit(&group, handler, ctx);
}


static int
llm_mirror_emit(llm_mirror_group_t *group, llm_mirror_handler_pt handler,
    void *ctx)
{
    llm_record_t  *sum;

    if (!group->current) {
        return LLM_OK;
    }

    sum = &group->sum;

    return handler(sum->kind, sum->name, sum->window, sum->start, &sum->spent,
                   ctx);
}


static void
llm_mirror_add_one(int64_t *sum, int64_t amount)
{
    if (__builtin_add_overflow(*sum, amount, sum)) {
        *sum = (amount > 0) ? INT64_MAX : INT64_MIN;
    }
}


void
llm_mirror_add(llm_amounts_t *sum, const llm_amounts_t *amounts)
{
    llm_mirror_add_one(&sum->cost, amounts->cost);
    llm_mirror_add_one(&sum->requests, amounts->requests);
    llm_mirror_add_one(&sum->input_tokens, amounts->input_tokens);
    llm_mirror_add_one(&sum->output_tokens, amounts->output_tokens);
}
