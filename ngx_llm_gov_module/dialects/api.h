/*
 * The calls we know, by whose API was called, and what is told apart by them.
 */

#ifndef LLM_API_H
#define LLM_API_H

#include "../wire/str.h"


/* whose spelling the client speaks */
typedef enum {
    LLM_DIALECT_BEDROCK = 1,
    LLM_DIALECT_ANTHROPIC,
    LLM_DIALECT_OPENAI
} llm_dialect_t;


/* an operation as it goes over a wire: the client's or the provider's */
typedef enum {
    LLM_API_NONE = 0,
    LLM_API_BEDROCK_INVOKE,
    LLM_API_BEDROCK_INVOKE_STREAM,
    LLM_API_BEDROCK_CONVERSE,
    LLM_API_BEDROCK_CONVERSE_STREAM,
    LLM_API_BEDROCK_COUNT_TOKENS,
    LLM_API_ANTHROPIC_MESSAGES,         /* streamed if the body says so */
    LLM_API_ANTHROPIC_COUNT_TOKENS,
    LLM_API_ANTHROPIC_MODELS,
    LLM_API_OPENAI_CHAT,                /* governed locations only, so far */
    LLM_API_OPENAI_RESPONSES,
    LLM_API_OPENAI_EMBEDDINGS
} llm_api_t;


/* the family a model's InvokeModel body and usage are shaped by */
typedef enum {
    LLM_FAMILY_OTHER = 0,
    LLM_FAMILY_CLAUDE,
    LLM_FAMILY_NOVA,
    LLM_FAMILY_TITAN_TEXT,
    LLM_FAMILY_TITAN_EMBED,
    LLM_FAMILY_LLAMA,
    LLM_FAMILY_MISTRAL,
    LLM_FAMILY_COHERE,
    LLM_FAMILY_COHERE_EMBED,
    LLM_FAMILY_RERANK,
    LLM_FAMILY_AI21,
    LLM_FAMILY_OPENAI_LIKE,             /* DeepSeek, Qwen, gpt-oss … */
    LLM_FAMILY_IMAGE
} llm_family_t;


/* the family by a Bedrock model id (bare, with prefix, or an ARN) */
llm_family_t llm_model_family(llm_str_t model);

/* "bedrock", "anthropic", "openai" */
llm_str_t llm_dialect_name(llm_dialect_t dialect);

/* "invoke", "converse-stream", "messages" …: for logs and metrics */
llm_str_t llm_api_name(llm_api_t api);


/* what a request's path says; the strings point into the path, still encoded */
typedef struct {
    llm_api_t   api;
    bool        stream;         /* the path itself says so */
    llm_str_t   model;          /* %-encoded as it came, may hold `/` and `:` */
    const char *allow;          /* the right method, when it was a wrong one */
} llm_path_t;

/*
 * Reads the path below the location ("/model/{id}/converse",
 * "/v1/messages"; the query cut off).  LLM_OK; LLM_ERROR: no such path
 * (allow == NULL) or not this method (allow is set).  Model ids and ARNs may be
 * raw or %-encoded: the operation is the last segment.
 */
int llm_path_parse(llm_dialect_t dialect, llm_str_t method, llm_str_t path,
    llm_path_t *result);

/* %-decoding into `out` (at least path.len bytes); the length, or -1 if broken
 * or it holds a control character */
long llm_percent_decode(llm_str_t text, char *out);

/* encodes everything but A-Z a-z 0-9 - . _ ~ into `out` (3 * len bytes) */
size_t llm_percent_encode(llm_str_t text, char *out);


#endif /* LLM_API_H */
