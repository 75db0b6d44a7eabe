/*
 * A provider's breaker.
 */

#include "providers/health.h"
#include "tap.h"


#define COOLDOWN  1000
#define PROBE     500


static const llm_health_conf_t  conf = { 3, COOLDOWN };


static void
fail(llm_health_t *health, int64_t now, unsigned times)
{
    while (times--) {
        llm_health_failure(health, &conf, now);
    }
}


static void
opens_and_closes(void)
{
    llm_health_t  h;

    memset(&h, 0, sizeof(h));

    fail(&h, 100, 2);
    ok(llm_health_state(&h, 100) == LLM_HEALTH_OK, "two failures: closed");

    llm_health_success(&h);
    fail(&h, 100, 2);
    ok(llm_health_state(&h, 100) == LLM_HEALTH_OK,
       "a success between them: only consecutive ones count");

    fail(&h, 100, 1);
    ok(llm_health_state(&h, 100) == LLM_HEALTH_RESTING, "the third opens it");
    ok(llm_health_state(&h, 100 + COOLDOWN - 1) == LLM_HEALTH_RESTING,
       "until the cooldown is over");
    ok(llm_health_state(&h, 100 + COOLDOWN) == LLM_HEALTH_PROBE,
       "then it may be probed");

    fail(&h, 200, 5);
    ok(h.open_until_ms == 100 + COOLDOWN && h.opened == 1,
       "late failures of older requests do not prolong it");

    llm_health_success(&h);
    ok(llm_health_state(&h, 300) == LLM_HEALTH_RESTING,
       "nor does a late success of an older request end it");

    llm_health_probe(&h, 1100, PROBE);
    ok(llm_health_state(&h, 1100) == LLM_HEALTH_RESTING,
       "others keep away during the probe");
    ok(llm_health_state(&h, 1100 + PROBE) == LLM_HEALTH_PROBE,
       "a probe that never ends is given up");

    llm_health_success(&h);
    ok(llm_health_state(&h, 1200) == LLM_HEALTH_OK && h.opened == 0
       && h.failures == 0, "the probe's success closes it");
    ok(h.opened_total == 1 && h.failures_total == 10, "totals");
}


static void
backs_off(void)
{
    int64_t       now, rest;
    unsigned      i;
    llm_health_t  h;

    static const int64_t  rests[] = { 1, 2, 4, 8, 16, 16, 16 };

    memset(&h, 0, sizeof(h));
    now = 5000;
    fail(&h, now, 3);

    for (i = 0; i < 7; i++) {
        rest = h.open_until_ms - now;
        ok(rest == rests[i] * COOLDOWN, "rest %u: %lld ms", i,
           (long long) rest);

        now = h.open_until_ms;
        llm_health_probe(&h, now, PROBE);
        llm_health_failure(&h, &conf, now);
    }
}


static void
throttled(void)
{
    llm_health_t       h;
    llm_health_conf_t  off;

    memset(&h, 0, sizeof(h));

    llm_health_throttled(&h, &conf, 100, 0);
    ok(h.open_until_ms == 100 + COOLDOWN, "throttled: rests for the cooldown");

    llm_health_throttled(&h, &conf, 200, 0);
    ok(h.open_until_ms == 100 + COOLDOWN && h.opened == 1,
       "once, however many were under way");

    llm_health_throttled(&h, &conf, 300, 7000);
    ok(h.open_until_ms == 7300, "Retry-After is honoured while it rests");

    llm_health_throttled(&h, &conf, 400, 10);
    ok(h.open_until_ms == 7300, "a shorter one does not shorten it");

    memset(&h, 0, sizeof(h));
    llm_health_throttled(&h, &conf, 100, 30000);
    ok(h.open_until_ms == 30100, "and from the start");

    memset(&h, 0, sizeof(h));
    llm_health_throttled(&h, &conf, 0, INT64_MAX);
    ok(h.open_until_ms == 3600000, "an hour at most");

    off = (llm_health_conf_t) { 0, COOLDOWN };
    memset(&h, 0, sizeof(h));
    llm_health_throttled(&h, &off, 100, 30000);
    llm_health_failure(&h, &off, 100);
    ok(llm_health_state(&h, 100) == LLM_HEALTH_OK, "0 failures: never");
}


int
main(void)
{
    opens_and_closes();
    backs_off();
    throttled();

    return plan_done();
}
