/*
 * The status page as JSON.  Money is in dollars, times are RFC 3339; what does
 * not apply is null.
 */

#include "status_json.h"

#include <inttypes.h>


void
ngx_http_llm_json_time(llm_buf_t *buf, const char *name, int64_t ms)
{
    llm_buf_printf(buf, "\"%s\":", name);

    if (ms == 0) {
        llm_buf_str(buf, llm_str("null"));
        return;
    }

    llm_buf_str(buf, llm_str("\""));
    ngx_http_llm_show_time(buf, ms);
    llm_buf_str(buf, llm_str("\""));
}


void
ngx_http_llm_json_text(llm_buf_t *buf, const char *name, llm_str_t text)
{
    llm_buf_printf(buf, "\"%s\":", name);

    if (text.len == 0) {
        llm_buf_str(buf, llm_str("null"));
        return;
    }

    llm_buf_json_string(buf, text);
}


void
ngx_http_llm_json_histogram(llm_buf_t *buf, const char *name,
    const llm_histogram_t *histogram, const uint32_t *bounds, ngx_uint_t n,
    double unit)
{
    double  mean;

    mean = histogram->count ? (double) histogram->sum
                              / (double) histogram->count : 0;

    llm_buf_printf(buf, "\"%s\":{\"count\":%" PRIu64 ",\"mean_seconds\":%g,"
                   "\"p50_seconds\":%g,\"p95_seconds\":%g}", name,
                   histogram->count, mean / unit,
                   ngx_http_llm_quantile(histogram, bounds, n, 0.5) / unit,
                   ngx_http_llm_quantile(histogram, bounds, n, 0.95) / unit);
}


static void
ngx_http_llm_json_head(llm_buf_t *buf,
    const ngx_http_llm_overview_t *overview)
{
    llm_buf_printf(buf, "{\"version\":\"%s\",\"nginx\":\"%s\","
                   "\"epoch\":\"%016" PRIx64 "\",",
                   NGX_HTTP_LLM_GOV_VERSION, NGINX_VERSION, overview->epoch);
    ngx_http_llm_json_time(buf, "time", overview->now_ms);
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_time(buf, "started", overview->created_ms);
    llm_buf_printf(buf, ",\"uptime_seconds\":%" PRId64,
                   (overview->now_ms - overview->created_ms) / 1000);

    llm_buf_printf(buf, ",\n\"zone\":{\"size_bytes\":%zu,\"used_bytes\":%zu,"
                   "\"free_bytes\":%zu,\"accounts\":%" PRIu64 ",\"series\":%"
                   PRIu64 "}", overview->size,
                   overview->size - overview->free, overview->free,
                   (uint64_t) overview->naccounts,
                   (uint64_t) overview->nseries);

    llm_buf_printf(buf, ",\n\"holds\":{\"in_flight\":%" PRIu64
                   ",\"admitted_total\":%" PRIu64 ",\"recovered_total\":%"
                   PRIu64 "}", (uint64_t) overview->nholds, overview->minted,
                   overview->recovered);
}


static void
ngx_http_llm_json_journal(llm_buf_t *buf, ngx_http_llm_main_conf_t *lmcf,
    const ngx_http_llm_overview_t *overview)
{
    llm_buf_str(buf, llm_str("\"journal\":{\"path\":"));
    llm_buf_json_string(buf, ngx_http_llm_str(lmcf->journal));
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_text(buf, "error",
                           ngx_http_llm_cstr(overview->journal_error,
                                             sizeof(overview->journal_error)));
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_time(buf, "error_at", overview->journal_error_ms);

    llm_buf_printf(buf, ",\"waiting_bytes\":%" PRIu64
                   ",\"lost_bytes\":%" PRIu64,
                   overview->store_lag, overview->lost_bytes);
    llm_buf_printf(buf, ",\"requests_without\":%" PRIu64
                   ",\"refusals_left_out\":%" PRIu64
                   ",\"content_left_out\":%" PRIu64 "}",
                   overview->unjournaled, overview->unlogged_refusals,
                   overview->unlogged_content);
}


static void
ngx_http_llm_json_store(llm_buf_t *buf, ngx_http_llm_main_conf_t *lmcf,
    const ngx_http_llm_overview_t *overview)
{
    if (lmcf->store == NULL) {
        llm_buf_str(buf, llm_str(",\n\"store\":null"));
        return;
    }

    llm_buf_str(buf, llm_str(",\n\"store\":{\"path\":"));
    llm_buf_json_string(buf, ngx_http_llm_str(lmcf->store->name));
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_time(buf, "written", overview->stored_ms);
    llm_buf_str(buf, llm_str(",\"lag_seconds\":"));

    if (overview->stored_ms == 0) {
        llm_buf_str(buf, llm_str("null"));

    } else {
        llm_buf_printf(buf, "%.3f",
                       (double) (overview->now_ms - overview->stored_ms)
                       / 1000);
    }

    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_text(buf, "error",
                           ngx_http_llm_cstr(overview->store_error,
                                             sizeof(overview->store_error)));
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_time(buf, "error_at", overview->store_error_ms);
    llm_buf_printf(buf, ",\"rows\":%" PRIu64 ",\"recovered\":%" PRIu64 ",",
                   overview->stored_rows, overview->stored_recovered);
    ngx_http_llm_json_journal(buf, lmcf, overview);
    llm_buf_str(buf, llm_str("}"));
}


static void
ngx_http_llm_json_alerts(llm_buf_t *buf, ngx_http_llm_main_conf_t *lmcf,
    const ngx_http_llm_overview_t *overview)
{
    const ngx_http_llm_alerts_state_t  *alerts;

    if (lmcf->webhooks == NULL) {
        llm_buf_str(buf, llm_str(",\n\"alerts\":null"));
        return;
    }

    alerts = &overview->alerts;

    llm_buf_printf(buf, ",\n\"alerts\":{\"pending\":%" PRIu64
                   ",\"delivered_total\":%" PRIu64 ",\"failed_total\":%"
                   PRIu64 ",\"given_up_total\":%" PRIu64 ",",
                   alerts->pending, alerts->delivered, alerts->failed,
                   alerts->given_up);
    ngx_http_llm_json_text(buf, "last_error",
                           ngx_http_llm_cstr(alerts->error,
                                             sizeof(alerts->error)));
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_time(buf, "last_error_at", alerts->error_ms);
    llm_buf_str(buf, llm_str("}"));
}


static void
ngx_http_llm_json_counts(llm_buf_t *buf,
    const ngx_http_llm_overview_t *overview)
{
    llm_str_t   name;
    ngx_uint_t  i;

    llm_buf_str(buf, llm_str(",\n\"refusals\":{"));

    for (i = 0; i < LLM_REFUSE_REASONS; i++) {
        llm_buf_printf(buf, "%s\"%s\":%" PRIu64, i ? "," : "",
                       llm_refusal_name(i).data, overview->refusals[i]);
    }

    llm_buf_printf(buf, "},\n\"unpriced\":{\"requests\":%" PRIu64
                   ",\"models\":[", overview->unpriced_requests);

    for (i = 0; i < NGX_HTTP_LLM_UNPRICED_SHOWN; i++) {
        name = ngx_http_llm_cstr(overview->unpriced[i],
                                 NGX_HTTP_LLM_MODEL_SIZE);

        if (name.len == 0) {
            break;
        }

        llm_buf_str(buf, i ? llm_str(",") : llm_str(""));
        llm_buf_json_string(buf, name);
    }

    llm_buf_printf(buf, "]},\n\"client_aborts\":{\"total\":%" PRIu64
                   ",\"drained\":%" PRIu64 "}", overview->client_aborts,
                   overview->drained);

    llm_buf_str(buf, llm_str(",\n"));
    ngx_http_llm_json_histogram(buf, "overhead", &overview->overhead_us,
                                llm_overhead_bounds_us, LLM_OVERHEAD_BUCKETS,
                                1000000);
}


ngx_int_t
ngx_http_llm_status_json(ngx_http_llm_status_t *status, llm_buf_t *buf)
{
    ngx_uint_t                 next;
    ngx_http_llm_main_conf_t  *lmcf;

    lmcf = status->lmcf;
    next = ngx_http_llm_status_next(status);

    ngx_http_llm_json_head(buf, &status->overview);
    ngx_http_llm_json_store(buf, lmcf, &status->overview);
    ngx_http_llm_json_alerts(buf, lmcf, &status->overview);
    ngx_http_llm_json_counts(buf, &status->overview);

    if (ngx_http_llm_json_tenants(status, buf, "customers", &lmcf->customers)
        != NGX_OK
        || ngx_http_llm_json_tenants(status, buf, "teams", &lmcf->teams)
           != NGX_OK
        || ngx_http_llm_json_tenants(status, buf, "virtual_keys",
                                     &lmcf->virtual_keys)
           != NGX_OK
        || ngx_http_llm_json_providers(status, buf) != NGX_OK
        || (status->usage && ngx_http_llm_json_usage(status, buf) != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (next) {
        llm_buf_printf(buf, ",\n\"next_offset\":%" PRIu64 "}\n",
                       (uint64_t) next);

    } else {
        llm_buf_str(buf, llm_str(",\n\"next_offset\":null}\n"));
    }

    return NGX_OK;
}
