/*
 * When an alert is due, and when its delivery is tried again.
 */

#include "thresholds.h"


#define LLM_PROJECTION_MS  ((int64_t) 3600 * 1000)


static int64_t
llm_thresholds_clamp(__int128 value)
{
    return (value > INT64_MAX) ? INT64_MAX : (int64_t) value;
}


unsigned
llm_thresholds_reached(int64_t spent, int64_t limit,
    const uintptr_t *thresholds, unsigned n)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if ((__int128) spent * 100 < (__int128) limit * thresholds[i]) {
            break;
        }
    }

    return i;
}


int64_t
llm_thresholds_percent(int64_t spent, int64_t limit)
{
    if (limit <= 0) {
        return 0;
    }

    return llm_thresholds_clamp((__int128) spent * 10000 / limit);
}


int64_t
llm_thresholds_projected(int64_t spent, llm_window_t window, int64_t now_ms)
{
    int64_t  start, end, length, over, least;

    start = llm_window_start(window, now_ms);
    end = llm_window_end(window, now_ms);

    if (end == 0) {
        return -1;
    }

    length = end - start;
    over = now_ms - start;

    least = (length / 4 < LLM_PROJECTION_MS) ? length / 4 : LLM_PROJECTION_MS;

    if (over < length / 10 || over < least || over <= 0) {
        return -1;
    }

    return llm_thresholds_clamp((__int128) spent * length / over);
}


int64_t
llm_retry_after(unsigned tries, int64_t created_ms, int64_t now_ms,
    int64_t asked_ms, uint32_t random)
{
    int64_t  wait;

    wait = LLM_RETRY_MAX_MS;

    if (tries >= 1 && tries <= 12) {
        wait = LLM_RETRY_FIRST_MS << (tries - 1);
    }

    if (wait > LLM_RETRY_MAX_MS) {
        wait = LLM_RETRY_MAX_MS;
    }

    wait = wait / 2 + (int64_t) (random % (uint32_t) (wait / 2 + 1));

    if (asked_ms > LLM_RETRY_MAX_MS) {
        asked_ms = LLM_RETRY_MAX_MS;
    }

    if (wait < asked_ms) {
        wait = asked_ms;
    }

    return (now_ms + wait - created_ms > LLM_RETRY_END_MS) ? -1 : wait;
}
