/*
 * Strings, tuples and sets as numbers.
 */

#include "names.h"
#include "../../wire/be.h"
#include "../../wire/le.h"

#include <ctype.h>
#include <errno.h>


#define LLM_NAME_DAY    4


static const char  llm_name_spaces[] = {
    LLM_NAME_STRING, LLM_NAME_TUPLE, LLM_NAME_SET
};


static unsigned llm_name_space(char space);
static int llm_names_next(llm_names_t *names, char space, uint64_t *number);
static int llm_names_touch(llm_names_t *names, char space, uint64_t number);
static int llm_names_write(llm_names_t *names, char space, llm_str_t bytes,
    uint64_t number);
static size_t llm_name_back(unsigned char key[1 + LLM_NAME_SIZE], char space,
    uint64_t number);
static int llm_names_retire_space(llm_store_t *store, MDB_txn *txn, char space,
    uint32_t day, unsigned *left, uint64_t *position);
static int llm_names_delete(llm_store_t *store, MDB_txn *txn,
    MDB_cursor *cursor, char space, const MDB_val *value);


int
llm_names_put(llm_names_t *names, char space, llm_str_t bytes,
    uint64_t *number)
{
    int            rc;
    MDB_val        key, value;
    unsigned char  name[1 + LLM_NAME_BYTES];

    if (bytes.len == 0) {
        *number = 0;
        return 0;
    }

    if (bytes.len > LLM_NAME_BYTES) {
        bytes.len = LLM_NAME_BYTES;
    }

    name[0] = (unsigned char) space;
    memcpy(name + 1, bytes.data, bytes.len);
    key = (MDB_val) { 1 + bytes.len, name };

    rc = mdb_get(names->txn, names->store->names, &key, &value);

    if (rc == 0) {
        if (value.mv_size != LLM_NAME_SIZE) {
            return MDB_CORRUPTED;
        }

        *number = llm_be_get(value.mv_data, LLM_NAME_SIZE);

        return names->readonly ? 0 : llm_names_touch(names, space, *number);
    }

    if (rc != MDB_NOTFOUND) {
        return rc;
    }

    if (names->readonly) {
        *number = LLM_NAME_NONE;
        return 0;
    }

    rc = llm_names_next(names, space, number);

    return (rc == 0) ? llm_names_write(names, space, bytes, *number) : rc;
}


/* both directions */
static int
llm_names_write(llm_names_t *names, char space, llm_str_t bytes,
    uint64_t number)
{
    int            rc;
    MDB_val        key, value;
    unsigned char  name[1 + LLM_NAME_BYTES], back[1 + LLM_NAME_SIZE],
                   text[LLM_NAME_DAY + LLM_NAME_BYTES];

    name[0] = (unsigned char) space;
    memcpy(name + 1, bytes.data, bytes.len);

    key = (MDB_val) { llm_name_back(back, space, number), back };
    value = (MDB_val) { LLM_NAME_SIZE, back + 1 };

    rc = mdb_put(names->txn, names->store->names,
                 &(MDB_val) { 1 + bytes.len, name }, &value, 0);

    if (rc != 0) {
        return rc;
    }

    llm_le_put32(text, names->day);
    memcpy(text + LLM_NAME_DAY, bytes.data, bytes.len);
    value = (MDB_val) { LLM_NAME_DAY + bytes.len, text };

    return mdb_put(names->txn, names->store->names, &key, &value, 0);
}


/* the highest number there is and one */
static int
llm_names_next(llm_names_t *names, char space, uint64_t *number)
{
    int             rc;
    MDB_val         key, value;
    unsigned        i;
    MDB_cursor     *cursor;
    unsigned char   back[1 + LLM_NAME_SIZE];

    i = llm_name_space(space);

    if (names->next[i] != 0) {
        *number = names->next[i]++;
        return (*number < LLM_NAME_NONE) ? 0 : ENOSPC;
    }

    rc = mdb_cursor_open(names->txn, names->store->names, &cursor);

    if (rc != 0) {
        return rc;
    }

    *number = 1;

    key = (MDB_val) { llm_name_back(back, space, LLM_NAME_NONE), back };

    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    rc = mdb_cursor_get(cursor, &key, &value,
                        (rc == MDB_NOTFOUND) ? MDB_LAST : MDB_PREV);

    if (rc == 0 && key.mv_size == sizeof(back)
        && *(unsigned char *) key.mv_data == back[0])
    {
        *number = llm_be_get((char *) key.mv_data + 1, LLM_NAME_SIZE) + 1;
    }

    mdb_cursor_close(cursor);

    names->next[i] = *number + 1;

    return (rc == 0 || rc == MDB_NOTFOUND) ? 0 : rc;
}


/* notes the day of a use, once a day */
static int
llm_names_touch(llm_names_t *names, char space, uint64_t number)
{
    int            rc;
    MDB_val        key, value;
    unsigned char  back[1 + LLM_NAME_SIZE],
                   text[LLM_NAME_DAY + LLM_NAME_BYTES];

    key = (MDB_val) { llm_name_back(back, space, number), back };

    rc = mdb_get(names->txn, names->store->names, &key, &value);

    if (rc != 0) {
        return (rc == MDB_NOTFOUND) ? MDB_CORRUPTED : rc;
    }

    if (value.mv_size <= LLM_NAME_DAY || value.mv_size > sizeof(text)) {
        return MDB_CORRUPTED;
    }

    if (llm_le_get32(value.mv_data) >= names->day) {
        return 0;
    }

    memcpy(text, value.mv_data, value.mv_size);
    llm_le_put32(text, names->day);
    value.mv_data = text;

    return mdb_put(names->txn, names->store->names, &key, &value, 0);
}


int
llm_names_get(llm_store_t *store, MDB_txn *txn, char space, uint64_t number,
    llm_str_t *bytes)
{
    int            rc;
    MDB_val        key, value;
    unsigned char  back[1 + LLM_NAME_SIZE];

    *bytes = llm_str("");

    if (number == 0) {
        return 0;
    }

    key = (MDB_val) { llm_name_back(back, space, number), back };

    rc = mdb_get(txn, store->names, &key, &value);

    if (rc != 0) {
        return rc;
    }

    if (value.mv_size <= LLM_NAME_DAY
        || value.mv_size > LLM_NAME_DAY + LLM_NAME_BYTES)
    {
        return MDB_CORRUPTED;
    }

    bytes->data = (char *) value.mv_data + LLM_NAME_DAY;
    bytes->len = value.mv_size - LLM_NAME_DAY;

    return 0;
}


int
llm_names_retire(llm_store_t *store, MDB_txn *txn, uint32_t day, unsigned max,
    uint64_t position[3], bool *more)
{
    int       rc;
    unsigned  i;

    *more = false;

    for (i = 0; i < sizeof(llm_name_spaces); i++) {

        rc = llm_names_retire_space(store, txn, llm_name_spaces[i], day, &max,
                                    &position[i]);

        if (rc != 0) {
            return rc;
        }
    }

    *more = (max == 0);

    if (!*more) {
        memset(position, 0, 3 * sizeof(uint64_t));
    }

    return 0;
}


/* looks at as many as are left, whether they go or not */
static int
llm_names_retire_space(llm_store_t *store, MDB_txn *txn, char space,
    uint32_t day, unsigned *left, uint64_t *position)
{
    int             rc;
    MDB_val         key, value;
    MDB_cursor     *cursor;
    unsigned char   back[1 + LLM_NAME_SIZE];

    if (*position == LLM_NAME_NONE || *left == 0) {
        return 0;
    }

    rc = mdb_cursor_open(txn, store->names, &cursor);

    if (rc != 0) {
        return rc;
    }

    key = (MDB_val) { llm_name_back(back, space, *position + 1), back };
    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

    while (rc == 0 && *left > 0) {

        if (key.mv_size != sizeof(back)
            || *(unsigned char *) key.mv_data != back[0])
        {
            rc = MDB_NOTFOUND;
            break;
        }

        (*left)--;
        *position = llm_be_get((char *) key.mv_data + 1, LLM_NAME_SIZE);

        if (value.mv_size > LLM_NAME_DAY
            && llm_le_get32(value.mv_data) < day)
        {
            rc = llm_names_delete(store, txn, cursor, space, &value);

            if (rc != 0) {
                break;
            }

            key = (MDB_val) { llm_name_back(back, space, *position + 1), back };
            rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
            continue;
        }

        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }

    mdb_cursor_close(cursor);

    if (rc == MDB_NOTFOUND) {
        *position = LLM_NAME_NONE;
        rc = 0;
    }

    return rc;
}


/* the way back to it, under the cursor, and the way to it */
static int
llm_names_delete(llm_store_t *store, MDB_txn *txn, MDB_cursor *cursor,
    char space, const MDB_val *value)
{
    int            rc;
    size_t         len;
    unsigned char  name[1 + LLM_NAME_BYTES];

    len = value->mv_size - LLM_NAME_DAY;

    if (len > LLM_NAME_BYTES) {
        return MDB_CORRUPTED;
    }

    name[0] = (unsigned char) space;
    memcpy(name + 1, (char *) value->mv_data + LLM_NAME_DAY, len);

    rc = mdb_cursor_del(cursor, 0);

    if (rc == 0) {
        rc = mdb_del(txn, store->names, &(MDB_val) { 1 + len, name }, NULL);
    }

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


static unsigned
llm_name_space(char space)
{
    return (space == LLM_NAME_STRING) ? 0 : (space == LLM_NAME_TUPLE) ? 1 : 2;
}


static size_t
llm_name_back(unsigned char key[1 + LLM_NAME_SIZE], char space,
    uint64_t number)
{
    key[0] = (unsigned char) toupper(space);
    llm_be_put(key + 1, LLM_NAME_SIZE, number);

    return 1 + LLM_NAME_SIZE;
}
