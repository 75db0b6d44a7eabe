/*
 * The live feed.  Each worker has its own watchers and, while there are any,
 * polls the store for new rows: one thread task reads and renders them once for
 * all.  Whoever is behind, because they resume or read slowly, is fed from the
 * store step by step, as they take it, and joins the others when they have
 * caught up.  So nobody's slowness costs more than one step's memory, and
 * nobody waits for anybody.
 */

#ifndef NGX_HTTP_LLM_LIVE_H
#define NGX_HTTP_LLM_LIVE_H

#include "view.h"
#include "../store/queries/query.h"

#include <wslay/wslay.h>


#define NGX_HTTP_LLM_LIVE_POLL      250             /* ms between polls */
#define NGX_HTTP_LLM_LIVE_ROWS      256             /* of one batch */
#define NGX_HTTP_LLM_LIVE_WORDS     (NGX_HTTP_LLM_LIVE_ROWS / 64)
#define NGX_HTTP_LLM_LIVE_BYTES     (256 * 1024)    /* of a batch, a step */
#define NGX_HTTP_LLM_LIVE_SCAN      1024            /* rows of one step */
#define NGX_HTTP_LLM_LIVE_STEPS     2               /* at once */
#define NGX_HTTP_LLM_LIVE_ACCOUNTS  512             /* told of by one batch */
#define NGX_HTTP_LLM_LIVE_SLICE     128             /* watchers served before
                                                       others have their turn */
#define NGX_HTTP_LLM_LIVE_FULL      (64 * 1024)     /* no more until this … */
#define NGX_HTTP_LLM_LIVE_ROOM      (32 * 1024)     /* … has become this */
#define NGX_HTTP_LLM_LIVE_SLOW      30000           /* ms that a client may read
                                                       nothing, or stay behind
                                                       once it was live */
#define NGX_HTTP_LLM_LIVE_BLIND     10000           /* ms without a poll that
                                                       could read the log */
#define NGX_HTTP_LLM_LIVE_PING      30000
#define NGX_HTTP_LLM_LIVE_DEAF      95000           /* three pings, no pong */
#define NGX_HTTP_LLM_LIVE_LINGER    30000           /* for the close frame to
                                                       be read */
#define NGX_HTTP_LLM_LIVE_MAX       2048            /* watchers of a worker */
#define NGX_HTTP_LLM_LIVE_KEY_MAX   16              /* of them of one key */


/* messages are framed for one of these */
typedef enum {
    NGX_HTTP_LLM_LIVE_SOCKET = 0,
    NGX_HTTP_LLM_LIVE_EVENTS,
    NGX_HTTP_LLM_LIVE_FORMS
} ngx_http_llm_live_form_t;


typedef enum {
    NGX_HTTP_LLM_LIVE_NEW = 0,      /* does not know yet where it begins */
    NGX_HTTP_LLM_LIVE_BEHIND,       /* queued for a step */
    NGX_HTTP_LLM_LIVE_STEPPING,     /* a thread reads for it */
    NGX_HTTP_LLM_LIVE_WAITING,      /* behind, and has yet to read what it has
                                       been given */
    NGX_HTTP_LLM_LIVE_NOW,          /* gets every batch */
    NGX_HTTP_LLM_LIVE_CLOSING
} ngx_http_llm_live_state_t;


/* makes frames; one for each thread of control */
typedef struct {
    wslay_frame_context_ptr     frames;
    llm_buf_t                  *out;
} ngx_http_llm_framer_t;


/* one for all that ask for the same; outlives them while a thread uses it */
typedef struct {
    ngx_queue_t                 queue;
    ngx_uint_t                  refs;
    llm_filter_t               *filter;     /* NULL: everything */
    llm_buf_t                   text;       /* the parameters */
    ngx_uint_t                  shared;     /* may be used by others: no time
                                               in it is relative to now */
    ngx_uint_t                  batch;      /* the batch that knows it, and */
    ngx_uint_t                  index;      /* as what */
} ngx_http_llm_live_filter_t;


typedef struct ngx_http_llm_step_s  ngx_http_llm_step_t;

typedef struct {
    ngx_queue_t                 queue;      /* of all watchers */
    ngx_queue_t                 behind;     /* of those who wait for a step */
    ngx_http_request_t         *request;
    ngx_http_llm_main_conf_t   *lmcf;
    ngx_http_llm_tenant_t      *key;        /* NULL: an operator */

    ngx_http_llm_live_form_t    form;
    ngx_http_llm_live_state_t   state;
    ngx_http_llm_live_filter_t *filter;
    uint64_t                    next;       /* row to be sent next; 0: the next
                                               one that there will be */
    ngx_http_llm_step_t        *step;       /* while STEPPING */

    /* whole messages, and those that the connection is being given */
    llm_buf_t                   waiting;
    llm_buf_t                   sending;
    ngx_buf_t                   buf;        /* in `sending` */
    uint64_t                    sent;       /* bytes before `sending` */

    uint64_t                    seen;       /* what was sent at */
    ngx_msec_t                  progress;   /* that time */
    ngx_msec_t                  slow;       /* when it was live last */
    ngx_msec_t                  pinged;
    ngx_msec_t                  heard;
    ngx_msec_t                  closed;

    wslay_event_context_ptr     socket;
    ngx_uint_t                  reads;      /* of one event */

    unsigned                    requests:1; /* wants these */
    unsigned                    budgets:1;
    unsigned                    was_live:1;
    unsigned                    asked:1;    /* a poll began since it is here */
    unsigned                    unread:1;   /* what it says waits until it
                                               reads */
} ngx_http_llm_watcher_t;


typedef struct {
    llm_account_kind_t          kind;
    size_t                      len;
    char                        name[LLM_ACCOUNT_NAME_SIZE];
    uint64_t                    rows[NGX_HTTP_LLM_LIVE_WORDS];
} ngx_http_llm_live_account_t;


/* new rows, rendered */
typedef struct {
    ngx_thread_task_t           task;
    ngx_http_llm_main_conf_t   *lmcf;
    ngx_uint_t                  number;     /* of the batch, in this worker */
    ngx_uint_t                  busy;       /* with a thread, or being told */

    /* what is asked for */
    uint64_t                    first;      /* 0: only where the log ends */
    unsigned                    wanted:1;   /* somebody is live */
    unsigned                    budgets:1;
    unsigned                    forms[NGX_HTTP_LLM_LIVE_FORMS];
    ngx_http_llm_live_filter_t *filters[NGX_HTTP_LLM_LIVE_MAX];
    ngx_uint_t                  nfilters;
    uint64_t                  (*matches)[NGX_HTTP_LLM_LIVE_WORDS];
                                            /* by filter */
    ngx_uint_t                  nmatches;   /* allocated */

    /* what came */
    uint64_t                    next;
    uint64_t                    end;        /* the next row that there will be
                                               in the log */
    ngx_uint_t                  failed;
    ngx_uint_t                  full;       /* there may be more */
    ngx_uint_t                  left;       /* somebody could not be given it */
    ngx_uint_t                  n;
    llm_buf_t                   json;
    llm_buf_t                   text[NGX_HTTP_LLM_LIVE_FORMS];
    size_t                      ends[NGX_HTTP_LLM_LIVE_FORMS]
                                    [NGX_HTTP_LLM_LIVE_ROWS + 1];
    ngx_http_llm_framer_t       framer;

    ngx_http_llm_live_account_t accounts[NGX_HTTP_LLM_LIVE_ACCOUNTS];
    ngx_uint_t                  naccounts;
    llm_buf_t                   budget[NGX_HTTP_LLM_LIVE_FORMS];
    size_t                      budget_ends[NGX_HTTP_LLM_LIVE_FORMS]
                                    [NGX_HTTP_LLM_LIVE_ACCOUNTS + 1];
} ngx_http_llm_batch_t;


/* live_poll.c: the worker's own */
typedef struct {
    ngx_queue_t                 watchers;
    ngx_queue_t                 behind;
    ngx_queue_t                 filters;
    ngx_uint_t                  n;
    uint64_t                    next;       /* the row that the next batch
                                               begins with; 0: not known */
    ngx_http_llm_batch_t       *batch;
    ngx_event_t                 timer;
    ngx_msec_t                  looked;     /* after those who are slow */
    ngx_msec_t                  read;       /* when the log could be read */
    ngx_http_llm_framer_t       framer;
    ngx_uint_t                  inside;     /* a handler that runs the posted
                                               requests itself */
} ngx_http_llm_feed_t;

extern ngx_http_llm_feed_t  ngx_http_llm_feed;

/* a watcher joins; NGX_ERROR: no memory */
ngx_int_t ngx_http_llm_feed_join(ngx_http_llm_watcher_t *watcher);

/* the watcher is told where it begins, if that is known by now */
void ngx_http_llm_feed_begin(ngx_http_llm_watcher_t *watcher);


/* live_watcher.c */

/* the cleanup of the request lets go of it, NULL: no memory */
ngx_http_llm_watcher_t *ngx_http_llm_watcher_create(ngx_http_request_t *r);

/* of a request; NULL: it is over */
ngx_http_llm_watcher_t *ngx_http_llm_watcher_get(ngx_http_request_t *r);

/* bytes that the connection has not taken yet */
size_t ngx_http_llm_watcher_queued(const ngx_http_llm_watcher_t *watcher);

/* sends what it can; the watcher may be gone afterwards */
void ngx_http_llm_watcher_flush(ngx_http_llm_watcher_t *watcher);

/* it gets nothing more, whatever waits is dropped */
void ngx_http_llm_watcher_stop(ngx_http_llm_watcher_t *watcher);

/* ends it, with a close frame where there are frames; may be gone afterwards */
void ngx_http_llm_watcher_close(ngx_http_llm_watcher_t *watcher,
    unsigned code, const char *reason);

/* ends the request; gone afterwards */
void ngx_http_llm_watcher_end(ngx_http_llm_watcher_t *watcher, ngx_int_t rc);

/* looks after it: pings, and closes what is too slow or deaf */
void ngx_http_llm_watcher_look(ngx_http_llm_watcher_t *watcher);

/* the write handler of requests with a watcher */
void ngx_http_llm_watcher_writer(ngx_http_request_t *r);

/* frames a message; seq: its id where events have one, 0: none */
void ngx_http_llm_live_message(ngx_http_llm_framer_t *framer, llm_buf_t *out,
    ngx_http_llm_live_form_t form, uint64_t seq, llm_str_t json);


/* live_socket.c */

/* NGX_DECLINED: it may be upgraded, else it is answered and this is what the
 * content handler returns */
ngx_int_t ngx_http_llm_socket_check(ngx_http_request_t *r);

/* NGX_OK: the connection is a WebSocket; else what the content handler
 * returns */
ngx_int_t ngx_http_llm_socket_start(ngx_http_llm_watcher_t *watcher);

/* queues a control frame */
void ngx_http_llm_socket_ping(ngx_http_llm_watcher_t *watcher);
void ngx_http_llm_socket_close(ngx_http_llm_watcher_t *watcher,
    unsigned code, const char *reason);

/* reads and drops what has come, so that closing resets nothing */
void ngx_http_llm_socket_drain(ngx_http_llm_watcher_t *watcher);


/* live_filter.c: NULL: no memory; takes the filter over */
ngx_http_llm_live_filter_t *ngx_http_llm_live_filter(llm_filter_t *filter,
    const llm_buf_t *text, ngx_uint_t shared);
void ngx_http_llm_live_filter_free(ngx_http_llm_live_filter_t *filter);


/* live_batch.c: the thread's part of a poll */
ngx_http_llm_batch_t *ngx_http_llm_batch_create(void);
void ngx_http_llm_batch_thread(void *data, ngx_log_t *log);


/* live_budget.c: renders the limits of the batch's accounts */
void ngx_http_llm_live_budgets(ngx_http_llm_batch_t *batch);


/* live_step.c: steps for those who wait for one, as far as threads are free */
void ngx_http_llm_steps_start(void);

/* its watcher is gone */
void ngx_http_llm_step_forget(ngx_http_llm_step_t *step);


#endif /* NGX_HTTP_LLM_LIVE_H */
