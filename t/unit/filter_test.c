/*
 * Filters: what they accept, what they say of what they do not, and that a
 * block and its single rows always agree.
 */

#include "rows.h"
#include "store/queries/filter.h"
#include "store/rows/log.h"
#include "tap.h"

#include <time.h>


#define NOW     INT64_C(1795437296789)      /* 2026-11-23T12:34:56.789Z */
#define BLOCKS  20
#define SETS    600


typedef struct {
    const char  *name;
    const char  *values[12];
} choice_t;


static rows_t      random_rows;
static llm_buf_t   encoded;
static llm_buf_t   blocks[BLOCKS];
static llm_row_t   sample;                  /* of the last block */


static int
add(llm_filter_t *filter, const char *name, const char *value,
    char error[LLM_FILTER_ERROR])
{
    error[0] = '\0';

    return llm_filter_add(filter, (llm_str_t) { name, strlen(name) },
                          (llm_str_t) { value, strlen(value) }, NOW, error);
}


/* ---- values ---- */

static const char  *good[][2] = {
    { "from", "2026-11-23" }, { "to", "now" }, { "period", "last_month" },
    { "received_from", "-24h" }, { "received_to", "1795437296" },
    { "id", "019abcdef0123456789abcdef0123456" },
    { "customer", "acme" }, { "team", "!a,b*" }, { "virtual_key", "" },
    { "provider", "*" }, { "region", "us-*" }, { "model", "!*" },
    { "model_asked", "claude\\,x" }, { "attempt_provider", "east" },
    { "attempt_result", "throttled,timeout" },
    { "provider_request_id", "0a1b2c3d-*" },
    { "dialect", "anthropic,openai" }, { "api", "anthropic_messages" },
    { "streamed", "true" }, { "aborted", "false" }, { "recovered", "!true" },
    { "content", "true,false" }, { "status", "429,5xx,0" },
    { "outcome", "ok" }, { "error", "any" }, { "refusal", "budget" },
    { "price", "!exact" }, { "cache", "hit,write" }, { "tier", "flex" },
    { "failover", "true" }, { "attempts_min", "2" }, { "attempts_max", "3" },
    { "cost_min", "0.05" }, { "cost_max", "1e2" }, { "tokens_min", "0" },
    { "tokens_max", "1000000" }, { "input_tokens_min", "1" },
    { "output_tokens_max", "5" }, { "cache_read_tokens_min", "1" },
    { "cache_write_tokens_max", "7" }, { "cache_write_5m_tokens_min", "2" },
    { "cache_write_1h_tokens_max", "3" }, { "reasoning_tokens_min", "2" },
    { "latency_min", "100" }, { "first_token_max", "900" },
    { "overhead_min", "50" }, { "request_bytes_max", "1000" },
    { "response_bytes_min", "1" }, { "client", "10.0.*" },
    { "user_agent", "curl" }, { "text", "Too Many" }, { "session", "s" },
    { "end_user", "u" }, { "tag", "nightly" }
};

static const char  *bad[][3] = {
    { "from", "yesterdy", "\"from\" is a time like" },
    { "from", "2026-02-30", "\"from\" is a time like" },
    { "to", "2026-11-23T25:00:00Z", "\"to\" is a time like" },
    { "to", "-5", "\"to\" is a time like" },
    { "period", "7", "\"period\" is today" },
    { "period", "0d", "\"period\" is today" },
    { "id", "12", "32 hex digits" },
    { "attempt_result", "slow", "one of ok, client_error" },
    { "dialect", "Anthropic", "one of anthropic, bedrock, openai" },
    { "dialect", "anthropic,", "one of anthropic, bedrock, openai" },
    { "api", "x", "anthropic_messages" },
    { "streamed", "1", "\"true\" or \"false\"" },
    { "failover", "yes", "\"true\" or \"false\"" },
    { "status", "20", "a class from 1xx to 5xx" },
    { "status", "4x", "a class from 1xx to 5xx" },
    { "status", "-200", "a class from 1xx to 5xx" },
    { "status", "6xx", "a class from 1xx to 5xx" },
    { "status", "200,600", "a status from 100 to 599" },
    { "status", "0xx", "a status from 100 to 599" },
    { "error", "*", "none, any" },
    { "refusal", "poor", "a reason like budget" },
    { "price", "", "one of exact" },
    { "cache", "miss", "hit, write, none" },
    { "tier", "gold", "priority" },
    { "cost_min", "-1", "\"cost_min\" is an amount of dollars, like 0.05" },
    { "cost_min", "5$", "\"cost_min\" is an amount of dollars, like 0.05" },
    { "cost_max", "", "\"cost_max\" is an amount of dollars" },
    { "tokens_min", "1.5", "\"tokens_min\" is a whole number" },
    { "tokens_max", "99999999999999999999", "a whole number" },
    { "latency_max", "-3", "a whole number" },
    { "text", "", "a text to look for" },
    { "user_agent", "a,", "a text to look for" },
    { "model", "claude*opus", "\"*name*\" for all that have it" },
    { "error", "*any", "none, any" },
    { "team", "!a,b*c", "not \"!a,b*c\"" },
    { "tag", "**", "\"name*\" for all that begin so" },
    { "attempt_provider", "*west", "\"name*\" for all that begin so" },
    { "provider_request_id", "0a*d", "\"name*\" for all that begin so" },
    { "team", NULL, "256 values at most" }
};


static void
test_values(void)
{
    char           error[LLM_FILTER_ERROR], many[1200];
    size_t         i;
    llm_filter_t  *filter;

    memset(many, ',', sizeof(many) - 1);
    many[sizeof(many) - 1] = '\0';

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        filter = llm_filter_create();
        ok(add(filter, good[i][0], good[i][1], error) == LLM_OK,
           "%s=%s is taken%s%s", good[i][0], good[i][1],
           error[0] ? ": " : "", error);
        ok(strstr(llm_filter_names().data, good[i][0]) != NULL,
           "%s is among the names", good[i][0]);
        llm_filter_free(filter);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        filter = llm_filter_create();
        ok(add(filter, bad[i][0], bad[i][1] ? bad[i][1] : many, error)
           == LLM_ERROR && strstr(error, bad[i][2]) != NULL,
           "%s=%.30s: %s", bad[i][0], bad[i][1] ? bad[i][1] : many, error);
        llm_filter_free(filter);
    }

    filter = llm_filter_create();

    ok(add(filter, "teams", "x", error) == LLM_AGAIN
       && add(filter, "cost", "1", error) == LLM_AGAIN
       && add(filter, "_from", "1", error) == LLM_AGAIN
       && add(filter, "received", "1", error) == LLM_AGAIN
       && add(filter, "", "1", error) == LLM_AGAIN
       && add(filter, "limit", "1", error) == LLM_AGAIN,
       "other names are not ours");

    ok(add(filter, "cost_min", "2", error) == LLM_OK
       && add(filter, "cost_max", "1", error) == LLM_ERROR
       && strcmp(error, "\"cost_max\" is below \"cost_min\"") == 0,
       "a range the wrong way round: %s", error);
    ok(add(filter, "from", "2026-11-23", error) == LLM_OK
       && add(filter, "to", "2026-11-22", error) == LLM_ERROR
       && strcmp(error, "\"to\" is before \"from\"") == 0,
       "a time range the wrong way round: %s", error);
    ok(add(filter, "price", "\x1b[31m\"\\<script>\n and so on and so on",
           error) == LLM_ERROR
       && strchr(error, '\x1b') == NULL && strchr(error, '\n') == NULL
       && strlen(error) < LLM_FILTER_ERROR,
       "a message has no raw bytes: %s", error);

    for (i = 0; i < 100; i++) {
        if (add(filter, "team", "x", error) != LLM_OK) {
            break;
        }
    }

    ok(i < 100 && strstr(error, "more than 64 filters"), "too many: %s",
       error);

    llm_filter_free(filter);
}


/* ---- times ---- */

static void
time_is(const char *text, int64_t expected)
{
    int      rc;
    int64_t  ms;

    ms = -1;
    rc = llm_filter_time((llm_str_t) { text, strlen(text) }, NOW, &ms);

    ok(rc == LLM_OK && ms == expected, "time %s is %lld", text,
       (long long) ms);
}


static void
period_is(const char *text, int64_t from, int64_t to)
{
    int      rc;
    int64_t  begin, end;

    begin = end = -1;
    rc = llm_filter_period((llm_str_t) { text, strlen(text) }, NOW, &begin,
                           &end);

    ok(rc == LLM_OK && begin == from && end == to,
       "period %s is %lld to %lld", text, (long long) begin,
       (long long) end);
}


static void
test_times(void)
{
    size_t              i;
    int64_t             ms;
    static const char  *wrong[] = {
        "", "-", "2026", "12345678", "2026-1-1", "2026-13-01",
        "2026-00-10", "2026-01-00", "2025-02-29", "2026-01-01T",
        "2026-01-01T10", "2026-01-01T10:60",
        "2026-01-01T10:00:00.", "2026-01-01T10:00:00+1", "1e9", "-1", "-1y",
        "-99999999d", "2026-01-01T10:00:00Zx", "2026-01-01T10:00:00+24:00",
        "9999999999999999", "999999999999999", "tomorrow", "Now"
    };

    time_is("now", NOW);
    time_is("today", INT64_C(1795392000000));
    time_is("yesterday", INT64_C(1795305600000));
    time_is("-15m", NOW - 15 * 60 * 1000);
    time_is("-24h", NOW - 24 * 3600 * 1000);
    time_is("-7d", NOW - INT64_C(7) * 86400000);
    time_is("-90s", NOW - 90000);
    time_is("0", 0);
    time_is("1795437296", INT64_C(1795437296000));
    time_is("1795437296789", NOW);
    time_is("2026-11-23", INT64_C(1795392000000));
    time_is("2026-11-23T12:34:56.789Z", NOW);
    time_is("2026-11-23t12:34:56.7891234z", NOW);
    time_is("2026-11-23 12:34", INT64_C(1795437240000));
    time_is("2026-11-23T13:34:56.789+01:00", NOW);
    time_is("2026-11-23T13:34:56.789 01:00", NOW);
    time_is("2026-11-23T07:04:56.789-0530", NOW);
    time_is("1970-01-01", 0);
    time_is("1969-12-31T23:59:59Z", -1000);
    time_is("2024-02-29", INT64_C(1709164800000));

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ok(llm_filter_time((llm_str_t) { wrong[i], strlen(wrong[i]) }, NOW,
                           &ms) == LLM_ERROR, "no time: \"%s\"", wrong[i]);
    }

    period_is("today", INT64_C(1795392000000), INT64_C(1795478400000));
    period_is("yesterday", INT64_C(1795305600000), INT64_C(1795392000000));
    period_is("this_week", INT64_C(1795392000000), INT64_C(1795996800000));
    period_is("last_week", INT64_C(1794787200000), INT64_C(1795392000000));
    period_is("this_month", INT64_C(1793491200000), INT64_C(1796083200000));
    period_is("last_month", INT64_C(1790812800000), INT64_C(1793491200000));
    period_is("24h", NOW - 24 * 3600 * 1000, NOW + 1);
}


/* by the C library's calendar; its months and days may be beyond their ends */
static int64_t
day_start(struct tm tm, int years, int months, int days)
{
    tm.tm_year += years;
    tm.tm_mon += months;
    tm.tm_mday += days;
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;

    return (int64_t) timegm(&tm) * 1000;
}


static bool
period_at(int64_t now, const char *text, int64_t from, int64_t to)
{
    int64_t  begin, end;

    begin = end = -1;

    if (llm_filter_period((llm_str_t) { text, strlen(text) }, now, &begin,
                          &end) == LLM_OK
        && begin == from && end == to)
    {
        return true;
    }

    printf("# %s at %lld: %lld to %lld, not %lld to %lld\n", text,
           (long long) now, (long long) begin, (long long) end,
           (long long) from, (long long) to);

    return false;
}


/* periods at the ends of days, weeks, months and years, leap ones, too */
static void
test_calendar(void)
{
    int         i, weekday, year;
    bool        good;
    int64_t     now;
    time_t      seconds;
    struct tm   t, month, first;

    good = true;

    for (year = 1996; year <= 2101; year++) {
        for (i = 0; i < 366 * 3; i++) {

            /* before, at and behind each midnight */

            t = (struct tm) { .tm_year = year - 1900, .tm_mday = 1 + i / 3 };
            now = (int64_t) timegm(&t) * 1000 + (i % 3 - 1);
            seconds = (time_t) (now / 1000);
            gmtime_r(&seconds, &t);
            weekday = (t.tm_wday + 6) % 7;
            month = t;
            month.tm_mday = 1;
            first = month;
            first.tm_mon = 0;

            good &= period_at(now, "today", day_start(t, 0, 0, 0),
                              day_start(t, 0, 0, 1))
                    && period_at(now, "yesterday", day_start(t, 0, 0, -1),
                                 day_start(t, 0, 0, 0))
                    && period_at(now, "this_week",
                                 day_start(t, 0, 0, -weekday),
                                 day_start(t, 0, 0, 7 - weekday))
                    && period_at(now, "last_week",
                                 day_start(t, 0, 0, -7 - weekday),
                                 day_start(t, 0, 0, -weekday))
                    && period_at(now, "this_month", day_start(month, 0, 0, 0),
                                 day_start(month, 0, 1, 0))
                    && period_at(now, "last_month", day_start(month, 0, -1, 0),
                                 day_start(month, 0, 0, 0))
                    && period_at(now, "this_year", day_start(first, 0, 0, 0),
                                 day_start(first, 1, 0, 0))
                    && period_at(now, "last_year", day_start(first, -1, 0, 0),
                                 day_start(first, 0, 0, 0));
        }
    }

    ok(good, "periods at the ends of days, weeks, months and years");
}


/* ---- rows ---- */

static void
build(unsigned b)
{
    unsigned   i;
    llm_str_t  rows[LLM_BLOCK_ROWS];

    random_rows.wild = (b % 4 == 3);
    encoded.len = 0;
    blocks[b].len = 0;

    for (i = 0; i < LLM_BLOCK_ROWS; i++) {
        rows_row(&random_rows, &sample, ROWS_START + b * 60000 + i * 50);

        if (!llm_buf_reserve(&encoded, LLM_ROW_MAX)) {
            abort();
        }

        rows[i] = (llm_str_t) { NULL, encoded.len };
        encoded.len += llm_row_encode(&sample, (unsigned char *) encoded.data
                                      + encoded.len, LLM_ROW_MAX);
    }

    for (i = 0; i < LLM_BLOCK_ROWS; i++) {
        rows[i].data = encoded.data + rows[i].len;
        rows[i].len = (i + 1 < LLM_BLOCK_ROWS ? rows[i + 1].len
                                              : encoded.len) - rows[i].len;
    }

    if (llm_block_build(&blocks[b], 1 + b * LLM_BLOCK_ROWS, rows,
                        LLM_BLOCK_ROWS) != LLM_OK)
    {
        abort();
    }
}


static const choice_t  choices[] = {
    { "from", { "2026-11-23T00:00:30Z", "2026-11-23T00:10:00Z" } },
    { "to", { "2026-11-23T00:15:00Z", "2026-11-23T00:01:10Z" } },
    { "received_from", { "2026-11-23T00:00:20Z", "2026-11-23T00:05:00Z" } },
    { "received_to", { "2026-11-23T00:15:00Z", "2027-01-01" } },
    { "customer", { "customer-1", "customer-1,customer-2", "!customer-3",
                    "customer*", "", "!*", "nobody" } },
    { "team", { "team-3", "!team-3", "team-1*", "*m-1,team-2,none" } },
    { "virtual_key", { "key-7", "key-4*", "!key-1*,key-2*", "" } },
    { "provider", { "provider-2", "*", "!*" } },
    { "region", { "region-1,region-2" } },
    { "model", { "model-1*", "model-11", "*-1*", "!*el-2,*7", "**" } },
    { "model_asked", { "asked-5", "!asked-*" } },
    { "attempt_provider", { "provider-1", "!provider-1", "!*", "provider-*",
                            "" } },
    { "attempt_result", { "ok", "!ok", "timeout,broken", "exception" } },
    { "provider_request_id", { "req-7", "req-1*", "", "!*", "*", "a*", "0f*",
                               "!req-3", "A*", "0f,1e,req-9", "c3,d4*" } },
    { "dialect", { "anthropic", "!openai" } },
    { "api", { "anthropic_messages,openai_chat", "!bedrock_invoke" } },
    { "streamed", { "true", "false" } },
    { "aborted", { "true" } },
    { "recovered", { "true", "!true" } },
    { "content", { "true" } },
    { "status", { "200", "!200", "4xx", "429,5xx", "0", "!4xx,5xx" } },
    { "outcome", { "ok,estimated", "provider_error" } },
    { "error", { "any", "none", "throttled", "!timeout,any" } },
    { "refusal", { "any", "none", "budget", "unknown_key,requests" } },
    { "price", { "exact", "!exact" } },
    { "cache", { "hit", "write", "none", "!hit", "hit,none", "write,hit" } },
    { "tier", { "flex", "!default" } },
    { "failover", { "true", "false" } },
    { "attempts_min", { "0", "1", "3" } },
    { "attempts_max", { "0", "5" } },
    { "cost_min", { "0.05", "0.0001", "10" } },
    { "cost_max", { "0.06", "0", "100" } },
    { "cost_input_min", { "0.01", "0.000001" } },
    { "cost_input_max", { "0.02", "0" } },
    { "cost_output_min", { "0.01", "0", "5" } },
    { "cost_output_max", { "0.02", "0.0001" } },
    { "cost_cache_read_min", { "0.000001" } },
    { "cost_cache_write_max", { "0.001", "0" } },
    { "cost_other_max", { "0" } },
    { "cost_earlier_attempts_min", { "0.000001" } },
    { "images_min", { "1" } },
    { "queries_max", { "0" } },
    { "tokens_min", { "20000", "1" } },
    { "tokens_max", { "30000" } },
    { "input_tokens_min", { "10000", "19990" } },
    { "input_tokens_max", { "10100" } },
    { "output_tokens_min", { "3000" } },
    { "cache_read_tokens_min", { "1", "80000" } },
    { "cache_write_tokens_min", { "1", "800" } },
    { "cache_write_tokens_max", { "0" } },
    { "cache_write_5m_tokens_min", { "1" } },
    { "cache_write_1h_tokens_max", { "0", "100" } },
    { "reasoning_tokens_min", { "500" } },
    { "latency_min", { "20000", "0" } },
    { "latency_max", { "1000" } },
    { "first_token_min", { "0", "1000" } },
    { "first_token_max", { "500", "0" } },
    { "overhead_min", { "800" } },
    { "request_bytes_min", { "50000" } },
    { "response_bytes_max", { "50000" } },
    { "client", { "10.0.0.7", "10.0.0.1*", "10.0.0.9,10.0.0.8", "*.0.1*",
                  "!*.7,*2" } },
    { "user_agent", { "agent/1", "LINUX\\, X86", "!7.0", "windows" } },
    { "text", { "failed", "number 1", "NUMBER 3\\, t", "!again" } },
    { "session", { "session-7", "session-12*", "!session-1*,session-2*",
                   "", "*", "*-33*,session-7", "*nowhere*", "!*n-1*" } },
    { "end_user", { "user_7", "user_1*", "!*", "*_7", "*,*_1*", "**" } },
    { "tag", { "tag-7", "tag-1*", "!tag-3", "", "*", "!*" } }
};

#define CHOICES  (sizeof(choices) / sizeof(choices[0]))


static void
random_filter(llm_filter_t *filter, char *text, size_t size)
{
    char             error[LLM_FILTER_ERROR], id[33];
    size_t           len;
    unsigned         n, terms;
    const char      *value;
    const choice_t  *choice;

    len = 0;
    terms = 1 + rows_below(&random_rows, 4);

    while (terms-- > 0) {
        choice = &choices[rows_below(&random_rows, CHOICES)];

        for (n = 0; n < 12 && choice->values[n] != NULL; n++) { /* void */ }

        value = choice->values[rows_below(&random_rows, n)];
        (void) add(filter, choice->name, value, error);
        len += (size_t) snprintf(text + len, size - len, "%s=%s ",
                                 choice->name, value);
    }

    if (rows_chance(&random_rows, 20)) {
        llm_row_id_text(sample.id, id);
        (void) add(filter, "id", id, error);
        snprintf(text + len, size - len, "id=%s", id);
    }
}


typedef struct {
    llm_filter_t  *filter;
    char           text[600];
    unsigned       found;               /* rows that match */
    unsigned       wrong;               /* rows that a block sees otherwise */
    unsigned       count;               /* of the block */
    uint64_t       bits[LLM_BLOCK_ROWS / 64];
} set_t;


static set_t     sets[SETS];
static unsigned  nsets;


/* each value alone, then any together */
static void
make_sets(void)
{
    char      error[LLM_FILTER_ERROR];
    unsigned  i, k;
    set_t    *set;

    for (i = 0; i < CHOICES; i++) {
        for (k = 0; k < 12 && choices[i].values[k] != NULL; k++) {
            set = &sets[nsets++];
            set->filter = llm_filter_create();
            (void) add(set->filter, choices[i].name, choices[i].values[k],
                       error);
            snprintf(set->text, sizeof(set->text), "%s=%s", choices[i].name,
                     choices[i].values[k]);
        }
    }

    while (nsets < SETS) {
        set = &sets[nsets++];
        set->filter = llm_filter_create();
        random_filter(set->filter, set->text, sizeof(set->text));
    }
}


static void
compare(const llm_block_t *block)
{
    bool       one, two;
    unsigned   i, s;
    set_t     *set;
    llm_row_t  row;

    for (s = 0; s < nsets; s++) {
        sets[s].count = llm_filter_block(sets[s].filter, block, sets[s].bits);
    }

    for (i = 0; i < block->rows; i++) {
        llm_block_row(block, i, &row);

        for (s = 0; s < nsets; s++) {
            set = &sets[s];
            one = llm_filter_match(set->filter, &row);
            two = set->bits[i / 64] >> (i % 64) & 1;
            set->wrong += (one != two);
            set->found += one;
            set->count -= one;
        }
    }

    for (s = 0; s < nsets; s++) {
        sets[s].wrong += (sets[s].count != 0);
    }
}


static void
test_blocks(void)
{
    unsigned     b, s, wrong, found;
    llm_block_t  block;

    for (b = 0; b < BLOCKS; b++) {
        build(b);
    }

    make_sets();

    for (b = 0; b < BLOCKS; b++) {
        if (llm_block_open(&block, blocks[b].data, blocks[b].len) != LLM_OK) {
            abort();
        }

        compare(&block);
    }

    wrong = 0;
    found = 0;

    for (s = 0; s < nsets; s++) {
        found += (sets[s].found > 0);

        if (sets[s].wrong > 0 && wrong++ < 10) {
            ok(0, "%s: a block sees %u rows otherwise", sets[s].text,
               sets[s].wrong);
        }

        llm_filter_free(sets[s].filter);
    }

    ok(wrong == 0, "%u sets of filters over %u rows: blocks and rows agree",
       nsets, BLOCKS * LLM_BLOCK_ROWS);
    ok(found > nsets / 4, "%u of them find something", found);
}


/* `*text*` finds at least the row it was taken from, whichever of a block's
 * sorted strings it is: the first, the last */
static bool
finds_itself(const llm_block_t *block, uint32_t index, const char *name,
    llm_str_t text)
{
    char           error[LLM_FILTER_ERROR], value[1024];
    size_t         i, n;
    uint64_t       bits[LLM_BLOCK_ROWS / 64];
    llm_filter_t  *filter;

    n = 0;
    value[n++] = '*';

    for (i = 0; i < text.len && n < sizeof(value) - 4; i++) {
        if (memchr(",*\\", text.data[i], 3) != NULL) {
            value[n++] = '\\';
        }

        value[n++] = text.data[i];
    }

    value[n++] = '*';

    filter = llm_filter_create();

    if (llm_filter_add(filter, (llm_str_t) { name, strlen(name) },
                       (llm_str_t) { value, n }, NOW, error) != LLM_OK)
    {
        abort();
    }

    (void) llm_filter_block(filter, block, bits);
    llm_filter_free(filter);

    return bits[index / 64] >> (index % 64) & 1;
}


static void
test_anywhere(void)
{
    size_t       f;
    uint32_t     i;
    unsigned     b, tried, missed;
    llm_row_t    row;
    llm_str_t    text;
    llm_block_t  block;

    static const struct {
        const char  *name;
        size_t       offset;
    } fields[] = {
        { "team", offsetof(llm_row_t, team) },
        { "model", offsetof(llm_row_t, model) },
        { "client", offsetof(llm_row_t, client) },
        { "session", offsetof(llm_row_t, session) },
        { "end_user", offsetof(llm_row_t, end_user) }
    };

    for (f = 0; f < sizeof(fields) / sizeof(fields[0]); f++) {
        tried = 0;
        missed = 0;

        for (b = 0; b < 4; b++) {           /* the last one's are wild */
            if (llm_block_open(&block, blocks[b].data, blocks[b].len)
                != LLM_OK)
            {
                abort();
            }

            for (i = 0; i < block.rows; i++) {
                llm_block_row(&block, i, &row);
                memcpy(&text, (char *) &row + fields[f].offset, sizeof(text));

                if (text.len > 0) {
                    tried++;
                    missed += !finds_itself(&block, i, fields[f].name, text);
                }
            }
        }

        ok(tried > 100 && missed == 0, "%s: *all of it* finds each of %u rows",
           fields[f].name, tried);
    }
}


/* single rows, by hand */
static bool
matches(const llm_row_t *row, const char *name, const char *value)
{
    bool           rc;
    char           error[LLM_FILTER_ERROR];
    llm_filter_t  *filter;

    filter = llm_filter_create();
    rc = add(filter, name, value, error) == LLM_OK
         && llm_filter_match(filter, row);
    llm_filter_free(filter);

    return rc;
}


static void
test_meaning(void)
{
    llm_row_t  row;

    memset(&row, 0, sizeof(row));
    row.ended_ms = NOW;
    row.received_ms = NOW - 100;
    row.status = 429;
    row.team = llm_str("a,b*");
    row.error = LLM_ERROR_THROTTLED;
    row.error_message = llm_str("Too Many Tokens, please wait");
    row.cost.total = 50000000;
    row.ntags = 2;
    row.tags[0] = llm_str("nightly");
    row.tags[1] = llm_str("batch");

    ok(matches(&row, "from", "2026-11-23T12:34:56.789Z")
       && !matches(&row, "to", "2026-11-23T12:34:56.789Z")
       && matches(&row, "to", "2026-11-23T12:34:56.790Z"),
       "\"from\" is included, \"to\" is not");
    ok(matches(&row, "cost_min", "0.05") && matches(&row, "cost_max", "0.05")
       && !matches(&row, "cost_min", "0.050000001"),
       "both ends of a range are included, to the nanodollar");
    ok(matches(&row, "team", "a\\,b\\*") && matches(&row, "team", "x,a\\,*")
       && matches(&row, "team", "a\\,\\b\\**") && !matches(&row, "team", "a,b")
       && !matches(&row, "team", "a") && !matches(&row, "text", "to*many"),
       "a backslash takes away what commas and stars mean");
    ok(matches(&row, "team", "*\\,b*")
       && matches(&row, "team", "*\\*") && matches(&row, "team", "*a\\,b\\*")
       && matches(&row, "team", "**") && !matches(&row, "team", "*b")
       && !matches(&row, "team", "!*,x,*\\,*")
       && !matches(&row, "customer", "**"),
       "stars at both ends: it may stand anywhere");
    ok(matches(&row, "customer", "") && matches(&row, "customer", "!*")
       && !matches(&row, "customer", "*") && !matches(&row, "team", ""),
       "what is not known is the empty name, which no star takes");
    ok(matches(&row, "text", "MANY TOKENS") && matches(&row, "text", "wait")
       && matches(&row, "text", "x,\\, please") && !matches(&row, "text", "no")
       && !matches(&row, "text", "!wait"), "text looks for a part");
    ok(matches(&row, "tag", "batch") && matches(&row, "tag", "night*")
       && !matches(&row, "tag", "!batch") && matches(&row, "tag", "!other")
       && !matches(&row, "tag", ""), "any of the tags");
    ok(matches(&row, "error", "any") && matches(&row, "error", "throttled")
       && !matches(&row, "error", "!any") && matches(&row, "status", "4xx"),
       "errors and status classes");
    ok(!matches(&row, "first_token_max", "1000")
       && !matches(&row, "first_token_min", "0"),
       "what has no first token is in no range of it");
    ok(matches(&row, "failover", "false") && !matches(&row, "failover",
       "true"), "no failover without attempts");
}


int
main(void)
{
    unsigned  b;

    random_rows = rows_begin(7);
    llm_buf_init(&encoded, 16 << 20);

    for (b = 0; b < BLOCKS; b++) {
        llm_buf_init(&blocks[b], 16 << 20);
    }

    test_values();
    test_times();
    test_calendar();
    test_meaning();
    test_blocks();
    test_anywhere();

    for (b = 0; b < BLOCKS; b++) {
        llm_buf_free(&blocks[b]);
    }

    llm_buf_free(&encoded);
    free(random_rows.text);

    return plan_done();
}
