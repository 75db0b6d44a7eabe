/*
 * `llm_status`: everything there is to know, for people and for programs.
 */

#include "accept.h"
#include "arguments.h"
#include "endpoints.h"
#include "respond.h"
#include "status.h"
#include "view.h"


/* the parameters */
typedef struct {
    ngx_uint_t  offset;         /* of the first tenant of each kind */
    ngx_uint_t  usage;
} ngx_http_llm_status_ask_t;


ngx_http_llm_page_t
ngx_http_llm_status_page(ngx_http_llm_status_t *status, ngx_array_t *tenants)
{
    ngx_http_llm_page_t  page;

    page.tenants = tenants;
    page.first = ngx_min(status->offset, tenants->nelts);
    page.end = page.first + ngx_min(tenants->nelts - page.first,
                                    NGX_HTTP_LLM_PAGE);

    return page;
}


ngx_uint_t
ngx_http_llm_status_next(ngx_http_llm_status_t *status)
{
    ngx_uint_t                 most;
    ngx_http_llm_main_conf_t  *lmcf;

    lmcf = status->lmcf;

    most = ngx_max(lmcf->customers.nelts, lmcf->teams.nelts);
    most = ngx_max(most, lmcf->virtual_keys.nelts);

    return (most > status->offset && most - status->offset > NGX_HTTP_LLM_PAGE)
           ? status->offset + NGX_HTTP_LLM_PAGE : 0;
}


ngx_http_llm_tenant_t *
ngx_http_llm_status_above(ngx_http_llm_tenant_t *tenant,
    llm_account_kind_t kind)
{
    while (tenant->parent != NULL) {
        tenant = tenant->parent;

        if (tenant->kind == kind) {
            return tenant;
        }
    }

    return NULL;
}


static int
ngx_http_llm_status_offset(ngx_http_llm_status_ask_t *ask, llm_str_t value,
    char error[LLM_FILTER_ERROR])
{
    ngx_int_t  n;

    n = ngx_atoi((u_char *) value.data, value.len);

    if (n == NGX_ERROR) {
        ngx_cpystrn((u_char *) error, (u_char *) "\"offset\" is a number, "
                    "0 or more", LLM_FILTER_ERROR);
        return LLM_ERROR;
    }

    ask->offset = (ngx_uint_t) n;

    return LLM_OK;
}


/* who used what is by far the longest part: who asks every few seconds can do
 * without it */
static int
ngx_http_llm_status_usage(ngx_http_llm_status_ask_t *ask, llm_str_t value,
    char error[LLM_FILTER_ERROR])
{
    ask->usage = llm_str_eq(value, llm_str("yes"));

    if (!ask->usage && !llm_str_eq(value, llm_str("no"))) {
        ngx_cpystrn((u_char *) error, (u_char *) "\"usage\" is yes or no",
                    LLM_FILTER_ERROR);
        return LLM_ERROR;
    }

    return LLM_OK;
}


static int
ngx_http_llm_status_take(void *data, llm_str_t name, llm_str_t value,
    char error[LLM_FILTER_ERROR])
{
    ngx_http_llm_status_ask_t *ask = data;

    if (llm_str_eq(name, llm_str("offset"))) {
        return ngx_http_llm_status_offset(ask, value, error);
    }

    if (llm_str_eq(name, llm_str("usage"))) {
        return ngx_http_llm_status_usage(ask, value, error);
    }

    /* the format is looked at with what the client accepts */

    return llm_str_eq(name, llm_str("format")) ? LLM_OK : LLM_AGAIN;
}


/* nothing is loaded from anywhere, nothing but our own style applies */
static ngx_int_t
ngx_http_llm_status_headers(ngx_http_request_t *r,
    ngx_http_llm_format_t format)
{
    if (ngx_http_llm_respond_header(r, "Vary", "Accept") != NGX_OK) {
        return NGX_ERROR;
    }

    if (format != NGX_HTTP_LLM_FORMAT_HTML) {
        return NGX_OK;
    }

    return ngx_http_llm_respond_header(r, "Content-Security-Policy",
                                       "default-src 'none'; "
                                       "style-src 'unsafe-inline'; "
                                       "base-uri 'none'; form-action 'none'");
}


/* the page of a location that ends without a slash stands beside the folder of
 * what is below it */
static ngx_str_t
ngx_http_llm_status_base(ngx_http_request_t *r)
{
    u_char                    *p, *last;
    ngx_str_t                  base = ngx_null_string;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->exact_match || clcf->name.len > r->uri.len
        || ngx_strncmp(clcf->name.data, r->uri.data, clcf->name.len) != 0)
    {
        return base;
    }

    last = r->uri.data + r->uri.len;
    base.data = last;

    if (r->uri.len > clcf->name.len || last[-1] == '/') {
        return base;
    }

    for (p = last; p > r->uri.data && p[-1] != '/'; p--) {
        base.data = p - 1;
        base.len++;
    }

    return base;
}


static ngx_int_t
ngx_http_llm_status_send(ngx_http_request_t *r, ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_format_t format, const ngx_http_llm_status_ask_t *ask)
{
    ngx_int_t               rc;
    llm_buf_t              *buf;
    ngx_http_llm_status_t  *status;

    static ngx_str_t  types[] = {
        ngx_string("application/json"),
        ngx_string("text/html; charset=utf-8")
    };

    status = ngx_pcalloc(r->pool, sizeof(ngx_http_llm_status_t));
    buf = ngx_http_llm_respond_bufs(r, 1);

    if (status == NULL || buf == NULL
        || ngx_http_llm_status_headers(r, format) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    status->lmcf = lmcf;
    status->pool = r->pool;
    status->offset = ask->offset;
    status->usage = ask->usage;

    if (lmcf->store && format == NGX_HTTP_LLM_FORMAT_HTML) {
        status->base = ngx_http_llm_status_base(r);
        status->dashboard = ngx_http_llm_status_dashboard(r);
    }

    ngx_http_llm_overview(lmcf, &status->overview);

    rc = (format == NGX_HTTP_LLM_FORMAT_HTML)
         ? ngx_http_llm_status_html(status, buf)
         : ngx_http_llm_status_json(status, buf);

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_llm_respond(r, NGX_HTTP_OK, &types[format], buf, 1);
}


static ngx_int_t
ngx_http_llm_status_top(ngx_http_request_t *r, const ngx_http_llm_view_t *view)
{
    ngx_int_t                  rc;
    ngx_http_llm_format_t      format;
    ngx_http_llm_status_ask_t  ask;

    ask.offset = 0;
    ask.usage = 1;

    rc = ngx_http_llm_arguments(r, view, ngx_http_llm_status_take, &ask,
                                llm_str("format, offset, usage"));

    if (rc != NGX_DECLINED) {
        return rc;
    }

    format = ngx_http_llm_format(r);

    if (format == NGX_HTTP_LLM_FORMAT_UNKNOWN) {
        return ngx_http_llm_respond_field(r, NGX_HTTP_BAD_REQUEST,
                                          "bad_request", llm_str("format"),
                                          llm_str("\"format\" is json or "
                                                  "html"));
    }

    return ngx_http_llm_status_send(r, view->lmcf, format, &ask);
}


ngx_int_t
ngx_http_llm_status_handler(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_http_llm_view_t  view;

    view.lmcf = ngx_http_get_module_main_conf(r, ngx_http_llm_gov_module);
    view.key = NULL;

    rc = ngx_http_llm_respond_begin(r, view.lmcf);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    return ngx_http_llm_view(r, &view, ngx_http_llm_status_top, "status");
}
