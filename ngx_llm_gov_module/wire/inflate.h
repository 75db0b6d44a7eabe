/*
 * Streaming gunzip (RFC 1952, zlib) for upstreams that answer compressed
 * although they were asked not to.
 */

#ifndef LLM_INFLATE_H
#define LLM_INFLATE_H

#include "str.h"


typedef struct llm_inflate_s  llm_inflate_t;

typedef int (*llm_inflate_sink_pt)(const char *p, size_t len, void *ctx);


/* NULL if there is no memory */
llm_inflate_t *llm_inflate_create(void);
void llm_inflate_free(llm_inflate_t *inflate);

/* decompresses and hands pieces of at most 16 kB to the sink; LLM_ERROR for
 * broken data, else what the sink returned */
int llm_inflate_feed(llm_inflate_t *inflate, const char *p, size_t len,
    llm_inflate_sink_pt sink, void *ctx);


#endif /* LLM_INFLATE_H */
