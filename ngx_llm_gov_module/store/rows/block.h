/*
 * Rows in columns: one value in LMDB for LLM_BLOCK_ROWS consecutive rows, so
 * that a filter over ten million rows touches only the columns it asks about.
 * Pure C; built by log.c, read by query.c.
 *
 * Strings are numbers into the block's own table, which is sorted so that a
 * block without the string asked for is known after a binary search.
 */

#ifndef LLM_BLOCK_H
#define LLM_BLOCK_H

#include "row.h"


/* appends the block of rows[0..n-1], encoded rows, n <= LLM_BLOCK_ROWS, with
 * sequence numbers first, first + 1 …; LLM_ERROR: a row is not one, or no
 * memory */
int llm_block_build(llm_buf_t *out, uint64_t first, const llm_str_t *rows,
    size_t n);

typedef struct llm_block_s {
    const unsigned char  *data;
    size_t                len;
    uint64_t              first;
    uint32_t              rows;
    const void           *private;
} llm_block_t;

/* checks the block's layout, so that reading it stays inside; LLM_ERROR: not a
 * block of this version, or damaged */
int llm_block_open(llm_block_t *block, const void *data, size_t len);

/* Is every byte as it was written?  Asked before a row of it is shown or added
 * up: that reads the whole block, which a filter that finds nothing in it need
 * not do. */
bool llm_block_intact(const llm_block_t *block);

/* one row whole; strings point into the block, those of request ids into
 * memory of the thread that its next call uses again */
void llm_block_row(const llm_block_t *block, uint32_t index, llm_row_t *row);


#endif /* LLM_BLOCK_H */
