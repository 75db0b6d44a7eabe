/*
 * The parameters of a query string.  Whoever asks with a parameter that is not
 * known, or twice with the same one, would otherwise get an answer to something
 * that was not asked.
 */

#include "arguments.h"
#include "respond.h"
#include "../dialects/api.h"


typedef struct {
    llm_str_t   name;
    llm_str_t   value;
    ngx_uint_t  assigned;       /* there was a `=` */
} ngx_http_llm_argument_t;


typedef struct {
    ngx_http_request_t         *request;
    ngx_http_llm_argument_t     list[NGX_HTTP_LLM_ARGUMENTS_MAX];
    ngx_uint_t                  n;
    ngx_int_t                   answered;   /* what sending the error gave */
} ngx_http_llm_arguments_t;


static ngx_int_t
ngx_http_llm_arguments_bad(ngx_http_llm_arguments_t *args, llm_str_t field,
    const char *format, ...)
{
    u_char     *p, text[512];
    va_list     list;
    llm_str_t   message;

    va_start(list, format);
    p = ngx_vslprintf(text, text + sizeof(text), format, list);
    va_end(list);

    message.data = (char *) text;
    message.len = p - text;

    args->answered = ngx_http_llm_respond_field(args->request,
                                                NGX_HTTP_BAD_REQUEST,
                                                "bad_request", field, message);
    return NGX_ERROR;
}


/* as forms encode: `+` is a blank */
static ngx_int_t
ngx_http_llm_arguments_decode(ngx_pool_t *pool, u_char *data, size_t len,
    llm_str_t *text)
{
    long     n;
    size_t   i;
    u_char  *raw;

    raw = ngx_pnalloc(pool, 2 * len + 1);
    if (raw == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < len; i++) {
        raw[i] = (data[i] == '+') ? ' ' : data[i];
    }

    n = llm_percent_decode((llm_str_t) { (char *) raw, len },
                           (char *) raw + len);

    text->data = (char *) raw + len;
    text->len = n < 0 ? 0 : n;

    return n < 0 ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_http_llm_arguments_add(ngx_http_llm_arguments_t *args, u_char *p,
    u_char *end)
{
    u_char                   *equals;
    ngx_int_t                 rc;
    ngx_pool_t               *pool;
    ngx_http_llm_argument_t  *arg;

    if (args->n == NGX_HTTP_LLM_ARGUMENTS_MAX) {
        return ngx_http_llm_arguments_bad(args, llm_str(""), "there are more "
                                          "than %d parameters",
                                          NGX_HTTP_LLM_ARGUMENTS_MAX);
    }

    pool = args->request->pool;
    arg = &args->list[args->n++];

    equals = ngx_strlchr(p, end, '=');

    arg->assigned = (equals != NULL);
    arg->value = llm_str("");

    rc = ngx_http_llm_arguments_decode(pool, p, (equals ? equals : end) - p,
                                       &arg->name);

    if (rc == NGX_OK && equals) {
        rc = ngx_http_llm_arguments_decode(pool, equals + 1, end - equals - 1,
                                           &arg->value);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_llm_arguments_bad(args, arg->name, "a %% stands "
                                          "before two hex digits, which are "
                                          "not 00: write it as %%25");
    }

    if (rc != NGX_OK) {
        args->answered = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return rc;
}


static ngx_int_t
ngx_http_llm_arguments_parse(ngx_http_llm_arguments_t *args)
{
    u_char     *p, *last, *end;
    ngx_str_t  *text;

    text = &args->request->args;
    last = text->data + text->len;

    for (p = text->data; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, '&');

        if (end == NULL) {
            end = last;
        }

        if (end > p && ngx_http_llm_arguments_add(args, p, end) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_arguments_check(ngx_http_llm_arguments_t *args)
{
    ngx_uint_t                i, k;
    ngx_http_llm_argument_t  *arg;

    for (i = 0; i < args->n; i++) {
        arg = &args->list[i];

        if (!arg->assigned) {
            return ngx_http_llm_arguments_bad(args, arg->name, "\"%*s\" has "
                                              "no value: write name=value",
                                              arg->name.len, arg->name.data);
        }

        for (k = 0; k < i; k++) {
            if (llm_str_eq(arg->name, args->list[k].name)) {
                return ngx_http_llm_arguments_bad(args, arg->name,
                           "\"%*s\" is given twice: write one, with commas "
                           "between values", arg->name.len, arg->name.data);
            }
        }
    }

    return NGX_OK;
}


/* NGX_OK: the parameter is not about whose data it is; NGX_DECLINED: it is, and
 * says what holds anyway; NGX_ERROR: refused */
static ngx_int_t
ngx_http_llm_arguments_own(ngx_http_llm_arguments_t *args,
    const ngx_http_llm_view_t *view, ngx_http_llm_argument_t *arg)
{
    llm_str_t               own;
    llm_account_kind_t      kind;
    ngx_http_llm_tenant_t  *tenant;

    if (llm_str_eq(arg->name, llm_str("virtual_key"))) {
        kind = LLM_ACCOUNT_VIRTUAL_KEY;

    } else if (llm_str_eq(arg->name, llm_str("team"))) {
        kind = LLM_ACCOUNT_TEAM;

    } else if (llm_str_eq(arg->name, llm_str("customer"))) {
        kind = LLM_ACCOUNT_CUSTOMER;

    } else {
        return NGX_OK;
    }

    for (tenant = view->key; tenant && tenant->kind != kind; /* void */ ) {
        tenant = tenant->parent;
    }

    own = tenant ? ngx_http_llm_str(tenant->name) : llm_str("");

    if (llm_str_eq(arg->value, own)) {
        return NGX_DECLINED;
    }

    args->answered = ngx_http_llm_respond_field(args->request,
                         NGX_HTTP_FORBIDDEN, "forbidden", arg->name,
                         llm_str("this key sees its own requests only"));
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_llm_arguments_unknown(ngx_http_llm_arguments_t *args,
    llm_str_t name, llm_str_t names)
{
    llm_buf_t  *buf;

    buf = ngx_http_llm_respond_bufs(args->request, 1);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    llm_buf_str(buf, llm_str("there is no parameter \""));
    llm_buf_str(buf, name);
    llm_buf_str(buf, llm_str("\": there are "));
    llm_buf_str(buf, names);

    args->answered = ngx_http_llm_respond_field(args->request,
                         NGX_HTTP_BAD_REQUEST, "bad_request", name,
                         (llm_str_t) { buf->data, buf->len });
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_llm_arguments_take(ngx_http_llm_arguments_t *args,
    ngx_http_llm_argument_t *arg, ngx_http_llm_take_pt take, void *data,
    llm_str_t names)
{
    char  error[LLM_FILTER_ERROR];

    error[0] = '\0';

    switch (take(data, arg->name, arg->value, error)) {

    case LLM_OK:
        return NGX_OK;

    case LLM_AGAIN:
        return ngx_http_llm_arguments_unknown(args, arg->name, names);

    default:
        return ngx_http_llm_arguments_bad(args, arg->name, "%s", error);
    }
}


static ngx_int_t
ngx_http_llm_arguments_each(ngx_http_llm_arguments_t *args,
    const ngx_http_llm_view_t *view, ngx_http_llm_take_pt take, void *data,
    llm_str_t names)
{
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_http_llm_argument_t  own;

    for (i = 0; i < args->n; i++) {

        rc = view->key ? ngx_http_llm_arguments_own(args, view,
                                                    &args->list[i])
                       : NGX_OK;

        if (rc == NGX_DECLINED) {
            continue;
        }

        if (rc != NGX_OK
            || ngx_http_llm_arguments_take(args, &args->list[i], take, data,
                                           names)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (view->key == NULL) {
        return NGX_OK;
    }

    own.name = llm_str("virtual_key");
    own.value = ngx_http_llm_str(view->key->name);

    return ngx_http_llm_arguments_take(args, &own, take, data, names);
}


ngx_int_t
ngx_http_llm_arguments(ngx_http_request_t *r, const ngx_http_llm_view_t *view,
    ngx_http_llm_take_pt take, void *data, llm_str_t names)
{
    ngx_http_llm_arguments_t  *args;

    args = ngx_palloc(r->pool, sizeof(ngx_http_llm_arguments_t));
    if (args == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    args->request = r;
    args->n = 0;
    args->answered = NGX_HTTP_INTERNAL_SERVER_ERROR;

    if (ngx_http_llm_arguments_parse(args) != NGX_OK
        || ngx_http_llm_arguments_check(args) != NGX_OK
        || ngx_http_llm_arguments_each(args, view, take, data, names)
           != NGX_OK)
    {
        return args->answered;
    }

    return NGX_DECLINED;
}
