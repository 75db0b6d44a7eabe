/*
 * SigV4: path and query in canonical form.
 */

#include "sigv4_private.h"

#include <stdlib.h>


/* RFC 3986, section 2.3 */
static const bool  llm_sigv4_unreserved[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true,
    ['-'] = true, ['.'] = true, ['_'] = true, ['~'] = true
};


/* offsets into the encoded parameters */
typedef struct {
    const llm_buf_t  *text;
    size_t            name;
    size_t            name_end;
    size_t            value;
    size_t            value_end;
} llm_sigv4_param_t;


static void llm_sigv4_normalize(llm_buf_t *out, llm_str_t path);
static void llm_sigv4_encode(llm_buf_t *out, llm_str_t text, bool keep_slash,
    bool keep_percent);
static void llm_sigv4_params(llm_buf_t *text, llm_buf_t *params,
    llm_str_t query);
static void llm_sigv4_param_text(llm_buf_t *out, llm_str_t text);
static void llm_sigv4_put_params(llm_buf_t *out, llm_sigv4_param_t *params,
    size_t n);
static int llm_sigv4_param_cmp(const void *one, const void *two);
static int llm_sigv4_hex(char c);


/* where all names and values are empty there is no memory */
static inline const char *
llm_sigv4_param_base(const llm_sigv4_param_t *param)
{
    return (param->text->data != NULL) ? param->text->data : "";
}


void
llm_sigv4_canonical_path(llm_buf_t *out, const llm_sigv4_request_t *request)
{
    llm_buf_t  normal;
    llm_str_t  path;

    path = request->path;

    if (path.len == 0) {
        path = llm_str("/");
    }

    if (!request->normalize) {
        llm_sigv4_encode(out, path, true, request->single_encode);
        return;
    }

    llm_buf_init(&normal, out->limit);
    llm_sigv4_normalize(&normal, path);

    if (normal.failed) {
        out->failed = true;
    }

    path.data = normal.data;
    path.len = normal.len;

    llm_sigv4_encode(out, path, true, request->single_encode);
    llm_buf_free(&normal);
}


/* RFC 3986, section 5.2.4, and no empty segments */
static void
llm_sigv4_normalize(llm_buf_t *out, llm_str_t path)
{
    llm_str_t    segment;
    const char  *p, *end, *slash;

    p = path.data;
    end = p + path.len;

    llm_buf_append(out, "/", 1);

    while (p != end) {
        slash = memchr(p, '/', (size_t) (end - p));

        segment.data = p;
        segment.len = (size_t) (((slash != NULL) ? slash : end) - p);
        p = (slash != NULL) ? slash + 1 : end;

        if (segment.len == 0 || llm_str_eq(segment, llm_str("."))) {
            continue;
        }

        if (!llm_str_eq(segment, llm_str(".."))) {
            llm_buf_str(out, segment);

            if (slash != NULL) {
                llm_buf_append(out, "/", 1);
            }

            continue;
        }

        if (out->len > 1) {
            out->len--;
        }

        while (out->len > 1 && out->data[out->len - 1] != '/') {
            out->len--;
        }
    }
}


static void
llm_sigv4_encode(llm_buf_t *out, llm_str_t text, bool keep_slash,
    bool keep_percent)
{
    char         hex[3], c;
    const char  *p, *end, *run;

    static const char  digits[] = "0123456789ABCDEF";

    p = text.data;
    end = (text.len != 0) ? p + text.len : p;

    while (p != end) {

        for (run = p; p != end; p++) {
            c = *p;

            if (!llm_sigv4_unreserved[(uint8_t) c] && !(c == '/' && keep_slash)
                && !(c == '%' && keep_percent))
            {
                break;
            }
        }

        llm_buf_append(out, run, (size_t) (p - run));

        if (p != end) {
            hex[0] = '%';
            hex[1] = digits[(uint8_t) *p >> 4];
            hex[2] = digits[(uint8_t) *p & 0xf];
            llm_buf_append(out, hex, 3);
            p++;
        }
    }
}


int
llm_sigv4_canonical_query(llm_buf_t *out, llm_str_t query)
{
    int        rc;
    llm_buf_t  text, params;

    llm_buf_init(&text, LLM_SIGV4_CANONICAL_LIMIT);
    llm_buf_init(&params, LLM_SIGV4_CANONICAL_LIMIT);

    llm_sigv4_params(&text, &params, query);

    rc = (text.failed || params.failed) ? LLM_ERROR : LLM_OK;

    if (rc == LLM_OK && params.len != 0) {
        llm_sigv4_put_params(out, (llm_sigv4_param_t *) params.data,
                             params.len / sizeof(llm_sigv4_param_t));
    }

    llm_buf_free(&text);
    llm_buf_free(&params);

    return rc;
}


static void
llm_sigv4_put_params(llm_buf_t *out, llm_sigv4_param_t *params, size_t n)
{
    size_t              i;
    const char         *text;
    llm_sigv4_param_t  *param;

    qsort(params, n, sizeof(llm_sigv4_param_t), llm_sigv4_param_cmp);

    for (i = 0; i < n; i++) {
        param = &params[i];
        text = llm_sigv4_param_base(param);

        if (i != 0) {
            llm_buf_append(out, "&", 1);
        }

        llm_buf_append(out, text + param->name, param->name_end - param->name);
        llm_buf_append(out, "=", 1);
        llm_buf_append(out, text + param->value,
                       param->value_end - param->value);
    }
}


static void
llm_sigv4_params(llm_buf_t *text, llm_buf_t *params, llm_str_t query)
{
    llm_str_t           name, value;
    const char         *p, *end, *and, *equal;
    llm_sigv4_param_t   param;

    p = query.data;
    end = p + query.len;
    param.text = text;

    for ( /* void */ ; p != end; p = (and != end) ? and + 1 : end) {
        and = memchr(p, '&', (size_t) (end - p));
        and = (and != NULL) ? and : end;

        if (and == p) {
            continue;
        }

        equal = memchr(p, '=', (size_t) (and - p));

        name.data = p;
        name.len = (size_t) (((equal != NULL) ? equal : and) - p);
        value.data = (equal != NULL) ? equal + 1 : and;
        value.len = (size_t) (and - value.data);

        param.name = text->len;
        llm_sigv4_param_text(text, name);
        param.name_end = text->len;
        param.value = text->len;
        llm_sigv4_param_text(text, value);
        param.value_end = text->len;

        llm_buf_append(params, &param, sizeof(param));
    }
}


/* decoded and encoded again, so that what needed no %XX has none */
static void
llm_sigv4_param_text(llm_buf_t *out, llm_str_t text)
{
    int        high, low;
    char       c;
    size_t     i;
    llm_str_t  byte;

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c == '%' && text.len - i > 2) {
            high = llm_sigv4_hex(text.data[i + 1]);
            low = llm_sigv4_hex(text.data[i + 2]);

            if (high >= 0 && low >= 0) {
                c = (char) (high << 4 | low);
                i += 2;
            }
        }

        byte.data = &c;
        byte.len = 1;

        llm_sigv4_encode(out, byte, false, false);
    }
}


static int
llm_sigv4_param_cmp(const void *one, const void *two)
{
    int                       d;
    size_t                    a_len, b_len;
    const char               *text;
    const llm_sigv4_param_t  *a, *b;

    a = one;
    b = two;
    text = llm_sigv4_param_base(a);

    a_len = a->name_end - a->name;
    b_len = b->name_end - b->name;

    d = memcmp(text + a->name, text + b->name, a_len < b_len ? a_len : b_len);

    if (d != 0 || a_len != b_len) {
        return (d != 0) ? d : (a_len > b_len) - (a_len < b_len);
    }

    a_len = a->value_end - a->value;
    b_len = b->value_end - b->value;

    d = memcmp(text + a->value, text + b->value,
               a_len < b_len ? a_len : b_len);

    return (d != 0) ? d : (a_len > b_len) - (a_len < b_len);
}


static int
llm_sigv4_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c = (char) (c | 0x20);

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}
