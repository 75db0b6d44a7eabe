#include "pricelist.h"


static const llm_str_t  llm_model_prefixes[] = {
    { "us-gov.", 7 },
    { "us.", 3 },
    { "eu.", 3 },
    { "apac.", 5 },
    { "au.", 3 },
    { "jp.", 3 },
    { "ca.", 3 },
    { "global.", 7 },
    { NULL, 0 }
};


size_t
llm_model_prefix(llm_str_t model)
{
    llm_str_t         rest;
    const llm_str_t  *prefix;

    for (prefix = llm_model_prefixes; prefix->len; prefix++) {

        if (!llm_str_starts(model, *prefix)) {
            continue;
        }

        rest.data = model.data + prefix->len;
        rest.len = model.len - prefix->len;

        /* what follows is vendor.model */

        return memchr(rest.data, '.', rest.len) ? prefix->len : 0;
    }

    return 0;
}


/* arn:partition:service:region:account:resource */

static int
llm_model_arn(llm_str_t *id, llm_str_t *region)
{
    unsigned     colons;
    const char  *p, *end, *start;

    end = id->data + id->len;
    start = id->data;

    for (p = id->data, colons = 0; p < end && colons < 5; p++) {

        if (*p != ':') {
            continue;
        }

        if (++colons == 4) {
            *region = (llm_str_t) { start, p - start };
        }

        start = p + 1;
    }

    if (colons < 5) {
        return LLM_ERROR;
    }

    *id = (llm_str_t) { p, end - p };

    if (llm_str_starts(*id, llm_str("foundation-model/"))) {
        id->data += sizeof("foundation-model/") - 1;

    } else if (llm_str_starts(*id, llm_str("inference-profile/"))) {
        id->data += sizeof("inference-profile/") - 1;

    } else {
        return LLM_ERROR;
    }

    id->len = end - id->data;

    return LLM_OK;
}


int
llm_model_name(llm_model_name_t *name, llm_str_t model)
{
    size_t  prefix;

    name->region = (llm_str_t) { "", 0 };
    name->geo = (llm_str_t) { "", 0 };
    name->scope = LLM_SCOPE_IN_REGION;

    if (llm_str_starts(model, llm_str("arn:"))
        && llm_model_arn(&model, &name->region) != LLM_OK)
    {
        return LLM_ERROR;
    }

    prefix = llm_model_prefix(model);

    if (prefix) {
        name->geo = (llm_str_t) { model.data, prefix - 1 };
        name->scope = llm_str_eq(name->geo, llm_str("global"))
                      ? LLM_SCOPE_GLOBAL : LLM_SCOPE_GEO_NAMED;
    }

    name->base = (llm_str_t) { model.data + prefix, model.len - prefix };

    return name->base.len ? LLM_OK : LLM_ERROR;
}


llm_str_t
llm_model_base(llm_str_t model)
{
    llm_model_name_t  name;

    if (llm_model_name(&name, model) != LLM_OK) {
        return (llm_str_t) { "", 0 };
    }

    return name.base;
}
