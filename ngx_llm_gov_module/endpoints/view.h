/*
 * Who looks at what: an operator at everything (`llm_status`), or the holder of
 * a virtual key at what is theirs (`llm_me`).
 */

#ifndef NGX_HTTP_LLM_VIEW_H
#define NGX_HTTP_LLM_VIEW_H

#include "../ngx_http_llm.h"


typedef struct {
    ngx_http_llm_main_conf_t   *lmcf;
    ngx_http_llm_tenant_t      *key;        /* NULL: everything */
    ngx_str_t                   path;       /* below the location, without a
                                               slash at its begin */
} ngx_http_llm_view_t;


/* content handlers of what is below the location of a view; they return what
 * content handlers return */
typedef ngx_int_t (*ngx_http_llm_view_pt)(ngx_http_request_t *r,
    const ngx_http_llm_view_t *view);

/* Sets view->path and calls the handler of it: `top` for the location itself
 * (and "status" where `top_name` is that).  404 with what there is. */
ngx_int_t ngx_http_llm_view(ngx_http_request_t *r, ngx_http_llm_view_t *view,
    ngx_http_llm_view_pt top, const char *top_name);

/* logs.c, spend.c, live.c */
ngx_int_t ngx_http_llm_logs(ngx_http_request_t *r,
    const ngx_http_llm_view_t *view);
ngx_int_t ngx_http_llm_log(ngx_http_request_t *r,
    const ngx_http_llm_view_t *view);
ngx_int_t ngx_http_llm_spend(ngx_http_request_t *r,
    const ngx_http_llm_view_t *view);
ngx_int_t ngx_http_llm_stats(ngx_http_request_t *r,
    const ngx_http_llm_view_t *view);
ngx_int_t ngx_http_llm_live(ngx_http_request_t *r,
    const ngx_http_llm_view_t *view);


#endif /* NGX_HTTP_LLM_VIEW_H */
