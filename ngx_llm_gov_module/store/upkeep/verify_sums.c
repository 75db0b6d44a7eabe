/*
 * Two rollups side by side.
 */

#include "verify_parts.h"
#include "../../wire/be.h"

#include <inttypes.h>


static void llm_verify_rollup_line(llm_verify_t *verify,
    const llm_rollup_key_t *key);
static void llm_verify_rollup_name(llm_verify_t *verify, const char *title,
    char space, uint64_t number);
static void llm_verify_rollup_tags(llm_verify_t *verify, uint64_t number);


static const struct {
    const char  *name;
    bool         money;
} llm_verify_names[LLM_SUMS] = {
    [LLM_SUM_REQUESTS] = { "requests", false },
    [LLM_SUM_ERRORS] = { "errors", false },
    [LLM_SUM_REFUSED] = { "refused", false },
    [LLM_SUM_ESTIMATED] = { "estimated requests", false },
    [LLM_SUM_INPUT] = { "input tokens", false },
    [LLM_SUM_OUTPUT] = { "output tokens", false },
    [LLM_SUM_CACHE_READ] = { "cache read tokens", false },
    [LLM_SUM_CACHE_WRITE] = { "cache write tokens", false },
    [LLM_SUM_REASONING] = { "reasoning tokens", false },
    [LLM_SUM_IMAGES] = { "images", false },
    [LLM_SUM_QUERIES] = { "queries", false },
    [LLM_SUM_COST] = { "cost", true },
    [LLM_SUM_COST_ESTIMATED] = { "estimated cost", true },
    [LLM_SUM_LATENCY] = { "latency", false },
    [LLM_SUM_FIRST_TOKEN] = { "time to the first token", false }
};


void
llm_verify_sums(llm_verify_t *verify, const llm_rollup_key_t *key,
    const llm_sums_t *expected, const llm_sums_t *found, const char *by)
{
    unsigned    i;
    llm_buf_t  *line;

    line = &verify->line;
    verify->checked++;

    if (llm_sums_equal(expected, found)) {
        return;
    }

    for (i = 0; i < LLM_SUMS && expected->sum[i] == found->sum[i]; i++) {
        /* void */
    }

    llm_verify_rollup_line(verify, key);

    if (i == LLM_SUMS) {
        llm_buf_printf(line, "latencies are not what %s", by);

    } else if (llm_verify_names[i].money) {
        llm_buf_printf(line, "%s: %s ", llm_verify_names[i].name, by);
        llm_buf_dollars(line, expected->sum[i]);
        llm_buf_str(line, llm_str(", found "));
        llm_buf_dollars(line, found->sum[i]);

    } else {
        llm_buf_printf(line, "%s: %s %" PRId64 ", found %" PRId64,
                       llm_verify_names[i].name, by, expected->sum[i],
                       found->sum[i]);
    }

    llm_verify_difference(verify);
}


static void
llm_verify_rollup_line(llm_verify_t *verify, const llm_rollup_key_t *key)
{
    unsigned              i;
    llm_str_t             tuple;
    static const char    *levels[] = { "minute", "hour", "day" };
    static const char    *names[] = {
        "customer", "team", "virtual key", "provider", "region", "model",
        "dialect"
    };

    verify->line.len = 0;
    llm_buf_printf(&verify->line, "rollup of the %s ", levels[key->level]);
    llm_verify_time(&verify->line, (int64_t) key->start * LLM_MINUTE_MS);

    if (llm_names_get(verify->store, verify->txn, LLM_NAME_TUPLE, key->tuple,
                      &tuple)
        == 0
        && tuple.len == LLM_DIMENSIONS * LLM_NAME_SIZE)
    {
        for (i = 0; i < LLM_DIMENSIONS; i++) {
            llm_verify_rollup_name(verify, names[i], LLM_NAME_STRING,
                                   llm_be_get(tuple.data + i * LLM_NAME_SIZE,
                                              LLM_NAME_SIZE));
        }
    }

    switch (key->facet) {

    case LLM_FACET_END_USER:
        llm_verify_rollup_name(verify, "end user", LLM_NAME_STRING,
                               key->value);
        break;

    case LLM_FACET_SESSION:
        llm_verify_rollup_name(verify, "session", LLM_NAME_STRING, key->value);
        break;

    case LLM_FACET_TAG:
        llm_verify_rollup_tags(verify, key->value);
        break;
    }

    llm_buf_str(&verify->line, llm_str(", "));
}


static void
llm_verify_rollup_name(llm_verify_t *verify, const char *title, char space,
    uint64_t number)
{
    llm_str_t  text;

    if (number != 0
        && llm_names_get(verify->store, verify->txn, space, number, &text)
           == 0)
    {
        llm_buf_printf(&verify->line, ", %s \"%.*s\"", title, (int) text.len,
                       text.data);
    }
}


static void
llm_verify_rollup_tags(llm_verify_t *verify, uint64_t number)
{
    size_t     i;
    llm_str_t  set;

    if (llm_names_get(verify->store, verify->txn, LLM_NAME_SET, number, &set)
        != 0)
    {
        return;
    }

    for (i = 0; i + LLM_NAME_SIZE <= set.len; i += LLM_NAME_SIZE) {
        llm_verify_rollup_name(verify, "tag", LLM_NAME_STRING,
                               llm_be_get((const unsigned char *) set.data
                                             + i, LLM_NAME_SIZE));
    }
}


void
llm_verify_time(llm_buf_t *line, int64_t ms)
{
    char  text[LLM_UTC_TEXT];

    llm_buf_append(line, llm_utc_text(ms, text).data, LLM_UTC_TEXT);
}
