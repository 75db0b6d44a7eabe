/*
 * Small things that all sources of credentials read and write.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "credentials_parts.h"
#include "../wire/base64.h"
#include "../wire/sigv4.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>


#define LLM_BEARER_PREFIX  "bedrock-api-key-"


static bool llm_credentials_copy(char *to, size_t size, uint16_t *len,
    llm_str_t from);
static int llm_credentials_json_fields(llm_credentials_t *credentials,
    const char *source, const cJSON *top);
static llm_str_t llm_credentials_json_str(const cJSON *top, const char *name);
static int64_t llm_credentials_parse_zone(const char *p);
static llm_str_t llm_credentials_query(llm_str_t url, const char *name);


int
llm_credentials_fail(llm_credentials_t *credentials, const char *format, ...)
{
    char     text[sizeof(credentials->error)];
    char    *p;
    va_list  args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    /* parts of it may come from the network and end in a log */

    for (p = text; *p; p++) {
        if ((unsigned char) *p < 0x20 || *p == 0x7f) {
            *p = ' ';
        }
    }

    memcpy(credentials->error, text, sizeof(text));

    return LLM_ERROR;
}


int
llm_credentials_set(llm_credentials_t *credentials, const char *source,
    llm_str_t id, llm_str_t secret, llm_str_t token)
{
    if (id.len == 0 || secret.len == 0) {
        return llm_credentials_fail(credentials, "%s: access key id or secret "
                                    "access key is empty", source);
    }

    if (!llm_credentials_copy(credentials->id, sizeof(credentials->id),
                              &credentials->id_len, id))
    {
        return llm_credentials_fail(credentials, "%s: the access key id is "
                                    "too long or holds a white space", source);
    }

    if (!llm_credentials_copy(credentials->secret, sizeof(credentials->secret),
                              &credentials->secret_len, secret))
    {
        return llm_credentials_fail(credentials, "%s: the secret access key "
                                    "is too long or holds a white space",
                                    source);
    }

    if (!llm_credentials_copy(credentials->token, sizeof(credentials->token),
                              &credentials->token_len, token))
    {
        return llm_credentials_fail(credentials, "%s: the session token is "
                                    "longer than %zu bytes or holds a white "
                                    "space", source,
                                    sizeof(credentials->token) - 1);
    }

    credentials->bearer = false;
    snprintf(credentials->source, sizeof(credentials->source), "%s", source);

    return LLM_OK;
}


int
llm_credentials_set_bearer(llm_credentials_t *credentials, const char *source,
    llm_str_t key)
{
    if (key.len == 0
        || !llm_credentials_copy(credentials->token,
                                 sizeof(credentials->token),
                                 &credentials->token_len, key))
    {
        return llm_credentials_fail(credentials, "%s: the Bedrock API key is "
                                    "empty, longer than %zu bytes, or holds "
                                    "a white space", source,
                                    sizeof(credentials->token) - 1);
    }

    credentials->bearer = true;
    credentials->expires_ms = llm_credentials_bearer_expires(key);
    snprintf(credentials->source, sizeof(credentials->source), "%s", source);

    return LLM_OK;
}


/* all of it goes into headers: visible ASCII only */
static bool
llm_credentials_copy(char *to, size_t size, uint16_t *len, llm_str_t from)
{
    size_t  i;

    if (from.len >= size) {
        return false;
    }

    for (i = 0; i < from.len; i++) {
        if (from.data[i] <= 0x20 || from.data[i] >= 0x7f) {
            return false;
        }

        to[i] = from.data[i];
    }

    to[i] = '\0';
    *len = (uint16_t) from.len;

    return true;
}


int
llm_credentials_parse_json(llm_credentials_t *credentials, const char *source,
    llm_str_t text)
{
    int           rc;
    cJSON        *top;
    const cJSON  *version;

    top = cJSON_ParseWithLength(text.data, text.len);

    if (!cJSON_IsObject(top)) {
        cJSON_Delete(top);
        return llm_credentials_fail(credentials, "%s: the answer is no JSON "
                                    "object", source);
    }

    version = cJSON_GetObjectItemCaseSensitive(top, "Version");

    if (version != NULL && !(cJSON_IsNumber(version)
                             && version->valuedouble == 1))
    {
        rc = llm_credentials_fail(credentials, "%s: the answer is not of "
                                  "\"Version\": 1", source);

    } else {
        rc = llm_credentials_json_fields(credentials, source, top);
    }

    cJSON_Delete(top);

    return rc;
}


static int
llm_credentials_json_fields(llm_credentials_t *credentials, const char *source,
    const cJSON *top)
{
    llm_str_t  code, id, secret, token, expires;

    code = llm_credentials_json_str(top, "Code");

    if (code.len != 0 && !llm_str_eq(code, llm_str("Success"))) {
        return llm_credentials_fail(credentials, "%s answers \"%.*s\"", source,
                                    (int) (code.len > 64 ? 64 : code.len),
                                    code.data);
    }

    id = llm_credentials_json_str(top, "AccessKeyId");
    secret = llm_credentials_json_str(top, "SecretAccessKey");
    token = llm_credentials_json_str(top, "Token");
    expires = llm_credentials_json_str(top, "Expiration");

    if (token.len == 0) {
        token = llm_credentials_json_str(top, "SessionToken");
    }

    if (llm_credentials_set(credentials, source, id, secret, token)
        != LLM_OK)
    {
        return LLM_ERROR;
    }

    if (expires.len != 0) {
        credentials->expires_ms = llm_credentials_parse_time(expires);

        if (credentials->expires_ms == -1) {
            return llm_credentials_fail(credentials, "%s: \"Expiration\" is "
                                        "no time", source);
        }
    }

    return LLM_OK;
}


static llm_str_t
llm_credentials_json_str(const cJSON *top, const char *name)
{
    const cJSON  *item;

    item = cJSON_GetObjectItemCaseSensitive(top, name);

    if (!cJSON_IsString(item)) {
        return (llm_str_t) { NULL, 0 };
    }

    return (llm_str_t) { item->valuestring, strlen(item->valuestring) };
}


int64_t
llm_credentials_parse_time(llm_str_t text)
{
    char         copy[40];
    char        *p;
    int64_t      zone;
    struct tm    tm;

    if (text.len < 20 || text.len >= sizeof(copy)) {
        return -1;
    }

    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';

    memset(&tm, 0, sizeof(tm));

    p = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);

    if (p == NULL || tm.tm_year < 70 || tm.tm_year > 8000) {
        return -1;
    }

    if (*p == '.') {
        p += 1 + strspn(p + 1, "0123456789");
    }

    zone = llm_credentials_parse_zone(p);

    return (zone == -1) ? -1 : ((int64_t) timegm(&tm) - zone + 86400) * 1000;
}


/* "Z", "+01:00" or "-0530" as seconds east of UTC, plus a day so that none is
 * -1 */
static int64_t
llm_credentials_parse_zone(const char *p)
{
    int64_t      seconds;
    unsigned     i, n[4];

    if (strcmp(p, "Z") == 0) {
        return 86400;
    }

    if (*p != '+' && *p != '-') {
        return -1;
    }

    seconds = (*p == '+') ? 1 : -1;

    for (i = 0; i < 4; i++) {
        p++;

        if (i == 2 && *p == ':') {
            p++;
        }

        if (*p < '0' || *p > '9') {
            return -1;
        }

        n[i] = *p - '0';
    }

    if (p[1] != '\0' || n[0] > 1 || n[2] > 5) {
        return -1;
    }

    seconds *= (n[0] * 10 + n[1]) * 3600 + (n[2] * 10 + n[3]) * 60;

    return 86400 + seconds;
}


int64_t
llm_credentials_bearer_expires(llm_str_t key)
{
    char        url[LLM_CREDENTIALS_TOKEN_SIZE];
    long        len;
    int64_t     signed_ms, seconds;
    unsigned    i;
    llm_str_t   prefix, text, lasts;

    prefix = llm_str(LLM_BEARER_PREFIX);

    if (!llm_str_starts(key, prefix)
        || key.len >= LLM_CREDENTIALS_TOKEN_SIZE)
    {
        return 0;
    }

    key.data += prefix.len;
    key.len -= prefix.len;

    len = llm_base64_decode(key, url);

    if (len < 0) {
        return 0;
    }

    text = (llm_str_t) { url, (size_t) len };

    signed_ms = llm_sigv4_parse_time(llm_credentials_query(text,
                                                           "X-Amz-Date="));
    lasts = llm_credentials_query(text, "X-Amz-Expires=");

    if (signed_ms == -1 || lasts.len == 0 || lasts.len > 6) {
        return 0;
    }

    seconds = 0;

    for (i = 0; i < lasts.len; i++) {
        if (lasts.data[i] < '0' || lasts.data[i] > '9') {
            return 0;
        }

        seconds = seconds * 10 + (lasts.data[i] - '0');
    }

    return signed_ms + seconds * 1000;
}


/* the value of a parameter of a query; `name` with its equals sign */
static llm_str_t
llm_credentials_query(llm_str_t url, const char *name)
{
    const char  *p, *end, *last;

    last = url.data + url.len;
    p = memmem(url.data, url.len, name, strlen(name));

    if (p == NULL) {
        return (llm_str_t) { url.data, 0 };
    }

    p += strlen(name);
    end = memchr(p, '&', last - p);

    return (llm_str_t) { p, (end == NULL ? last : end) - p };
}


int
llm_credentials_read_file(const char *path, llm_buf_t *text,
    llm_credentials_t *credentials)
{
    int      fd;
    char     chunk[4096];
    ssize_t  n;

    fd = open(path, O_RDONLY|O_CLOEXEC|O_NONBLOCK|O_NOCTTY);

    if (fd == -1) {
        if (errno == ENOENT || errno == ENOTDIR) {
            return LLM_AGAIN;
        }

        return llm_credentials_fail(credentials, "cannot read \"%s\": %s%s",
                                    path, strerror(errno), errno == EACCES
                                    ? "; the user that nginx's workers run "
                                      "as must be able to read it" : "");
    }

    while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
        llm_buf_append(text, chunk, n);

        if (text->failed) {
            break;
        }
    }

    close(fd);

    if (n < 0) {
        return llm_credentials_fail(credentials, "cannot read \"%s\": %s",
                                    path, strerror(errno));
    }

    if (text->failed) {
        return llm_credentials_fail(credentials, "\"%s\" is larger than %d "
                                    "bytes", path, LLM_CREDENTIALS_TEXT_SIZE);
    }

    return LLM_OK;
}


llm_str_t
llm_credentials_trim(llm_str_t text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t'
                            || text.data[0] == '\r' || text.data[0] == '\n'))
    {
        text.data++;
        text.len--;
    }

    while (text.len > 0 && (text.data[text.len - 1] == ' '
                            || text.data[text.len - 1] == '\t'
                            || text.data[text.len - 1] == '\r'
                            || text.data[text.len - 1] == '\n'))
    {
        text.len--;
    }

    return text;
}


const char *
llm_credentials_env(const char *name)
{
    const char  *value;

    value = getenv(name);

    return (value == NULL || *value == '\0') ? NULL : value;
}
