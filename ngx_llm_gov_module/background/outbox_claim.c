/*
 * Alerts on their way: which of those in the store are handed out next.
 */

#include "outbox_private.h"
#include "thresholds.h"
#include "../wire/be.h"

#include <errno.h>
#include <stdlib.h>


#define LLM_OUTBOX_PASSED  4096         /* of receivers that are busy */


static int llm_outbox_next(MDB_cursor *cursor, const llm_outbox_step_t *step,
    MDB_val *key, MDB_val *value);
static bool llm_outbox_passed(const llm_outbox_step_t *step,
    const MDB_val *value);
static int llm_outbox_claim_one(llm_store_t *store, MDB_txn *txn,
    llm_outbox_step_t *step, MDB_cursor *cursor, MDB_val *key,
    MDB_val *value);


int
llm_outbox_due(llm_store_t *store, llm_outbox_step_t *step, bool *due)
{
    int          rc;
    MDB_txn     *txn;
    MDB_val      key, value;
    MDB_stat     stat;
    MDB_cursor  *cursor;

    *due = false;

    rc = llm_store_read(store, &txn);
    if (rc != 0) {
        return llm_store_fail(store, "read", rc);
    }

    rc = mdb_stat(txn, store->deliveries, &stat);

    if (rc == 0) {
        rc = mdb_cursor_open(txn, store->deliveries, &cursor);
    }

    if (rc == 0) {
        step->pending = stat.ms_entries;
        rc = llm_outbox_next(cursor, step, &key, &value);
        *due = (rc == 0);
        mdb_cursor_close(cursor);

        if (rc == MDB_NOTFOUND) {
            rc = 0;
        }
    }

    llm_store_read_end(store, txn);

    return (rc == 0) ? LLM_OK : llm_store_fail(store, "read", rc);
}


/* The next one that is due and can be handed out, MDB_NOTFOUND if there is
 * none.  Nothing is ever put off for much more than an hour: what is due later
 * than that is so because the clock was set back. */
static int
llm_outbox_next(MDB_cursor *cursor, const llm_outbox_step_t *step,
    MDB_val *key, MDB_val *value)
{
    int       rc;
    uint64_t  now;
    unsigned  n;

    now = (uint64_t) step->now_ms;
    rc = mdb_cursor_get(cursor, key, value, MDB_FIRST);

    for (n = 0; rc == 0 && n < LLM_OUTBOX_PASSED; n++) {

        if (key->mv_size != LLM_OUTBOX_DUE_KEY) {
            return 0;
        }

        if (llm_be_get(key->mv_data, 8) > now) {
            break;
        }

        if (!llm_outbox_passed(step, value)) {
            return 0;
        }

        rc = mdb_cursor_get(cursor, key, value, MDB_NEXT);
    }

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    rc = mdb_cursor_get(cursor, key, value, MDB_LAST);

    if (rc != 0 || key->mv_size != LLM_OUTBOX_DUE_KEY) {
        return rc;
    }

    return (llm_be_get(key->mv_data, 8) > now + 2 * LLM_RETRY_MAX_MS
            && !llm_outbox_passed(step, value))
           ? 0 : MDB_NOTFOUND;
}


static bool
llm_outbox_passed(const llm_outbox_step_t *step, const MDB_val *value)
{
    return value->mv_size >= LLM_OUTBOX_HEAD
           && llm_outbox_busy(step, llm_be_get((char *) value->mv_data
                                               + LLM_OUTBOX_WEBHOOK, 8));
}


bool
llm_outbox_busy(const llm_outbox_step_t *step, uint64_t webhook)
{
    int       room;
    unsigned  i;

    room = step->takes(webhook, step->ctx);

    if (room < 0) {
        return false;
    }

    for (i = 0; i < step->nclaims; i++) {
        room -= (step->claims[i].webhook == webhook);
    }

    return room <= 0;
}


int
llm_outbox_claim(llm_store_t *store, MDB_txn *txn, llm_outbox_step_t *step)
{
    int          rc;
    unsigned     n;
    MDB_val      key, value;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(txn, store->deliveries, &cursor);
    if (rc != 0) {
        return rc;
    }

    /* those of unknown receivers are put off, so they do not stand in the way
     * again; not all at once if there are many */

    for (n = 0; n < 16 * LLM_OUTBOX_CLAIMS && step->nclaims < step->room; n++)
    {
        rc = llm_outbox_next(cursor, step, &key, &value);
        if (rc != 0) {
            break;
        }

        rc = llm_outbox_claim_one(store, txn, step, cursor, &key, &value);
        if (rc != 0) {
            break;
        }
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


static int
llm_outbox_claim_one(llm_store_t *store, MDB_txn *txn,
    llm_outbox_step_t *step, MDB_cursor *cursor, MDB_val *key, MDB_val *value)
{
    int             rc;
    bool            known;
    llm_delivery_t  delivery;

    rc = llm_outbox_parse(&delivery, key, value);

    if (rc == LLM_AGAIN) {
        return ENOMEM;
    }

    if (rc == LLM_ERROR) {
        step->lost++;
        return mdb_cursor_del(cursor, 0);
    }

    known = (step->takes(delivery.webhook, step->ctx) >= 0);

    if (known) {
        delivery.tries++;
        delivery.due_ms = step->now_ms + LLM_OUTBOX_LEASE_MS;

    } else {
        delivery.due_ms = step->now_ms + LLM_OUTBOX_UNKNOWN_MS;
    }

    rc = mdb_cursor_del(cursor, 0);

    if (rc == 0 && !known
        && step->now_ms - delivery.created_ms > LLM_RETRY_END_MS)
    {
        step->lost++;

    } else if (rc == 0) {
        rc = llm_outbox_put(store, txn, &delivery);
    }

    if (rc == 0 && known) {
        step->claims[step->nclaims++] = delivery;

    } else {
        free(delivery.body);
    }

    return rc;
}


void
llm_outbox_unclaim(llm_outbox_step_t *step)
{
    while (step->nclaims > 0) {
        free(step->claims[--step->nclaims].body);
    }
}
