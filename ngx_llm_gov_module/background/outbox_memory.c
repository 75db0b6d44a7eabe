/*
 * Alerts on their way where there is no store: they end with the process.
 */

#include "outbox_private.h"
#include "thresholds.h"

#include <stdlib.h>


static void
llm_outbox_memory_drop(llm_outbox_t *outbox, unsigned i)
{
    free(outbox->deliveries[i].body);
    outbox->deliveries[i] = outbox->deliveries[--outbox->n];
}


static void
llm_outbox_memory_results(llm_outbox_t *outbox, llm_outbox_step_t *step)
{
    unsigned                    i, k;
    const llm_outbox_result_t  *result;

    for (k = 0; k < step->nresults; k++) {
        result = &step->results[k];

        for (i = 0; i < outbox->n; i++) {

            if (memcmp(outbox->deliveries[i].id, result->id,
                       LLM_ALERT_ID_SIZE)
                != 0)
            {
                continue;
            }

            if (result->next_ms == 0) {
                llm_outbox_memory_drop(outbox, i);

            } else {
                outbox->deliveries[i].due_ms = result->next_ms;
            }

            break;
        }
    }
}


static int
llm_outbox_memory_copy(llm_delivery_t *to, const llm_delivery_t *from)
{
    *to = *from;
    to->body = malloc(from->len);

    if (to->body == NULL) {
        return LLM_ERROR;
    }

    memcpy(to->body, from->body, from->len);

    return LLM_OK;
}


static void
llm_outbox_memory_events(llm_outbox_t *outbox, llm_outbox_step_t *step)
{
    unsigned  i;

    for (i = 0; i < step->nevents; i++) {

        if (step->events[i].delivery.body == NULL) {
            continue;
        }

        if (outbox->n == outbox->size
            || llm_outbox_memory_copy(&outbox->deliveries[outbox->n],
                                      &step->events[i].delivery)
               != LLM_OK)
        {
            step->lost++;
            continue;
        }

        outbox->n++;
    }
}


static void
llm_outbox_memory_claim(llm_outbox_t *outbox, llm_outbox_step_t *step)
{
    unsigned         i;
    llm_delivery_t  *delivery;

    for (i = 0; i < outbox->n && step->nclaims < step->room; i++) {
        delivery = &outbox->deliveries[i];

        /* what is due much later is so because the clock was set back */

        if ((delivery->due_ms > step->now_ms
             && delivery->due_ms <= step->now_ms + 2 * LLM_RETRY_MAX_MS)
            || llm_outbox_busy(step, delivery->webhook))
        {
            continue;
        }

        delivery->tries++;
        delivery->due_ms = step->now_ms + LLM_OUTBOX_LEASE_MS;

        if (llm_outbox_memory_copy(&step->claims[step->nclaims], delivery)
            != LLM_OK)
        {
            break;
        }

        step->nclaims++;
    }
}


int
llm_outbox_memory_step(llm_outbox_t *outbox, llm_outbox_step_t *step)
{
    if (outbox->deliveries == NULL) {
        outbox->deliveries = calloc(LLM_OUTBOX_MEMORY, sizeof(llm_delivery_t));
        if (outbox->deliveries == NULL) {
            return LLM_ERROR;
        }

        outbox->size = LLM_OUTBOX_MEMORY;
    }

    llm_outbox_memory_results(outbox, step);
    llm_outbox_memory_events(outbox, step);
    llm_outbox_memory_claim(outbox, step);

    step->pending = outbox->n;

    return LLM_OK;
}


void
llm_outbox_free(llm_outbox_t *outbox)
{
    while (outbox->n > 0) {
        llm_outbox_memory_drop(outbox, outbox->n - 1);
    }

    free(outbox->deliveries);
    outbox->deliveries = NULL;
    outbox->size = 0;
}
