/*
 * Sending webhooks in a thread of the background process.
 */

#ifndef NGX_HTTP_LLM_WEBHOOK_H
#define NGX_HTTP_LLM_WEBHOOK_H

#include "alerts.h"
#include "notes.h"
#include "outbox.h"


typedef struct ngx_http_llm_webhooks_s  ngx_http_llm_webhooks_t;


typedef struct {
    llm_delivery_t            delivery;     /* without its body */
    ngx_http_llm_webhook_t   *webhook;
    long                      status;       /* HTTP; 0: none came */
    int64_t                   asked_ms;     /* Retry-After; 0: none */
    char                      error[160];   /* shows no secret */
} ngx_http_llm_sent_t;


/* NULL: no memory */
ngx_http_llm_webhooks_t *ngx_http_llm_webhooks_create(void);

/* for ngx_http_llm_helper_start() */
void ngx_http_llm_webhooks_run(void *data);

/* main thread: how many more can be taken */
ngx_uint_t ngx_http_llm_webhooks_room(ngx_http_llm_webhooks_t *webhooks);

/* takes one (there must be room); its body is the thread's from now on */
void ngx_http_llm_webhooks_send(ngx_http_llm_webhooks_t *webhooks,
    llm_delivery_t *delivery, ngx_http_llm_webhook_t *webhook);

/* what has ended since, into `sent` of LLM_OUTBOX_CLAIMS; returns how many */
ngx_uint_t ngx_http_llm_webhooks_sent(ngx_http_llm_webhooks_t *webhooks,
    ngx_http_llm_sent_t *sent);


#endif /* NGX_HTTP_LLM_WEBHOOK_H */
