/*
 * What is old goes, a little at a time; and what the rows that are gone had
 * charged is remembered, so that the counters can still be checked.
 */

#ifndef LLM_RETENTION_H
#define LLM_RETENTION_H

#include "../store.h"


typedef struct {
    int64_t    rows_ms;             /* age of rows and content; 0: no bound */
    uint64_t   size;                /* bytes in use; 0: no bound */
    int64_t    minutes_ms;          /* age of rollups by minute, */
    int64_t    hours_ms;            /* and by hour; 0: no bound */
} llm_retention_t;


/* one short step (a few blocks); *more: call again.  LLM_ERROR as ever. */
int llm_retention_run(llm_store_t *store, const llm_retention_t *retention,
    int64_t now_ms, bool *more);


/*
 * verify: recomputes every counter from the rows that are there and those that
 * were retired, and each rollup of the time that rows cover; `report` is called
 * for each difference, with a line of text.  *differences, *checked.
 */
int llm_store_verify(llm_store_t *store, int64_t now_ms,
    void (*report)(const char *line, void *ctx), void *ctx,
    uint64_t *checked, uint64_t *differences);

/* a compacted copy of the store in the folder `to`, which must not exist */
int llm_store_copy(llm_store_t *store, const char *to);


#endif /* LLM_RETENTION_H */
