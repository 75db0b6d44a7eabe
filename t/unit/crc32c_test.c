/*
 * CRC-32C: RFC 3720's vectors, and instruction and table say the same for any
 * length, place and cut.
 */

#include "wire/crc32c.h"
#include "tap.h"

#include <stdlib.h>


static void
vectors(void)
{
    unsigned        i;
    unsigned char   zeros[32], ones[32], up[32], down[32];

    memset(zeros, 0, sizeof(zeros));
    memset(ones, 0xff, sizeof(ones));

    for (i = 0; i < 32; i++) {
        up[i] = (unsigned char) i;
        down[i] = (unsigned char) (31 - i);
    }

    ok(llm_crc32c(0, "", 0) == 0, "nothing");
    ok(llm_crc32c(0, "123456789", 9) == 0xe3069283, "digits");
    ok(llm_crc32c(0, zeros, 32) == 0x8a9136aa, "zeros");
    ok(llm_crc32c(0, ones, 32) == 0x62a8ab43, "ones");
    ok(llm_crc32c(0, up, 32) == 0x46dd794e, "rising");
    ok(llm_crc32c(0, down, 32) == 0x113fdb5c, "falling");
}


int
main(void)
{
    int             same, cut;
    size_t          i, len, place;
    uint32_t        crc;
    unsigned char   bytes[256 + 16], *copy;

    vectors();

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char) (i * 167 + i / 7);
    }

    same = 1;
    cut = 1;

    for (place = 0; place < 9; place++) {
        for (len = 0; len <= 256; len++) {
            copy = malloc(place + len + 1);
            memcpy(copy + place, bytes, len);

            crc = llm_crc32c(0, copy + place, len);
            same = same && crc == llm_crc32c_table(0, copy + place, len);

            i = len * 3 / 7;
            cut = cut
                  && crc == llm_crc32c(llm_crc32c(0, bytes, i), bytes + i,
                                       len - i)
                  && crc == llm_crc32c_table(llm_crc32c_table(0, bytes, i),
                                             bytes + i, len - i);
            free(copy);
        }
    }

    ok(same, "instruction and table agree at any length and place");
    ok(cut, "in two pieces it is the same");

    return plan_done();
}
