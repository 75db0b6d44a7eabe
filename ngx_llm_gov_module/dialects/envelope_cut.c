/*
 * What InvokeModel would refuse of an Anthropic Messages body (wire notes,
 * 4.2) is cut out of it: whole members, and of the two commas around one the
 * right one, so that what is left is JSON again.  A member goes with the comma
 * before it, unless no member before it stays: then with the one after it.
 */

#include "envelope_parts.h"


static const llm_str_t  llm_envelope_top_cuts[] = {
    { "model", 5 },
    { "stream", 6 },
    { "anthropic_version", 17 },
    { "anthropic_beta", 14 },
    { "mcp_servers", 11 },
    { "speed", 5 },
    { "service_tier", 12 },
    { "container", 9 },
    { "inference_geo", 13 },
    { "fallbacks", 9 },
    { "user_profile_id", 15 },
    { "output_format", 13 }
};


#define LLM_ENVELOPE_TOP_NAMES                                                \
    (sizeof(llm_envelope_top_cuts) / sizeof(llm_envelope_top_cuts[0]))


void
llm_envelope_cache(llm_envelope_reader_t *reader,
    const llm_json_token_t *token)
{
    llm_json_t  *json;

    json = &reader->json;

    if (reader->cache_depth) {
        if (json->depth == reader->cache_depth) {
            reader->cache_depth = 0;

        } else if (token->type == LLM_JSON_STRING
                   && json->depth == reader->cache_depth + 1
                   && llm_envelope_key(json, llm_str("ttl"))
                   && llm_str_eq(token->text, llm_str("1h")))
        {
            reader->envelope->cache_1h = true;
        }

        return;
    }

    if (token->type != LLM_JSON_OBJECT
        || (!llm_envelope_key(json, llm_str("cache_control"))
            && !llm_envelope_key(json, llm_str("cachePoint"))))
    {
        return;
    }

    reader->envelope->cache = true;
    reader->cache_depth = json->depth;
    reader->cache_block
        = llm_json_at(json, "messages[].content[].cache_control")
          || llm_json_at(json, "messages[].content[].content[].cache_control")
          || llm_json_at(json, "system[].cache_control")
          || llm_json_at(json, "tools[].cache_control")
          || llm_json_at(json, "cache_control");
}


static bool
llm_envelope_cut_top(llm_str_t key)
{
    size_t  i;

    for (i = 0; i < LLM_ENVELOPE_TOP_NAMES; i++) {
        if (llm_str_eq(llm_envelope_top_cuts[i], key)) {
            return true;
        }
    }

    return false;
}


/* is the member whose value begins with this token cut? */
static bool
llm_envelope_cut_member(llm_envelope_reader_t *reader,
    const llm_json_token_t *token)
{
    llm_str_t    key;
    llm_json_t  *json;

    json = &reader->json;
    key = llm_json_key(json);

    if (json->depth == 1) {
        return llm_envelope_cut_top(key);
    }

    if (reader->cache_depth && reader->cache_block
        && json->depth == reader->cache_depth + 1)
    {
        return llm_str_eq(key, llm_str("scope"));
    }

    if (json->depth == 2) {
        return llm_str_eq(key, llm_str("display"))
               && llm_json_at(json, "thinking.display")
               && token->type == LLM_JSON_STRING
               && llm_str_eq(token->text, llm_str("updates"));
    }

    if (json->depth == 3) {
        return (llm_str_eq(key, llm_str("output_config"))
                && llm_json_at(json, "messages[].output_config"))
               || (llm_str_eq(key, llm_str("custom"))
                   && llm_json_at(json, "tools[].custom"));
    }

    return false;
}


static int
llm_envelope_add_cut(llm_envelope_reader_t *reader, unsigned depth,
    uint32_t start, uint32_t end)
{
    unsigned         room;
    llm_envelope_t  *envelope;

    envelope = reader->envelope;

    if (envelope->ncuts
        && envelope->cuts[envelope->ncuts - 1].end == start)
    {
        envelope->cuts[envelope->ncuts - 1].end = end;
        return LLM_OK;
    }

    room = LLM_ENVELOPE_CUTS;

    if (depth > 1) {
        room -= LLM_ENVELOPE_TOP_CUTS;
    }

    if (envelope->ncuts >= room) {

        /* the provider may yet take it, but never a model in the body */
        if (depth > 1) {
            return LLM_OK;
        }

        reader->json.error = "too many members given twice";
        return LLM_ERROR;
    }

    envelope->cuts[envelope->ncuts].start = start;
    envelope->cuts[envelope->ncuts].end = end;
    envelope->ncuts++;

    return LLM_OK;
}


/* the cut at the start of an object ends here, before what is kept */
static int
llm_envelope_end_head(llm_envelope_reader_t *reader, unsigned depth,
    uint32_t end)
{
    if (reader->head_depth != depth) {
        return LLM_OK;
    }

    reader->head_depth = 0;

    return llm_envelope_add_cut(reader, depth, reader->head_start, end);
}


/* a member that goes has ended */
static int
llm_envelope_cut_end(llm_envelope_reader_t *reader, unsigned depth,
    uint32_t end)
{
    uint32_t  start;

    if (reader->head_depth == depth) {
        reader->head_end = end;
        return LLM_OK;
    }

    start = reader->last_end[depth];
    reader->last_end[depth] = end;

    return llm_envelope_add_cut(reader, depth, start, end);
}


static int
llm_envelope_cut_begin(llm_envelope_reader_t *reader,
    const llm_json_token_t *token)
{
    unsigned  depth;

    depth = reader->json.depth;

    if (!reader->kept[depth] && reader->head_depth != depth) {
        reader->head_depth = depth;
        reader->head_start = (uint32_t) token->member;
    }

    if (token->type == LLM_JSON_OBJECT || token->type == LLM_JSON_ARRAY) {
        reader->cut_depth = depth;
        return LLM_OK;
    }

    return llm_envelope_cut_end(reader, depth, (uint32_t) token->end);
}


/* an object at `depth` begins or ends: its members are one deeper */
static int
llm_envelope_cut_object(llm_envelope_reader_t *reader,
    const llm_json_token_t *token)
{
    int              rc;
    unsigned         depth;
    llm_envelope_t  *envelope;

    depth = reader->json.depth + 1;
    envelope = reader->envelope;

    if (depth > LLM_JSON_NAMED_DEPTH) {
        return LLM_OK;
    }

    if (token->type == LLM_JSON_OBJECT) {
        reader->kept[depth] = false;

        return (depth == 1) ? llm_envelope_add_cut(reader, 1, 0,
                                                   (uint32_t) token->end)
                            : LLM_OK;
    }

    rc = llm_envelope_end_head(reader, depth, reader->head_end);

    if (depth == 1) {
        envelope->empty_object = !reader->kept[1];
    }

    return rc;
}


int
llm_envelope_cut(llm_envelope_reader_t *reader, const llm_json_token_t *token)
{
    bool      begins;
    unsigned  depth;

    depth = reader->json.depth;

    if ((token->type == LLM_JSON_OBJECT
         || token->type == LLM_JSON_OBJECT_END)
        && llm_envelope_cut_object(reader, token) != LLM_OK)
    {
        return LLM_ERROR;
    }

    if (depth == 0 || depth > LLM_JSON_NAMED_DEPTH) {
        return LLM_OK;
    }

    begins = token->type != LLM_JSON_OBJECT_END
             && token->type != LLM_JSON_ARRAY_END;

    if (reader->cut_depth) {

        if (depth == reader->cut_depth && !begins) {
            reader->cut_depth = 0;
            return llm_envelope_cut_end(reader, depth,
                                        (uint32_t) token->end);
        }

        return LLM_OK;
    }

    if (begins && llm_envelope_cut_member(reader, token)) {
        return llm_envelope_cut_begin(reader, token);
    }

    /* the value of a container is over only at its end, which sets it anew */
    reader->kept[depth] = true;
    reader->last_end[depth] = (uint32_t) token->end;

    return begins ? llm_envelope_end_head(reader, depth,
                                          (uint32_t) token->member)
                  : LLM_OK;
}
