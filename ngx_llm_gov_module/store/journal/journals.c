/*
 * The folders of journals, in `meta`: "journal" and the path.
 */

#include "journals.h"


#define LLM_JOURNALS_PREFIX  "journal "
#define LLM_JOURNALS_HEAD    (sizeof(LLM_JOURNALS_PREFIX) - 1)


static int llm_journals_step_note(llm_store_t *store, MDB_txn *txn, void *ctx);
static int llm_journals_step_forget(llm_store_t *store, MDB_txn *txn,
    void *ctx);
static size_t llm_journals_key(const char *dir,
    char key[LLM_JOURNALS_HEAD + LLM_JOURNALS_PATH]);


int
llm_journals_note(llm_store_t *store, const char *dir)
{
    if (strlen(dir) > LLM_JOURNALS_PATH) {
        return LLM_AGAIN;
    }

    return llm_store_write(store, llm_journals_step_note, (void *) dir);
}


int
llm_journals_forget(llm_store_t *store, const char *dir)
{
    return llm_store_write(store, llm_journals_step_forget, (void *) dir);
}


static int
llm_journals_step_note(llm_store_t *store, MDB_txn *txn, void *ctx)
{
    int      rc;
    char     text[LLM_JOURNALS_HEAD + LLM_JOURNALS_PATH];
    MDB_val  key, value;

    key = (MDB_val) { llm_journals_key(ctx, text), text };
    value = (MDB_val) { 0, "" };

    rc = mdb_put(txn, store->meta, &key, &value, MDB_NOOVERWRITE);

    return (rc == MDB_KEYEXIST) ? 0 : rc;
}


static int
llm_journals_step_forget(llm_store_t *store, MDB_txn *txn, void *ctx)
{
    int      rc;
    char     text[LLM_JOURNALS_HEAD + LLM_JOURNALS_PATH];
    MDB_val  key;

    key = (MDB_val) { llm_journals_key(ctx, text), text };

    rc = mdb_del(txn, store->meta, &key, NULL);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


static size_t
llm_journals_key(const char *dir,
    char key[LLM_JOURNALS_HEAD + LLM_JOURNALS_PATH])
{
    size_t  len;

    len = strlen(dir);

    memcpy(key, LLM_JOURNALS_PREFIX, LLM_JOURNALS_HEAD);
    memcpy(key + LLM_JOURNALS_HEAD, dir, len);

    return LLM_JOURNALS_HEAD + len;
}


int
llm_journals_each(llm_store_t *store,
    void (*handler)(const char *dir, void *ctx), void *ctx)
{
    int          rc;
    char         dir[LLM_JOURNALS_PATH + 1];
    size_t       len;
    MDB_txn     *txn;
    MDB_val      key, value;
    MDB_cursor  *cursor;

    rc = llm_store_read(store, &txn);

    if (rc != 0) {
        return llm_store_fail(store, "read", rc);
    }

    rc = mdb_cursor_open(txn, store->meta, &cursor);

    if (rc == 0) {
        key = (MDB_val) { LLM_JOURNALS_HEAD, LLM_JOURNALS_PREFIX };
        rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

        while (rc == 0
               && key.mv_size > LLM_JOURNALS_HEAD
               && key.mv_size <= LLM_JOURNALS_HEAD + LLM_JOURNALS_PATH
               && memcmp(key.mv_data, LLM_JOURNALS_PREFIX, LLM_JOURNALS_HEAD)
                  == 0)
        {
            len = key.mv_size - LLM_JOURNALS_HEAD;
            memcpy(dir, (char *) key.mv_data + LLM_JOURNALS_HEAD, len);
            dir[len] = '\0';

            handler(dir, ctx);

            rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        }

        mdb_cursor_close(cursor);
    }

    llm_store_read_end(store, txn);

    return (rc == 0 || rc == MDB_NOTFOUND) ? LLM_OK
                                           : llm_store_fail(store, "read", rc);
}
