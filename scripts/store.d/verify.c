/*
 * scripts/store verify
 */

#include "tool.h"
#include "store/upkeep/retention.h"


static void
print(const char *line, void *ctx)
{
    puts(line);
}


int
main(int argc, char **argv)
{
    uint64_t      checked, differences;
    llm_store_t  *store;

    if (argc != 2) {
        tool_die("verify needs the folder of llm_store, and nothing else");
    }

    store = tool_open(argv[1]);

    if (llm_store_verify(store, tool_now(), print, NULL, &checked,
                         &differences)
        != LLM_OK)
    {
        tool_die("%s", llm_store_error(store));
    }

    if (differences == 0) {
        printf("%" PRIu64 " checked (rows, counters, rollups): no "
               "differences\n", checked);
        return tool_end(store);
    }

    printf("%" PRIu64 " checked (rows, counters, rollups): %" PRIu64
           " differences\n", checked, differences);
    tool_end(store);

    return TOOL_DIFFERENCES;
}
