/*
 * What the rules do with a value.
 */

#include "meter_rules.h"


typedef enum {
    LLM_EVENT_STARTED = 1,
    LLM_EVENT_ENDED
} llm_event_effect_t;


typedef struct {
    llm_str_t  name;
    int        value;
} llm_meter_name_t;


static int llm_meter_name(const llm_meter_name_t *names, size_t n,
    llm_str_t name, int other);


#define llm_meter_number(names)  (sizeof(names) / sizeof(names[0]))


static const llm_meter_name_t  llm_meter_tiers[] = {
    { { "priority", 8 }, LLM_TIER_PRIORITY },
    { { "flex", 4 }, LLM_TIER_FLEX },
    { { "batch", 5 }, LLM_TIER_BATCH },
    { { "reserved", 8 }, LLM_TIER_RESERVED }
};


static const llm_meter_name_t  llm_meter_events[] = {
    { { "message_start", 13 }, LLM_EVENT_STARTED },
    { { "message_stop", 12 }, LLM_EVENT_ENDED },
    { { "response.completed", 18 }, LLM_EVENT_ENDED },
    { { "response.incomplete", 19 }, LLM_EVENT_ENDED },
    { { "response.failed", 15 }, LLM_EVENT_ENDED }
};


void
llm_meter_set(llm_meter_report_t *report, llm_meter_count_t count,
    int64_t value)
{
    if (value < 0 || value > LLM_METER_COUNT_MAX) {
        return;
    }

    report->count[count] = value;
    report->seen |= llm_meter_bit(count);
}


void
llm_meter_count_largest(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    int64_t              value;
    llm_meter_report_t  *report;

    value = llm_json_count(token);
    report = &meter->report[rule->source];

    if (value >= report->count[rule->count]) {
        llm_meter_set(report, rule->count, value);
    }
}


void
llm_meter_count_sum(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    int64_t              value;
    llm_meter_report_t  *report;

    value = llm_json_count(token);
    report = &meter->report[rule->source];

    if (value >= 0 && value <= LLM_METER_COUNT_MAX) {
        llm_meter_set(report, rule->count, report->count[rule->count] + value);
    }
}


void
llm_meter_count_element(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    llm_meter_report_t  *report;

    report = &meter->report[rule->source];

    llm_meter_set(report, rule->count, report->count[rule->count] + 1);

    meter->started = true;
}


/* the list is there: that nothing is in it is a report, too */
void
llm_meter_count_none(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    meter->report[rule->source].seen |= llm_meter_bit(rule->count);
}


/* a sign that this is an answer and no error */
void
llm_meter_begun(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    meter->started = true;
}


void
llm_meter_text(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    meter->output_bytes += token->len;

    if (token->len != 0) {
        meter->started = true;
    }
}


void
llm_meter_object(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    meter->raw_start = token->start;
    meter->started = true;
}


void
llm_meter_tier(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    llm_meter_set_tier(meter, token->text);
}


void
llm_meter_latency(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    llm_meter_set_latency(meter, token->text);
}


void
llm_meter_event_type(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    switch (llm_meter_name(llm_meter_events, llm_meter_number(llm_meter_events),
                           token->text, 0))
    {
    case LLM_EVENT_STARTED:
        meter->started = true;
        break;

    case LLM_EVENT_ENDED:
        meter->ended = true;
        break;
    }
}


void
llm_meter_stop_reason(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    meter->stopped = true;
}


void
llm_meter_error_type(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    llm_meter_set_exception(meter, token->text);
}


void
llm_meter_error_message(llm_meter_t *meter, const llm_meter_rule_t *rule,
    const llm_json_token_t *token)
{
    long       len;
    llm_str_t  text;

    text = token->text;

    if (text.len > sizeof(meter->exception_message)) {
        text.len = sizeof(meter->exception_message);
    }

    len = llm_json_unescape(text, meter->exception_message,
                            sizeof(meter->exception_message));

    /* the cut may have gone through an escape, of which there may be two */

    while (len < 0 && text.len != 0) {
        text.len--;
        len = llm_json_unescape(text, meter->exception_message,
                                sizeof(meter->exception_message));
    }

    meter->exception_message_len = (len > 0) ? (size_t) len : 0;
}


void
llm_meter_set_tier(llm_meter_t *meter, llm_str_t name)
{
    meter->usage.tier = (llm_tier_t) llm_meter_name(llm_meter_tiers,
                                       llm_meter_number(llm_meter_tiers), name,
                                       (int) meter->usage.tier);
}


void
llm_meter_set_latency(llm_meter_t *meter, llm_str_t name)
{
    if (llm_str_eq(name, llm_str("optimized"))) {
        meter->usage.latency_optimized = true;
    }
}


void
llm_meter_set_exception(llm_meter_t *meter, llm_str_t type)
{
    if (meter->exception.len != 0) {
        return;
    }

    if (type.len > sizeof(meter->exception_name)) {
        type.len = sizeof(meter->exception_name);
    }

    if (type.len != 0) {
        memcpy(meter->exception_name, type.data, type.len);
    }

    meter->exception.data = meter->exception_name;
    meter->exception.len = type.len;
}


void
llm_meter_set_message(llm_meter_t *meter, llm_str_t message)
{
    if (message.len > sizeof(meter->exception_message)) {
        message.len = sizeof(meter->exception_message);
    }

    if (message.len != 0) {
        memcpy(meter->exception_message, message.data, message.len);
    }

    meter->exception_message_len = message.len;
}


static int
llm_meter_name(const llm_meter_name_t *names, size_t n, llm_str_t name,
    int other)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (llm_str_eq(names[i].name, name)) {
            return names[i].value;
        }
    }

    return other;
}
