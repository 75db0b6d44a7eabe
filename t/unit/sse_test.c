/*
 * Server-sent events: every rule of the specification, however the bytes are
 * cut.
 */

#include "wire/sse.h"

#include "tap.h"
#include "vectors.h"


typedef struct {
    llm_buf_t   said;
    int         events;
    int         stop_at;
} log_t;


static int
on_event(llm_str_t event, llm_str_t data, void *ctx)
{
    log_t  *log = ctx;

    llm_buf_str(&log->said, event);
    llm_buf_append(&log->said, "=", 1);
    llm_buf_str(&log->said, data);
    llm_buf_append(&log->said, "|", 1);

    return (++log->events == log->stop_at) ? 77 : LLM_OK;
}


static int
feed(log_t *log, const char *text, size_t len, size_t cut, size_t piece,
    size_t max)
{
    int         rc;
    char       *copy;
    size_t      i, n;
    llm_sse_t   sse;

    llm_buf_init(&log->said, 1000000);
    log->events = 0;
    llm_sse_init(&sse, max);
    rc = LLM_OK;

    for (i = 0; i < len && rc == LLM_OK; i += n) {
        n = (i < cut) ? cut - i : len - i;
        n = (n < piece) ? n : piece;

        copy = malloc(n);
        memcpy(copy, text + i, n);
        rc = llm_sse_feed(&sse, copy, n, on_event, log);
        free(copy);
    }

    if (rc == LLM_ERROR) {
        rc = llm_sse_feed(&sse, "\n\ndata: x\n\n", 11, on_event, log);
    }

    llm_sse_free(&sse);

    return rc;
}


static void
check(const char *name, const char *text, size_t len, const char *want,
    size_t max, int rc)
{
    bool     same;
    log_t    log;
    size_t   cut;

    memset(&log, 0, sizeof(log));

    for (same = true, cut = 0; cut <= len && same; cut++) {
        same = feed(&log, text, len, cut, cut ? len : 1, max) == rc
               && log.said.len == strlen(want)
               && (log.said.len == 0
                   || memcmp(log.said.data, want, log.said.len) == 0);

        if (!same) {
            printf("# cut at %zu: %.*s\n", cut, (int) log.said.len,
                   log.said.data);
        }

        llm_buf_free(&log.said);
    }

    ok(same, "%s", name);
}


#define good(name, text, want)  \
    check(name, text, sizeof(text) - 1, want, 1000, LLM_OK)


static void
test_good(void)
{
    good("nothing", "", "");
    good("data", "data: x\n\n", "=x|");
    good("event and data", "event: ping\ndata: {\"a\": 1}\n\n",
         "ping={\"a\": 1}|");
    good("no space", "event:a\ndata:b\n\n", "a=b|");
    good("one space of two", "data:  b\n\n", "= b|");
    good("CRLF", "event: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", "a=b|=c|");
    good("CR", "event: a\rdata: b\r\rdata: c\r\r", "a=b|=c|");
    good("mixed", "event: a\rdata: b\ndata: c\r\n\rdata: d\n\r\n",
         "a=b\nc|=d|");
    good("lines of data", "data: a\ndata\ndata:\ndata: b\n\n", "=a\n\n\nb|");
    good("an empty line of data", "data\n\n", "=|");
    good("two empty ones", "data:\ndata:\n\n", "=\n|");
    good("no data", "event: a\n\ndata: b\n\n", "=b|");
    good("comments", ": hi\n\n:\ndata: a\n: x\ndata: b\n\n", "=a\nb|");
    good("id, retry, unknown", "id: 1\nretry: 2\nfoo: 3\nfoo\ndata: a\n\n",
         "=a|");
    good("names are exact", "Data: a\ndata : b\n data: c\ndata: d\n\n",
         "=d|");
    good("the last event wins", "event: a\nevent: b\ndata: x\n\n", "b=x|");
    good("an event without its end", "data: a\n\ndata: b\n", "=a|");
    good("a BOM", "\xef\xbb\xbf" "data: a\n\n", "=a|");
    good("a second BOM", "\xef\xbb\xbf\xef\xbb\xbf" "data: a\n\ndata: b\n\n",
         "=b|");
    good("a BOM later", "data: a\n\xef\xbb\xbf" "data: b\n\n", "=a|");
    good("colons in data", "data: a: b:c\n\n", "=a: b:c|");
    good("openai", "data: {\"x\":1}\n\ndata: [DONE]\n\n",
         "={\"x\":1}|=[DONE]|");
    good("a name of 65", "event: 0123456789012345678901234567890123456789"
         "0123456789012345678901234\ndata: a\n\n",
         "0123456789012345678901234567890123456789"
         "012345678901234567890123=a|");
}


static void
test_limits(void)
{
    check("data of just the size", "data: 0123456789\n\n", 18, "=0123456789|",
          10, LLM_OK);
    check("longer data", "data: 01234567890\n\n", 19, "", 10, LLM_ERROR);
    check("two lines of just the size", "data:01234\ndata:6789\n\n", 22,
          "=01234\n6789|", 10, LLM_OK);
    check("two lines, longer", "data:01234\ndata:67890\n\n", 23, "", 10,
          LLM_ERROR);
    check("a long comment",
          ":2345678901234567890123456789\ndata: a\n\n", 40, "", 10, LLM_ERROR);
    check("what came before", "data: a\n\ndata: 01234567890\n\n", 28, "=a|",
          10, LLM_ERROR);
}


static void
test_stop(void)
{
    log_t      log;
    llm_sse_t  sse;

    memset(&log, 0, sizeof(log));
    log.stop_at = 2;
    llm_buf_init(&log.said, 1000);
    llm_sse_init(&sse, 1000);

    ok(llm_sse_feed(&sse, "data: a\n\ndata: b\n\ndata: c\n\n", 27, on_event,
                    &log) == 77 && log.events == 2, "the handler stops");
    ok(llm_sse_feed(&sse, NULL, 0, on_event, &log) == LLM_OK, "no bytes");

    llm_sse_free(&sse);
    llm_buf_free(&log.said);
}


static void
sample(const char *name)
{
    int        i;
    log_t      whole, other;
    llm_str_t  text;

    static const char *const  files[] = { "response.sse", "response.txt" };

    memset(&whole, 0, sizeof(whole));
    memset(&other, 0, sizeof(other));

    for (i = 0; i < 2; i++) {
        text = vector_read("samples/%s/%s", name, files[i]);

        if (text.data == NULL) {
            continue;
        }

        feed(&whole, text.data, text.len, text.len, text.len, 1000000);
        feed(&other, text.data, text.len, 0, 1, 1000000);

        ok(whole.events > 0 && whole.events == other.events
           && whole.said.len == other.said.len
           && memcmp(whole.said.data, other.said.data, other.said.len) == 0,
           "%s: %d events", name, whole.events);

        llm_buf_free(&whole.said);
        llm_buf_free(&other.said);
        vector_free(text);
    }
}


int
main(void)
{
    test_good();
    test_limits();
    test_stop();

    vector_list("samples", sample);

    return plan_done();
}
