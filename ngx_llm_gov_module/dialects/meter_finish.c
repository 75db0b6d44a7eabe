/*
 * The verdict: one usage out of the reports of headers, invocationMetrics and
 * body, and whether that is all of it.
 */

#include "meter_rules.h"


static bool llm_meter_is_free(const llm_meter_t *meter);
static bool llm_meter_is_exact(const llm_meter_t *meter);
static bool llm_meter_is_whole(const llm_meter_t *meter);
static bool llm_meter_has_output(const llm_meter_t *meter, unsigned seen);
static void llm_meter_merge(llm_meter_t *meter);
static void llm_meter_merge_input(llm_usage_t *usage, const llm_usage_t *one);
static void llm_meter_usage(const llm_meter_report_t *report,
    llm_usage_t *usage);
static bool llm_meter_differ(const llm_meter_report_t *a,
    const llm_meter_report_t *b);
static bool llm_meter_has_input(const llm_meter_report_t *report);
static bool llm_meter_has_cache(const llm_meter_report_t *report);


#define llm_meter_seen(report, count)                                         \
    (((report)->seen & llm_meter_bit(count)) != 0)


void
llm_meter_finish(llm_meter_t *meter)
{
    bool  told;

    if (llm_meter_is_free(meter)) {
        meter->usage.exact = true;
        return;
    }

    llm_meter_merge(meter);

    told = (meter->report[LLM_METER_BODY].seen
            & llm_meter_bit(LLM_METER_IMAGES)) != 0;

    if (meter->family == LLM_FAMILY_IMAGE && !told) {
        meter->usage.images = meter->asked_images;
    }

    meter->usage.queries = meter->asked_queries;
    meter->usage.exact = llm_meter_is_exact(meter);
}


/* counting tokens and listing models cost nothing */
static bool
llm_meter_is_free(const llm_meter_t *meter)
{
    return meter->api == LLM_API_BEDROCK_COUNT_TOKENS
           || meter->api == LLM_API_ANTHROPIC_COUNT_TOKENS
           || meter->api == LLM_API_ANTHROPIC_MODELS;
}


static bool
llm_meter_is_exact(const llm_meter_t *meter)
{
    int       i;
    unsigned  seen;

    if (!llm_meter_is_whole(meter) || meter->unknown_operation) {
        return false;
    }

    for (seen = 0, i = 0; i < LLM_METER_REPORTS; i++) {
        seen |= meter->report[i].seen;
    }

    if (meter->family == LLM_FAMILY_IMAGE) {
        return (seen & llm_meter_bit(LLM_METER_IMAGES)) != 0;
    }

    if (meter->family == LLM_FAMILY_RERANK) {
        return meter->started && meter->asked_queries > 0;
    }

    return (seen & (llm_meter_bit(LLM_METER_INPUT)
                    | llm_meter_bit(LLM_METER_PROMPT)))
           && llm_meter_has_output(meter, seen);
}


/*
 * Headers say it all before the body comes, but for a cache write's lifetime.
 */
static bool
llm_meter_is_whole(const llm_meter_t *meter)
{
    const unsigned             both = llm_meter_bit(LLM_METER_INPUT)
                                      | llm_meter_bit(LLM_METER_OUTPUT);
    const llm_meter_report_t  *headers;

    if (meter->ended) {
        return true;
    }

    headers = &meter->report[LLM_METER_HEADERS];

    return !meter->stream && (headers->seen & both) == both
           && headers->count[LLM_METER_CACHE_WRITE] == 0;
}


/* embeddings have none: their headers leave the output's count out */
static bool
llm_meter_has_output(const llm_meter_t *meter, unsigned seen)
{
    if (seen & llm_meter_bit(LLM_METER_OUTPUT)) {
        return true;
    }

    if (meter->api == LLM_API_OPENAI_EMBEDDINGS
        || meter->family == LLM_FAMILY_TITAN_EMBED
        || meter->family == LLM_FAMILY_COHERE_EMBED)
    {
        return true;
    }

    /* a model of unknown family, behind an opaque ARN */

    return (meter->report[LLM_METER_HEADERS].seen
            & llm_meter_bit(LLM_METER_INPUT)) != 0
           && meter->output_bytes == 0;
}


/*
 * Of outputs the largest is taken: Claude's metrics were seen to leave out tool
 * input that the body's count has.
 */
static void
llm_meter_merge(llm_meter_t *meter)
{
    int           i, j;
    llm_usage_t   one[LLM_METER_REPORTS], *usage;

    usage = &meter->usage;

    for (i = 0; i < LLM_METER_REPORTS; i++) {
        llm_meter_usage(&meter->report[i], &one[i]);

        if (one[i].output > usage->output) {
            usage->output = one[i].output;
        }

        for (j = 0; j < i; j++) {

            if (llm_meter_differ(&meter->report[j], &meter->report[i])) {
                meter->mismatch = true;
            }
        }
    }

    llm_meter_merge_input(usage, one);

    /* what only a body tells */

    usage->reasoning = one[LLM_METER_BODY].reasoning;
    usage->images = meter->report[LLM_METER_BODY].count[LLM_METER_IMAGES];
}


/*
 * The input side is taken whole from the report that accounts for the most
 * tokens, in a tie from the body, which splits them finest.
 */
static void
llm_meter_merge_input(llm_usage_t *usage, const llm_usage_t *one)
{
    int                 i;
    int64_t             hour;
    const llm_usage_t  *most;

    most = &one[LLM_METER_BODY];

    for (i = LLM_METER_BODY + 1; i < LLM_METER_REPORTS; i++) {

        if (llm_usage_input_total(&one[i]) > llm_usage_input_total(most)) {
            most = &one[i];
        }
    }

    usage->input = most->input;
    usage->cache_read = most->cache_read;
    usage->cache_write_1h = most->cache_write_1h;
    usage->cache_write_5m = most->cache_write_5m;

    /* only a body knows how long a cache write lives */

    hour = one[LLM_METER_BODY].cache_write_1h - usage->cache_write_1h;

    if (hour > usage->cache_write_5m) {
        hour = usage->cache_write_5m;
    }

    usage->cache_write_1h += hour;
    usage->cache_write_5m -= hour;
}


/* a report's counts, made disjoint */
static void
llm_meter_usage(const llm_meter_report_t *report, llm_usage_t *usage)
{
    int64_t         write, cached, prompt;
    const int64_t  *count;

    memset(usage, 0, sizeof(llm_usage_t));

    count = report->count;

    write = count[LLM_METER_CACHE_5M] + count[LLM_METER_CACHE_1H];

    if (write < count[LLM_METER_CACHE_WRITE]) {
        write = count[LLM_METER_CACHE_WRITE];
    }

    usage->input = count[LLM_METER_INPUT];
    usage->output = count[LLM_METER_OUTPUT];
    usage->cache_read = count[LLM_METER_CACHE_READ];
    usage->cache_write_1h = count[LLM_METER_CACHE_1H];
    usage->cache_write_5m = write - usage->cache_write_1h;
    usage->reasoning = count[LLM_METER_REASONING];

    if (llm_meter_seen(report, LLM_METER_PROMPT)) {
        prompt = count[LLM_METER_PROMPT];
        cached = usage->cache_read + write;

        usage->input = (prompt > cached) ? prompt - cached : 0;
    }
}


static bool
llm_meter_differ(const llm_meter_report_t *a, const llm_meter_report_t *b)
{
    llm_usage_t                x, y;
    const llm_meter_report_t  *c;

    if (llm_meter_seen(a, LLM_METER_OUTPUT)
        && llm_meter_seen(b, LLM_METER_OUTPUT)
        && a->count[LLM_METER_OUTPUT] != b->count[LLM_METER_OUTPUT])
    {
        return true;
    }

    if (!llm_meter_has_input(a) || !llm_meter_has_input(b)) {
        return false;
    }

    if (llm_meter_has_cache(a) && !llm_meter_has_cache(b)) {
        c = a;
        a = b;
        b = c;
    }

    llm_meter_usage(a, &x);
    llm_meter_usage(b, &y);

    if (llm_usage_input_total(&x) == llm_usage_input_total(&y)) {
        return false;
    }

    /* one that says nothing of a cache may mean all input, or the rest */

    return llm_meter_has_cache(a) || x.input != y.input;
}


static bool
llm_meter_has_input(const llm_meter_report_t *report)
{
    return (report->seen & (llm_meter_bit(LLM_METER_INPUT)
                            | llm_meter_bit(LLM_METER_PROMPT))) != 0;
}


static bool
llm_meter_has_cache(const llm_meter_report_t *report)
{
    return (report->seen & (llm_meter_bit(LLM_METER_CACHE_READ)
                            | llm_meter_bit(LLM_METER_CACHE_WRITE)
                            | llm_meter_bit(LLM_METER_CACHE_5M)
                            | llm_meter_bit(LLM_METER_CACHE_1H))) != 0;
}
