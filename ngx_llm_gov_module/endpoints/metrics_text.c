/*
 * Samples and their labels, as Prometheus reads them.
 */

#include "metrics.h"

#include <inttypes.h>


static const char *const  ngx_http_llm_family_names[] = {
    [NGX_HTTP_LLM_M_BUILD_INFO] = "llm_build_info",
    [NGX_HTTP_LLM_M_REQUESTS] = "llm_requests_total",
    [NGX_HTTP_LLM_M_TOKENS] = "llm_tokens_total",
    [NGX_HTTP_LLM_M_COST] = "llm_cost_dollars_total",
    [NGX_HTTP_LLM_M_ATTEMPTS] = "llm_attempts_total",
    [NGX_HTTP_LLM_M_REFUSALS] = "llm_refusals_total",
    [NGX_HTTP_LLM_M_UNPRICED] = "llm_unpriced_requests_total",
    [NGX_HTTP_LLM_M_ABORTS] = "llm_client_aborts_total",
    [NGX_HTTP_LLM_M_DRAINED] = "llm_drained_total",
    [NGX_HTTP_LLM_M_DURATION] = "llm_request_duration_seconds",
    [NGX_HTTP_LLM_M_FIRST_TOKEN] = "llm_first_token_seconds",
    [NGX_HTTP_LLM_M_OVERHEAD] = "llm_overhead_seconds",
    [NGX_HTTP_LLM_M_KEY_INFO] = "llm_virtual_key_info",
    [NGX_HTTP_LLM_M_ACCOUNT_COST] = "llm_account_cost_dollars_total",
    [NGX_HTTP_LLM_M_ACCOUNT_IN_FLIGHT] = "llm_account_requests_in_flight",
    [NGX_HTTP_LLM_M_ACCOUNT_REFUSALS] = "llm_account_refusals_total",
    [NGX_HTTP_LLM_M_LIMIT] = "llm_limit",
    [NGX_HTTP_LLM_M_LIMIT_USED] = "llm_limit_used",
    [NGX_HTTP_LLM_M_LIMIT_HELD] = "llm_limit_held",
    [NGX_HTTP_LLM_M_LIMIT_REMAINING] = "llm_limit_remaining",
    [NGX_HTTP_LLM_M_LIMIT_RESET] = "llm_limit_reset_timestamp_seconds",
    [NGX_HTTP_LLM_M_OMITTED] = "llm_accounts_omitted",
    [NGX_HTTP_LLM_M_PROVIDER_UP] = "llm_provider_up",
    [NGX_HTTP_LLM_M_BREAKER_OPEN] = "llm_breaker_open",
    [NGX_HTTP_LLM_M_BREAKER_OPENED] = "llm_breaker_opened_total",
    [NGX_HTTP_LLM_M_CREDENTIALS_EXPIRY] =
        "llm_credentials_expiry_timestamp_seconds",
    [NGX_HTTP_LLM_M_CREDENTIALS_FAILING] = "llm_credentials_failing",
    [NGX_HTTP_LLM_M_STORE_LAG] = "llm_store_lag_seconds",
    [NGX_HTTP_LLM_M_STORE_FAILING] = "llm_store_failing",
    [NGX_HTTP_LLM_M_JOURNAL_FAILING] = "llm_journal_failing",
    [NGX_HTTP_LLM_M_UNJOURNALED] = "llm_journal_requests_without_total",
    [NGX_HTTP_LLM_M_UNLOGGED_REFUSALS] = "llm_log_refusals_left_out_total",
    [NGX_HTTP_LLM_M_UNLOGGED_CONTENT] = "llm_log_content_left_out_total",
    [NGX_HTTP_LLM_M_STORE_ERROR_TIME] =
        "llm_store_last_error_timestamp_seconds",
    [NGX_HTTP_LLM_M_STORE_ROWS] = "llm_store_rows_total",
    [NGX_HTTP_LLM_M_STORE_RECOVERED] = "llm_store_recovered_rows_total",
    [NGX_HTTP_LLM_M_JOURNAL_WAITING] = "llm_journal_waiting_bytes",
    [NGX_HTTP_LLM_M_JOURNAL_LOST] = "llm_journal_lost_bytes_total",
    [NGX_HTTP_LLM_M_DELIVERIES] = "llm_alert_deliveries_total",
    [NGX_HTTP_LLM_M_DELIVERIES_PENDING] = "llm_alert_deliveries_pending",
    [NGX_HTTP_LLM_M_HOLDS] = "llm_holds",
    [NGX_HTTP_LLM_M_HOLDS_RECOVERED] = "llm_holds_recovered_total",
    [NGX_HTTP_LLM_M_ZONE] = "llm_zone_bytes",
    [NGX_HTTP_LLM_M_SERIES] = "llm_series"
};


void
ngx_http_llm_labels_reset(ngx_http_llm_metrics_t *metrics)
{
    metrics->labels->len = 0;
}


static ngx_uint_t
ngx_http_llm_label_plain(u_char c)
{
    return c >= 0x20 && c <= 0x7e && c != '%' && c != '"' && c != '\\';
}


/* Two values never become one: what is not printable ASCII, and `%` itself, is
 * %-encoded.  A model's name may come from a client, and a sample given twice
 * would cost the whole scrape. */
void
ngx_http_llm_label(ngx_http_llm_metrics_t *metrics, const char *name,
    llm_str_t value)
{
    u_char      c;
    size_t      i, start;
    llm_buf_t  *buf;

    buf = metrics->labels;

    llm_buf_printf(buf, "%s%s=\"", buf->len ? "," : "", name);

    for (i = 0; i < value.len; i++) {
        start = i;

        while (i < value.len && ngx_http_llm_label_plain(value.data[i])) {
            i++;
        }

        llm_buf_append(buf, value.data + start, i - start);

        if (i == value.len) {
            break;
        }

        c = (u_char) value.data[i];

        llm_buf_printf(buf, (c == '"' || c == '\\') ? "\\%c" : "%%%02X", c);
    }

    llm_buf_append(buf, "\"", 1);
}


static void
ngx_http_llm_sample_start(llm_buf_t *buf, const char *name,
    const char *suffix, llm_buf_t *labels)
{
    llm_buf_append(buf, name, ngx_strlen(name));
    llm_buf_append(buf, suffix, ngx_strlen(suffix));

    if (labels->len) {
        llm_buf_append(buf, "{", 1);
        llm_buf_append(buf, labels->data, labels->len);
        llm_buf_append(buf, "}", 1);
    }

    llm_buf_append(buf, " ", 1);
}


llm_buf_t *
ngx_http_llm_sample(ngx_http_llm_metrics_t *metrics,
    ngx_http_llm_family_t family)
{
    llm_buf_t  *buf;

    buf = &metrics->families[family];

    ngx_http_llm_sample_start(buf, ngx_http_llm_family_names[family], "",
                              metrics->labels);
    return buf;
}


llm_buf_t *
ngx_http_llm_sample_with(ngx_http_llm_metrics_t *metrics,
    ngx_http_llm_family_t family, const char *name, const char *value)
{
    size_t      len;
    llm_buf_t  *buf;

    len = metrics->labels->len;

    llm_buf_printf(metrics->labels, "%s%s=\"%s\"", len ? "," : "", name,
                   value);
    buf = ngx_http_llm_sample(metrics, family);

    metrics->labels->len = len;

    return buf;
}


void
ngx_http_llm_sample_count(ngx_http_llm_metrics_t *metrics,
    ngx_http_llm_family_t family, uint64_t value)
{
    llm_buf_printf(ngx_http_llm_sample(metrics, family), "%" PRIu64 "\n",
                   value);
}


/* dollars are written as billionths: so are seconds */
static void
ngx_http_llm_seconds(llm_buf_t *buf, int64_t ns)
{
    llm_buf_dollars(buf, ns);
}


static void
ngx_http_llm_sample_bucket(ngx_http_llm_metrics_t *metrics,
    ngx_http_llm_family_t family, int64_t ns, uint64_t count)
{
    size_t      len;
    llm_buf_t  *labels;

    labels = metrics->labels;
    len = labels->len;

    llm_buf_printf(labels, "%sle=\"", len ? "," : "");

    if (ns < 0) {
        llm_buf_str(labels, llm_str("+Inf"));

    } else {
        ngx_http_llm_seconds(labels, ns);
    }

    llm_buf_append(labels, "\"", 1);

    ngx_http_llm_sample_start(&metrics->families[family],
                              ngx_http_llm_family_names[family], "_bucket",
                              labels);
    llm_buf_printf(&metrics->families[family], "%" PRIu64 "\n", count);

    labels->len = len;
}


void
ngx_http_llm_sample_histogram(ngx_http_llm_metrics_t *metrics,
    ngx_http_llm_family_t family, const llm_histogram_t *histogram,
    const uint32_t *bounds, ngx_uint_t n, int64_t unit)
{
    uint64_t     count;
    llm_buf_t   *buf;
    ngx_uint_t   i;
    const char  *name;

    count = 0;
    buf = &metrics->families[family];
    name = ngx_http_llm_family_names[family];

    for (i = 0; i < n; i++) {
        count += histogram->bucket[i];

        ngx_http_llm_sample_bucket(metrics, family,
                                   (i + 1 < n) ? bounds[i] * unit : -1, count);
    }

    ngx_http_llm_sample_start(buf, name, "_sum", metrics->labels);
    ngx_http_llm_seconds(buf, (int64_t) histogram->sum * unit);

    llm_buf_append(buf, "\n", 1);

    ngx_http_llm_sample_start(buf, name, "_count", metrics->labels);
    llm_buf_printf(buf, "%" PRIu64 "\n", histogram->count);
}


void
ngx_http_llm_family_head(ngx_http_llm_metrics_t *metrics,
    ngx_http_llm_family_t family, const char *type, const char *help)
{
    const char  *name;

    name = ngx_http_llm_family_names[family];

    llm_buf_printf(&metrics->families[family],
                   "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}
