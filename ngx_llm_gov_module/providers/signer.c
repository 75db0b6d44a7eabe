/*
 * Credentials and signing key of a provider in one worker.
 */

#include "signer.h"


ngx_http_llm_signer_t *
ngx_http_llm_signer(ngx_http_llm_provider_t *provider)
{
    ngx_atomic_uint_t       seq;
    ngx_http_llm_slot_t    *slot;
    ngx_http_llm_signer_t  *signer;

    slot = provider->slot;
    signer = provider->signer;

    if (signer == NULL) {
        signer = ngx_calloc(sizeof(ngx_http_llm_signer_t), ngx_cycle->log);
        if (signer == NULL) {
            return NULL;
        }

        signer->seq = (ngx_atomic_uint_t) -1;
        provider->signer = signer;
    }

    seq = slot->credentials_seq;

    if (seq != signer->seq) {
        ngx_http_llm_slot_credentials(slot, &signer->credentials);
        signer->seq = seq;
        signer->derived = 0;
    }

    return signer->credentials.generation ? signer : NULL;
}


llm_str_t
ngx_http_llm_signer_time(ngx_http_llm_signer_t *signer)
{
    int64_t  now;

    now = ngx_http_llm_now() + signer->clock_offset;

    if (now / 1000 != signer->second) {
        signer->second = now / 1000;
        llm_sigv4_time(now, signer->time);
    }

    return (llm_str_t) { signer->time, LLM_SIGV4_TIME_LEN };
}


llm_sigv4_key_t *
ngx_http_llm_signer_key(ngx_http_llm_signer_t *signer, llm_str_t time,
    llm_str_t region, llm_str_t service)
{
    if (!signer->derived || ngx_memcmp(signer->key.day, time.data, 8) != 0) {

        llm_sigv4_derive(&signer->key,
                         (llm_str_t) { signer->credentials.secret,
                                       signer->credentials.secret_len },
                         time, region, service);
        signer->derived = 1;
    }

    return &signer->key;
}
