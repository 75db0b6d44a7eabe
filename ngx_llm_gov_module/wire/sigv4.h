/*
 * AWS Signature Version 4 ("Create a signed AWS API request", IAM User Guide):
 * signing what goes to AWS, and verifying what an AWS SDK sent us signed with
 * a virtual key.
 */

#ifndef LLM_SIGV4_H
#define LLM_SIGV4_H

#include "buf.h"


#define LLM_SIGV4_HASH_HEX   64
#define LLM_SIGV4_MAX_HEADERS  64   /* that one request signs */
#define LLM_SIGV4_TIME_LEN   16     /* 20260115T123456Z */


typedef struct {
    llm_str_t   name;               /* any case; compared in lower case */
    llm_str_t   value;
} llm_header_t;


/* derived once per secret, day, region and service; holds no secret key */
typedef struct {
    unsigned char   key[32];
    char            day[8];         /* 20260115 */
} llm_sigv4_key_t;


typedef struct {
    llm_str_t            method;
    llm_str_t            path;           /* as on the wire, encoded once */
    llm_str_t            query;          /* as on the wire, without `?` */
    const llm_header_t  *headers;        /* those to sign; host among them */
    size_t               nheaders;
    llm_str_t            payload_hash;   /* hex SHA-256 of the body */
    llm_str_t            time;           /* LLM_SIGV4_TIME_LEN bytes */
    llm_str_t            region;
    llm_str_t            service;
    bool                 single_encode;  /* the path's %XX are not encoded a
                                            second time (S3, and AWS's own
                                            suite) */
    bool                 normalize;      /* remove dot segments and empty ones
                                            from the path first */
} llm_sigv4_request_t;


/* hex SHA-256 of several pieces; hex gets 64 bytes, no NUL; all zeros if there
 * is no memory.  Like all of this file it may run in any thread. */
void llm_sigv4_hash(const llm_str_t *pieces, size_t n, char hex[64]);

/* milliseconds since the epoch as 20260115T123456Z, and back (-1: no time) */
void llm_sigv4_time(int64_t ms, char time[LLM_SIGV4_TIME_LEN]);
int64_t llm_sigv4_parse_time(llm_str_t time);

/* kSigning of (secret, day, region, service) */
void llm_sigv4_derive(llm_sigv4_key_t *key, llm_str_t secret, llm_str_t time,
    llm_str_t region, llm_str_t service);

/* appends the canonical request; LLM_ERROR if there is no memory, if it would
 * be over 1 MB, or if there are over LLM_SIGV4_MAX_HEADERS headers */
int llm_sigv4_canonical(llm_buf_t *out, const llm_sigv4_request_t *request);

/* hex signature (64 bytes, no NUL); LLM_ERROR as above, or if the key is of
 * another day than request->time */
int llm_sigv4_sign(const llm_sigv4_key_t *key,
    const llm_sigv4_request_t *request, char signature[64]);

/* appends the value of the Authorization header */
int llm_sigv4_authorization(llm_buf_t *out, const llm_sigv4_key_t *key,
    llm_str_t access_key_id, const llm_sigv4_request_t *request);


/* an Authorization header of AWS4-HMAC-SHA256, taken apart; points into it */
typedef struct {
    llm_str_t   access_key_id;
    llm_str_t   day;
    llm_str_t   region;
    llm_str_t   service;
    llm_str_t   signed_headers;
    llm_str_t   signature;
} llm_sigv4_credential_t;


/* LLM_ERROR: not such a header, or broken.  The access key id may hold
 * slashes. */
int llm_sigv4_parse(llm_str_t authorization, llm_sigv4_credential_t *cred);


typedef enum {
    LLM_SIGV4_VALID = 0,
    LLM_SIGV4_BAD_SIGNATURE,
    LLM_SIGV4_EXPIRED,          /* signed more than `skew` ms ago */
    LLM_SIGV4_NOT_YET,          /* or more than `skew` ms ahead */
    LLM_SIGV4_INCOMPLETE,       /* a listed header is missing, no date, or
                                   host (:authority) is not signed */
    LLM_SIGV4_BAD_PAYLOAD_HASH  /* x-amz-content-sha256 is not the body's */
} llm_sigv4_verdict_t;

/*
 * Verifies a received request.  `headers` are all that came (with host; where
 * the client signed `:authority`, host's value is taken for it); payload_hash
 * is that of the body as received; time in the request is ignored, it is read
 * from X-Amz-Date.  now_ms, skew_ms: milliseconds.  Compares in constant time.
 */
llm_sigv4_verdict_t llm_sigv4_verify(const llm_sigv4_credential_t *cred,
    llm_str_t secret, const llm_sigv4_request_t *received, int64_t now_ms,
    int64_t skew_ms);


#endif /* LLM_SIGV4_H */
