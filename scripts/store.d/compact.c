/*
 * scripts/store compact
 */

#include "tool.h"
#include "store/upkeep/retention.h"

#include <sys/stat.h>


static uint64_t
file_size(llm_store_t *store)
{
    MDB_txn   *txn;
    uint64_t   used, file;

    if (llm_store_read(store, &txn) != 0) {
        tool_die("the store cannot be read");
    }

    if (llm_store_size(store, txn, &used, &file) != 0) {
        file = 0;
    }

    llm_store_read_end(store, txn);

    return file;
}


int
main(int argc, char **argv)
{
    uint64_t      before, after;
    llm_store_t  *store, *copy;

    if (argc != 3) {
        tool_die("compact needs the folder of llm_store, and a folder for the "
                 "copy, which is made");
    }

    store = tool_open(argv[1]);

    /* LMDB would let everybody read it */

    (void) umask(077);

    if (llm_store_copy(store, argv[2]) != LLM_OK) {
        tool_die("%s", llm_store_error(store));
    }

    before = file_size(store);

    copy = tool_open(argv[2]);
    after = file_size(copy);
    llm_store_close(copy);

    printf("%s: %" PRIu64 " bytes, %s: %" PRIu64 " bytes\n", argv[1], before,
           argv[2], after);

    return tool_end(store);
}
