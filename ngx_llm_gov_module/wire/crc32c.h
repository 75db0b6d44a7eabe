/*
 * CRC-32C (Castagnoli), with the processor's instructions where it has them.
 */

#ifndef LLM_CRC32C_H
#define LLM_CRC32C_H

#include "str.h"


/* of `len` bytes, continuing `crc`; 0 to begin with */
uint32_t llm_crc32c(uint32_t crc, const void *data, size_t len);

/* the same by table, whatever the processor can do */
uint32_t llm_crc32c_table(uint32_t crc, const void *data, size_t len);


#endif /* LLM_CRC32C_H */
