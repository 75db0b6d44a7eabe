/*
 * Any bytes as a cursor and as the other parameters of a page.  What is taken
 * for a cursor is written again as it was.
 */

#include "store/queries/query_private.h"

#include <stdlib.h>


static void
take(llm_query_t *query, llm_str_t name, llm_str_t value)
{
    int   rc;
    char  error[LLM_FILTER_ERROR] = "";

    rc = llm_query_param(query, name, value, error);

    if (rc == LLM_AGAIN
        || (rc == LLM_ERROR) != (error[0] != '\0')
        || strnlen(error, sizeof(error)) == sizeof(error)
        || query->limit > LLM_QUERY_LIMIT_MAX
        || query->sort > LLM_SORT_FIRST_TOKEN)
    {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int           ascending;
    char          again[LLM_CURSOR_SIZE];
    unsigned      sort, taken;
    llm_str_t     text;
    llm_query_t   query;
    llm_cursor_t  cursor;

    memset(&query, 0, sizeof(query));
    text = (llm_str_t) { (const char *) data, size };

    take(&query, llm_str("limit"), text);
    take(&query, llm_str("sort"), text);
    take(&query, llm_str("order"), text);
    take(&query, llm_str("cursor"), text);

    if (query.cursor[0] == '\0') {
        return 0;
    }

    taken = 0;

    for (sort = 0; sort <= LLM_SORT_FIRST_TOKEN; sort++) {
        for (ascending = 0; ascending < 2; ascending++) {
            if (llm_cursor_parse(query.cursor, sort, ascending, &cursor)
                == LLM_OK)
            {
                taken++;
                llm_cursor_text(&cursor, sort, ascending, again);

                if (strcmp(again, query.cursor) != 0) {
                    abort();
                }
            }
        }
    }

    if (taken > 1) {
        abort();
    }

    return 0;
}
