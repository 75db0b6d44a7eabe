/*
 * What the files of SigV4 share.
 */

#ifndef LLM_SIGV4_PRIVATE_H
#define LLM_SIGV4_PRIVATE_H

#include "sha256.h"
#include "sigv4.h"


/* no request we sign or verify comes near; bounds what a client can cost */
#define LLM_SIGV4_CANONICAL_LIMIT  (1024 * 1024)

#define LLM_SIGV4_DAY_LEN  8


/* as llm_sigv4_derive(), but says when there was no memory */
int llm_sigv4_derive_key(llm_sigv4_key_t *key, llm_str_t secret,
    llm_str_t time, llm_str_t region, llm_str_t service);

/* appends path and query in canonical form */
void llm_sigv4_canonical_path(llm_buf_t *out,
    const llm_sigv4_request_t *request);
int llm_sigv4_canonical_query(llm_buf_t *out, llm_str_t query);

/* < 0, 0, > 0; in lower case */
int llm_sigv4_name_cmp(llm_str_t a, llm_str_t b);


static inline char
llm_sigv4_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char) (c | 0x20) : c;
}


#endif /* LLM_SIGV4_PRIVATE_H */
