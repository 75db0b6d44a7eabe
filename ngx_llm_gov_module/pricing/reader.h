/*
 * What reading either format needs: the document, and whom to tell.
 */

#ifndef LLM_READER_H
#define LLM_READER_H

#include "document.h"
#include "pricelist.h"


/* after so many the rest is not worth reading */
#define LLM_READER_MAX_ERRORS  20


typedef struct {
    llm_document_t        *doc;
    llm_prices_t          *prices;
    llm_prices_report_pt   report;
    void                  *ctx;
    unsigned               errors;
    llm_str_t              model;       /* the entry that is being read */
    bool                   free;        /* its prices may be 0 */
} llm_reader_t;


/* Tells of an error in, or a doubt about, the entry at this value.  The error
 * returns LLM_ERROR, for the caller to return. */
int llm_reader_error(llm_reader_t *reader, const llm_value_t *value,
    const char *format, ...) __attribute__((format(printf, 3, 4)));
void llm_reader_warn(llm_reader_t *reader, const llm_value_t *value,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* a piece of the file in a message: `%.*s` */
#define llm_reader_arg(s)  (int) ((s).len < 100 ? (s).len : 100), (s).data


/* the two formats; LLM_ERROR: told already, or no memory */
int llm_ownlist_read(llm_reader_t *reader, const llm_value_t *models);
int llm_litellm_read(llm_reader_t *reader);

/* all prices times the factor in millionths */
void llm_price_scale(llm_price_t *price, int64_t millionths);


#endif /* LLM_READER_H */
