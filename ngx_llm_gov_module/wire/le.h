/*
 * Little endian numbers at any address.
 */

#ifndef LLM_LE_H
#define LLM_LE_H

#include "str.h"

#include <endian.h>


static inline void
llm_le_put16(void *p, uint16_t value)
{
    value = htole16(value);
    memcpy(p, &value, sizeof(value));
}


static inline void
llm_le_put32(void *p, uint32_t value)
{
    value = htole32(value);
    memcpy(p, &value, sizeof(value));
}


static inline void
llm_le_put64(void *p, uint64_t value)
{
    value = htole64(value);
    memcpy(p, &value, sizeof(value));
}


static inline uint16_t
llm_le_get16(const void *p)
{
    uint16_t  value;

    memcpy(&value, p, sizeof(value));

    return le16toh(value);
}


static inline uint32_t
llm_le_get32(const void *p)
{
    uint32_t  value;

    memcpy(&value, p, sizeof(value));

    return le32toh(value);
}


static inline uint64_t
llm_le_get64(const void *p)
{
    uint64_t  value;

    memcpy(&value, p, sizeof(value));

    return le64toh(value);
}


#endif /* LLM_LE_H */
