/*
 * How a segment lies in its file, and what its writer and its reader share.
 */

#ifndef LLM_JOURNAL_PRIVATE_H
#define LLM_JOURNAL_PRIVATE_H

#include "journal.h"

#include <dirent.h>
#include <sys/stat.h>


#define LLM_JOURNAL_MAGIC    0x316c6e726a6d6c6cULL      /* "llmjrnl1" */
#define LLM_JOURNAL_RING     4096       /* the ring's size is a multiple */
#define LLM_JOURNAL_NAME     16
#define LLM_JOURNAL_INDEXES  10000
#define LLM_JOURNAL_NEW      ".new"     /* ends the name of one that is made */


typedef enum {
    LLM_JOURNAL_FREE = 1,
    LLM_JOURNAL_USED,               /* claimed; its owner may be gone */
    LLM_JOURNAL_REMOVED             /* for those that have it open still */
} llm_journal_state_t;


/* the first LLM_JOURNAL_HEADER bytes; the numbers are the machine's own, as no
 * other machine reads them */
typedef struct {
    uint64_t   magic;
    uint64_t   id;
    uint64_t   size;                /* of the ring */
    uint32_t   crc;                 /* of what is above */
    uint32_t   state;               /* llm_journal_state_t */
    uint64_t   epoch;
    uint32_t   retired;             /* of another size than is wanted now */
    uint64_t   ended;               /* the head of the life that was recycled
                                       last */

    /* apart, as two processes write them */
    uint64_t   head __attribute__((aligned(64)));
    uint64_t   tail __attribute__((aligned(64)));
} llm_journal_header_t;


/* before each payload; crc: of all behind it, but a pad's without its bytes */
typedef struct {
    uint32_t   crc;
    uint32_t   kind;                /* LLM_JOURNAL_KIND | llm_journal_kind_t */
    uint32_t   len;                 /* of the payload */
    uint32_t   zero;
    uint64_t   position;
    uint64_t   id;                  /* the segment's */
} llm_journal_prefix_t;

#define LLM_JOURNAL_KIND  0x4c4a5200

_Static_assert(sizeof(llm_journal_prefix_t) == LLM_JOURNAL_RECORD, "prefix");


typedef struct {
    int                    fd;      /* holds the lock */
    ino_t                  inode;
    size_t                 len;
    llm_journal_header_t  *header;  /* the whole file is mapped */
} llm_journal_file_t;


struct llm_journal_s {
    llm_journal_file_t     file;
    unsigned               index;
    unsigned char         *ring;
    uint64_t               size;
    uint64_t               head;
    uint64_t               offset;          /* head % size */
    uint64_t               reserved;        /* bytes of records */
    uint64_t               reserved_max;    /* the largest of them */
};


struct llm_segment_s {
    llm_journal_file_t     file;
    uint64_t               id;
    uint64_t               size;    /* of the ring */
    unsigned               index;
    bool                   locked;
    bool                   seen;
    bool                   cut;     /* shorter than it is mapped: no page of it
                                       may be touched */
    char                   path[];
};


typedef struct {
    int           fd;
    DIR          *dir;
    struct stat   stat;
} llm_journal_dir_t;


/* journal_dir.c; LLM_ERROR: *error says why */
int llm_journal_dir_open(llm_journal_dir_t *dir, const char *path,
    char error[LLM_JOURNAL_ERROR]);
void llm_journal_dir_close(llm_journal_dir_t *dir);

/* the index of the next file that is named like a segment; -1: no more */
int llm_journal_dir_next(llm_journal_dir_t *dir, ino_t *inode);

/* nothing but segments, or what becomes of one: before the first _next() */
bool llm_journal_dir_ours(llm_journal_dir_t *dir);

void llm_journal_name(char name[LLM_JOURNAL_NAME], unsigned index);

/* "could not ACTION "PATH": REASON; ADVICE"; LLM_ERROR */
int llm_journal_fail(char error[LLM_JOURNAL_ERROR], const char *path,
    const char *action, int err);


/* journal_file.c: opens, checks and maps; LLM_ERROR: *reason, a constant */
int llm_journal_file_open(llm_journal_file_t *file,
    const llm_journal_dir_t *dir, unsigned index, const char **reason);
void llm_journal_file_close(llm_journal_file_t *file);

/* true: this process has the lock now */
bool llm_journal_file_lock(const llm_journal_file_t *file);
void llm_journal_file_unlock(const llm_journal_file_t *file);

/* NULL: a header of a file of `len` bytes; else what is wrong with it */
const char *llm_journal_header_check(const llm_journal_header_t *header,
    size_t len);
void llm_journal_header_init(llm_journal_header_t *header, uint64_t id,
    size_t size);

/* all bytes of a file have their place on the disk; errno's values, 0 */
int llm_journal_allocate(int fd, size_t len);


/* journal.c: a writer begins at the head */
void llm_journal_begin(llm_journal_t *journal);

/* journal_segment.c: a reader remembers what of the header never changes */
void llm_segment_begin(llm_segment_t *segment);


static inline uint64_t
llm_journal_load(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}


static inline void
llm_journal_store(uint64_t *p, uint64_t value)
{
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
}


static inline llm_journal_state_t
llm_journal_state(const llm_journal_header_t *header)
{
    return (llm_journal_state_t) __atomic_load_n(&header->state,
                                                 __ATOMIC_ACQUIRE);
}


static inline void
llm_journal_set_state(llm_journal_header_t *header, llm_journal_state_t state)
{
    __atomic_store_n(&header->state, state, __ATOMIC_RELEASE);
}


/* the bytes of a record in the ring */
static inline uint64_t
llm_journal_need(uint64_t payload)
{
    return (LLM_JOURNAL_RECORD + payload + LLM_JOURNAL_ALIGN - 1)
           & ~(uint64_t) (LLM_JOURNAL_ALIGN - 1);
}


#endif /* LLM_JOURNAL_PRIVATE_H */
