/*
 * Records out of a segment, and the way over damaged bytes to the next good
 * one.
 */

#include "journal_private.h"

#include "../../wire/crc32c.h"


/* of the ring's size: how much is summed up to find the way over damage, as
 * bytes may be made so that each of them looks like a record */
#define LLM_JOURNAL_EFFORT  4


static bool llm_segment_record(const llm_segment_t *segment,
    uint64_t position, uint64_t head, llm_journal_record_t *record,
    uint64_t *summed);
static uint64_t llm_segment_next_good(const llm_segment_t *segment,
    uint64_t position, uint64_t head);
static uint64_t llm_segment_wrap(const llm_segment_t *segment,
    uint64_t position);


int
llm_segment_read(const llm_segment_t *segment, uint64_t position,
    llm_journal_record_t *record, uint64_t *next)
{
    uint64_t  head, at, summed;

    /* the head first: whoever claims moves the tail before it */

    head = llm_segment_head(segment);

    if (position >= head || position < llm_segment_tail(segment)) {
        *next = position;
        return LLM_AGAIN;
    }

    summed = 0;
    at = llm_segment_wrap(segment, position);

    if (llm_segment_record(segment, at, head, record, &summed)) {

        if (record->kind != LLM_JOURNAL_PAD) {
            *next = record->next;
            return LLM_OK;
        }

        /* what it made way for was published with it */

        if (llm_segment_record(segment, record->next, head, record, &summed)
            && record->kind != LLM_JOURNAL_PAD)
        {
            *next = record->next;
            return LLM_OK;
        }
    }

    /* if another one has folded it meanwhile it may be written over */

    if (position < llm_segment_tail(segment)) {
        *next = position;
        return LLM_AGAIN;
    }

    *next = llm_segment_next_good(segment, position, head);

    return LLM_ERROR;
}


/* where no record has place the next one is at the ring's start */
static uint64_t
llm_segment_wrap(const llm_segment_t *segment, uint64_t position)
{
    uint64_t  rest, size;

    size = segment->size;
    rest = size - position % size;

    return (rest < LLM_JOURNAL_RECORD) ? position + rest : position;
}


static bool
llm_segment_record(const llm_segment_t *segment, uint64_t position,
    uint64_t head, llm_journal_record_t *record, uint64_t *summed)
{
    size_t                       len, covered;
    uint64_t                     rest, offset;
    const llm_journal_header_t  *header;
    const llm_journal_prefix_t  *prefix;

    header = segment->file.header;
    offset = position % segment->size;
    rest = segment->size - offset;

    if (position >= head
        || rest < LLM_JOURNAL_RECORD
        || offset % LLM_JOURNAL_ALIGN != 0)
    {
        return false;
    }

    prefix = (const llm_journal_prefix_t *)
             ((const char *) header + LLM_JOURNAL_HEADER + offset);

    len = __atomic_load_n(&prefix->len, __ATOMIC_RELAXED);

    if (prefix->position != position
        || prefix->id != segment->id
        || len > rest - LLM_JOURNAL_RECORD
        || llm_journal_need(len) > head - position)
    {
        return false;
    }

    record->kind = (llm_journal_kind_t) (prefix->kind ^ LLM_JOURNAL_KIND);
    record->position = position;
    record->next = position + llm_journal_need(len);
    record->payload = (llm_str_t) { (const char *) (prefix + 1), len };

    covered = LLM_JOURNAL_RECORD - sizeof(prefix->crc);

    if (record->kind != LLM_JOURNAL_PAD) {
        covered += len;
    }

    *summed += covered;

    return record->kind >= LLM_JOURNAL_PAD
           && record->kind <= LLM_JOURNAL_CONTENT
           && prefix->crc == llm_crc32c(0, &prefix->kind, covered);
}


static uint64_t
llm_segment_next_good(const llm_segment_t *segment, uint64_t position,
    uint64_t head)
{
    uint64_t              at, size, summed;
    llm_journal_record_t  record;

    summed = 0;
    size = segment->size;
    at = position;

    /* further back than the ring is long there is nothing */

    if (head - at > size) {
        at = head - size;
    }

    at += LLM_JOURNAL_ALIGN - at % LLM_JOURNAL_ALIGN;

    for ( /* void */ ; at < head; at += LLM_JOURNAL_ALIGN) {
        at = llm_segment_wrap(segment, at);

        if (summed > size * LLM_JOURNAL_EFFORT) {
            break;
        }

        if (llm_segment_record(segment, at, head, &record, &summed)
            && record.kind != LLM_JOURNAL_PAD)
        {
            return at;
        }
    }

    return head;
}
