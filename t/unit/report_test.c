/*
 * Reports against a brute-force look at every row, for many parameters at
 * random; and what is said about bad ones.
 */

#include "random_store.h"
#include "store/queries/report_parts.h"
#include "tap.h"

#include <inttypes.h>
#include <time.h>


#define ROWS     3000
#define HOURS    (24 * 9)
#define ROUNDS   150
#define LINES    20000


/* what a row adds in one place */
typedef struct {
    const llm_row_t  *row;
    llm_row_t         as;           /* with the attempt's provider … */
    int64_t           ms;
    int64_t           sum[LLM_SUMS];
    int64_t           latency;      /* -1: none */
    int64_t           first_token;
} part_t;


typedef struct {
    char      key[256];
    int64_t   sum[LLM_SUMS];
    int64_t  *latency, *first_token;
    size_t    nlatency, nfirst_token;
} group_t;


typedef struct {
    char      text[4096];           /* name=value&… */
    char      group_by[256];
    char      facet[16];            /* "" for none */
    char      interval[16];
    int64_t   from_ms, to_ms;       /* whole minutes; 0: not given */
} params_t;


static llm_row_t     rows[ROWS];
static part_t       *parts;
static size_t        nparts;
static group_t      *groups;
static size_t        ngroups;
static llm_store_t  *store;
static int64_t       now_ms, gone_ms;

static const char   *plain[] = {
    "customer", "team", "virtual_key", "provider", "region", "model", "dialect"
};
static const char   *facets[] = { "end_user", "session", "tag" };


static int
order(const void *a, const void *b)
{
    int64_t  x = *(const int64_t *) a, y = *(const int64_t *) b;

    return (x > y) - (x < y);
}


static int
order_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}


static part_t *
add_part(const llm_row_t *row, int64_t ms)
{
    part_t  *part;

    part = &parts[nparts++];
    memset(part, 0, sizeof(part_t));
    part->row = row;
    part->as = *row;
    part->ms = ms;
    part->latency = -1;
    part->first_token = -1;

    return part;
}


static part_t *
add_attempt(const llm_row_t *row, const llm_row_attempt_t *attempt)
{
    part_t  *part;

    part = add_part(row, attempt->ended_ms);
    part->as.provider = attempt->provider;
    part->as.region = attempt->region;
    part->as.model = attempt->model;
    part->sum[LLM_SUM_COST] = attempt->cost;
    part->sum[LLM_SUM_INPUT] = attempt->input_tokens;
    part->sum[LLM_SUM_OUTPUT] = attempt->output_tokens;

    return part;
}


static void
take_apart(const llm_row_t *row)
{
    part_t    *part;
    unsigned   i;

    part = add_part(row, row->ended_ms);

    if (row->admitted_ms == 0) {
        part->sum[LLM_SUM_REFUSED] = 1;
        return;
    }

    part->sum[LLM_SUM_REQUESTS] = 1;
    part->sum[LLM_SUM_ERRORS] = row->error != LLM_ERROR_NONE
                                && row->error != LLM_ERROR_CLIENT_GONE;

    if (!row->recovered) {
        part->latency = row->ended_ms - row->received_ms;
        part->first_token = row->first_token_ms
                            ? row->first_token_ms - row->received_ms : -1;
    }

    for (i = 0; i < row->nattempts; i++) {
        part = add_attempt(row, &row->attempts[i]);
        part->sum[LLM_SUM_COST_ESTIMATED] = row->attempts[i].cost;
    }

    part->sum[LLM_SUM_INPUT] = row->usage.input;
    part->sum[LLM_SUM_CACHE_READ] = row->usage.cache_read;
    part->sum[LLM_SUM_CACHE_WRITE] = row->usage.cache_write_5m
                                     + row->usage.cache_write_1h;
    part->sum[LLM_SUM_REASONING] = row->usage.reasoning;
    part->sum[LLM_SUM_IMAGES] = row->usage.images;
    part->sum[LLM_SUM_QUERIES] = row->usage.queries;
    part->sum[LLM_SUM_COST_ESTIMATED] = row->outcome == LLM_OUTCOME_ESTIMATED
                                        ? row->attempts[row->nattempts
                                                        - 1].cost : 0;
}


static void
push(int64_t **values, size_t *n, int64_t value)
{
    if (value < 0) {
        return;
    }

    if ((*n & (*n + 1)) == 0) {
        *values = realloc(*values, 2 * (*n + 1) * sizeof(int64_t));
    }

    (*values)[(*n)++] = value;
}


static void
count(const char *key, const part_t *part)
{
    size_t    i;
    unsigned  j;

    for (i = 0; i < ngroups && strcmp(groups[i].key, key) != 0; i++) {
        /* void */
    }

    if (i == ngroups) {
        memset(&groups[ngroups++], 0, sizeof(group_t));
        snprintf(groups[i].key, sizeof(groups[i].key), "%s", key);
    }

    for (j = 0; j < LLM_SUMS; j++) {
        groups[i].sum[j] += part->sum[j];
    }

    push(&groups[i].latency, &groups[i].nlatency, part->latency);
    push(&groups[i].first_token, &groups[i].nfirst_token, part->first_token);
}


static void
clear_groups(void)
{
    while (ngroups > 0) {
        ngroups--;
        free(groups[ngroups].latency);
        free(groups[ngroups].first_token);
    }
}


static llm_str_t
name_of(const char *column, const llm_row_t *row, llm_str_t tag)
{
    return !strcmp(column, "customer") ? row->customer
           : !strcmp(column, "team") ? row->team
           : !strcmp(column, "virtual_key") ? row->virtual_key
           : !strcmp(column, "provider") ? row->provider
           : !strcmp(column, "region") ? row->region
           : !strcmp(column, "model") ? row->model
           : !strcmp(column, "dialect") ? llm_dialect_name(row->dialect)
           : !strcmp(column, "end_user") ? row->end_user
           : !strcmp(column, "session") ? row->session : tag;
}


/* the start of the interval, by the calendar */
static int64_t
interval_start(const char *interval, int64_t ms)
{
    int64_t    days;
    struct tm  tm;
    time_t     seconds;

    days = ms / 86400000;

    if (!strcmp(interval, "minute")) {
        return ms / 60000 * 60000;
    }

    if (!strcmp(interval, "hour")) {
        return ms / 3600000 * 3600000;
    }

    seconds = (time_t) (ms / 1000);
    gmtime_r(&seconds, &tm);

    if (!strcmp(interval, "week")) {
        return (days - (tm.tm_wday + 6) % 7) * 86400000;
    }

    return ((!strcmp(interval, "day")) ? days : days - tm.tm_mday + 1)
           * 86400000;
}


static void
count_as(const params_t *params, const part_t *part, llm_str_t tag)
{
    char        key[256], list[256], *column, *rest;
    size_t      len;
    llm_buf_t   buf;
    llm_str_t   name;

    len = 0;
    key[0] = '\0';

    if (params->interval[0] != '\0') {
        llm_buf_init(&buf, 64);
        llm_report_time(&buf, interval_start(params->interval, part->ms));
        len += (size_t) snprintf(key, sizeof(key), "%.*s,", (int) buf.len,
                                 buf.data);
        llm_buf_free(&buf);
    }

    snprintf(list, sizeof(list), "%s", params->group_by);

    for (column = strtok_r(list, ",", &rest);
         column != NULL;
         column = strtok_r(NULL, ",", &rest))
    {
        name = name_of(column, &part->as, tag);
        len += (size_t) snprintf(key + len, sizeof(key) - len, "%.*s,",
                                 (int) name.len, name.data);
    }

    count(key, part);
}


/* every row that matches, into its groups; *total: each once */
static void
brute(const params_t *params, llm_filter_t *filter, int64_t total[LLM_SUMS])
{
    bool       by_tag;
    size_t     i;
    unsigned   j, k;
    llm_row_t  single;

    clear_groups();
    memset(total, 0, LLM_SUMS * sizeof(int64_t));
    by_tag = strstr(params->group_by, "tag") != NULL;

    for (i = 0; i < nparts; i++) {
        const part_t  *part = &parts[i];

        if ((params->from_ms != 0 && part->ms < params->from_ms)
            || (params->to_ms != 0 && part->ms >= params->to_ms)
            || !llm_filter_match(filter, &part->as))
        {
            continue;
        }

        for (j = 0; j < LLM_SUMS; j++) {
            total[j] += part->sum[j];
        }

        if (!by_tag || part->row->ntags == 0) {
            count_as(params, part, llm_str(""));
            continue;
        }

        for (j = 0; j < part->row->ntags; j++) {

            for (k = 0; k < j && !llm_str_eq(part->row->tags[k],
                                             part->row->tags[j]); k++)
            {
                /* void */
            }

            single = part->as;
            single.ntags = 1;
            single.tags[0] = part->row->tags[j];

            if (k == j && llm_filter_match(filter, &single)) {
                count_as(params, part, part->row->tags[j]);
            }
        }
    }
}


static void
random_filter(char *text, size_t size, const char *column)
{
    size_t       used;
    const char  *prefix;

    prefix = !strcmp(column, "virtual_key") ? "key"
             : !strcmp(column, "end_user") ? "user" : column;

    used = strlen(text);

    if (!strcmp(column, "dialect")) {
        snprintf(text + used, size - used, "&dialect=%s",
                 random_below(2) ? "openai" : "!anthropic,bedrock");
        return;
    }

    switch (random_below(4)) {

    case 0:
        snprintf(text + used, size - used, "&%s=%s%u", column, prefix,
                 random_below(4));
        break;

    case 1:
        snprintf(text + used, size - used, "&%s=%s%u,%s%u", column, prefix,
                 random_below(4), prefix, random_below(4));
        break;

    case 2:
        snprintf(text + used, size - used, "&%s=!%s%u,%s%u", column, prefix,
                 random_below(4), prefix, random_below(4));
        break;

    default:
        snprintf(text + used, size - used, "&%s=%.*s*", column,
                 (int) strlen(prefix), prefix);
    }
}


static void
random_params(params_t *params)
{
    size_t       used;
    unsigned     i, facet;
    int64_t      from, to;
    const char  *intervals[] = { "minute", "hour", "day", "week", "month" };

    memset(params, 0, sizeof(params_t));
    facet = random_below(6);

    for (i = 0; i < 7; i++) {
        if (random_below(4) == 0) {
            strcat(params->group_by, params->group_by[0] ? "," : "");
            strcat(params->group_by, plain[i]);
        }

        if (random_below(7) == 0) {
            random_filter(params->text, sizeof(params->text), plain[i]);
        }
    }

    if (facet < 3) {
        if (random_below(3) > 0) {
            strcat(params->group_by, params->group_by[0] ? "," : "");
            strcat(params->group_by, facets[facet]);
        }

        if (random_below(2) == 0) {
            random_filter(params->text, sizeof(params->text), facets[facet]);
        }
    }

    if (params->group_by[0] != '\0') {
        used = strlen(params->text);
        snprintf(params->text + used, sizeof(params->text) - used,
                 "&group_by=%s", params->group_by);
    }

    if (random_below(2) == 0) {
        snprintf(params->interval, sizeof(params->interval), "%s",
                 intervals[random_below(5)]);
        used = strlen(params->text);
        snprintf(params->text + used, sizeof(params->text) - used,
                 "&interval=%s", params->interval);
    }

    from = RANDOM_START + (int64_t) random_below(HOURS * 3600) * 1000;
    to = from + (int64_t) random_below(HOURS * 3600) * 1000 + 1;
    used = strlen(params->text);

    if (random_below(3) > 0) {
        snprintf(params->text + used, sizeof(params->text) - used,
                 "&from=%" PRId64 "&to=%" PRId64, from, to);

        params->from_ms = from / 60000 * 60000;
        params->to_ms = (to + 59999) / 60000 * 60000;
    }

    /* where minutes are gone: whole hours, but for minutes */

    if (gone_ms != 0 && !strcmp(params->interval, "minute")
        && params->from_ms < gone_ms)
    {
        params->from_ms = gone_ms;
    }

    if (params->from_ms != 0 && params->from_ms < gone_ms) {
        params->from_ms = params->from_ms / 3600000 * 3600000;
    }

    if (params->to_ms != 0 && params->to_ms < gone_ms) {
        params->to_ms = (params->to_ms + 3599999) / 3600000 * 3600000;
    }
}


/* the parameters into a report, and its filters into one of rows */
static llm_report_t *
ask(const params_t *params, bool stats, const char *format,
    llm_filter_t *filter)
{
    int            rc;
    char           text[5000], error[LLM_FILTER_ERROR], *name, *value, *rest;
    llm_report_t  *report;

    report = llm_report_create(stats);
    snprintf(text, sizeof(text), "%s&format=%s", params->text, format);

    for (name = strtok_r(text, "&", &rest);
         name != NULL;
         name = strtok_r(NULL, "&", &rest))
    {
        llm_str_t  n, v;

        value = strchr(name, '=');
        n = (llm_str_t) { name, (size_t) (value - name) };
        v = (llm_str_t) { value + 1, strlen(value + 1) };

        rc = llm_report_param(report, n, v, now_ms, error);

        if (rc != LLM_OK) {
            ok(0, "%s: %s", name, rc == LLM_ERROR ? error : "unknown");
        }

        if (filter != NULL && !llm_str_eq(n, llm_str("from"))
            && !llm_str_eq(n, llm_str("to")))
        {
            (void) llm_filter_add(filter, n, v, now_ms, error);
        }
    }

    return report;
}


static bool
run(llm_report_t *report, llm_buf_t *out)
{
    char  error[LLM_FILTER_ERROR];

    llm_buf_init(out, 64 * 1024 * 1024);

    if (llm_report_run(report, store, now_ms, out, error) != LLM_OK) {
        printf("# %s\n", error);
        return false;
    }

    llm_buf_append(out, "", 1);

    return !out->failed;
}


/* "-0.000000001" style, as our own text would have it */
static void
dollars(char *text, int64_t cost)
{
    llm_buf_t  buf;

    llm_buf_init(&buf, 64);
    llm_buf_dollars(&buf, cost);
    snprintf(text, 32, "%.*s", (int) buf.len, buf.data);
    llm_buf_free(&buf);
}


static void
sums_text(char *text, size_t size, const int64_t sum[LLM_SUMS])
{
    char  cost[32], estimated[32];

    dollars(cost, sum[LLM_SUM_COST]);
    dollars(estimated, sum[LLM_SUM_COST_ESTIMATED]);

    snprintf(text, size, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%"
             PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%"
             PRId64 ",%s,%s", sum[LLM_SUM_REQUESTS], sum[LLM_SUM_ERRORS],
             sum[LLM_SUM_REFUSED], sum[LLM_SUM_INPUT], sum[LLM_SUM_OUTPUT],
             sum[LLM_SUM_CACHE_READ], sum[LLM_SUM_CACHE_WRITE],
             sum[LLM_SUM_REASONING], sum[LLM_SUM_IMAGES],
             sum[LLM_SUM_QUERIES], cost, estimated);
}


static bool
is_empty(const group_t *group)
{
    unsigned  i;

    for (i = 0; i < LLM_SUMS; i++) {
        if (group->sum[i] != 0) {
            return false;
        }
    }

    return group->nlatency == 0;
}


/* the lines of the CSV against the groups, whatever their order */
static bool
same_csv(char *csv)
{
    bool          same;
    char         *line, *rest, *sums, sums_of[512];
    size_t        i, n, m;
    static char  *found[LINES], *expected[LINES];

    n = 0;
    m = 0;
    strtok_r(csv, "\r\n", &rest);

    while ((line = strtok_r(NULL, "\r\n", &rest)) != NULL && n < LINES) {
        found[n++] = line;
    }

    for (i = 0; i < ngroups && m < LINES; i++) {
        if (!is_empty(&groups[i])) {
            sums_text(sums_of, sizeof(sums_of), groups[i].sum);
            sums = malloc(strlen(groups[i].key) + strlen(sums_of) + 1);
            sprintf(sums, "%s%s", groups[i].key, sums_of);
            expected[m++] = sums;
        }
    }

    qsort(found, n, sizeof(char *), order_lines);
    qsort(expected, m, sizeof(char *), order_lines);

    same = (n == m);

    for (i = 0; i < m; i++) {
        if (same && strcmp(found[i], expected[i]) != 0) {
            printf("# found    %s\n# expected %s\n", found[i], expected[i]);
            same = false;
        }

        free(expected[i]);
    }

    return same;
}


/* the numbers of the JSON's total, in its order */
static bool
same_total(const char *json, const int64_t total[LLM_SUMS])
{
    char         found[512], expected[512];
    size_t       n;
    const char  *p;

    p = strstr(json, "\"total\":{");
    n = 0;

    while (p != NULL && *p != '}' && n < sizeof(found) - 1) {

        if (*p == ':' && p[1] != '{') {
            n += (n > 0) ? (found[n] = ',', 1) : 0;

            for (p++; *p != ',' && *p != '}'; p++) {
                found[n++] = *p;
            }

            continue;
        }

        p++;
    }

    found[n] = '\0';
    sums_text(expected, sizeof(expected), total);

    if (strcmp(found, expected) != 0) {
        printf("# total    %s\n# expected %s\n", found, expected);
        return false;
    }

    return true;
}


static void
test_spend(const char *when)
{
    unsigned       i, good, rows_seen;
    int64_t        total[LLM_SUMS];
    params_t       params;
    llm_buf_t      csv, json;
    llm_filter_t  *filter;
    llm_report_t  *report;

    good = 0;
    rows_seen = 0;

    for (i = 0; i < ROUNDS; i++) {
        random_params(&params);

        filter = llm_filter_create();
        report = ask(&params, false, "csv", filter);
        brute(&params, filter, total);
        llm_filter_free(filter);

        if (!run(report, &csv) || !same_csv(csv.data)) {
            printf("# %s\n", params.text);
            good--;
        }

        rows_seen += (unsigned) ngroups;
        llm_report_free(report);
        llm_buf_free(&csv);

        report = ask(&params, false, "json", NULL);

        if (run(report, &json) && same_total(json.data, total)
            && strstr(json.data, "\"truncated\":false") != NULL)
        {
            good++;

        } else {
            printf("# %s\n", params.text);
        }

        llm_report_free(report);
        llm_buf_free(&json);
    }

    ok(good == ROUNDS, "%s: %u of %u reports with %u rows are as counted by "
       "hand, totals, too", when, good, ROUNDS, rows_seen);
}


/* of the sorted values */
static double
off(int64_t *values, size_t n, double share, int64_t found)
{
    size_t   rank;
    int64_t  truth;

    rank = (size_t) (share * (double) n + 0.9999999);
    rank = (rank < 1) ? 1 : rank;
    truth = values[rank - 1];

    return (truth == 0) ? (found != 0)
                        : (double) llabs(found - truth) / (double) truth;
}


static void
test_stats(void)
{
    char          *line, *rest;
    double         worst, d, avg, shares[] = { 0.5, 0.95, 0.99, 1 };
    size_t         i, k;
    unsigned       round, compared, wrong;
    int64_t        total[LLM_SUMS], p[4];
    params_t       params;
    llm_buf_t      csv;
    llm_filter_t  *filter;
    llm_report_t  *report;

    worst = 0;
    compared = 0;
    wrong = 0;

    for (round = 0; round < ROUNDS / 4; round++) {
        random_params(&params);

        filter = llm_filter_create();
        report = ask(&params, true, "csv", filter);
        brute(&params, filter, total);
        llm_filter_free(filter);

        if (!run(report, &csv)) {
            wrong++;
        }

        llm_report_free(report);
        strtok_r(csv.data, "\r\n", &rest);

        while ((line = strtok_r(NULL, "\r\n", &rest)) != NULL) {

            for (i = 0; i < ngroups; i++) {
                if (strncmp(groups[i].key, line, strlen(groups[i].key)) == 0
                    && groups[i].nlatency > 0)
                {
                    break;
                }
            }

            if (i == ngroups
                || sscanf(line + strlen(groups[i].key),
                          "%*d,%*d,%*d,%*f,%lf,%" SCNd64 ",%" SCNd64 ",%"
                          SCNd64 ",%" SCNd64, &avg, &p[0], &p[1], &p[2],
                          &p[3])
                   != 5)
            {
                continue;
            }

            qsort(groups[i].latency, groups[i].nlatency, sizeof(int64_t),
                  order);

            for (k = 0; k < 4; k++) {
                d = off(groups[i].latency, groups[i].nlatency, shares[k],
                        p[k]);
                worst = (d > worst) ? d : worst;
            }

            compared++;
        }

        llm_buf_free(&csv);
    }

    ok(compared > 100 && wrong == 0 && worst <= 0.03,
       "stats: quantiles of %u rows, at most %.2f %% off", compared,
       100 * worst);
}


static void
test_json(void)
{
    char          *p, error[LLM_FILTER_ERROR];
    params_t       params;
    llm_buf_t      json;
    llm_report_t  *report;

    memset(&params, 0, sizeof(params));
    strcpy(params.text, "group_by=team&interval=day&limit=2&period=today");

    report = ask(&params, true, "json", NULL);
    run(report, &json);
    ok(strstr(json.data, "{\"from\":\"2025-11-24T00:00:00Z\",\"to\":\"") != NULL
       && strstr(json.data, "\"interval\":\"day\",\"group_by\":[\"team\"],"
                            "\"rows\":[") != NULL
       && strstr(json.data, "\"error_rate\":") != NULL
       && strstr(json.data, "\"latency_ms\":{\"avg\":") != NULL,
       "JSON: %.120s …", json.data);

    llm_report_free(report);
    llm_buf_free(&json);

    strcpy(params.text, "group_by=team&limit=2&sort=cost");
    report = ask(&params, false, "json", NULL);
    run(report, &json);
    ok(strstr(json.data, "\"truncated\":true") != NULL
       && llm_report_truncated(report), "with a limit: truncated");

    llm_report_patience(report, -1);
    ok(llm_report_run(report, store, now_ms, &json, error) == LLM_AGAIN
       && strstr(error, "shorter time") != NULL, "no patience: %s", error);
    llm_report_free(report);
    llm_buf_free(&json);

    strcpy(params.text, "group_by=team&sort=name&order=desc");
    report = ask(&params, false, "ndjson", NULL);
    run(report, &json);
    p = strstr(json.data, "team3");
    ok(p != NULL && strstr(p, "team2") != NULL && strstr(p, "team0") != NULL
       && strncmp(json.data, "{\"team\":\"team3\",\"requests\":", 26) == 0,
       "NDJSON, by name, descending");
    llm_report_free(report);
    llm_buf_free(&json);
}


static void
test_bad(void)
{
    int            rc;
    size_t         i;
    char           error[LLM_FILTER_ERROR];
    llm_report_t  *report;
    static const struct {
        const char  *name, *value, *says;
    } bad[] = {
        { "group_by", "team,planet", "\"group_by\" is a comma list of" },
        { "group_by", "", "\"group_by\" is a comma list of" },
        { "group_by", "tag,session", "one of end_user, session, tag" },
        { "interval", "year", "minute, hour, day, week, month" },
        { "sort", "colour", "time, cost, requests, tokens, name" },
        { "order", "up", "asc, desc" },
        { "limit", "0", "from 1 to 10000" },
        { "limit", "-5", "from 1 to 10000" },
        { "limit", "10001", "from 1 to 10000" },
        { "limit", "99999999999999999999", "from 1 to 10000" },
        { "format", "xml", "json, ndjson, csv" },
        { "from", "whenever", "from" },
        { "period", "someday", "period" }
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        error[0] = '\0';
        report = llm_report_create(false);
        rc = llm_report_param(report,
                              (llm_str_t) { bad[i].name, strlen(bad[i].name) },
                              (llm_str_t) { bad[i].value,
                                            strlen(bad[i].value) },
                              now_ms, error);
        ok(rc == LLM_ERROR && strstr(error, bad[i].says) != NULL,
           "%s=%s: %s", bad[i].name, bad[i].value, error);
        llm_report_free(report);
    }

    report = llm_report_create(false);
    ok(llm_report_param(report, llm_str("colour"), llm_str("red"), now_ms,
                        error)
       == LLM_AGAIN, "an unknown name is left to the caller");
    llm_report_free(report);
}


static int
retire_step(llm_store_t *to, MDB_txn *txn, void *ctx)
{
    bool  more;

    return llm_rollup_retire(to, txn, gone_ms, 0, 1000000, &more);
}


int
main(void)
{
    char         dir[64];
    unsigned     i;
    const char  *error;

    snprintf(dir, sizeof(dir), "/tmp/llm_report_test.%d", (int) getpid());

    store = llm_store_open(dir, &error);

    if (!ok(store != NULL, "a store%s%s", store ? "" : ": ",
            store ? "" : error))
    {
        return plan_done();
    }

    parts = calloc(ROWS * 4, sizeof(part_t));
    groups = calloc(LINES, sizeof(group_t));

    now_ms = RANDOM_START + (int64_t) HOURS * 3600000 + 12345678;

    random_store(store, rows, ROWS, HOURS, false);

    for (i = 0; i < ROWS; i++) {
        take_apart(&rows[i]);
    }

    test_spend("reports");
    test_stats();
    test_json();
    test_bad();

    gone_ms = RANDOM_START + (int64_t) 100 * 3600000;
    llm_store_write(store, retire_step, NULL);
    test_spend("where minutes are gone");

    clear_groups();
    free(groups);
    free(parts);
    llm_store_close(store);
    random_remove(dir);

    return plan_done();
}
