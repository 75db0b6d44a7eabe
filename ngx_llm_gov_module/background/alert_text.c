/*
 * What a webhook says.
 */

#include "alert_text.h"
#include "thresholds.h"
#include "../wire/utc.h"

#include <inttypes.h>
#include <stdio.h>


#define LLM_ALERT_CENT  10000000


const char *
llm_alert_type_name(unsigned type)
{
    switch (type) {

    case LLM_ALERT_THRESHOLD:
        return "budget_threshold";

    case LLM_ALERT_PROJECTED:
        return "budget_projected";

    case LLM_ALERT_BREAKER:
        return "provider_breaker";

    default:
        return "unknown";
    }
}


void
llm_alert_id_text(const unsigned char id[LLM_ALERT_ID_SIZE], char text[33])
{
    unsigned  i;

    for (i = 0; i < LLM_ALERT_ID_SIZE; i++) {
        (void) snprintf(text + 2 * i, 3, "%02x", id[i]);
    }
}


static const char *
llm_alert_kind(llm_account_kind_t kind, bool json)
{
    switch (kind) {

    case LLM_ACCOUNT_CUSTOMER:
        return "customer";

    case LLM_ACCOUNT_TEAM:
        return "team";

    case LLM_ACCOUNT_VIRTUAL_KEY:
        return json ? "virtual_key" : "virtual key";

    default:
        return "provider";
    }
}


static void
llm_alert_time(llm_buf_t *buf, int64_t ms)
{
    char  text[LLM_UTC_TEXT];

    llm_buf_str(buf, llm_utc_seconds(ms, text));
}


/* to the cent, cut; what is less than a dollar as it is */
static void
llm_alert_money(llm_buf_t *buf, int64_t nano)
{
    llm_buf_str(buf, llm_str("$"));

    if (nano < 100 * (int64_t) LLM_ALERT_CENT) {
        llm_buf_dollars(buf, nano);
        return;
    }

    llm_buf_printf(buf, "%" PRId64 ".%02d",
                   nano / LLM_ALERT_CENT / 100,
                   (int) (nano / LLM_ALERT_CENT % 100));
}


static void
llm_alert_percent(llm_buf_t *buf, int64_t hundredths)
{
    llm_buf_printf(buf, "%" PRId64, hundredths / 100);

    if (hundredths % 100) {
        llm_buf_printf(buf, ".%02d", (int) (hundredths % 100));
    }
}


static void
llm_alert_window(llm_buf_t *buf, llm_window_t window)
{
    char    text[16];
    size_t  len;

    len = llm_window_text(window, text);
    llm_buf_append(buf, text, len);
}


static void
llm_alert_budget_text(llm_buf_t *buf, const llm_alert_t *alert)
{
    llm_buf_printf(buf, "Budget of %s %.*s: ",
                   llm_alert_kind(alert->kind, false), (int) alert->name.len,
                   alert->name.data);
    llm_alert_money(buf, alert->spent);
    llm_buf_str(buf, llm_str(" of "));
    llm_alert_money(buf, alert->limit->amount);
    llm_buf_str(buf, llm_str(" per "));
    llm_alert_window(buf, alert->limit->window);
    llm_buf_str(buf, llm_str(" is spent ("));
    llm_alert_percent(buf, llm_thresholds_percent(alert->spent,
                                                  alert->limit->amount));
    llm_buf_str(buf, llm_str(" %)"));

    if (alert->type == LLM_ALERT_PROJECTED) {
        llm_buf_str(buf, llm_str(". If it goes on like this it will be "));
        llm_alert_money(buf, alert->projected);
        llm_buf_str(buf, llm_str(" at the end"));

    } else {
        llm_buf_printf(buf, ", past the mark of %u %%", alert->threshold);
    }

    llm_buf_str(buf, llm_str("."));

    if (alert->limit->mode == LLM_LIMIT_SOFT) {
        llm_buf_str(buf, llm_str(" Nothing is refused: the budget is soft."));
    }

    if (alert->resets_ms) {
        llm_buf_str(buf, llm_str(" Resets "));
        llm_alert_time(buf, alert->resets_ms);
        llm_buf_str(buf, llm_str("."));
    }
}


void
llm_alert_text(llm_buf_t *buf, const llm_alert_t *alert)
{
    if (alert->type != LLM_ALERT_BREAKER) {
        llm_alert_budget_text(buf, alert);
        return;
    }

    if (!alert->open) {
        llm_buf_printf(buf, "Provider %.*s answers again: its breaker is "
                       "closed.", (int) alert->name.len, alert->name.data);
        return;
    }

    llm_buf_printf(buf, "Provider %.*s rests: its breaker opened after ",
                   (int) alert->name.len, alert->name.data);

    if (alert->failures) {
        llm_buf_printf(buf, "%u failures in a row", alert->failures);

    } else {
        llm_buf_str(buf, llm_str("it said that we call too often"));
    }

    if (alert->until_ms) {
        llm_buf_str(buf, llm_str(". It is tried again at "));
        llm_alert_time(buf, alert->until_ms);
    }

    llm_buf_str(buf, llm_str("."));
}


static void
llm_alert_member_time(llm_buf_t *buf, const char *name, int64_t ms)
{
    llm_buf_printf(buf, ",\"%s\":", name);

    if (ms == 0) {
        llm_buf_str(buf, llm_str("null"));
        return;
    }

    llm_buf_str(buf, llm_str("\""));
    llm_alert_time(buf, ms);
    llm_buf_str(buf, llm_str("\""));
}


static void
llm_alert_member_money(llm_buf_t *buf, const char *name, int64_t nano)
{
    llm_buf_printf(buf, ",\"%s\":", name);

    if (nano < 0) {
        llm_buf_str(buf, llm_str("null"));
        return;
    }

    llm_buf_dollars(buf, nano);
}


static void
llm_alert_budget_json(llm_buf_t *buf, const llm_alert_t *alert)
{
    static const char  *modes[] = { "normal", "hard", "soft" };

    llm_buf_str(buf, llm_str(",\"window\":\""));
    llm_alert_window(buf, alert->limit->window);
    llm_buf_printf(buf, "\",\"mode\":\"%s\"", modes[alert->limit->mode]);
    llm_alert_member_money(buf, "limit", alert->limit->amount);
    llm_alert_member_money(buf, "spent", alert->spent);
    llm_alert_member_money(buf, "held", alert->held);
    llm_buf_str(buf, llm_str(",\"percent\":"));
    llm_alert_percent(buf, llm_thresholds_percent(alert->spent,
                                                  alert->limit->amount));

    if (alert->threshold) {
        llm_buf_printf(buf, ",\"threshold\":%u", alert->threshold);

    } else {
        llm_buf_str(buf, llm_str(",\"threshold\":null"));
    }

    llm_alert_member_money(buf, "projected", alert->projected);
    llm_alert_member_time(buf, "resets", alert->resets_ms);
}


void
llm_alert_json(llm_buf_t *buf, const llm_alert_t *alert, llm_str_t text)
{
    char  id[33];

    llm_alert_id_text(alert->id, id);

    llm_buf_printf(buf, "{\"type\":\"%s\",\"id\":\"%s\"",
                   llm_alert_type_name(alert->type), id);
    llm_alert_member_time(buf, "time", alert->time_ms);
    llm_buf_printf(buf, ",\"account\":{\"kind\":\"%s\",\"name\":",
                   llm_alert_kind(alert->kind, true));
    llm_buf_json_string(buf, alert->name);
    llm_buf_str(buf, llm_str("}"));

    if (alert->type == LLM_ALERT_BREAKER) {
        llm_buf_printf(buf, ",\"state\":\"%s\",\"failures\":%u"
                       ",\"opened\":%" PRIu64,
                       alert->open ? "open" : "closed", alert->failures,
                       alert->opened);
        llm_alert_member_time(buf, "until", alert->until_ms);

    } else {
        llm_alert_budget_json(buf, alert);
    }

    llm_buf_str(buf, llm_str(",\"text\":"));
    llm_buf_json_string(buf, text);
    llm_buf_str(buf, llm_str("}"));
}


void
llm_alert_slack(llm_buf_t *buf, llm_str_t text)
{
    llm_buf_str(buf, llm_str("{\"text\":"));
    llm_buf_json_string(buf, text);
    llm_buf_str(buf, llm_str("}"));
}
