/*
 * scripts/store export
 */

#include "tool.h"


#define EXPORT_BUF  (16 * 1024 * 1024)


typedef struct {
    llm_format_t   format;
    bool           attempts;
    llm_buf_t      buf;
} export_t;


static int
export_row(const llm_row_t *row, uint64_t seq, void *ctx)
{
    export_t  *export = ctx;

    if (export->format == LLM_FORMAT_CSV) {

        if (export->attempts) {
            llm_attempt_csv(&export->buf, row, seq);

        } else {
            llm_row_csv(&export->buf, row, seq);
        }

        return LLM_OK;
    }

    if (export->attempts) {

        if (row->nattempts > 0) {
            llm_attempt_ndjson(&export->buf, row, seq);
            llm_buf_str(&export->buf, llm_str("\n"));
        }

        return LLM_OK;
    }

    llm_row_json(&export->buf, row, seq);
    llm_buf_str(&export->buf, llm_str("\n"));

    return LLM_OK;
}


static void
add_param(llm_query_t *query, llm_str_t name, llm_str_t value)
{
    int        rc;
    char       error[LLM_FILTER_ERROR];
    llm_str_t  names;

    rc = llm_filter_add(query->filter, name, value, tool_now(), error);

    if (rc == LLM_AGAIN && (llm_str_eq(name, llm_str("sort"))
                            || llm_str_eq(name, llm_str("order"))))
    {
        rc = llm_query_param(query, name, value, error);
    }

    if (rc == LLM_AGAIN) {
        names = llm_filter_names();
        tool_die("there is no filter \"%.*s\"; there are sort, order, %.*s",
                 (int) name.len, name.data, (int) names.len, names.data);
    }

    if (rc != LLM_OK) {
        tool_die("%s", error);
    }
}


static void
set_format(export_t *export, const char *format)
{
    if (strcmp(format, "csv") == 0) {
        export->format = LLM_FORMAT_CSV;

    } else if (strcmp(format, "ndjson") == 0) {
        export->format = LLM_FORMAT_NDJSON;

    } else {
        tool_die("--format is ndjson or csv");
    }
}


static void
set_rows(export_t *export, const char *rows)
{
    if (strcmp(rows, "requests") != 0 && strcmp(rows, "attempts") != 0) {
        tool_die("--rows is requests or attempts");
    }

    export->attempts = strcmp(rows, "attempts") == 0;
}


/* page by page, so that it takes no more memory than one */
static void
export_pages(llm_store_t *store, llm_query_t *query, export_t *export)
{
    char                 error[LLM_FILTER_ERROR];
    llm_query_result_t   result;

    do {
        if (llm_query(store, query, export_row, export, &result, error)
            != LLM_OK)
        {
            tool_die("%s", error);
        }

        tool_write(&export->buf);
        export->buf.len = 0;

        memcpy(query->cursor, result.next, sizeof(query->cursor));

    } while (result.next[0] != '\0');
}


int
main(int argc, char **argv)
{
    int           i;
    export_t      export;
    llm_str_t     name, value;
    llm_query_t   query;
    const char   *option;
    llm_store_t  *store;

    if (argc < 2) {
        tool_die("export needs the folder of llm_store");
    }

    memset(&export, 0, sizeof(export));
    export.format = LLM_FORMAT_NDJSON;
    llm_buf_init(&export.buf, EXPORT_BUF);

    memset(&query, 0, sizeof(query));
    query.filter = llm_filter_create();
    query.ascending = true;
    query.limit = LLM_QUERY_LIMIT_MAX;

    if (query.filter == NULL) {
        tool_die("no memory");
    }

    for (i = 2; i < argc; i++) {

        if (tool_param(argv[i], &name, &value)) {
            add_param(&query, name, value);

        } else if ((option = tool_option(argc, argv, &i, "--format"))
                   != NULL)
        {
            set_format(&export, option);

        } else if ((option = tool_option(argc, argv, &i, "--rows")) != NULL) {
            set_rows(&export, option);

        } else {
            tool_die("\"%s\" is no filter like team=ml, and no option",
                     argv[i]);
        }
    }

    store = tool_open(argv[1]);

    if (export.format == LLM_FORMAT_CSV) {

        if (export.attempts) {
            llm_attempt_csv_head(&export.buf);

        } else {
            llm_row_csv_head(&export.buf);
        }
    }

    export_pages(store, &query, &export);

    llm_buf_free(&export.buf);
    llm_filter_free(query.filter);

    return tool_end(store);
}
