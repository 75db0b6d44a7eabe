/*
 * The price list in memory: model ids in a hash table, each with its price
 * variants one after the other.  A variant is one resolved price for one scope
 * and one span of time.
 */

#ifndef LLM_PRICELIST_H
#define LLM_PRICELIST_H

#include "price.h"


/* the order is the precedence: of the variants that fit, the greatest wins */
typedef enum {
    LLM_SCOPE_BASE = 0,         /* fits every call */
    LLM_SCOPE_GLOBAL,           /* global. profiles */
    LLM_SCOPE_GEO,              /* any geographic profile */
    LLM_SCOPE_GEO_NAMED,        /* one of them: "eu" */
    LLM_SCOPE_IN_REGION,        /* no profile */
    LLM_SCOPE_REGION_PREFIX,    /* no profile, regions "eu-…", "us-gov-…" */
    LLM_SCOPE_REGION            /* no profile, one region */
} llm_scope_t;


/* how a call names its model */
typedef struct {
    llm_str_t     base;         /* foundation model id */
    llm_scope_t   scope;        /* IN_REGION, GEO_NAMED or GLOBAL */
    llm_str_t     geo;          /* without its dot */
    llm_str_t     region;       /* of an ARN */
} llm_model_name_t;


/* LLM_ERROR: an ARN that does not hold a model id */
int llm_model_name(llm_model_name_t *name, llm_str_t model);

/* "us." and its like, "global." too: the length with the dot, 0: none */
size_t llm_model_prefix(llm_str_t model);


/* a piece of the list's own string storage, which moves while it grows */
typedef struct {
    uint32_t      start;
    uint32_t      len;
} llm_name_t;


typedef struct {
    llm_scope_t   scope;
    llm_name_t    name;         /* geo prefix, region or its beginning */
    int64_t       from_ms;      /* inclusive */
    int64_t       until_ms;     /* exclusive */
    llm_price_t   price;
} llm_variant_t;


typedef struct {
    uint64_t      hash;
    llm_name_t    name;
    uint32_t      first;        /* variant */
    uint32_t      n;
} llm_model_t;


struct llm_prices_s {
    llm_variant_t  *variants;
    uint32_t        nvariants;
    uint32_t        variants_size;

    llm_model_t    *models;
    uint32_t        nmodels;
    uint32_t        models_size;

    uint32_t       *slots;      /* index of a model + 1, 0: free */
    uint32_t        nslots;     /* a power of two */

    char           *strings;
    uint32_t        strings_len;
    uint32_t        strings_size;

    llm_str_t       version;
    char            version_text[64];
};


llm_prices_t *llm_pricelist_create(void);

/* Variants are added to the model that was added last.  LLM_ERROR: no memory;
 * LLM_AGAIN: the model is there already. */
int llm_pricelist_add_model(llm_prices_t *prices, llm_str_t id);
int llm_pricelist_add_variant(llm_prices_t *prices, llm_scope_t scope,
    llm_str_t name, int64_t from_ms, int64_t until_ms,
    const llm_price_t *price);

/* a further id for the model that was added last: only after all its
 * variants */
int llm_pricelist_add_alias(llm_prices_t *prices, llm_str_t id);

/* all dimensions LLM_NO_PRICE */
void llm_price_init(llm_price_t *price);
void llm_rates_init(llm_rates_t *rates);


#endif /* LLM_PRICELIST_H */
