/*
 * Who sits before the client: end user and session, as clients write them into
 * their requests.
 */

#ifndef LLM_SESSION_H
#define LLM_SESSION_H

#include "../wire/str.h"


typedef struct {
    llm_str_t   end_user;
    llm_str_t   session;        /* empty: none is told */
} llm_session_t;


/*
 * Reads what stands in Anthropic's metadata.user_id (OpenAI's `user`).  Claude
 * Code puts a session into it: JSON with "session_id", and "account_uuid" or
 * "device_id", of which the first that is not empty is the end user; or, in
 * older versions, "user_…_session_…".  Anything else is the end user as it is.
 * The strings point into `user`.
 */
void llm_session_read(llm_session_t *session, llm_str_t user);


#endif /* LLM_SESSION_H */
