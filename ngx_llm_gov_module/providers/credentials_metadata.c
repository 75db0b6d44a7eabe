/*
 * Credentials from what runs beside us: the instance metadata service of EC2
 * (IMDSv2 only), and the container endpoints of ECS and EKS Pod Identity.
 */

#include "credentials_parts.h"

#include <stdio.h>
#include <strings.h>


#define LLM_IMDS_ROLES      "/latest/meta-data/iam/security-credentials/"
#define LLM_IMDS_KEEP_MS    (10 * 60 * 1000)
#define LLM_CONTAINER_HOST  "http://169.254.170.2"


static const char *llm_imds_endpoint(const llm_credentials_conf_t *conf);
static int llm_imds_call(llm_credentials_t *credentials, const char *method,
    const char *endpoint, const char *path, const char *header,
    llm_buf_t *answer);
static int llm_imds_role(llm_credentials_t *credentials, const char *endpoint,
    const char *header, char *path, size_t size);
static int llm_container_url(llm_credentials_t *credentials, char *url,
    size_t size);
static int llm_container_token(llm_credentials_t *credentials, char *header,
    size_t size);


int
llm_credentials_imds(llm_credentials_t *credentials,
    const llm_credentials_conf_t *conf, int64_t now_ms)
{
    int          rc;
    char         header[512], path[256];
    llm_str_t    token;
    llm_buf_t    answer;
    const char  *disabled, *endpoint;

    disabled = llm_credentials_env("AWS_EC2_METADATA_DISABLED");

    if (disabled != NULL && strcasecmp(disabled, "true") == 0) {
        return LLM_AGAIN;
    }

    endpoint = llm_imds_endpoint(conf);

    llm_buf_init(&answer, LLM_CREDENTIALS_TEXT_SIZE);

    rc = llm_imds_call(credentials, "PUT", endpoint, "/latest/api/token",
                       "X-aws-ec2-metadata-token-ttl-seconds: 21600",
                       &answer);

    if (rc == LLM_OK) {
        token = llm_credentials_trim((llm_str_t) { answer.data, answer.len });

        if (token.len == 0 || token.len > 256
            || memchr(token.data, '\n', token.len) != NULL)
        {
            rc = llm_credentials_fail(credentials, "imds: no token came");
        }
    }

    if (rc == LLM_OK) {
        snprintf(header, sizeof(header), "X-aws-ec2-metadata-token: %.*s",
                 (int) token.len, token.data);

        rc = llm_imds_role(credentials, endpoint, header, path, sizeof(path));
    }

    if (rc == LLM_OK) {
        rc = llm_imds_call(credentials, "GET", endpoint, path, header,
                           &answer);
    }

    if (rc == LLM_OK) {
        rc = llm_credentials_parse_json(credentials, "imds",
                             (llm_str_t) { answer.data, answer.len });
    }

    llm_buf_free(&answer);

    if (rc == LLM_OK && credentials->expires_ms != 0
        && credentials->expires_ms <= now_ms)
    {
        /* in an outage it hands out what it has, and AWS accepts that */
        credentials->expires_ms = now_ms + LLM_IMDS_KEEP_MS;
    }

    return rc;
}


static const char *
llm_imds_endpoint(const llm_credentials_conf_t *conf)
{
    const char  *endpoint, *mode;

    endpoint = conf->imds_endpoint;

    if (endpoint == NULL) {
        endpoint = llm_credentials_env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    }

    if (endpoint != NULL) {
        return endpoint;
    }

    mode = llm_credentials_env("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

    return (mode != NULL && strcasecmp(mode, "IPv6") == 0)
           ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
}


/* one call; anything but 200 is an error with advice */
static int
llm_imds_call(llm_credentials_t *credentials, const char *method,
    const char *endpoint, const char *path, const char *header,
    llm_buf_t *answer)
{
    char             url[1024];
    long             status;
    size_t           len;
    llm_http_call_t  call;

    len = strlen(endpoint);
    len -= (len > 0 && endpoint[len - 1] == '/');

    if (snprintf(url, sizeof(url), "%.*s%s", (int) len, endpoint, path)
        >= (int) sizeof(url))
    {
        return llm_credentials_fail(credentials, "imds: the endpoint is too "
                                    "long");
    }

    llm_buf_free(answer);

    call = (llm_http_call_t) { method, url, { header }, { NULL, 0 }, true };

    if (llm_credentials_call(&call, "imds", answer, &status, credentials)
        != LLM_OK)
    {
        return LLM_ERROR;
    }

    if (status == 404) {
        return llm_credentials_fail(credentials, "imds answers 404: the "
                                    "instance has no IAM role");
    }

    if (status != 200) {
        return llm_credentials_fail(credentials, "imds answers %ld%s", status,
                                    status == 403 ? ": it is disabled for "
                                                    "this instance" : "");
    }

    return LLM_OK;
}


/* the path of the instance's role */
static int
llm_imds_role(llm_credentials_t *credentials, const char *endpoint,
    const char *header, char *path, size_t size)
{
    int          rc;
    size_t       i;
    llm_str_t    role;
    llm_buf_t    answer;
    const char  *end;

    llm_buf_init(&answer, LLM_CREDENTIALS_TEXT_SIZE);

    rc = llm_imds_call(credentials, "GET", endpoint, LLM_IMDS_ROLES, header,
                       &answer);

    if (rc != LLM_OK) {
        llm_buf_free(&answer);
        return rc;
    }

    role = llm_credentials_trim((llm_str_t) { answer.data, answer.len });

    end = (role.len > 0) ? memchr(role.data, '\n', role.len) : NULL;

    if (end != NULL) {
        role.len = end - role.data;
        role = llm_credentials_trim(role);
    }

    /* what a role's name may be made of (IAM's own rule) */

    for (i = 0; i < role.len; i++) {
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                   "0123456789+=,.@_-", role.data[i]) == NULL
            || role.data[i] == '\0')
        {
            break;
        }
    }

    if (role.len == 0 || role.len > 128 || i != role.len) {
        rc = llm_credentials_fail(credentials, "imds: the instance has no "
                                  "IAM role");

    } else {
        snprintf(path, size, "%s%.*s", LLM_IMDS_ROLES, (int) role.len,
                 role.data);
    }

    llm_buf_free(&answer);

    return rc;
}


int
llm_credentials_container(llm_credentials_t *credentials)
{
    int              rc;
    char             url[1024], header[LLM_CREDENTIALS_TOKEN_SIZE];
    long             status;
    llm_buf_t        answer;
    llm_http_call_t  call;

    rc = llm_container_url(credentials, url, sizeof(url));

    if (rc == LLM_OK) {
        rc = llm_container_token(credentials, header, sizeof(header));
    }

    if (rc != LLM_OK) {
        return rc;
    }

    call = (llm_http_call_t) { "GET", url,
                               { "Accept: application/json",
                                 header[0] ? header : NULL },
                               { NULL, 0 }, true };

    llm_buf_init(&answer, LLM_CREDENTIALS_TEXT_SIZE);

    rc = llm_credentials_call(&call, "container", &answer, &status,
                              credentials);

    if (rc == LLM_OK && status != 200) {
        rc = llm_credentials_fail(credentials, "container endpoint answers "
                                  "%ld", status);
    }

    if (rc == LLM_OK) {
        rc = llm_credentials_parse_json(credentials, "container",
                             (llm_str_t) { answer.data, answer.len });
    }

    llm_buf_free(&answer);

    return rc;
}


static int
llm_container_url(llm_credentials_t *credentials, char *url, size_t size)
{
    int          len;
    const char  *relative, *full;

    relative = llm_credentials_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    full = llm_credentials_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");

    if (relative != NULL) {
        if (relative[0] != '/') {
            return llm_credentials_fail(credentials, "container: "
                                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_"
                                        "URI does not begin with \"/\"");
        }

        len = snprintf(url, size, "%s%s", LLM_CONTAINER_HOST, relative);

    } else if (full != NULL) {
        if (!llm_credentials_url_allowed(full)) {
            return llm_credentials_fail(credentials, "container: "
                                        "AWS_CONTAINER_CREDENTIALS_FULL_URI "
                                        "must be https, or http to this "
                                        "machine, 169.254.170.2 or "
                                        "169.254.170.23");
        }

        len = snprintf(url, size, "%s", full);

    } else {
        return LLM_AGAIN;
    }

    if (len >= (int) size) {
        return llm_credentials_fail(credentials, "container: the URI is too "
                                    "long");
    }

    return LLM_OK;
}


/* the token's file is read each time: it is renewed by others */
static int
llm_container_token(llm_credentials_t *credentials, char *header, size_t size)
{
    int          rc, len;
    llm_str_t    token;
    llm_buf_t    text;
    const char  *path, *given;

    llm_buf_init(&text, LLM_CREDENTIALS_TEXT_SIZE);

    rc = LLM_OK;
    header[0] = '\0';
    path = llm_credentials_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    given = llm_credentials_env("AWS_CONTAINER_AUTHORIZATION_TOKEN");

    if (path != NULL) {
        rc = llm_credentials_read_file(path, &text, credentials);

        if (rc == LLM_AGAIN) {
            rc = llm_credentials_fail(credentials, "container: there is no "
                                      "token file \"%s\"", path);
        }

        token = (llm_str_t) { text.data, text.len };

    } else {
        token = (llm_str_t) { given, given == NULL ? 0 : strlen(given) };
    }

    token = llm_credentials_trim(token);

    if (rc == LLM_OK && token.len > 0) {
        len = snprintf(header, size, "Authorization: %.*s", (int) token.len,
                       token.data);

        if (len >= (int) size
            || memchr(token.data, '\n', token.len) != NULL
            || memchr(token.data, '\r', token.len) != NULL)
        {
            rc = llm_credentials_fail(credentials, "container: the "
                                      "authorization token is too long or "
                                      "holds a line break");
        }
    }

    llm_buf_free(&text);

    return rc;
}
