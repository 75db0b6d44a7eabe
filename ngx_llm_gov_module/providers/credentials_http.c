/*
 * HTTP calls to metadata services and STS: blocking, bounded in time and size,
 * no redirects.
 */

#include "credentials_parts.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>


static atomic_bool     llm_credentials_interrupted;
static pthread_once_t  llm_credentials_once = PTHREAD_ONCE_INIT;


static bool llm_credentials_host_near(const char *host);
static CURL *llm_credentials_prepare(const llm_http_call_t *call,
    struct curl_slist *headers, llm_buf_t *out);
static size_t llm_credentials_write(char *data, size_t size, size_t n,
    void *out);
static int llm_credentials_progress(void *data, curl_off_t dltotal,
    curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow);
static void llm_credentials_init(void);


void
llm_credentials_http_init(void)
{
    pthread_once(&llm_credentials_once, llm_credentials_init);
}


void
llm_credentials_interrupt(void)
{
    atomic_store(&llm_credentials_interrupted, true);
}


int
llm_credentials_call(const llm_http_call_t *call, const char *who,
    llm_buf_t *out, long *status, llm_credentials_t *credentials)
{
    char                error[CURL_ERROR_SIZE];
    CURL               *curl;
    CURLcode            rc;
    unsigned            i;
    struct curl_slist  *headers, *more;

    llm_credentials_http_init();

    headers = NULL;

    for (i = 0; i < sizeof(call->headers) / sizeof(char *)
                && call->headers[i] != NULL; i++)
    {
        more = curl_slist_append(headers, call->headers[i]);

        if (more == NULL) {
            curl_slist_free_all(headers);
            return llm_credentials_fail(credentials, "%s: no memory", who);
        }

        headers = more;
    }

    curl = llm_credentials_prepare(call, headers, out);

    if (curl == NULL) {
        curl_slist_free_all(headers);
        return llm_credentials_fail(credentials, "%s: no memory", who);
    }

    error[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);

    rc = curl_easy_perform(curl);

    if (rc == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);

    } else {
        llm_credentials_fail(credentials, "%s: %s", who,
                             error[0] ? error : curl_easy_strerror(rc));
    }

    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);

    return (rc == CURLE_OK) ? LLM_OK : LLM_ERROR;
}


static CURL *
llm_credentials_prepare(const llm_http_call_t *call,
    struct curl_slist *headers, llm_buf_t *out)
{
    CURL        *curl;
    const char  *bundle;

    curl = curl_easy_init();

    if (curl == NULL) {
        return NULL;
    }

    curl_easy_setopt(curl, CURLOPT_URL, call->url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "ngx_llm_gov");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) LLM_CREDENTIALS_TIMEOUT);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     (long) (call->near ? LLM_CREDENTIALS_NEAR
                                        : LLM_CREDENTIALS_TIMEOUT));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, llm_credentials_write);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, llm_credentials_progress);

#if (LIBCURL_VERSION_NUM >= 0x075500)
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS,
                     (long) (CURLPROTO_HTTP|CURLPROTO_HTTPS));
#endif

    if (call->near) {
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }

    if (strcmp(call->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t) call->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body.data);

    } else if (strcmp(call->method, "GET") != 0) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    }

    bundle = llm_credentials_env("AWS_CA_BUNDLE");

    if (bundle != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, bundle);
    }

    return curl;
}


static size_t
llm_credentials_write(char *data, size_t size, size_t n, void *out)
{
    llm_buf_append(out, data, size * n);

    return ((llm_buf_t *) out)->failed ? 0 : size * n;
}


static int
llm_credentials_progress(void *data, curl_off_t dltotal, curl_off_t dlnow,
    curl_off_t ultotal, curl_off_t ulnow)
{
    return atomic_load(&llm_credentials_interrupted);
}


static void
llm_credentials_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}


bool
llm_credentials_url_allowed(const char *url)
{
    char   *scheme, *host;
    bool    allowed;
    CURLU  *parsed;

    scheme = NULL;
    host = NULL;
    allowed = false;

    parsed = curl_url();

    if (parsed != NULL
        && curl_url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER)
           == CURLUE_OK
        && curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK
        && curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK)
    {
        allowed = strcmp(scheme, "https") == 0
                  || (strcmp(scheme, "http") == 0
                      && llm_credentials_host_near(host));
    }

    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(parsed);

    return allowed;
}


static bool
llm_credentials_host_near(const char *host)
{
    unsigned            a, b, c, i;
    int                 end;
    static const char  *hosts[] = {
        "localhost", "[::1]", "169.254.170.2", "169.254.170.23",
        "[fd00:ec2::23]"
    };

    for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (strcmp(host, hosts[i]) == 0) {
            return true;
        }
    }

    /* a name such as 127.0.0.1.example.com is none of this machine's */

    end = 0;

    return sscanf(host, "127.%3u.%3u.%3u%n", &a, &b, &c, &end) == 3
           && host[end] == '\0' && a < 256 && b < 256 && c < 256;
}
