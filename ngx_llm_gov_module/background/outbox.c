/*
 * Alerts on their way, in the store.
 */

#include "outbox_private.h"
#include "../wire/be.h"

#include <errno.h>
#include <stdlib.h>


#define LLM_OUTBOX_RECORD     1         /* version */
#define LLM_OUTBOX_MARK       9
#define LLM_OUTBOX_CLEAN_MAX  10000
#define LLM_OUTBOX_GRACE_MS   ((int64_t) 24 * 3600 * 1000)


static int llm_outbox_write(llm_store_t *store, MDB_txn *txn, void *ctx);
static int llm_outbox_event(llm_store_t *store, MDB_txn *txn,
    llm_outbox_event_t *event);
static int llm_outbox_result(llm_store_t *store, MDB_txn *txn,
    const llm_outbox_result_t *result);
static int llm_outbox_clean(llm_store_t *store, MDB_txn *txn,
    llm_outbox_step_t *step);
static void llm_outbox_key(unsigned char key[LLM_OUTBOX_DUE_KEY],
    int64_t due_ms, const unsigned char *id);


size_t
llm_outbox_budget_key(unsigned char key[LLM_OUTBOX_KEY_MAX],
    uint64_t webhook, llm_account_kind_t kind, llm_str_t name,
    const llm_limit_t *limit, int64_t start, unsigned threshold)
{
    size_t          len;
    unsigned char  *p;

    p = key;
    *p++ = 't';
    *p++ = (unsigned char) kind;
    *p++ = (unsigned char) limit->window.unit;

    llm_be_put(p, 8, limit->window.count);
    llm_be_put(p + 8, 8, (uint64_t) start);
    llm_be_put(p + 16, 8, (uint64_t) limit->amount);
    llm_be_put(p + 24, 8, webhook);
    p += 32;

    llm_be_put(p, 2, threshold);
    p += 2;

    len = name.len < LLM_ACCOUNT_NAME_SIZE ? name.len : LLM_ACCOUNT_NAME_SIZE;
    memcpy(p, name.data, len);

    return p + len - key;
}


size_t
llm_outbox_breaker_key(unsigned char key[LLM_OUTBOX_KEY_MAX],
    uint64_t webhook, llm_str_t name)
{
    size_t  len;

    key[0] = 'b';
    llm_be_put(key + 1, 8, webhook);

    len = name.len < LLM_ACCOUNT_NAME_SIZE ? name.len : LLM_ACCOUNT_NAME_SIZE;
    memcpy(key + 9, name.data, len);

    return 9 + len;
}


int
llm_outbox_step(llm_outbox_t *outbox, llm_store_t *store,
    llm_outbox_step_t *step)
{
    bool  due;

    step->nclaims = 0;
    step->lost = 0;

    if (store == NULL) {
        return llm_outbox_memory_step(outbox, step);
    }

    if (step->nevents == 0 && step->nresults == 0 && step->clean == NULL) {

        if (llm_outbox_due(store, step, &due) != LLM_OK) {
            return LLM_ERROR;
        }

        if (!due || step->room == 0) {
            return LLM_OK;
        }
    }

    if (llm_store_write(store, llm_outbox_write, step) == LLM_OK) {
        return LLM_OK;
    }

    llm_outbox_unclaim(step);

    return LLM_ERROR;
}


/* may be called again from the start */
static int
llm_outbox_write(llm_store_t *store, MDB_txn *txn, void *ctx)
{
    llm_outbox_step_t *step = ctx;

    int       rc;
    unsigned  i;
    MDB_stat  stat;

    llm_outbox_unclaim(step);
    step->lost = 0;
    rc = 0;

    for (i = 0; i < step->nresults && rc == 0; i++) {
        rc = llm_outbox_result(store, txn, &step->results[i]);
    }

    for (i = 0; i < step->nevents && rc == 0; i++) {
        rc = llm_outbox_event(store, txn, &step->events[i]);
    }

    if (rc == 0 && step->clean != NULL) {
        rc = llm_outbox_clean(store, txn, step);
    }

    if (rc == 0) {
        rc = llm_outbox_claim(store, txn, step);
    }

    if (rc == 0) {
        rc = mdb_stat(txn, store->deliveries, &stat);
    }

    if (rc == 0) {
        step->pending = stat.ms_entries;
    }

    return rc;
}


static int
llm_outbox_event(llm_store_t *store, MDB_txn *txn, llm_outbox_event_t *event)
{
    int            rc;
    uint8_t        state;
    MDB_val        key, value;
    unsigned char  mark[LLM_OUTBOX_MARK];

    key.mv_data = event->key;
    key.mv_size = event->key_len;

    rc = mdb_get(txn, store->alerts, &key, &value);

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    state = (rc == 0 && value.mv_size == LLM_OUTBOX_MARK)
            ? *(unsigned char *) value.mv_data : event->absent;

    if (state == event->state) {
        return 0;
    }

    mark[0] = event->state;
    llm_be_put(mark + 1, 8, (uint64_t) event->end_ms);

    value.mv_data = mark;
    value.mv_size = sizeof(mark);

    rc = mdb_put(txn, store->alerts, &key, &value, 0);

    if (rc != 0 || event->delivery.body == NULL) {
        return rc;
    }

    return llm_outbox_put(store, txn, &event->delivery);
}


int
llm_outbox_put(llm_store_t *store, MDB_txn *txn,
    const llm_delivery_t *delivery)
{
    int             rc;
    MDB_val         key, value;
    unsigned char   due[LLM_OUTBOX_DUE_KEY], *p;

    llm_outbox_key(due, delivery->due_ms, delivery->id);

    key.mv_data = due;
    key.mv_size = sizeof(due);
    value.mv_size = LLM_OUTBOX_HEAD + delivery->len;

    rc = mdb_put(txn, store->deliveries, &key, &value, MDB_RESERVE);
    if (rc != 0) {
        return rc;
    }

    p = value.mv_data;
    p[0] = LLM_OUTBOX_RECORD;
    p[1] = delivery->type;
    llm_be_put(p + 2, 4, delivery->tries);
    llm_be_put(p + LLM_OUTBOX_WEBHOOK, 8, delivery->webhook);
    llm_be_put(p + 14, 8, (uint64_t) delivery->created_ms);
    memcpy(p + LLM_OUTBOX_HEAD, delivery->body, delivery->len);

    return 0;
}


int
llm_outbox_parse(llm_delivery_t *delivery, const MDB_val *key,
    const MDB_val *value)
{
    const unsigned char  *p;

    p = value->mv_data;

    if (key->mv_size != LLM_OUTBOX_DUE_KEY
        || value->mv_size <= LLM_OUTBOX_HEAD
        || value->mv_size > LLM_OUTBOX_HEAD + LLM_ALERT_BODY_MAX
        || p[0] != LLM_OUTBOX_RECORD)
    {
        return LLM_ERROR;
    }

    delivery->due_ms = (int64_t) llm_be_get(key->mv_data, 8);
    memcpy(delivery->id, (unsigned char *) key->mv_data + 8,
           LLM_ALERT_ID_SIZE);

    delivery->type = p[1];
    delivery->tries = (uint32_t) llm_be_get(p + 2, 4);
    delivery->webhook = llm_be_get(p + LLM_OUTBOX_WEBHOOK, 8);
    delivery->created_ms = (int64_t) llm_be_get(p + 14, 8);
    delivery->len = value->mv_size - LLM_OUTBOX_HEAD;
    delivery->body = malloc(delivery->len);

    if (delivery->body == NULL) {
        return LLM_AGAIN;
    }

    memcpy(delivery->body, p + LLM_OUTBOX_HEAD, delivery->len);

    return LLM_OK;
}


/* if it is not there, another process took it when the lease was over */
static int
llm_outbox_result(llm_store_t *store, MDB_txn *txn,
    const llm_outbox_result_t *result)
{
    int             rc;
    MDB_val         key, value;
    unsigned char   due[LLM_OUTBOX_DUE_KEY];
    llm_delivery_t  delivery;

    llm_outbox_key(due, result->due_ms, result->id);

    key.mv_data = due;
    key.mv_size = sizeof(due);

    rc = mdb_get(txn, store->deliveries, &key, &value);
    if (rc != 0) {
        return (rc == MDB_NOTFOUND) ? 0 : rc;
    }

    delivery.body = NULL;

    if (result->next_ms != 0
        && llm_outbox_parse(&delivery, &key, &value) == LLM_AGAIN)
    {
        return ENOMEM;
    }

    rc = mdb_del(txn, store->deliveries, &key, NULL);

    if (rc == 0 && delivery.body != NULL) {
        delivery.due_ms = result->next_ms;
        rc = llm_outbox_put(store, txn, &delivery);
    }

    free(delivery.body);

    return rc;
}


/* a day later, in case the clock was wrong */
static int
llm_outbox_clean(llm_store_t *store, MDB_txn *txn, llm_outbox_step_t *step)
{
    int             rc;
    int64_t         end;
    unsigned        n;
    MDB_val         key, value;
    MDB_cursor     *cursor;

    memset(&step->cleaned, 0, sizeof(llm_outbox_place_t));

    rc = mdb_cursor_open(txn, store->alerts, &cursor);
    if (rc != 0) {
        return rc;
    }

    key.mv_data = (void *) step->clean->key;
    key.mv_size = step->clean->len;

    rc = mdb_cursor_get(cursor, &key, &value,
                        key.mv_size ? MDB_SET_RANGE : MDB_FIRST);

    for (n = 0; rc == 0; n++) {

        if (n == LLM_OUTBOX_CLEAN_MAX && key.mv_size <= LLM_OUTBOX_KEY_MAX) {
            memcpy(step->cleaned.key, key.mv_data, key.mv_size);
            step->cleaned.len = key.mv_size;
            break;
        }

        if (value.mv_size == LLM_OUTBOX_MARK) {
            end = (int64_t) llm_be_get((char *) value.mv_data + 1, 8);

            if (end != 0 && end + LLM_OUTBOX_GRACE_MS < step->now_ms) {
                rc = mdb_cursor_del(cursor, 0);
            }
        }

        if (rc == 0) {
            rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        }
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


static void
llm_outbox_key(unsigned char key[LLM_OUTBOX_DUE_KEY], int64_t due_ms,
    const unsigned char *id)
{
    llm_be_put(key, 8, (uint64_t) due_ms);
    memcpy(key + 8, id, LLM_ALERT_ID_SIZE);
}
