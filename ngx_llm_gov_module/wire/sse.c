/*
 * Server-sent events.  An event that is whole in the fed bytes, with one line
 * of data, is handed out from where it lies.
 */

#include "sse.h"


/* what a line may have over the data it carries: "data: " and a BOM */
#define LLM_SSE_LINE_EXTRA  16

/* what a large event may leave allocated for the next one */
#define LLM_SSE_KEEP        8192


/* the bytes of one feed */
typedef struct {
    const char          *p;
    const char          *end;
    const char          *lf;        /* the next LF at or after p, or end */
    llm_str_t            data;      /* the event's only line of data so far */
    bool                 in_place;  /* which lies in these bytes */
    llm_sse_handler_pt   handler;
    void                *ctx;
} llm_sse_piece_t;


static bool llm_sse_line_end(llm_sse_t *sse, llm_sse_piece_t *in,
    llm_str_t *line);
static int llm_sse_line(llm_sse_t *sse, llm_sse_piece_t *in, llm_str_t line);
static int llm_sse_field(llm_sse_t *sse, llm_sse_piece_t *in, llm_str_t name,
    llm_str_t value);
static int llm_sse_data(llm_sse_t *sse, llm_sse_piece_t *in, llm_str_t value);
static int llm_sse_dispatch(llm_sse_t *sse, llm_sse_piece_t *in);
static void llm_sse_keep(llm_sse_t *sse, llm_sse_piece_t *in);
static void llm_sse_reset(llm_buf_t *buf);


static inline int
llm_sse_result(const llm_sse_t *sse)
{
    return (sse->line.failed || sse->data.failed) ? LLM_ERROR : LLM_OK;
}


void
llm_sse_init(llm_sse_t *sse, size_t max_event)
{
    memset(sse, 0, sizeof(*sse));

    if (max_event > SIZE_MAX - LLM_SSE_LINE_EXTRA) {
        max_event = SIZE_MAX - LLM_SSE_LINE_EXTRA;
    }

    llm_buf_init(&sse->line, max_event + LLM_SSE_LINE_EXTRA);
    llm_buf_init(&sse->data, max_event);
}


void
llm_sse_free(llm_sse_t *sse)
{
    llm_buf_free(&sse->line);
    llm_buf_free(&sse->data);
}


int
llm_sse_feed(llm_sse_t *sse, const char *p, size_t len,
    llm_sse_handler_pt handler, void *ctx)
{
    int              rc;
    llm_str_t        line;
    llm_sse_piece_t  in;

    if (len == 0 || llm_sse_result(sse) != LLM_OK) {
        return llm_sse_result(sse);
    }

    memset(&in, 0, sizeof(in));

    in.p = p;
    in.end = p + len;
    in.handler = handler;
    in.ctx = ctx;

    /* the CR that ended the last piece was the first half of a CRLF */
    if (sse->last_cr && *p == '\n') {
        in.p++;
    }

    sse->last_cr = false;

    while (in.p != in.end) {

        if (!llm_sse_line_end(sse, &in, &line)) {
            break;
        }

        rc = llm_sse_line(sse, &in, line);

        if (rc != LLM_OK) {
            return rc;
        }

        llm_sse_reset(&sse->line);
    }

    llm_sse_keep(sse, &in);

    return llm_sse_result(sse);
}


/* takes a line; false if its end is not there yet or it is too long */
static bool
llm_sse_line_end(llm_sse_t *sse, llm_sse_piece_t *in, llm_str_t *line)
{
    size_t       len;
    const char  *p, *cr;

    p = in->p;

    if (in->lf == NULL || (in->lf < p && in->lf != in->end)) {
        in->lf = memchr(p, '\n', (size_t) (in->end - p));

        if (in->lf == NULL) {
            in->lf = in->end;
        }
    }

    cr = memchr(p, '\r', (size_t) (in->lf - p));
    len = (size_t) (((cr != NULL) ? cr : in->lf) - p);

    if (len > sse->line.limit - sse->line.len) {
        sse->line.failed = true;
        return false;
    }

    if (cr == NULL && in->lf == in->end) {
        llm_buf_append(&sse->line, p, len);
        in->p = in->end;
        return false;
    }

    line->data = p;
    line->len = len;

    if (sse->line.len != 0) {
        llm_buf_append(&sse->line, p, len);

        line->data = sse->line.data;
        line->len = sse->line.len;
    }

    in->p = p + len + 1;

    if (cr != NULL) {
        if (in->p == in->end) {
            sse->last_cr = true;

        } else if (*in->p == '\n') {
            in->p++;
        }
    }

    return !sse->line.failed;
}


static int
llm_sse_line(llm_sse_t *sse, llm_sse_piece_t *in, llm_str_t line)
{
    llm_str_t    name, value;
    const char  *colon;

    if (!sse->started) {
        sse->started = true;

        if (llm_str_starts(line, llm_str("\xef\xbb\xbf"))) {
            line.data += 3;
            line.len -= 3;
        }
    }

    if (line.len == 0) {
        return llm_sse_dispatch(sse, in);
    }

    name = line;
    value.data = line.data + line.len;
    value.len = 0;

    colon = memchr(line.data, ':', line.len);

    if (colon != NULL) {
        name.len = (size_t) (colon - line.data);
        value.data = colon + 1;
        value.len = line.len - name.len - 1;

        if (value.len != 0 && value.data[0] == ' ') {
            value.data++;
            value.len--;
        }
    }

    return llm_sse_field(sse, in, name, value);
}


/* a comment has an empty name; id and retry are of no use here */
static int
llm_sse_field(llm_sse_t *sse, llm_sse_piece_t *in, llm_str_t name,
    llm_str_t value)
{
    if (llm_str_eq(name, llm_str("data"))) {
        return llm_sse_data(sse, in, value);
    }

    if (llm_str_eq(name, llm_str("event"))) {

        if (value.len > sizeof(sse->event)) {
            value.len = sizeof(sse->event);
        }

        memcpy(sse->event, value.data, value.len);
        sse->event_len = value.len;
    }

    return LLM_OK;
}


static int
llm_sse_data(llm_sse_t *sse, llm_sse_piece_t *in, llm_str_t value)
{
    if (!sse->has_data) {
        sse->has_data = true;

        if (value.len > sse->data.limit) {
            sse->data.failed = true;
            return LLM_ERROR;
        }

        if (sse->line.len == 0) {
            in->data = value;
            in->in_place = true;

            return LLM_OK;
        }

        llm_buf_str(&sse->data, value);

        return llm_sse_result(sse);
    }

    llm_sse_keep(sse, in);

    llm_buf_append(&sse->data, "\n", 1);
    llm_buf_str(&sse->data, value);

    return llm_sse_result(sse);
}


static int
llm_sse_dispatch(llm_sse_t *sse, llm_sse_piece_t *in)
{
    int        rc;
    llm_str_t  event, data;

    event.data = sse->event;
    event.len = sse->event_len;
    sse->event_len = 0;

    if (!sse->has_data) {
        return LLM_OK;
    }

    if (in->in_place) {
        data = in->data;

    } else {
        data.data = (sse->data.len != 0) ? sse->data.data : "";
        data.len = sse->data.len;
    }

    sse->has_data = false;
    in->in_place = false;

    rc = in->handler(event, data, in->ctx);

    llm_sse_reset(&sse->data);

    return rc;
}


/* the fed bytes go, or a second line of data comes */
static void
llm_sse_keep(llm_sse_t *sse, llm_sse_piece_t *in)
{
    if (in->in_place) {
        in->in_place = false;
        llm_buf_str(&sse->data, in->data);
    }
}


static void
llm_sse_reset(llm_buf_t *buf)
{
    buf->len = 0;

    if (buf->size > LLM_SSE_KEEP) {
        llm_buf_free(buf);
    }
}
