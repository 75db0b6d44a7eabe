/*
 * What a webhook says: JSON, and a sentence for people.  Pure C.
 */

#ifndef LLM_ALERT_TEXT_H
#define LLM_ALERT_TEXT_H

#include "../governance/ledger.h"
#include "../wire/buf.h"


#define LLM_ALERT_ID_SIZE   16
#define LLM_ALERT_TEXT_MAX  1024
#define LLM_ALERT_BODY_MAX  4096


typedef enum {
    LLM_ALERT_THRESHOLD = 1,
    LLM_ALERT_PROJECTED,
    LLM_ALERT_BREAKER
} llm_alert_type_t;


typedef struct {
    llm_alert_type_t     type;
    unsigned char        id[LLM_ALERT_ID_SIZE];
    int64_t              time_ms;
    llm_account_kind_t   kind;
    llm_str_t            name;

    /* budgets; money in nanodollars */
    const llm_limit_t   *limit;
    int64_t              spent;
    int64_t              held;
    int64_t              resets_ms;     /* 0: never */
    unsigned             threshold;     /* percent; 0: none */
    int64_t              projected;     /* -1: none */

    /* breakers */
    bool                 open;
    int64_t              until_ms;
    unsigned             failures;      /* in a row */
    uint64_t             opened;        /* times since the last word */
} llm_alert_t;


/* "budget_threshold" … */
const char *llm_alert_type_name(unsigned type);

/* appends the sentence; UTF-8 without control characters, `<`, `>`, `&` */
void llm_alert_text(llm_buf_t *buf, const llm_alert_t *alert);

/* appends the JSON object, `text` in it */
void llm_alert_json(llm_buf_t *buf, const llm_alert_t *alert, llm_str_t text);

/* {"text":…}, all that Slack wants */
void llm_alert_slack(llm_buf_t *buf, llm_str_t text);

/* 32 hex digits and a NUL */
void llm_alert_id_text(const unsigned char id[LLM_ALERT_ID_SIZE],
    char text[33]);


#endif /* LLM_ALERT_TEXT_H */
