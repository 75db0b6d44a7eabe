/*
 * The meter: reads what a call used out of the provider's response as it
 * streams by.  One state machine for every API and model family, fed with
 * pieces of any size; memory does not grow with the response.
 */

#ifndef LLM_METER_H
#define LLM_METER_H

#include "../pricing/usage.h"
#include "../wire/eventstream.h"
#include "../wire/json.h"
#include "../wire/sse.h"
#include "api.h"


/* what one report of usage can hold */
typedef enum {
    LLM_METER_INPUT = 0,        /* input tokens without the cached ones */
    LLM_METER_PROMPT,           /* input tokens with them (prompt_tokens) */
    LLM_METER_OUTPUT,
    LLM_METER_CACHE_READ,
    LLM_METER_CACHE_WRITE,      /* of any lifetime */
    LLM_METER_CACHE_5M,
    LLM_METER_CACHE_1H,
    LLM_METER_REASONING,
    LLM_METER_IMAGES,
    LLM_METER_COUNTS
} llm_meter_count_t;


/* who reports it; in a tie the first is believed */
typedef enum {
    LLM_METER_BODY = 0,
    LLM_METER_METRICS,          /* amazon-bedrock-invocationMetrics */
    LLM_METER_HEADERS,
    LLM_METER_REPORTS
} llm_meter_source_t;


typedef struct {
    int64_t             count[LLM_METER_COUNTS];
    unsigned            seen;           /* a bit for each count */
} llm_meter_report_t;


typedef struct llm_meter_s  llm_meter_t;

/* must not be moved once it was fed */
struct llm_meter_s {
    llm_api_t           api;        /* as it goes over the provider's wire */
    llm_family_t        family;
    bool                stream;

    llm_usage_t         usage;      /* valid after llm_meter_finish() */
    uint64_t            output_bytes;   /* bytes of generated text and tool
                                           input seen so far */
    bool                started;    /* the model has begun to answer */
    bool                ended;      /* the message is complete and its usage,
                                       if there is any, was seen */
    bool                mismatch;   /* two reports of the same call differ */
    bool                unknown_operation;  /* 200 with Output.__type */
    llm_str_t           exception;  /* type of the exception that ended it, in
                                       exception_name */
    char                exception_name[48];
    char                exception_message[256];
    size_t              exception_message_len;

    /* the meter's own */
    llm_eventstream_t   frames;
    llm_sse_t           sse;
    llm_buf_t           scratch;        /* a chunk, base64 undone */
    llm_meter_report_t  report[LLM_METER_REPORTS];
    unsigned            shapes;         /* bits: where to look for usage */
    uint64_t            keys[LLM_JSON_NULL + 1];    /* by a token's type, a
                                           bit for each length of the keys
                                           looked for */
    unsigned            format;         /* of the body, by its first byte */
    bool                broken;         /* the body cannot be read on */
    bool                stopped;        /* the model has said why it stopped */
    int64_t             asked_images;
    int64_t             asked_queries;

    int64_t             detail_tokens;  /* of a cacheDetails element, -1 */
    int                 detail_count;   /* where to, -1 */
    uint64_t            raw_start;      /* of a tool's input, an object */
    unsigned            raw_depth;      /* 0: not in one */

    llm_json_t          json;
};


/*
 * api and family: the provider's.  stream: for LLM_API_ANTHROPIC_MESSAGES and
 * LLM_API_OPENAI_*, whose name does not say.  Frees with llm_meter_free().
 */
void llm_meter_init(llm_meter_t *meter, llm_api_t api, llm_family_t family,
    bool stream);
void llm_meter_free(llm_meter_t *meter);

/* a response header (any case): the x-amzn-bedrock-* ones matter */
void llm_meter_header(llm_meter_t *meter, llm_str_t name, llm_str_t value);

/*
 * Bytes of the response body, unchunked and uncompressed.  LLM_ERROR: they
 * cannot be read (broken frame, broken JSON): feeding on is harmless and does
 * nothing.
 */
int llm_meter_feed(llm_meter_t *meter, const char *p, size_t len);

/* the same for those who decode the event stream themselves: one frame, and
 * (InvokeModel) one chunk's JSON, base64 already undone */
void llm_meter_frame(llm_meter_t *meter, const llm_frame_t *frame);
void llm_meter_chunk(llm_meter_t *meter, llm_str_t json);

/* for those who scan a chunk anyway: its tokens, and its end */
void llm_meter_chunk_token(llm_meter_t *meter, llm_json_t *json,
    const llm_json_token_t *token);
void llm_meter_chunk_end(llm_meter_t *meter);

/* what the request says where responses do not: the number of rerank queries
 * (of up to 100 documents each); the number of images asked for is believed
 * only if the response has no list of images */
void llm_meter_request_units(llm_meter_t *meter, int64_t images,
    int64_t queries);

/*
 * The body has ended, or will not be read on.  Fills meter->usage; its `exact`
 * says whether the provider reported all of it: input and output (or the units
 * that the model is priced by), and the end of the stream or body was seen, or
 * headers had told both counts.  What was reported of a broken call is in it,
 * too, with 0 for the rest: an estimate is for the caller to make.  Calls that
 * cost nothing (counting tokens) are exact and all 0.
 */
void llm_meter_finish(llm_meter_t *meter);


#endif /* LLM_METER_H */
