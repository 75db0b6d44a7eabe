/*
 * The headers inside an event stream frame.
 */

#ifndef LLM_EVENTSTREAM_HEADERS_H
#define LLM_EVENTSTREAM_HEADERS_H

#include "eventstream.h"


/* Reads the headers of frame->raw, whose lengths have been checked, and fills
 * kind, type, message and content_type.  Returns what is wrong with them, or
 * NULL. */
const char *llm_eventstream_headers(llm_frame_t *frame);


#endif /* LLM_EVENTSTREAM_HEADERS_H */
