/*
 * What rows charge, by account.
 */

#include "retired.h"

#include <stdlib.h>


#define LLM_TALLY_FIRST  256


static int llm_tally_charge(llm_tally_t *tally, llm_account_kind_t kind,
    llm_str_t name, int64_t time_ms, const llm_amounts_t *amounts);
static llm_tally_account_t **llm_tally_slot(const llm_tally_t *tally,
    uint64_t hash, llm_account_kind_t kind, llm_str_t name);
static int llm_tally_grow(llm_tally_t *tally);


llm_tally_t *
llm_tally_create(void)
{
    llm_tally_t  *tally;

    tally = calloc(1, sizeof(llm_tally_t));

    if (tally == NULL) {
        return NULL;
    }

    tally->size = LLM_TALLY_FIRST;
    tally->latest_ms = INT64_MIN;
    tally->table = calloc(tally->size, sizeof(llm_tally_account_t *));

    if (tally->table == NULL) {
        free(tally);
        return NULL;
    }

    return tally;
}


void
llm_tally_free(llm_tally_t *tally)
{
    size_t  i;

    for (i = 0; i < tally->size; i++) {
        if (tally->table[i] != NULL) {
            free(tally->table[i]->windows);
            free(tally->table[i]);
        }
    }

    free(tally->table);
    free(tally);
}


static uint64_t
llm_tally_hash(llm_account_kind_t kind, llm_str_t name)
{
    size_t    i;
    uint64_t  hash;

    hash = 0xcbf29ce484222325 ^ (uint64_t) kind;

    for (i = 0; i < name.len; i++) {
        hash = (hash ^ (unsigned char) name.data[i]) * 0x100000001b3;
    }

    return hash ^ hash >> 32;
}


llm_tally_account_t *
llm_tally_account(llm_tally_t *tally, llm_account_kind_t kind, llm_str_t name)
{
    uint64_t               hash;
    llm_tally_account_t   *account, **slot;

    if (name.len == 0 || name.len > LLM_ACCOUNT_NAME_SIZE) {
        return NULL;
    }

    hash = llm_tally_hash(kind, name);
    slot = llm_tally_slot(tally, hash, kind, name);

    if (*slot != NULL) {
        return *slot;
    }

    if (2 * tally->n >= tally->size) {

        if (llm_tally_grow(tally) != LLM_OK) {
            return NULL;
        }

        slot = llm_tally_slot(tally, hash, kind, name);
    }

    account = calloc(1, sizeof(llm_tally_account_t));

    if (account == NULL) {
        return NULL;
    }

    account->hash = hash;
    account->kind = kind;
    account->name_len = name.len;
    memcpy(account->name, name.data, name.len);

    *slot = account;
    tally->n++;

    return account;
}


/* the account's place, or the free one where it would be */
static llm_tally_account_t **
llm_tally_slot(const llm_tally_t *tally, uint64_t hash,
    llm_account_kind_t kind, llm_str_t name)
{
    size_t                i;
    llm_tally_account_t  *account;

    for (i = hash; /* void */ ; i++) {
        i &= tally->size - 1;
        account = tally->table[i];

        if (account == NULL
            || (account->hash == hash && account->kind == kind
                && llm_str_eq((llm_str_t) { account->name, account->name_len },
                              name)))
        {
            return &tally->table[i];
        }
    }
}


static int
llm_tally_grow(llm_tally_t *tally)
{
    size_t                 i, size;
    llm_tally_account_t  **old, *account;

    old = tally->table;
    size = tally->size;

    tally->table = calloc(2 * size, sizeof(llm_tally_account_t *));

    if (tally->table == NULL) {
        tally->table = old;
        return LLM_ERROR;
    }

    tally->size = 2 * size;

    for (i = 0; i < size; i++) {
        account = old[i];

        if (account != NULL) {
            *llm_tally_slot(tally, account->hash, account->kind,
                            (llm_str_t) { account->name, account->name_len })
                = account;
        }
    }

    free(old);

    return LLM_OK;
}


int
llm_tally_window(llm_tally_account_t *account,
    const llm_tally_window_t *window)
{
    unsigned             size;
    llm_tally_window_t  *windows;

    if (account->n == account->size) {
        size = (account->size == 0) ? 4 : account->size * 2;
        windows = realloc(account->windows, size * sizeof(llm_tally_window_t));

        if (windows == NULL) {
            return LLM_ERROR;
        }

        account->windows = windows;
        account->size = size;
    }

    account->windows[account->n++] = *window;

    return LLM_OK;
}


/* see fold.h */
int
llm_tally_row(llm_tally_t *tally, const llm_row_t *row)
{
    unsigned                   i, j;
    llm_str_t                  names[3];
    llm_amounts_t              request, cost;
    const llm_row_attempt_t   *attempt;

    if (row->admitted_ms == 0) {
        return LLM_OK;
    }

    names[0] = row->customer;
    names[1] = row->team;
    names[2] = row->virtual_key;

    request = (llm_amounts_t) { .requests = 1 };

    for (j = 0; j < 3; j++) {
        if (llm_tally_charge(tally, LLM_ACCOUNT_CUSTOMER + j, names[j],
                             row->admitted_ms, &request)
            != LLM_OK)
        {
            return LLM_ERROR;
        }
    }

    for (i = 0; i < row->nattempts; i++) {
        attempt = &row->attempts[i];

        cost = llm_row_attempt_amounts(attempt);
        cost.requests = 0;

        for (j = 0; j < 3; j++) {
            if (llm_tally_charge(tally, LLM_ACCOUNT_CUSTOMER + j, names[j],
                                 attempt->ended_ms, &cost)
                != LLM_OK)
            {
                return LLM_ERROR;
            }
        }

        if (attempt->admitted_ms != 0
            && llm_tally_charge(tally, LLM_ACCOUNT_PROVIDER, attempt->provider,
                                attempt->admitted_ms, &request)
               != LLM_OK)
        {
            return LLM_ERROR;
        }

        if (llm_tally_charge(tally, LLM_ACCOUNT_PROVIDER, attempt->provider,
                             attempt->ended_ms, &cost)
            != LLM_OK)
        {
            return LLM_ERROR;
        }
    }

    return LLM_OK;
}


static int
llm_tally_charge(llm_tally_t *tally, llm_account_kind_t kind, llm_str_t name,
    int64_t time_ms, const llm_amounts_t *amounts)
{
    unsigned              i;
    llm_tally_window_t   *window;
    llm_tally_account_t  *account;

    if (name.len == 0 || name.len > LLM_ACCOUNT_NAME_SIZE
        || (amounts->cost == 0 && amounts->requests == 0
            && amounts->input_tokens == 0 && amounts->output_tokens == 0))
    {
        return LLM_OK;
    }

    account = llm_tally_account(tally, kind, name);

    if (account == NULL) {
        return LLM_ERROR;
    }

    if (time_ms > tally->latest_ms) {
        tally->latest_ms = time_ms;
    }

    llm_record_add(&account->sum, amounts);

    for (i = 0; i < account->n; i++) {
        window = &account->windows[i];

        if (time_ms >= window->start && time_ms < window->end) {
            llm_record_add(&window->expected, amounts);
        }
    }

    return LLM_OK;
}
