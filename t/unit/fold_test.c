/*
 * The fold: each record counts exactly once, whoever is killed whenever; what
 * was under way when its process died is charged as estimated; what is damaged
 * is said and passed over; a store that cannot be written loses nothing.
 */

#define _GNU_SOURCE

#include "store/rows/block.h"
#include "store/counters/counters.h"
#include "store/fold/fold_parts.h"
#include "store/rows/log.h"
#include "tap.h"
#include "wire/be.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#define NOW         ((int64_t) 1768480496000)   /* 2026-01-15T12:34:56Z */
#define HOUR        ((int64_t) 3600 * 1000)
#define DAY         (24 * HOUR)
#define SEGMENT     (256 * 1024)
#define ROWS_MAX    200000

#define ROUNDS      60


typedef struct {
    llm_account_kind_t   kind;
    char                 name[32];
    llm_window_t         window;
    int64_t              start;
    llm_amounts_t        spent;
} counter_t;


static const llm_window_t  forever = { LLM_WINDOW_FOREVER, 1 };
static const llm_window_t  day = { LLM_WINDOW_DAY, 1 };
static const llm_window_t  hour = { LLM_WINDOW_HOURS, 1 };

static char                base[64];
static counter_t           truth[512], found[512];
static unsigned            ntruth, nfound;
static unsigned char       seen[ROWS_MAX];
static unsigned            recovered, refused, sealed;


static void
remove_tree(const char *path)
{
    DIR            *dir;
    char            name[512];
    struct dirent  *entry;

    dir = opendir(path);

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);

            if (unlink(name) == -1) {
                remove_tree(name);
            }
        }
    }

    if (dir != NULL) {
        closedir(dir);
    }

    rmdir(path);
}


static const char *
path(const char *name)
{
    static char      paths[4][128];
    static unsigned  n;

    n = (n + 1) % 4;
    snprintf(paths[n], sizeof(paths[n]), "%s/%s", base, name);

    return paths[n];
}


static void
fresh(void)
{
    remove_tree(path("store"));
    remove_tree(path("journal"));
    ntruth = 0;
}


static llm_str_t
text(char *out, const char *prefix, unsigned n)
{
    return (llm_str_t) { out, (size_t) sprintf(out, "%s%u", prefix, n) };
}


/* row n, one of two attempts every third time; strings live until the next */
static void
make_row(llm_row_t *row, unsigned n, int64_t now_ms)
{
    unsigned            i;
    static char         names[8][32];
    llm_row_attempt_t  *attempt;

    memset(row, 0, sizeof(*row));

    row->received_ms = now_ms;
    row->admitted_ms = now_ms;
    row->ended_ms = now_ms + 5;

    for (i = 0; i < 6; i++) {
        row->id[i] = (unsigned char) (now_ms >> (40 - 8 * i));
    }

    memcpy(row->id + 12, &n, sizeof(n));

    row->customer = text(names[0], "customer", 1);
    row->team = text(names[1], "team", n % 5);
    row->virtual_key = text(names[2], "key", n % 17);
    row->model = text(names[3], "model", n % 3);
    row->model_asked = row->model;
    row->status = 200;
    row->nattempts = (n % 3 == 0) ? 2 : 1;

    for (i = 0; i < row->nattempts; i++) {
        attempt = &row->attempts[i];
        attempt->provider = text(names[4 + i], "provider", (n + i) % 4);
        attempt->model = row->model;
        attempt->admitted_ms = now_ms;
        attempt->started_ms = now_ms;
        attempt->ended_ms = now_ms + 5;
        attempt->first_token_ms = -1;
        attempt->cost = 1000 + n + i;
        attempt->input_tokens = 10 + n % 7;
        attempt->output_tokens = 3 + i;
        row->cost.total += attempt->cost;
    }

    row->provider = attempt->provider;
}


static counter_t *
counter(counter_t *list, unsigned *n, llm_account_kind_t kind, llm_str_t name,
    llm_window_t window, int64_t start)
{
    unsigned    i;
    counter_t  *c;

    for (i = 0; i < *n; i++) {
        c = &list[i];

        if (c->kind == kind && c->window.unit == window.unit
            && c->window.count == window.count && c->start == start
            && strlen(c->name) == name.len
            && memcmp(c->name, name.data, name.len) == 0)
        {
            return c;
        }
    }

    c = &list[(*n)++];
    memset(c, 0, sizeof(*c));
    c->kind = kind;
    memcpy(c->name, name.data, name.len);
    c->window = window;
    c->start = start;

    return c;
}


static unsigned
windows_of(llm_account_kind_t kind, llm_window_t *windows)
{
    windows[0] = forever;
    windows[1] = day;
    windows[2] = hour;

    return (kind == LLM_ACCOUNT_TEAM) ? 3 : (kind == LLM_ACCOUNT_PROVIDER) ? 2
                                                                           : 1;
}


static unsigned
windows(llm_account_kind_t kind, llm_str_t name, llm_window_t *list,
    unsigned max, void *ctx)
{
    llm_window_t  all[3];
    unsigned      n;

    /* nobody knows the virtual keys: "total" all the same */

    if (kind == LLM_ACCOUNT_VIRTUAL_KEY) {
        return 0;
    }

    n = windows_of(kind, all);
    memcpy(list, all, n * sizeof(llm_window_t));

    return n;
}


static void
expect(llm_account_kind_t kind, llm_str_t name, int64_t time_ms,
    llm_amounts_t amounts)
{
    unsigned      i, n;
    llm_window_t  all[3];

    if (name.len == 0) {
        return;
    }

    n = windows_of(kind, all);

    for (i = 0; i < n; i++) {
        llm_record_add(&counter(truth, &ntruth, kind, name, all[i],
                                llm_window_start(all[i], time_ms))->spent,
                       &amounts);
    }
}


/* what a row charges, from its definition */
static void
expect_row(const llm_row_t *row)
{
    unsigned                  i, k;
    llm_amounts_t             one = { .requests = 1 }, amounts;
    const llm_row_attempt_t  *attempt;
    const llm_str_t           names[] = { row->customer, row->team,
                                          row->virtual_key };

    for (k = 0; k < 3; k++) {
        expect(LLM_ACCOUNT_CUSTOMER + k, names[k], row->admitted_ms, one);
    }

    for (i = 0; i < row->nattempts; i++) {
        attempt = &row->attempts[i];
        amounts = (llm_amounts_t) { attempt->cost, 0, attempt->input_tokens,
                                    attempt->output_tokens };

        for (k = 0; k < 3; k++) {
            expect(LLM_ACCOUNT_CUSTOMER + k, names[k], attempt->ended_ms,
                   amounts);
        }

        expect(LLM_ACCOUNT_PROVIDER, attempt->provider, attempt->admitted_ms,
               one);
        expect(LLM_ACCOUNT_PROVIDER, attempt->provider, attempt->ended_ms,
               amounts);
    }
}


static int
collect(llm_account_kind_t kind, llm_str_t name, llm_window_t window,
    int64_t start, const llm_amounts_t *spent, void *ctx)
{
    counter(found, &nfound, kind, name, window, start)->spent = *spent;

    return LLM_OK;
}


/* how many counters of the truth the store does not have at this time */
static unsigned
counters_wrong(llm_store_t *store, int64_t now_ms)
{
    unsigned    i, current, wrong;
    counter_t  *c;

    nfound = 0;
    wrong = 0;
    current = 0;

    if (llm_counters_restore(store, now_ms, collect, NULL) != LLM_OK) {
        return 9999;
    }

    for (i = 0; i < ntruth; i++) {
        c = &truth[i];

        if (c->start != llm_window_start(c->window, now_ms)) {
            continue;
        }

        current++;

        if (memcmp(&counter(found, &nfound, c->kind,
                            (llm_str_t) { c->name, strlen(c->name) },
                            c->window, c->start)->spent,
                   &c->spent, sizeof(llm_amounts_t))
            != 0)
        {
            wrong++;
        }
    }

    return wrong + (nfound - current);
}


static void
read_row(const llm_row_t *row)
{
    unsigned  id;

    memcpy(&id, row->id + 12, sizeof(id));

    if (id < ROWS_MAX && seen[id] < 255) {
        seen[id]++;
    }

    recovered += row->recovered;
    refused += row->admitted_ms == 0;
}


/* the rows in blocks; returns how many, 0 if any has not its number */
static unsigned
read_blocks(llm_store_t *store, MDB_txn *txn)
{
    unsigned        n, i;
    MDB_val         key, value, about;
    MDB_cursor     *cursor;
    llm_row_t       row;
    llm_block_t     block;
    llm_summary_t   summary;

    n = 0;
    sealed = 0;

    mdb_cursor_open(txn, store->blocks, &cursor);

    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {

        if (llm_block_open(&block, value.mv_data, value.mv_size) != LLM_OK
            || block.first != n + 1
            || mdb_get(txn, store->summaries, &key, &about) != 0
            || llm_summary_parse(&summary, &key, &about) != LLM_OK
            || summary.first != block.first || summary.rows != block.rows)
        {
            n = 0;
            break;
        }

        for (i = 0; i < block.rows; i++) {
            llm_block_row(&block, i, &row);
            read_row(&row);

            if (row.ended_ms < summary.ended_min
                || row.ended_ms > summary.ended_max
                || row.received_ms < summary.received_min
                || row.received_ms > summary.received_max)
            {
                return 0;
            }
        }

        n += block.rows;
        sealed++;
    }

    mdb_cursor_close(cursor);

    return n;
}


/* every row of the log, once; returns how many */
static unsigned
read_log(llm_store_t *store)
{
    unsigned     n;
    MDB_txn     *txn;
    MDB_val      key, value;
    uint64_t     seq;
    MDB_cursor  *cursor;
    llm_row_t    row;

    recovered = 0;
    refused = 0;
    memset(seen, 0, sizeof(seen));

    if (llm_store_read(store, &txn) != 0) {
        return 0;
    }

    n = read_blocks(store, txn);

    mdb_cursor_open(txn, store->recent, &cursor);

    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        seq = llm_be_get(key.mv_data, 8);

        if (seq != ++n
            || llm_row_decode(&row, (llm_str_t) { value.mv_data,
                                                  value.mv_size })
               != LLM_OK)
        {
            n = 0;
            break;
        }

        read_row(&row);
    }

    mdb_cursor_close(cursor);
    llm_store_read_end(store, txn);

    return n;
}


static unsigned
seen_wrong(unsigned from, unsigned to)
{
    unsigned  i, wrong;

    for (wrong = 0, i = from; i < to; i++) {
        wrong += seen[i] != 1;
    }

    return wrong;
}


static int
append(llm_journal_t *journal, llm_journal_kind_t kind, const llm_row_t *row)
{
    size_t         len;
    unsigned char  encoded[LLM_ROW_MAX];

    len = llm_row_encode(row, encoded, sizeof(encoded));

    return llm_journal_append(journal, kind, encoded, len);
}


static void
prepare(unsigned n)
{
    char  error[LLM_JOURNAL_ERROR];

    if (llm_journal_prepare(path("journal"), n, SEGMENT, (uid_t) -1,
                            (gid_t) -1, error)
        != LLM_OK)
    {
        printf("# %s\n", error);
    }
}


static llm_journal_t *
claim(uint64_t epoch)
{
    char            error[LLM_JOURNAL_ERROR];
    llm_journal_t  *journal;

    journal = llm_journal_claim(path("journal"), epoch, error);

    if (journal == NULL) {
        printf("# %s\n", error);
    }

    return journal;
}


static llm_store_t *
open_store(void)
{
    const char   *error;
    llm_store_t  *store;

    store = llm_store_open(path("store"), &error);

    if (store == NULL) {
        printf("# %s\n", error);
    }

    return store;
}


/* folds until there is nothing left; adds up the results */
static int
fold(llm_store_t *store, int64_t now_ms, bool alone, llm_fold_result_t *sum)
{
    int                rc;
    char               error[LLM_JOURNAL_ERROR];
    unsigned           n;
    llm_segment_t    **segments;
    llm_fold_conf_t    conf;
    llm_fold_result_t  result;

    memset(&conf, 0, sizeof(conf));
    memset(sum, 0, sizeof(*sum));
    conf.now_ms = now_ms;
    conf.windows = windows;
    conf.alone = alone;

    n = 0;
    segments = NULL;

    rc = llm_segments_scan(path("journal"), &segments, &n, error);

    do {
        result.more = false;

        if (rc == LLM_OK) {
            rc = llm_fold(store, segments, n, &conf, &result);
        }

        sum->rows += result.rows;
        sum->recovered += result.recovered;
        sum->damaged += result.damaged;

    } while (rc == LLM_OK && result.more);

    llm_segments_free(segments, n);

    return rc;
}


static int
fold_all(llm_store_t *store, int64_t now_ms, llm_fold_result_t *sum)
{
    return fold(store, now_ms, false, sum);
}


static void
test_rows(void)
{
    unsigned            n;
    llm_row_t           row;
    llm_store_t        *store;
    llm_journal_t      *journal;
    llm_fold_result_t   result;

    fresh();
    prepare(2);
    store = open_store();
    journal = claim(7);

    for (n = 0; n < 200; n++) {
        make_row(&row, n, NOW);
        append(journal, LLM_JOURNAL_HOLD, &row);
        append(journal, LLM_JOURNAL_SETTLE, &row);
        expect_row(&row);
    }

    make_row(&row, n, NOW);
    row.admitted_ms = 0;
    append(journal, LLM_JOURNAL_SETTLE, &row);

    ok(fold_all(store, NOW, &result) == LLM_OK && result.rows == 201
       && result.recovered == 0 && result.damaged == 0, "rows are folded");

    ok(read_log(store) == 201 && seen_wrong(0, 201) == 0 && refused == 1,
       "each is in the log once, refused ones too");

    ok(counters_wrong(store, NOW) == 0,
       "counters of all tiers and windows have what the rows charge, refused "
       "ones nothing");

    ok(fold_all(store, NOW, &result) == LLM_OK && result.rows == 0,
       "a second time there is nothing left");

    /* the next hour: the windows that are over are not touched */

    for (n = 201; n < 300; n++) {
        make_row(&row, n, NOW + HOUR);
        append(journal, LLM_JOURNAL_SETTLE, &row);
        expect_row(&row);
    }

    make_row(&row, n, NOW);
    append(journal, LLM_JOURNAL_SETTLE, &row);
    expect_row(&row);

    ok(fold_all(store, NOW + HOUR, &result) == LLM_OK && result.rows == 100
       && counters_wrong(store, NOW + HOUR) == 0,
       "a new window begins with what belongs to it, what came late counts in "
       "the others");

    llm_journal_release(journal);

    ok(fold_all(store, NOW + HOUR, &result) == LLM_OK
       && result.recovered == 0
       && (journal = claim(8)) != NULL,
       "what was settled is no orphan, and the segment is free again");

    llm_journal_release(journal);
    llm_store_close(store);
}


/* the clock was ahead, and is set back: windows that are still to come are in
 * nobody's way */
static void
test_clock(void)
{
    unsigned            n;
    llm_row_t           row;
    llm_store_t        *store;
    llm_journal_t      *journal;
    llm_fold_result_t   result;

    fresh();
    prepare(1);
    store = open_store();
    journal = claim(7);

    for (n = 0; n < 40; n++) {
        make_row(&row, n, (n < 20) ? NOW + 30 * DAY : NOW);
        append(journal, LLM_JOURNAL_SETTLE, &row);
        expect_row(&row);

        if (n == 9) {
            fold_all(store, NOW + 30 * DAY, &result);
        }
    }

    ok(fold_all(store, NOW, &result) == LLM_OK
       && counters_wrong(store, NOW) == 0,
       "a clock that is set back: what is charged then counts");

    ok(fold_all(store, NOW, &result) == LLM_OK && read_log(store) == 40,
       "and all rows are there");

    llm_journal_release(journal);
    llm_store_close(store);
}


static void
test_orphans(void)
{
    unsigned            n;
    llm_row_t           row;
    llm_store_t        *store;
    llm_journal_t      *journal, *other;
    llm_fold_result_t   result;

    fresh();
    prepare(2);
    store = open_store();
    journal = claim(7);
    other = claim(7);

    for (n = 0; n < 40; n++) {
        make_row(&row, n, NOW);
        row.attempts[row.nattempts - 1].ended_ms = 0;
        append(journal, LLM_JOURNAL_HOLD, &row);
    }

    ok(fold_all(store, NOW + 1, &result) == LLM_OK && result.rows == 0
       && read_log(store) == 0,
       "what is under way is no row yet");

    for (n = 0; n < 20; n++) {
        make_row(&row, n, NOW);
        append(journal, LLM_JOURNAL_SETTLE, &row);
        expect_row(&row);
    }

    /* a second attempt began: its hold takes the first one's place */

    for (n = 20; n < 40; n++) {
        make_row(&row, n, NOW);
        row.attempts[row.nattempts - 1].cost += 5;
        row.attempts[row.nattempts - 1].ended_ms = 0;
        append(journal, LLM_JOURNAL_HOLD, &row);
        row.attempts[row.nattempts - 1].ended_ms = NOW + 2 * HOUR;
        expect_row(&row);
    }

    make_row(&row, 40, NOW);
    append(other, LLM_JOURNAL_HOLD, &row);
    llm_journal_release(journal);

    ok(fold_all(store, NOW + 2 * HOUR, &result) == LLM_OK && result.rows == 40
       && result.recovered == 20,
       "when their process is gone they are");

    ok(read_log(store) == 40 && seen_wrong(0, 40) == 0 && recovered == 20
       && counters_wrong(store, NOW + 2 * HOUR) == 0,
       "and are charged as it was expected, at the time of their recovery");

    make_row(&row, 40, NOW);
    append(other, LLM_JOURNAL_SETTLE, &row);
    llm_journal_release(other);

    ok(fold_all(store, NOW + 2 * HOUR, &result) == LLM_OK && result.rows == 1
       && result.recovered == 0,
       "those of a process that lives go on");

    llm_store_close(store);
}


/* ten calls are under way */
static void
hold_ten(llm_journal_t *journal, unsigned from)
{
    unsigned   n;
    llm_row_t  row;

    for (n = from; n < from + 10; n++) {
        make_row(&row, n, NOW);
        append(journal, LLM_JOURNAL_HOLD, &row);
        expect_row(&row);
    }
}


/* the power failed: a journal in memory is gone, one on a disk may be older
 * than the store */
static void
test_strays(void)
{
    int                 fd;
    char                name[160];
    char                page[LLM_JOURNAL_HEADER];
    llm_row_t           row;
    llm_store_t        *store;
    llm_journal_t      *lost, *old, *live;
    llm_fold_result_t   result;

    fresh();
    prepare(3);
    store = open_store();
    old = claim(7);

    snprintf(name, sizeof(name), "%s/%04u.journal", path("journal"),
             llm_journal_index(old));
    llm_journal_release(old);
    fold_all(store, NOW, &result);
    fd = open(name, O_RDWR);
    (void) !pread(fd, page, sizeof(page), 0);

    old = claim(7);
    lost = claim(7);
    live = claim(7);

    hold_ten(old, 0);
    hold_ten(lost, 10);
    hold_ten(live, 20);
    fold_all(store, NOW, &result);

    ok(result.rows == 0 && read_log(store) == 0, "calls are under way");

    /* the header of one as it was when that was free, another has no file */

    (void) !pwrite(fd, page, sizeof(page), 0);
    close(fd);
    llm_journal_release(old);

    snprintf(name, sizeof(name), "%s/%04u.journal", path("journal"),
             llm_journal_index(lost));
    unlink(name);
    llm_journal_release(lost);

    ok(fold_all(store, NOW + 1, &result) == LLM_OK && result.rows == 0,
       "while others may know of their journal they stay so");

    ok(fold(store, NOW + 2, true, &result) == LLM_OK && result.rows == 20
       && result.recovered == 20,
       "when nobody does they are over, but for those that go on");

    for (fd = 20; fd < 30; fd++) {
        make_row(&row, (unsigned) fd, NOW);
        append(live, LLM_JOURNAL_SETTLE, &row);
    }

    ok(fold(store, NOW + 3, true, &result) == LLM_OK && result.rows == 10
       && result.recovered == 0 && read_log(store) == 30
       && seen_wrong(0, 30) == 0 && counters_wrong(store, NOW + 3) == 0,
       "each is charged once");

    llm_journal_release(live);
    llm_store_close(store);
}


static int
write_ahead(llm_store_t *store, MDB_txn *txn, void *ctx)
{
    return llm_position_put(store, txn, *(uint64_t *) ctx,
                            (uint64_t) 1 << 62, NOW);
}


/* ... and the clock is set back, too */
static void
test_behind(void)
{
    unsigned            i;
    uint64_t            id;
    char                error[LLM_JOURNAL_ERROR];
    unsigned            n;
    llm_row_t           row;
    llm_store_t        *store;
    llm_journal_t      *journals[2];
    llm_segment_t     **segments;
    llm_fold_result_t   result;

    fresh();
    prepare(2);
    store = open_store();

    /* what the store has of a segment lies ahead of all that it can hold */

    n = 0;
    segments = NULL;
    llm_segments_scan(path("journal"), &segments, &n, error);
    id = llm_segment_id(segments[0]);
    llm_segments_free(segments, n);

    ok(llm_store_write(store, write_ahead, &id) == LLM_OK
       && fold(store, NOW, true, &result) == LLM_OK,
       "a segment is older than the store");

    for (i = 0; i < 2; i++) {
        journals[i] = claim(7);
        make_row(&row, i, NOW);
        append(journals[i], LLM_JOURNAL_SETTLE, &row);
        expect_row(&row);
    }

    ok(fold_all(store, NOW, &result) == LLM_OK && result.rows == 2
       && read_log(store) == 2 && counters_wrong(store, NOW) == 0,
       "and what is written there next is read all the same");

    llm_journal_release(journals[0]);
    llm_journal_release(journals[1]);
    llm_store_close(store);
}


/* who else has the store open to write to it */
static void
test_alone(void)
{
    int           fds[2];
    char          c;
    pid_t         pid;
    llm_store_t  *store;

    fresh();
    store = open_store();

    ok(llm_store_alone(store), "who has the store open is alone");
    llm_store_share(store);

    if (pipe(fds) == -1) {
        return;
    }

    pid = fork();

    if (pid == 0) {
        store = open_store();
        (void) !write(fds[1], "o", 1);
        pause();
    }

    (void) !read(fds[0], &c, 1);
    ok(!llm_store_alone(store), "but not when another one has, too");

    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    ok(llm_store_alone(store), "when that is killed it is alone again");

    close(fds[0]);
    close(fds[1]);
    llm_store_close(store);
}


/* a binary upgrade: two masters, each with its own epoch */
static void
test_epochs(void)
{
    unsigned            n;
    llm_row_t           row;
    counter_t          *c;
    llm_store_t        *store;
    llm_journal_t      *journals[2];
    llm_fold_result_t   result;

    fresh();
    prepare(2);
    store = open_store();
    journals[0] = claim(7);
    journals[1] = claim(9);

    for (n = 0; n < 100; n++) {
        make_row(&row, n, NOW);
        append(journals[n < 30], LLM_JOURNAL_SETTLE, &row);
        expect_row(&row);
    }

    fold_all(store, NOW, &result);

    ok(result.rows == 100 && counters_wrong(store, NOW) == 0,
       "all epochs together have what was spent");

    nfound = 0;
    llm_counters_others(store, 7, NOW, collect, NULL);
    c = counter(found, &nfound, LLM_ACCOUNT_CUSTOMER, llm_str("customer1"),
                forever, 0);

    ok(c->spent.requests == 30,
       "a row counts in the epoch of its segment, whoever folds it");

    llm_journal_release(journals[0]);
    llm_journal_release(journals[1]);
    llm_store_close(store);
}


/* the byte at `i` of a text; no two pieces of it are the same */
static unsigned char
text_byte(unsigned n, unsigned direction, size_t i)
{
    return (unsigned char) (i * 31 + i / 4000 * 7 + n * 5 + direction);
}


static int
put_text(llm_journal_t *journal, unsigned n, unsigned direction, size_t from,
    size_t len)
{
    size_t         i, at, piece;
    llm_row_t      row;
    unsigned char  record[LLM_LOG_PIECE + 4000];

    make_row(&row, n, NOW);
    memcpy(record, row.id, LLM_ROW_ID_SIZE);
    record[LLM_ROW_ID_SIZE] = (unsigned char) direction;

    for (at = from; at < len; at += piece) {
        piece = (len - at < 4000) ? len - at : 4000;

        for (i = 0; i < piece; i++) {
            record[LLM_LOG_PIECE + i] = text_byte(n, direction, at + i);
        }

        if (llm_journal_append(journal, LLM_JOURNAL_CONTENT, record,
                               LLM_LOG_PIECE + piece)
            != LLM_OK)
        {
            return LLM_ERROR;
        }
    }

    return LLM_OK;
}


static bool
text_is(llm_store_t *store, MDB_txn *txn, unsigned n, unsigned direction,
    size_t len)
{
    size_t                i;
    MDB_val               key, value;
    llm_row_t             row;
    unsigned char         name[LLM_LOG_PIECE];
    const unsigned char  *p;

    make_row(&row, n, NOW);
    memcpy(name, row.id, LLM_ROW_ID_SIZE);
    name[LLM_ROW_ID_SIZE] = (unsigned char) direction;
    key = (MDB_val) { sizeof(name), name };

    if (mdb_get(txn, store->content, &key, &value) != 0
        || value.mv_size != len)
    {
        return false;
    }

    p = value.mv_data;

    for (i = 0; i < len && p[i] == text_byte(n, direction, i); i++) {
        /* void */
    }

    return i == len;
}


/* texts come in pieces, in as many steps as it takes */
static void
test_texts(void)
{
    int                 rc;
    unsigned            n;
    MDB_txn            *txn;
    llm_row_t           row;
    llm_store_t        *store;
    llm_journal_t      *journals[2];
    llm_fold_result_t   result;

    fresh();
    prepare(2);
    store = open_store();
    journals[0] = claim(7);
    journals[1] = claim(7);
    rc = LLM_OK;

    for (n = 0; n < 40 && rc == LLM_OK; n++) {
        rc = put_text(journals[n % 2], n, 1, 0, 50000);

        if (n % 4 == 3) {
            fold_all(store, NOW, &result);
        }

        if (rc == LLM_OK) {
            rc = put_text(journals[n % 2], n, 1, 50000, 90000 + n);
        }

        if (rc == LLM_OK) {
            rc = put_text(journals[n % 2], n, 2, 0, 5000);
        }

        make_row(&row, n, NOW);
        append(journals[n % 2], LLM_JOURNAL_SETTLE, &row);
    }

    ok(rc == LLM_OK && fold_all(store, NOW, &result) == LLM_OK
       && read_log(store) == 40, "calls with texts");

    llm_store_read(store, &txn);

    for (n = 0; n < 40; n++) {
        if (!text_is(store, txn, n, 1, 90000 + n)
            || !text_is(store, txn, n, 2, 5000))
        {
            break;
        }
    }

    llm_store_read_end(store, txn);

    ok(n == 40, "each of them whole");

    /* of two workers at once */

    put_text(journals[0], 50, 1, 0, 3000);
    put_text(journals[1], 51, 1, 0, 3000);
    fold_all(store, NOW, &result);
    put_text(journals[0], 50, 2, 0, 8000);
    put_text(journals[1], 51, 2, 0, 8000);
    fold_all(store, NOW, &result);

    llm_store_read(store, &txn);
    ok(text_is(store, txn, 50, 1, 3000) && text_is(store, txn, 51, 1, 3000)
       && text_is(store, txn, 50, 2, 8000) && text_is(store, txn, 51, 2, 8000),
       "and of each worker its own");
    llm_store_read_end(store, txn);

    llm_journal_release(journals[0]);
    llm_journal_release(journals[1]);
    llm_store_close(store);
}


static void
flip(const char *needle)
{
    int             fd;
    char           *map, *at;
    DIR            *dir;
    char            name[512];
    struct stat     st;
    struct dirent  *entry;

    dir = opendir(path("journal"));

    while ((entry = readdir(dir)) != NULL) {

        if (strstr(entry->d_name, ".journal") == NULL) {
            continue;
        }

        snprintf(name, sizeof(name), "%s/%s", path("journal"), entry->d_name);
        fd = open(name, O_RDWR);
        fstat(fd, &st);
        map = mmap(NULL, (size_t) st.st_size, PROT_READ | PROT_WRITE,
                   MAP_SHARED, fd, 0);
        close(fd);

        at = memmem(map, (size_t) st.st_size, needle, strlen(needle));

        if (at != NULL) {
            at[0] ^= 0x40;
        }

        munmap(map, (size_t) st.st_size);
    }

    closedir(dir);
}


static void
test_damage(void)
{
    unsigned            n;
    llm_row_t           row;
    llm_store_t        *store;
    llm_journal_t      *journal;
    llm_fold_result_t   result;

    fresh();
    prepare(1);
    store = open_store();
    journal = claim(7);

    for (n = 0; n < 50; n++) {
        make_row(&row, n, NOW);

        if (n == 20) {
            row.user_agent = llm_str("a row that is going to be damaged");
            append(journal, LLM_JOURNAL_SETTLE, &row);
            continue;
        }

        append(journal, LLM_JOURNAL_SETTLE, &row);
        expect_row(&row);
    }

    llm_journal_append(journal, LLM_JOURNAL_SETTLE, "no row", 6);
    llm_journal_append(journal, LLM_JOURNAL_HOLD, "", 0);
    llm_journal_append(journal, LLM_JOURNAL_CONTENT, "short", 5);

    flip("a row that is going to be damaged");

    n = (unsigned) fold_all(store, NOW, &result);

    ok(n == LLM_OK && result.rows == 49
       && result.damaged > 100 && result.damaged < 1000,
       "damaged records are passed over: %u bytes",
       (unsigned) result.damaged);

    ok(read_log(store) == 49 && seen[20] == 0
       && counters_wrong(store, NOW) == 0,
       "the others count");

    llm_journal_release(journal);
    llm_store_close(store);
}


/* the process that folds is killed again and again, and the writer, too */
static void
fold_for_ever(void)
{
    struct timespec     now;
    llm_store_t        *store;
    llm_fold_result_t   result;

    store = open_store();

    if (store == NULL) {
        _exit(3);
    }

    for ( ;; ) {
        clock_gettime(CLOCK_REALTIME, &now);

        if (fold_all(store, NOW + 10, &result) != LLM_OK) {
            _exit(4);
        }
    }
}


static unsigned
pause_us(unsigned max)
{
    struct timespec  pause;

    pause.tv_sec = 0;
    pause.tv_nsec = (long) (rand() % max) * 1000;
    nanosleep(&pause, NULL);

    return (unsigned) pause.tv_nsec;
}


static void
test_killed(void)
{
    int                 status, bad;
    pid_t               folder;
    unsigned            n, i, round, orphans;
    llm_row_t           row;
    llm_store_t        *store;
    llm_journal_t      *journal;
    llm_fold_result_t   result;

    fresh();
    prepare(4);
    llm_store_close(open_store());

    n = 0;
    bad = 0;
    orphans = 0;

    for (round = 0; round < ROUNDS; round++) {

        folder = fork();

        if (folder == 0) {
            fold_for_ever();
        }

        journal = claim(7 + round % 3);

        if (journal == NULL) {
            break;
        }

        for (i = (unsigned) rand() % 40; i > 0; i--) {
            make_row(&row, n, NOW);
            row.attempts[row.nattempts - 1].ended_ms = 0;
            append(journal, LLM_JOURNAL_HOLD, &row);
            pause_us(300);

            if (i % 13 == 0) {
                row.attempts[row.nattempts - 1].ended_ms = NOW + 10;
                orphans++;

            } else {
                make_row(&row, n, NOW);
                append(journal, LLM_JOURNAL_SETTLE, &row);
            }

            expect_row(&row);
            n++;
        }

        llm_journal_release(journal);
        pause_us(20000);

        kill(folder, SIGKILL);
        waitpid(folder, &status, 0);

        bad += !WIFSIGNALED(status);
    }

    ok(bad == 0 && round == ROUNDS,
       "the fold was killed %u times, and never failed itself", round);

    store = open_store();

    ok(store != NULL && fold_all(store, NOW + 10, &result) == LLM_OK,
       "the store opens, and the rest is folded");

    ok(read_log(store) == n && seen_wrong(0, n) == 0 && recovered == orphans,
       "each of %u rows is in the log once, %u of them recovered", n, orphans);

    ok(counters_wrong(store, NOW + 10) == 0, "the counters are exact");

    llm_store_close(store);
}


/* many rows: the map grows, blocks are sealed, the ring turns */
static void
test_growth(void)
{
    unsigned            n, full;
    llm_row_t           row;
    MDB_envinfo         before, after;
    llm_store_t        *store;
    llm_journal_t      *journal;
    llm_fold_result_t   result;

    fresh();
    prepare(1);
    store = open_store();

    mdb_env_set_mapsize(store->env, 256 * 1024);
    mdb_env_info(store->env, &before);

    journal = claim(7);
    full = 0;

    for (n = 0; n < 3000; /* void */ ) {
        make_row(&row, n, NOW);

        if (append(journal, LLM_JOURNAL_SETTLE, &row) == LLM_OK) {
            expect_row(&row);
            n++;
            continue;
        }

        full++;

        if (fold_all(store, NOW, &result) != LLM_OK) {
            printf("# %s\n", llm_store_error(store));
            break;
        }
    }

    ok(n == 3000 && full > 3 && fold_all(store, NOW, &result) == LLM_OK,
       "the ring was full %u times, and each time folded", full);

    mdb_env_info(store->env, &after);

    ok(after.me_mapsize > before.me_mapsize,
       "the map grew from %zu to %zu bytes", before.me_mapsize,
       after.me_mapsize);

    ok(read_log(store) == 3000 && seen_wrong(0, 3000) == 0
       && counters_wrong(store, NOW) == 0 && sealed == 2,
       "nothing is lost or counted twice, and most rows are put away");

    llm_journal_release(journal);
    llm_store_close(store);
}


/* a disk without room, as far as a process can have one of its own: files may
 * not become larger */
static void
test_full_disk(void)
{
    unsigned            n;
    llm_row_t           row;
    llm_store_t        *store;
    llm_journal_t      *journal;
    struct rlimit       before, small;
    llm_fold_result_t   result;

    fresh();
    prepare(1);
    store = open_store();
    journal = claim(7);

    for (n = 0; n < 300; n++) {
        make_row(&row, n, NOW);
        append(journal, LLM_JOURNAL_SETTLE, &row);
        expect_row(&row);
    }

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 64 * 1024;
    setrlimit(RLIMIT_FSIZE, &small);

    n = (unsigned) fold_all(store, NOW, &result);

    ok(n == (unsigned) LLM_ERROR && result.rows == 0
       && strstr(llm_store_error(store), "make room") != NULL,
       "a file system without room: %s", llm_store_error(store));

    setrlimit(RLIMIT_FSIZE, &before);

    ok(fold_all(store, NOW, &result) == LLM_OK && result.rows == 300
       && read_log(store) == 300 && counters_wrong(store, NOW) == 0,
       "the journal keeps what the store could not take");

    llm_journal_release(journal);
    llm_store_close(store);
}


static bool
never(llm_segment_t *segment, void *ctx)
{
    return false;
}


static void
test_recyclable(void)
{
    char                error[LLM_JOURNAL_ERROR];
    unsigned            n;
    llm_row_t           row;
    llm_store_t        *store;
    llm_segment_t     **segments;
    llm_journal_t      *journal;
    llm_fold_conf_t     conf;
    llm_fold_result_t   result;

    fresh();
    prepare(1);
    store = open_store();
    journal = claim(7);

    for (n = 0; n < 30; n++) {
        make_row(&row, n, NOW);
        append(journal, (n < 20) ? LLM_JOURNAL_SETTLE : LLM_JOURNAL_HOLD,
               &row);
    }

    llm_journal_release(journal);

    memset(&conf, 0, sizeof(conf));
    conf.now_ms = NOW;
    conf.windows = windows;
    conf.recyclable = never;

    n = 0;
    segments = NULL;
    llm_segments_scan(path("journal"), &segments, &n, error);

    ok(llm_fold(store, segments, n, &conf, &result) == LLM_OK
       && result.rows == 30 && result.recovered == 10,
       "calls of a process that is gone");

    ok(!llm_segment_idle(segments[0]),
       "a segment that somebody still looks at is not given away");

    conf.recyclable = NULL;

    ok(llm_fold(store, segments, n, &conf, &result) == LLM_OK
       && result.rows == 0 && llm_segment_idle(segments[0]), "later it is");

    llm_segments_free(segments, n);
    llm_store_close(store);
}


int
main(void)
{
    const char  *tmp;

    tmp = getenv("TMPDIR");
    snprintf(base, sizeof(base), "%.40s/llm-fold-XXXXXX", tmp ? tmp : "/tmp");

    if (mkdtemp(base) == NULL) {
        perror(base);
        return 1;
    }

    srand((unsigned) getpid());

    test_rows();
    test_clock();
    test_orphans();
    test_strays();
    test_behind();
    test_alone();
    test_epochs();
    test_texts();
    test_damage();
    test_recyclable();
    test_killed();
    test_growth();
    test_full_disk();

    remove_tree(base);

    return plan_done();
}
