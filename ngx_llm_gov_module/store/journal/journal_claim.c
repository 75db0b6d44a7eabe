/*
 * A segment's way to its writer.
 */

#include "journal_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>


#define LLM_JOURNAL_TRIES     200
#define LLM_JOURNAL_PAUSE_NS  (5 * 1000 * 1000)


static int llm_journal_claim_pass(llm_journal_t *journal, const char *path,
    char error[LLM_JOURNAL_ERROR]);
static int llm_journal_claim_file(llm_journal_file_t *file);
static void llm_journal_advance(llm_journal_header_t *header);
static void llm_journal_touch(const llm_journal_file_t *file);


llm_journal_t *
llm_journal_claim(const char *dir, uint64_t epoch,
    char error[LLM_JOURNAL_ERROR])
{
    int               rc;
    unsigned          tries;
    llm_journal_t    *journal;
    struct timespec   pause;

    journal = calloc(1, sizeof(llm_journal_t));

    if (journal == NULL) {
        llm_journal_fail(error, dir, "claim a segment of", ENOMEM);
        return NULL;
    }

    pause = (struct timespec) { 0, LLM_JOURNAL_PAUSE_NS };
    rc = llm_journal_claim_pass(journal, dir, error);

    for (tries = 0; rc == LLM_AGAIN && tries < LLM_JOURNAL_TRIES; tries++) {
        nanosleep(&pause, NULL);
        rc = llm_journal_claim_pass(journal, dir, error);
    }

    if (rc != LLM_OK) {
        free(journal);
        return NULL;
    }

    journal->file.header->epoch = epoch;
    llm_journal_advance(journal->file.header);
    llm_journal_set_state(journal->file.header, LLM_JOURNAL_USED);

    llm_journal_touch(&journal->file);
    llm_journal_begin(journal);

    return journal;
}


void
llm_journal_release(llm_journal_t *journal)
{
    llm_journal_file_close(&journal->file);
    free(journal);
}


/* LLM_AGAIN: there is one, but somebody has its lock for a moment */
static int
llm_journal_claim_pass(llm_journal_t *journal, const char *path,
    char error[LLM_JOURNAL_ERROR])
{
    int                 rc, index;
    bool                again;
    ino_t               inode;
    const char         *reason;
    llm_journal_dir_t   dir;

    if (llm_journal_dir_open(&dir, path, error) != LLM_OK) {
        return LLM_ERROR;
    }

    rc = LLM_ERROR;
    again = false;

    snprintf(error, LLM_JOURNAL_ERROR,
             "no segment in \"%.200s\" is free: they wait until what they "
             "hold is in the store", path);

    while ((index = llm_journal_dir_next(&dir, &inode)) != -1) {

        if (llm_journal_file_open(&journal->file, &dir, (unsigned) index,
                                  &reason)
            != LLM_OK)
        {
            snprintf(error, LLM_JOURNAL_ERROR,
                     "no segment in \"%.200s\" is free; %04d.journal is "
                     "skipped: %s", path, index, reason);
            continue;
        }

        rc = llm_journal_claim_file(&journal->file);

        if (rc == LLM_OK) {
            journal->index = (unsigned) index;
            break;
        }

        again = again || rc == LLM_AGAIN;
        llm_journal_file_close(&journal->file);
    }

    llm_journal_dir_close(&dir);

    return (rc == LLM_OK) ? LLM_OK : again ? LLM_AGAIN : LLM_ERROR;
}


static int
llm_journal_claim_file(llm_journal_file_t *file)
{
    struct stat            st;
    llm_journal_header_t  *header;

    header = file->header;

    if (llm_journal_state(header) != LLM_JOURNAL_FREE
        || __atomic_load_n(&header->retired, __ATOMIC_ACQUIRE))
    {
        return LLM_ERROR;
    }

    if (!llm_journal_file_lock(file)) {
        return LLM_AGAIN;
    }

    /* somebody may have been faster, and be gone already */

    if (llm_journal_state(header) != LLM_JOURNAL_FREE) {
        return LLM_ERROR;
    }

    /* holes (a copy has them) would be a SIGBUS on a full disk */

    if (fstat(file->fd, &st) == -1
        || ((uint64_t) st.st_blocks * 512 < file->len
            && llm_journal_allocate(file->fd, file->len) != 0))
    {
        return LLM_ERROR;
    }

    return LLM_OK;
}


/*
 * A new life begins at a position that no life before it reached, though the
 * header may be older than what the store has folded of it (a power loss): the
 * clock in milliseconds times 2^20, as nobody appends a gigabyte in a second.
 * Whoever sees the new head sees the others, too.
 */
static void
llm_journal_advance(llm_journal_header_t *header)
{
    uint64_t         position, floor;
    struct timespec  now;

    position = (header->head > header->tail) ? header->head : header->tail;

    clock_gettime(CLOCK_REALTIME, &now);

    floor = ((uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000)
            << 20;

    if (floor > position) {
        position = floor;
    }

    position += header->size - position % header->size;

    llm_journal_store(&header->tail, position);
    llm_journal_store(&header->head, position);
}


static void
llm_journal_touch(const llm_journal_file_t *file)
{
    size_t                   i;
    volatile unsigned char  *p;

    p = (unsigned char *) file->header;

    for (i = LLM_JOURNAL_HEADER; i < file->len; i += LLM_JOURNAL_RING) {
        p[i] = p[i];
    }
}
