/*
 * GET /v1/models of Anthropic's API, all on one page.
 */

#include "envelope.h"
#include "translate.h"


static void
llm_models_entry(llm_buf_t *out, const llm_anthropic_model_t *model)
{
    llm_buf_printf(out, "{\"type\":\"model\",\"id\":\"%s\","
                   "\"display_name\":\"%s\",\"created_at\":\"%s\"}",
                   model->name, model->display_name, model->created_at);
}


int
llm_anthropic_models_page(llm_buf_t *out, llm_str_t only)
{
    size_t                        i, n;
    const llm_anthropic_model_t  *models, *model;

    if (only.len) {
        model = llm_anthropic_model_find(only);

        if (model == NULL) {
            return LLM_ERROR;
        }

        llm_models_entry(out, model);

        return out->failed ? LLM_ERROR : LLM_OK;
    }

    models = llm_anthropic_models(&n);

    llm_buf_str(out, llm_str("{\"data\":["));

    for (i = 0; i < n; i++) {
        if (i) {
            llm_buf_str(out, llm_str(","));
        }

        llm_models_entry(out, &models[i]);
    }

    llm_buf_printf(out, "],\"has_more\":false,\"first_id\":\"%s\","
                   "\"last_id\":\"%s\"}",
                   models[0].name, models[n - 1].name);

    return out->failed ? LLM_ERROR : LLM_OK;
}
