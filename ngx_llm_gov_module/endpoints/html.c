/*
 * The frame of the status page.  Everything is in it: no script, nothing that
 * would have to be fetched.
 */

#include "html.h"
#include "../wire/utf8.h"


static const char  ngx_http_llm_html_head[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, "
    "initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<title>LLM gateway status</title>\n"
    "<style>\n"
    ":root { --text: #1b1f24; --dim: #59636e; --back: #fff;\n"
    "  --line: #d1d9e0; --band: #f6f8fa; --good: #1a7f37;\n"
    "  --bad: #c02a2f; --bar: #2f6fd0; --rest: #e2e7ec; }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "  :root { --text: #e6e9ee; --dim: #9aa4b0; --back: #14171b;\n"
    "    --line: #363d46; --band: #1c2026; --good: #4cc267;\n"
    "    --bad: #ff7b72; --bar: #6aa5f8; --rest: #363d46; } }\n"
    "body { margin: 0 auto; padding: 1.5rem; max-width: 90rem;\n"
    "  color: var(--text); background: var(--back);\n"
    "  font: 15px/1.5 system-ui, sans-serif; }\n"
    "h1 { font-size: 1.5rem; margin: 0; }\n"
    "h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }\n"
    "a { color: var(--bar); }\n"
    "p, .dim { color: var(--dim); }\n"
    "p { margin: .25rem 0; }\n"
    ".wide { overflow-x: auto; }\n"
    "table { border-collapse: collapse; width: max-content;\n"
    "  min-width: 100%; font-variant-numeric: tabular-nums; }\n"
    "th, td { padding: .3rem .6rem; text-align: left;\n"
    "  vertical-align: top; white-space: nowrap; }\n"
    "th { color: var(--dim); font-weight: 600; font-size: .85rem;\n"
    "  border-bottom: 2px solid var(--line); background: var(--band); }\n"
    ".n { text-align: right; }\n"
    "tr.first td { border-top: 1px solid var(--line); }\n"
    "td.wrap, td.text { white-space: normal; overflow-wrap: anywhere; }\n"
    "td.wrap { min-width: 14rem; }\n"
    "td.text { max-width: 16rem; }\n"
    "td.name { font-weight: 600; position: sticky; left: 0;\n"
    "  background: var(--back); }\n"
    "@media (max-width: 40rem) { body { padding: 1rem; }\n"
    "  td.name { max-width: 9rem; } }\n"
    ".good { color: var(--good); }\n"
    ".bad { color: var(--bad); font-weight: 600; }\n"
    ".bar { display: block; width: 7rem; height: .6rem;\n"
    "  margin-top: .45rem; border-radius: .3rem; overflow: hidden;\n"
    "  background: var(--rest); }\n"
    ".bar i { display: block; float: left; height: 100%;\n"
    "  background: var(--bar); }\n"
    ".bar i.held { opacity: .5; }\n"
    ".bar.over i { background: var(--bad); }\n"
    "</style>\n"
    "</head>\n"
    "<body>\n"
    "<main>\n";


void
ngx_http_llm_html_begin(llm_buf_t *buf)
{
    llm_buf_str(buf, llm_str(ngx_http_llm_html_head));
}


void
ngx_http_llm_html_end(llm_buf_t *buf)
{
    llm_buf_str(buf, llm_str("</main>\n</body>\n</html>\n"));
}


/* the length of the character at `text`, 0 if it is none that a page may
 * have */
static size_t
ngx_http_llm_html_character(const char *text, size_t len)
{
    size_t      i;
    llm_utf8_t  utf8;

    if ((u_char) text[0] < 0x80) {
        return (u_char) text[0] >= 0x20 && text[0] != 0x7f;
    }

    if (!llm_utf8_start(&utf8, (uint8_t) text[0])) {
        return 0;
    }

    for (i = 1; utf8.left != 0; i++) {
        if (i == len || !llm_utf8_follow(&utf8, (uint8_t) text[i])) {
            return 0;
        }
    }

    return i;
}


static llm_str_t
ngx_http_llm_html_entity(const char *text, size_t len)
{
    switch (*text) {

    case '&':
        return llm_str("&amp;");

    case '<':
        return llm_str("&lt;");

    case '>':
        return llm_str("&gt;");

    case '"':
        return llm_str("&quot;");

    case '\'':
        return llm_str("&#39;");
    }

    return (llm_str_t) { text, len };
}


void
ngx_http_llm_html_text(llm_buf_t *buf, llm_str_t text)
{
    size_t  i, len;

    for (i = 0; i < text.len; i += len ? len : 1) {
        len = ngx_http_llm_html_character(&text.data[i], text.len - i);

        llm_buf_str(buf, len ? ngx_http_llm_html_entity(&text.data[i], len)
                             : llm_str("\xef\xbf\xbd"));
    }
}


void
ngx_http_llm_html_cell(llm_buf_t *buf, llm_str_t text)
{
    llm_buf_str(buf, llm_str("<td class=\"text\">"));
    ngx_http_llm_html_text(buf, text);
    llm_buf_str(buf, llm_str("</td>"));
}


void
ngx_http_llm_html_number(llm_buf_t *buf, llm_metric_t metric, int64_t amount)
{
    llm_buf_str(buf, metric == LLM_METRIC_COST ? llm_str("<td class=\"n\">$")
                                               : llm_str("<td class=\"n\">"));
    ngx_http_llm_show_amount(buf, metric, amount);
    llm_buf_str(buf, llm_str("</td>"));
}


void
ngx_http_llm_html_time(llm_buf_t *buf, int64_t ms)
{
    if (ms == 0) {
        llm_buf_str(buf, llm_str("<span class=\"dim\">never</span>"));
        return;
    }

    ngx_http_llm_show_time(buf, ms);
}


void
ngx_http_llm_html_table(llm_buf_t *buf, const char *title,
    const char *const *columns, ngx_uint_t n)
{
    ngx_uint_t  i;

    /* what is wider than the page scrolls, with the keyboard too */

    llm_buf_printf(buf, "<h2>%s</h2>\n<div class=\"wide\" tabindex=\"0\" "
                   "role=\"region\" aria-label=\"%s\"><table>\n<tr>", title,
                   title);

    for (i = 0; i < n; i++) {
        if (columns[i][0] == '#') {
            llm_buf_printf(buf, "<th scope=\"col\" class=\"n\">%s</th>",
                           columns[i] + 1);

        } else {
            llm_buf_printf(buf, "<th scope=\"col\">%s</th>", columns[i]);
        }
    }

    llm_buf_str(buf, llm_str("</tr>\n"));
}


void
ngx_http_llm_html_table_end(llm_buf_t *buf)
{
    llm_buf_str(buf, llm_str("</table></div>\n"));
}
