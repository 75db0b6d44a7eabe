/*
 * A compacted copy of the store.
 */

#include "retention.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>


int
llm_store_copy(llm_store_t *store, const char *to)
{
    int   rc;
    char  path[1024];

    if (mkdir(to, 0700) == -1) {
        rc = errno;
        snprintf(store->error, sizeof(store->error),
                 (rc == EEXIST)
                 ? "\"%.200s\" is there already: name a folder that is not"
                 : "could not make the folder \"%.200s\": %s", to,
                 mdb_strerror(rc));
        return LLM_ERROR;
    }

    rc = mdb_env_copy2(store->env, to, MDB_CP_COMPACT);

    if (rc == 0) {
        return LLM_OK;
    }

    snprintf(path, sizeof(path), "%s/data.mdb", to);
    unlink(path);
    rmdir(to);

    return llm_store_fail(store, "copy", rc);
}
