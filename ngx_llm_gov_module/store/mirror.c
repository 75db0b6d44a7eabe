/*
 * Writing the mirror.  Puts are gathered in memory and written in one short
 * transaction, so that a full map can be made larger and the transaction done
 * again.
 */

#include "environment.h"
#include "counters.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>


#define LLM_MIRROR_PENDING      (512 * 1024 * 1024)


static int llm_mirror_put_epoch(llm_mirror_t *mirror, MDB_txn *txn);
static int llm_mirror_apply_put(llm_mirror_t *mirror, MDB_txn *txn,
    MDB_val *key, MDB_val *value);


llm_mirror_t *
llm_mirror_open(const char *dir, const char **error)
{
    llm_mirror_t  *mirror;

    mirror = calloc(1, sizeof(llm_mirror_t));

    if (mirror == NULL) {
        *error = "no memory";
        return NULL;
    }

    mirror->store = llm_store_open(dir, error);

    if (mirror->store == NULL) {
        free(mirror);
        return NULL;
    }

    llm_buf_init(&mirror->pending, LLM_MIRROR_PENDING);
    mirror->counters = mirror->store->counters;
    mirror->epochs = mirror->store->epochs;

    return mirror;
}


void
llm_mirror_close(llm_mirror_t *mirror)
{
    llm_store_close(mirror->store);
    llm_buf_free(&mirror->pending);
    free(mirror);
}


const char *
llm_mirror_error(const llm_mirror_t *mirror)
{
    return llm_store_error(mirror->store);
}


int
llm_mirror_fail(llm_mirror_t *mirror, const char *action, int rc)
{
    return llm_store_fail(mirror->store, action, rc);
}


int
llm_mirror_begin(llm_mirror_t *mirror)
{
    mirror->pending.len = 0;
    mirror->pending.failed = false;

    return LLM_OK;
}


int
llm_mirror_put(llm_mirror_t *mirror, uint64_t epoch, llm_account_kind_t kind,
    llm_str_t name, const llm_counter_t *counter)
{
    llm_record_t  record;

    record.epoch = epoch;
    record.kind = kind;
    record.name = name;
    record.window = counter->window;
    record.start = counter->start;

    record.spent.cost = counter->spent.cost - counter->restored.cost;
    record.spent.requests = counter->spent.requests
                            - counter->restored.requests;
    record.spent.input_tokens = counter->spent.input_tokens
                                - counter->restored.input_tokens;
    record.spent.output_tokens = counter->spent.output_tokens
                                 - counter->restored.output_tokens;

    mirror->epoch = epoch;
    mirror->has_epoch = true;

    return llm_mirror_gather(mirror, LLM_MIRROR_PUT, &record);
}


int
llm_mirror_gather(llm_mirror_t *mirror, char action,
    const llm_record_t *record)
{
    size_t         len;
    unsigned char  key[LLM_RECORD_KEY_SIZE], value[LLM_RECORD_VALUE_SIZE];
    unsigned char  head[2];

    len = llm_record_key(record, key);

    if (len == 0) {
        return llm_mirror_fail(mirror, "write to", EINVAL);
    }

    llm_record_value(record, value);

    head[0] = (unsigned char) action;
    head[1] = (unsigned char) len;

    llm_buf_append(&mirror->pending, head, sizeof(head));
    llm_buf_append(&mirror->pending, key, len);
    llm_buf_append(&mirror->pending, value, sizeof(value));

    if (mirror->pending.failed) {
        return llm_mirror_fail(mirror, "write to", ENOMEM);
    }

    return LLM_OK;
}


int
llm_mirror_commit(llm_mirror_t *mirror)
{
    if (mirror->pending.failed) {
        return LLM_ERROR;
    }

    return llm_mirror_write(mirror, llm_mirror_put_epoch, 0);
}


/* when this epoch was last seen alive */
static int
llm_mirror_put_epoch(llm_mirror_t *mirror, MDB_txn *txn)
{
    MDB_val          key, value;
    unsigned char    name[LLM_RECORD_EPOCH_SIZE], seen[8];
    struct timespec  now;

    if (!mirror->has_epoch) {
        return 0;
    }

    clock_gettime(CLOCK_REALTIME, &now);

    llm_record_epoch_key(mirror->epoch, name);
    llm_record_put_int(seen,
                       (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000);

    key = (MDB_val) { sizeof(name), name };
    value = (MDB_val) { sizeof(seen), seen };

    return mdb_put(txn, mirror->epochs, &key, &value, 0);
}


typedef struct {
    llm_mirror_t        *mirror;
    llm_mirror_step_pt   step;
} llm_mirror_write_t;


static int
llm_mirror_write_step(llm_store_t *store, MDB_txn *txn, void *ctx)
{
    llm_mirror_write_t *write = ctx;

    int  rc;

    rc = write->step(write->mirror, txn);

    return (rc == 0) ? llm_mirror_apply(write->mirror, txn) : rc;
}


int
llm_mirror_write(llm_mirror_t *mirror, llm_mirror_step_pt step, unsigned tries)
{
    llm_mirror_write_t  write = { mirror, step };

    return llm_store_write(mirror->store, llm_mirror_write_step, &write);
}


/* While one process takes over from another both may write: spend of a window
 * only grows, so what is less was seen earlier. */
static int
llm_mirror_apply_put(llm_mirror_t *mirror, MDB_txn *txn, MDB_val *key,
    MDB_val *value)
{
    int       rc, i;
    MDB_val   old;

    rc = mdb_get(txn, mirror->counters, key, &old);

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    if (rc == 0
        && old.mv_size == value->mv_size
        && memcmp(old.mv_data, value->mv_data, 8) == 0)
    {
        for (i = 8; i < LLM_RECORD_VALUE_SIZE; i += 8) {
            if (llm_record_get_int((unsigned char *) value->mv_data + i)
                > llm_record_get_int((unsigned char *) old.mv_data + i))
            {
                break;
            }
        }

        if (i == LLM_RECORD_VALUE_SIZE) {
            return 0;
        }
    }

    return mdb_put(txn, mirror->counters, key, value, 0);
}


/* what was gathered, into the transaction */
int
llm_mirror_apply(llm_mirror_t *mirror, MDB_txn *txn)
{
    int       rc;
    char      action;
    char     *p, *last;
    MDB_val   key, value;

    p = mirror->pending.data;
    last = p + mirror->pending.len;

    while (p != last) {
        action = p[0];
        key = (MDB_val) { (unsigned char) p[1], p + 2 };
        value = (MDB_val) { LLM_RECORD_VALUE_SIZE, p + 2 + key.mv_size };

        if (action == LLM_MIRROR_PUT) {
            rc = llm_mirror_apply_put(mirror, txn, &key, &value);

        } else {
            rc = mdb_del(txn, mirror->counters, &key, NULL);
            rc = (rc == MDB_NOTFOUND) ? 0 : rc;
        }

        if (rc != 0) {
            return rc;
        }

        p = (char *) value.mv_data + value.mv_size;
    }

    return 0;
}


int
llm_mirror_restore(llm_mirror_t *mirror, int64_t now_ms,
    llm_mirror_handler_pt handler, void *ctx)
{
    return llm_counters_restore(mirror->store, now_ms, handler, ctx);
}


int
llm_mirror_others(llm_mirror_t *mirror, uint64_t live, int64_t now_ms,
    llm_mirror_handler_pt handler, void *ctx)
{
    return llm_counters_others(mirror->store, live, now_ms, handler, ctx);
}


int
llm_mirror_others_seen(llm_mirror_t *mirror, uint64_t live, int64_t *seen_ms)
{
    return llm_counters_others_seen(mirror->store, live, seen_ms);
}


int
llm_mirror_compact(llm_mirror_t *mirror, uint64_t live, int64_t now_ms)
{
    return llm_counters_compact(mirror->store, live, now_ms);
}
