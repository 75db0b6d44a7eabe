/*
 * Work on the store for one request, in nginx's thread pool.
 */

#include "reader.h"
#include "respond.h"
#include "task.h"


ngx_int_t
ngx_http_llm_task_possible(ngx_http_request_t *r,
    ngx_http_llm_main_conf_t *lmcf)
{
    if (lmcf->store == NULL) {
        return ngx_http_llm_respond_error(r, NGX_HTTP_NOT_FOUND, "no_store",
                                          "there is no request log: add "
                                          "\"llm_store <folder>;\" to the "
                                          "http block");
    }

#if (NGX_THREADS)
    return NGX_DECLINED;
#else
    return ngx_http_llm_respond_error(r, NGX_HTTP_NOT_IMPLEMENTED,
                                      "no_threads", "this nginx was built "
                                      "without --with-threads: the request "
                                      "log cannot be read without them");
#endif
}


#if (NGX_THREADS)

/* so long may a thread take before the log says so; also what makes a worker
 * that is to end wait for it */
#define NGX_HTTP_LLM_TASK_TIME  60000


typedef struct {
    ngx_queue_t                 queue;      /* while it waits */
    ngx_queue_t                 all;
    ngx_http_llm_tenant_t      *key;        /* NULL: an operator's */
    ngx_thread_task_t          *task;
    ngx_http_request_t         *request;
    ngx_http_llm_main_conf_t   *lmcf;
    ngx_http_llm_task_run_pt    run;
    ngx_http_llm_task_done_pt   done;
    void                       *data;
    ngx_uint_t                  unread;     /* there was no store to read */
} ngx_http_llm_work_t;


static ngx_queue_t  ngx_http_llm_tasks;
static ngx_queue_t  ngx_http_llm_tasks_all;
static ngx_uint_t   ngx_http_llm_tasks_running;
static ngx_uint_t   ngx_http_llm_tasks_waiting;


static void ngx_http_llm_task_done(ngx_event_t *ev);


static int
ngx_http_llm_task_read(llm_store_t *store, void *ctx)
{
    ngx_http_llm_work_t *work = ctx;

    work->run(store, work->data);

    return LLM_OK;
}


static void
ngx_http_llm_task_thread(void *data, ngx_log_t *log)
{
    ngx_http_llm_work_t *work = data;

    work->unread = (ngx_http_llm_read(work->lmcf, log, ngx_http_llm_task_read,
                                      work)
                    != NGX_OK);
}


static ngx_int_t
ngx_http_llm_task_start(ngx_http_llm_work_t *work)
{
    if (ngx_thread_task_post(work->lmcf->thread_pool, work->task) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_llm_tasks_running++;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_task_answer(ngx_http_llm_work_t *work)
{
    ngx_http_request_t  *r;

    r = work->request;

    if (!work->unread) {
        return work->done(r, work->data);
    }

    if (ngx_http_llm_respond_header(r, "Retry-After", "1") != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_llm_respond_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                      "store_unavailable", "the request log "
                                      "cannot be read now, nginx's error log "
                                      "says why");
}


/* gives the request back to the event loop, and ends it */
static void
ngx_http_llm_task_finish(ngx_http_llm_work_t *work, ngx_uint_t failed)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = work->request;
    c = r->connection;

    ngx_queue_remove(&work->all);

    ngx_http_set_log_request(c->log, r);

    r->main->blocked--;
    r->aio = 0;

    if (c->error) {
        /* the client went meanwhile; what finalizes the request waited for
         * us */
        rc = NGX_HTTP_CLIENT_CLOSED_REQUEST;

    } else if (failed) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    } else {
        rc = ngx_http_llm_task_answer(work);
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


/* who waits, as long as there is a thread to be had; nobody is there any more
 * to read what a client that went had asked for */
static void
ngx_http_llm_tasks_next(void)
{
    ngx_uint_t            failed;
    ngx_queue_t          *q;
    ngx_http_llm_work_t  *work;

    while (ngx_http_llm_tasks_waiting
           && ngx_http_llm_tasks_running < NGX_HTTP_LLM_TASKS)
    {
        q = ngx_queue_head(&ngx_http_llm_tasks);
        work = ngx_queue_data(q, ngx_http_llm_work_t, queue);

        ngx_queue_remove(q);
        ngx_http_llm_tasks_waiting--;

        failed = 0;

        if (!work->request->connection->error) {

            if (ngx_http_llm_task_start(work) == NGX_OK) {
                continue;
            }

            failed = 1;
        }

        if (work->task->event.timer_set) {
            ngx_del_timer(&work->task->event);
        }

        ngx_http_llm_task_finish(work, failed);
    }
}


static void
ngx_http_llm_task_done(ngx_event_t *ev)
{
    ngx_http_llm_work_t  *work;

    work = ev->data;

    if (ev->timedout) {
        ev->timedout = 0;
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "llm: a query of the request log takes longer than a "
                      "minute");
        return;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    ngx_http_llm_tasks_running--;

    ngx_http_llm_task_finish(work, 0);
    ngx_http_llm_tasks_next();
}


static ngx_http_llm_work_t *
ngx_http_llm_task_make(ngx_http_request_t *r)
{
    ngx_thread_task_t    *task;
    ngx_http_llm_work_t  *work;

    task = ngx_thread_task_alloc(r->pool, sizeof(ngx_http_llm_work_t));
    if (task == NULL) {
        return NULL;
    }

    work = task->ctx;
    work->task = task;

    task->handler = ngx_http_llm_task_thread;
    task->event.handler = ngx_http_llm_task_done;
    task->event.data = work;
    task->event.log = ngx_cycle->log;

    return work;
}


static ngx_uint_t
ngx_http_llm_tasks_of(const ngx_http_llm_tenant_t *key)
{
    ngx_uint_t            n;
    ngx_queue_t          *q;
    ngx_http_llm_work_t  *work;

    n = 0;

    for (q = ngx_queue_head(&ngx_http_llm_tasks_all);
         q != ngx_queue_sentinel(&ngx_http_llm_tasks_all);
         q = ngx_queue_next(q))
    {
        work = ngx_queue_data(q, ngx_http_llm_work_t, all);
        n += (work->key == key);
    }

    return n;
}


/* NGX_BUSY: there are too many already */
static ngx_int_t
ngx_http_llm_task_queue(ngx_http_llm_work_t *work)
{
    if (ngx_http_llm_tasks.next == NULL) {
        ngx_queue_init(&ngx_http_llm_tasks);
        ngx_queue_init(&ngx_http_llm_tasks_all);
    }

    if (work->key
        && ngx_http_llm_tasks_of(work->key) >= NGX_HTTP_LLM_TASKS_KEY)
    {
        return NGX_BUSY;
    }

    if (ngx_http_llm_tasks_running < NGX_HTTP_LLM_TASKS) {
        return ngx_http_llm_task_start(work) == NGX_OK ? NGX_OK : NGX_BUSY;
    }

    if (ngx_http_llm_tasks_waiting == NGX_HTTP_LLM_TASKS_WAITING) {
        return NGX_BUSY;
    }

    ngx_queue_insert_tail(&ngx_http_llm_tasks, &work->queue);
    ngx_http_llm_tasks_waiting++;

    return NGX_OK;
}


ngx_int_t
ngx_http_llm_task(ngx_http_request_t *r, const ngx_http_llm_view_t *view,
    ngx_http_llm_task_run_pt run, ngx_http_llm_task_done_pt done, void *data)
{
    ngx_http_llm_work_t  *work;

    work = ngx_http_llm_task_make(r);
    if (work == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    work->request = r;
    work->lmcf = view->lmcf;
    work->key = view->key;
    work->run = run;
    work->done = done;
    work->data = data;

    if (ngx_http_llm_task_queue(work) != NGX_OK) {

        if (ngx_http_llm_respond_header(r, "Retry-After", "1") != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_llm_respond_error(r, NGX_HTTP_TOO_MANY_REQUESTS,
                                          "busy", "too many queries of the "
                                          "request log at once");
    }

    ngx_queue_insert_tail(&ngx_http_llm_tasks_all, &work->all);
    ngx_add_timer(&work->task->event, NGX_HTTP_LLM_TASK_TIME);

    r->main->blocked++;
    r->main->count++;
    r->aio = 1;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_DONE;
}

#else

ngx_int_t
ngx_http_llm_task(ngx_http_request_t *r, const ngx_http_llm_view_t *view,
    ngx_http_llm_task_run_pt run, ngx_http_llm_task_done_pt done, void *data)
{
    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}

#endif
