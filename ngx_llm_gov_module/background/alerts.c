/*
 * Alerts: what is to be told goes into the outbox, what is due goes to the
 * thread that delivers, what became of it comes back.
 */

#include "alerts_watch.h"
#include "helper.h"
#include "thresholds.h"
#include "webhook.h"
#include "../governance/zone.h"


#define NGX_HTTP_LLM_ALERTS_TICK   ((ngx_msec_t) 500)
#define NGX_HTTP_LLM_ALERTS_CLEAN  ((ngx_msec_t) 60 * 60 * 1000)
#define NGX_HTTP_LLM_ALERTS_EACH   (LLM_OUTBOX_CLAIMS / 2)  /* for a receiver
                                                               at once; one if
                                                               it fails */


typedef enum {
    NGX_HTTP_LLM_ALERTS_NEW = 0,
    NGX_HTTP_LLM_ALERTS_ON,
    NGX_HTTP_LLM_ALERTS_OFF         /* there are none, or they could not be
                                       started */
} ngx_http_llm_alerts_status_t;


/* of this process, which has one configuration in its life */
typedef struct {
    ngx_http_llm_alerts_status_t   status;
    ngx_http_llm_watches_t         watches;
    ngx_http_llm_events_t          events;
    ngx_http_llm_webhooks_t       *webhooks;
    llm_outbox_t                   outbox;
    llm_outbox_step_t              step;

    /* what has ended and is not in the outbox yet */
    ngx_http_llm_sent_t            sent[LLM_OUTBOX_CLAIMS];
    llm_outbox_result_t            results[LLM_OUTBOX_CLAIMS];
    ngx_uint_t                     nsent;

    ngx_msec_t                     looked;
    ngx_msec_t                     cleaned;
    llm_outbox_place_t             cleaning;    /* has come so far */
    unsigned                       failing:1;

    ngx_http_llm_main_conf_t      *lmcf;        /* of the last run */
    llm_store_t                   *store;
} ngx_http_llm_alerts_t;


static ngx_http_llm_alerts_t  ngx_http_llm_alerts;


static ngx_int_t ngx_http_llm_alerts_start(ngx_http_llm_alerts_t *alerts,
    ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log);
static int ngx_http_llm_alerts_step(ngx_http_llm_alerts_t *alerts,
    ngx_log_t *log, ngx_uint_t room);
static void ngx_http_llm_alerts_end(void);
static void ngx_http_llm_alerts_results(ngx_http_llm_alerts_t *alerts,
    ngx_log_t *log, int64_t now_ms);
static void ngx_http_llm_alerts_result(ngx_http_llm_sent_t *sent,
    llm_outbox_result_t *result, ngx_log_t *log, int64_t now_ms);
static void ngx_http_llm_alerts_failed(ngx_http_llm_sent_t *sent,
    llm_outbox_result_t *result, ngx_log_t *log, const char *why,
    int64_t wait_ms);
static int ngx_http_llm_alerts_takes(uint64_t id, void *ctx);
static void ngx_http_llm_alerts_done(ngx_http_llm_alerts_t *alerts,
    ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log);
static void ngx_http_llm_alerts_publish(ngx_http_llm_alerts_t *alerts,
    ngx_http_llm_main_conf_t *lmcf);


void
ngx_http_llm_alerts_run(ngx_http_llm_main_conf_t *lmcf, llm_store_t *store,
    ngx_log_t *log)
{
    ngx_http_llm_alerts_t  *alerts;

    alerts = &ngx_http_llm_alerts;
    alerts->lmcf = lmcf;
    alerts->store = store;

    if (alerts->status == NGX_HTTP_LLM_ALERTS_NEW) {
        alerts->status = (ngx_http_llm_alerts_start(alerts, lmcf, log)
                          == NGX_OK)
                         ? NGX_HTTP_LLM_ALERTS_ON : NGX_HTTP_LLM_ALERTS_OFF;
        alerts->cleaned = ngx_current_msec - NGX_HTTP_LLM_ALERTS_CLEAN;
        alerts->looked = ngx_current_msec - NGX_HTTP_LLM_ALERTS_TICK;
    }

    /* a store that cannot be opened: without it things would be told twice */

    if (alerts->status == NGX_HTTP_LLM_ALERTS_OFF
        || (lmcf->store != NULL && store == NULL)
        || ngx_current_msec - alerts->looked < NGX_HTTP_LLM_ALERTS_TICK)
    {
        return;
    }

    alerts->looked = ngx_current_msec;

    ngx_http_llm_watches_look(&alerts->watches, lmcf, &alerts->events,
                              ngx_http_llm_now());

    if (ngx_http_llm_alerts_step(alerts, log,
                                 ngx_http_llm_webhooks_room(alerts->webhooks))
        == LLM_OK)
    {
        alerts->failing = 0;
        return;
    }

    if (!alerts->failing) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "llm_alert: %s; alerts wait until it can be written",
                      store ? llm_store_error(store) : "no memory");
    }

    alerts->failing = 1;
}


/* events and results into the outbox, what is due out of it */
static int
ngx_http_llm_alerts_step(ngx_http_llm_alerts_t *alerts, ngx_log_t *log,
    ngx_uint_t room)
{
    int                 rc;
    int64_t             now_ms;
    llm_outbox_step_t  *step;

    now_ms = ngx_http_llm_now();
    ngx_http_llm_alerts_results(alerts, log, now_ms);

    step = &alerts->step;
    ngx_memzero(step, sizeof(llm_outbox_step_t));

    step->now_ms = now_ms;
    step->events = alerts->events.events;
    step->nevents = (unsigned) alerts->events.nevents;
    step->results = alerts->results;
    step->nresults = (unsigned) alerts->nsent;
    step->room = (unsigned) room;
    step->clean = (ngx_current_msec - alerts->cleaned
                   >= NGX_HTTP_LLM_ALERTS_CLEAN)
                  ? &alerts->cleaning : NULL;
    step->takes = ngx_http_llm_alerts_takes;
    step->ctx = alerts->lmcf;

    rc = llm_outbox_step(&alerts->outbox, alerts->store, step);

    ngx_http_llm_events_end(&alerts->events, rc == LLM_OK);

    if (rc == LLM_OK) {
        ngx_http_llm_alerts_done(alerts, alerts->lmcf, log);
    }

    return rc;
}


/* the process ends: what was delivered in its last second is not sent again by
 * the next one */
static void
ngx_http_llm_alerts_end(void)
{
    if (ngx_http_llm_alerts.store != NULL) {
        (void) ngx_http_llm_alerts_step(&ngx_http_llm_alerts, ngx_cycle->log,
                                        0);
    }
}


static ngx_int_t
ngx_http_llm_alerts_start(ngx_http_llm_alerts_t *alerts,
    ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    ngx_err_t  err;

    if (lmcf->webhooks == NULL) {
        return NGX_DECLINED;
    }

    alerts->events.events = ngx_alloc(NGX_HTTP_LLM_EVENTS
                                      * sizeof(llm_outbox_event_t), log);
    alerts->events.tellings = ngx_alloc(NGX_HTTP_LLM_EVENTS
                                        * sizeof(ngx_http_llm_telling_t), log);
    alerts->webhooks = ngx_http_llm_webhooks_create();

    if (alerts->events.events == NULL
        || alerts->events.tellings == NULL
        || alerts->webhooks == NULL
        || ngx_http_llm_watches_init(&alerts->watches, lmcf) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "llm_alert: no memory, there will be no alerts");
        return NGX_ERROR;
    }

    err = ngx_http_llm_helper_start(ngx_http_llm_webhooks_run,
                                    alerts->webhooks);
    if (err != 0) {
        ngx_log_error(NGX_LOG_ALERT, log, err,
                      "llm_alert: pthread_create() failed, there will be no "
                      "alerts");
        return NGX_ERROR;
    }

    ngx_http_llm_helper_at_end(ngx_http_llm_alerts_end);

    return NGX_OK;
}


/* those of a step that failed go first, with what was made of them then */
static void
ngx_http_llm_alerts_results(ngx_http_llm_alerts_t *alerts, ngx_log_t *log,
    int64_t now_ms)
{
    ngx_uint_t  i;

    if (alerts->nsent > 0) {
        return;
    }

    alerts->nsent = ngx_http_llm_webhooks_sent(alerts->webhooks, alerts->sent);

    for (i = 0; i < alerts->nsent; i++) {
        ngx_http_llm_alerts_result(&alerts->sent[i], &alerts->results[i], log,
                                   now_ms);
    }
}


static void
ngx_http_llm_alerts_result(ngx_http_llm_sent_t *sent,
    llm_outbox_result_t *result, ngx_log_t *log, int64_t now_ms)
{
    u_char           text[sizeof(sent->error)], *last;
    int64_t          wait_ms;
    llm_delivery_t  *delivery;

    delivery = &sent->delivery;

    sent->webhook->under_way--;
    sent->webhook->failing = (sent->status < 200 || sent->status >= 300);

    ngx_memcpy(result->id, delivery->id, LLM_ALERT_ID_SIZE);
    result->due_ms = delivery->due_ms;
    result->next_ms = 0;

    if (!sent->webhook->failing) {
        ngx_log_error(NGX_LOG_INFO, log, 0, "llm_alert: %s was delivered to "
                      "%V", llm_alert_type_name(delivery->type),
                      &sent->webhook->origin);
        return;
    }

    if (sent->status) {
        last = ngx_snprintf(text, sizeof(text) - 1, "HTTP %l", sent->status);
        *last = '\0';
        ngx_memcpy(sent->error, text, last + 1 - text);
    }

    if (sent->status == 410) {
        ngx_http_llm_alerts_failed(sent, result, log, sent->error, -1);
        return;
    }

    wait_ms = llm_retry_after(delivery->tries, delivery->created_ms, now_ms,
                              sent->asked_ms, (uint32_t) ngx_random());

    ngx_http_llm_alerts_failed(sent, result, log, sent->error, wait_ms);

    if (wait_ms >= 0) {
        result->next_ms = now_ms + wait_ms;
    }
}


/* the first time, and when it is given up */
static void
ngx_http_llm_alerts_failed(ngx_http_llm_sent_t *sent,
    llm_outbox_result_t *result, ngx_log_t *log, const char *why,
    int64_t wait_ms)
{
    char        id[33];
    ngx_uint_t  level;

    llm_alert_id_text(result->id, id);

    if (wait_ms < 0) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "llm_alert: %s %s could not be delivered to %V, it is "
                      "given up after %uD tries: %s",
                      llm_alert_type_name(sent->delivery.type), id,
                      &sent->webhook->origin, sent->delivery.tries, why);
        return;
    }

    level = (sent->delivery.tries == 1) ? NGX_LOG_WARN : NGX_LOG_INFO;

    ngx_log_error(level, log, 0,
                  "llm_alert: %s %s could not be delivered to %V, it is tried "
                  "again in %L ms: %s",
                  llm_alert_type_name(sent->delivery.type), id,
                  &sent->webhook->origin, wait_ms, why);
}


static int
ngx_http_llm_alerts_takes(uint64_t id, void *ctx)
{
    ngx_uint_t               most;
    ngx_http_llm_webhook_t  *webhook;

    webhook = ngx_http_llm_webhook_find(ctx, id);

    if (webhook == NULL) {
        return -1;
    }

    most = webhook->failing ? 1 : NGX_HTTP_LLM_ALERTS_EACH;

    return (most > webhook->under_way) ? (int) (most - webhook->under_way) : 0;
}


/* it is in the outbox: what was claimed goes out */
static void
ngx_http_llm_alerts_done(ngx_http_llm_alerts_t *alerts,
    ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    unsigned                 i;
    llm_outbox_step_t       *step;
    ngx_http_llm_webhook_t  *webhook;

    step = &alerts->step;

    if (step->clean) {
        alerts->cleaning = step->cleaned;

        if (alerts->cleaning.len == 0) {
            alerts->cleaned = ngx_current_msec;
        }
    }

    if (step->lost) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "llm_alert: %uD alerts are lost: there are too many to "
                      "be delivered, or their url= is in no llm_alert any "
                      "more", (uint32_t) step->lost);
    }

    for (i = 0; i < step->nclaims; i++) {
        webhook = ngx_http_llm_webhook_find(lmcf, step->claims[i].webhook);
        webhook->under_way++;
        ngx_http_llm_webhooks_send(alerts->webhooks, &step->claims[i],
                                   webhook);
    }

    ngx_http_llm_alerts_publish(alerts, lmcf);

    alerts->nsent = 0;
}


/* for status and metrics */
static void
ngx_http_llm_alerts_publish(ngx_http_llm_alerts_t *alerts,
    ngx_http_llm_main_conf_t *lmcf)
{
    u_char                       *last;
    ngx_uint_t                    i;
    ngx_http_llm_sent_t          *sent;
    ngx_http_llm_alerts_state_t   state;

    ngx_http_llm_lock(lmcf);
    state = lmcf->shared->alerts;
    ngx_http_llm_unlock(lmcf);

    for (i = 0; i < alerts->nsent; i++) {
        sent = &alerts->sent[i];

        if (sent->status >= 200 && sent->status < 300) {
            state.delivered++;
            continue;
        }

        if (alerts->results[i].next_ms) {
            state.failed++;

        } else {
            state.given_up++;
        }

        last = ngx_snprintf((u_char *) state.error, sizeof(state.error) - 1,
                            "%V: %s", &sent->webhook->origin, sent->error);
        *last = '\0';
        state.error_ms = alerts->step.now_ms;
    }

    state.given_up += alerts->step.lost;
    state.pending = alerts->step.pending;

    ngx_http_llm_lock(lmcf);
    lmcf->shared->alerts = state;
    ngx_http_llm_unlock(lmcf);
}
