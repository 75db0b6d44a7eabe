/*
 * Logged content: Bedrock's event streams become lines of JSON, everything else
 * stays as it is.
 */

#include "store/rows/content_text.h"
#include "wire/eventstream.h"

#include "tap.h"

#include <stdlib.h>


static llm_buf_t  stream, text;


static bool
events(llm_str_t content, const char *expected)
{
    bool       same;
    char      *copy;
    llm_str_t  heap;

    /* on the heap and just as long, so that no byte over it is read */

    copy = malloc(content.len);
    heap = (llm_str_t) { copy, content.len };

    if (content.len != 0) {
        memcpy(copy, content.data, content.len);
    }

    text.len = 0;
    same = llm_content_events(&text, heap)
           == (expected ? LLM_OK : LLM_AGAIN);

    if (expected == NULL) {
        same &= (text.len == 0);

    } else {
        same &= llm_str_eq((llm_str_t) { text.data, text.len },
                           (llm_str_t) { expected, strlen(expected) });
    }

    if (!same) {
        printf("# %.*s\n", (int) text.len, text.data);
    }

    free(copy);

    return same && !text.failed;
}


static void
add(const char *type, const char *payload)
{
    llm_eventstream_encode(&stream, LLM_FRAME_EVENT,
                           (llm_str_t) { type, strlen(type) },
                           (llm_str_t) { payload, strlen(payload) });
}


int
main(void)
{
    size_t      i, first, wrong;
    llm_buf_t   copy;
    static const char  one[] = "{\"messageStart\":{\"role\":\"assistant\"}}\n";

    llm_buf_init(&stream, 65536);
    llm_buf_init(&text, 65536);
    llm_buf_init(&copy, 65536);

    ok(events(llm_str(""), NULL) && events(llm_str("hello"), NULL)
       && events(llm_str("{\"content\":[{\"text\":\"a whole answer\"}]}"), NULL)
       && events(llm_str("event: ping\ndata: {}\n\n"), NULL),
       "what is no event stream is none");

    add("messageStart", "{\"role\":\"assistant\"}");
    first = stream.len;
    add("chunk", "{\"bytes\":\"eyJ0eXBlIjoicGluZyJ9\",\"p\":\"abc\"}");
    add("chunk", "{\"p\":\"a\",\"bytes\":\"eyJhIjoiPz8/In0\\u003d\"}");
    add("chunk", "{\"bytes\":\"no base64!\"}");
    add("odd\"type", "");

    ok(events((llm_str_t) { stream.data, stream.len },
              "{\"messageStart\":{\"role\":\"assistant\"}}\n"
              "{\"type\":\"ping\"}\n"
              "{\"a\":\"???\"}\n"
              "{\"chunk\":{\"bytes\":\"no base64!\"}}\n"
              "{\"odd\\\"type\":null}\n"),
       "a line for each event, the model's own where it is in base64");

    for (i = 12, wrong = 0; i < first + 40; i++) {
        wrong += !events((llm_str_t) { stream.data, i },
                         i < first ? "" : one);
    }

    ok(wrong == 0, "the last event may have been cut anywhere");

    llm_buf_append(&copy, stream.data, stream.len);
    copy.data[first - 1] ^= 1;
    ok(events((llm_str_t) { copy.data, copy.len }, NULL),
       "one that is broken from the start is none");

    llm_buf_free(&copy);
    llm_buf_free(&stream);
    llm_buf_free(&text);

    return plan_done();
}
