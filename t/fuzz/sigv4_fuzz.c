/*
 * SigV4: lines of method, path, query, Authorization, body, and then headers.
 * What was signed here must verify; what came in must not crash, and must not
 * verify under a secret that it was not signed with.
 */

#include "wire/sigv4.h"

#include <stdlib.h>


#define HEADERS  80


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static llm_str_t
line(llm_str_t *rest)
{
    llm_str_t    s;
    const char  *end;

    s = *rest;
    end = (s.len != 0) ? memchr(s.data, '\n', s.len) : NULL;

    if (end == NULL) {
        rest->len = 0;
        return s;
    }

    s.len = (size_t) (end - s.data);
    rest->data = end + 1;
    rest->len -= s.len + 1;

    return s;
}


static void
read_headers(llm_str_t rest, llm_header_t *headers, size_t *n)
{
    llm_str_t    s;
    const char  *colon;

    for (*n = 0; rest.len != 0 && *n < HEADERS; /* void */) {
        s = line(&rest);
        colon = (s.len != 0) ? memchr(s.data, ':', s.len) : NULL;

        if (colon == NULL) {
            continue;
        }

        headers[*n].name.data = s.data;
        headers[*n].name.len = (size_t) (colon - s.data);
        headers[*n].value.data = colon + 1;
        headers[*n].value.len = s.len - headers[*n].name.len - 1;
        (*n)++;
    }
}


static void
sign_and_verify(llm_sigv4_request_t request)
{
    size_t                   i;
    llm_buf_t                out;
    llm_str_t                authorization;
    llm_header_t             headers[HEADERS + 2];
    llm_sigv4_key_t          key;
    llm_sigv4_credential_t   cred;

    /* names that come out of the list as they went in */
    for (i = 0; i < request.nheaders && i < HEADERS; i++) {
        headers[i].name = llm_str("x-other");
        headers[i].value = request.headers[i].value;
    }

    headers[i++] = (llm_header_t) { llm_str("Host"), llm_str("h") };
    headers[i++] = (llm_header_t) { llm_str("X-Amz-Date"),
                                    llm_str("20260115T123456Z") };

    request.headers = headers;
    request.nheaders = i;
    request.time = llm_str("20260115T123456Z");

    llm_buf_init(&out, 1 << 20);
    llm_sigv4_derive(&key, llm_str("s"), request.time, request.region,
                     request.service);

    if (llm_sigv4_authorization(&out, &key, llm_str("k"), &request)
        == LLM_OK)
    {
        authorization.data = out.data;
        authorization.len = out.len;

        if (llm_sigv4_parse(authorization, &cred) != LLM_OK
            || llm_sigv4_verify(&cred, llm_str("s"), &request, 1768480496000,
                                0) != LLM_SIGV4_VALID
            || llm_sigv4_verify(&cred, llm_str("t"), &request, 1768480496000,
                                0) == LLM_SIGV4_VALID)
        {
            abort();
        }
    }

    llm_buf_free(&out);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                     hash[LLM_SIGV4_HASH_HEX];
    llm_str_t                rest, authorization, body;
    llm_header_t             headers[HEADERS];
    llm_sigv4_request_t      request;
    llm_sigv4_credential_t   cred;

    if (size == 0) {
        return 0;
    }

    memset(&request, 0, sizeof(request));

    request.single_encode = data[0] & 1;
    request.normalize = data[0] & 2;

    rest.data = (const char *) data + 1;
    rest.len = size - 1;

    request.method = line(&rest);
    request.path = line(&rest);
    request.query = line(&rest);
    authorization = line(&rest);
    body = line(&rest);

    read_headers(rest, headers, &request.nheaders);
    request.headers = headers;

    llm_sigv4_hash(&body, 1, hash);
    request.payload_hash.data = hash;
    request.payload_hash.len = sizeof(hash);

    if (llm_sigv4_parse(authorization, &cred) == LLM_OK
        && llm_sigv4_verify(&cred, llm_str("never a secret"), &request,
                            1768480496000, INT64_MAX / 4) == LLM_SIGV4_VALID)
    {
        abort();
    }

    request.region = llm_str("us-east-1");
    request.service = llm_str("bedrock");
    sign_and_verify(request);

    return 0;
}
