/*
 * What the files of retention share.
 */

#ifndef LLM_RETENTION_PARTS_H
#define LLM_RETENTION_PARTS_H

#include "retention.h"
#include "../rows/row.h"


#define LLM_RETENTION_DAY_MS    ((int64_t) 24 * 3600 * 1000)


/* what there is to do */
typedef struct {
    bool           rows;            /* older than before_ms */
    uint64_t       excess;          /* bytes: the oldest go, whatever their
                                       age */
    bool           content;
    bool           rollups;
    bool           names;
    bool           more;
    int64_t        before_ms;       /* of rows; 0: none by age */
    int64_t        minutes_ms;
    int64_t        hours_ms;
    uint32_t       today;

    /* of one transaction */
    uint64_t       left;            /* of the excess */
    unsigned       texts;           /* of content that went */
    llm_row_t      row;
} llm_retention_step_t;


/* fills in what there is to do; LMDB's error */
int llm_retention_look(llm_retention_step_t *step, llm_store_t *store,
    MDB_txn *txn, const llm_retention_t *retention);

/* when the request of a text was received, by its key */
int64_t llm_retention_received(const MDB_val *key);

/* where the search for unused names is in each space; the day on which it last
 * came to its end; LMDB's error */
int llm_retention_swept(llm_store_t *store, MDB_txn *txn, uint64_t swept[4]);


#endif /* LLM_RETENTION_PARTS_H */
