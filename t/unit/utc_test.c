/*
 * Dates and times, against the C library's.
 */

#include "tap.h"

#include "wire/utc.h"

#include <time.h>


static int
same(int64_t ms)
{
    char       text[LLM_UTC_TEXT], seconds[LLM_UTC_TEXT], expected[64];
    time_t     at;
    struct tm  tm;

    at = (time_t) ((ms - (ms < 0 ? 999 : 0)) / 1000);
    gmtime_r(&at, &tm);

    snprintf(expected, sizeof(expected),
             "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
             (int) (ms - (int64_t) at * 1000));

    if (memcmp(llm_utc_text(ms, text).data, expected, LLM_UTC_TEXT) != 0) {
        return 0;
    }

    strcpy(expected + 19, "Z");

    return llm_utc_seconds(ms, seconds).len == 20
           && strcmp(seconds, expected) == 0;
}


static void
days(void)
{
    int      year, month, day, wrong;
    int64_t  n, before;

    wrong = 0;
    before = llm_utc_days(-1, 12, 31);

    for (n = before + 1; n < llm_utc_days(10001, 1, 1); n++) {
        llm_utc_date(n, &year, &month, &day);
        wrong += llm_utc_days(year, month, day) != n;
        wrong += n % 97 == 0 && year >= 0 && year <= 9999
                 && !same(n * LLM_UTC_DAY + n % 86399999);
    }

    ok(wrong == 0, "every day of 10,000 years, there and back");
    ok(llm_utc_days(1970, 1, 1) == 0, "the epoch");
    ok(llm_utc_days(2000, 2, 30) == llm_utc_days(2000, 3, 1),
       "a day too many is the next month's");
}


static void
edges(void)
{
    size_t  i;
    char    text[LLM_UTC_TEXT];

    static const int64_t  times[] = {
        0, 999, 1000, -1, -1000, -1001, 951782399999, 951782400000,
        4102444800000, 253402300799999
    };

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        ok(same(times[i]), "%lld", (long long) times[i]);
    }

    (void) llm_utc_seconds(INT64_MAX, text);
    ok(strcmp(text, "9999-12-31T23:59:59Z") == 0, "too late: %s", text);

    (void) llm_utc_seconds(INT64_MIN, text);
    ok(strcmp(text, "0000-01-01T00:00:00Z") == 0, "too early: %s", text);
}


int
main(void)
{
    days();
    edges();

    return plan_done();
}
