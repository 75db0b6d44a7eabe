/*
 * Beta flags of Anthropic's API, as many as Bedrock knows: one it does not
 * know makes it refuse the whole request.
 */

#include "envelope.h"


#define LLM_BETA_MAX    128     /* bytes of one flag */
#define LLM_BETA_COUNT  64      /* flags looked at in one list */


/* takes the next flag off a comma list; false: there is none */
static bool
llm_beta_next(llm_str_t *list, llm_str_t *flag)
{
    const char  *comma;

    while (list->len) {
        *flag = *list;

        comma = memchr(list->data, ',', list->len);

        if (comma) {
            flag->len = (size_t) (comma - list->data);
            list->data = comma + 1;
            list->len -= flag->len + 1;

        } else {
            list->len = 0;
        }

        while (flag->len && (*flag->data == ' ' || *flag->data == '\t')) {
            flag->data++;
            flag->len--;
        }

        while (flag->len && (flag->data[flag->len - 1] == ' '
                             || flag->data[flag->len - 1] == '\t'))
        {
            flag->len--;
        }

        if (flag->len) {
            return true;
        }
    }

    return false;
}


static bool
llm_beta_has(llm_str_t list, llm_str_t flag)
{
    llm_str_t  next;

    while (llm_beta_next(&list, &next)) {
        if (llm_str_eq(next, flag)) {
            return true;
        }
    }

    return false;
}


static bool
llm_beta_clean(llm_str_t flag)
{
    char    c;
    size_t  i;

    for (i = 0; i < flag.len; i++) {
        c = flag.data[i];

        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
            && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.')
        {
            return false;
        }
    }

    return flag.len <= LLM_BETA_MAX;
}


/* what a flag becomes by the list; false: it is not in it */
static bool
llm_beta_allowed(llm_str_t allow, llm_str_t flag, llm_str_t *to)
{
    bool         all;
    llm_str_t    rule, from;
    const char  *equals;

    all = false;

    while (llm_beta_next(&allow, &rule)) {
        equals = memchr(rule.data, '=', rule.len);

        from = rule;
        *to = rule;

        if (equals) {
            from.len = (size_t) (equals - rule.data);
            to->data = equals + 1;
            to->len = rule.len - from.len - 1;
        }

        if (llm_str_eq(from, flag)) {
            return to->len > 0;
        }

        if (llm_str_eq(rule, llm_str("*"))) {
            all = true;
        }
    }

    *to = flag;

    return all;
}


static void
llm_beta_add(llm_buf_t *list, llm_str_t flag)
{
    if (llm_beta_has((llm_str_t) { list->data, list->len }, flag)) {
        return;
    }

    if (list->len) {
        llm_buf_str(list, llm_str(","));
    }

    llm_buf_str(list, flag);
}


static void
llm_beta_filter(llm_buf_t *out, llm_buf_t *dropped, llm_str_t list,
    llm_str_t allow)
{
    unsigned   n;
    llm_str_t  flag, to;

    for (n = 0; n < LLM_BETA_COUNT && llm_beta_next(&list, &flag); n++) {

        /* what no flag can be is not worth a word in a log either */
        if (!llm_beta_clean(flag)) {
            continue;
        }

        if (llm_beta_allowed(allow, flag, &to)) {
            llm_beta_add(out, to);

        } else {
            llm_beta_add(dropped, flag);
        }
    }
}


void
llm_anthropic_betas(llm_buf_t *out, llm_buf_t *dropped, llm_str_t header,
    llm_str_t body, llm_str_t allow)
{
    if (allow.len == 0) {
        allow = llm_str(LLM_ANTHROPIC_BETAS);
    }

    llm_beta_filter(out, dropped, header, allow);
    llm_beta_filter(out, dropped, body, allow);
}
