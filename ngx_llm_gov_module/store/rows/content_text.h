/*
 * What `llm_log_content` kept, for people to read.  Pure C.
 */

#ifndef LLM_CONTENT_TEXT_H
#define LLM_CONTENT_TEXT_H

#include "../../wire/buf.h"


/*
 * Bedrock's event streams are binary.  Appends a line of JSON for each whole
 * event, {"contentBlockDelta":{…}}, and the model's own JSON where that is what
 * an event carries in base64 (InvokeModelWithResponseStream).  The last one may
 * have been cut, and is left out then.  LLM_AGAIN: it is no event stream,
 * nothing was appended; text->failed: no memory.
 */
int llm_content_events(llm_buf_t *text, llm_str_t content);


#endif /* LLM_CONTENT_TEXT_H */
