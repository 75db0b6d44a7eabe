/*
 * What the background process publishes about a provider, and how it is read
 * without a lock.  A sequence number is odd while its data are written; a
 * reader copies between two looks at it.
 */

#include "zone_internal.h"


/* A writer may have been killed while it wrote: after that long (well under a
 * millisecond) readers go without, and the next writer takes over. */
#define NGX_HTTP_LLM_SPINS  1024


static void
ngx_http_llm_write_begin(ngx_atomic_t *seq)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  now;

    for (i = 0; /* void */ ; i++) {
        now = *seq;

        if ((now & 1) == 0) {
            if (ngx_atomic_cmp_set(seq, now, now + 1)) {
                break;
            }

        } else if (i >= NGX_HTTP_LLM_SPINS
                   && ngx_atomic_cmp_set(seq, now, now + 2))
        {
            break;
        }

        ngx_cpu_pause();
    }

    ngx_memory_barrier();
}


static void
ngx_http_llm_write_end(ngx_atomic_t *seq)
{
    ngx_memory_barrier();
    (void) ngx_atomic_fetch_add(seq, 1);
}


/* 0: nobody writes, *before is for read_end(); else it is given up */
static ngx_int_t
ngx_http_llm_read_begin(ngx_atomic_t *seq, ngx_atomic_uint_t *before,
    ngx_uint_t *spins)
{
    for ( ;; ) {
        *before = *seq;

        if ((*before & 1) == 0) {
            ngx_memory_barrier();
            return NGX_OK;
        }

        if (++*spins > NGX_HTTP_LLM_SPINS) {
            return NGX_DECLINED;
        }

        ngx_cpu_pause();
    }
}


static ngx_uint_t
ngx_http_llm_read_end(ngx_atomic_t *seq, ngx_atomic_uint_t before)
{
    ngx_memory_barrier();

    return *seq == before;
}


void
ngx_http_llm_slot_credentials(ngx_http_llm_slot_t *slot,
    llm_credentials_t *copy)
{
    ngx_uint_t         spins;
    ngx_atomic_uint_t  before;

    spins = 0;

    while (ngx_http_llm_read_begin(&slot->credentials_seq, &before, &spins)
           == NGX_OK)
    {
        *copy = slot->credentials;

        if (ngx_http_llm_read_end(&slot->credentials_seq, before)) {
            return;
        }
    }

    ngx_memzero(copy, sizeof(llm_credentials_t));
}


ngx_uint_t
ngx_http_llm_slot_addresses(ngx_http_llm_slot_t *slot,
    ngx_http_llm_address_t copy[NGX_HTTP_LLM_ADDRESSES])
{
    ngx_uint_t         n, spins;
    ngx_atomic_uint_t  before;

    spins = 0;

    while (ngx_http_llm_read_begin(&slot->addresses_seq, &before, &spins)
           == NGX_OK)
    {
        n = ngx_min(slot->naddresses, NGX_HTTP_LLM_ADDRESSES);
        ngx_memcpy(copy, slot->addresses, n * sizeof(ngx_http_llm_address_t));

        if (ngx_http_llm_read_end(&slot->addresses_seq, before)) {
            return n;
        }
    }

    return 0;
}


void
ngx_http_llm_slot_set_credentials(ngx_http_llm_slot_t *slot,
    const llm_credentials_t *credentials)
{
    ngx_http_llm_write_begin(&slot->credentials_seq);
    slot->credentials = *credentials;
    ngx_http_llm_write_end(&slot->credentials_seq);
}


void
ngx_http_llm_slot_set_addresses(ngx_http_llm_slot_t *slot,
    const ngx_http_llm_address_t *addresses, ngx_uint_t n, int64_t now_ms)
{
    n = ngx_min(n, NGX_HTTP_LLM_ADDRESSES);

    ngx_http_llm_write_begin(&slot->addresses_seq);

    ngx_memcpy(slot->addresses, addresses,
               n * sizeof(ngx_http_llm_address_t));
    slot->naddresses = n;
    slot->resolved_ms = now_ms;
    slot->resolve_error[0] = '\0';

    ngx_http_llm_write_end(&slot->addresses_seq);
}
