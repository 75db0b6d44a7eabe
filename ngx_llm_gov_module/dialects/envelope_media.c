/*
 * Images and documents in a body: their base64 is not text, and is counted
 * apart.  It is known by where it stands, so that a tool's input that merely
 * looks like it still counts as the text that it is.
 */

#include "envelope_parts.h"


typedef enum {
    LLM_MEDIA_IMAGE,            /* one more image */
    LLM_MEDIA_DOCUMENT,
    LLM_MEDIA_TYPE,             /* Anthropic: a block's type says which */
    LLM_MEDIA_SOURCE,           /* Anthropic: {type, media_type, data} */
    LLM_MEDIA_IMAGE_BYTES,      /* base64 */
    LLM_MEDIA_DOCUMENT_BYTES,
    LLM_MEDIA_IMAGE_URL,        /* base64 if it is a data: URL */
    LLM_MEDIA_DOCUMENT_URL,
    LLM_MEDIA_RANKED,           /* one more document to rerank */
    LLM_MEDIA_TEXT,             /* one more input of an embedding */
    LLM_MEDIA_INPUT             /* the same, or a list of them, or one as a
                                   list of numbers */
} llm_media_t;


typedef struct {
    unsigned      depth;        /* of the path's last key */
    llm_str_t     key;
    const char   *path;
    unsigned      apis;
    llm_media_t   media;
} llm_media_rule_t;


#define llm_media(depth, key, path, apis, media)                              \
    { depth, { key, sizeof(key) - 1 }, path, apis, LLM_MEDIA_ ## media }

/* Converse, and Nova's own bodies, which have the same blocks */
#define llm_media_block(depth, path, key, media)                              \
    llm_media(depth, key, path key, LLM_FOR_CONVERSE|LLM_FOR_INVOKE, media),  \
    llm_media(depth + 2, "bytes", path key ".source.bytes",                   \
              LLM_FOR_CONVERSE|LLM_FOR_INVOKE, media ## _BYTES)

/* wherever Anthropic has blocks */
#define llm_media_source(depth, path)                                         \
    llm_media(depth, "type", path "type", LLM_FOR_CLAUDE, TYPE),              \
    llm_media(depth, "source", path "source", LLM_FOR_CLAUDE, SOURCE)


static const llm_media_rule_t  llm_media_rules[] = {

    llm_media_source(5, "messages[].content[]."),
    llm_media_source(7, "messages[].content[].content[]."),
    llm_media_source(8, "messages[].content[].source.content[]."),

    llm_media_block(5, "messages[].content[].", "image", IMAGE),
    llm_media_block(5, "messages[].content[].", "document", DOCUMENT),
    llm_media_block(5, "messages[].content[].", "video", DOCUMENT),
    llm_media_block(5, "messages[].content[].", "audio", DOCUMENT),
    llm_media_block(6, "messages[].content[].guardContent.", "image", IMAGE),
    llm_media_block(8, "messages[].content[].toolResult.content[].", "image",
                    IMAGE),
    llm_media_block(8, "messages[].content[].toolResult.content[].",
                    "document", DOCUMENT),
    llm_media_block(8, "messages[].content[].toolResult.content[].", "video",
                    DOCUMENT),

    llm_media(6, "url", "messages[].content[].image_url.url",
              LLM_FOR_CHAT|LLM_FOR_INVOKE, IMAGE_URL),
    llm_media(5, "image_url", "messages[].content[].image_url",
              LLM_FOR_CHAT|LLM_FOR_INVOKE, IMAGE_URL),
    llm_media(5, "image_url", "input[].content[].image_url", LLM_FOR_CHAT,
              IMAGE_URL),
    llm_media(6, "file_data", "messages[].content[].file.file_data",
              LLM_FOR_CHAT, DOCUMENT_URL),
    llm_media(5, "file_data", "input[].content[].file_data", LLM_FOR_CHAT,
              DOCUMENT_URL),
    llm_media(6, "data", "messages[].content[].input_audio.data",
              LLM_FOR_CHAT, DOCUMENT_BYTES),

    llm_media(1, "inputText", "inputText", LLM_FOR_INVOKE, TEXT),
    llm_media(1, "inputImage", "inputImage", LLM_FOR_INVOKE, IMAGE_URL),
    llm_media(2, "", "documents[]", LLM_FOR_INVOKE, RANKED),
    llm_media(2, "", "texts[]", LLM_FOR_INVOKE, TEXT),
    llm_media(2, "", "images[]", LLM_FOR_INVOKE, IMAGE_URL),
    llm_media(5, "text", "inputs[].content[].text", LLM_FOR_INVOKE, TEXT),
    llm_media(6, "url", "inputs[].content[].image_url.url", LLM_FOR_INVOKE,
              IMAGE_URL),
    llm_media(1, "input", "input", LLM_FOR_EMBED, INPUT),
    llm_media(2, "", "input[]", LLM_FOR_EMBED, TEXT)
};


#define LLM_MEDIA_RULES                                                       \
    (sizeof(llm_media_rules) / sizeof(llm_media_rules[0]))


static bool
llm_media_is(const llm_json_token_t *token, llm_str_t text)
{
    return token->type == LLM_JSON_STRING && llm_str_eq(token->text, text);
}


static void
llm_media_bytes(llm_envelope_t *envelope, bool image, uint64_t bytes)
{
    if (image) {
        envelope->base64_image_bytes += bytes;

    } else {
        envelope->base64_document_bytes += bytes;
    }
}


/* the length of "data:image/png;base64,"; 0: no such URL */
static size_t
llm_media_data_url(llm_str_t text)
{
    const char        *comma;
    const llm_str_t    base64 = llm_str(";base64");

    if (!llm_str_starts(text, llm_str("data:"))) {
        return 0;
    }

    comma = memchr(text.data, ',', text.len);

    if (comma == NULL || (size_t) (comma - text.data) < base64.len
        || memcmp(comma - base64.len, base64.data, base64.len) != 0)
    {
        return 0;
    }

    return (size_t) (comma + 1 - text.data);
}


static void
llm_media_url(llm_envelope_reader_t *reader, const llm_json_token_t *token,
    bool image)
{
    size_t           head;
    llm_envelope_t  *envelope;

    if (token->type != LLM_JSON_STRING) {
        return;
    }

    envelope = reader->envelope;

    if (image) {
        envelope->images++;

    } else {
        envelope->documents++;
    }

    head = llm_media_data_url(token->text);

    /* Titan's inputImage and file_data may do without the head */
    if (head || !llm_str_starts(token->text, llm_str("http"))) {
        llm_media_bytes(envelope, image, token->len - head);
    }
}


/* a member of Anthropic's {type, media_type, data}, in any order */
static void
llm_media_source_member(llm_envelope_reader_t *reader,
    const llm_json_token_t *token)
{
    const llm_json_t  *json;

    json = &reader->json;

    if (llm_envelope_key(json, llm_str("data"))) {
        if (token->type == LLM_JSON_STRING) {
            reader->source_bytes = token->len;
        }

    } else if (llm_envelope_key(json, llm_str("type"))) {
        reader->source_base64 = llm_media_is(token, llm_str("base64"));

    } else if (llm_envelope_key(json, llm_str("media_type"))) {
        /* the slash may be escaped */
        reader->source_image = token->type == LLM_JSON_STRING
                               && llm_str_starts(token->text,
                                                 llm_str("image"));
    }
}


static void
llm_media_source_edge(llm_envelope_reader_t *reader,
    const llm_json_token_t *token)
{
    if (token->type == LLM_JSON_OBJECT) {
        reader->source_depth = reader->json.depth;
        reader->source_base64 = false;
        reader->source_image = false;
        reader->source_bytes = 0;
        return;
    }

    if (token->type == LLM_JSON_OBJECT_END
        && reader->source_depth == reader->json.depth)
    {
        reader->source_depth = 0;

        if (reader->source_base64) {
            llm_media_bytes(reader->envelope, reader->source_image,
                            reader->source_bytes);
        }
    }
}


static void
llm_media_apply(llm_envelope_reader_t *reader, const llm_json_token_t *token,
    llm_media_t media)
{
    llm_envelope_t  *envelope;

    envelope = reader->envelope;

    switch (media) {

    case LLM_MEDIA_IMAGE:
        envelope->images += (token->type == LLM_JSON_OBJECT);
        break;

    case LLM_MEDIA_DOCUMENT:
        envelope->documents += (token->type == LLM_JSON_OBJECT);
        break;

    case LLM_MEDIA_TYPE:
        envelope->images += llm_media_is(token, llm_str("image"));
        envelope->documents += llm_media_is(token, llm_str("document"));
        break;

    case LLM_MEDIA_SOURCE:
        llm_media_source_edge(reader, token);
        break;

    case LLM_MEDIA_IMAGE_BYTES:
    case LLM_MEDIA_DOCUMENT_BYTES:
        if (token->type == LLM_JSON_STRING) {
            llm_media_bytes(envelope, media == LLM_MEDIA_IMAGE_BYTES,
                            token->len);
        }

        break;

    case LLM_MEDIA_IMAGE_URL:
    case LLM_MEDIA_DOCUMENT_URL:
        llm_media_url(reader, token, media == LLM_MEDIA_IMAGE_URL);
        break;

    case LLM_MEDIA_RANKED:
        envelope->ranked += (token->type == LLM_JSON_STRING
                             || token->type == LLM_JSON_OBJECT);
        break;

    case LLM_MEDIA_TEXT:
        /* an array of numbers is one text, given as tokens */
        envelope->texts += (token->type == LLM_JSON_STRING
                            || token->type == LLM_JSON_ARRAY);
        break;

    case LLM_MEDIA_INPUT:
        if (token->type == LLM_JSON_STRING
            || (token->type == LLM_JSON_ARRAY_END && envelope->texts == 0))
        {
            envelope->texts++;
        }

        break;
    }
}


void
llm_envelope_media_init(llm_envelope_reader_t *reader)
{
    size_t                   i;
    const llm_media_rule_t  *rule;

    for (i = 0; i < LLM_MEDIA_RULES; i++) {
        rule = &llm_media_rules[i];

        if (rule->apis & reader->apis) {
            reader->media_keys[rule->depth] |= 1u << rule->key.len;
        }
    }
}


void
llm_envelope_media(llm_envelope_reader_t *reader,
    const llm_json_token_t *token)
{
    size_t                   i;
    llm_str_t                key;
    const llm_json_t        *json;
    const llm_media_rule_t  *rule;

    json = &reader->json;

    if (reader->source_depth && json->depth == reader->source_depth + 1) {
        llm_media_source_member(reader, token);
    }

    key = llm_json_key(json);

    if (!llm_envelope_maybe(reader->media_keys[json->depth], key)) {
        return;
    }

    for (i = 0; i < LLM_MEDIA_RULES; i++) {
        rule = &llm_media_rules[i];

        if (rule->depth == json->depth && (rule->apis & reader->apis)
            && llm_str_eq(rule->key, key) && llm_json_at(json, rule->path))
        {
            llm_media_apply(reader, token, rule->media);
            return;
        }
    }
}
