/*
 * Where the members of a response stand that the meter wants: tables of
 * (path, what to do with the value), one table for each shape that responses
 * have.  Private to the meter.
 */

#ifndef LLM_METER_RULES_H
#define LLM_METER_RULES_H

#include "meter.h"


/* no call uses more of anything: a larger number is no count */
#define LLM_METER_COUNT_MAX  ((int64_t) 1 << 40)

#define llm_meter_bit(n)  (1u << (n))


typedef enum {
    LLM_SHAPE_BEDROCK = 0,      /* what any Bedrock body may have */
    LLM_SHAPE_CONVERSE,
    LLM_SHAPE_ANTHROPIC,
    LLM_SHAPE_NOVA,
    LLM_SHAPE_TITAN,
    LLM_SHAPE_LLAMA,
    LLM_SHAPE_MISTRAL,
    LLM_SHAPE_COHERE,
    LLM_SHAPE_AI21,
    LLM_SHAPE_IMAGE,
    LLM_SHAPE_RERANK,
    LLM_SHAPE_CHAT,             /* OpenAI's chat completions and alike */
    LLM_SHAPE_RESPONSES,
    LLM_SHAPES
} llm_shape_id_t;


typedef struct llm_meter_rule_s  llm_meter_rule_t;

typedef void (*llm_meter_action_pt)(llm_meter_t *meter,
    const llm_meter_rule_t *rule, const llm_json_token_t *token);


struct llm_meter_rule_s {
    uint16_t              type;         /* of the token that it is for */
    uint16_t              key_len;      /* of the path's last key, below 64;
                                           0 in an array */
    const char           *path;         /* for llm_json_at() */
    llm_meter_action_pt   action;
    llm_meter_source_t    source;
    llm_meter_count_t     count;
};


typedef struct {
    const llm_meter_rule_t  *rules;
    size_t                   n;
} llm_shape_t;


extern const llm_shape_t  llm_shape_bedrock;
extern const llm_shape_t  llm_shape_converse;
extern const llm_shape_t  llm_shape_anthropic;
extern const llm_shape_t  llm_shape_nova;
extern const llm_shape_t  llm_shape_titan;
extern const llm_shape_t  llm_shape_llama;
extern const llm_shape_t  llm_shape_mistral;
extern const llm_shape_t  llm_shape_cohere;
extern const llm_shape_t  llm_shape_ai21;
extern const llm_shape_t  llm_shape_image;
extern const llm_shape_t  llm_shape_rerank;
extern const llm_shape_t  llm_shape_chat;
extern const llm_shape_t  llm_shape_responses;


#define llm_shape_of(rules)                                                   \
    { rules, sizeof(rules) / sizeof(rules[0]) }

/* a path is told in two: what encloses the member, and its key */
#define llm_rule(object, key, type, action, source, count)                    \
    { type, sizeof(key) - 1, object key, action, source, count }

/* a number of which the largest one seen counts: counts in streams are
 * repeated and grow, they do not add up */
#define llm_rule_count(object, key, count)                                    \
    llm_rule(object, key, LLM_JSON_NUMBER, llm_meter_count_largest,           \
             LLM_METER_BODY, count)

/* generated text, and a tool's input that is an object */
#define llm_rule_text(object, key)                                            \
    llm_rule(object, key, LLM_JSON_STRING, llm_meter_text, LLM_METER_BODY, 0)

#define llm_rule_object(object, key)                                          \
    llm_rule(object, key, LLM_JSON_OBJECT, llm_meter_object,                  \
             LLM_METER_BODY, 0)

/* any other string that one of the actions below looks at */
#define llm_rule_string(object, key, action)                                  \
    llm_rule(object, key, LLM_JSON_STRING, action, LLM_METER_BODY, 0)

/* every array element of this type counts one */
#define llm_rule_element(object, key, type, count)                            \
    llm_rule(object, key, type, llm_meter_count_element, LLM_METER_BODY,      \
             count)


/* actions */
void llm_meter_count_largest(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token);
void llm_meter_count_sum(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token);
void llm_meter_count_element(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token);
void llm_meter_count_none(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token);
void llm_meter_begun(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token);
void llm_meter_text(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token);
void llm_meter_object(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token);
void llm_meter_tier(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token);
void llm_meter_latency(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token);
void llm_meter_event_type(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token);
void llm_meter_stop_reason(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token);
void llm_meter_error_type(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token);
void llm_meter_error_message(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token);

/* Sets a count of a report if `value` is one: not negative, not absurd. */
void llm_meter_set(llm_meter_report_t *report, llm_meter_count_t count,
    int64_t value);

/* "flex", "standard" …: what is not known changes nothing */
void llm_meter_set_tier(llm_meter_t *meter, llm_str_t name);
void llm_meter_set_latency(llm_meter_t *meter, llm_str_t name);

/* what ended the call; the first one stays */
void llm_meter_set_exception(llm_meter_t *meter, llm_str_t type);

/* its text, cut where there is no more room */
void llm_meter_set_message(llm_meter_t *meter, llm_str_t message);

/* Scans one event's JSON by the meter's shapes.  Broken JSON is no error: a
 * later event may still tell the usage. */
void llm_meter_scan(llm_meter_t *meter, llm_str_t json);

/* the handler of all scans; data is the meter */
int llm_meter_token(llm_json_t *json, const llm_json_token_t *token,
    void *data);

/* which shapes, as bits, the responses of an API and family may have */
unsigned llm_meter_shapes(llm_api_t api, llm_family_t family);

/* the shapes of this call, and the keys that their rules are for */
void llm_meter_look_for(llm_meter_t *meter, unsigned shapes);


#endif /* LLM_METER_RULES_H */
