/*
 * What the nginx parts share: the configuration as it is read, and small
 * helpers.  Everything here lives in the memory of one process and one cycle;
 * what outlives them is in governance/zone.h.
 */

#ifndef NGX_HTTP_LLM_H
#define NGX_HTTP_LLM_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "dialects/api.h"
#include "governance/ledger.h"
#include "pricing/price.h"
#include "providers/credentials.h"
#include "providers/health.h"


#if (NGX_PTR_SIZE == 4)
#error "ngx_http_llm_gov_module needs a 64-bit platform"
#endif


typedef struct ngx_http_llm_shared_s     ngx_http_llm_shared_t;
typedef struct ngx_http_llm_slot_s       ngx_http_llm_slot_t;
typedef struct ngx_http_llm_hold_s       ngx_http_llm_hold_t;
typedef struct ngx_http_llm_tenant_s     ngx_http_llm_tenant_t;
typedef struct ngx_http_llm_provider_s   ngx_http_llm_provider_t;
typedef struct ngx_http_llm_route_s      ngx_http_llm_route_t;
typedef struct ngx_http_llm_main_conf_s  ngx_http_llm_main_conf_t;


/* where a block or directive stands, for messages */
typedef struct {
    u_char                     *file;
    ngx_uint_t                  line;
} ngx_http_llm_place_t;


/* a customer, a team or a virtual key */
struct ngx_http_llm_tenant_s {
    ngx_str_t                   name;
    llm_account_kind_t          kind;
    ngx_http_llm_tenant_t      *parent;     /* the team of a virtual key … */
    ngx_str_t                   parent_name;
    ngx_http_llm_place_t        parent_place;
    ngx_http_llm_place_t        place;
    ngx_array_t                 limits;     /* of llm_limit_t */

    ngx_array_t                *models;     /* of ngx_str_t, patterns with `*`;
                                               NULL: all */
    ngx_http_llm_route_t       *route;      /* own or inherited; NULL: every
                                               provider */
    ngx_str_t                   route_name;
    ngx_http_llm_place_t        route_place;

    /* virtual keys */
    u_char                      digest[32]; /* SHA-256 of the secret */
    ngx_str_t                   secret;     /* only where `sigv4 on` */
    ngx_flag_t                  sigv4;
    unsigned                    has_secret:1;

    ngx_uint_t                  log_content;    /* llm_log_content: bits 1 (of
                                                   the request), 2 (answer) */
    size_t                      log_content_size;

    ngx_array_t                *alerts;     /* own ones; NULL: main conf's */

    llm_account_t              *account;    /* in the zone; set when it is made
                                               or found again */
};


typedef struct {
    ngx_str_t                   host;
    in_port_t                   port;
    ngx_str_t                   prefix;     /* path before /model/…, may be
                                               empty, no slash at its end */
    ngx_str_t                   authority;  /* host, with the port if it is not
                                               the scheme's own */
    unsigned                    tls:1;
} ngx_http_llm_endpoint_t;


struct ngx_http_llm_provider_s {
    ngx_str_t                   name;
    ngx_uint_t                  index;      /* in the main conf's array */
    ngx_http_llm_place_t        place;
    ngx_str_t                   region;
    ngx_str_t                   model;      /* what every request becomes;
                                               empty: what was asked for */
    ngx_array_t                *models;     /* accepted, patterns; NULL: all */
    ngx_str_t                   base_model; /* `price_as`: prices and family of
                                               an opaque ARN */
    ngx_http_llm_endpoint_t     endpoint;
    llm_credentials_conf_t      credentials;
    ngx_array_t                 limits;     /* of llm_limit_t */
    ngx_array_t                *alerts;     /* own ones; NULL: main conf's */
    llm_health_conf_t           health;
    ngx_int_t                   max_failures;
    ngx_msec_t                  cooldown;

    ngx_msec_t                  connect_timeout;
    ngx_msec_t                  send_timeout;
    ngx_msec_t                  first_byte_timeout;  /* header, first event */
    ngx_msec_t                  read_timeout;        /* gap between reads */
    ngx_int_t                   keepalive;           /* idle connections kept
                                                        by each worker */
    ngx_msec_t                  keepalive_timeout;

    ngx_flag_t                  ssl_verify;
    ngx_str_t                   ssl_trusted_certificate;
    ngx_int_t                   ssl_verify_depth;
    ngx_ssl_t                  *ssl;
    ngx_ssl_session_t          *ssl_session;         /* of this worker */

    ngx_queue_t                 idle;                /* this worker's kept
                                                        connections */
    ngx_uint_t                  nidle;
    ngx_uint_t                  turn;       /* over its addresses */

    void                       *signer;     /* this worker's, signer.h */
    ngx_http_llm_slot_t        *slot;       /* in the zone */
    ngx_flag_t                  governed;   /* stands for an llm_govern
                                               location: only its account is
                                               used */
};


typedef struct {
    ngx_http_llm_provider_t    *provider;
    ngx_str_t                   name;
    ngx_http_llm_place_t        place;
    ngx_uint_t                  weight;     /* 0: backup */
    int64_t                    *current;    /* in the zone, see ledger.h */
} ngx_http_llm_target_t;


struct ngx_http_llm_route_s {
    ngx_str_t                   name;
    ngx_http_llm_place_t        place;
    ngx_array_t                 targets;    /* of ngx_http_llm_target_t */
};


typedef enum {
    NGX_HTTP_LLM_UNPRICED_REFUSE = 0,
    NGX_HTTP_LLM_UNPRICED_ALLOW,
    NGX_HTTP_LLM_UNPRICED_AS
} ngx_http_llm_unpriced_t;


/* what becomes of calls when the ledger cannot be written */
typedef enum {
    NGX_HTTP_LLM_ON_ERROR_REFUSE = 0,
    NGX_HTTP_LLM_ON_ERROR_CONTINUE
} ngx_http_llm_on_error_t;


/* `llm_model_map from to;` */
typedef struct {
    ngx_str_t                   from;
    ngx_str_t                   to;
    ngx_http_llm_place_t        place;
} ngx_http_llm_model_map_t;


struct ngx_http_llm_main_conf_s {
    ngx_shm_zone_t             *zone;
    ngx_http_llm_shared_t      *shared;     /* zone->data's */

    ngx_path_t                 *store;      /* llm_store; NULL: none */
    ngx_int_t                 (*restore)(ngx_http_llm_main_conf_t *lmcf,
                                         ngx_log_t *log);
                                            /* fills a new zone from it */
    ngx_int_t                 (*prepare)(ngx_http_llm_main_conf_t *lmcf,
                                         ngx_log_t *log);
                                            /* segments for the workers */
    ngx_msec_t                  store_sync;
    ngx_str_t                   journal;    /* folder of the segments, ends
                                               with a NUL; empty: no store */
    size_t                      journal_size;       /* of a segment */
    ngx_uint_t                  on_error;   /* ngx_http_llm_on_error_t */
    ngx_core_conf_t            *core;       /* for the number of workers, and
                                               their user */
    ngx_str_t                   wants_store;        /* the first directive that
                                                       does nothing without */
    ngx_http_llm_place_t        wants_store_place;
    ngx_flag_t                  log_refusals;
    int64_t                     log_age_ms;         /* llm_log_retention; 0: */
    uint64_t                    log_size;           /* no bound */
    int64_t                     log_minutes_ms;     /* rollups by minute */
    int64_t                     log_hours_ms;       /* and by hour */
    ngx_array_t                *alerts;     /* of ngx_http_llm_alert_t, see
                                               background/alerts.h; NULL: none
                                               in http {} */
    ngx_array_t                *webhooks;   /* of …_webhook_t *; NULL: none */

    ngx_array_t                 prices;     /* of llm_prices_t *, asked in
                                               order */
    ngx_uint_t                  unpriced;   /* ngx_http_llm_unpriced_t */
    ngx_str_t                   unpriced_as;

    ngx_array_t                 customers;      /* of ngx_http_llm_tenant_t * */
    ngx_array_t                 teams;
    ngx_array_t                 virtual_keys;
    ngx_array_t                 providers;      /* of …_provider_t * */
    ngx_array_t                 routes;         /* of …_route_t * */
    ngx_array_t                 model_map;      /* of …_model_map_t */
    ngx_http_llm_route_t       *default_route;  /* every provider, weight 1 */
    ngx_rbtree_t                keys_by_digest; /* see governance/tenants.c */
    ngx_rbtree_t                tenants_by_name[LLM_ACCOUNT_PROVIDER];
                                                /* by llm_account_kind_t */
    ngx_rbtree_node_t           keys_sentinel;
    ngx_rbtree_node_t           names_sentinel[LLM_ACCOUNT_PROVIDER];

    ngx_flag_t                  used;       /* some location needs us */
    ngx_http_llm_place_t        pass;       /* the first llm_pass */
#if (NGX_THREADS)
    ngx_thread_pool_t          *thread_pool;    /* for large bodies */
#endif
    ngx_log_t                  *log;
};


extern ngx_module_t  ngx_http_llm_gov_module;


/* milliseconds since the epoch, by the event loop's clock */
static ngx_inline int64_t
ngx_http_llm_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}


static ngx_inline llm_str_t
ngx_http_llm_str(ngx_str_t str)
{
    return (llm_str_t) { (const char *) str.data, str.len };
}


#endif /* NGX_HTTP_LLM_H */
