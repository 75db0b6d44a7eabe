/*
 * Pages of the request log: the processor time they take, and what rows need
 * in the store.
 *
 *   query FOLDER [ROWS]
 *
 * FOLDER (a store, kept) is filled up to ROWS, one million unless given: 50
 * keys, 10 teams, 5 customers, 12 models, 3000 users, sessions of 30 requests
 * or so, 1 % errors, over 30 days.  scripts/bench-ledger builds and runs it.
 */

#include "store/rows/log.h"
#include "store/queries/query.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>


#define NOW      INT64_C(1795437296789)
#define DAYS     INT64_C(30 * 86400000)
#define BATCH    20000
#define SESSIONS 40
#define ROUNDS   7


typedef struct {
    const char  *title;
    const char  *filters;           /* name=value&… */
    llm_sort_t   sort;
    bool         ascending;
} question_t;


typedef struct {
    char      id[40];
    char      user[32];
    unsigned  key, model, agent;
    int       left;
} session_t;


static uint64_t      state = 1;
static uint64_t      total = 1000000;
static llm_store_t  *store;
static session_t     sessions[SESSIONS];
static char          texts[4096];
static size_t        used;


static uint64_t
random64(void)
{
    uint64_t  x;

    x = state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);

    return x ^ x >> 31;
}


static unsigned
below(unsigned n)
{
    return (unsigned) (random64() % n);
}


/* small ones more often */
static unsigned
skewed(unsigned n)
{
    return below(1 + below(n));
}


static __attribute__((format(printf, 1, 2))) llm_str_t
text(const char *format, ...)
{
    int       len;
    char     *p;
    va_list   args;

    p = texts + used;

    va_start(args, format);
    len = vsnprintf(p, sizeof(texts) - used, format, args);
    va_end(args);

    used += (size_t) len + 1;

    return (llm_str_t) { p, (size_t) len };
}


static void
uuid(char out[40], uint64_t a, uint64_t b)
{
    snprintf(out, 40, "%08x-%04x-4%03x-%04x-%012llx", (unsigned) (a >> 32),
             (unsigned) (a >> 16 & 0xffff), (unsigned) (a & 0xfff),
             (unsigned) (b >> 48), (unsigned long long) (b & 0xffffffffffff));
}


static session_t *
a_session(uint64_t seq)
{
    session_t  *session;

    session = &sessions[below(SESSIONS)];

    if (session->left-- <= 0) {
        uuid(session->id, seq, seq * 77);
        snprintf(session->user, sizeof(session->user), "user_%u@acme.example",
                 skewed(3000));
        session->key = skewed(50);
        session->model = skewed(12);
        session->agent = skewed(6);
        session->left = (int) skewed(60);

        /* two that are common by themselves, and hardly ever come together */

        if (session->key % 10 == 3 && session->model == 2
            && seq % 1000 != 0)
        {
            session->model = 1;
        }
    }

    return session;
}


static void
usage_and_cost(llm_row_t *row)
{
    llm_usage_t  *usage;

    usage = &row->usage;

    usage->input = 3 + skewed(3000);
    usage->output = 20 + skewed(3000);
    usage->cache_read = below(4) ? skewed(150000) : 0;
    usage->cache_write_5m = below(3) ? skewed(8000) : 0;
    usage->exact = true;

    row->cost.input = usage->input * 3000;
    row->cost.output = usage->output * 15000;
    row->cost.cache_read = usage->cache_read * 300;
    row->cost.cache_write = usage->cache_write_5m * 3750;
    row->cost.total = row->cost.input + row->cost.output
                      + row->cost.cache_read + row->cost.cache_write;
}


static void
one_attempt(llm_row_t *row, unsigned i)
{
    char                request_id[40];
    llm_row_attempt_t  *attempt;

    uuid(request_id, random64(), random64());

    attempt = &row->attempts[i];

    attempt->provider = row->provider;
    attempt->region = row->region;
    attempt->model = row->model;
    attempt->request_id = text("%s", request_id);
    attempt->admitted_ms = row->admitted_ms;
    attempt->started_ms = row->admitted_ms + below(3);
    attempt->ended_ms = row->ended_ms;
    attempt->first_token_ms = row->first_token_ms
                              ? row->first_token_ms - attempt->started_ms
                              : -1;
    attempt->input_tokens = llm_usage_input_total(&row->usage);
    attempt->output_tokens = row->usage.output;
    attempt->cost = row->cost.total;
    attempt->status = row->status;
    attempt->result = row->error ? LLM_ATTEMPT_THROTTLED : LLM_ATTEMPT_OK;
}


static void
failed(llm_row_t *row)
{
    row->status = below(2) ? 429 : 503;
    row->outcome = LLM_OUTCOME_PROVIDER_ERROR;
    row->error = row->status == 429 ? LLM_ERROR_THROTTLED : LLM_ERROR_SERVER;
    row->error_message = row->status == 429
        ? text("Too many tokens, please wait before trying again.")
        : text("The model is overloaded (request %llu): try again.",
               (unsigned long long) random64());
    memset(&row->usage, 0, sizeof(row->usage));
    memset(&row->cost, 0, sizeof(row->cost));
}


static void
a_row(llm_row_t *row, uint64_t seq)
{
    unsigned               i, team;
    uint64_t               id;
    session_t             *session;
    static const char     *models[] = {
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "global.anthropic.claude-opus-4-5-20251101-v1:0",
        "amazon.nova-pro-v1:0", "amazon.nova-lite-v1:0",
        "meta.llama3-3-70b-instruct-v1:0", "mistral.mistral-large-2407-v1:0",
        "openai.gpt-oss-120b-1:0", "deepseek.v3-v1:0",
        "qwen.qwen3-coder-480b-a35b-v1:0", "cohere.command-r-plus-v1:0",
        "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
    };
    static const char     *agents[] = {
        "claude-cli/2.0.14 (external, cli)", "Boto3/1.40.61 md/Botocore",
        "Anthropic/Python 0.71.0", "OpenAI/JS 6.7.0", "curl/8.5.0",
        "aws-sdk-js/3.914.0 ua/2.1"
    };

    memset(row, 0, sizeof(llm_row_t));
    used = 0;
    session = a_session(seq);
    team = session->key % 10;

    row->ended_ms = NOW - DAYS + (int64_t) ((double) DAYS * (double) seq
                                            / (double) total);
    row->received_ms = row->ended_ms - 300 - skewed(60000);
    row->admitted_ms = row->received_ms + below(2);
    row->streamed = below(10) > 0;
    row->first_token_ms = row->streamed
                          ? row->received_ms + 200 + skewed(90) : 0;
    id = (uint64_t) row->received_ms << 16 | below(65536);

    for (i = 0; i < 8; i++) {
        row->id[i] = (unsigned char) (id >> (56 - 8 * i));
        row->id[8 + i] = (unsigned char) random64();
    }

    row->virtual_key = text("team-%u-key-%u", team, session->key);
    row->team = text("team-%u", team);
    row->customer = text("customer-%u", team % 5);
    row->region = below(4) ? text("us-east-1") : text("us-west-2");
    row->provider = text("bedrock-%.*s", (int) row->region.len,
                         row->region.data);
    row->model_asked = text("claude-%u", session->model);
    row->model = text("%s", models[session->model]);
    row->dialect = LLM_DIALECT_ANTHROPIC;
    row->api = LLM_API_ANTHROPIC_MESSAGES;
    row->status = 200;
    row->overhead_us = 60 + skewed(100);
    row->request_bytes = 2000 + skewed(500000);
    row->response_bytes = 500 + skewed(50000);
    row->client = text("10.20.%u.%u", team, skewed(200));
    row->user_agent = text("%s", agents[session->agent]);
    row->session = text("%s", session->id);
    row->end_user = (seq % (total / 20) == total / 40)
                    ? text("rare@acme.example") : text("%s", session->user);
    row->ntags = below(2);
    row->tags[0] = (seq % (total / 10) == 777) ? text("once")
                                               : text("job-%u", skewed(30));
    row->nattempts = below(200) ? 1 : 2;

    usage_and_cost(row);

    if (below(100) == 0) {
        failed(row);
    }

    for (i = 0; i < row->nattempts; i++) {
        one_attempt(row, i);
    }
}


static int
fill_step(llm_store_t *to, MDB_txn *txn, void *ctx)
{
    int                   rc;
    uint64_t              seq, next, *done;
    unsigned              i;
    llm_row_t             row;
    static unsigned char  bytes[LLM_ROW_MAX];

    done = ctx;
    rc = llm_log_next(to, txn, &next);
    state = next;

    for (i = 0; i < BATCH && rc == 0 && next + i <= total; i++) {
        a_row(&row, next + i);

        rc = llm_log_append(to, txn, (llm_str_t) { (char *) bytes,
                            llm_row_encode(&row, bytes, sizeof(bytes)) },
                            &seq);
    }

    *done = next + i - 1;

    return rc ? rc : llm_log_seal(to, txn, 1000);
}


/* of this thread when it ran: others on the machine do not count */
static int64_t
clock_us(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);

    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}


static int
to_json(const llm_row_t *row, uint64_t seq, void *ctx)
{
    llm_row_json(ctx, row, seq);

    return LLM_OK;
}


static llm_filter_t *
filter_of(const char *filters)
{
    char          *p, *save, *value, copy[256], error[LLM_FILTER_ERROR];
    llm_filter_t  *filter;

    filter = llm_filter_create();
    snprintf(copy, sizeof(copy), "%s", filters);

    for (p = strtok_r(copy, "&", &save); p; p = strtok_r(NULL, "&", &save)) {
        value = strchr(p, '=');
        *value++ = '\0';

        if (llm_filter_add(filter, (llm_str_t) { p, strlen(p) },
                           (llm_str_t) { value, strlen(value) }, NOW, error)
            != LLM_OK)
        {
            fprintf(stderr, "%s: %s\n", filters, error);
            exit(1);
        }
    }

    return filter;
}


static int
by_time(const void *a, const void *b)
{
    int64_t  x = *(const int64_t *) a, y = *(const int64_t *) b;

    return (x > y) - (x < y);
}


static void
report(const char *title, int64_t *times, unsigned rows, uint64_t scanned,
    bool complete)
{
    int64_t  first;

    first = times[0];
    qsort(times + 1, ROUNDS, sizeof(int64_t), by_time);

    printf("%-52s %5u %9llu %8.2f %8.2f %8.2f%s\n", title, rows,
           (unsigned long long) scanned, first / 1e3,
           times[1 + ROUNDS / 2] / 1e3, times[ROUNDS] / 1e3,
           complete ? "" : "  cut short");
    fflush(stdout);
}


static void
ask(const question_t *question, const char *cursor)
{
    char                error[LLM_FILTER_ERROR];
    int64_t             times[ROUNDS + 1];
    unsigned            i;
    llm_buf_t           out;
    llm_query_t         query;
    llm_query_result_t  result;

    memset(&query, 0, sizeof(query));
    query.filter = filter_of(question->filters);
    query.sort = question->sort;
    query.ascending = question->ascending;
    snprintf(query.cursor, sizeof(query.cursor), "%s", cursor);
    llm_buf_init(&out, 1 << 24);

    for (i = 0; i <= ROUNDS; i++) {
        out.len = 0;
        times[i] = clock_us();

        if (llm_query(store, &query, to_json, &out, &result, error)
            != LLM_OK)
        {
            printf("%s: %s\n", question->title, error);
            return;
        }

        times[i] = clock_us() - times[i];
    }

    report(question->title, times, result.rows, result.scanned,
           result.complete);

    llm_buf_free(&out);
    llm_filter_free(query.filter);
}


typedef struct {
    unsigned char  id[LLM_ROW_ID_SIZE];
    char           request_id[64];
    char           session[64];
    char           cursor[LLM_CURSOR_SIZE];
} middle_t;


static int
remember(const llm_row_t *row, uint64_t seq, void *ctx)
{
    middle_t  *middle = ctx;

    memcpy(middle->id, row->id, sizeof(middle->id));
    snprintf(middle->request_id, sizeof(middle->request_id), "%.*s",
             (int) row->attempts[0].request_id.len,
             row->attempts[0].request_id.data);
    snprintf(middle->session, sizeof(middle->session), "%.*s",
             (int) row->session.len, row->session.data);

    return LLM_AGAIN;
}


static void
ask_one(void)
{
    char                error[LLM_FILTER_ERROR], filters[128];
    int64_t             times[ROUNDS + 1];
    uint64_t            seq, lost;
    unsigned            i;
    middle_t            middle;
    llm_buf_t           out;
    llm_query_t         query;
    llm_query_result_t  result;

    seq = total / 3;
    llm_query_since(store, &seq, 1, remember, &middle, &lost);
    llm_buf_init(&out, 1 << 24);

    for (i = 0; i <= ROUNDS; i++) {
        times[i] = clock_us();
        llm_query_id(store, middle.id, to_json, &out);
        times[i] = clock_us() - times[i];
    }

    report("one by its id", times, 1, 0, true);

    snprintf(filters, sizeof(filters), "provider_request_id=%s",
             middle.request_id);
    ask(&(question_t) { "one by AWS's request id", filters, 0, false }, "");

    snprintf(filters, sizeof(filters), "session=%s", middle.session);
    ask(&(question_t) { "one session", filters, 0, false }, "");

    /* as far back as pages lead */

    memset(&query, 0, sizeof(query));
    query.ascending = true;
    query.limit = 60;
    llm_query(store, &query, remember, &middle, &result, error);
    query.ascending = false;

    query.filter = filter_of("team=team-3");
    query.limit = 1000;

    do {
        strcpy(middle.cursor, query.cursor);
        out.len = 0;
        llm_query(store, &query, to_json, &out, &result, error);
        strcpy(query.cursor, result.next);
    } while (result.next[0] != '\0');

    ask(&(question_t) { "a team: the last of all pages", "team=team-3", 0,
                        false }, middle.cursor);

    llm_filter_free(query.filter);
    llm_buf_free(&out);
}


static const question_t  questions[] = {
    { "the newest", "", 0, false },
    { "a key", "virtual_key=team-7-key-7", 0, false },
    { "a user with 20 requests in all", "end_user=rare@acme.example", 0,
      false },
    { "a user that never was", "end_user=nobody", 0, false },
    { "users that begin so, none", "end_user=zzz*", 0, false },
    { "users with it anywhere, none", "end_user=*zzz*", 0, false },
    { "an address with it anywhere, none", "client=*.99.9*", 0, false },
    { "a tag with 10 requests in all", "tag=once", 0, false },
    { "a team and a model that hardly meet",
      "team=team-3&model=global.anthropic.claude-opus-4-5-20251101-v1:0", 0,
      false },
    { "errors of a team", "team=team-3&error=any", 0, false },
    { "a text in error messages that is nowhere", "text=quota exceeded", 0,
      false },
    { "a text in error messages, rare", "text=request 1234", 0, false },
    { "a part of user agents that is nowhere", "user_agent=wget", 0, false },
    { "refusals, none there", "error=refused", 0, false },
    { "dear ones, none there", "cost_min=5", 0, false },
    { "dear answers, none there", "cost_output_min=5", 0, false },
    { "failed, although from the cache", "cache=hit&status=503", 0, false },
    { "a request id that is no UUID", "provider_request_id=req_7", 0, false },
    { "dear and slow", "cost_min=0.1&latency_min=59000", 0, false },
    { "many tokens, none there", "tokens_min=170000", 0, false },
    { "an hour, 20 days ago, a team",
      "from=2026-11-03T10:00:00Z&to=2026-11-03T11:00:00Z&team=team-3", 0,
      false },
    { "all by cost", "", LLM_SORT_COST, false },
    { "all by tokens", "", LLM_SORT_TOKENS, false },
    { "all by first token, the fastest", "", LLM_SORT_FIRST_TOKEN, true },
    { "a team by cost", "team=team-3", LLM_SORT_COST, false },
    { "a tag by cost", "tag=job-29", LLM_SORT_COST, false },
    { "a day by latency", "period=24h", LLM_SORT_LATENCY, false }
};


int
main(int argc, char **argv)
{
    size_t       i;
    int64_t      begin;
    MDB_txn     *txn;
    uint64_t     done, bytes, file;
    const char  *error;

    if (argc < 2) {
        fprintf(stderr, "usage: query FOLDER [ROWS]\n");
        return 2;
    }

    total = (argc > 2) ? strtoull(argv[2], NULL, 10) : total;
    store = llm_store_open(argv[1], &error);

    if (store == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }

    begin = clock_us();
    done = 0;

    do {
        if (llm_store_write(store, fill_step, &done) != LLM_OK) {
            fprintf(stderr, "%s\n", llm_store_error(store));
            return 1;
        }
    } while (done < total);

    llm_store_read(store, &txn);
    llm_store_size(store, txn, &bytes, &file);
    llm_store_read_end(store, txn);

    printf("%llu rows, %.1f MB for a million (filled in %.1f s)\n\n"
           "%-52s %5s %9s %8s %8s %8s\n",
           (unsigned long long) done, (double) bytes / (double) done,
           (double) (clock_us() - begin) / 1e6, "query", "rows", "looked at",
           "first ms", "median", "max");

    for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        ask(&questions[i], "");
    }

    ask_one();
    llm_store_close(store);

    return 0;
}
