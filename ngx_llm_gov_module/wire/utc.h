/*
 * Dates and times of the Gregorian calendar, UTC.
 */

#ifndef LLM_UTC_H
#define LLM_UTC_H

#include "str.h"


#define LLM_UTC_DAY   INT64_C(86400000)     /* milliseconds */
#define LLM_UTC_TEXT  24                    /* 2026-11-23T10:00:01.234Z */


/* days since 1970-01-01; month 1 to 12, any day */
int64_t llm_utc_days(int year, int month, int day);
void llm_utc_date(int64_t days, int *year, int *month, int *day);

/* milliseconds since the epoch as RFC 3339 text, LLM_UTC_TEXT bytes without a
 * NUL; times beyond the years 0 to 9999 as the nearest in them */
llm_str_t llm_utc_text(int64_t ms, char text[LLM_UTC_TEXT]);

/* the same without the milliseconds, and with a NUL behind it */
llm_str_t llm_utc_seconds(int64_t ms, char text[LLM_UTC_TEXT]);


#endif /* LLM_UTC_H */
