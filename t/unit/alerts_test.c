/*
 * Alerts: when they are due, what they say, when they are tried again.
 */

#define _GNU_SOURCE                     /* memmem() */

#include "background/alert_text.h"
#include "background/thresholds.h"
#include "tap.h"

#include <stdlib.h>


#define SECOND  ((int64_t) 1000)
#define HOUR    ((int64_t) 3600 * SECOND)
#define DAY     ((int64_t) 24 * HOUR)
#define DOLLAR  ((int64_t) 1000000000)

/* 2026-01-15T00:00:00Z, a Thursday */
#define MIDNIGHT  ((int64_t) 1768435200000)
#define NOON      (MIDNIGHT + 12 * HOUR)


static void
thresholds(void)
{
    uintptr_t  marks[] = { 50, 80, 100, 1000 };

    ok(llm_thresholds_reached(0, 100, marks, 4) == 0, "nothing spent");
    ok(llm_thresholds_reached(49, 100, marks, 4) == 0, "just below");
    ok(llm_thresholds_reached(50, 100, marks, 4) == 1, "just there");
    ok(llm_thresholds_reached(99, 100, marks, 4) == 2, "two at once");
    ok(llm_thresholds_reached(100, 100, marks, 4) == 3, "all of it");
    ok(llm_thresholds_reached(1000, 100, marks, 4) == 4, "ten times that");
    ok(llm_thresholds_reached(INT64_MAX, INT64_MAX, marks, 4) == 3,
       "the largest numbers");
    ok(llm_thresholds_reached(7, 15, marks, 1) == 0
       && llm_thresholds_reached(8, 15, marks, 1) == 1, "an odd limit");

    ok(llm_thresholds_percent(1, 3) == 3333, "percent, cut");
    ok(llm_thresholds_percent(2, 1) == 20000, "more than all");
    ok(llm_thresholds_percent(INT64_MAX, 1) == INT64_MAX, "no overflow");
    ok(llm_thresholds_percent(1, 0) == 0, "no limit");
}


static void
projection(void)
{
    llm_window_t  day = { LLM_WINDOW_DAY, 1 }, hour = { LLM_WINDOW_HOURS, 1 },
                  minute = { LLM_WINDOW_MINUTES, 1 },
                  forever = { LLM_WINDOW_FOREVER, 1 };

    ok(llm_thresholds_projected(DOLLAR, day, MIDNIGHT) == -1,
       "the window has just begun");
    ok(llm_thresholds_projected(DOLLAR, day, MIDNIGHT + 144 * 60 * SECOND - 1)
       == -1, "less than a tenth is over");
    ok(llm_thresholds_projected(DOLLAR, day, MIDNIGHT + 144 * 60 * SECOND)
       == 10 * DOLLAR, "a tenth is over");
    ok(llm_thresholds_projected(3 * DOLLAR, day, NOON) == 6 * DOLLAR,
       "half is over");
    ok(llm_thresholds_projected(DOLLAR, hour, NOON + 899 * SECOND) == -1
       && llm_thresholds_projected(DOLLAR, hour, NOON + 900 * SECOND)
          == 4 * DOLLAR, "of an hour a quarter must be over");
    ok(llm_thresholds_projected(DOLLAR, minute, NOON + 15 * SECOND)
       == 4 * DOLLAR, "of a minute, too");
    ok(llm_thresholds_projected(DOLLAR, forever, NOON) == -1, "no end");
    ok(llm_thresholds_projected(INT64_MAX, day, NOON) == INT64_MAX,
       "no overflow");
}


static void
retries(void)
{
    int64_t   wait, last;
    unsigned  i, wrong;

    wrong = 0;
    last = 0;

    for (i = 1; i < 40; i++) {
        wait = llm_retry_after(i, NOON, NOON, 0, UINT32_MAX / 3 * i);
        last = (i <= 12) ? LLM_RETRY_FIRST_MS << (i - 1) : LLM_RETRY_MAX_MS;

        if (last > LLM_RETRY_MAX_MS) {
            last = LLM_RETRY_MAX_MS;
        }

        wrong += (wait < last / 2 || wait > last);
    }

    ok(wrong == 0, "waits double to an hour, between half and all of that");
    ok(llm_retry_after(1, NOON, NOON, 30 * SECOND, 0) == 30 * SECOND,
       "as long as the receiver asks for");
    ok(llm_retry_after(1, NOON, NOON, 5 * HOUR, 0) == HOUR,
       "but an hour at most");
    ok(llm_retry_after(20, NOON, NOON + DAY - HOUR, 0, 0) == HOUR / 2,
       "within a day it goes on");
    ok(llm_retry_after(20, NOON, NOON + DAY - HOUR / 2 + 1, 0, 0) == -1,
       "then it is given up");
    ok(llm_retry_after(0, NOON, NOON, 0, 0) > 0
       && llm_retry_after(UINT32_MAX, NOON, NOON, 0, 0) > 0,
       "any number of tries");
}


static int
contains(const llm_buf_t *buf, const char *text)
{
    return memmem(buf->data, buf->len, text, strlen(text)) != NULL;
}


static void
texts(void)
{
    llm_buf_t    text, json, slack;
    llm_limit_t  limit = { LLM_METRIC_COST, LLM_LIMIT_SOFT,
                           { LLM_WINDOW_MONTH, 1 }, 2000 * DOLLAR };
    llm_alert_t  alert;

    memset(&alert, 0, sizeof(alert));
    memset(alert.id, 0xab, sizeof(alert.id));
    alert.type = LLM_ALERT_THRESHOLD;
    alert.time_ms = NOON;
    alert.kind = LLM_ACCOUNT_TEAM;
    alert.name = llm_str("ml");
    alert.limit = &limit;
    alert.spent = 1650 * DOLLAR + 999999999;
    alert.held = DOLLAR / 2;
    alert.resets_ms = MIDNIGHT + 17 * DAY;
    alert.threshold = 80;
    alert.projected = -1;

    llm_buf_init(&text, LLM_ALERT_TEXT_MAX);
    llm_buf_init(&json, LLM_ALERT_BODY_MAX);
    llm_buf_init(&slack, LLM_ALERT_BODY_MAX);

    llm_alert_text(&text, &alert);
    ok(contains(&text, "Budget of team ml: $1650.99 of $2000.00 per 1M is "
                "spent (82.54 %), past the mark of 80 %. Nothing is refused: "
                "the budget is soft. Resets 2026-02-01T00:00:00Z."),
       "a budget in words");

    llm_alert_json(&json, &alert, (llm_str_t) { text.data, text.len });
    ok(contains(&json, "{\"type\":\"budget_threshold\",\"id\":\""
                "abababababababababababababababab\","
                "\"time\":\"2026-01-15T12:00:00Z\","
                "\"account\":{\"kind\":\"team\",\"name\":\"ml\"},"
                "\"window\":\"1M\",\"mode\":\"soft\",\"limit\":2000,"
                "\"spent\":1650.999999999,\"held\":0.5,\"percent\":82.54,"
                "\"threshold\":80,\"projected\":null,"
                "\"resets\":\"2026-02-01T00:00:00Z\",\"text\":\"Budget of"),
       "a budget as JSON");

    llm_alert_slack(&slack, llm_str("a \"word\"\n"));
    ok(contains(&slack, "{\"text\":\"a \\\"word\\\"\\n\"}"), "for Slack");

    text.len = json.len = 0;
    alert.type = LLM_ALERT_PROJECTED;
    alert.threshold = 0;
    alert.projected = 3000 * DOLLAR;
    alert.resets_ms = 0;
    limit.mode = LLM_LIMIT_HARD;
    llm_alert_text(&text, &alert);
    llm_alert_json(&json, &alert, (llm_str_t) { text.data, text.len });
    ok(contains(&text, "If it goes on like this it will be $3000.00 at the "
                "end.")
       && contains(&json, "\"threshold\":null,\"projected\":3000,"
                   "\"resets\":null"), "a projection");

    text.len = json.len = 0;
    alert.type = LLM_ALERT_BREAKER;
    alert.kind = LLM_ACCOUNT_PROVIDER;
    alert.open = true;
    alert.failures = 5;
    alert.until_ms = NOON;
    alert.opened = 1;
    llm_alert_text(&text, &alert);
    llm_alert_json(&json, &alert, (llm_str_t) { text.data, text.len });
    ok(contains(&text, "Provider ml rests: its breaker opened after 5 "
                "failures in a row. It is tried again at "
                "2026-01-15T12:00:00Z.")
       && contains(&json, "\"state\":\"open\",\"failures\":5,\"opened\":1,"
                   "\"until\":\"2026-01-15T12:00:00Z\""), "a breaker opens");

    text.len = 0;
    alert.failures = 0;
    llm_alert_text(&text, &alert);
    ok(contains(&text, "after it said that we call too often"), "throttled");

    text.len = 0;
    alert.open = false;
    llm_alert_text(&text, &alert);
    ok(contains(&text, "answers again"), "and closes");

    llm_buf_free(&text);
    llm_buf_free(&json);
    llm_buf_free(&slack);
}


int
main(void)
{
    thresholds();
    projection();
    retries();
    texts();

    return plan_done();
}
