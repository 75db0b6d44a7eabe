/*
 * Configuration blocks: reading, messages, and the forms in which names and
 * secrets are written.
 */

#include "block.h"


typedef struct {
    const ngx_http_llm_block_directive_t  *table;
    void                                  *object;
    const char                            *block;
} ngx_http_llm_block_t;


static char *ngx_http_llm_block_handler(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static char *ngx_http_llm_block_unknown(ngx_conf_t *cf,
    const ngx_http_llm_block_t *block);
static ngx_uint_t ngx_http_llm_match_one(llm_str_t pattern, llm_str_t text);
static char *ngx_http_llm_secret_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *secret);


char *
ngx_http_llm_block(ngx_conf_t *cf, const ngx_http_llm_block_directive_t *table,
    void *object)
{
    char                  *rv;
    ngx_str_t             *value;
    ngx_conf_t             save;
    ngx_http_llm_block_t   block;

    value = cf->args->elts;

    block.table = table;
    block.object = object;
    block.block = (const char *) value[0].data;

    save = *cf;
    cf->handler = ngx_http_llm_block_handler;
    cf->handler_conf = &block;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv;
}


static char *
ngx_http_llm_block_handler(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_http_llm_block_t *block = conf;

    char                                  *rv;
    ngx_str_t                             *value;
    const ngx_http_llm_block_directive_t  *d;

    value = cf->args->elts;

    if (ngx_strcmp(value[0].data, "include") == 0 && cf->args->nelts == 2) {
        return ngx_conf_include(cf, dummy, conf);
    }

    for (d = block->table; d->name.len; d++) {

        if (d->name.len != value[0].len
            || ngx_strncmp(d->name.data, value[0].data, d->name.len) != 0)
        {
            continue;
        }

        if (cf->args->nelts - 1 < d->min || cf->args->nelts - 1 > d->max) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of arguments in \"%V\" "
                               "directive, write: %s", &value[0], d->syntax);
            return NGX_CONF_ERROR;
        }

        rv = d->set(cf, block->object);

        if (rv == NGX_CONF_OK || rv == NGX_CONF_ERROR) {
            return rv;
        }

        /* as nginx does with those outside of a block */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" directive %s",
                           &value[0], rv);
        return NGX_CONF_ERROR;
    }

    return ngx_http_llm_block_unknown(cf, block);
}


static char *
ngx_http_llm_block_unknown(ngx_conf_t *cf, const ngx_http_llm_block_t *block)
{
    size_t                                 len;
    u_char                                *p, *names;
    ngx_str_t                             *value;
    const ngx_http_llm_block_directive_t  *d;

    len = 1;

    for (d = block->table; d->name.len; d++) {
        len += d->name.len + 2;
    }

    names = ngx_pnalloc(cf->temp_pool, len);
    if (names == NULL) {
        return NGX_CONF_ERROR;
    }

    p = names;

    for (d = block->table; d->name.len; d++) {
        p = ngx_sprintf(p, "%s%V", p == names ? "" : ", ", &d->name);
    }

    *p = '\0';

    value = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown directive \"%V\" in %s {}; there may be: %s",
                       &value[0], block->block, names);

    return NGX_CONF_ERROR;
}


char *
ngx_http_llm_misplaced(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" is not allowed here: write it in %s",
                       &cmd->name, (char *) cmd->post);

    return NGX_CONF_ERROR;
}


void
ngx_http_llm_conf_wants_store(ngx_conf_t *cf)
{
    ngx_str_t                 *value;
    ngx_http_llm_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_gov_module);

    if (lmcf->wants_store.len == 0) {
        value = cf->args->elts;
        lmcf->wants_store = value[0];
        ngx_http_llm_conf_place(cf, &lmcf->wants_store_place);
    }
}


char *
ngx_http_llm_conf_error(ngx_conf_t *cf, const ngx_http_llm_place_t *place,
    const char *fmt, ...)
{
    u_char    text[NGX_MAX_CONF_ERRSTR], *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(text, text + sizeof(text), fmt, args);
    va_end(args);

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%*s in %s:%ui",
                  (size_t) (p - text), text, place->file, place->line);

    return NGX_CONF_ERROR;
}


void
ngx_http_llm_conf_place(ngx_conf_t *cf, ngx_http_llm_place_t *place)
{
    place->file = cf->conf_file->file.name.data;
    place->line = cf->conf_file->line;
}


char *
ngx_http_llm_conf_name(const ngx_str_t *name)
{
    u_char  c;
    size_t  i;

    if (name->len == 0) {
        return "the name is empty";
    }

    if (name->len > LLM_ACCOUNT_NAME_SIZE - 1) {
        return "the name is longer than 127 characters";
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9')
            || c == '.' || c == '_' || c == '-' || c == '@' || c == ':')
        {
            continue;
        }

        return "a name is made of letters, digits and . _ - @ :";
    }

    return NULL;
}


char *
ngx_http_llm_conf_secret(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *secret)
{
    char       *env;
    ngx_str_t   rest;

    if (value->len > 5 && ngx_strncmp(value->data, "file:", 5) == 0) {
        rest.len = value->len - 5;
        rest.data = value->data + 5;

        return ngx_http_llm_secret_file(cf, &rest, secret);
    }

    if (value->len > 4 && ngx_strncmp(value->data, "env:", 4) == 0) {
        env = getenv((char *) value->data + 4);

        if (env == NULL || env[0] == '\0') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the environment variable \"%s\" is not set",
                               value->data + 4);
            return NGX_CONF_ERROR;
        }

        rest.data = (u_char *) env;
        rest.len = ngx_strlen(env);

    } else {
        rest = *value;
    }

    secret->len = rest.len;
    secret->data = ngx_pnalloc(cf->pool, rest.len + 1);
    if (secret->data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_cpystrn(secret->data, rest.data, rest.len + 1);

    return NGX_CONF_OK;
}


/* the first line of a file, without white space at its ends */

static char *
ngx_http_llm_secret_file(ngx_conf_t *cf, ngx_str_t *path, ngx_str_t *secret)
{
    u_char    buf[4097], *p, *last;
    ssize_t   n;
    ngx_fd_t  fd;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "the secret's file \"%V\" cannot be opened", path);
        return NGX_CONF_ERROR;
    }

    n = ngx_read_fd(fd, buf, sizeof(buf) - 1);

    (void) ngx_close_file(fd);

    if (n < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "the secret's file \"%V\" cannot be read", path);
        return NGX_CONF_ERROR;
    }

    for (p = buf; p < buf + n && (*p == ' ' || *p == '\t'); p++) {
        /* void */
    }

    for (last = p; last < buf + n && *last > ' '; last++) {
        /* void */
    }

    if (last == p) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the first line of the secret's file \"%V\" is "
                           "empty", path);
        return NGX_CONF_ERROR;
    }

    secret->len = last - p;
    secret->data = ngx_pnalloc(cf->pool, secret->len + 1);
    if (secret->data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_cpystrn(secret->data, p, secret->len + 1);
    ngx_explicit_memzero(buf, sizeof(buf));

    return NGX_CONF_OK;
}


char *
ngx_http_llm_conf_list(ngx_conf_t *cf, ngx_array_t **list)
{
    ngx_str_t   *value, *item;
    ngx_uint_t   i;

    if (*list == NULL) {
        *list = ngx_array_create(cf->pool, 4, sizeof(ngx_str_t));
        if (*list == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        item = ngx_array_push(*list);
        if (item == NULL) {
            return NGX_CONF_ERROR;
        }

        *item = value[i];
    }

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_http_llm_match(const ngx_array_t *patterns, llm_str_t text)
{
    ngx_str_t   *pattern;
    ngx_uint_t   i;

    if (patterns == NULL) {
        return 1;
    }

    pattern = patterns->elts;

    for (i = 0; i < patterns->nelts; i++) {
        if (ngx_http_llm_match_one(ngx_http_llm_str(pattern[i]), text)) {
            return 1;
        }
    }

    return 0;
}


/* backtracks to the last star only, so it is linear in practice */

static ngx_uint_t
ngx_http_llm_match_one(llm_str_t pattern, llm_str_t text)
{
    size_t   p, t, star, mark;

    p = t = mark = 0;
    star = (size_t) -1;

    while (t < text.len) {

        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++;
            mark = t;
            continue;
        }

        if (p < pattern.len && pattern.data[p] == text.data[t]) {
            p++;
            t++;
            continue;
        }

        if (star == (size_t) -1) {
            return 0;
        }

        p = star + 1;
        t = ++mark;
    }

    while (p < pattern.len && pattern.data[p] == '*') {
        p++;
    }

    return p == pattern.len;
}
