/*
 * Decompression: gzip and zlib, several members, any pieces, broken data.
 */

#include "wire/buf.h"
#include "wire/inflate.h"

#include "tap.h"

#include <stdlib.h>
#include <zlib.h>


#define PLAIN  100000


static int
collect(const char *p, size_t len, void *ctx)
{
    llm_buf_t  *out = ctx;

    if (len > 16384 || len == 0) {
        return 78;
    }

    llm_buf_append(out, p, len);

    return out->failed ? 77 : LLM_OK;
}


/* bits: 15 zlib, 31 gzip, -15 neither */
static size_t
pack(const char *plain, size_t len, char *out, size_t size, int bits)
{
    z_stream  z;

    memset(&z, 0, sizeof(z));
    deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY);
    z.next_in = (Bytef *) plain;
    z.avail_in = (uInt) len;
    z.next_out = (Bytef *) out;
    z.avail_out = (uInt) size;
    deflate(&z, Z_FINISH);
    deflateEnd(&z);

    return z.total_out;
}


static int
unpack(const char *p, size_t len, size_t piece, llm_buf_t *out)
{
    int             rc;
    char           *copy;
    size_t          i, n;
    llm_inflate_t  *inflate;

    rc = LLM_OK;
    inflate = llm_inflate_create();

    for (i = 0; i < len && rc == LLM_OK; i += n) {
        n = (len - i < piece) ? len - i : piece;
        copy = malloc(n);
        memcpy(copy, p + i, n);
        rc = llm_inflate_feed(inflate, copy, n, collect, out);
        free(copy);
    }

    if (rc == LLM_ERROR
        && llm_inflate_feed(inflate, p, len, collect, out) != LLM_ERROR)
    {
        rc = 79;
    }

    llm_inflate_free(inflate);

    return rc;
}


static void
round_trip(const char *name, const char *plain, size_t plain_len,
    const char *packed, size_t len)
{
    size_t     i;
    llm_buf_t  out;

    static const size_t  pieces[] = { 1 << 30, 7, 1 };

    for (i = 0; i < 3; i++) {
        llm_buf_init(&out, 10 * PLAIN);
        ok(unpack(packed, len, pieces[i], &out) == LLM_OK
           && out.len == plain_len
           && memcmp(out.data, plain, plain_len) == 0, "%s by %zu", name,
           pieces[i]);
        llm_buf_free(&out);
    }
}


int
main(void)
{
    char        plain[PLAIN], *packed;
    size_t      i, len;
    llm_buf_t   out;

    packed = malloc(2 * PLAIN);

    for (i = 0; i < PLAIN; i++) {
        plain[i] = (char) ('a' + (i * i / 7 + i % 13) % 26);
    }

    len = pack(plain, PLAIN, packed, 2 * PLAIN, 31);
    round_trip("gzip", plain, PLAIN, packed, len);

    /* the check at its end */
    packed[len - 6] ^= 1;
    llm_buf_init(&out, 10 * PLAIN);
    ok(unpack(packed, len, 1 << 30, &out) == LLM_ERROR, "a wrong CRC");
    llm_buf_free(&out);

    len = pack(plain, PLAIN, packed, 2 * PLAIN, 15);
    round_trip("zlib", plain, PLAIN, packed, len);

    /* which fills a piece to the last byte */
    len = pack(plain, 16384, packed, 2 * PLAIN, 31);
    round_trip("16 kB", plain, 16384, packed, len);

    len = pack(plain, 1000, packed, 2 * PLAIN, 31);
    len += pack(plain + 1000, 500, packed + len, 2 * PLAIN - len, 31);
    round_trip("two members", plain, 1500, packed, len);

    llm_buf_init(&out, 10 * PLAIN);
    ok(unpack("{\"not\":\"packed\"}", 16, 1 << 30, &out) == LLM_ERROR,
       "what is not packed");
    ok(unpack(packed, len - 20, 1 << 30, &out) == LLM_OK, "cut off");
    llm_buf_free(&out);

    llm_buf_init(&out, 500);
    ok(unpack(packed, len, 1 << 30, &out) == 77, "what the sink returns");
    llm_buf_free(&out);

    /* a bomb comes out in pieces, and its sink stops it */
    memset(plain, 0, PLAIN);
    len = pack(plain, PLAIN, packed, 2 * PLAIN, 31);
    llm_buf_init(&out, 40000);
    ok(unpack(packed, len, 1 << 30, &out) == 77 && out.len == 2 * 16384,
       "a bomb");
    llm_buf_free(&out);

    free(packed);
    llm_inflate_free(NULL);

    return plan_done();
}
