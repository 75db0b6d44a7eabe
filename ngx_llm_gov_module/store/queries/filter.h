/*
 * Filters of the request log, as they come in a query string; the same ones
 * for /llm/logs, /llm/live and scripts/store export.  Pure C.
 *
 * A value may be a comma list (any of them), begin with `!` (none of them), and
 * strings may end with `*`.  Strings compare bytewise, but `text` and
 * `user_agent` look for a part, ASCII case folded.
 */

#ifndef LLM_FILTER_H
#define LLM_FILTER_H

#include "../rows/block.h"
#include "../rows/row.h"


typedef struct llm_filter_s  llm_filter_t;

#define LLM_FILTER_ERROR  256


/* NULL: no memory */
llm_filter_t *llm_filter_create(void);
void llm_filter_free(llm_filter_t *filter);

/*
 * Adds one; name and value are decoded already.  LLM_OK; LLM_AGAIN: no filter
 * has that name (perhaps the caller's own parameter); LLM_ERROR: error says
 * which field and what is allowed.
 */
int llm_filter_add(llm_filter_t *filter, llm_str_t name, llm_str_t value,
    int64_t now_ms, char error[LLM_FILTER_ERROR]);

/* the names there are, for messages and documentation, comma separated */
llm_str_t llm_filter_names(void);

/* the range of ended_ms that the filter asks for: [*from, *to) */
void llm_filter_times(const llm_filter_t *filter, int64_t *from, int64_t *to);

/* one row */
bool llm_filter_match(const llm_filter_t *filter, const llm_row_t *row);

/* a block: sets bit i % 64 of bits[i / 64] for each row that matches, clears
 * the others; returns how many do.  bits: LLM_BLOCK_ROWS / 64 words. */
unsigned llm_filter_block(const llm_filter_t *filter, const llm_block_t *block,
    uint64_t *bits);

/*
 * Times as people write them: RFC 3339 date or date-time, seconds or
 * milliseconds since the epoch, "now", "today", "yesterday", "-15m", "-24h",
 * "-7d".  *ms; LLM_ERROR.
 */
int llm_filter_time(llm_str_t text, int64_t now_ms, int64_t *ms);

/* period=: "today", "yesterday", "this_week", "last_week", "this_month",
 * "last_month", "24h", "7d", … to [*from, *to) */
int llm_filter_period(llm_str_t text, int64_t now_ms, int64_t *from,
    int64_t *to);


#endif /* LLM_FILTER_H */
