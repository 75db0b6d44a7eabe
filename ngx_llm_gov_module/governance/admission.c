/*
 * Who has room: the limits of every tier, and the candidates among those that
 * have some.
 */

#include "admission.h"


/* whether a limit has room; *shortage is filled if it has none */
static bool
llm_limit_room(const llm_party_t *party, const llm_limit_t *limit,
    const llm_need_t *need, int64_t now_ms, llm_shortage_t *shortage)
{
    bool     room;
    int64_t  spent, held, wanted, reset_ms;

    if (limit->mode == LLM_LIMIT_SOFT) {
        return true;
    }

    llm_limit_state(party, limit, now_ms, &spent, &held, &reset_ms);

    if (limit->metric == LLM_METRIC_REQUESTS
        || limit->metric == LLM_METRIC_CONCURRENCY)
    {
        wanted = 1;
        room = llm_sum(llm_sum(spent, held), 1) <= limit->amount;

    } else if (limit->mode == LLM_LIMIT_HARD) {
        wanted = llm_amounts_of(&need->worst, limit->metric);
        room = llm_sum(llm_sum(spent, held), wanted) <= limit->amount;

    } else {
        wanted = llm_amounts_of(&need->expected, limit->metric);
        room = llm_sum(spent, held) < limit->amount;
    }

    if (!room) {
        *shortage = (llm_shortage_t) { party->account, limit, spent, held,
                                       wanted, reset_ms };
    }

    return room;
}


/* whether `a` lasts longer than `b`: the refusal names the limit that will be
 * the last to have room, so that its reset time is true */
static bool
llm_shortage_longer(const llm_shortage_t *a, const llm_shortage_t *b)
{
    if (b->limit == NULL || b->limit->metric == LLM_METRIC_CONCURRENCY) {
        return true;
    }

    if (a->limit->metric == LLM_METRIC_CONCURRENCY || b->reset_ms == 0) {
        return false;
    }

    return a->reset_ms == 0 || a->reset_ms > b->reset_ms;
}


static bool
llm_limit_asked(const llm_limit_t *limit, llm_limits_t which)
{
    bool  counts;

    counts = limit->metric == LLM_METRIC_REQUESTS
             || limit->metric == LLM_METRIC_CONCURRENCY;

    return which == LLM_LIMITS_ALL
           || (!counts && (which == LLM_LIMITS_AGAIN
                           || limit->mode == LLM_LIMIT_HARD));
}


/* *shortage becomes the one that lasts longest */
static bool
llm_party_room(const llm_party_t *party, llm_limits_t which,
    const llm_need_t *need, int64_t now_ms, llm_shortage_t *shortage)
{
    bool                room;
    unsigned            i;
    llm_shortage_t      found;
    const llm_limit_t  *limit;

    room = true;

    for (i = 0; i < party->nlimits; i++) {
        limit = &party->limits[i];

        if (!llm_limit_asked(limit, which)
            || llm_limit_room(party, limit, need, now_ms, &found))
        {
            continue;
        }

        room = false;

        if (llm_shortage_longer(&found, shortage)) {
            *shortage = found;
        }
    }

    return room;
}


llm_need_t
llm_candidate_need(const llm_candidate_t *candidate)
{
    return (llm_need_t) {
        .expected = llm_amounts_clamp(&candidate->need.expected, 1),
        .worst = llm_amounts_clamp(&candidate->need.worst, 1)
    };
}


bool
llm_tenants_room(llm_admission_t *admission, llm_limits_t which,
    const llm_need_t *need)
{
    bool      room;
    unsigned  i;

    room = true;

    for (i = 0; i < admission->ntenants; i++) {
        if (!llm_party_room(&admission->tenants[i], which, need,
                            admission->now_ms, &admission->tenant))
        {
            room = false;
        }
    }

    return room;
}


/* whether every tier has room for the request on this candidate */
static bool
llm_candidate_room(llm_admission_t *admission,
    const llm_candidate_t *candidate)
{
    llm_need_t       need;
    llm_shortage_t  *provider, found;

    if (candidate->excluded) {
        return false;
    }

    need = llm_candidate_need(candidate);

    if (!llm_tenants_room(admission, LLM_LIMITS_NEED, &need)) {
        return false;
    }

    memset(&found, 0, sizeof(llm_shortage_t));

    if (llm_party_room(&candidate->provider, LLM_LIMITS_ALL, &need,
                       admission->now_ms, &found))
    {
        return true;
    }

    provider = &admission->provider;

    if (provider->limit == NULL || llm_shortage_longer(provider, &found)) {
        *provider = found;
    }

    return false;
}


unsigned
llm_candidates_choose(llm_admission_t *admission)
{
    int64_t           total;
    unsigned          i, best, backup, none;
    llm_candidate_t  *candidate;

    none = admission->ncandidates;

    for (i = 0; i < none; i++) {
        candidate = &admission->candidates[i];

        if (candidate->preferred && llm_candidate_room(admission, candidate)) {
            return i;
        }
    }

    total = 0;
    best = none;
    backup = none;

    for (i = 0; i < none; i++) {
        candidate = &admission->candidates[i];

        if (candidate->weight == 0 && backup != none) {
            continue;
        }

        if (!llm_candidate_room(admission, candidate)) {
            continue;
        }

        if (candidate->weight == 0) {
            backup = i;
            continue;
        }

        total += candidate->weight;
        *candidate->current += candidate->weight;

        if (best == none
            || *candidate->current > *admission->candidates[best].current)
        {
            best = i;
        }
    }

    if (best == none) {
        return backup;
    }

    *admission->candidates[best].current -= total;

    return best;
}
