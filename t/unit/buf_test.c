/*
 * Buffers, and the texts that are written into them.
 */

#include "wire/buf.h"

#include "tap.h"

#include <stdlib.h>


static bool
holds(const llm_buf_t *buf, const char *want)
{
    return !buf->failed && buf->len == strlen(want)
           && (buf->len == 0 || memcmp(buf->data, want, buf->len) == 0);
}


static void
test_grow(void)
{
    size_t     i;
    llm_buf_t  buf;

    llm_buf_init(&buf, 10000);
    ok(holds(&buf, "") && buf.data == NULL, "starts with nothing");

    for (i = 0; i < 10000; i++) {
        llm_buf_append(&buf, &"abcdefghij"[i % 10], 1);
    }

    ok(!buf.failed && buf.len == 10000 && buf.data[9999] == 'j'
       && memcmp(buf.data + 5000, "abcdefghij", 10) == 0, "grows");

    llm_buf_append(&buf, NULL, 0);
    ok(!buf.failed, "nothing fits when full");

    llm_buf_append(&buf, "x", 1);
    ok(buf.failed && buf.len == 10000, "over the limit");

    buf.len = 0;
    llm_buf_append(&buf, "x", 1);
    ok(buf.failed && buf.len == 0, "once failed, always");

    llm_buf_free(&buf);
    llm_buf_append(&buf, "x", 1);
    ok(holds(&buf, "x"), "free makes it new, with its limit");
    llm_buf_free(&buf);

    llm_buf_init(&buf, 0);
    llm_buf_append(&buf, "x", 1);
    ok(buf.failed, "no limit means no room");
    llm_buf_free(&buf);
}


static void
test_printf(void)
{
    char       long_text[1001];
    llm_buf_t  buf;

    memset(long_text, 'y', 1000);
    long_text[1000] = '\0';

    llm_buf_init(&buf, 2000);
    llm_buf_printf(&buf, "%s", "");
    llm_buf_printf(&buf, "%d %.*s", 42, 2, "abc");
    ok(holds(&buf, "42 ab"), "printf");

    llm_buf_printf(&buf, "%s", long_text);
    ok(buf.len == 1005 && buf.data[1004] == 'y', "a long one");

    llm_buf_printf(&buf, "%s", long_text);
    ok(buf.failed && buf.len == 1005, "one too long");
    llm_buf_free(&buf);

    llm_buf_init(&buf, 5);
    llm_buf_printf(&buf, "%s", "12345");
    ok(holds(&buf, "12345"), "just fits");
    llm_buf_free(&buf);
}


static void
json(const char *text, size_t len, const char *want)
{
    char      *copy;
    llm_buf_t  buf;

    copy = malloc(len + (len == 0));
    memcpy(copy, text, len);

    llm_buf_init(&buf, 1000);
    llm_buf_json_string(&buf, (llm_str_t) { copy, len });
    ok(holds(&buf, want), "JSON string %s", want);
    llm_buf_free(&buf);
    free(copy);
}


#define FFFD  "\xef\xbf\xbd"


static void
test_json(void)
{
    json("", 0, "\"\"");
    json("abc", 3, "\"abc\"");
    json("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
    json("\n\r\t\b\0\x1f\x7f", 7,
         "\"\\n\\r\\t\\u0008\\u0000\\u001f\x7f\"");
    json("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9,
         "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    json("a\xff" "b", 3, "\"a" FFFD "b\"");
    json("\xe2\x82", 2, "\"" FFFD "\"");
    json("\xe2\x82" "x", 3, "\"" FFFD "x\"");
    json("\xed\xa0\x80", 3, "\"" FFFD FFFD FFFD "\"");
    json("\xc0\xaf", 2, "\"" FFFD FFFD "\"");
    json("\xf0\x9f\x98\"", 4, "\"" FFFD "\\\"\"");
}


static void
dollars(int64_t n, const char *want)
{
    llm_buf_t  buf;

    llm_buf_init(&buf, 100);
    llm_buf_dollars(&buf, n);
    ok(holds(&buf, want), "%s dollars", want);
    llm_buf_free(&buf);
}


int
main(void)
{
    test_grow();
    test_printf();
    test_json();

    dollars(0, "0");
    dollars(1, "0.000000001");
    dollars(1500000, "0.0015");
    dollars(1000000000, "1");
    dollars(1200000000, "1.2");
    dollars(123456789012, "123.456789012");
    dollars(-1500000, "-0.0015");
    dollars(INT64_MAX, "9223372036.854775807");
    dollars(INT64_MIN, "-9223372036.854775808");

    return plan_done();
}
