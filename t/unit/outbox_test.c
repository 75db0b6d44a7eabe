/*
 * Alerts on their way: told once, delivered until somebody has them, in the
 * store and in memory.
 */

#include "background/outbox.h"
#include "background/thresholds.h"
#include "tap.h"
#include "wire/be.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>


#define NOW      ((int64_t) 1768480496000)
#define DAY      ((int64_t) 24 * 3600 * 1000)
#define MANY     60
#define CRASHED  250
#define LASTING  20500
#define ENDED    100


static char          base[64];
static llm_outbox_t  outbox;
static uint64_t      unknown;               /* a webhook that nobody has */
static uint64_t      slow;                  /* one that takes no more than this
                                               at once */
static int           slow_room;

static const llm_outbox_place_t  start;     /* of a clean-up */


static llm_store_t *
opened(void)
{
    const char   *error;
    llm_store_t  *store;

    store = llm_store_open(base, &error);

    if (store == NULL) {
        printf("Bail out! %s: %s\n", base, error);
        exit(1);
    }

    return store;
}


static void
removed(void)
{
    char  path[128];

    snprintf(path, sizeof(path), "%s/data.mdb", base);
    unlink(path);
    snprintf(path, sizeof(path), "%s/lock.mdb", base);
    unlink(path);
    rmdir(base);
}


static int
takes(uint64_t webhook, void *ctx)
{
    return (webhook == unknown) ? -1 : (webhook == slow) ? slow_room : 16;
}


static void
event(llm_outbox_event_t *e, unsigned char id, unsigned threshold, char *body)
{
    llm_limit_t  limit = { LLM_METRIC_COST, LLM_LIMIT_NORMAL,
                           { LLM_WINDOW_DAY, 1 }, 1000 };

    memset(e, 0, sizeof(*e));
    e->key_len = llm_outbox_budget_key(e->key, 7, LLM_ACCOUNT_TEAM,
                                       llm_str("ml"), &limit, NOW, threshold);
    e->state = 1;
    e->end_ms = NOW + DAY;
    e->delivery.id[0] = id;
    e->delivery.webhook = 7;
    e->delivery.type = LLM_ALERT_THRESHOLD;
    e->delivery.created_ms = NOW;
    e->delivery.due_ms = NOW;
    e->delivery.body = body;
    e->delivery.len = body ? strlen(body) : 0;
}


static llm_outbox_step_t
step(llm_store_t *store, int64_t now_ms, llm_outbox_event_t *events,
    unsigned nevents, const llm_outbox_result_t *results, unsigned nresults,
    unsigned room)
{
    llm_outbox_step_t  s;

    memset(&s, 0, sizeof(s));
    s.now_ms = now_ms;
    s.events = events;
    s.nevents = nevents;
    s.results = results;
    s.nresults = nresults;
    s.room = room;
    s.takes = takes;

    if (llm_outbox_step(&outbox, store, &s) != LLM_OK) {
        ok(0, "step: %s", store ? llm_store_error(store) : "memory");
    }

    return s;
}


static void
release(llm_outbox_step_t *s)
{
    while (s->nclaims > 0) {
        free(s->claims[--s->nclaims].body);
    }
}


static llm_outbox_result_t
result(const llm_delivery_t *delivery, int64_t next_ms)
{
    llm_outbox_result_t  r;

    memset(&r, 0, sizeof(r));
    memcpy(r.id, delivery->id, sizeof(r.id));
    r.due_ms = delivery->due_ms;
    r.next_ms = next_ms;

    return r;
}


/* the same for both sorts */
static void
delivered(llm_store_t *store, const char *what)
{
    llm_outbox_step_t    s;
    llm_outbox_event_t   e;
    llm_outbox_result_t  r;

    s = step(store, NOW, NULL, 0, NULL, 0, 16);
    ok(s.nclaims == 0 && s.pending == 0, "%s: nothing to do", what);

    event(&e, 1, 50, "body one");
    s = step(store, NOW, &e, 1, NULL, 0, 16);
    ok(s.nclaims == 1 && s.pending == 1 && s.claims[0].tries == 1
       && s.claims[0].len == 8 && memcmp(s.claims[0].body, "body one", 8) == 0
       && s.claims[0].webhook == 7 && s.claims[0].created_ms == NOW
       && s.claims[0].type == LLM_ALERT_THRESHOLD && s.claims[0].id[0] == 1,
       "%s: what happens is handed out", what);

    r = result(&s.claims[0], NOW + 5000);
    release(&s);

    s = step(store, NOW + 10, NULL, 0, NULL, 0, 16);
    ok(s.nclaims == 0 && s.pending == 1, "%s: once", what);

    s = step(store, NOW + 10, NULL, 0, &r, 1, 16);
    ok(s.nclaims == 0 && s.pending == 1, "%s: it failed, later then", what);

    s = step(store, NOW + 4999, NULL, 0, NULL, 0, 16);
    ok(s.nclaims == 0, "%s: not yet", what);

    s = step(store, NOW + 5000, NULL, 0, NULL, 0, 16);
    ok(s.nclaims == 1 && s.claims[0].tries == 2 && s.claims[0].id[0] == 1,
       "%s: now", what);
    release(&s);

    s = step(store, NOW + 5000 + LLM_OUTBOX_LEASE_MS, NULL, 0, NULL, 0, 16);
    ok(s.nclaims == 1 && s.claims[0].tries == 3,
       "%s: nothing was heard of it: once more", what);

    r = result(&s.claims[0], NOW + DAY);
    release(&s);
    s = step(store, NOW + DAY - LLM_RETRY_MAX_MS, NULL, 0, &r, 1, 16);
    ok(s.nclaims == 0, "%s: failed again", what);
    s = step(store, NOW + 25000, NULL, 0, NULL, 0, 16);
    ok(s.nclaims == 1, "%s: the clock was set back: it does not wait", what);

    r = result(&s.claims[0], 0);
    release(&s);
    s = step(store, NOW + 30000, NULL, 0, &r, 1, 16);
    ok(s.pending == 0 && s.nclaims == 0, "%s: done", what);
    s = step(store, NOW + 30000, NULL, 0, &r, 1, 16);
    ok(s.pending == 0, "%s: done twice is done", what);

    s = step(store, NOW + DAY, NULL, 0, NULL, 0, 16);
    ok(s.nclaims == 0, "%s: for good", what);
}


static void
told_once(void)
{
    llm_store_t         *store;
    llm_outbox_step_t    s;
    llm_outbox_event_t   e[3];
    llm_outbox_result_t  r;

    store = opened();

    event(&e[0], 2, 50, "again");
    s = step(store, NOW, e, 1, NULL, 0, 16);
    ok(s.pending == 0, "a threshold that was told is not told again");

    llm_store_close(store);
    store = opened();
    s = step(store, NOW, e, 1, NULL, 0, 16);
    ok(s.pending == 0, "nor by another process");

    /* the highest of several; those below are only marked */

    event(&e[0], 3, 100, "highest");
    event(&e[1], 0, 80, NULL);
    s = step(store, NOW, e, 2, NULL, 0, 0);
    ok(s.pending == 1 && s.nclaims == 0, "one of two, no room to hand it out");

    event(&e[0], 4, 80, "lower");
    s = step(store, NOW, e, 1, NULL, 0, 16);
    ok(s.pending == 1 && s.nclaims == 1 && s.claims[0].id[0] == 3,
       "the lower one is marked");

    r = result(&s.claims[0], 0);
    release(&s);
    s = step(store, NOW, NULL, 0, &r, 1, 16);
    ok(s.pending == 0, "delivered");

    /* marks of windows that are over go */

    event(&e[0], 5, 50, "new window");
    memset(&s, 0, sizeof(s));
    s.now_ms = NOW + 2 * DAY - 1;
    s.clean = &start;
    s.takes = takes;
    ok(llm_outbox_step(&outbox, store, &s) == LLM_OK, "cleaned");
    s = step(store, NOW + 2 * DAY - 1, e, 1, NULL, 0, 16);
    ok(s.pending == 0, "but not within a day");
    s.now_ms = NOW + 2 * DAY + 1;
    s.clean = &start;
    s.nevents = 0;
    ok(llm_outbox_step(&outbox, store, &s) == LLM_OK, "cleaned later");
    s = step(store, NOW, e, 1, NULL, 0, 0);
    ok(s.pending == 1, "the mark has gone");

    llm_store_close(store);
}


static void
breakers(void)
{
    unsigned             i;
    llm_store_t         *store;
    llm_outbox_step_t    s;
    llm_outbox_event_t   e;
    static const struct {
        uint8_t          state;
        unsigned         pending;
        const char      *what;
    } changes[] = {
        { 1, 0, "closed from the start is no news" },
        { 2, 1, "opened" },
        { 2, 1, "still open" },
        { 1, 2, "closed" },
        { 1, 2, "still closed" },
        { 2, 3, "opened again" }
    };

    removed();
    store = opened();

    for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        event(&e, (unsigned char) i, 0, "breaker");
        e.key_len = llm_outbox_breaker_key(e.key, 7, llm_str("weak"));
        e.state = changes[i].state;
        e.absent = 1;
        e.end_ms = 0;
        s = step(store, NOW, &e, 1, NULL, 0, 0);
        ok(s.pending == changes[i].pending, "breaker: %s", changes[i].what);
    }

    llm_store_close(store);
}


static void
strangers(void)
{
    unsigned             i, claimed;
    llm_store_t         *store;
    llm_outbox_step_t    s;
    llm_outbox_event_t   e;

    removed();
    store = opened();
    unknown = 7;

    for (i = 0; i < MANY; i++) {
        event(&e, (unsigned char) i, 1 + i, "nobody's");
        e.delivery.webhook = (i % 2) ? 7 : 8;
        s = step(store, NOW, &e, 1, NULL, 0, 0);
    }

    ok(s.pending == MANY, "of two receivers, one is not known");

    claimed = 0;

    for (i = 0; i < 4; i++) {
        s = step(store, NOW, NULL, 0, NULL, 0, 16);
        claimed += s.nclaims;
        release(&s);
    }

    ok(claimed == MANY / 2, "the other one is served");

    unknown = 0;
    s = step(store, NOW + LLM_OUTBOX_UNKNOWN_MS, NULL, 0, NULL, 0, 16);
    ok(s.nclaims == 16, "when it is known its own wait for it");
    release(&s);

    unknown = 7;
    s = step(store, NOW + 3 * DAY, NULL, 0, NULL, 0, 16);
    ok(s.lost > 0, "after a day without it they are lost, which is told");
    release(&s);
    unknown = 0;

    llm_store_close(store);
}


/* one receiver that hangs, with much to be delivered, and another one whose
 * alert came later; the same for both sorts */
static void
hanging(llm_store_t *store, const char *what)
{
    unsigned             i;
    llm_outbox_step_t    s;
    llm_outbox_event_t   e;
    llm_outbox_result_t  r;

    for (i = 0; i < MANY; i++) {
        event(&e, (unsigned char) i, 1 + i, "for the one that hangs");
        s = step(store, NOW, &e, 1, NULL, 0, 0);
    }

    event(&e, MANY, 1 + MANY, "for another one");
    e.delivery.webhook = 8;
    e.delivery.due_ms = NOW + 1;
    s = step(store, NOW, &e, 1, NULL, 0, 0);

    slow = 7;
    slow_room = 3;
    s = step(store, NOW + 1, NULL, 0, NULL, 0, 16);
    ok(s.nclaims == 4 && s.claims[2].webhook == 7 && s.claims[3].webhook == 8,
       "%s: so many as it may have, and the other one's", what);

    r = result(&s.claims[3], 0);
    release(&s);

    slow_room = 0;
    s = step(store, NOW + 2, NULL, 0, &r, 1, 16);
    ok(s.nclaims == 0 && s.pending == MANY, "%s: no more for now", what);
    s = step(store, NOW + 3, NULL, 0, NULL, 0, 16);
    ok(s.nclaims == 0 && s.pending == MANY, "%s: still not", what);

    slow_room = 1;
    s = step(store, NOW + 3, NULL, 0, NULL, 0, 16);
    ok(s.nclaims == 1 && s.claims[0].tries == 1
       && s.claims[0].created_ms == NOW,
       "%s: then the next one, for the first time", what);
    release(&s);

    slow = 0;
}


static void
damage(void)
{
    MDB_val             key, value;
    MDB_txn            *txn;
    llm_store_t        *store;
    llm_outbox_step_t   s;

    removed();
    store = opened();

    mdb_txn_begin(store->env, NULL, 0, &txn);
    key.mv_data = "short";
    key.mv_size = 5;
    value.mv_data = "x";
    value.mv_size = 1;
    mdb_put(txn, store->deliveries, &key, &value, 0);
    key.mv_data = "\0\0\0\0\0\0\0\1" "0123456789abcdef";
    key.mv_size = 24;
    value.mv_data = "\2 another version of this";
    value.mv_size = 25;
    mdb_put(txn, store->deliveries, &key, &value, 0);
    key.mv_data = "t";
    key.mv_size = 1;
    mdb_put(txn, store->alerts, &key, &value, 0);
    mdb_txn_commit(txn);

    memset(&s, 0, sizeof(s));
    s.now_ms = NOW;
    s.clean = &start;
    s.room = 16;
    s.takes = takes;

    /* "short" sorts behind all times */

    ok(llm_outbox_step(&outbox, store, &s) == LLM_OK && s.nclaims == 0
       && s.lost == 2 && s.pending == 0, "what is no delivery is dropped");

    llm_store_close(store);
}


/* marks of windows that are over go, however many are before them that stay */
static void
old_marks(void)
{
    MDB_val              key, value;
    MDB_txn             *txn;
    MDB_stat             stat;
    unsigned             i, steps;
    llm_store_t         *store;
    unsigned char        name[4], mark[9];
    llm_outbox_step_t    s;
    llm_outbox_place_t   place;

    removed();
    store = opened();
    memset(mark, 0, sizeof(mark));

    mdb_txn_begin(store->env, NULL, 0, &txn);

    for (i = 0; i < LASTING + ENDED; i++) {
        name[0] = 't';
        name[1] = (unsigned char) (i >> 16);
        name[2] = (unsigned char) (i >> 8);
        name[3] = (unsigned char) i;
        key = (MDB_val) { sizeof(name), name };

        llm_be_put(mark + 1, 8, (i < LASTING) ? 0 : (uint64_t) NOW);
        value = (MDB_val) { sizeof(mark), mark };
        mdb_put(txn, store->alerts, &key, &value, 0);
    }

    mdb_txn_commit(txn);

    place = start;
    steps = 0;

    do {
        memset(&s, 0, sizeof(s));
        s.now_ms = NOW + 2 * DAY;
        s.clean = &place;
        s.takes = takes;

        if (llm_outbox_step(&outbox, store, &s) != LLM_OK) {
            break;
        }

        place = s.cleaned;

    } while (place.len != 0 && ++steps < 10);

    mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
    mdb_stat(txn, store->alerts, &stat);
    mdb_txn_abort(txn);

    ok(steps == 2 && stat.ms_entries == LASTING,
       "marks that are over go, behind many that stay");

    llm_store_close(store);
}


static void
tell_thresholds(void)
{
    unsigned             i;
    llm_store_t         *store;
    llm_outbox_step_t    s;
    llm_outbox_event_t   e;

    store = opened();

    for (i = 1; i <= CRASHED; i++) {
        event(&e, (unsigned char) i, i, "one");
        s = step(store, NOW, &e, 1, NULL, 0, 0);
        release(&s);
    }

    _exit(0);
}


/* processes that are killed at any moment tell each thing once all the same */
static void
crashes(void)
{
    int                  status;
    pid_t                pid;
    unsigned             i, lives, seen[CRASHED + 1], wrong;
    llm_store_t         *store;
    llm_outbox_step_t    s;

    removed();
    lives = 0;

    do {
        pid = fork();

        if (pid == 0) {
            tell_thresholds();
        }

        usleep(2000 + 777 * lives % 9000);
        kill(pid, SIGKILL);
        (void) waitpid(pid, &status, 0);

    } while (++lives < 300 && !WIFEXITED(status));

    store = opened();
    memset(seen, 0, sizeof(seen));

    do {
        s = step(store, NOW, NULL, 0, NULL, 0, 16);

        for (i = 0; i < s.nclaims; i++) {
            seen[s.claims[i].id[0]]++;
        }

        i = s.nclaims;
        release(&s);

    } while (i > 0);

    wrong = 0;

    for (i = 1; i <= CRASHED; i++) {
        wrong += (seen[i] != 1);
    }

    printf("# %u lives\n", lives);
    ok(WIFEXITED(status) && wrong == 0 && s.pending == CRASHED,
       "killed again and again: each thing is told once");

    llm_store_close(store);
}


static void
in_memory(void)
{
    unsigned            i;
    llm_outbox_step_t   s;
    llm_outbox_event_t  e;

    delivered(NULL, "memory");

    for (i = 0; i < LLM_OUTBOX_MEMORY; i++) {
        event(&e, (unsigned char) i, 50, "many");
        s = step(NULL, NOW, &e, 1, NULL, 0, 0);
    }

    ok(s.lost == 0 && s.pending == LLM_OUTBOX_MEMORY, "memory: many");
    s = step(NULL, NOW, &e, 1, NULL, 0, 0);
    ok(s.lost == 1 && s.pending == LLM_OUTBOX_MEMORY, "memory: too many");

    llm_outbox_free(&outbox);

    hanging(NULL, "memory");
    llm_outbox_free(&outbox);
}


int
main(void)
{
    llm_store_t  *store;

    snprintf(base, sizeof(base), "/tmp/llm-outbox-test-%d", (int) getpid());
    removed();

    store = opened();
    delivered(store, "store");
    llm_store_close(store);

    told_once();
    breakers();
    strangers();

    removed();
    store = opened();
    hanging(store, "store");
    llm_store_close(store);

    damage();
    old_marks();
    crashes();
    in_memory();
    removed();

    return plan_done();
}
