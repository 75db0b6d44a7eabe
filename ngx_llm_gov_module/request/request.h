/*
 * One request on its way: authenticate, read, route, admit, attempt, answer,
 * meter, translate, settle.  The files of this folder are these steps.
 */

#ifndef NGX_HTTP_LLM_REQUEST_H
#define NGX_HTTP_LLM_REQUEST_H

#include "../ngx_http_llm.h"
#include "../dialects/envelope.h"
#include "../dialects/meter.h"
#include "../dialects/refusal.h"
#include "../dialects/translate.h"
#include "../governance/zone.h"
#include "../store/rows/row.h"
#include "../wire/inflate.h"
#include "../wire/sigv4.h"


#define NGX_HTTP_LLM_ATTEMPTS_MAX  LLM_ROW_ATTEMPTS_MAX

/* bytes of output beyond what is held before the hold is raised */
#define NGX_HTTP_LLM_RAISE_STEP    4096


#if (nginx_version >= 1027002)
#define ngx_http_llm_parse_chunked(r, b, ctx)                                 \
    ngx_http_parse_chunked(r, b, ctx, 0)
#else
#define ngx_http_llm_parse_chunked(r, b, ctx)                                 \
    ngx_http_parse_chunked(r, b, ctx)
#endif


typedef enum {
    NGX_HTTP_LLM_ABORT_DRAIN = 0,
    NGX_HTTP_LLM_ABORT_CANCEL
} ngx_http_llm_abort_t;


typedef struct {
    ngx_http_handler_pt         handler;        /* ours, of this location */
    ngx_str_t                   directive;      /* which set it */
    ngx_http_llm_place_t        place;

    ngx_uint_t                  dialect;        /* llm_pass; 0: none */
    ngx_uint_t                  govern;         /* llm_govern; 0: none */
    ngx_http_llm_provider_t    *governed;       /* its account's owner */

    ngx_uint_t                  client_abort;   /* ngx_http_llm_abort_t */
    ngx_msec_t                  drain_time;
    size_t                      drain_size;

    ngx_uint_t                  tries;
    ngx_msec_t                  tries_timeout;

    ngx_uint_t                  budget_status;
    ngx_str_t                   betas;          /* allowed beta flags */
    ngx_str_t                   anthropic_version;

    ngx_http_upstream_conf_t    upstream;
    ngx_http_upstream_srv_conf_t  *uscf;        /* whose peer.init is ours */
} ngx_http_llm_loc_conf_t;


/* a provider that could serve the request, and as what */
typedef struct {
    ngx_http_llm_provider_t    *provider;
    llm_str_t                   model;      /* on the wire, not encoded */
    llm_family_t                family;
    llm_price_t                 price;
    ngx_flag_t                  priced;
    uint64_t                    learned;    /* the key to what was learned */
} ngx_http_llm_choice_t;


typedef struct {
    ngx_http_llm_provider_t    *provider;
    ngx_http_llm_choice_t      *choice;
    llm_attempt_result_t        result;
    ngx_uint_t                  status;     /* 0: none came */
    int64_t                     cost;       /* nanodollars */
    int64_t                     input_tokens;   /* cached ones too */
    int64_t                     output_tokens;
    llm_str_t                   request_id; /* the provider's */
    int64_t                     admitted_ms;    /* since the epoch, as the */
    int64_t                     started_ms;     /* row has them */
    int64_t                     ended_ms;
    ngx_msec_t                  started;
    ngx_msec_int_t              first_token;    /* ms, -1: none */
    unsigned                    ended:1;
    unsigned                    doubted:1;  /* charged when it was given up */
} ngx_http_llm_attempt_t;


/* who calls, as the request says */
typedef struct {
    llm_str_t                   session;
    llm_str_t                   end_user;
    ngx_uint_t                  ntags;
    llm_str_t                   tags[LLM_ROW_TAGS_MAX];
} ngx_http_llm_client_t;


typedef struct ngx_http_llm_segment_s  ngx_http_llm_segment_t;


typedef struct {
    ngx_http_request_t         *request;
    ngx_http_llm_main_conf_t   *lmcf;
    ngx_http_llm_loc_conf_t    *llcf;
    ngx_queue_t                 queue;      /* of this worker's requests */
    ngx_http_cleanup_t         *cleanup;    /* settles, once there is a hold */

    /* who and what */
    llm_dialect_t               dialect;
    llm_path_t                  path;
    llm_api_t                   api;        /* the client's */
    ngx_flag_t                  stream;
    ngx_http_llm_tenant_t      *key;
    llm_sigv4_credential_t     *sigv4;      /* verified once the body is in */
    llm_party_t                 tenants[3];
    ngx_uint_t                  ntenants;
    llm_str_t                   model;      /* as asked, decoded */
    u_char                      id[33];     /* ours, hex, NUL */
    u_char                      bytes[LLM_ROW_ID_SIZE];     /* of it */
    int64_t                     received_ms;

    /* the body, in pieces as it lies in memory */
    llm_str_t                  *pieces;
    ngx_uint_t                  npieces;
    size_t                      body_size;
    llm_envelope_t             *envelope;
    const char                 *body_error;
    u_char                      error_text[256];
    char                        raw_hash[64];   /* for SigV4 of the client */

    /* what goes to the provider */
    llm_str_t                  *out;
    ngx_uint_t                  nout;
    ngx_uint_t                  out_alloc;
    size_t                      out_size;
    char                        hash[64];
    llm_buf_t                   head;           /* of the count-tokens body */
    llm_buf_t                   betas;

    /* candidates, and where we are with them */
    ngx_http_llm_choice_t      *choices;
    llm_candidate_t            *candidates;
    ngx_uint_t                  nchoices;
    ngx_uint_t                  chosen;
    ngx_http_llm_hold_t        *hold;
    int64_t                     admitted_ms;    /* its request was counted */
    int64_t                     provider_ms;    /* and that of ctx->chosen */
    ngx_http_llm_segment_t     *segment;    /* of the journal; NULL: there is
                                               no record of this call */
    size_t                      reserved;   /* in it, for the last record, and
                                               as much for the first one */
    ngx_uint_t                  nattempts;
    ngx_msec_t                  deadline;       /* for further attempts */
    ngx_http_llm_address_t      address;        /* of the present one */

    /* the answer */
    llm_upstream_error_t       *error;          /* of the last attempt that
                                                   failed, NULL: none did */
    llm_upstream_error_t       *error_memory;
    llm_str_t                   error_type;     /* x-amzn-errortype */
    off_t                       length;         /* of the body, -1: unknown */
    u_char                     *peeked;
    ngx_http_status_t           status;
    int64_t                     retry_after_ms; /* as the provider said */
    ngx_http_chunked_t          chunked;
    llm_meter_t                *meter;
    llm_inflate_t              *inflate;
    llm_eventstream_t           frames;         /* where we translate */
    llm_anthropic_sse_t         sse;
    llm_buf_t                   events;
    llm_buf_t                   collected;      /* a body that is translated
                                                   as a whole */
    ngx_event_t                 drain_timer;
    size_t                      drained;
    uint64_t                    raise_at;       /* output bytes at which the
                                                   hold is looked at again */
    uint64_t                    response_bytes; /* of the provider's body */
    llm_buf_t                   content;        /* what of the answer is to be
                                                   logged */
    ngx_http_event_handler_pt   downstream_handler;

    /* what came of it */
    llm_usage_t                 usage;
    llm_cost_t                  cost;
    llm_outcome_t               outcome;
    llm_refusal_reason_t        refusal;
    int64_t                     earlier_cost;   /* of attempts that failed over,
                                                   nanodollars */
    uint64_t                    overhead_ns;
    ngx_msec_t                  started;
    ngx_msec_int_t              first_token;    /* ms since started, -1 */
    int64_t                     first_token_ms; /* since the epoch, 0 */

    ngx_int_t                   govern_status;  /* of the phase handler */

    unsigned                    hashed:1;
    unsigned                    have_peer:1;    /* chosen by the answer step,
                                                   not to be chosen again */
    unsigned                    retry_same:1;
    unsigned                    no_betas:1;
    unsigned                    clock_retried:1;
    unsigned                    header_sent:1;  /* the provider's answer goes
                                                   to the client */
    unsigned                    status_done:1;  /* provider's status line … */
    unsigned                    header_done:1;  /* … and header are parsed */
    unsigned                    event_stream:1;
    unsigned                    translate:1;    /* SSE out of frames */
    unsigned                    collect:1;      /* whole body, then translate */
    unsigned                    gzip:1;
    unsigned                    streaming:1;    /* our upstream is sending */
    unsigned                    draining:1;
    unsigned                    refused:1;
    unsigned                    answered:1;     /* the error body is ours or
                                                   the provider's already */
    unsigned                    settled:1;
    unsigned                    governed:1;     /* llm_govern */
    unsigned                    unpriced:1;     /* counted as such */
    unsigned                    in_doubt:1;     /* it may have been worked on
                                                   though nothing came back */
    unsigned                    begun:1;        /* the attempt on ctx->chosen */
    unsigned                    gone:1;         /* the client left early */
    unsigned                    stopped:1;      /* this process ends before its
                                                   answer does */
    unsigned                    known:1;        /* ctx->client is filled */
    unsigned                    content_kept:1;
    unsigned                    reserved_first:1;

    /* the large ones, written before they are read */
    ngx_http_llm_attempt_t      attempts[NGX_HTTP_LLM_ATTEMPTS_MAX];
    ngx_http_llm_client_t       client;
    llm_rewrite_t               rewrite;
} ngx_http_llm_ctx_t;


/* ctx.c */
ngx_http_llm_ctx_t *ngx_http_llm_ctx_create(ngx_http_request_t *r,
    llm_dialect_t dialect);
/* also after an internal redirect; NULL: not one of ours */
ngx_http_llm_ctx_t *ngx_http_llm_ctx_get(ngx_http_request_t *r);
uint64_t ngx_http_llm_monotonic(void);      /* ns */
/* hex, NUL, and its bytes; the first 48 bits are the time */
void ngx_http_llm_mint_id(u_char id[33], u_char bytes[LLM_ROW_ID_SIZE],
    int64_t now_ms);

/* handler.c */
ngx_int_t ngx_http_llm_handler(ngx_http_request_t *r);

/* authenticate.c: NGX_OK, or NGX_DECLINED and *refusal is filled */
ngx_int_t ngx_http_llm_authenticate(ngx_http_llm_ctx_t *ctx,
    llm_refusal_t *refusal);
/* the second half, for SigV4, once the body's hash is known */
ngx_int_t ngx_http_llm_verify_sigv4(ngx_http_llm_ctx_t *ctx,
    llm_refusal_t *refusal);

/* body.c: gathers the body, scans it, and calls `next` (at once, or after a
 * thread has done the work for a large one) */
typedef void (*ngx_http_llm_next_pt)(ngx_http_llm_ctx_t *ctx);
ngx_int_t ngx_http_llm_body_prepare(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_next_pt next);
/* the provider's body: rewritten where the dialects differ; again after
 * ctx->no_betas was set */
ngx_int_t ngx_http_llm_body_build(ngx_http_llm_ctx_t *ctx);

/* SHA-256 of the provider's body, once */
void ngx_http_llm_body_hash(ngx_http_llm_ctx_t *ctx);

/* candidates.c */
ngx_int_t ngx_http_llm_candidates(ngx_http_llm_ctx_t *ctx,
    llm_refusal_t *refusal);

/* whether every tier's list of models takes the choice's */
ngx_uint_t ngx_http_llm_model_allowed(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_choice_t *choice);

/* NGX_OK: choice->price is filled, or calls without a price are allowed;
 * NGX_DECLINED: refused */
ngx_int_t ngx_http_llm_choice_price(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_choice_t *choice);

/* admit.c */
/* what was learned of this key and model; the caller holds the lock */
llm_learned_t *ngx_http_llm_learned(ngx_http_llm_ctx_t *ctx,
    const ngx_http_llm_choice_t *choice, int64_t now);
ngx_int_t ngx_http_llm_admit(ngx_http_llm_ctx_t *ctx, llm_refusal_t *refusal);
/* failover: the next candidate is admitted and ctx->chosen set; NGX_DECLINED:
 * there is none */
ngx_int_t ngx_http_llm_admit_next(ngx_http_llm_ctx_t *ctx);

/* attempt.c */
ngx_int_t ngx_http_llm_attempt_build(ngx_http_llm_ctx_t *ctx);
void ngx_http_llm_attempt_begin(ngx_http_llm_ctx_t *ctx);
void ngx_http_llm_attempt_end(ngx_http_llm_ctx_t *ctx,
    llm_attempt_result_t result);

/* the attempt may have been worked on although nothing came back: charged as
 * expected, flagged as estimated */
void ngx_http_llm_attempt_doubt(ngx_http_llm_ctx_t *ctx);

/* upstream.c */
ngx_int_t ngx_http_llm_upstream_start(ngx_http_llm_ctx_t *ctx);

/* peer.c */
ngx_int_t ngx_http_llm_peer_init(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *uscf);

/* answer_header.c: NGX_AGAIN, or what process_header returns */
ngx_int_t ngx_http_llm_parse_status(ngx_http_llm_ctx_t *ctx);
ngx_int_t ngx_http_llm_parse_headers(ngx_http_llm_ctx_t *ctx);

/* answer.c */
ngx_int_t ngx_http_llm_process_header(ngx_http_request_t *r);
void ngx_http_llm_answer_reset(ngx_http_llm_ctx_t *ctx);

/* limits_left.c: headers */
ngx_int_t ngx_http_llm_limits_left(ngx_http_llm_ctx_t *ctx);

/* clock.c: NGX_OK: the provider's Date told by how much our clock is off */
ngx_int_t ngx_http_llm_clock_learn(ngx_http_llm_ctx_t *ctx);

/* stream.c */
ngx_int_t ngx_http_llm_input_filter_init(void *data);
ngx_int_t ngx_http_llm_input_filter(void *data, ssize_t bytes);
void ngx_http_llm_stream_close(ngx_http_llm_ctx_t *ctx);
/* bytes of an answer are there, the first ones or further ones; those of an
 * error are no tokens */
void ngx_http_llm_first_token(ngx_http_llm_ctx_t *ctx);

/* abort.c: the client is gone, the provider's answer is read on */
void ngx_http_llm_drain(ngx_http_llm_ctx_t *ctx);
void ngx_http_llm_watch_downstream(ngx_http_llm_ctx_t *ctx);

/* refuse.c */
/* the status of the error that the client gets for the last attempt */
ngx_uint_t ngx_http_llm_error_status(ngx_http_llm_ctx_t *ctx);
ngx_int_t ngx_http_llm_refuse(ngx_http_llm_ctx_t *ctx, llm_refusal_t *refusal);
/* a whole reply of ours: status, headers, JSON body */
ngx_int_t ngx_http_llm_reply(ngx_http_request_t *r, llm_reply_t *reply);
ngx_int_t ngx_http_llm_header_add(ngx_http_request_t *r, const char *name,
    llm_str_t value);
/* turns the body of an error that the core or the upstream code made into the
 * client's dialect; for the header filter */
ngx_int_t ngx_http_llm_shape_error(ngx_http_request_t *r,
    ngx_http_llm_ctx_t *ctx, llm_dialect_t dialect, llm_reply_t *reply);

/* settle.c */
void ngx_http_llm_settle(ngx_http_llm_ctx_t *ctx);
void ngx_http_llm_amounts(llm_amounts_t *amounts, const llm_usage_t *usage,
    int64_t cost);
ngx_uint_t ngx_http_llm_unanswered(ngx_http_llm_ctx_t *ctx);
void ngx_http_llm_settle_all(ngx_cycle_t *cycle);
ngx_int_t ngx_http_llm_settle_init(ngx_cycle_t *cycle);
void ngx_http_llm_settle_watch(ngx_http_llm_ctx_t *ctx);

/* row.c: the request as the log has it, settled at a time; strings point into
 * ctx and its request.  _hold(): as it is to be charged if nothing follows.
 * _bound(): bytes that either takes at most. */
void ngx_http_llm_row(ngx_http_llm_ctx_t *ctx, llm_row_t *row, int64_t at_ms);
void ngx_http_llm_row_hold(ngx_http_llm_ctx_t *ctx, llm_row_t *row,
    int64_t at_ms);
void ngx_http_llm_row_refused(ngx_http_llm_ctx_t *ctx, llm_row_t *row,
    const llm_refusal_t *refusal, const llm_reply_t *reply, llm_str_t text);
size_t ngx_http_llm_row_bound(ngx_http_llm_ctx_t *ctx);

/* segment.c: this worker's part of the journal; where none can be claimed now
 * that is tried again later.  _exit(): after all is settled. */
ngx_int_t ngx_http_llm_segment_init(ngx_cycle_t *cycle,
    ngx_http_llm_main_conf_t *lmcf);
void ngx_http_llm_segment_exit(void);

/* journal.c */
/* room for the records of a request that is to be admitted: NGX_DECLINED: there
 * is none, and it must be refused */
ngx_int_t ngx_http_llm_journal_admit(ngx_http_llm_ctx_t *ctx);
/* it was not admitted */
void ngx_http_llm_journal_forget(ngx_http_llm_ctx_t *ctx);
/* The charge that is in force if nothing follows, or that the accounts are
 * about to pay: noted in the hold and written.  NGX_DECLINED: it could not be
 * written, the one before stays in force. */
ngx_int_t ngx_http_llm_journal_hold(ngx_http_llm_ctx_t *ctx,
    const llm_amounts_t *amounts, int64_t at_ms);
/* the last one: always */
void ngx_http_llm_journal_settle(ngx_http_llm_ctx_t *ctx,
    const llm_amounts_t *amounts, int64_t at_ms);
void ngx_http_llm_journal_refused(ngx_http_llm_ctx_t *ctx,
    const llm_refusal_t *refusal, const llm_reply_t *reply);

/* content.c: bytes of the answer as the client gets them, if they are to be
 * logged; and all that was kept into the journal, before the last record */
void ngx_http_llm_content_add(ngx_http_llm_ctx_t *ctx, const void *data,
    size_t len);

/* filter.c */
extern ngx_module_t  ngx_http_llm_gov_filter_module;

/* govern.c */
ngx_int_t ngx_http_llm_govern_handler(ngx_http_request_t *r);

/* variables.c */
ngx_int_t ngx_http_llm_add_variables(ngx_conf_t *cf);


#endif /* NGX_HTTP_LLM_REQUEST_H */
