/*
 * Calls as the HTTP API spells them: dialect and operation in one name.
 */

#ifndef LLM_ROW_API_H
#define LLM_ROW_API_H

#include "../../wire/str.h"


/* llm_api_t; empty: none */
llm_str_t llm_row_api_text(unsigned api);

/* -1: none such */
int llm_row_api_find(llm_str_t name);
int llm_row_dialect_find(llm_str_t name);


#endif /* LLM_ROW_API_H */
