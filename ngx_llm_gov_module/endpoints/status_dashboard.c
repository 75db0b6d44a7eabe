/*
 * Is there a dashboard to link to?
 */

#include "status.h"


/* below the location of `llm_status`, as in conf/nginx.conf */
#define NGX_HTTP_LLM_DASHBOARD  "dashboard/"


/* a prefix location of this very name, in a tree of nginx's */
static ngx_uint_t
ngx_http_llm_status_located(ngx_http_location_tree_node_t *node, u_char *name,
    size_t len)
{
    size_t     n;
    ngx_int_t  rc;

    while (node) {
        n = ngx_min(len, (size_t) node->len);
        rc = ngx_filename_cmp(name, node->name, n);

        if (rc == 0 && len == n && len == (size_t) node->len) {
            return node->inclusive != NULL;
        }

        if (rc == 0 && len > n && node->inclusive) {
            node = node->tree;
            name += n;
            len -= n;
            continue;
        }

        if (rc == 0) {
            rc = (len > n) ? 1 : -1;
        }

        node = (rc < 0) ? node->left : node->right;
    }

    return 0;
}


ngx_uint_t
ngx_http_llm_status_dashboard(ngx_http_request_t *r)
{
    size_t                      len;
    u_char                     *p, *name;
    ngx_http_core_srv_conf_t   *cscf;
    ngx_http_core_loc_conf_t   *clcf, *top;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    top = cscf->ctx->loc_conf[ngx_http_core_module.ctx_index];

    name = ngx_pnalloc(r->pool, clcf->name.len + 1
                                + sizeof(NGX_HTTP_LLM_DASHBOARD) - 1);

    if (name == NULL || clcf->name.len == 0) {
        return 0;
    }

    p = ngx_cpymem(name, clcf->name.data, clcf->name.len);

    if (p[-1] != '/') {
        *p++ = '/';
    }

    p = ngx_cpymem(p, NGX_HTTP_LLM_DASHBOARD,
                   sizeof(NGX_HTTP_LLM_DASHBOARD) - 1);
    len = p - name;

    return ngx_http_llm_status_located(top->static_locations, name, len)
           || ngx_http_llm_status_located(clcf->static_locations, name, len);
}
