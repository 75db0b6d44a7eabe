/*
 * What a request's path asks for, per dialect.
 */

#include "api.h"


typedef struct {
    llm_str_t    name;
    llm_api_t    api;
    bool         stream;
} llm_path_operation_t;


static const llm_path_operation_t  llm_bedrock_operations[] = {
    { { "invoke", 6 }, LLM_API_BEDROCK_INVOKE, false },
    { { "invoke-with-response-stream", 27 },
      LLM_API_BEDROCK_INVOKE_STREAM, true },
    { { "converse", 8 }, LLM_API_BEDROCK_CONVERSE, false },
    { { "converse-stream", 15 }, LLM_API_BEDROCK_CONVERSE_STREAM, true },
    { { "count-tokens", 12 }, LLM_API_BEDROCK_COUNT_TOKENS, false },
    { { NULL, 0 }, LLM_API_NONE, false }
};


static int
llm_path_method(llm_str_t method, llm_path_t *result)
{
    if (result->api != LLM_API_ANTHROPIC_MODELS) {
        if (!llm_str_eq(method, llm_str("POST"))) {
            result->allow = "POST";
            return LLM_ERROR;
        }

        return LLM_OK;
    }

    if (llm_str_eq(method, llm_str("GET"))
        || llm_str_eq(method, llm_str("HEAD")))
    {
        return LLM_OK;
    }

    result->allow = "GET, HEAD";

    return LLM_ERROR;
}


/* "/model/{id}/{operation}": an ARN has slashes of its own, so the id ends at
 * the last one */
static int
llm_path_bedrock(llm_str_t path, llm_path_t *result)
{
    size_t                       slash;
    llm_str_t                    name;
    const llm_path_operation_t  *op;

    if (!llm_str_starts(path, llm_str("/model/"))) {
        return LLM_ERROR;
    }

    path.data += sizeof("/model/") - 1;
    path.len -= sizeof("/model/") - 1;

    for (slash = path.len; slash > 0 && path.data[slash - 1] != '/'; slash--) {
        /* void */
    }

    if (slash < 2) {
        return LLM_ERROR;
    }

    name.data = path.data + slash;
    name.len = path.len - slash;

    for (op = llm_bedrock_operations; op->name.data; op++) {
        if (llm_str_eq(op->name, name)) {
            result->api = op->api;
            result->stream = op->stream;
            result->model.data = path.data;
            result->model.len = slash - 1;
            return LLM_OK;
        }
    }

    return LLM_ERROR;
}


static int
llm_path_anthropic(llm_str_t path, llm_path_t *result)
{
    const llm_str_t  models = llm_str("/v1/models");

    if (llm_str_eq(path, llm_str("/v1/messages"))) {
        result->api = LLM_API_ANTHROPIC_MESSAGES;
        return LLM_OK;
    }

    if (llm_str_eq(path, llm_str("/v1/messages/count_tokens"))) {
        result->api = LLM_API_ANTHROPIC_COUNT_TOKENS;
        return LLM_OK;
    }

    if (!llm_str_starts(path, models)) {
        return LLM_ERROR;
    }

    path.data += models.len;
    path.len -= models.len;

    if (path.len > 0 && path.data[0] != '/') {
        return LLM_ERROR;
    }

    if (path.len > 1) {
        result->model.data = path.data + 1;
        result->model.len = path.len - 1;
    }

    result->api = LLM_API_ANTHROPIC_MODELS;

    return LLM_OK;
}


static bool
llm_path_ends(llm_str_t path, llm_str_t end)
{
    return path.len >= end.len
           && memcmp(path.data + path.len - end.len, end.data, end.len) == 0;
}


/* what stands before the operation is the provider's own ("/v1",
 * "/openai/v1", "/api/v3" …), so only the end is looked at */
static int
llm_path_openai(llm_str_t path, llm_path_t *result)
{
    if (llm_path_ends(path, llm_str("/chat/completions"))) {
        result->api = LLM_API_OPENAI_CHAT;

    } else if (llm_path_ends(path, llm_str("/responses"))) {
        result->api = LLM_API_OPENAI_RESPONSES;

    } else if (llm_path_ends(path, llm_str("/embeddings"))) {
        result->api = LLM_API_OPENAI_EMBEDDINGS;

    } else {
        return LLM_ERROR;
    }

    return LLM_OK;
}


int
llm_path_parse(llm_dialect_t dialect, llm_str_t method, llm_str_t path,
    llm_path_t *result)
{
    int          rc;
    const char  *query;

    memset(result, 0, sizeof(llm_path_t));

    query = path.len ? memchr(path.data, '?', path.len) : NULL;
    if (query) {
        path.len = (size_t) (query - path.data);
    }

    switch (dialect) {

    case LLM_DIALECT_BEDROCK:
        rc = llm_path_bedrock(path, result);
        break;

    case LLM_DIALECT_ANTHROPIC:
        rc = llm_path_anthropic(path, result);
        break;

    case LLM_DIALECT_OPENAI:
        rc = llm_path_openai(path, result);
        break;

    default:
        rc = LLM_ERROR;
    }

    if (rc != LLM_OK) {
        return LLM_ERROR;
    }

    return llm_path_method(method, result);
}
