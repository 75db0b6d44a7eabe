/*
 * What was charged while the journal could not be written
 * (on_error=continue): from the zone's counters into those of the store.  Each
 * is the sum since its window began, so that writing it twice is harmless.
 */

#include "folding.h"
#include "../store/counters/counters.h"


/* of the zone's hash table, looked through in one critical section */
#define NGX_HTTP_LLM_BUCKETS      128

/* counters that are written in one transaction */
#define NGX_HTTP_LLM_UNJOURNALED  4096


typedef struct {
    llm_account_kind_t   kind;
    size_t               name_len;
    char                 name[LLM_ACCOUNT_NAME_SIZE];
    llm_window_t         window;
    int64_t              start;
    llm_amounts_t        amounts;
} ngx_http_llm_unjournaled_t;


typedef struct {
    uint64_t                      epoch;
    ngx_uint_t                    n;
    ngx_http_llm_unjournaled_t    counters[NGX_HTTP_LLM_UNJOURNALED];
} ngx_http_llm_unjournaled_batch_t;


static ngx_uint_t ngx_http_llm_unjournaled_holds(
    ngx_http_llm_main_conf_t *lmcf);
static ngx_int_t ngx_http_llm_unjournaled_pass(ngx_http_llm_main_conf_t *lmcf,
    llm_store_t *store, ngx_http_llm_unjournaled_batch_t *batch);
static ngx_uint_t ngx_http_llm_unjournaled_copy(
    ngx_http_llm_main_conf_t *lmcf, ngx_http_llm_unjournaled_batch_t *batch,
    ngx_uint_t bucket);
static ngx_int_t ngx_http_llm_unjournaled_account(
    ngx_http_llm_unjournaled_batch_t *batch, llm_account_t *account);
static int ngx_http_llm_unjournaled_step(llm_store_t *store, MDB_txn *txn,
    void *ctx);


/* requests of which the store knows, of this process; some of them were under
 * way then, and charge more */
static uint64_t    ngx_http_llm_unjournaled_known;
static ngx_uint_t  ngx_http_llm_unjournaled_more;


ngx_int_t
ngx_http_llm_unjournaled_write(ngx_http_llm_main_conf_t *lmcf,
    llm_store_t *store)
{
    uint64_t                           requests;
    ngx_int_t                          rc;
    ngx_uint_t                         more;
    ngx_http_llm_unjournaled_batch_t  *batch;

    ngx_http_llm_lock(lmcf);

    requests = lmcf->shared->unjournaled;
    more = (requests > 0) ? ngx_http_llm_unjournaled_holds(lmcf) : 0;

    ngx_http_llm_unlock(lmcf);

    if (requests == ngx_http_llm_unjournaled_known
        && !ngx_http_llm_unjournaled_more)
    {
        return NGX_OK;
    }

    batch = malloc(sizeof(ngx_http_llm_unjournaled_batch_t));
    if (batch == NULL) {
        return NGX_ERROR;
    }

    batch->n = 0;
    batch->epoch = lmcf->shared->epoch;

    rc = ngx_http_llm_unjournaled_pass(lmcf, store, batch);

    free(batch);

    if (rc == NGX_OK) {
        ngx_http_llm_unjournaled_known = requests;
        ngx_http_llm_unjournaled_more = more;
    }

    return rc;
}


/* are any of them under way? */
static ngx_uint_t
ngx_http_llm_unjournaled_holds(ngx_http_llm_main_conf_t *lmcf)
{
    ngx_queue_t          *q;
    ngx_http_llm_hold_t  *hold;

    for (q = ngx_queue_head(&lmcf->shared->holds);
         q != ngx_queue_sentinel(&lmcf->shared->holds);
         q = ngx_queue_next(q))
    {
        hold = ngx_queue_data(q, ngx_http_llm_hold_t, queue);

        if (hold->hold.unjournaled) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_llm_unjournaled_pass(ngx_http_llm_main_conf_t *lmcf,
    llm_store_t *store, ngx_http_llm_unjournaled_batch_t *batch)
{
    ngx_uint_t  bucket, next;

    for (bucket = 0; bucket < lmcf->shared->nbuckets; bucket = next) {

        next = ngx_http_llm_unjournaled_copy(lmcf, batch, bucket);

        if (next == bucket && batch->n == 0) {
            /* more than fit at once hang on one bucket: not in this world */
            return NGX_ERROR;
        }

        if (batch->n > 0
            && (next == bucket || next == lmcf->shared->nbuckets))
        {
            if (llm_store_write(store, ngx_http_llm_unjournaled_step, batch)
                != LLM_OK)
            {
                return NGX_ERROR;
            }

            batch->n = 0;
        }
    }

    return NGX_OK;
}


/* returns the bucket to go on with: the same one if it did not fit as a whole
 */
static ngx_uint_t
ngx_http_llm_unjournaled_copy(ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_unjournaled_batch_t *batch, ngx_uint_t bucket)
{
    ngx_uint_t      last, n;
    llm_account_t  *account;

    last = ngx_min(bucket + NGX_HTTP_LLM_BUCKETS, lmcf->shared->nbuckets);

    ngx_http_llm_lock(lmcf);

    for ( /* void */ ; bucket < last; bucket++) {

        n = batch->n;
        account = lmcf->shared->buckets[bucket];

        while (account != NULL
               && ngx_http_llm_unjournaled_account(batch, account) == NGX_OK)
        {
            account = account->next;
        }

        if (account != NULL) {
            batch->n = n;
            break;
        }
    }

    ngx_http_llm_unlock(lmcf);

    return bucket;
}


static ngx_int_t
ngx_http_llm_unjournaled_account(ngx_http_llm_unjournaled_batch_t *batch,
    llm_account_t *account)
{
    ngx_uint_t                   i;
    llm_amounts_t               *amounts;
    ngx_http_llm_unjournaled_t  *copy;

    for (i = 0; i < account->ncounters; i++) {
        amounts = &account->counters[i].unjournaled;

        if (amounts->cost == 0 && amounts->requests == 0
            && amounts->input_tokens == 0 && amounts->output_tokens == 0)
        {
            continue;
        }

        if (batch->n == NGX_HTTP_LLM_UNJOURNALED) {
            return NGX_AGAIN;
        }

        copy = &batch->counters[batch->n++];

        copy->kind = account->kind;
        copy->name_len = account->name_len;
        ngx_memcpy(copy->name, account->name, account->name_len);
        copy->window = account->counters[i].window;
        copy->start = account->counters[i].start;
        copy->amounts = *amounts;
    }

    return NGX_OK;
}


static int
ngx_http_llm_unjournaled_step(llm_store_t *store, MDB_txn *txn, void *ctx)
{
    ngx_http_llm_unjournaled_batch_t *batch = ctx;

    int                          rc;
    ngx_uint_t                   i;
    ngx_http_llm_unjournaled_t  *counter;

    for (i = 0; i < batch->n; i++) {
        counter = &batch->counters[i];

        rc = llm_counters_unjournaled(store, txn, batch->epoch, counter->kind,
                                      (llm_str_t) { counter->name,
                                                    counter->name_len },
                                      counter->window, counter->start,
                                      &counter->amounts);
        if (rc != 0) {
            return rc;
        }
    }

    return llm_counters_seen(store, txn, batch->epoch, ngx_http_llm_now());
}
