/*
 * How rollups lie in LMDB, and how they are gathered; for the files of rollups,
 * reports and verify.
 *
 * Key: level (1), facet (1), start (4, minutes since 1970), number of the
 * facet's value (6), number of the plain dimensions' tuple (6), big endian.
 * Value: llm_sums_encode().
 *
 * The value of the facet `tag` is the set of a request's tags, so that a
 * request with several of them can be counted once.  A request without a
 * session has no rollup of the facet `session`, and so on: what is left of the
 * plain rollups is theirs.
 */

#ifndef LLM_ROLLUP_PARTS_H
#define LLM_ROLLUP_PARTS_H

#include "names.h"
#include "rollup.h"
#include "sums.h"


#define LLM_MINUTE_MS      ((int64_t) 60 * 1000)

#define LLM_ROLLUP_KEY     (2 + 4 + 2 * LLM_NAME_SIZE)

/* a value is at most this long */
#define LLM_ROLLUP_VALUE   (64 * 1024)


typedef enum {
    LLM_LEVEL_MINUTE = 0,
    LLM_LEVEL_HOUR,
    LLM_LEVEL_DAY,
    LLM_LEVELS
} llm_level_t;

/* minutes */
extern const uint32_t  llm_level_size[LLM_LEVELS];


typedef enum {
    LLM_FACET_NONE = 0,
    LLM_FACET_END_USER,
    LLM_FACET_SESSION,
    LLM_FACET_TAG,
    LLM_FACETS
} llm_facet_t;


/* in the order of a tuple */
typedef enum {
    LLM_DIMENSION_CUSTOMER = 0,
    LLM_DIMENSION_TEAM,
    LLM_DIMENSION_VIRTUAL_KEY,
    LLM_DIMENSION_PROVIDER,
    LLM_DIMENSION_REGION,
    LLM_DIMENSION_MODEL,
    LLM_DIMENSION_DIALECT,
    LLM_DIMENSIONS
} llm_dimension_t;


typedef struct {
    uint8_t      level;
    uint8_t      facet;
    uint32_t     start;             /* minutes */
    uint64_t     value;
    uint64_t     tuple;
} llm_rollup_key_t;

void llm_rollup_key_write(unsigned char p[LLM_ROLLUP_KEY],
    const llm_rollup_key_t *key);

/* LLM_ERROR: not one */
int llm_rollup_key_read(llm_rollup_key_t *key, llm_str_t data);


/* a string, a tuple or a set within a batch; `local` numbers, 0 the empty one,
 * stand in what is made of strings */
typedef struct {
    uint64_t     hash;
    size_t       offset;            /* of its bytes */
    uint32_t     len;
    char         space;
    uint64_t     number;            /* in the store */
} llm_rollup_name_t;


typedef struct {
    uint64_t            hash;
    llm_rollup_key_t    key;        /* value and tuple: local */
    llm_sums_t          sums;
} llm_rollup_entry_t;


typedef struct {
    uint32_t           *slots;      /* index + 1; 0: free */
    uint32_t            size;       /* a power of two */
} llm_rollup_table_t;


struct llm_rollup_s {
    llm_buf_t           bytes;      /* of names */
    llm_rollup_name_t  *names;
    uint32_t            nnames;
    uint32_t            names_size;
    llm_rollup_table_t  by_name;

    llm_rollup_entry_t *entries;    /* those beyond nentries keep memory */
    uint32_t            nentries;
    uint32_t            entries_size;
    llm_rollup_table_t  by_key;
    uint32_t            newest;     /* start */
    bool                stored;     /* keys have the store's numbers */
};


/* the batch's number of something; *number: 0 is the empty one.  LLM_ERROR: no
 * memory */
int llm_rollup_intern(llm_rollup_t *rollup, char space, llm_str_t bytes,
    uint32_t *number);

/* the sums of a key (value and tuple: the batch's numbers); NULL: no memory */
llm_sums_t *llm_rollup_entry(llm_rollup_t *rollup,
    const llm_rollup_key_t *key);

/* looks up the numbers of a batch's names in the store; what has none gets one
 * that nothing has.  LMDB's error */
int llm_rollup_find(llm_rollup_t *rollup, llm_store_t *store, MDB_txn *txn);

/* an entry's key in the store, when its names have numbers */
void llm_rollup_entry_key(const llm_rollup_t *rollup,
    const llm_rollup_entry_t *entry, unsigned char p[LLM_ROLLUP_KEY]);

/* is there anything that llm_rollup_retire() would delete? */
int llm_rollup_old(llm_store_t *store, MDB_txn *txn, int64_t minutes_ms,
    int64_t hours_ms, bool *found);

/* the oldest time from which rollups of a level are there, in ms; 0: all */
int llm_rollup_since(llm_store_t *store, MDB_txn *txn, llm_level_t level,
    int64_t *since_ms);


#endif /* LLM_ROLLUP_PARTS_H */
