/*
 * The status page for people: accounts and their limits.
 */

#include "html.h"

#include <inttypes.h>


/* percent of a limit, for the bar only */
static unsigned
ngx_http_llm_html_percent(int64_t part, int64_t whole)
{
    double  percent;

    if (whole <= 0 || part <= 0) {
        return part > 0 ? 100 : 0;
    }

    percent = (double) part * 100 / (double) whole;

    return percent > 100 ? 100 : (unsigned) percent;
}


static void
ngx_http_llm_html_bar(llm_buf_t *buf, const ngx_http_llm_limit_state_t *state)
{
    unsigned  used, held;

    used = ngx_http_llm_html_percent(state->used, state->limit->amount);
    held = ngx_http_llm_html_percent(state->held, state->limit->amount);

    if (held > 100 - used) {
        held = 100 - used;
    }

    llm_buf_printf(buf, "<td><span class=\"bar%s\" role=\"img\" "
                   "aria-label=\"%u %% used, %u %% held\" title=\"%u %% used, "
                   "%u %% held\"><i style=\"width:%u%%\"></i>"
                   "<i class=\"held\" style=\"width:%u%%\"></i></span></td>",
                   state->remaining == 0 ? " over" : "", used, held, used,
                   held, used, held);
}


static void
ngx_http_llm_html_limit(llm_buf_t *buf,
    const ngx_http_llm_limit_state_t *state)
{
    char                text[16];
    llm_str_t           window;
    const llm_limit_t  *limit;

    limit = state->limit;
    window = ngx_http_llm_limit_window(limit, text);

    llm_buf_str(buf, llm_str("<td>"));
    llm_buf_str(buf, limit->metric == LLM_METRIC_COST
                     ? llm_str("budget")
                     : ngx_http_llm_metric_name(limit->metric));

    if (window.len) {
        llm_buf_printf(buf, " / %.*s", (int) window.len, window.data);
    }

    if (limit->mode != LLM_LIMIT_NORMAL) {
        llm_buf_printf(buf, " <span class=\"dim\">%s</span>",
                       ngx_http_llm_mode_name(limit->mode).data);
    }

    llm_buf_str(buf, llm_str("</td>"));

    ngx_http_llm_html_number(buf, limit->metric, limit->amount);
    ngx_http_llm_html_number(buf, limit->metric, state->used);
    ngx_http_llm_html_number(buf, limit->metric, state->held);
    ngx_http_llm_html_number(buf, limit->metric, state->remaining);
    ngx_http_llm_html_bar(buf, state);

    llm_buf_str(buf, llm_str("<td>"));

    if (limit->metric != LLM_METRIC_CONCURRENCY) {
        ngx_http_llm_html_time(buf, state->reset_ms);
    }

    llm_buf_str(buf, llm_str("</td>"));
}


static void
ngx_http_llm_html_sums(llm_buf_t *buf,
    const ngx_http_llm_account_state_t *state, llm_str_t above)
{
    ngx_http_llm_html_cell(buf, above);
    ngx_http_llm_html_number(buf, LLM_METRIC_COST, state->spent.cost);
    ngx_http_llm_html_number(buf, LLM_METRIC_REQUESTS, state->spent.requests);
    ngx_http_llm_html_number(buf, LLM_METRIC_INPUT_TOKENS,
                             state->spent.input_tokens);
    ngx_http_llm_html_number(buf, LLM_METRIC_OUTPUT_TOKENS,
                             state->spent.output_tokens);
    ngx_http_llm_html_number(buf, LLM_METRIC_CONCURRENCY,
                             state->held.requests);
    ngx_http_llm_html_number(buf, LLM_METRIC_REQUESTS,
                             (int64_t) state->refused);
    llm_buf_str(buf, llm_str("</tr>\n"));
}


/* one row for each limit; the account's name is beside all of them, its sums
 * are in the first */
static void
ngx_http_llm_html_account(llm_buf_t *buf,
    const ngx_http_llm_account_state_t *state, llm_str_t above)
{
    ngx_uint_t  i;

    llm_buf_printf(buf, "<tr class=\"first\"><td class=\"text name\" "
                   "rowspan=\"%" PRIu64 "\">",
                   (uint64_t) ngx_max(state->nlimits, 1));
    ngx_http_llm_html_text(buf, ngx_http_llm_str(state->name));
    llm_buf_str(buf, llm_str("</td>"));

    if (state->nlimits == 0) {
        llm_buf_str(buf, llm_str("<td class=\"dim\" colspan=\"7\">no limit"
                                 "</td>"));

    } else {
        ngx_http_llm_html_limit(buf, &state->limits[0]);
    }

    ngx_http_llm_html_sums(buf, state, above);

    for (i = 1; i < state->nlimits; i++) {
        llm_buf_str(buf, llm_str("<tr>"));
        ngx_http_llm_html_limit(buf, &state->limits[i]);
        llm_buf_str(buf, llm_str("<td colspan=\"7\"></td></tr>\n"));
    }
}


static void
ngx_http_llm_html_accounts(llm_buf_t *buf, const char *title,
    const char *above)
{
    ngx_uint_t   i;

    const char  *columns[] = {
        "Name", "Limit", "#Of", "#Used", "#Held", "#Remaining", "Use",
        "Resets (UTC)", above, "#Spent", "#Requests", "#Input tokens",
        "#Output tokens", "#In flight", "#Refused"
    };

    i = sizeof(columns) / sizeof(columns[0]);

    ngx_http_llm_html_table(buf, title, columns, i);
}


static llm_str_t
ngx_http_llm_html_above(ngx_http_llm_tenant_t *tenant)
{
    return tenant->parent ? ngx_http_llm_str(tenant->parent->name)
                          : llm_str("");
}


static ngx_int_t
ngx_http_llm_html_tenants(ngx_http_llm_status_t *status, llm_buf_t *buf,
    const char *title, const char *above, ngx_array_t *tenants)
{
    ngx_uint_t               i;
    ngx_http_llm_page_t      page;
    ngx_http_llm_tenant_t  **tenant;

    tenant = tenants->elts;
    page = ngx_http_llm_status_page(status, tenants);

    if (page.first == page.end) {
        return NGX_OK;
    }

    ngx_http_llm_html_accounts(buf, title, above);

    for (i = page.first; i < page.end; i++) {
        if (ngx_http_llm_tenant_state(status->lmcf, status->pool, tenant[i],
                                      &status->state)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_llm_html_account(buf, &status->state,
                                  ngx_http_llm_html_above(tenant[i]));
    }

    ngx_http_llm_html_table_end(buf);

    if (tenants->nelts > NGX_HTTP_LLM_PAGE) {
        llm_buf_printf(buf, "<p>%" PRIu64 " to %" PRIu64 " of %" PRIu64
                       "</p>\n", (uint64_t) page.first + 1,
                       (uint64_t) page.end, (uint64_t) tenants->nelts);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_html_provider_accounts(ngx_http_llm_status_t *status,
    llm_buf_t *buf)
{
    ngx_uint_t                 i;
    ngx_http_llm_provider_t  **provider;

    provider = status->lmcf->providers.elts;

    ngx_http_llm_html_accounts(buf, "Providers", "Region");

    for (i = 0; i < status->lmcf->providers.nelts; i++) {
        if (ngx_http_llm_provider_state(status->lmcf, status->pool,
                                        provider[i], &status->state)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_llm_html_account(buf, &status->state,
                                  ngx_http_llm_str(provider[i]->region));
    }

    ngx_http_llm_html_table_end(buf);

    return NGX_OK;
}


static void
ngx_http_llm_html_failing(llm_buf_t *buf, llm_str_t error)
{
    if (error.len == 0) {
        return;
    }

    llm_buf_str(buf, llm_str(", <span class=\"bad\">failing: "));
    ngx_http_llm_html_text(buf, error);
    llm_buf_str(buf, llm_str("</span>"));
}


static void
ngx_http_llm_html_store(llm_buf_t *buf, ngx_http_llm_main_conf_t *lmcf,
    const ngx_http_llm_overview_t *overview)
{
    if (lmcf->store == NULL) {
        llm_buf_str(buf, llm_str("<p>No llm_store: a restart forgets what was "
                                 "spent.</p>\n"));
        return;
    }

    llm_buf_str(buf, llm_str("<p>Store: last written "));
    ngx_http_llm_html_time(buf, overview->stored_ms);
    llm_buf_printf(buf, ", %" PRIu64 " bytes of the journal wait",
                   overview->store_lag);

    ngx_http_llm_html_failing(buf,
                              ngx_http_llm_cstr(overview->store_error,
                                                sizeof(overview
                                                       ->store_error)));
    ngx_http_llm_html_failing(buf,
                              ngx_http_llm_cstr(overview->journal_error,
                                                sizeof(overview
                                                       ->journal_error)));

    llm_buf_str(buf, llm_str("</p>\n"));
}


static void
ngx_http_llm_html_alerts(llm_buf_t *buf, ngx_http_llm_main_conf_t *lmcf,
    const ngx_http_llm_overview_t *overview)
{
    const ngx_http_llm_alerts_state_t  *alerts;

    if (lmcf->webhooks == NULL) {
        return;
    }

    alerts = &overview->alerts;

    llm_buf_printf(buf, "<p>Alerts: %" PRIu64 " delivered, %" PRIu64
                   " to be delivered, %" PRIu64 " given up",
                   alerts->delivered, alerts->pending, alerts->given_up);

    if (alerts->error_ms) {
        llm_buf_str(buf, llm_str("; last failure "));
        ngx_http_llm_html_time(buf, alerts->error_ms);
        llm_buf_str(buf, llm_str(": "));
        ngx_http_llm_html_text(buf,
                               ngx_http_llm_cstr(alerts->error,
                                                 sizeof(alerts->error)));
    }

    llm_buf_str(buf, llm_str("</p>\n"));
}


static void
ngx_http_llm_html_overview(llm_buf_t *buf, ngx_http_llm_main_conf_t *lmcf,
    const ngx_http_llm_overview_t *overview)
{
    llm_buf_str(buf, llm_str("<h1>LLM gateway</h1>\n<p>As of "));
    ngx_http_llm_html_time(buf, overview->now_ms);
    llm_buf_str(buf, llm_str(", counting since "));
    ngx_http_llm_html_time(buf, overview->created_ms);
    llm_buf_printf(buf, "; version %s on nginx %s; "
                   "<a href=\"?format=json\">JSON</a></p>\n",
                   NGX_HTTP_LLM_GOV_VERSION, NGINX_VERSION);

    llm_buf_printf(buf, "<p>%" PRIu64 " requests in flight, %" PRIu64
                   " admitted so far, %" PRIu64 " settled for workers that "
                   "died; %" PRIu64 " clients left early, %" PRIu64
                   " of their answers were read to the end.</p>\n",
                   (uint64_t) overview->nholds, overview->minted,
                   overview->recovered, overview->client_aborts,
                   overview->drained);

    llm_buf_printf(buf, "<p>Shared memory: %zu of %zu KB used by %" PRIu64
                   " accounts and %" PRIu64 " series.</p>\n",
                   (overview->size - overview->free) / 1024,
                   overview->size / 1024, (uint64_t) overview->naccounts,
                   (uint64_t) overview->nseries);

    if (overview->overhead_us.count) {
        llm_buf_printf(buf, "<p>Our own work on a request takes %.0f "
                       "\xc2\xb5s on average.</p>\n",
                       (double) overview->overhead_us.sum
                       / (double) overview->overhead_us.count);
    }

    ngx_http_llm_html_store(buf, lmcf, overview);
    ngx_http_llm_html_alerts(buf, lmcf, overview);
}


static void
ngx_http_llm_html_links(llm_buf_t *buf, const ngx_http_llm_status_t *status)
{
    ngx_uint_t        i;
    const ngx_str_t  *base;

    static const struct {
        const char  *name;
        const char  *title;
    } links[] = {
        { "dashboard/", "dashboard" },
        { "logs?format=ndjson&amp;limit=1000", "the last 1000 requests" },
        { "logs?format=csv&amp;limit=1000", "as CSV" },
        { "spend?group_by=team,model&amp;period=this_month",
          "spend of this month" },
        { "stats?group_by=provider,model&amp;period=24h",
          "latencies of 24 hours" },
        { NULL, NULL }
    };

    base = &status->base;

    if (base->data == NULL) {
        return;
    }

    llm_buf_str(buf, llm_str("<p>"));

    for (i = 0; links[i].name; i++) {
        if (i == 0 && !status->dashboard) {
            continue;
        }

        llm_buf_str(buf, llm_str("<a href=\""));

        if (base->len) {
            ngx_http_llm_html_text(buf, ngx_http_llm_str(*base));
            llm_buf_str(buf, llm_str("/"));
        }

        llm_buf_printf(buf, "%s\">%s</a>%s", links[i].name, links[i].title,
                       links[i + 1].name ? " \xc2\xb7 " : "");
    }

    llm_buf_str(buf, llm_str("</p>\n"));
}


static void
ngx_http_llm_html_refusals(llm_buf_t *buf,
    const ngx_http_llm_overview_t *overview)
{
    ngx_uint_t  i, n;

    static const char *const  columns[] = { "Reason", "#Refused requests" };

    ngx_http_llm_html_table(buf, "Refusals", columns, 2);

    n = 0;

    for (i = 0; i < LLM_REFUSE_REASONS; i++) {
        if (overview->refusals[i] == 0) {
            continue;
        }

        llm_buf_str(buf, llm_str("<tr class=\"first\">"));
        ngx_http_llm_html_cell(buf, llm_refusal_name(i));
        llm_buf_printf(buf, "<td class=\"n\">%" PRIu64 "</td></tr>\n",
                       overview->refusals[i]);
        n++;
    }

    if (n == 0) {
        llm_buf_str(buf, llm_str("<tr class=\"first\"><td class=\"dim\" "
                                 "colspan=\"2\">none</td></tr>\n"));
    }

    ngx_http_llm_html_table_end(buf);
}


static void
ngx_http_llm_html_unpriced(llm_buf_t *buf,
    const ngx_http_llm_overview_t *overview)
{
    llm_str_t   name;
    ngx_uint_t  i;

    if (overview->unpriced_requests == 0) {
        return;
    }

    llm_buf_printf(buf, "<h2>Models without a price</h2>\n<p>Requests: %"
                   PRIu64 ", lately for:</p>\n<ul>\n",
                   overview->unpriced_requests);

    for (i = 0; i < NGX_HTTP_LLM_UNPRICED_SHOWN; i++) {
        name = ngx_http_llm_cstr(overview->unpriced[i],
                                 NGX_HTTP_LLM_MODEL_SIZE);
        if (name.len == 0) {
            break;
        }

        llm_buf_str(buf, llm_str("<li>"));
        ngx_http_llm_html_text(buf, name);
        llm_buf_str(buf, llm_str("</li>\n"));
    }

    llm_buf_str(buf, llm_str("</ul>\n"));
}


ngx_int_t
ngx_http_llm_status_html(ngx_http_llm_status_t *status, llm_buf_t *buf)
{
    ngx_uint_t                 next;
    ngx_http_llm_main_conf_t  *lmcf;

    lmcf = status->lmcf;

    ngx_http_llm_html_begin(buf);
    ngx_http_llm_html_overview(buf, lmcf, &status->overview);
    ngx_http_llm_html_links(buf, status);

    if (ngx_http_llm_html_tenants(status, buf, "Customers", "",
                                  &lmcf->customers)
        != NGX_OK
        || ngx_http_llm_html_tenants(status, buf, "Teams", "Customer",
                                     &lmcf->teams)
           != NGX_OK
        || ngx_http_llm_html_tenants(status, buf, "Virtual keys",
                                     "Team or customer", &lmcf->virtual_keys)
           != NGX_OK
        || ngx_http_llm_html_provider_accounts(status, buf) != NGX_OK
        || ngx_http_llm_html_providers(status, buf) != NGX_OK
        || (status->usage && ngx_http_llm_html_usage(status, buf) != NGX_OK))
    {
        return NGX_ERROR;
    }

    ngx_http_llm_html_refusals(buf, &status->overview);
    ngx_http_llm_html_unpriced(buf, &status->overview);

    next = ngx_http_llm_status_next(status);

    if (next) {
        llm_buf_printf(buf, "<p><a href=\"?format=html&amp;offset=%" PRIu64
                       "\">more accounts</a></p>\n", (uint64_t) next);
    }

    ngx_http_llm_html_end(buf);

    return NGX_OK;
}
