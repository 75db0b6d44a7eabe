/*
 * SigV4: from the canonical request to the signature.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* memrchr(), timegm() */
#endif

#include "sigv4_private.h"

#include <openssl/crypto.h>
#include <time.h>


static int llm_sigv4_sign_text(const llm_sigv4_key_t *key,
    const llm_sigv4_request_t *request, const llm_buf_t *canonical,
    char signature[64]);
static llm_str_t llm_sigv4_signed_names(const llm_buf_t *canonical,
    const llm_sigv4_request_t *request);
static void llm_sigv4_put_digits(char *p, int n, int digits);
static int llm_sigv4_get_digits(const char *p, int digits);


static inline llm_str_t
llm_sigv4_piece(const void *data, size_t len)
{
    llm_str_t  piece;

    piece.data = data;
    piece.len = len;

    return piece;
}


void
llm_sigv4_hash(const llm_str_t *pieces, size_t n, char hex[64])
{
    unsigned char  digest[LLM_SHA256_SIZE];

    /* no body has this hash, so nothing signed with it will pass */
    if (llm_sha256(pieces, n, digest) != LLM_OK) {
        memset(digest, 0, sizeof(digest));
    }

    llm_sha256_hex(digest, hex);
}


void
llm_sigv4_time(int64_t ms, char time[LLM_SIGV4_TIME_LEN])
{
    time_t     seconds;
    struct tm  tm;

    seconds = (time_t) (ms / 1000);

    if (ms < 0 || gmtime_r(&seconds, &tm) == NULL || tm.tm_year > 9999 - 1900)
    {
        seconds = 0;
        gmtime_r(&seconds, &tm);
    }

    llm_sigv4_put_digits(time, tm.tm_year + 1900, 4);
    llm_sigv4_put_digits(time + 4, tm.tm_mon + 1, 2);
    llm_sigv4_put_digits(time + 6, tm.tm_mday, 2);
    time[8] = 'T';
    llm_sigv4_put_digits(time + 9, tm.tm_hour, 2);
    llm_sigv4_put_digits(time + 11, tm.tm_min, 2);
    llm_sigv4_put_digits(time + 13, tm.tm_sec, 2);
    time[15] = 'Z';
}


int64_t
llm_sigv4_parse_time(llm_str_t time)
{
    int         i, n[6];
    time_t      seconds;
    struct tm   tm;

    static const uint8_t  at[6] = { 0, 4, 6, 9, 11, 13 };

    if (time.len != LLM_SIGV4_TIME_LEN || time.data[8] != 'T'
        || time.data[15] != 'Z')
    {
        return -1;
    }

    for (i = 0; i < 6; i++) {
        n[i] = llm_sigv4_get_digits(time.data + at[i], (i == 0) ? 4 : 2);

        if (n[i] < 0) {
            return -1;
        }
    }

    memset(&tm, 0, sizeof(tm));

    tm.tm_year = n[0] - 1900;
    tm.tm_mon = n[1] - 1;
    tm.tm_mday = n[2];
    tm.tm_hour = n[3];
    tm.tm_min = n[4];
    tm.tm_sec = n[5];

    seconds = timegm(&tm);

    /* timegm() takes the 30th of February for the 1st or 2nd of March */
    if (seconds < 0 || tm.tm_mon != n[1] - 1 || tm.tm_mday != n[2]
        || tm.tm_hour != n[3] || tm.tm_min != n[4] || tm.tm_sec != n[5])
    {
        return -1;
    }

    return (int64_t) seconds * 1000;
}


static void
llm_sigv4_put_digits(char *p, int n, int digits)
{
    while (digits-- > 0) {
        p[digits] = (char) ('0' + n % 10);
        n /= 10;
    }
}


static int
llm_sigv4_get_digits(const char *p, int digits)
{
    int  n;

    for (n = 0; digits > 0; digits--, p++) {
        if (*p < '0' || *p > '9') {
            return -1;
        }

        n = n * 10 + (*p - '0');
    }

    return n;
}


void
llm_sigv4_derive(llm_sigv4_key_t *key, llm_str_t secret, llm_str_t time,
    llm_str_t region, llm_str_t service)
{
    /* a key of no day signs nothing */
    if (llm_sigv4_derive_key(key, secret, time, region, service) != LLM_OK) {
        memset(key, 0, sizeof(*key));
    }
}


int
llm_sigv4_derive_key(llm_sigv4_key_t *key, llm_str_t secret, llm_str_t time,
    llm_str_t region, llm_str_t service)
{
    int         rc, i;
    llm_buf_t   first;
    llm_str_t   steps[4];

    if (time.len < LLM_SIGV4_DAY_LEN) {
        return LLM_ERROR;
    }

    memcpy(key->day, time.data, LLM_SIGV4_DAY_LEN);

    steps[0] = llm_sigv4_piece(key->day, LLM_SIGV4_DAY_LEN);
    steps[1] = region;
    steps[2] = service;
    steps[3] = llm_str("aws4_request");

    llm_buf_init(&first, LLM_SIGV4_CANONICAL_LIMIT);
    llm_buf_append(&first, "AWS4", 4);
    llm_buf_str(&first, secret);

    rc = LLM_ERROR;

    if (!first.failed) {
        rc = llm_hmac_sha256(first.data, first.len, &steps[0], 1, key->key);
        OPENSSL_cleanse(first.data, first.len);
    }

    llm_buf_free(&first);

    for (i = 1; i < 4 && rc == LLM_OK; i++) {
        rc = llm_hmac_sha256(key->key, sizeof(key->key), &steps[i], 1,
                             key->key);
    }

    return rc;
}


int
llm_sigv4_sign(const llm_sigv4_key_t *key, const llm_sigv4_request_t *request,
    char signature[64])
{
    int        rc;
    llm_buf_t  canonical;

    llm_buf_init(&canonical, LLM_SIGV4_CANONICAL_LIMIT);

    rc = llm_sigv4_canonical(&canonical, request);

    if (rc == LLM_OK) {
        rc = llm_sigv4_sign_text(key, request, &canonical, signature);
    }

    llm_buf_free(&canonical);

    return rc;
}


static int
llm_sigv4_sign_text(const llm_sigv4_key_t *key,
    const llm_sigv4_request_t *request, const llm_buf_t *canonical,
    char signature[64])
{
    char           hex[LLM_SIGV4_HASH_HEX];
    llm_str_t      text, parts[10];
    unsigned char  digest[LLM_SHA256_SIZE];

    if (request->time.len != LLM_SIGV4_TIME_LEN
        || memcmp(request->time.data, key->day, LLM_SIGV4_DAY_LEN) != 0)
    {
        return LLM_ERROR;
    }

    text = llm_sigv4_piece(canonical->data, canonical->len);

    if (llm_sha256(&text, 1, digest) != LLM_OK) {
        return LLM_ERROR;
    }

    llm_sha256_hex(digest, hex);

    parts[0] = llm_str("AWS4-HMAC-SHA256\n");
    parts[1] = request->time;
    parts[2] = llm_str("\n");
    parts[3] = llm_sigv4_piece(key->day, LLM_SIGV4_DAY_LEN);
    parts[4] = llm_str("/");
    parts[5] = request->region;
    parts[6] = llm_str("/");
    parts[7] = request->service;
    parts[8] = llm_str("/aws4_request\n");
    parts[9] = llm_sigv4_piece(hex, sizeof(hex));

    if (llm_hmac_sha256(key->key, sizeof(key->key), parts, 10, digest)
        != LLM_OK)
    {
        return LLM_ERROR;
    }

    llm_sha256_hex(digest, signature);

    return LLM_OK;
}


int
llm_sigv4_authorization(llm_buf_t *out, const llm_sigv4_key_t *key,
    llm_str_t access_key_id, const llm_sigv4_request_t *request)
{
    int        rc;
    char       signature[LLM_SIGV4_HASH_HEX];
    llm_buf_t  canonical;

    llm_buf_init(&canonical, LLM_SIGV4_CANONICAL_LIMIT);

    rc = llm_sigv4_canonical(&canonical, request);

    if (rc == LLM_OK) {
        rc = llm_sigv4_sign_text(key, request, &canonical, signature);
    }

    if (rc == LLM_OK) {
        llm_buf_str(out, llm_str("AWS4-HMAC-SHA256 Credential="));
        llm_buf_str(out, access_key_id);
        llm_buf_str(out, llm_str("/"));
        llm_buf_append(out, key->day, sizeof(key->day));
        llm_buf_str(out, llm_str("/"));
        llm_buf_str(out, request->region);
        llm_buf_str(out, llm_str("/"));
        llm_buf_str(out, request->service);
        llm_buf_str(out, llm_str("/aws4_request, SignedHeaders="));
        llm_buf_str(out, llm_sigv4_signed_names(&canonical, request));
        llm_buf_str(out, llm_str(", Signature="));
        llm_buf_append(out, signature, sizeof(signature));
    }

    llm_buf_free(&canonical);

    return (rc == LLM_OK && !out->failed) ? LLM_OK : LLM_ERROR;
}


/* they are the last line but one of the canonical request */
static llm_str_t
llm_sigv4_signed_names(const llm_buf_t *canonical,
    const llm_sigv4_request_t *request)
{
    size_t       len;
    const char  *start;

    len = canonical->len - request->payload_hash.len - 1;
    start = memrchr(canonical->data, '\n', len);

    return llm_sigv4_piece(start + 1,
                           len - (size_t) (start + 1 - canonical->data));
}
