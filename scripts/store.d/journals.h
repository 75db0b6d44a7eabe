/*
 * The journals that write for a store.
 */

#ifndef LLM_STORE_JOURNALS_H
#define LLM_STORE_JOURNALS_H

#include "tool.h"
#include "store/journal/journal.h"
#include "store/journal/journals.h"

#include <unistd.h>


#define JOURNALS_MAX  64


typedef struct {
    unsigned          n;
    char             *dirs[JOURNALS_MAX];
    llm_segment_t   **segments[JOURNALS_MAX];
    unsigned          nsegments[JOURNALS_MAX];
} journals_t;


static inline void
journals_dir(const char *dir, void *ctx)
{
    unsigned     i;
    journals_t  *journals = ctx;

    for (i = 0; i < journals->n; i++) {
        if (strcmp(journals->dirs[i], dir) == 0) {
            return;
        }
    }

    if (journals->n < JOURNALS_MAX && access(dir, F_OK) == 0) {
        journals->dirs[journals->n++] = strdup(dir);
    }
}


/* those that the store knows of, or the one that is named */
static inline void
journals_open(journals_t *journals, llm_store_t *store, const char *dir,
    const char *only)
{
    char      path[1024], error[LLM_JOURNAL_ERROR];
    unsigned  i;

    memset(journals, 0, sizeof(journals_t));

    if (only != NULL) {
        journals_dir(only, journals);

        if (journals->n == 0) {
            tool_die("there is no folder \"%s\"", only);
        }

    } else {
        snprintf(path, sizeof(path), "%s/journal", dir);
        journals_dir(path, journals);

        if (llm_journals_each(store, journals_dir, journals) != LLM_OK) {
            tool_die("%s", llm_store_error(store));
        }
    }

    for (i = 0; i < journals->n; i++) {
        error[0] = '\0';

        if (llm_segments_scan(journals->dirs[i], &journals->segments[i],
                              &journals->nsegments[i], error)
            != LLM_OK)
        {
            tool_die("%s", error);
        }

        if (error[0] != '\0') {
            fprintf(stderr, "store: %s\n", error);
        }
    }
}


/* does a process write it? */
static inline bool
journals_busy(llm_segment_t *segment)
{
    if (llm_segment_idle(segment)) {
        return false;
    }

    if (llm_segment_busy(segment)) {
        return true;
    }

    llm_segment_unlock(segment);

    return false;
}


static inline void
journals_close(journals_t *journals)
{
    unsigned  i;

    for (i = 0; i < journals->n; i++) {
        llm_segments_free(journals->segments[i], journals->nsegments[i]);
        free(journals->dirs[i]);
    }
}


#endif /* LLM_STORE_JOURNALS_H */
