/*
 * What rows charge, gathered in memory: thousands of rows are a few writes.
 */

#include "fold_parts.h"
#include "../counters/counters.h"

#include <errno.h>
#include <stdlib.h>


#define LLM_CHARGES_FIRST  256


/* one window of an account: the latest one that was charged */
typedef struct {
    llm_window_t     window;
    int64_t          start;
    int64_t          end;           /* INT64_MAX: never */
    bool             charged;
    llm_amounts_t    amounts;
} llm_charge_window_t;


typedef struct {
    uint64_t              hash;
    uint64_t              epoch;
    llm_account_kind_t    kind;
    size_t                name_len;
    char                  name[LLM_ACCOUNT_NAME_SIZE];
    unsigned              n;
    llm_charge_window_t   windows[];
} llm_charge_account_t;


struct llm_charges_s {
    const llm_fold_conf_t   *conf;
    llm_charge_account_t   **table;
    size_t                   size;  /* a power of two */
    size_t                   n;
    llm_window_t            *windows;
    unsigned                 capacity;
};


typedef struct {
    llm_charges_t           *charges;
    llm_store_t             *store;
    MDB_txn                 *txn;
    uint64_t                 epoch;
} llm_charge_t;


static int llm_charge_tenant(llm_charge_t *charge, llm_account_kind_t kind,
    llm_str_t name, const llm_row_t *row);
static int llm_charge_provider(llm_charge_t *charge,
    const llm_row_attempt_t *attempt);
static void llm_charge_account(const llm_charge_t *charge,
    llm_charge_account_t *account, int64_t time_ms,
    const llm_amounts_t *amounts);
static void llm_charge_window(llm_charge_window_t *window, int64_t time_ms,
    int64_t now_ms, const llm_amounts_t *amounts);
static int llm_charges_find(llm_charge_t *charge, llm_account_kind_t kind,
    llm_str_t name, llm_charge_account_t **account);
static llm_charge_account_t **llm_charges_slot(llm_charges_t *charges,
    uint64_t hash, uint64_t epoch, llm_account_kind_t kind, llm_str_t name);
static int llm_charges_add(llm_charge_t *charge, uint64_t hash,
    llm_account_kind_t kind, llm_str_t name, llm_charge_account_t **account);
static int llm_charges_grow(llm_charges_t *charges);
static int llm_charges_windows(llm_charge_t *charge, llm_account_kind_t kind,
    llm_str_t name, unsigned *n);
static int llm_charges_stored(llm_charge_t *charge, llm_account_kind_t kind,
    llm_str_t name, unsigned *n);
static int llm_charges_window(llm_charges_t *charges, llm_window_t window,
    unsigned *n);
static int llm_charges_room(llm_charges_t *charges, unsigned n);


static const llm_window_t  llm_charge_forever = { LLM_WINDOW_FOREVER, 1 };


llm_charges_t *
llm_charges_create(const llm_fold_conf_t *conf)
{
    llm_charges_t  *charges;

    charges = calloc(1, sizeof(llm_charges_t));

    if (charges == NULL) {
        return NULL;
    }

    charges->conf = conf;
    charges->size = LLM_CHARGES_FIRST;
    charges->table = calloc(charges->size, sizeof(llm_charge_account_t *));

    if (charges->table == NULL
        || llm_charges_room(charges, LLM_FOLD_WINDOWS) != 0)
    {
        llm_charges_free(charges);
        return NULL;
    }

    return charges;
}


void
llm_charges_free(llm_charges_t *charges)
{
    size_t  i;

    if (charges->table != NULL) {
        for (i = 0; i < charges->size; i++) {
            free(charges->table[i]);
        }
    }

    free(charges->table);
    free(charges->windows);
    free(charges);
}


int
llm_charges_row(llm_charges_t *charges, llm_store_t *store, MDB_txn *txn,
    uint64_t epoch, const llm_row_t *row)
{
    int           rc;
    unsigned      i;
    llm_charge_t  charge = { charges, store, txn, epoch };

    if (row->admitted_ms == 0) {
        return 0;
    }

    rc = llm_charge_tenant(&charge, LLM_ACCOUNT_CUSTOMER, row->customer, row);

    if (rc == 0) {
        rc = llm_charge_tenant(&charge, LLM_ACCOUNT_TEAM, row->team, row);
    }

    if (rc == 0) {
        rc = llm_charge_tenant(&charge, LLM_ACCOUNT_VIRTUAL_KEY,
                               row->virtual_key, row);
    }

    for (i = 0; rc == 0 && i < row->nattempts; i++) {
        rc = llm_charge_provider(&charge, &row->attempts[i]);
    }

    return rc;
}


static int
llm_charge_tenant(llm_charge_t *charge, llm_account_kind_t kind,
    llm_str_t name, const llm_row_t *row)
{
    int                    rc;
    unsigned               i;
    llm_amounts_t          amounts;
    llm_charge_account_t  *account;

    rc = llm_charges_find(charge, kind, name, &account);

    if (rc != 0 || account == NULL) {
        return rc;
    }

    amounts = (llm_amounts_t) { .requests = 1 };
    llm_charge_account(charge, account, row->admitted_ms, &amounts);

    for (i = 0; i < row->nattempts; i++) {
        amounts = llm_row_attempt_amounts(&row->attempts[i]);
        amounts.requests = 0;
        llm_charge_account(charge, account, row->attempts[i].ended_ms,
                           &amounts);
    }

    return 0;
}


static int
llm_charge_provider(llm_charge_t *charge, const llm_row_attempt_t *attempt)
{
    int                    rc;
    llm_amounts_t          amounts;
    llm_charge_account_t  *account;

    rc = llm_charges_find(charge, LLM_ACCOUNT_PROVIDER, attempt->provider,
                          &account);

    if (rc != 0 || account == NULL) {
        return rc;
    }

    if (attempt->admitted_ms != 0) {
        amounts = (llm_amounts_t) { .requests = 1 };
        llm_charge_account(charge, account, attempt->admitted_ms, &amounts);
    }

    amounts = llm_row_attempt_amounts(attempt);
    amounts.requests = 0;
    llm_charge_account(charge, account, attempt->ended_ms, &amounts);

    return 0;
}


static void
llm_charge_account(const llm_charge_t *charge, llm_charge_account_t *account,
    int64_t time_ms, const llm_amounts_t *amounts)
{
    unsigned  i;

    if (amounts->cost == 0 && amounts->requests == 0
        && amounts->input_tokens == 0 && amounts->output_tokens == 0)
    {
        return;
    }

    for (i = 0; i < account->n; i++) {
        llm_charge_window(&account->windows[i], time_ms,
                          charge->charges->conf->now_ms, amounts);
    }
}


/* what belongs to a window that is over is in the rows and rollups only */
static void
llm_charge_window(llm_charge_window_t *window, int64_t time_ms,
    int64_t now_ms, const llm_amounts_t *amounts)
{
    if (!window->charged || time_ms >= window->end
        || (time_ms < window->start
            && llm_counters_ahead(window->start, now_ms)))
    {
        window->start = llm_window_start(window->window, time_ms);
        window->end = llm_window_end(window->window, time_ms);
        window->charged = true;
        window->amounts = *amounts;

        if (window->end == 0) {
            window->end = INT64_MAX;
        }

        return;
    }

    if (time_ms >= window->start) {
        llm_record_add(&window->amounts, amounts);
    }
}


int
llm_charges_write(llm_charges_t *charges, llm_store_t *store, MDB_txn *txn)
{
    int                    rc;
    size_t                 i;
    unsigned               j;
    llm_record_t           record;
    llm_charge_account_t  *account;

    for (i = 0; i < charges->size; i++) {
        account = charges->table[i];

        if (account == NULL) {
            continue;
        }

        record.epoch = account->epoch;
        record.kind = account->kind;
        record.name = (llm_str_t) { account->name, account->name_len };

        for (j = 0; j < account->n; j++) {

            if (!account->windows[j].charged) {
                continue;
            }

            record.window = account->windows[j].window;
            record.start = account->windows[j].start;
            record.spent = account->windows[j].amounts;

            rc = llm_counters_add(store, txn, &record, charges->conf->now_ms);

            if (rc != 0) {
                return rc;
            }
        }
    }

    return 0;
}


static uint64_t
llm_charges_hash(uint64_t epoch, llm_account_kind_t kind, llm_str_t name)
{
    size_t    i;
    uint64_t  hash;

    hash = (epoch ^ (uint64_t) kind << 56) * 0x9e3779b97f4a7c15;

    for (i = 0; i < name.len; i++) {
        hash = (hash ^ (unsigned char) name.data[i]) * 0x100000001b3;
    }

    return hash ^ hash >> 32;
}


/* *account: NULL where nobody is charged */
static int
llm_charges_find(llm_charge_t *charge, llm_account_kind_t kind,
    llm_str_t name, llm_charge_account_t **account)
{
    uint64_t  hash;

    *account = NULL;

    if (name.len == 0 || name.len > LLM_ACCOUNT_NAME_SIZE) {
        return 0;
    }

    hash = llm_charges_hash(charge->epoch, kind, name);

    *account = *llm_charges_slot(charge->charges, hash, charge->epoch, kind,
                                 name);

    return (*account != NULL) ? 0 : llm_charges_add(charge, hash, kind, name,
                                                    account);
}


/* the account's place, or the free one where it would be */
static llm_charge_account_t **
llm_charges_slot(llm_charges_t *charges, uint64_t hash, uint64_t epoch,
    llm_account_kind_t kind, llm_str_t name)
{
    size_t                 i;
    llm_charge_account_t  *account;

    for (i = hash; /* void */ ; i++) {
        i &= charges->size - 1;
        account = charges->table[i];

        if (account == NULL
            || (account->hash == hash
                && account->epoch == epoch
                && account->kind == kind
                && account->name_len == name.len
                && memcmp(account->name, name.data, name.len) == 0))
        {
            return &charges->table[i];
        }
    }
}


static int
llm_charges_add(llm_charge_t *charge, uint64_t hash, llm_account_kind_t kind,
    llm_str_t name, llm_charge_account_t **account)
{
    int                    rc;
    unsigned               i, n;
    llm_charges_t         *charges;
    llm_charge_account_t  *new;

    charges = charge->charges;

    if (2 * charges->n >= charges->size && llm_charges_grow(charges) != 0) {
        return ENOMEM;
    }

    rc = llm_charges_windows(charge, kind, name, &n);

    if (rc != 0) {
        return rc;
    }

    new = calloc(1, sizeof(llm_charge_account_t)
                    + n * sizeof(llm_charge_window_t));

    if (new == NULL) {
        return ENOMEM;
    }

    new->hash = hash;
    new->epoch = charge->epoch;
    new->kind = kind;
    new->name_len = name.len;
    memcpy(new->name, name.data, name.len);
    new->n = n;

    for (i = 0; i < n; i++) {
        new->windows[i].window = charges->windows[i];
    }

    *llm_charges_slot(charges, hash, charge->epoch, kind, name) = new;
    charges->n++;

    *account = new;

    return 0;
}


static int
llm_charges_grow(llm_charges_t *charges)
{
    size_t                  i, size;
    llm_charge_account_t   *account, **old;

    old = charges->table;
    size = charges->size;

    charges->table = calloc(2 * size, sizeof(llm_charge_account_t *));

    if (charges->table == NULL) {
        charges->table = old;
        return ENOMEM;
    }

    charges->size = 2 * size;

    for (i = 0; i < size; i++) {
        account = old[i];

        if (account != NULL) {
            *llm_charges_slot(charges, account->hash, account->epoch,
                              account->kind,
                              (llm_str_t) { account->name,
                                            account->name_len }) = account;
        }
    }

    free(old);

    return 0;
}


/* the account's windows, into charges->windows */
static int
llm_charges_windows(llm_charge_t *charge, llm_account_kind_t kind,
    llm_str_t name, unsigned *n)
{
    unsigned                capacity;
    llm_charges_t          *charges;
    const llm_fold_conf_t  *conf;

    charges = charge->charges;
    conf = charges->conf;

    for ( ;; ) {
        capacity = charges->capacity;
        *n = conf->windows(kind, name, charges->windows, capacity, conf->ctx);

        if (*n <= capacity) {
            break;
        }

        if (llm_charges_room(charges, *n) != 0) {
            return ENOMEM;
        }
    }

    return (*n > 0) ? 0 : llm_charges_stored(charge, kind, name, n);
}


/* those that the store has of it, over all epochs, and the one that never
 * resets */
static int
llm_charges_stored(llm_charge_t *charge, llm_account_kind_t kind,
    llm_str_t name, unsigned *n)
{
    int             rc;
    size_t          len;
    MDB_val         key, value;
    MDB_cursor     *cursor;
    llm_record_t    record;
    unsigned char   prefix[LLM_RECORD_KEY_SIZE];

    *n = 0;

    rc = llm_charges_window(charge->charges, llm_charge_forever, n);

    if (rc == 0) {
        rc = mdb_cursor_open(charge->txn, charge->store->counters, &cursor);
    }

    if (rc != 0) {
        return rc;
    }

    record.epoch = 0;
    record.kind = kind;
    record.name = name;
    record.window = (llm_window_t) { LLM_WINDOW_FOREVER, 0 };

    key = (MDB_val) { llm_record_key(&record, prefix), prefix };
    len = 2 + name.len;

    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

    while (rc == 0 && key.mv_size > len && memcmp(key.mv_data, prefix, len) == 0
           && llm_record_parse(&record,
                               (llm_str_t) { key.mv_data, key.mv_size },
                               (llm_str_t) { value.mv_data, value.mv_size })
              == LLM_OK)
    {
        rc = llm_charges_window(charge->charges, record.window, n);

        if (rc == 0) {
            rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        }
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


static int
llm_charges_window(llm_charges_t *charges, llm_window_t window, unsigned *n)
{
    unsigned  i;

    for (i = 0; i < *n; i++) {
        if (charges->windows[i].unit == window.unit
            && (charges->windows[i].count == window.count
                || window.unit == LLM_WINDOW_FOREVER))
        {
            return 0;
        }
    }

    if (*n == charges->capacity && llm_charges_room(charges, 2 * *n) != 0) {
        return ENOMEM;
    }

    charges->windows[(*n)++] = window;

    return 0;
}


static int
llm_charges_room(llm_charges_t *charges, unsigned n)
{
    llm_window_t  *windows;

    windows = realloc(charges->windows, n * sizeof(llm_window_t));

    if (windows == NULL) {
        return ENOMEM;
    }

    charges->windows = windows;
    charges->capacity = n;

    return 0;
}
