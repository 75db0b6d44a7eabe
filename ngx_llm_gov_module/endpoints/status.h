/*
 * The two forms of the status page.
 */

#ifndef NGX_HTTP_LLM_STATUS_H
#define NGX_HTTP_LLM_STATUS_H

#include "show.h"
#include "../wire/buf.h"


/* customers, teams, virtual keys shown by one answer, each; ?offset= leads on,
 * so that a million keys do not stall a worker */
#define NGX_HTTP_LLM_PAGE  1000


/* the accounts of one kind that an answer shows */
typedef struct {
    ngx_array_t                *tenants;    /* of ngx_http_llm_tenant_t * */
    ngx_uint_t                  first;
    ngx_uint_t                  end;        /* behind the last one */
} ngx_http_llm_page_t;


/* what a page is made from; `state` is used for one account after another */
typedef struct {
    ngx_http_llm_main_conf_t      *lmcf;
    ngx_pool_t                    *pool;
    ngx_uint_t                     offset;
    ngx_uint_t                     usage;   /* who used what is asked for */
    ngx_str_t                      base;    /* of links to what is beside the
                                               page; data NULL: there is
                                               nothing */
    ngx_uint_t                     dashboard;   /* it is there, too */
    ngx_http_llm_overview_t        overview;
    ngx_http_llm_account_state_t   state;
} ngx_http_llm_status_t;


ngx_http_llm_page_t ngx_http_llm_status_page(ngx_http_llm_status_t *status,
    ngx_array_t *tenants);

/* the offset of the next page, 0: this is the last one */
ngx_uint_t ngx_http_llm_status_next(ngx_http_llm_status_t *status);

/* the tenant of that kind above a tenant; NULL: there is none */
ngx_http_llm_tenant_t *ngx_http_llm_status_above(
    ngx_http_llm_tenant_t *tenant, llm_account_kind_t kind);

/* is there a location for the dashboard below that of the request? */
ngx_uint_t ngx_http_llm_status_dashboard(ngx_http_request_t *r);

/* NGX_ERROR: no memory in the pool */
ngx_int_t ngx_http_llm_status_json(ngx_http_llm_status_t *status,
    llm_buf_t *buf);
ngx_int_t ngx_http_llm_status_html(ngx_http_llm_status_t *status,
    llm_buf_t *buf);


#endif /* NGX_HTTP_LLM_STATUS_H */
