/*
 * A block's layout, for block*.c and filter_block.c alone.
 *
 *   header        magic, rows, first sequence number, sizes of the tables
 *   descriptors   one for each column: LLM_COLUMN_SIZE bytes
 *   data          codes and dictionaries, in any order
 *   strings       the bytes of all strings, one after another
 *   padding       so that a code may be read as 8 bytes; its last 4 bytes are
 *                 the CRC-32C of all before them
 *
 * A number is base + code * scale, a code 0 to 8 bytes wide: as narrow as the
 * block's values allow.  A string is its place in the block's table, where all
 * of them are sorted bytewise and the first one is empty; a column with few of
 * them has a dictionary, sorted too, and its codes are places in that.  So any
 * range of strings, a prefix for one, is a range of codes.
 *
 * An attempt's numbers are differences to what they are when all is well (the
 * row's cost for its only attempt), so that they need no room.
 */

#ifndef LLM_BLOCK_COLUMNS_H
#define LLM_BLOCK_COLUMNS_H

#include "block.h"
#include "log.h"


#define LLM_BLOCK_MAGIC     "LLB2"
#define LLM_BLOCK_HEADER    40
#define LLM_COLUMN_SIZE     32
#define LLM_BLOCK_PAD       8
#define LLM_BLOCK_CRC       4
#define LLM_DICTIONARY_MAX  256
#define LLM_UUID_TEXT       36
#define LLM_BLOCK_WORDS     (LLM_BLOCK_ROWS / 64)


/* columns of an attempt, behind LLM_COL_LAST and LLM_COL_EARLIER */
typedef enum {
    LLM_ATT_PROVIDER = 0,
    LLM_ATT_REGION,
    LLM_ATT_MODEL,
    LLM_ATT_REQUEST_ID,             /* a string, if it is no UUID */
    LLM_ATT_UUID_HIGH,
    LLM_ATT_UUID_LOW,
    LLM_ATT_ADMITTED,
    LLM_ATT_STARTED,
    LLM_ATT_ENDED,
    LLM_ATT_FIRST_TOKEN,
    LLM_ATT_INPUT,
    LLM_ATT_OUTPUT,
    LLM_ATT_COST,
    LLM_ATT_STATUS,
    LLM_ATT_RESULT,
    LLM_ATT_COLUMNS
} llm_attempt_column_t;


typedef enum {
    LLM_COL_VIRTUAL_KEY = 0,        /* the strings of a row first */
    LLM_COL_TEAM,
    LLM_COL_CUSTOMER,
    LLM_COL_PROVIDER,
    LLM_COL_REGION,
    LLM_COL_MODEL_ASKED,
    LLM_COL_MODEL,
    LLM_COL_ERROR_MESSAGE,
    LLM_COL_CLIENT,
    LLM_COL_USER_AGENT,
    LLM_COL_SESSION,
    LLM_COL_END_USER,

    LLM_COL_ENDED,
    LLM_COL_LATENCY,                /* ended - received */
    LLM_COL_ADMITTED,               /* llm_column_since() received */
    LLM_COL_FIRST_TOKEN,            /* the same */
    LLM_COL_ID_TIME,                /* less received */
    LLM_COL_ID_MIDDLE,
    LLM_COL_ID_LOW,
    LLM_COL_DIALECT,
    LLM_COL_API,
    LLM_COL_STATUS,
    LLM_COL_OUTCOME,
    LLM_COL_ERROR,
    LLM_COL_REFUSAL,
    LLM_COL_PRICE,
    LLM_COL_FLAGS,
    LLM_COL_TIER,
    LLM_COL_INPUT,
    LLM_COL_OUTPUT,
    LLM_COL_CACHE_READ,
    LLM_COL_CACHE_WRITE_5M,
    LLM_COL_CACHE_WRITE_1H,
    LLM_COL_REASONING,
    LLM_COL_IMAGES,
    LLM_COL_QUERIES,
    LLM_COL_COST,
    LLM_COL_COST_INPUT,
    LLM_COL_COST_REST,              /* total less all parts */
    LLM_COL_COST_CACHE_READ,
    LLM_COL_COST_CACHE_WRITE,
    LLM_COL_COST_OTHER,
    LLM_COL_COST_EARLIER,
    LLM_COL_OVERHEAD,
    LLM_COL_REQUEST_BYTES,
    LLM_COL_RESPONSE_BYTES,
    LLM_COL_ATTEMPTS,               /* how many */
    LLM_COL_EARLIER_END,            /* of its rows in the table of attempts
                                       before the last */
    LLM_COL_TAGS_END,               /* the same, of tags */

    LLM_COL_LAST,                   /* the last attempt, if there is one */
    LLM_COL_EARLIER = LLM_COL_LAST + LLM_ATT_COLUMNS,
    LLM_COL_TAG = LLM_COL_EARLIER + LLM_ATT_COLUMNS,
    LLM_COL_STRING_END,             /* of the strings' bytes */
    LLM_COLUMNS
} llm_column_id_t;


/* bits of LLM_COL_FLAGS */
#define LLM_FLAG_STREAMED   0x01
#define LLM_FLAG_ABORTED    0x02
#define LLM_FLAG_RECOVERED  0x04
#define LLM_FLAG_CONTENT    0x08
#define LLM_FLAG_OPTIMIZED  0x10
#define LLM_FLAG_EXACT      0x20


/* sizes of a block's tables, as its header has them */
typedef struct {
    uint32_t   rows;
    uint32_t   earlier;
    uint32_t   tags;
    uint32_t   strings;
    uint32_t   bytes_at;            /* of the strings */
    uint32_t   bytes;
} llm_block_sizes_t;


typedef struct {
    const unsigned char  *codes;
    const unsigned char  *dictionary;   /* NULL: none */
    uint64_t              mask;         /* of a code */
    uint64_t              max;          /* the largest code */
    uint64_t              scale;
    int64_t               base;
    uint32_t              count;
    uint32_t              words;        /* of the dictionary */
    uint8_t               width;        /* bytes of a code */
    uint8_t               id_width;     /* of a string's number */
} llm_column_t;


typedef struct {
    llm_column_t   ends;
    const char    *bytes;
    size_t         len;
} llm_block_texts_t;


/* is it a column of strings? */
bool llm_column_is_string(unsigned id);

/* of how many values, by the sizes of the tables */
uint32_t llm_column_count(unsigned id, const llm_block_sizes_t *sizes);

void llm_block_sizes(const llm_block_t *block, llm_block_sizes_t *sizes);
void llm_block_column(const llm_block_t *block, unsigned id,
    llm_column_t *column);

/* the table of strings; the empty one for a number that there is not */
void llm_block_texts(const llm_block_t *block, llm_block_texts_t *texts);
llm_str_t llm_block_text(const llm_block_texts_t *texts, uint64_t id);

/* the rows [*from, *to) of a table of `count` that belong to a row; `ends`: the
 * column LLM_COL_*_END */
void llm_block_part(const llm_column_t *ends, uint32_t count, uint32_t index,
    uint32_t *from, uint32_t *to);


/* Between a row and the numbers of its columns.  A string's number is made by
 * whoever calls: `strings` are the columns below LLM_COL_ENDED, and the first
 * four of an attempt. */
void llm_block_numbers(const llm_row_t *row, int64_t *numbers);
void llm_block_row_back(llm_row_t *row, const int64_t *numbers);
void llm_block_attempt_numbers(const llm_row_t *row,
    const llm_row_attempt_t *attempt, int64_t *numbers);
void llm_block_attempt_back(const llm_row_t *row,
    llm_row_attempt_t *attempt, const int64_t *numbers);
llm_str_t *llm_block_row_string(llm_row_t *row, unsigned id);
llm_str_t *llm_block_attempt_string(llm_row_attempt_t *attempt, unsigned id);

/* a canonical UUID as two numbers, LLM_ERROR: it is none (or all zeros) */
int llm_uuid_parse(llm_str_t text, uint64_t *high, uint64_t *low);
llm_str_t llm_uuid_text(uint64_t high, uint64_t low,
    char text[LLM_UUID_TEXT]);

/* LLM_COL_FLAGS of a row */
int64_t llm_block_flags(const llm_row_t *row);


/* `width` little endian bytes; 8 can be read at p */
static inline uint64_t
llm_column_load(const unsigned char *p, uint64_t mask)
{
    uint64_t  value;

    memcpy(&value, p, sizeof(value));

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif

    return value & mask;
}


static inline uint64_t
llm_column_mask(unsigned width)
{
    return (width >= 8) ? UINT64_MAX : ((uint64_t) 1 << (8 * width)) - 1;
}


static inline uint64_t
llm_column_code(const llm_column_t *column, uint32_t index)
{
    return llm_column_load(column->codes + (size_t) index * column->width,
                           column->mask);
}


static inline int64_t
llm_column_number(const llm_column_t *column, uint32_t index)
{
    return (int64_t) ((uint64_t) column->base
                      + llm_column_code(column, index) * column->scale);
}


/* the number of a string for a code */
static inline uint64_t
llm_column_word(const llm_column_t *column, uint64_t code)
{
    if (column->dictionary == NULL) {
        return code;
    }

    if (code >= column->words) {
        return 0;
    }

    return llm_column_load(column->dictionary + code * column->id_width,
                           llm_column_mask(column->id_width));
}


/* how a time that may be none (0) is kept: 0, or its distance + 1, or its
 * distance where it is negative */
static inline int64_t
llm_column_since(int64_t time, int64_t from)
{
    int64_t  distance;

    if (time == 0) {
        return 0;
    }

    distance = (int64_t) ((uint64_t) time - (uint64_t) from);

    return (distance < 0) ? distance : (int64_t) ((uint64_t) distance + 1);
}


static inline int64_t
llm_column_time(int64_t number, int64_t from)
{
    if (number == 0) {
        return 0;
    }

    return (int64_t) ((uint64_t) from + (uint64_t) number - (number > 0));
}


static inline unsigned
llm_column_width(uint64_t max)
{
    return (max == 0) ? 0 : (unsigned) (71 - __builtin_clzll(max)) / 8;
}


#endif /* LLM_BLOCK_COLUMNS_H */
