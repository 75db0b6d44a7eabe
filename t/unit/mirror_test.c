/*
 * The LMDB mirror: what is put is restored, over epochs, crashes and a map
 * that is too small; what is not ours is refused.
 */

#include "store/environment.h"
#include "store/mirror.h"
#include "tap.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>


#define NOW         ((int64_t) 1768480496000)   /* 2026-01-15T12:34:56Z */
#define DAY         ((int64_t) 24 * 3600 * 1000)
#define MANY        300000


typedef struct {
    llm_account_kind_t   kind;
    char                 name[LLM_ACCOUNT_NAME_SIZE + 1];
    llm_window_t         window;
    int64_t              start;
    llm_amounts_t        spent;
} row_t;


static row_t              rows[16];
static unsigned           nrows;
static const llm_window_t forever = { LLM_WINDOW_FOREVER, 1 };
static const llm_window_t day = { LLM_WINDOW_DAY, 1 };
static char               base[64];


static void
remove_store(const char *dir)
{
    char  path[256];

    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/lock.mdb", dir);
    unlink(path);
    rmdir(dir);
}


static const char *
fresh(const char *name)
{
    static char  dir[128];

    snprintf(dir, sizeof(dir), "%s/%s", base, name);
    remove_store(dir);

    return dir;
}


static int
collect(llm_account_kind_t kind, llm_str_t name, llm_window_t window,
    int64_t start, const llm_amounts_t *spent, void *ctx)
{
    row_t  *row;

    if (nrows == sizeof(rows) / sizeof(rows[0])) {
        (*(unsigned *) ctx)++;
        return LLM_OK;
    }

    row = &rows[nrows++];
    memset(row, 0, sizeof(*row));
    row->kind = kind;
    memcpy(row->name, name.data, name.len);
    row->window = window;
    row->start = start;
    row->spent = *spent;

    return LLM_OK;
}


static int
restore(llm_mirror_t *mirror, int64_t now_ms, unsigned *more)
{
    nrows = 0;
    *more = 0;

    return llm_mirror_restore(mirror, now_ms, collect, more);
}


static const row_t *
find(llm_account_kind_t kind, const char *name, llm_window_unit_t unit)
{
    unsigned  i;

    for (i = 0; i < nrows; i++) {
        if (rows[i].kind == kind && rows[i].window.unit == unit
            && strcmp(rows[i].name, name) == 0)
        {
            return &rows[i];
        }
    }

    return NULL;
}


static llm_counter_t
counter(llm_window_t window, int64_t now_ms, int64_t cost, int64_t restored)
{
    llm_counter_t  c;

    memset(&c, 0, sizeof(c));
    c.window = window;
    c.start = llm_window_start(window, now_ms);
    c.spent = (llm_amounts_t) { cost, 3, 20, 10 };
    c.restored.cost = restored;

    return c;
}


static int
put(llm_mirror_t *mirror, uint64_t epoch, const char *name,
    llm_counter_t c)
{
    return llm_mirror_put(mirror, epoch, LLM_ACCOUNT_TEAM,
                          (llm_str_t) { name, strlen(name) }, &c);
}


static void
test_round_trip(void)
{
    unsigned       more;
    const char    *dir, *error;
    const row_t   *row;
    struct stat    st;
    llm_mirror_t  *mirror;

    dir = fresh("round");
    mirror = llm_mirror_open(dir, &error);

    if (!ok(mirror != NULL, "a store is made")) {
        return;
    }

    ok(stat(dir, &st) == 0 && (st.st_mode & 0777) == 0700,
       "only its owner may look into the folder");

    ok(restore(mirror, NOW, &more) == LLM_OK && nrows == 0,
       "a new store is empty");

    llm_mirror_begin(mirror);
    put(mirror, 7, "a", counter(forever, NOW, 1500, 500));
    put(mirror, 7, "a", counter(day, NOW, 900, 0));
    put(mirror, 7, "old", counter(day, NOW - DAY, 900, 0));
    ok(llm_mirror_commit(mirror) == LLM_OK, "commit");

    llm_mirror_begin(mirror);
    put(mirror, 7, "a", counter(day, NOW, 950, 0));
    put(mirror, 9, "a", counter(forever, NOW, 1, 0));
    ok(llm_mirror_commit(mirror) == LLM_OK, "another commit");

    llm_mirror_begin(mirror);
    put(mirror, 7, "a", counter(day, NOW, 940, 0));
    ok(llm_mirror_commit(mirror) == LLM_OK, "a commit of what was seen before");

    llm_mirror_begin(mirror);
    put(mirror, 9, "a", counter(forever, NOW, 777, 0));
    llm_mirror_begin(mirror);
    ok(llm_mirror_commit(mirror) == LLM_OK,
       "what was put before a second begin is not written");

    llm_mirror_close(mirror);
    mirror = llm_mirror_open(dir, &error);

    ok(restore(mirror, NOW, &more) == LLM_OK && nrows == 2,
       "two windows are current");

    row = find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_FOREVER);
    ok(row != NULL && row->spent.cost == 1001 && row->spent.requests == 6
       && row->spent.input_tokens == 40 && row->spent.output_tokens == 20,
       "epochs are summed, what was restored is not counted again");

    row = find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_DAY);
    ok(row != NULL && row->spent.cost == 950
       && row->start == llm_window_start(day, NOW),
       "a later value replaces the earlier one, but not the other way");

    ok(restore(mirror, NOW + DAY, &more) == LLM_OK && nrows == 1,
       "the next day only what never resets is left");

    llm_mirror_close(mirror);
}


/* a binary upgrade: two masters, each with its own epoch */
static void
test_others(void)
{
    int64_t        seen, again;
    unsigned       more;
    const char    *error;
    const row_t   *row;
    llm_mirror_t  *mirror;

    mirror = llm_mirror_open(fresh("others"), &error);

    ok(llm_mirror_others_seen(mirror, 7, &seen) == LLM_OK && seen == 0,
       "no other epoch");

    llm_mirror_begin(mirror);
    put(mirror, 7, "a", counter(forever, NOW, 100, 0));
    llm_mirror_commit(mirror);

    ok(llm_mirror_others_seen(mirror, 7, &seen) == LLM_OK && seen == 0,
       "our own is none");

    llm_mirror_begin(mirror);
    put(mirror, 9, "a", counter(forever, NOW, 130, 100));
    put(mirror, 9, "b", counter(day, NOW, 1, 0));
    llm_mirror_commit(mirror);

    ok(llm_mirror_others_seen(mirror, 7, &seen) == LLM_OK && seen > NOW,
       "another one");
    ok(llm_mirror_others_seen(mirror, 7, &again) == LLM_OK && seen == again,
       "which is silent now");

    nrows = more = 0;
    ok(llm_mirror_others(mirror, 7, NOW, collect, &more) == LLM_OK
       && nrows == 2, "what it spent");
    row = find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_FOREVER);
    ok(row != NULL && row->spent.cost == 30, "without ours");

    nrows = more = 0;
    ok(llm_mirror_others(mirror, 9, NOW, collect, &more) == LLM_OK
       && nrows == 1 && rows[0].spent.cost == 100, "and the other way");

    llm_mirror_close(mirror);
}


static void
test_names(void)
{
    char           name[LLM_ACCOUNT_NAME_SIZE + 2];
    unsigned       more;
    const char    *error;
    llm_mirror_t  *mirror;
    llm_counter_t  c;

    mirror = llm_mirror_open(fresh("names"), &error);
    c = counter(forever, NOW, 5, 0);

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';

    llm_mirror_begin(mirror);
    ok(put(mirror, 1, name, c) == LLM_ERROR, "a name that is too long");
    ok(put(mirror, 1, "", c) == LLM_ERROR, "no name");

    llm_mirror_begin(mirror);
    name[LLM_ACCOUNT_NAME_SIZE] = '\0';
    ok(put(mirror, 1, name, c) == LLM_OK, "the longest name");

    /* one that is a prefix of another, and one of another kind */
    put(mirror, 1, "n", c);
    llm_mirror_put(mirror, 1, LLM_ACCOUNT_PROVIDER, llm_str("n"), &c);
    ok(llm_mirror_commit(mirror) == LLM_OK, "commit");

    ok(restore(mirror, NOW, &more) == LLM_OK && nrows == 3
       && find(LLM_ACCOUNT_TEAM, name, LLM_WINDOW_FOREVER) != NULL
       && find(LLM_ACCOUNT_TEAM, "n", LLM_WINDOW_FOREVER) != NULL
       && find(LLM_ACCOUNT_PROVIDER, "n", LLM_WINDOW_FOREVER) != NULL,
       "names and kinds are told apart");

    llm_mirror_close(mirror);
}


static void
test_compact(void)
{
    unsigned       more;
    const row_t   *row;
    const char    *error;
    llm_mirror_t  *mirror;

    mirror = llm_mirror_open(fresh("compact"), &error);

    llm_mirror_begin(mirror);
    put(mirror, 5, "a", counter(forever, NOW, 100, 0));
    put(mirror, 5, "a", counter(day, NOW, 100, 0));
    put(mirror, 5, "ahead", counter(day, NOW + 900 * DAY, 100, 0));
    llm_mirror_commit(mirror);

    llm_mirror_begin(mirror);
    put(mirror, 6, "a", counter(forever, NOW, 10, 0));
    put(mirror, 6, "b", counter(forever, NOW, 10, 0));
    llm_mirror_commit(mirror);

    llm_mirror_begin(mirror);
    put(mirror, 8, "a", counter(forever, NOW, 1, 0));
    put(mirror, 8, "a", counter(day, NOW, 1, 0));
    llm_mirror_commit(mirror);

    ok(llm_mirror_compact(mirror, 8, NOW) == LLM_OK, "compaction");
    restore(mirror, NOW, &more);
    row = find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_FOREVER);
    ok(row != NULL && row->spent.cost == 111,
       "it changes no sum while all are alive");

    /* in a thousand days all but epoch 8 have been silent */

    ok(llm_mirror_compact(mirror, 8, NOW + 1000 * DAY) == LLM_OK,
       "compaction of dead epochs");
    restore(mirror, NOW + 1000 * DAY, &more);
    row = find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_FOREVER);
    ok(row != NULL && row->spent.cost == 111 && row->spent.requests == 9,
       "the sum is the same");
    row = find(LLM_ACCOUNT_TEAM, "b", LLM_WINDOW_FOREVER);
    ok(row != NULL && row->spent.cost == 10, "one without a live epoch too");

    ok(llm_mirror_compact(mirror, 8, NOW + 1000 * DAY) == LLM_OK
       && restore(mirror, NOW + 1000 * DAY, &more) == LLM_OK
       && find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_FOREVER)->spent.cost == 111,
       "a second compaction adds nothing");

    restore(mirror, NOW, &more);
    row = find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_DAY);
    ok(row != NULL && row->spent.cost == 1,
       "a dead epoch's window that is over is dropped, a live one's is left");

    llm_mirror_begin(mirror);
    put(mirror, 8, "a", counter(forever, NOW, 2, 0));
    llm_mirror_commit(mirror);
    restore(mirror, NOW, &more);
    row = find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_FOREVER);
    ok(row != NULL && row->spent.cost == 112, "the live epoch goes on");

    llm_mirror_close(mirror);
}


/* before its window has come, a record of a clock set back is not lost */
static void
test_clock_set_back(void)
{
    unsigned       more;
    const char    *error;
    const row_t   *row;
    llm_mirror_t  *mirror;

    mirror = llm_mirror_open(fresh("clock"), &error);

    llm_mirror_begin(mirror);
    put(mirror, 5, "a", counter(day, NOW, 100, 0));
    llm_mirror_commit(mirror);

    llm_mirror_begin(mirror);
    put(mirror, 6, "a", counter(day, NOW + 2000 * DAY, 100, 0));
    llm_mirror_commit(mirror);

    llm_mirror_compact(mirror, 8, NOW + 1000 * DAY);
    restore(mirror, NOW + 2000 * DAY, &more);

    row = find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_DAY);
    ok(row != NULL && row->spent.cost == 100,
       "a window that is still to come is kept");

    llm_mirror_close(mirror);
}


static void
test_growth(void)
{
    char           name[LLM_ACCOUNT_NAME_SIZE + 1];
    unsigned       i, more, failed;
    const char    *error;
    MDB_envinfo    before, after;
    llm_counter_t  c;
    llm_mirror_t  *mirror;

    mirror = llm_mirror_open(fresh("growth"), &error);
    mdb_env_info(mirror->store->env, &before);

    c = counter(forever, NOW, 1, 0);
    failed = 0;

    llm_mirror_begin(mirror);

    for (i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "%0*u", LLM_ACCOUNT_NAME_SIZE,
                 i * 2654435761u);
        failed += (put(mirror, 3, name, c) != LLM_OK);
    }

    ok(failed == 0, "%d counters", MANY);
    ok(llm_mirror_commit(mirror) == LLM_OK, "commit: %s",
       llm_mirror_error(mirror));

    mdb_env_info(mirror->store->env, &after);
    ok(after.me_mapsize > before.me_mapsize, "the map grew");

    restore(mirror, NOW, &more);
    ok(nrows + more == MANY, "all are there");

    llm_mirror_close(mirror);

    mirror = llm_mirror_open(fresh("growth") , &error);
    ok(mirror != NULL && restore(mirror, NOW, &more) == LLM_OK && nrows == 0,
       "a folder that was removed is made again");
    llm_mirror_close(mirror);
}


/* two processes: one makes the map larger under the other */
static void
test_two_processes(void)
{
    int            status;
    pid_t          pid;
    unsigned       more;
    const char    *dir, *error;
    llm_mirror_t  *mirror;

    dir = fresh("two");
    pid = fork();

    if (pid == 0) {
        mirror = llm_mirror_open(dir, &error);
        mdb_env_set_mapsize(mirror->store->env, 256 * 1024 * 1024);
        llm_mirror_begin(mirror);
        put(mirror, 21, "a", counter(forever, NOW, 5, 0));
        status = llm_mirror_commit(mirror);
        kill(getpid(), SIGKILL);
        _exit(status != LLM_OK);
    }

    waitpid(pid, &status, 0);
    mirror = llm_mirror_open(dir, &error);

    ok(mirror != NULL && restore(mirror, NOW, &more) == LLM_OK && nrows == 1
       && rows[0].spent.cost == 5,
       "what a killed process committed is there");

    pid = fork();

    if (pid == 0) {
        llm_mirror_t  *other;

        other = llm_mirror_open(dir, &error);
        mdb_env_set_mapsize(other->store->env, 512 * 1024 * 1024);
        llm_mirror_begin(other);
        put(other, 22, "a", counter(forever, NOW, 6, 0));
        _exit(llm_mirror_commit(other) != LLM_OK);
    }

    waitpid(pid, &status, 0);
    ok(status == 0, "another process writes meanwhile");

    llm_mirror_begin(mirror);
    put(mirror, 23, "a", counter(forever, NOW, 7, 0));
    ok(llm_mirror_commit(mirror) == LLM_OK, "and so do we");
    ok(restore(mirror, NOW, &more) == LLM_OK && rows[0].spent.cost == 18,
       "neither overwrites the other");

    llm_mirror_close(mirror);
}


static void
write_file(const char *dir, const char *data, size_t len, int flags)
{
    int   fd;
    char  path[256];

    mkdir(dir, 0700);
    snprintf(path, sizeof(path), "%s/data.mdb", dir);

    fd = open(path, O_WRONLY|O_CREAT|flags, 0600);

    if (write(fd, data, len) != (ssize_t) len) {
        printf("# write() failed\n");
    }

    close(fd);
}


static void
refused(const char *dir, const char *what)
{
    const char    *error;
    llm_mirror_t  *mirror;

    error = "";
    mirror = llm_mirror_open(dir, &error);

    ok(mirror == NULL && strstr(error, "move the folder away") != NULL,
       "%s is refused: %s", what, error);

    if (mirror != NULL) {
        llm_mirror_close(mirror);
    }
}


static void
test_damage(void)
{
    char           garbage[16384];
    char           path[256];
    MDB_dbi        dbi;
    MDB_env       *env;
    MDB_txn       *txn;
    MDB_val        key, value;
    const char    *dir, *error;
    llm_mirror_t  *mirror;

    memset(garbage, 'x', sizeof(garbage));

    dir = fresh("garbage");
    write_file(dir, garbage, sizeof(garbage), O_TRUNC);
    refused(dir, "garbage");

    dir = fresh("foreign");
    mkdir(dir, 0700);
    mdb_env_create(&env);
    mdb_env_open(env, dir, 0, 0600);
    mdb_txn_begin(env, NULL, 0, &txn);
    mdb_dbi_open(txn, NULL, 0, &dbi);
    key = value = (MDB_val) { 3, "abc" };
    mdb_put(txn, dbi, &key, &value, 0);
    mdb_txn_commit(txn);
    mdb_env_close(env);
    refused(dir, "another program's LMDB");

    dir = fresh("short");
    mirror = llm_mirror_open(dir, &error);
    llm_mirror_begin(mirror);
    put(mirror, 3, "a", counter(forever, NOW, 1, 0));
    llm_mirror_commit(mirror);
    llm_mirror_close(mirror);
    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    ok(truncate(path, 3 * 4096) == 0, "a file is cut");
    refused(dir, "a file that is too short");

    dir = fresh("missing/below");
    error = "";
    ok(llm_mirror_open(dir, &error) == NULL
       && strstr(error, "make the folder above it") != NULL,
       "no folder above: %s", error);

    dir = fresh("file");
    close(open(dir, O_WRONLY|O_CREAT, 0600));
    ok(llm_mirror_open(dir, &error) == NULL, "a file is no folder: %s",
       error);
    unlink(dir);
}


static void
test_records(void)
{
    size_t          len, i;
    llm_str_t       key, value;
    llm_record_t    record, parsed;
    unsigned char   k[LLM_RECORD_KEY_SIZE], v[LLM_RECORD_VALUE_SIZE];

    memset(&record, 0, sizeof(record));
    record.epoch = 0x0102030405060708;
    record.kind = LLM_ACCOUNT_VIRTUAL_KEY;
    record.name = llm_str("key");
    record.window = (llm_window_t) { LLM_WINDOW_MINUTES, 90 };
    record.start = NOW;
    record.spent = (llm_amounts_t) { INT64_MAX, -1, 2, INT64_MIN };

    len = llm_record_key(&record, k);
    llm_record_value(&record, v);

    key = (llm_str_t) { (char *) k, len };
    value = (llm_str_t) { (char *) v, sizeof(v) };

    ok(llm_record_parse(&parsed, key, value) == LLM_OK
       && parsed.epoch == record.epoch && parsed.kind == record.kind
       && llm_str_eq(parsed.name, record.name)
       && parsed.window.unit == LLM_WINDOW_MINUTES
       && parsed.window.count == 90 && parsed.start == NOW
       && memcmp(&parsed.spent, &record.spent, sizeof(llm_amounts_t)) == 0,
       "a record there and back");

    for (i = 0; i < len; i++) {
        if (llm_record_parse(&parsed, (llm_str_t) { key.data, i }, value)
            == LLM_OK)
        {
            break;
        }
    }

    ok(i == len, "no record that is cut anywhere is taken");

    record.window = (llm_window_t) { LLM_WINDOW_MINUTES, 0 };
    llm_record_key(&record, k);
    ok(llm_record_parse(&parsed, key, value) == LLM_ERROR,
       "nor one of a window that has no length");
}


int
main(void)
{
    char  command[128];

    snprintf(base, sizeof(base), "/tmp/llm_mirror_test.XXXXXX");

    if (mkdtemp(base) == NULL) {
        perror("mkdtemp");
        return 1;
    }

    test_records();
    test_round_trip();
    test_others();
    test_names();
    test_compact();
    test_clock_set_back();
    test_two_processes();
    test_growth();
    test_damage();

    snprintf(command, sizeof(command), "rm -rf '%s'", base);

    return plan_done() | (system(command) != 0);
}
