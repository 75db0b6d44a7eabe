/*
 * Preloaded, it makes every name below "slow.test" one whose name server does
 * not answer.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>


int
getaddrinfo(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **found)
{
    int  (*real)(const char *, const char *, const struct addrinfo *,
                 struct addrinfo **);

    if (name != NULL && strstr(name, "slow.test") != NULL) {
        for ( ;; ) {
            pause();
        }
    }

    real = (int (*)(const char *, const char *, const struct addrinfo *,
                    struct addrinfo **))
           dlsym(RTLD_NEXT, "getaddrinfo");

    return real(name, service, hints, found);
}
