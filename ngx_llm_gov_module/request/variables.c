/*
 * $llm_…: who called, what was served, what it cost; for log_format, map and
 * add_header.
 */

#include "request.h"


typedef enum {
    NGX_HTTP_LLM_VAR_ID = 0,
    NGX_HTTP_LLM_VAR_KEY,
    NGX_HTTP_LLM_VAR_TEAM,
    NGX_HTTP_LLM_VAR_CUSTOMER,
    NGX_HTTP_LLM_VAR_PROVIDER,
    NGX_HTTP_LLM_VAR_REGION,
    NGX_HTTP_LLM_VAR_MODEL_ASKED,
    NGX_HTTP_LLM_VAR_MODEL,
    NGX_HTTP_LLM_VAR_API,
    NGX_HTTP_LLM_VAR_STREAM,
    NGX_HTTP_LLM_VAR_REFUSAL,
    NGX_HTTP_LLM_VAR_PRICE_STATUS,
    NGX_HTTP_LLM_VAR_COST,
    NGX_HTTP_LLM_VAR_COST_INPUT,
    NGX_HTTP_LLM_VAR_COST_OUTPUT,
    NGX_HTTP_LLM_VAR_COST_CACHE,
    NGX_HTTP_LLM_VAR_INPUT_TOKENS,
    NGX_HTTP_LLM_VAR_OUTPUT_TOKENS,
    NGX_HTTP_LLM_VAR_CACHE_READ_TOKENS,
    NGX_HTTP_LLM_VAR_CACHE_WRITE_5M_TOKENS,
    NGX_HTTP_LLM_VAR_CACHE_WRITE_1H_TOKENS,
    NGX_HTTP_LLM_VAR_REASONING_TOKENS,
    NGX_HTTP_LLM_VAR_ATTEMPTS,
    NGX_HTTP_LLM_VAR_ATTEMPT_LOG,
    NGX_HTTP_LLM_VAR_FIRST_TOKEN,
    NGX_HTTP_LLM_VAR_OVERHEAD,
    NGX_HTTP_LLM_VAR_END_USER
} ngx_http_llm_var_t;


static ngx_int_t ngx_http_llm_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static llm_str_t ngx_http_llm_var_text(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_var_t var);
static ngx_int_t ngx_http_llm_var_number(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_var_t var, int64_t *n);
static ngx_int_t ngx_http_llm_var_dollars(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_var_t var, int64_t *nanodollars);
static ngx_int_t ngx_http_llm_var_attempts(ngx_http_llm_ctx_t *ctx,
    ngx_http_variable_value_t *v);
static ngx_int_t ngx_http_llm_var_print(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, const char *fmt, ...);


#define NGX_HTTP_LLM_VARIABLE(name, var)                                      \
    { ngx_string("llm_" name), NULL, ngx_http_llm_variable, var,              \
      NGX_HTTP_VAR_NOCACHEABLE, 0 }

static ngx_http_variable_t  ngx_http_llm_vars[] = {
    NGX_HTTP_LLM_VARIABLE("request_id", NGX_HTTP_LLM_VAR_ID),
    NGX_HTTP_LLM_VARIABLE("virtual_key", NGX_HTTP_LLM_VAR_KEY),
    NGX_HTTP_LLM_VARIABLE("team", NGX_HTTP_LLM_VAR_TEAM),
    NGX_HTTP_LLM_VARIABLE("customer", NGX_HTTP_LLM_VAR_CUSTOMER),
    NGX_HTTP_LLM_VARIABLE("provider", NGX_HTTP_LLM_VAR_PROVIDER),
    NGX_HTTP_LLM_VARIABLE("region", NGX_HTTP_LLM_VAR_REGION),
    NGX_HTTP_LLM_VARIABLE("model_asked", NGX_HTTP_LLM_VAR_MODEL_ASKED),
    NGX_HTTP_LLM_VARIABLE("model", NGX_HTTP_LLM_VAR_MODEL),
    NGX_HTTP_LLM_VARIABLE("api", NGX_HTTP_LLM_VAR_API),
    NGX_HTTP_LLM_VARIABLE("stream", NGX_HTTP_LLM_VAR_STREAM),
    NGX_HTTP_LLM_VARIABLE("refusal", NGX_HTTP_LLM_VAR_REFUSAL),
    NGX_HTTP_LLM_VARIABLE("price_status", NGX_HTTP_LLM_VAR_PRICE_STATUS),
    NGX_HTTP_LLM_VARIABLE("cost", NGX_HTTP_LLM_VAR_COST),
    NGX_HTTP_LLM_VARIABLE("cost_input", NGX_HTTP_LLM_VAR_COST_INPUT),
    NGX_HTTP_LLM_VARIABLE("cost_output", NGX_HTTP_LLM_VAR_COST_OUTPUT),
    NGX_HTTP_LLM_VARIABLE("cost_cache", NGX_HTTP_LLM_VAR_COST_CACHE),
    NGX_HTTP_LLM_VARIABLE("input_tokens", NGX_HTTP_LLM_VAR_INPUT_TOKENS),
    NGX_HTTP_LLM_VARIABLE("output_tokens", NGX_HTTP_LLM_VAR_OUTPUT_TOKENS),
    NGX_HTTP_LLM_VARIABLE("cache_read_tokens",
                          NGX_HTTP_LLM_VAR_CACHE_READ_TOKENS),
    NGX_HTTP_LLM_VARIABLE("cache_write_5m_tokens",
                          NGX_HTTP_LLM_VAR_CACHE_WRITE_5M_TOKENS),
    NGX_HTTP_LLM_VARIABLE("cache_write_1h_tokens",
                          NGX_HTTP_LLM_VAR_CACHE_WRITE_1H_TOKENS),
    NGX_HTTP_LLM_VARIABLE("reasoning_tokens",
                          NGX_HTTP_LLM_VAR_REASONING_TOKENS),
    NGX_HTTP_LLM_VARIABLE("attempts", NGX_HTTP_LLM_VAR_ATTEMPTS),
    NGX_HTTP_LLM_VARIABLE("attempt_log", NGX_HTTP_LLM_VAR_ATTEMPT_LOG),
    NGX_HTTP_LLM_VARIABLE("first_token_time", NGX_HTTP_LLM_VAR_FIRST_TOKEN),
    NGX_HTTP_LLM_VARIABLE("overhead_us", NGX_HTTP_LLM_VAR_OVERHEAD),
    NGX_HTTP_LLM_VARIABLE("end_user", NGX_HTTP_LLM_VAR_END_USER),
    ngx_http_null_variable
};


ngx_int_t
ngx_http_llm_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_llm_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    int64_t              n;
    llm_buf_t            buf;
    llm_str_t            text;
    ngx_int_t            rc;
    ngx_http_llm_ctx_t  *ctx;

    ctx = ngx_http_llm_ctx_get(r->main);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (data == NGX_HTTP_LLM_VAR_ATTEMPT_LOG) {
        return ngx_http_llm_var_attempts(ctx, v);
    }

    if (ngx_http_llm_var_dollars(ctx, data, &n) == NGX_OK) {
        llm_buf_init(&buf, 64);
        llm_buf_dollars(&buf, n);
        rc = ngx_http_llm_var_print(r, v, "%*s", buf.len, buf.data);
        llm_buf_free(&buf);

        return rc;
    }

    if (ngx_http_llm_var_number(ctx, data, &n) == NGX_OK) {
        return ngx_http_llm_var_print(r, v, "%L", n);
    }

    if (data == NGX_HTTP_LLM_VAR_FIRST_TOKEN && ctx->first_token >= 0) {
        return ngx_http_llm_var_print(r, v, "%T.%03M",
                                      (time_t) ctx->first_token / 1000,
                                      ctx->first_token % 1000);
    }

    text = ngx_http_llm_var_text(ctx, data);

    if (text.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = (u_char *) text.data;
    v->len = text.len;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


static llm_str_t
ngx_http_llm_var_text(ngx_http_llm_ctx_t *ctx, ngx_http_llm_var_t var)
{
    ngx_http_llm_tenant_t  *tenant;
    ngx_http_llm_choice_t  *choice;

    choice = ctx->nattempts ? &ctx->choices[ctx->chosen] : NULL;

    switch (var) {

    case NGX_HTTP_LLM_VAR_ID:
        return (llm_str_t) { (char *) ctx->id, 32 };

    case NGX_HTTP_LLM_VAR_KEY:
    case NGX_HTTP_LLM_VAR_TEAM:
    case NGX_HTTP_LLM_VAR_CUSTOMER:

        for (tenant = ctx->key; tenant; tenant = tenant->parent) {
            if ((tenant->kind == LLM_ACCOUNT_VIRTUAL_KEY
                 && var == NGX_HTTP_LLM_VAR_KEY)
                || (tenant->kind == LLM_ACCOUNT_TEAM
                    && var == NGX_HTTP_LLM_VAR_TEAM)
                || (tenant->kind == LLM_ACCOUNT_CUSTOMER
                    && var == NGX_HTTP_LLM_VAR_CUSTOMER))
            {
                return ngx_http_llm_str(tenant->name);
            }
        }

        break;

    case NGX_HTTP_LLM_VAR_PROVIDER:
        if (choice) {
            return ngx_http_llm_str(choice->provider->name);
        }

        break;

    case NGX_HTTP_LLM_VAR_REGION:
        if (choice) {
            return ngx_http_llm_str(choice->provider->region);
        }

        break;

    case NGX_HTTP_LLM_VAR_MODEL:
        if (choice) {
            return choice->model;
        }

        break;

    case NGX_HTTP_LLM_VAR_MODEL_ASKED:
        return ctx->model;

    case NGX_HTTP_LLM_VAR_API:
        return llm_api_name(ctx->api);

    case NGX_HTTP_LLM_VAR_STREAM:
        return ctx->stream ? llm_str("1") : llm_str("0");

    case NGX_HTTP_LLM_VAR_REFUSAL:
        if (ctx->refused) {
            return llm_refusal_name(ctx->refusal);
        }

        break;

    case NGX_HTTP_LLM_VAR_PRICE_STATUS:
        if (!ctx->settled) {
            break;
        }

        return ctx->outcome == LLM_OUTCOME_OK ? llm_str("exact")
               : ctx->outcome == LLM_OUTCOME_ESTIMATED ? llm_str("estimated")
               : ctx->outcome == LLM_OUTCOME_UNPRICED ? llm_str("unpriced")
                                                      : llm_str("none");

    case NGX_HTTP_LLM_VAR_END_USER:
        if (ctx->envelope && !ctx->body_error) {
            return (llm_str_t) { ctx->envelope->user, ctx->envelope->user_len };
        }

        break;

    default:
        break;
    }

    return (llm_str_t) { NULL, 0 };
}


/* what is only known once the request is settled is `-` before */

static ngx_int_t
ngx_http_llm_var_number(ngx_http_llm_ctx_t *ctx, ngx_http_llm_var_t var,
    int64_t *n)
{
    switch (var) {

    case NGX_HTTP_LLM_VAR_ATTEMPTS:
        *n = ctx->nattempts;
        return NGX_OK;

    case NGX_HTTP_LLM_VAR_OVERHEAD:
        *n = ctx->overhead_ns / 1000;
        return NGX_OK;

    default:
        break;
    }

    if (!ctx->settled) {
        return NGX_DECLINED;
    }

    switch (var) {

    case NGX_HTTP_LLM_VAR_INPUT_TOKENS:
        *n = ctx->usage.input;
        return NGX_OK;

    case NGX_HTTP_LLM_VAR_OUTPUT_TOKENS:
        *n = ctx->usage.output;
        return NGX_OK;

    case NGX_HTTP_LLM_VAR_CACHE_READ_TOKENS:
        *n = ctx->usage.cache_read;
        return NGX_OK;

    case NGX_HTTP_LLM_VAR_CACHE_WRITE_5M_TOKENS:
        *n = ctx->usage.cache_write_5m;
        return NGX_OK;

    case NGX_HTTP_LLM_VAR_CACHE_WRITE_1H_TOKENS:
        *n = ctx->usage.cache_write_1h;
        return NGX_OK;

    case NGX_HTTP_LLM_VAR_REASONING_TOKENS:
        *n = ctx->usage.reasoning;
        return NGX_OK;

    default:
        return NGX_DECLINED;
    }
}


static ngx_int_t
ngx_http_llm_var_dollars(ngx_http_llm_ctx_t *ctx, ngx_http_llm_var_t var,
    int64_t *nanodollars)
{
    if (!ctx->settled) {
        return NGX_DECLINED;
    }

    switch (var) {

    case NGX_HTTP_LLM_VAR_COST:
        *nanodollars = ctx->cost.total + ctx->earlier_cost;
        return NGX_OK;

    case NGX_HTTP_LLM_VAR_COST_INPUT:
        *nanodollars = ctx->cost.input;
        return NGX_OK;

    case NGX_HTTP_LLM_VAR_COST_OUTPUT:
        *nanodollars = ctx->cost.output;
        return NGX_OK;

    case NGX_HTTP_LLM_VAR_COST_CACHE:
        *nanodollars = ctx->cost.cache_read + ctx->cost.cache_write;
        return NGX_OK;

    default:
        return NGX_DECLINED;
    }
}


static const char  *ngx_http_llm_results[] = {
    "ok", "client_error", "throttled", "server_error", "exception", "connect",
    "timeout", "broken"
};


/* "bedrock-a:429:throttled, bedrock-b:200:ok" */

static ngx_int_t
ngx_http_llm_var_attempts(ngx_http_llm_ctx_t *ctx,
    ngx_http_variable_value_t *v)
{
    size_t                   len;
    u_char                  *p;
    ngx_uint_t               i;
    ngx_http_llm_attempt_t  *attempt;

    if (ctx->nattempts == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    len = 0;

    for (i = 0; i < ctx->nattempts; i++) {
        len += ctx->attempts[i].provider->name.len + sizeof(", :000:")
               + sizeof("client_error");
    }

    p = ngx_pnalloc(ctx->request->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;

    for (i = 0; i < ctx->nattempts; i++) {
        attempt = &ctx->attempts[i];

        p = ngx_sprintf(p, "%s%V:%ui:%s", i ? ", " : "",
                        &attempt->provider->name, attempt->status,
                        attempt->ended ? ngx_http_llm_results[attempt->result]
                                       : "");
    }

    v->len = p - v->data;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_var_print(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    const char *fmt, ...)
{
    va_list  args;

    v->data = ngx_pnalloc(r->pool, 64);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    va_start(args, fmt);
    v->len = ngx_vslprintf(v->data, v->data + 64, fmt, args) - v->data;
    va_end(args);

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}
