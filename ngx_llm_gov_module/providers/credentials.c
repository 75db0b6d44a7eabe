/*
 * Which source, in what order, and when again.
 */

#include "credentials_parts.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>


#define LLM_CREDENTIALS_LEAD_MS      (5 * 60 * 1000)
#define LLM_CREDENTIALS_JITTER_MS    (60 * 1000)
#define LLM_CREDENTIALS_FILES_MS     (10 * 1000)
#define LLM_CREDENTIALS_FIXED_MS     (60 * 60 * 1000)
#define LLM_CREDENTIALS_BACKOFF_MS   (60 * 1000)


static int llm_credentials_source(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, int64_t now_ms);
static int llm_credentials_chain(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, int64_t now_ms);
static bool llm_credentials_home_hidden(const llm_credentials_conf_t *conf);
static int llm_credentials_chain_environment(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf);
static int llm_credentials_bearer(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf);
static int llm_credentials_static(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf);
static int llm_credentials_missing(llm_credentials_t *credentials,
    llm_credentials_source_t source);
static llm_str_t llm_credentials_str(const char *text);


int
llm_credentials_fetch(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, int64_t now_ms)
{
    int                rc;
    llm_role_t         role;
    llm_credentials_t  got;

    memset(&got, 0, sizeof(got));

    rc = llm_credentials_source(&got, conf, now_ms);

    if (rc == LLM_AGAIN) {
        rc = llm_credentials_missing(&got, conf->source);
    }

    if (rc == LLM_OK && conf->assume_role != NULL && !got.bearer) {
        role = (llm_role_t) { conf->assume_role, conf->role_session_name,
                              conf->external_id, NULL };

        rc = llm_credentials_assume_role(&got, conf, &role, now_ms);
    }

    if (rc != LLM_OK) {
        memcpy(credentials->error, got.error, sizeof(got.error));
        credentials->error_ms = now_ms;
        return LLM_ERROR;
    }

    got.generation = credentials->generation;
    got.conf = credentials->conf;
    got.fetched_ms = now_ms;
    got.error[0] = '\0';
    got.error_ms = 0;

    *credentials = got;

    return LLM_OK;
}


static int
llm_credentials_source(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, int64_t now_ms)
{
    switch (conf->source) {

    case LLM_CREDENTIALS_STATIC:
        return llm_credentials_static(credentials, conf);

    case LLM_CREDENTIALS_ENVIRONMENT:
        return llm_credentials_environment(credentials);

    case LLM_CREDENTIALS_PROFILE:
        return llm_credentials_profile(credentials, conf, now_ms);

    case LLM_CREDENTIALS_IMDS:
        return llm_credentials_imds(credentials, conf, now_ms);

    case LLM_CREDENTIALS_CONTAINER:
        return llm_credentials_container(credentials);

    case LLM_CREDENTIALS_WEB_IDENTITY:
        return llm_credentials_web_identity(credentials, conf, NULL);

    case LLM_CREDENTIALS_PROCESS:
        return llm_credentials_process(credentials, conf->process);

    case LLM_CREDENTIALS_BEARER:
        return llm_credentials_bearer(credentials, conf);

    case LLM_CREDENTIALS_CHAIN:
        return llm_credentials_chain(credentials, conf, now_ms);
    }

    return LLM_AGAIN;
}


/* the order of AWS's SDKs; the first source that is set up decides */
static int
llm_credentials_chain(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, int64_t now_ms)
{
    int   rc;
    bool  hidden;
    char  error[sizeof(credentials->error)];

    rc = llm_credentials_chain_environment(credentials, conf);
    hidden = llm_credentials_home_hidden(conf);

    if (rc == LLM_AGAIN) {
        rc = llm_credentials_web_identity(credentials, conf, NULL);
    }

    if (rc == LLM_AGAIN && !hidden) {
        rc = llm_credentials_profile(credentials, conf, now_ms);
    }

    if (rc == LLM_AGAIN) {
        rc = llm_credentials_container(credentials);
    }

    if (rc == LLM_AGAIN) {
        rc = llm_credentials_imds(credentials, conf, now_ms);
    }

    if (rc == LLM_AGAIN) {
        rc = llm_credentials_missing(credentials, LLM_CREDENTIALS_CHAIN);
    }

    if (rc == LLM_ERROR && hidden) {
        snprintf(error, sizeof(error), "%s", credentials->error);
        return llm_credentials_fail(credentials, "%.110s; \"%.40s/.aws\" is "
                                    "hidden from the user of nginx's workers",
                                    error, llm_credentials_env("HOME"));
    }

    return rc;
}


/* The user of the workers may not look into root's home, which HOME names where
 * nginx was started from a shell or in a container.  As for AWS's SDKs there is
 * no profile then. */
static bool
llm_credentials_home_hidden(const llm_credentials_conf_t *conf)
{
    char         path[1024];
    const char  *home;
    struct stat  st;

    home = llm_credentials_env("HOME");

    if (home == NULL || conf->profile != NULL
        || llm_credentials_env("AWS_PROFILE") != NULL
        || llm_credentials_env("AWS_CONFIG_FILE") != NULL
        || llm_credentials_env("AWS_SHARED_CREDENTIALS_FILE") != NULL)
    {
        return false;
    }

    snprintf(path, sizeof(path), "%s/.aws/config", home);

    return stat(path, &st) == -1 && errno == EACCES;
}


/* a profile that was asked for by name goes before the environment, and a role
 * cannot be assumed with a Bedrock API key */
static int
llm_credentials_chain_environment(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf)
{
    const char  *bearer;

    if (conf->profile != NULL) {
        return LLM_AGAIN;
    }

    bearer = llm_credentials_env("AWS_BEARER_TOKEN_BEDROCK");

    if (bearer != NULL && conf->assume_role == NULL) {
        return llm_credentials_set_bearer(credentials, "environment",
                                          llm_credentials_str(bearer));
    }

    return llm_credentials_environment(credentials);
}


int
llm_credentials_environment(llm_credentials_t *credentials)
{
    const char  *id, *secret;

    id = llm_credentials_env("AWS_ACCESS_KEY_ID");
    secret = llm_credentials_env("AWS_SECRET_ACCESS_KEY");

    if (id == NULL) {
        return LLM_AGAIN;
    }

    if (secret == NULL) {
        return llm_credentials_fail(credentials,
                                    "AWS_ACCESS_KEY_ID is in the environment "
                                    "but AWS_SECRET_ACCESS_KEY is not");
    }

    return llm_credentials_set(credentials, "environment",
              llm_credentials_str(id), llm_credentials_str(secret),
              llm_credentials_str(llm_credentials_env("AWS_SESSION_TOKEN")));
}


static int
llm_credentials_static(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf)
{
    return llm_credentials_set(credentials, "static",
                               llm_credentials_str(conf->access_key_id),
                               llm_credentials_str(conf->secret_access_key),
                               llm_credentials_str(conf->session_token));
}


static int
llm_credentials_bearer(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf)
{
    int          rc;
    llm_buf_t    text;
    const char  *key;

    if (conf->bearer_file != NULL) {
        llm_buf_init(&text, LLM_CREDENTIALS_TEXT_SIZE);

        rc = llm_credentials_read_file(conf->bearer_file, &text, credentials);

        if (rc == LLM_OK) {
            rc = llm_credentials_set_bearer(credentials, "bearer file",
                     llm_credentials_trim((llm_str_t) { text.data,
                                                        text.len }));

        } else if (rc == LLM_AGAIN) {
            rc = llm_credentials_fail(credentials, "there is no file \"%s\"",
                                      conf->bearer_file);
        }

        llm_buf_free(&text);

        return rc;
    }

    key = conf->bearer;

    if (key == NULL) {
        key = llm_credentials_env("AWS_BEARER_TOKEN_BEDROCK");
    }

    if (key == NULL) {
        return LLM_AGAIN;
    }

    return llm_credentials_set_bearer(credentials, "bearer",
                                      llm_credentials_str(key));
}


/* what to do about a source that is not there */
static int
llm_credentials_missing(llm_credentials_t *credentials,
    llm_credentials_source_t source)
{
    static const char  *texts[] = {
        [LLM_CREDENTIALS_CHAIN] =
            "none in the environment, no web identity, no profile, no "
            "container endpoint, and IMDS is disabled",
        [LLM_CREDENTIALS_STATIC] = "no access key given",
        [LLM_CREDENTIALS_ENVIRONMENT] =
            "AWS_ACCESS_KEY_ID is not in the environment that nginx was "
            "started with",
        [LLM_CREDENTIALS_PROFILE] =
            "no profile \"default\" with credentials in the shared files; "
            "is HOME or AWS_SHARED_CREDENTIALS_FILE set?",
        [LLM_CREDENTIALS_IMDS] =
            "AWS_EC2_METADATA_DISABLED in the environment forbids IMDS",
        [LLM_CREDENTIALS_CONTAINER] =
            "AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI is not in "
            "the environment that nginx was started with",
        [LLM_CREDENTIALS_WEB_IDENTITY] =
            "AWS_WEB_IDENTITY_TOKEN_FILE is not in the environment that "
            "nginx was started with",
        [LLM_CREDENTIALS_PROCESS] = "no command given",
        [LLM_CREDENTIALS_BEARER] =
            "no Bedrock API key given, and AWS_BEARER_TOKEN_BEDROCK is not "
            "in the environment"
    };

    return llm_credentials_fail(credentials, "%s", texts[source]);
}


static llm_str_t
llm_credentials_str(const char *text)
{
    return (text == NULL) ? (llm_str_t) { NULL, 0 }
                          : (llm_str_t) { text, strlen(text) };
}


/* so that a fleet started at once does not come back at once */
static int64_t
llm_credentials_jitter(const llm_credentials_t *credentials)
{
    uint64_t  mixed;

    mixed = (uint64_t) credentials->fetched_ms
            ^ (uint64_t) credentials->expires_ms << 20;
    mixed *= 0x9e3779b97f4a7c15;

    return (int64_t) ((mixed >> 32) % LLM_CREDENTIALS_JITTER_MS);
}


int64_t
llm_credentials_next(const llm_credentials_t *credentials, unsigned failures,
    int64_t now_ms)
{
    int64_t  delay, lead, life;

    if (failures > 0) {
        delay = (failures > 6) ? LLM_CREDENTIALS_BACKOFF_MS
                               : (int64_t) 1000 << (failures - 1);
        return now_ms + delay;
    }

    if (credentials->generation == 0) {
        return now_ms;
    }

    if (strcmp(credentials->source, "profile") == 0
        || strcmp(credentials->source, "bearer file") == 0)
    {
        return now_ms + LLM_CREDENTIALS_FILES_MS;
    }

    life = credentials->expires_ms - credentials->fetched_ms;

    if (credentials->expires_ms == 0 || life <= 0) {
        return now_ms + LLM_CREDENTIALS_FIXED_MS;
    }

    lead = LLM_CREDENTIALS_LEAD_MS + llm_credentials_jitter(credentials);

    if (lead > life / 2) {
        /* short-lived ones, and what a metadata service has kept: not each
         * second */
        lead = life / 2;
    }

    delay = credentials->expires_ms - lead;

    return (delay < now_ms + 1000) ? now_ms + 1000 : delay;
}
