/*
 * Preloaded, it keeps what a disk would hold if the power went now: of each
 * file of a folder the bytes that were synced, and nothing else.
 *
 * POWER_LOSS_FROM names the folder, POWER_LOSS_TO where the copies go.  A
 * file is copied as a whole when it is synced; what is written through a
 * descriptor with O_DSYNC goes into the copy at once.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>


static char  from[PATH_MAX], dir[PATH_MAX];


/* at once, because nginx empties its environment */
__attribute__((constructor)) static void
power_loss_init(void)
{
    const char  *value;

    value = getenv("POWER_LOSS_FROM");
    snprintf(from, sizeof(from), "%s", value ? value : "");

    value = getenv("POWER_LOSS_TO");
    snprintf(dir, sizeof(dir), "%s", value ? value : "");
}


/* the path of the copy; 0: the file is none of those looked after */
static int
power_loss_copy_path(int fd, char to[PATH_MAX])
{
    char     link[64], path[PATH_MAX];
    ssize_t  n;
    size_t   len;

    if (from[0] == '\0' || dir[0] == '\0') {
        return 0;
    }

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);

    if (n <= 0) {
        return 0;
    }

    path[n] = '\0';
    len = strlen(from);

    if (strncmp(path, from, len) != 0 || path[len] != '/'
        || strchr(path + len + 1, '/') != NULL)
    {
        return 0;
    }

    return snprintf(to, PATH_MAX, "%s%s", dir, path + len) < PATH_MAX;
}


/* into a new file that takes the old one's place, so that a kill in between
 * leaves one of the two */
static void
power_loss_copy(int fd)
{
    int          out;
    char         to[PATH_MAX], temp[PATH_MAX + 16];
    off_t        offset;
    struct stat  st;

    if (!power_loss_copy_path(fd, to) || fstat(fd, &st) == -1) {
        return;
    }

    snprintf(temp, sizeof(temp), "%s.%d", to, (int) getpid());
    out = open(temp, O_WRONLY|O_CREAT|O_TRUNC, 0600);

    if (out == -1) {
        return;
    }

    offset = 0;

    while (offset < st.st_size
           && copy_file_range(fd, &offset, out, NULL, st.st_size - offset, 0)
              > 0)
    {
        /* void */
    }

    close(out);

    if (offset == st.st_size) {
        rename(temp, to);
    }
}


int
fdatasync(int fd)
{
    static int  (*next)(int);

    if (next == NULL) {
        next = (int (*)(int)) dlsym(RTLD_NEXT, "fdatasync");
    }

    power_loss_copy(fd);

    return next(fd);
}


int
fsync(int fd)
{
    static int  (*next)(int);

    if (next == NULL) {
        next = (int (*)(int)) dlsym(RTLD_NEXT, "fsync");
    }

    power_loss_copy(fd);

    return next(fd);
}


ssize_t
pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    int       out;
    char      to[PATH_MAX];
    ssize_t   n;

    static ssize_t  (*next)(int, const void *, size_t, off64_t);

    if (next == NULL) {
        next = (ssize_t (*)(int, const void *, size_t, off64_t))
               dlsym(RTLD_NEXT, "pwrite64");
    }

    n = next(fd, data, size, offset);

    if (n > 0 && (fcntl(fd, F_GETFL) & O_DSYNC)
        && power_loss_copy_path(fd, to))
    {
        out = open(to, O_WRONLY|O_CREAT, 0600);

        if (out != -1) {
            (void) !next(out, data, n, offset);
            close(out);
        }
    }

    return n;
}


ssize_t
pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return pwrite64(fd, data, size, offset);
}
