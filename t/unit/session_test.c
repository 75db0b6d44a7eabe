/*
 * End user and session, as clients write them.
 */

#include "dialects/session.h"
#include "tap.h"


static void
reads(const char *user, const char *end_user, const char *id,
    const char *title)
{
    llm_session_t  session;

    llm_session_read(&session, (llm_str_t) { user, strlen(user) });

    ok(llm_str_eq(session.end_user,
                  (llm_str_t) { end_user, strlen(end_user) })
       && llm_str_eq(session.session, (llm_str_t) { id, strlen(id) }),
       "%s: \"%.*s\", \"%.*s\"", title,
       (int) session.end_user.len, session.end_user.data,
       (int) session.session.len, session.session.data);
}


int
main(void)
{
    llm_session_t  session;

    reads("alice@example.com", "alice@example.com", "", "a name");
    reads("{\"device_id\":\"d1\",\"account_uuid\":\"a-1\","
          "\"session_id\":\"s-1\"}", "a-1", "s-1", "Claude Code's JSON");
    reads("{\"device_id\":\"d1\",\"account_uuid\":\"\","
          "\"session_id\":\"s-1\"}", "d1", "s-1", "without an account");
    reads("user_12ab_account__session_0f-1", "user_12ab_account_", "0f-1",
          "Claude Code's older form");
    reads("user_a_session_b_session_c", "user_a_session_b", "c",
          "the last one is the session");
    reads("user_42", "user_42", "", "a name like it");
    reads("_session_x", "_session_x", "", "and another");
    reads("{\"x\":{\"session_id\":\"no\"}}", "{\"x\":{\"session_id\":\"no\"}}",
          "", "of the top object only");
    reads("{\"session_id\":\"s\",\"account_uuid\":\"a", "{\"session_id\":\"s\","
          "\"account_uuid\":\"a", "s", "cut off");
    reads("{\"session_id\":\"a\\u0000b\"}", "{\"session_id\":\"a\\u0000b\"}",
          "", "an escape is no session");
    reads("{\"session_id\":7}", "{\"session_id\":7}", "", "nor is a number");

    llm_session_read(&session, (llm_str_t) { NULL, 0 });
    ok(session.end_user.len == 0 && session.session.len == 0, "nothing");

    return plan_done();
}
