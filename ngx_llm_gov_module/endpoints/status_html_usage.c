/*
 * Who used what, for people.
 */

#include "html.h"

#include <inttypes.h>


static void
ngx_http_llm_html_count(llm_buf_t *buf, uint64_t count)
{
    llm_buf_printf(buf, "<td class=\"n\">%" PRIu64 "</td>", count);
}


static void
ngx_http_llm_html_entry(llm_buf_t *buf, const llm_series_entry_t *entry)
{
    uint64_t                     requests;
    ngx_uint_t                   i;
    ngx_http_llm_series_names_t  names;

    names = ngx_http_llm_series_names(&entry->labels);

    requests = 0;

    for (i = 0; i < LLM_OUTCOMES; i++) {
        requests += entry->requests[i];
    }

    llm_buf_str(buf, llm_str("<tr class=\"first\">"));
    ngx_http_llm_html_cell(buf, names.virtual_key);
    ngx_http_llm_html_cell(buf, names.provider);
    ngx_http_llm_html_cell(buf, names.model);
    ngx_http_llm_html_cell(buf, names.api);
    ngx_http_llm_html_number(buf, LLM_METRIC_COST, entry->cost);
    ngx_http_llm_html_count(buf, requests);
    ngx_http_llm_html_count(buf, requests - entry->requests[LLM_OUTCOME_OK]);
    ngx_http_llm_html_count(buf, entry->input);
    ngx_http_llm_html_count(buf, entry->output);
    ngx_http_llm_html_count(buf, entry->cache_read);
    ngx_http_llm_html_count(buf, entry->cache_write_5m);
    ngx_http_llm_html_count(buf, entry->cache_write_1h);
    llm_buf_str(buf, llm_str("</tr>\n"));
}


ngx_int_t
ngx_http_llm_html_usage(ngx_http_llm_status_t *status, llm_buf_t *buf)
{
    ngx_uint_t           i, n, index;
    llm_series_entry_t  *entries;

    static const char *const  columns[] = {
        "Virtual key", "Provider", "Model", "API", "#Cost", "#Requests",
        "#Not ok", "#Input", "#Output", "#Cache read", "#Cache write 5 min",
        "#Cache write 1 h"
    };

    entries = ngx_palloc(status->pool,
                         NGX_HTTP_LLM_ENTRIES * sizeof(llm_series_entry_t));
    if (entries == NULL) {
        return NGX_ERROR;
    }

    ngx_http_llm_html_table(buf, "Usage (tokens by kind)", columns,
                            sizeof(columns) / sizeof(columns[0]));

    index = 0;

    while (index < NGX_HTTP_LLM_SERIES_MAX) {
        n = ngx_http_llm_entries(status->lmcf, entries, &index);

        for (i = 0; i < n; i++) {
            ngx_http_llm_html_entry(buf, &entries[i]);
        }
    }

    ngx_http_llm_html_table_end(buf);

    return NGX_OK;
}
