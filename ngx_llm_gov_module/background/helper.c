/*
 * Threads of the background process, and how they end: nginx's helper
 * processes leave by exit(), whose handlers must not meet a running thread.
 */

#include "helper.h"

#include <pthread.h>
#include <time.h>


#define NGX_HTTP_LLM_HELPERS          3
#define NGX_HTTP_LLM_HELPER_PAUSE_MS  100
#define NGX_HTTP_LLM_HELPER_END_MS    1000


typedef struct {
    pthread_t     thread;
    void        (*run)(void *data);
    void         *data;
} ngx_http_llm_helper_t;


static ngx_uint_t             ngx_http_llm_nhelpers;
static ngx_http_llm_helper_t  ngx_http_llm_helpers[NGX_HTTP_LLM_HELPERS];

static pthread_mutex_t        ngx_http_llm_helper_mutex
                                               = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t         ngx_http_llm_helper_wake;
static ngx_uint_t             ngx_http_llm_helper_stopped;
static void                 (*ngx_http_llm_helper_end)(void);


static void
ngx_http_llm_helper_after(struct timespec *at, clockid_t clock, ngx_uint_t ms)
{
    (void) clock_gettime(clock, at);

    at->tv_sec += ms / 1000;
    at->tv_nsec += (ms % 1000) * 1000000;

    if (at->tv_nsec >= 1000000000) {
        at->tv_sec++;
        at->tv_nsec -= 1000000000;
    }
}


static void *
ngx_http_llm_helper_loop(void *arg)
{
    ngx_http_llm_helper_t *helper = arg;

    ngx_uint_t       stopped;
    struct timespec  at;

    do {
        helper->run(helper->data);

        ngx_http_llm_helper_after(&at, CLOCK_MONOTONIC,
                                  NGX_HTTP_LLM_HELPER_PAUSE_MS);

        pthread_mutex_lock(&ngx_http_llm_helper_mutex);

        if (!ngx_http_llm_helper_stopped) {
            (void) pthread_cond_timedwait(&ngx_http_llm_helper_wake,
                                          &ngx_http_llm_helper_mutex, &at);
        }

        stopped = ngx_http_llm_helper_stopped;

        pthread_mutex_unlock(&ngx_http_llm_helper_mutex);

    } while (!stopped);

    return NULL;
}


/* of exit(): ends the threads and waits for them for a moment */
static void
ngx_http_llm_helpers_stop(void)
{
    ngx_uint_t       i;
    struct timespec  at;

    pthread_mutex_lock(&ngx_http_llm_helper_mutex);
    ngx_http_llm_helper_stopped = 1;
    pthread_cond_broadcast(&ngx_http_llm_helper_wake);
    pthread_mutex_unlock(&ngx_http_llm_helper_mutex);

    llm_credentials_interrupt();

    ngx_http_llm_helper_after(&at, CLOCK_REALTIME,
                              NGX_HTTP_LLM_HELPER_END_MS);

    for (i = 0; i < ngx_http_llm_nhelpers; i++) {
        if (pthread_timedjoin_np(ngx_http_llm_helpers[i].thread, NULL, &at)
            != 0)
        {
            /* a name server that does not answer: nothing of ours is left to
             * be written, and libraries must not be taken down under it */
            _exit(0);
        }
    }

    ngx_http_llm_nhelpers = 0;

    if (ngx_http_llm_helper_end != NULL) {
        ngx_http_llm_helper_end();
    }
}


void
ngx_http_llm_helper_at_end(void (*end)(void))
{
    ngx_http_llm_helper_end = end;
}


ngx_uint_t
ngx_http_llm_helper_stopping(void)
{
    ngx_uint_t  stopping;

    pthread_mutex_lock(&ngx_http_llm_helper_mutex);
    stopping = ngx_http_llm_helper_stopped;
    pthread_mutex_unlock(&ngx_http_llm_helper_mutex);

    return stopping;
}


/* a clock that is set back must not make the pauses longer */
static ngx_err_t
ngx_http_llm_helpers_init(void)
{
    ngx_err_t           err;
    pthread_condattr_t  attr;

    err = pthread_condattr_init(&attr);
    if (err != 0) {
        return err;
    }

    err = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);

    if (err == 0) {
        err = pthread_cond_init(&ngx_http_llm_helper_wake, &attr);
    }

    pthread_condattr_destroy(&attr);

    if (err != 0) {
        return err;
    }

    return (atexit(ngx_http_llm_helpers_stop) == 0) ? 0 : NGX_ENOMEM;
}


ngx_err_t
ngx_http_llm_helper_start(void (*run)(void *data), void *data)
{
    ngx_err_t               err;
    sigset_t                all, before;
    ngx_http_llm_helper_t  *helper;

    helper = &ngx_http_llm_helpers[ngx_http_llm_nhelpers];
    helper->run = run;
    helper->data = data;

    if (ngx_http_llm_nhelpers == 0) {
        err = ngx_http_llm_helpers_init();
        if (err != 0) {
            return err;
        }
    }

    /* signals are for the main thread */

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);

    err = pthread_create(&helper->thread, NULL, ngx_http_llm_helper_loop,
                         helper);

    pthread_sigmask(SIG_SETMASK, &before, NULL);

    if (err == 0) {
        ngx_http_llm_nhelpers++;
    }

    return err;
}
