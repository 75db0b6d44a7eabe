/*
 * scripts/store spend
 */

#include "tool.h"
#include "store/queries/report.h"


#define SPEND_BUF  (256 * 1024 * 1024)


static void
add_param(llm_report_t *report, llm_str_t name, llm_str_t value)
{
    int        rc;
    char       error[LLM_FILTER_ERROR];
    llm_str_t  names;

    rc = llm_report_param(report, name, value, tool_now(), error);

    if (rc == LLM_AGAIN) {
        names = llm_report_names();
        tool_die("there is no parameter \"%.*s\"; there are %.*s",
                 (int) name.len, name.data, (int) names.len, names.data);
    }

    if (rc != LLM_OK) {
        tool_die("%s", error);
    }
}


int
main(int argc, char **argv)
{
    int            i;
    bool           stats;
    char           error[LLM_FILTER_ERROR];
    llm_buf_t      out;
    llm_str_t      name, value;
    const char    *option;
    llm_store_t   *store;
    llm_report_t  *report;

    if (argc < 2) {
        tool_die("spend needs the folder of llm_store");
    }

    stats = false;

    for (i = 2; i < argc; i++) {
        stats |= strcmp(argv[i], "--stats") == 0;
    }

    report = llm_report_create(stats);

    if (report == NULL) {
        tool_die("no memory");
    }

    add_param(report, llm_str("format"), llm_str("csv"));

    for (i = 2; i < argc; i++) {

        if (tool_param(argv[i], &name, &value)) {
            add_param(report, name, value);

        } else if ((option = tool_option(argc, argv, &i, "--format"))
                   != NULL)
        {
            add_param(report, llm_str("format"), tool_str(option));

        } else if (strcmp(argv[i], "--stats") != 0) {
            tool_die("\"%s\" is no parameter like group_by=team, and no "
                     "option", argv[i]);
        }
    }

    store = tool_open(argv[1]);
    llm_buf_init(&out, SPEND_BUF);

    if (llm_report_run(report, store, tool_now(), &out, error) != LLM_OK) {
        tool_die("%s", error);
    }

    if (llm_report_truncated(report)) {
        fprintf(stderr, "store: there are more rows than these: ask for a "
                "shorter time, a higher limit or fewer groups\n");
    }

    tool_write(&out);

    llm_buf_free(&out);
    llm_report_free(report);

    return tool_end(store);
}
