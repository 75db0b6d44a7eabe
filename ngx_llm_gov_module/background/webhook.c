/*
 * Sending webhooks: a few at a time, each bounded in time and size, so that a
 * receiver that hangs delays no other.
 */

#include "webhook.h"
#include "helper.h"
#include "../wire/sha256.h"

#include <curl/curl.h>
#include <stdio.h>


#define NGX_HTTP_LLM_WEBHOOK_MS      10000
#define NGX_HTTP_LLM_WEBHOOK_END_MS  700    /* what is under way may end */
#define NGX_HTTP_LLM_WEBHOOK_ANSWER  65536  /* bytes; nobody reads them */


typedef enum {
    NGX_HTTP_LLM_JOB_FREE = 0,
    NGX_HTTP_LLM_JOB_QUEUED,
    NGX_HTTP_LLM_JOB_RUNNING,               /* the thread's */
    NGX_HTTP_LLM_JOB_DONE
} ngx_http_llm_job_state_t;


typedef struct {
    ngx_http_llm_job_state_t   state;       /* under the mutex */
    ngx_http_llm_sent_t        sent;
    char                      *body;
    size_t                     len;
    CURL                      *curl;
    struct curl_slist         *headers;
    size_t                     answered;
    char                       message[CURL_ERROR_SIZE];
} ngx_http_llm_job_t;


struct ngx_http_llm_webhooks_s {
    pthread_mutex_t            mutex;
    CURLM                     *multi;
    ngx_http_llm_job_t         jobs[LLM_OUTBOX_CLAIMS];
};


static void ngx_http_llm_webhooks_start(ngx_http_llm_webhooks_t *webhooks);
static ngx_int_t ngx_http_llm_job_start(ngx_http_llm_webhooks_t *webhooks,
    ngx_http_llm_job_t *job);
static ngx_int_t ngx_http_llm_job_headers(ngx_http_llm_job_t *job);
static ngx_int_t ngx_http_llm_job_header(ngx_http_llm_job_t *job,
    const char *header);
static ngx_int_t ngx_http_llm_job_sign(ngx_http_llm_job_t *job,
    char *header, size_t size);
static void ngx_http_llm_job_options(ngx_http_llm_job_t *job);
static size_t ngx_http_llm_job_answer(char *data, size_t size, size_t n,
    void *ctx);
static void ngx_http_llm_webhooks_finished(ngx_http_llm_webhooks_t *webhooks);
static void ngx_http_llm_job_finish(ngx_http_llm_webhooks_t *webhooks,
    ngx_http_llm_job_t *job, const char *error);


ngx_http_llm_webhooks_t *
ngx_http_llm_webhooks_create(void)
{
    ngx_http_llm_webhooks_t  *webhooks;

    webhooks = calloc(1, sizeof(ngx_http_llm_webhooks_t));
    if (webhooks == NULL) {
        return NULL;
    }

    llm_credentials_http_init();

    webhooks->multi = curl_multi_init();
    if (webhooks->multi == NULL) {
        free(webhooks);
        return NULL;
    }

    pthread_mutex_init(&webhooks->mutex, NULL);

    return webhooks;
}


ngx_uint_t
ngx_http_llm_webhooks_room(ngx_http_llm_webhooks_t *webhooks)
{
    ngx_uint_t  i, room;

    room = 0;

    pthread_mutex_lock(&webhooks->mutex);

    for (i = 0; i < LLM_OUTBOX_CLAIMS; i++) {
        room += (webhooks->jobs[i].state == NGX_HTTP_LLM_JOB_FREE);
    }

    pthread_mutex_unlock(&webhooks->mutex);

    return room;
}


void
ngx_http_llm_webhooks_send(ngx_http_llm_webhooks_t *webhooks,
    llm_delivery_t *delivery, ngx_http_llm_webhook_t *webhook)
{
    ngx_uint_t           i;
    ngx_http_llm_job_t  *job;

    pthread_mutex_lock(&webhooks->mutex);

    for (i = 0; i < LLM_OUTBOX_CLAIMS; i++) {
        job = &webhooks->jobs[i];

        if (job->state != NGX_HTTP_LLM_JOB_FREE) {
            continue;
        }

        ngx_memzero(job, sizeof(ngx_http_llm_job_t));
        job->sent.delivery = *delivery;
        job->sent.delivery.body = NULL;
        job->sent.webhook = webhook;
        job->body = delivery->body;
        job->len = delivery->len;
        job->state = NGX_HTTP_LLM_JOB_QUEUED;

        delivery->body = NULL;
        break;
    }

    pthread_mutex_unlock(&webhooks->mutex);
}


ngx_uint_t
ngx_http_llm_webhooks_sent(ngx_http_llm_webhooks_t *webhooks,
    ngx_http_llm_sent_t *sent)
{
    ngx_uint_t  i, n;

    n = 0;

    pthread_mutex_lock(&webhooks->mutex);

    for (i = 0; i < LLM_OUTBOX_CLAIMS; i++) {
        if (webhooks->jobs[i].state == NGX_HTTP_LLM_JOB_DONE) {
            sent[n++] = webhooks->jobs[i].sent;
            webhooks->jobs[i].state = NGX_HTTP_LLM_JOB_FREE;
        }
    }

    pthread_mutex_unlock(&webhooks->mutex);

    return n;
}


/* called again and again in the thread; returns when nothing is under way, or
 * when the process ends */
void
ngx_http_llm_webhooks_run(void *data)
{
    ngx_http_llm_webhooks_t *webhooks = data;

    int         running;
    int64_t     end_ms;
    ngx_uint_t  i;

    end_ms = 0;

    do {
        if (end_ms == 0) {
            ngx_http_llm_webhooks_start(webhooks);
        }

        if (curl_multi_perform(webhooks->multi, &running) != CURLM_OK) {
            running = 0;
        }

        ngx_http_llm_webhooks_finished(webhooks);

        if (running) {
            (void) curl_multi_poll(webhooks->multi, NULL, 0, 100, NULL);
        }

        if (end_ms == 0 && ngx_http_llm_helper_stopping()) {
            end_ms = ngx_http_llm_clock() + NGX_HTTP_LLM_WEBHOOK_END_MS;
        }

    } while (running && (end_ms == 0 || ngx_http_llm_clock() < end_ms));

    /* at the process's end: a transfer is given up, the store has it still */

    for (i = 0; i < LLM_OUTBOX_CLAIMS; i++) {
        if (webhooks->jobs[i].curl != NULL) {
            ngx_http_llm_job_finish(webhooks, &webhooks->jobs[i],
                                    "interrupted");
        }
    }
}


static void
ngx_http_llm_webhooks_start(ngx_http_llm_webhooks_t *webhooks)
{
    ngx_uint_t           i, queued;
    ngx_http_llm_job_t  *job;

    for (i = 0; i < LLM_OUTBOX_CLAIMS; i++) {
        job = &webhooks->jobs[i];

        pthread_mutex_lock(&webhooks->mutex);

        queued = (job->state == NGX_HTTP_LLM_JOB_QUEUED);

        if (queued) {
            job->state = NGX_HTTP_LLM_JOB_RUNNING;
        }

        pthread_mutex_unlock(&webhooks->mutex);

        if (queued && ngx_http_llm_job_start(webhooks, job) != NGX_OK) {
            ngx_http_llm_job_finish(webhooks, job, "no memory");
        }
    }
}


static ngx_int_t
ngx_http_llm_job_start(ngx_http_llm_webhooks_t *webhooks,
    ngx_http_llm_job_t *job)
{
    job->curl = curl_easy_init();

    if (job->curl == NULL || ngx_http_llm_job_headers(job) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_llm_job_options(job);

    return (curl_multi_add_handle(webhooks->multi, job->curl) == CURLM_OK)
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_llm_job_headers(ngx_http_llm_job_t *job)
{
    char  id[33], header[160];

    if (ngx_http_llm_job_header(job, "Content-Type: application/json")
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) snprintf(header, sizeof(header), "X-LLM-Event: %s",
                    llm_alert_type_name(job->sent.delivery.type));

    if (ngx_http_llm_job_header(job, header) != NGX_OK) {
        return NGX_ERROR;
    }

    llm_alert_id_text(job->sent.delivery.id, id);
    (void) snprintf(header, sizeof(header), "X-LLM-Delivery: %s", id);

    if (ngx_http_llm_job_header(job, header) != NGX_OK) {
        return NGX_ERROR;
    }

    if (job->sent.webhook->secret.len == 0) {
        return NGX_OK;
    }

    if (ngx_http_llm_job_sign(job, header, sizeof(header)) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_llm_job_header(job, header);
}


static ngx_int_t
ngx_http_llm_job_header(ngx_http_llm_job_t *job, const char *header)
{
    struct curl_slist  *headers;

    headers = curl_slist_append(job->headers, header);

    if (headers == NULL) {
        return NGX_ERROR;
    }

    job->headers = headers;

    return NGX_OK;
}


/* HMAC-SHA256 of "<unix time>.<body>", made anew for each try */
static ngx_int_t
ngx_http_llm_job_sign(ngx_http_llm_job_t *job, char *header, size_t size)
{
    char                     hex[2 * LLM_SHA256_SIZE], stamp[32];
    llm_str_t                pieces[2];
    unsigned char            mac[LLM_SHA256_SIZE];
    ngx_http_llm_webhook_t  *webhook;

    webhook = job->sent.webhook;

    pieces[0].data = stamp;
    pieces[0].len = snprintf(stamp, sizeof(stamp), "%lld.",
                             (long long) (ngx_http_llm_clock() / 1000));
    pieces[1] = (llm_str_t) { job->body, job->len };

    if (llm_hmac_sha256(webhook->secret.data, webhook->secret.len, pieces, 2,
                        mac)
        != LLM_OK)
    {
        return NGX_ERROR;
    }

    llm_sha256_hex(mac, hex);

    (void) snprintf(header, size, "X-LLM-Signature: t=%.*s,v1=%.*s",
                    (int) pieces[0].len - 1, stamp, (int) sizeof(hex), hex);

    return NGX_OK;
}


static void
ngx_http_llm_job_options(ngx_http_llm_job_t *job)
{
    CURL  *curl;

    curl = job->curl;

    curl_easy_setopt(curl, CURLOPT_PRIVATE, job);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, job->message);
    curl_easy_setopt(curl, CURLOPT_URL, job->sent.webhook->url.data);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, job->headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "ngx_llm_gov");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) job->len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, job->body);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) NGX_HTTP_LLM_WEBHOOK_MS);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     (long) NGX_HTTP_LLM_WEBHOOK_MS);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ngx_http_llm_job_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, job);

#if (LIBCURL_VERSION_NUM >= 0x075700)
    /* else the end of one whose name server does not answer is waited for, by
     * all the others as well */
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
#endif

#if (LIBCURL_VERSION_NUM >= 0x075500)
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS,
                     (long) (CURLPROTO_HTTP|CURLPROTO_HTTPS));
#endif
}


/* nobody reads it; one without end is cut off */
static size_t
ngx_http_llm_job_answer(char *data, size_t size, size_t n, void *ctx)
{
    ngx_http_llm_job_t *job = ctx;

    job->answered += size * n;

    return (job->answered > NGX_HTTP_LLM_WEBHOOK_ANSWER) ? 0 : size * n;
}


static void
ngx_http_llm_webhooks_finished(ngx_http_llm_webhooks_t *webhooks)
{
    int                  left;
    char                *private;
    long                 status;
    CURLMsg             *msg;
    curl_off_t           after;
    ngx_http_llm_job_t  *job;

    while ((msg = curl_multi_info_read(webhooks->multi, &left)) != NULL) {

        if (msg->msg != CURLMSG_DONE) {
            continue;
        }

        status = 0;
        after = 0;

        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
        curl_easy_getinfo(msg->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(msg->easy_handle, CURLINFO_RETRY_AFTER, &after);

        job = (ngx_http_llm_job_t *) private;

        /* with the status the receiver has said what it thinks, whatever
         * became of the rest of its answer */

        job->sent.status = status;
        job->sent.asked_ms = (after > 0 && after < 86400) ? after * 1000 : 0;

        ngx_http_llm_job_finish(webhooks, job,
                                status ? ""
                                : job->message[0] ? job->message
                                : curl_easy_strerror(msg->data.result));
    }
}


static void
ngx_http_llm_job_finish(ngx_http_llm_webhooks_t *webhooks,
    ngx_http_llm_job_t *job, const char *error)
{
    ngx_cpystrn((u_char *) job->sent.error, (u_char *) error,
                sizeof(job->sent.error));

    if (job->curl != NULL) {
        (void) curl_multi_remove_handle(webhooks->multi, job->curl);
        curl_easy_cleanup(job->curl);
        job->curl = NULL;
    }

    curl_slist_free_all(job->headers);
    free(job->body);
    job->headers = NULL;
    job->body = NULL;

    pthread_mutex_lock(&webhooks->mutex);
    job->state = NGX_HTTP_LLM_JOB_DONE;
    pthread_mutex_unlock(&webhooks->mutex);
}
