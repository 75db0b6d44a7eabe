/*
 * Our own refusals, in the dialect of the API that was called (design,
 * section 9).  Never 5xx, never a secret; budget and limit refusals name
 * whose, how much and until when.
 */

#ifndef LLM_REFUSAL_H
#define LLM_REFUSAL_H

#include "../wire/buf.h"
#include "api.h"


typedef enum {
    LLM_REFUSE_NO_KEY = 0,
    LLM_REFUSE_UNKNOWN_KEY,
    LLM_REFUSE_BAD_SIGNATURE,
    LLM_REFUSE_CLOCK_SKEW,
    LLM_REFUSE_MODEL_NOT_ALLOWED,
    LLM_REFUSE_NO_CANDIDATE,        /* the route has no provider that could */
    LLM_REFUSE_UNPRICED,
    LLM_REFUSE_BUDGET,
    LLM_REFUSE_REQUESTS,
    LLM_REFUSE_TOKENS,
    LLM_REFUSE_INPUT_TOKENS,
    LLM_REFUSE_OUTPUT_TOKENS,
    LLM_REFUSE_CONCURRENCY,
    LLM_REFUSE_NO_PROVIDER,         /* all candidates rest or are full */
    LLM_REFUSE_BAD_REQUEST,         /* message says what */
    LLM_REFUSE_NOT_FOUND,
    LLM_REFUSE_METHOD,
    LLM_REFUSE_TOO_LARGE,
    LLM_REFUSE_ENCODING,            /* content-encoding of the request */
    LLM_REFUSE_TOO_BUSY,            /* no memory for another hold */
    LLM_REFUSE_LEDGER,              /* what it costs could not be written */
    LLM_REFUSE_REASONS
} llm_refusal_reason_t;


typedef struct {
    llm_refusal_reason_t   reason;
    llm_str_t              message;     /* for those without their own text */

    /* budgets and limits: whose and how much */
    llm_str_t              scope;       /* "customer", "team", "virtual key",
                                           "provider" */
    llm_str_t              account;     /* its name */
    llm_str_t              window;      /* "1M"; empty: never resets */
    int64_t                limit;       /* nanodollars for budgets, else
                                           count */
    int64_t                spent;
    int64_t                held;
    int64_t                need;        /* what this request would have held */
    int64_t                reset_ms;    /* since the epoch; 0: never */
    int64_t                now_ms;
    unsigned               retry_after; /* seconds; 0: none */

    unsigned               budget_status;   /* 0: the dialect's own */
    const char            *allow;           /* LLM_REFUSE_METHOD: the right
                                               ones, for the Allow header */
    llm_str_t              request_id;
} llm_refusal_t;


/* a response: status, headers beyond Content-Type, JSON body */
typedef struct {
    unsigned    status;
    struct {
        const char  *name;
        char         value[96];
    }           headers[8];
    size_t      nheaders;
    llm_buf_t   body;
} llm_reply_t;


/* "budget", "unknown_key" …: for metrics, logs and $llm_refusal */
llm_str_t llm_refusal_name(llm_refusal_reason_t reason);

/* renders; the reply's body is freed by the caller (llm_buf_free) */
void llm_refusal_render(llm_reply_t *reply, llm_dialect_t dialect,
    const llm_refusal_t *refusal);


#endif /* LLM_REFUSAL_H */
