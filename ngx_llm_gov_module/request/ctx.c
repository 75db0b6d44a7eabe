/*
 * A request's context, found again also after an internal redirect.
 */

#include "request.h"


static void ngx_http_llm_ctx_cleanup(void *data);


ngx_http_llm_ctx_t *
ngx_http_llm_ctx_create(ngx_http_request_t *r, llm_dialect_t dialect)
{
    ngx_pool_cleanup_t  *cln;
    ngx_http_llm_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_llm_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, offsetof(ngx_http_llm_ctx_t, attempts));

    ctx->cleanup = ngx_http_cleanup_add(r, 0);
    if (ctx->cleanup == NULL) {
        return NULL;
    }

    ctx->request = r;
    ctx->lmcf = ngx_http_get_module_main_conf(r, ngx_http_llm_gov_module);
    ctx->llcf = ngx_http_get_module_loc_conf(r, ngx_http_llm_gov_module);
    ctx->dialect = dialect;
    ctx->started = ngx_current_msec;
    ctx->first_token = -1;
    ctx->refusal = LLM_REFUSE_REASONS;

    ctx->rewrite.nspans = 0;
    llm_buf_init(&ctx->rewrite.head, 0);
    llm_buf_init(&ctx->betas, 4096);
    llm_buf_init(&ctx->head, 64 * 1024 * 1024);
    llm_buf_init(&ctx->collected, 1024 * 1024);
    llm_buf_init(&ctx->events, LLM_EVENTSTREAM_MAX_FRAME * 2);

    llm_buf_init(&ctx->content, 0);

    ctx->received_ms = (int64_t) r->start_sec * 1000 + r->start_msec;

    ngx_http_llm_mint_id(ctx->id, ctx->bytes, ctx->received_ms);

    cln->handler = ngx_http_llm_ctx_cleanup;

    ngx_http_set_ctx(r, ctx, ngx_http_llm_gov_module);

    return ctx;
}


/* error_page and the like zero r->ctx; the pool's cleanup list stays */

ngx_http_llm_ctx_t *
ngx_http_llm_ctx_get(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;
    ngx_http_llm_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_llm_gov_module);

    if (ctx == NULL && (r->internal || r->filter_finalize)) {

        for (cln = r->pool->cleanup; cln; cln = cln->next) {
            if (cln->handler == ngx_http_llm_ctx_cleanup) {
                return cln->data;
            }
        }
    }

    return ctx;
}


static void
ngx_http_llm_ctx_cleanup(void *data)
{
    ngx_http_llm_ctx_t *ctx = data;

    if (ctx->drain_timer.timer_set) {
        ngx_del_timer(&ctx->drain_timer);
    }

    if (ctx->meter) {
        llm_meter_free(ctx->meter);
    }

    if (ctx->inflate) {
        llm_inflate_free(ctx->inflate);
    }

    if (ctx->translate) {
        llm_eventstream_free(&ctx->frames);
        llm_anthropic_sse_free(&ctx->sse);
    }

    llm_rewrite_free(&ctx->rewrite);
    llm_buf_free(&ctx->head);
    llm_buf_free(&ctx->betas);
    llm_buf_free(&ctx->collected);
    llm_buf_free(&ctx->events);
    llm_buf_free(&ctx->content);
}


/* Ids are ours alone: one that a client could choose could be paid once and
 * used twice.  They begin with the time, so that a row is found by its id. */

void
ngx_http_llm_mint_id(u_char id[33], u_char bytes[LLM_ROW_ID_SIZE],
    int64_t now_ms)
{
    uint32_t    words[3];
    ngx_uint_t  i;

    words[0] = (uint32_t) ngx_random() ^ ((uint32_t) ngx_pid << 16);
    words[1] = (uint32_t) ngx_random() ^ (uint32_t) ngx_http_llm_monotonic();
    words[2] = (uint32_t) ngx_random();

    ngx_memcpy(bytes + LLM_ROW_ID_SIZE - sizeof(words), words, sizeof(words));

    for (i = 0; i < 6; i++) {
        bytes[i] = (u_char) (now_ms >> (40 - 8 * i));
    }

    ngx_hex_dump(id, bytes, LLM_ROW_ID_SIZE);
    id[32] = '\0';
}


uint64_t
ngx_http_llm_monotonic(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}
