/*
 * How fast the journal is folded, and how large the store becomes: rows with
 * holds before them, counters, rollups, blocks, each step synced.
 *
 *   fold FOLDER [ROWS]
 *
 * FOLDER is made, and stays; ROWS: 1000000.  scripts/bench-ledger builds and
 * runs it.
 */

#include "store/fold/fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>


#define SEGMENT   (64 * 1024 * 1024)
#define START     INT64_C(1795392000000)
#define ROWS      1000000
#define PER_MS    1         /* rows in a millisecond of the day that is made */

#define TEAMS     20
#define KEYS      400
#define ACTIVE    2000      /* sessions at once … */
#define CALLS     50        /* … and calls of each */


static uint64_t  state = 42;


static unsigned
below(unsigned n)
{
    uint64_t  x;

    x = state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);

    return (unsigned) ((x ^ x >> 31) % n);
}


static double
seconds(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}


static llm_str_t
text(char out[64], const char *format, unsigned n)
{
    return (llm_str_t) { out, (size_t) snprintf(out, 64, format, n) };
}


/* row n of a busy gateway: rows like those of coding agents */
static void
make(llm_row_t *row, unsigned n)
{
    unsigned            i, key, session;
    static char         names[10][64];
    llm_row_attempt_t  *attempt;

    static const char *const  models[] = {
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us.anthropic.claude-opus-4-1-20250805-v1:0",
        "anthropic.claude-3-haiku-20240307-v1:0"
    };

    memset(row, 0, sizeof(*row));

    row->ended_ms = START + n / PER_MS;
    row->received_ms = row->ended_ms - 200 - below(20000);
    row->admitted_ms = row->received_ms + 1;
    row->first_token_ms = row->received_ms + 100 + below(900);

    for (i = 0; i < 6; i++) {
        row->id[i] = (unsigned char) (row->received_ms >> (40 - 8 * i));
    }

    for (i = 6; i < LLM_ROW_ID_SIZE; i++) {
        row->id[i] = (unsigned char) below(256);
    }

    session = n / (ACTIVE * CALLS) * ACTIVE + below(ACTIVE);
    key = session % KEYS;
    i = session % 3;

    row->virtual_key = text(names[0], "agents-%04u", key);
    row->team = text(names[1], "team-%02u", key % TEAMS);
    row->customer = llm_str("acme-corp");
    row->provider = text(names[2], "bedrock-%u", i);
    row->region = llm_str("us-east-1");
    row->model = (llm_str_t) { models[i], strlen(models[i]) };
    row->model_asked = row->model;
    row->status = 200;
    row->dialect = 1;
    row->streamed = true;
    row->client = text(names[3], "10.20.30.%u", below(250));
    row->user_agent = llm_str("claude-cli/2.0.14 (external, cli)");
    row->session = text(names[4], "7f0c2c52-9d0e-4a57-8a57-5a0a%08u", session);
    row->end_user = text(names[5], "user_%u", session % (ACTIVE * 2));
    row->ntags = 1;
    row->tags[0] = llm_str("project:payments");

    row->usage.input = 50 + below(5000);
    row->usage.output = 20 + below(2000);
    row->usage.cache_read = below(60000);
    row->cost.total = (int64_t) row->usage.input * 3000
                      + (int64_t) row->usage.output * 15000;
    row->overhead_us = 40 + below(60);
    row->request_bytes = 1000 + below(200000);
    row->response_bytes = 500 + below(20000);

    row->nattempts = 1;
    attempt = &row->attempts[0];
    attempt->provider = row->provider;
    attempt->region = row->region;
    attempt->model = row->model;
    attempt->request_id = text(names[6],
                               "3f2b1c0a-7d4e-4b8e-9a61-5c1d%08x",
                               below(0x7fffffff));
    attempt->admitted_ms = row->admitted_ms;
    attempt->started_ms = row->admitted_ms;
    attempt->ended_ms = row->ended_ms;
    attempt->first_token_ms = row->first_token_ms - row->received_ms;
    attempt->cost = row->cost.total;
    attempt->input_tokens = row->usage.input + row->usage.cache_read;
    attempt->output_tokens = row->usage.output;
    attempt->status = 200;
}


static unsigned
windows(llm_account_kind_t kind, llm_str_t name, llm_window_t *list,
    unsigned max, void *ctx)
{
    list[0] = (llm_window_t) { LLM_WINDOW_FOREVER, 1 };
    list[1] = (llm_window_t) { LLM_WINDOW_MONTH, 1 };
    list[2] = (llm_window_t) { LLM_WINDOW_HOURS, 1 };

    return 3;
}


static unsigned
fill(llm_journal_t *journal, unsigned n, unsigned rows)
{
    size_t         len;
    llm_row_t      row;
    unsigned char  bytes[LLM_ROW_MAX];

    for ( /* void */ ; n < rows; n++) {
        make(&row, n);
        len = llm_row_encode(&row, bytes, sizeof(bytes));

        if (llm_journal_room(journal) < 4 * LLM_ROW_MAX) {
            break;
        }

        llm_journal_append(journal, LLM_JOURNAL_HOLD, bytes, len);
        llm_journal_append(journal, LLM_JOURNAL_SETTLE, bytes, len);
    }

    return n;
}


static double
fold(llm_store_t *store, llm_segment_t **segments, unsigned nsegments,
    unsigned n, uint64_t *bytes)
{
    double              begun;
    llm_fold_conf_t     conf;
    llm_fold_result_t   result;

    memset(&conf, 0, sizeof(conf));
    conf.now_ms = START + n / PER_MS;
    conf.windows = windows;

    begun = seconds();

    do {
        if (llm_fold(store, segments, nsegments, &conf, &result) != LLM_OK) {
            fprintf(stderr, "%s\n", llm_store_error(store));
            exit(1);
        }

        *bytes += result.bytes;

    } while (result.more);

    return seconds() - begun;
}


int
main(int argc, char **argv)
{
    char              error[LLM_JOURNAL_ERROR], dir[512];
    double            spent;
    MDB_txn          *txn;
    unsigned          n, rows, nsegments;
    uint64_t          bytes, used, file;
    const char       *why;
    llm_store_t      *store;
    llm_journal_t    *journal;
    llm_segment_t   **segments;

    if (argc < 2) {
        fprintf(stderr, "usage: fold FOLDER [ROWS]\n");
        return 2;
    }

    rows = (argc > 2) ? (unsigned) atoi(argv[2]) : ROWS;
    mkdir(argv[1], 0700);

    snprintf(dir, sizeof(dir), "%s/store", argv[1]);
    store = llm_store_open(dir, &why);

    if (store == NULL) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }

    snprintf(dir, sizeof(dir), "%s/journal", argv[1]);
    nsegments = 0;
    segments = NULL;

    if (llm_journal_prepare(dir, 1, SEGMENT, (uid_t) -1, (gid_t) -1, error)
        != LLM_OK
        || (journal = llm_journal_claim(dir, 7, error)) == NULL
        || llm_segments_scan(dir, &segments, &nsegments, error) != LLM_OK)
    {
        fprintf(stderr, "%s\n", error);
        return 1;
    }

    bytes = 0;
    spent = 0;

    for (n = 0; n < rows; /* void */ ) {
        n = fill(journal, n, rows);
        spent += fold(store, segments, nsegments, n, &bytes);
    }

    if (llm_store_read(store, &txn) != 0
        || llm_store_size(store, txn, &used, &file) != 0)
    {
        return 1;
    }

    llm_store_read_end(store, txn);

    printf("%u rows in %.2f s: %.0f rows/s, %.1f MB/s of the journal\n"
           "store: %.1f MB in use (%.0f bytes a row), file %.1f MB\n",
           rows, spent, rows / spent, (double) bytes / spent / 1e6,
           (double) used / 1e6, (double) used / rows, (double) file / 1e6);

    llm_journal_release(journal);
    llm_segments_free(segments, nsegments);
    llm_store_close(store);

    return 0;
}
