/*
 * What was spent of each account when it was last written.
 */

#include "spent.h"


#define NGX_HTTP_LLM_SPENT_FIRST  1024


static ngx_http_llm_spent_entry_t *
ngx_http_llm_spent_find(ngx_http_llm_spent_t *spent,
    const llm_account_t *account)
{
    uint64_t    hash;
    ngx_uint_t  i;

    hash = (uint64_t) (uintptr_t) account * 0x9e3779b97f4a7c15;

    for (i = hash >> 32; /* void */ ; i++) {
        i &= spent->size - 1;

        if (spent->entries[i].account == account
            || spent->entries[i].account == NULL)
        {
            return &spent->entries[i];
        }
    }
}


ngx_uint_t
ngx_http_llm_spent_same(ngx_http_llm_spent_t *spent,
    const llm_account_t *account)
{
    const llm_amounts_t         *now, *before;
    ngx_http_llm_spent_entry_t  *entry;

    now = &account->counters[0].spent;
    before = &account->counters[0].restored;

    if (spent->size > 0) {
        entry = ngx_http_llm_spent_find(spent, account);

        if (entry->account != NULL) {
            before = &entry->amounts;
        }
    }

    return ngx_memcmp(now, before, sizeof(llm_amounts_t)) == 0;
}


static ngx_int_t
ngx_http_llm_spent_grow(ngx_http_llm_spent_t *spent)
{
    ngx_uint_t            i;
    ngx_http_llm_spent_t  larger;

    larger.n = spent->n;
    larger.size = (spent->size == 0) ? NGX_HTTP_LLM_SPENT_FIRST
                                     : 2 * spent->size;
    larger.entries = calloc(larger.size, sizeof(ngx_http_llm_spent_entry_t));

    if (larger.entries == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < spent->size; i++) {
        if (spent->entries[i].account != NULL) {
            *ngx_http_llm_spent_find(&larger, spent->entries[i].account)
                = spent->entries[i];
        }
    }

    ngx_free(spent->entries);
    *spent = larger;

    return NGX_OK;
}


ngx_int_t
ngx_http_llm_spent_set(ngx_http_llm_spent_t *spent,
    const llm_account_t *account, const llm_amounts_t *amounts)
{
    ngx_http_llm_spent_entry_t  *entry;

    if (spent->n >= spent->size / 2
        && ngx_http_llm_spent_grow(spent) != NGX_OK)
    {
        return NGX_ERROR;
    }

    entry = ngx_http_llm_spent_find(spent, account);

    if (entry->account == NULL) {
        entry->account = account;
        spent->n++;
    }

    entry->amounts = *amounts;

    return NGX_OK;
}
