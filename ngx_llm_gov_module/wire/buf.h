/*
 * A byte buffer that grows by realloc() up to a limit given at init.
 * A failed append (no memory, over the limit) sets `failed`, drops the bytes
 * and every later append, so that a writer checks once, at the end.
 */

#ifndef LLM_BUF_H
#define LLM_BUF_H

#include "str.h"


typedef struct {
    char    *data;
    size_t   len;
    size_t   size;      /* at most limit + 1 */
    size_t   limit;
    bool     failed;
} llm_buf_t;


void llm_buf_init(llm_buf_t *buf, size_t limit);
void llm_buf_free(llm_buf_t *buf);

/* makes room for `len` more bytes and a NUL, or sets `failed` and is false */
bool llm_buf_reserve(llm_buf_t *buf, size_t len);

/* printf(3) into the buffer; `%.*s` takes an (int) length and a pointer */
void llm_buf_printf(llm_buf_t *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* the text as a JSON string with its quotes; bytes that are not UTF-8 become
 * U+FFFD */
void llm_buf_json_string(llm_buf_t *buf, llm_str_t text);

/* nanodollars as a decimal number of dollars with up to 9 places: 1500000 is
 * written 0.0015 */
void llm_buf_dollars(llm_buf_t *buf, int64_t nanodollars);


/* inline, because most of what is appended is a few bytes long */
static inline void
llm_buf_append(llm_buf_t *buf, const void *data, size_t len)
{
    if (len == 0) {
        return;
    }

    if ((len < buf->size - buf->len && !buf->failed)
        || llm_buf_reserve(buf, len))
    {
        memcpy(buf->data + buf->len, data, len);
        buf->len += len;
    }
}


static inline void
llm_buf_str(llm_buf_t *buf, llm_str_t str)
{
    llm_buf_append(buf, str.data, str.len);
}


#endif /* LLM_BUF_H */
