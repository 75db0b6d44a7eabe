/*
 * Counters against what the rows charge.
 *
 * A counter holds one window of an account, the latest.  That is known from
 * the rows if all of them are there; the one that never resets is known from
 * those that are gone, too, as their sum is kept.
 */

#include "verify_parts.h"

#include <errno.h>
#include <inttypes.h>


static int llm_verify_load(llm_verify_t *verify, llm_tally_t *tally,
    const llm_record_t *record);
static llm_tally_window_t *llm_verify_window(llm_tally_account_t *account,
    llm_window_t window);
static int llm_verify_account(llm_verify_t *verify,
    llm_tally_account_t *account);
static int llm_verify_expect(llm_verify_t *verify,
    const llm_tally_account_t *account, llm_tally_window_t *window,
    bool *known);
static void llm_verify_counter(llm_verify_t *verify,
    const llm_tally_account_t *account, const llm_tally_window_t *window);
static void llm_verify_counter_line(llm_verify_t *verify,
    const llm_tally_account_t *account, const llm_tally_window_t *window);


int
llm_verify_counters_load(llm_verify_t *verify, llm_tally_t *tally)
{
    int            rc;
    MDB_val        key, value;
    MDB_cursor    *cursor;
    llm_record_t   record;

    rc = mdb_cursor_open(verify->txn, verify->store->counters, &cursor);

    if (rc != 0) {
        return rc;
    }

    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {

        if (llm_record_parse(&record,
                             (llm_str_t) { key.mv_data, key.mv_size },
                             (llm_str_t) { value.mv_data, value.mv_size })
            != LLM_OK)
        {
            rc = MDB_CORRUPTED;
            break;
        }

        rc = llm_verify_load(verify, tally, &record);

        if (rc != 0) {
            break;
        }
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? 0 : rc;
}


/* of several epochs the latest window counts, which all of them have that
 * charged in it */
static int
llm_verify_load(llm_verify_t *verify, llm_tally_t *tally,
    const llm_record_t *record)
{
    llm_tally_window_t   *window, new;
    llm_tally_account_t  *account;

    if (record->epoch & LLM_RECORD_UNJOURNALED) {
        /* there is no row that tells of it */
        return 0;
    }

    account = llm_tally_account(tally, record->kind, record->name);

    if (account == NULL) {
        return ENOMEM;
    }

    memset(&new, 0, sizeof(new));
    new.window = record->window;
    new.start = record->start;
    new.end = llm_window_end(record->window, record->start);
    new.end = (new.end == 0) ? INT64_MAX : new.end;
    new.found = record->spent;

    window = llm_verify_window(account, record->window);

    if (window == NULL) {
        return (llm_tally_window(account, &new) == LLM_OK) ? 0 : ENOMEM;
    }

    if (window->start == record->start) {
        llm_record_add(&window->found, &record->spent);

    } else if (window->start < record->start) {
        *window = new;
    }

    return 0;
}


static llm_tally_window_t *
llm_verify_window(llm_tally_account_t *account, llm_window_t window)
{
    unsigned  i;

    for (i = 0; i < account->n; i++) {
        if (account->windows[i].window.unit == window.unit
            && (account->windows[i].window.count == window.count
                || window.unit == LLM_WINDOW_FOREVER))
        {
            return &account->windows[i];
        }
    }

    return NULL;
}


int
llm_verify_counters(llm_verify_t *verify, llm_tally_t *tally)
{
    int     rc;
    size_t  i;

    for (i = 0; i < tally->size; i++) {

        if (tally->table[i] != NULL) {
            rc = llm_verify_account(verify, tally->table[i]);

            if (rc != 0) {
                return rc;
            }
        }
    }

    return 0;
}


static int
llm_verify_account(llm_verify_t *verify, llm_tally_account_t *account)
{
    int                  rc;
    bool                 known;
    unsigned             i;
    llm_tally_window_t  *window, none;

    /* rows without a counter are a difference, too */

    if (llm_verify_window(account, (llm_window_t) { LLM_WINDOW_FOREVER, 1 })
        == NULL)
    {
        memset(&none, 0, sizeof(none));
        none.window = (llm_window_t) { LLM_WINDOW_FOREVER, 1 };
        none.end = INT64_MAX;
        none.expected = account->sum;

        if (llm_tally_window(account, &none) != LLM_OK) {
            return ENOMEM;
        }
    }

    for (i = 0; i < account->n; i++) {
        window = &account->windows[i];

        rc = llm_verify_expect(verify, account, window, &known);

        if (rc != 0) {
            return rc;
        }

        if (known) {
            verify->checked++;
            llm_verify_counter(verify, account, window);
        }
    }

    return 0;
}


/* adds what rows that are gone had charged; *known: the rows tell all that is
 * in the counter */
static int
llm_verify_expect(llm_verify_t *verify, const llm_tally_account_t *account,
    llm_tally_window_t *window, bool *known)
{
    int            rc;
    int64_t        partial;
    llm_str_t      name;
    llm_record_t   record;
    llm_amounts_t  amounts;

    *known = true;
    name = (llm_str_t) { account->name, account->name_len };

    if (window->window.unit == LLM_WINDOW_FOREVER) {
        rc = llm_retired_get(verify->store, verify->txn, account->kind, name,
                             &amounts);

        if (rc == 0) {
            llm_record_add(&window->expected, &amounts);
        }

        return rc;
    }

    memset(&record, 0, sizeof(record));
    record.kind = account->kind;
    record.name = name;
    record.window = window->window;

    rc = llm_retired_window_start(verify->store, verify->txn, &record,
                                  &partial);

    *known = window->start > verify->retired_ms && window->start > partial;

    return rc;
}


static void
llm_verify_counter(llm_verify_t *verify, const llm_tally_account_t *account,
    const llm_tally_window_t *window)
{
    unsigned              i;
    const llm_amounts_t  *expected, *found;

    expected = &window->expected;
    found = &window->found;

    const struct {
        const char  *name;
        int64_t      expected;
        int64_t      found;
    } counts[] = {
        { "requests", expected->requests, found->requests },
        { "input tokens", expected->input_tokens, found->input_tokens },
        { "output tokens", expected->output_tokens, found->output_tokens }
    };

    if (expected->cost != found->cost) {
        llm_verify_counter_line(verify, account, window);
        llm_buf_str(&verify->line, llm_str("cost: expected "));
        llm_buf_dollars(&verify->line, expected->cost);
        llm_buf_str(&verify->line, llm_str(", found "));
        llm_buf_dollars(&verify->line, found->cost);
        llm_verify_difference(verify);
    }

    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {

        if (counts[i].expected != counts[i].found) {
            llm_verify_counter_line(verify, account, window);
            llm_buf_printf(&verify->line, "%s: expected %" PRId64 ", found %"
                           PRId64, counts[i].name, counts[i].expected,
                           counts[i].found);
            llm_verify_difference(verify);
        }
    }
}


static void
llm_verify_counter_line(llm_verify_t *verify,
    const llm_tally_account_t *account, const llm_tally_window_t *window)
{
    char                text[16];
    size_t              len;
    static const char  *kinds[] = {
        "account", "customer", "team", "virtual key", "provider"
    };

    len = llm_window_text(window->window, text);

    verify->line.len = 0;
    llm_buf_printf(&verify->line, "%s \"%.*s\", window %.*s",
                   kinds[account->kind <= LLM_ACCOUNT_PROVIDER
                         ? account->kind : 0],
                   (int) account->name_len, account->name, (int) len, text);

    if (window->window.unit != LLM_WINDOW_FOREVER) {
        llm_buf_str(&verify->line, llm_str(" from "));
        llm_verify_time(&verify->line, window->start);
    }

    llm_buf_str(&verify->line, llm_str(", "));
}
