/*
 * A worker is killed after each single instruction of a call's life in the
 * ledger: whoever takes the lock next, and settles what it held, finds the
 * accounts as the journal has the call, or as they were before.  The worker is
 * a child that is stepped through by ptrace(2); everything it shares lies in
 * one arena, which is put back after each look.
 */

#include "governance/ledger.h"
#include "tap.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>


#define START    ((int64_t) 1790000000000)
#define WINDOWS  34                 /* more than anybody has */
#define STEPS    20                 /* of a call's life */

enum { TEAM, KEY, EAST, WEST, ACCOUNTS };


typedef struct {
    llm_account_t  account;
    llm_counter_t  counters[WINDOWS];
    int64_t        turn;
} box_t;

/* what each account has been charged */
typedef struct {
    llm_amounts_t  of[ACCOUNTS];
} sums_t;

typedef struct {
    box_t               boxes[ACCOUNTS];
    llm_redo_t          redo;
    llm_redo_counter_t  counters[WINDOWS];
    llm_hold_t          hold;

    uint64_t            head;       /* of the journal: rows[1 .. head - 1] */
    sums_t              rows[STEPS];

    /* without one: as before this step, or as after it */
    sums_t              before;
    sums_t              after;
} arena_t;


static arena_t  *arena, *saved;


static void
prepare(bool unjournaled)
{
    unsigned  i, n;
    box_t    *box;

    memset(arena, 0, sizeof(arena_t));

    for (i = 0; i < ACCOUNTS; i++) {
        box = &arena->boxes[i];
        box->account.kind = (i >= EAST) ? LLM_ACCOUNT_PROVIDER
                                        : (llm_account_kind_t) (i + 2);
        box->account.counters = box->counters;

        for (n = 0; n < ((i == KEY) ? WINDOWS : 3); n++) {
            llm_account_window(&box->account,
                               (llm_window_t) { n ? LLM_WINDOW_HOURS
                                                  : LLM_WINDOW_FOREVER,
                                                n ? n : 1 },
                               WINDOWS);
        }
    }

    arena->head = 1;
    arena->redo.counters = arena->counters;
    arena->hold.redo = &arena->redo;
    arena->hold.unjournaled = unjournaled;
}


static llm_amounts_t
amounts(int64_t cost)
{
    return (llm_amounts_t) { cost, 1, cost * 2, cost * 3 };
}


static llm_candidate_t
candidate(unsigned provider, int64_t cost)
{
    box_t  *box;

    box = &arena->boxes[provider];

    return (llm_candidate_t) {
        .provider = { &box->account, NULL, 0 }, .weight = 1,
        .current = &box->turn, .need = { amounts(cost), amounts(cost) }
    };
}


static void
admit(unsigned provider, bool again)
{
    int              rc;
    unsigned         chosen;
    llm_party_t      tenants[2];
    llm_shortage_t   shortage;
    llm_candidate_t  choice;

    tenants[0] = (llm_party_t) { &arena->boxes[TEAM].account, NULL, 0 };
    tenants[1] = (llm_party_t) { &arena->boxes[KEY].account, NULL, 0 };
    choice = candidate(provider, 50);

    rc = again ? llm_ledger_move(&arena->hold, tenants, 2, &choice, 1, START,
                                 &chosen, &shortage)
               : llm_ledger_admit(&arena->hold, tenants, 2, &choice, 1, START,
                                  &chosen, &shortage);
    if (rc != LLM_OK) {
        _exit(1);
    }
}


static void
add(llm_amounts_t *sum, int64_t cost)
{
    sum->cost += cost;
    sum->input_tokens += cost * 2;
    sum->output_tokens += cost * 3;
}


static void
expect(const sums_t *after)
{
    arena->after = *after;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}


static void
reached(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    arena->before = arena->after;
}


/* what an attempt costs: prepared, written, committed */
static void
post(unsigned provider, int64_t cost, const sums_t *row)
{
    uint64_t       position;
    llm_amounts_t  charge;

    charge = amounts(cost);
    position = arena->hold.unjournaled ? 0 : arena->head;

    llm_ledger_prepare(&arena->hold, &arena->boxes[provider].account, &charge,
                       START, position != 0, position);

    if (position != 0) {
        arena->rows[position] = *row;
        __atomic_store_n(&arena->head, position + 1, __ATOMIC_RELEASE);
    }

    expect(row);
    llm_ledger_commit(&arena->hold);
    reached();
}


/* an attempt that times out and is charged on doubt, and one that ends well:
 * after each step, what a row of it would charge */
static void
life(void)
{
    unsigned  i;
    sums_t    row, before;

    memset(&row, 0, sizeof(sums_t));

    for (i = TEAM; i <= EAST; i++) {
        row.of[i].requests = 1;
    }

    expect(&row);
    admit(EAST, false);
    reached();

    before = row;

    for (i = TEAM; i <= EAST; i++) {
        add(&row.of[i], 50);
    }

    post(EAST, 50, &row);
    row = before;

    for (i = TEAM; i <= EAST; i++) {
        add(&row.of[i], 60);
    }

    post(EAST, 60, &row);
    llm_ledger_charge(&arena->hold);

    row.of[WEST].requests = 1;
    expect(&row);
    admit(WEST, true);
    reached();

    before = row;

    for (i = TEAM; i < ACCOUNTS; i++) {
        add(&row.of[i], (i == EAST) ? 0 : 50);
    }

    post(WEST, 50, &row);
    llm_ledger_raise(&arena->hold, &(llm_amounts_t) { 90, 1, 9, 9 });
    row = before;

    for (i = TEAM; i < ACCOUNTS; i++) {
        add(&row.of[i], (i == EAST) ? 0 : 70);
    }

    post(WEST, 70, &row);
    llm_ledger_settle(&arena->hold);
}


/* as the background process does it */
static void
recover(void)
{
    const llm_posting_t  *posting;

    llm_redo(&arena->redo);

    posting = llm_ledger_prepared(&arena->hold);

    if (posting != NULL && posting->position != 0
        && posting->position < arena->head)
    {
        llm_ledger_commit(&arena->hold);
    }

    llm_ledger_recover(&arena->hold);
}


static bool
same(const sums_t *sums)
{
    unsigned              i, n;
    const llm_account_t  *account;

    for (i = 0; i < ACCOUNTS; i++) {
        account = &arena->boxes[i].account;

        for (n = 0; n < account->ncounters; n++) {
            if (memcmp(&account->counters[n].spent, &sums->of[i],
                       sizeof(llm_amounts_t)) != 0)
            {
                return false;
            }
        }
    }

    return true;
}


static bool
released(void)
{
    unsigned              i;
    const llm_account_t  *account;

    for (i = 0; i < ACCOUNTS; i++) {
        account = &arena->boxes[i].account;

        if (account->held.cost != 0 || account->held.requests != 0
            || account->held_worst.output_tokens != 0)
        {
            return false;
        }
    }

    return true;
}


/* a request is counted before any step says so, and stays: without a journal
 * nothing that a process leaves behind is taken back */
static bool
between(void)
{
    unsigned              i, n;
    llm_amounts_t         seen;
    const llm_account_t  *account;
    const llm_amounts_t  *before, *after;

    for (i = 0; i < ACCOUNTS; i++) {
        account = &arena->boxes[i].account;
        before = &arena->before.of[i];
        after = &arena->after.of[i];

        for (n = 0; n < account->ncounters; n++) {
            seen = account->counters[n].spent;

            if (memcmp(&seen, &account->counters[n].unjournaled, sizeof(seen))
                || (seen.cost != before->cost && seen.cost != after->cost)
                || (seen.requests != before->requests
                    && seen.requests != after->requests))
            {
                return false;
            }
        }
    }

    return true;
}


/* the child, stopped before its first step */
static pid_t
begin(void (*work)(void))
{
    int    status;
    pid_t  pid;

    fflush(stdout);
    pid = fork();

    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1) {
            _exit(2);
        }

        raise(SIGSTOP);
        work();
        _exit(0);
    }

    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
        return -1;
    }

    return pid;
}


/* steps through it; how often it was stopped, 0: it failed */
static unsigned
step_through(void (*work)(void), bool unjournaled, unsigned *wrong,
    unsigned *held)
{
    int       status;
    pid_t     pid;
    sums_t    nothing;
    unsigned  steps;

    memset(&nothing, 0, sizeof(sums_t));
    *wrong = 0;
    *held = 0;
    pid = begin(work);

    if (pid == -1) {
        return 0;
    }

    for (steps = 0; /* void */ ; steps++) {

        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == -1
            || waitpid(pid, &status, 0) != pid)
        {
            return 0;
        }

        if (!WIFSTOPPED(status)) {
            return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? steps : 0;
        }

        memcpy(saved, arena, sizeof(arena_t));
        recover();

        if (unjournaled ? !between()
                        : !same((arena->head > 1)
                                ? &arena->rows[arena->head - 1] : &nothing))
        {
            *wrong += 1;
        }

        *held += !released();
        memcpy(arena, saved, sizeof(arena_t));
    }
}


int
main(void)
{
    pid_t     pid;
    unsigned  steps, wrong, held;

    arena = mmap(NULL, sizeof(arena_t), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    saved = malloc(sizeof(arena_t));

    if (arena == MAP_FAILED || saved == NULL) {
        return 1;
    }

    prepare(false);
    pid = begin(life);

    if (pid == -1) {
        printf("# SKIPPED: no process may be traced here, so that a worker "
               "killed after each instruction is not tested\n");
        free(saved);
        return plan_done();
    }

    ptrace(PTRACE_KILL, pid, NULL, NULL);
    waitpid(pid, NULL, 0);

    prepare(false);
    steps = step_through(life, false, &wrong, &held);
    ok(steps > 1000, "a call's life of %u instructions", steps);
    ok(wrong == 0, "killed after each of them each account has been charged "
       "what the journal says (%u not)", wrong);
    ok(held == 0, "and nothing is held (%u)", held);
    ok(same(&arena->rows[4]), "not killed, what it cost");

    prepare(true);
    steps = step_through(life, true, &wrong, &held);
    ok(steps > 1000 && wrong == 0, "without a journal, killed after each of %u "
       "instructions: no charge is lost or made twice (%u)", steps, wrong);
    ok(held == 0, "and nothing is held (%u)", held);

    prepare(false);
    admit(EAST, false);
    post(EAST, 50, &(sums_t) { .of = { { 50, 1, 100, 150 },
                                       { 50, 1, 100, 150 },
                                       { 50, 1, 100, 150 } } });
    admit(WEST, true);
    steps = step_through(recover, false, &wrong, &held);
    ok(steps > 1000 && wrong == 0, "who settles it is killed after each of %u "
       "instructions: the next one goes on where it was (%u not)", steps,
       wrong);
    ok(held == 0, "and nothing is held (%u)", held);

    free(saved);
    return plan_done();
}
