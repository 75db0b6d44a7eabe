/*
 * What the files of the mirror share: the open environment and its one way of
 * writing.
 */

#ifndef LLM_ENVIRONMENT_H
#define LLM_ENVIRONMENT_H

#include "mirror.h"
#include "record.h"
#include "private.h"
#include "../wire/buf.h"

#include <lmdb.h>
#include <time.h>


/* what is gathered for the next transaction */
#define LLM_MIRROR_PUT     'p'
#define LLM_MIRROR_DELETE  'd'


struct llm_mirror_s {
    llm_store_t  *store;
    MDB_dbi     counters;
    MDB_dbi     epochs;
    llm_buf_t   pending;            /* action, length of the key, key, value */
    uint64_t    epoch;              /* of the last put */
    bool        has_epoch;
    uint64_t    compact_live;       /* for the compaction under way */
    int64_t     compact_now_ms;
};


/* sets the error text for LMDB's or the system's error; LLM_ERROR */
int llm_mirror_fail(llm_mirror_t *mirror, const char *action, int rc);

/* notes a put or a delete for the next transaction */
int llm_mirror_gather(llm_mirror_t *mirror, char action,
    const llm_record_t *record);

/* One write transaction: `step`, then all that was gathered.  Done again from
 * the start with a larger map when that is full.  `step` and _apply() return
 * LMDB's errors, 0 if all is well. */
typedef int (*llm_mirror_step_pt)(llm_mirror_t *mirror, MDB_txn *txn);

int llm_mirror_write(llm_mirror_t *mirror, llm_mirror_step_pt step,
    unsigned tries);
int llm_mirror_apply(llm_mirror_t *mirror, MDB_txn *txn);


#endif /* LLM_ENVIRONMENT_H */
