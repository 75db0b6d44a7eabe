/*
 * What is watched for alerts, and what was said of it; private to alerts.
 */

#ifndef NGX_HTTP_LLM_ALERTS_WATCH_H
#define NGX_HTTP_LLM_ALERTS_WATCH_H

#include "alerts.h"
#include "outbox.h"


#define NGX_HTTP_LLM_EVENTS  512    /* of one step */


/* one budget and one llm_alert that it has */
typedef struct {
    llm_party_t                  party;
    const llm_limit_t           *limit;
    const ngx_http_llm_alert_t  *alert;
    int64_t                      start;     /* of the window told about */
    unsigned                     told;      /* thresholds, the lowest ones */
    ngx_uint_t                   told_projected;
} ngx_http_llm_watch_t;


/* one provider and one `llm_alert breaker` that it has */
typedef struct {
    ngx_http_llm_slot_t         *slot;
    const ngx_http_llm_alert_t  *alert;
    unsigned                     told;      /* ngx_http_llm_breaker_t */
    int64_t                      told_ms;   /* when it was last told open */
    uint64_t                     opened;    /* times, as of then */
} ngx_http_llm_breaker_watch_t;


typedef enum {
    NGX_HTTP_LLM_BREAKER_UNKNOWN = 0,
    NGX_HTTP_LLM_BREAKER_CLOSED,
    NGX_HTTP_LLM_BREAKER_OPEN
} ngx_http_llm_breaker_t;


typedef struct {
    ngx_http_llm_watch_t          *watches;
    ngx_uint_t                     nwatches;
    ngx_uint_t                     next;        /* to be looked at */
    ngx_http_llm_breaker_watch_t  *breakers;
    ngx_uint_t                     nbreakers;
} ngx_http_llm_watches_t;


/* what is to be remembered of a watch once its event is in the outbox */
typedef struct {
    ngx_http_llm_watch_t          *watch;
    ngx_http_llm_breaker_watch_t  *breaker;
    unsigned                       told;
    ngx_uint_t                     projected;
    int64_t                        told_ms;
    uint64_t                       opened;
} ngx_http_llm_telling_t;


/* events of one step, their bodies are its own */
typedef struct {
    llm_outbox_event_t            *events;      /* NGX_HTTP_LLM_EVENTS */
    ngx_uint_t                     nevents;
    ngx_http_llm_telling_t        *tellings;    /* as many */
    ngx_uint_t                     ntellings;
} ngx_http_llm_events_t;


/* what of a configuration is to be watched; NGX_ERROR: no memory */
ngx_int_t ngx_http_llm_watches_init(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf);

/* looks at it, as far as there is room for events; of very many budgets at some
 * of them, and at the others the next time */
void ngx_http_llm_watches_look(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf, ngx_http_llm_events_t *events,
    int64_t now_ms);

/* the events are in the outbox (or not: they come again), and are freed */
void ngx_http_llm_events_end(ngx_http_llm_events_t *events, ngx_uint_t done);


#endif /* NGX_HTTP_LLM_ALERTS_WATCH_H */
