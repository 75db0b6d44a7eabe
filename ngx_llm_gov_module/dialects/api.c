/*
 * Names of dialects and operations, and %-encoding (RFC 3986 section 2.1).
 */

#include "api.h"


static const bool  llm_unreserved[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true,
    ['-'] = true, ['.'] = true, ['_'] = true, ['~'] = true
};


llm_str_t
llm_dialect_name(llm_dialect_t dialect)
{
    switch (dialect) {

    case LLM_DIALECT_BEDROCK:
        return llm_str("bedrock");

    case LLM_DIALECT_ANTHROPIC:
        return llm_str("anthropic");

    case LLM_DIALECT_OPENAI:
        return llm_str("openai");
    }

    return llm_str("unknown");
}


llm_str_t
llm_api_name(llm_api_t api)
{
    switch (api) {

    case LLM_API_NONE:
        break;

    case LLM_API_BEDROCK_INVOKE:
        return llm_str("invoke");

    case LLM_API_BEDROCK_INVOKE_STREAM:
        return llm_str("invoke-with-response-stream");

    case LLM_API_BEDROCK_CONVERSE:
        return llm_str("converse");

    case LLM_API_BEDROCK_CONVERSE_STREAM:
        return llm_str("converse-stream");

    case LLM_API_BEDROCK_COUNT_TOKENS:
        return llm_str("count-tokens");

    case LLM_API_ANTHROPIC_MESSAGES:
        return llm_str("messages");

    case LLM_API_ANTHROPIC_COUNT_TOKENS:
        return llm_str("count_tokens");

    case LLM_API_ANTHROPIC_MODELS:
        return llm_str("models");

    case LLM_API_OPENAI_CHAT:
        return llm_str("chat");

    case LLM_API_OPENAI_RESPONSES:
        return llm_str("responses");

    case LLM_API_OPENAI_EMBEDDINGS:
        return llm_str("embeddings");
    }

    return llm_str("none");
}


static int
llm_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


long
llm_percent_decode(llm_str_t text, char *out)
{
    int      high, low;
    char    *dst;
    size_t   i;
    uint8_t  c;

    dst = out;

    for (i = 0; i < text.len; i++) {
        c = (uint8_t) text.data[i];

        if (c == '%') {
            if (text.len - i < 3) {
                return -1;
            }

            high = llm_hex_digit(text.data[i + 1]);
            low = llm_hex_digit(text.data[i + 2]);

            if (high < 0 || low < 0) {
                return -1;
            }

            c = (uint8_t) (high << 4 | low);
            i += 2;
        }

        if (c < 0x20 || c == 0x7f) {
            return -1;
        }

        *dst++ = (char) c;
    }

    return dst - out;
}


size_t
llm_percent_encode(llm_str_t text, char *out)
{
    char               *dst;
    size_t              i;
    uint8_t             c;
    static const char   hex[] = "0123456789ABCDEF";

    dst = out;

    for (i = 0; i < text.len; i++) {
        c = (uint8_t) text.data[i];

        if (llm_unreserved[c]) {
            *dst++ = (char) c;
            continue;
        }

        *dst++ = '%';
        *dst++ = hex[c >> 4];
        *dst++ = hex[c & 0x0f];
    }

    return (size_t) (dst - out);
}
