/*
 * The provider of scripts/bench: TLS, keepalive, reads each request whole and
 * answers a path that ends in "-stream" with event stream frames at a fixed
 * gap, anything else with a fixed JSON body.  One thread, no allocation after
 * a connection is there, so that it costs little beside what is measured.
 *
 * upstream PORT CERTIFICATE KEY JSON_FILE FRAMES_FILE GAP_MS
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define MAX_FRAMES  1024
#define HEAD_SIZE   16384


typedef struct {
    char    *data;
    size_t   len;
} bytes_t;


typedef struct conn_s {
    int             fd;
    SSL            *ssl;
    size_t          have;           /* in head[] */
    size_t          body_left;
    unsigned        in_body:1;
    unsigned        streams:1;
    unsigned        frame;          /* the next one */
    uint64_t        due;            /* of the next frame, ns; 0: none */
    struct conn_s  *prev, *next;    /* in order of due */
    char            head[HEAD_SIZE + 1];
} conn_t;


static SSL_CTX   *tls;
static bytes_t    json_answer, stream_head, frames[MAX_FRAMES];
static unsigned   nframes;
static uint64_t   gap;
static int        epoll_fd;
static conn_t     waiting = { .prev = &waiting, .next = &waiting };


static void
die(const char *what)
{
    perror(what);
    exit(1);
}


static uint64_t
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


static bytes_t
file_content(const char *name)
{
    FILE     *file;
    bytes_t   content;

    file = fopen(name, "rb");

    if (file == NULL) {
        die(name);
    }

    fseek(file, 0, SEEK_END);
    content.len = ftell(file);
    rewind(file);

    content.data = malloc(content.len + 1);

    if (content.data == NULL
        || fread(content.data, 1, content.len, file) != content.len)
    {
        die(name);
    }

    fclose(file);

    return content;
}


/* every frame begins with its total length; each becomes an HTTP chunk */
static void
load_frames(const char *name)
{
    size_t    at, len;
    bytes_t   all;

    all = file_content(name);

    for (at = 0; at + 4 <= all.len && nframes < MAX_FRAMES; at += len) {
        len = (size_t) (uint8_t) all.data[at] << 24
              | (uint8_t) all.data[at + 1] << 16
              | (uint8_t) all.data[at + 2] << 8 | (uint8_t) all.data[at + 3];

        if (len < 16 || at + len > all.len) {
            fprintf(stderr, "%s: broken frame\n", name);
            exit(1);
        }

        frames[nframes].data = malloc(len + 32);
        frames[nframes].len = sprintf(frames[nframes].data, "%zx\r\n", len);
        memcpy(frames[nframes].data + frames[nframes].len, all.data + at, len);
        frames[nframes].len += len;
        memcpy(frames[nframes].data + frames[nframes].len, "\r\n", 2);
        frames[nframes].len += 2;
        nframes++;
    }

    free(all.data);

    frames[nframes].data = "0\r\n\r\n";
    frames[nframes].len = 5;
    nframes++;
}


static void
load_answers(const char *json, const char *stream)
{
    bytes_t  body;

    body = file_content(json);
    json_answer.data = malloc(body.len + 512);
    json_answer.len = sprintf(json_answer.data, "HTTP/1.1 200 OK\r\n"
                              "Content-Type: application/json\r\n"
                              "x-amzn-RequestId: bench\r\n"
                              "Content-Length: %zu\r\n\r\n", body.len);
    memcpy(json_answer.data + json_answer.len, body.data, body.len);
    json_answer.len += body.len;
    free(body.data);

    stream_head.data = "HTTP/1.1 200 OK\r\n"
                       "Content-Type: application/vnd.amazon.eventstream\r\n"
                       "X-Amzn-Bedrock-Content-Type: application/json\r\n"
                       "x-amzn-RequestId: bench\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n";
    stream_head.len = strlen(stream_head.data);

    load_frames(stream);
}


static void
unqueue(conn_t *c)
{
    if (c->due) {
        c->prev->next = c->next;
        c->next->prev = c->prev;
        c->due = 0;
    }
}


/* the gap is the same for all, so the last one is due last */
static void
enqueue(conn_t *c, uint64_t due)
{
    c->due = due;
    c->prev = waiting.prev;
    c->next = &waiting;
    waiting.prev->next = c;
    waiting.prev = c;
}


static void
drop(conn_t *c)
{
    unqueue(c);
    SSL_free(c->ssl);
    close(c->fd);
    free(c);
}


static int
send_all(conn_t *c, bytes_t bytes)
{
    return SSL_write(c->ssl, bytes.data, bytes.len) == (int) bytes.len;
}


/* the frames that are due; 0: the connection is gone */
static int
play(conn_t *c, uint64_t due)
{
    unqueue(c);

    while (c->frame < nframes) {

        /* the last chunk comes with the last frame */

        if (gap && c->frame && c->frame != nframes - 1 && due == 0) {
            enqueue(c, now() + gap);
            return 1;
        }

        if (!send_all(c, frames[c->frame])) {
            drop(c);
            return 0;
        }

        c->frame++;
        due = 0;
    }

    return 1;
}


static int
answer(conn_t *c)
{
    c->in_body = 0;

    if (!c->streams) {
        if (!send_all(c, json_answer)) {
            drop(c);
            return 0;
        }

        return 1;
    }

    if (!send_all(c, stream_head)) {
        drop(c);
        return 0;
    }

    c->frame = 0;

    return play(c, 0);
}


/* what is in head[]: 1 to read on, 0 if the connection is gone */
static int
parse(conn_t *c)
{
    char    *end, *line, *length;
    size_t   size, body;

    for ( ;; ) {
        if (c->in_body) {
            size = c->have < c->body_left ? c->have : c->body_left;
            memmove(c->head, c->head + size, c->have - size);
            c->have -= size;
            c->body_left -= size;

            if (c->body_left) {
                return 1;
            }

            if (!answer(c)) {
                return 0;
            }
        }

        c->head[c->have] = '\0';
        end = strstr(c->head, "\r\n\r\n");

        if (end == NULL) {
            if (c->have < HEAD_SIZE) {
                return 1;
            }

            drop(c);
            return 0;
        }

        *end = '\0';
        line = strstr(c->head, "\r\n");
        length = strcasestr(c->head, "\r\ncontent-length:");
        body = length ? strtoul(length + 17, NULL, 10) : 0;

        if (line) {
            *line = '\0';
        }

        c->streams = strstr(c->head, "-stream ") != NULL;
        size = end + 4 - c->head;
        memmove(c->head, c->head + size, c->have - size);
        c->have -= size;
        c->body_left = body;
        c->in_body = 1;
    }
}


static void
readable(conn_t *c)
{
    int  n;

    for ( ;; ) {
        n = SSL_read(c->ssl, c->head + c->have, HEAD_SIZE - c->have);

        if (n <= 0) {
            n = SSL_get_error(c->ssl, n);

            if (n != SSL_ERROR_WANT_READ && n != SSL_ERROR_WANT_WRITE) {
                ERR_clear_error();
                drop(c);
            }

            return;
        }

        c->have += n;

        if (!parse(c)) {
            return;
        }
    }
}


static void
accepted(int listener)
{
    int                 fd, on;
    conn_t             *c;
    struct epoll_event  event;

    fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

    if (fd < 0) {
        return;
    }

    on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    c = calloc(1, sizeof(conn_t));

    if (c == NULL) {
        die("calloc");
    }

    c->fd = fd;
    c->ssl = SSL_new(tls);
    SSL_set_fd(c->ssl, fd);
    SSL_set_accept_state(c->ssl);

    event.events = EPOLLIN;
    event.data.ptr = c;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}


/* listening sockets are told from connections by the address of their slot */
static int  listeners[2];


static void
listen_on(int slot, struct sockaddr *addr, socklen_t len)
{
    int                 fd, on;
    struct epoll_event  event;

    on = 1;
    listeners[slot] = -1;
    fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return;
    }

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));

    if (addr->sa_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }

    if (bind(fd, addr, len) < 0 || listen(fd, 1024) < 0) {
        if (slot == 0) {
            die("listen");
        }

        close(fd);
        return;
    }

    listeners[slot] = fd;
    event.events = EPOLLIN;
    event.data.ptr = &listeners[slot];
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}


static void
run(void)
{
    int                 i, n, timeout;
    uint64_t            t;
    struct epoll_event  events[256];

    for ( ;; ) {
        timeout = -1;

        if (waiting.next != &waiting) {
            t = now();
            timeout = waiting.next->due <= t
                      ? 0 : (int) ((waiting.next->due - t) / 1000000) + 1;
        }

        n = epoll_wait(epoll_fd, events, 256, timeout);

        for (i = 0; i < n; i++) {
            if (events[i].data.ptr == &listeners[0]
                || events[i].data.ptr == &listeners[1])
            {
                accepted(*(int *) events[i].data.ptr);

            } else {
                readable(events[i].data.ptr);
            }
        }

        t = now();

        while (waiting.next != &waiting && waiting.next->due <= t) {
            play(waiting.next, t);
        }
    }
}


int
main(int argc, char *argv[])
{
    struct sockaddr_in   four = { .sin_family = AF_INET };
    struct sockaddr_in6  six = { .sin6_family = AF_INET6 };

    if (argc != 7) {
        fprintf(stderr, "six arguments, see the source\n");
        return 2;
    }

    signal(SIGPIPE, SIG_IGN);
    gap = strtoull(argv[6], NULL, 10) * 1000000;
    load_answers(argv[4], argv[5]);

    tls = SSL_CTX_new(TLS_server_method());

    if (SSL_CTX_use_certificate_file(tls, argv[2], SSL_FILETYPE_PEM) != 1
        || SSL_CTX_use_PrivateKey_file(tls, argv[3], SSL_FILETYPE_PEM) != 1)
    {
        fprintf(stderr, "no certificate\n");
        return 2;
    }

    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);

    epoll_fd = epoll_create1(0);
    four.sin_port = six.sin6_port = htons(atoi(argv[1]));
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    six.sin6_addr = in6addr_loopback;

    listen_on(0, (struct sockaddr *) &four, sizeof(four));
    listen_on(1, (struct sockaddr *) &six, sizeof(six));
    run();

    return 0;
}
