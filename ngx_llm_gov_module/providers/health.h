/*
 * A provider's breaker, in shared memory; the caller holds the zone's lock.
 * Consecutive failures, or throttling, open it for a cooldown; then one request
 * probes (half-open) and closes it or opens it for longer.
 */

#ifndef LLM_HEALTH_H
#define LLM_HEALTH_H

#include "../wire/str.h"


typedef struct {
    uint32_t   failures;        /* consecutive */
    uint32_t   opened;          /* times in a row, for the backoff */
    int64_t    open_until_ms;   /* 0: closed */
    int64_t    probe_until_ms;  /* a probe is under way until then */
    uint64_t   failures_total;
    uint64_t   opened_total;
} llm_health_t;


typedef struct {
    uint32_t   max_failures;    /* consecutive ones that open it; 0: never */
    int64_t    cooldown_ms;     /* the first; doubles up to 16 times that */
} llm_health_conf_t;


typedef enum {
    LLM_HEALTH_OK = 0,
    LLM_HEALTH_RESTING,
    LLM_HEALTH_PROBE            /* may be tried once now */
} llm_health_state_t;


llm_health_state_t llm_health_state(const llm_health_t *health,
    int64_t now_ms);

/* an attempt is sent to a provider in state PROBE: others keep away until it
 * ends, or `timeout_ms` is over */
void llm_health_probe(llm_health_t *health, int64_t now_ms,
    int64_t timeout_ms);

void llm_health_success(llm_health_t *health);
void llm_health_failure(llm_health_t *health, const llm_health_conf_t *conf,
    int64_t now_ms);

/* throttled: rests at once, for retry_after_ms if the provider said so (> 0),
 * else for the cooldown */
void llm_health_throttled(llm_health_t *health, const llm_health_conf_t *conf,
    int64_t now_ms, int64_t retry_after_ms);


#endif /* LLM_HEALTH_H */
