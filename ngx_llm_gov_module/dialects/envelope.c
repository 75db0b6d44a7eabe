/*
 * The reader of request bodies: hands each token to the parts that look for
 * something.
 */

#include "envelope_parts.h"


static int llm_envelope_token(llm_json_t *json, const llm_json_token_t *token,
    void *data);


static unsigned
llm_envelope_apis(llm_api_t api)
{
    switch (api) {

    case LLM_API_ANTHROPIC_MESSAGES:
    case LLM_API_ANTHROPIC_COUNT_TOKENS:
        return LLM_FOR_ANTHROPIC;

    case LLM_API_BEDROCK_INVOKE:
    case LLM_API_BEDROCK_INVOKE_STREAM:
        return LLM_FOR_INVOKE;

    case LLM_API_BEDROCK_CONVERSE:
    case LLM_API_BEDROCK_CONVERSE_STREAM:
        return LLM_FOR_CONVERSE;

    case LLM_API_OPENAI_CHAT:
    case LLM_API_OPENAI_RESPONSES:
        return LLM_FOR_CHAT;

    case LLM_API_OPENAI_EMBEDDINGS:
        return LLM_FOR_EMBED;

    case LLM_API_NONE:
    case LLM_API_BEDROCK_COUNT_TOKENS:
    case LLM_API_ANTHROPIC_MODELS:
        break;
    }

    return 0;
}


void
llm_envelope_init(llm_envelope_reader_t *reader, llm_envelope_t *envelope,
    llm_api_t api)
{
    /* the large parts at their ends are written before they are read */
    memset(reader, 0, offsetof(llm_envelope_reader_t, json));
    memset(envelope, 0, offsetof(llm_envelope_t, cuts));

    llm_json_init(&reader->json, llm_envelope_token, reader);

    reader->envelope = envelope;
    reader->api = api;
    reader->apis = llm_envelope_apis(api);
    reader->answers = 1;

    llm_envelope_member_init(reader);
    llm_envelope_media_init(reader);

    envelope->max_tokens = -1;
    envelope->thinking_budget = -1;
}


static int
llm_envelope_token(llm_json_t *json, const llm_json_token_t *token,
    void *data)
{
    llm_envelope_reader_t  *reader = data;

    if (json->depth == 0 && token->type != LLM_JSON_OBJECT
        && token->type != LLM_JSON_OBJECT_END)
    {
        json->error = "the body must be a JSON object";
        return LLM_ERROR;
    }

    if (json->depth > 0 && json->depth <= LLM_JSON_NAMED_DEPTH) {
        if (llm_envelope_member(reader, token) != LLM_OK) {
            return LLM_ERROR;
        }

        llm_envelope_media(reader, token);
        llm_envelope_cache(reader, token);
    }

    if (reader->apis & LLM_FOR_ANTHROPIC) {
        return llm_envelope_cut(reader, token);
    }

    return LLM_OK;
}


int
llm_envelope_feed(llm_envelope_reader_t *reader, const char *p, size_t len)
{
    return llm_json_feed(&reader->json, p, len);
}


static int
llm_envelope_missing(llm_envelope_reader_t *reader)
{
    llm_envelope_t  *envelope;

    envelope = reader->envelope;

    if (envelope->model_len == 0
        && (reader->apis & (LLM_FOR_ANTHROPIC|LLM_FOR_OPENAI)))
    {
        reader->json.error = "model is required";
        return LLM_ERROR;
    }

    if (envelope->max_tokens < 0
        && reader->api == LLM_API_ANTHROPIC_MESSAGES)
    {
        reader->json.error = "max_tokens is required";
        return LLM_ERROR;
    }

    return LLM_OK;
}


int
llm_envelope_finish(llm_envelope_reader_t *reader)
{
    int64_t          most;
    llm_envelope_t  *envelope;

    envelope = reader->envelope;

    if (reader->json.offset == 0 && reader->json.error == NULL) {
        reader->json.error = "the body is empty";
        return LLM_ERROR;
    }

    if (llm_json_finish(&reader->json) != LLM_OK) {
        return LLM_ERROR;
    }

    if (reader->json.offset > UINT32_MAX) {
        reader->json.error = "the body is too large";
        return LLM_ERROR;
    }

    envelope->bytes = reader->json.offset;
    envelope->text_bytes = envelope->bytes - envelope->base64_image_bytes
                           - envelope->base64_document_bytes;

    if (envelope->max_tokens > 0
        && !__builtin_mul_overflow(envelope->max_tokens, reader->answers,
                                   &most))
    {
        envelope->max_tokens = most;
    }

    return llm_envelope_missing(reader);
}
