/*
 * The journal's segments as the background process has them: those of the
 * folder that is configured, of the one beside the store, and of folders that
 * were configured before.
 */

#ifndef NGX_HTTP_LLM_SEGMENTS_H
#define NGX_HTTP_LLM_SEGMENTS_H

#include "../ngx_http_llm.h"
#include "../store/journal/journal.h"


/* looks which segments there are; what is wrong with a folder is logged once,
 * and NGX_DECLINED: there may be more */
ngx_int_t ngx_http_llm_segments_look(ngx_http_llm_main_conf_t *lmcf,
    ngx_log_t *log);

/* another folder to look at from now on, until it is gone */
void ngx_http_llm_segments_folder(const char *dir, ngx_log_t *log);

/* the folders that are gone, one after another; NULL: no more.  The caller
 * frees it. */
char *ngx_http_llm_segments_gone(void);

/* all of them; valid until the next look */
llm_segment_t **ngx_http_llm_segments(unsigned *n);

/* bytes that are in the journal but not in the store yet; *most: of the segment
 * that has most of them */
uint64_t ngx_http_llm_segments_lag(uint64_t *most);

/* is there one that its process has left?  The next one may wait for it. */
ngx_uint_t ngx_http_llm_segments_left(void);

/* does a process that lives write for this epoch? */
ngx_uint_t ngx_http_llm_segments_alive(uint64_t epoch);

void ngx_http_llm_segments_close(void);


#endif /* NGX_HTTP_LLM_SEGMENTS_H */
