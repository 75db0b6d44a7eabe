/*
 * The writer's side of a segment.
 */

#include "journal_private.h"

#include "../../wire/crc32c.h"


static bool llm_journal_fits(uint64_t contiguous, uint64_t free,
    uint64_t reserved, uint64_t reserved_max);
static uint64_t llm_journal_free_bytes(const llm_journal_t *journal);
static bool llm_journal_take(llm_journal_t *journal, uint64_t need,
    uint64_t *pad);
static void llm_journal_put(llm_journal_t *journal, llm_journal_kind_t kind,
    uint64_t position, const void *payload, size_t len);


void
llm_journal_begin(llm_journal_t *journal)
{
    llm_journal_header_t  *header;

    header = journal->file.header;

    journal->ring = (unsigned char *) header + LLM_JOURNAL_HEADER;
    journal->size = header->size;
    journal->head = header->head;
    journal->offset = journal->head % journal->size;
    journal->reserved = 0;
    journal->reserved_max = 0;
}


uint64_t
llm_journal_id(const llm_journal_t *journal)
{
    return journal->file.header->id;
}


unsigned
llm_journal_index(const llm_journal_t *journal)
{
    return journal->index;
}


bool
llm_journal_lost(const llm_journal_t *journal)
{
    struct stat  st;

    return fstat(journal->file.fd, &st) == 0 && st.st_nlink == 0;
}


uint64_t
llm_journal_position(const llm_journal_t *journal)
{
    return journal->head;
}


/*
 * Is what is reserved sure to fit into a region that wraps at most once?  Yes
 * if it fits before the wrap; or if, besides it, the most that a pad could take
 * is free: less than the largest record.  Both stay true when a reserved record
 * is appended and when the tail moves on.
 */
static bool
llm_journal_fits(uint64_t contiguous, uint64_t free, uint64_t reserved,
    uint64_t reserved_max)
{
    if (contiguous > free) {
        contiguous = free;
    }

    return contiguous >= reserved || free >= reserved + reserved_max;
}


static uint64_t
llm_journal_free_bytes(const llm_journal_t *journal)
{
    uint64_t  used;

    used = journal->head - llm_journal_load(&journal->file.header->tail);

    return (used < journal->size) ? journal->size - used : 0;
}


int
llm_journal_reserve(llm_journal_t *journal, size_t payload)
{
    uint64_t  need, free, max;

    if (payload > journal->size) {
        return LLM_ERROR;
    }

    need = llm_journal_need(payload);
    free = llm_journal_free_bytes(journal);
    max = (need > journal->reserved_max) ? need : journal->reserved_max;

    if (!llm_journal_fits(journal->size - journal->offset, free,
                          journal->reserved + need, max))
    {
        return LLM_ERROR;
    }

    journal->reserved += need;
    journal->reserved_max = max;

    return LLM_OK;
}


void
llm_journal_unreserve(llm_journal_t *journal, size_t payload)
{
    uint64_t  need;

    need = llm_journal_need(payload);

    journal->reserved -= (need < journal->reserved) ? need : journal->reserved;

    if (journal->reserved == 0) {
        journal->reserved_max = 0;
    }
}


size_t
llm_journal_room(const llm_journal_t *journal)
{
    uint64_t  free, end, most, part, kept;

    free = llm_journal_free_bytes(journal);
    end = journal->size - journal->offset;
    kept = journal->reserved;

    /* before the wrap, what is reserved behind it or with space for a pad */

    part = (free < end) ? free : end;
    most = (part > kept) ? part - kept : 0;
    kept += journal->reserved_max;
    part = (free > kept) ? free - kept : 0;
    part = (part < end) ? part : end;
    most = (part > most) ? part : most;

    /* behind the wrap, if all that is less fits, too */

    kept = journal->reserved + end;

    if (most == end && free > kept && free - kept > most) {
        most = free - kept;
    }

    most &= ~(uint64_t) (LLM_JOURNAL_ALIGN - 1);

    return (most > LLM_JOURNAL_RECORD) ? most - LLM_JOURNAL_RECORD : 0;
}


/* is there room, after a pad to the end of the ring if there must be one? */
static bool
llm_journal_take(llm_journal_t *journal, uint64_t need, uint64_t *pad)
{
    uint64_t  free, end;

    free = llm_journal_free_bytes(journal);
    end = journal->size - journal->offset;
    *pad = (need > end) ? end : 0;

    if (need > journal->size || *pad + need > free) {
        return false;
    }

    free -= *pad + need;
    end = (*pad != 0) ? journal->size - need : end - need;

    return llm_journal_fits((end != 0) ? end : journal->size, free,
                            journal->reserved, journal->reserved_max);
}


int
llm_journal_append(llm_journal_t *journal, llm_journal_kind_t kind,
    const void *payload, size_t len)
{
    uint64_t  need, pad;

    if (len > journal->size || len > UINT32_MAX) {
        return LLM_ERROR;
    }

    need = llm_journal_need(len);

    if (!llm_journal_take(journal, need, &pad)) {
        return LLM_ERROR;
    }

    if (pad != 0) {

        /* where no record has place the reader needs no pad to go on */

        if (pad >= LLM_JOURNAL_RECORD) {
            llm_journal_put(journal, LLM_JOURNAL_PAD, journal->head, NULL,
                            (size_t) (pad - LLM_JOURNAL_RECORD));
        }

        journal->offset = 0;
    }

    llm_journal_put(journal, kind, journal->head + pad, payload, len);

    journal->head += pad + need;
    journal->offset += need;

    if (journal->offset == journal->size) {
        journal->offset = 0;
    }

    llm_journal_store(&journal->file.header->head, journal->head);

    return LLM_OK;
}


static void
llm_journal_put(llm_journal_t *journal, llm_journal_kind_t kind,
    uint64_t position, const void *payload, size_t len)
{
    size_t                 covered;
    llm_journal_prefix_t  *prefix;

    prefix = (llm_journal_prefix_t *) (journal->ring + journal->offset);

    prefix->kind = LLM_JOURNAL_KIND | (uint32_t) kind;
    prefix->len = (uint32_t) len;
    prefix->zero = 0;
    prefix->position = position;
    prefix->id = journal->file.header->id;

    covered = LLM_JOURNAL_RECORD - sizeof(prefix->crc);

    if (payload != NULL) {
        memcpy(prefix + 1, payload, len);
        covered += len;
    }

    prefix->crc = llm_crc32c(0, &prefix->kind, covered);
}
