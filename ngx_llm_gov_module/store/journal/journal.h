/*
 * The journal: append-only segments in mapped files, each with one writer (a
 * worker) and one reader (whoever folds).  Appending is a memcpy and a release
 * store: no system call, no lock.  A mapped file survives the death of every
 * process; its space is allocated in full when it is made, so that a full disk
 * is an error then and never a SIGBUS.  Pure C and POSIX, no nginx.
 *
 * A segment is a ring over a position that only grows: position % size is the
 * place in the file, and a record never wraps (a pad record fills the end).
 * `head` (the writer's) and `tail` (folded and synced to LMDB, the reader's)
 * lie in the header.  The truth of what was folded is in LMDB; `tail` only
 * tells the writer what it may overwrite.
 *
 * Who writes a segment holds flock(LOCK_EX) on its file as long as it lives:
 * the kernel gives that back however it dies, and a process id that is used
 * again cannot mislead anybody.
 */

#ifndef LLM_JOURNAL_H
#define LLM_JOURNAL_H

#include "../../wire/str.h"

#include <sys/types.h>


#define LLM_JOURNAL_SIZE_MIN   (256 * 1024)
#define LLM_JOURNAL_SIZE       (8 * 1024 * 1024)
#define LLM_JOURNAL_HEADER     4096
#define LLM_JOURNAL_RECORD     32           /* bytes before a payload */
#define LLM_JOURNAL_ALIGN      8
#define LLM_JOURNAL_ERROR      512


typedef enum {
    LLM_JOURNAL_PAD = 1,
    LLM_JOURNAL_HOLD,               /* an attempt begins: llm_row_t as it is to
                                       be charged if nothing follows; a later
                                       one of the same id takes its place */
    LLM_JOURNAL_SETTLE,             /* llm_row_t, final */
    LLM_JOURNAL_CONTENT             /* id (16), direction (1: request, 2:
                                       answer), text */
} llm_journal_kind_t;


typedef struct llm_journal_s  llm_journal_t;


/*
 * Makes sure of at least `free` segments in `dir` that nobody writes and that
 * hold nothing unfolded, each of `size` bytes (rounded up to pages); the folder
 * is made (0700, one level).  For the master; owner: chown(2) for the worker
 * user, (uid_t) -1: leave.  LLM_ERROR: *error says why and what to do.
 */
int llm_journal_prepare(const char *dir, unsigned free, size_t size,
    uid_t uid, gid_t gid, char error[LLM_JOURNAL_ERROR]);

/* takes a free segment for this process, for its life; every page is touched,
 * so that no append ever faults on a missing one.  epoch: the life of the zone
 * that this process charges, which its records belong to.  Whoever folds may
 * hold the lock of a segment for moments: that one is passed over or waited
 * for, a second at most.  NULL: *error. */
llm_journal_t *llm_journal_claim(const char *dir, uint64_t epoch,
    char error[LLM_JOURNAL_ERROR]);

/* gives it up: what is not folded yet stays for the reader */
void llm_journal_release(llm_journal_t *journal);

/* the random 64 bits that name the segment; its index in the folder (the
 * number in its file name) */
uint64_t llm_journal_id(const llm_journal_t *journal);
unsigned llm_journal_index(const llm_journal_t *journal);

/* Has its file been removed?  Who reads it may go on as long as it lives, but
 * nobody will find it after that. */
bool llm_journal_lost(const llm_journal_t *journal);

/* bytes that may be appended, records' headers and padding taken off; less what
 * was reserved */
size_t llm_journal_room(const llm_journal_t *journal);

/*
 * Room that a later append is sure of: LLM_ERROR: there is none.  Taken back
 * by _unreserve(), which comes right before the append it was meant for, or
 * instead of it.
 */
int llm_journal_reserve(llm_journal_t *journal, size_t payload);
void llm_journal_unreserve(llm_journal_t *journal, size_t payload);

/* the position of the next append, or of the pad that comes before it: for
 * llm_segments_published(); never 0 */
uint64_t llm_journal_position(const llm_journal_t *journal);

/* appends; LLM_ERROR: no room.  A record is there as a whole or not at all. */
int llm_journal_append(llm_journal_t *journal, llm_journal_kind_t kind,
    const void *payload, size_t len);


/* the reader's side: one segment, mapped */
typedef struct llm_segment_s  llm_segment_t;

typedef struct {
    llm_journal_kind_t   kind;
    uint64_t             position;
    uint64_t             next;      /* position behind it */
    llm_str_t            payload;   /* in the map: valid until the tail passes
                                       it */
} llm_journal_record_t;


/*
 * The segments of a folder; opens those that are new, forgets those whose file
 * is gone, once they are recycled.  `n` and `segments` are kept by the caller
 * between calls, to begin with 0 and NULL.  A file that is no segment of ours
 * is skipped and *error says so.  LLM_ERROR: the folder cannot be read.
 */
int llm_segments_scan(const char *dir, llm_segment_t ***segments, unsigned *n,
    char error[LLM_JOURNAL_ERROR]);
void llm_segments_free(llm_segment_t **segments, unsigned n);

uint64_t llm_segment_id(const llm_segment_t *segment);
unsigned llm_segment_index(const llm_segment_t *segment);
uint64_t llm_segment_epoch(const llm_segment_t *segment);

/* free for a claim: never claimed, or recycled since */
bool llm_segment_idle(const llm_segment_t *segment);

/* the positions between which records are */
uint64_t llm_segment_head(const llm_segment_t *segment);    /* acquire */
uint64_t llm_segment_tail(const llm_segment_t *segment);

/* Does somebody write it, or may somebody at any moment, as it is idle?  If
 * not, this process holds its lock when this returns false, until _unlock() or
 * _recycle() */
bool llm_segment_busy(llm_segment_t *segment);
void llm_segment_unlock(llm_segment_t *segment);

/* the record at `position`, pads passed over; LLM_AGAIN: position is the head
 * (or before the tail, when a claim has moved both); LLM_ERROR: the bytes there
 * are damaged: *next is the position of the next good record (or the head), so
 * that what lies between is known to be lost */
int llm_segment_read(const llm_segment_t *segment, uint64_t position,
    llm_journal_record_t *record, uint64_t *next);

/* everything before `position` is in LMDB, synced: may be overwritten */
void llm_segment_fold(llm_segment_t *segment, uint64_t position);

/* a segment that is free: its next life begins behind `position` */
void llm_segment_behind(llm_segment_t *segment, uint64_t position);

/* marks a segment that nobody writes (its lock is held, and given back) and
 * that is wholly folded, llm_segment_fold() says up to where, as free for a
 * claim; with `remove`, or if it is not of the size that is wanted now, the
 * file goes instead */
void llm_segment_recycle(llm_segment_t *segment, bool remove);

/* was the record at `position` of segment `index` published?  For holds in
 * shared memory whose process is gone. */
bool llm_segments_published(llm_segment_t **segments, unsigned n,
    uint64_t id, uint64_t position);


#endif /* LLM_JOURNAL_H */
