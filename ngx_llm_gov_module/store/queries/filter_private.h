/*
 * What the files of the filter share.
 */

#ifndef LLM_FILTER_PRIVATE_H
#define LLM_FILTER_PRIVATE_H

#include "filter.h"
#include "../rows/block_columns.h"
#include "../../wire/be.h"


#define LLM_FILTER_TERMS   64
#define LLM_FILTER_VALUES  256      /* of one term */


/* how a field is compared; the cheapest ones first, in this order are a
 * filter's terms */
typedef enum {
    LLM_TERM_TIME = 0,              /* a range of milliseconds */
    LLM_TERM_TEXT,                  /* a column of strings: many blocks have
                                       none of those asked for */
    LLM_TERM_RANGE,                 /* "_min", "_max" */
    LLM_TERM_STATUS,                /* ranges */
    LLM_TERM_SET,                   /* numbers below 64 */
    LLM_TERM_ID,
    LLM_TERM_ATTEMPT_TEXT,
    LLM_TERM_ATTEMPT_SET,
    LLM_TERM_TAG,                   /* any of several */
    LLM_TERM_REQUEST_ID,
    LLM_TERM_PART                   /* of a string, ASCII case folded */
} llm_term_kind_t;


/* numbers that are no column: behind LLM_COLUMNS */
typedef enum {
    LLM_SOURCE_RECEIVED = LLM_COLUMNS,
    LLM_SOURCE_TOKENS,
    LLM_SOURCE_CACHE_WRITE,
    LLM_SOURCE_CACHE,               /* llm_cache_t */
    LLM_SOURCE_COST_OUTPUT
} llm_source_t;


typedef enum {
    LLM_CACHE_NONE = 0,
    LLM_CACHE_WRITE,
    LLM_CACHE_HIT
} llm_cache_t;


typedef struct {
    llm_str_t         name;         /* LLM_TERM_RANGE: without "_min" */
    llm_term_kind_t   kind;
    unsigned          source;       /* llm_column_id_t, llm_source_t; of an
                                       attempt: llm_attempt_column_t */
    const char       *allowed;      /* what a value is, for messages;
                                       llm_filter_dollars: nanodollars */
    int             (*find)(llm_str_t name);    /* sets: a name's bit */
    uint64_t          yes;          /* sets without `find`: "true", */
    uint64_t          no;           /* and "false" */
    uint64_t          any;          /* "any", if that is a word */
} llm_filter_field_t;


typedef struct {
    int64_t   min;
    int64_t   max;
} llm_range_t;


typedef struct {
    llm_str_t   text;               /* owned */
    bool        before;             /* anything may stand before it */
    bool        after;              /* and behind it; the whole never empty */
} llm_pattern_t;


/* the first halves of the UUIDs that a pattern may stand for; min above max:
 * of none */
typedef struct {
    uint64_t   min;
    uint64_t   max;
} llm_uuids_t;


typedef struct {
    const llm_filter_field_t  *field;
    bool                       negated;
    unsigned                   n;           /* of what the kind has */
    uint64_t                   set;
    llm_range_t               *ranges;
    llm_pattern_t             *patterns;
    bool                       parts;       /* some have `before` */
    llm_uuids_t               *uuids;       /* LLM_TERM_REQUEST_ID: of the
                                               patterns */
    unsigned char            (*ids)[LLM_ROW_ID_SIZE];
} llm_term_t;


struct llm_filter_s {
    unsigned      nterms;
    llm_term_t    terms[LLM_FILTER_TERMS];
    llm_range_t   ended;            /* to `max`, which belongs to it */
    llm_range_t   received;
};


extern const char  llm_filter_dollars[];

/* NULL: none; *which: 'm' for "_min", 'M' for "_max", 'f' for "from" and
 * 't' for "to" of a time, 'p' for the period */
const llm_filter_field_t *llm_filter_field(llm_str_t name, char *which);

/* parse into the term; LLM_ERROR: `error` */
int llm_filter_parse(llm_term_t *term, llm_str_t name, llm_str_t value,
    char error[LLM_FILTER_ERROR]);
void llm_filter_term_free(llm_term_t *term);

/* "…" is what is allowed, and what came instead, cut and without anything but
 * printable ASCII; LLM_ERROR */
int llm_filter_wrong(char error[LLM_FILTER_ERROR], llm_str_t name,
    const char *allowed, llm_str_t value);

/* the number of a source */
int64_t llm_filter_number(const llm_row_t *row, unsigned source);

bool llm_filter_in_ranges(const llm_term_t *term, int64_t number);
bool llm_filter_in_set(const llm_term_t *term, int64_t number);
bool llm_filter_in_patterns(const llm_term_t *term, llm_str_t text);
bool llm_filter_has_part(const llm_term_t *term, llm_str_t text);

/* may any of the texts that lie there, one behind the other, be one that the
 * patterns stand for? */
bool llm_filter_anywhere(const llm_term_t *term, llm_str_t bytes);

/* may a block with this summary have rows that match? */
bool llm_filter_summary(const llm_filter_t *filter,
    const llm_summary_t *summary);

/*
 * Columns under a filter: filter_scan.c.  Each sets the bits of those rows in
 * `found` that are in `mask` and match; none clears any.
 */

/* codes from min to max */
void llm_scan_codes(const llm_column_t *column, uint64_t min, uint64_t max,
    const uint64_t *mask, uint64_t *found);

/* numbers in a range, that may be empty; numbers below 64 in a set */
void llm_scan_range(const llm_column_t *column, const llm_range_t *range,
    const uint64_t *mask, uint64_t *found);
void llm_scan_set(const llm_column_t *column, uint64_t set,
    const uint64_t *mask, uint64_t *found);

/* the numbers of a source, for the rows in `mask` at least */
void llm_scan_numbers(const llm_block_t *block, unsigned source,
    const uint64_t *mask, int64_t *numbers);

/* what a column's, a source's numbers lie between */
void llm_scan_bounds(const llm_column_t *column, llm_range_t *bounds);
void llm_scan_source_bounds(const llm_block_t *block, unsigned source,
    llm_range_t *bounds);


/* when a request with this id was received, ms since the epoch */
static inline int64_t
llm_id_received(const unsigned char id[LLM_ROW_ID_SIZE])
{
    return (int64_t) llm_be_get(id, 6);
}


#endif /* LLM_FILTER_PRIVATE_H */
