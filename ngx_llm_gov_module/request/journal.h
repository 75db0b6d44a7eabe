/*
 * What the files that write the journal share.
 */

#ifndef NGX_HTTP_LLM_JOURNAL_H
#define NGX_HTTP_LLM_JOURNAL_H

#include "request.h"
#include "../dialects/refusal_text.h"
#include "../store/journal/journal.h"


struct ngx_http_llm_segment_s {
    llm_journal_t      *journal;    /* NULL: none could be claimed */
    ngx_uint_t          under_way;  /* calls whose last record will be in it */
};


/* The one for new calls; NULL: there is none.  Once in a second it looks
 * whether its file is still there. */
ngx_http_llm_segment_t *ngx_http_llm_segment_get(void);

/* one call less is under way */
void ngx_http_llm_segment_done(ngx_http_llm_segment_t *segment);

/* calls go on where there is none */
ngx_uint_t ngx_http_llm_segment_optional(void);

/* there was no room; there is enough of it: logged when it changes */
void ngx_http_llm_segment_full(void);
void ngx_http_llm_segment_works(void);


/* what of the bodies is to be logged, right before the last record */
void ngx_http_llm_content_write(ngx_http_llm_ctx_t *ctx);


#endif /* NGX_HTTP_LLM_JOURNAL_H */
