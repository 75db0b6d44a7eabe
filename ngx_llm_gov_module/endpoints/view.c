/*
 * What is below the location of `llm_status` or `llm_me`.
 */

#include "respond.h"
#include "view.h"


#define NGX_HTTP_LLM_LOG_PATH  "logs/"


typedef struct {
    ngx_str_t               name;
    ngx_http_llm_view_pt    handler;
} ngx_http_llm_view_entry_t;


static ngx_http_llm_view_entry_t  ngx_http_llm_view_entries[] = {
    { ngx_string("logs"), ngx_http_llm_logs },
    { ngx_string("spend"), ngx_http_llm_spend },
    { ngx_string("stats"), ngx_http_llm_stats },
    { ngx_string("live"), ngx_http_llm_live },
    { ngx_null_string, NULL }
};


/* NGX_DECLINED: it only begins like the location */
static ngx_int_t
ngx_http_llm_view_path(ngx_http_request_t *r, ngx_str_t *rest)
{
    ngx_http_core_loc_conf_t  *clcf;

    ngx_str_null(rest);

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->name.len > r->uri.len
        || ngx_strncmp(clcf->name.data, r->uri.data, clcf->name.len) != 0)
    {
        /* a named location or one with a regular expression */
        return NGX_OK;
    }

    rest->data = r->uri.data + clcf->name.len;
    rest->len = r->uri.len - clcf->name.len;

    if (rest->len == 0) {
        return NGX_OK;
    }

    if (*rest->data == '/') {
        rest->data++;
        rest->len--;
        return NGX_OK;
    }

    return (rest->data[-1] == '/') ? NGX_OK : NGX_DECLINED;
}


static ngx_uint_t
ngx_http_llm_view_is(const ngx_str_t *path, const u_char *name, size_t len)
{
    return path->len == len && ngx_memcmp(path->data, name, len) == 0;
}


static ngx_int_t
ngx_http_llm_view_nothing(ngx_http_request_t *r, const char *top_name)
{
    u_char  *p, text[128];

    p = ngx_snprintf(text, sizeof(text) - 1, "there is nothing here but %s%s"
                     "logs, logs/{id}, spend, stats, live", top_name,
                     *top_name ? ", " : "");
    *p = '\0';

    return ngx_http_llm_respond_error(r, NGX_HTTP_NOT_FOUND, "not_found",
                                      (char *) text);
}


ngx_int_t
ngx_http_llm_view(ngx_http_request_t *r, ngx_http_llm_view_t *view,
    ngx_http_llm_view_pt top, const char *top_name)
{
    ngx_http_llm_view_entry_t  *entry;

    if (ngx_http_llm_view_path(r, &view->path) != NGX_OK) {
        return ngx_http_llm_view_nothing(r, top_name);
    }

    if (view->path.len == 0
        || ngx_http_llm_view_is(&view->path, (u_char *) top_name,
                                ngx_strlen(top_name)))
    {
        return top(r, view);
    }

    for (entry = ngx_http_llm_view_entries; entry->handler; entry++) {
        if (ngx_http_llm_view_is(&view->path, entry->name.data,
                                 entry->name.len))
        {
            return entry->handler(r, view);
        }
    }

    if (view->path.len > sizeof(NGX_HTTP_LLM_LOG_PATH) - 1
        && ngx_strncmp(view->path.data, NGX_HTTP_LLM_LOG_PATH,
                       sizeof(NGX_HTTP_LLM_LOG_PATH) - 1)
           == 0)
    {
        view->path.data += sizeof(NGX_HTTP_LLM_LOG_PATH) - 1;
        view->path.len -= sizeof(NGX_HTTP_LLM_LOG_PATH) - 1;

        return ngx_http_llm_log(r, view);
    }

    return ngx_http_llm_view_nothing(r, top_name);
}
