/*
 * Rollups against the rows, some hours at a time.
 */

#include "verify_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>


/* rows that are gathered at once, if an hour has not more, and hours */
#define LLM_VERIFY_ROWS    65536
#define LLM_VERIFY_HOURS   (24 * 31)

#define LLM_VERIFY_HOUR    60           /* minutes */


static int llm_verify_hours(llm_verify_t *verify, uint32_t from, uint32_t to);
static uint64_t llm_verify_between(const llm_verify_t *verify, uint32_t from,
    uint32_t to);
static bool llm_verify_touches(const llm_summary_t *block, uint32_t from,
    uint32_t to);
static int llm_verify_gather(llm_verify_t *verify, const llm_row_t *row,
    uint64_t seq, void *ctx);
static int llm_verify_gathered(llm_verify_t *verify, llm_rollup_t *rollup,
    uint32_t from, uint32_t to);
static int llm_verify_order(const void *a, const void *b);
static int llm_verify_found(llm_verify_t *verify,
    const llm_verify_range_t *range, const MDB_val *key, const MDB_val *value,
    size_t *i);
static int llm_verify_missing(llm_verify_t *verify,
    const llm_verify_range_t *range, size_t *i, const void *until);


/* Only what started when all rows were there: those of hours that began
 * before the last row that is gone are not all there. */
int
llm_verify_rollups(llm_verify_t *verify)
{
    int       rc;
    size_t    i;
    int64_t   since_ms, from_ms, to_ms;
    uint32_t  from, to, end;

    rc = llm_rollup_since(verify->store, verify->txn, LLM_LEVEL_HOUR,
                          &since_ms);

    if (rc != 0) {
        return rc;
    }

    from_ms = INT64_MAX;
    to_ms = INT64_MIN;

    for (i = 0; i <= verify->nblocks; i++) {
        const llm_summary_t  *block = (i < verify->nblocks)
                                      ? &verify->blocks[i] : &verify->recent;

        if (block->rows > 0) {
            from_ms = (block->ended_min < from_ms) ? block->ended_min
                                                   : from_ms;
            to_ms = (block->ended_max > to_ms) ? block->ended_max : to_ms;
        }
    }

    if (from_ms > to_ms || to_ms < 0) {
        return 0;
    }

    if (verify->retired_ms != INT64_MIN
        && from_ms <= verify->retired_ms + LLM_VERIFY_HOUR * LLM_MINUTE_MS)
    {
        from_ms = verify->retired_ms + LLM_VERIFY_HOUR * LLM_MINUTE_MS;
    }

    from_ms = (from_ms < since_ms) ? since_ms : from_ms;

    from = (uint32_t) (from_ms / LLM_MINUTE_MS);
    from -= from % LLM_VERIFY_HOUR;
    end = (uint32_t) (to_ms / LLM_MINUTE_MS);
    end += LLM_VERIFY_HOUR - end % LLM_VERIFY_HOUR;

    for ( /* void */ ; from < end && rc == 0; from = to) {
        to = from + LLM_VERIFY_HOUR;

        while (to < end && to - from < LLM_VERIFY_HOURS * LLM_VERIFY_HOUR
               && llm_verify_between(verify, from, to + LLM_VERIFY_HOUR)
                  <= LLM_VERIFY_ROWS)
        {
            to += LLM_VERIFY_HOUR;
        }

        rc = llm_verify_hours(verify, from, to);
    }

    return rc;
}


/* rows of the blocks that have any of that time */
static uint64_t
llm_verify_between(const llm_verify_t *verify, uint32_t from, uint32_t to)
{
    size_t    i;
    uint64_t  rows;

    rows = verify->recent.rows;

    for (i = 0; i < verify->nblocks; i++) {
        if (llm_verify_touches(&verify->blocks[i], from, to)) {
            rows += verify->blocks[i].rows;
        }
    }

    return rows;
}


static bool
llm_verify_touches(const llm_summary_t *block, uint32_t from, uint32_t to)
{
    return block->rows > 0
           && block->ended_min < (int64_t) to * LLM_MINUTE_MS
           && block->ended_max >= (int64_t) from * LLM_MINUTE_MS;
}


static int
llm_verify_hours(llm_verify_t *verify, uint32_t from, uint32_t to)
{
    int            rc;
    size_t         i;
    llm_rollup_t  *rollup;

    rollup = llm_rollup_create();

    if (rollup == NULL) {
        return ENOMEM;
    }

    rc = 0;

    for (i = 0; i < verify->nblocks && rc == 0; i++) {
        if (llm_verify_touches(&verify->blocks[i], from, to)) {
            rc = llm_verify_rows(verify, &verify->blocks[i],
                                 llm_verify_gather, rollup);
        }
    }

    if (rc == 0 && llm_verify_touches(&verify->recent, from, to)) {
        rc = llm_verify_rows(verify, NULL, llm_verify_gather, rollup);
    }

    if (rc == 0) {
        rc = llm_rollup_find(rollup, verify->store, verify->txn);
    }

    if (rc == 0) {
        rc = llm_verify_gathered(verify, rollup, from, to);
    }

    llm_rollup_free(rollup);

    return rc;
}


static int
llm_verify_gather(llm_verify_t *verify, const llm_row_t *row, uint64_t seq,
    void *ctx)
{
    return (llm_rollup_add(ctx, row) == LLM_OK) ? 0 : ENOMEM;
}


static int
llm_verify_gathered(llm_verify_t *verify, llm_rollup_t *rollup, uint32_t from,
    uint32_t to)
{
    int                    rc;
    int64_t                since_ms;
    llm_verify_range_t     range;
    llm_verify_rollup_t   *expected;

    rc = llm_verify_sort(rollup, &expected);

    if (rc == 0) {
        rc = llm_rollup_since(verify->store, verify->txn, LLM_LEVEL_MINUTE,
                              &since_ms);
    }

    memset(&range, 0, sizeof(range));
    range.expected = expected;
    range.n = rollup->nentries;
    range.to = to;
    range.by = "the rows say";

    for (range.level = 0;
         range.level <= LLM_LEVEL_HOUR && rc == 0;
         range.level++)
    {
        range.from = from;

        if (range.level == LLM_LEVEL_MINUTE
            && range.from < since_ms / LLM_MINUTE_MS)
        {
            range.from = (uint32_t) (since_ms / LLM_MINUTE_MS);
        }

        for (range.facet = 0;
             range.facet < LLM_FACETS && rc == 0;
             range.facet++)
        {
            rc = llm_verify_range(verify, &range);
        }
    }

    free(expected);

    return rc;
}


int
llm_verify_sort(const llm_rollup_t *rollup, llm_verify_rollup_t **expected)
{
    uint32_t              i;
    llm_verify_rollup_t  *lines;

    *expected = lines = calloc(rollup->nentries + 1,
                               sizeof(llm_verify_rollup_t));

    if (lines == NULL) {
        return ENOMEM;
    }

    for (i = 0; i < rollup->nentries; i++) {
        llm_rollup_entry_key(rollup, &rollup->entries[i], lines[i].key);
        lines[i].sums = &rollup->entries[i].sums;
    }

    qsort(lines, rollup->nentries, sizeof(llm_verify_rollup_t),
          llm_verify_order);

    return 0;
}


static int
llm_verify_order(const void *a, const void *b)
{
    return memcmp(((const llm_verify_rollup_t *) a)->key,
                  ((const llm_verify_rollup_t *) b)->key, LLM_ROLLUP_KEY);
}


/* both are sorted: side by side */
int
llm_verify_range(llm_verify_t *verify, const llm_verify_range_t *range)
{
    int                rc;
    size_t             i;
    MDB_val            key, value;
    MDB_cursor        *cursor;
    unsigned char      first[LLM_ROLLUP_KEY];
    llm_rollup_key_t   from;

    memset(&from, 0, sizeof(from));
    from.level = range->level;
    from.facet = range->facet;
    from.start = range->from;

    llm_rollup_key_write(first, &from);

    rc = mdb_cursor_open(verify->txn, verify->store->rollups, &cursor);

    if (rc != 0) {
        return rc;
    }

    i = 0;
    key = (MDB_val) { sizeof(first), first };
    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

    while (rc == 0) {

        if (key.mv_size != LLM_ROLLUP_KEY) {
            rc = MDB_CORRUPTED;
            break;
        }

        if (!llm_verify_within(range, key.mv_data)) {
            break;
        }

        rc = llm_verify_found(verify, range, &key, &value, &i);

        if (rc == 0) {
            rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        }
    }

    mdb_cursor_close(cursor);

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    return llm_verify_missing(verify, range, &i, NULL);
}


static int
llm_verify_found(llm_verify_t *verify, const llm_verify_range_t *range,
    const MDB_val *key, const MDB_val *value, size_t *i)
{
    int                rc;
    llm_sums_t         sums, none;
    llm_rollup_key_t   parsed;

    rc = llm_verify_missing(verify, range, i, key->mv_data);

    if (rc != 0) {
        return rc;
    }

    memset(&sums, 0, sizeof(sums));
    memset(&none, 0, sizeof(none));

    if (llm_rollup_key_read(&parsed, (llm_str_t) { key->mv_data,
                                                   key->mv_size })
        != LLM_OK
        || llm_sums_add_encoded(&sums, (llm_str_t) { value->mv_data,
                                                     value->mv_size }, true)
           != LLM_OK)
    {
        llm_sums_free(&sums);
        return MDB_CORRUPTED;
    }

    if (*i < range->n
        && memcmp(range->expected[*i].key, key->mv_data, LLM_ROLLUP_KEY) == 0)
    {
        llm_verify_sums(verify, &parsed, range->expected[*i].sums, &sums,
                        range->by);
        (*i)++;

    } else {
        llm_verify_sums(verify, &parsed, &none, &sums, range->by);
    }

    llm_sums_free(&sums);

    return 0;
}


/* those that are expected before `until` (NULL: before the end) and were not
 * found */
static int
llm_verify_missing(llm_verify_t *verify, const llm_verify_range_t *range,
    size_t *i, const void *until)
{
    llm_sums_t         none;
    llm_rollup_key_t   parsed;

    memset(&none, 0, sizeof(none));

    for ( /* void */ ; *i < range->n; (*i)++) {

        if (until != NULL
            && memcmp(range->expected[*i].key, until, LLM_ROLLUP_KEY) >= 0)
        {
            return 0;
        }

        if (!llm_verify_within(range, range->expected[*i].key)) {
            continue;
        }

        if (llm_rollup_key_read(&parsed,
                                (llm_str_t) {
                                    (const char *) range->expected[*i].key,
                                    LLM_ROLLUP_KEY })
            != LLM_OK)
        {
            return MDB_CORRUPTED;
        }

        llm_verify_sums(verify, &parsed, range->expected[*i].sums, &none,
                        range->by);
    }

    return 0;
}


bool
llm_verify_within(const llm_verify_range_t *range, const unsigned char *key)
{
    llm_rollup_key_t  parsed;

    return llm_rollup_key_read(&parsed, (llm_str_t) { (const char *) key,
                                                      LLM_ROLLUP_KEY })
           == LLM_OK
           && parsed.level == range->level && parsed.facet == range->facet
           && parsed.start >= range->from && parsed.start < range->to;
}
