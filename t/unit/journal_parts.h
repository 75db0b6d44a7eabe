/*
 * What the journal's tests share: a folder, records that can be told from
 * garbage, a reader that checks them.
 */

#ifndef LLM_JOURNAL_PARTS_H
#define LLM_JOURNAL_PARTS_H

#include "store/journal/journal_private.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>


#define SIZE   ((size_t) LLM_JOURNAL_SIZE_MIN)
#define NOBODY ((uid_t) -1)


static char      base[64];
static char      error[LLM_JOURNAL_ERROR];
static uint64_t  seed = 88172645463325252ULL;


static inline uint64_t
any(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed % below;
}


static inline void
remove_folder(const char *dir)
{
    DIR            *d;
    char            path[512];
    struct dirent  *entry;

    d = opendir(dir);

    while (d != NULL && (entry = readdir(d)) != NULL) {
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        unlink(path);
    }

    if (d != NULL) {
        closedir(d);
    }

    rmdir(dir);
}


static inline const char *
fresh(void)
{
    static char      dir[128];
    static unsigned  n;

    snprintf(dir, sizeof(dir), "%s/%u", base, n++);

    return dir;
}


static inline void
make_base(void)
{
    const char  *tmp;

    tmp = getenv("TMPDIR");
    snprintf(base, sizeof(base), "%.40s/journal.XXXXXX", tmp ? tmp : "/tmp");

    if (mkdtemp(base) == NULL) {
        perror("mkdtemp");
        exit(1);
    }
}


static inline void
remove_base(void)
{
    unsigned  i;
    char      dir[128];

    for (i = 0; i < 64; i++) {
        snprintf(dir, sizeof(dir), "%s/%u", base, i);
        remove_folder(dir);
    }

    rmdir(base);
}


/* a payload that says its number and its length in each of its words */
static inline size_t
record_make(unsigned char *payload, uint64_t number)
{
    size_t    len, i;
    uint64_t  word;

    len = 8 + (size_t) (number * 2654435761u % 1500);

    for (i = 0; i < len; i += 8) {
        word = number * 0x9e3779b97f4a7c15ULL + len + i;
        memcpy(payload + i, i == 0 ? &number : &word,
               (len - i < 8) ? len - i : 8);
    }

    return len;
}


/* the number, or UINT64_MAX if it is not what record_make() made */
static inline uint64_t
record_number(llm_str_t payload)
{
    uint64_t       number;
    unsigned char  expected[1600];

    if (payload.len < 8) {
        return UINT64_MAX;
    }

    memcpy(&number, payload.data, 8);

    if (record_make(expected, number) != payload.len
        || memcmp(expected, payload.data, payload.len) != 0)
    {
        return UINT64_MAX;
    }

    return number;
}


static inline int
put(llm_journal_t *journal, uint64_t number)
{
    unsigned char  payload[1600];

    return llm_journal_append(journal, LLM_JOURNAL_SETTLE, payload,
                              record_make(payload, number));
}


/* the segment that a journal writes */
static inline llm_segment_t *
segment_of(llm_segment_t **segments, unsigned n, const llm_journal_t *journal)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (llm_segment_id(segments[i]) == llm_journal_id(journal)) {
            return segments[i];
        }
    }

    return NULL;
}


/* reads on from *position; each number must be the one before it and one;
 * false: damage, or another number */
static inline bool
read_on(llm_segment_t *segment, uint64_t *position, uint64_t *number)
{
    int                   rc;
    uint64_t              next;
    llm_journal_record_t  record;

    for ( ;; ) {
        rc = llm_segment_read(segment, *position, &record, &next);

        if (rc != LLM_OK) {
            return rc == LLM_AGAIN;
        }

        if (record.kind != LLM_JOURNAL_SETTLE
            || record_number(record.payload) != *number)
        {
            return false;
        }

        (*number)++;
        *position = next;
    }
}


#endif /* LLM_JOURNAL_PARTS_H */
