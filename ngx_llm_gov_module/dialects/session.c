/*
 * End user and session, as clients write them.
 */

#include "session.h"
#include "../wire/json.h"


#define LLM_SESSION_MARK  "_session_"


typedef struct {
    llm_str_t   session;
    llm_str_t   account;
    llm_str_t   device;
} llm_session_members_t;


static int
llm_session_member(llm_json_t *json, const llm_json_token_t *token, void *data)
{
    llm_str_t               key;
    llm_session_members_t  *members;

    members = data;

    if (json->depth != 1 || token->type != LLM_JSON_STRING || token->escaped) {
        return LLM_OK;
    }

    key = llm_json_key(json);

    if (llm_str_eq(key, llm_str("session_id"))) {
        members->session = token->text;

    } else if (llm_str_eq(key, llm_str("account_uuid"))) {
        members->account = token->text;

    } else if (llm_str_eq(key, llm_str("device_id"))) {
        members->device = token->text;
    }

    return LLM_OK;
}


/* one piece, so that a string is handed out where it lies */
static void
llm_session_object(llm_session_t *session, llm_str_t user)
{
    llm_session_members_t  members;

    memset(&members, 0, sizeof(llm_session_members_t));

    /* cut off at its end it still says what came before */

    (void) llm_json_scan(user.data, user.len, llm_session_member, &members);

    session->session = members.session;

    if (members.account.len != 0) {
        session->end_user = members.account;

    } else if (members.device.len != 0) {
        session->end_user = members.device;
    }
}


/* the last one: a name before it may hold anything */
static void
llm_session_marked(llm_session_t *session, llm_str_t user)
{
    size_t  i, len;

    len = sizeof(LLM_SESSION_MARK) - 1;

    for (i = user.len; i >= len; i--) {

        if (memcmp(user.data + i - len, LLM_SESSION_MARK, len) == 0) {
            session->session.data = user.data + i;
            session->session.len = user.len - i;
            session->end_user.len = i - len;
            return;
        }
    }
}


void
llm_session_read(llm_session_t *session, llm_str_t user)
{
    session->end_user = user;
    session->session = llm_str("");

    if (user.len == 0) {
        return;
    }

    if (user.data[0] == '{') {
        llm_session_object(session, user);

    } else if (llm_str_starts(user, llm_str("user_"))) {
        llm_session_marked(session, user);
    }
}
