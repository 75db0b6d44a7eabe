/*
 * The frame of the status page, and what its tables are made of.
 */

#ifndef NGX_HTTP_LLM_HTML_H
#define NGX_HTTP_LLM_HTML_H

#include "status.h"


/* text between tags or within a quoted attribute */
void ngx_http_llm_html_text(llm_buf_t *buf, llm_str_t text);

/* a cell of a table; numbers stand on the right */
void ngx_http_llm_html_cell(llm_buf_t *buf, llm_str_t text);
void ngx_http_llm_html_number(llm_buf_t *buf, llm_metric_t metric,
    int64_t amount);
void ngx_http_llm_html_time(llm_buf_t *buf, int64_t ms);

void ngx_http_llm_html_begin(llm_buf_t *buf);
void ngx_http_llm_html_end(llm_buf_t *buf);

/* a section with a table; `columns` are cells of its head, as they are; a
 * column that begins with `#` holds numbers */
void ngx_http_llm_html_table(llm_buf_t *buf, const char *title,
    const char *const *columns, ngx_uint_t n);
void ngx_http_llm_html_table_end(llm_buf_t *buf);

/* status_html_providers.c */
ngx_int_t ngx_http_llm_html_providers(ngx_http_llm_status_t *status,
    llm_buf_t *buf);
/* status_html_usage.c */
ngx_int_t ngx_http_llm_html_usage(ngx_http_llm_status_t *status,
    llm_buf_t *buf);


#endif /* NGX_HTTP_LLM_HTML_H */
