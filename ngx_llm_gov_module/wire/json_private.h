/*
 * What the files of the JSON scanner share.
 */

#ifndef LLM_JSON_PRIVATE_H
#define LLM_JSON_PRIVATE_H

#include "json.h"


/* json->state: what comes next, or what is open */
typedef enum {
    LLM_JSON_S_VALUE = 0,
    LLM_JSON_S_FIRST_ELEMENT,   /* a value or ] */
    LLM_JSON_S_FIRST_KEY,       /* a key or } */
    LLM_JSON_S_KEY,
    LLM_JSON_S_COLON,
    LLM_JSON_S_NEXT,            /* a comma or the closing bracket */
    LLM_JSON_S_DONE,
    LLM_JSON_S_STRING,
    LLM_JSON_S_NUMBER,
    LLM_JSON_S_LITERAL
} llm_json_state_t;


/* the bytes of one feed */
typedef struct {
    const char  *begin;
    const char  *p;
    const char  *end;
    const char  *text;          /* where the open scalar's text starts here */
    uint64_t     base;          /* offset of `begin` */
} llm_json_piece_t;


/* keeps the open scalar's bytes of this piece, as far as there is room */
void llm_json_stash(llm_json_t *json, llm_json_piece_t *in);

/* go on with the open scalar, to its end or that of the piece */
int llm_json_string(llm_json_t *json, llm_json_piece_t *in);
int llm_json_number(llm_json_t *json, llm_json_piece_t *in);
int llm_json_literal(llm_json_t *json, llm_json_piece_t *in);

/* no digit follows */
int llm_json_number_end(llm_json_t *json, llm_json_piece_t *in);

/* hands a token out; fills in its offsets */
int llm_json_emit(llm_json_t *json, llm_json_piece_t *in,
    llm_json_token_t *token);

/* LLM_ERROR, and why */
int llm_json_fail(llm_json_t *json, const char *error);


/* levels count from 1 */
static inline bool
llm_json_in_array(const llm_json_t *json, unsigned level)
{
    return (json->is_array[(level - 1) / 8] >> ((level - 1) % 8)) & 1;
}


/* a scalar's text starts at in->p */
static inline void
llm_json_text(llm_json_t *json, llm_json_piece_t *in, llm_json_state_t state)
{
    in->text = in->p;

    json->state = state;
    json->sub = 0;
    json->value_len = 0;
    json->scratch_len = 0;
    json->escaped = false;
    json->utf8_left = 0;
}


#endif /* LLM_JSON_PRIVATE_H */
