/*
 * What the files of the outbox share.
 */

#ifndef LLM_OUTBOX_PRIVATE_H
#define LLM_OUTBOX_PRIVATE_H

#include "outbox.h"


#define LLM_OUTBOX_HEAD     22          /* of a delivery in the store … */
#define LLM_OUTBOX_WEBHOOK  6           /* … whose receiver is here */
#define LLM_OUTBOX_DUE_KEY  (8 + LLM_ALERT_ID_SIZE)


/* as llm_outbox_step(), without a store */
int llm_outbox_memory_step(llm_outbox_t *outbox, llm_outbox_step_t *step);

/* can anything be handed out?  Sets step->pending, too. */
int llm_outbox_due(llm_store_t *store, llm_outbox_step_t *step, bool *due);

/* hands out what is due; what LMDB returns */
int llm_outbox_claim(llm_store_t *store, MDB_txn *txn,
    llm_outbox_step_t *step);

/* frees what was handed out in this step */
void llm_outbox_unclaim(llm_outbox_step_t *step);

/* has the receiver as much as it may have?  Its deliveries keep their place
 * then and those of others go first, so that one that hangs delays no other. */
bool llm_outbox_busy(const llm_outbox_step_t *step, uint64_t webhook);

/* what LMDB returns */
int llm_outbox_put(llm_store_t *store, MDB_txn *txn,
    const llm_delivery_t *delivery);

/* a copy; LLM_ERROR: damaged; LLM_AGAIN: no memory */
int llm_outbox_parse(llm_delivery_t *delivery, const MDB_val *key,
    const MDB_val *value);


#endif /* LLM_OUTBOX_PRIVATE_H */
