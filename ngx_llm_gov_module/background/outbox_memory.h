/*
 * Alerts on their way where there is no store; private to the outbox.
 */

#ifndef LLM_OUTBOX_MEMORY_H
#define LLM_OUTBOX_MEMORY_H

#include "outbox.h"


/* as llm_outbox_step() */
int llm_outbox_memory_step(llm_outbox_t *outbox, llm_outbox_step_t *step);

/* frees what was handed out in this step */
void llm_outbox_unclaim(llm_outbox_step_t *step);


#endif /* LLM_OUTBOX_MEMORY_H */
