/*
 * A filter's value: a comma list, perhaps behind `!`.  A backslash takes away
 * what the next byte means.
 */

#include "filter_private.h"

#include <stdio.h>
#include <stdlib.h>


#define LLM_FILTER_EXCERPT  32


/* what is left of a list */
typedef struct {
    llm_str_t   rest;
    bool        ended;
    bool        stray;          /* the item has a `*` within */
} llm_filter_list_t;


static unsigned llm_filter_items(llm_str_t value);
static int llm_filter_alloc(llm_term_t *term, unsigned n);
static int llm_filter_item(llm_filter_list_t *list, llm_pattern_t *item);
static bool llm_filter_stars(const llm_term_t *term,
    const llm_filter_list_t *list, const llm_pattern_t *item);
static int llm_filter_take(llm_term_t *term, llm_pattern_t *item);
static void llm_filter_uuids(const llm_pattern_t *pattern,
    llm_uuids_t *uuids);
static int llm_filter_take_set(llm_term_t *term, llm_str_t text);
static int llm_filter_take_status(llm_term_t *term, llm_str_t text);


int
llm_filter_parse(llm_term_t *term, llm_str_t name, llm_str_t value,
    char error[LLM_FILTER_ERROR])
{
    unsigned           n;
    llm_pattern_t      item;
    llm_filter_list_t  list;

    list.rest = value;
    list.ended = false;

    if (value.len > 0 && value.data[0] == '!') {
        term->negated = true;
        list.rest = (llm_str_t) { value.data + 1, value.len - 1 };
    }

    n = llm_filter_items(list.rest);

    if (n > LLM_FILTER_VALUES) {
        snprintf(error, LLM_FILTER_ERROR,
                 "\"%.*s\" may have %d values at most", (int) name.len,
                 name.data, LLM_FILTER_VALUES);
        return LLM_ERROR;
    }

    if (llm_filter_alloc(term, n) != LLM_OK) {
        snprintf(error, LLM_FILTER_ERROR, "no memory");
        return LLM_ERROR;
    }

    while (!list.ended) {
        if (llm_filter_item(&list, &item) != LLM_OK) {
            snprintf(error, LLM_FILTER_ERROR, "no memory");
            return LLM_ERROR;
        }

        if (!llm_filter_stars(term, &list, &item)
            || llm_filter_take(term, &item) != LLM_OK)
        {
            free((char *) item.text.data);
            return llm_filter_wrong(error, name, term->field->allowed, value);
        }
    }

    return LLM_OK;
}


void
llm_filter_term_free(llm_term_t *term)
{
    unsigned  i;

    if (term->patterns != NULL) {
        for (i = 0; i < term->n; i++) {
            free((char *) term->patterns[i].text.data);
        }
    }

    free(term->patterns);
    free(term->uuids);
    free(term->ranges);
    free(term->ids);
}


static unsigned
llm_filter_items(llm_str_t value)
{
    size_t    i;
    unsigned  n;

    n = 1;

    for (i = 0; i < value.len && n <= LLM_FILTER_VALUES; i++) {
        if (value.data[i] == '\\') {
            i++;

        } else if (value.data[i] == ',') {
            n++;
        }
    }

    return n;
}


static int
llm_filter_alloc(llm_term_t *term, unsigned n)
{
    switch (term->field->kind) {

    case LLM_TERM_SET:
    case LLM_TERM_ATTEMPT_SET:
        return LLM_OK;

    case LLM_TERM_STATUS:
        term->ranges = calloc(n, sizeof(llm_range_t));
        return (term->ranges == NULL) ? LLM_ERROR : LLM_OK;

    case LLM_TERM_ID:
        term->ids = calloc(n, LLM_ROW_ID_SIZE);
        return (term->ids == NULL) ? LLM_ERROR : LLM_OK;

    default:
        term->patterns = calloc(n, sizeof(llm_pattern_t));
        term->uuids = calloc(n, sizeof(llm_uuids_t));
        return (term->patterns == NULL || term->uuids == NULL) ? LLM_ERROR
                                                               : LLM_OK;
    }
}


/* the next item; its text is malloc()ed */
static int
llm_filter_item(llm_filter_list_t *list, llm_pattern_t *item)
{
    char    c, *text;
    bool    star;
    size_t  i, len;

    text = malloc(list->rest.len + 1);

    if (text == NULL) {
        return LLM_ERROR;
    }

    list->stray = false;
    star = false;
    len = 0;

    /* a star alone is one that something may stand behind */

    item->before = list->rest.len > 1 && list->rest.data[0] == '*'
                   && list->rest.data[1] != ',';

    for (i = item->before; i < list->rest.len; i++) {
        c = list->rest.data[i];

        if (c == ',') {
            break;
        }

        list->stray |= star;
        star = (c == '*');

        if (c == '\\' && i + 1 < list->rest.len) {
            c = list->rest.data[++i];
        }

        text[len++] = c;
    }

    list->ended = (i == list->rest.len);
    list->rest.data += list->ended ? i : i + 1;
    list->rest.len -= list->ended ? i : i + 1;

    item->after = star;
    item->text = (llm_str_t) { text, len - star };

    return LLM_OK;
}


/* are the item's stars where they may be?  Who means that byte writes `\*` */
static bool
llm_filter_stars(const llm_term_t *term, const llm_filter_list_t *list,
    const llm_pattern_t *item)
{
    switch (term->field->kind) {

    case LLM_TERM_TEXT:
        return !list->stray;

    case LLM_TERM_TAG:
    case LLM_TERM_ATTEMPT_TEXT:
    case LLM_TERM_REQUEST_ID:
        return !list->stray && !item->before;

    case LLM_TERM_PART:
        return true;

    default:
        return !item->before && !item->after;
    }
}


/* takes over the text if it is LLM_OK */
static int
llm_filter_take(llm_term_t *term, llm_pattern_t *item)
{
    int     rc;
    char   *text;
    size_t  i;

    switch (term->field->kind) {

    case LLM_TERM_SET:
    case LLM_TERM_ATTEMPT_SET:
        rc = llm_filter_take_set(term, item->text);
        break;

    case LLM_TERM_STATUS:
        rc = llm_filter_take_status(term, item->text);
        break;

    case LLM_TERM_ID:
        rc = llm_row_id_parse(item->text, term->ids[term->n]);
        term->n += (rc == LLM_OK);
        break;

    case LLM_TERM_PART:
        if (item->text.len == 0) {
            return LLM_ERROR;
        }

        term->parts = true;
        text = (char *) item->text.data;

        for (i = 0; i < item->text.len; i++) {
            text[i] |= (text[i] >= 'A' && text[i] <= 'Z') ? 0x20 : 0;
        }

        /* fall through */

    default:
        llm_filter_uuids(item, &term->uuids[term->n]);
        term->parts |= item->before;
        term->patterns[term->n++] = *item;
        return LLM_OK;
    }

    if (rc == LLM_OK) {
        free((char *) item->text.data);
    }

    return rc;
}


/* by the hex digits that it begins with: too many rather than too few; none
 * where no UUID is written like that */
static void
llm_filter_uuids(const llm_pattern_t *pattern, llm_uuids_t *uuids)
{
    char       c;
    size_t     i;
    uint64_t   digit;
    unsigned   shift;
    llm_str_t  text;

    text = pattern->text;
    *uuids = (llm_uuids_t) { UINT64_MAX, 0 };

    if (text.len > LLM_UUID_TEXT
        || (text.len < LLM_UUID_TEXT && !pattern->after))
    {
        return;
    }

    *uuids = (llm_uuids_t) { 0, UINT64_MAX };

    for (i = 0, shift = 64; i < text.len && shift > 0; i++) {
        c = text.data[i];

        if (c >= '0' && c <= '9') {
            digit = (uint64_t) (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            digit = (uint64_t) (c - 'a') + 10;

        } else if (c == '-') {
            continue;

        } else {
            *uuids = (llm_uuids_t) { UINT64_MAX, 0 };
            return;
        }

        shift -= 4;
        uuids->min |= digit << shift;
        uuids->max = uuids->min | (((uint64_t) 1 << shift) - 1);
    }
}


static int
llm_filter_take_set(llm_term_t *term, llm_str_t text)
{
    int                        bit;
    const llm_filter_field_t  *field;

    field = term->field;

    if (field->find == NULL) {
        if (llm_str_eq(text, llm_str("true"))) {
            term->set |= field->yes;
            return LLM_OK;
        }

        if (llm_str_eq(text, llm_str("false"))) {
            term->set |= field->no;
            return LLM_OK;
        }

        return LLM_ERROR;
    }

    if (field->any != 0 && llm_str_eq(text, llm_str("any"))) {
        term->set |= field->any;
        return LLM_OK;
    }

    bit = field->find(text);

    if (bit < 0 || bit > 63) {
        return LLM_ERROR;
    }

    term->set |= (uint64_t) 1 << bit;

    return LLM_OK;
}


/* "200", "4xx", "0" for a client that left before any */
static int
llm_filter_take_status(llm_term_t *term, llm_str_t text)
{
    int64_t  status;

    if (llm_str_eq(text, llm_str("0"))) {
        term->ranges[term->n++] = (llm_range_t) { 0, 0 };
        return LLM_OK;
    }

    if (text.len != 3 || text.data[0] < '1' || text.data[0] > '5') {
        return LLM_ERROR;
    }

    status = (text.data[0] - '0') * 100;

    if (memcmp(text.data + 1, "xx", 2) == 0) {
        term->ranges[term->n++] = (llm_range_t) { status, status + 99 };
        return LLM_OK;
    }

    if (text.data[1] < '0' || text.data[1] > '9'
        || text.data[2] < '0' || text.data[2] > '9')
    {
        return LLM_ERROR;
    }

    status += (text.data[1] - '0') * 10 + (text.data[2] - '0');
    term->ranges[term->n++] = (llm_range_t) { status, status };

    return LLM_OK;
}


int
llm_filter_wrong(char error[LLM_FILTER_ERROR], llm_str_t name,
    const char *allowed, llm_str_t value)
{
    char    c, excerpt[LLM_FILTER_EXCERPT + 1];
    size_t  i;

    for (i = 0; i < value.len && i < LLM_FILTER_EXCERPT; i++) {
        c = value.data[i];
        excerpt[i] = (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') ? c
                                                                      : '?';
    }

    excerpt[i] = '\0';

    snprintf(error, LLM_FILTER_ERROR, "\"%.*s\" is %s (not \"%s%s\")",
             (int) (name.len < 32 ? name.len : 32), name.data, allowed,
             excerpt, value.len > i ? "..." : "");

    return LLM_ERROR;
}
