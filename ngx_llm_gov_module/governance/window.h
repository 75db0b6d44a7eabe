/*
 * Windows of budgets and rate limits.  A window's id is computed from the
 * clock at every check: a new id means a zero counter; nothing is ever reset
 * by a job.
 */

#ifndef LLM_WINDOW_H
#define LLM_WINDOW_H

#include "../wire/str.h"


typedef enum {
    LLM_WINDOW_FOREVER = 0,
    LLM_WINDOW_MINUTES,         /* aligned to the epoch */
    LLM_WINDOW_HOURS,           /* aligned to the epoch */
    LLM_WINDOW_DAY,             /* from here on aligned to the UTC calendar */
    LLM_WINDOW_WEEK,            /* from Monday */
    LLM_WINDOW_MONTH,
    LLM_WINDOW_YEAR
} llm_window_unit_t;


typedef struct {
    llm_window_unit_t   unit;
    uint32_t            count;  /* minutes or hours; 1 for the others */
} llm_window_t;


/*
 * "1m" "5m" "1h" "12h" "1d" "1w" "1M" "1Y"; "total" never resets.  LLM_ERROR
 * with *error telling what to write instead ("days are calendar days: write
 * 1d", "90s is no period: …").
 */
int llm_window_parse(llm_str_t text, llm_window_t *window,
    const char **error);

/* writes the text form ("1M", "total"), returns its length (at most 16) */
size_t llm_window_text(llm_window_t window, char out[16]);

/* ms since the epoch at which the window that holds now_ms began: its id
 * (0 for FOREVER), and at which the next begins (0: never) */
int64_t llm_window_start(llm_window_t window, int64_t now_ms);
int64_t llm_window_end(llm_window_t window, int64_t now_ms);


#endif /* LLM_WINDOW_H */
