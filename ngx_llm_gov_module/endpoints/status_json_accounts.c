/*
 * Accounts and their limits as JSON.
 */

#include "status_json.h"

#include <inttypes.h>


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
    const ngx_http_llm_limit_state_t *state,
    ngx_http_llm_limits_shown_t shown)
{
    char                text[16];
    ngx_uint_t          i;
    const llm_limit_t  *limit;

    struct {
        const char     *name;
        int64_t         amount;
    } parts[] = {
        { "limit", state->limit->amount },
        { shown == NGX_HTTP_LLM_LIMITS_LIVE ? "spent" : "used", state->used },
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

    i = (shown == NGX_HTTP_LLM_LIMITS_LEFT) ? 3 : 0;

    for ( /* void */ ; i < sizeof(parts) / sizeof(parts[0]); i++) {
        llm_buf_printf(buf, ",\"%s\":", parts[i].name);
        ngx_http_llm_show_amount(buf, limit->metric, parts[i].amount);
    }

    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_time(buf, "resets", state->reset_ms);
    llm_buf_str(buf, llm_str("}"));
}


void
ngx_http_llm_json_limits(llm_buf_t *buf,
    const ngx_http_llm_account_state_t *state,
    ngx_http_llm_limits_shown_t shown)
{
    ngx_uint_t  i;

    llm_buf_str(buf, llm_str("\"limits\":["));

    for (i = 0; i < state->nlimits; i++) {
        if (i) {
            llm_buf_str(buf, llm_str(","));
        }

        ngx_http_llm_json_limit(buf, &state->limits[i], shown);
    }

    llm_buf_str(buf, llm_str("]"));
}


void
ngx_http_llm_json_account(llm_buf_t *buf,
    const ngx_http_llm_account_state_t *state)
{
    llm_buf_str(buf, llm_str("{\"name\":"));
    llm_buf_json_string(buf, ngx_http_llm_str(state->name));
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_amounts(buf, "spent", &state->spent);
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_amounts(buf, "held", &state->held);
    llm_buf_printf(buf, ",\"in_flight\":%" PRId64 ",\"refused\":%" PRIu64
                   ",", state->held.requests, state->refused);
    ngx_http_llm_json_limits(buf, state, NGX_HTTP_LLM_LIMITS_STATUS);
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


ngx_int_t
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
