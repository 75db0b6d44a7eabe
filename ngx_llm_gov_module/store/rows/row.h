/*
 * One request as the ledger remembers it: what the journal carries, what the
 * request log shows, what the counters and rollups are made of.  Pure C.
 *
 * The same encoding is used in the journal and in LMDB: fixed-width little
 * endian, then the strings.
 */

#ifndef LLM_ROW_H
#define LLM_ROW_H

#include "../../dialects/refusal.h"
#include "../../governance/ledger.h"
#include "../../governance/series.h"
#include "../../pricing/price.h"


#define LLM_ROW_ID_SIZE       16    /* bytes; shown as 32 hex digits */
#define LLM_ROW_ATTEMPTS_MAX  16
#define LLM_ROW_TAGS_MAX      16
#define LLM_ROW_MAX           4096  /* an encoded row; strings are cut to fit */

/* what a string is cut to when a row is encoded, bytes (on a UTF-8 boundary) */
#define LLM_ROW_NAME_MAX      128   /* key, team, customer, provider */
#define LLM_ROW_MODEL_MAX     256
#define LLM_ROW_SHORT_MAX     128   /* region, client, session, request ids */
#define LLM_ROW_AGENT_MAX     256
#define LLM_ROW_USER_MAX      256
#define LLM_ROW_TAG_MAX       64
#define LLM_ROW_ERROR_MAX     512


/* what went wrong, the last attempt's; names: llm_error_kind_name() */
typedef enum {
    LLM_ERROR_NONE = 0,
    LLM_ERROR_REFUSED,              /* by the gateway; `refusal` says why */
    LLM_ERROR_CLIENT,               /* the provider refused the request */
    LLM_ERROR_THROTTLED,
    LLM_ERROR_SERVER,
    LLM_ERROR_EXCEPTION,            /* in the event stream */
    LLM_ERROR_CONNECT,
    LLM_ERROR_TIMEOUT,
    LLM_ERROR_BROKEN,               /* reset, truncated, garbage */
    LLM_ERROR_CLIENT_GONE,          /* the client left before the answer's
                                       end */
    LLM_ERROR_GATEWAY_DIED,         /* its worker did: charged as estimated */
    LLM_ERROR_KINDS
} llm_error_kind_t;


typedef enum {
    LLM_PRICE_EXACT = 0,
    LLM_PRICE_ESTIMATED,            /* usage was estimated */
    LLM_PRICE_UNPRICED,
    LLM_PRICE_STATES
} llm_price_status_t;


/* what was done with one provider; strings are not owned */
typedef struct {
    llm_str_t              provider;
    llm_str_t              region;
    llm_str_t              model;           /* on the wire */
    llm_str_t              request_id;      /* the provider's own */
    int64_t                admitted_ms;     /* its request was counted then */
    int64_t                started_ms;      /* 0: never begun */
    int64_t                ended_ms;        /* its cost was charged then */
    int64_t                first_token_ms;  /* after started_ms; -1: none */
    int64_t                input_tokens;    /* cached ones too */
    int64_t                output_tokens;
    int64_t                cost;            /* nanodollars */
    uint16_t               status;          /* 0: none came */
    uint8_t                result;          /* llm_attempt_result_t */
} llm_row_attempt_t;


typedef struct {
    unsigned char          id[LLM_ROW_ID_SIZE];     /* its first 6 bytes are
                                                       received_ms, so that a
                                                       row is found by it */

    /* milliseconds since the epoch */
    int64_t                received_ms;
    int64_t                admitted_ms;     /* 0: refused, counts nowhere */
    int64_t                first_token_ms;  /* 0: none */
    int64_t                ended_ms;        /* settled and charged: what the
                                               log is ordered by */

    /* who; empty: not known */
    llm_str_t              virtual_key;
    llm_str_t              team;
    llm_str_t              customer;

    /* what; provider, region, model are the last attempt's */
    llm_str_t              provider;
    llm_str_t              region;
    llm_str_t              model_asked;
    llm_str_t              model;
    uint8_t                dialect;         /* llm_dialect_t; 0: none */
    uint8_t                api;             /* llm_api_t */

    /* what became of it */
    uint16_t               status;          /* to the client; 0: it left */
    uint8_t                outcome;         /* llm_outcome_t */
    uint8_t                error;           /* llm_error_kind_t */
    uint8_t                refusal;         /* llm_refusal_reason_t + 1; 0 */
    uint8_t                price_status;    /* llm_price_status_t */
    bool                   streamed;
    bool                   aborted;         /* the client left */
    bool                   recovered;       /* made from a hold whose process
                                               is gone */
    bool                   content;         /* there is logged content */
    llm_str_t              error_message;

    /* of all attempts: usage of the last one, cost of all */
    llm_usage_t            usage;
    llm_cost_t             cost;            /* .total: all attempts; the parts
                                               are the last one's */
    int64_t                earlier_cost;    /* of cost.total, of attempts
                                               before the last */

    uint32_t               overhead_us;     /* our own work */
    uint64_t               request_bytes;
    uint64_t               response_bytes;

    /* the client */
    llm_str_t              client;          /* its address */
    llm_str_t              user_agent;
    llm_str_t              session;
    llm_str_t              end_user;
    unsigned               ntags;
    llm_str_t              tags[LLM_ROW_TAGS_MAX];

    unsigned               nattempts;
    llm_row_attempt_t      attempts[LLM_ROW_ATTEMPTS_MAX];
} llm_row_t;


/* encodes into `out`, returns the length; never more than `size`, which is at
 * least LLM_ROW_MAX: the error message goes first when it does not fit, then
 * user agent, then the attempts' request ids */
size_t llm_row_encode(const llm_row_t *row, unsigned char *out, size_t size);

/* strings point into `data`; LLM_ERROR: not a row of this version */
int llm_row_decode(llm_row_t *row, llm_str_t data);

/* for a caller that only orders or counts: LLM_ERROR as above */
int llm_row_peek(llm_str_t data, int64_t *ended_ms, int64_t *received_ms);

/* what the row charges: its tenants pay the sum of the attempts; requests is 0,
 * as they count at admitted_ms */
llm_amounts_t llm_row_attempt_amounts(const llm_row_attempt_t *attempt);

/* "hit" (cache_read), "write", "none" */
llm_str_t llm_row_cache(const llm_row_t *row);

/* names as JSON, filters and metrics spell them; *_find: -1: none such */
llm_str_t llm_error_kind_name(unsigned kind);
llm_str_t llm_price_status_name(unsigned status);
llm_str_t llm_outcome_text(unsigned outcome);
llm_str_t llm_attempt_result_text(unsigned result);
llm_str_t llm_tier_text(unsigned tier);
int llm_error_kind_find(llm_str_t name);
int llm_price_status_find(llm_str_t name);
int llm_outcome_find(llm_str_t name);
int llm_attempt_result_find(llm_str_t name);
int llm_tier_find(llm_str_t name);
int llm_refusal_find(llm_str_t name);      /* llm_refusal_reason_t */

/* id <-> 32 hex digits; LLM_ERROR: not one */
void llm_row_id_text(const unsigned char id[LLM_ROW_ID_SIZE], char text[33]);
int llm_row_id_parse(llm_str_t text, unsigned char id[LLM_ROW_ID_SIZE]);


#endif /* LLM_ROW_H */
