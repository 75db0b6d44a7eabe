/*
 * A row as JSON, as docs/api.md has it.  What is not known is null.
 */

#include "row_api.h"
#include "row_text.h"
#include "row_values.h"
#include "../../wire/utc.h"

#include <inttypes.h>


static void llm_json_who(llm_buf_t *buf, const llm_row_t *row);
static void llm_json_result(llm_buf_t *buf, const llm_row_t *row);
static void llm_json_usage(llm_buf_t *buf, const llm_row_t *row);
static void llm_json_cost(llm_buf_t *buf, const llm_row_t *row);
static void llm_json_client(llm_buf_t *buf, const llm_row_t *row);
static void llm_json_attempt(llm_buf_t *buf,
    const llm_row_attempt_t *attempt);
static void llm_json_text(llm_buf_t *buf, const char *name, llm_str_t text);
static void llm_json_time(llm_buf_t *buf, const char *name, int64_t ms);
static void llm_json_number(llm_buf_t *buf, const char *name, int64_t value);
static void llm_json_known(llm_buf_t *buf, const char *name, bool known,
    int64_t value);
static void llm_json_dollars(llm_buf_t *buf, const char *name, int64_t cost);
static void llm_json_bool(llm_buf_t *buf, const char *name, bool value);


void
llm_row_json(llm_buf_t *buf, const llm_row_t *row, uint64_t seq)
{
    llm_row_json_begin(buf, row, seq);
    llm_buf_str(buf, row->content ? llm_str("true") : llm_str("false"));
    llm_row_json_end(buf, row);
}


void
llm_row_json_begin(llm_buf_t *buf, const llm_row_t *row, uint64_t seq)
{
    char  id[33];

    llm_row_id_text(row->id, id);

    llm_buf_printf(buf, "{\"seq\":%" PRIu64 ",\"id\":\"%s\"", seq, id);
    llm_json_time(buf, ",\"time\":", row->ended_ms);
    llm_json_time(buf, ",\"received\":", row->received_ms);
    llm_json_time(buf, ",\"first_token\":", row->first_token_ms);

    llm_json_who(buf, row);
    llm_json_result(buf, row);
    llm_json_usage(buf, row);
    llm_json_cost(buf, row);
    llm_json_client(buf, row);

    llm_buf_str(buf, llm_str(",\"content\":"));
}


void
llm_row_json_end(llm_buf_t *buf, const llm_row_t *row)
{
    unsigned  i;

    llm_buf_str(buf, llm_str(",\"attempts\":["));

    for (i = 0; i < row->nattempts; i++) {
        llm_buf_append(buf, i ? ",{" : "{", i ? 2 : 1);
        llm_json_attempt(buf, &row->attempts[i]);
        llm_buf_append(buf, "}", 1);
    }

    llm_buf_append(buf, "]}", 2);
}


void
llm_attempt_ndjson(llm_buf_t *buf, const llm_row_t *row, uint64_t seq)
{
    char      id[33];
    unsigned  i;

    llm_row_id_text(row->id, id);

    for (i = 0; i < row->nattempts; i++) {
        llm_buf_printf(buf, "%s{\"log\":\"%s\",\"seq\":%" PRIu64
                       ",\"attempt\":%u", i ? "\n" : "", id, seq, i + 1);
        llm_json_time(buf, ",\"time\":", row->ended_ms);
        llm_json_text(buf, ",\"virtual_key\":", row->virtual_key);
        llm_json_text(buf, ",\"team\":", row->team);
        llm_json_text(buf, ",\"customer\":", row->customer);
        llm_buf_append(buf, ",", 1);
        llm_json_attempt(buf, &row->attempts[i]);
        llm_buf_append(buf, "}", 1);
    }
}


static void
llm_json_who(llm_buf_t *buf, const llm_row_t *row)
{
    llm_str_t  dialect;

    dialect = row->dialect ? llm_dialect_name(row->dialect) : llm_str("");

    llm_json_text(buf, ",\"virtual_key\":", row->virtual_key);
    llm_json_text(buf, ",\"team\":", row->team);
    llm_json_text(buf, ",\"customer\":", row->customer);
    llm_json_text(buf, ",\"provider\":", row->provider);
    llm_json_text(buf, ",\"region\":", row->region);
    llm_json_text(buf, ",\"model_asked\":", row->model_asked);
    llm_json_text(buf, ",\"model\":", row->model);
    llm_json_text(buf, ",\"dialect\":", dialect);
    llm_json_text(buf, ",\"api\":", llm_row_api_text(row->api));
    llm_json_bool(buf, ",\"streamed\":", row->streamed);
}


static void
llm_json_result(llm_buf_t *buf, const llm_row_t *row)
{
    llm_str_t  error, refusal;

    error = (row->error == LLM_ERROR_NONE) ? llm_str("")
                                           : llm_error_kind_name(row->error);
    refusal = (row->refusal == 0) ? llm_str("")
                                  : llm_refusal_name(row->refusal - 1);

    llm_json_known(buf, ",\"status\":", row->status != 0, row->status);
    llm_json_text(buf, ",\"outcome\":", llm_outcome_text(row->outcome));
    llm_json_text(buf, ",\"error\":", error);
    llm_json_text(buf, ",\"refusal\":", refusal);
    llm_json_text(buf, ",\"error_message\":", row->error_message);
}


static void
llm_json_usage(llm_buf_t *buf, const llm_row_t *row)
{
    const llm_usage_t  *usage;

    usage = &row->usage;

    llm_json_number(buf, ",\"tokens\":{\"input\":", usage->input);
    llm_json_number(buf, ",\"output\":", usage->output);
    llm_json_number(buf, ",\"cache_read\":", usage->cache_read);
    llm_json_number(buf, ",\"cache_write_5m\":", usage->cache_write_5m);
    llm_json_number(buf, ",\"cache_write_1h\":", usage->cache_write_1h);
    llm_json_number(buf, ",\"reasoning\":", usage->reasoning);
    llm_json_number(buf, ",\"total\":", llm_row_tokens(row));
    llm_json_number(buf, "},\"images\":", usage->images);
    llm_json_number(buf, ",\"queries\":", usage->queries);
    llm_json_text(buf, ",\"tier\":", llm_tier_text(usage->tier));
}


static void
llm_json_cost(llm_buf_t *buf, const llm_row_t *row)
{
    llm_json_dollars(buf, ",\"cost\":", row->cost.total);
    llm_json_dollars(buf, ",\"cost_parts\":{\"input\":", row->cost.input);
    llm_json_dollars(buf, ",\"output\":", row->cost.output);
    llm_json_dollars(buf, ",\"cache_read\":", row->cost.cache_read);
    llm_json_dollars(buf, ",\"cache_write\":", row->cost.cache_write);
    llm_json_dollars(buf, ",\"other\":", row->cost.other);
    llm_json_dollars(buf, ",\"earlier_attempts\":", row->earlier_cost);
    llm_json_text(buf, "},\"price\":",
                  llm_price_status_name(row->price_status));
    llm_json_text(buf, ",\"cache\":", llm_row_cache(row));
}


static void
llm_json_client(llm_buf_t *buf, const llm_row_t *row)
{
    unsigned  i;

    llm_json_number(buf, ",\"latency_ms\":", llm_row_latency(row));
    llm_json_known(buf, ",\"first_token_ms\":", row->first_token_ms != 0,
                   llm_row_first_token(row));
    llm_json_number(buf, ",\"overhead_us\":", row->overhead_us);
    llm_buf_printf(buf, ",\"request_bytes\":%" PRIu64
                   ",\"response_bytes\":%" PRIu64, row->request_bytes,
                   row->response_bytes);
    llm_json_text(buf, ",\"client\":", row->client);
    llm_json_text(buf, ",\"user_agent\":", row->user_agent);
    llm_json_text(buf, ",\"session\":", row->session);
    llm_json_text(buf, ",\"end_user\":", row->end_user);

    llm_buf_str(buf, llm_str(",\"tags\":["));

    for (i = 0; i < row->ntags; i++) {
        llm_buf_append(buf, ",", i ? 1 : 0);
        llm_buf_json_string(buf, row->tags[i]);
    }

    llm_buf_append(buf, "]", 1);

    llm_json_bool(buf, ",\"aborted\":", row->aborted);
    llm_json_bool(buf, ",\"recovered\":", row->recovered);
}


static void
llm_json_attempt(llm_buf_t *buf, const llm_row_attempt_t *attempt)
{
    llm_json_text(buf, "\"provider\":", attempt->provider);
    llm_json_text(buf, ",\"region\":", attempt->region);
    llm_json_text(buf, ",\"model\":", attempt->model);
    llm_json_text(buf, ",\"request_id\":", attempt->request_id);
    llm_json_time(buf, ",\"started\":", attempt->started_ms);
    llm_json_known(buf, ",\"latency_ms\":", attempt->started_ms != 0,
                   llm_row_difference(attempt->ended_ms,
                                      attempt->started_ms));
    llm_json_known(buf, ",\"first_token_ms\":", attempt->first_token_ms >= 0,
                   attempt->first_token_ms);
    llm_json_known(buf, ",\"status\":", attempt->status != 0,
                   attempt->status);
    llm_json_text(buf, ",\"result\":",
                  llm_attempt_result_text(attempt->result));
    llm_json_number(buf, ",\"input_tokens\":", attempt->input_tokens);
    llm_json_number(buf, ",\"output_tokens\":", attempt->output_tokens);
    llm_json_dollars(buf, ",\"cost\":", attempt->cost);
}


static void
llm_json_name(llm_buf_t *buf, const char *name)
{
    llm_buf_append(buf, name, strlen(name));
}


static void
llm_json_text(llm_buf_t *buf, const char *name, llm_str_t text)
{
    llm_json_name(buf, name);

    if (text.len == 0) {
        llm_buf_append(buf, "null", 4);
        return;
    }

    llm_buf_json_string(buf, text);
}


static void
llm_json_time(llm_buf_t *buf, const char *name, int64_t ms)
{
    char  text[LLM_UTC_TEXT];

    llm_json_name(buf, name);

    if (ms == 0) {
        llm_buf_append(buf, "null", 4);
        return;
    }

    llm_buf_append(buf, "\"", 1);
    llm_buf_str(buf, llm_utc_text(ms, text));
    llm_buf_append(buf, "\"", 1);
}


static void
llm_json_number(llm_buf_t *buf, const char *name, int64_t value)
{
    llm_buf_printf(buf, "%s%" PRId64, name, value);
}


static void
llm_json_known(llm_buf_t *buf, const char *name, bool known, int64_t value)
{
    if (known) {
        llm_json_number(buf, name, value);
        return;
    }

    llm_json_name(buf, name);
    llm_buf_append(buf, "null", 4);
}


static void
llm_json_dollars(llm_buf_t *buf, const char *name, int64_t cost)
{
    llm_json_name(buf, name);
    llm_buf_dollars(buf, cost);
}


static void
llm_json_bool(llm_buf_t *buf, const char *name, bool value)
{
    llm_json_name(buf, name);
    llm_buf_str(buf, value ? llm_str("true") : llm_str("false"));
}
