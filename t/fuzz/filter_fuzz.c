/*
 * Any bytes as filters, "name=value" a line: they are taken, or a message says
 * why not; and a block and its single rows agree on those that are.
 */

#include "../unit/rows.h"
#include "store/queries/filter.h"
#include "store/rows/log.h"

#include <ctype.h>


#define NOW   INT64_C(1795437296789)
#define ROWS  24


static llm_buf_t  bytes;
static rows_t     random_rows;


static void
prepare(void)
{
    unsigned              i;
    llm_row_t             row;
    llm_str_t             strings[ROWS];
    static unsigned char  encoded[ROWS][LLM_ROW_MAX];

    random_rows = rows_begin(3);
    llm_buf_init(&bytes, 1 << 20);

    for (i = 0; i < ROWS; i++) {
        random_rows.wild = (i % 4 == 0);
        rows_row(&random_rows, &row, ROWS_START + i * 1000);
        strings[i] = (llm_str_t) {
            (char *) encoded[i], llm_row_encode(&row, encoded[i], LLM_ROW_MAX)
        };
    }

    if (llm_block_build(&bytes, 1, strings, ROWS) != LLM_OK) {
        abort();
    }
}


static void
add(llm_filter_t *filter, llm_str_t line)
{
    int          rc;
    char         error[LLM_FILTER_ERROR];
    size_t       i;
    llm_str_t    name, value;
    const char  *equals;

    equals = (line.len > 0) ? memchr(line.data, '=', line.len) : NULL;

    if (equals == NULL) {
        return;
    }

    name = (llm_str_t) { line.data, (size_t) (equals - line.data) };
    value = (llm_str_t) { equals + 1, line.len - name.len - 1 };

    memset(error, 0, sizeof(error));
    rc = llm_filter_add(filter, name, value, NOW, error);

    if ((rc == LLM_ERROR) != (error[0] != '\0')
        || strnlen(error, sizeof(error)) == sizeof(error))
    {
        abort();
    }

    for (i = 0; error[i] != '\0'; i++) {
        if (!isprint((unsigned char) error[i])) {
            abort();
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t         i, start;
    int64_t        from, to;
    uint64_t       bits[LLM_BLOCK_ROWS / 64];
    unsigned       n;
    llm_row_t      row;
    llm_block_t    block;
    llm_filter_t  *filter;

    if (bytes.len == 0) {
        prepare();
    }

    filter = llm_filter_create();

    for (i = 0, start = 0; i <= size; i++) {
        if (i == size || data[i] == '\n') {
            add(filter, (llm_str_t) { (const char *) data + start,
                                      i - start });
            start = i + 1;
        }
    }

    llm_filter_times(filter, &from, &to);

    if (llm_block_open(&block, bytes.data, bytes.len) != LLM_OK) {
        abort();
    }

    n = llm_filter_block(filter, &block, bits);

    for (i = 0; i < block.rows; i++) {
        llm_block_row(&block, (uint32_t) i, &row);

        if (llm_filter_match(filter, &row)
            != (bits[i / 64] >> (i % 64) & 1))
        {
            abort();
        }

        n -= bits[i / 64] >> (i % 64) & 1;
    }

    if (n != 0) {
        abort();
    }

    llm_filter_free(filter);

    return 0;
}
