/*
 * Blocks: every row comes out as it went in; what is damaged is refused or
 * read without harm.
 */

#include "rows.h"
#include "store/rows/block.h"
#include "store/rows/log.h"
#include "tap.h"


static rows_t           random_rows;
static llm_buf_t        encoded[LLM_BLOCK_ROWS];
static llm_str_t        strings[LLM_BLOCK_ROWS];
static llm_buf_t        block_bytes;


static void
encode(unsigned i, const llm_row_t *row)
{
    llm_buf_t  *buf;

    buf = &encoded[i];
    buf->len = 0;

    if (!llm_buf_reserve(buf, LLM_ROW_MAX)) {
        abort();
    }

    buf->len = llm_row_encode(row, (unsigned char *) buf->data, LLM_ROW_MAX);
    strings[i] = (llm_str_t) { buf->data, buf->len };
}


static void
fill(unsigned n)
{
    unsigned   i;
    llm_row_t  row;

    for (i = 0; i < n; i++) {
        rows_row(&random_rows, &row, ROWS_START + 10 * i);
        encode(i, &row);
    }
}


/* how many rows come out otherwise */
static unsigned
differences(const llm_block_t *block, unsigned n)
{
    size_t         len;
    unsigned       i, wrong;
    llm_row_t      row;
    unsigned char  again[LLM_ROW_MAX];

    wrong = 0;

    for (i = 0; i < n; i++) {
        memset(&row, 0x5a, sizeof(row));
        llm_block_row(block, i, &row);
        len = llm_row_encode(&row, again, sizeof(again));

        if (len != strings[i].len
            || memcmp(again, strings[i].data, len) != 0)
        {
            wrong++;
        }
    }

    return wrong;
}


static void
there_and_back(const char *what, unsigned n)
{
    int          rc;
    llm_block_t  block;

    block_bytes.len = 0;
    rc = llm_block_build(&block_bytes, 77, strings, n);

    ok(rc == LLM_OK, "%s: %u rows make a block of %zu bytes", what, n,
       block_bytes.len);

    if (rc != LLM_OK) {
        return;
    }

    ok(llm_block_open(&block, block_bytes.data, block_bytes.len) == LLM_OK
       && block.rows == n && block.first == 77, "%s: it opens", what);
    ok(differences(&block, n) == 0, "%s: every row is as it was", what);
}


static void
test_rows(void)
{
    unsigned  round;

    fill(LLM_BLOCK_ROWS);
    there_and_back("usual", LLM_BLOCK_ROWS);

    fill(1);
    there_and_back("one row", 1);

    for (round = 0; round < 20; round++) {
        random_rows.wild = true;
        fill(200);
        there_and_back("wild", 200);
    }

    random_rows.wild = false;
}


/* as small as LLM_ROW_MAX allows, all strings different */
static void
test_many_strings(void)
{
    unsigned   i, k;
    llm_row_t  row;

    for (i = 0; i < LLM_BLOCK_ROWS; i++) {
        rows_row(&random_rows, &row, ROWS_START);
        row.ntags = LLM_ROW_TAGS_MAX;
        row.nattempts = LLM_ROW_ATTEMPTS_MAX;

        for (k = 0; k < LLM_ROW_TAGS_MAX; k++) {
            row.tags[k] = rows_text(&random_rows, "tag-%u", i * 16 + k);
        }

        for (k = 0; k < LLM_ROW_ATTEMPTS_MAX; k++) {
            memset(&row.attempts[k], 0, sizeof(llm_row_attempt_t));
            row.attempts[k].provider = rows_text(&random_rows, "p%u",
                                                 i * 16 + k);
            row.attempts[k].region = rows_text(&random_rows, "r%u",
                                               i * 16 + k);
            row.attempts[k].model = rows_text(&random_rows, "m%u",
                                              i * 16 + k);
            row.attempts[k].request_id = rows_text(&random_rows, "q%u",
                                                   i * 16 + k);
        }

        encode(i, &row);
    }

    there_and_back("80,000 strings", LLM_BLOCK_ROWS);
}


static void
test_times(void)
{
    llm_row_t  row;

    rows_row(&random_rows, &row, ROWS_START);
    row.admitted_ms = row.received_ms - 5;
    row.first_token_ms = row.received_ms - 1;
    row.nattempts = 1;
    memset(&row.attempts[0], 0, sizeof(llm_row_attempt_t));
    row.attempts[0].first_token_ms = -1;
    encode(0, &row);

    rows_row(&random_rows, &row, ROWS_START);
    memset(row.id, 0xff, sizeof(row.id));
    row.ended_ms = 0;
    row.received_ms = INT64_C(1) << 50;
    encode(1, &row);

    there_and_back("clocks that went back", 2);
}


static void
test_refused(void)
{
    char         *copy;
    bool          intact;
    size_t        i, opened, missed;
    unsigned      k;
    llm_row_t     row;
    llm_block_t   block;
    llm_str_t     bad;

    bad = llm_str("no row");

    ok(llm_block_build(&block_bytes, 1, &bad, 1) == LLM_ERROR
       && llm_block_build(&block_bytes, 1, strings, 0) == LLM_ERROR
       && llm_block_build(&block_bytes, 1, strings, LLM_BLOCK_ROWS + 1)
          == LLM_ERROR, "no rows, too many, and what is no row are refused");

    fill(64);
    block_bytes.len = 0;
    llm_block_build(&block_bytes, 1, strings, 64);

    for (i = 0, opened = 0; i < block_bytes.len; i++) {
        copy = malloc(i);
        memcpy(copy, block_bytes.data, i);
        opened += (llm_block_open(&block, copy, i) == LLM_OK);
        free(copy);
    }

    ok(opened == 0, "a block that was cut short is refused");

    copy = malloc(block_bytes.len);

    for (i = 0, opened = 0; i < 20000; i++) {
        memcpy(copy, block_bytes.data, block_bytes.len);

        for (k = 0; k < 4; k++) {
            copy[rows_random(&random_rows) % (k ? block_bytes.len : 3000)]
                = (char) rows_random(&random_rows);
        }

        if (llm_block_open(&block, copy, block_bytes.len) == LLM_OK) {
            opened++;
            llm_block_row(&block, (uint32_t) (i % block.rows), &row);
        }
    }

    ok(opened > 0, "damaged blocks are read without harm (%zu of %zu opened)",
       opened, i);

    memcpy(copy, block_bytes.data, block_bytes.len);
    block = (llm_block_t) { .data = (unsigned char *) copy,
                            .len = block_bytes.len };
    intact = llm_block_intact(&block);

    for (i = 0, missed = 0; i < block_bytes.len; i++) {
        copy[i] ^= (char) (1 << i % 8);
        missed += llm_block_intact(&block);
        copy[i] ^= (char) (1 << i % 8);
    }

    ok(intact && missed == 0 && llm_block_intact(&block),
       "one bit in any of its %zu bytes, and it is not intact", i);
    free(copy);
}


int
main(void)
{
    unsigned  i;

    random_rows = rows_begin(20261123);
    llm_buf_init(&block_bytes, 64 << 20);

    for (i = 0; i < LLM_BLOCK_ROWS; i++) {
        llm_buf_init(&encoded[i], LLM_ROW_MAX);
    }

    test_rows();
    test_many_strings();
    test_times();
    test_refused();

    for (i = 0; i < LLM_BLOCK_ROWS; i++) {
        llm_buf_free(&encoded[i]);
    }

    llm_buf_free(&block_bytes);
    free(random_rows.text);

    return plan_done();
}
