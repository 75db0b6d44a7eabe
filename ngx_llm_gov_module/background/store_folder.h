/*
 * The folders that `llm_store` names.
 */

#ifndef NGX_HTTP_LLM_STORE_FOLDER_H
#define NGX_HTTP_LLM_STORE_FOLDER_H

#include "../ngx_http_llm.h"


/* a folder, or one that can be made; path ends with a NUL.  NGX_ERROR:
 * logged */
ngx_int_t ngx_http_llm_folder_check(ngx_conf_t *cf, ngx_str_t *path);

/* Is it a store's, or empty?  Who writes "/var/lib" by mistake must not find
 * it in other hands. */
ngx_int_t ngx_http_llm_folder_own(ngx_conf_t *cf, ngx_str_t *path);


#endif /* NGX_HTTP_LLM_STORE_FOLDER_H */
