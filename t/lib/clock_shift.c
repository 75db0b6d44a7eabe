/*
 * Preloaded, it makes a process take another time for the present one: by so
 * many milliseconds as the file CLOCK_SHIFT_FILE holds, a binary int64 that
 * may change at any moment.  The monotonic clock stays.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>


static const volatile int64_t  *shift_ms;

static int (*real_clock_gettime)(clockid_t, struct timespec *);


__attribute__((constructor))
static void
shift_open(void)
{
    int          fd;
    void        *p;
    const char  *path;

    real_clock_gettime = (int (*)(clockid_t, struct timespec *))
                         dlsym(RTLD_NEXT, "clock_gettime");

    path = getenv("CLOCK_SHIFT_FILE");
    fd = path ? open(path, O_RDONLY|O_CLOEXEC) : -1;

    if (fd == -1) {
        return;
    }

    p = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);

    if (p != MAP_FAILED) {
        shift_ms = p;
    }
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int      rc;
    int64_t  ms;

    if (real_clock_gettime == NULL) {
        shift_open();
    }

    rc = real_clock_gettime(id, ts);

    if (rc == 0 && shift_ms
        && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
    {
        ms = ts->tv_nsec / 1000000 + *shift_ms;
        ts->tv_sec += ms / 1000;
        ts->tv_nsec = ms % 1000 * 1000000 + ts->tv_nsec % 1000000;
    }

    return rc;
}


int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec  ts;

    (void) tz;

    clock_gettime(CLOCK_REALTIME, &ts);
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}


time_t
time(time_t *t)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    if (t) {
        *t = ts.tv_sec;
    }

    return ts.tv_sec;
}
