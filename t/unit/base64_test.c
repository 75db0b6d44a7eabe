/*
 * Base64: RFC 4648's own vectors, every length, and what is none.
 */

#include "wire/base64.h"

#include "tap.h"

#include <stdlib.h>


static void
pair(const char *plain, const char *coded)
{
    char       out[64];
    size_t     len;
    llm_str_t  s;

    s.data = plain;
    s.len = strlen(plain);
    len = llm_base64_encode(s, out);

    ok(len == strlen(coded) && memcmp(out, coded, len) == 0
       && len == llm_base64_encoded_size(s.len), "encode to %s", coded);

    s.data = coded;
    s.len = strlen(coded);
    len = (size_t) llm_base64_decode(s, out);

    ok(len == strlen(plain) && memcmp(out, plain, len) == 0, "decode %s",
       coded);

    while (s.len != 0 && coded[s.len - 1] == '=') {
        s.len--;
    }

    len = (size_t) llm_base64_decode(s, out);
    ok(len == strlen(plain) && memcmp(out, plain, len) == 0
       && len <= llm_base64_decoded_size(s.len), "decode %s without padding",
       coded);
}


static void
bad(const char *coded)
{
    char      *out;
    llm_str_t  s;

    s.data = coded;
    s.len = strlen(coded);
    out = malloc(llm_base64_decoded_size(s.len) + 1);

    ok(llm_base64_decode(s, out) == -1, "refuse %s", coded);
    free(out);
}


static void
test_lengths(void)
{
    int        good;
    char      *plain, *coded;
    long       back;
    size_t     i, len;
    llm_str_t  s;

    for (good = 0, len = 0; len < 200; len++) {
        plain = malloc(len + 1);
        coded = malloc(llm_base64_encoded_size(len) + 1);

        for (i = 0; i < len; i++) {
            plain[i] = (char) (i * 37 + len * 11);
        }

        s.data = plain;
        s.len = len;
        s.len = llm_base64_encode(s, coded);
        s.data = coded;

        /* in place */
        back = llm_base64_decode(s, coded);
        good += back == (long) len && memcmp(plain, coded, len) == 0;

        free(plain);
        free(coded);
    }

    ok(good == 200, "there and back in place, every length to 200");
}


int
main(void)
{
    pair("", "");
    pair("f", "Zg==");
    pair("fo", "Zm8=");
    pair("foo", "Zm9v");
    pair("foob", "Zm9vYg==");
    pair("fooba", "Zm9vYmE=");
    pair("foobar", "Zm9vYmFy");
    pair("\xff\xfe\xfd\xfb\xef\xbe", "//79++++");

    bad("Z");
    bad("Zg=");
    bad("Zm9vY");
    bad("Zm9vYg=");
    bad("Zg===");
    bad("====");
    bad("=");
    bad("==");
    bad("Z===");
    bad("Zm=v");
    bad("Zm9v=mFy");
    bad("Zm 9");
    bad("Zm9\n");
    bad("Zm-_");
    bad("Zm9\x80");

    test_lengths();

    return plan_done();
}
