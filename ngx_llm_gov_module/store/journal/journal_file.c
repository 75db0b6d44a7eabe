/*
 * A segment's file: checked as a whole before a byte of it is believed.
 */

#include "journal_private.h"

#include "../../wire/crc32c.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>


#define LLM_JOURNAL_ZEROS  65536


static const char *llm_journal_file_trust(llm_journal_file_t *file,
    const llm_journal_dir_t *dir);
static int llm_journal_write_zeros(int fd, size_t len);


int
llm_journal_file_open(llm_journal_file_t *file, const llm_journal_dir_t *dir,
    unsigned index, const char **reason)
{
    char   name[LLM_JOURNAL_NAME];
    void  *map;

    llm_journal_name(name, index);
    file->header = NULL;

    /* a named pipe that was put there must not stop us */

    file->fd = openat(dir->fd, name,
                      O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

    if (file->fd == -1) {
        *reason = (errno == ELOOP) ? "it is a symbolic link" : strerror(errno);
        return LLM_ERROR;
    }

    *reason = llm_journal_file_trust(file, dir);

    if (*reason == NULL) {
        map = mmap(NULL, file->len, PROT_READ | PROT_WRITE, MAP_SHARED,
                   file->fd, 0);

        if (map == MAP_FAILED) {
            *reason = "it cannot be mapped";

        } else {
            file->header = map;
            *reason = llm_journal_header_check(file->header, file->len);
        }
    }

    if (*reason != NULL) {
        llm_journal_file_close(file);
        return LLM_ERROR;
    }

    return LLM_OK;
}


void
llm_journal_file_close(llm_journal_file_t *file)
{
    if (file->header != NULL) {
        munmap(file->header, file->len);
        file->header = NULL;
    }

    close(file->fd);
}


/* where others may put files, only those of the folder's owner are read */
static const char *
llm_journal_file_trust(llm_journal_file_t *file, const llm_journal_dir_t *dir)
{
    struct stat  st;

    if (fstat(file->fd, &st) == -1) {
        return "it cannot be examined";
    }

    if (!S_ISREG(st.st_mode) || st.st_nlink != 1) {
        return "it is no regular file with one name";
    }

    if (st.st_uid != dir->stat.st_uid
        && st.st_uid != 0
        && st.st_uid != geteuid()
        && (dir->stat.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    {
        return "it belongs to somebody else than its folder";
    }

    if (st.st_size < LLM_JOURNAL_HEADER) {
        return "it is shorter than the header of a segment";
    }

    file->inode = st.st_ino;
    file->len = (size_t) st.st_size;

    return NULL;
}


bool
llm_journal_file_lock(const llm_journal_file_t *file)
{
    return flock(file->fd, LOCK_EX | LOCK_NB) == 0;
}


void
llm_journal_file_unlock(const llm_journal_file_t *file)
{
    (void) flock(file->fd, LOCK_UN);
}


const char *
llm_journal_header_check(const llm_journal_header_t *header, size_t len)
{
    uint64_t             head, tail;
    llm_journal_state_t  state;

    if (header->magic != LLM_JOURNAL_MAGIC) {
        return "it is no segment of a journal of this version";
    }

    if (header->crc
        != llm_crc32c(0, header, offsetof(llm_journal_header_t, crc)))
    {
        return "its header is damaged";
    }

    if (header->size != len - LLM_JOURNAL_HEADER
        || header->size == 0
        || header->size % LLM_JOURNAL_RING != 0)
    {
        return "it is not as long as its header says";
    }

    /* in this order: a writer moves the head, a claim both, tail first */

    head = llm_journal_load(&header->head);
    tail = llm_journal_load(&header->tail);
    state = llm_journal_state(header);

    if (state < LLM_JOURNAL_FREE || state > LLM_JOURNAL_REMOVED
        || head % LLM_JOURNAL_ALIGN != 0
        || tail % LLM_JOURNAL_ALIGN != 0
        || head == 0
        || (tail <= head && head - tail > header->size))
    {
        return "its positions are damaged";
    }

    return NULL;
}


void
llm_journal_header_init(llm_journal_header_t *header, uint64_t id, size_t size)
{
    memset(header, 0, sizeof(llm_journal_header_t));

    header->magic = LLM_JOURNAL_MAGIC;
    header->id = id;
    header->size = size;
    header->crc = llm_crc32c(0, header, offsetof(llm_journal_header_t, crc));
    header->state = LLM_JOURNAL_FREE;
    header->head = size;
    header->tail = size;
}


int
llm_journal_allocate(int fd, size_t len)
{
    int  rc;

    do {
        rc = posix_fallocate(fd, 0, (off_t) len);
    } while (rc == EINTR);

    if (rc == EOPNOTSUPP || rc == ENOSYS || rc == EINVAL) {
        return llm_journal_write_zeros(fd, len);
    }

    return rc;
}


/* only behind the end: what is there stays */
static int
llm_journal_write_zeros(int fd, size_t len)
{
    size_t             done;
    ssize_t            n;
    struct stat        st;
    static const char  zeros[LLM_JOURNAL_ZEROS];

    if (fstat(fd, &st) == -1) {
        return errno;
    }

    for (done = (size_t) st.st_size; done < len; done += (size_t) n) {
        n = (ssize_t) (len - done);

        if (n > LLM_JOURNAL_ZEROS) {
            n = LLM_JOURNAL_ZEROS;
        }

        n = pwrite(fd, zeros, (size_t) n, (off_t) done);

        if (n == -1 && errno == EINTR) {
            n = 0;

        } else if (n == -1) {
            return errno;

        } else if (n == 0) {
            return ENOSPC;
        }
    }

    return 0;
}
