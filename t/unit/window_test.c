/*
 * Windows, compared with the C library's calendar.
 */

#include "governance/window.h"
#include "tap.h"

#include <stdlib.h>
#include <time.h>


#define DAY_MS  ((int64_t) 86400000)


static llm_window_t
window(const char *text)
{
    const char    *error;
    llm_window_t   result;

    if (llm_window_parse((llm_str_t) { text, strlen(text) }, &result, &error)
        != LLM_OK)
    {
        printf("# %s: %s\n", text, error);
        abort();
    }

    return result;
}


static int64_t
utc(int year, int month, int day, int hour, int minute, int second)
{
    struct tm  tm;

    memset(&tm, 0, sizeof(tm));
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = day;
    tm.tm_hour = hour;
    tm.tm_min = minute;
    tm.tm_sec = second;

    return (int64_t) timegm(&tm) * 1000;
}


static void
edge(const char *text, int64_t now, int64_t start, int64_t end)
{
    llm_window_t  w;

    w = window(text);

    ok(llm_window_start(w, now) == start && llm_window_end(w, now) == end,
       "%s at %lld: from %lld to %lld", text, (long long) now,
       (long long) llm_window_start(w, now),
       (long long) llm_window_end(w, now));
}


static void
edges(void)
{
    edge("1d", utc(2024, 2, 29, 23, 59, 59) + 999, utc(2024, 2, 29, 0, 0, 0),
         utc(2024, 3, 1, 0, 0, 0));
    edge("1M", utc(2024, 2, 29, 12, 0, 0), utc(2024, 2, 1, 0, 0, 0),
         utc(2024, 3, 1, 0, 0, 0));
    edge("1M", utc(2023, 2, 28, 23, 59, 59), utc(2023, 2, 1, 0, 0, 0),
         utc(2023, 3, 1, 0, 0, 0));
    edge("1M", utc(2025, 12, 31, 23, 59, 59), utc(2025, 12, 1, 0, 0, 0),
         utc(2026, 1, 1, 0, 0, 0));
    edge("1Y", utc(2024, 12, 31, 23, 59, 59), utc(2024, 1, 1, 0, 0, 0),
         utc(2025, 1, 1, 0, 0, 0));
    edge("1Y", utc(2100, 3, 1, 0, 0, 0), utc(2100, 1, 1, 0, 0, 0),
         utc(2101, 1, 1, 0, 0, 0));

    /* 2026-11-23 is a Monday; a week over the end of a year */
    edge("1w", utc(2026, 11, 23, 0, 0, 0), utc(2026, 11, 23, 0, 0, 0),
         utc(2026, 11, 30, 0, 0, 0));
    edge("1w", utc(2026, 11, 23, 0, 0, 0) - 1, utc(2026, 11, 16, 0, 0, 0),
         utc(2026, 11, 23, 0, 0, 0));
    edge("1w", utc(2025, 1, 1, 7, 0, 0), utc(2024, 12, 30, 0, 0, 0),
         utc(2025, 1, 6, 0, 0, 0));

    /* the nights when summer time begins and ends elsewhere */
    edge("1h", utc(2026, 3, 29, 1, 30, 0), utc(2026, 3, 29, 1, 0, 0),
         utc(2026, 3, 29, 2, 0, 0));
    edge("1d", utc(2026, 10, 25, 2, 30, 0), utc(2026, 10, 25, 0, 0, 0),
         utc(2026, 10, 26, 0, 0, 0));

    /* aligned to the epoch */
    edge("5m", 299999, 0, 300000);
    edge("5m", 300000, 300000, 600000);
    edge("7h", 7 * 3600000 + 1, 7 * 3600000, 14 * 3600000);
    edge("90m", utc(1970, 1, 1, 1, 30, 0), 5400000, 10800000);

    edge("total", utc(2026, 11, 23, 0, 0, 0), 0, 0);

    /* before the epoch, should a clock ever say so */
    edge("1h", -1, -3600000, 0);
    edge("1w", 0, -3 * DAY_MS, 4 * DAY_MS);
    edge("1Y", -1, utc(1969, 1, 1, 0, 0, 0), 0);
}


/* every day from 1968 to 2420, first and last millisecond */
static void
calendar(void)
{
    int64_t    day, now, bad, monday;
    time_t     seconds;
    unsigned   i;
    struct tm  tm;

    bad = 0;

    for (day = -730; day < 164500; day++) {
        for (i = 0; i < 2; i++) {
            now = day * DAY_MS + (i ? DAY_MS - 1 : 0);
            seconds = (time_t) (day * 86400);
            gmtime_r(&seconds, &tm);
            monday = day - (tm.tm_wday + 6) % 7;

            bad += llm_window_start(window("1d"), now) != day * DAY_MS;
            bad += llm_window_end(window("1d"), now) != (day + 1) * DAY_MS;
            bad += llm_window_start(window("1w"), now) != monday * DAY_MS;
            bad += llm_window_start(window("1M"), now)
                   != (day - tm.tm_mday + 1) * DAY_MS;
            bad += llm_window_start(window("1Y"), now)
                   != (day - tm.tm_yday) * DAY_MS;
            bad += llm_window_end(window("1Y"), now)
                   != utc(tm.tm_year + 1901, 1, 1, 0, 0, 0);
            bad += llm_window_end(window("1M"), now)
                   != utc(tm.tm_year + 1900 + (tm.tm_mon == 11),
                          (tm.tm_mon + 1) % 12 + 1, 1, 0, 0, 0);
        }
    }

    ok(bad == 0, "every day of four and a half centuries, wrong: %lld",
       (long long) bad);
}


static void
texts(void)
{
    char           out[16];
    size_t         i, len;
    llm_window_t   w;

    static const char  *const good[] = {
        "1m", "5m", "90m", "1h", "12h", "24h", "1d", "1w", "1M", "1Y",
        "total", "527040m"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        w = window(good[i]);
        len = llm_window_text(w, out);
        ok(len == strlen(good[i]) && memcmp(out, good[i], len) == 0,
           "%s there and back", good[i]);
    }

    ok(window("1m").unit == LLM_WINDOW_MINUTES
       && window("1M").unit == LLM_WINDOW_MONTH,
       "small m is a minute, big M a month");

    w = (llm_window_t) { LLM_WINDOW_HOURS, UINT32_MAX };
    len = llm_window_text(w, out);
    ok(len == 11 && memcmp(out, "4294967295h", 11) == 0,
       "the longest text fits");
}


static void
mistakes(void)
{
    int           rc;
    size_t        i;
    const char   *error;
    llm_window_t  w;

    static const struct {
        const char  *text;
        const char  *says;          /* what the error must hold */
    } bad[] = {
        { "30d", "1M for a month" }, { "7d", "1w for a week" },
        { "2w", "write 1w" }, { "3M", "write 1M" }, { "30M", "small m" },
        { "2Y", "write 1Y" }, { "1.5h", "90m" }, { "1,5h", "90m" },
        { "0m", "cannot be zero" }, { "0d", "cannot be zero" },
        { "1q", "no such unit" }, { "90s", "write 1m" },
        { "1H", "write 1h" }, { "1D", "write 1d" }, { "1W", "write 1w" },
        { "1y", "write 1Y" }, { "5", "unit is missing" },
        { "", "a period is a number and a unit" },
        { "m", "a period is a number and a unit" },
        { "month", "1M (month)" }, { "-1h", "a number and a unit" },
        { "1hour", "1h (hour)" }, { "1 h", "1h (hour)" },
        { "Total", "total for no reset" },
        { "99999999999999999999m", "too long" }, { "527041h", "too long" }
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        error = NULL;
        rc = llm_window_parse((llm_str_t) { bad[i].text,
                                            strlen(bad[i].text) },
                              &w, &error);
        ok(rc == LLM_ERROR && error != NULL
           && strstr(error, bad[i].says) != NULL,
           "\"%s\": %s", bad[i].text, error ? error : "taken");
    }
}


int
main(void)
{
    edges();
    calendar();
    texts();
    mistakes();

    return plan_done();
}
