/*
 * `llm_log_content`: what was asked and answered, as text for the log; only of
 * keys that say so, and never more than they say.  Bodies only, no headers.
 */

#include "journal.h"
#include "../governance/log_content.h"


/* a record of it: id, direction, text */
#define NGX_HTTP_LLM_CONTENT_HEAD     (LLM_ROW_ID_SIZE + 1)
#define NGX_HTTP_LLM_CONTENT_PIECE    8192


static size_t ngx_http_llm_content_cut(ngx_http_llm_ctx_t *ctx, size_t len);
static ngx_int_t ngx_http_llm_content_pieces(ngx_http_llm_ctx_t *ctx,
    ngx_uint_t direction, const llm_str_t *pieces, ngx_uint_t n);
static ngx_int_t ngx_http_llm_content_piece(ngx_http_llm_ctx_t *ctx,
    ngx_uint_t direction, llm_str_t text);


void
ngx_http_llm_content_add(ngx_http_llm_ctx_t *ctx, const void *data, size_t len)
{
    size_t  max;

    if (!(ctx->key->log_content & NGX_HTTP_LLM_CONTENT_ANSWER)
        || ctx->segment == NULL)
    {
        return;
    }

    max = ctx->key->log_content_size;

    if (ctx->content.limit == 0) {
        llm_buf_init(&ctx->content, max);
    }

    if (ctx->content.len < max) {
        llm_buf_append(&ctx->content, data,
                       ngx_min(len, max - ctx->content.len));
    }
}


static size_t
ngx_http_llm_content_cut(ngx_http_llm_ctx_t *ctx, size_t len)
{
    return ngx_min(len, ctx->key->log_content_size);
}


void
ngx_http_llm_content_write(ngx_http_llm_ctx_t *ctx)
{
    size_t      need;
    llm_str_t   answer;
    ngx_int_t   rc;
    ngx_uint_t  log;

    log = ctx->key->log_content;
    need = 0;

    if (log & NGX_HTTP_LLM_CONTENT_REQUEST) {
        need += ngx_http_llm_content_cut(ctx, ctx->body_size);
    }

    answer.data = ctx->content.data;
    answer.len = ctx->content.failed ? 0 : ctx->content.len;
    need += answer.len;

    if (need == 0) {
        return;
    }

    /* what calls cost goes first: half of the journal stays for it */

    need += need / NGX_HTTP_LLM_CONTENT_PIECE * 64 + 256;

    if (llm_journal_room(ctx->segment->journal)
        < ctx->lmcf->journal_size / 4 + need)
    {
        (void) __sync_fetch_and_add(&ctx->lmcf->shared->unlogged_content, 1);
        return;
    }

    rc = NGX_OK;

    if (log & NGX_HTTP_LLM_CONTENT_REQUEST) {
        rc = ngx_http_llm_content_pieces(ctx, NGX_HTTP_LLM_CONTENT_REQUEST,
                                         ctx->pieces, ctx->npieces);
    }

    if (rc == NGX_OK && answer.len) {
        rc = ngx_http_llm_content_pieces(ctx, NGX_HTTP_LLM_CONTENT_ANSWER,
                                         &answer, 1);
    }

    ctx->content_kept = (rc == NGX_OK);
}


static ngx_int_t
ngx_http_llm_content_pieces(ngx_http_llm_ctx_t *ctx, ngx_uint_t direction,
    const llm_str_t *pieces, ngx_uint_t n)
{
    size_t      left, len;
    llm_str_t   text;
    ngx_uint_t  i;

    left = ctx->key->log_content_size;

    for (i = 0; i < n && left > 0; i++) {
        text.data = pieces[i].data;
        len = ngx_min(pieces[i].len, left);
        left -= len;

        while (len > 0) {
            text.len = ngx_min(len, NGX_HTTP_LLM_CONTENT_PIECE);

            if (ngx_http_llm_content_piece(ctx, direction, text) != NGX_OK) {
                return NGX_DECLINED;
            }

            text.data += text.len;
            len -= text.len;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_content_piece(ngx_http_llm_ctx_t *ctx, ngx_uint_t direction,
    llm_str_t text)
{
    static u_char  record[NGX_HTTP_LLM_CONTENT_HEAD
                          + NGX_HTTP_LLM_CONTENT_PIECE];

    ngx_memcpy(record, ctx->bytes, LLM_ROW_ID_SIZE);

    record[LLM_ROW_ID_SIZE] = (u_char) direction;
    ngx_memcpy(record + NGX_HTTP_LLM_CONTENT_HEAD, text.data, text.len);

    return llm_journal_append(ctx->segment->journal, LLM_JOURNAL_CONTENT,
                              record, NGX_HTTP_LLM_CONTENT_HEAD + text.len)
           == LLM_OK ? NGX_OK : NGX_DECLINED;
}
