/*
 * Any bytes as a block: what opens is read without harm, row by row, as JSON
 * and CSV, and by every kind of filter.
 */

#include "store/rows/block_columns.h"
#include "store/queries/filter_private.h"
#include "store/queries/query.h"

#include <stdlib.h>


#define NOW  INT64_C(1795437296789)


static const char  *filters[][2] = {
    { "from", "2026-11-23" }, { "received_to", "2026-11-24" },
    { "id", "019abcdef0123456789abcdef0123456" }, { "team", "!team-3,x*" },
    { "tag", "tag-1*,a" }, { "attempt_provider", "provider-*" },
    { "attempt_result", "!ok" }, { "provider_request_id", "a*,!b" },
    { "streamed", "true" }, { "status", "4xx,200" }, { "cache", "hit" },
    { "tokens_min", "10" }, { "first_token_max", "100" },
    { "cost_min", "0.001" }, { "text", "again" }, { "user_agent", "!linux" }
};

#define FILTERS  (sizeof(filters) / sizeof(filters[0]))


static llm_filter_t  *made[FILTERS];
static llm_buf_t      text;


static void
prepare(void)
{
    char    error[LLM_FILTER_ERROR];
    size_t  i;

    llm_buf_init(&text, 1 << 24);

    for (i = 0; i < FILTERS; i++) {
        made[i] = llm_filter_create();

        if (llm_filter_add(made[i], (llm_str_t) { filters[i][0],
                                                  strlen(filters[i][0]) },
                           (llm_str_t) { filters[i][1],
                                         strlen(filters[i][1]) },
                           NOW, error) != LLM_OK)
        {
            abort();
        }
    }
}


static void
read_row(const llm_block_t *block, uint32_t index)
{
    size_t     i;
    llm_row_t  row;

    llm_block_row(block, index, &row);

    if (row.nattempts > LLM_ROW_ATTEMPTS_MAX || row.ntags > LLM_ROW_TAGS_MAX) {
        abort();
    }

    text.len = 0;
    text.failed = false;
    llm_row_json(&text, &row, block->first + index);
    llm_row_csv(&text, &row, block->first + index);
    llm_attempt_csv(&text, &row, block->first + index);
    llm_attempt_ndjson(&text, &row, block->first + index);

    for (i = 0; i < FILTERS; i++) {
        (void) llm_filter_match(made[i], &row);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t       i;
    int64_t      numbers[LLM_BLOCK_ROWS];
    uint32_t     row;
    uint64_t     bits[LLM_BLOCK_WORDS];
    unsigned     n, source;
    llm_block_t  block;
    llm_range_t  bounds;

    if (made[0] == NULL) {
        prepare();
    }

    if (llm_block_open(&block, data, size) != LLM_OK) {
        return 0;
    }

    for (row = 0; row < block.rows && row < 16; row++) {
        read_row(&block, row);
    }

    read_row(&block, block.rows - 1);

    for (i = 0; i < FILTERS; i++) {
        n = llm_filter_block(made[i], &block, bits);

        if (n > block.rows) {
            abort();
        }
    }

    memset(bits, 0xff, sizeof(bits));

    for (source = LLM_COL_ENDED; source <= LLM_SOURCE_CACHE; source++) {
        if (source < LLM_COL_LAST || source >= LLM_COLUMNS) {
            llm_scan_numbers(&block, source, bits, numbers);
            llm_scan_source_bounds(&block, source, &bounds);
        }
    }

    return 0;
}
