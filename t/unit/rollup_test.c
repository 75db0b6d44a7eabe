/*
 * Rollups: sums are exact on every level, histograms give quantiles to 3 %, a
 * transaction that is done again counts once, what is old goes and only that.
 */

#include "random_rows.h"
#include "store/rollups/rollup_parts.h"
#include "tap.h"


#define ROWS   4000
#define HOURS  72


static llm_row_t     rows[ROWS];
static llm_store_t  *store;


static int
order(const void *a, const void *b)
{
    int64_t  x = *(const int64_t *) a, y = *(const int64_t *) b;

    return (x > y) - (x < y);
}


/* the quantiles of so many values from a distribution, against the sorted
 * ones */
static double
worst_quantile(unsigned n, unsigned spread)
{
    double        worst, error, shares[] = { 0.01, 0.5, 0.9, 0.95, 0.99, 1 };
    int64_t       value, truth, *values;
    unsigned      i;
    llm_sums_t    sums;

    memset(&sums, 0, sizeof(sums));
    values = calloc(n, sizeof(int64_t));

    for (i = 0; i < n; i++) {
        values[i] = random_below(1u << (1 + random_below(spread)));
        llm_sums_latency(&sums, values[i]);
    }

    qsort(values, n, sizeof(int64_t), order);

    worst = 0;

    for (i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        unsigned  rank = (unsigned) (shares[i] * n + 0.999999);

        truth = values[(rank == 0 ? 1 : rank) - 1];
        value = llm_buckets_quantile(&sums.latency, shares[i],
                                     sums.latency_max);
        error = (truth == 0) ? (value != 0)
                             : (double) (value - truth) / (double) truth;
        error = (error < 0) ? -error : error;
        worst = (error > worst) ? error : worst;
    }

    free(values);
    llm_sums_free(&sums);

    return worst;
}


static void
test_quantiles(void)
{
    double    worst, error;
    unsigned  i;

    worst = 0;

    for (i = 0; i < 300; i++) {
        error = worst_quantile(1 + random_below(3000), 1 + i % 30);
        worst = (error > worst) ? error : worst;
    }

    ok(worst <= 0.03, "quantiles of 300 distributions: at most %.2f %% off",
       100 * worst);
}


static void
test_encoding(void)
{
    int         same;
    unsigned    i, j, n;
    llm_buf_t   buf;
    llm_sums_t  sums, again;

    memset(&sums, 0, sizeof(sums));
    memset(&again, 0, sizeof(again));
    llm_buf_init(&buf, LLM_ROLLUP_VALUE);
    same = 1;

    for (i = 0; i < 500; i++) {
        llm_sums_clear(&sums);
        llm_sums_clear(&again);
        buf.len = 0;

        for (j = 0; j < LLM_SUM_LATENCY; j++) {
            sums.sum[j] = (random_below(2) ? 1 : -1)
                          * (int64_t) (random_next() >> (1 + random_below(63)))
                          * random_below(2);
        }

        n = random_below(200);

        for (j = 0; j < n; j++) {
            llm_sums_latency(&sums, random_latency());
            llm_sums_first_token(&sums, random_latency());
        }

        llm_sums_encode(&buf, &sums);

        same &= llm_sums_add_encoded(&again,
                                     (llm_str_t) { buf.data, buf.len }, true)
                == LLM_OK
                && llm_sums_equal(&sums, &again);

        /* cut short or spoiled: an error or other sums, and no more */

        for (j = 0; j < buf.len && j < 40; j++) {
            same &= llm_sums_add_encoded(&again, (llm_str_t) { buf.data, j },
                                         true)
                    == LLM_ERROR;
        }

        buf.data[random_below((unsigned) buf.len)] = (char) random_next();
        llm_sums_clear(&again);
        (void) llm_sums_add_encoded(&again, (llm_str_t) { buf.data, buf.len },
                                    true);
    }

    ok(same, "encoded and read again, the same; cut short, an error");

    llm_sums_free(&sums);
    llm_sums_free(&again);
    llm_buf_free(&buf);
}


static int
write_step(llm_store_t *to, MDB_txn *txn, void *ctx)
{
    return llm_rollup_write(ctx, to, txn);
}


static int
fail_step(llm_store_t *to, MDB_txn *txn, void *ctx)
{
    int  rc;

    rc = llm_rollup_write(ctx, to, txn);

    return (rc == 0) ? MDB_CORRUPTED : rc;
}


/* the sums over all records of a level and facet */
static unsigned
sum_up(llm_level_t level, llm_facet_t facet, llm_sums_t *sums)
{
    MDB_txn           *txn;
    MDB_val            key, value;
    unsigned           n;
    MDB_cursor        *cursor;
    llm_rollup_key_t   parsed;

    n = 0;
    llm_sums_clear(sums);

    if (llm_store_read(store, &txn) != 0
        || mdb_cursor_open(txn, store->rollups, &cursor) != 0)
    {
        return 0;
    }

    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {

        if (llm_rollup_key_read(&parsed, (llm_str_t) { key.mv_data,
                                                       key.mv_size })
            == LLM_OK && parsed.level == level && parsed.facet == facet)
        {
            n++;
            llm_sums_add_encoded(sums, (llm_str_t) { value.mv_data,
                                                     value.mv_size },
                                 true);
        }
    }

    mdb_cursor_close(cursor);
    llm_store_read_end(store, txn);

    return n;
}


/* what the rows say; requests with a value of the facet only */
static void
brute(llm_facet_t facet, llm_sums_t *sums)
{
    unsigned          i, j;
    const llm_row_t  *row;

    llm_sums_clear(sums);

    for (i = 0; i < ROWS; i++) {
        row = &rows[i];

        if ((facet == LLM_FACET_TAG && row->ntags == 0)
            || (facet == LLM_FACET_SESSION && row->session.len == 0)
            || (facet == LLM_FACET_END_USER && row->end_user.len == 0))
        {
            continue;
        }

        if (row->admitted_ms == 0) {
            sums->sum[LLM_SUM_REFUSED]++;
            continue;
        }

        sums->sum[LLM_SUM_REQUESTS]++;
        sums->sum[LLM_SUM_COST] += row->cost.total;
        sums->sum[LLM_SUM_INPUT] += row->usage.input;
        sums->sum[LLM_SUM_OUTPUT] += row->usage.output;
        sums->sum[LLM_SUM_CACHE_READ] += row->usage.cache_read;
        sums->sum[LLM_SUM_CACHE_WRITE] += row->usage.cache_write_5m
                                          + row->usage.cache_write_1h;

        for (j = 0; j + 1 < row->nattempts; j++) {
            sums->sum[LLM_SUM_INPUT] += row->attempts[j].input_tokens;
            sums->sum[LLM_SUM_OUTPUT] += row->attempts[j].output_tokens;
        }

        if (!row->recovered) {
            llm_sums_latency(sums, row->ended_ms - row->received_ms);
        }
    }
}


static bool
same_money(const llm_sums_t *a, const llm_sums_t *b)
{
    return a->sum[LLM_SUM_REQUESTS] == b->sum[LLM_SUM_REQUESTS]
           && a->sum[LLM_SUM_REFUSED] == b->sum[LLM_SUM_REFUSED]
           && a->sum[LLM_SUM_COST] == b->sum[LLM_SUM_COST]
           && a->sum[LLM_SUM_INPUT] == b->sum[LLM_SUM_INPUT]
           && a->sum[LLM_SUM_OUTPUT] == b->sum[LLM_SUM_OUTPUT]
           && a->sum[LLM_SUM_CACHE_READ] == b->sum[LLM_SUM_CACHE_READ]
           && a->sum[LLM_SUM_CACHE_WRITE] == b->sum[LLM_SUM_CACHE_WRITE]
           && a->sum[LLM_SUM_LATENCY] == b->sum[LLM_SUM_LATENCY]
           && a->latency_max == b->latency_max
           && llm_buckets_count(&a->latency) == llm_buckets_count(&b->latency);
}


static void
test_batches(void)
{
    int            good;
    unsigned       i, level, facet;
    llm_sums_t     found, expected;
    llm_rollup_t  *rollup;

    rollup = llm_rollup_create();
    good = 1;

    for (i = 0; i < ROWS; i++) {
        random_row(&rows[i], RANDOM_START + (int64_t) i * HOURS * 3600 * 1000
                                            / ROWS);
        good &= llm_rollup_add(rollup, &rows[i]) == LLM_OK;

        if (i % 500 == 499 || random_below(50) == 0) {

            if (random_below(4) == 0) {
                good &= llm_store_write(store, fail_step, rollup) == LLM_ERROR;
            }

            good &= llm_store_write(store, write_step, rollup) == LLM_OK;
            llm_rollup_reset(rollup);
        }
    }

    ok(good, "%u rows in batches, some transactions given up and done again",
       ROWS);

    memset(&found, 0, sizeof(found));
    memset(&expected, 0, sizeof(expected));

    for (facet = 0; facet < LLM_FACETS; facet++) {
        brute(facet, &expected);

        for (level = 0; level < LLM_LEVELS; level++) {
            i = sum_up(level, facet, &found);
            ok(i > 0 && same_money(&found, &expected),
               "level %u, facet %u: %u records, sums exact", level, facet, i);
        }
    }

    llm_sums_free(&found);
    llm_sums_free(&expected);
    llm_rollup_free(rollup);
}


typedef struct {
    int64_t   minutes_ms;
    int64_t   hours_ms;
    bool      more;
} retire_t;


static int
retire_step(llm_store_t *to, MDB_txn *txn, void *ctx)
{
    retire_t  *retire = ctx;

    return llm_rollup_retire(to, txn, retire->minutes_ms, retire->hours_ms,
                             300, &retire->more);
}


static unsigned
retire_all(retire_t *retire)
{
    unsigned  steps;

    steps = 0;

    do {
        steps++;

        if (llm_store_write(store, retire_step, retire) != LLM_OK) {
            return 0;
        }

    } while (retire->more && steps < 1000);

    return steps;
}


static void
test_retire(void)
{
    unsigned     minutes, hours, days, steps;
    int64_t      since_ms;
    retire_t     retire;
    MDB_txn     *txn;
    llm_sums_t   sums, before;

    memset(&sums, 0, sizeof(sums));
    memset(&before, 0, sizeof(before));

    minutes = sum_up(LLM_LEVEL_MINUTE, 0, &sums);
    hours = sum_up(LLM_LEVEL_HOUR, 0, &sums);
    days = sum_up(LLM_LEVEL_DAY, 0, &before);

    /* in the middle of an hour of the second day */

    retire.minutes_ms = RANDOM_START + (int64_t) 30 * 3600 * 1000 + 12345678;
    retire.hours_ms = 0;
    steps = retire_all(&retire);

    ok(steps > 5 && sum_up(LLM_LEVEL_MINUTE, 0, &sums) < minutes
       && sum_up(LLM_LEVEL_MINUTE, LLM_FACET_TAG, &sums) > 0
       && sum_up(LLM_LEVEL_HOUR, 0, &sums) == hours,
       "minutes go, in %u steps; hours stay", steps);

    llm_store_read(store, &txn);
    llm_rollup_since(store, txn, LLM_LEVEL_MINUTE, &since_ms);
    llm_store_read_end(store, txn);

    ok(since_ms == RANDOM_START + (int64_t) 33 * 3600 * 1000,
       "the minutes that are left begin with a whole hour");

    retire.hours_ms = RANDOM_START + (int64_t) 50 * 3600 * 1000;
    steps = retire_all(&retire);

    ok(sum_up(LLM_LEVEL_HOUR, 0, &sums) < hours
       && sum_up(LLM_LEVEL_DAY, 0, &sums) < days,
       "hours go with their days");

    llm_store_read(store, &txn);
    llm_rollup_since(store, txn, LLM_LEVEL_HOUR, &since_ms);
    llm_store_read_end(store, txn);

    ok(since_ms == RANDOM_START + (int64_t) 48 * 3600 * 1000,
       "the hours that are left begin with a whole day");

    llm_sums_free(&sums);
    llm_sums_free(&before);
}


static uint64_t  positions[3];


static int
names_step(llm_store_t *to, MDB_txn *txn, void *ctx)
{
    return llm_names_retire(to, txn, *(uint32_t *) ctx, 100, positions,
                            &(bool) { false });
}


static unsigned
names_left(void)
{
    MDB_stat   stat;
    MDB_txn   *txn;

    llm_store_read(store, &txn);
    mdb_stat(txn, store->names, &stat);
    llm_store_read_end(store, txn);

    return (unsigned) stat.ms_entries;
}


static void
test_names(void)
{
    unsigned       i, before, after;
    uint32_t       day;
    llm_rollup_t  *rollup;

    before = names_left();
    day = (uint32_t) (RANDOM_START / 86400000) - 1;

    for (i = 0; i < 200; i++) {
        llm_store_write(store, names_step, &day);
    }

    ok(names_left() == before, "names that are in use stay");

    /* one of them is used again much later: it stays, and what it is in */

    rollup = llm_rollup_create();
    rows[0].admitted_ms = 0;
    rows[0].ended_ms += (int64_t) 100 * 86400000;
    llm_rollup_add(rollup, &rows[0]);
    llm_store_write(store, write_step, rollup);
    llm_rollup_free(rollup);

    day += 50;

    for (i = 0; i < 200; i++) {
        llm_store_write(store, names_step, &day);
    }

    after = names_left();

    ok(after >= 6 && after <= 40, "%u of %u records of names are left when "
       "only one request is new enough", after, before);

    rollup = llm_rollup_create();
    llm_rollup_add(rollup, &rows[0]);
    ok(llm_store_write(store, write_step, rollup) == LLM_OK
       && names_left() == after, "and are found again");
    llm_rollup_free(rollup);
}


int
main(void)
{
    char         dir[64];
    const char  *error;

    snprintf(dir, sizeof(dir), "/tmp/llm_rollup_test.%d", (int) getpid());

    store = llm_store_open(dir, &error);

    if (!ok(store != NULL, "a store%s%s", store ? "" : ": ",
            store ? "" : error))
    {
        return plan_done();
    }

    test_quantiles();
    test_encoding();
    test_batches();
    test_retire();
    test_names();

    llm_store_close(store);
    random_remove(dir);

    return plan_done();
}
