/*
 * Lines for the error log from a thread that must not touch it: queued, and
 * written by the process's main thread.
 */

#ifndef NGX_HTTP_LLM_NOTES_H
#define NGX_HTTP_LLM_NOTES_H

#include "../ngx_http_llm.h"

#include <pthread.h>


#define NGX_HTTP_LLM_NOTES      64
#define NGX_HTTP_LLM_NOTE_SIZE  640


typedef struct {
    ngx_uint_t        level;
    char              text[NGX_HTTP_LLM_NOTE_SIZE];
} ngx_http_llm_note_t;


typedef struct {
    pthread_mutex_t       mutex;
    ngx_uint_t            n;
    ngx_uint_t            lost;         /* when the queue was full */
    ngx_http_llm_note_t   notes[NGX_HTTP_LLM_NOTES];
} ngx_http_llm_notes_t;


void ngx_http_llm_notes_init(ngx_http_llm_notes_t *notes);

/* printf(3), not nginx's; from any thread */
void ngx_http_llm_note(ngx_http_llm_notes_t *notes, ngx_uint_t level,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* writes and forgets what is queued; from the main thread */
void ngx_http_llm_notes_log(ngx_http_llm_notes_t *notes, ngx_log_t *log);


/* milliseconds since the epoch: nginx's own clock belongs to its main thread */
int64_t ngx_http_llm_clock(void);


#endif /* NGX_HTTP_LLM_NOTES_H */
