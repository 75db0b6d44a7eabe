/*
 * Blocks as they are read.  What a block says of its own layout is checked
 * once; the codes are not: whoever uses one as a place checks it then.
 */

#include "block_columns.h"

#include "../../wire/crc32c.h"
#include "../../wire/le.h"


static int llm_block_check(const llm_block_t *block, unsigned id,
    const llm_block_sizes_t *sizes);
static void llm_block_attempt(const llm_block_t *block,
    const llm_block_texts_t *texts, unsigned first, uint32_t index,
    llm_row_t *row);
static void llm_block_tags(const llm_block_t *block,
    const llm_block_texts_t *texts, uint32_t index, llm_row_t *row);


/* within the header and the descriptors */
static inline uint64_t
llm_block_get(const unsigned char *p, unsigned n)
{
    return llm_column_load(p, llm_column_mask(n));
}


int
llm_block_open(llm_block_t *block, const void *data, size_t len)
{
    unsigned           id;
    llm_block_sizes_t  sizes;

    if (len < LLM_BLOCK_HEADER + LLM_COLUMNS * LLM_COLUMN_SIZE + LLM_BLOCK_PAD
        || len > UINT32_MAX
        || memcmp(data, LLM_BLOCK_MAGIC, 4) != 0)
    {
        return LLM_ERROR;
    }

    block->data = data;
    block->len = len;
    block->rows = (uint32_t) llm_block_get(block->data + 4, 4);
    block->first = llm_block_get(block->data + 8, 8);
    block->private = block->data + LLM_BLOCK_HEADER;

    llm_block_sizes(block, &sizes);

    if (llm_block_get(block->data + 36, 4) != len
        || sizes.rows == 0 || sizes.rows > LLM_BLOCK_ROWS
        || sizes.earlier > sizes.rows * (LLM_ROW_ATTEMPTS_MAX - 1)
        || sizes.tags > sizes.rows * LLM_ROW_TAGS_MAX
        || sizes.strings == 0 || sizes.strings > len
        || (uint64_t) sizes.bytes_at + sizes.bytes > len - LLM_BLOCK_PAD)
    {
        return LLM_ERROR;
    }

    for (id = 0; id < LLM_COLUMNS; id++) {
        if (llm_block_check(block, id, &sizes) != LLM_OK) {
            return LLM_ERROR;
        }
    }

    return LLM_OK;
}


bool
llm_block_intact(const llm_block_t *block)
{
    size_t  len;

    len = block->len - LLM_BLOCK_CRC;

    return llm_crc32c(0, block->data, len) == llm_le_get32(block->data + len);
}


static int
llm_block_check(const llm_block_t *block, unsigned id,
    const llm_block_sizes_t *sizes)
{
    uint64_t              at, width, words, dictionary, end;
    const unsigned char  *p;

    p = (const unsigned char *) block->private + id * LLM_COLUMN_SIZE;

    at = llm_block_get(p, 4);
    width = llm_block_get(p + 4, 2);
    words = llm_block_get(p + 6, 2);
    dictionary = llm_block_get(p + 8, 8);
    end = block->len - LLM_BLOCK_PAD;

    if (width > 8 || at + width * llm_column_count(id, sizes) > end) {
        return LLM_ERROR;
    }

    if (words == 0) {
        return LLM_OK;
    }

    if (!llm_column_is_string(id) || words > LLM_DICTIONARY_MAX
        || dictionary > end
        || words * llm_column_width(sizes->strings - 1) > end - dictionary)
    {
        return LLM_ERROR;
    }

    return LLM_OK;
}


void
llm_block_sizes(const llm_block_t *block, llm_block_sizes_t *sizes)
{
    const unsigned char  *p;

    p = block->data;

    sizes->rows = (uint32_t) llm_block_get(p + 4, 4);
    sizes->earlier = (uint32_t) llm_block_get(p + 16, 4);
    sizes->tags = (uint32_t) llm_block_get(p + 20, 4);
    sizes->strings = (uint32_t) llm_block_get(p + 24, 4);
    sizes->bytes_at = (uint32_t) llm_block_get(p + 28, 4);
    sizes->bytes = (uint32_t) llm_block_get(p + 32, 4);
}


bool
llm_column_is_string(unsigned id)
{
    if (id >= LLM_COL_LAST && id < LLM_COL_TAG) {
        return (id - LLM_COL_LAST) % LLM_ATT_COLUMNS <= LLM_ATT_REQUEST_ID;
    }

    return id < LLM_COL_ENDED || id == LLM_COL_TAG;
}


uint32_t
llm_column_count(unsigned id, const llm_block_sizes_t *sizes)
{
    if (id < LLM_COL_EARLIER) {
        return sizes->rows;
    }

    if (id < LLM_COL_TAG) {
        return sizes->earlier;
    }

    return (id == LLM_COL_TAG) ? sizes->tags : sizes->strings;
}


void
llm_block_column(const llm_block_t *block, unsigned id, llm_column_t *column)
{
    uint64_t              base;
    llm_block_sizes_t     sizes;
    const unsigned char  *p;

    p = (const unsigned char *) block->private + id * LLM_COLUMN_SIZE;

    llm_block_sizes(block, &sizes);

    column->codes = block->data + llm_block_get(p, 4);
    column->width = p[4];
    column->mask = llm_column_mask(p[4]);
    column->words = (uint32_t) llm_block_get(p + 6, 2);
    column->max = llm_block_get(p + 16, 8);
    column->scale = llm_block_get(p + 24, 8);
    column->scale = column->scale ? column->scale : 1;
    column->count = llm_column_count(id, &sizes);
    column->id_width = (uint8_t) llm_column_width(sizes.strings - 1);

    base = llm_block_get(p + 8, 8);

    if (column->words) {
        column->dictionary = block->data + base;
        column->base = 0;

    } else {
        column->dictionary = NULL;
        column->base = (int64_t) base;
    }
}


void
llm_block_texts(const llm_block_t *block, llm_block_texts_t *texts)
{
    llm_block_sizes_t  sizes;

    llm_block_sizes(block, &sizes);
    llm_block_column(block, LLM_COL_STRING_END, &texts->ends);

    texts->bytes = (const char *) block->data + sizes.bytes_at;
    texts->len = sizes.bytes;
}


llm_str_t
llm_block_text(const llm_block_texts_t *texts, uint64_t id)
{
    uint64_t  from, to;

    if (id == 0 || id >= texts->ends.count) {
        return llm_str("");
    }

    from = (uint64_t) llm_column_number(&texts->ends, (uint32_t) id - 1);
    to = (uint64_t) llm_column_number(&texts->ends, (uint32_t) id);

    if (from > to || to > texts->len) {
        return llm_str("");
    }

    return (llm_str_t) { texts->bytes + from, to - from };
}


void
llm_block_part(const llm_column_t *ends, uint32_t count, uint32_t index,
    uint32_t *from, uint32_t *to)
{
    uint64_t  begin, end;

    begin = (index == 0) ? 0 : (uint64_t) llm_column_number(ends, index - 1);
    end = (uint64_t) llm_column_number(ends, index);

    if (begin > end || end > count) {
        begin = 0;
        end = 0;
    }

    *from = (uint32_t) begin;
    *to = (uint32_t) end;
}


void
llm_block_row(const llm_block_t *block, uint32_t index, llm_row_t *row)
{
    int64_t            numbers[LLM_COL_LAST];
    uint32_t           from, to;
    unsigned           id;
    llm_column_t       column;
    llm_block_texts_t  texts;
    llm_block_sizes_t  sizes;

    llm_block_texts(block, &texts);

    for (id = 0; id < LLM_COL_LAST; id++) {
        llm_block_column(block, id, &column);

        if (id < LLM_COL_ENDED) {
            *llm_block_row_string(row, id) = llm_block_text(&texts,
                       llm_column_word(&column,
                                       llm_column_code(&column, index)));

        } else {
            numbers[id] = llm_column_number(&column, index);
        }
    }

    llm_block_row_back(row, numbers);
    llm_block_tags(block, &texts, index, row);

    if (row->nattempts == 0) {
        return;
    }

    llm_block_sizes(block, &sizes);
    llm_block_column(block, LLM_COL_EARLIER_END, &column);
    llm_block_part(&column, sizes.earlier, index, &from, &to);

    row->nattempts = 0;

    while (from < to && row->nattempts < LLM_ROW_ATTEMPTS_MAX - 1) {
        llm_block_attempt(block, &texts, LLM_COL_EARLIER, from++, row);
    }

    llm_block_attempt(block, &texts, LLM_COL_LAST, index, row);
}


static void
llm_block_tags(const llm_block_t *block, const llm_block_texts_t *texts,
    uint32_t index, llm_row_t *row)
{
    uint32_t      from, to;
    llm_column_t  column, ends;

    row->ntags = 0;

    llm_block_column(block, LLM_COL_TAG, &column);
    llm_block_column(block, LLM_COL_TAGS_END, &ends);
    llm_block_part(&ends, column.count, index, &from, &to);

    while (from < to && row->ntags < LLM_ROW_TAGS_MAX) {
        row->tags[row->ntags++] = llm_block_text(texts,
                        llm_column_word(&column,
                                        llm_column_code(&column, from++)));
    }
}


static void
llm_block_attempt(const llm_block_t *block, const llm_block_texts_t *texts,
    unsigned first, uint32_t index, llm_row_t *row)
{
    int64_t             numbers[LLM_ATT_COLUMNS];
    unsigned            id;
    llm_column_t        column;
    llm_row_attempt_t  *attempt;
    static _Thread_local char  uuids[LLM_ROW_ATTEMPTS_MAX][LLM_UUID_TEXT];

    attempt = &row->attempts[row->nattempts];

    for (id = 0; id < LLM_ATT_COLUMNS; id++) {
        llm_block_column(block, first + id, &column);

        if (id <= LLM_ATT_REQUEST_ID) {
            *llm_block_attempt_string(attempt, id) = llm_block_text(texts,
                       llm_column_word(&column,
                                       llm_column_code(&column, index)));

        } else {
            numbers[id] = llm_column_number(&column, index);
        }
    }

    llm_block_attempt_back(row, attempt, numbers);

    if (numbers[LLM_ATT_UUID_HIGH] || numbers[LLM_ATT_UUID_LOW]) {
        attempt->request_id = llm_uuid_text(
                                    (uint64_t) numbers[LLM_ATT_UUID_HIGH],
                                    (uint64_t) numbers[LLM_ATT_UUID_LOW],
                                    uuids[row->nattempts]);
    }

    row->nattempts++;
}
