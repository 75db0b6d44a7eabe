/*
 * The segments of a folder, as their reader has them.
 */

#include "journal_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


static llm_segment_t *llm_segment_known(llm_segment_t **segments, unsigned n,
    unsigned index, ino_t inode);
static bool llm_segment_cut(llm_segment_t *segment);
static llm_segment_t *llm_segment_open(const llm_journal_dir_t *dir,
    const char *path, unsigned index, char error[LLM_JOURNAL_ERROR]);
static void llm_segment_close(llm_segment_t *segment);
static unsigned llm_segments_forget(llm_segment_t **segments, unsigned n);


int
llm_segments_scan(const char *dir, llm_segment_t ***segments, unsigned *n,
    char error[LLM_JOURNAL_ERROR])
{
    int                 index;
    ino_t               inode;
    unsigned            i;
    llm_segment_t      *segment, **grown;
    llm_journal_dir_t   folder;

    error[0] = '\0';

    for (i = 0; i < *n; i++) {
        (*segments)[i]->seen = false;
    }

    if (llm_journal_dir_open(&folder, dir, error) != LLM_OK) {
        *n = llm_segments_forget(*segments, *n);
        return LLM_ERROR;
    }

    while ((index = llm_journal_dir_next(&folder, &inode)) != -1) {
        segment = llm_segment_known(*segments, *n, (unsigned) index, inode);

        if (segment != NULL && !llm_segment_cut(segment)) {
            segment->seen = true;
            continue;
        }

        /* one that was cut says so when it is opened anew */

        segment = llm_segment_open(&folder, dir, (unsigned) index, error);

        if (segment == NULL) {
            continue;
        }

        grown = realloc(*segments, (*n + 1) * sizeof(llm_segment_t *));

        if (grown == NULL) {
            llm_segment_close(segment);
            llm_journal_fail(error, dir, "read the folder", ENOMEM);
            break;
        }

        *segments = grown;
        grown[(*n)++] = segment;
    }

    llm_journal_dir_close(&folder);
    *n = llm_segments_forget(*segments, *n);

    return LLM_OK;
}


static llm_segment_t *
llm_segment_known(llm_segment_t **segments, unsigned n, unsigned index,
    ino_t inode)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (segments[i]->index == index && segments[i]->file.inode == inode) {
            return segments[i];
        }
    }

    return NULL;
}


static bool
llm_segment_cut(llm_segment_t *segment)
{
    struct stat  st;

    if (fstat(segment->file.fd, &st) == 0
        && (uint64_t) st.st_size < segment->file.len)
    {
        segment->cut = true;
    }

    return segment->cut;
}


static llm_segment_t *
llm_segment_open(const llm_journal_dir_t *dir, const char *path,
    unsigned index, char error[LLM_JOURNAL_ERROR])
{
    char            name[LLM_JOURNAL_NAME];
    size_t          len;
    const char     *reason;
    llm_segment_t  *segment;

    llm_journal_name(name, index);
    len = strlen(path) + sizeof("/") + strlen(name);

    segment = calloc(1, sizeof(llm_segment_t) + len);

    if (segment == NULL) {
        llm_journal_fail(error, path, "read the folder", ENOMEM);
        return NULL;
    }

    snprintf(segment->path, len, "%s/%s", path, name);

    if (llm_journal_file_open(&segment->file, dir, index, &reason) != LLM_OK) {
        snprintf(error, LLM_JOURNAL_ERROR,
                 "\"%.200s\" is skipped: %s; move it away", segment->path,
                 reason);
        free(segment);
        return NULL;
    }

    llm_segment_begin(segment);
    segment->index = index;
    segment->seen = true;

    return segment;
}


void
llm_segment_begin(llm_segment_t *segment)
{
    segment->id = segment->file.header->id;
    segment->size = segment->file.header->size;
}


static void
llm_segment_close(llm_segment_t *segment)
{
    llm_journal_file_close(&segment->file);
    free(segment);
}


/* A file that is gone may still be written to, and hold what is not in the
 * store yet, or calls that are to be charged there: until it is recycled. */
static bool
llm_segment_needed(llm_segment_t *segment)
{
    return segment->seen
           || (!llm_segment_cut(segment)
               && llm_journal_state(segment->file.header)
                  == LLM_JOURNAL_USED);
}


static unsigned
llm_segments_forget(llm_segment_t **segments, unsigned n)
{
    unsigned  i, left;

    left = 0;

    for (i = 0; i < n; i++) {

        if (llm_segment_needed(segments[i])) {
            segments[left++] = segments[i];

        } else {
            llm_segment_close(segments[i]);
        }
    }

    return left;
}


void
llm_segments_free(llm_segment_t **segments, unsigned n)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        llm_segment_close(segments[i]);
    }

    free(segments);
}


uint64_t
llm_segment_id(const llm_segment_t *segment)
{
    return segment->id;
}


unsigned
llm_segment_index(const llm_segment_t *segment)
{
    return segment->index;
}


uint64_t
llm_segment_epoch(const llm_segment_t *segment)
{
    return llm_journal_load(&segment->file.header->epoch);
}


bool
llm_segment_idle(const llm_segment_t *segment)
{
    return llm_journal_state(segment->file.header) == LLM_JOURNAL_FREE;
}


uint64_t
llm_segment_head(const llm_segment_t *segment)
{
    return llm_journal_load(&segment->file.header->head);
}


uint64_t
llm_segment_tail(const llm_segment_t *segment)
{
    return llm_journal_load(&segment->file.header->tail);
}


bool
llm_segment_busy(llm_segment_t *segment)
{
    llm_journal_header_t  *header;

    if (segment->locked) {
        return false;
    }

    /* one that is free is whose who claims it next: nobody left it behind, and
     * its lock must not be in the way */

    header = segment->file.header;

    if (llm_journal_state(header) != LLM_JOURNAL_USED
        || !llm_journal_file_lock(&segment->file))
    {
        return true;
    }

    if (llm_journal_state(header) != LLM_JOURNAL_USED) {
        llm_journal_file_unlock(&segment->file);
        return true;
    }

    segment->locked = true;

    return false;
}


void
llm_segment_unlock(llm_segment_t *segment)
{
    if (segment->locked) {
        llm_journal_file_unlock(&segment->file);
        segment->locked = false;
    }
}


void
llm_segment_fold(llm_segment_t *segment, uint64_t position)
{
    uint64_t               head, tail;
    llm_journal_header_t  *header;

    header = segment->file.header;
    head = llm_journal_load(&header->head);

    /* A file may be older than what the store has of it (a power loss): its
     * next life must begin behind that, even if the clock was set back. */

    if (position > head && !segment->locked) {
        position = head;
    }

    tail = llm_journal_load(&header->tail);

    /* forward only, as somebody else may fold, too, or claim it anew */

    while (tail < position
           && !__atomic_compare_exchange_n(&header->tail, &tail, position,
                                           false, __ATOMIC_RELEASE,
                                           __ATOMIC_ACQUIRE))
    {
        /* void */
    }
}


void
llm_segment_behind(llm_segment_t *segment, uint64_t position)
{
    llm_journal_header_t  *header;

    header = segment->file.header;

    if (position <= llm_segment_head(segment)
        || !llm_segment_idle(segment)
        || !llm_journal_file_lock(&segment->file))
    {
        return;
    }

    if (llm_segment_idle(segment) && position > header->tail) {
        llm_journal_store(&header->tail, position);
    }

    llm_journal_file_unlock(&segment->file);
}


/* another one may have its name by now */
static bool
llm_segment_named(const llm_segment_t *segment)
{
    struct stat  st;

    return lstat(segment->path, &st) == 0
           && st.st_ino == segment->file.inode;
}


void
llm_segment_recycle(llm_segment_t *segment, bool remove)
{
    llm_journal_header_t  *header;

    header = segment->file.header;

    if (!segment->locked
        || llm_journal_load(&header->tail) < llm_journal_load(&header->head))
    {
        return;
    }

    /* not when it is claimed, which may be broken off and begin again */

    llm_journal_store(&header->ended, header->head);

    if ((remove || __atomic_load_n(&header->retired, __ATOMIC_ACQUIRE))
        && llm_segment_named(segment)
        && unlink(segment->path) == 0)
    {
        llm_journal_set_state(header, LLM_JOURNAL_REMOVED);

    } else {
        llm_journal_set_state(header, LLM_JOURNAL_FREE);
    }

    llm_segment_unlock(segment);
}


bool
llm_segments_published(llm_segment_t **segments, unsigned n, uint64_t id,
    uint64_t position)
{
    uint64_t  head;
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (llm_segment_id(segments[i]) == id) {
            head = llm_segment_head(segments[i]);

            /* what was about to be written when its life ended stays so, when
             * the next one has moved the head */

            return position != 0 && position < head
                   && position
                      != llm_journal_load(&segments[i]->file.header->ended);
        }
    }

    return false;
}
