/*
 * Dates and times of the Gregorian calendar, UTC.  Years begin in March here,
 * so that a leap day is the last one of its year.
 */

#include "utc.h"


#define LLM_UTC_ERA    146097               /* days of 400 years */
#define LLM_UTC_EPOCH  719468               /* from 0000-03-01 to 1970-01-01 */
#define LLM_UTC_MIN    INT64_C(-62167219200000)
#define LLM_UTC_MAX    INT64_C(253402300799999)

#define LLM_UTC_SECONDS  (sizeof("2026-11-23T10:00:01Z") - 1)


static char *llm_utc_digits(char *p, unsigned n, int64_t value, char after);


int64_t
llm_utc_days(int year, int month, int day)
{
    int64_t  y, era, of_era, of_year;

    y = (int64_t) year - (month <= 2);
    era = ((y >= 0) ? y : y - 399) / 400;
    of_era = y - era * 400;
    of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * LLM_UTC_ERA + of_era * 365 + of_era / 4 - of_era / 100
           + of_year - LLM_UTC_EPOCH;
}


void
llm_utc_date(int64_t days, int *year, int *month, int *day)
{
    int64_t  era, of_era, y, of_year, m;

    days += LLM_UTC_EPOCH;
    era = ((days >= 0) ? days : days - LLM_UTC_ERA + 1) / LLM_UTC_ERA;
    of_era = days - era * LLM_UTC_ERA;
    y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    of_year = of_era - (365 * y + y / 4 - y / 100);
    m = (5 * of_year + 2) / 153;

    *day = (int) (of_year - (153 * m + 2) / 5 + 1);
    *month = (int) (m < 10 ? m + 3 : m - 9);
    *year = (int) (y + era * 400 + (*month <= 2));
}


llm_str_t
llm_utc_text(int64_t ms, char text[LLM_UTC_TEXT])
{
    int       year, month, day;
    char     *p;
    int64_t   days;

    ms = (ms < LLM_UTC_MIN) ? LLM_UTC_MIN : ms;
    ms = (ms > LLM_UTC_MAX) ? LLM_UTC_MAX : ms;

    days = ((ms >= 0) ? ms : ms - LLM_UTC_DAY + 1) / LLM_UTC_DAY;
    ms -= days * LLM_UTC_DAY;

    llm_utc_date(days, &year, &month, &day);

    p = llm_utc_digits(text, 4, year, '-');
    p = llm_utc_digits(p, 2, month, '-');
    p = llm_utc_digits(p, 2, day, 'T');
    p = llm_utc_digits(p, 2, ms / 3600000, ':');
    p = llm_utc_digits(p, 2, ms / 60000 % 60, ':');
    p = llm_utc_digits(p, 2, ms / 1000 % 60, '.');
    (void) llm_utc_digits(p, 3, ms % 1000, 'Z');

    return (llm_str_t) { text, LLM_UTC_TEXT };
}


llm_str_t
llm_utc_seconds(int64_t ms, char text[LLM_UTC_TEXT])
{
    (void) llm_utc_text(ms, text);

    text[LLM_UTC_SECONDS - 1] = 'Z';
    text[LLM_UTC_SECONDS] = '\0';

    return (llm_str_t) { text, LLM_UTC_SECONDS };
}


static char *
llm_utc_digits(char *p, unsigned n, int64_t value, char after)
{
    unsigned  i;

    for (i = n; i > 0; i--) {
        p[i - 1] = (char) ('0' + value % 10);
        value /= 10;
    }

    p[n] = after;

    return p + n + 1;
}
