/*
 * Growing byte buffers and the few things that everybody writes into them.
 */

#include "buf.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


/* most that is signed or said fits */
#define LLM_BUF_FIRST  512


static size_t llm_buf_json_run(const char *p, const char *end, size_t *bad);
static void llm_buf_json_escape(llm_buf_t *buf, uint8_t c);


void
llm_buf_init(llm_buf_t *buf, size_t limit)
{
    memset(buf, 0, sizeof(*buf));
    buf->limit = limit;
}


void
llm_buf_free(llm_buf_t *buf)
{
    free(buf->data);
    llm_buf_init(buf, buf->limit);
}


/* the NUL is what printf writes */
bool
llm_buf_reserve(llm_buf_t *buf, size_t len)
{
    char    *data;
    size_t   size;

    if (buf->failed || len > buf->limit - buf->len) {
        buf->failed = true;
        return false;
    }

    if (len < buf->size - buf->len) {
        return true;
    }

    size = (buf->size < LLM_BUF_FIRST) ? LLM_BUF_FIRST : buf->size;

    while (size - buf->len <= len && size <= buf->limit) {
        size *= 2;
    }

    if (size > buf->limit) {
        size = buf->limit + 1;
    }

    data = realloc(buf->data, size);

    if (data == NULL) {
        buf->failed = true;
        return false;
    }

    buf->data = data;
    buf->size = size;

    return true;
}


void
llm_buf_printf(llm_buf_t *buf, const char *format, ...)
{
    int      n;
    size_t   room;
    va_list  args;

    if (!llm_buf_reserve(buf, 0)) {
        return;
    }

    room = buf->size - buf->len;

    va_start(args, format);
    n = vsnprintf(buf->data + buf->len, room, format, args);
    va_end(args);

    if (n < 0 || !llm_buf_reserve(buf, (size_t) n)) {
        buf->failed = true;
        return;
    }

    if ((size_t) n >= room) {
        va_start(args, format);
        vsnprintf(buf->data + buf->len, buf->size - buf->len, format, args);
        va_end(args);
    }

    buf->len += (size_t) n;
}


void
llm_buf_json_string(llm_buf_t *buf, llm_str_t text)
{
    size_t       run, bad;
    const char  *p, *end;

    llm_buf_append(buf, "\"", 1);

    p = text.data;
    end = (text.len != 0) ? p + text.len : p;

    while (p != end) {
        run = llm_buf_json_run(p, end, &bad);
        llm_buf_append(buf, p, run);
        p += run;

        if (bad != 0) {
            llm_buf_append(buf, "\xef\xbf\xbd", 3);
            p += bad;

        } else if (p != end) {
            llm_buf_json_escape(buf, (uint8_t) *p++);
        }
    }

    llm_buf_append(buf, "\"", 1);
}


/*
 * The length of what can be copied as it is; *bad is the length of the broken
 * UTF-8 that follows it, 0 if an ASCII byte to be escaped or the end does.
 */
static size_t
llm_buf_json_run(const char *p, const char *end, size_t *bad)
{
    uint8_t      c;
    llm_utf8_t   utf8;
    const char  *start, *lead;

    *bad = 0;

    for (start = p; p != end; /* void */) {
        c = (uint8_t) *p;

        if (c < 0x80) {
            if (c < 0x20 || c == '"' || c == '\\') {
                break;
            }

            p++;
            continue;
        }

        lead = p++;

        if (!llm_utf8_start(&utf8, c)) {
            *bad = 1;
            return (size_t) (lead - start);
        }

        while (utf8.left != 0) {
            if (p == end || !llm_utf8_follow(&utf8, (uint8_t) *p)) {
                *bad = (size_t) (p - lead);
                return (size_t) (lead - start);
            }

            p++;
        }
    }

    return (size_t) (p - start);
}


static void
llm_buf_json_escape(llm_buf_t *buf, uint8_t c)
{
    switch (c) {

    case '"':
    case '\\':
        llm_buf_printf(buf, "\\%c", c);
        break;

    case '\n':
        llm_buf_append(buf, "\\n", 2);
        break;

    case '\r':
        llm_buf_append(buf, "\\r", 2);
        break;

    case '\t':
        llm_buf_append(buf, "\\t", 2);
        break;

    default:
        llm_buf_printf(buf, "\\u%04x", c);
    }
}


void
llm_buf_dollars(llm_buf_t *buf, int64_t nanodollars)
{
    int       places;
    uint64_t  whole, part;

    /* in unsigned, where the smallest int64_t has its opposite */
    whole = (nanodollars < 0) ? 0 - (uint64_t) nanodollars
                              : (uint64_t) nanodollars;

    part = whole % 1000000000;
    whole /= 1000000000;

    llm_buf_printf(buf, "%s%" PRIu64, nanodollars < 0 ? "-" : "", whole);

    if (part == 0) {
        return;
    }

    for (places = 9; part % 10 == 0; places--) {
        part /= 10;
    }

    llm_buf_printf(buf, ".%0*" PRIu64, places, part);
}
