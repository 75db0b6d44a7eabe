/*
 * What is known to be wrong in LiteLLM's list (as of 2026-08-01) and cannot be
 * seen from the list itself: prices from before a cut.  An entry that has
 * exactly the wrong price is put right; any other price is a newer list's and
 * is believed.
 */

#include "litellm.h"


/* picodollars per token: 1000000 is 1 USD per million */
typedef struct {
    llm_str_t    base;
    int64_t      input;         /* as the list has it */
    int64_t      output;
    int64_t      right_input;   /* 0: there is no such model */
    int64_t      right_output;
} llm_litellm_known_t;


#define known(id, in, out, right_in, right_out)                               \
    { { id, sizeof(id) - 1 }, in, out, right_in, right_out }

static const llm_litellm_known_t  llm_litellm_table[] = {
    known("mistral.mistral-large-2402-v1:0", 8000000, 24000000,
          4000000, 12000000),
    known("mistral.mistral-large-2402-v1:0", 10400000, 31200000,
          5200000, 15600000),
    known("mistral.mistral-large-2407-v1:0", 3000000, 9000000,
          2000000, 6000000),

    known("amazon.titan-text-lite-v1", 300000, 400000, 150000, 200000),
    known("amazon.titan-text-express-v1", 1300000, 1700000, 200000, 600000),

    known("meta.llama3-1-70b-instruct-v1:0", 990000, 990000, 720000, 720000),
    known("meta.llama3-1-405b-instruct-v1:0", 5320000, 16000000,
          2400000, 2400000),
    known("meta.llama3-2-11b-instruct-v1:0", 350000, 350000, 160000, 160000),
    known("meta.llama3-2-90b-instruct-v1:0", 2000000, 2000000,
          720000, 720000),

    known("qwen.qwen3-coder-480b-a35b-v1:0", 220000, 1800000,
          450000, 1800000),

    /* the spelling of bedrock-mantle, priced apart from the same model */
    known("openai.gpt-oss-20b", 75000, 300000, 70000, 300000),
    known("openai.gpt-oss-safeguard-20b", 75000, 300000, 70000, 200000),

    /* us-gov's price of 3.7 Sonnet under the date of 3.5 Sonnet */
    known("anthropic.claude-3-7-sonnet-20240620-v1:0", 3600000, 18000000,
          0, 0),

    known("", 0, 0, 0, 0)
};


/* 2026-09-01T00:00:00Z: Sonnet 5 goes from 2/10 to 3/15 */
#define LLM_LITELLM_SONNET_5_MS      INT64_C(1788220800000)
#define LLM_LITELLM_SONNET_5_FACTOR  1500000


int
llm_litellm_known(llm_reader_t *reader, llm_litellm_entry_t *entry)
{
    llm_rates_t                *rates;
    const llm_litellm_known_t  *row;

    rates = &entry->price.standard;

    for (row = llm_litellm_table; row->base.len; row++) {

        if (rates->input == row->input && rates->output == row->output
            && llm_str_eq(row->base, entry->base))
        {
            break;
        }
    }

    if (row->base.len == 0) {
        return LLM_OK;
    }

    if (row->right_input == 0) {
        llm_reader_warn(reader, entry->value, "there is no such model on "
                        "Bedrock, left out");
        return LLM_ERROR;
    }

    llm_reader_warn(reader, entry->value, "%g/%g USD per million tokens is "
                    "known to be wrong or from before a cut: taken as %g/%g",
                    row->input / 1e6, row->output / 1e6,
                    row->right_input / 1e6, row->right_output / 1e6);

    rates->input = row->right_input;
    rates->output = row->right_output;

    return LLM_OK;
}


int64_t
llm_litellm_until(const llm_litellm_entry_t *entry, int64_t *millionths)
{
    *millionths = LLM_LITELLM_SONNET_5_FACTOR;

    if (llm_str_eq(entry->base, llm_str("anthropic.claude-sonnet-5"))
        && (entry->price.standard.input == 2000000
            || entry->price.standard.input == 2200000))
    {
        return LLM_LITELLM_SONNET_5_MS;
    }

    return INT64_MAX;
}
