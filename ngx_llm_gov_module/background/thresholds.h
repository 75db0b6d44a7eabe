/*
 * When an alert is due, and when its delivery is tried again.  Pure C.
 */

#ifndef LLM_THRESHOLDS_H
#define LLM_THRESHOLDS_H

#include "../governance/ledger.h"


#define LLM_RETRY_FIRST_MS   ((int64_t) 1000)
#define LLM_RETRY_MAX_MS     ((int64_t) 3600 * 1000)
#define LLM_RETRY_END_MS     ((int64_t) 24 * 3600 * 1000)


/* how many of the ascending thresholds (whole percents of the limit) `spent`
 * has reached */
unsigned llm_thresholds_reached(int64_t spent, int64_t limit,
    const uintptr_t *thresholds, unsigned n);

/* spent as hundredths of a percent of the limit, cut; stops at INT64_MAX */
int64_t llm_thresholds_percent(int64_t spent, int64_t limit);

/*
 * What will be spent at the end of the window if it goes on as until now; -1:
 * too early to say, or the window has no end.  A tenth of the window must be
 * over, and an hour of it, or a quarter where that is shorter.
 */
int64_t llm_thresholds_projected(int64_t spent, llm_window_t window,
    int64_t now_ms);

/*
 * Milliseconds to wait after the `tries`th try (from 1) has failed: doubling
 * from a second to an hour, and of that a random part between half and all
 * (`random` is any number); at least what the receiver asked for, where that is
 * under an hour.  -1: give up, a day is over since created_ms.
 */
int64_t llm_retry_after(unsigned tries, int64_t created_ms, int64_t now_ms,
    int64_t asked_ms, uint32_t random);


#endif /* LLM_THRESHOLDS_H */
