/*
 * What comes from files, processes, metadata services and STS.  The first byte
 * says which it is.
 */

#include "providers/credentials_parts.h"

#include <stdlib.h>


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    llm_str_t           text;
    llm_profile_t       profile;
    llm_credentials_t   credentials;

    if (size == 0) {
        return 0;
    }

    memset(&credentials, 0, sizeof(credentials));

    text = (llm_str_t) { (const char *) data + 1, size - 1 };

    switch (data[0]) {

    case 'c':
    case 'k':
        memset(&profile, 0, sizeof(profile));
        llm_profile_parse(&profile, text, "default", data[0] == 'c');
        llm_profile_parse(&profile, text, "a", data[0] == 'c');
        break;

    case 'j':
        llm_credentials_parse_json(&credentials, "fuzz", text);
        break;

    case 'x':
        llm_sts_parse(&credentials, "fuzz", text);
        break;

    case 't':
        llm_credentials_parse_time(text);
        break;

    case 'b':
        llm_credentials_set_bearer(&credentials, "fuzz", text);
        break;
    }

    if (credentials.id_len >= LLM_CREDENTIALS_ID_SIZE
        || credentials.secret_len >= LLM_CREDENTIALS_SECRET_SIZE
        || credentials.token_len >= LLM_CREDENTIALS_TOKEN_SIZE
        || memchr(credentials.error, '\0', sizeof(credentials.error)) == NULL)
    {
        abort();
    }

    return 0;
}
