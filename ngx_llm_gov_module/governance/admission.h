/*
 * An admission under way: what ledger.c asks admission.c, in the zone's lock.
 */

#ifndef LLM_ADMISSION_H
#define LLM_ADMISSION_H

#include "account.h"


/* which limits are looked at */
typedef enum {
    LLM_LIMITS_ALL = 0,
    LLM_LIMITS_AGAIN,       /* the request was admitted before: not the number
                               of requests */
    LLM_LIMITS_NEED         /* those that a candidate's need decides */
} llm_limits_t;


/* one admission under way */
typedef struct {
    const llm_party_t  *tenants;
    unsigned            ntenants;
    llm_candidate_t    *candidates;
    unsigned            ncandidates;
    int64_t             now_ms;
    bool                again;
    llm_shortage_t      tenant;         /* why not, the worst so far … */
    llm_shortage_t      provider;       /* … and the provider that will have
                                           room first */
} llm_admission_t;


/* what is needed, as far as it counts here: whole and without surprises */
llm_need_t llm_candidate_need(const llm_candidate_t *candidate);

/* whether all tenants have room; if not, admission->tenant says which limit
 * will be the last to have some */
bool llm_tenants_room(llm_admission_t *admission, llm_limits_t which,
    const llm_need_t *need);

/* The index of the candidate to take, ncandidates if there is none.  Smooth
 * weighted round robin among those that have room: each earns its weight, the
 * richest is taken and pays what all earned.  Nothing is earned or paid for a
 * preferred one or a backup. */
unsigned llm_candidates_choose(llm_admission_t *admission);


#endif /* LLM_ADMISSION_H */
