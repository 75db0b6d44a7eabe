/*
 * Which rollups a report needs: days where whole days are asked for, and hours
 * and minutes at the ends.
 */

#include "report_parts.h"
#include "../../governance/window.h"


#define LLM_HOUR   60
#define LLM_DAY    (24 * 60)

/* no time is beyond, in minutes: the year 9999 */
#define LLM_REPORT_END  ((int64_t) 4223376000)


static int llm_report_oldest(llm_store_t *store, MDB_txn *txn,
    int64_t *minutes);
static void llm_report_spans(llm_report_plan_t *plan, llm_level_t highest,
    uint32_t from, uint32_t to);


static inline int64_t
llm_report_floor(int64_t minutes, int64_t size)
{
    return minutes - minutes % size;
}


static inline int64_t
llm_report_minutes(int64_t ms)
{
    ms = (ms < 0) ? 0 : ms;

    return (ms / LLM_MINUTE_MS > LLM_REPORT_END) ? LLM_REPORT_END
                                                 : ms / LLM_MINUTE_MS;
}


int
llm_report_plan(const llm_report_t *report, llm_store_t *store, MDB_txn *txn,
    int64_t now_ms, llm_report_plan_t *plan)
{
    int           rc;
    int64_t       from, to, from_ms, to_ms, minutes_ms, hours_ms, oldest,
                  minutes;
    llm_level_t   highest;

    memset(plan, 0, sizeof(llm_report_plan_t));

    rc = llm_rollup_since(store, txn, LLM_LEVEL_MINUTE, &minutes_ms);

    if (rc == 0) {
        rc = llm_rollup_since(store, txn, LLM_LEVEL_HOUR, &hours_ms);
    }

    if (rc == 0) {
        rc = llm_report_oldest(store, txn, &oldest);
    }

    if (rc != 0) {
        return rc;
    }

    llm_filter_times(report->times, &from_ms, &to_ms);

    /* whole minutes: those that the range touches */

    to = llm_report_minutes(now_ms) + 1;

    if (to_ms < to * LLM_MINUTE_MS) {
        to = llm_report_minutes(to_ms)
             + (to_ms > 0 && to_ms % LLM_MINUTE_MS != 0);
    }

    from = (from_ms > 0) ? llm_report_minutes(from_ms)
           : (oldest < to) ? oldest : to;
    from = (from < hours_ms / LLM_MINUTE_MS) ? hours_ms / LLM_MINUTE_MS : from;

    minutes = minutes_ms / LLM_MINUTE_MS;

    if (report->interval == LLM_INTERVAL_MINUTE && from < minutes) {
        from = minutes;
    }

    if (from < minutes) {
        from = llm_report_floor(from, LLM_HOUR);
    }

    if (to < minutes) {
        to = llm_report_floor(to + LLM_HOUR - 1, LLM_HOUR);
    }

    to = (to < from) ? from : to;

    highest = (report->interval == LLM_INTERVAL_MINUTE) ? LLM_LEVEL_MINUTE
              : (report->interval == LLM_INTERVAL_HOUR) ? LLM_LEVEL_HOUR
                                                        : LLM_LEVEL_DAY;

    plan->from_ms = from * LLM_MINUTE_MS;
    plan->to_ms = to * LLM_MINUTE_MS;

    llm_report_spans(plan, highest, (uint32_t) from, (uint32_t) to);

    return 0;
}


/* the first day that there is, LLM_REPORT_END if there is none */
static int
llm_report_oldest(llm_store_t *store, MDB_txn *txn, int64_t *minutes)
{
    int                rc;
    MDB_val            key, value;
    MDB_cursor        *cursor;
    unsigned char      name[LLM_ROLLUP_KEY];
    llm_rollup_key_t   first;

    *minutes = LLM_REPORT_END;

    memset(&first, 0, sizeof(first));
    first.level = LLM_LEVEL_DAY;
    llm_rollup_key_write(name, &first);

    rc = mdb_cursor_open(txn, store->rollups, &cursor);

    if (rc != 0) {
        return rc;
    }

    key = (MDB_val) { sizeof(name), name };
    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

    if (rc == 0
        && llm_rollup_key_read(&first, (llm_str_t) { key.mv_data,
                                                     key.mv_size })
           == LLM_OK)
    {
        *minutes = first.start;
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


/* the largest steps that fit, from one end to the other */
static void
llm_report_spans(llm_report_plan_t *plan, llm_level_t highest, uint32_t from,
    uint32_t to)
{
    uint32_t            size, end;
    llm_level_t         level;
    llm_report_span_t  *span;

    while (from < to) {

        for (level = highest; level > LLM_LEVEL_MINUTE; level--) {
            size = llm_level_size[level];

            if (from % size == 0 && to - from >= size) {
                break;
            }
        }

        /* to where a larger step may begin, or to the last of these */

        size = llm_level_size[level];
        end = to - to % size;

        if (level < highest) {
            size = llm_level_size[level + 1];

            if (from - from % size + size < end) {
                end = from - from % size + size;
            }
        }

        span = &plan->spans[plan->n++];
        span->level = level;
        span->from = from;
        span->to = end;

        from = end;
    }
}


int64_t
llm_report_interval(llm_interval_t interval, int64_t ms)
{
    llm_window_t  window;

    switch (interval) {

    case LLM_INTERVAL_NONE:
        return 0;

    case LLM_INTERVAL_MINUTE:
        return ms - ms % LLM_MINUTE_MS;

    case LLM_INTERVAL_HOUR:
        return ms - ms % (LLM_HOUR * LLM_MINUTE_MS);

    case LLM_INTERVAL_DAY:
        return ms - ms % (LLM_DAY * LLM_MINUTE_MS);

    case LLM_INTERVAL_WEEK:
        window = (llm_window_t) { LLM_WINDOW_WEEK, 1 };
        break;

    default:
        window = (llm_window_t) { LLM_WINDOW_MONTH, 1 };
    }

    return llm_window_start(window, ms);
}
