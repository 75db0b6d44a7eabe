/*
 * The folders that `llm_store` names, before anybody makes them: nginx gives
 * the store's to the user of its workers, whatever it is.
 */

#include "store_folder.h"


static ngx_int_t ngx_http_llm_folder_above(ngx_conf_t *cf, ngx_str_t *path);
static ngx_uint_t ngx_http_llm_folder_ours(const u_char *name);


ngx_int_t
ngx_http_llm_folder_check(ngx_conf_t *cf, ngx_str_t *path)
{
    ngx_file_info_t  fi;

    if (ngx_file_info(path->data, &fi) != NGX_FILE_ERROR) {

        if (ngx_is_dir(&fi)) {
            return NGX_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is a file: \"llm_store\" takes a folder",
                           path);
        return NGX_ERROR;
    }

    /* what else is wrong, whoever makes it will say */

    return (ngx_errno == NGX_ENOENT) ? ngx_http_llm_folder_above(cf, path)
                                     : NGX_OK;
}


static ngx_int_t
ngx_http_llm_folder_above(ngx_conf_t *cf, ngx_str_t *path)
{
    size_t            len;
    u_char           *p;
    ngx_file_info_t   fi;

    for (len = path->len; len > 1 && path->data[len - 1] != '/'; len--) {
        /* void */
    }

    p = ngx_pnalloc(cf->temp_pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_cpystrn(p, path->data, len + 1);

    if (ngx_file_info(p, &fi) != NGX_FILE_ERROR || ngx_errno != NGX_ENOENT) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "there is no folder \"%s\" to make \"%V\" in: make it, "
                       "nginx makes the last one only", p, path);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_llm_folder_own(ngx_conf_t *cf, ngx_str_t *path)
{
    u_char      *name;
    ngx_dir_t    dir;
    ngx_uint_t   store, others;

    if (ngx_open_dir(path, &dir) != NGX_OK) {
        return NGX_OK;
    }

    store = 0;
    others = 0;

    while (!store && ngx_read_dir(&dir) == NGX_OK) {
        name = ngx_de_name(&dir);

        store = (ngx_strcmp(name, "data.mdb") == 0);
        others |= !ngx_http_llm_folder_ours(name);
    }

    (void) ngx_close_dir(&dir);

    if (store || !others) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "the folder \"%V\" has other things in it, and no "
                       "store: write one of its own, as \"llm_store "
                       "%V%sllm_gov;\"", path, path,
                       (path->data[path->len - 1] == '/') ? "" : "/");

    return NGX_ERROR;
}


/* what may be there before there is a database */
static ngx_uint_t
ngx_http_llm_folder_ours(const u_char *name)
{
    return name[0] == '.'
           || ngx_strcmp(name, "lost+found") == 0
           || ngx_strcmp(name, "lock.mdb") == 0
           || ngx_strstr(name, "journal") != NULL;
}
