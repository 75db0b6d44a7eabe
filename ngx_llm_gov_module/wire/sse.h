/*
 * Server-sent events, read in pieces of any size (WHATWG HTML, section 9.2.6
 * "Interpreting an event stream"): LF, CR and CRLF, comments, multi-line data.
 */

#ifndef LLM_SSE_H
#define LLM_SSE_H

#include "buf.h"


typedef struct {
    llm_buf_t   line;
    llm_buf_t   data;
    char        event[64];
    size_t      event_len;
    bool        last_cr;
    bool        has_data;
    bool        started;        /* past the first line, and a BOM in it */
} llm_sse_t;


/* one event; event is empty where the stream gave no name, and cut to 64 bytes
 * where that is longer; both are good until the handler returns */
typedef int (*llm_sse_handler_pt)(llm_str_t event, llm_str_t data, void *ctx);


/* max_event: bytes of data in one event, more is LLM_ERROR */
void llm_sse_init(llm_sse_t *sse, size_t max_event);
void llm_sse_free(llm_sse_t *sse);

/* LLM_OK, LLM_ERROR (and ever after), or what the handler returned if that was
 * not LLM_OK: the rest of the bytes is then lost.  An event is handed out at
 * the empty line that ends it. */
int llm_sse_feed(llm_sse_t *sse, const char *p, size_t len,
    llm_sse_handler_pt handler, void *ctx);


#endif /* LLM_SSE_H */
