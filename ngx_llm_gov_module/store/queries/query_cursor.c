/*
 * Cursors as text: hex digits with a checksum, so that one that was cut or
 * made up is known.  They hold nothing that a client may not see.
 */

#include "query_private.h"

#include "../../wire/crc32c.h"
#include "../../wire/le.h"


#define LLM_CURSOR_VERSION  0x10
#define LLM_CURSOR_BYTES    (1 + 4 * 8 + 1 + 4)


static unsigned llm_cursor_kind(llm_sort_t sort, bool ascending);
static int llm_cursor_bytes(llm_str_t text, unsigned char *bytes,
    size_t *len);
static size_t llm_cursor_length(unsigned kind);


void
llm_cursor_text(const llm_cursor_t *cursor, llm_sort_t sort, bool ascending,
    char text[LLM_CURSOR_SIZE])
{
    size_t             i, len;
    unsigned char      bytes[LLM_CURSOR_BYTES];
    static const char  hex[] = "0123456789abcdef";

    bytes[0] = (unsigned char) llm_cursor_kind(sort, ascending);
    len = llm_cursor_length(bytes[0]);

    llm_le_put64(bytes + 1, cursor->seq);

    if (sort != LLM_SORT_TIME) {
        llm_le_put64(bytes + 9, (uint64_t) cursor->value);
        llm_le_put64(bytes + 17, cursor->low);
        llm_le_put64(bytes + 25, cursor->high);
        bytes[33] = cursor->fresh;
    }

    llm_le_put32(bytes + len, llm_crc32c(0, bytes, len));

    for (i = 0; i < len + 4; i++) {
        text[2 * i] = hex[bytes[i] >> 4];
        text[2 * i + 1] = hex[bytes[i] & 0x0f];
    }

    text[2 * i] = '\0';
}


int
llm_cursor_parse(const char *text, llm_sort_t sort, bool ascending,
    llm_cursor_t *cursor)
{
    size_t         len;
    llm_str_t      str;
    unsigned char  bytes[LLM_CURSOR_BYTES];

    str = (llm_str_t) { text, strnlen(text, LLM_CURSOR_SIZE) };

    if (llm_cursor_bytes(str, bytes, &len) != LLM_OK
        || bytes[0] != llm_cursor_kind(sort, ascending))
    {
        return LLM_ERROR;
    }

    memset(cursor, 0, sizeof(llm_cursor_t));
    cursor->seq = llm_le_get64(bytes + 1);

    if (sort != LLM_SORT_TIME) {
        cursor->value = (int64_t) llm_le_get64(bytes + 9);
        cursor->low = llm_le_get64(bytes + 17);
        cursor->high = llm_le_get64(bytes + 25);
        cursor->fresh = bytes[33];
    }

    return LLM_OK;
}


bool
llm_cursor_valid(llm_str_t text)
{
    size_t         len;
    unsigned char  bytes[LLM_CURSOR_BYTES];

    return text.len < LLM_CURSOR_SIZE
           && llm_cursor_bytes(text, bytes, &len) == LLM_OK;
}


static unsigned
llm_cursor_kind(llm_sort_t sort, bool ascending)
{
    return LLM_CURSOR_VERSION | (unsigned) sort << 1 | ascending;
}


/* without the checksum */
static size_t
llm_cursor_length(unsigned kind)
{
    return ((kind & 0x0e) == LLM_SORT_TIME << 1) ? 9 : 34;
}


static int
llm_cursor_bytes(llm_str_t text, unsigned char *bytes, size_t *len)
{
    char      c;
    size_t    i;
    unsigned  digit;

    if (text.len % 2 != 0 || text.len > 2 * LLM_CURSOR_BYTES
        || text.len < 2 * (9 + 4))
    {
        return LLM_ERROR;
    }

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c >= '0' && c <= '9') {
            digit = (unsigned) (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            digit = (unsigned) (c - 'a') + 10;

        } else {
            return LLM_ERROR;
        }

        bytes[i / 2] = (unsigned char) ((i % 2) ? bytes[i / 2] << 4 | digit
                                                : digit);
    }

    *len = text.len / 2 - 4;

    if (*len != llm_cursor_length(bytes[0])
        || llm_le_get32(bytes + *len) != llm_crc32c(0, bytes, *len))
    {
        return LLM_ERROR;
    }

    return LLM_OK;
}
