/*
 * Bedrock's answers in the client's dialect.
 */

#ifndef LLM_TRANSLATE_H
#define LLM_TRANSLATE_H

#include "../wire/buf.h"
#include "../wire/eventstream.h"
#include "api.h"


/* an error of a provider, read from its response */
typedef struct {
    unsigned    status;         /* as it came */
    char        type[64];       /* "ThrottlingException"; may be empty */
    size_t      type_len;
    char        message[1024];
    size_t      message_len;
} llm_upstream_error_t;

/* `errortype` is the x-amzn-errortype header (cut at `:` or `#`), may be
 * empty; body is its JSON, may be anything */
void llm_upstream_error_read(llm_upstream_error_t *error, unsigned status,
    llm_str_t errortype, llm_str_t body);

/* the exception of an event stream ("throttlingException") */
void llm_upstream_error_from_frame(llm_upstream_error_t *error,
    const llm_frame_t *frame);


/* what becomes of an attempt that ended so, before anything was sent on */
typedef enum {
    LLM_VERDICT_PASS = 0,       /* the caller's own fault, or fine */
    LLM_VERDICT_FAILOVER,       /* try the next candidate */
    LLM_VERDICT_THROTTLED,      /* likewise, and let the provider rest */
    LLM_VERDICT_THROTTLED_DAY,  /* likewise, for long ("tokens per day") */
    LLM_VERDICT_CREDENTIALS,    /* ours are refused: refresh, next candidate */
    LLM_VERDICT_NO_ACCESS,      /* this provider has no such model: next one,
                                   without blame */
    LLM_VERDICT_CLOCK,          /* our clock is off */
    LLM_VERDICT_BETA            /* "invalid beta flag": again without betas */
} llm_verdict_t;

llm_verdict_t llm_upstream_verdict(const llm_upstream_error_t *error);


/*
 * The Anthropic error for it (wire notes 4.7): sets *status and appends the
 * whole JSON body.  Faults of our own credentials are told as api_error
 * without detail.
 */
void llm_anthropic_upstream_error(llm_buf_t *out, unsigned *status,
    const llm_upstream_error_t *error, llm_str_t request_id);

/* `event: error` with the same body, for the middle of a stream */
void llm_anthropic_stream_error(llm_buf_t *out,
    const llm_upstream_error_t *error, llm_str_t request_id);


/*
 * InvokeModelWithResponseStream frames of a Claude model to the SSE of
 * Anthropic's Messages API; appends to `out` what the frame becomes (nothing
 * for frames that carry nothing).  `chunk` receives the frame's JSON as the
 * provider wrote it; it lies in `work` until the next call.
 * LLM_OK; LLM_ERROR: the payload is broken.  Exceptions become
 * `event: error` (and *is_error is set).
 */
typedef struct {
    llm_buf_t             work;
    bool                  message_stopped;
    bool                  is_error;
    struct llm_meter_s   *meter;    /* set by the caller: fed with the chunks
                                       in the same pass; NULL: none */
} llm_anthropic_sse_t;

void llm_anthropic_sse_init(llm_anthropic_sse_t *sse);
void llm_anthropic_sse_free(llm_anthropic_sse_t *sse);
int llm_anthropic_sse_frame(llm_anthropic_sse_t *sse, llm_buf_t *out,
    const llm_frame_t *frame, llm_str_t *chunk, llm_str_t request_id);

/* `{"inputTokens":n}` to `{"input_tokens":n}` */
int llm_anthropic_count_tokens(llm_buf_t *out, llm_str_t body);

/* the CountTokens body around an InvokeModel body that comes in pieces */
int llm_count_tokens_request(llm_buf_t *out, const llm_str_t *pieces,
    size_t n);

/* GET /v1/models and /v1/models/{id} for an Anthropic client; `only` empty:
 * all.  LLM_ERROR: no such model. */
int llm_anthropic_models_page(llm_buf_t *out, llm_str_t only);


#endif /* LLM_TRANSLATE_H */
