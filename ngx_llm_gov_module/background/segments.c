/*
 * The journal's folders and their segments, of this process.
 */

#include "segments.h"


#define NGX_HTTP_LLM_BESIDE  "/journal"


typedef struct {
    char             *dir;
    llm_segment_t   **segments;
    unsigned          n;
    ngx_flag_t        kept;         /* it may come (back) */
    ngx_flag_t        gone;
    char              error[LLM_JOURNAL_ERROR];     /* logged already */
} ngx_http_llm_folder_t;


static ngx_http_llm_folder_t   *ngx_http_llm_folders;
static ngx_uint_t               ngx_http_llm_nfolders;

/* of all folders */
static llm_segment_t          **ngx_http_llm_all;
static unsigned                 ngx_http_llm_nall;


static void ngx_http_llm_folder_add(const char *dir, ngx_flag_t kept,
    ngx_log_t *log);
static ngx_int_t ngx_http_llm_folder_look(ngx_http_llm_folder_t *folder,
    ngx_log_t *log);
static ngx_int_t ngx_http_llm_segments_gather(ngx_log_t *log);


ngx_int_t
ngx_http_llm_segments_look(ngx_http_llm_main_conf_t *lmcf, ngx_log_t *log)
{
    char        beside[NGX_MAX_PATH];
    ngx_int_t   rc;
    ngx_uint_t  i;

    rc = NGX_OK;

    if (ngx_http_llm_nfolders == 0) {
        ngx_http_llm_folder_add((char *) lmcf->journal.data, 1, log);

        (void) ngx_snprintf((u_char *) beside, sizeof(beside), "%V%s%Z",
                            &lmcf->store->name, NGX_HTTP_LLM_BESIDE);
        ngx_http_llm_folder_add(beside, 1, log);
    }

    for (i = 0; i < ngx_http_llm_nfolders; i++) {
        if (ngx_http_llm_folder_look(&ngx_http_llm_folders[i], log) != NGX_OK)
        {
            rc = NGX_DECLINED;
        }
    }

    return (ngx_http_llm_segments_gather(log) == NGX_OK) ? rc : NGX_DECLINED;
}


void
ngx_http_llm_segments_folder(const char *dir, ngx_log_t *log)
{
    ngx_http_llm_folder_add(dir, 0, log);
}


static void
ngx_http_llm_folder_add(const char *dir, ngx_flag_t kept, ngx_log_t *log)
{
    size_t                  len;
    ngx_uint_t              i;
    ngx_http_llm_folder_t  *folder, *folders;

    for (i = 0; i < ngx_http_llm_nfolders; i++) {
        if (ngx_strcmp(ngx_http_llm_folders[i].dir, dir) == 0) {
            return;
        }
    }

    folders = realloc(ngx_http_llm_folders, (ngx_http_llm_nfolders + 1)
                                            * sizeof(ngx_http_llm_folder_t));
    if (folders == NULL) {
        return;
    }

    ngx_http_llm_folders = folders;

    len = ngx_strlen(dir) + 1;
    folder = &folders[ngx_http_llm_nfolders];

    ngx_memzero(folder, sizeof(ngx_http_llm_folder_t));
    folder->kept = kept;
    folder->dir = ngx_alloc(len, log);

    if (folder->dir != NULL) {
        ngx_memcpy(folder->dir, dir, len);
        ngx_http_llm_nfolders++;
    }
}


static ngx_int_t
ngx_http_llm_folder_look(ngx_http_llm_folder_t *folder, ngx_log_t *log)
{
    char             error[LLM_JOURNAL_ERROR];
    ngx_file_info_t  fi;

    /* workers may still write to files of a folder that was removed */

    (void) llm_segments_scan(folder->dir, &folder->segments, &folder->n,
                             error);

    folder->gone = (folder->n == 0
                    && ngx_file_info(folder->dir, &fi) == NGX_FILE_ERROR
                    && ngx_errno == NGX_ENOENT);

    if (folder->gone) {
        return NGX_OK;
    }

    if (ngx_strcmp(error, folder->error) != 0) {
        ngx_cpystrn((u_char *) folder->error, (u_char *) error,
                    sizeof(folder->error));

        if (error[0] != '\0') {
            ngx_log_error(NGX_LOG_ERR, log, 0, "llm_store: the journal: %s",
                          error);
        }
    }

    return (error[0] == '\0') ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_llm_segments_gather(ngx_log_t *log)
{
    unsigned                n;
    ngx_uint_t              i;
    llm_segment_t         **all;
    ngx_http_llm_folder_t  *folder;

    n = 0;

    for (i = 0; i < ngx_http_llm_nfolders; i++) {
        n += ngx_http_llm_folders[i].n;
    }

    ngx_http_llm_nall = 0;

    all = realloc(ngx_http_llm_all, (n + 1) * sizeof(llm_segment_t *));
    if (all == NULL) {
        return NGX_ERROR;
    }

    ngx_http_llm_all = all;

    for (i = 0; i < ngx_http_llm_nfolders; i++) {
        folder = &ngx_http_llm_folders[i];

        if (folder->n > 0) {
            ngx_memcpy(all + ngx_http_llm_nall, folder->segments,
                       folder->n * sizeof(llm_segment_t *));
            ngx_http_llm_nall += folder->n;
        }
    }

    return NGX_OK;
}


char *
ngx_http_llm_segments_gone(void)
{
    char                   *dir;
    ngx_uint_t              i;
    ngx_http_llm_folder_t  *folder;

    for (i = 0; i < ngx_http_llm_nfolders; i++) {
        folder = &ngx_http_llm_folders[i];

        if (folder->gone && !folder->kept) {
            dir = folder->dir;
            llm_segments_free(folder->segments, folder->n);
            *folder = ngx_http_llm_folders[--ngx_http_llm_nfolders];
            return dir;
        }
    }

    return NULL;
}


llm_segment_t **
ngx_http_llm_segments(unsigned *n)
{
    *n = ngx_http_llm_nall;

    return ngx_http_llm_all;
}


uint64_t
ngx_http_llm_segments_lag(uint64_t *most)
{
    uint64_t  head, tail, sum;
    unsigned  i;

    sum = 0;
    *most = 0;

    for (i = 0; i < ngx_http_llm_nall; i++) {
        tail = llm_segment_tail(ngx_http_llm_all[i]);
        head = llm_segment_head(ngx_http_llm_all[i]);

        if (head > tail) {
            sum += head - tail;
            *most = ngx_max(*most, head - tail);
        }
    }

    return sum;
}


ngx_uint_t
ngx_http_llm_segments_left(void)
{
    unsigned  i;

    for (i = 0; i < ngx_http_llm_nall; i++) {

        if (!llm_segment_busy(ngx_http_llm_all[i])) {
            llm_segment_unlock(ngx_http_llm_all[i]);
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_llm_segments_alive(uint64_t epoch)
{
    unsigned        i;
    llm_segment_t  *segment;

    for (i = 0; i < ngx_http_llm_nall; i++) {
        segment = ngx_http_llm_all[i];

        if (llm_segment_epoch(segment) == epoch
            && !llm_segment_idle(segment)
            && llm_segment_busy(segment))
        {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_llm_segments_close(void)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_http_llm_nfolders; i++) {
        llm_segments_free(ngx_http_llm_folders[i].segments,
                          ngx_http_llm_folders[i].n);
        ngx_free(ngx_http_llm_folders[i].dir);
    }

    free(ngx_http_llm_folders);
    free(ngx_http_llm_all);

    ngx_http_llm_folders = NULL;
    ngx_http_llm_nfolders = 0;
    ngx_http_llm_all = NULL;
    ngx_http_llm_nall = 0;
}
