/*
 * `llm_me`: what the holder of a virtual key may know, with the key itself.
 */

#include "arguments.h"
#include "endpoints.h"
#include "respond.h"
#include "status_json.h"
#include "view.h"
#include "../request/key.h"


static ngx_int_t
ngx_http_llm_me_refuse(ngx_http_request_t *r, ngx_http_llm_main_conf_t *lmcf,
    llm_refusal_reason_t reason)
{
    ngx_http_llm_lock(lmcf);
    llm_series_refused(lmcf->shared->series, reason);
    ngx_http_llm_unlock(lmcf);

    if (ngx_http_llm_respond_header(r, "WWW-Authenticate", "Bearer")
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_llm_respond_error(r, NGX_HTTP_UNAUTHORIZED,
                                      llm_refusal_name(reason).data,
                                      reason == LLM_REFUSE_NO_KEY
                                      ? "send your virtual key as "
                                        "\"Authorization: Bearer <key>\" or "
                                        "as \"x-api-key: <key>\""
                                      : "this is not a virtual key that is "
                                        "known here");
}


/* of those above: what is left, which says why a call may be refused, and
 * nothing of what others do */
static ngx_int_t
ngx_http_llm_me_above(ngx_http_request_t *r, const ngx_http_llm_view_t *view,
    ngx_http_llm_account_state_t *state, llm_buf_t *buf)
{
    ngx_http_llm_tenant_t  *tenant;

    llm_buf_str(buf, llm_str(",\n\"above\":["));

    for (tenant = view->key->parent; tenant; tenant = tenant->parent) {

        if (ngx_http_llm_tenant_state(view->lmcf, r->pool, tenant, state)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (tenant != view->key->parent) {
            llm_buf_str(buf, llm_str(","));
        }

        llm_buf_str(buf, llm_str("\n{"));
        ngx_http_llm_json_text(buf, "kind",
                               ngx_http_llm_kind_name(tenant->kind));
        llm_buf_str(buf, llm_str(","));
        ngx_http_llm_json_text(buf, "name", ngx_http_llm_str(tenant->name));
        llm_buf_str(buf, llm_str(","));
        ngx_http_llm_json_limits(buf, state, NGX_HTTP_LLM_LIMITS_LEFT);
        llm_buf_str(buf, llm_str("}"));
    }

    llm_buf_str(buf, llm_str("]"));

    return NGX_OK;
}


static void
ngx_http_llm_me_name(llm_buf_t *buf, const char *name,
    ngx_http_llm_tenant_t *key, llm_account_kind_t kind)
{
    ngx_http_llm_tenant_t  *above;

    above = ngx_http_llm_status_above(key, kind);

    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_text(buf, name, above ? ngx_http_llm_str(above->name)
                                            : llm_str(""));
}


static int
ngx_http_llm_me_take(void *data, llm_str_t name, llm_str_t value,
    char error[LLM_FILTER_ERROR])
{
    return llm_str_eq(name, llm_str("virtual_key")) ? LLM_OK : LLM_AGAIN;
}


static ngx_int_t
ngx_http_llm_me_top(ngx_http_request_t *r, const ngx_http_llm_view_t *view)
{
    ngx_int_t                      rc;
    llm_buf_t                     *buf;
    ngx_http_llm_account_state_t   state;

    static ngx_str_t  json = ngx_string("application/json");

    rc = ngx_http_llm_arguments(r, view, ngx_http_llm_me_take, NULL,
                                llm_str("none"));

    if (rc != NGX_DECLINED) {
        return rc;
    }

    ngx_memzero(&state, sizeof(ngx_http_llm_account_state_t));
    buf = ngx_http_llm_respond_bufs(r, 1);

    if (buf == NULL
        || ngx_http_llm_tenant_state(view->lmcf, r->pool, view->key, &state)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_llm_json_account(buf, &state);
    ngx_http_llm_me_name(buf, "team", view->key, LLM_ACCOUNT_TEAM);
    ngx_http_llm_me_name(buf, "customer", view->key, LLM_ACCOUNT_CUSTOMER);
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_time(buf, "time", ngx_http_llm_now());

    if (ngx_http_llm_me_above(r, view, &state, buf) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    llm_buf_str(buf, llm_str("}\n"));

    return ngx_http_llm_respond(r, NGX_HTTP_OK, &json, buf, 1);
}


ngx_int_t
ngx_http_llm_me_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_str_t             secret;
    ngx_http_llm_view_t   view;
    llm_refusal_reason_t  reason;

    view.lmcf = ngx_http_get_module_main_conf(r, ngx_http_llm_gov_module);

    rc = ngx_http_llm_respond_begin(r, view.lmcf);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_http_llm_key_secret(r, &secret) != NGX_OK) {
        return ngx_http_llm_me_refuse(r, view.lmcf, LLM_REFUSE_NO_KEY);
    }

    view.key = ngx_http_llm_key_find(view.lmcf, &secret, &reason);

    if (view.key == NULL) {
        return ngx_http_llm_me_refuse(r, view.lmcf, reason);
    }

    return ngx_http_llm_view(r, &view, ngx_http_llm_me_top, "");
}
