/*
 * The folders of journals that wrote for this store: when the setting changes,
 * what the old folder still holds is not forgotten.
 */

#ifndef LLM_JOURNALS_H
#define LLM_JOURNALS_H

#include "../store.h"


#define LLM_JOURNALS_PATH  480


/* notes a folder; a path that is too long is not: LLM_AGAIN.  LLM_ERROR: the
 * store's error says why. */
int llm_journals_note(llm_store_t *store, const char *dir);
int llm_journals_forget(llm_store_t *store, const char *dir);

/* calls `handler` for each; `dir` lives until it returns.  LLM_ERROR as above.
 */
int llm_journals_each(llm_store_t *store,
    void (*handler)(const char *dir, void *ctx), void *ctx);


#endif /* LLM_JOURNALS_H */
