/*
 * A JSON scanner (RFC 8259): bytes are pushed in, in pieces of any size,
 * tokens come out through a handler.  No tree, no allocation, fixed memory;
 * a scalar is handed out in place where it lies whole in one piece and from
 * a bounded scratch buffer where it does not.
 */

#ifndef LLM_JSON_H
#define LLM_JSON_H

#include "str.h"


#define LLM_JSON_MAX_DEPTH    256
#define LLM_JSON_NAMED_DEPTH  10    /* levels whose key is remembered */
#define LLM_JSON_KEY_SIZE     64    /* a longer key matches nothing */
#define LLM_JSON_SCRATCH      512


typedef enum {
    LLM_JSON_OBJECT = 1,
    LLM_JSON_OBJECT_END,
    LLM_JSON_ARRAY,
    LLM_JSON_ARRAY_END,
    LLM_JSON_STRING,
    LLM_JSON_NUMBER,
    LLM_JSON_TRUE,
    LLM_JSON_FALSE,
    LLM_JSON_NULL
} llm_json_type_t;


typedef struct {
    llm_json_type_t   type;
    llm_str_t         text;       /* string: still escaped, without quotes;
                                     number: as written; else empty */
    bool              escaped;    /* the string holds a backslash */
    bool              truncated;  /* a string longer than the scratch and
                                     split over pieces: text is its first
                                     part (a number that long is an error) */
    uint64_t          len;        /* whole length of the text, also if cut */

    /* offsets from the first byte ever fed */
    uint64_t          member;     /* the member's key with its quote; in an
                                     array or at the top: as `start` */
    uint64_t          start;      /* first byte of the value */
    uint64_t          end;        /* first byte after it; for OBJECT and ARRAY
                                     the byte after the opening bracket */
} llm_json_token_t;


typedef struct llm_json_s  llm_json_t;

/*
 * Called for every token.  json->depth is the number of containers that
 * enclose the token (an *_END token and its opening one have the same depth):
 * members of the top object have depth 1.  Anything but LLM_OK stops the scan
 * and is what llm_json_feed() returns.
 */
typedef int (*llm_json_handler_pt)(llm_json_t *json,
    const llm_json_token_t *token, void *data);


struct llm_json_s {
    unsigned              depth;
    uint64_t              offset;       /* bytes consumed so far */
    const char           *error;        /* after LLM_ERROR: what is wrong */

    /* the rest is the scanner's own */
    llm_json_handler_pt   handler;
    void                 *data;
    unsigned              state;
    unsigned              sub;
    uint64_t              member;
    uint64_t              start;
    uint64_t              value_len;
    uint32_t              scratch_len;
    bool                  is_key;
    bool                  escaped;
    uint8_t               utf8_left;
    uint8_t               utf8_min;
    uint8_t               utf8_max;
    uint8_t               is_array[LLM_JSON_MAX_DEPTH / 8];
    uint8_t               key_len[LLM_JSON_NAMED_DEPTH + 1];
    char                  key[LLM_JSON_NAMED_DEPTH + 1][LLM_JSON_KEY_SIZE];
    char                  scratch[LLM_JSON_SCRATCH];
};


void llm_json_init(llm_json_t *json, llm_json_handler_pt handler, void *data);

/* LLM_OK: all bytes taken; LLM_ERROR: not JSON (json->error says what, the
 * place is json->offset); else what the handler returned.  Bytes after a
 * whole value other than white space are an error. */
int llm_json_feed(llm_json_t *json, const char *p, size_t len);

/* the bytes have ended: LLM_OK if they were exactly one whole value */
int llm_json_finish(llm_json_t *json);

/* init + feed + finish over one piece of memory */
int llm_json_scan(const char *p, size_t len, llm_json_handler_pt handler,
    void *data);

/*
 * Is the current token at this path?  Keys joined by dots, `[]` for any array
 * element: "usage.input_tokens", "messages[].content[].type".  The empty path
 * is the top value.  Keys are compared with their escapes undone.  Paths
 * deeper than LLM_JSON_NAMED_DEPTH match nothing, nor do keys that are empty
 * or hold a dot, a bracket or a NUL.
 */
bool llm_json_at(const llm_json_t *json, const char *path);

/* Undoes the escapes of a token's text into `out` (needs text.len bytes at
 * most), which may be the text itself.  Half a surrogate pair becomes U+FFFD.
 * Returns the length, or -1 if an escape is broken or `size` too small. */
long llm_json_unescape(llm_str_t text, char *out, size_t size);

/* A token's number as an integer: "28.0" and "2.8e1" are 28; fractions are
 * cut; negative numbers, strings and what does not fit give -1. */
int64_t llm_json_count(const llm_json_token_t *token);


/* the key of the current token's member, empty in an array */
static inline llm_str_t
llm_json_key(const llm_json_t *json)
{
    unsigned  level;

    level = json->depth;

    if (level == 0 || level > LLM_JSON_NAMED_DEPTH
        || json->key_len[level] > LLM_JSON_KEY_SIZE)
    {
        return llm_str("");
    }

    return (llm_str_t) { json->key[level], json->key_len[level] };
}


#endif /* LLM_JSON_H */
