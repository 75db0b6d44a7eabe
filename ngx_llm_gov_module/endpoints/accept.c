/*
 * Content negotiation between two forms.
 */

#include "accept.h"


/* how much a form is liked, in thousandths; 0: not at all */
typedef struct {
    ngx_int_t   html;
    ngx_int_t   json;
} ngx_http_llm_liking_t;


static ngx_int_t
ngx_http_llm_accept_is(ngx_str_t *text, const char *type)
{
    return text->len == ngx_strlen(type)
           && ngx_strncasecmp(text->data, (u_char *) type, text->len) == 0;
}


static void
ngx_http_llm_accept_trim(ngx_str_t *text)
{
    while (text->len && (*text->data == ' ' || *text->data == '\t')) {
        text->data++;
        text->len--;
    }

    while (text->len && (text->data[text->len - 1] == ' '
                         || text->data[text->len - 1] == '\t'))
    {
        text->len--;
    }
}


/* the part up to a separator, trimmed; *rest goes on behind it */
static ngx_str_t
ngx_http_llm_accept_next(ngx_str_t *rest, u_char separator)
{
    u_char     *p;
    ngx_str_t   part;

    p = ngx_strlchr(rest->data, rest->data + rest->len, separator);

    part.data = rest->data;
    part.len = p ? (size_t) (p - rest->data) : rest->len;

    rest->data += part.len + (p ? 1 : 0);
    rest->len -= part.len + (p ? 1 : 0);

    ngx_http_llm_accept_trim(&part);

    return part;
}


/* the q parameter of a media range, 1000 where there is none */
static ngx_int_t
ngx_http_llm_accept_quality(ngx_str_t parameters)
{
    ngx_int_t  quality;
    ngx_str_t  part;

    while (parameters.len) {
        part = ngx_http_llm_accept_next(&parameters, ';');

        if (part.len < 3 || (part.data[0] | 0x20) != 'q'
            || part.data[1] != '=')
        {
            continue;
        }

        quality = ngx_atofp(part.data + 2, part.len - 2, 3);

        return (quality < 0 || quality > 1000) ? 0 : quality;
    }

    return 1000;
}


/* a range that names a form counts for it before one that includes it */
static void
ngx_http_llm_accept_range(ngx_str_t range, ngx_http_llm_liking_t *named,
    ngx_http_llm_liking_t *meant)
{
    ngx_int_t  quality;
    ngx_str_t  type;

    type = ngx_http_llm_accept_next(&range, ';');
    quality = ngx_http_llm_accept_quality(range);

    if (ngx_http_llm_accept_is(&type, "text/html")) {
        named->html = quality;

    } else if (ngx_http_llm_accept_is(&type, "application/json")) {
        named->json = quality;

    } else if (ngx_http_llm_accept_is(&type, "text/*")) {
        meant->html = quality;

    } else if (ngx_http_llm_accept_is(&type, "application/*")) {
        meant->json = quality;

    } else if (ngx_http_llm_accept_is(&type, "*/*")) {
        meant->json = ngx_max(meant->json, quality);
    }
}


static ngx_http_llm_format_t
ngx_http_llm_accept_format(ngx_str_t accept)
{
    ngx_http_llm_liking_t  named, meant;

    named.html = -1;
    named.json = -1;
    meant.html = 0;
    meant.json = 0;

    while (accept.len) {
        ngx_http_llm_accept_range(ngx_http_llm_accept_next(&accept, ','),
                                  &named, &meant);
    }

    if (named.html <= 0 && meant.html == 0) {
        return NGX_HTTP_LLM_FORMAT_JSON;
    }

    if (named.json < 0 && named.html > 0) {

        /* a browser: HTML by name, anything else by a wildcard */

        return (named.html >= meant.json) ? NGX_HTTP_LLM_FORMAT_HTML
                                          : NGX_HTTP_LLM_FORMAT_JSON;
    }

    return ((named.html < 0 ? meant.html : named.html)
            > (named.json < 0 ? meant.json : named.json))
           ? NGX_HTTP_LLM_FORMAT_HTML : NGX_HTTP_LLM_FORMAT_JSON;
}


static ngx_str_t
ngx_http_llm_accept_header(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  none = ngx_null_string;

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == 6
                && ngx_strncmp(h[i].lowcase_key, "accept", 6) == 0)
            {
                return h[i].value;
            }
        }
    }

    return none;
}


ngx_http_llm_format_t
ngx_http_llm_format(ngx_http_request_t *r)
{
    ngx_str_t  format;

    if (ngx_http_arg(r, (u_char *) "format", 6, &format) != NGX_OK) {
        return ngx_http_llm_accept_format(ngx_http_llm_accept_header(r));
    }

    if (ngx_http_llm_accept_is(&format, "json")) {
        return NGX_HTTP_LLM_FORMAT_JSON;
    }

    if (ngx_http_llm_accept_is(&format, "html")) {
        return NGX_HTTP_LLM_FORMAT_HTML;
    }

    return NGX_HTTP_LLM_FORMAT_UNKNOWN;
}
