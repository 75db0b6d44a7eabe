/*
 * SigV4: what a client signed with a virtual key's name and secret.
 */

#include "sigv4_private.h"

#include <openssl/crypto.h>


static bool llm_sigv4_scope(llm_sigv4_credential_t *cred, llm_str_t value);
static bool llm_sigv4_pop(llm_str_t *path, llm_str_t *last);
static bool llm_sigv4_hex_hash(llm_str_t signature);
static llm_sigv4_verdict_t llm_sigv4_check_time(llm_str_t time,
    int64_t now_ms, int64_t skew_ms);
static bool llm_sigv4_check_signature(const llm_sigv4_credential_t *cred,
    llm_str_t secret, const llm_sigv4_request_t *request);
static const llm_header_t *llm_sigv4_find(const llm_sigv4_request_t *request,
    llm_str_t name);
static bool llm_sigv4_pick(const llm_sigv4_request_t *received,
    llm_str_t signed_headers, llm_header_t *picked, size_t *npicked);
static bool llm_sigv4_pick_name(const llm_sigv4_request_t *received,
    llm_str_t name, llm_header_t *picked, size_t *npicked);


static inline llm_str_t
llm_sigv4_trim(llm_str_t s)
{
    while (s.len != 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }

    while (s.len != 0
           && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
    {
        s.len--;
    }

    return s;
}


/* cuts s at the first `at`; what follows it is returned */
static inline llm_str_t
llm_sigv4_cut(llm_str_t *s, char at)
{
    llm_str_t    rest;
    const char  *p;

    p = memchr(s->data, at, s->len);

    rest.data = (p != NULL) ? p + 1 : s->data + s->len;
    rest.len = (size_t) (s->data + s->len - rest.data);

    if (p != NULL) {
        s->len = (size_t) (p - s->data);
    }

    return rest;
}


int
llm_sigv4_parse(llm_str_t authorization, llm_sigv4_credential_t *cred)
{
    llm_str_t  rest, name, value, *field;

    static const llm_str_t  algorithm = { "AWS4-HMAC-SHA256 ", 17 };

    memset(cred, 0, sizeof(*cred));

    if (!llm_str_starts(authorization, algorithm)) {
        return LLM_ERROR;
    }

    rest.data = authorization.data + algorithm.len;
    rest.len = authorization.len - algorithm.len;

    while (rest.len != 0) {
        name = rest;
        rest = llm_sigv4_cut(&name, ',');
        value = llm_sigv4_cut(&name, '=');

        name = llm_sigv4_trim(name);
        value = llm_sigv4_trim(value);

        if (llm_str_eq(name, llm_str("Credential"))) {
            if (cred->service.len != 0 || !llm_sigv4_scope(cred, value)) {
                return LLM_ERROR;
            }

            continue;
        }

        field = llm_str_eq(name, llm_str("SignedHeaders"))
                ? &cred->signed_headers
                : llm_str_eq(name, llm_str("Signature"))
                  ? &cred->signature : NULL;

        if (field == NULL || field->len != 0 || value.len == 0) {
            return LLM_ERROR;
        }

        *field = value;
    }

    if (cred->service.len == 0 || cred->signed_headers.len == 0
        || !llm_sigv4_hex_hash(cred->signature))
    {
        return LLM_ERROR;
    }

    return LLM_OK;
}


/* <access key id>/<day>/<region>/<service>/aws4_request */
static bool
llm_sigv4_scope(llm_sigv4_credential_t *cred, llm_str_t value)
{
    size_t     i;
    llm_str_t  terminator;

    if (!llm_sigv4_pop(&value, &terminator)
        || !llm_str_eq(terminator, llm_str("aws4_request"))
        || !llm_sigv4_pop(&value, &cred->service)
        || !llm_sigv4_pop(&value, &cred->region)
        || !llm_sigv4_pop(&value, &cred->day)
        || cred->day.len != LLM_SIGV4_DAY_LEN
        || value.len == 0)
    {
        return false;
    }

    for (i = 0; i < cred->day.len; i++) {
        if (cred->day.data[i] < '0' || cred->day.data[i] > '9') {
            return false;
        }
    }

    cred->access_key_id = value;

    return true;
}


/* takes the last part, which must not be empty, off a path */
static bool
llm_sigv4_pop(llm_str_t *path, llm_str_t *last)
{
    size_t  i;

    for (i = path->len; i != 0; i--) {

        if (path->data[i - 1] == '/') {
            last->data = path->data + i;
            last->len = path->len - i;
            path->len = i - 1;

            return last->len != 0;
        }
    }

    return false;
}


static bool
llm_sigv4_hex_hash(llm_str_t signature)
{
    char    c;
    size_t  i;

    for (i = 0; i < signature.len; i++) {
        c = signature.data[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) {
            return false;
        }
    }

    return signature.len == LLM_SIGV4_HASH_HEX;
}


llm_sigv4_verdict_t
llm_sigv4_verify(const llm_sigv4_credential_t *cred, llm_str_t secret,
    const llm_sigv4_request_t *received, int64_t now_ms, int64_t skew_ms)
{
    llm_header_t          picked[LLM_SIGV4_MAX_HEADERS];
    const llm_header_t   *header;
    llm_sigv4_verdict_t   verdict;
    llm_sigv4_request_t   request;

    request = *received;
    request.headers = picked;
    request.region = cred->region;
    request.service = cred->service;

    header = llm_sigv4_find(received, llm_str("x-amz-date"));

    if (header == NULL
        || !llm_sigv4_pick(received, cred->signed_headers, picked,
                           &request.nheaders))
    {
        return LLM_SIGV4_INCOMPLETE;
    }

    request.time = llm_sigv4_trim(header->value);
    verdict = llm_sigv4_check_time(request.time, now_ms, skew_ms);

    if (verdict != LLM_SIGV4_VALID) {
        return verdict;
    }

    header = llm_sigv4_find(received, llm_str("x-amz-content-sha256"));

    if (header != NULL && !llm_str_eq(llm_sigv4_trim(header->value),
                                      received->payload_hash))
    {
        return LLM_SIGV4_BAD_PAYLOAD_HASH;
    }

    return llm_sigv4_check_signature(cred, secret, &request)
           ? LLM_SIGV4_VALID : LLM_SIGV4_BAD_SIGNATURE;
}


static llm_sigv4_verdict_t
llm_sigv4_check_time(llm_str_t time, int64_t now_ms, int64_t skew_ms)
{
    int64_t  signed_ms;

    signed_ms = llm_sigv4_parse_time(time);

    if (signed_ms < 0) {
        return LLM_SIGV4_INCOMPLETE;
    }

    if (signed_ms < now_ms - skew_ms) {
        return LLM_SIGV4_EXPIRED;
    }

    return (signed_ms > now_ms + skew_ms) ? LLM_SIGV4_NOT_YET
                                          : LLM_SIGV4_VALID;
}


static bool
llm_sigv4_check_signature(const llm_sigv4_credential_t *cred,
    llm_str_t secret, const llm_sigv4_request_t *request)
{
    int              rc;
    char             signature[LLM_SIGV4_HASH_HEX];
    llm_sigv4_key_t  key;

    rc = llm_sigv4_derive_key(&key, secret, cred->day, cred->region,
                              cred->service);

    if (rc == LLM_OK) {
        /* fails too if the scope's day is not that of X-Amz-Date */
        rc = llm_sigv4_sign(&key, request, signature);
    }

    OPENSSL_cleanse(&key, sizeof(key));

    return rc == LLM_OK && cred->signature.len == sizeof(signature)
           && CRYPTO_memcmp(signature, cred->signature.data,
                            sizeof(signature)) == 0;
}


static const llm_header_t *
llm_sigv4_find(const llm_sigv4_request_t *request, llm_str_t name)
{
    size_t  i;

    for (i = 0; i < request->nheaders; i++) {
        if (request->headers[i].name.len == name.len
            && llm_sigv4_name_cmp(request->headers[i].name, name) == 0)
        {
            return &request->headers[i];
        }
    }

    return NULL;
}


/* the headers that were signed; false if one is missing, or host is not one */
static bool
llm_sigv4_pick(const llm_sigv4_request_t *received, llm_str_t signed_headers,
    llm_header_t *picked, size_t *npicked)
{
    bool       host;
    llm_str_t  name, rest;

    host = false;
    *npicked = 0;

    for (rest = signed_headers; rest.len != 0; /* void */) {
        name = rest;
        rest = llm_sigv4_cut(&name, ';');

        if (!llm_sigv4_pick_name(received, name, picked, npicked)) {
            return false;
        }

        host |= llm_str_eq(name, llm_str("host"))
                || llm_str_eq(name, llm_str(":authority"));
    }

    return host;
}


static bool
llm_sigv4_pick_name(const llm_sigv4_request_t *received, llm_str_t name,
    llm_header_t *picked, size_t *npicked)
{
    bool       found;
    size_t     i;
    llm_str_t  wanted;

    /* what HTTP/2 calls :authority reaches us as host */
    wanted = llm_str_eq(name, llm_str(":authority")) ? llm_str("host") : name;
    found = false;

    for (i = 0; i < received->nheaders; i++) {

        if (received->headers[i].name.len != wanted.len
            || llm_sigv4_name_cmp(received->headers[i].name, wanted) != 0)
        {
            continue;
        }

        if (*npicked == LLM_SIGV4_MAX_HEADERS) {
            return false;
        }

        picked[*npicked].name = name;
        picked[*npicked].value = received->headers[i].value;
        (*npicked)++;
        found = true;
    }

    return found;
}
