/*
 * Where in the document the JSON scanner is.
 */

#include "json_private.h"


/* a key with a dot in it is no path of two */
static const bool  llm_json_path_marks[256] = {
    ['\0'] = true, ['.'] = true, ['['] = true
};


bool
llm_json_at(const llm_json_t *json, const char *path)
{
    char         c;
    unsigned     level;
    const char  *key, *end;

    if (json->depth > LLM_JSON_NAMED_DEPTH) {
        return false;
    }

    for (level = 1; level <= json->depth; level++) {

        if (llm_json_in_array(json, level)) {
            if (path[0] != '[' || path[1] != ']') {
                return false;
            }

            path += 2;
            continue;
        }

        if (level > 1 && *path++ != '.') {
            return false;
        }

        if (json->key_len[level] == 0
            || json->key_len[level] > LLM_JSON_KEY_SIZE)
        {
            return false;
        }

        key = json->key[level];
        end = key + json->key_len[level];

        while (key != end) {
            c = *key++;

            if (c != *path++ || llm_json_path_marks[(uint8_t) c]) {
                return false;
            }
        }
    }

    return *path == '\0';
}
