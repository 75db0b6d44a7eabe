/*
 * Which form of the status page a client asks for.
 */

#ifndef NGX_HTTP_LLM_ACCEPT_H
#define NGX_HTTP_LLM_ACCEPT_H

#include "../ngx_http_llm.h"


typedef enum {
    NGX_HTTP_LLM_FORMAT_JSON = 0,
    NGX_HTTP_LLM_FORMAT_HTML,
    NGX_HTTP_LLM_FORMAT_UNKNOWN     /* ?format= says something else */
} ngx_http_llm_format_t;


/* ?format=json|html, else the Accept header (RFC 9110, 12.5.1): HTML where it
 * is named and JSON is not liked better */
ngx_http_llm_format_t ngx_http_llm_format(ngx_http_request_t *r);


#endif /* NGX_HTTP_LLM_ACCEPT_H */
