/*
 * scripts/store info
 */

#include "journals.h"
#include "wire/utc.h"


typedef struct {
    uint64_t   used;
    uint64_t   file;
    size_t     blocks;
    size_t     recent;
    size_t     counters;
    size_t     rollups;
    size_t     names;
    size_t     content;
    size_t     holds;
    char       format[64];
} info_t;


static size_t
entries(MDB_txn *txn, MDB_dbi dbi)
{
    MDB_stat  stat;

    return (mdb_stat(txn, dbi, &stat) == 0) ? stat.ms_entries : 0;
}


static void
look(llm_store_t *store, info_t *info)
{
    int       rc;
    MDB_txn  *txn;
    MDB_val   key, value;

    rc = llm_store_read(store, &txn);

    if (rc != 0) {
        llm_store_fail(store, "read", rc);
        tool_die("%s", llm_store_error(store));
    }

    memset(info, 0, sizeof(info_t));
    llm_store_size(store, txn, &info->used, &info->file);

    info->blocks = entries(txn, store->blocks);
    info->recent = entries(txn, store->recent);
    info->counters = entries(txn, store->counters);
    info->rollups = entries(txn, store->rollups);
    info->names = entries(txn, store->names) / 2;
    info->content = entries(txn, store->content);
    info->holds = entries(txn, store->holds);

    key = (MDB_val) { sizeof("format") - 1, "format" };

    if (mdb_get(txn, store->meta, &key, &value) == 0) {
        snprintf(info->format, sizeof(info->format), "%.*s",
                 (int) value.mv_size, (char *) value.mv_data);
    }

    llm_store_read_end(store, txn);
}


static int
note_time(const llm_row_t *row, uint64_t seq, void *ctx)
{
    *(int64_t *) ctx = row->ended_ms;

    return LLM_OK;
}


static void
print_time(llm_store_t *store, const char *title, bool ascending)
{
    char                 text[LLM_UTC_TEXT], error[LLM_FILTER_ERROR];
    int64_t              ms;
    llm_query_t          query;
    llm_query_result_t   result;

    memset(&query, 0, sizeof(query));
    query.filter = llm_filter_create();
    query.ascending = ascending;
    query.limit = 1;
    ms = 0;

    if (query.filter != NULL
        && llm_query(store, &query, note_time, &ms, &result, error) == LLM_OK
        && result.rows == 1)
    {
        printf("%-10s%.*s\n", title, LLM_UTC_TEXT, llm_utc_text(ms, text).data);
    }

    if (query.filter != NULL) {
        llm_filter_free(query.filter);
    }
}


static void
print_journals(llm_store_t *store, const char *dir)
{
    unsigned         i, j, busy;
    uint64_t         left;
    journals_t       journals;
    llm_segment_t   *segment;

    journals_open(&journals, store, dir, NULL);

    for (i = 0; i < journals.n; i++) {
        busy = 0;
        left = 0;

        for (j = 0; j < journals.nsegments[i]; j++) {
            segment = journals.segments[i][j];
            busy += journals_busy(segment);
            left += llm_segment_head(segment) - llm_segment_tail(segment);
        }

        printf("journal   %s: %u segments, %u written to, %" PRIu64
               " bytes not folded yet\n", journals.dirs[i],
               journals.nsegments[i], busy, left);
    }

    journals_close(&journals);
}


int
main(int argc, char **argv)
{
    info_t        info;
    uint64_t      oldest, next;
    llm_store_t  *store;

    if (argc != 2) {
        tool_die("info needs the folder of llm_store, and nothing else");
    }

    store = tool_open(argv[1]);
    look(store, &info);

    if (llm_query_ends(store, &oldest, &next) != LLM_OK) {
        tool_die("the rows cannot be read");
    }

    printf("format    %s\n", info.format);
    printf("rows      %" PRIu64 " of %" PRIu64 ": %zu blocks, and %zu rows\n",
           next - oldest, next - 1, info.blocks, info.recent);
    print_time(store, "oldest", true);
    print_time(store, "newest", false);
    printf("content   %zu texts\n", info.content);
    printf("counters  %zu\n", info.counters);
    printf("rollups   %zu, of %zu names\n", info.rollups, info.names);
    printf("under way %zu\n", info.holds);
    printf("size      %" PRIu64 " bytes used of %" PRIu64 "\n", info.used,
           info.file);
    print_journals(store, argv[1]);

    return tool_end(store);
}
