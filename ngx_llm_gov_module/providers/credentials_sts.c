/*
 * AWS STS (query protocol, version 2011-06-15): AssumeRole, and
 * AssumeRoleWithWebIdentity, which is not signed.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "credentials_parts.h"
#include "../wire/sigv4.h"

#include <curl/curl.h>
#include <stdio.h>


#define LLM_STS_HOST_SIZE     256
#define LLM_STS_PATH_SIZE     256
#define LLM_STS_BODY_SIZE     (64 * 1024)
#define LLM_STS_DURATION      "3600"    /* the most for a role got by a role */
#define LLM_STS_SESSION       "ngx_llm_gov"
#define LLM_STS_FORM          "application/x-www-form-urlencoded; charset=utf-8"


typedef struct {
    char        region[64];
    char        url[1024];
    char        host[LLM_STS_HOST_SIZE];    /* with a port that is not the
                                               scheme's own */
    char        path[LLM_STS_PATH_SIZE];
} llm_sts_t;


static int llm_sts_init(llm_sts_t *sts, const llm_credentials_conf_t *conf,
    llm_credentials_t *credentials);
static bool llm_sts_take_apart(llm_sts_t *sts);
static void llm_sts_form(llm_buf_t *body, const char *name, llm_str_t value);
static void llm_sts_form_role(llm_buf_t *body, const char *action,
    const llm_role_t *role);
static int llm_sts_sign(llm_credentials_t *credentials, const llm_sts_t *sts,
    const llm_buf_t *body, int64_t now_ms, llm_buf_t *authorization,
    char date[LLM_SIGV4_TIME_LEN + 1]);
static int llm_sts_call(llm_credentials_t *credentials, const llm_sts_t *sts,
    const llm_buf_t *body, const char **signature, const char *source);
static llm_str_t llm_sts_tag(llm_str_t text, const char *name);


int
llm_credentials_web_identity(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, const llm_role_t *role)
{
    int         rc;
    llm_sts_t   sts;
    llm_buf_t   body, token;
    llm_role_t  given;

    if (role == NULL) {
        given.arn = llm_credentials_env("AWS_ROLE_ARN");
        given.session_name = llm_credentials_env("AWS_ROLE_SESSION_NAME");
        given.external_id = NULL;
        given.token_file = llm_credentials_env("AWS_WEB_IDENTITY_TOKEN_FILE");
        role = &given;
    }

    if (role->token_file == NULL) {
        return LLM_AGAIN;
    }

    if (role->arn == NULL) {
        return llm_credentials_fail(credentials, "web identity: AWS_ROLE_ARN "
                                    "is not in the environment");
    }

    llm_buf_init(&token, LLM_CREDENTIALS_TEXT_SIZE);
    llm_buf_init(&body, LLM_STS_BODY_SIZE);

    rc = llm_credentials_read_file(role->token_file, &token, credentials);

    if (rc == LLM_AGAIN) {
        rc = llm_credentials_fail(credentials, "web identity: there is no "
                                  "token file \"%s\"", role->token_file);
    }

    if (rc == LLM_OK) {
        rc = llm_sts_init(&sts, conf, credentials);
    }

    if (rc == LLM_OK) {
        llm_sts_form_role(&body, "AssumeRoleWithWebIdentity", role);
        llm_sts_form(&body, "WebIdentityToken",
                     llm_credentials_trim((llm_str_t) { token.data,
                                                        token.len }));

        rc = llm_sts_call(credentials, &sts, &body, NULL, "web identity");
    }

    llm_buf_free(&body);
    llm_buf_free(&token);

    return rc;
}


int
llm_credentials_assume_role(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, const llm_role_t *role,
    int64_t now_ms)
{
    int          rc;
    char         date[sizeof("X-Amz-Date: ") + LLM_SIGV4_TIME_LEN];
    char         token[LLM_CREDENTIALS_TOKEN_SIZE + 32];
    char         source[sizeof(credentials->source)];
    char         time[LLM_SIGV4_TIME_LEN + 1];
    llm_sts_t    sts;
    llm_buf_t    body, authorization;
    const char  *headers[3];

    if (llm_sts_init(&sts, conf, credentials) != LLM_OK) {
        return LLM_ERROR;
    }

    snprintf(source, sizeof(source), "role via %.12s", credentials->source);

    llm_buf_init(&body, LLM_STS_BODY_SIZE);
    llm_buf_init(&authorization, LLM_STS_BODY_SIZE);

    llm_sts_form_role(&body, "AssumeRole", role);
    llm_sts_form(&body, "DurationSeconds", llm_str(LLM_STS_DURATION));

    rc = llm_sts_sign(credentials, &sts, &body, now_ms, &authorization, time);

    if (rc == LLM_OK) {
        snprintf(date, sizeof(date), "X-Amz-Date: %s", time);
        snprintf(token, sizeof(token), "X-Amz-Security-Token: %s",
                 credentials->token);

        headers[0] = authorization.data;
        headers[1] = date;
        headers[2] = (credentials->token_len > 0) ? token : NULL;

        rc = llm_sts_call(credentials, &sts, &body, headers, source);
    }

    llm_buf_free(&authorization);
    llm_buf_free(&body);

    return rc;
}


/* where STS is, for this region or as the configuration says */
static int
llm_sts_init(llm_sts_t *sts, const llm_credentials_conf_t *conf,
    llm_credentials_t *credentials)
{
    const char  *endpoint, *region, *suffix;

    region = conf->region;

    if (region == NULL || *region == '\0') {
        region = llm_credentials_env("AWS_REGION");
    }

    if (region == NULL) {
        region = llm_credentials_env("AWS_DEFAULT_REGION");
    }

    if (region == NULL) {
        region = "us-east-1";
    }

    if (strlen(region) >= sizeof(sts->region)
        || region[strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-")])
    {
        return llm_credentials_fail(credentials, "sts: \"%.64s\" is no "
                                    "region", region);
    }

    strcpy(sts->region, region);

    endpoint = conf->sts_endpoint;

    if (endpoint == NULL) {
        endpoint = llm_credentials_env("AWS_ENDPOINT_URL_STS");
    }

    if (endpoint != NULL) {
        if (strlen(endpoint) >= sizeof(sts->url)) {
            return llm_credentials_fail(credentials, "sts: the endpoint is "
                                        "too long");
        }

        strcpy(sts->url, endpoint);

    } else {
        suffix = (strncmp(region, "cn-", 3) == 0) ? ".cn" : "";
        snprintf(sts->url, sizeof(sts->url), "https://sts.%s.amazonaws.com%s/",
                 region, suffix);
    }

    if (!llm_sts_take_apart(sts)) {
        return llm_credentials_fail(credentials, "sts: the endpoint is no "
                                    "http or https URL");
    }

    return LLM_OK;
}


/* host and path as they are signed */
static bool
llm_sts_take_apart(llm_sts_t *sts)
{
    bool    good;
    char   *host, *port, *path;
    CURLU  *url;

    host = NULL;
    port = NULL;
    path = NULL;
    good = false;

    url = curl_url();

    if (url != NULL
        && curl_url_set(url, CURLUPART_URL, sts->url, CURLU_DISALLOW_USER)
           == CURLUE_OK
        && curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK
        && curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK
        && strlen(host) < LLM_STS_HOST_SIZE - 8
        && strlen(path) < LLM_STS_PATH_SIZE)
    {
        good = true;
        strcpy(sts->path, path);

        if (curl_url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT)
            == CURLUE_OK)
        {
            snprintf(sts->host, sizeof(sts->host), "%s:%.5s", host, port);

        } else {
            strcpy(sts->host, host);
        }
    }

    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_url_cleanup(url);

    return good;
}


static void
llm_sts_form(llm_buf_t *body, const char *name, llm_str_t value)
{
    size_t      i;
    const char *safe;

    llm_buf_printf(body, "%s%s=", body->len > 0 ? "&" : "", name);

    safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
           "-._~";

    for (i = 0; i < value.len; i++) {

        if (value.data[i] != '\0' && strchr(safe, value.data[i]) != NULL) {
            llm_buf_append(body, &value.data[i], 1);

        } else {
            llm_buf_printf(body, "%%%02X", (unsigned char) value.data[i]);
        }
    }
}


static void
llm_sts_form_role(llm_buf_t *body, const char *action, const llm_role_t *role)
{
    const char  *session;

    session = role->session_name;

    if (session == NULL || *session == '\0') {
        session = LLM_STS_SESSION;
    }

    llm_sts_form(body, "Action", (llm_str_t) { action, strlen(action) });
    llm_sts_form(body, "Version", llm_str("2011-06-15"));
    llm_sts_form(body, "RoleArn", (llm_str_t) { role->arn,
                                                strlen(role->arn) });
    llm_sts_form(body, "RoleSessionName", (llm_str_t) { session,
                                                        strlen(session) });

    if (role->external_id != NULL && *role->external_id != '\0') {
        llm_sts_form(body, "ExternalId", (llm_str_t) { role->external_id,
                                             strlen(role->external_id) });
    }
}


/* the whole Authorization header, NUL-terminated */
static int
llm_sts_sign(llm_credentials_t *credentials, const llm_sts_t *sts,
    const llm_buf_t *body, int64_t now_ms, llm_buf_t *authorization,
    char date[LLM_SIGV4_TIME_LEN + 1])
{
    int                   rc;
    char                  hash[LLM_SIGV4_HASH_HEX];
    llm_str_t             payload;
    llm_header_t          headers[4];
    llm_sigv4_key_t       key;
    llm_sigv4_request_t   request;

    llm_sigv4_time(now_ms, date);
    date[LLM_SIGV4_TIME_LEN] = '\0';

    payload = (llm_str_t) { body->data, body->len };
    llm_sigv4_hash(&payload, 1, hash);

    headers[0] = (llm_header_t) { llm_str("content-type"),
                                  llm_str(LLM_STS_FORM) };
    headers[1] = (llm_header_t) { llm_str("host"),
                                  { sts->host, strlen(sts->host) } };
    headers[2] = (llm_header_t) { llm_str("x-amz-date"),
                                  { date, LLM_SIGV4_TIME_LEN } };
    headers[3] = (llm_header_t) { llm_str("x-amz-security-token"),
                                  { credentials->token,
                                    credentials->token_len } };

    memset(&request, 0, sizeof(request));

    request.method = llm_str("POST");
    request.path = (llm_str_t) { sts->path, strlen(sts->path) };
    request.headers = headers;
    request.nheaders = (credentials->token_len > 0) ? 4 : 3;
    request.payload_hash = (llm_str_t) { hash, sizeof(hash) };
    request.time = (llm_str_t) { date, LLM_SIGV4_TIME_LEN };
    request.region = (llm_str_t) { sts->region, strlen(sts->region) };
    request.service = llm_str("sts");

    llm_sigv4_derive(&key, (llm_str_t) { credentials->secret,
                                         credentials->secret_len },
                     request.time, request.region, request.service);

    llm_buf_str(authorization, llm_str("Authorization: "));

    rc = llm_sigv4_authorization(authorization, &key,
                                 (llm_str_t) { credentials->id,
                                               credentials->id_len },
                                 &request);

    llm_buf_append(authorization, "", 1);

    if (rc != LLM_OK || authorization->failed) {
        return llm_credentials_fail(credentials, "sts: no memory");
    }

    return LLM_OK;
}


/* `signature`: Authorization, X-Amz-Date, X-Amz-Security-Token or NULL */
static int
llm_sts_call(llm_credentials_t *credentials, const llm_sts_t *sts,
    const llm_buf_t *body, const char **signature, const char *source)
{
    int              rc;
    char             host[LLM_STS_HOST_SIZE + 8];
    long             status;
    llm_buf_t        answer;
    llm_http_call_t  call;

    if (body->failed) {
        return llm_credentials_fail(credentials, "%s: the request to STS "
                                    "would be too long", source);
    }

    snprintf(host, sizeof(host), "Host: %s", sts->host);

    call = (llm_http_call_t) { "POST", sts->url,
                               { "Content-Type: " LLM_STS_FORM, host },
                               { body->data, body->len }, false };

    if (signature != NULL) {
        memcpy(&call.headers[2], signature, 3 * sizeof(char *));
    }

    llm_buf_init(&answer, LLM_CREDENTIALS_TEXT_SIZE);

    rc = llm_credentials_call(&call, source, &answer, &status, credentials);

    if (rc == LLM_OK) {
        rc = llm_sts_parse(credentials, source,
                           (llm_str_t) { answer.data, answer.len });

        if (rc == LLM_AGAIN) {
            rc = llm_credentials_fail(credentials, "%s: STS answers %ld and "
                                      "no credentials", source, status);
        }
    }

    llm_buf_free(&answer);

    return rc;
}


int
llm_sts_parse(llm_credentials_t *credentials, const char *source,
    llm_str_t text)
{
    llm_str_t  code, message, expires;

    code = llm_sts_tag(text, "Code");

    if (code.len != 0) {
        message = llm_sts_tag(text, "Message");

        if (llm_str_eq(code, llm_str("SignatureDoesNotMatch"))
            || memchr(message.data, '\n', message.len) != NULL)
        {
            /* it quotes what was signed, the session token with it */
            message.len = 0;
        }

        return llm_credentials_fail(credentials, "%s: STS answers %.*s: %.*s",
                               source, (int) (code.len > 64 ? 64 : code.len),
                               code.data,
                               (int) (message.len > 120 ? 120 : message.len),
                               message.data);
    }

    expires = llm_sts_tag(text, "Expiration");

    if (expires.len == 0) {
        return LLM_AGAIN;
    }

    if (llm_credentials_set(credentials, source,
                            llm_sts_tag(text, "AccessKeyId"),
                            llm_sts_tag(text, "SecretAccessKey"),
                            llm_sts_tag(text, "SessionToken"))
        != LLM_OK)
    {
        return LLM_ERROR;
    }

    credentials->expires_ms = llm_credentials_parse_time(expires);

    if (credentials->expires_ms == -1) {
        return llm_credentials_fail(credentials, "%s: STS's Expiration is no "
                                    "time", source);
    }

    return LLM_OK;
}


/* the text of the first element of that name, up to the next tag */
static llm_str_t
llm_sts_tag(llm_str_t text, const char *name)
{
    char         open[32];
    int          len;
    const char  *p, *end, *last;

    if (text.len == 0) {
        return (llm_str_t) { "", 0 };
    }

    last = text.data + text.len;
    len = snprintf(open, sizeof(open), "<%s>", name);

    p = memmem(text.data, text.len, open, len);

    if (p == NULL) {
        return (llm_str_t) { "", 0 };
    }

    p += len;
    end = memchr(p, '<', last - p);

    if (end == NULL) {
        return (llm_str_t) { "", 0 };
    }

    return llm_credentials_trim((llm_str_t) { p, end - p });
}
