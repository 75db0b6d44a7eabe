/*
 * The shared config and credentials files: sections, and "key = value" lines.
 * An indented line belongs to a nested setting that we need none of.
 */

#include "credentials_parts.h"


typedef struct {
    const char  *name;
    size_t       offset;
    size_t       size;
} llm_profile_field_t;


#define llm_profile_field(name, field)                                        \
    { name, offsetof(llm_profile_t, field),                                   \
      sizeof(((llm_profile_t *) 0)->field) }


static const llm_profile_field_t  llm_profile_fields[] = {
    llm_profile_field("aws_access_key_id", access_key_id),
    llm_profile_field("aws_secret_access_key", secret_access_key),
    llm_profile_field("aws_session_token", session_token),
    llm_profile_field("credential_process", process),
    llm_profile_field("role_arn", role_arn),
    llm_profile_field("role_session_name", role_session_name),
    llm_profile_field("external_id", external_id),
    llm_profile_field("source_profile", source_profile),
    llm_profile_field("credential_source", credential_source),
    llm_profile_field("web_identity_token_file", token_file)
};


static bool llm_profile_section(llm_str_t line, const char *name,
    bool config);
static llm_str_t llm_profile_unquote(llm_str_t text);
static void llm_profile_line(llm_profile_t *profile, llm_str_t line);
static void llm_profile_set(llm_profile_t *profile,
    const llm_profile_field_t *field, llm_str_t value);


void
llm_profile_parse(llm_profile_t *profile, llm_str_t text, const char *name,
    bool config)
{
    bool         inside;
    size_t       len;
    llm_str_t    line;
    const char  *end;

    inside = false;

    while (text.len > 0) {
        end = memchr(text.data, '\n', text.len);
        len = (end == NULL) ? text.len : (size_t) (end - text.data);

        line = llm_credentials_trim((llm_str_t) { text.data, len });

        if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';') {
            /* nothing to read */

        } else if (line.data[0] == '[') {
            inside = llm_profile_section(line, name, config);
            profile->found |= inside;

        } else if (inside && line.data == text.data) {
            llm_profile_line(profile, line);
        }

        len += (end != NULL);
        text.data += len;
        text.len -= len;
    }
}


/* "[name]", in the config file "[profile name]", where "[default]" needs no
 * such word */
static bool
llm_profile_section(llm_str_t line, const char *name, bool config)
{
    bool         named;
    const char  *end;

    end = memchr(line.data, ']', line.len);

    if (end == NULL) {
        return false;
    }

    line.data++;
    line.len = end - line.data;
    line = llm_credentials_trim(line);

    named = llm_str_starts(line, llm_str("profile"))
            && line.len > 7 && (line.data[7] == ' ' || line.data[7] == '\t');

    if (config && named) {
        line.data += 7;
        line.len -= 7;
        line = llm_profile_unquote(llm_credentials_trim(line));

    } else if (config && strcmp(name, "default") != 0) {
        return false;
    }

    return llm_str_eq(line, (llm_str_t) { name, strlen(name) });
}


static llm_str_t
llm_profile_unquote(llm_str_t text)
{
    if (text.len >= 2
        && (text.data[0] == '"' || text.data[0] == '\'')
        && text.data[text.len - 1] == text.data[0])
    {
        text.data++;
        text.len -= 2;
    }

    return text;
}


static void
llm_profile_line(llm_profile_t *profile, llm_str_t line)
{
    size_t       i;
    llm_str_t    key, value;
    const char  *equals;

    equals = memchr(line.data, '=', line.len);

    if (equals == NULL) {
        return;
    }

    key = llm_credentials_trim((llm_str_t) { line.data,
                                             equals - line.data });
    value = llm_credentials_trim((llm_str_t) { equals + 1,
                                     line.data + line.len - equals - 1 });

    if (llm_str_eq(key, llm_str("sso_session"))
        || llm_str_eq(key, llm_str("sso_start_url")))
    {
        profile->sso = true;
        return;
    }

    for (i = 0;
         i < sizeof(llm_profile_fields) / sizeof(llm_profile_fields[0]);
         i++)
    {
        if (llm_str_eq(key, (llm_str_t) { llm_profile_fields[i].name,
                                  strlen(llm_profile_fields[i].name) }))
        {
            llm_profile_set(profile, &llm_profile_fields[i], value);
            return;
        }
    }
}


static void
llm_profile_set(llm_profile_t *profile, const llm_profile_field_t *field,
    llm_str_t value)
{
    char  *to;

    if (value.len >= field->size) {
        profile->too_long = field->name;
        return;
    }

    to = (char *) profile + field->offset;

    memcpy(to, value.data, value.len);
    to[value.len] = '\0';
}
