/*
 * The parameters of a query string, decoded and checked.
 */

#ifndef NGX_HTTP_LLM_ARGUMENTS_H
#define NGX_HTTP_LLM_ARGUMENTS_H

#include "view.h"
#include "../store/queries/filter.h"


#define NGX_HTTP_LLM_ARGUMENTS_MAX  64


/* as llm_filter_add(): LLM_OK, LLM_AGAIN (no such name), LLM_ERROR */
typedef int (*ngx_http_llm_take_pt)(void *data, llm_str_t name,
    llm_str_t value, char error[LLM_FILTER_ERROR]);


/*
 * Hands every parameter to `take`; names and values live as long as the
 * request's pool.  For the holder of a key `virtual_key` is among them with
 * their own name, whatever was asked for; other people's names are refused.
 * `names`: all that `take` knows, for the message about one that it does not.
 *
 * NGX_DECLINED to go on, else it is answered and this is what the content
 * handler returns.
 */
ngx_int_t ngx_http_llm_arguments(ngx_http_request_t *r,
    const ngx_http_llm_view_t *view, ngx_http_llm_take_pt take, void *data,
    llm_str_t names);


#endif /* NGX_HTTP_LLM_ARGUMENTS_H */
