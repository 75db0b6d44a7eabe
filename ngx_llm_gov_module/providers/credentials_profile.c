/*
 * A profile of the shared files: keys of its own, a process, or a role to
 * assume with somebody else's keys.
 */

#include "credentials_parts.h"

#include <stdio.h>


static int llm_profile_resolve(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, const char *name, unsigned depth,
    int64_t now_ms);
static int llm_profile_load(llm_profile_t *profile, const char *name,
    llm_credentials_t *credentials);
static int llm_profile_file(llm_profile_t *profile, const char *name,
    bool config, llm_credentials_t *credentials);
static int llm_profile_own(llm_credentials_t *credentials,
    const llm_profile_t *profile, const char *name);
static int llm_profile_role(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, const llm_profile_t *profile,
    const char *name, unsigned depth, int64_t now_ms);
static int llm_profile_role_source(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, const char *source,
    int64_t now_ms);


int
llm_credentials_profile(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, int64_t now_ms)
{
    int          rc;
    const char  *name;

    name = conf->profile;

    if (name == NULL) {
        name = llm_credentials_env("AWS_PROFILE");
    }

    rc = llm_profile_resolve(credentials, conf,
                             name == NULL ? "default" : name, 0, now_ms);

    if (rc == LLM_AGAIN && name != NULL) {
        return llm_credentials_fail(credentials, "no credentials for profile "
                                    "\"%.64s\" in the shared files (HOME, "
                                    "AWS_CONFIG_FILE, "
                                    "AWS_SHARED_CREDENTIALS_FILE)", name);
    }

    return rc;
}


static int
llm_profile_resolve(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, const char *name, unsigned depth,
    int64_t now_ms)
{
    int            rc;
    llm_profile_t  profile;

    rc = llm_profile_load(&profile, name, credentials);

    if (rc != LLM_OK) {
        return rc;
    }

    if (profile.too_long != NULL) {
        return llm_credentials_fail(credentials, "profile \"%.64s\": %s is "
                                    "too long", name, profile.too_long);
    }

    if (profile.role_arn[0] != '\0') {
        return llm_profile_role(credentials, conf, &profile, name, depth,
                                now_ms);
    }

    return llm_profile_own(credentials, &profile, name);
}


/* the credentials file's word counts for more than the config file's */
static int
llm_profile_load(llm_profile_t *profile, const char *name,
    llm_credentials_t *credentials)
{
    memset(profile, 0, sizeof(*profile));

    if (llm_profile_file(profile, name, true, credentials) != LLM_OK
        || llm_profile_file(profile, name, false, credentials) != LLM_OK)
    {
        return LLM_ERROR;
    }

    return profile->found ? LLM_OK : LLM_AGAIN;
}


static int
llm_profile_file(llm_profile_t *profile, const char *name, bool config,
    llm_credentials_t *credentials)
{
    int          rc;
    char         path[1024];
    llm_buf_t    text;
    const char  *home, *given;

    given = llm_credentials_env(config ? "AWS_CONFIG_FILE"
                                       : "AWS_SHARED_CREDENTIALS_FILE");
    home = llm_credentials_env("HOME");

    if (given == NULL && home == NULL) {
        return LLM_OK;
    }

    if (given == NULL) {
        rc = snprintf(path, sizeof(path), "%s/.aws/%s", home,
                      config ? "config" : "credentials");

        if (rc >= (int) sizeof(path)) {
            return llm_credentials_fail(credentials, "HOME is too long");
        }

        given = path;
    }

    llm_buf_init(&text, LLM_CREDENTIALS_TEXT_SIZE);

    rc = llm_credentials_read_file(given, &text, credentials);

    if (rc == LLM_OK) {
        llm_profile_parse(profile, (llm_str_t) { text.data, text.len }, name,
                          config);
    }

    llm_buf_free(&text);

    return (rc == LLM_ERROR) ? LLM_ERROR : LLM_OK;
}


static int
llm_profile_own(llm_credentials_t *credentials, const llm_profile_t *profile,
    const char *name)
{
    if (profile->access_key_id[0] != '\0') {
        return llm_credentials_set(credentials, "profile",
                   (llm_str_t) { profile->access_key_id,
                                 strlen(profile->access_key_id) },
                   (llm_str_t) { profile->secret_access_key,
                                 strlen(profile->secret_access_key) },
                   (llm_str_t) { profile->session_token,
                                 strlen(profile->session_token) });
    }

    if (profile->process[0] != '\0') {
        return llm_credentials_process(credentials, profile->process);
    }

    if (profile->sso) {
        return llm_credentials_fail(credentials, "profile \"%.64s\" signs in "
                                    "with SSO, which is for people: give the "
                                    "gateway a role, or a credential_process",
                                    name);
    }

    return LLM_AGAIN;
}


static int
llm_profile_role(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, const llm_profile_t *profile,
    const char *name, unsigned depth, int64_t now_ms)
{
    int         rc;
    llm_role_t  role;

    role = (llm_role_t) { profile->role_arn, profile->role_session_name,
                          profile->external_id, profile->token_file };

    if (profile->token_file[0] != '\0') {
        return llm_credentials_web_identity(credentials, conf, &role);
    }

    if (profile->source_profile[0] == '\0') {
        rc = llm_profile_role_source(credentials, conf,
                                     profile->credential_source, now_ms);

    } else if (strcmp(profile->source_profile, name) == 0) {
        rc = llm_profile_own(credentials, profile, name);

    } else if (depth + 1 == LLM_CREDENTIALS_DEPTH) {
        return llm_credentials_fail(credentials, "profile \"%.64s\": the "
                                    "chain of source_profile is a circle, or "
                                    "longer than %d", name,
                                    LLM_CREDENTIALS_DEPTH);

    } else {
        rc = llm_profile_resolve(credentials, conf, profile->source_profile,
                                 depth + 1, now_ms);
    }

    if (rc == LLM_AGAIN) {
        return llm_credentials_fail(credentials, "profile \"%.64s\" has a "
                                    "role_arn but no credentials to assume it "
                                    "with: see its source_profile or "
                                    "credential_source", name);
    }

    if (rc != LLM_OK) {
        return LLM_ERROR;
    }

    return llm_credentials_assume_role(credentials, conf, &role, now_ms);
}


static int
llm_profile_role_source(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, const char *source, int64_t now_ms)
{
    if (strcmp(source, "Environment") == 0) {
        return llm_credentials_environment(credentials);
    }

    if (strcmp(source, "Ec2InstanceMetadata") == 0) {
        return llm_credentials_imds(credentials, conf, now_ms);
    }

    if (strcmp(source, "EcsContainer") == 0) {
        return llm_credentials_container(credentials);
    }

    return LLM_AGAIN;
}
