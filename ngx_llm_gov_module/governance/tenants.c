/*
 * `llm_customer`, `llm_team`, `llm_virtual_key`: who there is, and who belongs
 * to whom.
 */

#include "tenants.h"
#include "block.h"
#include "limits.h"
#include "../background/alerts.h"
#include "log_content.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>


typedef struct {
    ngx_rbtree_node_t       node;       /* key: the digest's first bytes */
    ngx_http_llm_tenant_t  *tenant;
} ngx_http_llm_key_node_t;


typedef struct {
    ngx_str_node_t          sn;
    ngx_http_llm_tenant_t  *tenant;
} ngx_http_llm_name_node_t;


static char *ngx_http_llm_tenant(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf, ngx_array_t *tenants,
    llm_account_kind_t kind, const ngx_http_llm_block_directive_t *table);
static char *ngx_http_llm_tenant_index(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf, ngx_http_llm_tenant_t *tenant);
static char *ngx_http_llm_tenant_parent(ngx_conf_t *cf, void *object);
static char *ngx_http_llm_tenant_route(ngx_conf_t *cf, void *object);
static char *ngx_http_llm_tenant_models(ngx_conf_t *cf, void *object);
static char *ngx_http_llm_tenant_budget(ngx_conf_t *cf, void *object);
static char *ngx_http_llm_tenant_rate_limit(ngx_conf_t *cf, void *object);
static char *ngx_http_llm_tenant_alert(ngx_conf_t *cf, void *object);
static char *ngx_http_llm_key_secret(ngx_conf_t *cf, void *object);
static char *ngx_http_llm_key_sigv4(ngx_conf_t *cf, void *object);
static char *ngx_http_llm_key_check(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf, ngx_http_llm_tenant_t *key);
static char *ngx_http_llm_tenant_link(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf, ngx_http_llm_tenant_t *tenant);
static char *ngx_http_llm_key_index(ngx_conf_t *cf,
    ngx_http_llm_main_conf_t *lmcf, ngx_http_llm_tenant_t *key);
static ngx_rbtree_key_t ngx_http_llm_digest_key(const u_char *digest);


#define NGX_HTTP_LLM_TENANT_DIRECTIVES                                        \
    { ngx_string("route"), 1, 1, ngx_http_llm_tenant_route,                   \
      "route <name of an llm_route>;" },                                      \
                                                                              \
    { ngx_string("models"), 1, 64, ngx_http_llm_tenant_models,                \
      "models <pattern> …; (\"*\" stands for any text)" },                    \
                                                                              \
    { ngx_string("llm_budget"), 2, 3, ngx_http_llm_tenant_budget,             \
      "llm_budget <dollars> <period> [hard|soft];" },                         \
                                                                              \
    { ngx_string("llm_rate_limit"), 1, 6, ngx_http_llm_tenant_rate_limit,     \
      "llm_rate_limit requests=100/1h tokens=50000/1h concurrency=20;" },     \
                                                                              \
    { ngx_string("llm_alert"), 1, 32, ngx_http_llm_tenant_alert,              \
      "llm_alert 80% 100% [projected] url=https://… [secret=file:<path>];" }, \
                                                                              \
    { ngx_null_string, 0, 0, NULL, NULL }


static const ngx_http_llm_block_directive_t  ngx_http_llm_customer_table[] = {
    NGX_HTTP_LLM_TENANT_DIRECTIVES
};


static const ngx_http_llm_block_directive_t  ngx_http_llm_team_table[] = {

    { ngx_string("customer"), 1, 1, ngx_http_llm_tenant_parent,
      "customer <name of an llm_customer>;" },

    NGX_HTTP_LLM_TENANT_DIRECTIVES
};


static const ngx_http_llm_block_directive_t  ngx_http_llm_key_table[] = {

    { ngx_string("secret"), 1, 1, ngx_http_llm_key_secret,
      "secret <value> | file:<path> | env:<NAME> | sha256:<hex>;" },

    { ngx_string("sigv4"), 1, 1, ngx_http_llm_key_sigv4,
      "sigv4 on|off;" },

    { ngx_string("team"), 1, 1, ngx_http_llm_tenant_parent,
      "team <name of an llm_team>;" },

    { ngx_string("llm_log_content"), 1, 3, ngx_http_llm_log_content,
      "llm_log_content off | [request] [response] [size=64k];" },

    NGX_HTTP_LLM_TENANT_DIRECTIVES
};


char *
ngx_http_llm_customer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_main_conf_t *lmcf = conf;

    return ngx_http_llm_tenant(cf, lmcf, &lmcf->customers, LLM_ACCOUNT_CUSTOMER,
                               ngx_http_llm_customer_table);
}


char *
ngx_http_llm_team(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_main_conf_t *lmcf = conf;

    return ngx_http_llm_tenant(cf, lmcf, &lmcf->teams, LLM_ACCOUNT_TEAM,
                               ngx_http_llm_team_table);
}


char *
ngx_http_llm_virtual_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_main_conf_t *lmcf = conf;

    char                   *rv;
    ngx_http_llm_tenant_t  *key;

    rv = ngx_http_llm_tenant(cf, lmcf, &lmcf->virtual_keys,
                             LLM_ACCOUNT_VIRTUAL_KEY, ngx_http_llm_key_table);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    key = ((ngx_http_llm_tenant_t **) lmcf->virtual_keys.elts)
              [lmcf->virtual_keys.nelts - 1];

    return ngx_http_llm_key_check(cf, lmcf, key);
}


static char *
ngx_http_llm_tenant(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf,
    ngx_array_t *tenants, llm_account_kind_t kind,
    const ngx_http_llm_block_directive_t *table)
{
    char                   *error;
    ngx_str_t              *value;
    ngx_http_llm_tenant_t  *tenant, *other, **slot;

    value = cf->args->elts;

    error = ngx_http_llm_conf_name(&value[1]);
    if (error) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid name \"%V\": %s",
                           &value[1], error);
        return NGX_CONF_ERROR;
    }

    other = ngx_http_llm_tenant_find(lmcf, kind, &value[1]);
    if (other) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate %V \"%V\", the first one is in %s:%ui",
                           &value[0], &value[1], other->place.file,
                           other->place.line);
        return NGX_CONF_ERROR;
    }

    tenant = ngx_pcalloc(cf->pool, sizeof(ngx_http_llm_tenant_t));
    if (tenant == NULL) {
        return NGX_CONF_ERROR;
    }

    tenant->name = value[1];
    tenant->kind = kind;
    ngx_http_llm_conf_place(cf, &tenant->place);

    if (ngx_array_init(&tenant->limits, cf->pool, 4, sizeof(llm_limit_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    slot = ngx_array_push(tenants);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = tenant;

    if (ngx_http_llm_tenant_index(cf, lmcf, tenant) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_llm_block(cf, table, tenant);
}


ngx_http_llm_tenant_t *
ngx_http_llm_tenant_find(ngx_http_llm_main_conf_t *lmcf,
    llm_account_kind_t kind, ngx_str_t *name)
{
    ngx_str_node_t  *sn;

    sn = ngx_str_rbtree_lookup(&lmcf->tenants_by_name[kind], name,
                               ngx_crc32_long(name->data, name->len));

    /* the node is the first member */

    return sn ? ((ngx_http_llm_name_node_t *) sn)->tenant : NULL;
}


static char *
ngx_http_llm_tenant_index(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_tenant_t *tenant)
{
    ngx_http_llm_name_node_t  *nn;

    nn = ngx_palloc(cf->pool, sizeof(ngx_http_llm_name_node_t));
    if (nn == NULL) {
        return NGX_CONF_ERROR;
    }

    nn->tenant = tenant;
    nn->sn.str = tenant->name;
    nn->sn.node.key = ngx_crc32_long(tenant->name.data, tenant->name.len);

    ngx_rbtree_insert(&lmcf->tenants_by_name[tenant->kind], &nn->sn.node);

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_tenant_parent(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_tenant_t *tenant = object;

    ngx_str_t  *value;

    if (tenant->parent_name.len) {
        return "is duplicate";
    }

    value = cf->args->elts;
    tenant->parent_name = value[1];
    ngx_http_llm_conf_place(cf, &tenant->parent_place);

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_tenant_route(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_tenant_t *tenant = object;

    ngx_str_t  *value;

    if (tenant->route_name.len) {
        return "is duplicate";
    }

    value = cf->args->elts;
    tenant->route_name = value[1];
    ngx_http_llm_conf_place(cf, &tenant->route_place);

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_tenant_models(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_tenant_t *tenant = object;

    return ngx_http_llm_conf_list(cf, &tenant->models);
}


static char *
ngx_http_llm_tenant_budget(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_tenant_t *tenant = object;

    return ngx_http_llm_budget(cf, &tenant->limits);
}


static char *
ngx_http_llm_tenant_rate_limit(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_tenant_t *tenant = object;

    return ngx_http_llm_rate_limit(cf, &tenant->limits);
}


static char *
ngx_http_llm_tenant_alert(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_tenant_t *tenant = object;

    return ngx_http_llm_alert_add(cf, &tenant->alerts, 0);
}


static char *
ngx_http_llm_key_secret(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_tenant_t *key = object;

    char       *rv;
    ngx_int_t   n;
    ngx_str_t  *value;
    ngx_uint_t  i;

    if (key->has_secret) {
        return "is duplicate";
    }

    value = cf->args->elts;
    key->has_secret = 1;

    if (ngx_strncmp(value[1].data, "sha256:", 7) == 0) {

        for (i = 0; value[1].len == 7 + 64 && i < 32; i++) {
            n = ngx_hextoi(value[1].data + 7 + 2 * i, 2);
            if (n == NGX_ERROR) {
                break;
            }

            key->digest[i] = (u_char) n;
        }

        if (value[1].len != 7 + 64 || i < 32) {
            return "needs 64 hex digits after sha256: (printf %s \"$SECRET\" "
                   "| sha256sum)";
        }

        return NGX_CONF_OK;
    }

    rv = ngx_http_llm_conf_secret(cf, &value[1], &key->secret);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (key->secret.len < NGX_HTTP_LLM_SECRET_MIN) {
        return "is too short: a secret has at least 16 characters "
               "(openssl rand -hex 24 makes a good one)";
    }

    SHA256(key->secret.data, key->secret.len, key->digest);

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_key_sigv4(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_tenant_t *key = object;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "on") == 0) {
        key->sigv4 = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        key->sigv4 = 0;
        return NGX_CONF_OK;
    }

    return "is either on or off";
}


/* a virtual key's block is read: is it whole, is its secret its own? */

static char *
ngx_http_llm_key_check(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_tenant_t *key)
{
    ngx_http_llm_tenant_t  *other;

    if (!key->has_secret) {
        return ngx_http_llm_conf_error(cf, &key->place,
                                       "llm_virtual_key \"%V\" has no secret: "
                                       "write \"secret file:<path>;\"",
                                       &key->name);
    }

    if (key->sigv4 && key->secret.len == 0) {
        return ngx_http_llm_conf_error(cf, &key->place,
                                       "llm_virtual_key \"%V\": \"sigv4 on\" "
                                       "needs the secret itself, a sha256: "
                                       "cannot verify a signature", &key->name);
    }

    if (!key->sigv4 && key->secret.len) {
        ngx_explicit_memzero(key->secret.data, key->secret.len);
        ngx_str_null(&key->secret);
    }

    other = ngx_http_llm_key_by_digest(lmcf, key->digest);
    if (other) {
        return ngx_http_llm_conf_error(cf, &key->place,
                                       "llm_virtual_key \"%V\" has the same "
                                       "secret as \"%V\"", &key->name,
                                       &other->name);
    }

    return ngx_http_llm_key_index(cf, lmcf, key);
}


static char *
ngx_http_llm_key_index(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_tenant_t *key)
{
    ngx_http_llm_key_node_t  *kn;

    kn = ngx_palloc(cf->pool, sizeof(ngx_http_llm_key_node_t));
    if (kn == NULL) {
        return NGX_CONF_ERROR;
    }

    kn->tenant = key;
    kn->node.key = ngx_http_llm_digest_key(key->digest);

    ngx_rbtree_insert(&lmcf->keys_by_digest, &kn->node);

    return NGX_CONF_OK;
}


static ngx_rbtree_key_t
ngx_http_llm_digest_key(const u_char *digest)
{
    ngx_rbtree_key_t  key;

    ngx_memcpy(&key, digest, sizeof(ngx_rbtree_key_t));

    return key;
}


/* The first 64 bits of a SHA-256 order the tree; what a timing could tell of
 * them helps nobody to find a preimage.  The rest is compared as a whole. */

ngx_http_llm_tenant_t *
ngx_http_llm_key_by_digest(ngx_http_llm_main_conf_t *lmcf,
    const u_char digest[32])
{
    ngx_rbtree_key_t          key;
    ngx_rbtree_node_t        *node;
    ngx_http_llm_key_node_t  *kn;

    key = ngx_http_llm_digest_key(digest);
    node = lmcf->keys_by_digest.root;

    while (node != lmcf->keys_by_digest.sentinel) {

        if (key != node->key) {
            node = (key < node->key) ? node->left : node->right;
            continue;
        }

        kn = (ngx_http_llm_key_node_t *) node;

        return CRYPTO_memcmp(kn->tenant->digest, digest, 32) == 0
               ? kn->tenant : NULL;
    }

    return NULL;
}


ngx_http_llm_tenant_t *
ngx_http_llm_key_by_name(ngx_http_llm_main_conf_t *lmcf, llm_str_t name)
{
    ngx_str_t               str;
    ngx_http_llm_tenant_t  *key;

    str.data = (u_char *) name.data;
    str.len = name.len;

    key = ngx_http_llm_tenant_find(lmcf, LLM_ACCOUNT_VIRTUAL_KEY, &str);

    return (key && key->sigv4) ? key : NULL;
}


char *
ngx_http_llm_tenants_link(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf)
{
    ngx_uint_t               i, k;
    ngx_array_t             *kinds[3];
    ngx_http_llm_tenant_t  **tenant;

    kinds[0] = &lmcf->customers;
    kinds[1] = &lmcf->teams;
    kinds[2] = &lmcf->virtual_keys;

    for (k = 0; k < 3; k++) {
        tenant = kinds[k]->elts;

        for (i = 0; i < kinds[k]->nelts; i++) {
            if (ngx_http_llm_tenant_link(cf, lmcf, tenant[i]) != NGX_CONF_OK) {
                return NGX_CONF_ERROR;
            }
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_tenant_link(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_tenant_t *tenant)
{
    const char             *what;
    ngx_uint_t              i;
    llm_account_kind_t      parent;
    ngx_http_llm_route_t  **route;

    if (tenant->parent_name.len) {

        if (tenant->kind == LLM_ACCOUNT_TEAM) {
            parent = LLM_ACCOUNT_CUSTOMER;
            what = "llm_customer";

        } else {
            parent = LLM_ACCOUNT_TEAM;
            what = "llm_team";
        }

        tenant->parent = ngx_http_llm_tenant_find(lmcf, parent,
                                                  &tenant->parent_name);
        if (tenant->parent == NULL) {
            return ngx_http_llm_conf_error(cf, &tenant->parent_place,
                                           "there is no %s \"%V\": declare "
                                           "\"%s %V { }\" or correct the name",
                                           what, &tenant->parent_name, what,
                                           &tenant->parent_name);
        }
    }

    if (tenant->route_name.len == 0) {
        tenant->route = tenant->parent ? tenant->parent->route : NULL;
        return NGX_CONF_OK;
    }

    route = lmcf->routes.elts;

    for (i = 0; i < lmcf->routes.nelts; i++) {
        if (route[i]->name.len == tenant->route_name.len
            && ngx_strncmp(route[i]->name.data, tenant->route_name.data,
                           route[i]->name.len)
               == 0)
        {
            tenant->route = route[i];
            return NGX_CONF_OK;
        }
    }

    return ngx_http_llm_conf_error(cf, &tenant->route_place,
                                   "there is no llm_route \"%V\"",
                                   &tenant->route_name);
}
