/*
 * The folder of the segments.
 */

#include "journal_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


#define LLM_JOURNAL_SUFFIX  ".journal"


static int llm_journal_dir_index(const char *name, const char **suffix);


int
llm_journal_dir_open(llm_journal_dir_t *dir, const char *path,
    char error[LLM_JOURNAL_ERROR])
{
    int     fd, flags;
    char   *name;
    size_t  len;

    /* with a slash at its end a symbolic link would be followed */

    for (len = strlen(path); len > 1 && path[len - 1] == '/'; len--) {
        /* void */
    }

    name = strndup(path, len);

    if (name == NULL) {
        return llm_journal_fail(error, path, "open the folder", ENOMEM);
    }

    flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    dir->fd = open(name, flags);
    free(name);

    if (dir->fd == -1) {
        return llm_journal_fail(error, path, "open the folder", errno);
    }

    /* readdir() has its own, which it closes */

    fd = openat(dir->fd, ".", flags);
    dir->dir = (fd != -1) ? fdopendir(fd) : NULL;

    if (dir->dir == NULL || fstat(dir->fd, &dir->stat) == -1) {
        llm_journal_fail(error, path, "read the folder", errno);

        if (dir->dir != NULL) {
            closedir(dir->dir);

        } else if (fd != -1) {
            close(fd);
        }

        close(dir->fd);

        return LLM_ERROR;
    }

    return LLM_OK;
}


void
llm_journal_dir_close(llm_journal_dir_t *dir)
{
    closedir(dir->dir);
    close(dir->fd);
}


int
llm_journal_dir_next(llm_journal_dir_t *dir, ino_t *inode)
{
    int             index;
    const char     *suffix;
    struct dirent  *entry;

    while ((entry = readdir(dir->dir)) != NULL) {
        index = llm_journal_dir_index(entry->d_name, &suffix);

        if (index != -1 && strcmp(suffix, LLM_JOURNAL_SUFFIX) == 0) {
            *inode = entry->d_ino;
            return index;
        }
    }

    return -1;
}


/* four digits, and what follows them; -1: a name is something else */
static int
llm_journal_dir_index(const char *name, const char **suffix)
{
    int  i, index;

    index = 0;

    for (i = 0; i < 4; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return -1;
        }

        index = index * 10 + (name[i] - '0');
    }

    *suffix = name + 4;

    return index;
}


bool
llm_journal_dir_ours(llm_journal_dir_t *dir)
{
    bool            ours;
    const char     *name, *suffix;
    struct dirent  *entry;

    ours = true;

    while (ours && (entry = readdir(dir->dir)) != NULL) {
        name = entry->d_name;

        ours = strcmp(name, ".") == 0 || strcmp(name, "..") == 0
               || (llm_journal_dir_index(name, &suffix) != -1
                   && (strcmp(suffix, LLM_JOURNAL_SUFFIX) == 0
                       || strcmp(suffix, LLM_JOURNAL_NEW) == 0));
    }

    rewinddir(dir->dir);

    return ours;
}


void
llm_journal_name(char name[LLM_JOURNAL_NAME], unsigned index)
{
    snprintf(name, LLM_JOURNAL_NAME, "%04u" LLM_JOURNAL_SUFFIX,
             index % LLM_JOURNAL_INDEXES);
}


int
llm_journal_fail(char error[LLM_JOURNAL_ERROR], const char *path,
    const char *action, int err)
{
    const char  *advice;

    switch (err) {

    case EACCES:
    case EPERM:
        advice = "; the folder and its files must belong to the user of "
                 "nginx's workers";
        break;

    case ENOSPC:
    case EDQUOT:
        advice = "; make room on its file system, or give the journal another "
                 "folder or smaller segments";
        break;

    case ENOENT:
        advice = "; make the folder above it";
        break;

    case EROFS:
        advice = "; give the journal a folder that can be written to";
        break;

    case ELOOP:
    case ENOTDIR:
        advice = "; it must be a folder, not a symbolic link or a file";
        break;

    default:
        advice = "";
    }

    snprintf(error, LLM_JOURNAL_ERROR, "could not %s \"%.200s\": %s%s",
             action, path, strerror(err), advice);

    return LLM_ERROR;
}
