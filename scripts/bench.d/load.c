/*
 * The clients of scripts/bench for streams: so many connections to
 * 127.0.0.1:PORT, each sends the request of a file again and again until the
 * time is over, and reads chunked answers to their end.  Prints one line:
 *
 *     STREAMS ERRORS P50 P99
 *
 * the last two being the time from the request to the first byte of the body,
 * in nanoseconds.
 *
 * load PORT REQUEST_FILE CONNECTIONS SECONDS
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define READ_SIZE    65536
#define MAX_SAMPLES  4000000


typedef enum {
    IN_HEAD = 0,
    IN_SIZE,
    IN_DATA,
    IN_DATA_END
} state_t;


typedef struct {
    int        fd;
    state_t    state;
    unsigned   matched;         /* of the blank line after the head */
    unsigned   ok:1;
    unsigned   first:1;         /* seen a byte of the body */
    unsigned   last:1;          /* in the chunk of size 0 */
    uint64_t   left;            /* of the chunk */
    uint64_t   began;
    char       line[16];        /* begin of the status line */
    unsigned   line_len;
} conn_t;


static struct sockaddr_in   target = { .sin_family = AF_INET };
static char                 request[1 << 20], input[READ_SIZE];
static size_t               request_len;
static uint64_t             deadline;
static uint64_t            *samples;
static size_t               nsamples;
static unsigned long        streams, errors, open_now;
static int                  epoll_fd;


static uint64_t
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


static void
drop(conn_t *c)
{
    close(c->fd);
    c->fd = -1;
    open_now--;
}


static void
ask(conn_t *c)
{
    c->state = IN_HEAD;
    c->matched = c->line_len = 0;
    c->ok = c->first = c->last = 0;
    c->left = 0;
    c->began = now();

    /* requests are small, a socket buffer takes one at once */

    if (send(c->fd, request, request_len, MSG_NOSIGNAL)
        != (ssize_t) request_len)
    {
        errors++;
        drop(c);
    }
}


static void
begin(conn_t *c)
{
    int                 on;
    struct epoll_event  event;

    on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);

    if (c->fd < 0
        || connect(c->fd, (struct sockaddr *) &target, sizeof(target)) < 0)
    {
        perror("connect");
        exit(1);
    }

    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    event.events = EPOLLIN;
    event.data.ptr = c;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
    open_now++;
    ask(c);
}


static void
stream_over(conn_t *c)
{
    if (c->ok && c->first) {
        streams++;

    } else {
        errors++;
    }

    if (now() < deadline) {
        ask(c);

    } else {
        drop(c);
    }
}


static void
head_byte(conn_t *c, char ch)
{
    static const char  blank[] = "\r\n\r\n";

    if (c->line_len < sizeof(c->line)) {
        c->line[c->line_len++] = ch;
    }

    c->matched = ch == blank[c->matched] ? c->matched + 1 : ch == '\r';

    if (c->matched == 4) {
        c->ok = c->line_len >= 12 && memcmp(c->line + 9, "200", 3) == 0;
        c->state = IN_SIZE;
    }
}


static void
size_byte(conn_t *c, char ch)
{
    if (ch == '\n') {
        c->last = c->left == 0;
        c->state = c->left ? IN_DATA : IN_DATA_END;

    } else if (ch >= '0' && ch <= '9') {
        c->left = c->left * 16 + (ch - '0');

    } else if (ch >= 'a' && ch <= 'f') {
        c->left = c->left * 16 + (ch - 'a' + 10);

    } else if (ch >= 'A' && ch <= 'F') {
        c->left = c->left * 16 + (ch - 'A' + 10);
    }
}


static void
first_byte(conn_t *c)
{
    if (!c->first) {
        c->first = 1;

        if (nsamples < MAX_SAMPLES) {
            samples[nsamples++] = now() - c->began;
        }
    }
}


static void
readable(conn_t *c)
{
    size_t   i, n, take;
    ssize_t  got;

    got = recv(c->fd, input, READ_SIZE, MSG_DONTWAIT);

    if (got <= 0) {
        if (got < 0 && errno == EAGAIN) {
            return;
        }

        errors++;
        drop(c);
        return;
    }

    n = got;

    for (i = 0; i < n; ) {
        switch (c->state) {

        case IN_HEAD:
            head_byte(c, input[i++]);
            break;

        case IN_SIZE:
            size_byte(c, input[i++]);
            break;

        case IN_DATA:
            first_byte(c);
            take = n - i < c->left ? n - i : c->left;
            i += take;
            c->left -= take;

            if (c->left == 0) {
                c->state = IN_DATA_END;
            }

            break;

        case IN_DATA_END:
            if (input[i++] == '\n') {
                c->state = IN_SIZE;

                if (c->last) {
                    stream_over(c);
                    return;
                }
            }

            break;
        }
    }
}


static int
by_value(const void *a, const void *b)
{
    uint64_t  x, y;

    x = *(const uint64_t *) a;
    y = *(const uint64_t *) b;

    return x < y ? -1 : x > y;
}


int
main(int argc, char *argv[])
{
    int                 i, n, connections;
    FILE               *file;
    conn_t             *conns;
    struct epoll_event  events[256];

    if (argc != 5 || (file = fopen(argv[2], "rb")) == NULL) {
        fprintf(stderr, "four arguments, see the source\n");
        return 2;
    }

    request_len = fread(request, 1, sizeof(request), file);
    fclose(file);

    target.sin_port = htons(atoi(argv[1]));
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connections = atoi(argv[3]);
    deadline = now() + (uint64_t) (atof(argv[4]) * 1e9);
    epoll_fd = epoll_create1(0);
    samples = malloc(MAX_SAMPLES * sizeof(uint64_t));
    conns = calloc(connections, sizeof(conn_t));

    for (i = 0; i < connections; i++) {
        begin(&conns[i]);
    }

    while (open_now && now() < deadline + 10000000000ULL) {
        n = epoll_wait(epoll_fd, events, 256, 1000);

        for (i = 0; i < n; i++) {
            readable(events[i].data.ptr);
        }
    }

    qsort(samples, nsamples, sizeof(uint64_t), by_value);

    printf("%lu %lu %lu %lu\n", streams, errors + open_now,
           nsamples ? (unsigned long) samples[nsamples / 2] : 0,
           nsamples ? (unsigned long) samples[nsamples * 99 / 100] : 0);

    return 0;
}
