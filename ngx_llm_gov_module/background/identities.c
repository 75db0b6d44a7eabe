/*
 * Fetching credentials when they are due, and telling what comes of it.
 */

#include "identities.h"
#include "origin.h"
#include "../wire/utc.h"

#include <stdio.h>


/* AWS refused them: not more often than that */
#define NGX_HTTP_LLM_REFRESH_MS   5000
#define NGX_HTTP_LLM_REMINDER_MS  60000

/* what the master fetched just before it made this process is not fetched
 * again */
#define NGX_HTTP_LLM_PRIMED_MS    10000


typedef struct {
    llm_credentials_conf_t   *conf;         /* of the first provider */
    uint64_t                  hash;         /* of that */
    char                      label[160];   /* for messages */
    ngx_http_llm_slot_t     **slots;
    ngx_uint_t                nslots;
    llm_credentials_t         credentials;
    unsigned                  failures;
    ngx_uint_t                refused;      /* by AWS, as workers saw */
    int64_t                   tried_ms;
    int64_t                   next_ms;
    int64_t                   reported_ms;
    char                      reported[192];    /* the error last logged */
} ngx_http_llm_identity_t;


struct ngx_http_llm_identities_s {
    ngx_http_llm_notes_t     *notes;
    ngx_uint_t                n;
    ngx_http_llm_identity_t   elts[1];
};


static ngx_int_t ngx_http_llm_identities_add(
    ngx_http_llm_identities_t *identities, ngx_http_llm_provider_t *provider,
    ngx_uint_t nproviders);
static void ngx_http_llm_identity_primed(ngx_http_llm_identity_t *identity,
    int64_t now_ms);
static void ngx_http_llm_identity_run(ngx_http_llm_identity_t *identity,
    ngx_http_llm_notes_t *notes);
static ngx_uint_t ngx_http_llm_identity_refused(
    ngx_http_llm_identity_t *identity);
static void ngx_http_llm_identity_fetch(ngx_http_llm_identity_t *identity,
    ngx_http_llm_notes_t *notes, ngx_uint_t refused);
static ngx_uint_t ngx_http_llm_identity_publish(
    ngx_http_llm_identity_t *identity);
static void ngx_http_llm_identity_got(ngx_http_llm_identity_t *identity,
    ngx_http_llm_notes_t *notes, ngx_uint_t changed, ngx_uint_t refused);
static void ngx_http_llm_identity_failed(ngx_http_llm_identity_t *identity,
    ngx_http_llm_notes_t *notes);


ngx_http_llm_identities_t *
ngx_http_llm_identities_create(ngx_http_llm_main_conf_t *lmcf,
    ngx_http_llm_notes_t *notes, ngx_uint_t primed)
{
    ngx_uint_t                   i;
    ngx_http_llm_provider_t    **provider;
    ngx_http_llm_identities_t   *identities;

    identities = ngx_calloc(sizeof(ngx_http_llm_identities_t)
                            + lmcf->providers.nelts
                              * sizeof(ngx_http_llm_identity_t), lmcf->log);
    if (identities == NULL) {
        return NULL;
    }

    identities->notes = notes;
    provider = lmcf->providers.elts;

    for (i = 0; i < lmcf->providers.nelts; i++) {
        if (ngx_http_llm_identities_add(identities, provider[i],
                                        lmcf->providers.nelts)
            != NGX_OK)
        {
            return NULL;
        }
    }

    for (i = 0; primed && i < identities->n; i++) {
        ngx_http_llm_identity_primed(&identities->elts[i],
                                     ngx_http_llm_clock());
    }

    return identities;
}


static ngx_int_t
ngx_http_llm_identities_add(ngx_http_llm_identities_t *identities,
    ngx_http_llm_provider_t *provider, ngx_uint_t nproviders)
{
    ngx_uint_t                i;
    ngx_http_llm_identity_t  *identity;

    if (provider->slot == NULL || provider->governed) {
        return NGX_OK;
    }

    for (i = 0; i < identities->n; i++) {
        if (ngx_http_llm_origin_same(identities->elts[i].conf,
                                       &provider->credentials))
        {
            break;
        }
    }

    identity = &identities->elts[i];

    if (i == identities->n) {
        identity->slots = calloc(nproviders, sizeof(ngx_http_llm_slot_t *));
        if (identity->slots == NULL) {
            return NGX_ERROR;
        }

        identity->conf = &provider->credentials;
        identity->hash = ngx_http_llm_origin_hash(identity->conf);
        identities->n++;
    }

    identity->slots[identity->nslots++] = provider->slot;

    snprintf(identity->label, sizeof(identity->label), "provider \"%.*s\"",
             identity->slots[0]->account->name_len,
             identity->slots[0]->account->name);

    if (identity->nslots > 1) {
        i = strlen(identity->label);
        snprintf(identity->label + i, sizeof(identity->label) - i,
                 " and %u more", (unsigned) identity->nslots - 1);
    }

    return NGX_OK;
}


static void
ngx_http_llm_identity_primed(ngx_http_llm_identity_t *identity, int64_t now_ms)
{
    ngx_uint_t         i;
    llm_credentials_t  copy;

    for (i = 0; i < identity->nslots; i++) {
        ngx_http_llm_slot_credentials(identity->slots[i], &copy);

        if (copy.generation == 0
            || copy.conf != identity->hash
            || copy.error[0] != '\0'
            || now_ms - copy.fetched_ms > NGX_HTTP_LLM_PRIMED_MS)
        {
            return;
        }
    }

    identity->credentials = copy;
    identity->next_ms = llm_credentials_next(&copy, 0, now_ms);
}


/* those that wait for nobody first: a dead metadata service delays only who
 * asks it */
void
ngx_http_llm_identities_run(void *data)
{
    ngx_http_llm_identities_t *identities = data;

    ngx_uint_t                i, pass, local;
    ngx_http_llm_identity_t  *identity;

    for (pass = 0; pass < 2; pass++) {

        for (i = 0; i < identities->n; i++) {
            identity = &identities->elts[i];

            local = (identity->conf->assume_role == NULL
                     && (identity->conf->source == LLM_CREDENTIALS_STATIC
                         || identity->conf->source
                            == LLM_CREDENTIALS_ENVIRONMENT
                         || identity->conf->source == LLM_CREDENTIALS_BEARER));

            if (local == (pass == 0)) {
                ngx_http_llm_identity_run(identity, identities->notes);
            }
        }
    }
}


static void
ngx_http_llm_identity_run(ngx_http_llm_identity_t *identity,
    ngx_http_llm_notes_t *notes)
{
    int64_t     now_ms;
    ngx_uint_t  refused;

    now_ms = ngx_http_llm_clock();

    if (now_ms < identity->tried_ms) {
        /* the clock was set back */
        identity->tried_ms = now_ms;
        identity->next_ms = now_ms;
    }

    refused = 0;

    if (now_ms - identity->tried_ms >= NGX_HTTP_LLM_REFRESH_MS) {
        refused = ngx_http_llm_identity_refused(identity);
    }

    if (refused || now_ms >= identity->next_ms) {
        identity->tried_ms = now_ms;
        ngx_http_llm_identity_fetch(identity, notes, refused);
    }
}


/* did a worker ask?  The question is taken back before the fetch, so that one
 * that comes during it counts again */
static ngx_uint_t
ngx_http_llm_identity_refused(ngx_http_llm_identity_t *identity)
{
    ngx_uint_t  i, refused;

    refused = 0;

    for (i = 0; i < identity->nslots; i++) {
        refused |= ngx_atomic_cmp_set(&identity->slots[i]->refresh, 1, 0);
    }

    return refused;
}


static void
ngx_http_llm_identity_fetch(ngx_http_llm_identity_t *identity,
    ngx_http_llm_notes_t *notes, ngx_uint_t refused)
{
    int                 rc;
    char                expired[LLM_UTC_TEXT];
    int64_t             now_ms;
    ngx_uint_t          changed;
    llm_credentials_t  *credentials;

    credentials = &identity->credentials;

    rc = llm_credentials_fetch(credentials, identity->conf,
                               ngx_http_llm_clock());
    now_ms = ngx_http_llm_clock();

    if (rc == LLM_OK) {
        credentials->generation = 1;
        credentials->conf = identity->hash;

        if (credentials->expires_ms != 0 && credentials->expires_ms <= now_ms)
        {
            rc = LLM_ERROR;
            (void) llm_utc_seconds(credentials->expires_ms, expired);
            snprintf(credentials->error, sizeof(credentials->error),
                     "%s: they expired at %s, put new ones there",
                     credentials->source, expired);
            credentials->error_ms = now_ms;
        }
    }

    identity->failures = (rc == LLM_OK) ? 0 : identity->failures + 1;
    identity->next_ms = llm_credentials_next(credentials, identity->failures,
                                             now_ms);

    changed = ngx_http_llm_identity_publish(identity);

    identity->refused |= refused;

    if (changed && identity->refused) {
        identity->refused = 0;
    }

    if (rc == LLM_OK) {
        ngx_http_llm_identity_got(identity, notes, changed, refused);

    } else {
        ngx_http_llm_identity_failed(identity, notes);
    }
}


static ngx_uint_t
ngx_http_llm_credentials_equal(const llm_credentials_t *a,
    const llm_credentials_t *b)
{
    return a->bearer == b->bearer
           && strcmp(a->id, b->id) == 0
           && strcmp(a->secret, b->secret) == 0
           && strcmp(a->token, b->token) == 0;
}


/* Into every slot, each with a generation of its own.  After a failure what
 * was there stays, unless a reload changed where it is to come from.  Returns
 * whether something new was got. */
static ngx_uint_t
ngx_http_llm_identity_publish(ngx_http_llm_identity_t *identity)
{
    ngx_uint_t          i, changed;
    llm_credentials_t  *credentials, slot;

    changed = 0;
    credentials = &identity->credentials;

    for (i = 0; i < identity->nslots; i++) {
        ngx_http_llm_slot_credentials(identity->slots[i], &slot);

        if (credentials->generation == 0) {

            if (slot.conf != identity->hash) {
                ngx_memzero(&slot, sizeof(llm_credentials_t));
                slot.conf = identity->hash;
            }

            memcpy(slot.error, credentials->error, sizeof(slot.error));
            slot.error_ms = credentials->error_ms;
            ngx_http_llm_slot_set_credentials(identity->slots[i], &slot);
            continue;
        }

        credentials->generation = slot.generation;

        if (slot.generation == 0
            || !ngx_http_llm_credentials_equal(credentials, &slot))
        {
            /* never one that was there before: workers keep keys by it */
            credentials->generation = ngx_max(slot.generation + 1,
                                       (uint64_t) credentials->fetched_ms);
            changed = 1;
        }

        ngx_http_llm_slot_set_credentials(identity->slots[i], credentials);
    }

    return changed;
}


static void
ngx_http_llm_identity_got(ngx_http_llm_identity_t *identity,
    ngx_http_llm_notes_t *notes, ngx_uint_t changed, ngx_uint_t refused)
{
    char                expires[LLM_UTC_TEXT], next[LLM_UTC_TEXT];
    ngx_uint_t          level;
    llm_credentials_t  *credentials;

    credentials = &identity->credentials;

    if (refused && !changed) {
        ngx_http_llm_note(notes, NGX_LOG_ERR,
                          "%s: AWS refused the credentials, and %s still "
                          "gives the same ones: check that they are active "
                          "and that this machine's clock is right",
                          identity->label, credentials->source);
    }

    level = (changed || identity->reported[0]) ? NGX_LOG_NOTICE
                                               : NGX_LOG_DEBUG;
    identity->reported[0] = '\0';

    if (credentials->expires_ms == 0) {
        ngx_http_llm_note(notes, level, "%s: credentials from %s, which do "
                          "not expire", identity->label, credentials->source);
        return;
    }

    (void) llm_utc_seconds(credentials->expires_ms, expires);
    (void) llm_utc_seconds(identity->next_ms, next);

    ngx_http_llm_note(notes, level, "%s: credentials from %s expire at %s, "
                      "next refresh at %s", identity->label,
                      credentials->source, expires, next);
}


/* once per change, and each minute */
static void
ngx_http_llm_identity_failed(ngx_http_llm_identity_t *identity,
    ngx_http_llm_notes_t *notes)
{
    char                state[64], expires[LLM_UTC_TEXT];
    int64_t             now_ms;
    llm_credentials_t  *credentials;

    now_ms = ngx_http_llm_clock();
    credentials = &identity->credentials;

    if (strcmp(identity->reported, credentials->error) == 0
        && now_ms - identity->reported_ms < NGX_HTTP_LLM_REMINDER_MS)
    {
        return;
    }

    memcpy(identity->reported, credentials->error, sizeof(identity->reported));
    identity->reported_ms = now_ms;

    if (credentials->generation == 0) {
        snprintf(state, sizeof(state), "there are none from before");

    } else if (credentials->expires_ms == 0) {
        snprintf(state, sizeof(state), "the old ones stay in use");

    } else {
        (void) llm_utc_seconds(credentials->expires_ms, expires);
        snprintf(state, sizeof(state), "the old ones %s at %s",
                 credentials->expires_ms > now_ms ? "expire" : "expired",
                 expires);
    }

    ngx_http_llm_note(notes, NGX_LOG_ERR, "%s: no credentials: %s (%s; trying "
                      "on)", identity->label, credentials->error, state);
}
