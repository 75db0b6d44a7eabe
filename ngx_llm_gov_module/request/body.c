/*
 * The request's body: gathered, scanned for what governs it, and made into what
 * the provider gets.  Large bodies are worked on by a thread, so that a prompt
 * full of images delays nobody else.
 */

#include "request.h"


/* from here on a thread does it: about 0.2 ms of work */
#define NGX_HTTP_LLM_LARGE  (256 * 1024)


typedef struct {
    ngx_http_llm_ctx_t        *ctx;
    ngx_http_llm_next_pt       next;
    ngx_int_t                  rc;
} ngx_http_llm_body_work_t;


static ngx_int_t ngx_http_llm_body_gather(ngx_http_llm_ctx_t *ctx);
static ngx_int_t ngx_http_llm_body_load(ngx_http_llm_ctx_t *ctx);
static ngx_int_t ngx_http_llm_body_work(ngx_http_llm_ctx_t *ctx);
static void ngx_http_llm_body_scan(ngx_http_llm_ctx_t *ctx);
static ngx_int_t ngx_http_llm_body_betas(ngx_http_llm_ctx_t *ctx);
static ngx_int_t ngx_http_llm_body_spans(ngx_http_llm_ctx_t *ctx);

#if (NGX_THREADS)
static ngx_int_t ngx_http_llm_body_post(ngx_http_llm_ctx_t *ctx,
    ngx_http_llm_next_pt next);
static void ngx_http_llm_body_thread(void *data, ngx_log_t *log);
static void ngx_http_llm_body_thread_done(ngx_event_t *ev);
#endif


/* there is no body at all where another handler discarded it before */

static ngx_inline ngx_uint_t
ngx_http_llm_body_in_file(ngx_http_request_t *r)
{
    return r->request_body && r->request_body->temp_file;
}


ngx_int_t
ngx_http_llm_body_prepare(ngx_http_llm_ctx_t *ctx, ngx_http_llm_next_pt next)
{
    uint64_t   begin;
    ngx_int_t  rc;

    begin = ngx_http_llm_monotonic();

    ctx->envelope = ngx_palloc(ctx->request->pool, sizeof(llm_envelope_t));
    if (ctx->envelope == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_llm_body_gather(ctx);
    if (rc != NGX_OK) {
        return rc;
    }

#if (NGX_THREADS)
    if (ctx->body_size >= NGX_HTTP_LLM_LARGE
        || ngx_http_llm_body_in_file(ctx->request))
    {
        rc = ngx_http_llm_body_post(ctx, next);
        if (rc != NGX_DECLINED) {
            return rc;
        }
    }
#endif

    if (ngx_http_llm_body_work(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->overhead_ns += ngx_http_llm_monotonic() - begin;

    next(ctx);

    return NGX_OK;
}


/* the pieces as nginx has them; of a body in a file only the room */

static ngx_int_t
ngx_http_llm_body_gather(ngx_http_llm_ctx_t *ctx)
{
    char                     *file;
    ngx_uint_t                n;
    ngx_chain_t              *cl;
    ngx_http_request_t       *r;
    ngx_http_request_body_t  *rb;

    r = ctx->request;
    rb = r->request_body;
    n = 0;

    for (cl = rb ? rb->bufs : NULL; cl; cl = cl->next) {
        n++;
        ctx->body_size += ngx_buf_size(cl->buf);
    }

    ctx->pieces = ngx_pcalloc(r->pool, (n + 1) * sizeof(llm_str_t));
    if (ctx->pieces == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_llm_body_in_file(r)) {
        file = ngx_palloc(r->pool, ctx->body_size + 1);
        if (file == NULL) {
            return NGX_ERROR;
        }

        ctx->pieces[0].data = file;
        ctx->pieces[0].len = ctx->body_size;
        ctx->npieces = 1;

        return NGX_OK;
    }

    for (cl = rb ? rb->bufs : NULL; cl; cl = cl->next) {
        if (cl->buf->last == cl->buf->pos) {
            continue;
        }

        ctx->pieces[ctx->npieces].data = (const char *) cl->buf->pos;
        ctx->pieces[ctx->npieces++].len = cl->buf->last - cl->buf->pos;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_body_load(ngx_http_llm_ctx_t *ctx)
{
    u_char       *p;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    p = (u_char *) ctx->pieces[0].data;

    for (cl = ctx->request->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (!b->in_file) {
            p = ngx_cpymem(p, b->pos, b->last - b->pos);
            continue;
        }

        n = ngx_read_file(b->file, p, b->file_last - b->file_pos,
                          b->file_pos);

        if (n != (ssize_t) (b->file_last - b->file_pos)) {
            return NGX_ERROR;
        }

        p += n;
    }

    return NGX_OK;
}


/* touches nothing but ctx and the body: it may run in a thread */

static ngx_int_t
ngx_http_llm_body_work(ngx_http_llm_ctx_t *ctx)
{
    if (ngx_http_llm_body_in_file(ctx->request)
        && ngx_http_llm_body_load(ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->sigv4) {
        llm_sigv4_hash(ctx->pieces, ctx->npieces, ctx->raw_hash);
    }

    ngx_http_llm_body_scan(ctx);

    if (ctx->body_error || ctx->governed) {
        return NGX_OK;
    }

    if (ngx_http_llm_body_build(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->body_size >= NGX_HTTP_LLM_LARGE) {
        ngx_http_llm_body_hash(ctx);
    }

    return NGX_OK;
}


static void
ngx_http_llm_body_scan(ngx_http_llm_ctx_t *ctx)
{
    u_char                 *p;
    ngx_int_t               rc;
    ngx_uint_t              i;
    llm_envelope_reader_t   reader;

    llm_envelope_init(&reader, ctx->envelope, ctx->api);

    rc = LLM_OK;

    for (i = 0; i < ctx->npieces && rc == LLM_OK; i++) {
        rc = llm_envelope_feed(&reader, ctx->pieces[i].data,
                               ctx->pieces[i].len);
    }

    if (rc == LLM_OK) {
        rc = llm_envelope_finish(&reader);
    }

    if (rc == LLM_OK) {
        return;
    }

    p = ngx_snprintf(ctx->error_text, sizeof(ctx->error_text) - 1,
                     "The body is not a valid request: %s at byte %uL.",
                     reader.json.error ? reader.json.error : "broken JSON",
                     (uint64_t) reader.json.offset);
    *p = '\0';

    ctx->body_error = (const char *) ctx->error_text;
}


void
ngx_http_llm_body_hash(ngx_http_llm_ctx_t *ctx)
{
    if (!ctx->hashed) {
        llm_sigv4_hash(ctx->out, ctx->nout, ctx->hash);
        ctx->hashed = 1;
    }
}


ngx_int_t
ngx_http_llm_body_build(ngx_http_llm_ctx_t *ctx)
{
    ngx_uint_t  i;
    llm_str_t   version;

    ctx->hashed = 0;

    if (ctx->dialect == LLM_DIALECT_BEDROCK) {
        ctx->out = ctx->pieces;
        ctx->nout = ctx->npieces;
        ctx->out_size = ctx->body_size;

        return NGX_OK;
    }

    if (ngx_http_llm_body_betas(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    version = ngx_http_llm_str(ctx->llcf->anthropic_version);

    llm_rewrite_free(&ctx->rewrite);

    if (llm_anthropic_to_invoke(&ctx->rewrite, ctx->envelope,
                                (llm_str_t) { ctx->betas.data,
                                              ctx->betas.len }, version)
        != LLM_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_llm_body_spans(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->api == LLM_API_ANTHROPIC_COUNT_TOKENS) {
        llm_buf_free(&ctx->head);
        llm_buf_init(&ctx->head, 64 * 1024 * 1024);

        if (llm_count_tokens_request(&ctx->head, ctx->out, ctx->nout)
            != LLM_OK)
        {
            return NGX_ERROR;
        }

        ctx->out[0].data = ctx->head.data;
        ctx->out[0].len = ctx->head.len;
        ctx->nout = 1;
    }

    ctx->out_size = 0;

    for (i = 0; i < ctx->nout; i++) {
        ctx->out_size += ctx->out[i].len;
    }

    return NGX_OK;
}


/* the flags of all anthropic-beta headers and of the body, as far as Bedrock is
 * known to accept them */

static ngx_int_t
ngx_http_llm_body_betas(ngx_http_llm_ctx_t *ctx)
{
    llm_buf_t         header, dropped;
    llm_str_t         body;
    ngx_int_t         rc;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    llm_buf_free(&ctx->betas);
    llm_buf_init(&ctx->betas, 4096);

    if (ctx->no_betas) {
        return NGX_OK;
    }

    llm_buf_init(&header, 4096);
    llm_buf_init(&dropped, 8192);

    for (part = &ctx->request->headers_in.headers.part; part;
         part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == 14
                && ngx_strncasecmp(h[i].key.data, (u_char *) "anthropic-beta",
                                   14)
                   == 0)
            {
                if (header.len) {
                    llm_buf_str(&header, llm_str(","));
                }

                llm_buf_str(&header, ngx_http_llm_str(h[i].value));
            }
        }
    }

    body.data = ctx->envelope->betas;
    body.len = ctx->envelope->betas_len;

    llm_anthropic_betas(&ctx->betas, &dropped,
                        (llm_str_t) { header.data, header.len }, body,
                        ngx_http_llm_str(ctx->llcf->betas));

    if (dropped.len) {
        ngx_log_error(NGX_LOG_INFO, ctx->request->connection->log, 0,
                      "llm beta flags that Bedrock does not know are left "
                      "out: %*s", dropped.len, dropped.data);
    }

    rc = ctx->betas.failed ? NGX_ERROR : NGX_OK;

    llm_buf_free(&header);
    llm_buf_free(&dropped);

    return rc;
}


/* head and spans of the rewritten body as pieces of memory */

static ngx_int_t
ngx_http_llm_body_spans(ngx_http_llm_ctx_t *ctx)
{
    uint64_t     offset, from, to;
    ngx_uint_t   i, n;
    llm_span_t  *span, *last;

    n = 1 + ctx->rewrite.nspans + ctx->npieces;

    if (n > ctx->out_alloc) {
        ctx->out = ngx_palloc(ctx->request->pool, n * sizeof(llm_str_t));
        if (ctx->out == NULL) {
            return NGX_ERROR;
        }

        ctx->out_alloc = n;
    }

    ctx->out[0].data = ctx->rewrite.head.data;
    ctx->out[0].len = ctx->rewrite.head.len;
    ctx->nout = 1;

    span = ctx->rewrite.spans;
    last = span + ctx->rewrite.nspans;
    offset = 0;

    for (i = 0; i < ctx->npieces && span < last; i++) {

        while (span < last && span->start < offset + ctx->pieces[i].len) {
            from = ngx_max(span->start, offset);
            to = ngx_min(span->end, offset + ctx->pieces[i].len);

            if (to > from) {
                ctx->out[ctx->nout].data = ctx->pieces[i].data
                                           + (from - offset);
                ctx->out[ctx->nout++].len = to - from;
            }

            if (span->end > offset + ctx->pieces[i].len) {
                break;
            }

            span++;
        }

        offset += ctx->pieces[i].len;
    }

    return NGX_OK;
}


#if (NGX_THREADS)

/* NGX_DECLINED: no thread took it, do it here */

static ngx_int_t
ngx_http_llm_body_post(ngx_http_llm_ctx_t *ctx, ngx_http_llm_next_pt next)
{
    ngx_http_request_t        *r;
    ngx_thread_task_t         *task;
    ngx_http_llm_body_work_t  *work;

    r = ctx->request;

    if (ctx->lmcf->thread_pool == NULL) {
        return NGX_DECLINED;
    }

    task = ngx_thread_task_alloc(r->pool, sizeof(ngx_http_llm_body_work_t));
    if (task == NULL) {
        return NGX_ERROR;
    }

    work = task->ctx;
    work->ctx = ctx;
    work->next = next;

    task->handler = ngx_http_llm_body_thread;
    task->event.handler = ngx_http_llm_body_thread_done;
    task->event.data = work;

    if (ngx_thread_task_post(ctx->lmcf->thread_pool, task) != NGX_OK) {
        return NGX_DECLINED;
    }

    /* the request must outlive the thread's work on it */

    r->main->blocked++;
    r->aio = 1;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_OK;
}


static void
ngx_http_llm_body_thread(void *data, ngx_log_t *log)
{
    ngx_http_llm_body_work_t *work = data;

    uint64_t  begin;

    begin = ngx_http_llm_monotonic();

    work->rc = ngx_http_llm_body_work(work->ctx);

    work->ctx->overhead_ns += ngx_http_llm_monotonic() - begin;
}


static void
ngx_http_llm_body_thread_done(ngx_event_t *ev)
{
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_llm_body_work_t  *work;

    work = ev->data;
    r = work->ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->main->blocked--;
    r->aio = 0;

    if (c->error) {
        /* the client went while the thread worked; what finalizes the request
         * waited for us */
        ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);

    } else if (work->rc != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);

    } else {
        work->next(work->ctx);
    }

    ngx_http_run_posted_requests(c);
}

#endif
