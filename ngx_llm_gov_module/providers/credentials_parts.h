/*
 * What the sources of credentials share.  Each source returns LLM_OK
 * (*credentials is filled), LLM_AGAIN (it is not set up here: the chain goes
 * on) or LLM_ERROR (it is set up and fails: credentials->error says why).
 */

#ifndef LLM_CREDENTIALS_PARTS_H
#define LLM_CREDENTIALS_PARTS_H

#include "credentials.h"
#include "../wire/buf.h"


/* the largest answer, file or output of a process that is read */
#define LLM_CREDENTIALS_TEXT_SIZE   (256 * 1024)

/* milliseconds: for each call, and to reach what is in this machine's net */
#define LLM_CREDENTIALS_TIMEOUT     5000
#define LLM_CREDENTIALS_NEAR        1000

/* profiles that take their credentials from one another */
#define LLM_CREDENTIALS_DEPTH       5


/* a role to assume; strings may be NULL or empty where optional */
typedef struct {
    const char   *arn;
    const char   *session_name;         /* optional */
    const char   *external_id;          /* optional */
    const char   *token_file;           /* web identity only */
} llm_role_t;


/* one profile, from both files; empty strings where not given */
typedef struct {
    bool         found;
    bool         sso;
    const char  *too_long;              /* a key whose value did not fit */
    char   access_key_id[LLM_CREDENTIALS_ID_SIZE];
    char   secret_access_key[LLM_CREDENTIALS_SECRET_SIZE];
    char   session_token[LLM_CREDENTIALS_TOKEN_SIZE];
    char   process[1024];
    char   role_arn[256];
    char   role_session_name[72];
    char   external_id[1232];
    char   source_profile[128];
    char   credential_source[32];
    char   token_file[1024];
} llm_profile_t;


typedef struct {
    const char   *method;
    const char   *url;
    const char   *headers[6];           /* "Name: value"; NULL ends them */
    llm_str_t     body;
    bool          near;                 /* a metadata service: no proxy, short
                                           time to connect */
} llm_http_call_t;


/* ------ credentials_text.c: what all write and read ------ */

/* printf into credentials->error, LLM_ERROR; never give it a secret */
int llm_credentials_fail(llm_credentials_t *credentials, const char *format,
    ...) __attribute__((format(printf, 2, 3)));

/* LLM_ERROR: empty, too long, or a byte that no header can carry */
int llm_credentials_set(llm_credentials_t *credentials, const char *source,
    llm_str_t id, llm_str_t secret, llm_str_t token);
int llm_credentials_set_bearer(llm_credentials_t *credentials,
    const char *source, llm_str_t key);

/* {"AccessKeyId", "SecretAccessKey", "Token" or "SessionToken",
 * "Expiration"}: what IMDS, containers and processes answer */
int llm_credentials_parse_json(llm_credentials_t *credentials,
    const char *source, llm_str_t text);

/* "2026-01-15T12:34:56Z", with a fraction and an offset if there is one; ms
 * since the epoch, -1: no time */
int64_t llm_credentials_parse_time(llm_str_t text);

/* when a short-term Bedrock API key ends (it is a presigned URL); 0: a
 * long-term one, or not to be known */
int64_t llm_credentials_bearer_expires(llm_str_t key);

/* LLM_AGAIN: there is no such file.  The caller frees `text`. */
int llm_credentials_read_file(const char *path, llm_buf_t *text,
    llm_credentials_t *credentials);

/* without white space around it */
llm_str_t llm_credentials_trim(llm_str_t text);

/* getenv() that takes an empty variable for none */
const char *llm_credentials_env(const char *name);


/* ------ the sources ------ */

int llm_credentials_profile(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, int64_t now_ms);
int llm_credentials_environment(llm_credentials_t *credentials);
int llm_credentials_process(llm_credentials_t *credentials,
    const char *command);
int llm_credentials_imds(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, int64_t now_ms);
int llm_credentials_container(llm_credentials_t *credentials);

/* AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, or the given role */
int llm_credentials_web_identity(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, const llm_role_t *role);

/* *credentials holds those to ask with, and then those of the role */
int llm_credentials_assume_role(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, const llm_role_t *role,
    int64_t now_ms);


/* ------ parsers ------ */

/* Looks a profile up in one file's text and overwrites what is given there.
 * `config`: in the config file a profile's section is named "profile x". */
void llm_profile_parse(llm_profile_t *profile, llm_str_t text,
    const char *name, bool config);

/* STS's XML: an answer with credentials, or an error (put into
 * credentials->error) */
int llm_sts_parse(llm_credentials_t *credentials, const char *source,
    llm_str_t text);


/* ------ credentials_http.c ------ */

/* LLM_OK: an answer came, *status is its status, `out` its body.  LLM_ERROR:
 * none came, credentials->error says why.  `who` is for messages. */
int llm_credentials_call(const llm_http_call_t *call, const char *who,
    llm_buf_t *out, long *status, llm_credentials_t *credentials);

/* may credentials be fetched from there without TLS?  (only from this machine
 * and from AWS's link-local addresses) */
bool llm_credentials_url_allowed(const char *url);


#endif /* LLM_CREDENTIALS_PARTS_H */
