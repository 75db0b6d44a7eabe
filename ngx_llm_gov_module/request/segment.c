/*
 * This worker's segment of the journal: claimed when the worker begins, and
 * again when it is lost.  What may take its time is done by a thread.
 */

#include "journal.h"


#define NGX_HTTP_LLM_CLAIM_MS  250
#define NGX_HTTP_LLM_FULL      256


/* of this process */
typedef struct {
    ngx_http_llm_main_conf_t   *lmcf;
    ngx_http_llm_segment_t      segments[2];
    ngx_uint_t                  current;    /* the other one is left, but for
                                               calls that it knows */
    time_t                      checked;
    unsigned                    failing:1;
    ngx_event_t                 timer;      /* tries again */
#if (NGX_THREADS)
    ngx_thread_task_t          *task;
#endif
    llm_journal_t              *claimed;    /* by the thread; NULL: error */
    char                        error[LLM_JOURNAL_ERROR];
} ngx_http_llm_segments_t;


static void ngx_http_llm_segment_claim(ngx_http_llm_segments_t *s);
static void ngx_http_llm_segment_claimed(ngx_http_llm_segments_t *s);
static void ngx_http_llm_segment_timer(ngx_event_t *ev);
static void ngx_http_llm_segment_lost(ngx_http_llm_segments_t *s);
static void ngx_http_llm_segment_leave(ngx_http_llm_segment_t *segment);
static void ngx_http_llm_segment_error(const char *error);
static void ngx_http_llm_segment_well(ngx_http_llm_segments_t *s);

#if (NGX_THREADS)
static void ngx_http_llm_segment_thread(void *data, ngx_log_t *log);
static void ngx_http_llm_segment_thread_done(ngx_event_t *ev);
#endif


static ngx_http_llm_segments_t  ngx_http_llm_segments;


ngx_int_t
ngx_http_llm_segment_init(ngx_cycle_t *cycle, ngx_http_llm_main_conf_t *lmcf)
{
    ngx_http_llm_segments_t  *s;

    if (lmcf->journal.len == 0
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    s = &ngx_http_llm_segments;

    s->lmcf = lmcf;
    s->timer.handler = ngx_http_llm_segment_timer;
    s->timer.data = s;
    s->timer.log = cycle->log;
    s->timer.cancelable = 1;

#if (NGX_THREADS)
    s->task = ngx_thread_task_alloc(cycle->pool, 0);
    if (s->task == NULL) {
        return NGX_ERROR;
    }

    s->task->handler = ngx_http_llm_segment_thread;
    s->task->event.handler = ngx_http_llm_segment_thread_done;
    s->task->event.log = cycle->log;
#endif

    /* nobody waits for this process yet: here it may take its time */

    ngx_http_llm_segment_claim(s);
    ngx_http_llm_segment_claimed(s);

    return NGX_OK;
}


void
ngx_http_llm_segment_exit(void)
{
    ngx_http_llm_segment_leave(&ngx_http_llm_segments.segments[0]);
    ngx_http_llm_segment_leave(&ngx_http_llm_segments.segments[1]);
}


/* in a thread or not: it touches nothing that others look at meanwhile */

static void
ngx_http_llm_segment_claim(ngx_http_llm_segments_t *s)
{
    s->claimed = llm_journal_claim((char *) s->lmcf->journal.data,
                                   s->lmcf->shared->epoch, s->error);
}


static void
ngx_http_llm_segment_claimed(ngx_http_llm_segments_t *s)
{
    if (s->claimed == NULL) {
        ngx_http_llm_segment_error(s->error);
        ngx_add_timer(&s->timer, NGX_HTTP_LLM_CLAIM_MS);
        return;
    }

    s->segments[s->current].journal = s->claimed;
    s->claimed = NULL;

    /* also what a worker said that is gone: who still has none says it again */

    ngx_http_llm_segment_well(s);
    ngx_http_llm_segment_works();
}


static void
ngx_http_llm_segment_timer(ngx_event_t *ev)
{
    ngx_http_llm_segments_t  *s;

    s = ev->data;

    if (ngx_exiting || ngx_terminate) {
        return;
    }

#if (NGX_THREADS)
    if (s->lmcf->thread_pool != NULL
        && ngx_thread_task_post(s->lmcf->thread_pool, s->task) == NGX_OK)
    {
        return;
    }
#endif

    ngx_http_llm_segment_claim(s);
    ngx_http_llm_segment_claimed(s);
}


#if (NGX_THREADS)

static void
ngx_http_llm_segment_thread(void *data, ngx_log_t *log)
{
    ngx_http_llm_segment_claim(&ngx_http_llm_segments);
}


static void
ngx_http_llm_segment_thread_done(ngx_event_t *ev)
{
    ngx_http_llm_segment_claimed(&ngx_http_llm_segments);
}

#endif


ngx_http_llm_segment_t *
ngx_http_llm_segment_get(void)
{
    ngx_http_llm_segment_t   *segment;
    ngx_http_llm_segments_t  *s;

    s = &ngx_http_llm_segments;
    segment = &s->segments[s->current];

    if (segment->journal != NULL && s->checked != ngx_time()) {
        s->checked = ngx_time();

        if (llm_journal_lost(segment->journal)) {
            ngx_http_llm_segment_lost(s);
            segment = &s->segments[s->current];
        }
    }

    return (segment->journal != NULL) ? segment : NULL;
}


/* Somebody has removed its file.  The background process reads on as long as it
 * lives, so calls that are under way end there. */

static void
ngx_http_llm_segment_lost(ngx_http_llm_segments_t *s)
{
    ngx_http_llm_segment_t  *segment;

    segment = &s->segments[s->current];

    if (s->segments[1 - s->current].journal != NULL) {
        return;
    }

    s->current = 1 - s->current;

    if (segment->under_way == 0) {
        ngx_http_llm_segment_leave(segment);
    }

    ngx_http_llm_segment_error("this worker's file of the journal was removed; "
                               "a reload makes new ones");
    ngx_add_timer(&s->timer, NGX_HTTP_LLM_CLAIM_MS);
}


void
ngx_http_llm_segment_done(ngx_http_llm_segment_t *segment)
{
    ngx_http_llm_segments_t  *s;

    s = &ngx_http_llm_segments;

    segment->under_way--;

    if (segment->under_way == 0 && segment != &s->segments[s->current]) {
        ngx_http_llm_segment_leave(segment);
    }
}


static void
ngx_http_llm_segment_leave(ngx_http_llm_segment_t *segment)
{
    if (segment->journal != NULL) {
        llm_journal_release(segment->journal);
        segment->journal = NULL;
    }
}


/* without a background process nobody empties it: it is only for trying out */

ngx_uint_t
ngx_http_llm_segment_optional(void)
{
    return ngx_http_llm_segments.lmcf->on_error
               == NGX_HTTP_LLM_ON_ERROR_CONTINUE
           || ngx_process == NGX_PROCESS_SINGLE;
}


/* told once, and in the status as long as it lasts */

static void
ngx_http_llm_segment_error(const char *error)
{
    ngx_http_llm_shared_t    *shared;
    ngx_http_llm_segments_t  *s;

    s = &ngx_http_llm_segments;
    shared = s->lmcf->shared;

    ngx_http_llm_lock(s->lmcf);

    shared->journal_error_ms = ngx_http_llm_now();
    ngx_cpystrn((u_char *) shared->journal_error, (u_char *) error,
                sizeof(shared->journal_error));

    ngx_http_llm_unlock(s->lmcf);

    if (!s->failing) {
        s->failing = 1;

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "llm_store: %s; new calls are %s", error,
                      ngx_http_llm_segment_optional()
                      ? "let through, and are missing in the log"
                      : "refused until it works again");
    }
}


void
ngx_http_llm_segment_full(void)
{
    char                    text[NGX_HTTP_LLM_FULL];
    int64_t                 past;
    ngx_http_llm_shared_t  *shared;

    shared = ngx_http_llm_segments.lmcf->shared;

    /* another worker, which had room again, may have taken it back */

    if (ngx_http_llm_segments.failing && shared->journal_error[0] != '\0') {
        return;
    }

    if (shared->store_error[0] != '\0') {
        ngx_http_llm_segment_error("the journal is full, as the store cannot "
                                   "be written: its error says why");
        return;
    }

    past = ngx_http_llm_now() - ngx_max(shared->stored_ms, shared->created_ms);

    (void) ngx_sprintf((u_char *) text,
                       "the journal is full, and was last written into the "
                       "store %L s ago: look whether the cache manager "
                       "process runs and its disk keeps up, or raise "
                       "journal_size%Z", past / 1000);

    ngx_http_llm_segment_error(text);
}


static void
ngx_http_llm_segment_well(ngx_http_llm_segments_t *s)
{
    ngx_http_llm_lock(s->lmcf);
    s->lmcf->shared->journal_error[0] = '\0';
    ngx_http_llm_unlock(s->lmcf);
}


void
ngx_http_llm_segment_works(void)
{
    ngx_http_llm_segments_t  *s;

    s = &ngx_http_llm_segments;

    if (!s->failing) {
        return;
    }

    s->failing = 0;

    ngx_http_llm_segment_well(s);

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "llm_store: the journal is written again");
}
