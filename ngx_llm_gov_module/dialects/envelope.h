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
#define LLM_ENVELOPE_BETA_SIZE   512
#define LLM_ENVELOPE_USER_SIZE   256
#define LLM_ENVELOPE_CUTS        256

/* of these, kept for members of the top object, which must go; others stay in
 * the body where there are more than fit */
#define LLM_ENVELOPE_TOP_CUTS    32

#define LLM_ANTHROPIC_VERSION    "bedrock-2023-05-31"


typedef struct {
    uint32_t   start;       /* offsets in the body, which is below 4 GB: an */
    uint32_t   end;         /* envelope lives as long as its request */
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
    int64_t     thinking_budget;    /* -1: not given */
    int64_t     max_tokens;         /* -1: not given; the largest where a body
                                       has several; times the answers asked
                                       for */

    /* for the estimate */
    uint64_t    bytes;              /* the body's size */
    uint64_t    text_bytes;         /* bytes of JSON that become tokens: all of
                                       it but base64 data */
    uint64_t    base64_image_bytes; /* base64 characters of image data */
    uint64_t    base64_document_bytes;
    unsigned    images;
    unsigned    documents;
    unsigned    texts;              /* inputs of an embedding call */
    unsigned    ranked;             /* documents of a rerank call: a query is
                                       up to 100 of them */
    bool        cache_1h;           /* a cache_control / cachePoint with 1h */
    bool        cache;              /* any cache_control / cachePoint */

    bool        service_tier_flex, service_tier_priority;
    bool        empty_object;       /* nothing is left between the braces */

    /* Anthropic Messages to InvokeModel: what is cut out of the body, in
     * order, whole members with the comma that belongs to them; the first is
     * what comes before the first member */
    unsigned    ncuts;
    llm_span_t  cuts[LLM_ENVELOPE_CUTS];
} llm_envelope_t;


typedef struct {
    llm_envelope_t   *envelope;
    llm_api_t         api;

    /* the rest is the reader's own */
    unsigned          apis;         /* this api as a bit of the tables' */
    int64_t           answers;      /* "n" of OpenAI's bodies */

    /* by depth, a bit for each length of the keys looked for */
    uint32_t          member_keys[LLM_JSON_NAMED_DEPTH + 1];
    uint32_t          media_keys[LLM_JSON_NAMED_DEPTH + 1];

    unsigned          cache_depth;  /* of the open cache_control, else 0 */
    bool              cache_block;  /* it is one of Anthropic's own, not some
                                       tool's input */

    unsigned          source_depth; /* of the open source of media, else 0 */
    bool              source_base64;
    bool              source_image;
    uint64_t          source_bytes;

    /* by depth of the members: has one been kept, where did the last end */
    bool              kept[LLM_JSON_NAMED_DEPTH + 1];
    uint32_t          last_end[LLM_JSON_NAMED_DEPTH + 1];

    unsigned          cut_depth;    /* of the container being cut, else 0 */
    unsigned          head_depth;   /* of a cut at its object's start, which
                                       ends at the next member, else 0 */
    uint32_t          head_start;
    uint32_t          head_end;

    llm_json_t        json;
} llm_envelope_reader_t;


void llm_envelope_init(llm_envelope_reader_t *reader, llm_envelope_t *envelope,
    llm_api_t api);

/* LLM_OK or LLM_ERROR (reader->json.error and .offset say what and where, or
 * a wrong type: "max_tokens must be a whole number of at least 1") */
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

/* Flags that Bedrock took when asked (wire notes, 4.3); one it does not know
 * makes it refuse the whole request. */
#define LLM_ANTHROPIC_BETAS                                                   \
    "advanced-tool-use-2025-11-20=tool-search-tool-2025-10-19,"               \
    "compact-2026-01-12,"                                                     \
    "computer-use-2024-10-22,"                                                \
    "computer-use-2025-01-24,"                                                \
    "computer-use-2025-11-24,"                                                \
    "context-1m-2025-08-07,"                                                  \
    "context-management-2025-06-27,"                                          \
    "dev-full-thinking-2025-05-14,"                                           \
    "effort-2025-11-24,"                                                      \
    "fine-grained-tool-streaming-2025-05-14,"                                 \
    "interleaved-thinking-2025-05-14,"                                        \
    "model-context-window-exceeded-2025-08-26,"                               \
    "output-128k-2025-02-19,"                                                 \
    "pdfs-2024-09-25,"                                                        \
    "search-results-2025-06-09,"                                              \
    "token-counting-2024-11-01,"                                              \
    "token-efficient-tools-2025-02-19,"                                       \
    "tool-search-tool-2025-10-19,"                                            \
    "web-search-2025-03-05"

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

/* the names llm_anthropic_model() knows (and their aliases), for GET
 * /v1/models, newest first */
typedef struct {
    const char  *name;
    const char  *display_name;
    const char  *bedrock_id;        /* bare */
    const char  *created_at;        /* RFC 3339; the epoch: not known */
    unsigned     scopes;            /* bits of the inference profiles it has;
                                       0: served on demand, by its bare id */
} llm_anthropic_model_t;

const llm_anthropic_model_t *llm_anthropic_models(size_t *n);

/* one of them, by its name or an alias; NULL: none */
const llm_anthropic_model_t *llm_anthropic_model_find(llm_str_t name);


#endif /* LLM_ENVELOPE_H */
