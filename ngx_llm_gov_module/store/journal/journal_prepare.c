/*
 * Segments for those who will claim them: made, counted, taken away.
 */

#include "journal_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>


#define LLM_JOURNAL_TURNS    100
#define LLM_JOURNAL_TURN_NS  (50 * 1000 * 1000)


typedef struct {
    llm_journal_dir_t    dir;
    const char          *path;
    size_t               size;
    unsigned             wanted, have;
    uid_t                uid;
    gid_t                gid;
    unsigned char        taken[LLM_JOURNAL_INDEXES];
    char                *error;
} llm_journal_prepare_t;


static int llm_journal_prepare_folder(llm_journal_prepare_t *prepare);
static int llm_journal_prepare_turn(llm_journal_prepare_t *prepare);
static void llm_journal_prepare_count(llm_journal_prepare_t *prepare,
    unsigned index);
static void llm_journal_prepare_idle(llm_journal_prepare_t *prepare,
    llm_journal_file_t *file, unsigned index);
static int llm_journal_prepare_make(llm_journal_prepare_t *prepare,
    unsigned index);
static int llm_journal_make_file(llm_journal_prepare_t *prepare, int fd);
static void llm_journal_own(llm_journal_prepare_t *prepare, int fd);


int
llm_journal_prepare(const char *dir, unsigned free, size_t size, uid_t uid,
    gid_t gid, char error[LLM_JOURNAL_ERROR])
{
    int                    rc, index;
    ino_t                  inode;
    llm_journal_prepare_t  prepare;

    memset(&prepare, 0, sizeof(prepare));

    prepare.path = dir;
    prepare.wanted = free;
    prepare.uid = uid;
    prepare.gid = gid;
    prepare.error = error;
    prepare.size = (size < LLM_JOURNAL_SIZE_MIN) ? LLM_JOURNAL_SIZE_MIN : size;
    prepare.size = (prepare.size + LLM_JOURNAL_RING - 1)
                   & ~(size_t) (LLM_JOURNAL_RING - 1);

    if (llm_journal_prepare_folder(&prepare) != LLM_OK) {
        return LLM_ERROR;
    }

    rc = llm_journal_prepare_turn(&prepare);

    while (rc == LLM_OK
           && (index = llm_journal_dir_next(&prepare.dir, &inode)) != -1)
    {
        prepare.taken[index] = 1;
        llm_journal_prepare_count(&prepare, (unsigned) index);
    }

    for (index = 0; rc == LLM_OK && prepare.have < free; index++) {

        if (index == LLM_JOURNAL_INDEXES) {
            rc = llm_journal_fail(error, dir, "make more segments in", EMFILE);

        } else if (!prepare.taken[index]) {
            rc = llm_journal_prepare_make(&prepare, (unsigned) index);
            prepare.have++;
        }
    }

    llm_journal_dir_close(&prepare.dir);

    return rc;
}


/* A folder of segments goes with their user.  One that has other things in it
 * belongs to whom it belonged to: it may have been given by mistake. */
static int
llm_journal_prepare_folder(llm_journal_prepare_t *prepare)
{
    if (mkdir(prepare->path, 0700) == -1 && errno != EEXIST) {
        return llm_journal_fail(prepare->error, prepare->path,
                                "make the folder", errno);
    }

    if (llm_journal_dir_open(&prepare->dir, prepare->path, prepare->error)
        != LLM_OK)
    {
        return LLM_ERROR;
    }

    if (llm_journal_dir_ours(&prepare->dir)) {
        llm_journal_own(prepare, prepare->dir.fd);
    }

    return LLM_OK;
}


/* two masters at once (a binary upgrade) take turns */
static int
llm_journal_prepare_turn(llm_journal_prepare_t *prepare)
{
    unsigned         i;
    struct timespec  pause;

    pause = (struct timespec) { 0, LLM_JOURNAL_TURN_NS };

    for (i = 0; i < LLM_JOURNAL_TURNS; i++) {

        if (flock(prepare->dir.fd, LOCK_EX | LOCK_NB) == 0) {
            return LLM_OK;
        }

        if (errno != EWOULDBLOCK && errno != EINTR) {
            break;
        }

        nanosleep(&pause, NULL);
    }

    return llm_journal_fail(prepare->error, prepare->path, "lock the folder",
                            errno);
}


static void
llm_journal_prepare_count(llm_journal_prepare_t *prepare, unsigned index)
{
    bool                 other;
    const char          *reason;
    llm_journal_file_t   file;

    /* what is no segment stays: whoever reads the folder tells of it */

    if (llm_journal_file_open(&file, &prepare->dir, index, &reason)
        != LLM_OK)
    {
        return;
    }

    llm_journal_own(prepare, file.fd);

    other = (file.header->size != prepare->size);
    __atomic_store_n(&file.header->retired, other, __ATOMIC_RELEASE);

    if (llm_journal_state(file.header) == LLM_JOURNAL_FREE
        && llm_journal_file_lock(&file))
    {
        if (llm_journal_state(file.header) == LLM_JOURNAL_FREE) {
            llm_journal_prepare_idle(prepare, &file, index);
        }
    }

    llm_journal_file_close(&file);
}


/* one that is free, its lock is ours: kept if it is wanted */
static void
llm_journal_prepare_idle(llm_journal_prepare_t *prepare,
    llm_journal_file_t *file, unsigned index)
{
    char  name[LLM_JOURNAL_NAME];

    if (file->header->size == prepare->size
        && prepare->have < prepare->wanted)
    {
        prepare->have++;
        return;
    }

    llm_journal_name(name, index);

    if (unlinkat(prepare->dir.fd, name, 0) == 0) {
        llm_journal_set_state(file->header, LLM_JOURNAL_REMOVED);
        prepare->taken[index] = 0;
    }
}


/* under another name until it is whole */
static int
llm_journal_prepare_make(llm_journal_prepare_t *prepare, unsigned index)
{
    int   fd, err;
    char  name[LLM_JOURNAL_NAME], new[LLM_JOURNAL_NAME], action[64];

    llm_journal_name(name, index);
    snprintf(new, sizeof(new), "%04u" LLM_JOURNAL_NEW,
             index % LLM_JOURNAL_INDEXES);
    snprintf(action, sizeof(action), "make a segment of %zu KB in",
             prepare->size / 1024);

    (void) unlinkat(prepare->dir.fd, new, 0);

    fd = openat(prepare->dir.fd, new,
                O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd == -1) {
        return llm_journal_fail(prepare->error, prepare->path, action, errno);
    }

    err = llm_journal_make_file(prepare, fd);

    if (err == 0 && renameat(prepare->dir.fd, new, prepare->dir.fd, name) == -1)
    {
        err = errno;
    }

    if (err != 0) {
        (void) unlinkat(prepare->dir.fd, new, 0);
    }

    close(fd);

    return (err == 0) ? LLM_OK
                      : llm_journal_fail(prepare->error, prepare->path, action,
                                         err);
}


static int
llm_journal_make_file(llm_journal_prepare_t *prepare, int fd)
{
    int                    err;
    uint64_t               id;
    union {
        llm_journal_header_t   header;
        unsigned char          bytes[LLM_JOURNAL_HEADER];
    }                      page;

    err = llm_journal_allocate(fd, LLM_JOURNAL_HEADER + prepare->size);

    if (err != 0) {
        return err;
    }

    if (getrandom(&id, sizeof(id), 0) != sizeof(id)) {
        return errno;
    }

    memset(&page, 0, sizeof(page));
    llm_journal_header_init(&page.header, id, prepare->size);

    errno = EIO;

    if (pwrite(fd, &page, sizeof(page), 0) != sizeof(page)
        || fsync(fd) == -1)
    {
        return errno;
    }

    llm_journal_own(prepare, fd);

    return 0;
}


static void
llm_journal_own(llm_journal_prepare_t *prepare, int fd)
{
    struct stat  st;

    if (geteuid() == 0
        && prepare->uid != (uid_t) -1
        && fstat(fd, &st) == 0
        && (st.st_uid != prepare->uid || st.st_gid != prepare->gid)
        && fchown(fd, prepare->uid, prepare->gid) == -1)
    {
        /* who claims it will say that it may not write */
        return;
    }
}
