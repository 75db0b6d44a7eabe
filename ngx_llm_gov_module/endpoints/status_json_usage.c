/*
 * Who used what as JSON: the series that the metrics show too.
 */

#include "status_json.h"

#include <inttypes.h>


static void
ngx_http_llm_json_entry(llm_buf_t *buf, const llm_series_entry_t *entry)
{
    ngx_uint_t                   i;
    ngx_http_llm_series_names_t  names;

    names = ngx_http_llm_series_names(&entry->labels);

    llm_buf_str(buf, llm_str("{"));
    ngx_http_llm_json_text(buf, "virtual_key", names.virtual_key);
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_text(buf, "provider", names.provider);
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_text(buf, "model", names.model);
    llm_buf_str(buf, llm_str(","));
    ngx_http_llm_json_text(buf, "api", names.api);
    llm_buf_str(buf, llm_str(",\"cost\":"));
    llm_buf_dollars(buf, entry->cost);
    llm_buf_str(buf, llm_str(",\"requests\":{"));

    for (i = 0; i < LLM_OUTCOMES; i++) {
        llm_buf_printf(buf, "%s\"%s\":%" PRIu64, i ? "," : "",
                       llm_outcome_text(i).data, entry->requests[i]);
    }

    llm_buf_printf(buf, "},\"attempts\":%" PRIu64 ",\"tokens\":{\"input\":%"
                   PRIu64 ",\"output\":%" PRIu64 ",\"cache_read\":%" PRIu64
                   ",\"cache_write_5m\":%" PRIu64 ",\"cache_write_1h\":%"
                   PRIu64 "}}", entry->attempts, entry->input, entry->output,
                   entry->cache_read, entry->cache_write_5m,
                   entry->cache_write_1h);
}


ngx_int_t
ngx_http_llm_json_usage(ngx_http_llm_status_t *status, llm_buf_t *buf)
{
    ngx_uint_t           i, n, index, shown;
    llm_series_entry_t  *entries;

    entries = ngx_palloc(status->pool,
                         NGX_HTTP_LLM_ENTRIES * sizeof(llm_series_entry_t));
    if (entries == NULL) {
        return NGX_ERROR;
    }

    index = 0;
    shown = 0;

    llm_buf_str(buf, llm_str(",\n\"usage\":["));

    while (index < NGX_HTTP_LLM_SERIES_MAX) {
        n = ngx_http_llm_entries(status->lmcf, entries, &index);

        for (i = 0; i < n; i++) {
            llm_buf_str(buf, shown++ ? llm_str(",\n") : llm_str("\n"));
            ngx_http_llm_json_entry(buf, &entries[i]);
        }
    }

    llm_buf_str(buf, llm_str("]"));

    return NGX_OK;
}
