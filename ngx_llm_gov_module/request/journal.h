/*
 * What the files that write the journal share.
 */

#ifndef NGX_HTTP_LLM_JOURNAL_H
#define NGX_HTTP_LLM_JOURNAL_H

#include "request.h"
#include "../dialects/refusal_text.h"
#include "../store/journal.h"


/* this worker's; NULL: it has none just now */
llm_journal_t *ngx_http_llm_journal_get(void);

/* calls go on without it */
ngx_uint_t ngx_http_llm_journal_optional(void);

/* what of the bodies is to be logged, right before the last record */
void ngx_http_llm_content_write(ngx_http_llm_ctx_t *ctx);


#endif /* NGX_HTTP_LLM_JOURNAL_H */
