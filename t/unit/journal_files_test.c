/*
 * The journal's folder and files: what is made, counted, taken away; what is
 * not ours, damaged, cut short or somebody else's; a full disk.
 */

#include "journal_parts.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>


#define SOMEBODY  ((uid_t) 65533)


static llm_segment_t  **segments;
static unsigned         nsegments;


static int
prepare(const char *dir, unsigned free, size_t size)
{
    error[0] = '\0';

    return llm_journal_prepare(dir, free, size, NOBODY, NOBODY, error);
}


static int
scan(const char *dir)
{
    return llm_segments_scan(dir, &segments, &nsegments, error);
}


static void
forget(void)
{
    llm_segments_free(segments, nsegments);
    segments = NULL;
    nsegments = 0;
}


static const char *
path_of(const char *dir, unsigned index)
{
    static char  path[256];

    snprintf(path, sizeof(path), "%s/%04u.journal", dir, index);

    return path;
}


/* how many files are named like segments, and how many bytes they have */
static unsigned
files(const char *dir, uint64_t *bytes)
{
    unsigned     i, n;
    struct stat  st;

    n = 0;
    *bytes = 0;

    for (i = 0; i < 32; i++) {
        if (stat(path_of(dir, i), &st) == 0) {
            n++;
            *bytes += (uint64_t) st.st_blocks * 512;
        }
    }

    return n;
}


static void
making(void)
{
    uint64_t        bytes;
    const char     *dir;
    llm_journal_t  *first, *second;

    dir = fresh();
    ok(prepare(dir, 3, SIZE + 1) == LLM_OK && files(dir, &bytes) == 3,
       "three segments are made");
    ok(bytes >= 3 * SIZE, "all of their bytes have a place on the disk");
    ok(prepare(dir, 3, SIZE + 1) == LLM_OK && files(dir, &bytes) == 3,
       "and are enough the next time");

    first = llm_journal_claim(dir, 1, error);
    second = llm_journal_claim(dir, 1, error);
    ok(first != NULL && second != NULL
       && llm_journal_index(first) != llm_journal_index(second)
       && prepare(dir, 3, SIZE + 1) == LLM_OK && files(dir, &bytes) == 5,
       "those in use do not count");

    llm_journal_release(first);
    ok(prepare(dir, 3, SIZE + 1) == LLM_OK && files(dir, &bytes) == 5,
       "one that is not folded yet stays");
    ok(prepare(dir, 1, SIZE + 1) == LLM_OK && files(dir, &bytes) == 3,
       "of the free ones only as many as are wanted stay");

    llm_journal_release(second);
}


static void
other_sizes(void)
{
    uint64_t        bytes;
    unsigned        i;
    const char     *dir;
    llm_segment_t  *old;
    llm_journal_t  *journal;

    dir = fresh();
    prepare(dir, 2, SIZE);
    journal = llm_journal_claim(dir, 1, error);
    put(journal, 1);

    ok(prepare(dir, 2, 2 * SIZE) == LLM_OK && files(dir, &bytes) == 3,
       "another size: the free one goes, that in use stays");

    scan(dir);
    llm_journal_release(journal);
    journal = llm_journal_claim(dir, 1, error);
    ok(journal != NULL && llm_journal_room(journal) > SIZE,
       "the next claim has the new size");

    /* folders have no order */

    for (i = 0, old = NULL; i < nsegments; i++) {
        if (segments[i]->file.header->size == SIZE) {
            old = segments[i];
        }
    }

    if (!ok(old != NULL, "the old one is read")) {
        return;
    }

    llm_segment_fold(old, llm_segment_head(old));
    llm_segment_busy(old);
    llm_segment_recycle(old, false);
    ok(files(dir, &bytes) == 2, "the old one goes when it is folded");
    ok(scan(dir) == LLM_OK && nsegments == 2 && error[0] == '\0',
       "and is forgotten");

    llm_journal_release(journal);
    forget();
}


static void
removing(void)
{
    uint64_t        bytes;
    const char     *dir;
    llm_journal_t  *journal;

    dir = fresh();
    prepare(dir, 1, SIZE);
    scan(dir);
    journal = llm_journal_claim(dir, 1, error);
    put(journal, 1);
    llm_journal_release(journal);
    llm_segment_fold(segments[0], llm_segment_head(segments[0]));
    llm_segment_busy(segments[0]);
    llm_segment_recycle(segments[0], true);
    ok(files(dir, &bytes) == 0 && llm_segment_busy(segments[0])
       && !llm_segment_idle(segments[0]), "removed");
    ok(scan(dir) == LLM_OK && nsegments == 0, "gone");

    prepare(dir, 1, SIZE);
    ok(scan(dir) == LLM_OK && nsegments == 1
       && llm_segment_idle(segments[0]), "a new one of that name is another");
    forget();
}


/* somebody removes the file of a segment that is written, or all of them */
static void
removed_by_others(bool all)
{
    uint64_t         number, position;
    const char      *dir;
    struct stat      st;
    llm_segment_t   *segment;
    llm_journal_t   *journal;

    dir = fresh();
    prepare(dir, all ? 1 : 2, SIZE);
    journal = llm_journal_claim(dir, 1, error);
    scan(dir);
    segment = segment_of(segments, nsegments, journal);
    position = llm_segment_tail(segment);
    put(journal, 1);
    ok(!llm_journal_lost(journal), "a file is there");

    number = llm_journal_index(journal);
    unlink(path_of(dir, (unsigned) number));
    ok(llm_journal_lost(journal), "and is not");

    if (all) {
        remove_folder(dir);
    }

    /* the next master makes another one, of that name */

    ok(scan(dir) == (all ? LLM_ERROR : LLM_OK)
       && nsegments == (all ? 1 : 2), "its reader keeps it");
    prepare(dir, 2, 2 * SIZE);
    put(journal, 2);
    llm_journal_release(journal);
    scan(dir);

    number = 1;
    ok(read_on(segment, &position, &number) && number == 3,
       "and reads what is written on");

    llm_segment_fold(segment, position);
    scan(dir);
    ok(!llm_segment_busy(segment) && nsegments == 3,
       "until its last calls are accounted for");

    llm_segment_recycle(segment, true);
    ok(scan(dir) == LLM_OK && nsegments == 2
       && stat(path_of(dir, 0), &st) == 0 && stat(path_of(dir, 1), &st) == 0,
       "then it is forgotten, and no other file goes with it");
    forget();
}


/* what `change` does to a good file must be found out */
static void
foreign(const char *title, void (*change)(int fd))
{
    int          fd, rc;
    const char  *dir;

    dir = fresh();
    prepare(dir, 2, SIZE);

    fd = open(path_of(dir, 0), O_RDWR);
    change(fd);
    close(fd);

    rc = scan(dir);
    ok(rc == LLM_OK && nsegments == 1 && strstr(error, "is skipped") != NULL,
       "%s: %s", title, error);
    forget();

    ok(prepare(dir, 2, SIZE) == LLM_OK && scan(dir) == LLM_OK
       && nsegments == 2, "and another one is made in its stead");
    forget();
}


static void
cut(int fd)
{
    ok(ftruncate(fd, LLM_JOURNAL_HEADER + SIZE - 4096) == 0, "cut");
}


static void
cut_header(int fd)
{
    ok(ftruncate(fd, 100) == 0, "cut within the header");
}


static void
emptied(int fd)
{
    ok(ftruncate(fd, 0) == 0, "emptied");
}


static void
longer(int fd)
{
    ok(ftruncate(fd, LLM_JOURNAL_HEADER + SIZE + 4096) == 0, "made longer");
}


static void
patch(int fd, size_t offset, uint64_t value, size_t len)
{
    ok(pwrite(fd, &value, len, (off_t) offset) == (ssize_t) len, "changed");
}


static void
no_magic(int fd)
{
    patch(fd, offsetof(llm_journal_header_t, magic), 1, 8);
}


static void
other_size(int fd)
{
    patch(fd, offsetof(llm_journal_header_t, size), SIZE - 4096, 8);
}


static void
wild_head(int fd)
{
    patch(fd, offsetof(llm_journal_header_t, head), SIZE * 9, 8);
}


static void
odd_tail(int fd)
{
    patch(fd, offsetof(llm_journal_header_t, tail), SIZE - 1, 8);
}


static void
wild_state(int fd)
{
    patch(fd, offsetof(llm_journal_header_t, state), 77, 4);
}


static void
no_file(const char *title, int made)
{
    int             rc;
    llm_journal_t  *journal;

    rc = scan(base);
    ok(made == 0 && rc == LLM_OK && nsegments == 0
       && strstr(error, "is skipped") != NULL, "%s: %s", title, error);

    journal = llm_journal_claim(base, 1, error);
    ok(journal == NULL && strstr(error, "is skipped") != NULL,
       "nor is it claimed");

    unlink(path_of(base, 1));
    forget();
}


static void
no_files(void)
{
    char         target[256];
    const char  *dir;

    dir = fresh();
    prepare(dir, 1, SIZE);
    snprintf(target, sizeof(target), "%s", path_of(dir, 0));

    no_file("a symbolic link", symlink(target, path_of(base, 1)));
    no_file("a second name of a file", link(target, path_of(base, 1)));
    no_file("a named pipe", mkfifo(path_of(base, 1), 0600));
    no_file("a folder", mkdir(path_of(base, 1), 0700));
    rmdir(path_of(base, 1));
}


static void
owners(void)
{
    char          other[160];
    const char   *dir;
    struct stat   st;

    if (geteuid() != 0) {
        ok(1, "owners # SKIP not root");
        return;
    }

    dir = fresh();
    ok(llm_journal_prepare(dir, 2, SIZE, SOMEBODY, SOMEBODY, error) == LLM_OK
       && stat(dir, &st) == 0 && st.st_uid == SOMEBODY
       && (st.st_mode & 0777) == 0700
       && stat(path_of(dir, 1), &st) == 0 && st.st_uid == SOMEBODY
       && (st.st_mode & 0777) == 0600, "all belongs to the worker user");
    ok(scan(dir) == LLM_OK && nsegments == 2, "and is read");
    forget();

    ok(llm_journal_prepare(dir, 2, SIZE, SOMEBODY - 1, SOMEBODY, error)
       == LLM_OK && stat(path_of(dir, 0), &st) == 0
       && st.st_uid == SOMEBODY - 1, "files follow another user");
    ok(stat(dir, &st) == 0 && st.st_uid == SOMEBODY - 1,
       "and their folder with them");

    snprintf(other, sizeof(other), "%s/other", dir);
    ok(mknod(other, S_IFREG|0600, 0) == 0
       && llm_journal_prepare(dir, 2, SIZE, SOMEBODY, SOMEBODY, error)
          == LLM_OK && stat(dir, &st) == 0 && st.st_uid == SOMEBODY - 1,
       "one with other things in it belongs to whom it belonged to");
    unlink(other);

    ok(chown(path_of(dir, 0), SOMEBODY - 2, 0) == 0
       && chown(path_of(dir, 1), SOMEBODY - 2, 0) == 0
       && chmod(dir, 0777) == 0, "somebody else's files");
    ok(scan(dir) == LLM_OK && nsegments == 0
       && strstr(error, "somebody else") != NULL,
       "where anybody may put files, others' are skipped");
    forget();
}


static void
folders(void)
{
    int   fd;
    char  path[512], target[256];

    snprintf(target, sizeof(target), "%s", fresh());
    snprintf(path, sizeof(path), "%s/none/such", base);
    ok(prepare(path, 1, SIZE) == LLM_ERROR
       && strstr(error, "make the folder above it") != NULL, "%s", error);
    ok(llm_segments_scan(path, &segments, &nsegments, error) == LLM_ERROR
       && llm_journal_claim(path, 1, error) == NULL, "nor is it read");

    prepare(target, 1, SIZE);
    snprintf(path, sizeof(path), "%s/link", base);
    ok(symlink(target, path) == 0 && prepare(path, 1, SIZE) == LLM_ERROR
       && strstr(error, "symbolic link") != NULL, "a link: %s", error);
    strcat(path, "/");
    ok(prepare(path, 1, SIZE) == LLM_ERROR, "with a slash, too");
    path[strlen(path) - 1] = '\0';
    unlink(path);

    fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    ok(prepare(path, 1, SIZE) == LLM_ERROR, "a file: %s", error);
    unlink(path);

    snprintf(path, sizeof(path), "%s/0007.new", target);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    snprintf(path, sizeof(path), "%s/readme.txt", target);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    ok(prepare(target, 8, SIZE) == LLM_OK
       && llm_segments_scan(target, &segments, &nsegments, error) == LLM_OK
       && nsegments == 8 && error[0] == '\0',
       "what a dead master left, and other files, are in nobody's way");
    forget();
}


/* what may be mounted here may be full and read-only */
static void
full_disk(void)
{
    int              rc;
    char             dir[256];
    const char      *point;
    uint64_t         bytes;
    llm_journal_t   *journal;

    point = fresh();

    if (mkdir(point, 0700) == -1
        || mount("tmpfs", point, "tmpfs", 0, "size=1m,mode=0755") == -1)
    {
        ok(1, "full disk # SKIP cannot mount: %s", strerror(errno));
        rmdir(point);
        return;
    }

    snprintf(dir, sizeof(dir), "%s/journal", point);
    ok(prepare(dir, 8, SIZE) == LLM_ERROR
       && strstr(error, "make room") != NULL, "%s", error);
    ok(files(dir, &bytes) == 3, "no part of one is left behind");

    journal = llm_journal_claim(dir, 1, error);
    ok(journal != NULL && put(journal, 1) == LLM_OK, "those made are good");
    llm_journal_release(journal);

    rc = mount(NULL, point, NULL, MS_REMOUNT | MS_RDONLY, NULL);
    ok(rc == 0 && prepare(dir, 8, SIZE) == LLM_ERROR
       && strstr(error, "can be written to") != NULL, "read-only: %s", error);
    ok(llm_journal_claim(dir, 1, error) == NULL, "no claim: %s", error);

    umount(point);
    rmdir(point);
}


/* a file with holes, as a copy may have, on a disk that is full */
static void
holes(void)
{
    int              fd;
    char             dir[256], path[512];
    const char      *point;
    llm_journal_t   *journal;
    unsigned char    page[LLM_JOURNAL_HEADER];

    point = fresh();

    if (mkdir(point, 0700) == -1
        || mount("tmpfs", point, "tmpfs", 0, "size=600k,mode=0755") == -1)
    {
        ok(1, "holes # SKIP cannot mount: %s", strerror(errno));
        rmdir(point);
        return;
    }

    snprintf(dir, sizeof(dir), "%s/journal", point);
    prepare(dir, 1, SIZE);
    fd = open(path_of(dir, 0), O_RDONLY);
    (void) !read(fd, page, sizeof(page));
    close(fd);
    unlink(path_of(dir, 0));

    fd = open(path_of(dir, 0), O_CREAT | O_RDWR, 0600);
    (void) !write(fd, page, sizeof(page));
    (void) !ftruncate(fd, LLM_JOURNAL_HEADER + SIZE);
    close(fd);

    snprintf(path, sizeof(path), "%s/ballast", dir);
    fd = open(path, O_CREAT | O_RDWR, 0600);
    (void) !posix_fallocate(fd, 0, 500 * 1024);

    journal = llm_journal_claim(dir, 1, error);
    ok(journal == NULL, "holes on a full disk: not claimed, no SIGBUS");

    (void) !ftruncate(fd, 0);
    close(fd);
    journal = llm_journal_claim(dir, 1, error);
    ok(journal != NULL && put(journal, 1) == LLM_OK, "with room they are");

    if (journal != NULL) {
        llm_journal_release(journal);
    }

    umount(point);
    rmdir(point);
}


int
main(void)
{
    make_base();

    making();
    other_sizes();
    removing();
    removed_by_others(false);
    removed_by_others(true);
    foreign("shorter than its header says", cut);
    foreign("shorter than a header", cut_header);
    foreign("empty", emptied);
    foreign("longer", longer);
    foreign("another magic", no_magic);
    foreign("another size", other_size);
    foreign("a wild head", wild_head);
    foreign("an odd tail", odd_tail);
    foreign("a wild state", wild_state);
    no_files();
    owners();
    folders();
    full_disk();
    holes();

    remove_base();

    return plan_done();
}
