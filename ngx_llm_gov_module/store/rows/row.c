/*
 * A row as bytes.
 */

#include "row_private.h"

#include "../../wire/le.h"


typedef struct {
    unsigned    ntags, nattempts;

    /* as they are written: cut, and empty where an attempt's is the row's */
    llm_str_t   strings[LLM_ROW_STRINGS];
    llm_str_t   tags[LLM_ROW_TAGS_MAX];
    llm_str_t   tries[LLM_ROW_ATTEMPTS_MAX][LLM_ROW_ATTEMPT_STRINGS];
    bool        twin[LLM_ROW_ATTEMPTS_MAX][LLM_ROW_ATTEMPT_STRINGS];
    size_t      total;
} llm_row_plan_t;


static llm_str_t llm_row_cut(llm_str_t s, size_t max);
static void llm_row_plan(llm_row_plan_t *plan, const llm_row_t *row);
static void llm_row_plan_attempt(llm_row_plan_t *plan, const llm_row_t *row,
    unsigned i);
static void llm_row_fit(llm_row_plan_t *plan, size_t size);
static void llm_row_shorten(llm_row_plan_t *plan, llm_str_t *s, size_t size);
static void llm_row_drop(llm_row_plan_t *plan, llm_str_t *s, size_t size);
static void llm_row_encode_fixed(const llm_row_t *row, unsigned char *out);
static unsigned char *llm_row_encode_attempt(const llm_row_plan_t *plan,
    const llm_row_attempt_t *attempt, unsigned i, unsigned char *p);
static unsigned char *llm_row_encode_strings(const llm_row_plan_t *plan,
    unsigned char *p);


size_t
llm_row_encode(const llm_row_t *row, unsigned char *out, size_t size)
{
    unsigned         i;
    unsigned char   *p;
    llm_row_plan_t   plan;

    llm_row_plan(&plan, row);

    if (plan.total > size) {
        llm_row_fit(&plan, size);
    }

    llm_row_encode_fixed(row, out);

    out[2] = (unsigned char) plan.ntags;
    out[3] = (unsigned char) plan.nattempts;

    p = out + LLM_ROW_AT_LENGTHS;

    for (i = 0; i < LLM_ROW_STRINGS; i++) {
        llm_le_put16(p, (uint16_t) plan.strings[i].len);
        p += 2;
    }

    for (i = 0; i < plan.ntags; i++) {
        *p++ = (unsigned char) plan.tags[i].len;
    }

    for (i = 0; i < plan.nattempts; i++) {
        p = llm_row_encode_attempt(&plan, &row->attempts[i], i, p);
    }

    p = llm_row_encode_strings(&plan, p);

    return (size_t) (p - out);
}


/* no more than `max` bytes, no half character at the end */
static llm_str_t
llm_row_cut(llm_str_t s, size_t max)
{
    unsigned  i;

    if (s.len <= max) {
        return s;
    }

    /* a character has three following bytes at most; what has more is not
     * UTF-8 anyway */

    for (i = 0; i < 3 && max > 0; i++) {

        if (((unsigned char) s.data[max] & 0xc0) != 0x80) {
            break;
        }

        max--;
    }

    s.len = max;

    return s;
}


static void
llm_row_plan(llm_row_plan_t *plan, const llm_row_t *row)
{
    unsigned   i;
    llm_str_t  s;

    plan->ntags = (row->ntags < LLM_ROW_TAGS_MAX)
                  ? row->ntags : LLM_ROW_TAGS_MAX;
    plan->nattempts = (row->nattempts < LLM_ROW_ATTEMPTS_MAX)
                      ? row->nattempts : LLM_ROW_ATTEMPTS_MAX;

    plan->total = LLM_ROW_FIXED + plan->ntags
                  + plan->nattempts * LLM_ROW_ATTEMPT;

    for (i = 0; i < LLM_ROW_STRINGS; i++) {
        s = llm_row_cut(*llm_row_str(row, llm_row_strings[i].offset),
                        llm_row_strings[i].max);
        plan->strings[i] = s;
        plan->total += s.len;
    }

    for (i = 0; i < plan->ntags; i++) {
        s = llm_row_cut(row->tags[i], LLM_ROW_TAG_MAX);
        plan->tags[i] = s;
        plan->total += s.len;
    }

    for (i = 0; i < plan->nattempts; i++) {
        llm_row_plan_attempt(plan, row, i);
    }
}


static void
llm_row_plan_attempt(llm_row_plan_t *plan, const llm_row_t *row, unsigned i)
{
    bool       twin;
    unsigned   n;
    llm_str_t  s;

    for (n = 0; n < LLM_ROW_ATTEMPT_STRINGS; n++) {
        s = *llm_row_str(&row->attempts[i], llm_row_attempt_strings[n].offset);

        twin = llm_row_twins[n] != 0
               && llm_str_eq(s, *llm_row_str(row, llm_row_twins[n]));

        s = twin ? llm_str("") : llm_row_cut(s, llm_row_attempt_strings[n].max);

        plan->twin[i][n] = twin;
        plan->tries[i][n] = s;
        plan->total += s.len;
    }
}


/*
 * What is charged to whom always fits: 16 attempts of 64 bytes with providers
 * of 128 bytes and the row's own names are less than LLM_ROW_MAX.
 */
static void
llm_row_fit(llm_row_plan_t *plan, size_t size)
{
    unsigned                     i, n;
    static const unsigned char   tries[] = { 3, 2, 1 };
    static const unsigned char   strings[] = { 5, 6, 9, 8, 7, 4 };

    llm_row_shorten(plan, &plan->strings[11], size);
    llm_row_shorten(plan, &plan->strings[10], size);

    for (n = 0; n < sizeof(tries); n++) {
        for (i = 0; i < plan->nattempts; i++) {
            llm_row_drop(plan, &plan->tries[i][tries[n]], size);
        }
    }

    for (i = plan->ntags; i > 0; i--) {
        llm_row_drop(plan, &plan->tags[i - 1], size);
    }

    for (n = 0; n < sizeof(strings); n++) {
        llm_row_drop(plan, &plan->strings[strings[n]], size);
    }
}


/* a text may be cut */
static void
llm_row_shorten(llm_row_plan_t *plan, llm_str_t *s, size_t size)
{
    size_t  excess, len;

    if (plan->total > size) {
        excess = plan->total - size;
        len = s->len;

        *s = (len > excess) ? llm_row_cut(*s, len - excess) : llm_str("");
        plan->total -= len - s->len;
    }
}


/* a name may not: it would be somebody else's */
static void
llm_row_drop(llm_row_plan_t *plan, llm_str_t *s, size_t size)
{
    if (plan->total > size) {
        plan->total -= s->len;
        *s = llm_str("");
    }
}


static void
llm_row_encode_fixed(const llm_row_t *row, unsigned char *out)
{
    unsigned  i;

    out[0] = LLM_ROW_VERSION;

    out[1] = (row->streamed ? LLM_ROW_STREAMED : 0)
             | (row->aborted ? LLM_ROW_ABORTED : 0)
             | (row->recovered ? LLM_ROW_RECOVERED : 0)
             | (row->content ? LLM_ROW_CONTENT : 0)
             | (row->usage.exact ? LLM_ROW_EXACT : 0)
             | (row->usage.latency_optimized ? LLM_ROW_OPTIMIZED : 0);

    out[LLM_ROW_AT_SMALL] = row->dialect;
    out[LLM_ROW_AT_SMALL + 1] = row->api;
    out[LLM_ROW_AT_SMALL + 2] = row->outcome;
    out[LLM_ROW_AT_SMALL + 3] = row->error;
    out[LLM_ROW_AT_SMALL + 4] = row->refusal;
    out[LLM_ROW_AT_SMALL + 5] = row->price_status;
    out[LLM_ROW_AT_SMALL + 6] = (unsigned char) row->usage.tier;
    out[LLM_ROW_AT_SMALL + 7] = 0;

    llm_le_put16(out + LLM_ROW_AT_STATUS, row->status);
    llm_le_put16(out + LLM_ROW_AT_STATUS + 2, 0);

    memcpy(out + LLM_ROW_AT_ID, row->id, LLM_ROW_ID_SIZE);

    for (i = 0; i < LLM_ROW_NUMBERS; i++) {
        llm_le_put64(out + LLM_ROW_AT_NUMBERS + 8 * i,
                     *llm_row_number(row, llm_row_numbers[i]));
    }

    llm_le_put32(out + LLM_ROW_AT_OVERHEAD, row->overhead_us);
}


static unsigned char *
llm_row_encode_attempt(const llm_row_plan_t *plan,
    const llm_row_attempt_t *attempt, unsigned i, unsigned char *p)
{
    unsigned          n;
    uint16_t          len[LLM_ROW_ATTEMPT_STRINGS];

    for (n = 0; n < LLM_ROW_ATTEMPT_NUMBERS; n++) {
        llm_le_put64(p + 8 * n,
                     *llm_row_number(attempt, llm_row_attempt_numbers[n]));
    }

    for (n = 0; n < LLM_ROW_ATTEMPT_STRINGS; n++) {
        len[n] = plan->twin[i][n] ? 0xffff : (uint16_t) plan->tries[i][n].len;
    }

    llm_le_put16(p + LLM_ROW_ATTEMPT_STATUS, attempt->status);
    p[LLM_ROW_ATTEMPT_RESULT] = attempt->result;

    p[LLM_ROW_ATTEMPT_LENGTHS] = (unsigned char) len[0];
    p[LLM_ROW_ATTEMPT_LENGTHS + 1] = (unsigned char) len[1];
    llm_le_put16(p + LLM_ROW_ATTEMPT_LENGTHS + 2, len[2]);
    p[LLM_ROW_ATTEMPT_LENGTHS + 4] = (unsigned char) len[3];

    return p + LLM_ROW_ATTEMPT;
}


static unsigned char *
llm_row_encode_strings(const llm_row_plan_t *plan, unsigned char *p)
{
    unsigned          i, n;
    const llm_str_t  *s;

    for (i = 0; i < LLM_ROW_STRINGS + plan->ntags; i++) {
        s = (i < LLM_ROW_STRINGS) ? &plan->strings[i]
                                  : &plan->tags[i - LLM_ROW_STRINGS];

        if (s->len != 0) {
            memcpy(p, s->data, s->len);
            p += s->len;
        }
    }

    for (i = 0; i < plan->nattempts; i++) {
        for (n = 0; n < LLM_ROW_ATTEMPT_STRINGS; n++) {
            s = &plan->tries[i][n];

            if (s->len != 0) {
                memcpy(p, s->data, s->len);
                p += s->len;
            }
        }
    }

    return p;
}
