/*
 * Rows into a block.
 */

#include "block_columns.h"
#include "block_strings.h"

#include "../../wire/crc32c.h"
#include "../../wire/le.h"

#include <stdlib.h>


typedef struct {
    int64_t   *values;
    uint32_t   n;
    uint32_t   size;
} llm_build_column_t;


/* a column as its descriptor says it */
typedef struct {
    uint32_t   at;
    uint8_t    width;
    uint16_t   words;
    int64_t    base;                /* strings: where the dictionary is */
    uint64_t   max;
    uint64_t   scale;
} llm_build_layout_t;


typedef struct {
    llm_build_column_t   columns[LLM_COLUMNS];
    llm_build_layout_t   layouts[LLM_COLUMNS];
    llm_strings_t       *strings;
    llm_row_t            row;
    llm_buf_t           *out;
    size_t               start;     /* of the block in `out` */
    unsigned             id_width;  /* of a string's number */
    bool                 failed;
} llm_build_t;


static void llm_build_row(llm_build_t *build);
static void llm_build_attempt(llm_build_t *build,
    const llm_row_attempt_t *attempt, unsigned first);
static void llm_build_push(llm_build_t *build, unsigned id, int64_t value);
static void llm_build_write(llm_build_t *build, uint64_t first, size_t n);
static void llm_build_number_strings(llm_build_t *build);
static void llm_build_column(llm_build_t *build, unsigned id);
static bool llm_build_same(llm_build_t *build, unsigned id, unsigned other);
static void llm_build_dictionary(llm_build_t *build, unsigned id);
static void llm_build_scale(const llm_build_column_t *column,
    llm_build_layout_t *layout);
static void llm_build_codes(llm_build_t *build, const int64_t *values,
    uint32_t n, const llm_build_layout_t *layout);
static void llm_build_bytes(llm_build_t *build, llm_block_sizes_t *sizes);
static void llm_build_header(llm_build_t *build, uint64_t first,
    const llm_block_sizes_t *sizes);
static int llm_build_order(const void *one, const void *two);


int
llm_block_build(llm_buf_t *out, uint64_t first, const llm_str_t *rows, size_t n)
{
    int           rc;
    size_t        i;
    unsigned      id;
    llm_build_t  *build;

    if (n == 0 || n > LLM_BLOCK_ROWS) {
        return LLM_ERROR;
    }

    build = calloc(1, sizeof(llm_build_t));

    if (build == NULL) {
        return LLM_ERROR;
    }

    build->out = out;
    build->start = out->len;
    build->strings = llm_strings_create();
    build->failed = (build->strings == NULL);

    for (i = 0; i < n && !build->failed; i++) {
        if (llm_row_decode(&build->row, rows[i]) != LLM_OK) {
            build->failed = true;
            break;
        }

        llm_build_row(build);
    }

    if (!build->failed) {
        llm_build_write(build, first, n);
    }

    rc = (build->failed || out->failed) ? LLM_ERROR : LLM_OK;

    for (id = 0; id < LLM_COLUMNS; id++) {
        free(build->columns[id].values);
    }

    llm_strings_free(build->strings);
    free(build);

    return rc;
}


static void
llm_build_row(llm_build_t *build)
{
    int64_t             numbers[LLM_COL_LAST];
    unsigned            i, id;
    llm_row_t          *row;
    llm_row_attempt_t   none;

    row = &build->row;

    for (i = 0; i < row->ntags; i++) {
        llm_build_push(build, LLM_COL_TAG,
                       llm_strings_add(build->strings, row->tags[i]));
    }

    for (i = 0; i + 1 < row->nattempts; i++) {
        llm_build_attempt(build, &row->attempts[i], LLM_COL_EARLIER);
    }

    if (row->nattempts > 0) {
        llm_build_attempt(build, &row->attempts[row->nattempts - 1],
                          LLM_COL_LAST);

    } else {
        memset(&none, 0, sizeof(llm_row_attempt_t));
        none.admitted_ms = row->admitted_ms;
        none.ended_ms = row->ended_ms;
        none.status = row->status;
        llm_build_attempt(build, &none, LLM_COL_LAST);
    }

    llm_block_numbers(row, numbers);

    for (id = 0; id < LLM_COL_ENDED; id++) {
        numbers[id] = llm_strings_add(build->strings,
                                      *llm_block_row_string(row, id));
    }

    numbers[LLM_COL_EARLIER_END] = build->columns[LLM_COL_EARLIER].n;
    numbers[LLM_COL_TAGS_END] = build->columns[LLM_COL_TAG].n;

    for (id = 0; id < LLM_COL_LAST; id++) {
        llm_build_push(build, id, numbers[id]);
    }
}


static void
llm_build_attempt(llm_build_t *build, const llm_row_attempt_t *attempt,
    unsigned first)
{
    int64_t            numbers[LLM_ATT_COLUMNS];
    unsigned           id;
    llm_str_t          text;
    llm_row_attempt_t  copy;

    copy = *attempt;

    llm_block_attempt_numbers(&build->row, attempt, numbers);

    for (id = 0; id < LLM_ATT_UUID_HIGH; id++) {
        text = *llm_block_attempt_string(&copy, id);

        if (id == LLM_ATT_REQUEST_ID
            && (numbers[LLM_ATT_UUID_HIGH] || numbers[LLM_ATT_UUID_LOW]))
        {
            text = llm_str("");
        }

        numbers[id] = llm_strings_add(build->strings, text);
    }

    for (id = 0; id < LLM_ATT_COLUMNS; id++) {
        llm_build_push(build, first + id, numbers[id]);
    }
}


static void
llm_build_push(llm_build_t *build, unsigned id, int64_t value)
{
    int64_t             *values;
    uint32_t             size;
    llm_build_column_t  *column;

    column = &build->columns[id];

    if (column->n == column->size) {
        size = column->size ? 2 * column->size : 256;
        values = realloc(column->values, size * sizeof(int64_t));

        if (values == NULL) {
            build->failed = true;
            return;
        }

        column->values = values;
        column->size = size;
    }

    column->values[column->n++] = value;
}


static void
llm_build_write(llm_build_t *build, uint64_t first, size_t n)
{
    char               blank[LLM_BLOCK_HEADER + LLM_COLUMNS * LLM_COLUMN_SIZE];
    unsigned           id;
    llm_block_sizes_t  sizes;

    if (llm_strings_sort(build->strings) != LLM_OK) {
        build->failed = true;
        return;
    }

    llm_build_number_strings(build);

    if (build->failed) {
        return;
    }

    sizes.rows = (uint32_t) n;
    sizes.earlier = build->columns[LLM_COL_EARLIER].n;
    sizes.tags = build->columns[LLM_COL_TAG].n;
    sizes.strings = build->strings->n;

    memset(blank, 0, sizeof(blank));
    llm_buf_append(build->out, blank, sizeof(blank));

    for (id = 0; id < LLM_COLUMNS; id++) {
        llm_build_column(build, id);
    }

    llm_build_bytes(build, &sizes);

    if (!build->out->failed) {
        llm_build_header(build, first, &sizes);
    }
}


/* strings get the numbers of their places, and the table its offsets */
static void
llm_build_number_strings(llm_build_t *build)
{
    size_t               end;
    uint32_t             i;
    unsigned             id;
    llm_build_column_t  *column;

    for (id = 0; id < LLM_COLUMNS; id++) {
        if (!llm_column_is_string(id)) {
            continue;
        }

        column = &build->columns[id];

        for (i = 0; i < column->n; i++) {
            column->values[i] = build->strings->numbers[column->values[i]];
        }
    }

    end = 0;

    for (i = 0; i < build->strings->n; i++) {
        end += build->strings->entries[i].text.len;
        llm_build_push(build, LLM_COL_STRING_END, (int64_t) end);
    }

    build->id_width = llm_column_width(build->strings->n - 1);
}


static void
llm_build_column(llm_build_t *build, unsigned id)
{
    llm_build_column_t  *column;
    llm_build_layout_t  *layout;

    column = &build->columns[id];
    layout = &build->layouts[id];

    if (column->n == 0) {
        return;
    }

    if ((id == LLM_COL_LAST + LLM_ATT_PROVIDER
         && llm_build_same(build, id, LLM_COL_PROVIDER))
        || (id == LLM_COL_LAST + LLM_ATT_REGION
            && llm_build_same(build, id, LLM_COL_REGION))
        || (id == LLM_COL_LAST + LLM_ATT_MODEL
            && llm_build_same(build, id, LLM_COL_MODEL)))
    {
        return;
    }

    if (llm_column_is_string(id)) {
        llm_build_dictionary(build, id);

    } else {
        llm_build_scale(column, layout);
    }

    layout->at = (uint32_t) (build->out->len - build->start);

    llm_build_codes(build, column->values, column->n, layout);
}


/* what is wholly the same lies there once */
static bool
llm_build_same(llm_build_t *build, unsigned id, unsigned other)
{
    if (memcmp(build->columns[id].values, build->columns[other].values,
               build->columns[id].n * sizeof(int64_t))
        != 0)
    {
        return false;
    }

    build->layouts[id] = build->layouts[other];

    return true;
}


/* A dictionary, if it makes the column smaller; the values become codes. */
static void
llm_build_dictionary(llm_build_t *build, unsigned id)
{
    int64_t             *sorted, *found;
    uint32_t             i, n;
    llm_build_column_t  *column;
    llm_build_layout_t  *layout, words;

    column = &build->columns[id];
    layout = &build->layouts[id];
    layout->scale = 1;

    sorted = malloc(column->n * sizeof(int64_t));

    if (sorted == NULL) {
        build->failed = true;
        return;
    }

    memcpy(sorted, column->values, column->n * sizeof(int64_t));
    qsort(sorted, column->n, sizeof(int64_t), llm_build_order);

    n = 1;

    for (i = 1; i < column->n; i++) {
        if (sorted[i] != sorted[n - 1]) {
            sorted[n++] = sorted[i];
        }
    }

    layout->max = (uint64_t) sorted[n - 1];
    layout->width = (uint8_t) build->id_width;

    if (n <= LLM_DICTIONARY_MAX
        && column->n * llm_column_width(n - 1) + n * build->id_width
           < column->n * build->id_width)
    {
        layout->words = (uint16_t) n;
        layout->base = (int64_t) (build->out->len - build->start);
        layout->max = n - 1;

        words = (llm_build_layout_t) {
            .width = (uint8_t) build->id_width, .scale = 1
        };
        llm_build_codes(build, sorted, n, &words);

        layout->width = (uint8_t) llm_column_width(n - 1);

        for (i = 0; i < column->n; i++) {
            found = bsearch(&column->values[i], sorted, n, sizeof(int64_t),
                            llm_build_order);
            column->values[i] = found - sorted;
        }
    }

    free(sorted);
}


static int
llm_build_order(const void *one, const void *two)
{
    int64_t  a, b;

    a = *(const int64_t *) one;
    b = *(const int64_t *) two;

    return (a > b) - (a < b);
}


/* the least value, what all distances from it can be divided by, and the
 * width that is left */
static void
llm_build_scale(const llm_build_column_t *column, llm_build_layout_t *layout)
{
    int64_t   min, max;
    uint32_t  i;
    uint64_t  a, b, rest;

    min = column->values[0];
    max = min;

    for (i = 1; i < column->n; i++) {
        min = (column->values[i] < min) ? column->values[i] : min;
        max = (column->values[i] > max) ? column->values[i] : max;
    }

    a = 0;

    for (i = 0; i < column->n && a != 1; i++) {
        b = (uint64_t) column->values[i] - (uint64_t) min;

        while (b != 0) {
            rest = a % b;
            a = b;
            b = rest;
        }
    }

    layout->base = min;
    layout->scale = (a == 0) ? 1 : a;
    layout->max = ((uint64_t) max - (uint64_t) min) / layout->scale;
    layout->width = (uint8_t) llm_column_width(layout->max);
}


static void
llm_build_codes(llm_build_t *build, const int64_t *values, uint32_t n,
    const llm_build_layout_t *layout)
{
    char      *p;
    uint32_t   i;
    uint64_t   code, base;
    unsigned   byte;

    if (!llm_buf_reserve(build->out, (size_t) n * layout->width)) {
        return;
    }

    base = layout->words ? 0 : (uint64_t) layout->base;
    p = build->out->data + build->out->len;

    for (i = 0; i < n; i++) {
        code = ((uint64_t) values[i] - base) / layout->scale;

        for (byte = 0; byte < layout->width; byte++) {
            *p++ = (char) (code >> (8 * byte));
        }
    }

    build->out->len += (size_t) n * layout->width;
}


static void
llm_build_bytes(llm_build_t *build, llm_block_sizes_t *sizes)
{
    uint32_t              i;
    llm_strings_entry_t  *entries;
    static const char     pad[LLM_BLOCK_PAD];

    entries = build->strings->entries;
    sizes->bytes_at = (uint32_t) (build->out->len - build->start);

    for (i = 0; i < sizes->strings; i++) {
        llm_buf_str(build->out, entries[i].text);
    }

    sizes->bytes = (uint32_t) (build->out->len - build->start)
                   - sizes->bytes_at;

    llm_buf_append(build->out, pad, sizeof(pad));
}


static unsigned char *
llm_build_put(unsigned char *p, uint64_t value, unsigned n)
{
    while (n-- > 0) {
        *p++ = (unsigned char) value;
        value >>= 8;
    }

    return p;
}


static void
llm_build_header(llm_build_t *build, uint64_t first,
    const llm_block_sizes_t *sizes)
{
    size_t                     len;
    unsigned                   id;
    unsigned char             *p;
    const llm_build_layout_t  *layout;

    p = (unsigned char *) build->out->data + build->start;

    memcpy(p, LLM_BLOCK_MAGIC, 4);
    p = llm_build_put(p + 4, sizes->rows, 4);
    p = llm_build_put(p, first, 8);
    p = llm_build_put(p, sizes->earlier, 4);
    p = llm_build_put(p, sizes->tags, 4);
    p = llm_build_put(p, sizes->strings, 4);
    p = llm_build_put(p, sizes->bytes_at, 4);
    p = llm_build_put(p, sizes->bytes, 4);
    p = llm_build_put(p, build->out->len - build->start, 4);

    for (id = 0; id < LLM_COLUMNS; id++) {
        layout = &build->layouts[id];

        p = llm_build_put(p, layout->at, 4);
        p = llm_build_put(p, layout->width, 2);
        p = llm_build_put(p, layout->words, 2);
        p = llm_build_put(p, (uint64_t) layout->base, 8);
        p = llm_build_put(p, layout->max, 8);
        p = llm_build_put(p, layout->scale, 8);
    }

    p = (unsigned char *) build->out->data + build->start;
    len = build->out->len - build->start - LLM_BLOCK_CRC;

    llm_le_put32(p + len, llm_crc32c(0, p, len));
}
