/*
 * The journal: what is appended is read, in order, once, over the ring's end;
 * a full ring and reserved room; damaged bytes are told and passed over.
 */

#include "journal_parts.h"


#define FITS   40
#define LARGE  ((size_t) LLM_JOURNAL_SIZE)


static llm_journal_t   *journal;
static llm_segment_t  **segments, *segment;
static unsigned         nsegments;
static uint64_t         position, appended, seen;


static void
begin(unsigned free)
{
    const char  *dir;

    dir = fresh();
    journal = NULL;
    segments = NULL;
    nsegments = 0;
    appended = 1;
    seen = 1;

    if (llm_journal_prepare(dir, free, SIZE, NOBODY, NOBODY, error) == LLM_OK) {
        journal = llm_journal_claim(dir, 7, error);
    }

    if (journal == NULL
        || llm_segments_scan(dir, &segments, &nsegments, error) != LLM_OK)
    {
        printf("Bail out! %s\n", error);
        exit(1);
    }

    segment = segment_of(segments, nsegments, journal);
    position = llm_segment_tail(segment);
}


static void
end(void)
{
    llm_journal_release(journal);
    llm_segments_free(segments, nsegments);
}


static void
in_order(void)
{
    bool      good;
    uint64_t  start;
    unsigned  round, i, n;

    begin(2);
    start = position;

    ok(nsegments == 2 && llm_segment_epoch(segment) == 7
       && !llm_segment_idle(segment) && llm_segment_busy(segment)
       && llm_journal_position(journal) != 0, "a segment is claimed");

    good = true;

    for (round = 0; round < 2000 && good; round++) {

        n = (unsigned) any(300);

        for (i = 0; i < n; i++) {
            appended += (put(journal, appended) == LLM_OK);
        }

        good = read_on(segment, &position, &seen)
               && seen == appended
               && position == llm_segment_head(segment);
        llm_segment_fold(segment, position);
    }

    ok(good, "%llu records, the ring %llu times around",
       (unsigned long long) appended - 1,
       (unsigned long long) ((position - start) / SIZE));
    end();
}


/* every distance from the ring's end that a record can begin at */
static void
at_the_end(void)
{
    bool            good;
    unsigned        rest;
    uint64_t        offset;
    unsigned char   bytes[SIZE];

    good = true;
    memset(bytes, 1, sizeof(bytes));
    begin(1);

    for (rest = 0; rest <= 80; rest += 8) {

        for ( ;; ) {
            offset = llm_journal_position(journal) % SIZE;

            if (offset + rest == SIZE || (rest == 0 && offset == 0)) {
                break;
            }

            /* what brings it there in one or two steps */

            offset = (offset + rest + LLM_JOURNAL_RECORD <= SIZE)
                     ? SIZE - rest - offset - LLM_JOURNAL_RECORD : 8;
            offset = (offset > SIZE / 2) ? SIZE / 2 : offset;

            good = good
                   && llm_journal_append(journal, LLM_JOURNAL_PAD + 1, bytes,
                                         (size_t) offset) == LLM_OK;
            position = llm_segment_head(segment);
            llm_segment_fold(segment, position);

            if (!good) {
                break;
            }
        }

        for (offset = 0; offset < 3 && good; offset++) {
            good = put(journal, appended++) == LLM_OK;
        }

        good = good && read_on(segment, &position, &seen) && seen == appended;
        llm_segment_fold(segment, position);
    }

    ok(good, "any distance from the ring's end");
    end();
}


static void
full(void)
{
    uint64_t  n;

    begin(1);

    while (put(journal, appended) == LLM_OK) {
        appended++;
    }

    n = appended;
    ok(llm_journal_room(journal) < 1600 && llm_segment_head(segment)
       == llm_journal_position(journal), "a full ring takes no more");
    ok(put(journal, n) == LLM_ERROR
       && read_on(segment, &position, &seen) && seen == n,
       "all %llu that it took are there", (unsigned long long) n - 1);

    llm_segment_fold(segment, position);
    ok(llm_journal_room(journal) > SIZE / 2, "what is folded is room again");

    for (n = 0; n < 100; n++) {
        appended += (put(journal, appended) == LLM_OK);
    }

    ok(read_on(segment, &position, &seen) && seen == appended,
       "and is written over");
    end();
}


static void
room(void)
{
    bool            good;
    size_t          len;
    unsigned        i;
    unsigned char  *bytes;

    begin(1);
    good = true;
    bytes = calloc(1, SIZE);

    for (i = 0; i < 3000 && good; i++) {
        len = llm_journal_room(journal);

        if (any(3) != 0) {
            len = (len > 0) ? any(len) : 0;
            len = (any(4) != 0) ? len / 20 : len;
        }

        good = llm_journal_room(journal) == 0
               || llm_journal_append(journal, LLM_JOURNAL_HOLD, bytes, len)
                  == LLM_OK;
        llm_segment_fold(segment, llm_segment_head(segment)
                                  - any(3) * LLM_JOURNAL_ALIGN);
    }

    ok(good, "where there is room for a length it can be appended");
    ok(llm_journal_append(journal, LLM_JOURNAL_HOLD, bytes, SIZE) == LLM_ERROR,
       "a record as long as the ring is refused");
    free(bytes);
    end();
}


/* whatever else is appended or folded: what was reserved fits */
static void
reserved(void)
{
    bool            good, room;
    size_t          len, held[64];
    unsigned        i, n, refused;
    unsigned char  *bytes;

    begin(1);
    n = 0;
    good = true;
    room = true;
    refused = 0;
    bytes = calloc(1, SIZE);

    for (i = 0; i < 200000 && good; i++) {

        switch (any(5)) {

        case 0:
        case 1:
            len = any(any(2) ? SIZE / 4 : 2000);

            if (n < 64 && llm_journal_reserve(journal, len) == LLM_OK) {
                held[n++] = len;
            } else {
                refused++;
            }
            break;

        case 2:
            if (n > 0) {
                len = any(n);
                llm_journal_unreserve(journal, held[len]);
                good = any(8) == 0
                       || llm_journal_append(journal, LLM_JOURNAL_HOLD, bytes,
                                             held[len]) == LLM_OK;
                held[len] = held[--n];
            }
            break;

        case 3:
            len = llm_journal_room(journal);

            if (len > 0) {
                len = any(2) ? len : any(len);
                room = room
                       && llm_journal_append(journal, LLM_JOURNAL_HOLD, bytes,
                                             len) == LLM_OK;
            }
            break;

        default:
            if (any(3) == 0) {
                llm_segment_fold(segment, llm_segment_head(segment));
            }
        }
    }

    ok(good, "reserved room is there, %u times refused", refused);
    ok(room, "and what room is left besides it can be used");
    free(bytes);
    end();
}


static unsigned char *
bytes_at(uint64_t place)
{
    return (unsigned char *) segment->file.header + LLM_JOURNAL_HEADER
           + place % SIZE;
}


/* reads over damage: how many records, how many bytes were lost */
static void
read_over(unsigned *records, uint64_t *lost)
{
    int                   rc;
    uint64_t              at, next;
    llm_journal_record_t  record;

    *records = 0;
    *lost = 0;
    at = llm_segment_tail(segment);

    while ((rc = llm_segment_read(segment, at, &record, &next)) != LLM_AGAIN) {

        if (rc == LLM_OK) {
            *records += (record_number(record.payload) != UINT64_MAX);
        } else {
            *lost += next - at;
        }

        at = next;
    }
}


static void
damaged(void)
{
    bool            each;
    uint64_t        starts[FITS + 1], lost, at;
    unsigned        i, n, records;
    unsigned char   kept[LLM_JOURNAL_RECORD];

    begin(1);

    for (i = 0; i < FITS; i++) {
        starts[i] = llm_journal_position(journal);
        put(journal, i);
    }

    starts[FITS] = llm_journal_position(journal);
    each = true;

    /* each byte of a record and its header, one at a time */

    for (at = starts[5]; at < starts[6] - 8; at++) {
        *bytes_at(at) ^= 0x40;
        read_over(&records, &lost);
        each = each && records == FITS - 1 && lost == starts[6] - starts[5];
        *bytes_at(at) ^= 0x40;
    }

    read_over(&records, &lost);
    ok(each && records == FITS && lost == 0,
       "one damaged byte costs one record, and its bytes are told");

    for (i = 0; i < 3; i++) {
        n = (i == 0) ? 0 : (i == 1) ? 20 : FITS - 1;
        memcpy(kept, bytes_at(starts[n]), sizeof(kept));
        memset(bytes_at(starts[n]), 0, sizeof(kept));
        read_over(&records, &lost);
        ok(records == FITS - 1 && lost == starts[n + 1] - starts[n],
           "record %u is gone, the others are read", n);
        memcpy(bytes_at(starts[n]), kept, sizeof(kept));
    }

    memset(bytes_at(starts[10]), 0xff, (size_t) (starts[15] - starts[10]));
    read_over(&records, &lost);
    ok(records == FITS - 5 && lost == starts[15] - starts[10],
       "five in a row are gone");
    end();
}


/* pages of the turn before, as a power loss may leave them: whole records of
 * this very segment */
static void
stale(void)
{
    char      *kept;
    uint64_t   lost, start, at;
    unsigned   records;

    begin(1);
    kept = malloc(SIZE);
    start = llm_journal_position(journal);

    while (put(journal, appended) == LLM_OK) {
        appended++;
    }

    memcpy(kept, bytes_at(0), SIZE);
    llm_segment_fold(segment, llm_segment_head(segment));

    while (llm_journal_position(journal) < start + SIZE) {
        put(journal, 1);
    }

    at = llm_journal_position(journal);
    llm_segment_fold(segment, at);

    while (llm_journal_position(journal) < at + SIZE / 2) {
        put(journal, 7);
    }

    memcpy(bytes_at(0), kept, SIZE);
    read_over(&records, &lost);
    ok(records == 0 && lost == llm_journal_position(journal) - at,
       "records of the turn before are none of this one");
    free(kept);
    end();
}


/* bytes that look like records, each the head of the next, none of them good:
 * were each of them summed up it would take hours */
static void
many_lengths(void)
{
    uint64_t               at, start, next;
    llm_segment_t          found;
    llm_journal_prefix_t   prefix;
    llm_journal_record_t   record;

    memset(&found, 0, sizeof(found));
    found.file.header = aligned_alloc(64, LLM_JOURNAL_HEADER + LARGE);
    llm_journal_header_init(found.file.header, 1, LARGE);
    llm_segment_begin(&found);

    start = llm_segment_tail(&found);
    found.file.header->head = start + LARGE;

    for (at = start; at < start + LARGE; at += sizeof(prefix)) {
        prefix.crc = 1;
        prefix.kind = LLM_JOURNAL_KIND | LLM_JOURNAL_SETTLE;
        prefix.len = (uint32_t) (start + LARGE - at - sizeof(prefix));
        prefix.zero = 0;
        prefix.position = at;
        prefix.id = 1;
        memcpy((char *) found.file.header + LLM_JOURNAL_HEADER + at % LARGE,
               &prefix, sizeof(prefix));
    }

    ok(llm_segment_read(&found, start, &record, &next) == LLM_ERROR
       && next == start + LARGE, "garbage that looks like records");
    free(found.file.header);
}


int
main(void)
{
    make_base();

    in_order();
    at_the_end();
    full();
    room();
    reserved();
    damaged();
    stale();
    many_lengths();

    remove_base();

    return plan_done();
}
