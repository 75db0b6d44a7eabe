/*
 * Retention: what is old goes a little at a time, what is not stays, and the
 * counters can still be checked.
 */

#include "random_store.h"
#include "store/queries/report.h"
#include "store/upkeep/retention.h"
#include "store/rollups/rollup_parts.h"
#include "tap.h"


#define ROWS   6000
#define HOURS  240
#define DAY    ((int64_t) 24 * 3600 * 1000)


static llm_row_t     rows[ROWS];
static llm_store_t  *store;


static void
note(const char *line, void *ctx)
{
    printf("# %s\n", line);
}


static bool
clean(void)
{
    uint64_t  checked, differences;

    return llm_store_verify(store, RANDOM_START, note, NULL, &checked,
                            &differences)
           == LLM_OK
           && differences == 0 && checked > 0;
}


static unsigned
entries(MDB_dbi dbi)
{
    MDB_txn   *txn;
    MDB_stat   stat;

    llm_store_read(store, &txn);
    mdb_stat(txn, dbi, &stat);
    llm_store_read_end(store, txn);

    return (unsigned) stat.ms_entries;
}


static uint64_t
used(void)
{
    MDB_txn   *txn;
    uint64_t   bytes, file;

    llm_store_read(store, &txn);
    llm_store_size(store, txn, &bytes, &file);
    llm_store_read_end(store, txn);

    return bytes;
}


/* steps until there is nothing to do */
static unsigned
run(const llm_retention_t *retention, int64_t now_ms)
{
    bool      more;
    unsigned  steps;

    more = true;

    for (steps = 0; more && steps < 10000; steps++) {
        if (llm_retention_run(store, retention, now_ms, &more) != LLM_OK) {
            printf("# %s\n", llm_store_error(store));
            return 0;
        }

        if (!clean()) {
            ok(0, "after step %u it adds up", steps);
            return 0;
        }
    }

    return steps;
}


/* can all rollups that are there be added up, with their names? */
static bool
reports(int64_t now_ms)
{
    int            rc;
    char           error[LLM_FILTER_ERROR];
    llm_buf_t      out;
    llm_report_t  *report;

    llm_buf_init(&out, 1 << 20);
    report = llm_report_create(false);

    rc = llm_report_param(report, llm_str("group_by"), llm_str("model,session"),
                          now_ms, error);

    if (rc == LLM_OK) {
        rc = llm_report_run(report, store, now_ms, &out, error);
    }

    if (rc != LLM_OK) {
        printf("# %s\n", error);
    }

    llm_report_free(report);
    llm_buf_free(&out);

    return rc == LLM_OK;
}


/* so much is old at once that it takes many steps */
static void
test_backlog(int64_t end_ms)
{
    bool             more, good;
    unsigned         steps;
    llm_retention_t  retention;

    memset(&retention, 0, sizeof(retention));
    retention.minutes_ms = DAY;
    retention.hours_ms = 4 * DAY;
    good = true;

    for (steps = 0, more = true; more && steps < 1000; steps++) {
        good &= llm_retention_run(store, &retention, end_ms, &more) == LLM_OK
                && reports(end_ms) && clean();
    }

    ok(good && steps > 2, "in %u steps rollups and names go, and after each "
       "what is left can be added up", steps);
}


static void
test_age(int64_t end_ms)
{
    unsigned         blocks, content, rollups, steps;
    llm_retention_t  retention;

    memset(&retention, 0, sizeof(retention));

    ok(run(&retention, end_ms + 10000 * DAY) == 1 && clean(),
       "without bounds nothing goes");

    blocks = entries(store->blocks);
    content = entries(store->content);
    rollups = entries(store->rollups);

    retention.rows_ms = 5 * DAY;
    ok(run(&retention, RANDOM_START + 5 * DAY) == 1
       && entries(store->blocks) == blocks
       && entries(store->content) == content,
       "what is not old stays");

    steps = run(&retention, end_ms);

    ok(entries(store->blocks) < blocks && entries(store->blocks) > 0
       && entries(store->content) < content
       && entries(store->content) > content / 3
       && entries(store->rollups) == rollups,
       "after half of the time, in %u steps: %u of %u blocks, %u of %u texts",
       steps, entries(store->blocks), blocks, entries(store->content),
       content);
    ok(clean(), "and it adds up");

    retention.minutes_ms = 3 * DAY;
    retention.hours_ms = 6 * DAY;
    steps = run(&retention, end_ms);
    ok(entries(store->rollups) < rollups * 2 / 3 && clean(),
       "in %u steps: %u of %u rollups, and it adds up", steps,
       entries(store->rollups), rollups);

    steps = run(&retention, end_ms + 5 * DAY + 1);
    ok(entries(store->blocks) == 0 && entries(store->recent) == 0
       && entries(store->content) == 0,
       "in %u steps all rows went, those in no block, too", steps);
    ok(clean(), "and the sums of those that are gone add up");

    run(&retention, end_ms + 100 * DAY);
    ok(entries(store->rollups) == 0, "in the end the rollups went");
    ok(entries(store->names) == 0, "and the names");
    ok(clean(), "and it adds up");
}


/* what takes more goes first: the rollups, then rows */
static void
test_size(int64_t now_ms)
{
    uint64_t         before, bound;
    unsigned         blocks, rollups, steps;
    llm_retention_t  retention;

    memset(&retention, 0, sizeof(retention));

    before = used();
    blocks = entries(store->blocks);
    rollups = entries(store->rollups);
    bound = before - before / 25;
    retention.size = bound;

    steps = run(&retention, now_ms);

    ok(used() <= bound && entries(store->blocks) == blocks
       && entries(store->rollups) < rollups
       && entries(store->rollups) > rollups / 2,
       "by size: %u bytes of %u, at most %u, in %u steps, %u of %u rollups",
       (unsigned) used(), (unsigned) before, (unsigned) bound, steps,
       entries(store->rollups), rollups);

    retention.size = 0;
    retention.minutes_ms = DAY;
    retention.hours_ms = DAY;
    run(&retention, now_ms);

    before = used();
    rollups = entries(store->rollups);
    bound = before - before / 12;
    memset(&retention, 0, sizeof(retention));
    retention.size = bound;

    steps = run(&retention, now_ms);

    ok(used() <= bound && entries(store->blocks) < blocks
       && entries(store->blocks) > 0 && entries(store->rollups) == rollups,
       "by size: %u bytes of %u, at most %u, in %u steps, %u of %u blocks",
       (unsigned) used(), (unsigned) before, (unsigned) bound, steps,
       entries(store->blocks), blocks);

    retention.size = 4096;
    steps = run(&retention, now_ms);
    ok(entries(store->recent) == 0 && entries(store->rollups) > 0
       && steps < 10000,
       "less than it can be: all rows go, the last days' rollups stay, and "
       "then it ends, after %u steps with %u bytes", steps,
       (unsigned) used());

    steps = run(&retention, now_ms + 40 * DAY);
    ok(entries(store->rollups) == 0 && steps < 10000,
       "when they are old they go, too");
}


static void
begin(const char *dir, bool content)
{
    const char  *error;

    store = llm_store_open(dir, &error);

    if (store == NULL) {
        ok(0, "a store: %s", error);
        exit(1);
    }

    ok(random_store(store, rows, ROWS, HOURS, content) == LLM_OK && clean(),
       "%u rows: %s", ROWS, llm_store_error(store));
}


int
main(void)
{
    char  dir[64];

    snprintf(dir, sizeof(dir), "/tmp/llm_retention_test.%d", (int) getpid());

    begin(dir, false);
    test_backlog(rows[ROWS - 1].ended_ms);
    llm_store_close(store);
    random_remove(dir);

    begin(dir, true);
    test_age(rows[ROWS - 1].ended_ms);

    ok(random_store(store, rows, ROWS, HOURS, true) == LLM_OK,
       "more rows: %s", llm_store_error(store));

    test_size(rows[ROWS - 1].ended_ms);

    llm_store_close(store);
    random_remove(dir);

    return plan_done();
}
