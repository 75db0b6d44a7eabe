/*
 * What is left of the limits that the rows of a batch have moved: once for each
 * account and batch, however many requests there were.
 */

#include "live.h"
#include "status_json.h"
#include "../governance/tenants.h"

#include <inttypes.h>


#if (NGX_THREADS)

static ngx_http_llm_provider_t *
ngx_http_llm_live_provider(ngx_http_llm_main_conf_t *lmcf,
    const ngx_str_t *name)
{
    ngx_uint_t                 i;
    ngx_http_llm_provider_t  **provider;

    provider = lmcf->providers.elts;

    for (i = 0; i < lmcf->providers.nelts; i++) {
        if (provider[i]->name.len == name->len
            && ngx_memcmp(provider[i]->name.data, name->data, name->len) == 0)
        {
            return provider[i];
        }
    }

    return NULL;
}


/* NGX_DECLINED: the account is not configured any more */
static ngx_int_t
ngx_http_llm_live_account(ngx_http_llm_main_conf_t *lmcf, ngx_pool_t *pool,
    ngx_http_llm_live_account_t *account, ngx_http_llm_account_state_t *state)
{
    ngx_str_t                 name;
    ngx_http_llm_tenant_t    *tenant;
    ngx_http_llm_provider_t  *provider;

    name.data = (u_char *) account->name;
    name.len = account->len;

    if (account->kind == LLM_ACCOUNT_PROVIDER) {
        provider = ngx_http_llm_live_provider(lmcf, &name);

        return provider ? ngx_http_llm_provider_state(lmcf, pool, provider,
                                                      state)
                        : NGX_DECLINED;
    }

    tenant = ngx_http_llm_tenant_find(lmcf, account->kind, &name);

    return tenant ? ngx_http_llm_tenant_state(lmcf, pool, tenant, state)
                  : NGX_DECLINED;
}


static void
ngx_http_llm_live_budget(ngx_http_llm_batch_t *batch,
    const ngx_http_llm_account_state_t *state)
{
    ngx_uint_t  form;
    llm_buf_t  *json;

    json = &batch->json;
    json->len = 0;

    llm_buf_printf(json, "{\"type\":\"budget\",\"seq\":%" PRIu64 ",",
                   batch->next - 1);
    ngx_http_llm_json_text(json, "kind", ngx_http_llm_kind_name(state->kind));
    llm_buf_str(json, llm_str(","));
    ngx_http_llm_json_text(json, "name", ngx_http_llm_str(state->name));
    llm_buf_str(json, llm_str(","));
    ngx_http_llm_json_limits(json, state, NGX_HTTP_LLM_LIMITS_LIVE);
    llm_buf_str(json, llm_str("}"));

    for (form = 0; form < NGX_HTTP_LLM_LIVE_FORMS; form++) {
        if (batch->forms[form]) {
            ngx_http_llm_live_message(&batch->framer, &batch->budget[form],
                                      form, 0, (llm_str_t) { json->data,
                                                             json->len });
        }
    }
}


void
ngx_http_llm_live_budgets(ngx_http_llm_batch_t *batch)
{
    ngx_uint_t                     i, form;
    ngx_pool_t                    *pool;
    ngx_http_llm_account_state_t   state;

    for (form = 0; form < NGX_HTTP_LLM_LIVE_FORMS; form++) {
        batch->budget[form].len = 0;
        batch->budget[form].failed = false;
    }

    pool = batch->naccounts ? ngx_create_pool(4096, ngx_cycle->log) : NULL;

    if (pool == NULL) {
        batch->naccounts = 0;
        return;
    }

    ngx_memzero(&state, sizeof(ngx_http_llm_account_state_t));

    for (i = 0; i < batch->naccounts; i++) {

        if (ngx_http_llm_live_account(batch->lmcf, pool, &batch->accounts[i],
                                      &state)
            == NGX_OK
            && state.nlimits)
        {
            ngx_http_llm_live_budget(batch, &state);
        }

        for (form = 0; form < NGX_HTTP_LLM_LIVE_FORMS; form++) {
            batch->budget_ends[form][i + 1] = batch->budget[form].len;
        }
    }

    ngx_destroy_pool(pool);
}

#endif
