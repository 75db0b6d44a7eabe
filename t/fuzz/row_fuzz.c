/*
 * A row of any bytes is refused, or is encoded to a row that says the same.
 */

#include "store/rows/row.h"

#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
must(int truth)
{
    if (!truth) {
        abort();
    }
}


/* whatever is asked of a row is asked of this one */
static size_t
use(const llm_row_t *row)
{
    size_t    sum;
    unsigned  i;

    sum = llm_error_kind_name(row->error).len
          + llm_price_status_name(row->price_status).len
          + llm_outcome_text(row->outcome).len
          + llm_tier_text(row->usage.tier).len
          + llm_row_cache(row).len
          + llm_dialect_name((llm_dialect_t) row->dialect).len
          + llm_api_name((llm_api_t) row->api).len
          + row->model.len + row->error_message.len;

    for (i = 0; i < row->nattempts; i++) {
        sum += llm_attempt_result_text(row->attempts[i].result).len
               + row->attempts[i].provider.len
               + (size_t) llm_row_attempt_amounts(&row->attempts[i]).cost;
    }

    return sum;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t         len, again;
    int64_t        ended, received;
    llm_row_t      row, back;
    llm_str_t      bytes;
    unsigned char  out[2][LLM_ROW_MAX];

    bytes = (llm_str_t) { (const char *) data, size };

    if (llm_row_peek(bytes, &ended, &received) != LLM_OK) {
        must(llm_row_decode(&row, bytes) == LLM_ERROR);
        return 0;
    }

    if (llm_row_decode(&row, bytes) != LLM_OK) {
        return 0;
    }

    must(row.ended_ms == ended && row.received_ms == received);

    len = llm_row_encode(&row, out[0], LLM_ROW_MAX);
    must(len <= LLM_ROW_MAX);
    bytes = (llm_str_t) { (const char *) out[0], len };
    must(llm_row_decode(&back, bytes) == LLM_OK);

    again = llm_row_encode(&back, out[1], LLM_ROW_MAX);
    must(again == len && memcmp(out[0], out[1], len) == 0);

    if (size <= LLM_ROW_MAX) {
        must(use(&row) == use(&back));
    }

    return 0;
}
