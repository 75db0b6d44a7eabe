/*
 * Gathering the rollups of a batch of rows in memory.
 */

#include "rollup_parts.h"

#include <stdlib.h>


#define LLM_ROLLUP_BYTES   ((size_t) 1 << 30)

/* what is kept from one batch to the next */
#define LLM_ROLLUP_KEPT    16384


/* what one row adds in one place */
typedef struct {
    int64_t                  time_ms;
    llm_str_t                provider;
    llm_str_t                region;
    llm_str_t                model;
    int64_t                  sum[LLM_SUMS];
    int64_t                  latency_ms;        /* -1: none */
    int64_t                  first_token_ms;    /* -1: none */
} llm_rollup_part_t;


static void llm_rollup_request(llm_rollup_part_t *part, const llm_row_t *row);
static void llm_rollup_last(llm_rollup_part_t *part, const llm_row_t *row);
static void llm_rollup_earlier(llm_rollup_part_t *part,
    const llm_row_attempt_t *attempt);
static bool llm_rollup_same_place(const llm_rollup_part_t *a,
    const llm_rollup_part_t *b);
static int llm_rollup_part(llm_rollup_t *rollup, const llm_row_t *row,
    const llm_rollup_part_t *part);
static int llm_rollup_tuple(llm_rollup_t *rollup, const llm_row_t *row,
    const llm_rollup_part_t *part, uint32_t *tuple);
static int llm_rollup_set(llm_rollup_t *rollup, const llm_row_t *row,
    uint32_t *set);
static int llm_rollup_levels(llm_rollup_t *rollup, llm_facet_t facet,
    uint32_t value, uint32_t tuple, const llm_rollup_part_t *part);
static int llm_rollup_count(llm_sums_t *sums, const llm_rollup_part_t *part);


const uint32_t  llm_level_size[LLM_LEVELS] = { 1, 60, 24 * 60 };


llm_rollup_t *
llm_rollup_create(void)
{
    llm_rollup_t  *rollup;

    rollup = calloc(1, sizeof(llm_rollup_t));

    if (rollup != NULL) {
        llm_buf_init(&rollup->bytes, LLM_ROLLUP_BYTES);
    }

    return rollup;
}


void
llm_rollup_free(llm_rollup_t *rollup)
{
    uint32_t  i;

    if (rollup == NULL) {
        return;
    }

    for (i = 0; i < rollup->entries_size; i++) {
        llm_sums_free(&rollup->entries[i].sums);
    }

    llm_buf_free(&rollup->bytes);
    free(rollup->names);
    free(rollup->by_name.slots);
    free(rollup->entries);
    free(rollup->by_key.slots);
    free(rollup);
}


/* a large batch's memory is given back */
void
llm_rollup_reset(llm_rollup_t *rollup)
{
    uint32_t  i;

    if (rollup->entries_size > LLM_ROLLUP_KEPT) {

        for (i = 0; i < rollup->entries_size; i++) {
            llm_sums_free(&rollup->entries[i].sums);
        }

        free(rollup->entries);
        free(rollup->by_key.slots);
        rollup->entries = NULL;
        rollup->entries_size = 0;
        rollup->by_key = (llm_rollup_table_t) { NULL, 0 };
    }

    if (rollup->names_size > LLM_ROLLUP_KEPT) {
        llm_buf_free(&rollup->bytes);
        free(rollup->names);
        free(rollup->by_name.slots);
        rollup->names = NULL;
        rollup->names_size = 0;
        rollup->by_name = (llm_rollup_table_t) { NULL, 0 };
    }

    if (rollup->by_key.slots != NULL) {
        memset(rollup->by_key.slots, 0,
               rollup->by_key.size * sizeof(uint32_t));
    }

    if (rollup->by_name.slots != NULL) {
        memset(rollup->by_name.slots, 0,
               rollup->by_name.size * sizeof(uint32_t));
    }

    rollup->bytes.len = 0;
    rollup->bytes.failed = false;
    rollup->nnames = 0;
    rollup->nentries = 0;
    rollup->newest = 0;
}


/* The request where it ended, the cost of each attempt where that ended; most
 * rows have but one attempt, that ended with the request. */
int
llm_rollup_add(llm_rollup_t *rollup, const llm_row_t *row)
{
    unsigned           i;
    llm_rollup_part_t  request, attempt;

    llm_rollup_request(&request, row);

    if (row->admitted_ms == 0 || row->nattempts == 0) {
        return llm_rollup_part(rollup, row, &request);
    }

    llm_rollup_last(&attempt, row);

    if (llm_rollup_same_place(&request, &attempt)) {

        for (i = 0; i < LLM_SUMS; i++) {
            request.sum[i] += attempt.sum[i];
        }

    } else if (llm_rollup_part(rollup, row, &attempt) != LLM_OK) {
        return LLM_ERROR;
    }

    if (llm_rollup_part(rollup, row, &request) != LLM_OK) {
        return LLM_ERROR;
    }

    for (i = 0; i + 1 < row->nattempts; i++) {
        llm_rollup_earlier(&attempt, &row->attempts[i]);

        if ((attempt.sum[LLM_SUM_COST] != 0 || attempt.sum[LLM_SUM_INPUT] != 0
             || attempt.sum[LLM_SUM_OUTPUT] != 0)
            && llm_rollup_part(rollup, row, &attempt) != LLM_OK)
        {
            return LLM_ERROR;
        }
    }

    return LLM_OK;
}


static void
llm_rollup_request(llm_rollup_part_t *part, const llm_row_t *row)
{
    memset(part, 0, sizeof(llm_rollup_part_t));

    part->time_ms = row->ended_ms;
    part->provider = row->provider;
    part->region = row->region;
    part->model = row->model;
    part->latency_ms = -1;
    part->first_token_ms = -1;

    if (row->admitted_ms == 0) {
        part->sum[LLM_SUM_REFUSED] = 1;
        return;
    }

    part->sum[LLM_SUM_REQUESTS] = 1;
    part->sum[LLM_SUM_ESTIMATED] = (row->price_status == LLM_PRICE_ESTIMATED);
    part->sum[LLM_SUM_ERRORS] = (row->error != LLM_ERROR_NONE
                                 && row->error != LLM_ERROR_REFUSED
                                 && row->error != LLM_ERROR_CLIENT_GONE);

    /* nobody saw how long a request took whose process died */

    if (!row->recovered && row->ended_ms >= row->received_ms) {
        part->latency_ms = row->ended_ms - row->received_ms;

        if (row->first_token_ms >= row->received_ms
            && row->first_token_ms != 0)
        {
            part->first_token_ms = row->first_token_ms - row->received_ms;
        }
    }
}


static void
llm_rollup_last(llm_rollup_part_t *part, const llm_row_t *row)
{
    const llm_usage_t        *usage;
    const llm_row_attempt_t  *attempt;

    attempt = &row->attempts[row->nattempts - 1];
    usage = &row->usage;

    llm_rollup_earlier(part, attempt);

    part->sum[LLM_SUM_INPUT] = usage->input;
    part->sum[LLM_SUM_OUTPUT] = usage->output;
    part->sum[LLM_SUM_CACHE_READ] = usage->cache_read;
    part->sum[LLM_SUM_CACHE_WRITE] = usage->cache_write_5m
                                     + usage->cache_write_1h;
    part->sum[LLM_SUM_REASONING] = usage->reasoning;
    part->sum[LLM_SUM_IMAGES] = usage->images;
    part->sum[LLM_SUM_QUERIES] = usage->queries;

    /* the price of a row is estimated, too, if only an earlier attempt's is */

    if (row->price_status != LLM_PRICE_ESTIMATED
        || row->outcome == LLM_OUTCOME_OK)
    {
        part->sum[LLM_SUM_COST_ESTIMATED] = 0;
    }
}


/* what one costs that did not answer is always an estimate */
static void
llm_rollup_earlier(llm_rollup_part_t *part, const llm_row_attempt_t *attempt)
{
    memset(part, 0, sizeof(llm_rollup_part_t));

    part->time_ms = attempt->ended_ms;
    part->provider = attempt->provider;
    part->region = attempt->region;
    part->model = attempt->model;
    part->latency_ms = -1;
    part->first_token_ms = -1;

    part->sum[LLM_SUM_INPUT] = attempt->input_tokens;
    part->sum[LLM_SUM_OUTPUT] = attempt->output_tokens;
    part->sum[LLM_SUM_COST] = attempt->cost;
    part->sum[LLM_SUM_COST_ESTIMATED] = attempt->cost;
}


static bool
llm_rollup_same_place(const llm_rollup_part_t *a, const llm_rollup_part_t *b)
{
    return a->time_ms / LLM_MINUTE_MS == b->time_ms / LLM_MINUTE_MS
           && llm_str_eq(a->provider, b->provider)
           && llm_str_eq(a->region, b->region)
           && llm_str_eq(a->model, b->model);
}


static int
llm_rollup_part(llm_rollup_t *rollup, const llm_row_t *row,
    const llm_rollup_part_t *part)
{
    uint32_t  tuple, value;

    if (llm_rollup_tuple(rollup, row, part, &tuple) != LLM_OK
        || llm_rollup_levels(rollup, LLM_FACET_NONE, 0, tuple, part) != LLM_OK)
    {
        return LLM_ERROR;
    }

    if (row->end_user.len > 0
        && (llm_rollup_intern(rollup, LLM_NAME_STRING, row->end_user, &value)
            != LLM_OK
            || llm_rollup_levels(rollup, LLM_FACET_END_USER, value, tuple,
                                 part)
               != LLM_OK))
    {
        return LLM_ERROR;
    }

    if (row->session.len > 0
        && (llm_rollup_intern(rollup, LLM_NAME_STRING, row->session, &value)
            != LLM_OK
            || llm_rollup_levels(rollup, LLM_FACET_SESSION, value, tuple, part)
               != LLM_OK))
    {
        return LLM_ERROR;
    }

    if (llm_rollup_set(rollup, row, &value) != LLM_OK) {
        return LLM_ERROR;
    }

    return (value != 0) ? llm_rollup_levels(rollup, LLM_FACET_TAG, value,
                                            tuple, part)
                        : LLM_OK;
}


static int
llm_rollup_tuple(llm_rollup_t *rollup, const llm_row_t *row,
    const llm_rollup_part_t *part, uint32_t *tuple)
{
    unsigned   i;
    uint32_t   numbers[LLM_DIMENSIONS];
    llm_str_t  strings[LLM_DIMENSIONS];

    strings[LLM_DIMENSION_CUSTOMER] = row->customer;
    strings[LLM_DIMENSION_TEAM] = row->team;
    strings[LLM_DIMENSION_VIRTUAL_KEY] = row->virtual_key;
    strings[LLM_DIMENSION_PROVIDER] = part->provider;
    strings[LLM_DIMENSION_REGION] = part->region;
    strings[LLM_DIMENSION_MODEL] = part->model;
    strings[LLM_DIMENSION_DIALECT] = (row->dialect == 0)
                                     ? llm_str("")
                                     : llm_dialect_name(row->dialect);

    for (i = 0; i < LLM_DIMENSIONS; i++) {
        if (llm_rollup_intern(rollup, LLM_NAME_STRING, strings[i], &numbers[i])
            != LLM_OK)
        {
            return LLM_ERROR;
        }
    }

    return llm_rollup_intern(rollup, LLM_NAME_TUPLE,
                             (llm_str_t) { (char *) numbers, sizeof(numbers) },
                             tuple);
}


/* ascending and each once, in the batch's numbers; 0: no tags */
static int
llm_rollup_set(llm_rollup_t *rollup, const llm_row_t *row, uint32_t *set)
{
    unsigned  i, j, n;
    uint32_t  number, numbers[LLM_ROW_TAGS_MAX];

    n = 0;

    for (i = 0; i < row->ntags && i < LLM_ROW_TAGS_MAX; i++) {

        if (llm_rollup_intern(rollup, LLM_NAME_STRING, row->tags[i], &number)
            != LLM_OK)
        {
            return LLM_ERROR;
        }

        for (j = n; j > 0 && numbers[j - 1] > number; j--) {
            /* void */
        }

        if (number == 0 || (j > 0 && numbers[j - 1] == number)) {
            continue;
        }

        memmove(&numbers[j + 1], &numbers[j], (n - j) * sizeof(uint32_t));
        numbers[j] = number;
        n++;
    }

    return llm_rollup_intern(rollup, LLM_NAME_SET,
                             (llm_str_t) { (char *) numbers,
                                           n * sizeof(uint32_t) },
                             set);
}


static int
llm_rollup_levels(llm_rollup_t *rollup, llm_facet_t facet, uint32_t value,
    uint32_t tuple, const llm_rollup_part_t *part)
{
    uint32_t           start;
    unsigned           level;
    llm_rollup_key_t   key;
    llm_sums_t        *sums;

    start = (part->time_ms < 0) ? 0 : (uint32_t) (part->time_ms
                                                  / LLM_MINUTE_MS);

    if (start > rollup->newest) {
        rollup->newest = start;
    }

    for (level = 0; level < LLM_LEVELS; level++) {
        key.level = level;
        key.facet = facet;
        key.start = start - start % llm_level_size[level];
        key.value = value;
        key.tuple = tuple;

        sums = llm_rollup_entry(rollup, &key);

        if (sums == NULL || llm_rollup_count(sums, part) != LLM_OK) {
            return LLM_ERROR;
        }
    }

    return LLM_OK;
}


static int
llm_rollup_count(llm_sums_t *sums, const llm_rollup_part_t *part)
{
    unsigned  i;

    for (i = 0; i < LLM_SUMS; i++) {
        llm_sum_add(&sums->sum[i], part->sum[i]);
    }

    if (part->latency_ms >= 0
        && llm_sums_latency(sums, part->latency_ms) != LLM_OK)
    {
        return LLM_ERROR;
    }

    if (part->first_token_ms >= 0
        && llm_sums_first_token(sums, part->first_token_ms) != LLM_OK)
    {
        return LLM_ERROR;
    }

    return LLM_OK;
}
