/*
 * Decompression of what an upstream sends, by zlib.
 */

#include "inflate.h"

#include <stdlib.h>
#include <zlib.h>


#define LLM_INFLATE_PIECE  16384

/* 15: the largest window; 32: gzip or zlib, by the header */
#define LLM_INFLATE_BITS   (15 + 32)

/* what one call of zlib may be given */
#define LLM_INFLATE_MOST   ((size_t) 1 << 30)


struct llm_inflate_s {
    z_stream   stream;
    bool       failed;
    bool       ended;           /* a member ended; another may follow */
    char       out[LLM_INFLATE_PIECE];
};


static int llm_inflate_run(llm_inflate_t *ic,
    llm_inflate_sink_pt sink, void *ctx);


llm_inflate_t *
llm_inflate_create(void)
{
    llm_inflate_t  *ic;

    ic = malloc(sizeof(llm_inflate_t));

    if (ic == NULL) {
        return NULL;
    }

    memset(&ic->stream, 0, sizeof(ic->stream));
    ic->failed = false;
    ic->ended = false;

    if (inflateInit2(&ic->stream, LLM_INFLATE_BITS) != Z_OK) {
        free(ic);
        return NULL;
    }

    return ic;
}


void
llm_inflate_free(llm_inflate_t *ic)
{
    if (ic != NULL) {
        inflateEnd(&ic->stream);
        free(ic);
    }
}


int
llm_inflate_feed(llm_inflate_t *ic, const char *p, size_t len,
    llm_inflate_sink_pt sink, void *ctx)
{
    int     rc;
    size_t  part;

    rc = ic->failed ? LLM_ERROR : LLM_OK;

    while (len != 0 && rc == LLM_OK) {
        part = (len < LLM_INFLATE_MOST) ? len : LLM_INFLATE_MOST;

        ic->stream.next_in = (Bytef *) p;
        ic->stream.avail_in = (uInt) part;

        rc = llm_inflate_run(ic, sink, ctx);

        p += part;
        len -= part;
    }

    return rc;
}


/* until zlib has taken all and given all */
static int
llm_inflate_run(llm_inflate_t *ic, llm_inflate_sink_pt sink, void *ctx)
{
    int        rc, status;
    size_t     len;
    z_stream  *stream;

    stream = &ic->stream;

    do {
        /* RFC 1952: members simply follow each other */
        if (ic->ended) {
            if (stream->avail_in == 0) {
                return LLM_OK;
            }

            inflateReset(stream);
            ic->ended = false;
        }

        stream->next_out = (Bytef *) ic->out;
        stream->avail_out = LLM_INFLATE_PIECE;

        status = inflate(stream, Z_NO_FLUSH);

        /* Z_BUF_ERROR: nothing left to do with what is there */
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
        {
            ic->failed = true;
            return LLM_ERROR;
        }

        ic->ended = (status == Z_STREAM_END);
        len = LLM_INFLATE_PIECE - stream->avail_out;

        if (len != 0) {
            rc = sink(ic->out, len, ctx);

            if (rc != LLM_OK) {
                return rc;
            }
        }

    } while (stream->avail_in != 0 || stream->avail_out == 0);

    return LLM_OK;
}
