/*
 * The first credentials and addresses, before the workers start.  A child
 * fetches them, so that the master waits no longer than it wants to and has no
 * thread when it forks its workers.
 */

#include "addresses.h"
#include "identities.h"
#include "manager.h"

#include <poll.h>
#include <sys/wait.h>


#define NGX_HTTP_LLM_PRIME_MS  2000


static ngx_int_t ngx_http_llm_prime_user(ngx_cycle_t *cycle);
static void ngx_http_llm_prime_child(ngx_http_llm_main_conf_t *lmcf,
    ngx_log_t *log);
static void *ngx_http_llm_prime_hosts(void *hosts);
static ngx_int_t ngx_http_llm_prime_wait(ngx_socket_t fd);


void
ngx_http_llm_manager_prime(ngx_cycle_t *cycle, ngx_http_llm_main_conf_t *lmcf)
{
    int        fds[2];
    ngx_pid_t  pid;

    if (ngx_test_config || lmcf->shared == NULL || lmcf->providers.nelts == 0)
    {
        return;
    }

    if (pipe(fds) == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno, "pipe() failed");
        return;
    }

    pid = fork();

    if (pid == 0) {
        (void) close(fds[0]);

        if (ngx_http_llm_prime_user(cycle) == NGX_OK) {
            ngx_http_llm_prime_child(lmcf, cycle->log);
        }

        _exit(0);
    }

    (void) close(fds[1]);

    if (pid == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno, "fork() failed");

    } else {

        /* the other end of the pipe is closed by the child's end */

        if (ngx_http_llm_prime_wait(fds[0]) != NGX_OK) {
            (void) kill(pid, SIGKILL);

            ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                          "llm: not all credentials and addresses of the "
                          "providers came within %d ms, the cache manager "
                          "process goes on with them", NGX_HTTP_LLM_PRIME_MS);
        }

        (void) waitpid(pid, NULL, 0);
    }

    (void) close(fds[0]);
}


static ngx_int_t
ngx_http_llm_prime_wait(ngx_socket_t fd)
{
    int64_t         end_ms, left;
    struct pollfd   ended;

    end_ms = ngx_http_llm_clock() + NGX_HTTP_LLM_PRIME_MS;

    for ( ;; ) {
        left = end_ms - ngx_http_llm_clock();

        if (left <= 0 || left > NGX_HTTP_LLM_PRIME_MS) {
            return NGX_DECLINED;
        }

        ended.fd = fd;
        ended.events = POLLIN;

        if (poll(&ended, 1, (int) left) == 1) {
            return NGX_OK;
        }
    }
}


/* who the cache manager process will be: what only root finds would be gone
 * when it expires */
static ngx_int_t
ngx_http_llm_prime_user(ngx_cycle_t *cycle)
{
    ngx_core_conf_t  *ccf;

    if (geteuid() != 0) {
        return NGX_OK;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (setgid(ccf->group) == -1
        || initgroups(ccf->username, ccf->group) == -1
        || setuid(ccf->user) == -1)
    {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "llm: cannot become the user of the workers");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* names and credentials at once: neither waits for the other */
static void
ngx_http_llm_prime_child(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    pthread_t                   thread;
    ngx_uint_t                  threaded;
    ngx_http_llm_hosts_t       *hosts;
    ngx_http_llm_notes_t       *notes;
    ngx_http_llm_identities_t  *identities;

    notes = ngx_alloc(sizeof(ngx_http_llm_notes_t), log);
    if (notes == NULL) {
        return;
    }

    ngx_http_llm_notes_init(notes);

    hosts = ngx_http_llm_hosts_create(lmcf, notes);
    identities = ngx_http_llm_identities_create(lmcf, notes, 0);

    if (hosts == NULL || identities == NULL) {
        return;
    }

    threaded = (pthread_create(&thread, NULL, ngx_http_llm_prime_hosts, hosts)
                == 0);

    ngx_http_llm_identities_run(identities);
    ngx_http_llm_notes_log(notes, log);

    if (threaded) {
        (void) pthread_join(thread, NULL);

    } else {
        ngx_http_llm_hosts_run(hosts);
    }

    ngx_http_llm_notes_log(notes, log);
}


static void *
ngx_http_llm_prime_hosts(void *hosts)
{
    ngx_http_llm_hosts_run(hosts);

    return NULL;
}
