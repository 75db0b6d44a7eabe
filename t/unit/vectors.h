/*
 * Recorded test data: where it lies, and whole files of it.
 */

#ifndef LLM_VECTORS_H
#define LLM_VECTORS_H

#include "wire/str.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


/* the whole of a file, NUL after it; data is NULL if there is none */
static inline __attribute__((format(printf, 1, 2))) llm_str_t
vector_read(const char *format, ...)
{
    long        size;
    char        path[1024], *data;
    FILE       *file;
    int         len;
    va_list     args;
    llm_str_t   text;

    text.data = NULL;
    text.len = 0;

    len = snprintf(path, sizeof(path), "%s/",
                   getenv("LLM_TEST_DATA") ? getenv("LLM_TEST_DATA")
                                           : "../shared/data");
    va_start(args, format);
    vsnprintf(path + len, sizeof(path) - (size_t) len, format, args);
    va_end(args);

    file = fopen(path, "rb");

    if (file == NULL) {
        return text;
    }

    if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0) {
        rewind(file);

        data = malloc((size_t) size + 1);

        if (data != NULL) {
            text.len = fread(data, 1, (size_t) size, file);
            data[text.len] = '\0';
            text.data = data;
        }
    }

    fclose(file);

    return text;
}


static inline void
vector_free(llm_str_t text)
{
    free((char *) text.data);
}


/* calls `each` with the names in a folder; how many there were */
static inline int
vector_list(const char *folder, void (*each)(const char *name))
{
    int             n;
    char            path[1024];
    DIR            *dir;
    struct dirent  *entry;

    snprintf(path, sizeof(path), "%s/%s",
             getenv("LLM_TEST_DATA") ? getenv("LLM_TEST_DATA")
                                     : "../shared/data", folder);

    dir = opendir(path);

    if (dir == NULL) {
        printf("# no %s: its vectors are skipped\n", folder);
        return 0;
    }

    for (n = 0; (entry = readdir(dir)) != NULL; /* void */) {
        if (entry->d_name[0] != '.') {
            each(entry->d_name);
            n++;
        }
    }

    closedir(dir);

    return n;
}


#endif /* LLM_VECTORS_H */
