/*
 * Verify: nothing is said about a store that adds up, and a nanodollar that
 * does not is found wherever it is.
 */

#include "random_store.h"
#include "store/counters/counters.h"
#include "store/upkeep/retention.h"
#include "store/rollups/rollup_parts.h"
#include "tap.h"


#define ROWS   4000
#define HOURS  80


static llm_row_t     rows[ROWS];
static llm_store_t  *store;
static char          last[4096];


static void
note(const char *line, void *ctx)
{
    snprintf(last, sizeof(last), "%s", line);

    if (ctx != NULL) {
        printf("# %s\n", line);
    }
}


static uint64_t
differences(uint64_t *checked)
{
    uint64_t  found, looked;

    last[0] = '\0';

    if (llm_store_verify(store, RANDOM_START, note, NULL, &looked, &found)
        != LLM_OK)
    {
        printf("# %s\n", llm_store_error(store));
        return UINT64_MAX;
    }

    if (checked != NULL) {
        *checked = looked;
    }

    return found;
}


/* the middle record that `change` says yes to is altered, and put back */
typedef struct {
    MDB_dbi        dbi;
    bool         (*change)(MDB_val *key, unsigned char *value, size_t *len);
    bool           back;
    unsigned char  key[512];
    size_t         key_len;
    unsigned char  old[65536];
    size_t         old_len;
} plant_t;


static int
plant_step(llm_store_t *to, MDB_txn *txn, void *ctx)
{
    int             rc;
    size_t          len;
    MDB_val         key, value;
    plant_t        *plant = ctx;
    unsigned        skip;
    MDB_cursor     *cursor;
    unsigned char   new[65536];

    if (plant->back) {
        key = (MDB_val) { plant->key_len, plant->key };
        value = (MDB_val) { plant->old_len, plant->old };
        return mdb_put(txn, plant->dbi, &key, &value, 0);
    }

    rc = mdb_cursor_open(txn, plant->dbi, &cursor);
    skip = 3;

    while (rc == 0
           && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
    {
        len = value.mv_size;
        memcpy(new, value.mv_data, len);

        if (!plant->change(&key, new, &len) || skip-- > 0) {
            continue;
        }

        memcpy(plant->key, key.mv_data, key.mv_size);
        plant->key_len = key.mv_size;
        memcpy(plant->old, value.mv_data, value.mv_size);
        plant->old_len = value.mv_size;
        mdb_cursor_close(cursor);

        key.mv_data = plant->key;
        value = (MDB_val) { len, new };

        return mdb_put(txn, plant->dbi, &key, &value, 0);
    }

    return MDB_NOTFOUND;
}


static void
planted(MDB_dbi dbi,
    bool (*change)(MDB_val *key, unsigned char *value, size_t *len),
    const char *expected, const char *what)
{
    uint64_t         found;
    static plant_t   plant;

    plant.dbi = dbi;
    plant.change = change;
    plant.back = false;

    if (llm_store_write(store, plant_step, &plant) != LLM_OK) {
        ok(0, "%s: %s", what, llm_store_error(store));
        return;
    }

    found = differences(NULL);

    ok(found > 0 && found < 100 && strstr(last, expected) != NULL,
       "%s: %u found", what, (unsigned) found);
    printf("# %s\n", last);

    plant.back = true;
    llm_store_write(store, plant_step, &plant);
    ok(differences(NULL) == 0, "and put back: none");
}


static bool
change_counter(MDB_val *key, unsigned char *value, size_t *len)
{
    value[8]++;     /* cost */

    return true;
}


static bool
change_rollup(MDB_val *key, unsigned char *value, size_t *len)
{
    llm_buf_t   buf;
    llm_sums_t  sums;

    memset(&sums, 0, sizeof(sums));
    llm_buf_init(&buf, LLM_ROLLUP_VALUE);
    llm_sums_add_encoded(&sums, (llm_str_t) { (char *) value, *len }, true);

    sums.sum[LLM_SUM_COST]++;
    llm_sums_encode(&buf, &sums);
    memcpy(value, buf.data, buf.len);
    *len = buf.len;

    llm_buf_free(&buf);
    llm_sums_free(&sums);

    return true;
}


static bool
change_hour(MDB_val *key, unsigned char *value, size_t *len)
{
    return *(unsigned char *) key->mv_data == LLM_LEVEL_HOUR
           && change_rollup(key, value, len);
}


static bool
change_day(MDB_val *key, unsigned char *value, size_t *len)
{
    return *(unsigned char *) key->mv_data == LLM_LEVEL_DAY
           && change_rollup(key, value, len);
}


static bool
change_row(MDB_val *key, unsigned char *value, size_t *len)
{
    llm_row_t      row;
    unsigned char  old[LLM_ROW_MAX];

    memcpy(old, value, *len);

    if (llm_row_decode(&row, (llm_str_t) { (char *) old, *len }) != LLM_OK
        || row.nattempts == 0)
    {
        return false;
    }

    row.cost.total++;
    row.attempts[row.nattempts - 1].cost++;
    *len = llm_row_encode(&row, value, LLM_ROW_MAX);

    return true;
}


static bool
change_total(MDB_val *key, unsigned char *value, size_t *len)
{
    llm_row_t      row;
    unsigned char  old[LLM_ROW_MAX];

    memcpy(old, value, *len);

    if (llm_row_decode(&row, (llm_str_t) { (char *) old, *len }) != LLM_OK
        || row.nattempts == 0)
    {
        return false;
    }

    row.cost.total++;
    *len = llm_row_encode(&row, value, LLM_ROW_MAX);

    return true;
}


static int
delete_step(llm_store_t *to, MDB_txn *txn, void *ctx)
{
    int          rc;
    MDB_val      key, value;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(txn, *(MDB_dbi *) ctx, &cursor);

    if (rc == 0) {
        mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
        mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        rc = mdb_cursor_del(cursor, 0);
        mdb_cursor_close(cursor);
    }

    return rc;
}


static int
unjournaled_step(llm_store_t *to, MDB_txn *txn, void *ctx)
{
    llm_record_t  *record = ctx;

    return llm_counters_unjournaled(to, txn, record->epoch, record->kind,
                                    record->name, record->window,
                                    record->start, &record->spent);
}


static int
charged_step(llm_store_t *to, MDB_txn *txn, void *ctx)
{
    return llm_counters_add(to, txn, ctx, INT64_MAX / 2);
}


static void
test_unjournaled(void)
{
    llm_record_t  record;

    memset(&record, 0, sizeof(record));
    record.epoch = 7;
    record.kind = LLM_ACCOUNT_TEAM;
    record.name = llm_str("team1");
    record.window = (llm_window_t) { LLM_WINDOW_FOREVER, 1 };
    record.spent.cost = 12345;
    record.spent.requests = 2;

    llm_store_write(store, unjournaled_step, &record);
    ok(differences(NULL) == 0, "what the journal could not take is known to "
       "have no row");

    /* a limit that a reload brought */

    record.window = (llm_window_t) { LLM_WINDOW_HOURS, 24 * 30 };
    record.start = llm_window_start(record.window, RANDOM_START);
    llm_store_write(store, charged_step, &record);
    ok(differences(NULL) == 0, "a window that began in its middle is not held "
       "against the rows");

    record.window = (llm_window_t) { LLM_WINDOW_FOREVER, 1 };
    record.start = 0;
    llm_store_write(store, charged_step, &record);
    ok(differences(NULL) == 2
       && strstr(last, "team \"team1\", window total") != NULL,
       "a charge without a row is a difference");
    printf("# %s\n", last);

    record.spent.cost = -record.spent.cost;
    record.spent.requests = -record.spent.requests;
    llm_store_write(store, charged_step, &record);
}


/* one bit of the first block */
static int
damage_step(llm_store_t *to, MDB_txn *txn, void *ctx)
{
    int             rc;
    MDB_val         key, value;
    MDB_cursor     *cursor;
    unsigned char   first[8], *copy;

    rc = mdb_cursor_open(txn, to->blocks, &cursor);

    if (rc != 0 || (rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST)) != 0)
    {
        return rc;
    }

    memcpy(first, key.mv_data, sizeof(first));
    key.mv_data = first;
    copy = malloc(value.mv_size);
    memcpy(copy, value.mv_data, value.mv_size);
    mdb_cursor_close(cursor);

    copy[value.mv_size / 2] ^= 4;
    value.mv_data = copy;
    rc = mdb_put(txn, to->blocks, &key, &value, 0);
    free(copy);

    return rc;
}


static void
first_note(const char *line, void *ctx)
{
    if (last[0] == '\0') {
        snprintf(last, sizeof(last), "%s", line);
    }
}


static void
test_damaged(void)
{
    bool             more;
    uint64_t         checked, found;
    llm_retention_t  retention;

    last[0] = '\0';
    llm_store_write(store, damage_step, NULL);

    ok(llm_store_verify(store, RANDOM_START, first_note, NULL, &checked,
                        &found) == LLM_OK
       && found > 0
       && strcmp(last, "rows from number 1 on: their block is damaged") == 0,
       "a bit in a block: %s", last);

    memset(&retention, 0, sizeof(llm_retention_t));
    retention.rows_ms = 1;
    ok(llm_retention_run(store, &retention, INT64_MAX / 2, &more)
       == LLM_ERROR, "and it is not retired with wrong sums: %s",
       llm_store_error(store));

    llm_store_write(store, damage_step, NULL);
    ok(differences(NULL) == 0, "and put back: none");
}


static void
test_copy(const char *dir)
{
    char          to[80];
    uint64_t      checked;
    const char   *error;
    llm_store_t  *original;

    snprintf(to, sizeof(to), "%s.copy", dir);

    ok(llm_store_copy(store, dir) == LLM_ERROR
       && strstr(llm_store_error(store), "is there already") != NULL,
       "a copy into a folder that is there: %s", llm_store_error(store));

    ok(llm_store_copy(store, to) == LLM_OK, "a copy");

    original = store;
    store = llm_store_open_readonly(to, &error);
    ok(store != NULL && differences(&checked) == 0 && checked > ROWS,
       "it opens and adds up");

    if (store != NULL) {
        llm_store_close(store);
    }

    store = original;
    random_remove(to);
}


int
main(void)
{
    char         dir[64];
    uint64_t     checked, found;
    const char  *error;

    snprintf(dir, sizeof(dir), "/tmp/llm_verify_test.%d", (int) getpid());

    store = llm_store_open(dir, &error);

    if (!ok(store != NULL, "a store%s%s", store ? "" : ": ",
            store ? "" : error))
    {
        return plan_done();
    }

    ok(differences(&checked) == 0 && checked == 0, "an empty one adds up");

    ok(random_store(store, rows, ROWS, HOURS, false) == LLM_OK,
       "%u rows: %s", ROWS, llm_store_error(store));

    found = differences(&checked);
    ok(found == 0, "all of it adds up: %u checked, %s", (unsigned) checked,
       last);

    planted(store->counters, change_counter, "window",
            "a nanodollar in a counter");
    planted(store->rollups, change_rollup, "rollup of the minute",
            "a nanodollar in a rollup of a minute");
    planted(store->rollups, change_hour, "rollup of the day",
            "a nanodollar in a rollup of an hour");
    planted(store->rollups, change_day, "rollup of the day",
            "a nanodollar in a rollup of a day");
    planted(store->recent, change_row, "rollup",
            "a nanodollar in a row");
    planted(store->recent, change_total, "its attempts cost",
            "a nanodollar in a row's total");

    test_unjournaled();
    test_damaged();
    test_copy(dir);

    llm_store_write(store, delete_step, &store->recent);
    ok(differences(NULL) > 0, "a row that is missing: %s", last);

    llm_store_write(store, delete_step, &store->blocks);
    ok(differences(NULL) > 0, "a block that is missing: %s", last);

    llm_store_close(store);
    random_remove(dir);

    return plan_done();
}
