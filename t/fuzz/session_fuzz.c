/*
 * What clients write as their user: whatever it is, end user and session are
 * parts of it.
 */

#include "dialects/session.h"

#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
part_of(llm_str_t part, llm_str_t whole)
{
    if (part.len > 0
        && (part.data < whole.data
            || part.data + part.len > whole.data + whole.len))
    {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    llm_str_t      user;
    llm_session_t  session;

    user = (llm_str_t) { (const char *) data, size };

    llm_session_read(&session, user);

    part_of(session.end_user, user);
    part_of(session.session, user);

    if (size > 0 && session.end_user.len + session.session.len > 2 * size) {
        abort();
    }

    return 0;
}
