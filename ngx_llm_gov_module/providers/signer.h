/*
 * A provider's credentials as this worker has them, and the signing key derived
 * from them: copied from the shared slot only when that changed.
 */

#ifndef NGX_HTTP_LLM_SIGNER_H
#define NGX_HTTP_LLM_SIGNER_H

#include "../governance/zone.h"
#include "../wire/sigv4.h"


typedef struct {
    ngx_atomic_uint_t   seq;            /* of the slot when it was copied */
    llm_credentials_t   credentials;
    llm_sigv4_key_t     key;
    ngx_flag_t          derived;
    int64_t             clock_offset;   /* ms to add to our clock, learned from
                                           a refusal by AWS */
    int64_t             second;         /* of `time`, since the epoch */
    char                time[LLM_SIGV4_TIME_LEN];
} ngx_http_llm_signer_t;


/* NULL: no memory, or there are no credentials yet */
ngx_http_llm_signer_t *ngx_http_llm_signer(ngx_http_llm_provider_t *provider);

/* the present time as it is signed; good until the next call */
llm_str_t ngx_http_llm_signer_time(ngx_http_llm_signer_t *signer);

/* the key of that time's day; good until the next call */
llm_sigv4_key_t *ngx_http_llm_signer_key(ngx_http_llm_signer_t *signer,
    llm_str_t time, llm_str_t region, llm_str_t service);


#endif /* NGX_HTTP_LLM_SIGNER_H */
