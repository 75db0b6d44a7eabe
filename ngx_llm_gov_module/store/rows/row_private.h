/*
 * How a row lies in bytes: one set of tables that encoding and decoding share.
 *
 *   offset  bytes
 *        0      1  version
 *        1      1  flags
 *        2      1  tags
 *        3      1  attempts
 *        4      8  dialect, api, outcome, error, refusal, price status, tier, 0
 *       12      2  status
 *       14      2  0
 *       16     16  id
 *       32    168  21 numbers of 8 bytes, llm_row_numbers[]
 *      200      4  overhead
 *      204     24  lengths of the 12 strings, llm_row_strings[]
 *      228         lengths of the tags, a byte each
 *                  attempts: LLM_ROW_ATTEMPT bytes each
 *                  strings, tags, strings of the attempts
 *
 * An attempt:
 *        0     56  7 numbers of 8 bytes, llm_row_attempt_numbers[]
 *       56      2  status
 *       58      1  result
 *       59      5  lengths: provider, region (1), model (2), request id (1);
 *                  all bits set: as the row's own
 */

#ifndef LLM_ROW_PRIVATE_H
#define LLM_ROW_PRIVATE_H

#include "row.h"


#define LLM_ROW_VERSION        1

#define LLM_ROW_AT_SMALL       4
#define LLM_ROW_AT_STATUS      12
#define LLM_ROW_AT_ID          16
#define LLM_ROW_AT_NUMBERS     32
#define LLM_ROW_AT_OVERHEAD    200
#define LLM_ROW_AT_LENGTHS     204
#define LLM_ROW_FIXED          228

#define LLM_ROW_NUMBERS        21
#define LLM_ROW_STRINGS        12

#define LLM_ROW_ATTEMPT            64
#define LLM_ROW_ATTEMPT_NUMBERS    7
#define LLM_ROW_ATTEMPT_STRINGS    4
#define LLM_ROW_ATTEMPT_STATUS     56
#define LLM_ROW_ATTEMPT_RESULT     58
#define LLM_ROW_ATTEMPT_LENGTHS    59

#define LLM_ROW_STREAMED       0x01
#define LLM_ROW_ABORTED        0x02
#define LLM_ROW_RECOVERED      0x04
#define LLM_ROW_CONTENT        0x08
#define LLM_ROW_EXACT          0x10
#define LLM_ROW_OPTIMIZED      0x20
#define LLM_ROW_FLAGS          0x3f


typedef struct {
    uint16_t   offset;          /* of the llm_str_t */
    uint16_t   max;             /* bytes, when encoded */
} llm_row_string_t;


/* offsets in llm_row_t and llm_row_attempt_t of their 64-bit numbers */
extern const uint16_t  llm_row_numbers[LLM_ROW_NUMBERS];
extern const uint16_t  llm_row_attempt_numbers[LLM_ROW_ATTEMPT_NUMBERS];

extern const llm_row_string_t  llm_row_strings[LLM_ROW_STRINGS];
extern const llm_row_string_t  llm_row_attempt_strings[LLM_ROW_ATTEMPT_STRINGS];

/* where a string of an attempt has its twin in the row; 0: nowhere */
extern const uint16_t  llm_row_twins[LLM_ROW_ATTEMPT_STRINGS];


static inline llm_str_t *
llm_row_str(const void *row, uint16_t offset)
{
    return (llm_str_t *) ((char *) row + offset);
}


static inline uint64_t *
llm_row_number(const void *row, uint16_t offset)
{
    return (uint64_t *) ((char *) row + offset);
}


#endif /* LLM_ROW_PRIVATE_H */
