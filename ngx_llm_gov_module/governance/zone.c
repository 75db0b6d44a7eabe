/*
 * The zone's directive, its layout and its lock.
 */

#include "zone_internal.h"

#include <sys/wait.h>


#define NGX_HTTP_LLM_MAGIC     0x4c4c4d47       /* "LLMG" */

/* changes with the layout of anything that lies in the zone */
#define NGX_HTTP_LLM_VERSION   4

/* an account with its counters takes about 512 bytes: the look-up costs the
 * same however many of them fit */
#define NGX_HTTP_LLM_BUCKET    512

/* windows of an account that most have at most */
#define NGX_HTTP_LLM_REDO      16

#define NGX_HTTP_LLM_LOCK_MS   10000

/* the workers' clocks differ by less; beyond it the system's was set back */
#define NGX_HTTP_LLM_SKEW_MS   (60 * 1000)


static ngx_int_t ngx_http_llm_zone_init(ngx_shm_zone_t *zone, void *data);


char *
ngx_http_llm_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_llm_main_conf_t *lmcf = conf;

    u_char     *p;
    ssize_t     size;
    ngx_str_t  *value, name, number;

    if (lmcf->zone != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    p = (u_char *) ngx_strlchr(value[1].data, value[1].data + value[1].len,
                               ':');
    if (p == NULL || p == value[1].data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone \"%V\": write a name and a size, "
                           "like \"llm_zone gov:64m;\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    name.data = value[1].data;
    name.len = p - value[1].data;

    number.data = p + 1;
    number.len = value[1].len - name.len - 1;

    size = ngx_parse_size(&number);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\": write a number of "
                           "megabytes, like \"llm_zone %V:64m;\"",
                           &number, &name);
        return NGX_CONF_ERROR;
    }

    return (ngx_http_llm_zone_add(cf, lmcf, &name, (size_t) size) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_llm_zone_add(ngx_conf_t *cf, ngx_http_llm_main_conf_t *lmcf,
    ngx_str_t *name, size_t size)
{
    ngx_shm_zone_t  *zone;

    if (size < NGX_HTTP_LLM_ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small: its metrics and what is "
                           "learned need %dm at least, write \"llm_zone "
                           "%V:32m;\"", name,
                           NGX_HTTP_LLM_ZONE_MIN / (1024 * 1024), name);
        return NGX_ERROR;
    }

    zone = ngx_shared_memory_add(cf, name, size, &ngx_http_llm_gov_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_http_llm_zone_init;
    zone->data = lmcf;
    lmcf->zone = zone;

    return NGX_OK;
}


/* the zone of the same name in the cycle before; NULL: there is none */
static ngx_slab_pool_t *
ngx_http_llm_zone_before(ngx_shm_zone_t *zone)
{
    ngx_uint_t        i;
    ngx_shm_zone_t   *old;
    ngx_list_part_t  *part;

    for (part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part;
         part != NULL;
         part = part->next)
    {
        old = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (old[i].tag == zone->tag
                && old[i].shm.addr != NULL
                && old[i].shm.addr != zone->shm.addr
                && old[i].shm.name.len == zone->shm.name.len
                && ngx_memcmp(old[i].shm.name.data, zone->shm.name.data,
                              zone->shm.name.len) == 0)
            {
                return (ngx_slab_pool_t *) old[i].shm.addr;
            }
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_llm_zone_known(ngx_slab_pool_t *pool, ngx_log_t *log)
{
    ngx_http_llm_shared_t  *shared;

    shared = pool->data;

    if (shared != NULL
        && shared->magic == NGX_HTTP_LLM_MAGIC
        && shared->version == NGX_HTTP_LLM_VERSION)
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "llm_zone: the zone was made by another version of "
                  "ngx_http_llm_gov_module, which a reload cannot take over: "
                  "restart nginx, or upgrade its binary on the fly");

    return NGX_ERROR;
}


static uint64_t
ngx_http_llm_epoch(void)
{
    uint64_t  epoch;

    epoch = 0;

    if (RAND_bytes((u_char *) &epoch, sizeof(uint64_t)) != 1) {
        epoch = (uint64_t) ngx_http_llm_now() << 20 ^ (uint64_t) ngx_pid;
    }

    /* never 0; positive as a signed number too, and ids never wrap around */

    return (epoch >> 2) | 1;
}


static ngx_int_t
ngx_http_llm_zone_layout(ngx_slab_pool_t *pool, size_t size)
{
    ngx_http_llm_shared_t  *shared;

    shared = ngx_slab_calloc(pool, sizeof(ngx_http_llm_shared_t));
    if (shared == NULL) {
        return NGX_ERROR;
    }

    shared->magic = NGX_HTTP_LLM_MAGIC;
    shared->version = NGX_HTTP_LLM_VERSION;
    shared->epoch = ngx_http_llm_epoch();
    shared->created_ms = ngx_http_llm_now();

    ngx_queue_init(&shared->holds);

    shared->redo_size = NGX_HTTP_LLM_REDO;
    shared->redo.counters = ngx_slab_calloc(pool, NGX_HTTP_LLM_REDO
                                                  * sizeof(llm_redo_counter_t));

    shared->nbuckets = 1024;

    while (shared->nbuckets < size / NGX_HTTP_LLM_BUCKET) {
        shared->nbuckets *= 2;
    }

    shared->buckets = ngx_slab_calloc(pool, shared->nbuckets
                                            * sizeof(llm_account_t *));
    shared->learned = ngx_slab_calloc(pool, NGX_HTTP_LLM_LEARNED
                                            * sizeof(llm_learned_t));
    shared->series = ngx_slab_calloc(pool, sizeof(ngx_http_llm_series_t));

    if (shared->redo.counters == NULL || shared->buckets == NULL
        || shared->learned == NULL || shared->series == NULL)
    {
        return NGX_ERROR;
    }

    /* a full zone is a refusal, not a line in the log for each, written while
     * the lock is held */

    pool->log_nomem = 0;
    pool->data = shared;

    return NGX_OK;
}


/* a new zone: from the one it replaces, else from the store */
static ngx_int_t
ngx_http_llm_zone_fill(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    ngx_slab_pool_t  *old;

    old = ngx_http_llm_zone_before(lmcf->zone);

    if (old != NULL) {
        if (ngx_http_llm_zone_known(old, log) != NGX_OK
            || ngx_http_llm_zone_copy(lmcf, old) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_llm_zone_bind(lmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (old != NULL || ngx_test_config) {
        return NGX_OK;
    }

    return lmcf->restore(lmcf, log);
}


static ngx_int_t
ngx_http_llm_zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_log_t                 *log;
    ngx_slab_pool_t           *pool;
    ngx_http_llm_main_conf_t  *lmcf;

    lmcf = zone->data;
    log = zone->shm.log;
    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data != NULL) {
        if (ngx_http_llm_zone_known(pool, log) != NGX_OK) {
            return NGX_ERROR;
        }

        lmcf->shared = pool->data;

        if (ngx_http_llm_zone_bind(lmcf) != NGX_OK) {
            return NGX_ERROR;
        }

        return lmcf->prepare(lmcf, log);
    }

    if (ngx_http_llm_zone_layout(pool, zone->shm.size) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "llm_zone \"%V\" is too small", &zone->shm.name);
        return NGX_ERROR;
    }

    lmcf->shared = pool->data;

    if (ngx_http_llm_zone_fill(lmcf, log) != NGX_OK) {
        return NGX_ERROR;
    }

    return lmcf->prepare(lmcf, log);
}


/* gives the lock back for a child that is dead but not reaped yet */
static void
ngx_http_llm_zone_unlock_dead(ngx_slab_pool_t *pool)
{
    pid_t      holder;
    siginfo_t  info;

    holder = (pid_t) *pool->mutex.lock;

    if (holder <= 0) {
        return;
    }

    ngx_memzero(&info, sizeof(siginfo_t));

    if (waitid(P_PID, (id_t) holder, &info, WEXITED|WNOHANG|WNOWAIT) == 0
        && info.si_pid == holder)
    {
        (void) ngx_shmtx_force_unlock(&pool->mutex, holder);
    }
}


static ngx_inline void
ngx_http_llm_zone_redo(ngx_slab_pool_t *pool)
{
    ngx_http_llm_shared_t  *shared;

    shared = pool->data;

    llm_redo(&shared->redo);
    ngx_http_llm_holds_redo(shared);
}


ngx_int_t
ngx_http_llm_zone_lock(ngx_slab_pool_t *pool, ngx_log_t *log)
{
    ngx_uint_t  ms;

    for (ms = 0; ms < NGX_HTTP_LLM_LOCK_MS; ms++) {

        if (ngx_shmtx_trylock(&pool->mutex)) {
            ngx_http_llm_zone_redo(pool);
            return NGX_OK;
        }

        ngx_http_llm_zone_unlock_dead(pool);
        ngx_msleep(1);
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "llm_zone: process %P keeps the zone locked, "
                  "the configuration cannot be taken over",
                  (ngx_pid_t) *pool->mutex.lock);

    return NGX_ERROR;
}


void
ngx_http_llm_lock(ngx_http_llm_main_conf_t *lmcf)
{
    ngx_slab_pool_t  *pool;

    pool = ngx_http_llm_pool(lmcf);

    ngx_shmtx_lock(&pool->mutex);
    ngx_http_llm_zone_redo(pool);
}


void
ngx_http_llm_unlock(ngx_http_llm_main_conf_t *lmcf)
{
    ngx_shmtx_unlock(&ngx_http_llm_pool(lmcf)->mutex);
}


int64_t
ngx_http_llm_zone_time(ngx_http_llm_main_conf_t *lmcf)
{
    int64_t  now, last;

    now = ngx_http_llm_now();
    last = lmcf->shared->clock_ms;

    return (now < last && last - now < NGX_HTTP_LLM_SKEW_MS) ? last : now;
}


int64_t
ngx_http_llm_zone_now(ngx_http_llm_main_conf_t *lmcf)
{
    lmcf->shared->clock_ms = ngx_http_llm_zone_time(lmcf);

    return lmcf->shared->clock_ms;
}
