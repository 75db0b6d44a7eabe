/*
 * The JSON scanner: what is JSON and what is not, and that tokens are the
 * same however the bytes are cut.
 */

#include "wire/json.h"

#include "tap.h"
#include "vectors.h"

#include <zlib.h>


/* all that a run of the scanner said, in one text */
typedef struct {
    char    *text;
    size_t   len;
    size_t   size;
    int      tokens;
    int      stop_at;           /* token after which the handler stops */
} record_t;


static void
record(record_t *r, const char *data, size_t len)
{
    if (r->size - r->len < len) {
        r->size = (r->size + len) * 2;
        r->text = realloc(r->text, r->size);
    }

    if (len != 0) {
        memcpy(r->text + r->len, data, len);
        r->len += len;
    }
}


static int
on_token(llm_json_t *json, const llm_json_token_t *token, void *data)
{
    int         n;
    char        head[200];
    llm_str_t   key;
    record_t   *r;

    r = data;
    key = llm_json_key(json);

    n = snprintf(head, sizeof(head), "%d@%u %llu-%llu-%llu %llu%s ",
                 token->type, json->depth, (unsigned long long) token->member,
                 (unsigned long long) token->start,
                 (unsigned long long) token->end,
                 (unsigned long long) token->len, token->escaped ? "\\" : "");

    record(r, head, (size_t) n);
    record(r, key.data, key.len);
    record(r, "=", 1);

    /* what is over the scratch's size depends on the pieces */
    record(r, token->text.data,
           token->text.len < LLM_JSON_SCRATCH ? token->text.len
                                              : LLM_JSON_SCRATCH);
    record(r, "\n", 1);

    if (json->offset != token->end || token->len < token->text.len
        || token->truncated != (token->len > token->text.len))
    {
        record(r, "BAD\n", 4);
    }

    return (++r->tokens == r->stop_at) ? 77 : LLM_OK;
}


/* cut in two at `cut`, and then in pieces of `piece` */
static int
scan(record_t *r, const char *text, size_t len, size_t cut, size_t piece)
{
    int          rc;
    char        *copy, end[100];
    size_t       i, n;
    llm_json_t   json;

    memset(r, 0, sizeof(*r));

    /* what is not written must not be read */
    memset(&json, 0xa5, sizeof(json));

    llm_json_init(&json, on_token, r);
    rc = LLM_OK;

    for (i = 0; i < len && rc == LLM_OK; i += n) {
        n = (i < cut) ? cut - i : len - i;
        n = (n < piece) ? n : piece;

        copy = malloc(n);
        memcpy(copy, text + i, n);
        rc = llm_json_feed(&json, copy, n);
        free(copy);
    }

    if (rc == LLM_OK) {
        rc = llm_json_finish(&json);
    }

    n = (size_t) snprintf(end, sizeof(end), "%d %s at %llu\n", rc,
                          json.error ? json.error : "",
                          (unsigned long long) json.offset);
    record(r, end, n);

    return rc;
}


/* every cut in two, and 1-byte pieces */
static bool
same_cuts(const char *text, size_t len, int want)
{
    int       rc;
    bool      same;
    size_t    cut;
    record_t  whole, other;

    rc = scan(&whole, text, len, len, len + 1);
    same = (rc == want);

    for (cut = 0; cut <= len; cut++) {
        scan(&other, text, len, cut, cut ? len + 1 : 1);

        if (other.len != whole.len
            || memcmp(other.text, whole.text, whole.len) != 0)
        {
            same = false;
            printf("# cut at %zu\n# %.*s# %.*s", cut, (int) whole.len,
                   whole.text, (int) other.len, other.text);
        }

        free(other.text);
    }

    free(whole.text);

    return same;
}


static void
test_good(void)
{
    size_t  i;

    static const char *const  good[] = {
        "0", "-0", "12", "-1.5e+10", "0.0", "1E5", "1e-5", "0e0", "true",
        "false", "null", "\"\"", "\"abc\"", "{}", "[]", " [ ] ", "\t{\r\n}\n",
        "[1,2,3]", "[[],[[]],{}]", "{\"a\":1}", "{\"a\":{\"b\":[1,{}]},"
        "\"c\":\"d\"}", "[true,false,null,0]", "{\"\":\"\"}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00\"",
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "\"\x7f\"",
        "\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\"",
        "{\"k\\u0065y\" : [ \"long enough to be passed by the word\" , "
        "\"and one with \xe2\x82\xac in it and more after it\" ] }",
        "{\"a\":1,\"a\":2}", "\"\\ud800\"", "[0,-0.0,1e0]",
        "{\"a\":{},\"b\":[],\"c\":null,\"d\":[{\"e\":1},{\"e\":2}]}"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ok(same_cuts(good[i], strlen(good[i]), LLM_OK), "good %zu", i);
    }
}


static void
test_bad(void)
{
    size_t  i;

    static const char *const  bad[] = {
        "", " ", "01", "-", "+1", "1.", ".5", "1e", "1e+", "-a", "0x1", "1.e1",
        "00", "-01", "NaN", "Infinity", "tru", "True", "truee", "nul", "nulll",
        "trux", "[falsy]", "{\"a\":nil}", "[t]",
        "{", "}", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}", "{\"a\" 1}", "{1:2}",
        "{,}", "[1}", "{\"a\":1]", "\"", "\"a", "\"\\\"", "\"\\x\"",
        "\"\\u12\"", "\"\\u12g4\"", "\"\\U0041\"", "\"a\nb\"", "\"\t\"",
        "\"\x01\"", "\"a\x1f\"", "1 2", "{} {}", "\"a\" b", "\xef\xbb\xbf{}",
        "\"\x80\"", "\"\xc0\x80\"", "\"\xc3\"", "\"\xc3(\"", "\"\xe0\x80\x80\"",
        "\"\xed\xa0\x80\"", "\"\xf0\x80\x80\x80\"", "\"\xf4\x90\x80\x80\"",
        "\"\xf5\x80\x80\x80\"", "\"\xff\"", "\"\xe2\x82\"", "{\"\xff\":1}",
        "// c\n1", "[1,/* */2]", "\v1", "\f1", "\xc2\xa0[]", "{\"a\":1}x",
        "[\"a\",\n\"b\\q\"]", "\"12345678\x01\"", "\"1234567890123456\n\""
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(same_cuts(bad[i], strlen(bad[i]), LLM_ERROR), "bad %zu", i);
    }

    ok(same_cuts("\"a\0b\"", 5, LLM_ERROR), "a NUL in a string");
    ok(same_cuts("1\0", 2, LLM_ERROR), "a NUL after a value");
    ok(same_cuts("\"\\\0\"", 4, LLM_ERROR), "a NUL escaped");
}


static void
test_depth(void)
{
    char  text[2 * LLM_JSON_MAX_DEPTH + 2];
    int   n;

    n = LLM_JSON_MAX_DEPTH;
    memset(text, '[', (size_t) n);
    memset(text + n, ']', (size_t) n);
    ok(same_cuts(text, (size_t) n * 2, LLM_OK), "%d deep", n);

    n++;
    memset(text, '[', (size_t) n);
    memset(text + n, ']', (size_t) n);
    ok(same_cuts(text, (size_t) n * 2, LLM_ERROR), "%d deep", n);
}


static void
test_long(void)
{
    char    text[2000], *p;
    size_t  n;

    /* around the size of the scratch */
    for (n = LLM_JSON_SCRATCH - 2; n < LLM_JSON_SCRATCH + 3; n++) {
        p = text;
        p += sprintf(p, "{\"k\":\"");
        memset(p, 'x', n);
        p += n;
        p += sprintf(p, "\",\"m\":1}");
        ok(same_cuts(text, (size_t) (p - text), LLM_OK), "string of %zu", n);

        p = text;
        *p++ = '[';
        memset(p, '7', n);
        p += n;
        *p++ = ']';
        ok(same_cuts(text, (size_t) (p - text),
                     n <= LLM_JSON_SCRATCH ? LLM_OK : LLM_ERROR),
           "number of %zu digits", n);

        p = text;
        p += sprintf(p, "{\"");
        memset(p, 'k', n);
        p += n;
        p += sprintf(p, "\":1}");
        ok(same_cuts(text, (size_t) (p - text), LLM_OK), "key of %zu", n);
    }
}


typedef struct {
    const char  *path;
    int          hits;
    bool         escaped_key;
} at_t;


static int
on_at(llm_json_t *json, const llm_json_token_t *token, void *data)
{
    at_t  *at = data;

    if (token->type != LLM_JSON_OBJECT_END
        && token->type != LLM_JSON_ARRAY_END)
    {
        at->hits += llm_json_at(json, at->path);
    }

    return LLM_OK;
}


static void
at(const char *text, size_t len, const char *path, int want)
{
    size_t      i;
    at_t        whole, bytes;
    llm_json_t  json;

    memset(&whole, 0, sizeof(whole));
    whole.path = path;
    bytes = whole;

    llm_json_scan(text, len, on_at, &whole);

    llm_json_init(&json, on_at, &bytes);

    for (i = 0; i < len; i++) {
        llm_json_feed(&json, text + i, 1);
    }

    ok(whole.hits == want && bytes.hits == want, "%d of %s", want, path);
}


static void
test_at(void)
{
    char               key[80], text[200];
    static const char  json[] =
        "{\"model\":\"m\",\"messages\":[{\"content\":[{\"type\":1},"
        "{\"type\":2}]},{\"content\":\"x\"},7],\"us\\u0061ge\":{\"in\":1},"
        "\"usage.in\":2,\"messages[]\":3,\"a\\u0000b\":4,\"\":5,"
        "\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{\"i\":"
        "{\"j\":{\"k\":1}}}}}}}}}}}";

#define in_json(path, want)  at(json, sizeof(json) - 1, path, want)

    in_json("", 1);
    in_json("model", 1);
    in_json("mode", 0);
    in_json("models", 0);
    in_json("messages", 1);
    in_json("messages[]", 3);
    in_json("messages[].content", 2);
    in_json("messages[].content[]", 2);
    in_json("messages[].content[].type", 2);
    in_json("messages[].content[].typ", 0);
    in_json("messages.content", 0);
    in_json("usage.in", 1);
    in_json("usage", 1);
    in_json("a", 1);
    in_json("a.b.c.d.e.f.g.h.i.j", 1);
    in_json("a.b.c.d.e.f.g.h.i.j.k", 0);
    in_json(".", 0);
    in_json("[]", 0);

    at("[1,[2,3],{\"a\":4}]", 18, "[]", 3);
    at("[1,[2,3],{\"a\":4}]", 18, "[][]", 2);
    at("[1,[2,3],{\"a\":4}]", 18, "[].a", 1);

    memset(key, 'k', sizeof(key));
    key[LLM_JSON_KEY_SIZE] = '\0';
    sprintf(text, "{\"%s\":1}", key);
    at(text, strlen(text), key, 1);

    key[LLM_JSON_KEY_SIZE] = 'k';
    key[LLM_JSON_KEY_SIZE + 1] = '\0';
    sprintf(text, "{\"%s\":1}", key);
    at(text, strlen(text), key, 0);
}


static void
test_stop(void)
{
    int          rc;
    record_t     r;
    llm_json_t   json;

    memset(&r, 0, sizeof(r));
    r.stop_at = 3;
    llm_json_init(&json, on_token, &r);

    rc = llm_json_feed(&json, "{\"a\":1,\"b\":2,\"c\":3}", 19);
    ok(rc == 77 && r.tokens == 3 && json.offset == 12 && json.depth == 1,
       "the handler stops the scan");

    rc = llm_json_feed(&json, ",\"c\":3}", 7);
    ok(rc == LLM_OK && llm_json_finish(&json) == LLM_OK && r.tokens == 5,
       "and may go on from json->offset");
    free(r.text);

    memset(&r, 0, sizeof(r));
    llm_json_init(&json, on_token, &r);
    ok(llm_json_feed(&json, "[1;", 3) == LLM_ERROR && json.offset == 2
       && llm_json_feed(&json, "]", 1) == LLM_ERROR
       && llm_json_finish(&json) == LLM_ERROR, "an error stays");
    ok(llm_json_feed(&json, NULL, 0) == LLM_ERROR, "nothing fed");
    free(r.text);
}


static void
unescape(const char *text, const char *want, long len)
{
    char       out[100];
    long       n;
    llm_str_t  s;

    s.data = text;
    s.len = strlen(text);

    n = llm_json_unescape(s, out, sizeof(out));
    ok(n == len && (n < 0 || memcmp(out, want, (size_t) n) == 0),
       "unescape to %ld", len);

    memcpy(out, text, s.len);
    s.data = out;
    n = llm_json_unescape(s, out, s.len);
    ok(n == len && (n < 0 || memcmp(out, want, (size_t) n) == 0),
       "in place");
}


static void
test_unescape(void)
{
    char  out[4];

    unescape("", "", 0);
    unescape("abc", "abc", 3);
    unescape("a\\\"\\\\\\/\\b\\f\\n\\r\\tz", "a\"\\/\b\f\n\r\tz", 10);
    unescape("\\u0041\\u00e9\\u20ac", "A\xc3\xa9\xe2\x82\xac", 6);
    unescape("\\ud83d\\uDE00!", "\xf0\x9f\x98\x80!", 5);
    unescape("\\ud83d", "\xef\xbf\xbd", 3);
    unescape("\\ud83dx", "\xef\xbf\xbdx", 4);
    unescape("\\ude00\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd", 6);
    unescape("\\ud83d\\u0041", "\xef\xbf\xbd" "A", 4);
    unescape("\\u0000", "\0", 1);
    unescape("\\", "", -1);
    unescape("a\\x", "", -1);
    unescape("\\u12", "", -1);
    unescape("\\u12g4", "", -1);
    unescape("\\ud83d\\u12", "", -1);

    ok(llm_json_unescape(llm_str("abcd"), out, 4) == 4, "just fits");
    ok(llm_json_unescape(llm_str("abcde"), out, 4) == -1, "does not fit");
    ok(llm_json_unescape(llm_str("ab\\u20ac"), out, 4) == -1,
       "does not fit either");
}


static void
count(const char *text, int64_t want)
{
    int64_t           n;
    llm_json_token_t  token;

    memset(&token, 0, sizeof(token));
    token.type = LLM_JSON_NUMBER;
    token.text.data = text;
    token.text.len = strlen(text);

    n = llm_json_count(&token);
    ok(n == want, "count of %.40s: %lld", text, (long long) n);
}


static void
test_count(void)
{
    llm_json_token_t  token;

    count("0", 0);
    count("28", 28);
    count("28.0", 28);
    count("2.8e1", 28);
    count("2.8E+1", 28);
    count("280e-1", 28);
    count("28.9", 28);
    count("0.9", 0);
    count("99e-3", 0);
    count("0.0028e4", 28);
    count("0e999999999999999999999", 0);
    count("0.0e999999999", 0);
    count("1e-999999999999999999999", 0);
    count("1e999999999999999999999", -1);
    count("1.5e3", 1500);
    count("1e18", 1000000000000000000);
    count("1e19", -1);
    count("9223372036854775807", INT64_MAX);
    count("9223372036854775808", -1);
    count("92233720368547758070e-1", INT64_MAX);
    count("-1", -1);
    count("-0.5", -1);

    memset(&token, 0, sizeof(token));
    token.type = LLM_JSON_STRING;
    token.text = llm_str("12");
    ok(llm_json_count(&token) == -1, "a string is no count");
}


/* recorded answers, by the byte as whole */
static void
sample(const char *name)
{
    int        rc;
    size_t     i;
    record_t   whole, bytes;
    llm_str_t  text;

    static const char *const  files[] = { "request.json", "response.json" };

    for (i = 0; i < 2; i++) {
        text = vector_read("samples/%s/%s", name, files[i]);

        if (text.data == NULL) {
            continue;
        }

        rc = scan(&whole, text.data, text.len, text.len, text.len);
        scan(&bytes, text.data, text.len, 0, 1);

        ok(rc == LLM_OK && whole.len == bytes.len
           && memcmp(whole.text, bytes.text, whole.len) == 0, "%s/%s", name,
           files[i]);

        free(whole.text);
        free(bytes.text);
        vector_free(text);
    }
}


int
main(void)
{
    test_good();
    test_bad();
    test_depth();
    test_long();
    test_at();
    test_stop();
    test_unescape();
    test_count();

    vector_list("samples", sample);

    return plan_done();
}
