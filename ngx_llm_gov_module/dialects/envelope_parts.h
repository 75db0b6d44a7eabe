/*
 * The parts of the envelope's reader.
 */

#ifndef LLM_ENVELOPE_PARTS_H
#define LLM_ENVELOPE_PARTS_H

#include "envelope.h"


/* which APIs a row of a table is for */
#define LLM_FOR_ANTHROPIC  0x01
#define LLM_FOR_INVOKE     0x02
#define LLM_FOR_CONVERSE   0x04
#define LLM_FOR_CHAT       0x08         /* OpenAI's, but embeddings */
#define LLM_FOR_EMBED      0x10
#define LLM_FOR_OPENAI     (LLM_FOR_CHAT|LLM_FOR_EMBED)
#define LLM_FOR_CLAUDE     (LLM_FOR_ANTHROPIC|LLM_FOR_INVOKE)


void llm_envelope_member_init(llm_envelope_reader_t *reader);
void llm_envelope_media_init(llm_envelope_reader_t *reader);

/* the members that say what the call is; LLM_ERROR for a wrong type */
int llm_envelope_member(llm_envelope_reader_t *reader,
    const llm_json_token_t *token);

/* images, documents and what embeddings are made of */
void llm_envelope_media(llm_envelope_reader_t *reader,
    const llm_json_token_t *token);

/* cache_control and cachePoint */
void llm_envelope_cache(llm_envelope_reader_t *reader,
    const llm_json_token_t *token);

/* what is cut out of an Anthropic body */
int llm_envelope_cut(llm_envelope_reader_t *reader,
    const llm_json_token_t *token);

/* is `key` the current token's? */
static inline bool
llm_envelope_key(const llm_json_t *json, llm_str_t key)
{
    return llm_str_eq(llm_json_key(json), key);
}

/* is a key of this length in the table? most tokens end here */
static inline bool
llm_envelope_maybe(uint32_t lengths, llm_str_t key)
{
    return key.len < 32 && (lengths >> key.len & 1);
}


#endif /* LLM_ENVELOPE_PARTS_H */
