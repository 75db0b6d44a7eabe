/*
 * What is left of the limits, in the headers of a good answer and in the
 * dialect's own spelling.
 */

#include "request.h"
#include "../wire/utc.h"


#define NGX_HTTP_LLM_LEFT  4


typedef struct {
    const char   *limit;
    const char   *remaining;
    const char   *reset;
} ngx_http_llm_left_names_t;


typedef struct {
    int64_t       limit;
    int64_t       remaining;
    int64_t       reset_ms;
    unsigned      set:1;
} ngx_http_llm_left_t;


static void ngx_http_llm_left_find(ngx_http_llm_ctx_t *ctx, int64_t now,
    ngx_http_llm_left_t *left);
static ngx_int_t ngx_http_llm_left_reset(ngx_http_llm_ctx_t *ctx,
    const char *name, int64_t reset_ms, int64_t now);
static ngx_int_t ngx_http_llm_left_number(ngx_http_llm_ctx_t *ctx,
    const char *name, int64_t n);


/* Anthropic API reference, "Response headers" */
static const ngx_http_llm_left_names_t  ngx_http_llm_left_anthropic[] = {

    { "anthropic-ratelimit-requests-limit",
      "anthropic-ratelimit-requests-remaining",
      "anthropic-ratelimit-requests-reset" },

    { "anthropic-ratelimit-tokens-limit",
      "anthropic-ratelimit-tokens-remaining",
      "anthropic-ratelimit-tokens-reset" },

    { "anthropic-ratelimit-input-tokens-limit",
      "anthropic-ratelimit-input-tokens-remaining",
      "anthropic-ratelimit-input-tokens-reset" },

    { "anthropic-ratelimit-output-tokens-limit",
      "anthropic-ratelimit-output-tokens-remaining",
      "anthropic-ratelimit-output-tokens-reset" }
};


/* Bedrock has none of its own: OpenAI's are the ones that tools know */
static const ngx_http_llm_left_names_t  ngx_http_llm_left_other[] = {

    { "x-ratelimit-limit-requests",
      "x-ratelimit-remaining-requests",
      "x-ratelimit-reset-requests" },

    { "x-ratelimit-limit-tokens",
      "x-ratelimit-remaining-tokens",
      "x-ratelimit-reset-tokens" },

    { "x-ratelimit-limit-input-tokens",
      "x-ratelimit-remaining-input-tokens",
      "x-ratelimit-reset-input-tokens" },

    { "x-ratelimit-limit-output-tokens",
      "x-ratelimit-remaining-output-tokens",
      "x-ratelimit-reset-output-tokens" }
};


ngx_int_t
ngx_http_llm_limits_left(ngx_http_llm_ctx_t *ctx)
{
    int64_t                           now;
    ngx_uint_t                        i;
    ngx_http_llm_left_t               left[NGX_HTTP_LLM_LEFT];
    const ngx_http_llm_left_names_t  *names;

    now = ngx_http_llm_now();
    names = (ctx->dialect == LLM_DIALECT_ANTHROPIC)
            ? ngx_http_llm_left_anthropic : ngx_http_llm_left_other;

    ngx_memzero(left, sizeof(left));
    ngx_http_llm_left_find(ctx, now, left);

    for (i = 0; i < NGX_HTTP_LLM_LEFT; i++) {

        if (!left[i].set) {
            continue;
        }

        if (ngx_http_llm_left_number(ctx, names[i].limit, left[i].limit)
            != NGX_OK
            || ngx_http_llm_left_number(ctx, names[i].remaining,
                                        left[i].remaining)
               != NGX_OK
            || ngx_http_llm_left_reset(ctx, names[i].reset, left[i].reset_ms,
                                       now)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* of several limits of one kind the one that has the least left */

static void
ngx_http_llm_left_find(ngx_http_llm_ctx_t *ctx, int64_t now,
    ngx_http_llm_left_t *left)
{
    int64_t             spent, held, reset, remaining;
    ngx_uint_t          i, k, kind;
    llm_party_t        *party;
    const llm_limit_t  *limit;

    ngx_http_llm_lock(ctx->lmcf);

    for (i = 0; i < ctx->ntenants; i++) {
        party = &ctx->tenants[i];

        for (k = 0; k < party->nlimits; k++) {
            limit = &party->limits[k];

            if (limit->metric == LLM_METRIC_COST
                || limit->metric == LLM_METRIC_CONCURRENCY
                || limit->mode == LLM_LIMIT_SOFT)
            {
                continue;
            }

            kind = limit->metric - LLM_METRIC_REQUESTS;

            llm_limit_state(party, limit, now, &spent, &held, &reset);

            remaining = ngx_max(limit->amount - spent - held, 0);

            if (!left[kind].set || remaining < left[kind].remaining) {
                left[kind].set = 1;
                left[kind].limit = limit->amount;
                left[kind].remaining = remaining;
                left[kind].reset_ms = reset;
            }
        }
    }

    ngx_http_llm_unlock(ctx->lmcf);
}


static ngx_int_t
ngx_http_llm_left_number(ngx_http_llm_ctx_t *ctx, const char *name, int64_t n)
{
    u_char  buf[NGX_INT64_LEN];

    return ngx_http_llm_header_add(ctx->request, name,
                                   (llm_str_t) { (char *) buf,
                                   ngx_sprintf(buf, "%L", n) - buf });
}


/* Anthropic: RFC 3339; else seconds, as "12s" */

static ngx_int_t
ngx_http_llm_left_reset(ngx_http_llm_ctx_t *ctx, const char *name,
    int64_t reset_ms, int64_t now)
{
    char       buf[LLM_UTC_TEXT];
    llm_str_t  value;

    if (reset_ms == 0) {
        return NGX_OK;
    }

    if (ctx->dialect == LLM_DIALECT_ANTHROPIC) {
        value = llm_utc_seconds(reset_ms, buf);

    } else {
        value.data = buf;
        value.len = ngx_sprintf((u_char *) buf, "%Ls",
                                (reset_ms - now + 999) / 1000)
                    - (u_char *) buf;
    }

    return ngx_http_llm_header_add(ctx->request, name, value);
}
