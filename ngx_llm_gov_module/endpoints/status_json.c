/*
 * The status page as JSON.  Money is in dollars, times are RFC 3339; what does
 * not apply is null.
 */

#include "status.h"

#include <inttypes.h>


static void
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


/* null where it is empty */
static void
ngx_http_llm_json_text(llm_buf_t *buf, const char *name, llm_str_t text)
{
    llm_buf_printf(buf, "\"%s\":", name);

    if (text.len == 0) {
        llm_buf_str(buf, llm_str("null"));
        return;
    }

    llm_buf_json_string(buf, text);
}


static void
ngx_http_llm_json_amounts(llm_buf_t *buf, const char *name,
    const llm_amounts_t *amounts)
{
    llm_buf_printf(buf, "\"%s\":{\"cost\":", name);
    llm_buf_dollars(buf, amounts->cost);
    llm_buf_printf(buf, ",\"requests\":%" PRId64 ",\"input_tokens\":%" PRId64
                   ",\"output_tokens\":%" PRId64 "}", amounts->requests,
                   amounts->input_tokens, amounts->output_tokens);
}


static void
ngx_http_llm_json_limit(llm_buf_t *buf,
    const ngx_http_llm_limit_state_t *state)
{
    char                text[16];
    ngx_uint_t          i;
    const llm_limit_t  *limit;

    struct {
        const char     *name;
        int64_t         amount;
    } parts[] = {
        { "limit", state->limit->amount },
        { "used", state->used },
        { "held", state->held },
        { "remaining", state->remaining }
    };

    limit = state->limit;

    llm_buf_str(buf, llm_str("{"));
    ngx_http_llm_json_text(buf, "metric",
                           ngx_http_llm_metric_name(limit->metric));
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_text(buf, "window",
                           ngx_http_llm_limit_window(limit, text));
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_text(buf, "mode", ngx_http_llm_mode_name(limit->mode));

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        llm_buf_printf(buf, ",\"%s\":", parts[i].name);
        ngx_http_llm_show_amount(buf, limit->metric, parts[i].amount);
    }

    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_time(buf, "resets", state->reset_ms);
    llm_buf_str(buf, llm_str("}"));
}


/* what all accounts have; the object stays open */
static void
ngx_http_llm_json_account(llm_buf_t *buf,
    const ngx_http_llm_account_state_t *state)
{
    ngx_uint_t  i;

    llm_buf_str(buf, llm_str("{\"name\":"));
    llm_buf_json_string(buf, ngx_http_llm_str(state->name));
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_amounts(buf, "spent", &state->spent);
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_amounts(buf, "held", &state->held);
    llm_buf_printf(buf, ",\"in_flight\":%" PRId64 ",\"refused\":%" PRIu64
                   ",\"limits\":[", state->held.requests, state->refused);

    for (i = 0; i < state->nlimits; i++) {
        if (i) {
            llm_buf_str(buf, llm_str(","));
        }

        ngx_http_llm_json_limit(buf, &state->limits[i]);
    }

    llm_buf_str(buf, llm_str("]"));
}


static void
ngx_http_llm_json_above(llm_buf_t *buf, const char *name,
    ngx_http_llm_tenant_t *tenant, llm_account_kind_t kind)
{
    ngx_http_llm_tenant_t  *above;

    if (tenant->kind <= kind) {
        return;
    }

    above = ngx_http_llm_status_above(tenant, kind);

    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_text(buf, name, above ? ngx_http_llm_str(above->name)
                                            : llm_str(""));
}


static ngx_int_t
ngx_http_llm_json_tenants(ngx_http_llm_status_t *status, llm_buf_t *buf,
    const char *name, ngx_array_t *tenants)
{
    ngx_uint_t               i;
    ngx_http_llm_page_t      page;
    ngx_http_llm_tenant_t  **tenant;

    tenant = tenants->elts;
    page = ngx_http_llm_status_page(status, tenants);

    llm_buf_printf(buf, ",\n\"%s\":[", name);

    for (i = page.first; i < page.end; i++) {
        if (ngx_http_llm_tenant_state(status->lmcf, status->pool, tenant[i],
                                      &status->state)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        llm_buf_str(buf, i > page.first ? llm_str(",\n") : llm_str("\n"));
        ngx_http_llm_json_account(buf, &status->state);
        ngx_http_llm_json_above(buf, "team", tenant[i], LLM_ACCOUNT_TEAM);
        ngx_http_llm_json_above(buf, "customer", tenant[i],
                                LLM_ACCOUNT_CUSTOMER);
        llm_buf_str(buf, llm_str("}"));
    }

    llm_buf_str(buf, llm_str("]"));

    return NGX_OK;
}


static void
ngx_http_llm_json_addresses(llm_buf_t *buf, ngx_http_llm_slot_t *slot)
{
    size_t                  len;
    u_char                  text[NGX_SOCKADDR_STRLEN];
    ngx_uint_t              i, n;
    ngx_http_llm_address_t  addresses[NGX_HTTP_LLM_ADDRESSES];

    n = ngx_http_llm_slot_addresses(slot, addresses);

    llm_buf_str(buf, llm_str(",\"addresses\":["));

    for (i = 0; i < n; i++) {
        len = ngx_sock_ntop(&addresses[i].sockaddr.sockaddr,
                            addresses[i].socklen, text,
                            NGX_SOCKADDR_STRLEN, 1);

        llm_buf_printf(buf, "%s\"%.*s\"", i ? "," : "", (int) len,
                       (char *) text);
    }

    llm_buf_str(buf, llm_str("],"));
    ngx_http_llm_json_time(buf, "resolved", slot->resolved_ms);
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_text(buf, "resolve_error",
                           ngx_http_llm_cstr(slot->resolve_error,
                                             sizeof(slot->resolve_error)));
}


static void
ngx_http_llm_json_credentials(llm_buf_t *buf,
    const ngx_http_llm_credentials_state_t *state)
{
    llm_buf_printf(buf, ",\"credentials\":{\"present\":%s,\"kind\":",
                   state->present ? "true" : "false");
    llm_buf_str(buf, !state->present ? llm_str("null")
                     : state->bearer ? llm_str("\"bearer\"")
                                     : llm_str("\"sigv4\""));
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_text(buf, "source",
                           ngx_http_llm_cstr(state->source,
                                             sizeof(state->source)));
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_time(buf, "expires", state->expires_ms);
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_time(buf, "fetched", state->fetched_ms);
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_text(buf, "error",
                           ngx_http_llm_cstr(state->error,
                                             sizeof(state->error)));
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_time(buf, "error_at",
                           state->error[0] ? state->error_ms : 0);
    llm_buf_str(buf, llm_str("}"));
}


static void
ngx_http_llm_json_health(llm_buf_t *buf, const llm_health_t *health,
    int64_t now_ms)
{
    llm_health_state_t  state;

    static const char  *names[] = { "ok", "resting", "probe" };

    state = llm_health_state(health, now_ms);

    llm_buf_printf(buf, ",\"health\":{\"state\":\"%s\",\"failures\":%" PRIu32
                   ",\"failures_total\":%" PRIu64 ",\"opened_total\":%" PRIu64
                   ",", names[state], health->failures,
                   health->failures_total, health->opened_total);
    ngx_http_llm_json_time(buf, "open_until", health->open_until_ms);
    llm_buf_str(buf, llm_str("}"));
}


static void
ngx_http_llm_json_attempts(llm_buf_t *buf, const uint64_t *attempts)
{
    ngx_uint_t  i;

    llm_buf_str(buf, llm_str(",\"attempts\":{"));

    for (i = 0; i < NGX_HTTP_LLM_ATTEMPTS; i++) {
        llm_buf_printf(buf, "%s\"%s\":%" PRIu64, i ? "," : "",
                       ngx_http_llm_attempt_name(i).data, attempts[i]);
    }

    llm_buf_str(buf, llm_str("}"));
}


static void
ngx_http_llm_json_provider(llm_buf_t *buf,
    const ngx_http_llm_account_state_t *state, int64_t now_ms)
{
    ngx_http_llm_provider_t           *provider;
    ngx_http_llm_credentials_state_t   credentials;

    provider = state->provider;

    ngx_http_llm_json_account(buf, state);
    ngx_http_llm_json_attempts(buf, state->attempts);

    if (provider->governed) {
        llm_buf_str(buf, llm_str(",\"governed\":true}"));
        return;
    }

    ngx_http_llm_credentials_state(provider, &credentials);

    llm_buf_printf(buf, ",\"governed\":false,\"up\":%s,",
                   ngx_http_llm_provider_up(state, &credentials, now_ms)
                   ? "true" : "false");
    ngx_http_llm_json_text(buf, "region", ngx_http_llm_str(provider->region));
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_text(buf, "model", ngx_http_llm_str(provider->model));
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_text(buf, "endpoint",
                           ngx_http_llm_endpoint_host(provider));
    llm_buf_printf(buf, ",\"tls\":%s",
                   provider->endpoint.tls ? "true" : "false");

    ngx_http_llm_json_health(buf, &state->health, now_ms);
    ngx_http_llm_json_addresses(buf, provider->slot);
    ngx_http_llm_json_credentials(buf, &credentials);
    llm_buf_str(buf, llm_str("}"));
}


static ngx_int_t
ngx_http_llm_json_providers(ngx_http_llm_status_t *status, llm_buf_t *buf)
{
    ngx_uint_t                 i, shown;
    ngx_http_llm_provider_t  **provider;

    shown = 0;
    provider = status->lmcf->providers.elts;

    llm_buf_str(buf, llm_str(",\n\"providers\":["));

    for (i = 0; i < status->lmcf->providers.nelts; i++) {

        if (ngx_http_llm_provider_repeated(status->lmcf, i)) {
            continue;
        }

        if (ngx_http_llm_provider_state(status->lmcf, status->pool,
                                        provider[i], &status->state)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        llm_buf_str(buf, shown++ ? llm_str(",\n") : llm_str("\n"));
        ngx_http_llm_json_provider(buf, &status->state,
                                   status->overview.now_ms);
    }

    llm_buf_str(buf, llm_str("]"));

    return NGX_OK;
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
    ngx_http_llm_json_time(buf, "mirrored", overview->mirrored_ms);
    llm_buf_str(buf, llm_str(",\"lag_seconds\":"));

    if (overview->mirrored_ms == 0) {
        llm_buf_str(buf, llm_str("null"));

    } else {
        llm_buf_printf(buf, "%.3f",
                       (double) (overview->now_ms - overview->mirrored_ms)
                       / 1000);
    }

    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_text(buf, "error",
                           ngx_http_llm_cstr(overview->mirror_error,
                                             sizeof(overview->mirror_error)));
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_time(buf, "error_at", overview->mirror_error_ms);
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
    ngx_http_llm_json_counts(buf, &status->overview);

    if (ngx_http_llm_json_tenants(status, buf, "customers", &lmcf->customers)
        != NGX_OK
        || ngx_http_llm_json_tenants(status, buf, "teams", &lmcf->teams)
           != NGX_OK
        || ngx_http_llm_json_tenants(status, buf, "virtual_keys",
                                     &lmcf->virtual_keys)
           != NGX_OK
        || ngx_http_llm_json_providers(status, buf) != NGX_OK)
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
