/*
 * What a request costs in the journal: its row encoded, summed up, appended.
 *
 *   journal [FOLDER]
 *
 * FOLDER (/dev/shm/llm_journal_bench) is made, and stays.  scripts/bench-ledger
 * builds and runs it.
 */

#include "store/journal/journal.h"
#include "store/rows/row.h"
#include "wire/crc32c.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>


#define SIZE    (64 * 1024 * 1024)
#define ROUNDS  9
#define RECORDS 50000


static llm_journal_t  *journal;
static llm_segment_t  *segment;
static llm_row_t       row;
static unsigned char   bytes[LLM_ROW_MAX];
static size_t          len;
static uint32_t        sink;


static void
fill(void)
{
    memset(&row, 0, sizeof(row));
    memcpy(row.id, "\x01\x9a\xbc\xde\xf0\x12" "0123456789", LLM_ROW_ID_SIZE);

    row.received_ms = 1768480496000;
    row.admitted_ms = row.received_ms + 1;
    row.first_token_ms = row.received_ms + 600;
    row.ended_ms = row.received_ms + 1134;
    row.virtual_key = llm_str("ci-agents-production");
    row.team = llm_str("ml-engineering");
    row.customer = llm_str("acme-corp");
    row.provider = llm_str("bedrock-claude-us-east-1");
    row.region = llm_str("us-east-1");
    row.model_asked = llm_str("claude-sonnet-4-5");
    row.model = llm_str("us.anthropic.claude-sonnet-4-5-20250929-v1:0");
    row.client = llm_str("10.20.30.40");
    row.user_agent = llm_str("claude-cli/2.0.14 (external, cli)");
    row.session = llm_str("7f0c2c52-9d0e-4a57-8a57-5a0a5f0f3a11");
    row.end_user = llm_str("user_1f0c2c529d0e4a578a575a0a5f0f3a11_account_"
                           "7f0c2c52-9d0e-4a57-8a57-5a0a5f0f3a11_session_"
                           "0d3b6a5e-1c1f-4f0c-93e2-4a1f7c9b8e22");
    row.ntags = 2;
    row.tags[0] = llm_str("nightly");
    row.tags[1] = llm_str("repository=gateway");
    row.usage = (llm_usage_t) { .input = 1000, .output = 200, .exact = true };
    row.cost.total = 6000000;
    row.nattempts = 1;
    row.attempts[0].provider = row.provider;
    row.attempts[0].region = row.region;
    row.attempts[0].model = row.model;
    row.attempts[0].request_id
        = llm_str("d9b2d63d-a233-4123-847a-7e0f2c1d5b6e");
    row.attempts[0].started_ms = row.admitted_ms;
    row.attempts[0].ended_ms = row.ended_ms;
    row.attempts[0].status = 200;
}


static void
encode(void)
{
    len = llm_row_encode(&row, bytes, sizeof(bytes));
}


static void
decode(void)
{
    llm_row_t  back;

    sink += (uint32_t) llm_row_decode(&back, (llm_str_t) { (char *) bytes,
                                                           len });
}


static void
append(void)
{
    if (llm_journal_append(journal, LLM_JOURNAL_SETTLE, bytes, len) != LLM_OK) {
        llm_segment_fold(segment, llm_segment_head(segment));
    }
}


static void
encode_append(void)
{
    row.received_ms++;
    encode();
    append();
}


static void
sum(void)
{
    sink += llm_crc32c(0, bytes, len);
}


static void
sum_by_table(void)
{
    sink += llm_crc32c_table(0, bytes, len);
}


static int
compare(const void *a, const void *b)
{
    return (*(const double *) a > *(const double *) b)
           - (*(const double *) a < *(const double *) b);
}


/* the median of the rounds */
static double
measure(const char *title, void (*step)(void))
{
    unsigned          i, n;
    double            ns[ROUNDS];
    struct timespec   begin, end;

    for (i = 0; i < ROUNDS; i++) {
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);

        for (n = 0; n < RECORDS; n++) {
            step();
        }

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
        ns[i] = ((double) (end.tv_sec - begin.tv_sec) * 1e9
                 + (double) (end.tv_nsec - begin.tv_nsec)) / RECORDS;
    }

    qsort(ns, ROUNDS, sizeof(double), compare);
    printf("%-34s %7.0f ns  (%.0f to %.0f)\n", title, ns[ROUNDS / 2], ns[0],
           ns[ROUNDS - 1]);

    return ns[ROUNDS / 2];
}


int
main(int argc, char **argv)
{
    char              error[LLM_JOURNAL_ERROR];
    double            whole, fast, table;
    unsigned          i, n;
    const char       *dir;
    llm_segment_t   **segments;

    dir = (argc > 1) ? argv[1] : "/dev/shm/llm_journal_bench";
    n = 0;
    segments = NULL;

    if (llm_journal_prepare(dir, 1, SIZE, (uid_t) -1, (gid_t) -1, error)
        != LLM_OK
        || (journal = llm_journal_claim(dir, 1, error)) == NULL
        || llm_segments_scan(dir, &segments, &n, error) != LLM_OK)
    {
        fprintf(stderr, "journal: %s\n", error);
        return 1;
    }

    for (i = 0; i < n; i++) {
        if (llm_segment_id(segments[i]) == llm_journal_id(journal)) {
            segment = segments[i];
        }
    }

    fill();
    encode();
    printf("a row of %zu bytes, medians of %u rounds of %u\n", len, ROUNDS,
           RECORDS);

    measure("encode", encode);
    measure("decode", decode);
    measure("append", append);
    whole = measure("encode and append", encode_append);
    fast = measure("checksum", sum);
    table = measure("checksum by table", sum_by_table);
    printf("%-34s %7.0f ns\n", "encode and append, sum by table",
           whole - fast + table);

    /* for the next run: all folded, and free */

    llm_segment_fold(segment, llm_segment_head(segment));
    llm_journal_release(journal);
    llm_segment_busy(segment);
    llm_segment_recycle(segment, false);
    llm_segments_free(segments, n);

    return 0;
}
