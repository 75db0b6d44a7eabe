/*
 * `llm_alert`: webhooks that tell of budgets and breakers.
 */

#ifndef NGX_HTTP_LLM_ALERTS_H
#define NGX_HTTP_LLM_ALERTS_H

#include "../ngx_http_llm.h"
#include "../store/store.h"


#define NGX_HTTP_LLM_THRESHOLDS   16    /* of one llm_alert */
#define NGX_HTTP_LLM_PERCENT_MAX  1000


/* where to send to; one for all llm_alert with the same URL and format */
typedef struct {
    ngx_str_t                   url;        /* NUL-terminated */
    ngx_str_t                   origin;     /* scheme://host[:port], all of the
                                               URL that a log may show; NUL */
    ngx_str_t                   secret;     /* empty: not signed */
    ngx_uint_t                  slack;
    uint64_t                    id;         /* of URL and format, the same in
                                               every process and life */
    ngx_http_llm_place_t        place;

    /* the background process's: */
    ngx_uint_t                  under_way;
    ngx_uint_t                  failing;    /* did not take the last one */
} ngx_http_llm_webhook_t;


/* one directive */
typedef struct {
    ngx_http_llm_webhook_t     *webhook;
    ngx_uint_t                  nthresholds;
    ngx_uint_t                  thresholds[NGX_HTTP_LLM_THRESHOLDS];
                                            /* percent, ascending */
    ngx_uint_t                  projected;
    ngx_uint_t                  breaker;
    ngx_http_llm_place_t        place;
} ngx_http_llm_alert_t;


/* `llm_alert` in http {} */
char *ngx_http_llm_alert(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* in a block: appended to *alerts, an array of ngx_http_llm_alert_t that is
 * made when it is needed.  `breaker`: may it be one of these? */
char *ngx_http_llm_alert_add(ngx_conf_t *cf, ngx_array_t **alerts,
    ngx_uint_t breaker);

/* all blocks are read: warns of alerts that watch nothing */
void ngx_http_llm_alerts_check(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf);

/* the webhook of an id; NULL: this configuration has none */
ngx_http_llm_webhook_t *ngx_http_llm_webhook_find(
    ngx_http_llm_main_conf_t *lmcf, uint64_t id);


/*
 * One look at every budget and breaker that has alerts, and at what is to be
 * delivered; in the main thread of the background process, about once a second.
 * store: NULL if there is no llm_store: then what was sent is remembered in
 * memory only.
 */
void ngx_http_llm_alerts_run(ngx_http_llm_main_conf_t *lmcf,
    llm_store_t *store, ngx_log_t *log);


#endif /* NGX_HTTP_LLM_ALERTS_H */
