/*
 * Answers of the endpoints: whole, in one chain of buffers.
 */

#ifndef NGX_HTTP_LLM_RESPOND_H
#define NGX_HTTP_LLM_RESPOND_H

#include "../ngx_http_llm.h"
#include "../wire/buf.h"


/* as much as one answer's buffer may hold */
#define NGX_HTTP_LLM_ANSWER_MAX  (64 * 1024 * 1024)


/* makes an array of empty buffers that the request's pool frees; NULL: no
 * memory */
llm_buf_t *ngx_http_llm_respond_bufs(ngx_http_request_t *r, ngx_uint_t n);

/* GET and HEAD only, and there is a zone: NGX_DECLINED to go on, else it is
 * answered (405 with Allow) and this is what the content handler returns */
ngx_int_t ngx_http_llm_respond_begin(ngx_http_request_t *r,
    ngx_http_llm_main_conf_t *lmcf);

/* sends the buffers of respond_bufs() one after the other; `type` may have
 * parameters; returns what the content handler returns */
ngx_int_t ngx_http_llm_respond(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, llm_buf_t *bufs, ngx_uint_t n);

/* a JSON error; `type` is plain ASCII without quotes */
ngx_int_t ngx_http_llm_respond_error(ngx_http_request_t *r,
    ngx_uint_t status, const char *type, const char *message);

/* the same with the parameter that is wrong; empty: none is */
ngx_int_t ngx_http_llm_respond_field(ngx_http_request_t *r,
    ngx_uint_t status, const char *type, llm_str_t field, llm_str_t message);

/* the strings must outlive the request: literals */
ngx_int_t ngx_http_llm_respond_header(ngx_http_request_t *r,
    const char *name, const char *value);


#endif /* NGX_HTTP_LLM_RESPOND_H */
