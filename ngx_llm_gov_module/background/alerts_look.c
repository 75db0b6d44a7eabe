/*
 * Which budgets have passed a threshold, which breakers have opened.
 */

#include "alerts_watch.h"
#include "thresholds.h"
#include "../governance/zone.h"

#include <openssl/rand.h>


/* looked at in one critical section, and at a time */
#define NGX_HTTP_LLM_WATCHES      64
#define NGX_HTTP_LLM_WATCHES_MAX  (1024 * NGX_HTTP_LLM_WATCHES)

/* one that opens and closes all the time is told about once in a minute */
#define NGX_HTTP_LLM_BREAKER_MS  60000

/* of one look at one budget: its thresholds, and the projection */
#define NGX_HTTP_LLM_EVENTS_ONE  (NGX_HTTP_LLM_THRESHOLDS + 1)

/* in the key of a mark */
#define NGX_HTTP_LLM_PROJECTED   0xffff


typedef struct {
    int64_t                      spent;
    int64_t                      held;
    int64_t                      resets_ms;
} ngx_http_llm_seen_t;


static void ngx_http_llm_watch_look(ngx_http_llm_watch_t *watch,
    ngx_http_llm_seen_t *seen, ngx_http_llm_events_t *events, int64_t now_ms);
static void ngx_http_llm_watch_thresholds(ngx_http_llm_watch_t *watch,
    llm_alert_t *alert, ngx_http_llm_events_t *events);
static void ngx_http_llm_watch_projected(ngx_http_llm_watch_t *watch,
    llm_alert_t *alert, ngx_http_llm_events_t *events);
static void ngx_http_llm_breakers_look(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf, ngx_http_llm_events_t *events,
    int64_t now_ms);
static void ngx_http_llm_breaker_look(ngx_http_llm_breaker_watch_t *watch,
    llm_health_t *health, ngx_http_llm_events_t *events, int64_t now_ms);
static ngx_int_t ngx_http_llm_event_budget(ngx_http_llm_watch_t *watch,
    llm_alert_t *alert, unsigned threshold, ngx_uint_t send,
    ngx_http_llm_events_t *events);
static ngx_int_t ngx_http_llm_event_breaker(
    ngx_http_llm_breaker_watch_t *watch, llm_alert_t *alert,
    ngx_http_llm_events_t *events);
static ngx_int_t ngx_http_llm_event_body(llm_outbox_event_t *event,
    llm_alert_t *alert, const ngx_http_llm_webhook_t *webhook);


void
ngx_http_llm_watches_look(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf, ngx_http_llm_events_t *events,
    int64_t now_ms)
{
    ngx_uint_t             k, n, left;
    ngx_http_llm_seen_t    seen[NGX_HTTP_LLM_WATCHES];
    ngx_http_llm_watch_t  *watch;

    ngx_http_llm_breakers_look(watches, lmcf, events, now_ms);

    left = ngx_min(watches->nwatches, NGX_HTTP_LLM_WATCHES_MAX);

    for ( /* void */ ; left > 0; left -= n) {

        if (watches->next == watches->nwatches) {
            watches->next = 0;
        }

        watch = &watches->watches[watches->next];
        n = ngx_min(watches->nwatches - watches->next, left);
        n = ngx_min(n, NGX_HTTP_LLM_WATCHES);
        watches->next += n;

        ngx_http_llm_lock(lmcf);

        for (k = 0; k < n; k++) {
            llm_limit_state(&watch[k].party, watch[k].limit, now_ms,
                            &seen[k].spent, &seen[k].held, &seen[k].resets_ms);
        }

        ngx_http_llm_unlock(lmcf);

        for (k = 0; k < n; k++) {
            ngx_http_llm_watch_look(&watch[k], &seen[k], events, now_ms);
        }
    }
}


static void
ngx_http_llm_watch_look(ngx_http_llm_watch_t *watch, ngx_http_llm_seen_t *seen,
    ngx_http_llm_events_t *events, int64_t now_ms)
{
    int64_t                  start;
    llm_alert_t              alert;
    ngx_http_llm_telling_t  *telling;

    start = llm_window_start(watch->limit->window, now_ms);

    if (watch->start != start) {
        watch->start = start;
        watch->told = 0;
        watch->told_projected = 0;
    }

    if (events->nevents + NGX_HTTP_LLM_EVENTS_ONE > NGX_HTTP_LLM_EVENTS) {
        return;
    }

    ngx_memzero(&alert, sizeof(llm_alert_t));
    alert.time_ms = now_ms;
    alert.kind = watch->party.account->kind;
    alert.name.data = watch->party.account->name;
    alert.name.len = watch->party.account->name_len;
    alert.limit = watch->limit;
    alert.spent = seen->spent;
    alert.held = seen->held;
    alert.resets_ms = seen->resets_ms;
    alert.projected = llm_thresholds_projected(seen->spent,
                                               watch->limit->window, now_ms);

    telling = &events->tellings[events->ntellings];
    telling->watch = watch;
    telling->breaker = NULL;
    telling->told = watch->told;
    telling->projected = watch->told_projected;

    ngx_http_llm_watch_thresholds(watch, &alert, events);
    ngx_http_llm_watch_projected(watch, &alert, events);

    if (telling->told != watch->told
        || telling->projected != watch->told_projected)
    {
        events->ntellings++;
    }
}


/* of several at once only the highest is told, the others are marked */
static void
ngx_http_llm_watch_thresholds(ngx_http_llm_watch_t *watch, llm_alert_t *alert,
    ngx_http_llm_events_t *events)
{
    unsigned                     reached, i;
    const ngx_http_llm_alert_t  *conf;

    conf = watch->alert;
    reached = llm_thresholds_reached(alert->spent, watch->limit->amount,
                                     conf->thresholds,
                                     (unsigned) conf->nthresholds);

    if (reached <= watch->told) {
        return;
    }

    alert->type = LLM_ALERT_THRESHOLD;
    alert->threshold = (unsigned) conf->thresholds[reached - 1];

    if (ngx_http_llm_event_budget(watch, alert, alert->threshold, 1, events)
        != NGX_OK)
    {
        return;
    }

    for (i = watch->told; i + 1 < reached; i++) {
        (void) ngx_http_llm_event_budget(watch, alert,
                                         (unsigned) conf->thresholds[i], 0,
                                         events);
    }

    events->tellings[events->ntellings].told = reached;
}


static void
ngx_http_llm_watch_projected(ngx_http_llm_watch_t *watch, llm_alert_t *alert,
    ngx_http_llm_events_t *events)
{
    if (!watch->alert->projected || watch->told_projected
        || alert->spent >= watch->limit->amount
        || alert->projected <= watch->limit->amount)
    {
        return;
    }

    alert->type = LLM_ALERT_PROJECTED;
    alert->threshold = 0;

    if (ngx_http_llm_event_budget(watch, alert, NGX_HTTP_LLM_PROJECTED, 1,
                                  events)
        == NGX_OK)
    {
        events->tellings[events->ntellings].projected = 1;
    }
}


static void
ngx_http_llm_breakers_look(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf, ngx_http_llm_events_t *events,
    int64_t now_ms)
{
    ngx_uint_t                     i;
    llm_health_t                   health;
    ngx_http_llm_breaker_watch_t  *watch;

    for (i = 0; i < watches->nbreakers; i++) {
        watch = &watches->breakers[i];

        ngx_http_llm_lock(lmcf);
        health = watch->slot->health;
        ngx_http_llm_unlock(lmcf);

        if (events->nevents + 2 <= NGX_HTTP_LLM_EVENTS) {
            ngx_http_llm_breaker_look(watch, &health, events, now_ms);
        }
    }
}


/* What a process before this one told, the store knows: it makes nothing of an
 * event that changes nothing.  A breaker that opened and closed between two
 * looks is told about as well. */
static void
ngx_http_llm_breaker_look(ngx_http_llm_breaker_watch_t *watch,
    llm_health_t *health, ngx_http_llm_events_t *events, int64_t now_ms)
{
    unsigned                 state;
    llm_alert_t              alert;
    ngx_http_llm_telling_t  *telling;

    state = health->open_until_ms ? NGX_HTTP_LLM_BREAKER_OPEN
                                  : NGX_HTTP_LLM_BREAKER_CLOSED;

    ngx_memzero(&alert, sizeof(llm_alert_t));
    alert.type = LLM_ALERT_BREAKER;
    alert.time_ms = now_ms;
    alert.kind = LLM_ACCOUNT_PROVIDER;
    alert.name.data = watch->slot->account->name;
    alert.name.len = watch->slot->account->name_len;
    alert.projected = -1;
    alert.failures = health->failures;
    alert.until_ms = health->open_until_ms;
    alert.opened = health->opened_total - watch->opened;

    telling = &events->tellings[events->ntellings];
    telling->watch = NULL;
    telling->breaker = watch;
    telling->told = state;
    telling->told_ms = watch->told_ms;
    telling->opened = health->opened_total;

    if (watch->told != NGX_HTTP_LLM_BREAKER_OPEN
        && (state == NGX_HTTP_LLM_BREAKER_OPEN || alert.opened))
    {
        if (watch->told_ms
            && now_ms - watch->told_ms < NGX_HTTP_LLM_BREAKER_MS
            && now_ms >= watch->told_ms)
        {
            return;
        }

        alert.open = true;

        if (ngx_http_llm_event_breaker(watch, &alert, events) != NGX_OK) {
            return;
        }

        telling->told_ms = now_ms;

    } else if (watch->told == state) {
        return;
    }

    alert.open = false;

    if (state == NGX_HTTP_LLM_BREAKER_CLOSED
        && ngx_http_llm_event_breaker(watch, &alert, events) != NGX_OK)
    {
        return;
    }

    events->ntellings++;
}


static ngx_int_t
ngx_http_llm_event_budget(ngx_http_llm_watch_t *watch, llm_alert_t *alert,
    unsigned threshold, ngx_uint_t send, ngx_http_llm_events_t *events)
{
    llm_outbox_event_t  *event;

    event = &events->events[events->nevents];
    ngx_memzero(event, sizeof(llm_outbox_event_t));

    event->key_len = llm_outbox_budget_key(event->key,
                                           watch->alert->webhook->id,
                                           alert->kind, alert->name,
                                           watch->limit, watch->start,
                                           threshold);
    event->state = 1;
    event->end_ms = llm_window_end(watch->limit->window, alert->time_ms);

    if (send
        && ngx_http_llm_event_body(event, alert, watch->alert->webhook)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    events->nevents++;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_event_breaker(ngx_http_llm_breaker_watch_t *watch,
    llm_alert_t *alert, ngx_http_llm_events_t *events)
{
    llm_outbox_event_t  *event;

    event = &events->events[events->nevents];
    ngx_memzero(event, sizeof(llm_outbox_event_t));

    event->key_len = llm_outbox_breaker_key(event->key,
                                            watch->alert->webhook->id,
                                            alert->name);
    event->state = alert->open ? NGX_HTTP_LLM_BREAKER_OPEN
                               : NGX_HTTP_LLM_BREAKER_CLOSED;
    event->absent = NGX_HTTP_LLM_BREAKER_CLOSED;

    if (ngx_http_llm_event_body(event, alert, watch->alert->webhook) != NGX_OK)
    {
        return NGX_ERROR;
    }

    events->nevents++;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_event_body(llm_outbox_event_t *event, llm_alert_t *alert,
    const ngx_http_llm_webhook_t *webhook)
{
    llm_buf_t  text, body;

    if (RAND_bytes(alert->id, LLM_ALERT_ID_SIZE) != 1) {
        return NGX_ERROR;
    }

    llm_buf_init(&text, LLM_ALERT_TEXT_MAX);
    llm_buf_init(&body, LLM_ALERT_BODY_MAX);

    llm_alert_text(&text, alert);

    if (webhook->slack) {
        llm_alert_slack(&body, (llm_str_t) { text.data, text.len });

    } else {
        llm_alert_json(&body, alert, (llm_str_t) { text.data, text.len });
    }

    if (text.failed || body.failed) {
        llm_buf_free(&text);
        llm_buf_free(&body);
        return NGX_ERROR;
    }

    llm_buf_free(&text);

    ngx_memcpy(event->delivery.id, alert->id, LLM_ALERT_ID_SIZE);
    event->delivery.webhook = webhook->id;
    event->delivery.type = (uint8_t) alert->type;
    event->delivery.created_ms = alert->time_ms;
    event->delivery.due_ms = alert->time_ms;
    event->delivery.body = body.data;
    event->delivery.len = body.len;

    return NGX_OK;
}


void
ngx_http_llm_events_end(ngx_http_llm_events_t *events, ngx_uint_t done)
{
    ngx_uint_t               i;
    ngx_http_llm_telling_t  *telling;

    for (i = 0; i < events->nevents; i++) {
        free(events->events[i].delivery.body);
    }

    for (i = 0; done && i < events->ntellings; i++) {
        telling = &events->tellings[i];

        if (telling->watch != NULL) {
            telling->watch->told = telling->told;
            telling->watch->told_projected = telling->projected;
            continue;
        }

        telling->breaker->told = telling->told;
        telling->breaker->told_ms = telling->told_ms;
        telling->breaker->opened = telling->opened;
    }

    events->nevents = 0;
    events->ntellings = 0;
}
