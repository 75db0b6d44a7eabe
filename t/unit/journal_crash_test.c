/*
 * The journal's writers die, by SIGKILL, at any moment: each record whose
 * append had returned is read, none is torn, none comes twice, and nobody gets
 * a segment that another one has, or that is not folded yet.
 */

#include "journal_parts.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>


#define ROUNDS    120
#define CLAIMANTS 12
#define MANY      2000
#define SEGMENTS  7


/* what a child tells before it dies */
typedef struct {
    uint64_t   id;
    uint64_t   appended;        /* as its last append returned */
    uint64_t   asked;           /* as its last append was called */
} told_t;


static told_t  *told;


static void
write_until_killed(const char *dir, uint64_t number)
{
    llm_journal_t  *journal;

    journal = llm_journal_claim(dir, 7, error);

    if (journal == NULL) {
        _exit(1);
    }

    told->id = llm_journal_id(journal);

    for ( ;; ) {
        told->asked = number;

        if (put(journal, number) == LLM_OK) {
            told->appended = number;
            number++;
        }
    }
}


static pid_t
child(const char *dir, uint64_t number)
{
    pid_t  pid;

    memset(told, 0, sizeof(told_t));
    pid = fork();

    if (pid == 0) {
        write_until_killed(dir, number);
    }

    while (__atomic_load_n(&told->appended, __ATOMIC_ACQUIRE) == 0
           && waitpid(pid, NULL, WNOHANG) == 0)
    {
        /* void */
    }

    return pid;
}


static void
pause_us(uint64_t us)
{
    struct timespec  ts;

    ts = (struct timespec) { 0, (long) us * 1000 };
    nanosleep(&ts, NULL);
}


static llm_segment_t *
by_id(llm_segment_t **segments, unsigned n, uint64_t id)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (llm_segment_id(segments[i]) == id) {
            return segments[i];
        }
    }

    return NULL;
}


static void
killed(void)
{
    bool             good, whole, lock, before;
    pid_t            pid;
    uint64_t         number, start, position, turns;
    unsigned         round, n, i;
    const char      *dir;
    llm_segment_t  **segments, *segment;

    dir = fresh();
    segments = NULL;
    n = 0;
    number = 1;
    turns = 0;
    good = true;
    whole = true;
    lock = true;
    before = true;

    llm_journal_prepare(dir, 2, SIZE, NOBODY, NOBODY, error);

    for (round = 0; round < ROUNDS && good && whole; round++) {
        pid = child(dir, number);

        good = llm_segments_scan(dir, &segments, &n, error) == LLM_OK;
        segment = by_id(segments, n, told->id);

        if (segment == NULL) {
            good = false;
            break;
        }

        start = llm_segment_tail(segment);
        position = start;

        /* folded beside it, so that the ring turns */

        for (i = (unsigned) any(40); i > 0 && whole; i--) {
            whole = read_on(segment, &position, &number);
            llm_segment_fold(segment, position);
            pause_us(any(200));
        }

        before = before && llm_segment_busy(segment);
        pause_us(any(300));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);

        /* the kernel gave its lock back; nobody else may have it yet */

        lock = lock && !llm_segment_busy(segment);
        llm_segment_unlock(segment);

        whole = whole && read_on(segment, &position, &number)
                && position == llm_segment_head(segment)
                && number - 1 >= told->appended
                && number - 1 <= told->asked;
        turns += (position - start) / SIZE;

        llm_segment_fold(segment, position);
        llm_segment_busy(segment);
        llm_segment_recycle(segment, false);
    }

    ok(good && round == ROUNDS, "%u writers were killed", round);
    ok(whole, "all of %llu records whose append returned were read, in order, "
       "once; the ring turned %llu times", (unsigned long long) number - 1,
       (unsigned long long) turns);
    ok(before, "a segment is busy as long as its writer lives");
    ok(lock, "and no longer");

    llm_segments_free(segments, n);
}


/* a dead owner's segment is nobody's until it was folded and recycled */
static void
after_death(void)
{
    int              rc;
    pid_t            pid;
    uint64_t         number, position, published, died, next;
    unsigned         n, claims, bad;
    const char      *dir;
    llm_journal_t   *journal;
    llm_segment_t  **segments, *segment;
    llm_journal_record_t  record;

    dir = fresh();
    segments = NULL;
    n = 0;
    number = 1;

    llm_journal_prepare(dir, 1, SIZE, NOBODY, NOBODY, error);
    pid = child(dir, number);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);

    ok(llm_journal_claim(dir, 8, error) == NULL, "not claimed: %s", error);

    llm_segments_scan(dir, &segments, &n, error);
    segment = segments[0];
    position = llm_segment_tail(segment);
    published = position;
    died = llm_segment_head(segment);

    llm_segment_recycle(segment, false);
    ok(llm_journal_claim(dir, 8, error) == NULL, "nor without its lock");

    llm_segment_busy(segment);
    llm_segment_recycle(segment, false);
    llm_segment_unlock(segment);
    ok(llm_journal_claim(dir, 8, error) == NULL, "nor before it is folded");

    ok(read_on(segment, &position, &number), "its records are read");
    llm_segment_fold(segment, position);
    ok(llm_journal_claim(dir, 8, error) == NULL, "folded, but not recycled");

    llm_segment_busy(segment);
    llm_segment_recycle(segment, false);
    ok(llm_segment_idle(segment), "recycled");

    journal = llm_journal_claim(dir, 8, error);
    rc = llm_segment_read(segment, position, &record, &next);
    ok(journal != NULL && llm_segment_epoch(segment) == 8
       && llm_journal_position(journal) > position && rc == LLM_AGAIN,
       "claimed for another zone, at positions that no life before it had");
    ok(llm_segments_published(segments, n, told->id, published)
       && !llm_segments_published(segments, n, told->id,
                                  llm_journal_position(journal))
       && !llm_segments_published(segments, n, told->id, died)
       && !llm_segments_published(segments, n, told->id, 0)
       && !llm_segments_published(segments, n, told->id + 1, published),
       "what was published is known after that, too, and what was not");

    /* whoever claims it may be killed at any moment of that, too */

    for (claims = 0, bad = 0; claims < 20; claims++) {
        llm_journal_release(journal);
        segment->file.header->state = LLM_JOURNAL_FREE;
        journal = llm_journal_claim(dir, 8, error);
        bad += journal == NULL
               || llm_segments_published(segments, n, told->id, died);
    }

    ok(bad == 0, "nor when claims are broken off");

    put(journal, 1);
    number = 1;
    position = llm_segment_tail(segment);
    ok(read_on(segment, &position, &number) && number == 2,
       "no record of the life before is read");

    llm_journal_release(journal);
    llm_segments_free(segments, n);
}


/* a file that is older than the store (a power loss), and a clock that was set
 * back: no position comes twice */
static void
older_than_the_store(void)
{
    pid_t            pid;
    uint64_t         position;
    unsigned         n;
    const char      *dir;
    llm_journal_t   *journal;
    llm_segment_t  **segments;

    dir = fresh();
    segments = NULL;
    n = 0;

    llm_journal_prepare(dir, 1, SIZE, NOBODY, NOBODY, error);
    pid = child(dir, 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);

    llm_segments_scan(dir, &segments, &n, error);
    position = llm_segment_head(segments[0]) + ((uint64_t) 3600 * 1000 << 20);

    llm_segment_busy(segments[0]);
    llm_segment_fold(segments[0], position);
    llm_segment_recycle(segments[0], false);

    journal = llm_journal_claim(dir, 8, error);
    ok(journal != NULL && llm_journal_position(journal) > position,
       "what was folded of a file that was lost is not begun anew");

    if (journal != NULL) {
        llm_journal_release(journal);
    }

    llm_segments_free(segments, n);
}


static void
prepare_and_claim(const char *dir)
{
    size_t          size;
    llm_journal_t  *journal;

    for (size = SIZE; /* void */ ; size = 3 * SIZE - size) {

        if (llm_journal_prepare(dir, 3, size, NOBODY, NOBODY, error)
            != LLM_OK)
        {
            _exit(1);
        }

        journal = llm_journal_claim(dir, 7, error);

        if (journal != NULL) {
            told->asked++;
            told->appended += (put(journal, 1) == LLM_OK);
            llm_journal_release(journal);
        }
    }
}


/* folds and recycles all of nobody's; false: a record was damaged */
static bool
fold_all(const char *dir, llm_segment_t ***segments, unsigned *n,
    uint64_t *records)
{
    bool      good;
    uint64_t  position, number;
    unsigned  i;

    good = llm_segments_scan(dir, segments, n, error) == LLM_OK
           && error[0] == '\0';

    for (i = 0; i < *n; i++) {
        if (llm_segment_busy((*segments)[i])) {
            continue;
        }

        number = 1;
        position = llm_segment_tail((*segments)[i]);
        good = good && read_on((*segments)[i], &position, &number);
        *records += number - 1;
        llm_segment_fold((*segments)[i], position);
        llm_segment_recycle((*segments)[i], false);
    }

    return good;
}


/* the master and its workers die while they make and claim segments, of one
 * size and another */
static void
killed_half_way(void)
{
    bool             good;
    pid_t            pid;
    uint64_t         records, calls, returned;
    unsigned         round, n, most;
    const char      *dir;
    llm_journal_t   *journal;
    llm_segment_t  **segments;

    dir = fresh();
    segments = NULL;
    n = 0;
    most = 0;
    good = true;
    calls = 0;
    records = 0;
    returned = 0;

    for (round = 0; round < ROUNDS && good; round++) {
        memset(told, 0, sizeof(told_t));
        pid = fork();

        if (pid == 0) {
            prepare_and_claim(dir);
        }

        pause_us(any(4000));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);

        calls += told->asked;
        returned += told->appended;

        good = llm_journal_prepare(dir, 0, SIZE, NOBODY, NOBODY, error)
               == LLM_OK
               && fold_all(dir, &segments, &n, &records);
        most = (n > most) ? n : most;
    }

    ok(good && records >= returned && records <= calls,
       "whoever makes or claims a segment dies: %llu records, %u files at most",
       (unsigned long long) records, most);

    good = llm_journal_prepare(dir, 3, SIZE, NOBODY, NOBODY, error) == LLM_OK;
    journal = llm_journal_claim(dir, 7, error);
    ok(good && journal != NULL && put(journal, 1) == LLM_OK,
       "the next one has all it needs");

    if (journal != NULL) {
        llm_journal_release(journal);
    }

    llm_segments_free(segments, n);
}


/* more claimants than segments, all at once */
static void
claims(void)
{
    bool            once;
    int             gate[2];
    char            byte;
    pid_t           pids[CLAIMANTS];
    uint64_t       *ids;
    unsigned        i, k, got;
    const char     *dir;
    llm_journal_t  *journal;

    dir = fresh();
    got = 0;
    once = true;
    ids = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
               -1, 0);

    if (pipe(gate) == -1
        || llm_journal_prepare(dir, SEGMENTS, SIZE, NOBODY, NOBODY, error)
           != LLM_OK)
    {
        printf("Bail out! %s\n", error);
        exit(1);
    }

    for (i = 0; i < CLAIMANTS; i++) {
        pids[i] = fork();

        if (pids[i] == 0) {
            close(gate[1]);
            (void) !read(gate[0], &byte, 1);
            journal = llm_journal_claim(dir, i, error);
            __atomic_store_n(&ids[i], journal ? llm_journal_id(journal) : 1,
                             __ATOMIC_RELEASE);
            pause();
            _exit(0);
        }
    }

    close(gate[0]);
    close(gate[1]);

    for (i = 0; i < CLAIMANTS; i++) {
        while (__atomic_load_n(&ids[i], __ATOMIC_ACQUIRE) == 0
               && waitpid(pids[i], NULL, WNOHANG) == 0)
        {
            pause_us(1000);
        }

        got += (ids[i] != 1);

        for (k = 0; k < i; k++) {
            once = once && (ids[i] == 1 || ids[i] != ids[k]);
        }
    }

    ok(got == SEGMENTS, "%u of %u got one", got, CLAIMANTS);
    ok(once, "no two have the same");

    for (i = 0; i < CLAIMANTS; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }

    munmap(ids, 4096);
}


/* The machine lost its power: the segment is as it was some time before what
 * the store has of it. */
static void
power_loss(void)
{
    char            *kept;
    uint64_t         position, number, next;
    unsigned         n, i;
    const char      *dir;
    llm_journal_t   *journal;
    llm_segment_t  **segments, *segment;
    llm_journal_record_t  record;

    dir = fresh();
    segments = NULL;
    n = 0;
    number = 1;

    llm_journal_prepare(dir, 1, SIZE, NOBODY, NOBODY, error);
    journal = llm_journal_claim(dir, 7, error);
    llm_segments_scan(dir, &segments, &n, error);
    segment = segments[0];

    put(journal, 1);
    kept = malloc(segment->file.len);
    memcpy(kept, segment->file.header, segment->file.len);
    position = llm_segment_tail(segment);

    for (i = 2; i < MANY; i++) {
        put(journal, i);
        read_on(segment, &position, &number);
        llm_segment_fold(segment, position);
    }

    llm_journal_release(journal);
    memcpy(segment->file.header, kept, segment->file.len);
    free(kept);

    ok(!llm_segment_busy(segment)
       && position > llm_segment_head(segment)
       && llm_segment_read(segment, position, &record, &next) == LLM_AGAIN,
       "what the store has is not read again");

    llm_segment_fold(segment, position);
    llm_segment_recycle(segment, false);
    journal = llm_journal_claim(dir, 7, error);
    ok(journal != NULL && llm_segment_tail(segment) > position,
       "what is appended then lies behind it");

    llm_journal_release(journal);
    llm_segments_free(segments, n);
}


int
main(void)
{
    make_base();
    told = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    killed();
    after_death();
    older_than_the_store();
    killed_half_way();
    claims();
    power_loss();

    munmap(told, 4096);
    remove_base();

    return plan_done();
}
