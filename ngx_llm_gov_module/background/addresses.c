/*
 * Resolving the providers' hosts by getaddrinfo(), which honours /etc/hosts
 * and resolv.conf and needs no `resolver`.
 */

#include "addresses.h"

#include <netdb.h>
#include <stdio.h>


#define NGX_HTTP_LLM_RESOLVE_MS     10000
#define NGX_HTTP_LLM_UNRESOLVED_MS  1000
#define NGX_HTTP_LLM_REMIND_MS      60000


typedef struct {
    char                     name[256];
    char                     port[8];
    ngx_http_llm_slot_t    **slots;
    ngx_uint_t               nslots;
    ngx_uint_t               n;
    ngx_http_llm_address_t   addresses[NGX_HTTP_LLM_ADDRESSES];
    int64_t                  tried_ms;
    int64_t                  reported_ms;
    int                      reported;      /* getaddrinfo()'s error */
} ngx_http_llm_host_t;


struct ngx_http_llm_hosts_s {
    ngx_http_llm_notes_t    *notes;
    ngx_uint_t               n;
    ngx_http_llm_host_t      elts[1];
};


static ngx_int_t ngx_http_llm_hosts_add(ngx_http_llm_hosts_t *hosts,
    ngx_http_llm_provider_t *provider, ngx_uint_t nproviders);
static void ngx_http_llm_host_resolve(ngx_http_llm_host_t *host,
    ngx_http_llm_notes_t *notes);
static int ngx_http_llm_host_lookup(ngx_http_llm_host_t *host,
    struct addrinfo **list);
static void ngx_http_llm_host_got(ngx_http_llm_host_t *host,
    ngx_http_llm_notes_t *notes, struct addrinfo *list);
static void ngx_http_llm_host_failed(ngx_http_llm_host_t *host,
    ngx_http_llm_notes_t *notes, int error);
static ngx_uint_t ngx_http_llm_host_changed(ngx_http_llm_host_t *host,
    ngx_http_llm_address_t *addresses, ngx_uint_t n);


ngx_http_llm_hosts_t *
ngx_http_llm_hosts_create(ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_notes_t *notes)
{
    ngx_uint_t                 i;
    ngx_http_llm_hosts_t      *hosts;
    ngx_http_llm_provider_t  **provider;

    hosts = ngx_calloc(sizeof(ngx_http_llm_hosts_t)
                       + lmcf->providers.nelts * sizeof(ngx_http_llm_host_t),
                       lmcf->log);
    if (hosts == NULL) {
        return NULL;
    }

    hosts->notes = notes;
    provider = lmcf->providers.elts;

    for (i = 0; i < lmcf->providers.nelts; i++) {
        if (ngx_http_llm_hosts_add(hosts, provider[i], lmcf->providers.nelts)
            != NGX_OK)
        {
            return NULL;
        }
    }

    return hosts;
}


static ngx_int_t
ngx_http_llm_hosts_add(ngx_http_llm_hosts_t *hosts,
    ngx_http_llm_provider_t *provider, ngx_uint_t nproviders)
{
    char                  name[256], port[8];
    ngx_str_t             text;
    ngx_uint_t            i;
    ngx_http_llm_host_t  *host;

    text = provider->endpoint.host;

    if (provider->slot == NULL || text.len == 0 || text.len >= sizeof(name)) {
        return NGX_OK;
    }

    if (text.len > 2 && text.data[0] == '[') {
        /* an IPv6 address */
        text.data++;
        text.len -= 2;
    }

    snprintf(name, sizeof(name), "%.*s", (int) text.len, text.data);
    snprintf(port, sizeof(port), "%u", (unsigned) provider->endpoint.port);

    for (i = 0; i < hosts->n; i++) {
        if (strcmp(hosts->elts[i].name, name) == 0
            && strcmp(hosts->elts[i].port, port) == 0)
        {
            break;
        }
    }

    host = &hosts->elts[i];

    if (i == hosts->n) {
        host->slots = calloc(nproviders, sizeof(ngx_http_llm_slot_t *));
        if (host->slots == NULL) {
            return NGX_ERROR;
        }

        memcpy(host->name, name, sizeof(name));
        memcpy(host->port, port, sizeof(port));
        hosts->n++;
    }

    host->slots[host->nslots++] = provider->slot;

    return NGX_OK;
}


void
ngx_http_llm_hosts_run(void *data)
{
    ngx_http_llm_hosts_t *hosts = data;

    int64_t               now_ms, period;
    ngx_uint_t            i;
    ngx_http_llm_host_t  *host;

    for (i = 0; i < hosts->n; i++) {
        host = &hosts->elts[i];

        now_ms = ngx_http_llm_clock();
        period = (host->n > 0) ? NGX_HTTP_LLM_RESOLVE_MS
                               : NGX_HTTP_LLM_UNRESOLVED_MS;

        if (now_ms - host->tried_ms >= period || now_ms < host->tried_ms) {
            host->tried_ms = now_ms;
            ngx_http_llm_host_resolve(host, hosts->notes);
        }
    }
}


static void
ngx_http_llm_host_resolve(ngx_http_llm_host_t *host,
    ngx_http_llm_notes_t *notes)
{
    int               error;
    struct addrinfo  *list;

    error = ngx_http_llm_host_lookup(host, &list);

    if (error != 0) {
        ngx_http_llm_host_failed(host, notes, error);
        return;
    }

    ngx_http_llm_host_got(host, notes, list);
    freeaddrinfo(list);
}


/* only of families that this machine has addresses of; one that has nothing
 * but its loopback gets them all */
static int
ngx_http_llm_host_lookup(ngx_http_llm_host_t *host, struct addrinfo **list)
{
    int              error;
    struct addrinfo  hints;

    ngx_memzero(&hints, sizeof(struct addrinfo));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG|AI_NUMERICSERV;

    error = getaddrinfo(host->name, host->port, &hints, list);

    if (error == EAI_NONAME || error == EAI_ADDRFAMILY
        || error == EAI_NODATA)
    {
        hints.ai_flags = AI_NUMERICSERV;
        error = getaddrinfo(host->name, host->port, &hints, list);
    }

    return error;
}


static void
ngx_http_llm_host_got(ngx_http_llm_host_t *host, ngx_http_llm_notes_t *notes,
    struct addrinfo *list)
{
    ngx_uint_t               i, n, changed;
    struct addrinfo         *info;
    ngx_http_llm_address_t   addresses[NGX_HTTP_LLM_ADDRESSES];

    n = 0;
    ngx_memzero(addresses, sizeof(addresses));

    for (info = list;
         info != NULL && n < NGX_HTTP_LLM_ADDRESSES;
         info = info->ai_next)
    {
        if ((info->ai_family == AF_INET || info->ai_family == AF_INET6)
            && info->ai_addrlen <= (socklen_t) sizeof(ngx_sockaddr_t))
        {
            addresses[n].socklen = info->ai_addrlen;
            ngx_memcpy(&addresses[n].sockaddr, info->ai_addr,
                       info->ai_addrlen);
            n++;
        }
    }

    if (n == 0) {
        ngx_http_llm_host_failed(host, notes, EAI_NODATA);
        return;
    }

    changed = ngx_http_llm_host_changed(host, addresses, n);

    for (i = 0; i < host->nslots; i++) {
        ngx_http_llm_slot_set_addresses(host->slots[i], addresses, n,
                                        ngx_http_llm_clock());
    }

    if (changed || host->reported != 0) {
        ngx_http_llm_note(notes, host->reported ? NGX_LOG_NOTICE
                                                : NGX_LOG_INFO,
                          "host \"%s:%s\" has %u address%s%s", host->name,
                          host->port, (unsigned) n, n == 1 ? "" : "es",
                          host->reported ? " again" : "");
    }

    host->n = n;
    ngx_memcpy(host->addresses, addresses, sizeof(addresses));
    host->reported = 0;
}


/* the old addresses stay */
static void
ngx_http_llm_host_failed(ngx_http_llm_host_t *host,
    ngx_http_llm_notes_t *notes, int error)
{
    int64_t                  now_ms;
    ngx_uint_t               i;
    ngx_http_llm_address_t   addresses[NGX_HTTP_LLM_ADDRESSES];

    now_ms = ngx_http_llm_clock();

    for (i = 0; i < host->nslots; i++) {
        snprintf(host->slots[i]->resolve_error,
                 sizeof(host->slots[i]->resolve_error), "%s",
                 gai_strerror(error));
    }

    if (host->reported == error
        && now_ms - host->reported_ms < NGX_HTTP_LLM_REMIND_MS)
    {
        return;
    }

    host->reported = error;
    host->reported_ms = now_ms;

    i = ngx_http_llm_slot_addresses(host->slots[0], addresses);

    ngx_http_llm_note(notes, NGX_LOG_ERR,
                      "host \"%s\" of provider \"%.*s\" cannot be resolved: "
                      "%s (%s; trying on)", host->name,
                      host->slots[0]->account->name_len,
                      host->slots[0]->account->name, gai_strerror(error),
                      i > 0 ? "its last addresses stay in use"
                            : "it has no address: check the region or the "
                              "endpoint, and this machine's resolver");
}


/* in any order: name servers rotate them */
static ngx_uint_t
ngx_http_llm_host_changed(ngx_http_llm_host_t *host,
    ngx_http_llm_address_t *addresses, ngx_uint_t n)
{
    ngx_uint_t  i, j;

    if (n != host->n) {
        return 1;
    }

    for (i = 0; i < n; i++) {

        for (j = 0; j < n; j++) {
            if (addresses[i].socklen == host->addresses[j].socklen
                && memcmp(&addresses[i].sockaddr, &host->addresses[j].sockaddr,
                          addresses[i].socklen) == 0)
            {
                break;
            }
        }

        if (j == n) {
            return 1;
        }
    }

    return 0;
}
