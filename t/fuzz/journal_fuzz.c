/*
 * A segment of any bytes; and one that was written as the input says, with
 * bytes of it changed: every record that is read is one that was appended, in
 * order, once, and all others are told as lost.
 */

#include "store/journal/journal_private.h"

#include <stdlib.h>


#define RING    ((size_t) LLM_JOURNAL_RING)
#define ID      UINT64_C(0x1122334455667788)
#define RECORDS 1024


typedef struct {
    uint64_t   position;
    size_t     len;
    uint8_t    fill;
    uint8_t    kind;
} put_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static put_t     puts_[RECORDS];
static unsigned  nputs;


static void
must(int truth)
{
    if (!truth) {
        abort();
    }
}


static int
appended(const llm_journal_record_t *record)
{
    size_t    i;
    unsigned  n;

    for (n = 0; n < nputs; n++) {
        if (puts_[n].position == record->position) {
            break;
        }
    }

    if (n == nputs || puts_[n].len != record->payload.len
        || puts_[n].kind != record->kind)
    {
        return 0;
    }

    for (i = 0; i < record->payload.len; i++) {
        if ((uint8_t) record->payload.data[i] != puts_[n].fill) {
            return 0;
        }
    }

    return 1;
}


/* from the tail to the head */
static void
read_all(llm_segment_t *segment, bool known)
{
    int                    rc;
    char                  *copy;
    uint64_t               at, head, next;
    llm_journal_record_t   record;

    at = llm_segment_tail(segment);
    head = llm_segment_head(segment);

    while ((rc = llm_segment_read(segment, at, &record, &next)) != LLM_AGAIN) {
        must(next > at && next <= head);

        if (rc == LLM_OK) {
            must(record.position >= at && record.next == next);
            must(!known || appended(&record));

            /* all of it can be read */

            copy = malloc(record.payload.len + 1);
            memcpy(copy, record.payload.data, record.payload.len);
            free(copy);
        }

        at = next;
    }

    must(at >= head || at == llm_segment_tail(segment));
}


static void
any_bytes(llm_journal_header_t *header, const uint8_t *data, size_t size)
{
    llm_segment_t  segment;

    memset(&segment, 0, sizeof(segment));
    segment.file.fd = -1;
    segment.file.header = header;
    segment.file.len = LLM_JOURNAL_HEADER + RING;

    memcpy(header, data, (size < sizeof(*header)) ? size : sizeof(*header));

    /* a header that nobody would believe is made one that they do */

    if (llm_journal_header_check(header, segment.file.len) != NULL) {
        llm_journal_header_init(header, ID, RING);
        header->head = header->tail + RING;
    }

    llm_segment_begin(&segment);

    if (size > sizeof(*header)) {
        size -= sizeof(*header);
        memcpy((char *) header + LLM_JOURNAL_HEADER, data + sizeof(*header),
               (size < RING) ? size : RING);
    }

    read_all(&segment, false);
}


/* appends and folds as the input says */
static size_t
write_some(llm_journal_t *journal, llm_segment_t *segment,
    const uint8_t *data, size_t size)
{
    size_t    i, len;
    uint64_t  before;
    uint8_t   payload[1024];

    for (i = 0; i + 2 < size && data[i] < 0xf0 && nputs < RECORDS; i += 2) {

        if (data[i] >= 0xe0) {
            llm_segment_fold(segment, llm_segment_head(segment));
            nputs = 0;
            continue;
        }

        len = (size_t) (data[i] & 0xf) * data[i + 1] / 4;
        memset(payload, data[i + 1], len);
        before = journal->head;

        puts_[nputs] = (put_t) { 0, len, data[i + 1],
                                 (data[i] & 0x10) ? LLM_JOURNAL_HOLD
                                                  : LLM_JOURNAL_SETTLE };

        if (llm_journal_append(journal, puts_[nputs].kind, payload, len)
            == LLM_OK)
        {
            puts_[nputs].position = journal->head - llm_journal_need(len);
            must(puts_[nputs].position >= before);
            nputs++;
        }
    }

    return i;
}


static void
damaged(llm_journal_header_t *header, const uint8_t *data, size_t size)
{
    size_t          i;
    uint8_t        *ring;
    llm_journal_t   journal;
    llm_segment_t   segment;

    nputs = 0;
    llm_journal_header_init(header, ID, RING);

    memset(&journal, 0, sizeof(journal));
    journal.file.header = header;
    llm_journal_begin(&journal);

    memset(&segment, 0, sizeof(segment));
    segment.file = journal.file;
    llm_segment_begin(&segment);

    i = write_some(&journal, &segment, data, size);
    read_all(&segment, true);

    ring = (uint8_t *) header + LLM_JOURNAL_HEADER;

    for ( /* void */ ; i + 3 <= size; i += 3) {
        ring[(data[i] << 8 | data[i + 1]) % RING] = data[i + 2];
    }

    read_all(&segment, true);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void  *file;

    if (size == 0
        || posix_memalign(&file, 64, LLM_JOURNAL_HEADER + RING) != 0)
    {
        return 0;
    }

    memset(file, 0, LLM_JOURNAL_HEADER + RING);

    if (data[0] & 1) {
        any_bytes(file, data + 1, size - 1);

    } else {
        damaged(file, data + 1, size - 1);
    }

    free(file);

    return 0;
}
