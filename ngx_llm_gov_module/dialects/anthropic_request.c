/*
 * Anthropic Messages to InvokeModel: model and operation go into the path,
 * what travels in headers goes into the body, all else stays as it came.
 */

#include <inttypes.h>

#include "envelope.h"


#define LLM_REWRITE_HEAD_LIMIT  16384


/* "a,b" -> "a","b" */
static void
llm_rewrite_betas(llm_buf_t *head, llm_str_t betas)
{
    llm_str_t    flag;
    const char  *comma;

    llm_buf_str(head, llm_str(",\"anthropic_beta\":["));

    for ( ;; ) {
        comma = memchr(betas.data, ',', betas.len);

        flag = betas;

        if (comma) {
            flag.len = (size_t) (comma - betas.data);
        }

        llm_buf_json_string(head, flag);

        if (comma == NULL) {
            break;
        }

        llm_buf_str(head, llm_str(","));

        betas.data += flag.len + 1;
        betas.len -= flag.len + 1;
    }

    llm_buf_str(head, llm_str("]"));
}


static void
llm_rewrite_head(llm_buf_t *head, const llm_envelope_t *envelope,
    llm_str_t betas, llm_str_t version)
{
    llm_buf_str(head, llm_str("{\"anthropic_version\":"));
    llm_buf_json_string(head, version.len ? version
                                          : llm_str(LLM_ANTHROPIC_VERSION));

    if (betas.len) {
        llm_rewrite_betas(head, betas);
    }

    /* CountTokens wants a whole InvokeModel body, Anthropic's count_tokens has
     * no max_tokens; a thinking budget must lie below it */

    if (envelope->max_tokens < 0) {
        llm_buf_printf(head, ",\"max_tokens\":%" PRId64,
                       envelope->thinking_budget > 0
                       && envelope->thinking_budget < INT32_MAX
                           ? envelope->thinking_budget + 1 : (int64_t) 1);
    }

    if (!envelope->empty_object) {
        llm_buf_str(head, llm_str(","));
    }
}


int
llm_anthropic_to_invoke(llm_rewrite_t *rewrite,
    const llm_envelope_t *envelope, llm_str_t betas, llm_str_t version)
{
    unsigned  i;
    uint32_t  start, end;

    rewrite->nspans = 0;
    llm_buf_init(&rewrite->head, LLM_REWRITE_HEAD_LIMIT);
    llm_rewrite_head(&rewrite->head, envelope, betas, version);

    start = 0;

    for (i = 0; i <= envelope->ncuts; i++) {
        end = (i < envelope->ncuts) ? envelope->cuts[i].start
                                    : (uint32_t) envelope->bytes;

        if (end > start) {
            rewrite->spans[rewrite->nspans].start = start;
            rewrite->spans[rewrite->nspans].end = end;
            rewrite->nspans++;
        }

        if (i < envelope->ncuts) {
            start = envelope->cuts[i].end;
        }
    }

    return rewrite->head.failed ? LLM_ERROR : LLM_OK;
}


void
llm_rewrite_free(llm_rewrite_t *rewrite)
{
    llm_buf_free(&rewrite->head);
}
