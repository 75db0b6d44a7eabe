/*
 * A provider's breaker.  Closed: open_until_ms is 0.  Open: until then nobody
 * tries.  Half-open: that time is over, one request at a time probes.
 */

#include "health.h"


/* a provider that asks for more rest than this is looked at all the same */
#define LLM_RETRY_AFTER_MAX_MS  ((int64_t) 3600 * 1000)

/* 16 times the cooldown */
#define LLM_BACKOFF_MAX         4


static bool
llm_health_open(const llm_health_t *health, int64_t now_ms)
{
    return health->open_until_ms > now_ms;
}


static void
llm_health_rest(llm_health_t *health, const llm_health_conf_t *conf,
    int64_t now_ms, int64_t rest_ms)
{
    if (rest_ms <= 0) {
        rest_ms = conf->cooldown_ms << (health->opened < LLM_BACKOFF_MAX
                                        ? health->opened : LLM_BACKOFF_MAX);
    }

    health->open_until_ms = now_ms + (rest_ms > 0 ? rest_ms : 1);
    health->probe_until_ms = 0;
    health->opened++;
    health->opened_total++;
}


llm_health_state_t
llm_health_state(const llm_health_t *health, int64_t now_ms)
{
    if (health->open_until_ms == 0) {
        return LLM_HEALTH_OK;
    }

    if (llm_health_open(health, now_ms) || health->probe_until_ms > now_ms) {
        return LLM_HEALTH_RESTING;
    }

    return LLM_HEALTH_PROBE;
}


void
llm_health_probe(llm_health_t *health, int64_t now_ms, int64_t timeout_ms)
{
    if (health->open_until_ms != 0) {
        health->probe_until_ms = now_ms + timeout_ms;
    }
}


void
llm_health_success(llm_health_t *health)
{
    health->failures = 0;

    /* no probe was sent since it opened: an answer to a request from before
     * that tells nothing */

    if (health->open_until_ms != 0 && health->probe_until_ms == 0) {
        return;
    }

    health->opened = 0;
    health->open_until_ms = 0;
    health->probe_until_ms = 0;
}


void
llm_health_failure(llm_health_t *health, const llm_health_conf_t *conf,
    int64_t now_ms)
{
    health->failures_total++;

    if (health->failures < UINT32_MAX) {
        health->failures++;
    }

    if (conf->max_failures == 0) {
        return;
    }

    /* requests sent before it opened go on failing for a while: they do not
     * make the rest longer */

    if (llm_health_open(health, now_ms)) {
        return;
    }

    if (health->open_until_ms != 0 || health->failures >= conf->max_failures) {
        llm_health_rest(health, conf, now_ms, 0);
    }
}


void
llm_health_throttled(llm_health_t *health, const llm_health_conf_t *conf,
    int64_t now_ms, int64_t retry_after_ms)
{
    if (conf->max_failures == 0) {
        return;
    }

    if (retry_after_ms > LLM_RETRY_AFTER_MAX_MS) {
        retry_after_ms = LLM_RETRY_AFTER_MAX_MS;
    }

    if (!llm_health_open(health, now_ms)) {
        llm_health_rest(health, conf, now_ms, retry_after_ms);
        return;
    }

    if (health->open_until_ms < now_ms + retry_after_ms) {
        health->open_until_ms = now_ms + retry_after_ms;
    }
}
