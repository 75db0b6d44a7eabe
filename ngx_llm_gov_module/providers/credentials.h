/*
 * Credentials for AWS: from where, and what was got.  Fetched by the background
 * process only (libcurl, files, processes: it may wait), published to the
 * workers in shared memory.  No nginx here.
 */

#ifndef LLM_CREDENTIALS_H
#define LLM_CREDENTIALS_H

#include "../wire/str.h"


typedef enum {
    LLM_CREDENTIALS_CHAIN = 0,      /* AWS's default order */
    LLM_CREDENTIALS_STATIC,
    LLM_CREDENTIALS_ENVIRONMENT,
    LLM_CREDENTIALS_PROFILE,        /* shared config and credentials files */
    LLM_CREDENTIALS_IMDS,
    LLM_CREDENTIALS_CONTAINER,      /* ECS, EKS Pod Identity */
    LLM_CREDENTIALS_WEB_IDENTITY,   /* IRSA */
    LLM_CREDENTIALS_PROCESS,
    LLM_CREDENTIALS_BEARER          /* Bedrock API key */
} llm_credentials_source_t;


/* NUL-terminated strings, NULL where not given; owned by the configuration */
typedef struct {
    llm_credentials_source_t   source;
    const char   *access_key_id;        /* STATIC */
    const char   *secret_access_key;
    const char   *session_token;
    const char   *bearer;               /* BEARER: the key itself */
    const char   *bearer_file;          /* or the file it is in (re-read) */
    const char   *profile;
    const char   *process;              /* command line */
    const char   *region;               /* for STS */
    const char   *imds_endpoint;        /* tests; default 169.254.169.254 */
    const char   *sts_endpoint;         /* tests, VPC endpoints */

    /* on top of any of them but BEARER */
    const char   *assume_role;          /* ARN */
    const char   *role_session_name;
    const char   *external_id;
} llm_credentials_conf_t;


#define LLM_CREDENTIALS_ID_SIZE      128
#define LLM_CREDENTIALS_SECRET_SIZE  256
#define LLM_CREDENTIALS_TOKEN_SIZE   4096

/* what signing needs; also the layout of the shared slot's content */
typedef struct {
    uint64_t   generation;              /* changes with the content; 0: none
                                           got yet */
    uint64_t   conf;                    /* the caller's: a hash of the
                                           configuration they are for */
    int64_t    expires_ms;              /* since the epoch; 0: never */
    int64_t    fetched_ms;
    uint16_t   id_len;
    uint16_t   secret_len;
    uint16_t   token_len;               /* session token, or the bearer key */
    bool       bearer;
    char       source[24];              /* "imds", "environment" … */
    char       error[192];              /* last failure, empty if none; no
                                           secret in it */
    int64_t    error_ms;
    char       id[LLM_CREDENTIALS_ID_SIZE];
    char       secret[LLM_CREDENTIALS_SECRET_SIZE];
    char       token[LLM_CREDENTIALS_TOKEN_SIZE];
} llm_credentials_t;


/*
 * Gets credentials now; may block for seconds (timeouts: 1 s to connect to a
 * metadata service, 5 s in all for each call).  LLM_OK: *credentials is filled
 * (generation and conf are left to the caller).  LLM_ERROR: credentials->error
 * says why, the rest is left as it was.  Reads the process's environment.
 */
int llm_credentials_fetch(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, int64_t now_ms);

/* when to fetch again: 5 min (and a jitter) before expiry, at once if there are
 * none, after a failure 1 s to 60 s later, with backoff; files are looked at
 * every 10 s */
int64_t llm_credentials_next(const llm_credentials_t *credentials,
    unsigned failures, int64_t now_ms);

/* the process is about to exit: calls under way in another thread end soon,
 * later ones fail */
void llm_credentials_interrupt(void);

/* curl_global_init(), once in this process; from any thread */
void llm_credentials_http_init(void);


#endif /* LLM_CREDENTIALS_H */
