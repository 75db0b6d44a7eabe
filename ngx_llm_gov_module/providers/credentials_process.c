/*
 * credential_process: a command that prints credentials as JSON.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "credentials_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


extern char  **environ;


static int llm_process_start(const char *command, int out, pid_t *pid);
static int llm_process_read(int fd, llm_buf_t *out, int64_t deadline);
static int llm_process_end(pid_t pid, int64_t deadline, int *status);
static int64_t llm_process_clock(void);


int
llm_credentials_process(llm_credentials_t *credentials, const char *command)
{
    int        rc, fds[2], status;
    pid_t      pid;
    int64_t    deadline;
    llm_buf_t  out;

    if (command == NULL || *command == '\0') {
        return LLM_AGAIN;
    }

    if (pipe2(fds, O_CLOEXEC) == -1) {
        return llm_credentials_fail(credentials, "process: %s",
                                    strerror(errno));
    }

    rc = llm_process_start(command, fds[1], &pid);
    close(fds[1]);

    if (rc != 0) {
        close(fds[0]);
        return llm_credentials_fail(credentials, "process: cannot be "
                                    "started: %s", strerror(rc));
    }

    llm_buf_init(&out, LLM_CREDENTIALS_TEXT_SIZE);
    deadline = llm_process_clock() + LLM_CREDENTIALS_TIMEOUT;

    rc = llm_process_read(fds[0], &out, deadline);

    if (llm_process_end(pid, rc == LLM_OK ? deadline : 0, &status) != LLM_OK) {
        rc = LLM_ERROR;
    }

    close(fds[0]);

    /* what it wrote to its standard error may hold secrets: never shown */

    if (rc != LLM_OK) {
        rc = llm_credentials_fail(credentials, "process: took longer than %d "
                                  "seconds or wrote more than %d bytes",
                                  LLM_CREDENTIALS_TIMEOUT / 1000,
                                  LLM_CREDENTIALS_TEXT_SIZE);

    } else if (status != 0) {
        rc = llm_credentials_fail(credentials, "process: ended with status "
                                  "%d; run it by hand as the user of nginx's "
                                  "workers to see why",
                                  WIFEXITED(status) ? WEXITSTATUS(status)
                                                    : 128 + WTERMSIG(status));

    } else {
        rc = llm_credentials_parse_json(credentials, "process",
                                        (llm_str_t) { out.data, out.len });
    }

    llm_buf_free(&out);

    return rc;
}


/* as AWS's tools do: a shell reads the line.  It gets none of our open files
 * and no blocked signals.  Returns an errno. */
static int
llm_process_start(const char *command, int out, pid_t *pid)
{
    int                          rc;
    char                        *argv[4];
    sigset_t                     none;
    posix_spawnattr_t            attributes;
    posix_spawn_file_actions_t   files;

    argv[0] = "sh";
    argv[1] = "-c";
    argv[2] = (char *) command;
    argv[3] = NULL;

    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&files);

    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK|POSIX_SPAWN_SETPGROUP);

    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null",
                                     O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null",
                                     O_WRONLY, 0);

#if (__GLIBC_PREREQ(2, 34))
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
#endif

    rc = posix_spawn(pid, "/bin/sh", &files, &attributes, argv, environ);

    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);

    return rc;
}


static int
llm_process_read(int fd, llm_buf_t *out, int64_t deadline)
{
    char            chunk[4096];
    int64_t         left;
    ssize_t         n;
    struct pollfd   ready;

    for ( ;; ) {
        left = deadline - llm_process_clock();

        if (left <= 0) {
            return LLM_ERROR;
        }

        ready = (struct pollfd) { fd, POLLIN, 0 };

        if (poll(&ready, 1, (int) left) <= 0) {
            continue;
        }

        n = read(fd, chunk, sizeof(chunk));

        if (n == 0) {
            return LLM_OK;
        }

        if (n == -1 && errno != EINTR) {
            return LLM_ERROR;
        }

        if (n > 0) {
            llm_buf_append(out, chunk, n);
        }

        if (out->failed) {
            return LLM_ERROR;
        }
    }
}


/* waits for the end until the deadline, then makes it end.  nginx's own signal
 * handler may have been first to collect the child: then its status is not to
 * be known, and what it wrote decides. */
static int
llm_process_end(pid_t pid, int64_t deadline, int *status)
{
    pid_t            done;
    struct timespec  pause = { 0, 5000000 };

    *status = 0;

    for ( ;; ) {
        done = waitpid(pid, status, WNOHANG);

        if (done == pid) {
            return LLM_OK;
        }

        if (done == -1 && errno != EINTR) {
            *status = 0;
            return LLM_OK;
        }

        if (llm_process_clock() >= deadline) {
            kill(-pid, SIGKILL);
            waitpid(pid, status, 0);
            return LLM_ERROR;
        }

        nanosleep(&pause, NULL);
    }
}


static int64_t
llm_process_clock(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
