/*
 * Times and periods as people write them, UTC.
 */

#include "filter.h"

#include "../../governance/window.h"
#include "../../wire/utc.h"


#define LLM_TIME_SECONDS_MAX  INT64_C(100000000000)     /* in the year 5138;
                                                           more is ms */
#define LLM_TIME_MAX          INT64_C(253402300799999)  /* of the year 9999 */


static int llm_time_rfc3339(llm_str_t text, int64_t *ms);
static int llm_time_of_day(llm_str_t *rest, int64_t *ms);
static int llm_time_fraction(llm_str_t *rest, int64_t *ms);
static int llm_time_zone(llm_str_t rest, int64_t *ms);
static int llm_time_digits(llm_str_t *rest, unsigned n, int *value);
static int llm_time_number(llm_str_t text, int64_t *value);
static int llm_time_span(llm_str_t text, int64_t *ms);
static int64_t llm_time_unit(llm_window_unit_t unit, int64_t at, int step);


int
llm_filter_time(llm_str_t text, int64_t now_ms, int64_t *ms)
{
    int64_t  value;

    if (llm_str_eq(text, llm_str("now"))) {
        *ms = now_ms;
        return LLM_OK;
    }

    if (llm_str_eq(text, llm_str("today"))) {
        *ms = llm_time_unit(LLM_WINDOW_DAY, now_ms, 0);
        return LLM_OK;
    }

    if (llm_str_eq(text, llm_str("yesterday"))) {
        *ms = llm_time_unit(LLM_WINDOW_DAY, now_ms, -1);
        return LLM_OK;
    }

    if (text.len > 1 && text.data[0] == '-') {
        text.data++;
        text.len--;

        if (llm_time_span(text, &value) != LLM_OK) {
            return LLM_ERROR;
        }

        *ms = now_ms - value;
        return LLM_OK;
    }

    if (llm_time_number(text, &value) == LLM_OK) {
        value = (value < LLM_TIME_SECONDS_MAX) ? value * 1000 : value;

        /* "2026" is meant for a year, not for 1970 */

        if (value > LLM_TIME_MAX || (value > 0 && text.len < 9)) {
            return LLM_ERROR;
        }

        *ms = value;
        return LLM_OK;
    }

    return llm_time_rfc3339(text, ms);
}


int
llm_filter_period(llm_str_t text, int64_t now_ms, int64_t *from, int64_t *to)
{
    int                       step;
    size_t                    i;
    int64_t                   span;
    static const struct {
        llm_str_t             name;
        llm_window_unit_t     unit;
        int                   step;
    }                         periods[] = {
        { llm_str("today"), LLM_WINDOW_DAY, 0 },
        { llm_str("yesterday"), LLM_WINDOW_DAY, -1 },
        { llm_str("this_week"), LLM_WINDOW_WEEK, 0 },
        { llm_str("last_week"), LLM_WINDOW_WEEK, -1 },
        { llm_str("this_month"), LLM_WINDOW_MONTH, 0 },
        { llm_str("last_month"), LLM_WINDOW_MONTH, -1 },
        { llm_str("this_year"), LLM_WINDOW_YEAR, 0 },
        { llm_str("last_year"), LLM_WINDOW_YEAR, -1 }
    };

    for (i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
        if (!llm_str_eq(text, periods[i].name)) {
            continue;
        }

        step = periods[i].step;
        *from = llm_time_unit(periods[i].unit, now_ms, step);
        *to = llm_time_unit(periods[i].unit, now_ms, step + 1);

        return LLM_OK;
    }

    if (llm_time_span(text, &span) != LLM_OK || span == 0) {
        return LLM_ERROR;
    }

    /* what was settled this very millisecond belongs to it */
    *from = now_ms - span;
    *to = now_ms + 1;

    return LLM_OK;
}


/* the start of the calendar unit that holds `at`, of the one before it (-1),
 * of the next (1) */
static int64_t
llm_time_unit(llm_window_unit_t unit, int64_t at, int step)
{
    int64_t       start;
    llm_window_t  window;

    window = (llm_window_t) { unit, 1 };

    if (step > 0) {
        return llm_window_end(window, at);
    }

    start = llm_window_start(window, at);

    return (step == 0) ? start : llm_window_start(window, start - 1);
}


/* "15m", "24h", "7d", "90s", "2w" */
static int
llm_time_span(llm_str_t text, int64_t *ms)
{
    int64_t  unit;

    if (text.len < 2 || text.len > 8) {
        return LLM_ERROR;
    }

    switch (text.data[text.len - 1]) {

    case 's':
        unit = 1000;
        break;

    case 'm':
        unit = 60 * 1000;
        break;

    case 'h':
        unit = 3600 * 1000;
        break;

    case 'd':
        unit = LLM_UTC_DAY;
        break;

    case 'w':
        unit = 7 * LLM_UTC_DAY;
        break;

    default:
        return LLM_ERROR;
    }

    text.len--;

    if (llm_time_number(text, ms) != LLM_OK) {
        return LLM_ERROR;
    }

    *ms *= unit;

    return LLM_OK;
}


static int
llm_time_number(llm_str_t text, int64_t *value)
{
    size_t  i;

    if (text.len == 0 || text.len > 15) {
        return LLM_ERROR;
    }

    *value = 0;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return LLM_ERROR;
        }

        *value = *value * 10 + (text.data[i] - '0');
    }

    return LLM_OK;
}


static int
llm_time_rfc3339(llm_str_t text, int64_t *ms)
{
    int        year, month, day, y, m, d;
    int64_t    days;

    if (llm_time_digits(&text, 4, &year) != LLM_OK
        || text.len == 0 || *text.data != '-')
    {
        return LLM_ERROR;
    }

    text = (llm_str_t) { text.data + 1, text.len - 1 };

    if (llm_time_digits(&text, 2, &month) != LLM_OK
        || text.len == 0 || *text.data != '-')
    {
        return LLM_ERROR;
    }

    text = (llm_str_t) { text.data + 1, text.len - 1 };

    if (llm_time_digits(&text, 2, &day) != LLM_OK
        || month < 1 || month > 12 || day < 1)
    {
        return LLM_ERROR;
    }

    /* the 31st of April is the 1st of May */

    days = llm_utc_days(year, month, day);
    llm_utc_date(days, &y, &m, &d);

    if (y != year || m != month || d != day) {
        return LLM_ERROR;
    }

    *ms = days * LLM_UTC_DAY;

    if (text.len == 0) {
        return LLM_OK;
    }

    if (memchr("Tt ", *text.data, 3) == NULL) {
        return LLM_ERROR;
    }

    text = (llm_str_t) { text.data + 1, text.len - 1 };

    if (llm_time_of_day(&text, ms) != LLM_OK) {
        return LLM_ERROR;
    }

    return llm_time_zone(text, ms);
}


/* "10:00", "10:00:01", "10:00:01.234" */
static int
llm_time_of_day(llm_str_t *rest, int64_t *ms)
{
    int                  value;
    unsigned             i;
    static const int     limits[] = { 24, 60, 61 };     /* leap seconds */
    static const int64_t units[] = { 3600000, 60000, 1000 };

    for (i = 0; i < 3; i++) {
        if (i > 0) {
            if (rest->len == 0 || *rest->data != ':') {
                return (i == 2) ? LLM_OK : LLM_ERROR;
            }

            rest->data++;
            rest->len--;
        }

        if (llm_time_digits(rest, 2, &value) != LLM_OK || value >= limits[i]) {
            return LLM_ERROR;
        }

        *ms += value * units[i];
    }

    return llm_time_fraction(rest, ms);
}


/* what is below a millisecond is cut */
static int
llm_time_fraction(llm_str_t *rest, int64_t *ms)
{
    int  value, unit, n;

    if (rest->len == 0 || (*rest->data != '.' && *rest->data != ',')) {
        return LLM_OK;
    }

    rest->data++;
    rest->len--;

    for (n = 0, unit = 100;
         llm_time_digits(rest, 1, &value) == LLM_OK;
         n++, unit /= 10)
    {
        *ms += value * unit;
    }

    return (n > 0) ? LLM_OK : LLM_ERROR;
}


/* a plus sign is a blank where a query string was decoded */
static int
llm_time_zone(llm_str_t rest, int64_t *ms)
{
    int   hours, minutes;
    char  sign;

    if (rest.len == 0) {
        return LLM_OK;
    }

    sign = *rest.data++;
    rest.len--;

    if (sign == 'Z' || sign == 'z') {
        return (rest.len == 0) ? LLM_OK : LLM_ERROR;
    }

    if (memchr("+- ", sign, 3) == NULL
        || llm_time_digits(&rest, 2, &hours) != LLM_OK)
    {
        return LLM_ERROR;
    }

    if (rest.len > 0 && *rest.data == ':') {
        rest.data++;
        rest.len--;
    }

    if (llm_time_digits(&rest, 2, &minutes) != LLM_OK
        || rest.len != 0 || hours > 23 || minutes > 59)
    {
        return LLM_ERROR;
    }

    minutes += hours * 60;
    *ms -= (sign == '-' ? -1 : 1) * (int64_t) minutes * 60000;

    return LLM_OK;
}


/* takes exactly n digits */
static int
llm_time_digits(llm_str_t *rest, unsigned n, int *value)
{
    unsigned  i;

    if (rest->len < n) {
        return LLM_ERROR;
    }

    *value = 0;

    for (i = 0; i < n; i++) {
        if (rest->data[i] < '0' || rest->data[i] > '9') {
            return LLM_ERROR;
        }

        *value = *value * 10 + (rest->data[i] - '0');
    }

    rest->data += n;
    rest->len -= n;

    return LLM_OK;
}
