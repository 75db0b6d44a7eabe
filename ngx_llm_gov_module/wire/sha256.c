/*
 * SHA-256 and HMAC (RFC 2104).  OpenSSL's own HMAC looks its parts up anew in
 * every call, which costs more than the hashing of so few bytes.
 */

#include "sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>


#define LLM_SHA256_BLOCK  64


static pthread_once_t   llm_sha256_once = PTHREAD_ONCE_INIT;
static pthread_key_t    llm_sha256_key;
static bool             llm_sha256_has_key;
static const EVP_MD    *llm_sha256_md;


static EVP_MD_CTX *llm_sha256_ctx(void);
static void llm_sha256_fetch(void);
static int llm_sha256_run(EVP_MD_CTX *ctx, const unsigned char *block,
    const llm_str_t *pieces, size_t n, unsigned char *digest);


/* one for each thread, as long as the process lives: to make it anew costs more
 * than to hash a few bytes */
static EVP_MD_CTX *
llm_sha256_ctx(void)
{
    EVP_MD_CTX  *ctx;

    pthread_once(&llm_sha256_once, llm_sha256_fetch);

    if (!llm_sha256_has_key) {
        return NULL;
    }

    ctx = pthread_getspecific(llm_sha256_key);

    if (ctx != NULL) {
        return ctx;
    }

    ctx = EVP_MD_CTX_new();

    if (ctx != NULL && pthread_setspecific(llm_sha256_key, ctx) != 0) {
        EVP_MD_CTX_free(ctx);
        ctx = NULL;
    }

    return ctx;
}


/* looked up once, for the life of the process */
static void
llm_sha256_fetch(void)
{
    llm_sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);

    if (llm_sha256_md == NULL) {
        llm_sha256_md = EVP_sha256();
    }

    /* without a destructor: nginx unloads the module when a worker ends, and
     * a thread of its pool that ends a little later would run code that is
     * gone */

    llm_sha256_has_key = pthread_key_create(&llm_sha256_key, NULL) == 0;
}


int
llm_sha256(const llm_str_t *pieces, size_t n,
    unsigned char digest[LLM_SHA256_SIZE])
{
    EVP_MD_CTX  *ctx;

    ctx = llm_sha256_ctx();

    return (ctx != NULL) ? llm_sha256_run(ctx, NULL, pieces, n, digest)
                         : LLM_ERROR;
}


int
llm_hmac_sha256(const void *key, size_t key_len, const llm_str_t *pieces,
    size_t n, unsigned char mac[LLM_SHA256_SIZE])
{
    int             rc;
    size_t          i;
    llm_str_t       part;
    EVP_MD_CTX     *ctx;
    unsigned char   block[LLM_SHA256_BLOCK], inner[LLM_SHA256_SIZE];

    ctx = llm_sha256_ctx();

    if (ctx == NULL) {
        return LLM_ERROR;
    }

    memset(block, 0, sizeof(block));
    rc = LLM_OK;

    if (key_len > sizeof(block)) {
        part.data = key;
        part.len = key_len;
        rc = llm_sha256_run(ctx, NULL, &part, 1, block);

    } else if (key_len != 0) {
        memcpy(block, key, key_len);
    }

    for (i = 0; i < sizeof(block); i++) {
        block[i] ^= 0x36;
    }

    if (rc == LLM_OK) {
        rc = llm_sha256_run(ctx, block, pieces, n, inner);
    }

    for (i = 0; i < sizeof(block); i++) {
        block[i] ^= 0x36 ^ 0x5c;
    }

    if (rc == LLM_OK) {
        part.data = (char *) inner;
        part.len = sizeof(inner);
        rc = llm_sha256_run(ctx, block, &part, 1, mac);
    }

    OPENSSL_cleanse(block, sizeof(block));

    return rc;
}


/* the block, if there is one, and then the pieces */
static int
llm_sha256_run(EVP_MD_CTX *ctx, const unsigned char *block,
    const llm_str_t *pieces, size_t n, unsigned char *digest)
{
    size_t  i;

    if (EVP_DigestInit_ex(ctx, llm_sha256_md, NULL) != 1) {
        return LLM_ERROR;
    }

    if (block != NULL
        && EVP_DigestUpdate(ctx, block, LLM_SHA256_BLOCK) != 1)
    {
        return LLM_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (EVP_DigestUpdate(ctx, pieces[i].data, pieces[i].len) != 1) {
            return LLM_ERROR;
        }
    }

    return (EVP_DigestFinal_ex(ctx, digest, NULL) == 1) ? LLM_OK : LLM_ERROR;
}


void
llm_sha256_hex(const unsigned char digest[LLM_SHA256_SIZE],
    char hex[2 * LLM_SHA256_SIZE])
{
    size_t  i;

    static const char  digits[] = "0123456789abcdef";

    for (i = 0; i < LLM_SHA256_SIZE; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 0xf];
    }
}
