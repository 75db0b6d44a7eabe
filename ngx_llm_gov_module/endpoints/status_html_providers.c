/*
 * How the providers are: health, addresses, credentials, attempts.
 */

#include "html.h"

#include <inttypes.h>


static void
ngx_http_llm_html_health(llm_buf_t *buf,
    const ngx_http_llm_account_state_t *state,
    const ngx_http_llm_credentials_state_t *credentials, int64_t now_ms)
{
    llm_health_state_t  health;

    health = llm_health_state(&state->health, now_ms);

    llm_buf_str(buf, llm_str("<td>"));

    if (health == LLM_HEALTH_RESTING) {
        llm_buf_str(buf, llm_str("<span class=\"bad\">resting</span> until "));
        ngx_http_llm_html_time(buf, state->health.open_until_ms);

    } else if (!ngx_http_llm_provider_up(state, credentials, now_ms)) {
        llm_buf_str(buf, llm_str("<span class=\"bad\">cannot be called"
                                 "</span>"));

    } else if (health == LLM_HEALTH_PROBE) {
        llm_buf_str(buf, llm_str("to be tried again"));

    } else {
        llm_buf_str(buf, llm_str("<span class=\"good\">ok</span>"));
    }

    llm_buf_printf(buf, "<br><span class=\"dim\">failures: %" PRIu64
                   ", rests: %" PRIu64 "</span></td>",
                   state->health.failures_total, state->health.opened_total);
}


static void
ngx_http_llm_html_endpoint(llm_buf_t *buf, ngx_http_llm_provider_t *provider)
{
    size_t                  len;
    u_char                  text[NGX_SOCKADDR_STRLEN];
    llm_str_t               error;
    ngx_uint_t              i, n;
    ngx_http_llm_address_t  addresses[NGX_HTTP_LLM_ADDRESSES];

    llm_buf_str(buf, llm_str("<td>"));
    ngx_http_llm_html_text(buf, ngx_http_llm_endpoint_host(provider));

    if (!provider->endpoint.tls) {
        llm_buf_str(buf, llm_str(" <span class=\"bad\">without TLS</span>"));
    }

    n = ngx_http_llm_slot_addresses(provider->slot, addresses);

    for (i = 0; i < n; i++) {
        len = ngx_sock_ntop(&addresses[i].sockaddr.sockaddr,
                            addresses[i].socklen, text,
                            NGX_SOCKADDR_STRLEN, 1);
        llm_buf_printf(buf, "<br><span class=\"dim\">%.*s</span>", (int) len,
                       (char *) text);
    }

    error = ngx_http_llm_cstr(provider->slot->resolve_error,
                              sizeof(provider->slot->resolve_error));

    if (error.len) {
        llm_buf_str(buf, llm_str("<br><span class=\"bad\">"));
        ngx_http_llm_html_text(buf, error);
        llm_buf_str(buf, llm_str("</span>"));
    }

    llm_buf_str(buf, llm_str("</td>"));
}


static void
ngx_http_llm_html_credentials(llm_buf_t *buf,
    const ngx_http_llm_credentials_state_t *credentials)
{
    llm_buf_str(buf, llm_str("<td class=\"wrap\">"));

    if (!credentials->present) {
        llm_buf_str(buf, llm_str("<span class=\"bad\">none yet</span>"));

    } else {
        ngx_http_llm_html_text(buf,
                               ngx_http_llm_cstr(credentials->source,
                                                 sizeof(credentials->source)));
        llm_buf_str(buf, credentials->bearer ? llm_str(", API key, expires ")
                                             : llm_str(", expires "));
        ngx_http_llm_html_time(buf, credentials->expires_ms);
    }

    if (credentials->error[0] != '\0') {
        llm_buf_str(buf, llm_str("<br><span class=\"bad\">"));
        ngx_http_llm_html_text(buf,
                               ngx_http_llm_cstr(credentials->error,
                                                 sizeof(credentials->error)));
        llm_buf_str(buf, llm_str("</span> at "));
        ngx_http_llm_html_time(buf, credentials->error_ms);
    }

    llm_buf_str(buf, llm_str("</td>"));
}


static void
ngx_http_llm_html_attempts(llm_buf_t *buf, const uint64_t *attempts)
{
    ngx_uint_t   i;
    const char  *separator;

    separator = "";

    llm_buf_str(buf, llm_str("<td class=\"wrap\">"));

    for (i = 0; i < NGX_HTTP_LLM_ATTEMPTS; i++) {
        if (attempts[i]) {
            llm_buf_printf(buf, "%s%" PRIu64 " %s", separator, attempts[i],
                           llm_attempt_result_text(i).data);
            separator = ", ";
        }
    }

    llm_buf_str(buf, llm_str("</td>"));
}


static void
ngx_http_llm_html_latency(llm_buf_t *buf, const llm_histogram_t *histogram)
{
    if (histogram->count == 0) {
        llm_buf_str(buf, llm_str("<td></td>"));
        return;
    }

    llm_buf_printf(buf, "<td class=\"n\">%.3f s"
                   "<br><span class=\"dim\">p95 %.3f s</span></td>",
                   (double) histogram->sum / (double) histogram->count / 1000,
                   ngx_http_llm_quantile(histogram, llm_latency_bounds_ms,
                                         LLM_LATENCY_BUCKETS, 0.95) / 1000);
}


static void
ngx_http_llm_html_calls(llm_buf_t *buf,
    const ngx_http_llm_account_state_t *state)
{
    ngx_http_llm_html_attempts(buf, state->attempts);
    ngx_http_llm_html_latency(buf, &state->latency_ms);
    ngx_http_llm_html_latency(buf, &state->first_token_ms);
    llm_buf_str(buf, llm_str("</tr>\n"));
}


static void
ngx_http_llm_html_provider(llm_buf_t *buf,
    const ngx_http_llm_account_state_t *state, int64_t now_ms)
{
    ngx_http_llm_provider_t           *provider;
    ngx_http_llm_credentials_state_t   credentials;

    provider = state->provider;

    llm_buf_str(buf, llm_str("<tr class=\"first\">"
                             "<td class=\"text name\">"));
    ngx_http_llm_html_text(buf, ngx_http_llm_str(provider->name));
    llm_buf_str(buf, llm_str("</td>"));

    if (provider->governed) {
        llm_buf_str(buf, llm_str("<td class=\"dim\" colspan=\"4\">governed "
                                 "location (llm_govern)</td>"));
        ngx_http_llm_html_calls(buf, state);
        return;
    }

    ngx_http_llm_credentials_state(provider, &credentials);

    ngx_http_llm_html_health(buf, state, &credentials, now_ms);
    ngx_http_llm_html_cell(buf, provider->model.len
                                ? ngx_http_llm_str(provider->model)
                                : llm_str("as asked"));
    ngx_http_llm_html_endpoint(buf, provider);
    ngx_http_llm_html_credentials(buf, &credentials);
    ngx_http_llm_html_calls(buf, state);
}


ngx_int_t
ngx_http_llm_html_providers(ngx_http_llm_status_t *status, llm_buf_t *buf)
{
    ngx_uint_t                 i;
    ngx_http_llm_provider_t  **provider;

    static const char *const  columns[] = {
        "Name", "Health", "Model", "Endpoint", "Credentials", "Attempts",
        "#Answer", "#First token"
    };

    provider = status->lmcf->providers.elts;

    ngx_http_llm_html_table(buf, "Health of the providers", columns, 8);

    for (i = 0; i < status->lmcf->providers.nelts; i++) {
        if (ngx_http_llm_provider_state(status->lmcf, status->pool,
                                        provider[i], &status->state)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_llm_html_provider(buf, &status->state,
                                   status->overview.now_ms);
    }

    ngx_http_llm_html_table_end(buf);

    return NGX_OK;
}
