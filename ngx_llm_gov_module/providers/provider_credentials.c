/*
 * `credentials` and `assume_role` of an `llm_provider`.
 */

#include "provider.h"
#include "../governance/block.h"


typedef struct {
    ngx_str_t   name;           /* with `=` */
    size_t      offset;         /* of a const char * in the configuration */
} ngx_http_llm_credentials_param_t;


static char *ngx_http_llm_credentials_params(ngx_conf_t *cf, ngx_uint_t first,
    const ngx_http_llm_credentials_param_t *table,
    llm_credentials_conf_t *credentials);
static char *ngx_http_llm_credentials_bearer(ngx_conf_t *cf,
    llm_credentials_conf_t *credentials);


static const struct {
    ngx_str_t                  name;
    llm_credentials_source_t   source;
} ngx_http_llm_credentials_sources[] = {
    { ngx_string("auto"), LLM_CREDENTIALS_CHAIN },
    { ngx_string("static"), LLM_CREDENTIALS_STATIC },
    { ngx_string("environment"), LLM_CREDENTIALS_ENVIRONMENT },
    { ngx_string("profile"), LLM_CREDENTIALS_PROFILE },
    { ngx_string("imds"), LLM_CREDENTIALS_IMDS },
    { ngx_string("container"), LLM_CREDENTIALS_CONTAINER },
    { ngx_string("web_identity"), LLM_CREDENTIALS_WEB_IDENTITY },
    { ngx_string("process"), LLM_CREDENTIALS_PROCESS },
    { ngx_string("bearer"), LLM_CREDENTIALS_BEARER },
    { ngx_null_string, 0 }
};


static const ngx_http_llm_credentials_param_t  ngx_http_llm_static_params[] = {
    { ngx_string("access_key_id="),
      offsetof(llm_credentials_conf_t, access_key_id) },
    { ngx_string("secret_access_key="),
      offsetof(llm_credentials_conf_t, secret_access_key) },
    { ngx_string("session_token="),
      offsetof(llm_credentials_conf_t, session_token) },
    { ngx_string("imds_endpoint="),
      offsetof(llm_credentials_conf_t, imds_endpoint) },
    { ngx_string("sts_endpoint="),
      offsetof(llm_credentials_conf_t, sts_endpoint) },
    { ngx_null_string, 0 }
};


static const ngx_http_llm_credentials_param_t  ngx_http_llm_role_params[] = {
    { ngx_string("session_name="),
      offsetof(llm_credentials_conf_t, role_session_name) },
    { ngx_string("external_id="),
      offsetof(llm_credentials_conf_t, external_id) },
    { ngx_string("sts_endpoint="),
      offsetof(llm_credentials_conf_t, sts_endpoint) },
    { ngx_null_string, 0 }
};


char *
ngx_http_llm_provider_credentials(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_provider_t *provider = object;

    char                    *rv;
    ngx_str_t               *value;
    ngx_uint_t               i, params;
    llm_credentials_conf_t  *credentials;

    value = cf->args->elts;
    credentials = &provider->credentials;

    for (i = 0; ngx_strcmp(ngx_http_llm_credentials_sources[i].name.data,
                           value[1].data) != 0; i++)
    {
        if (ngx_http_llm_credentials_sources[i + 1].name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown source of credentials \"%V\": write "
                               "auto, static, environment, profile, imds, "
                               "container, web_identity, process or bearer",
                               &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    credentials->source = ngx_http_llm_credentials_sources[i].source;
    params = 2;

    if (credentials->source == LLM_CREDENTIALS_PROFILE
        || credentials->source == LLM_CREDENTIALS_PROCESS
        || credentials->source == LLM_CREDENTIALS_BEARER)
    {
        if (cf->args->nelts < 3) {
            return "needs one more argument: the profile's name, the command "
                   "or the key";
        }

        params = 3;
    }

    if (credentials->source == LLM_CREDENTIALS_PROFILE) {
        credentials->profile = (const char *) value[2].data;

    } else if (credentials->source == LLM_CREDENTIALS_PROCESS) {
        credentials->process = (const char *) value[2].data;

    } else if (credentials->source == LLM_CREDENTIALS_BEARER) {
        rv = ngx_http_llm_credentials_bearer(cf, credentials);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    rv = ngx_http_llm_credentials_params(cf, params, ngx_http_llm_static_params,
                                         credentials);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (credentials->source == LLM_CREDENTIALS_STATIC
        && (credentials->access_key_id == NULL
            || credentials->secret_access_key == NULL))
    {
        return "needs access_key_id=… and secret_access_key=… after static "
               "(env:NAME and file:path work)";
    }

    return NGX_CONF_OK;
}


/* a key in a file is read again by the background process when it changes */

static char *
ngx_http_llm_credentials_bearer(ngx_conf_t *cf,
    llm_credentials_conf_t *credentials)
{
    char       *rv;
    ngx_str_t  *value, path, secret;

    value = cf->args->elts;

    rv = ngx_http_llm_conf_secret(cf, &value[2], &secret);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_strncmp(value[2].data, "file:", 5) != 0) {
        credentials->bearer = (const char *) secret.data;
        return NGX_CONF_OK;
    }

    path.data = value[2].data + 5;
    path.len = value[2].len - 5;

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    credentials->bearer_file = (const char *) path.data;

    return NGX_CONF_OK;
}


char *
ngx_http_llm_provider_assume_role(ngx_conf_t *cf, void *object)
{
    ngx_http_llm_provider_t *provider = object;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strncmp(value[1].data, "arn:", 4) != 0) {
        return "needs a role's ARN: "
               "assume_role arn:aws:iam::123456789012:role/name;";
    }

    provider->credentials.assume_role = (const char *) value[1].data;

    return ngx_http_llm_credentials_params(cf, 2, ngx_http_llm_role_params,
                                           &provider->credentials);
}


static char *
ngx_http_llm_credentials_params(ngx_conf_t *cf, ngx_uint_t first,
    const ngx_http_llm_credentials_param_t *table,
    llm_credentials_conf_t *credentials)
{
    char                                    *rv;
    ngx_str_t                               *value, rest, secret;
    ngx_uint_t                               i;
    const ngx_http_llm_credentials_param_t  *param;

    value = cf->args->elts;

    for (i = first; i < cf->args->nelts; i++) {

        for (param = table; param->name.len; param++) {
            if (ngx_strncmp(value[i].data, param->name.data, param->name.len)
                == 0)
            {
                break;
            }
        }

        if (param->name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown parameter number %ui of \"%V\"",
                               i, &value[0]);
            return NGX_CONF_ERROR;
        }

        rest.data = value[i].data + param->name.len;
        rest.len = value[i].len - param->name.len;

        rv = ngx_http_llm_conf_secret(cf, &rest, &secret);
        if (rv != NGX_CONF_OK) {
            return rv;
        }

        *(const char **) ((u_char *) credentials + param->offset) =
            (const char *) secret.data;
    }

    return NGX_CONF_OK;
}
