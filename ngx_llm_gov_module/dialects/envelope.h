/*
 * What we must know of a request body before it is sent: read by one pass of
 * the JSON scanner over the pieces in which the body lies in memory.
 */

#ifndef LLM_ENVELOPE_H
#define LLM_ENVELOPE_H

#include "../wire/buf.h"
#include "../wire/json.h"
#include "api.h"


#define LLM_ENVELOPE_MODEL_SIZE  256
#define LLM_ENVELOPE_BETA_SIZE   1024
#define LLM_ENVELOPE_USER_SIZE   128
#define LLM_ENVELOPE_CUTS        256


typedef struct {
    uint64_t   start;       /* offsets in the body */
    uint64_t   end;
} llm_span_t;


typedef struct {
    /* as the body says; the strings are unescaped and NUL-free */
    char        model[LLM_ENVELOPE_MODEL_SIZE];
    size_t      model_len;          /* 0: the body names none */
    char        user[LLM_ENVELOPE_USER_SIZE];   /* metadata.user_id, user */
    size_t      user_len;
    char        betas[LLM_ENVELOPE_BETA_SIZE];  /* body anthropic_beta, joined
                                                   by commas */
    size_t      betas_len;
    bool        has_betas;
    bool        stream;
    bool        has_anthropic_version;
    bool        thinking;           /* thinking enabled or adaptive */
    int64_t     max_tokens;         /* -1: not given */

    /* for the estimate */
    uint64_t    bytes;              /* the body's size */
    uint64_t    text_bytes;         /* bytes of JSON that become tokens: all of
                                       it but base64 data */
    uint64_t    base64_image_bytes; /* base64 characters of image data */
    uint64_t    base64_document_bytes;
    unsigned    images;
    unsigned    documents;
    unsigned    texts;              /* inputs of an embedding call */
    bool        cache_1h;           /* a cache_control / cachePoint with 1h */
    bool        cache;              /* any cache_control / cachePoint */

    /* Anthropic Messages to InvokeModel: what is cut out of the body, in
     * order, whole members with the comma that belongs to them */
    llm_span_t  cuts[LLM_ENVELOPE_CUTS];
    unsigned    ncuts;
    bool        service_tier_flex, service_tier_priority;
    bool        empty_object;       /* nothing is left between the braces */
} llm_envelope_t;


typedef struct {
    llm_json_t        json;
    llm_envelope_t   *envelope;
    llm_api_t         api;
    unsigned          state[16];    /* the reader's own */
    uint64_t          mark[16];
} llm_envelope_reader_t;


void llm_envelope_init(llm_envelope_reader_t *reader, llm_envelope_t *envelope,
    llm_api_t api);

/* LLM_OK or LLM_ERROR (reader->json.error and .offset say what and where, or
 * a wrong type: "max_tokens is not a whole number") */
int llm_envelope_feed(llm_envelope_reader_t *reader, const char *p,
    size_t len);
int llm_envelope_finish(llm_envelope_reader_t *reader);


/*
 * The InvokeModel body of an Anthropic Messages body: a head to put before the
 * original's bytes, which follow without the cuts.  `betas` is the comma list
 * to send (already filtered), `version` the anthropic_version.  The result is a
 * list of pieces that point into `head`, and spans of the body.
 */
typedef struct {
    llm_buf_t     head;             /* `{"anthropic_version":"…",` */
    llm_span_t    spans[LLM_ENVELOPE_CUTS + 1];
    unsigned      nspans;           /* in order; ends with the body's last */
} llm_rewrite_t;

int llm_anthropic_to_invoke(llm_rewrite_t *rewrite,
    const llm_envelope_t *envelope, llm_str_t betas, llm_str_t version);
void llm_rewrite_free(llm_rewrite_t *rewrite);

/*
 * Which beta flags go on: the comma lists `header` and `body` joined, each flag
 * once, only those that `allow` (comma list, `*` for all, "from=to" for an
 * alias) holds; appended to `out` as a comma list; the dropped ones to
 * `dropped`.  allow empty: LLM_ANTHROPIC_BETAS, our default.
 */
void llm_anthropic_betas(llm_buf_t *out, llm_buf_t *dropped, llm_str_t header,
    llm_str_t body, llm_str_t allow);

/*
 * The Bedrock model id of an Anthropic model name ("claude-sonnet-4-5",
 * "claude-sonnet-4-5-20250929", also a name that is a Bedrock id already),
 * with the geo prefix that `region` calls for where the model is only served
 * through inference profiles.  Appended to `out`; LLM_ERROR: unknown name.
 */
int llm_anthropic_model(llm_buf_t *out, llm_str_t name, llm_str_t region);

/* the names llm_anthropic_model() knows, for GET /v1/models; NULL after the
 * last */
typedef struct {
    const char  *name;
    const char  *display_name;
    const char  *bedrock_id;        /* bare */
    const char  *created_at;        /* RFC 3339 */
} llm_anthropic_model_t;

const llm_anthropic_model_t *llm_anthropic_models(size_t *n);


#endif /* LLM_ENVELOPE_H */
