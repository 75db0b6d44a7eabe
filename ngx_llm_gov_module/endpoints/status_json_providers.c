/*
 * Providers as JSON: how they are, and how fast.
 */

#include "status_json.h"

#include <inttypes.h>


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
                       llm_attempt_result_text(i).data, attempts[i]);
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
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_histogram(buf, "latency", &state->latency_ms,
                                llm_latency_bounds_ms, LLM_LATENCY_BUCKETS,
                                1000);
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_histogram(buf, "first_token", &state->first_token_ms,
                                llm_latency_bounds_ms, LLM_LATENCY_BUCKETS,
                                1000);

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


ngx_int_t
ngx_http_llm_json_providers(ngx_http_llm_status_t *status, llm_buf_t *buf)
{
    ngx_uint_t                 i, shown;
    ngx_http_llm_provider_t  **provider;

    shown = 0;
    provider = status->lmcf->providers.elts;

    llm_buf_str(buf, llm_str(",\n\"providers\":["));

    for (i = 0; i < status->lmcf->providers.nelts; i++) {
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
