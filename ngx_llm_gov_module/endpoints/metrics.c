/*
 * `llm_metrics`: docs/metrics.md has a line on each of them.
 */

#include "endpoints.h"
#include "metrics.h"
#include "respond.h"

#include <inttypes.h>


typedef struct {
    const char  *type;
    const char  *help;
} ngx_http_llm_family_conf_t;


static const ngx_http_llm_family_conf_t  ngx_http_llm_families[] = {

    [NGX_HTTP_LLM_M_BUILD_INFO] = { "gauge",
        "Versions of the module and of nginx." },
    [NGX_HTTP_LLM_M_REQUESTS] = { "counter",
        "Requests that were admitted and have ended." },
    [NGX_HTTP_LLM_M_TOKENS] = { "counter",
        "Tokens used; the kinds are disjoint." },
    [NGX_HTTP_LLM_M_COST] = { "counter",
        "Cost of the requests, exact to the nanodollar." },
    [NGX_HTTP_LLM_M_ATTEMPTS] = { "counter",
        "Calls to providers; a request that failed over made several." },
    [NGX_HTTP_LLM_M_REFUSALS] = { "counter",
        "Requests refused by the gateway." },
    [NGX_HTTP_LLM_M_UNPRICED] = { "counter",
        "Requests for models that the price lists do not have." },
    [NGX_HTTP_LLM_M_ABORTS] = { "counter",
        "Clients that left before the end of the answer." },
    [NGX_HTTP_LLM_M_DRAINED] = { "counter",
        "Answers read to their usage after the client had left." },
    [NGX_HTTP_LLM_M_DURATION] = { "histogram",
        "Time of a call to a provider, to the end of its answer." },
    [NGX_HTTP_LLM_M_FIRST_TOKEN] = { "histogram",
        "Time of a call to a provider, to the first token." },
    [NGX_HTTP_LLM_M_OVERHEAD] = { "histogram",
        "Processing time that the gateway itself adds to a request." },
    [NGX_HTTP_LLM_M_KEY_INFO] = { "gauge",
        "The team and the customer of a virtual key." },
    [NGX_HTTP_LLM_M_ACCOUNT_COST] = { "counter",
        "What an account has spent; survives a restart with llm_store." },
    [NGX_HTTP_LLM_M_ACCOUNT_IN_FLIGHT] = { "gauge",
        "Requests under way." },
    [NGX_HTTP_LLM_M_ACCOUNT_REFUSALS] = { "counter",
        "Requests refused because a limit of this account had no room." },
    [NGX_HTTP_LLM_M_LIMIT] = { "gauge",
        "A budget (dollars) or a limit (a count)." },
    [NGX_HTTP_LLM_M_LIMIT_USED] = { "gauge",
        "What of it was used in the present window." },
    [NGX_HTTP_LLM_M_LIMIT_HELD] = { "gauge",
        "What of it is held for requests under way." },
    [NGX_HTTP_LLM_M_LIMIT_REMAINING] = { "gauge",
        "What is neither used nor held." },
    [NGX_HTTP_LLM_M_LIMIT_RESET] = { "gauge",
        "When the present window ends." },
    [NGX_HTTP_LLM_M_OMITTED] = { "gauge",
        "Accounts without samples here, as there are too many." },
    [NGX_HTTP_LLM_M_PROVIDER_UP] = { "gauge",
        "Whether the provider can be called: breaker, address, credentials." },
    [NGX_HTTP_LLM_M_BREAKER_OPEN] = { "gauge",
        "Whether the provider rests after failures or throttling." },
    [NGX_HTTP_LLM_M_BREAKER_OPENED] = { "counter",
        "Times that the breaker opened." },
    [NGX_HTTP_LLM_M_CREDENTIALS_EXPIRY] = { "gauge",
        "When the present credentials expire." },
    [NGX_HTTP_LLM_M_CREDENTIALS_FAILING] = { "gauge",
        "Whether the last attempt to get credentials failed." },
    [NGX_HTTP_LLM_M_STORE_LAG] = { "gauge",
        "Time since the counters were last written to the store." },
    [NGX_HTTP_LLM_M_STORE_FAILING] = { "gauge",
        "Whether the last attempt to write to the store failed." },
    [NGX_HTTP_LLM_M_STORE_ERROR_TIME] = { "gauge",
        "When writing to the store last failed." },
    [NGX_HTTP_LLM_M_STORE_ROWS] = { "counter",
        "Rows written to the request log." },
    [NGX_HTTP_LLM_M_STORE_RECOVERED] = { "counter",
        "Of them, requests whose process had died." },
    [NGX_HTTP_LLM_M_JOURNAL_WAITING] = { "gauge",
        "Bytes of the journal that are not in the store yet." },
    [NGX_HTTP_LLM_M_JOURNAL_LOST] = { "counter",
        "Bytes of the journal that were damaged." },
    [NGX_HTTP_LLM_M_JOURNAL_FAILING] = { "gauge",
        "Whether a worker cannot write the journal." },
    [NGX_HTTP_LLM_M_UNJOURNALED] = { "counter",
        "Requests let through although the journal could not be written." },
    [NGX_HTTP_LLM_M_UNLOGGED_REFUSALS] = { "counter",
        "Refusals without a row in the log, as there were too many." },
    [NGX_HTTP_LLM_M_UNLOGGED_CONTENT] = { "counter",
        "Requests whose content was to be logged and found no room." },
    [NGX_HTTP_LLM_M_DELIVERIES] = { "counter",
        "Alerts delivered, tries that failed, alerts given up." },
    [NGX_HTTP_LLM_M_DELIVERIES_PENDING] = { "gauge",
        "Alerts that are to be delivered." },
    [NGX_HTTP_LLM_M_HOLDS] = { "gauge",
        "Requests that something is held for." },
    [NGX_HTTP_LLM_M_HOLDS_RECOVERED] = { "counter",
        "Requests settled for workers that had died." },
    [NGX_HTTP_LLM_M_ZONE] = { "gauge",
        "Shared memory of the zone, in whole pages." },
    [NGX_HTTP_LLM_M_SERIES] = { "gauge",
        "Combinations of labels in the table of llm_requests_total." }
};


static void
ngx_http_llm_metrics_journal(ngx_http_llm_metrics_t *metrics)
{
    ngx_http_llm_overview_t  *overview;

    overview = &metrics->overview;

    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_STORE_ROWS,
                              overview->stored_rows);
    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_STORE_RECOVERED,
                              overview->stored_recovered);
    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_JOURNAL_WAITING,
                              overview->store_lag);
    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_JOURNAL_LOST,
                              overview->lost_bytes);
    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_JOURNAL_FAILING,
                              overview->journal_error[0] != '\0');
    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_UNJOURNALED,
                              overview->unjournaled);
    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_UNLOGGED_REFUSALS,
                              overview->unlogged_refusals);
    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_UNLOGGED_CONTENT,
                              overview->unlogged_content);
}


static void
ngx_http_llm_metrics_store(ngx_http_llm_metrics_t *metrics)
{
    llm_buf_t                *buf;
    ngx_http_llm_overview_t  *overview;

    overview = &metrics->overview;

    if (metrics->lmcf->store == NULL) {
        return;
    }

    ngx_http_llm_metrics_journal(metrics);

    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_STORE_FAILING,
                              overview->store_error[0] != '\0');

    if (overview->stored_ms) {
        buf = ngx_http_llm_sample(metrics, NGX_HTTP_LLM_M_STORE_LAG);
        llm_buf_printf(buf, "%.3f\n",
                       (double) (overview->now_ms - overview->stored_ms)
                       / 1000);
    }

    if (overview->store_error_ms) {
        buf = ngx_http_llm_sample(metrics, NGX_HTTP_LLM_M_STORE_ERROR_TIME);
        llm_buf_printf(buf, "%" PRId64 "\n",
                       overview->store_error_ms / 1000);
    }
}


static void
ngx_http_llm_metrics_alerts(ngx_http_llm_metrics_t *metrics)
{
    llm_buf_t                    *buf;
    ngx_uint_t                    i;
    ngx_http_llm_alerts_state_t  *alerts;

    alerts = &metrics->overview.alerts;

    struct {
        const char  *result;
        uint64_t     value;
    } counts[] = {
        { "ok", alerts->delivered },
        { "failed", alerts->failed },
        { "given_up", alerts->given_up }
    };

    if (metrics->lmcf->webhooks == NULL) {
        return;
    }

    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        buf = ngx_http_llm_sample_with(metrics, NGX_HTTP_LLM_M_DELIVERIES,
                                       "result", counts[i].result);
        llm_buf_printf(buf, "%" PRIu64 "\n", counts[i].value);
    }

    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_DELIVERIES_PENDING,
                              alerts->pending);
}


static void
ngx_http_llm_metrics_refusals(ngx_http_llm_metrics_t *metrics)
{
    llm_buf_t   *buf;
    ngx_uint_t   i;

    for (i = 0; i < LLM_REFUSE_REASONS; i++) {
        buf = ngx_http_llm_sample_with(metrics, NGX_HTTP_LLM_M_REFUSALS,
                                       "reason", llm_refusal_name(i).data);
        llm_buf_printf(buf, "%" PRIu64 "\n", metrics->overview.refusals[i]);
    }
}


static void
ngx_http_llm_metrics_zone(ngx_http_llm_metrics_t *metrics)
{
    llm_buf_t                *buf;
    ngx_http_llm_overview_t  *overview;

    overview = &metrics->overview;

    buf = ngx_http_llm_sample_with(metrics, NGX_HTTP_LLM_M_ZONE, "state",
                                   "used");
    llm_buf_printf(buf, "%zu\n", overview->size - overview->free);

    buf = ngx_http_llm_sample_with(metrics, NGX_HTTP_LLM_M_ZONE, "state",
                                   "free");
    llm_buf_printf(buf, "%zu\n", overview->free);
}


static void
ngx_http_llm_metrics_overview(ngx_http_llm_metrics_t *metrics)
{
    ngx_uint_t                i;
    ngx_http_llm_overview_t  *overview;

    overview = &metrics->overview;

    struct {
        ngx_http_llm_family_t   family;
        uint64_t                value;
    } counts[] = {
        { NGX_HTTP_LLM_M_UNPRICED, overview->unpriced_requests },
        { NGX_HTTP_LLM_M_ABORTS, overview->client_aborts },
        { NGX_HTTP_LLM_M_DRAINED, overview->drained },
        { NGX_HTTP_LLM_M_HOLDS, overview->nholds },
        { NGX_HTTP_LLM_M_HOLDS_RECOVERED, overview->recovered },
        { NGX_HTTP_LLM_M_SERIES, overview->nseries }
    };

    ngx_http_llm_labels_reset(metrics);

    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        ngx_http_llm_sample_count(metrics, counts[i].family, counts[i].value);
    }

    ngx_http_llm_sample_histogram(metrics, NGX_HTTP_LLM_M_OVERHEAD,
                                  &overview->overhead_us,
                                  llm_overhead_bounds_us,
                                  LLM_OVERHEAD_BUCKETS, 1000);

    ngx_http_llm_metrics_refusals(metrics);
    ngx_http_llm_metrics_zone(metrics);
    ngx_http_llm_metrics_store(metrics);
    ngx_http_llm_metrics_alerts(metrics);

    ngx_http_llm_label(metrics, "version", llm_str(NGX_HTTP_LLM_GOV_VERSION));
    ngx_http_llm_label(metrics, "nginx", llm_str(NGINX_VERSION));
    ngx_http_llm_sample_count(metrics, NGX_HTTP_LLM_M_BUILD_INFO, 1);
}


static ngx_int_t
ngx_http_llm_metrics_write(ngx_http_llm_metrics_t *metrics)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_LLM_M_FAMILIES; i++) {
        ngx_http_llm_family_head(metrics, i, ngx_http_llm_families[i].type,
                                 ngx_http_llm_families[i].help);
    }

    ngx_http_llm_overview(metrics->lmcf, &metrics->overview);
    ngx_http_llm_metrics_overview(metrics);

    if (ngx_http_llm_metrics_series(metrics) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_llm_metrics_accounts(metrics);
}


ngx_int_t
ngx_http_llm_metrics_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_llm_metrics_t    *metrics;
    ngx_http_llm_main_conf_t  *lmcf;

    static ngx_str_t  type =
        ngx_string("text/plain; version=0.0.4; charset=utf-8");

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_llm_gov_module);

    rc = ngx_http_llm_respond_begin(r, lmcf);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    metrics = ngx_pcalloc(r->pool, sizeof(ngx_http_llm_metrics_t));
    if (metrics == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    metrics->lmcf = lmcf;
    metrics->pool = r->pool;
    metrics->families = ngx_http_llm_respond_bufs(r,
                                                  NGX_HTTP_LLM_M_FAMILIES + 1);
    if (metrics->families == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    metrics->labels = &metrics->families[NGX_HTTP_LLM_M_FAMILIES];

    if (ngx_http_llm_metrics_write(metrics) != NGX_OK
        || metrics->labels->failed)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_llm_respond(r, NGX_HTTP_OK, &type, metrics->families,
                                NGX_HTTP_LLM_M_FAMILIES);
}
