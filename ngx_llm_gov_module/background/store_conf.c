/*
 * `llm_store`: its parameters, and the folder of the journal.
 */

#include "manager.h"
#include "store_folder.h"
#include "../store/journal/journal.h"
#include "../store/store.h"
#include "../wire/sha256.h"

#include <sys/vfs.h>


#define NGX_HTTP_LLM_SYNC_MIN   50
#define NGX_HTTP_LLM_SYNC_MAX   60000

/* workers that may die at once without anybody waiting for a segment */
#define NGX_HTTP_LLM_SPARE      4

#define NGX_HTTP_LLM_JOURNAL_MAX  ((size_t) 1024 * 1024 * 1024)

/* by default the journal lies where it takes no disk; each store has its own
 * folder there */
#define NGX_HTTP_LLM_RUN        "/run"
#define NGX_HTTP_LLM_RUN_OURS   NGX_HTTP_LLM_RUN "/llm_gov"
#define NGX_HTTP_LLM_TMPFS      0x01021994
#define NGX_HTTP_LLM_RAMFS      0x858458f6


typedef struct {
    ngx_str_t     name;
    char       *(*set)(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf,
                       ngx_str_t *value);
} ngx_http_llm_store_param_t;


static ngx_http_llm_store_param_t *ngx_http_llm_store_param(ngx_str_t *value);
static char *ngx_http_llm_store_set(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf, ngx_str_t *value, ngx_uint_t *seen);
static char *ngx_http_llm_store_sync(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf, ngx_str_t *value);
static char *ngx_http_llm_store_journal(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf, ngx_str_t *value);
static char *ngx_http_llm_store_journal_size(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf, ngx_str_t *value);
static char *ngx_http_llm_store_on_error(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf, ngx_str_t *value);
static char *ngx_http_llm_store_folder(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf);
static ngx_uint_t ngx_http_llm_store_run(void);


static ngx_http_llm_store_param_t  ngx_http_llm_store_params[] = {
    { ngx_string("sync="), ngx_http_llm_store_sync },
    { ngx_string("journal="), ngx_http_llm_store_journal },
    { ngx_string("journal_size="), ngx_http_llm_store_journal_size },
    { ngx_string("on_error="), ngx_http_llm_store_on_error },
    { ngx_null_string, NULL }
};


char *
ngx_http_llm_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_main_conf_t *lmcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i, seen;

    if (lmcf->store != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;
    seen = 0;

    if (value[1].len == 0 || ngx_http_llm_store_param(&value[1]) != NULL) {
        return "needs a folder, like \"llm_store /var/lib/nginx/llm_gov;\"";
    }

    lmcf->store_sync = 1000;
    lmcf->journal_size = LLM_JOURNAL_SIZE;
    lmcf->core = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                                  ngx_core_module);

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_llm_store_set(cf, lmcf, &value[i], &seen)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    lmcf->store = ngx_http_llm_manager_path(cf, lmcf, &value[1]);

    if (lmcf->store == NULL
        || ngx_http_llm_folder_check(cf, &lmcf->store->name) != NGX_OK
        || ngx_http_llm_folder_own(cf, &lmcf->store->name) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* with on_error=continue nginx starts without a journal, too */

    if (lmcf->journal.len && lmcf->on_error == NGX_HTTP_LLM_ON_ERROR_REFUSE
        && ngx_http_llm_folder_check(cf, &lmcf->journal) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_llm_store_folder(cf, lmcf);
}


static ngx_http_llm_store_param_t *
ngx_http_llm_store_param(ngx_str_t *value)
{
    ngx_http_llm_store_param_t  *param;

    for (param = ngx_http_llm_store_params; param->name.len; param++) {

        if (value->len > param->name.len
            && ngx_strncmp(value->data, param->name.data, param->name.len)
               == 0)
        {
            return param;
        }
    }

    return NULL;
}


static char *
ngx_http_llm_store_set(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf,
    ngx_str_t *value, ngx_uint_t *seen)
{
    ngx_str_t                    text;
    ngx_uint_t                   bit;
    ngx_http_llm_store_param_t  *param;

    param = ngx_http_llm_store_param(value);

    if (param == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\": after the folder there "
                           "may be \"sync=1s\", \"journal=<folder>\", "
                           "\"journal_size=8m\", \"on_error=refuse\" or "
                           "\"on_error=continue\"", value);
        return NGX_CONF_ERROR;
    }

    bit = (ngx_uint_t) 1 << (param - ngx_http_llm_store_params);

    if (*seen & bit) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is written twice",
                           &param->name);
        return NGX_CONF_ERROR;
    }

    *seen |= bit;

    text.data = value->data + param->name.len;
    text.len = value->len - param->name.len;

    return param->set(cf, lmcf, &text);
}


static char *
ngx_http_llm_store_sync(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf,
    ngx_str_t *value)
{
    ngx_int_t  sync;

    sync = ngx_parse_time(value, 0);

    if (sync == NGX_ERROR
        || sync < NGX_HTTP_LLM_SYNC_MIN || sync > NGX_HTTP_LLM_SYNC_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"sync=%V\": the counters are written "
                           "every 50ms to 60s, \"sync=1s\" is the default",
                           value);
        return NGX_CONF_ERROR;
    }

    lmcf->store_sync = (ngx_msec_t) sync;

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_store_journal(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf,
    ngx_str_t *value)
{
    u_char  *p;

    lmcf->journal = *value;

    if (ngx_conf_full_name(cf->cycle, &lmcf->journal, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, lmcf->journal.len + 1);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(p, lmcf->journal.data, lmcf->journal.len);
    p[lmcf->journal.len] = '\0';
    lmcf->journal.data = p;

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_store_journal_size(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf, ngx_str_t *value)
{
    ssize_t  size;

    size = ngx_parse_size(value);

    if (size == NGX_ERROR || size < LLM_JOURNAL_SIZE_MIN
        || (size_t) size > NGX_HTTP_LLM_JOURNAL_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"journal_size=%V\": each worker's part "
                           "of the journal has 256k to 1024m, "
                           "\"journal_size=8m\" is the default", value);
        return NGX_CONF_ERROR;
    }

    lmcf->journal_size = (size_t) size;

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_store_on_error(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf,
    ngx_str_t *value)
{
    if (ngx_strcmp(value->data, "refuse") == 0) {
        lmcf->on_error = NGX_HTTP_LLM_ON_ERROR_REFUSE;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "continue") == 0) {
        lmcf->on_error = NGX_HTTP_LLM_ON_ERROR_CONTINUE;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"on_error=%V\": write \"on_error=refuse\" "
                       "(no call without a record of it) or "
                       "\"on_error=continue\"", value);

    return NGX_CONF_ERROR;
}


/* the default folder: named by the store's own, so that it is found again */

static char *
ngx_http_llm_store_folder(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf)
{
    char        hex[2 * LLM_SHA256_SIZE];
    u_char      digest[LLM_SHA256_SIZE], *p;
    llm_str_t   name;
    ngx_str_t  *store;

    if (lmcf->journal.len) {
        return NGX_CONF_OK;
    }

    store = &lmcf->store->name;
    name = ngx_http_llm_str(*store);

    p = ngx_pnalloc(cf->pool, store->len + sizeof(NGX_HTTP_LLM_RUN_OURS "/")
                              + 16 + sizeof("/journal"));

    if (p == NULL || llm_sha256(&name, 1, digest) != LLM_OK) {
        return NGX_CONF_ERROR;
    }

    lmcf->journal.data = p;

    if (ngx_http_llm_store_run()) {
        llm_sha256_hex(digest, hex);
        p = ngx_sprintf(p, NGX_HTTP_LLM_RUN_OURS "/%*s", (size_t) 16, hex);

    } else {
        p = ngx_sprintf(p, "%V/journal", store);
    }

    *p = '\0';
    lmcf->journal.len = p - lmcf->journal.data;

    return NGX_CONF_OK;
}


/* is it memory, and ours to write to? */

static ngx_uint_t
ngx_http_llm_store_run(void)
{
    struct statfs  fs;

    return statfs(NGX_HTTP_LLM_RUN, &fs) == 0
           && (fs.f_type == NGX_HTTP_LLM_TMPFS
               || (unsigned long) fs.f_type == NGX_HTTP_LLM_RAMFS)
           && access(NGX_HTTP_LLM_RUN, W_OK) == 0;
}


ngx_int_t
ngx_http_llm_journal_prepare(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    char             error[LLM_JOURNAL_ERROR];
    uid_t            uid;
    gid_t            gid;
    ngx_int_t        n;
    ngx_uint_t       level;
    ngx_core_conf_t *core;

    if (lmcf->journal.len == 0 || ngx_test_config) {
        return NGX_OK;
    }

    core = lmcf->core;
    uid = (uid_t) -1;
    gid = (gid_t) -1;

    if (geteuid() == 0) {
        uid = core->user;
        gid = core->group;
    }

    if (ngx_strncmp(lmcf->journal.data, NGX_HTTP_LLM_RUN_OURS "/",
                    sizeof(NGX_HTTP_LLM_RUN_OURS "/") - 1) == 0)
    {
        /* what fails here fails below, and is told there */
        (void) mkdir(NGX_HTTP_LLM_RUN_OURS, 0755);
    }

    llm_store_own((char *) lmcf->store->name.data);

    /* and some for those that take the place of others, whose segments are not
     * empty yet */

    n = core->worker_processes
        + ngx_min(core->worker_processes, NGX_HTTP_LLM_SPARE);

    if (llm_journal_prepare((char *) lmcf->journal.data, (unsigned) n,
                            lmcf->journal_size, uid, gid, error)
        == LLM_OK)
    {
        return NGX_OK;
    }

    level = (lmcf->on_error == NGX_HTTP_LLM_ON_ERROR_CONTINUE)
            ? NGX_LOG_ERR : NGX_LOG_EMERG;

    ngx_log_error(level, log, 0, "llm_store: the journal: %s", error);

    return (level == NGX_LOG_ERR) ? NGX_OK : NGX_ERROR;
}
