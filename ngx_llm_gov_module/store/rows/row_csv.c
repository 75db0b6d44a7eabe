/*
 * Rows as CSV.  Numbers are ours; texts may hold anything: they are quoted
 * where they must be, and never taken for a formula by a spreadsheet.
 */

#include "row_api.h"
#include "row_text.h"
#include "row_values.h"
#include "../../wire/utf8.h"
#include "../../wire/utc.h"

#include <inttypes.h>


static void llm_csv_who(llm_buf_t *buf, const llm_row_t *row, uint64_t seq);
static void llm_csv_result(llm_buf_t *buf, const llm_row_t *row);
static void llm_csv_usage(llm_buf_t *buf, const llm_row_t *row);
static void llm_csv_client(llm_buf_t *buf, const llm_row_t *row);
static void llm_csv_attempt(llm_buf_t *buf, const llm_row_t *row,
    const llm_row_attempt_t *attempt);
static void llm_csv_tags(llm_buf_t *buf, const llm_row_t *row);
static void llm_csv_text(llm_buf_t *buf, llm_str_t text);
static bool llm_csv_is_formula(llm_str_t text);
static size_t llm_csv_character(llm_str_t text, size_t i);
static void llm_csv_time(llm_buf_t *buf, int64_t ms);
static void llm_csv_number(llm_buf_t *buf, int64_t value);
static void llm_csv_known(llm_buf_t *buf, bool known, int64_t value);
static void llm_csv_dollars(llm_buf_t *buf, int64_t cost);
static void llm_csv_bool(llm_buf_t *buf, bool value);


void
llm_row_csv_head(llm_buf_t *buf)
{
    llm_buf_str(buf, llm_str(
        "seq,id,time,received,first_token,virtual_key,team,customer,provider,"
        "region,model_asked,model,dialect,api,streamed,status,outcome,error,"
        "refusal,error_message,input_tokens,output_tokens,cache_read_tokens,"
        "cache_write_5m_tokens,cache_write_1h_tokens,reasoning_tokens,tokens,"
        "images,queries,tier,cost,cost_input,cost_output,cost_cache_read,"
        "cost_cache_write,cost_other,cost_earlier_attempts,price,cache,"
        "latency_ms,first_token_ms,overhead_us,request_bytes,response_bytes,"
        "client,user_agent,session,end_user,tags,aborted,recovered,content,"
        "attempts,provider_request_id\r\n"));
}


void
llm_row_csv(llm_buf_t *buf, const llm_row_t *row, uint64_t seq)
{
    llm_csv_who(buf, row, seq);
    llm_csv_result(buf, row);
    llm_csv_usage(buf, row);
    llm_csv_client(buf, row);

    llm_buf_printf(buf, ",%u", row->nattempts);
    llm_csv_text(buf, row->nattempts
                      ? row->attempts[row->nattempts - 1].request_id
                      : llm_str(""));

    llm_buf_append(buf, "\r\n", 2);
}


void
llm_attempt_csv_head(llm_buf_t *buf)
{
    llm_buf_str(buf, llm_str(
        "log,seq,attempt,time,virtual_key,team,customer,provider,region,model,"
        "request_id,started,ended,latency_ms,first_token_ms,status,result,"
        "input_tokens,output_tokens,cost\r\n"));
}


void
llm_attempt_csv(llm_buf_t *buf, const llm_row_t *row, uint64_t seq)
{
    char      id[33];
    unsigned  i;

    llm_row_id_text(row->id, id);

    for (i = 0; i < row->nattempts; i++) {
        llm_buf_printf(buf, "%s,%" PRIu64 ",%u", id, seq, i + 1);
        llm_csv_attempt(buf, row, &row->attempts[i]);
        llm_buf_append(buf, "\r\n", 2);
    }
}


static void
llm_csv_who(llm_buf_t *buf, const llm_row_t *row, uint64_t seq)
{
    char  id[33];

    llm_row_id_text(row->id, id);

    llm_buf_printf(buf, "%" PRIu64 ",%s", seq, id);
    llm_csv_time(buf, row->ended_ms);
    llm_csv_time(buf, row->received_ms);
    llm_csv_time(buf, row->first_token_ms);
    llm_csv_text(buf, row->virtual_key);
    llm_csv_text(buf, row->team);
    llm_csv_text(buf, row->customer);
    llm_csv_text(buf, row->provider);
    llm_csv_text(buf, row->region);
    llm_csv_text(buf, row->model_asked);
    llm_csv_text(buf, row->model);
    llm_csv_text(buf, row->dialect ? llm_dialect_name(row->dialect)
                                   : llm_str(""));
    llm_csv_text(buf, llm_row_api_text(row->api));
    llm_csv_bool(buf, row->streamed);
}


static void
llm_csv_result(llm_buf_t *buf, const llm_row_t *row)
{
    llm_csv_known(buf, row->status != 0, row->status);
    llm_csv_text(buf, llm_outcome_text(row->outcome));
    llm_csv_text(buf, row->error ? llm_error_kind_name(row->error)
                                 : llm_str(""));
    llm_csv_text(buf, row->refusal ? llm_refusal_name(row->refusal - 1)
                                   : llm_str(""));
    llm_csv_text(buf, row->error_message);
}


static void
llm_csv_usage(llm_buf_t *buf, const llm_row_t *row)
{
    const llm_usage_t  *usage;

    usage = &row->usage;

    llm_csv_number(buf, usage->input);
    llm_csv_number(buf, usage->output);
    llm_csv_number(buf, usage->cache_read);
    llm_csv_number(buf, usage->cache_write_5m);
    llm_csv_number(buf, usage->cache_write_1h);
    llm_csv_number(buf, usage->reasoning);
    llm_csv_number(buf, llm_row_tokens(row));
    llm_csv_number(buf, usage->images);
    llm_csv_number(buf, usage->queries);
    llm_csv_text(buf, llm_tier_text(usage->tier));

    llm_csv_dollars(buf, row->cost.total);
    llm_csv_dollars(buf, row->cost.input);
    llm_csv_dollars(buf, row->cost.output);
    llm_csv_dollars(buf, row->cost.cache_read);
    llm_csv_dollars(buf, row->cost.cache_write);
    llm_csv_dollars(buf, row->cost.other);
    llm_csv_dollars(buf, row->earlier_cost);
    llm_csv_text(buf, llm_price_status_name(row->price_status));
    llm_csv_text(buf, llm_row_cache(row));
}


static void
llm_csv_client(llm_buf_t *buf, const llm_row_t *row)
{
    llm_csv_number(buf, llm_row_latency(row));
    llm_csv_known(buf, row->first_token_ms != 0,
                  llm_row_first_token(row));
    llm_csv_number(buf, row->overhead_us);
    llm_buf_printf(buf, ",%" PRIu64 ",%" PRIu64, row->request_bytes,
                   row->response_bytes);
    llm_csv_text(buf, row->client);
    llm_csv_text(buf, row->user_agent);
    llm_csv_text(buf, row->session);
    llm_csv_text(buf, row->end_user);
    llm_csv_tags(buf, row);
    llm_csv_bool(buf, row->aborted);
    llm_csv_bool(buf, row->recovered);
    llm_csv_bool(buf, row->content);
}


static void
llm_csv_attempt(llm_buf_t *buf, const llm_row_t *row,
    const llm_row_attempt_t *attempt)
{
    llm_csv_time(buf, row->ended_ms);
    llm_csv_text(buf, row->virtual_key);
    llm_csv_text(buf, row->team);
    llm_csv_text(buf, row->customer);
    llm_csv_text(buf, attempt->provider);
    llm_csv_text(buf, attempt->region);
    llm_csv_text(buf, attempt->model);
    llm_csv_text(buf, attempt->request_id);
    llm_csv_time(buf, attempt->started_ms);
    llm_csv_time(buf, attempt->ended_ms);
    llm_csv_known(buf, attempt->started_ms != 0,
                  llm_row_difference(attempt->ended_ms,
                                      attempt->started_ms));
    llm_csv_known(buf, attempt->first_token_ms >= 0,
                  attempt->first_token_ms);
    llm_csv_known(buf, attempt->status != 0, attempt->status);
    llm_csv_text(buf, llm_attempt_result_text(attempt->result));
    llm_csv_number(buf, attempt->input_tokens);
    llm_csv_number(buf, attempt->output_tokens);
    llm_csv_dollars(buf, attempt->cost);
}


/* all in one cell, with commas */
static void
llm_csv_tags(llm_buf_t *buf, const llm_row_t *row)
{
    char      text[LLM_ROW_TAGS_MAX * (LLM_ROW_TAG_MAX + 1)];
    size_t    len;
    unsigned  i;

    len = 0;

    for (i = 0; i < row->ntags; i++) {
        if (row->tags[i].len >= sizeof(text) - len) {
            break;
        }

        if (i > 0) {
            text[len++] = ',';
        }

        memcpy(text + len, row->tags[i].data, row->tags[i].len);
        len += row->tags[i].len;
    }

    llm_csv_text(buf, (llm_str_t) { text, len });
}


/* a comma and the cell, as all others here */
static void
llm_csv_text(llm_buf_t *buf, llm_str_t text)
{
    llm_buf_append(buf, ",", 1);
    llm_csv_cell(buf, text);
}


/* bytes that are no text become U+FFFD */
void
llm_csv_cell(llm_buf_t *buf, llm_str_t text)
{
    bool    quoted;
    size_t  i, n;

    quoted = false;

    for (i = 0; i < text.len && !quoted; i++) {
        quoted = (memchr(",\"\r\n", text.data[i], 4) != NULL);
    }

    llm_buf_append(buf, "\"", quoted ? 1 : 0);

    if (llm_csv_is_formula(text)) {
        llm_buf_append(buf, "'", 1);
    }

    for (i = 0; i < text.len; i += n ? n : 1) {
        n = llm_csv_character(text, i);

        if (n == 0) {
            llm_buf_append(buf, "\xef\xbf\xbd", 3);
            continue;
        }

        if (text.data[i] == '"') {
            llm_buf_append(buf, "\"", 1);
        }

        llm_buf_append(buf, text.data + i, n);
    }

    llm_buf_append(buf, "\"", quoted ? 1 : 0);
}


static bool
llm_csv_is_formula(llm_str_t text)
{
    return text.len > 0
           && memchr("=+-@\t\r\n", text.data[0], 7) != NULL;
}


/* the length of the character at i; 0: there is none */
static size_t
llm_csv_character(llm_str_t text, size_t i)
{
    size_t      n;
    uint8_t     c;
    llm_utf8_t  utf8;

    c = (uint8_t) text.data[i];

    if (c < 0x80) {
        return (c >= 0x20 && c != 0x7f) || c == '\t' || c == '\r' || c == '\n';
    }

    if (!llm_utf8_start(&utf8, c)) {
        return 0;
    }

    for (n = 1; utf8.left != 0; n++) {
        if (i + n == text.len
            || !llm_utf8_follow(&utf8, (uint8_t) text.data[i + n]))
        {
            return 0;
        }
    }

    return n;
}


static void
llm_csv_time(llm_buf_t *buf, int64_t ms)
{
    char  text[LLM_UTC_TEXT];

    llm_buf_append(buf, ",", 1);

    if (ms != 0) {
        llm_buf_str(buf, llm_utc_text(ms, text));
    }
}


static void
llm_csv_number(llm_buf_t *buf, int64_t value)
{
    llm_buf_printf(buf, ",%" PRId64, value);
}


static void
llm_csv_known(llm_buf_t *buf, bool known, int64_t value)
{
    if (known) {
        llm_csv_number(buf, value);
        return;
    }

    llm_buf_append(buf, ",", 1);
}


static void
llm_csv_dollars(llm_buf_t *buf, int64_t cost)
{
    llm_buf_append(buf, ",", 1);
    llm_buf_dollars(buf, cost);
}


static void
llm_csv_bool(llm_buf_t *buf, bool value)
{
    llm_buf_str(buf, value ? llm_str(",true") : llm_str(",false"));
}
