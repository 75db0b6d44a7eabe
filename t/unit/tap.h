/*
 * The least of TAP that prove(1) needs.
 */

#ifndef LLM_TAP_H
#define LLM_TAP_H

#include <stdarg.h>
#include <stdio.h>


static int  tap_count, tap_failed;


static inline __attribute__((format(printf, 2, 3))) int
ok(int pass, const char *format, ...)
{
    va_list  args;

    tap_count++;
    tap_failed += !pass;

    printf("%sok %d - ", pass ? "" : "not ", tap_count);

    va_start(args, format);
    vprintf(format, args);
    va_end(args);

    printf("\n");
    fflush(stdout);

    return pass;
}


/* the last line of main(): return plan_done(); */
static inline int
plan_done(void)
{
    printf("1..%d\n", tap_count);

    return tap_failed ? 1 : 0;
}


#endif /* LLM_TAP_H */
