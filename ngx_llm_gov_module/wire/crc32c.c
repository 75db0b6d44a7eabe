/*
 * CRC-32C: eight bytes at a time, by instruction (SSE4.2, ARMv8) or by table.
 */

#include "crc32c.h"
#include "le.h"

#include <pthread.h>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif


#define LLM_CRC32C_POLYNOMIAL  0x82f63b78   /* reflected */

#if defined(__x86_64__) || (defined(__aarch64__) && defined(__linux__))
#define LLM_CRC32C_INSTRUCTION  1
#endif


typedef uint32_t (*llm_crc32c_pt)(uint32_t crc, const void *data, size_t len);


static uint32_t llm_crc32c_choose(uint32_t crc, const void *data, size_t len);
static void llm_crc32c_fill(void);


static uint32_t        llm_crc32c_tables[8][256];
static pthread_once_t  llm_crc32c_filled = PTHREAD_ONCE_INIT;

/* every thread that comes first chooses the same */
static llm_crc32c_pt   llm_crc32c_chosen = llm_crc32c_choose;


uint32_t
llm_crc32c(uint32_t crc, const void *data, size_t len)
{
    llm_crc32c_pt  chosen;

    chosen = __atomic_load_n(&llm_crc32c_chosen, __ATOMIC_RELAXED);

    return chosen(crc, data, len);
}


#if defined(__x86_64__)

static bool
llm_crc32c_can(void)
{
    return __builtin_cpu_supports("sse4.2");
}


static inline uint32_t
llm_crc32c_word(uint32_t crc, uint64_t word)
{
    uint64_t  wide;

    wide = crc;

    __asm__("crc32q %1, %0" : "+r" (wide) : "rm" (word));

    return (uint32_t) wide;
}


static inline uint32_t
llm_crc32c_byte(uint32_t crc, uint8_t byte)
{
    __asm__("crc32b %1, %0" : "+r" (crc) : "qm" (byte));

    return crc;
}

#elif LLM_CRC32C_INSTRUCTION

#define LLM_CRC32C_HWCAP  (1 << 7)


static bool
llm_crc32c_can(void)
{
    return (getauxval(AT_HWCAP) & LLM_CRC32C_HWCAP) != 0;
}


static inline uint32_t
llm_crc32c_word(uint32_t crc, uint64_t word)
{
    __asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1"
            : "+r" (crc) : "r" (word));

    return crc;
}


static inline uint32_t
llm_crc32c_byte(uint32_t crc, uint8_t byte)
{
    __asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1"
            : "+r" (crc) : "r" ((uint32_t) byte));

    return crc;
}

#endif


#if LLM_CRC32C_INSTRUCTION

static uint32_t
llm_crc32c_fast(uint32_t crc, const void *data, size_t len)
{
    const uint8_t  *p;

    p = data;
    crc = ~crc;

    for ( /* void */ ; len >= 8; len -= 8, p += 8) {
        crc = llm_crc32c_word(crc, llm_le_get64(p));
    }

    for ( /* void */ ; len > 0; len--, p++) {
        crc = llm_crc32c_byte(crc, *p);
    }

    return ~crc;
}

#endif


static uint32_t
llm_crc32c_choose(uint32_t crc, const void *data, size_t len)
{
    llm_crc32c_pt  chosen;

    chosen = llm_crc32c_table;

#if LLM_CRC32C_INSTRUCTION
    if (llm_crc32c_can()) {
        chosen = llm_crc32c_fast;
    }
#endif

    __atomic_store_n(&llm_crc32c_chosen, chosen, __ATOMIC_RELAXED);

    return chosen(crc, data, len);
}


uint32_t
llm_crc32c_table(uint32_t crc, const void *data, size_t len)
{
    uint64_t         word;
    const uint8_t   *p;
    uint32_t       (*t)[256];

    pthread_once(&llm_crc32c_filled, llm_crc32c_fill);

    p = data;
    t = llm_crc32c_tables;
    crc = ~crc;

    for ( /* void */ ; len >= 8; len -= 8, p += 8) {
        word = llm_le_get64(p) ^ crc;

        crc = t[7][word & 0xff]
              ^ t[6][word >> 8 & 0xff]
              ^ t[5][word >> 16 & 0xff]
              ^ t[4][word >> 24 & 0xff]
              ^ t[3][word >> 32 & 0xff]
              ^ t[2][word >> 40 & 0xff]
              ^ t[1][word >> 48 & 0xff]
              ^ t[0][word >> 56];
    }

    for ( /* void */ ; len > 0; len--, p++) {
        crc = crc >> 8 ^ t[0][(crc ^ *p) & 0xff];
    }

    return ~crc;
}


static void
llm_crc32c_fill(void)
{
    unsigned  i, n;
    uint32_t  crc;

    for (i = 0; i < 256; i++) {
        crc = i;

        for (n = 0; n < 8; n++) {
            crc = crc >> 1 ^ ((crc & 1) ? LLM_CRC32C_POLYNOMIAL : 0);
        }

        llm_crc32c_tables[0][i] = crc;
    }

    for (i = 0; i < 256; i++) {
        for (n = 1; n < 8; n++) {
            crc = llm_crc32c_tables[n - 1][i];
            llm_crc32c_tables[n][i] = crc >> 8
                                      ^ llm_crc32c_tables[0][crc & 0xff];
        }
    }
}
