/*
 * Our clock may be wrong: AWS says so, and its Date header says by how much.
 */

#include "request.h"
#include "../providers/signer.h"


ngx_int_t
ngx_http_llm_clock_learn(ngx_http_llm_ctx_t *ctx)
{
    time_t                  date;
    ngx_table_elt_t        *h;
    ngx_http_llm_signer_t  *signer;

    h = ctx->request->upstream->headers_in.date;

    if (h == NULL) {
        return NGX_DECLINED;
    }

    date = ngx_parse_http_time(h->value.data, h->value.len);
    if (date == NGX_ERROR) {
        return NGX_DECLINED;
    }

    signer = ngx_http_llm_signer(ctx->choices[ctx->chosen].provider);
    if (signer == NULL) {
        return NGX_DECLINED;
    }

    signer->clock_offset = ((int64_t) date - ngx_time()) * 1000;

    ngx_log_error(NGX_LOG_WARN, ctx->request->connection->log, 0,
                  "the clock of this machine is %L s off AWS's; signing with "
                  "theirs", (int64_t) ngx_time() - (int64_t) date);

    return NGX_OK;
}
