/*
 * Which budgets have passed a threshold, which breakers have opened.
 */

#include "alerts_watch.h"
#include "thresholds.h"
#include "../governance/zone.h"

#include <openssl/rand.h>


/* looked at in one critical section */
#define NGX_HTTP_LLM_WATCHES     64

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


static ngx_int_t ngx_http_llm_watches_kind(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf, ngx_array_t *tenants);
static ngx_int_t ngx_http_llm_watches_providers(
    ngx_http_llm_watches_t *watches, ngx_http_llm_main_conf_t *lmcf);
static ngx_int_t ngx_http_llm_watches_account(ngx_http_llm_watches_t *watches,
    llm_account_t *account, ngx_array_t *limits, ngx_array_t *alerts);
static ngx_int_t ngx_http_llm_watches_breaker(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf, ngx_http_llm_slot_t *slot,
    ngx_array_t *alerts);
static ngx_array_t *ngx_http_llm_watches_alerts(ngx_array_t *own,
    ngx_array_t *outer, ngx_uint_t breaker);
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


ngx_int_t
ngx_http_llm_watches_init(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf)
{
    ngx_memzero(watches, sizeof(ngx_http_llm_watches_t));

    if (ngx_http_llm_watches_kind(watches, lmcf, &lmcf->customers) != NGX_OK
        || ngx_http_llm_watches_kind(watches, lmcf, &lmcf->teams) != NGX_OK
        || ngx_http_llm_watches_kind(watches, lmcf, &lmcf->virtual_keys)
           != NGX_OK
        || ngx_http_llm_watches_providers(watches, lmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_watches_kind(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf, ngx_array_t *tenants)
{
    ngx_uint_t               i;
    ngx_http_llm_tenant_t  **tenant;

    tenant = tenants->elts;

    for (i = 0; i < tenants->nelts; i++) {
        if (ngx_http_llm_watches_account(watches, tenant[i]->account,
                   &tenant[i]->limits,
                   ngx_http_llm_watches_alerts(tenant[i]->alerts,
                                               lmcf->alerts, 0))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_watches_providers(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf)
{
    ngx_uint_t                 i;
    ngx_http_llm_provider_t  **provider;

    provider = lmcf->providers.elts;

    for (i = 0; i < lmcf->providers.nelts; i++) {

        if (ngx_http_llm_watches_account(watches, provider[i]->slot->account,
                   &provider[i]->limits,
                   ngx_http_llm_watches_alerts(provider[i]->alerts,
                                               lmcf->alerts, 0))
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (!provider[i]->governed
            && ngx_http_llm_watches_breaker(watches, lmcf, provider[i]->slot,
                   ngx_http_llm_watches_alerts(provider[i]->alerts,
                                               lmcf->alerts, 1))
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* budgets and breakers are inherited apart: where a block has none of the one
 * sort, those of http {} hold */
static ngx_array_t *
ngx_http_llm_watches_alerts(ngx_array_t *own, ngx_array_t *outer,
    ngx_uint_t breaker)
{
    ngx_uint_t             i;
    ngx_http_llm_alert_t  *alert;

    if (own == NULL) {
        return outer;
    }

    alert = own->elts;

    for (i = 0; i < own->nelts; i++) {
        if (alert[i].breaker == breaker) {
            return own;
        }
    }

    return outer;
}


/* room for one more, in steps of doubling; NULL: no memory */
static void *
ngx_http_llm_watches_push(void **elts, ngx_uint_t n, size_t size)
{
    void    *larger;
    u_char  *elt;

    if ((n & (n - 1)) == 0) {
        larger = realloc(*elts, (n ? 2 * n : 1) * size);
        if (larger == NULL) {
            return NULL;
        }

        *elts = larger;
    }

    elt = (u_char *) *elts + n * size;
    ngx_memzero(elt, size);

    return elt;
}


static ngx_int_t
ngx_http_llm_watches_account(ngx_http_llm_watches_t *watches,
    llm_account_t *account, ngx_array_t *limits, ngx_array_t *alerts)
{
    ngx_uint_t             i, k;
    llm_limit_t           *limit;
    ngx_http_llm_alert_t  *alert;
    ngx_http_llm_watch_t  *watch;

    if (alerts == NULL) {
        return NGX_OK;
    }

    limit = limits->elts;
    alert = alerts->elts;

    for (i = 0; i < limits->nelts; i++) {

        if (limit[i].metric != LLM_METRIC_COST) {
            continue;
        }

        for (k = 0; k < alerts->nelts; k++) {

            if (alert[k].breaker) {
                continue;
            }

            watch = ngx_http_llm_watches_push((void **) &watches->watches,
                                              watches->nwatches,
                                              sizeof(ngx_http_llm_watch_t));
            if (watch == NULL) {
                return NGX_ERROR;
            }

            watches->nwatches++;
            watch->party.account = account;
            watch->party.limits = limit;
            watch->party.nlimits = (unsigned) limits->nelts;
            watch->limit = &limit[i];
            watch->alert = &alert[k];
            watch->start = -1;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_watches_breaker(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf, ngx_http_llm_slot_t *slot,
    ngx_array_t *alerts)
{
    ngx_uint_t                     i;
    ngx_http_llm_alert_t          *alert;
    ngx_http_llm_breaker_watch_t  *watch;

    if (alerts == NULL) {
        return NGX_OK;
    }

    alert = alerts->elts;

    for (i = 0; i < alerts->nelts; i++) {

        if (!alert[i].breaker) {
            continue;
        }

        watch = ngx_http_llm_watches_push((void **) &watches->breakers,
                                          watches->nbreakers,
                                          sizeof(ngx_http_llm_breaker_watch_t));
        if (watch == NULL) {
            return NGX_ERROR;
        }

        watches->nbreakers++;
        watch->slot = slot;
        watch->alert = &alert[i];
        watch->told = lmcf->store ? NGX_HTTP_LLM_BREAKER_UNKNOWN
                                  : NGX_HTTP_LLM_BREAKER_CLOSED;
        watch->opened = slot->health.opened_total;
    }

    return NGX_OK;
}


void
ngx_http_llm_watches_look(ngx_http_llm_watches_t *watches,
    ngx_http_llm_main_conf_t *lmcf, ngx_http_llm_events_t *events,
    int64_t now_ms)
{
    ngx_uint_t             i, k, n;
    ngx_http_llm_seen_t    seen[NGX_HTTP_LLM_WATCHES];
    ngx_http_llm_watch_t  *watch;

    ngx_http_llm_breakers_look(watches, lmcf, events, now_ms);

    for (i = 0; i < watches->nwatches; i += n) {
        watch = &watches->watches[i];
        n = ngx_min(watches->nwatches - i, NGX_HTTP_LLM_WATCHES);

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
