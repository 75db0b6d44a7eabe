/*
 * Configuration blocks whose content is our own: a table of the directives
 * that may stand in it.
 */

#ifndef NGX_HTTP_LLM_BLOCK_H
#define NGX_HTTP_LLM_BLOCK_H

#include "../ngx_http_llm.h"


/* cf->args holds the name and the arguments, as in any directive's setter;
 * returns NGX_CONF_OK, NGX_CONF_ERROR (logged), or a text to log */
typedef char *(*ngx_http_llm_set_pt)(ngx_conf_t *cf, void *object);

typedef struct {
    ngx_str_t             name;
    ngx_uint_t            min;          /* arguments */
    ngx_uint_t            max;
    ngx_http_llm_set_pt   set;
    const char           *syntax;       /* what to write, for messages */
} ngx_http_llm_block_directive_t;


/* reads the block that cf stands in front of; the table ends with an empty
 * name */
char *ngx_http_llm_block(ngx_conf_t *cf,
    const ngx_http_llm_block_directive_t *table, void *object);

/* a directive of blocks that stands outside of one; cmd->post says of which */
char *ngx_http_llm_misplaced(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* the directive at hand does nothing without llm_store */
void ngx_http_llm_conf_wants_store(ngx_conf_t *cf);

/* logs an error at a place read earlier; always returns NGX_CONF_ERROR */
char *ngx_http_llm_conf_error(ngx_conf_t *cf,
    const ngx_http_llm_place_t *place, const char *fmt, ...);

void ngx_http_llm_conf_place(ngx_conf_t *cf, ngx_http_llm_place_t *place);

/* names of tenants, providers and routes: NULL, or what is wrong with it */
char *ngx_http_llm_conf_name(const ngx_str_t *name);

/* `value`, `file:path` (its first line) or `env:NAME`, into *secret, which is
 * NUL-terminated; NGX_CONF_OK or a logged error that shows no secret */
char *ngx_http_llm_conf_secret(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *secret);

/* appends an array element's copy of the arguments from `first` on, as
 * ngx_str_t */
char *ngx_http_llm_conf_list(ngx_conf_t *cf, ngx_array_t **list);

/* does a pattern of the list (`*` matches any text) match? NULL matches all */
ngx_uint_t ngx_http_llm_match(const ngx_array_t *patterns, llm_str_t text);


#endif /* NGX_HTTP_LLM_BLOCK_H */
