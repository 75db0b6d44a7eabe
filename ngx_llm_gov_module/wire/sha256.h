/*
 * SHA-256 and HMAC-SHA256 by OpenSSL, from any thread.
 */

#ifndef LLM_SHA256_H
#define LLM_SHA256_H

#include "str.h"


#define LLM_SHA256_SIZE  32


/* of several pieces; LLM_ERROR if there is no memory */
int llm_sha256(const llm_str_t *pieces, size_t n,
    unsigned char digest[LLM_SHA256_SIZE]);

/* a key of at most 64 bytes is used as it is, a longer one hashed first */
int llm_hmac_sha256(const void *key, size_t key_len, const llm_str_t *pieces,
    size_t n, unsigned char mac[LLM_SHA256_SIZE]);

/* lower case, no NUL */
void llm_sha256_hex(const unsigned char digest[LLM_SHA256_SIZE],
    char hex[2 * LLM_SHA256_SIZE]);


#endif /* LLM_SHA256_H */
