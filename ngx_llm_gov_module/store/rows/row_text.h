/*
 * Rows as JSON, NDJSON and CSV (docs/api.md has their members).
 */

#ifndef LLM_ROW_TEXT_H
#define LLM_ROW_TEXT_H

#include "row.h"
#include "../../wire/buf.h"


typedef enum {
    LLM_FORMAT_JSON = 0,
    LLM_FORMAT_NDJSON,
    LLM_FORMAT_CSV
} llm_format_t;

/* one JSON object, no newline */
void llm_row_json(llm_buf_t *buf, const llm_row_t *row, uint64_t seq);

/* the same in two parts: before and behind the value of "content" */
void llm_row_json_begin(llm_buf_t *buf, const llm_row_t *row, uint64_t seq);
void llm_row_json_end(llm_buf_t *buf, const llm_row_t *row);

/* RFC 4180, with CRLF; a cell that a spreadsheet would take for a formula gets
 * a leading apostrophe.  One line a row; llm_attempt_csv: one per attempt. */
void llm_row_csv_head(llm_buf_t *buf);
void llm_row_csv(llm_buf_t *buf, const llm_row_t *row, uint64_t seq);
void llm_attempt_csv_head(llm_buf_t *buf);
void llm_attempt_csv(llm_buf_t *buf, const llm_row_t *row, uint64_t seq);

/* a text as a cell, with the quotes and the apostrophe that it needs */
void llm_csv_cell(llm_buf_t *buf, llm_str_t text);

/* {"log":id,"attempt":1,…} objects, separated by newlines */
void llm_attempt_ndjson(llm_buf_t *buf, const llm_row_t *row, uint64_t seq);


#endif /* LLM_ROW_TEXT_H */
