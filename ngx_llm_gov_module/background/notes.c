/*
 * Lines for the error log from a thread that must not touch it.
 */

#include "notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>


void
ngx_http_llm_notes_init(ngx_http_llm_notes_t *notes)
{
    ngx_memzero(notes, sizeof(ngx_http_llm_notes_t));
    pthread_mutex_init(&notes->mutex, NULL);
}


void
ngx_http_llm_note(ngx_http_llm_notes_t *notes, ngx_uint_t level,
    const char *format, ...)
{
    va_list               args;
    ngx_http_llm_note_t  *note;

    pthread_mutex_lock(&notes->mutex);

    if (notes->n == NGX_HTTP_LLM_NOTES) {
        notes->lost++;

    } else {
        note = &notes->notes[notes->n++];
        note->level = level;

        va_start(args, format);
        vsnprintf(note->text, sizeof(note->text), format, args);
        va_end(args);
    }

    pthread_mutex_unlock(&notes->mutex);
}


void
ngx_http_llm_notes_log(ngx_http_llm_notes_t *notes, ngx_log_t *log)
{
    ngx_uint_t            i, n, lost;
    ngx_http_llm_note_t  *copy;

    pthread_mutex_lock(&notes->mutex);

    n = notes->n;
    lost = notes->lost;
    copy = NULL;

    if (n > 0) {
        /* the log may be slow: it is written without the mutex */

        copy = ngx_alloc(n * sizeof(ngx_http_llm_note_t), log);

        if (copy == NULL) {
            n = 0;

        } else {
            ngx_memcpy(copy, notes->notes, n * sizeof(ngx_http_llm_note_t));
            notes->n = 0;
            notes->lost = 0;
        }
    }

    pthread_mutex_unlock(&notes->mutex);

    for (i = 0; i < n; i++) {
        ngx_log_error(copy[i].level, log, 0, "llm: %s", copy[i].text);
    }

    if (n > 0 && lost > 0) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "llm: %ui more lines of the background process are lost",
                      lost);
    }

    ngx_free(copy);
}


int64_t
ngx_http_llm_clock(void)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_REALTIME, &now);

    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
