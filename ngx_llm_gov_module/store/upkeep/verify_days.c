/*
 * Rollups of days against those of their hours.
 */

#include "verify_parts.h"

#include <errno.h>
#include <stdlib.h>


static int llm_verify_day(llm_verify_t *verify, uint32_t day,
    llm_facet_t facet);
static int llm_verify_first_day(llm_verify_t *verify, llm_facet_t facet,
    uint32_t *day);


/* each day that there is, from the hours that there are; those that are old
 * may be about to go, hours first */
int
llm_verify_days(llm_verify_t *verify)
{
    int          rc;
    int64_t      since_ms;
    uint32_t     day;
    llm_facet_t  facet;

    rc = llm_rollup_since(verify->store, verify->txn, LLM_LEVEL_HOUR,
                          &since_ms);

    if (rc != 0) {
        return rc;
    }

    for (facet = 0; facet < LLM_FACETS; facet++) {
        day = (uint32_t) (since_ms / LLM_MINUTE_MS);

        while ((rc = llm_verify_first_day(verify, facet, &day)) == 0) {
            rc = llm_verify_day(verify, day, facet);

            if (rc != 0) {
                return rc;
            }

            day += llm_level_size[LLM_LEVEL_DAY];
        }

        if (rc != MDB_NOTFOUND) {
            return rc;
        }
    }

    return 0;
}


/* the next day, from *day on, that has a rollup of a day or of an hour */
static int
llm_verify_first_day(llm_verify_t *verify, llm_facet_t facet, uint32_t *day)
{
    int                rc;
    MDB_val            key, value;
    uint32_t           first;
    MDB_cursor        *cursor;
    unsigned char      name[LLM_ROLLUP_KEY];
    llm_level_t        level;
    llm_rollup_key_t   parsed;

    rc = mdb_cursor_open(verify->txn, verify->store->rollups, &cursor);

    if (rc != 0) {
        return rc;
    }

    first = UINT32_MAX;

    for (level = LLM_LEVEL_HOUR; level <= LLM_LEVEL_DAY; level++) {
        memset(&parsed, 0, sizeof(parsed));
        parsed.level = level;
        parsed.facet = facet;
        parsed.start = *day;

        llm_rollup_key_write(name, &parsed);
        key = (MDB_val) { sizeof(name), name };

        rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

        if (rc == 0
            && llm_rollup_key_read(&parsed, (llm_str_t) { key.mv_data,
                                                          key.mv_size })
               == LLM_OK
            && parsed.level == level && parsed.facet == facet
            && parsed.start < first)
        {
            first = parsed.start;
        }
    }

    mdb_cursor_close(cursor);

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    *day = first - first % llm_level_size[LLM_LEVEL_DAY];

    return (first == UINT32_MAX) ? MDB_NOTFOUND : 0;
}


static int
llm_verify_day(llm_verify_t *verify, uint32_t day, llm_facet_t facet)
{
    int                    rc;
    MDB_val                key, value;
    llm_sums_t            *sums;
    MDB_cursor            *cursor;
    unsigned char          name[LLM_ROLLUP_KEY];
    llm_rollup_t          *rollup;
    llm_rollup_key_t       parsed;
    llm_verify_range_t     range;
    llm_verify_rollup_t   *expected;

    rollup = llm_rollup_create();

    if (rollup == NULL) {
        return ENOMEM;
    }

    rollup->stored = true;

    memset(&range, 0, sizeof(range));
    range.level = LLM_LEVEL_HOUR;
    range.facet = facet;
    range.from = day;
    range.to = day + llm_level_size[LLM_LEVEL_DAY];

    memset(&parsed, 0, sizeof(parsed));
    parsed.level = range.level;
    parsed.facet = facet;
    parsed.start = day;
    llm_rollup_key_write(name, &parsed);
    key = (MDB_val) { sizeof(name), name };

    rc = mdb_cursor_open(verify->txn, verify->store->rollups, &cursor);

    if (rc == 0) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

        while (rc == 0 && key.mv_size == LLM_ROLLUP_KEY
               && llm_verify_within(&range, key.mv_data))
        {
            (void) llm_rollup_key_read(&parsed, (llm_str_t) { key.mv_data,
                                                              key.mv_size });
            parsed.level = LLM_LEVEL_DAY;
            parsed.start = day;

            sums = llm_rollup_entry(rollup, &parsed);

            if (sums == NULL
                || llm_sums_add_encoded(sums, (llm_str_t) { value.mv_data,
                                                            value.mv_size },
                                        true)
                   != LLM_OK)
            {
                rc = (sums == NULL) ? ENOMEM : MDB_CORRUPTED;
                break;
            }

            rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        }

        mdb_cursor_close(cursor);
    }

    if (rc == 0 || rc == MDB_NOTFOUND) {
        rc = llm_verify_sort(rollup, &expected);

        range.level = LLM_LEVEL_DAY;
        range.expected = expected;
        range.n = rollup->nentries;
        range.by = "the hours say";

        if (rc == 0) {
            rc = llm_verify_range(verify, &range);
        }

        free(expected);
    }

    llm_rollup_free(rollup);

    return rc;
}
