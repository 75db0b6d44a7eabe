/*
 * New rows, read and rendered once for all watchers of the worker, in a thread.
 */

#include "live.h"
#include "reader.h"

#include <inttypes.h>


#if (NGX_THREADS)

#define NGX_HTTP_LLM_LIVE_TEXT_MAX  (16 * 1024 * 1024)


static ssize_t
ngx_http_llm_live_frame_send(const uint8_t *data, size_t len, int flags,
    void *user_data)
{
    ngx_http_llm_framer_t *framer = user_data;

    llm_buf_append(framer->out, data, len);

    return len;
}


static ngx_int_t
ngx_http_llm_live_framer(ngx_http_llm_framer_t *framer)
{
    struct wslay_frame_callbacks  callbacks;

    if (framer->frames != NULL) {
        return NGX_OK;
    }

    ngx_memzero(&callbacks, sizeof(struct wslay_frame_callbacks));
    callbacks.send_callback = ngx_http_llm_live_frame_send;

    return wslay_frame_context_init(&framer->frames, &callbacks, framer) == 0
           ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_llm_live_socket_message(ngx_http_llm_framer_t *framer,
    llm_buf_t *out, llm_str_t json)
{
    struct wslay_frame_iocb  frame;

    if (ngx_http_llm_live_framer(framer) != NGX_OK) {
        out->failed = true;
        return;
    }

    ngx_memzero(&frame, sizeof(struct wslay_frame_iocb));

    frame.fin = 1;
    frame.opcode = WSLAY_TEXT_FRAME;
    frame.payload_length = json.len;
    frame.data = (const uint8_t *) json.data;
    frame.data_length = json.len;

    framer->out = out;

    if (wslay_frame_send(framer->frames, &frame) != (ssize_t) json.len) {
        out->failed = true;
    }
}


void
ngx_http_llm_live_message(ngx_http_llm_framer_t *framer, llm_buf_t *out,
    ngx_http_llm_live_form_t form, uint64_t seq, llm_str_t json)
{
    if (form == NGX_HTTP_LLM_LIVE_SOCKET) {
        ngx_http_llm_live_socket_message(framer, out, json);
        return;
    }

    if (seq) {
        llm_buf_printf(out, "id: %" PRIu64 "\n", seq);
    }

    llm_buf_str(out, llm_str("data: "));
    llm_buf_str(out, json);
    llm_buf_str(out, llm_str("\n\n"));
}


ngx_http_llm_batch_t *
ngx_http_llm_batch_create(void)
{
    ngx_uint_t             i;
    ngx_http_llm_batch_t  *batch;

    batch = ngx_calloc(sizeof(ngx_http_llm_batch_t), ngx_cycle->log);
    if (batch == NULL) {
        return NULL;
    }

    batch->task.ctx = batch;
    batch->task.handler = ngx_http_llm_batch_thread;
    batch->task.event.data = batch;
    batch->task.event.log = ngx_cycle->log;

    llm_buf_init(&batch->json, NGX_HTTP_LLM_LIVE_TEXT_MAX);

    for (i = 0; i < NGX_HTTP_LLM_LIVE_FORMS; i++) {
        llm_buf_init(&batch->text[i], NGX_HTTP_LLM_LIVE_TEXT_MAX);
        llm_buf_init(&batch->budget[i], NGX_HTTP_LLM_LIVE_TEXT_MAX);
    }

    return batch;
}


static void
ngx_http_llm_batch_account(ngx_http_llm_batch_t *batch,
    llm_account_kind_t kind, llm_str_t name)
{
    ngx_uint_t                    i;
    ngx_http_llm_live_account_t  *account;

    if (name.len == 0 || name.len > LLM_ACCOUNT_NAME_SIZE) {
        return;
    }

    for (i = 0; i < batch->naccounts; i++) {
        account = &batch->accounts[i];

        if (account->kind == kind && account->len == name.len
            && ngx_memcmp(account->name, name.data, name.len) == 0)
        {
            account->rows[batch->n / 64] |= (uint64_t) 1 << (batch->n % 64);
            return;
        }
    }

    if (i == NGX_HTTP_LLM_LIVE_ACCOUNTS) {
        /* it is told of with its next request */
        return;
    }

    account = &batch->accounts[batch->naccounts++];
    ngx_memzero(account, sizeof(ngx_http_llm_live_account_t));

    account->kind = kind;
    account->len = name.len;
    ngx_memcpy(account->name, name.data, name.len);
    account->rows[batch->n / 64] |= (uint64_t) 1 << (batch->n % 64);
}


static void
ngx_http_llm_batch_accounts(ngx_http_llm_batch_t *batch, const llm_row_t *row)
{
    unsigned  i;

    ngx_http_llm_batch_account(batch, LLM_ACCOUNT_CUSTOMER, row->customer);
    ngx_http_llm_batch_account(batch, LLM_ACCOUNT_TEAM, row->team);
    ngx_http_llm_batch_account(batch, LLM_ACCOUNT_VIRTUAL_KEY,
                               row->virtual_key);

    for (i = 0; i < row->nattempts; i++) {
        ngx_http_llm_batch_account(batch, LLM_ACCOUNT_PROVIDER,
                                   row->attempts[i].provider);
    }
}


static void
ngx_http_llm_batch_render(ngx_http_llm_batch_t *batch, const llm_row_t *row,
    uint64_t seq)
{
    ngx_uint_t  form;

    batch->json.len = 0;

    llm_buf_printf(&batch->json, "{\"type\":\"request\",\"seq\":%" PRIu64
                   ",\"log\":", seq);
    llm_row_json(&batch->json, row, seq);
    llm_buf_str(&batch->json, llm_str("}"));

    for (form = 0; form < NGX_HTTP_LLM_LIVE_FORMS; form++) {

        if (batch->forms[form]) {
            ngx_http_llm_live_message(&batch->framer, &batch->text[form],
                                      form, seq,
                                      (llm_str_t) { batch->json.data,
                                                    batch->json.len });
        }

        batch->ends[form][batch->n + 1] = batch->text[form].len;
    }
}


static int
ngx_http_llm_batch_row(const llm_row_t *row, uint64_t seq, void *ctx)
{
    ngx_http_llm_batch_t *batch = ctx;

    ngx_uint_t                   i;
    ngx_http_llm_live_filter_t  *filter;

    if (seq != batch->next) {
        /* rows are gone that nobody was told of: each watcher reads on by
         * itself and is told then */

        if (batch->n == 0) {
            batch->next = seq;
        }

        batch->full = 1;
        return LLM_AGAIN;
    }

    for (i = 0; i < batch->nfilters; i++) {
        filter = batch->filters[i];

        if (filter->filter == NULL || llm_filter_match(filter->filter, row)) {
            batch->matches[i][batch->n / 64] |= (uint64_t) 1
                                                << (batch->n % 64);
        }
    }

    if (batch->budgets) {
        ngx_http_llm_batch_accounts(batch, row);
    }

    ngx_http_llm_batch_render(batch, row, seq);

    batch->n++;
    batch->next = seq + 1;

    if (batch->n == NGX_HTTP_LLM_LIVE_ROWS
        || batch->text[0].len + batch->text[1].len
           > NGX_HTTP_LLM_LIVE_BYTES)
    {
        batch->full = 1;
        return LLM_AGAIN;
    }

    return LLM_OK;
}


static int
ngx_http_llm_batch_read(llm_store_t *store, void *ctx)
{
    ngx_http_llm_batch_t *batch = ctx;

    uint64_t    seq, oldest, lost;
    ngx_uint_t  wanted;

    seq = batch->first;
    wanted = batch->wanted && seq != 0;

    if (wanted
        && llm_query_since(store, &seq, NGX_HTTP_LLM_LIVE_ROWS,
                           ngx_http_llm_batch_row, batch, &lost)
           == LLM_ERROR)
    {
        return LLM_OK;
    }

    if (llm_query_ends(store, &oldest, &batch->end) != LLM_OK) {
        return LLM_OK;
    }

    if (!wanted) {
        batch->next = batch->end;
    }

    batch->failed = batch->json.failed || batch->text[0].failed
                    || batch->text[1].failed;

    return LLM_OK;
}


void
ngx_http_llm_batch_thread(void *data, ngx_log_t *log)
{
    ngx_http_llm_batch_t *batch = data;

    ngx_uint_t  form;

    batch->n = 0;
    batch->full = 0;
    batch->failed = 1;
    batch->naccounts = 0;
    batch->next = batch->first;

    for (form = 0; form < NGX_HTTP_LLM_LIVE_FORMS; form++) {
        batch->text[form].len = 0;
        batch->text[form].failed = false;
    }

    batch->json.failed = false;

    (void) ngx_http_llm_read(batch->lmcf, log, ngx_http_llm_batch_read, batch);
}

#endif
