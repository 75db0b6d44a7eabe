/*
 * What was spent of each account when it was last written: a table of this
 * process, found by the account's address in the zone.
 */

#ifndef NGX_HTTP_LLM_SPENT_H
#define NGX_HTTP_LLM_SPENT_H

#include "../ngx_http_llm.h"


typedef struct {
    const llm_account_t   *account;     /* NULL: free */
    llm_amounts_t          amounts;
} ngx_http_llm_spent_entry_t;


/* zeroes to begin with */
typedef struct {
    ngx_uint_t                   n;
    ngx_uint_t                   size;      /* a power of two */
    ngx_http_llm_spent_entry_t  *entries;
} ngx_http_llm_spent_t;


/* has nothing been charged to the account since?  Its first counter tells, as
 * it never resets.  The caller holds the zone's lock. */
ngx_uint_t ngx_http_llm_spent_same(ngx_http_llm_spent_t *spent,
    const llm_account_t *account);

/* NGX_ERROR: no memory */
ngx_int_t ngx_http_llm_spent_set(ngx_http_llm_spent_t *spent,
    const llm_account_t *account, const llm_amounts_t *amounts);


#endif /* NGX_HTTP_LLM_SPENT_H */
