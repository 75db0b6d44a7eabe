/*
 * Strings as numbers, for the keys of rollups; and tuples and sets of such
 * numbers as numbers in turn.  Each has the last day on which it was used, so
 * that those that nothing refers to any more can go.
 *
 * In `names`: space in small letters, bytes -> number (6); space in capital
 * letters, number -> day (4), bytes.  Numbers are big endian and never 0: 0 is
 * the empty string (set).
 */

#ifndef LLM_NAMES_H
#define LLM_NAMES_H

#include "../store.h"


#define LLM_NAME_STRING    's'
#define LLM_NAME_TUPLE     't'          /* of strings, LLM_DIMENSIONS of them */
#define LLM_NAME_SET       'g'          /* of strings, ascending */

#define LLM_NAME_SIZE      6            /* a number */
#define LLM_NAME_BYTES     256          /* of what is named, at most */


/* what nothing has */
#define LLM_NAME_NONE      (((uint64_t) 1 << (8 * LLM_NAME_SIZE)) - 1)


/* one transaction's view: numbers that are next */
typedef struct {
    llm_store_t   *store;
    MDB_txn       *txn;
    bool           readonly;            /* LLM_NAME_NONE for what has none */
    uint32_t       day;                 /* of the newest use, since 1970 */
    uint64_t       next[3];             /* 0: not looked up yet */
} llm_names_t;


/* the number of something, which gets one if it has none; LMDB's error */
int llm_names_put(llm_names_t *names, char space, llm_str_t bytes,
    uint64_t *number);

/* what has a number; MDB_NOTFOUND; valid until the transaction writes */
int llm_names_get(llm_store_t *store, MDB_txn *txn, char space,
    uint64_t number, llm_str_t *bytes);

/* deletes what was last used before `day`, at most `max` of it; *more: call
 * again.  `position` is where the search goes on, to begin with 0. */
int llm_names_retire(llm_store_t *store, MDB_txn *txn, uint32_t day,
    unsigned max, uint64_t position[3], bool *more);


#endif /* LLM_NAMES_H */
