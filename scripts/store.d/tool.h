/*
 * What the programs of scripts/store share.
 */

#ifndef LLM_STORE_TOOL_H
#define LLM_STORE_TOOL_H

#include "store/queries/query.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>


#define TOOL_DIFFERENCES  1
#define TOOL_TROUBLE      2


static inline __attribute__((noreturn, format(printf, 1, 2))) void
tool_die(const char *format, ...)
{
    va_list  args;

    fflush(stdout);
    fputs("store: ", stderr);

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);

    fputc('\n', stderr);
    exit(TOOL_TROUBLE);
}


static inline int64_t
tool_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static inline llm_str_t
tool_str(const char *text)
{
    return (llm_str_t) { text, strlen(text) };
}


/* for reading: nginx may have it open, too */
static inline llm_store_t *
tool_open(const char *dir)
{
    const char   *error;
    llm_store_t  *store;

    store = llm_store_open_readonly(dir, &error);

    if (store == NULL) {
        tool_die("%s", error);
    }

    return store;
}


/* "name=value" of the command line; false: it is none */
static inline bool
tool_param(const char *arg, llm_str_t *name, llm_str_t *value)
{
    const char  *equals;

    equals = strchr(arg, '=');

    if (equals == NULL || arg[0] == '-') {
        return false;
    }

    *name = (llm_str_t) { arg, (size_t) (equals - arg) };
    *value = tool_str(equals + 1);

    return true;
}


/* the value of "--name value" or "--name=value" at *i; NULL: another option */
static inline const char *
tool_option(int argc, char **argv, int *i, const char *name)
{
    size_t  len;

    len = strlen(name);

    if (strncmp(argv[*i], name, len) != 0) {
        return NULL;
    }

    if (argv[*i][len] == '=') {
        return argv[*i] + len + 1;
    }

    if (argv[*i][len] != '\0') {
        return NULL;
    }

    if (*i + 1 == argc) {
        tool_die("%s needs a value", name);
    }

    return argv[++*i];
}


static inline void
tool_write(const llm_buf_t *buf)
{
    if (buf->failed) {
        tool_die("no memory");
    }

    if (fwrite(buf->data, 1, buf->len, stdout) != buf->len) {
        tool_die("could not write the output");
    }
}


/* the end of every program */
static inline int
tool_end(llm_store_t *store)
{
    llm_store_close(store);

    if (fflush(stdout) != 0) {
        tool_die("could not write the output");
    }

    return 0;
}


#endif /* LLM_STORE_TOOL_H */
