/*
 * Rows as bytes: what is encoded is decoded, what is too long is cut in the
 * order that was promised, any other bytes are refused.
 */

#include "store/rows/row.h"
#include "tap.h"

#include <stdlib.h>


#define ROUNDS  20000


static uint64_t       seed = 88172645463325252ULL;
static char           text[1024];
static unsigned char  bytes[LLM_ROW_MAX];


static uint64_t
any(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed % below;
}


/* a part of `text`, empty now and then */
static llm_str_t
any_text(size_t max)
{
    size_t  len;

    len = (any(4) == 0) ? 0 : (any(8) == 0) ? max : any(max / 4);

    return (llm_str_t) { text + any(sizeof(text) - max), len };
}


static int64_t
any_number(void)
{
    return (int64_t) (any(2) ? any(1000) : any(UINT64_MAX));
}


static void
any_attempt(llm_row_t *row, llm_row_attempt_t *attempt)
{
    attempt->provider = any(2) ? row->provider : any_text(20);
    attempt->region = any(2) ? row->region : any_text(20);
    attempt->model = any(2) ? row->model : any_text(20);
    attempt->request_id = any_text(36);
    attempt->admitted_ms = any_number();
    attempt->started_ms = any_number();
    attempt->ended_ms = any_number();
    attempt->first_token_ms = any(2) ? -1 : any_number();
    attempt->input_tokens = any_number();
    attempt->output_tokens = any_number();
    attempt->cost = any_number();
    attempt->status = (uint16_t) any(65536);
    attempt->result = (uint8_t) any(LLM_ATTEMPT_BROKEN + 1);
}


static void
any_numbers(llm_row_t *row)
{
    unsigned  i;

    for (i = 0; i < LLM_ROW_ID_SIZE; i++) {
        row->id[i] = (unsigned char) any(256);
    }

    row->received_ms = any_number();
    row->admitted_ms = any_number();
    row->first_token_ms = any_number();
    row->ended_ms = any_number();
    row->dialect = (uint8_t) any(4);
    row->api = (uint8_t) any(12);
    row->status = (uint16_t) any(65536);
    row->outcome = (uint8_t) any(LLM_OUTCOMES);
    row->error = (uint8_t) any(LLM_ERROR_KINDS);
    row->refusal = (uint8_t) any(LLM_REFUSE_REASONS + 1);
    row->price_status = (uint8_t) any(LLM_PRICE_STATES);
    row->streamed = any(2);
    row->aborted = any(2);
    row->recovered = any(2);
    row->content = any(2);
    row->usage = (llm_usage_t) {
        any_number(), any_number(), any_number(), any_number(), any_number(),
        any_number(), any_number(), any_number(),
        (llm_tier_t) any(LLM_TIER_RESERVED + 1), any(2), any(2)
    };
    row->cost = (llm_cost_t) {
        any_number(), any_number(), any_number(), any_number(), any_number(),
        any_number()
    };
    row->earlier_cost = any_number();
    row->overhead_us = (uint32_t) any(UINT32_MAX);
    row->request_bytes = any(UINT64_MAX);
    row->response_bytes = any(UINT64_MAX);
}


/* strings of about `max` bytes */
static void
any_row(llm_row_t *row, size_t max)
{
    unsigned  i;

    memset(row, 0, sizeof(llm_row_t));
    any_numbers(row);

    row->virtual_key = any_text(max);
    row->team = any_text(max);
    row->customer = any_text(max);
    row->provider = any_text(max);
    row->region = any_text(max);
    row->model_asked = any_text(2 * max);
    row->model = any_text(2 * max);
    row->error_message = any_text(3 * max);
    row->client = any_text(max);
    row->user_agent = any_text(2 * max);
    row->session = any_text(max);
    row->end_user = any_text(max);

    row->ntags = (unsigned) any(LLM_ROW_TAGS_MAX + 1);

    for (i = 0; i < row->ntags; i++) {
        row->tags[i] = any_text(max / 2);
    }

    row->nattempts = (unsigned) any(LLM_ROW_ATTEMPTS_MAX + 1);

    for (i = 0; i < row->nattempts; i++) {
        any_attempt(row, &row->attempts[i]);
    }
}


static int
same_numbers(const llm_row_t *a, const llm_row_t *b)
{
    return memcmp(a->id, b->id, LLM_ROW_ID_SIZE) == 0
           && a->received_ms == b->received_ms
           && a->admitted_ms == b->admitted_ms
           && a->first_token_ms == b->first_token_ms
           && a->ended_ms == b->ended_ms
           && a->dialect == b->dialect && a->api == b->api
           && a->status == b->status && a->outcome == b->outcome
           && a->error == b->error && a->refusal == b->refusal
           && a->price_status == b->price_status
           && a->streamed == b->streamed && a->aborted == b->aborted
           && a->recovered == b->recovered && a->content == b->content
           && a->usage.input == b->usage.input
           && a->usage.output == b->usage.output
           && a->usage.cache_read == b->usage.cache_read
           && a->usage.cache_write_5m == b->usage.cache_write_5m
           && a->usage.cache_write_1h == b->usage.cache_write_1h
           && a->usage.reasoning == b->usage.reasoning
           && a->usage.images == b->usage.images
           && a->usage.queries == b->usage.queries
           && a->usage.tier == b->usage.tier
           && a->usage.latency_optimized == b->usage.latency_optimized
           && a->usage.exact == b->usage.exact
           && memcmp(&a->cost, &b->cost, sizeof(llm_cost_t)) == 0
           && a->earlier_cost == b->earlier_cost
           && a->overhead_us == b->overhead_us
           && a->request_bytes == b->request_bytes
           && a->response_bytes == b->response_bytes;
}


static int
same_attempt(const llm_row_attempt_t *a, const llm_row_attempt_t *b)
{
    return a->admitted_ms == b->admitted_ms
           && a->started_ms == b->started_ms
           && a->ended_ms == b->ended_ms
           && a->first_token_ms == b->first_token_ms
           && a->input_tokens == b->input_tokens
           && a->output_tokens == b->output_tokens
           && a->cost == b->cost
           && a->status == b->status && a->result == b->result
           && llm_str_eq(a->provider, b->provider);
}


/* what a charge is made of: no length may touch it */
static int
same_charge(const llm_row_t *a, const llm_row_t *b)
{
    unsigned  i;

    if (a->nattempts != b->nattempts || a->ntags != b->ntags) {
        return 0;
    }

    for (i = 0; i < a->nattempts; i++) {
        if (!same_attempt(&a->attempts[i], &b->attempts[i])) {
            return 0;
        }
    }

    return same_numbers(a, b)
           && llm_str_eq(a->virtual_key, b->virtual_key)
           && llm_str_eq(a->team, b->team)
           && llm_str_eq(a->customer, b->customer)
           && llm_str_eq(a->provider, b->provider);
}


static int
same_row(const llm_row_t *a, const llm_row_t *b)
{
    unsigned  i;

    for (i = 0; i < a->ntags; i++) {
        if (!llm_str_eq(a->tags[i], b->tags[i])) {
            return 0;
        }
    }

    for (i = 0; i < a->nattempts; i++) {
        if (!llm_str_eq(a->attempts[i].region, b->attempts[i].region)
            || !llm_str_eq(a->attempts[i].model, b->attempts[i].model)
            || !llm_str_eq(a->attempts[i].request_id,
                           b->attempts[i].request_id))
        {
            return 0;
        }
    }

    return same_charge(a, b)
           && llm_str_eq(a->region, b->region)
           && llm_str_eq(a->model_asked, b->model_asked)
           && llm_str_eq(a->model, b->model)
           && llm_str_eq(a->error_message, b->error_message)
           && llm_str_eq(a->client, b->client)
           && llm_str_eq(a->user_agent, b->user_agent)
           && llm_str_eq(a->session, b->session)
           && llm_str_eq(a->end_user, b->end_user);
}


/* decodes from memory of exactly that length */
static int
decode(llm_row_t *row, size_t len, char **copy)
{
    *copy = malloc(len + 1);
    memcpy(*copy, bytes, len);
    *copy = realloc(*copy, len ? len : 1);

    return llm_row_decode(row, (llm_str_t) { *copy, len });
}


static void
round_trips(void)
{
    int        equal, peeked;
    char      *copy;
    size_t     len;
    int64_t    ended, received;
    unsigned   i;
    llm_row_t  row, back;

    equal = 1;
    peeked = 1;

    for (i = 0; i < ROUNDS; i++) {
        any_row(&row, 30);
        len = llm_row_encode(&row, bytes, sizeof(bytes));
        memset(&back, 0xa5, sizeof(back));

        equal = equal && len <= sizeof(bytes)
                && decode(&back, len, &copy) == LLM_OK
                && same_row(&row, &back);
        peeked = peeked
                 && llm_row_peek((llm_str_t) { copy, len }, &ended, &received)
                    == LLM_OK
                 && ended == row.ended_ms && received == row.received_ms;
        free(copy);
    }

    ok(equal, "%d rows come back as they were", ROUNDS);
    ok(peeked, "and are peeked at");
}


static void
long_rows(void)
{
    int        charge, fits;
    char      *copy;
    size_t     len;
    unsigned   i, n;
    llm_row_t  row, back;

    charge = 1;
    fits = 1;

    for (i = 0; i < ROUNDS; i++) {
        any_row(&row, 128);

        for (n = 0; n < row.nattempts && i % 2 == 0; n++) {
            row.attempts[n].provider = (llm_str_t) { text + n, 128 };
            row.attempts[n].model = (llm_str_t) { text + n, 256 };
            row.attempts[n].region = (llm_str_t) { text + n, 128 };
            row.attempts[n].request_id = (llm_str_t) { text + n, 128 };
        }

        len = llm_row_encode(&row, bytes, sizeof(bytes));
        fits = fits && len <= sizeof(bytes);
        charge = charge && decode(&back, len, &copy) == LLM_OK
                 && same_charge(&row, &back);
        free(copy);
    }

    ok(fits, "no row is longer than its place");
    ok(charge, "what is charged to whom is never cut");
}


/* the last thing that a row of exactly this length must give up */
static void
order_of_cuts(void)
{
    char       *copy;
    size_t      len, message;
    unsigned    i;
    llm_row_t   row, back;

    memset(&row, 0, sizeof(row));
    row.virtual_key = llm_str("key");
    row.model = (llm_str_t) { text, 256 };
    row.model_asked = (llm_str_t) { text + 1, 256 };
    row.user_agent = (llm_str_t) { text, 256 };
    row.error_message = (llm_str_t) { text, 512 };
    row.nattempts = 9;

    for (i = 0; i < row.nattempts; i++) {
        row.attempts[i].provider = (llm_str_t) { text + i, 110 };
        row.attempts[i].request_id = (llm_str_t) { text, 128 };
    }

    len = llm_row_encode(&row, bytes, sizeof(bytes));
    decode(&back, len, &copy);
    message = back.error_message.len;
    ok(len <= sizeof(bytes) && message > 0 && message < 512
       && back.user_agent.len == 256
       && back.attempts[8].request_id.len == 128,
       "the error message is shortened first");
    free(copy);

    row.session = (llm_str_t) { text, 128 };
    row.tags[0] = (llm_str_t) { text, 64 };
    row.tags[1] = (llm_str_t) { text, 64 };
    row.tags[2] = (llm_str_t) { text, 64 };
    row.tags[3] = (llm_str_t) { text, 64 };
    row.ntags = 4;
    row.end_user = (llm_str_t) { text, 200 };

    decode(&back, llm_row_encode(&row, bytes, sizeof(bytes)), &copy);
    ok(back.error_message.len == 0 && back.user_agent.len < 256
       && back.attempts[8].request_id.len == 128, "then the user agent");
    free(copy);

    row.client = (llm_str_t) { text, 128 };
    row.region = (llm_str_t) { text, 128 };

    for (i = 4; i < 8; i++) {
        row.tags[i] = (llm_str_t) { text, 64 };
    }

    row.ntags = 8;
    decode(&back, llm_row_encode(&row, bytes, sizeof(bytes)), &copy);
    ok(back.user_agent.len == 0 && back.attempts[0].request_id.len == 0
       && back.session.len == 128 && back.tags[7].len == 64,
       "then the attempts' request ids, each as a whole");
    free(copy);
}


static void
characters(void)
{
    char       *copy, agent[258];
    llm_row_t   row, back;

    memset(&row, 0, sizeof(row));
    memset(agent, 'a', sizeof(agent));

    /* U+20AC, its third byte being one too many */
    memcpy(agent + 254, "\xe2\x82\xac", 3);
    row.user_agent = (llm_str_t) { agent, 257 };
    decode(&back, llm_row_encode(&row, bytes, sizeof(bytes)), &copy);
    ok(back.user_agent.len == 254, "no half character is left at a cut");
    free(copy);

    memset(agent, 'a', sizeof(agent));
    memcpy(agent + 253, "\xe2\x82\xac", 3);
    decode(&back, llm_row_encode(&row, bytes, sizeof(bytes)), &copy);
    ok(back.user_agent.len == 256, "a whole one stays");
    free(copy);

    memset(agent, 0x80, sizeof(agent));
    decode(&back, llm_row_encode(&row, bytes, sizeof(bytes)), &copy);
    ok(back.user_agent.len == 253, "what is no UTF-8 is cut all the same");
    free(copy);
}


static void
damage(void)
{
    int        refused;
    char      *copy;
    size_t     len, i, n;
    llm_row_t  row, back;

    refused = 1;
    any_row(&row, 60);
    row.nattempts = 3;
    row.ntags = 2;
    len = llm_row_encode(&row, bytes, sizeof(bytes));

    for (n = 0; n < len; n++) {
        refused = refused && decode(&back, n, &copy) == LLM_ERROR;
        free(copy);
    }

    ok(refused, "a row that is cut anywhere is refused");

    bytes[len] = 0;
    ok(decode(&back, len + 1, &copy) == LLM_ERROR, "so is one with more");
    free(copy);

    for (i = 0; i < len; i++) {
        for (n = 1; n < 256; n <<= 1) {
            bytes[i] ^= (unsigned char) n;

            if (decode(&back, len, &copy) == LLM_OK) {
                refused = refused && back.outcome < LLM_OUTCOMES
                          && back.error < LLM_ERROR_KINDS
                          && back.nattempts <= LLM_ROW_ATTEMPTS_MAX
                          && back.ntags <= LLM_ROW_TAGS_MAX;
            }

            free(copy);
            bytes[i] ^= (unsigned char) n;
        }
    }

    ok(refused, "a flipped bit is refused or harmless");
    bytes[0]++;
    ok(decode(&back, len, &copy) == LLM_ERROR, "another version is refused");
    free(copy);
}


static void
names(void)
{
    int            i, all;
    char           id[33];
    llm_row_t      row;
    unsigned char  back[LLM_ROW_ID_SIZE];

    all = 1;

    for (i = 0; i < 32; i++) {
        all = all
              && llm_error_kind_find(llm_error_kind_name((unsigned) i))
                 == ((i < LLM_ERROR_KINDS) ? i : -1)
              && llm_price_status_find(llm_price_status_name((unsigned) i))
                 == ((i < LLM_PRICE_STATES) ? i : -1)
              && llm_outcome_find(llm_outcome_text((unsigned) i))
                 == ((i < LLM_OUTCOMES) ? i : -1)
              && llm_attempt_result_find(llm_attempt_result_text((unsigned) i))
                 == ((i <= LLM_ATTEMPT_BROKEN) ? i : -1)
              && llm_tier_find(llm_tier_text((unsigned) i))
                 == ((i <= LLM_TIER_RESERVED) ? i : -1)
              && llm_refusal_find(llm_refusal_name((llm_refusal_reason_t) i))
                 == ((i < LLM_REFUSE_REASONS) ? i : -1);
    }

    ok(all, "each name is found again, no other is");

    memset(&row, 0, sizeof(row));
    ok(llm_str_eq(llm_row_cache(&row), llm_str("none")), "no cache");
    row.usage.cache_write_1h = 1;
    ok(llm_str_eq(llm_row_cache(&row), llm_str("write")), "cache written");
    row.usage.cache_read = 1;
    ok(llm_str_eq(llm_row_cache(&row), llm_str("hit")), "cache hit");

    any_numbers(&row);
    llm_row_id_text(row.id, id);
    ok(llm_row_id_parse((llm_str_t) { id, 32 }, back) == LLM_OK
       && memcmp(back, row.id, LLM_ROW_ID_SIZE) == 0, "an id as text: %s", id);
    id[31] = 'g';
    ok(llm_row_id_parse((llm_str_t) { id, 32 }, back) == LLM_ERROR
       && llm_row_id_parse((llm_str_t) { id, 31 }, back) == LLM_ERROR,
       "what is none is refused");
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < sizeof(text); i++) {
        text[i] = (char) ('a' + i % 26);
    }

    round_trips();
    long_rows();
    order_of_cuts();
    characters();
    damage();
    names();

    return plan_done();
}
