/*
 * SigV4: the canonical request.
 */

#include "sigv4_private.h"


static size_t llm_sigv4_sort(const llm_sigv4_request_t *request,
    const llm_header_t **order);
static void llm_sigv4_headers(llm_buf_t *out, const llm_header_t **order,
    size_t n);
static void llm_sigv4_names(llm_buf_t *out, const llm_header_t **order,
    size_t n);
static void llm_sigv4_name(llm_buf_t *out, llm_str_t name);
static void llm_sigv4_value(llm_buf_t *out, llm_str_t value);


static inline bool
llm_sigv4_is_space(char c)
{
    return (uint8_t) c <= ' ' && (c == ' ' || (c >= '\t' && c <= '\r'));
}


static inline bool
llm_sigv4_same_name(const llm_header_t *a, const llm_header_t *b)
{
    return a->name.len == b->name.len
           && llm_sigv4_name_cmp(a->name, b->name) == 0;
}


int
llm_sigv4_canonical(llm_buf_t *out, const llm_sigv4_request_t *request)
{
    size_t               n;
    const llm_header_t  *order[LLM_SIGV4_MAX_HEADERS];

    if (request->nheaders > LLM_SIGV4_MAX_HEADERS) {
        return LLM_ERROR;
    }

    n = llm_sigv4_sort(request, order);

    llm_buf_str(out, request->method);
    llm_buf_append(out, "\n", 1);
    llm_sigv4_canonical_path(out, request);
    llm_buf_append(out, "\n", 1);

    if (request->query.len != 0
        && llm_sigv4_canonical_query(out, request->query) != LLM_OK)
    {
        return LLM_ERROR;
    }

    llm_buf_append(out, "\n", 1);
    llm_sigv4_headers(out, order, n);
    llm_buf_append(out, "\n", 1);
    llm_sigv4_names(out, order, n);
    llm_buf_append(out, "\n", 1);
    llm_buf_str(out, request->payload_hash);

    return out->failed ? LLM_ERROR : LLM_OK;
}


/* by name; those of one name stay as they came */
static size_t
llm_sigv4_sort(const llm_sigv4_request_t *request, const llm_header_t **order)
{
    size_t               i, k;
    const llm_header_t  *header;

    for (i = 0; i < request->nheaders; i++) {
        header = &request->headers[i];

        for (k = i; k > 0; k--) {
            if (llm_sigv4_name_cmp(order[k - 1]->name, header->name) <= 0) {
                break;
            }

            order[k] = order[k - 1];
        }

        order[k] = header;
    }

    return request->nheaders;
}


int
llm_sigv4_name_cmp(llm_str_t a, llm_str_t b)
{
    int     d;
    size_t  i, len;

    len = (a.len < b.len) ? a.len : b.len;

    for (i = 0; i < len; i++) {
        d = (uint8_t) llm_sigv4_lower(a.data[i])
            - (uint8_t) llm_sigv4_lower(b.data[i]);

        if (d != 0) {
            return d;
        }
    }

    return (a.len > b.len) - (a.len < b.len);
}


static void
llm_sigv4_headers(llm_buf_t *out, const llm_header_t **order, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (i != 0 && llm_sigv4_same_name(order[i], order[i - 1])) {
            llm_buf_append(out, ",", 1);

        } else {
            if (i != 0) {
                llm_buf_append(out, "\n", 1);
            }

            llm_sigv4_name(out, order[i]->name);
            llm_buf_append(out, ":", 1);
        }

        llm_sigv4_value(out, order[i]->value);
    }

    if (n != 0) {
        llm_buf_append(out, "\n", 1);
    }
}


static void
llm_sigv4_names(llm_buf_t *out, const llm_header_t **order, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (i != 0) {
            if (llm_sigv4_same_name(order[i], order[i - 1])) {
                continue;
            }

            llm_buf_append(out, ";", 1);
        }

        llm_sigv4_name(out, order[i]->name);
    }
}


static void
llm_sigv4_name(llm_buf_t *out, llm_str_t name)
{
    size_t  i, start;

    start = out->len;

    llm_buf_str(out, name);

    for (i = start; i < out->len; i++) {
        out->data[i] = llm_sigv4_lower(out->data[i]);
    }
}


/* without white space at both ends, and one space for each run within */
static void
llm_sigv4_value(llm_buf_t *out, llm_str_t value)
{
    const char  *p, *end, *word;

    p = value.data;
    end = (value.len != 0) ? p + value.len : p;

    for (word = NULL; /* void */ ; word = p) {

        while (p != end && llm_sigv4_is_space(*p)) {
            p++;
        }

        if (p == end) {
            return;
        }

        if (word != NULL) {
            llm_buf_append(out, " ", 1);
        }

        word = p;

        while (p != end && !llm_sigv4_is_space(*p)) {
            p++;
        }

        llm_buf_append(out, word, (size_t) (p - word));
    }
}
