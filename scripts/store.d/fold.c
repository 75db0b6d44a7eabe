/*
 * scripts/store fold
 */

#include "journals.h"
#include "store/fold/fold.h"


/* nobody knows them but the store */
static unsigned
no_windows(llm_account_kind_t kind, llm_str_t name, llm_window_t *windows,
    unsigned max, void *ctx)
{
    return 0;
}


static void
fold_folder(llm_store_t *store, llm_segment_t **segments, unsigned n,
    llm_fold_result_t *sum)
{
    llm_fold_conf_t    conf;
    llm_fold_result_t  result;

    memset(&conf, 0, sizeof(conf));
    conf.windows = no_windows;

    do {
        conf.now_ms = tool_now();

        if (llm_fold(store, segments, n, &conf, &result) != LLM_OK) {
            tool_die("%s", llm_store_error(store));
        }

        sum->rows += result.rows;
        sum->recovered += result.recovered;
        sum->damaged += result.damaged;

    } while (result.more);
}


int
main(int argc, char **argv)
{
    int                 i;
    unsigned            j, k;
    journals_t          journals;
    const char         *journal, *option, *error;
    llm_store_t        *store;
    llm_fold_result_t   sum;

    if (argc < 2) {
        tool_die("fold needs the folder of llm_store");
    }

    journal = NULL;

    for (i = 2; i < argc; i++) {
        option = tool_option(argc, argv, &i, "--journal");

        if (option == NULL) {
            tool_die("unknown option \"%s\"", argv[i]);
        }

        journal = option;
    }

    llm_store_close(tool_open(argv[1]));

    store = llm_store_open(argv[1], &error);

    if (store == NULL) {
        tool_die("%s", error);
    }

    journals_open(&journals, store, argv[1], journal);

    for (j = 0; j < journals.n; j++) {
        for (k = 0; k < journals.nsegments[j]; k++) {
            if (journals_busy(journals.segments[j][k])) {
                tool_die("nginx is running on this store: a process writes a "
                         "segment of \"%s\"; stop nginx first, or leave it to "
                         "nginx, which folds by itself", journals.dirs[j]);
            }
        }
    }

    memset(&sum, 0, sizeof(sum));

    for (j = 0; j < journals.n; j++) {
        fold_folder(store, journals.segments[j], journals.nsegments[j], &sum);
    }

    printf("%" PRIu64 " rows were taken over from %u journals, %" PRIu64
           " of them as estimated\n", sum.rows, journals.n, sum.recovered);

    if (sum.damaged > 0) {
        printf("%" PRIu64 " bytes of the journal are damaged and were left "
               "out\n", sum.damaged);
    }

    journals_close(&journals);

    return tool_end(store);
}
