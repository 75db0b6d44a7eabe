/*
 * Windows of budgets and rate limits: their text form, and where the one that
 * holds a moment begins and ends.  Everything is UTC, so there are no gaps and
 * no repeated hours; a day always has 86,400 seconds.
 */

#include "window.h"

#include "../wire/utc.h"


#define LLM_MINUTE_MS   ((int64_t) 60 * 1000)
#define LLM_HOUR_MS     (60 * LLM_MINUTE_MS)

/* 1970-01-01 was a Thursday: the first Monday was day 4 */
#define LLM_MONDAY      4

/* a year of minutes: longer periods have their own unit */
#define LLM_COUNT_MAX   527040


typedef struct {
    char                letter;
    bool                counted;    /* more than one of it can be a window */
    llm_window_unit_t   unit;
    const char         *error;      /* not a unit, or not that many of it */
} llm_window_letter_t;


static const llm_window_letter_t  llm_window_letters[] = {
    { 'm', true, LLM_WINDOW_MINUTES, NULL },
    { 'h', true, LLM_WINDOW_HOURS, NULL },
    { 'd', false, LLM_WINDOW_DAY,
      "days are calendar days: write 1d for a day, 1w for a week, "
      "1M for a month" },
    { 'w', false, LLM_WINDOW_WEEK,
      "weeks are calendar weeks, from Monday: write 1w, or 1M for a month" },
    { 'M', false, LLM_WINDOW_MONTH,
      "months are calendar months: write 1M, or 1Y for a year (minutes are "
      "written with a small m)" },
    { 'Y', false, LLM_WINDOW_YEAR,
      "years are calendar years: write 1Y, or total for no reset" },
    { 's', false, LLM_WINDOW_FOREVER,
      "seconds are too short a period: the shortest is a minute, "
      "write 1m" },
    { 'H', false, LLM_WINDOW_FOREVER,
      "hours are written with a small h: write 1h" },
    { 'D', false, LLM_WINDOW_FOREVER,
      "days are written with a small d: write 1d" },
    { 'W', false, LLM_WINDOW_FOREVER,
      "weeks are written with a small w: write 1w" },
    { 'y', false, LLM_WINDOW_FOREVER,
      "years are written with a big Y: write 1Y" }
};


static const char  llm_window_usage[] =
    "a period is a number and a unit: write 1m (minute), 1h (hour), 1d (day), "
    "1w (week), 1M (month), 1Y (year), or total for no reset";


static const llm_window_letter_t *
llm_window_letter(char ch)
{
    size_t  i, n;

    n = sizeof(llm_window_letters) / sizeof(llm_window_letters[0]);

    for (i = 0; i < n; i++) {
        if (llm_window_letters[i].letter == ch) {
            return &llm_window_letters[i];
        }
    }

    return NULL;
}


/* the digits at the start of `text`; their number, 0 if there are none */
static size_t
llm_window_number(llm_str_t text, uint32_t *number)
{
    size_t  i;

    *number = 0;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            break;
        }

        if (*number <= LLM_COUNT_MAX) {
            *number = *number * 10 + (uint32_t) (text.data[i] - '0');
        }
    }

    return i;
}


static const char *
llm_window_unit(llm_window_t *window, uint32_t count, char ch)
{
    const llm_window_letter_t  *letter;

    letter = llm_window_letter(ch);

    if (letter == NULL) {
        return "no such unit: write m (minutes), h (hours), 1d, 1w, 1M "
               "(month), 1Y or total";
    }

    if (letter->unit == LLM_WINDOW_FOREVER) {
        return letter->error;
    }

    if (count == 0) {
        return "a period cannot be zero: write 1m or more, or total for no "
               "reset";
    }

    if (!letter->counted && count != 1) {
        return letter->error;
    }

    if (count > LLM_COUNT_MAX) {
        return "the period is too long: write 1M for a month, 1Y for a year, "
               "or total for no reset";
    }

    window->unit = letter->unit;
    window->count = count;

    return NULL;
}


int
llm_window_parse(llm_str_t text, llm_window_t *window, const char **error)
{
    size_t    n;
    uint32_t  count;

    if (llm_str_eq(text, llm_str("total"))) {
        *window = (llm_window_t) { LLM_WINDOW_FOREVER, 1 };
        return LLM_OK;
    }

    n = llm_window_number(text, &count);

    if (n > 0 && n < text.len && (text.data[n] == '.' || text.data[n] == ','))
    {
        *error = "a period is a whole number: write 90m instead of 1.5h";

    } else if (n > 0 && n + 1 == text.len) {
        *error = llm_window_unit(window, count, text.data[n]);

    } else if (n > 0 && n == text.len) {
        *error = "the unit is missing: write 1m, 1h, 1d, 1w, 1M or 1Y";

    } else {
        *error = llm_window_usage;
    }

    return (*error == NULL) ? LLM_OK : LLM_ERROR;
}


size_t
llm_window_text(llm_window_t window, char out[16])
{
    char      digits[10];
    size_t    i, len, ndigits;
    uint32_t  count;

    if (window.unit == LLM_WINDOW_FOREVER) {
        memcpy(out, "total", 5);
        return 5;
    }

    ndigits = 0;
    count = window.count;

    do {
        digits[ndigits++] = (char) ('0' + count % 10);
        count /= 10;
    } while (count);

    for (len = 0; len < ndigits; len++) {
        out[len] = digits[ndigits - 1 - len];
    }

    for (i = 0; i < sizeof(llm_window_letters) / sizeof(llm_window_letters[0]);
         i++)
    {
        if (llm_window_letters[i].unit == window.unit) {
            out[len++] = llm_window_letters[i].letter;
            break;
        }
    }

    return len;
}


/* the multiple of `step` at or below `value`, also below zero */
static int64_t
llm_floor(int64_t value, int64_t step)
{
    int64_t  rest;

    rest = value % step;

    return value - (rest < 0 ? rest + step : rest);
}


/* the length of a window of fixed length in ms, 0 for the others */
static int64_t
llm_window_length(llm_window_t window)
{
    switch (window.unit) {

    case LLM_WINDOW_MINUTES:
        return window.count * LLM_MINUTE_MS;

    case LLM_WINDOW_HOURS:
        return window.count * LLM_HOUR_MS;

    case LLM_WINDOW_DAY:
        return LLM_UTC_DAY;

    case LLM_WINDOW_WEEK:
        return 7 * LLM_UTC_DAY;

    default:
        return 0;
    }
}


int64_t
llm_window_start(llm_window_t window, int64_t now_ms)
{
    int      year, month, day;
    int64_t  length, offset;

    if (window.unit == LLM_WINDOW_FOREVER) {
        return 0;
    }

    length = llm_window_length(window);

    if (length > 0) {
        offset = (window.unit == LLM_WINDOW_WEEK) ? LLM_MONDAY * LLM_UTC_DAY
                                                  : 0;
        return llm_floor(now_ms - offset, length) + offset;
    }

    llm_utc_date(llm_floor(now_ms, LLM_UTC_DAY) / LLM_UTC_DAY, &year, &month,
                 &day);

    if (window.unit == LLM_WINDOW_YEAR) {
        month = 1;
    }

    return llm_utc_days(year, month, 1) * LLM_UTC_DAY;
}


int64_t
llm_window_end(llm_window_t window, int64_t now_ms)
{
    int64_t  start, later;

    if (window.unit == LLM_WINDOW_FOREVER) {
        return 0;
    }

    start = llm_window_start(window, now_ms);

    if (llm_window_length(window) > 0) {
        return start + llm_window_length(window);
    }

    /* any day of the next month or year leads to its first */
    later = (window.unit == LLM_WINDOW_YEAR) ? 370 : 32;

    return llm_window_start(window, start + later * LLM_UTC_DAY);
}
