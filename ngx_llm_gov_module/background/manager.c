/*
 * The work of the process that is not a worker: `llm_store`, and what is done
 * there every second.
 */

#include "manager.h"
#include "addresses.h"
#include "alerts.h"
#include "folding.h"
#include "helper.h"
#include "identities.h"
#include "retention.h"


/* beside the folder of client_body_temp_path; it stays empty */
#define NGX_HTTP_LLM_FOLDER     "llm_gov_temp"

#define NGX_HTTP_LLM_TICK       ((ngx_msec_t) 1000)


/* of the cache manager process */
static ngx_http_llm_notes_t       *ngx_http_llm_manager_notes;
static ngx_msec_t                  ngx_http_llm_manager_recovered;


static ngx_int_t ngx_http_llm_manager_folder(ngx_conf_t *cf, ngx_str_t *name);
static ngx_int_t ngx_http_llm_manager_environment(ngx_conf_t *cf);
static ngx_uint_t ngx_http_llm_manager_needs(char *variable, size_t len);
static ngx_uint_t ngx_http_llm_manager_declared(ngx_array_t *env,
    char *variable, size_t len);
static ngx_msec_t ngx_http_llm_manager(void *data);
static int ngx_http_llm_manager_rest(llm_store_t *store, void *ctx);
static void ngx_http_llm_manager_recover(ngx_http_llm_main_conf_t *lmcf,
    ngx_log_t *log);
static ngx_http_llm_notes_t *ngx_http_llm_manager_start(
    ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log);


/* a folder with a manager: what makes nginx start its cache manager process */
ngx_path_t *
ngx_http_llm_manager_path(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf,
    ngx_str_t *name)
{
    ngx_path_t  *path;

    path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (path == NULL) {
        return NULL;
    }

    path->name = *name;

    if (path->name.len > 1 && path->name.data[path->name.len - 1] == '/') {
        path->name.len--;
        path->name.data[path->name.len] = '\0';
    }

    if (ngx_conf_full_name(cf->cycle, &path->name, 0) != NGX_OK) {
        return NULL;
    }

    path->manager = ngx_http_llm_manager;
    path->data = lmcf;
    path->conf_file = cf->conf_file->file.name.data;
    path->line = cf->conf_file->line;

    return (ngx_add_path(cf, &path) == NGX_OK) ? path : NULL;
}


ngx_int_t
ngx_http_llm_manager_init(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf)
{
    ngx_str_t  name;

    if (ngx_http_llm_manager_environment(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (lmcf->store != NULL) {
        return NGX_OK;
    }

    if (ngx_http_llm_manager_folder(cf, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    return (ngx_http_llm_manager_path(cf, lmcf, &name) != NULL) ? NGX_OK
                                                                : NGX_ERROR;
}


static ngx_int_t
ngx_http_llm_manager_folder(ngx_conf_t *cf, ngx_str_t *name)
{
    size_t                     len;
    u_char                    *p;
    ngx_str_t                  beside = ngx_string(NGX_HTTP_CLIENT_TEMP_PATH);
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->client_body_temp_path != NULL) {
        beside = clcf->client_body_temp_path->name;
    }

    for (len = beside.len; len > 0; len--) {
        if (beside.data[len - 1] == '/') {
            break;
        }
    }

    name->len = len + sizeof(NGX_HTTP_LLM_FOLDER) - 1;
    name->data = ngx_pnalloc(cf->pool, name->len + 1);

    if (name->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(name->data, beside.data, len);
    ngx_memcpy(p, NGX_HTTP_LLM_FOLDER, sizeof(NGX_HTTP_LLM_FOLDER));

    return NGX_OK;
}


/*
 * nginx clears the environment of its processes, and of a new binary that takes
 * over, but for what `env` names.  The credentials' sources need these, so they
 * are named here.
 */
static ngx_int_t
ngx_http_llm_manager_environment(ngx_conf_t *cf)
{
    char             **variable;
    u_char            *equals;
    ngx_str_t         *name;
    ngx_core_conf_t   *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);

    for (variable = environ; *variable != NULL; variable++) {

        equals = (u_char *) ngx_strchr(*variable, '=');

        if (equals == NULL
            || !ngx_http_llm_manager_needs(*variable,
                                           equals - (u_char *) *variable)
            || ngx_http_llm_manager_declared(&ccf->env, *variable,
                                             equals - (u_char *) *variable))
        {
            continue;
        }

        name = ngx_array_push(&ccf->env);
        if (name == NULL) {
            return NGX_ERROR;
        }

        name->len = equals - (u_char *) *variable;
        name->data = ngx_pnalloc(cf->pool, name->len + 1);
        if (name->data == NULL) {
            return NGX_ERROR;
        }

        ngx_cpystrn(name->data, (u_char *) *variable, name->len + 1);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_llm_manager_needs(char *variable, size_t len)
{
    ngx_str_t         *name;
    static ngx_str_t   names[] = {
        ngx_string("HOME"),
        ngx_string("PATH"),
        ngx_string("http_proxy"),
        ngx_string("https_proxy"),
        ngx_string("HTTPS_PROXY"),
        ngx_string("no_proxy"),
        ngx_string("NO_PROXY"),
        ngx_null_string
    };

    if (len > 4 && ngx_strncmp(variable, "AWS_", 4) == 0) {
        return 1;
    }

    for (name = names; name->len > 0; name++) {
        if (name->len == len && ngx_strncmp(variable, name->data, len) == 0) {
            return 1;
        }
    }

    return 0;
}


/* the operator's `env NAME;` or `env NAME=value;` goes first */
static ngx_uint_t
ngx_http_llm_manager_declared(ngx_array_t *env, char *variable, size_t len)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    name = env->elts;

    for (i = 0; i < env->nelts; i++) {
        if (name[i].len >= len
            && ngx_strncmp(name[i].data, variable, len) == 0
            && (name[i].len == len || name[i].data[len] == '='))
        {
            return 1;
        }
    }

    return 0;
}


/* called by nginx in the cache manager process; returns in how many
 * milliseconds it wants to be called again */
static ngx_msec_t
ngx_http_llm_manager(void *data)
{
    ngx_http_llm_main_conf_t *lmcf = data;

    ngx_log_t   *log;
    ngx_msec_t   past, due;

    log = ngx_cycle->log;

    if (lmcf->shared == NULL) {
        return NGX_HTTP_LLM_TICK;
    }

    if (ngx_http_llm_manager_notes == NULL) {
        ngx_http_llm_manager_notes = ngx_http_llm_manager_start(lmcf, log);

        if (ngx_http_llm_manager_notes == NULL) {
            return NGX_HTTP_LLM_TICK;
        }
    }

    ngx_http_llm_notes_log(ngx_http_llm_manager_notes, log);

    due = (lmcf->store != NULL) ? ngx_http_llm_folding_due(lmcf)
                                : NGX_HTTP_LLM_TICK;

    /* nginx calls as often as the most impatient of all managers wants */

    past = ngx_current_msec - ngx_http_llm_manager_recovered;

    if (due == 0 || past >= NGX_HTTP_LLM_TICK) {
        ngx_http_llm_manager_recovered = ngx_current_msec;
        ngx_http_llm_manager_recover(lmcf, log);
    }

    if (due == 0) {
        due = (ngx_http_llm_folding_run(lmcf, 0, log) == NGX_AGAIN)
              ? 1 : ngx_http_llm_folding_due(lmcf);
    }

    (void) ngx_http_llm_folding_guard(lmcf, log, ngx_http_llm_manager_rest,
                                      lmcf);

    return ngx_min(due, NGX_HTTP_LLM_TICK);
}


static int
ngx_http_llm_manager_rest(llm_store_t *store, void *ctx)
{
    ngx_http_llm_main_conf_t *lmcf = ctx;

    ngx_http_llm_alerts_run(lmcf, store, ngx_cycle->log);
    ngx_http_llm_retention_run(lmcf, store, ngx_cycle->log);

    return LLM_OK;
}


/* before the journal of a process that is gone may go to another one */
static void
ngx_http_llm_manager_recover(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    ngx_uint_t  n;

    n = (lmcf->store != NULL) ? ngx_http_llm_folding_recover(lmcf, log)
                              : ngx_http_llm_holds_recover(lmcf, NULL);

    if (n > 0) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "llm: %ui requests of a worker that is gone were "
                      "settled as estimated", n);
    }
}


/* the threads for what may wait */
static ngx_http_llm_notes_t *
ngx_http_llm_manager_start(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    ngx_err_t                   err;
    ngx_http_llm_hosts_t       *hosts;
    ngx_http_llm_notes_t       *notes;
    ngx_http_llm_identities_t  *identities;

    notes = ngx_alloc(sizeof(ngx_http_llm_notes_t), log);
    if (notes == NULL) {
        return NULL;
    }

    ngx_http_llm_notes_init(notes);

    hosts = ngx_http_llm_hosts_create(lmcf, notes);
    identities = ngx_http_llm_identities_create(lmcf, notes, 1);

    if (hosts == NULL || identities == NULL) {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "llm: no memory for the providers' credentials");
        return notes;
    }


    err = ngx_http_llm_helper_start(ngx_http_llm_hosts_run, hosts);

    if (err == 0) {
        err = ngx_http_llm_helper_start(ngx_http_llm_identities_run,
                                        identities);
    }

    if (err != 0) {
        ngx_log_error(NGX_LOG_ALERT, log, err,
                      "llm: pthread_create() failed: addresses and "
                      "credentials of the providers will not be renewed");
    }

    return notes;
}


void
ngx_http_llm_manager_exit(ngx_cycle_t *cycle)
{
    ngx_http_llm_main_conf_t  *lmcf;

    lmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_llm_gov_module);

    if (lmcf == NULL || lmcf->shared == NULL || lmcf->store == NULL) {
        return;
    }

    ngx_time_update();

    ngx_http_llm_manager_recover(lmcf, cycle->log);
    (void) ngx_http_llm_folding_run(lmcf, 1, cycle->log);

    ngx_http_llm_folding_close();
}
