/*
 * Strings, numbers and literals of the JSON scanner.
 */

#include "json_private.h"
#include "utf8.h"


/* what compilers know to put into a register of 16 bytes */
typedef int8_t  llm_json_sixteen_t __attribute__((vector_size(16)));


/* json->sub within a string */
enum {
    LLM_JSON_PLAIN = 0,
    LLM_JSON_HEX_1,             /* one hexadecimal digit is still to come */
    LLM_JSON_HEX_4 = 4,
    LLM_JSON_BACKSLASH
};


/* json->sub within a number: what was read last */
enum {
    LLM_JSON_NOTHING = 0,
    LLM_JSON_SIGN,
    LLM_JSON_ZERO,
    LLM_JSON_INTEGER,
    LLM_JSON_POINT,
    LLM_JSON_FRACTION,
    LLM_JSON_E,
    LLM_JSON_E_SIGN,
    LLM_JSON_EXPONENT
};


/* json->sub within a literal: the place in these */
enum {
    LLM_JSON_LITERAL_TRUE = 1,
    LLM_JSON_LITERAL_FALSE = 8,
    LLM_JSON_LITERAL_NULL = 16
};

static const char  llm_json_literals[] = ".true\0..false\0..null";


static int llm_json_escape(llm_json_t *json, char c);
static int llm_json_utf8(llm_json_t *json, llm_json_piece_t *in);
static const char *llm_json_plain(const char *p, const char *end);
static int llm_json_string_end(llm_json_t *json, llm_json_piece_t *in);
static int llm_json_number_next(unsigned sub, char c);
static int llm_json_scalar(llm_json_t *json, llm_json_piece_t *in,
    llm_json_type_t type);


int
llm_json_string(llm_json_t *json, llm_json_piece_t *in)
{
    int      rc;
    uint8_t  c;

    while (in->p != in->end) {

        if (json->sub != LLM_JSON_PLAIN) {
            rc = llm_json_escape(json, *in->p);

            if (rc != LLM_OK) {
                return rc;
            }

            in->p++;
            continue;
        }

        if (json->utf8_left == 0) {
            in->p = llm_json_plain(in->p, in->end);

            if (in->p == in->end) {
                break;
            }
        }

        c = (uint8_t) *in->p;

        if (c >= 0x80 || json->utf8_left != 0) {
            rc = llm_json_utf8(json, in);

            if (rc != LLM_OK) {
                return rc;
            }

            continue;
        }

        if (c == '"') {
            return llm_json_string_end(json, in);
        }

        if (c != '\\') {
            return llm_json_fail(json, "a control character in a string");
        }

        json->escaped = true;
        json->sub = LLM_JSON_BACKSLASH;
        in->p++;
    }

    return LLM_OK;
}


static int
llm_json_escape(llm_json_t *json, char c)
{
    if (json->sub == LLM_JSON_BACKSLASH) {

        if (c == 'u') {
            json->sub = LLM_JSON_HEX_4;
            return LLM_OK;
        }

        if (c != '\0' && strchr("\"\\/bfnrt", c) != NULL) {
            json->sub = LLM_JSON_PLAIN;
            return LLM_OK;
        }

    } else if ((c >= '0' && c <= '9')
               || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'))
    {
        json->sub--;
        return LLM_OK;
    }

    return llm_json_fail(json, "a broken escape in a string");
}


/* passes all that is not ASCII */
static int
llm_json_utf8(llm_json_t *json, llm_json_piece_t *in)
{
    bool         good;
    uint8_t      c;
    llm_utf8_t   utf8;
    const char  *p;

    utf8.left = json->utf8_left;
    utf8.min = json->utf8_min;
    utf8.max = json->utf8_max;
    good = true;

    for (p = in->p; p != in->end; p++) {
        c = (uint8_t) *p;

        if (utf8.left != 0) {
            good = llm_utf8_follow(&utf8, c);

        } else if (c >= 0x80) {
            good = llm_utf8_start(&utf8, c);

        } else {
            break;
        }

        if (!good) {
            break;
        }
    }

    in->p = p;

    json->utf8_left = (uint8_t) utf8.left;
    json->utf8_min = utf8.min;
    json->utf8_max = utf8.max;

    return good ? LLM_OK : llm_json_fail(json, "a string is not UTF-8");
}


/*
 * The first byte that is a quote, a backslash, a control character or not
 * ASCII.  Sixteen at a time: as signed numbers the last two kinds are those
 * below the space.
 */
static const char *
llm_json_plain(const char *p, const char *end)
{
    uint8_t  c;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

    uint64_t            found[2];
    llm_json_sixteen_t  bytes;

    while (end - p >= 16) {
        memcpy(&bytes, p, 16);

        bytes = (bytes < 0x20) | (bytes == '"') | (bytes == '\\');
        memcpy(found, &bytes, 16);

        if (found[0] != 0) {
            return p + __builtin_ctzll(found[0]) / 8;
        }

        if (found[1] != 0) {
            return p + 8 + __builtin_ctzll(found[1]) / 8;
        }

        p += 16;
    }

#endif

    for ( /* void */ ; p != end; p++) {
        c = (uint8_t) *p;

        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') {
            break;
        }
    }

    return p;
}


static int
llm_json_string_end(llm_json_t *json, llm_json_piece_t *in)
{
    long       len;
    unsigned   level;
    llm_str_t  text;

    if (!json->is_key) {
        return llm_json_scalar(json, in, LLM_JSON_STRING);
    }

    if (json->value_len == 0) {
        text.data = in->text;
        text.len = (size_t) (in->p - in->text);

    } else {
        llm_json_stash(json, in);
        text.data = json->scratch;
        text.len = json->scratch_len;
    }

    json->is_key = false;
    json->state = LLM_JSON_S_COLON;
    in->p++;

    if (in->p != in->end && *in->p == ':') {
        json->state = LLM_JSON_S_VALUE;
        in->p++;
    }

    level = json->depth;

    if (level > LLM_JSON_NAMED_DEPTH) {
        return LLM_OK;
    }

    if (!json->escaped && text.len <= LLM_JSON_KEY_SIZE) {
        memcpy(json->key[level], text.data, text.len);
        json->key_len[level] = (uint8_t) text.len;

        return LLM_OK;
    }

    /* what is cut at the scratch's end is too long however it is escaped */
    len = llm_json_unescape(text, json->key[level], LLM_JSON_KEY_SIZE);

    json->key_len[level] = (len < 0) ? LLM_JSON_KEY_SIZE + 1 : (uint8_t) len;

    return LLM_OK;
}


int
llm_json_number(llm_json_t *json, llm_json_piece_t *in)
{
    int  next;

    while (in->p != in->end) {
        next = llm_json_number_next(json->sub, *in->p);

        if (next < 0) {
            return llm_json_number_end(json, in);
        }

        json->sub = (unsigned) next;
        in->p++;
    }

    return LLM_OK;
}


/* -1: `c` does not continue the number */
static int
llm_json_number_next(unsigned sub, char c)
{
    bool  digit;

    digit = (c >= '0' && c <= '9');

    switch (sub) {

    case LLM_JSON_NOTHING:
        if (c == '-') {
            return LLM_JSON_SIGN;
        }

        /* fall through */

    case LLM_JSON_SIGN:
        return !digit ? -1 : (c == '0') ? LLM_JSON_ZERO : LLM_JSON_INTEGER;

    case LLM_JSON_INTEGER:
        if (digit) {
            return LLM_JSON_INTEGER;
        }

        /* fall through */

    case LLM_JSON_ZERO:
        if (c == '.') {
            return LLM_JSON_POINT;
        }

        break;

    case LLM_JSON_POINT:
        return digit ? LLM_JSON_FRACTION : -1;

    case LLM_JSON_FRACTION:
        if (digit) {
            return LLM_JSON_FRACTION;
        }

        break;

    case LLM_JSON_E:
        if (c == '+' || c == '-') {
            return LLM_JSON_E_SIGN;
        }

        /* fall through */

    case LLM_JSON_E_SIGN:
    case LLM_JSON_EXPONENT:
        return digit ? LLM_JSON_EXPONENT : -1;
    }

    return (c == 'e' || c == 'E') ? LLM_JSON_E : -1;
}


int
llm_json_number_end(llm_json_t *json, llm_json_piece_t *in)
{
    switch (json->sub) {

    case LLM_JSON_ZERO:
    case LLM_JSON_INTEGER:
    case LLM_JSON_FRACTION:
    case LLM_JSON_EXPONENT:
        break;

    default:
        return llm_json_fail(json, "a broken number");
    }

    /* so that a number is never cut, whatever the pieces */
    if (json->value_len + (uint64_t) (in->p - in->text) > LLM_JSON_SCRATCH) {
        return llm_json_fail(json, "a number of too many digits");
    }

    return llm_json_scalar(json, in, LLM_JSON_NUMBER);
}


int
llm_json_literal(llm_json_t *json, llm_json_piece_t *in)
{
    llm_json_token_t  token;

    if (json->sub == 0) {
        json->sub = (*in->p == 't') ? LLM_JSON_LITERAL_TRUE
                    : (*in->p == 'f') ? LLM_JSON_LITERAL_FALSE
                                      : LLM_JSON_LITERAL_NULL;
    }

    while (in->p != in->end) {

        if (*in->p != llm_json_literals[json->sub]) {
            return llm_json_fail(json, "a value expected");
        }

        in->p++;
        json->sub++;

        if (llm_json_literals[json->sub] == '\0') {
            memset(&token, 0, sizeof(token));

            token.type = (json->sub < LLM_JSON_LITERAL_FALSE) ? LLM_JSON_TRUE
                         : (json->sub < LLM_JSON_LITERAL_NULL) ? LLM_JSON_FALSE
                                                               : LLM_JSON_NULL;

            json->state = (json->depth == 0) ? LLM_JSON_S_DONE
                                             : LLM_JSON_S_NEXT;

            return llm_json_emit(json, in, &token);
        }
    }

    return LLM_OK;
}


/* keeps the open scalar's bytes of this piece, as far as there is room */
void
llm_json_stash(llm_json_t *json, llm_json_piece_t *in)
{
    size_t  len, room;

    len = (size_t) (in->p - in->text);
    room = LLM_JSON_SCRATCH - json->scratch_len;

    json->value_len += len;

    if (len > room) {
        len = room;
    }

    memcpy(json->scratch + json->scratch_len, in->text, len);
    json->scratch_len += (uint32_t) len;

    in->text = in->p;
}


/* a string or number ends before in->p */
static int
llm_json_scalar(llm_json_t *json, llm_json_piece_t *in, llm_json_type_t type)
{
    llm_json_token_t  token;

    token.type = type;
    token.escaped = json->escaped;
    token.truncated = false;

    if (json->value_len == 0) {
        token.text.data = in->text;
        token.text.len = (size_t) (in->p - in->text);
        token.len = token.text.len;

    } else {
        llm_json_stash(json, in);

        token.text.data = json->scratch;
        token.text.len = json->scratch_len;
        token.len = json->value_len;
        token.truncated = json->value_len > json->scratch_len;
    }

    if (type == LLM_JSON_STRING) {
        in->p++;
    }

    json->state = (json->depth == 0) ? LLM_JSON_S_DONE : LLM_JSON_S_NEXT;

    return llm_json_emit(json, in, &token);
}
