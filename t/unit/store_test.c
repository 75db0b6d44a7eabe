/*
 * The store's counters: what is added is restored, over epochs, crashes and a
 * map that is too small; what is not ours is refused; who only reads makes
 * nothing, and may read in many threads at once.
 */

#include "store/counters/counters.h"
#include "store/fold/fold.h"
#include "store/journal/journals.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
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


typedef struct {
    char                 name[2 * LLM_ACCOUNT_NAME_SIZE];
    llm_record_t         record;
} added_t;


static added_t            added[16];
static unsigned           nadded;
static row_t              rows[16];
static unsigned           nrows;
static const llm_window_t forever = { LLM_WINDOW_FOREVER, 1 };
static const llm_window_t day = { LLM_WINDOW_DAY, 1 };
static char               base[64];


static void refused(const char *dir, const char *what, const char *advice);


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
restore(llm_store_t *store, int64_t now_ms, unsigned *more)
{
    nrows = 0;
    *more = 0;

    return llm_counters_restore(store, now_ms, collect, more);
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


/* what is added in one transaction */
static void
begin(void)
{
    nadded = 0;
}


static int
put(uint64_t epoch, const char *name, llm_window_t window, int64_t now_ms,
    int64_t cost)
{
    added_t  *a;

    if (nadded == sizeof(added) / sizeof(added[0])
        || strlen(name) >= sizeof(a->name))
    {
        return LLM_ERROR;
    }

    a = &added[nadded++];
    strcpy(a->name, name);
    a->record.epoch = epoch;
    a->record.kind = LLM_ACCOUNT_TEAM;
    a->record.window = window;
    a->record.start = llm_window_start(window, now_ms);
    a->record.spent = (llm_amounts_t) { cost, 3, 20, 10 };

    return LLM_OK;
}


static int
add_step(llm_store_t *store, MDB_txn *txn, void *ctx)
{
    int              rc;
    unsigned         i;
    struct timespec  now;

    clock_gettime(CLOCK_REALTIME, &now);

    for (rc = 0, i = 0; rc == 0 && i < nadded; i++) {
        added[i].record.name = (llm_str_t) { added[i].name,
                                             strlen(added[i].name) };
        rc = llm_counters_add(store, txn, &added[i].record, INT64_MAX / 2);

        if (rc == 0) {
            rc = llm_counters_seen(store, txn, added[i].record.epoch,
                                   (int64_t) now.tv_sec * 1000);
        }
    }

    return rc;
}


static int
commit(llm_store_t *store)
{
    return llm_store_write(store, add_step, NULL);
}


static void
test_round_trip(void)
{
    unsigned      more;
    const char   *dir, *error;
    const row_t  *row;
    struct stat   st;
    llm_store_t  *store;

    dir = fresh("round");
    store = llm_store_open(dir, &error);

    if (!ok(store != NULL, "a store is made")) {
        return;
    }

    ok(stat(dir, &st) == 0 && (st.st_mode & 0777) == 0700,
       "only its owner may look into the folder");

    ok(restore(store, NOW, &more) == LLM_OK && nrows == 0,
       "a new store is empty");

    begin();
    put(7, "a", forever, NOW, 1000);
    put(7, "a", day, NOW, 900);
    put(7, "old", day, NOW - DAY, 900);
    ok(commit(store) == LLM_OK, "commit");

    begin();
    put(7, "a", day, NOW, 50);
    put(9, "a", forever, NOW, 1);
    ok(commit(store) == LLM_OK, "another commit");

    begin();
    put(7, "a", day, NOW - DAY, 12345);
    put(7, "old", day, NOW + DAY, 1);
    ok(commit(store) == LLM_OK, "late and early ones");

    llm_store_close(store);
    store = llm_store_open(dir, &error);

    ok(restore(store, NOW, &more) == LLM_OK && nrows == 2,
       "two windows are current");

    row = find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_FOREVER);
    ok(row != NULL && row->spent.cost == 1001 && row->spent.requests == 6
       && row->spent.input_tokens == 40 && row->spent.output_tokens == 20,
       "epochs are summed");

    row = find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_DAY);
    ok(row != NULL && row->spent.cost == 950
       && row->start == llm_window_start(day, NOW),
       "what comes is added, but not to a window that is over");

    ok(restore(store, NOW + DAY, &more) == LLM_OK && nrows == 2
       && find(LLM_ACCOUNT_TEAM, "old", LLM_WINDOW_DAY)->spent.cost == 1,
       "a new window begins at zero");

    llm_store_close(store);
}


/* what was charged while there was no journal */
static int
unjournaled_step(llm_store_t *store, MDB_txn *txn, void *ctx)
{
    llm_amounts_t  amounts = { *(int64_t *) ctx, 1, 1, 1 };

    return llm_counters_unjournaled(store, txn, 7, LLM_ACCOUNT_TEAM,
                                    llm_str("a"), forever, 0, &amounts);
}


static void
test_unjournaled(void)
{
    int64_t       cost;
    unsigned      more;
    const char   *error;
    llm_store_t  *store;

    store = llm_store_open(fresh("unjournaled"), &error);

    begin();
    put(7, "a", forever, NOW, 100);
    commit(store);

    cost = 5;
    llm_store_write(store, unjournaled_step, &cost);
    cost = 8;
    llm_store_write(store, unjournaled_step, &cost);
    llm_store_write(store, unjournaled_step, &cost);

    ok(restore(store, NOW, &more) == LLM_OK && nrows == 1
       && rows[0].spent.cost == 108 && rows[0].spent.requests == 4,
       "it counts beside what the journal says, however often it is written");

    nrows = more = 0;
    ok(llm_counters_others(store, 7, NOW, collect, &more) == LLM_OK
       && nrows == 0, "and is no other epoch's");

    begin();
    put(8, "a", forever, NOW, 1);
    commit(store);

    ok(llm_counters_compact(store, 8, NOW + 1000 * DAY) == LLM_OK
       && llm_counters_compact(store, 8, NOW + 1000 * DAY) == LLM_OK
       && restore(store, NOW, &more) == LLM_OK && nrows == 1
       && rows[0].spent.cost == 109, "a compaction keeps it");

    cost = 3;
    llm_store_write(store, unjournaled_step, &cost);

    ok(restore(store, NOW, &more) == LLM_OK && rows[0].spent.cost == 112,
       "apart from what comes later");

    llm_store_close(store);
}


/* a binary upgrade: two masters, each with its own epoch */
static void
test_others(void)
{
    int64_t        seen, again;
    unsigned       more;
    const char    *error;
    const row_t   *row;
    llm_store_t  *store;

    store = llm_store_open(fresh("others"), &error);

    ok(llm_counters_others_seen(store, 7, &seen) == LLM_OK && seen == 0,
       "no other epoch");

    begin();
    put(7, "a", forever, NOW, 100);
    commit(store);

    ok(llm_counters_others_seen(store, 7, &seen) == LLM_OK && seen == 0,
       "our own is none");

    begin();
    put(9, "a", forever, NOW, 30);
    put(9, "b", day, NOW, 1);
    commit(store);

    ok(llm_counters_others_seen(store, 7, &seen) == LLM_OK && seen > NOW,
       "another one");
    ok(llm_counters_others_seen(store, 7, &again) == LLM_OK && seen == again,
       "which is silent now");

    nrows = more = 0;
    ok(llm_counters_others(store, 7, NOW, collect, &more) == LLM_OK
       && nrows == 2, "what it spent");
    row = find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_FOREVER);
    ok(row != NULL && row->spent.cost == 30, "without ours");

    nrows = more = 0;
    ok(llm_counters_others(store, 9, NOW, collect, &more) == LLM_OK
       && nrows == 1 && rows[0].spent.cost == 100, "and the other way");

    llm_store_close(store);
}


static void
test_names(void)
{
    char          name[LLM_ACCOUNT_NAME_SIZE + 2];
    unsigned      more;
    const char   *error;
    llm_store_t  *store;

    store = llm_store_open(fresh("names"), &error);

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';

    begin();
    put(1, name, forever, NOW, 5);
    ok(commit(store) == LLM_ERROR, "a name that is too long");

    begin();
    put(1, "", forever, NOW, 5);
    ok(commit(store) == LLM_ERROR, "no name");

    begin();
    name[LLM_ACCOUNT_NAME_SIZE] = '\0';
    put(1, name, forever, NOW, 5);

    /* one that is a prefix of another, and one of another kind */
    put(1, "n", forever, NOW, 5);
    put(1, "n", forever, NOW, 5);
    added[nadded - 1].record.kind = LLM_ACCOUNT_PROVIDER;
    ok(commit(store) == LLM_OK, "the longest name");

    ok(restore(store, NOW, &more) == LLM_OK && nrows == 3
       && find(LLM_ACCOUNT_TEAM, name, LLM_WINDOW_FOREVER) != NULL
       && find(LLM_ACCOUNT_TEAM, "n", LLM_WINDOW_FOREVER) != NULL
       && find(LLM_ACCOUNT_PROVIDER, "n", LLM_WINDOW_FOREVER) != NULL,
       "names and kinds are told apart");

    llm_store_close(store);
}


static void
test_compact(void)
{
    unsigned       more;
    const row_t   *row;
    const char    *error;
    llm_store_t  *store;

    store = llm_store_open(fresh("compact"), &error);

    begin();
    put(5, "a", forever, NOW, 100);
    put(5, "a", day, NOW, 100);
    put(5, "ahead", day, NOW + 900 * DAY, 100);
    commit(store);

    begin();
    put(6, "a", forever, NOW, 10);
    put(6, "b", forever, NOW, 10);
    commit(store);

    begin();
    put(8, "a", forever, NOW, 1);
    put(8, "a", day, NOW, 1);
    commit(store);

    ok(llm_counters_compact(store, 8, NOW) == LLM_OK, "compaction");
    restore(store, NOW, &more);
    row = find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_FOREVER);
    ok(row != NULL && row->spent.cost == 111,
       "it changes no sum while all are alive");

    /* in a thousand days all but epoch 8 have been silent */

    ok(llm_counters_compact(store, 8, NOW + 1000 * DAY) == LLM_OK,
       "compaction of dead epochs");
    restore(store, NOW + 1000 * DAY, &more);
    row = find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_FOREVER);
    ok(row != NULL && row->spent.cost == 111 && row->spent.requests == 9,
       "the sum is the same");
    row = find(LLM_ACCOUNT_TEAM, "b", LLM_WINDOW_FOREVER);
    ok(row != NULL && row->spent.cost == 10, "one without a live epoch too");

    ok(llm_counters_compact(store, 8, NOW + 1000 * DAY) == LLM_OK
       && restore(store, NOW + 1000 * DAY, &more) == LLM_OK
       && find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_FOREVER)->spent.cost == 111,
       "a second compaction adds nothing");

    restore(store, NOW, &more);
    row = find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_DAY);
    ok(row != NULL && row->spent.cost == 1,
       "a dead epoch's window that is over is dropped, a live one's is left");

    begin();
    put(8, "a", forever, NOW, 2);
    commit(store);
    restore(store, NOW, &more);
    row = find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_FOREVER);
    ok(row != NULL && row->spent.cost == 113, "the live epoch goes on");

    llm_store_close(store);
}


/* before its window has come, a record of a clock set back is not lost */
static void
test_clock_set_back(void)
{
    unsigned       more;
    const char    *error;
    const row_t   *row;
    llm_store_t  *store;

    store = llm_store_open(fresh("clock"), &error);

    begin();
    put(5, "a", day, NOW, 100);
    commit(store);

    begin();
    put(6, "a", day, NOW + 2000 * DAY, 100);
    commit(store);

    llm_counters_compact(store, 8, NOW + 1000 * DAY);
    restore(store, NOW + 2000 * DAY, &more);

    row = find(LLM_ACCOUNT_TEAM, "a", LLM_WINDOW_DAY);
    ok(row != NULL && row->spent.cost == 100,
       "a window that is still to come is kept");

    llm_store_close(store);
}


static int
many_step(llm_store_t *store, MDB_txn *txn, void *ctx)
{
    int           rc;
    char          name[LLM_ACCOUNT_NAME_SIZE + 1];
    unsigned      i;
    llm_record_t  record;

    memset(&record, 0, sizeof(record));
    record.epoch = 3;
    record.kind = LLM_ACCOUNT_TEAM;
    record.window = forever;
    record.spent = (llm_amounts_t) { 1, 3, 20, 10 };

    for (rc = 0, i = 0; rc == 0 && i < MANY; i++) {
        snprintf(name, sizeof(name), "%0*u", LLM_ACCOUNT_NAME_SIZE,
                 i * 2654435761u);
        record.name = (llm_str_t) { name, LLM_ACCOUNT_NAME_SIZE };
        rc = llm_counters_add(store, txn, &record, INT64_MAX / 2);
    }

    (*(unsigned *) ctx)++;

    return rc;
}


static void
test_growth(void)
{
    unsigned      more, tries;
    MDB_txn      *txn;
    uint64_t      used, file;
    const char   *error;
    MDB_envinfo   before, after;
    llm_store_t  *store;

    store = llm_store_open(fresh("growth"), &error);
    mdb_env_info(store->env, &before);

    tries = 0;
    ok(llm_store_write(store, many_step, &tries) == LLM_OK,
       "%d counters, in %u tries: %s", MANY, tries, llm_store_error(store));

    mdb_env_info(store->env, &after);
    ok(after.me_mapsize > before.me_mapsize, "the map grew");

    restore(store, NOW, &more);
    ok(nrows + more == MANY && rows[0].spent.cost == 1,
       "all are there, once");

    ok(llm_store_read(store, &txn) == 0
       && llm_store_size(store, txn, &used, &file) == 0
       && used <= file && used > (uint64_t) MANY * LLM_ACCOUNT_NAME_SIZE,
       "the size");
    llm_store_read_end(store, txn);

    llm_store_close(store);

    store = llm_store_open(fresh("growth"), &error);
    ok(store != NULL && restore(store, NOW, &more) == LLM_OK && nrows == 0,
       "a folder that was removed is made again");
    llm_store_close(store);
}


#define PASSING  (256 * 1024)

/* pages at the end of the file that were taken and given back at once */
static int
passing_step(llm_store_t *to, MDB_txn *txn, void *ctx)
{
    int           rc;
    size_t       *size = ctx;
    MDB_val       key, value;
    static char   bytes[PASSING];

    rc = 0;
    key = (MDB_val) { 7, "passing" };
    value = (MDB_val) { 0, bytes };

    while (rc == 0 && value.mv_size < *size) {
        value.mv_size += 8192;
        rc = mdb_put(txn, to->content, &key, &value, 0);
    }

    return rc ? rc : mdb_del(txn, to->content, &key, NULL);
}


/* the length that the file has, and the one with all its pages */
static bool
whole(llm_store_t *store, const char *dir)
{
    char         path[128];
    MDB_stat     stat_db;
    MDB_envinfo  info;
    struct stat  st;

    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    mdb_env_info(store->env, &info);
    mdb_env_stat(store->env, &stat_db);

    return stat(path, &st) == 0
           && (size_t) st.st_size >= (info.me_last_pgno + 1)
                                     * stat_db.ms_psize;
}


static void
test_length(void)
{
    bool          always;
    size_t        size;
    MDB_txn      *txn;
    const char   *dir, *error;
    llm_store_t  *store, *reader;

    dir = fresh("length");
    store = llm_store_open(dir, &error);
    always = true;

    for (size = 8192; size <= PASSING; size += 8192) {
        always &= llm_store_write(store, passing_step, &size) == LLM_OK
                  && whole(store, dir);
    }

    ok(always, "pages that were never written belong to the file");

    reader = llm_store_open_readonly(dir, &error);
    ok(reader != NULL, "who reads opens it%s%s", reader ? "" : ": ",
       reader ? "" : error);
    llm_store_close(reader);
    llm_store_close(store);

    /* as if the process had died before it made the file longer */

    dir = fresh("length");
    store = llm_store_open(dir, &error);

    for (size = 8192; size <= PASSING && whole(store, dir); size += 8192) {
        mdb_txn_begin(store->env, NULL, 0, &txn);
        passing_step(store, txn, &size);
        mdb_txn_commit(txn);
    }

    ok(!whole(store, dir), "one that ends before them, after %zu bytes",
       size);
    llm_store_close(store);

    store = llm_store_open(dir, &error);
    ok(store != NULL && whole(store, dir), "is opened, and made longer%s%s",
       store ? "" : ": ", store ? "" : error);

    if (store != NULL) {
        llm_store_close(store);
    }
}


/* readers in threads of another process, while the map grows */
static void *
read_for_ever(void *data)
{
    int           n;
    unsigned      more;
    MDB_txn      *txn;
    MDB_val       key, value;
    MDB_cursor   *cursor;
    llm_store_t  *store = data;
    uintptr_t     failed;

    failed = 0;
    more = 0;

    for (n = 0; n < 300; n++) {

        if (llm_store_read(store, &txn) != 0) {
            failed++;
            continue;
        }

        if (mdb_cursor_open(txn, store->counters, &cursor) == 0) {
            while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
                more += value.mv_size != LLM_RECORD_VALUE_SIZE;
            }

            mdb_cursor_close(cursor);
        }

        llm_store_read_end(store, txn);
    }

    return (void *) (failed + more);
}


static void
test_readers(void)
{
    int           status, i, wrong;
    void         *failed;
    pid_t         pid;
    const char   *dir, *error;
    unsigned      n;
    pthread_t     threads[4];
    llm_store_t  *store;

    dir = fresh("readers");

    error = "";
    store = llm_store_open_readonly(dir, &error);
    ok(store == NULL && strstr(error, "there is no store yet") != NULL
       && access(dir, F_OK) == -1,
       "who only reads makes no store: %s", error);

    llm_store_close(llm_store_open(dir, &error));

    pid = fork();

    if (pid == 0) {
        store = llm_store_open(dir, &error);
        mdb_env_set_mapsize(store->env, 128 * 1024);

        for (n = 0; n < 400; n++) {
            begin();

            for (i = 0; i < 16; i++) {
                char  name[100];

                snprintf(name, sizeof(name), "%099u", n * 16 + i);
                put(5, name, forever, NOW, 1);
            }

            if (commit(store) != LLM_OK) {
                printf("# %s\n", llm_store_error(store));
                _exit(1);
            }
        }

        _exit(0);
    }

    store = llm_store_open_readonly(dir, &error);

    if (!ok(store != NULL, "a reader")) {
        return;
    }

    for (i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, read_for_ever, store);
    }

    wrong = 0;

    for (i = 0; i < 4; i++) {
        pthread_join(threads[i], &failed);
        wrong += failed != NULL;
    }

    waitpid(pid, &status, 0);

    ok(status == 0 && wrong == 0,
       "four threads read while another process makes the map larger");

    begin();
    put(5, "a", forever, NOW, 1);
    ok(commit(store) == LLM_ERROR, "and cannot write: %s",
       llm_store_error(store));

    llm_store_close(store);
}


/* the store of the release before, which had counters only */
static void
test_format(void)
{
    unsigned      more;
    MDB_dbi       meta;
    MDB_env      *env;
    MDB_txn      *txn;
    MDB_val       key, value;
    const char   *dir, *error;
    llm_store_t  *store;

    dir = fresh("format");
    store = llm_store_open(dir, &error);
    begin();
    put(5, "a", forever, NOW, 77);
    commit(store);
    llm_store_close(store);

    key = (MDB_val) { 6, "format" };
    value = (MDB_val) { 13, "ngx_llm_gov 1" };

    mdb_env_create(&env);
    mdb_env_set_maxdbs(env, 4);
    mdb_env_open(env, dir, 0, 0600);
    mdb_txn_begin(env, NULL, 0, &txn);
    mdb_dbi_open(txn, "meta", 0, &meta);
    mdb_put(txn, meta, &key, &value, 0);
    mdb_txn_commit(txn);
    mdb_env_close(env);

    store = llm_store_open_readonly(dir, &error);
    ok(store == NULL, "a store of the release before is not read: %s", error);

    store = llm_store_open(dir, &error);
    ok(store != NULL && restore(store, NOW, &more) == LLM_OK && nrows == 1
       && rows[0].spent.cost == 77, "but taken over");
    llm_store_close(store);

    store = llm_store_open_readonly(dir, &error);
    ok(store != NULL, "and then read");
    llm_store_close(store);

    value = (MDB_val) { 13, "ngx_llm_gov 9" };
    mdb_env_create(&env);
    mdb_env_set_maxdbs(env, 4);
    mdb_env_open(env, dir, 0, 0600);
    mdb_txn_begin(env, NULL, 0, &txn);
    mdb_dbi_open(txn, "meta", 0, &meta);
    mdb_put(txn, meta, &key, &value, 0);
    mdb_txn_commit(txn);
    mdb_env_close(env);

    refused(dir, "one of a later release", "another version of ngx_llm_gov");
}


static void
note_journal(const char *dir, void *ctx)
{
    strcat(ctx, dir);
    strcat(ctx, ";");
}


static void
test_journals(void)
{
    char          list[512], path[LLM_JOURNALS_PATH + 2];
    const char   *error;
    llm_store_t  *store;

    store = llm_store_open(fresh("journals"), &error);

    llm_journals_note(store, "/b");
    llm_journals_note(store, "/a/c");
    llm_journals_note(store, "/b");

    list[0] = '\0';
    ok(llm_journals_each(store, note_journal, list) == LLM_OK
       && strcmp(list, "/a/c;/b;") == 0, "folders of journals: %s", list);

    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    ok(llm_journals_note(store, path) == LLM_AGAIN, "one that is too long");

    llm_journals_forget(store, "/a/c");
    llm_journals_forget(store, "/never");

    list[0] = '\0';
    ok(llm_journals_each(store, note_journal, list) == LLM_OK
       && strcmp(list, "/b;") == 0, "one is forgotten: %s", list);

    llm_store_close(store);
}


/* two processes: one makes the map larger under the other */
static void
test_two_processes(void)
{
    int            status;
    pid_t          pid;
    unsigned       more;
    const char    *dir, *error;
    llm_store_t  *store;

    dir = fresh("two");
    pid = fork();

    if (pid == 0) {
        store = llm_store_open(dir, &error);
        mdb_env_set_mapsize(store->env, 256 * 1024 * 1024);
        begin();
        put(21, "a", forever, NOW, 5);
        status = commit(store);
        kill(getpid(), SIGKILL);
        _exit(status != LLM_OK);
    }

    waitpid(pid, &status, 0);
    store = llm_store_open(dir, &error);

    ok(store != NULL && restore(store, NOW, &more) == LLM_OK && nrows == 1
       && rows[0].spent.cost == 5,
       "what a killed process committed is there");

    pid = fork();

    if (pid == 0) {
        llm_store_t  *other;

        other = llm_store_open(dir, &error);
        mdb_env_set_mapsize(other->env, 512 * 1024 * 1024);
        begin();
        put(22, "a", forever, NOW, 6);
        _exit(commit(other) != LLM_OK);
    }

    waitpid(pid, &status, 0);
    ok(status == 0, "another process writes meanwhile");

    begin();
    put(23, "a", forever, NOW, 7);
    ok(commit(store) == LLM_OK, "and so do we");
    ok(restore(store, NOW, &more) == LLM_OK && rows[0].spent.cost == 18,
       "neither overwrites the other");

    llm_store_close(store);
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
refused(const char *dir, const char *what, const char *advice)
{
    const char    *error;
    llm_store_t  *store;

    error = "";
    store = llm_store_open(dir, &error);

    ok(store == NULL && strstr(error, advice) != NULL,
       "%s is refused: %s", what, error);

    if (store != NULL) {
        llm_store_close(store);
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
    llm_store_t  *store;

    memset(garbage, 'x', sizeof(garbage));

    dir = fresh("garbage");
    write_file(dir, garbage, sizeof(garbage), O_TRUNC);
    refused(dir, "garbage", "move the folder away");

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
    refused(dir, "another program's LMDB", "move the folder away");

    dir = fresh("short");
    store = llm_store_open(dir, &error);
    begin();
    put(3, "a", forever, NOW, 1);
    commit(store);
    llm_store_close(store);
    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    ok(truncate(path, 3 * 4096) == 0, "a file is cut");
    refused(dir, "a file that is too short", "move the folder away");

    dir = fresh("missing/below");
    error = "";
    store = llm_store_open(dir, &error);
    ok(store == NULL && strstr(error, "make the folder above it") != NULL,
       "no folder above: %s", error);

    dir = fresh("file");
    close(open(dir, O_WRONLY|O_CREAT, 0600));
    store = llm_store_open(dir, &error);
    ok(store == NULL, "a file is no folder: %s", error);
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

    snprintf(base, sizeof(base), "/tmp/llm_store_test.XXXXXX");

    if (mkdtemp(base) == NULL) {
        perror("mkdtemp");
        return 1;
    }

    test_records();
    test_round_trip();
    test_unjournaled();
    test_others();
    test_names();
    test_compact();
    test_clock_set_back();
    test_two_processes();
    test_growth();
    test_length();
    test_readers();
    test_format();
    test_journals();
    test_damage();

    snprintf(command, sizeof(command), "rm -rf '%s'", base);

    return plan_done() | (system(command) != 0);
}
