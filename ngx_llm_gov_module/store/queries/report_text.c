/*
 * Reports as JSON, NDJSON and CSV.
 */

#include "report_parts.h"
#include "../../wire/utc.h"

#include <inttypes.h>


/* what a row has, in this order; stats has more before it */
static const struct {
    const char  *name;
    llm_sum_t    sum;
} llm_report_sums[] = {
    { "input_tokens", LLM_SUM_INPUT },
    { "output_tokens", LLM_SUM_OUTPUT },
    { "cache_read_tokens", LLM_SUM_CACHE_READ },
    { "cache_write_tokens", LLM_SUM_CACHE_WRITE },
    { "reasoning_tokens", LLM_SUM_REASONING },
    { "images", LLM_SUM_IMAGES },
    { "queries", LLM_SUM_QUERIES }
};

#define LLM_REPORT_COUNTS                                                      \
    (sizeof(llm_report_sums) / sizeof(llm_report_sums[0]))


static const struct {
    const char  *name;
    double       share;
} llm_report_quantiles[] = {
    { "p50", 0.50 },
    { "p95", 0.95 },
    { "p99", 0.99 }
};

#define LLM_REPORT_QUANTILES                                                   \
    (sizeof(llm_report_quantiles) / sizeof(llm_report_quantiles[0]))


static void llm_report_json(const llm_report_answer_t *answer, llm_buf_t *out);
static void llm_report_json_head(const llm_report_answer_t *answer,
    llm_buf_t *out);
static void llm_report_json_group(const llm_report_t *report,
    const llm_report_group_t *group, llm_buf_t *out);
static void llm_report_json_sums(const llm_report_t *report,
    const llm_sums_t *sums, llm_buf_t *out);
static void llm_report_json_latency(const char *name,
    const llm_buckets_t *buckets, int64_t sum, int64_t max, llm_buf_t *out);
static void llm_report_csv(const llm_report_answer_t *answer, llm_buf_t *out);
static void llm_report_csv_head(const llm_report_t *report, llm_buf_t *out);
static void llm_report_csv_latency_head(const char *name, llm_buf_t *out);
static void llm_report_csv_group(const llm_report_t *report,
    const llm_report_group_t *group, llm_buf_t *out);
static void llm_report_csv_latency(const llm_buckets_t *buckets, int64_t sum,
    int64_t max, llm_buf_t *out);
static void llm_report_rate(const llm_sums_t *sums, llm_buf_t *out);


void
llm_report_write(const llm_report_answer_t *answer, llm_buf_t *out)
{
    unsigned  i;

    switch (answer->report->format) {

    case LLM_FORMAT_JSON:
        llm_report_json(answer, out);
        break;

    case LLM_FORMAT_NDJSON:

        for (i = 0; i < answer->ngroups; i++) {
            llm_report_json_group(answer->report, &answer->groups[i], out);
            llm_buf_str(out, llm_str("\n"));
        }

        break;

    case LLM_FORMAT_CSV:
        llm_report_csv(answer, out);
        break;
    }
}


static void
llm_report_json(const llm_report_answer_t *answer, llm_buf_t *out)
{
    unsigned  i;

    llm_report_json_head(answer, out);

    for (i = 0; i < answer->ngroups; i++) {
        if (i > 0) {
            llm_buf_str(out, llm_str(","));
        }

        llm_report_json_group(answer->report, &answer->groups[i], out);
    }

    llm_buf_str(out, llm_str("],\"total\":{"));
    llm_report_json_sums(answer->report, &answer->total, out);
    llm_buf_printf(out, "},\"truncated\":%s}\n",
                   answer->truncated ? "true" : "false");
}


static void
llm_report_json_head(const llm_report_answer_t *answer, llm_buf_t *out)
{
    unsigned             i;
    const llm_report_t  *report;
    static const char   *intervals[] = {
        "null", "\"minute\"", "\"hour\"", "\"day\"", "\"week\"", "\"month\""
    };

    report = answer->report;

    llm_buf_str(out, llm_str("{\"from\":\""));
    llm_report_time(out, answer->plan.from_ms);
    llm_buf_str(out, llm_str("\",\"to\":\""));
    llm_report_time(out, answer->plan.to_ms);
    llm_buf_printf(out, "\",\"interval\":%s,\"group_by\":[",
                   intervals[report->interval]);

    for (i = 0; i < report->ncolumns; i++) {
        if (i > 0) {
            llm_buf_str(out, llm_str(","));
        }

        llm_buf_json_string(out, llm_report_column_name(report,
                                                        report->columns[i]));
    }

    llm_buf_str(out, llm_str("],\"rows\":["));
}


static void
llm_report_json_group(const llm_report_t *report,
    const llm_report_group_t *group, llm_buf_t *out)
{
    unsigned  i;

    llm_buf_str(out, llm_str("{"));

    if (report->interval != LLM_INTERVAL_NONE) {
        llm_buf_str(out, llm_str("\"time\":\""));
        llm_report_time(out, group->time_ms);
        llm_buf_str(out, llm_str("\","));
    }

    for (i = 0; i < report->ncolumns; i++) {
        llm_buf_json_string(out, llm_report_column_name(report,
                                                        report->columns[i]));
        llm_buf_str(out, llm_str(":"));

        if (group->names[i].len > 0) {
            llm_buf_json_string(out, group->names[i]);

        } else {
            llm_buf_str(out, llm_str("null"));
        }

        llm_buf_str(out, llm_str(","));
    }

    llm_report_json_sums(report, &group->sums, out);
    llm_buf_str(out, llm_str("}"));
}


static void
llm_report_json_sums(const llm_report_t *report, const llm_sums_t *sums,
    llm_buf_t *out)
{
    unsigned  i;

    llm_buf_printf(out, "\"requests\":%" PRId64 ",\"errors\":%" PRId64
                   ",\"refused\":%" PRId64 ",", sums->sum[LLM_SUM_REQUESTS],
                   sums->sum[LLM_SUM_ERRORS], sums->sum[LLM_SUM_REFUSED]);

    if (report->stats) {
        llm_buf_str(out, llm_str("\"error_rate\":"));

        if (sums->sum[LLM_SUM_REQUESTS] > 0) {
            llm_report_rate(sums, out);

        } else {
            llm_buf_str(out, llm_str("null"));
        }

        llm_report_json_latency("latency_ms", &sums->latency,
                                sums->sum[LLM_SUM_LATENCY], sums->latency_max,
                                out);
        llm_report_json_latency("first_token_ms", &sums->first_token,
                                sums->sum[LLM_SUM_FIRST_TOKEN],
                                sums->first_token_max, out);
        llm_buf_str(out, llm_str(","));
    }

    for (i = 0; i < LLM_REPORT_COUNTS; i++) {
        llm_buf_printf(out, "\"%s\":%" PRId64 ",", llm_report_sums[i].name,
                       sums->sum[llm_report_sums[i].sum]);
    }

    llm_buf_str(out, llm_str("\"cost\":"));
    llm_buf_dollars(out, sums->sum[LLM_SUM_COST]);
    llm_buf_str(out, llm_str(",\"cost_estimated\":"));
    llm_buf_dollars(out, sums->sum[LLM_SUM_COST_ESTIMATED]);
}


static void
llm_report_json_latency(const char *name, const llm_buckets_t *buckets,
    int64_t sum, int64_t max, llm_buf_t *out)
{
    unsigned  i;
    uint64_t  count;

    count = llm_buckets_count(buckets);

    if (count == 0) {
        llm_buf_printf(out, ",\"%s\":{\"avg\":null,\"p50\":null,"
                       "\"p95\":null,\"p99\":null,\"max\":null}", name);
        return;
    }

    llm_buf_printf(out, ",\"%s\":{\"avg\":%.1f", name,
                   (double) sum / (double) count);

    for (i = 0; i < LLM_REPORT_QUANTILES; i++) {
        llm_buf_printf(out, ",\"%s\":%" PRId64, llm_report_quantiles[i].name,
                       llm_buckets_quantile(buckets,
                                            llm_report_quantiles[i].share,
                                            max));
    }

    llm_buf_printf(out, ",\"max\":%" PRId64 "}", max);
}


static void
llm_report_csv(const llm_report_answer_t *answer, llm_buf_t *out)
{
    unsigned  i;

    llm_report_csv_head(answer->report, out);

    for (i = 0; i < answer->ngroups; i++) {
        llm_report_csv_group(answer->report, &answer->groups[i], out);
    }
}


static void
llm_report_csv_head(const llm_report_t *report, llm_buf_t *out)
{
    unsigned  i;

    if (report->interval != LLM_INTERVAL_NONE) {
        llm_buf_str(out, llm_str("time,"));
    }

    for (i = 0; i < report->ncolumns; i++) {
        llm_buf_str(out, llm_report_column_name(report, report->columns[i]));
        llm_buf_str(out, llm_str(","));
    }

    llm_buf_str(out, llm_str("requests,errors,refused,"));

    if (report->stats) {
        llm_buf_str(out, llm_str("error_rate,"));
        llm_report_csv_latency_head("latency_ms", out);
        llm_report_csv_latency_head("first_token_ms", out);
    }

    for (i = 0; i < LLM_REPORT_COUNTS; i++) {
        llm_buf_printf(out, "%s,", llm_report_sums[i].name);
    }

    llm_buf_str(out, llm_str("cost,cost_estimated\r\n"));
}


static void
llm_report_csv_latency_head(const char *name, llm_buf_t *out)
{
    unsigned  i;

    llm_buf_printf(out, "%s_avg,", name);

    for (i = 0; i < LLM_REPORT_QUANTILES; i++) {
        llm_buf_printf(out, "%s_%s,", name, llm_report_quantiles[i].name);
    }

    llm_buf_printf(out, "%s_max,", name);
}


static void
llm_report_csv_group(const llm_report_t *report,
    const llm_report_group_t *group, llm_buf_t *out)
{
    unsigned           i;
    const llm_sums_t  *sums;

    sums = &group->sums;

    if (report->interval != LLM_INTERVAL_NONE) {
        llm_report_time(out, group->time_ms);
        llm_buf_str(out, llm_str(","));
    }

    for (i = 0; i < report->ncolumns; i++) {
        llm_csv_cell(out, group->names[i]);
        llm_buf_str(out, llm_str(","));
    }

    llm_buf_printf(out, "%" PRId64 ",%" PRId64 ",%" PRId64 ",",
                   sums->sum[LLM_SUM_REQUESTS], sums->sum[LLM_SUM_ERRORS],
                   sums->sum[LLM_SUM_REFUSED]);

    if (report->stats) {

        if (sums->sum[LLM_SUM_REQUESTS] > 0) {
            llm_report_rate(sums, out);
        }

        llm_buf_str(out, llm_str(","));
        llm_report_csv_latency(&sums->latency, sums->sum[LLM_SUM_LATENCY],
                               sums->latency_max, out);
        llm_report_csv_latency(&sums->first_token,
                               sums->sum[LLM_SUM_FIRST_TOKEN],
                               sums->first_token_max, out);
    }

    for (i = 0; i < LLM_REPORT_COUNTS; i++) {
        llm_buf_printf(out, "%" PRId64 ",",
                       sums->sum[llm_report_sums[i].sum]);
    }

    llm_buf_dollars(out, sums->sum[LLM_SUM_COST]);
    llm_buf_str(out, llm_str(","));
    llm_buf_dollars(out, sums->sum[LLM_SUM_COST_ESTIMATED]);
    llm_buf_str(out, llm_str("\r\n"));
}


static void
llm_report_csv_latency(const llm_buckets_t *buckets, int64_t sum, int64_t max,
    llm_buf_t *out)
{
    unsigned  i;
    uint64_t  count;

    count = llm_buckets_count(buckets);

    if (count == 0) {
        llm_buf_str(out, llm_str(",,,,,"));
        return;
    }

    llm_buf_printf(out, "%.1f,", (double) sum / (double) count);

    for (i = 0; i < LLM_REPORT_QUANTILES; i++) {
        llm_buf_printf(out, "%" PRId64 ",",
                       llm_buckets_quantile(buckets,
                                            llm_report_quantiles[i].share,
                                            max));
    }

    llm_buf_printf(out, "%" PRId64 ",", max);
}


static void
llm_report_rate(const llm_sums_t *sums, llm_buf_t *out)
{
    llm_buf_printf(out, "%.6g", (double) sums->sum[LLM_SUM_ERRORS]
                                / (double) sums->sum[LLM_SUM_REQUESTS]);
}


void
llm_report_time(llm_buf_t *out, int64_t ms)
{
    char  text[LLM_UTC_TEXT];

    llm_buf_str(out, llm_utc_seconds(ms, text));
}
