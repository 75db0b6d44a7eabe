/*
 * A request as the log and the ledger remember it.  Nothing is copied: strings
 * point into the request.
 */

#include "request.h"
#include "../dialects/session.h"


/* a row without its strings, its attempts, and what they may grow by until it
 * is settled: the error's message and the provider's request ids */
#define NGX_HTTP_LLM_ROW_FIXED    (256 + LLM_ROW_ERROR_MAX)
#define NGX_HTTP_LLM_ROW_ATTEMPT  (64 + LLM_ROW_SHORT_MAX)


static void ngx_http_llm_row_client(ngx_http_llm_ctx_t *ctx);
static void ngx_http_llm_row_tags(ngx_http_llm_client_t *client,
    ngx_str_t *value);
static ngx_uint_t ngx_http_llm_row_tag_ok(ngx_http_llm_client_t *client,
    llm_str_t tag);
static void ngx_http_llm_row_who(ngx_http_llm_ctx_t *ctx, llm_row_t *row);
static void ngx_http_llm_row_attempts(ngx_http_llm_ctx_t *ctx, llm_row_t *row);
static void ngx_http_llm_row_choice(ngx_http_llm_choice_t *choice,
    llm_row_attempt_t *attempt);
static void ngx_http_llm_row_price(ngx_http_llm_ctx_t *ctx, llm_row_t *row);
static void ngx_http_llm_row_error(ngx_http_llm_ctx_t *ctx, llm_row_t *row);
static ngx_uint_t ngx_http_llm_row_status(ngx_http_llm_ctx_t *ctx);


void
ngx_http_llm_row(ngx_http_llm_ctx_t *ctx, llm_row_t *row, int64_t at_ms)
{
    ngx_http_llm_row_who(ctx, row);

    row->admitted_ms = ctx->admitted_ms;
    row->ended_ms = at_ms;
    row->first_token_ms = ctx->first_token_ms;

    row->outcome = ctx->outcome;
    row->usage = ctx->usage;
    row->cost = ctx->cost;
    row->content = ctx->content_kept;

    row->overhead_us = ctx->overhead_ns / 1000;
    row->response_bytes = ctx->response_bytes;
    row->aborted = ctx->gone || ctx->draining;

    ngx_http_llm_row_attempts(ctx, row);
    ngx_http_llm_row_price(ctx, row);

    if (ctx->nattempts && ctx->begun
        && ctx->attempts[ctx->nattempts - 1].doubted)
    {
        row->usage.input = ctx->attempts[ctx->nattempts - 1].input_tokens;
        row->usage.output = ctx->attempts[ctx->nattempts - 1].output_tokens;
    }

    row->status = ngx_http_llm_row_status(ctx);
    ngx_http_llm_row_error(ctx, row);
}


void
ngx_http_llm_row_hold(ngx_http_llm_ctx_t *ctx, llm_row_t *row, int64_t at_ms)
{
    ngx_http_llm_row_who(ctx, row);

    row->admitted_ms = ctx->admitted_ms;
    row->ended_ms = at_ms;
    row->outcome = LLM_OUTCOME_ESTIMATED;
    row->error = LLM_ERROR_GATEWAY_DIED;
    row->recovered = true;
    row->usage = ctx->hold->estimated;

    if (ctx->choices[ctx->chosen].priced) {
        llm_cost(&ctx->choices[ctx->chosen].price, &row->usage, &row->cost);
    }

    ngx_http_llm_row_attempts(ctx, row);
    ngx_http_llm_row_price(ctx, row);

}


void
ngx_http_llm_row_refused(ngx_http_llm_ctx_t *ctx, llm_row_t *row,
    const llm_refusal_t *refusal, const llm_reply_t *reply, llm_str_t text)
{
    ngx_http_llm_row_who(ctx, row);

    row->ended_ms = refusal->now_ms;
    row->status = reply->status;
    row->outcome = LLM_OUTCOME_CLIENT_ERROR;
    row->error = LLM_ERROR_REFUSED;
    row->refusal = refusal->reason + 1;
    row->error_message = text;
    row->overhead_us = ctx->overhead_ns / 1000;
    row->response_bytes = reply->body.len;
}


static size_t
ngx_http_llm_least(size_t len, size_t max)
{
    return ngx_min(len, max);
}


/* what a row of this request can take at most, whatever becomes of it on the
 * provider that is chosen now */

size_t
ngx_http_llm_row_bound(ngx_http_llm_ctx_t *ctx)
{
    size_t                  size;
    ngx_uint_t              i;
    ngx_http_request_t     *r;
    ngx_http_llm_tenant_t  *tenant;
    ngx_http_llm_choice_t  *choice;

    ngx_http_llm_row_client(ctx);

    r = ctx->request;
    size = NGX_HTTP_LLM_ROW_FIXED + NGX_HTTP_LLM_ROW_ATTEMPT
           + ngx_http_llm_least(r->connection->addr_text.len,
                                LLM_ROW_SHORT_MAX)
           + ngx_http_llm_least(ctx->model.len, LLM_ROW_MODEL_MAX)
           + ngx_http_llm_least(ctx->client.session.len, LLM_ROW_SHORT_MAX)
           + ngx_http_llm_least(ctx->client.end_user.len, LLM_ROW_USER_MAX);

    if (r->headers_in.user_agent) {
        size += ngx_http_llm_least(r->headers_in.user_agent->value.len,
                                   LLM_ROW_AGENT_MAX);
    }

    for (i = 0; i < ctx->client.ntags; i++) {
        size += 1 + ctx->client.tags[i].len;
    }

    for (tenant = ctx->key; tenant; tenant = tenant->parent) {
        size += tenant->name.len;
    }

    /* the largest of the candidates; of attempts before the last one the names
     * stand beside the row's own */

    for (i = 0; i < ctx->nchoices; i++) {
        choice = &ctx->choices[i];
        size += (i ? NGX_HTTP_LLM_ROW_ATTEMPT : 0)
                + choice->provider->name.len + choice->provider->region.len
                + ngx_http_llm_least(choice->model.len, LLM_ROW_MODEL_MAX);
    }

    return ngx_http_llm_least(size, LLM_ROW_MAX);
}


/* looked for once in each request */

static void
ngx_http_llm_row_client(ngx_http_llm_ctx_t *ctx)
{
    ngx_str_t               own, any;
    ngx_uint_t              i;
    llm_session_t           session;
    ngx_list_part_t        *part;
    ngx_table_elt_t        *h;
    ngx_http_llm_client_t  *client;

    if (ctx->known) {
        return;
    }

    ctx->known = 1;

    client = &ctx->client;
    client->ntags = 0;

    ngx_memzero(&session, sizeof(llm_session_t));

    if (ctx->envelope && !ctx->body_error) {
        llm_session_read(&session, (llm_str_t) { ctx->envelope->user,
                                                 ctx->envelope->user_len });
    }

    client->session = session.session;
    client->end_user = session.end_user;

    ngx_str_null(&own);
    ngx_str_null(&any);

    for (part = &ctx->request->headers_in.headers.part; part;
         part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == 24
                && ngx_strncasecmp(h[i].key.data,
                                   (u_char *) "x-claude-code-session-id", 24)
                   == 0)
            {
                own = h[i].value;

            } else if (h[i].key.len == 12
                       && ngx_strncasecmp(h[i].key.data,
                                          (u_char *) "x-session-id", 12)
                          == 0)
            {
                any = h[i].value;

            } else if (h[i].key.len == 10
                       && ngx_strncasecmp(h[i].key.data,
                                          (u_char *) "x-llm-tags", 10)
                          == 0)
            {
                ngx_http_llm_row_tags(client, &h[i].value);
            }
        }
    }

    /* what the client itself says goes before what something between adds */

    if (own.len || any.len) {
        client->session = ngx_http_llm_str(own.len ? own : any);
    }
}


static void
ngx_http_llm_row_tags(ngx_http_llm_client_t *client, ngx_str_t *value)
{
    size_t      i, start;
    llm_str_t   tag;

    start = 0;

    for (i = 0; i <= value->len; i++) {

        if (i < value->len && value->data[i] != ',') {
            continue;
        }

        tag.data = (const char *) value->data + start;
        tag.len = i - start;
        start = i + 1;

        while (tag.len && (tag.data[0] == ' ' || tag.data[0] == '\t')) {
            tag.data++;
            tag.len--;
        }

        while (tag.len && (tag.data[tag.len - 1] == ' '
                           || tag.data[tag.len - 1] == '\t'))
        {
            tag.len--;
        }

        if (ngx_http_llm_row_tag_ok(client, tag)) {
            client->tags[client->ntags++] = tag;
        }
    }
}


static ngx_uint_t
ngx_http_llm_row_tag_ok(ngx_http_llm_client_t *client, llm_str_t tag)
{
    u_char      c;
    size_t      i;
    ngx_uint_t  n;

    if (tag.len == 0 || tag.len > LLM_ROW_TAG_MAX
        || client->ntags == LLM_ROW_TAGS_MAX)
    {
        return 0;
    }

    for (i = 0; i < tag.len; i++) {
        c = (u_char) tag.data[i];

        if (c < 0x20 || c == 0x7f) {
            return 0;
        }
    }

    for (n = 0; n < client->ntags; n++) {
        if (llm_str_eq(client->tags[n], tag)) {
            return 0;
        }
    }

    return 1;
}


/* who asked, for what: known as soon as the request is read */

static void
ngx_http_llm_row_who(ngx_http_llm_ctx_t *ctx, llm_row_t *row)
{
    ngx_http_request_t     *r;
    ngx_http_llm_tenant_t  *tenant;

    ngx_memzero(row, offsetof(llm_row_t, attempts));

    ngx_http_llm_row_client(ctx);

    r = ctx->request;

    ngx_memcpy(row->id, ctx->bytes, LLM_ROW_ID_SIZE);

    row->received_ms = ctx->received_ms;

    for (tenant = ctx->key; tenant; tenant = tenant->parent) {
        *(tenant->kind == LLM_ACCOUNT_VIRTUAL_KEY ? &row->virtual_key
          : tenant->kind == LLM_ACCOUNT_TEAM ? &row->team : &row->customer)
            = ngx_http_llm_str(tenant->name);
    }

    row->model_asked = ctx->model;
    row->dialect = ctx->dialect;
    row->api = ctx->api;
    row->streamed = ctx->stream;

    row->request_bytes = ctx->body_size;
    row->client = ngx_http_llm_str(r->connection->addr_text);

    if (r->headers_in.user_agent) {
        row->user_agent = ngx_http_llm_str(r->headers_in.user_agent->value);
    }

    row->session = ctx->client.session;
    row->end_user = ctx->client.end_user;
    row->ntags = ctx->client.ntags;
    ngx_memcpy(row->tags, ctx->client.tags,
               ctx->client.ntags * sizeof(llm_str_t));
}


static void
ngx_http_llm_row_attempts(ngx_http_llm_ctx_t *ctx, llm_row_t *row)
{
    ngx_uint_t               i;
    llm_row_attempt_t       *to;
    ngx_http_llm_attempt_t  *attempt;

    for (i = 0; i < ctx->nattempts; i++) {
        attempt = &ctx->attempts[i];
        to = &row->attempts[i];

        ngx_http_llm_row_choice(attempt->choice, to);

        to->request_id = attempt->request_id;
        to->admitted_ms = attempt->admitted_ms;
        to->started_ms = attempt->started_ms;
        to->ended_ms = attempt->ended_ms;
        to->first_token_ms = attempt->first_token;
        to->input_tokens = attempt->input_tokens;
        to->output_tokens = attempt->output_tokens;
        to->cost = attempt->cost;
        to->status = attempt->status;
        to->result = attempt->result;
    }

    /* its request was counted, and nothing else happened there */

    if (!ctx->begun && i < LLM_ROW_ATTEMPTS_MAX) {
        to = &row->attempts[i++];

        ngx_memzero(to, sizeof(llm_row_attempt_t));
        ngx_http_llm_row_choice(&ctx->choices[ctx->chosen], to);

        to->admitted_ms = ctx->provider_ms;
        to->ended_ms = ctx->provider_ms;
        to->first_token_ms = -1;
        to->result = LLM_ATTEMPT_BROKEN;
    }

    row->nattempts = i;

    if (i) {
        row->provider = row->attempts[i - 1].provider;
        row->region = row->attempts[i - 1].region;
        row->model = row->attempts[i - 1].model;
    }
}


static void
ngx_http_llm_row_choice(ngx_http_llm_choice_t *choice,
    llm_row_attempt_t *attempt)
{
    attempt->provider = ngx_http_llm_str(choice->provider->name);
    attempt->region = ngx_http_llm_str(choice->provider->region);
    attempt->model = choice->model;
}


/* the sum of what was charged, which has bounds that a cost has not */

static void
ngx_http_llm_row_price(ngx_http_llm_ctx_t *ctx, llm_row_t *row)
{
    ngx_uint_t  i;

    row->earlier_cost = 0;

    for (i = 0; i + 1 < row->nattempts; i++) {
        row->earlier_cost += row->attempts[i].cost;
    }

    row->cost.total = row->earlier_cost;

    if (i < row->nattempts) {
        row->cost.total += row->attempts[i].cost;
    }

    row->price_status = !ctx->choices[ctx->chosen].priced ? LLM_PRICE_UNPRICED
                        : row->outcome == LLM_OUTCOME_ESTIMATED
                          || row->cost.total != ctx->cost.total
                        ? LLM_PRICE_ESTIMATED : LLM_PRICE_EXACT;
}


static const struct {
    llm_attempt_result_t   result;
    llm_error_kind_t       error;
} ngx_http_llm_row_errors[] = {
    { LLM_ATTEMPT_OK, LLM_ERROR_NONE },
    { LLM_ATTEMPT_CLIENT_ERROR, LLM_ERROR_CLIENT },
    { LLM_ATTEMPT_THROTTLED, LLM_ERROR_THROTTLED },
    { LLM_ATTEMPT_SERVER_ERROR, LLM_ERROR_SERVER },
    { LLM_ATTEMPT_EXCEPTION, LLM_ERROR_EXCEPTION },
    { LLM_ATTEMPT_CONNECT, LLM_ERROR_CONNECT },
    { LLM_ATTEMPT_TIMEOUT, LLM_ERROR_TIMEOUT },
    { LLM_ATTEMPT_BROKEN, LLM_ERROR_BROKEN }
};


static void
ngx_http_llm_row_error(ngx_http_llm_ctx_t *ctx, llm_row_t *row)
{
    if (ctx->stopped && row->outcome == LLM_OUTCOME_ESTIMATED) {
        row->error = LLM_ERROR_GATEWAY_DIED;
        return;
    }

    if (ctx->nattempts) {
        row->error = ngx_http_llm_row_errors[
                         ctx->attempts[ctx->nattempts - 1].result].error;

    } else {
        row->error = LLM_ERROR_BROKEN;
    }

    if (row->error == LLM_ERROR_NONE && row->aborted) {
        row->error = LLM_ERROR_CLIENT_GONE;
        return;
    }

    if (ctx->error) {
        row->error_message.data = ctx->error->message;
        row->error_message.len = ctx->error->message_len;

    } else if (ctx->meter && ctx->meter->exception.len) {
        row->error_message.data = ctx->meter->exception_message;
        row->error_message.len = ctx->meter->exception_message_len;
    }
}


/* what the client got, or is about to get */

static ngx_uint_t
ngx_http_llm_row_status(ngx_http_llm_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    if (r->header_sent) {
        return r->headers_out.status;
    }

    if (ctx->gone || r->connection->error) {
        return 0;
    }

    if (ctx->header_sent) {
        return ctx->status.code;
    }

    return ctx->nattempts ? ngx_http_llm_error_status(ctx)
                          : NGX_HTTP_INTERNAL_SERVER_ERROR;
}
