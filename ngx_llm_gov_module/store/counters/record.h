/*
 * How the counters look in LMDB: fixed layouts, so that the store of
 * one machine can be read on another.
 *
 * Key of a counter: kind (1 byte), length of the name (1), name, unit of the
 * window (1), its count (4, big endian), epoch (8, big endian).  The epoch is
 * last, so that the records to be summed are neighbours.
 * Value: start of the window, cost, requests, input and output tokens, each 8
 * bytes, little endian.
 */

#ifndef LLM_RECORD_H
#define LLM_RECORD_H

#include "../../governance/ledger.h"


#define LLM_RECORD_EPOCH_SIZE  8
#define LLM_RECORD_KEY_SIZE    (2 + LLM_ACCOUNT_NAME_SIZE + 5                 \
                                + LLM_RECORD_EPOCH_SIZE)
#define LLM_RECORD_VALUE_SIZE  40

/* the epoch that dead ones are folded into */
#define LLM_RECORD_BASE        0

/* in an epoch: of its spend, what was charged while the journal could not be
 * written, so that no row tells of it */
#define LLM_RECORD_UNJOURNALED  ((uint64_t) 1 << 62)


typedef struct {
    uint64_t             epoch;
    llm_account_kind_t   kind;
    llm_str_t            name;      /* points into the key */
    llm_window_t         window;
    int64_t              start;     /* ms since the epoch */
    llm_amounts_t        spent;
} llm_record_t;


/* writes the key, returns its length; 0: the name is empty or too long */
size_t llm_record_key(const llm_record_t *record,
    unsigned char key[LLM_RECORD_KEY_SIZE]);
void llm_record_value(const llm_record_t *record,
    unsigned char value[LLM_RECORD_VALUE_SIZE]);

/* LLM_ERROR: no record of this version */
int llm_record_parse(llm_record_t *record, llm_str_t key, llm_str_t value);


/* stops at the ends of int64_t */
void llm_record_add(llm_amounts_t *sum, const llm_amounts_t *amounts);


#endif /* LLM_RECORD_H */
