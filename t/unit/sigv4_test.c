/*
 * SigV4: AWS's own suite, Bedrock-shaped cases of two official signers, and
 * what real SDKs sent.
 */

#include "wire/sha256.h"
#include "wire/sigv4.h"

#include "tap.h"
#include "vectors.h"

#include <cjson/cJSON.h>


#define MAX_HEADERS  32
#define SECRET       "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define FIVE_MINUTES (5 * 60 * 1000)


/* a request as it is written in a file, taken apart in place */
typedef struct {
    char                 *text;
    llm_header_t          headers[MAX_HEADERS];
    llm_str_t             body;
    char                  hash[64];
    llm_sigv4_request_t   request;
} message_t;


static llm_str_t
str(const char *s)
{
    return (llm_str_t) { s, strlen(s) };
}


static void
add(message_t *m, llm_str_t name, llm_str_t value)
{
    if (m->request.nheaders < MAX_HEADERS) {
        m->headers[m->request.nheaders].name = name;
        m->headers[m->request.nheaders].value = value;
        m->request.nheaders++;
    }
}


static void
request_line(message_t *m, char *line)
{
    char  *target, *version, *query;

    target = strchr(line, ' ');
    *target++ = '\0';

    version = strrchr(target, ' ');
    *version = '\0';

    query = strchr(target, '?');

    if (query != NULL) {
        *query++ = '\0';
        m->request.query = str(query);
    }

    m->request.method = str(line);
    m->request.path = str(target);
}


static void
rehash(message_t *m)
{
    llm_sigv4_hash(&m->body, 1, m->hash);
    m->request.payload_hash = (llm_str_t) { m->hash, 64 };
}


static void
parse(message_t *m, llm_str_t text)
{
    char          *p, *next, *colon, *end;
    llm_header_t  *last;

    memset(m, 0, sizeof(*m));

    m->text = (char *) text.data;
    m->request.headers = m->headers;
    end = m->text + text.len;

    for (p = m->text; p < end && *p != '\n'; p = next) {
        next = memchr(p, '\n', (size_t) (end - p));
        next = (next != NULL) ? next + 1 : end + 1;

        if (p != m->text && (*p == ' ' || *p == '\t')) {
            /* a value that goes on */
            p[-1] = '\n';
            last = &m->headers[m->request.nheaders - 1];
            last->value.len = (size_t) (next - 1 - last->value.data);
            continue;
        }

        next[-1] = '\0';

        if (p == m->text) {
            request_line(m, p);
            continue;
        }

        colon = strchr(p + 1, ':');
        *colon = '\0';
        add(m, str(p), str(colon + 1));
    }

    if (p < end) {
        m->body.data = p + 1;
        m->body.len = (size_t) (end - p - 1);

    } else {
        m->body = str("");
    }

    rehash(m);
}


static const char *
text_of(cJSON *object, const char *name)
{
    const char  *s = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));

    return s ? s : "";
}


static bool
is_true(cJSON *object, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItem(object, name));
}


/* 2026-01-15T12:34:56Z without its dashes and colons */
static void
compact_time(const char *from, char to[17])
{
    int  n;

    for (n = 0; *from != '\0' && n < 16; from++) {
        if (*from != '-' && *from != ':') {
            to[n++] = *from;
        }
    }

    to[n] = '\0';
}


/* compares with a file of the case */
static void
same(const char *set, const char *name, const char *file, const char *data,
    size_t len)
{
    llm_str_t  want;

    want = vector_read("sigv4/%s/%s/%s", set, name, file);

    ok(want.data != NULL && want.len == len
       && memcmp(want.data, data, len) == 0, "%s: %s", name, file);

    if (want.len != len || memcmp(want.data, data, len) != 0) {
        printf("# got\n%.*s\n", (int) len, data);
    }

    vector_free(want);
}


static void
check_case(message_t *m, const char *set, const char *name,
    const char *prefix, llm_str_t secret)
{
    char             file[64], signature[64], hash[64];
    llm_buf_t        out;
    llm_str_t        text, want;
    llm_sigv4_key_t  key;

    llm_buf_init(&out, 100000);
    ok(llm_sigv4_canonical(&out, &m->request) == LLM_OK, "%s: canonical",
       name);

    snprintf(file, sizeof(file), "%s-canonical-request.txt", prefix);
    same(set, name, file, out.data, out.len);

    text = (llm_str_t) { out.data, out.len };
    llm_sigv4_hash(&text, 1, hash);

    want = vector_read("sigv4/%s/%s/%s-string-to-sign.txt", set, name, prefix);
    ok(want.len > 64 && memcmp(want.data + want.len - 64, hash, 64) == 0,
       "%s: %s-string-to-sign.txt", name, prefix);
    vector_free(want);

    llm_sigv4_derive(&key, secret, m->request.time, m->request.region,
                     m->request.service);
    ok(llm_sigv4_sign(&key, &m->request, signature) == LLM_OK, "%s: sign",
       name);

    snprintf(file, sizeof(file), "%s-signature.txt", prefix);
    same(set, name, file, signature, 64);

    llm_buf_free(&out);
}


static void
check_authorization(message_t *m, const char *name, llm_str_t access_key_id,
    llm_str_t secret)
{
    llm_buf_t        out;
    llm_sigv4_key_t  key;

    llm_sigv4_derive(&key, secret, m->request.time, m->request.region,
                     m->request.service);
    llm_buf_init(&out, 10000);

    ok(llm_sigv4_authorization(&out, &key, access_key_id, &m->request)
       == LLM_OK, "%s: authorization", name);
    same("bedrock", name, "header-authorization.txt", out.data, out.len);

    llm_buf_free(&out);
}


static void
suite_case(const char *set, const char *name)
{
    bool        bedrock;
    char        time[17];
    cJSON      *context, *keys;
    message_t   m;
    llm_str_t   file, secret;

    file = vector_read("sigv4/%s/%s/context.json", set, name);
    context = cJSON_Parse(file.data ? file.data : "");
    keys = cJSON_GetObjectItem(context, "credentials");
    vector_free(file);

    bedrock = strcmp(set, "bedrock") == 0;
    parse(&m, vector_read("sigv4/%s/%s/request.txt", set, name));

    compact_time(text_of(context, "timestamp"), time);
    secret = str(text_of(keys, "secret_access_key"));

    m.request.time = str(time);
    m.request.region = str(text_of(context, "region"));
    m.request.service = str(text_of(context, "service"));
    m.request.single_encode = !bedrock;
    m.request.normalize = is_true(context, "normalize");

    add(&m, str("X-Amz-Date"), m.request.time);

    if (text_of(keys, "token")[0] != '\0'
        && !is_true(context, "omit_session_token"))
    {
        add(&m, str("X-Amz-Security-Token"), str(text_of(keys, "token")));
    }

    if (bedrock) {
        check_case(&m, set, name, "nosha", secret);
    }

    if (is_true(context, "sign_body") || is_true(context, "sign_body_header"))
    {
        add(&m, str("X-Amz-Content-Sha256"), m.request.payload_hash);
    }

    check_case(&m, set, name, "header", secret);

    if (bedrock) {
        check_authorization(&m, name, str(text_of(keys, "access_key_id")),
                            secret);
    }

    cJSON_Delete(context);
    free(m.text);
}


static void
aws_case(const char *name)
{
    suite_case("aws-c-auth", name);
}


static void
bedrock_case(const char *name)
{
    suite_case("bedrock", name);
}


static void
test_smithy(void)
{
    char             signature[64];
    message_t        m;
    llm_buf_t        out;
    llm_str_t        file;
    llm_sigv4_key_t  key;

    file = vector_read("sigv4/smithy-rs/double-url-encode/request.txt");

    if (file.data == NULL) {
        return;
    }

    parse(&m, file);

    m.request.time = str("20210511T154045Z");
    m.request.region = str("us-east-2");
    m.request.service = str("lambda");

    llm_sigv4_derive(&key, str(SECRET), m.request.time, m.request.region,
                     m.request.service);
    llm_sigv4_sign(&key, &m.request, signature);

    ok(memcmp(signature, "4b93abbcc68be32bd64c18e2c7115066"
                         "0ab4c29bbd6c32a383a7517a88fc1804", 64) == 0,
       "double-url-encode: signature");

    llm_buf_init(&out, 10000);
    llm_sigv4_canonical(&out, &m.request);
    same("smithy-rs", "double-url-encode", "header-canonical-request.txt",
         out.data, out.len);
    llm_buf_free(&out);
    free(m.text);
}


static llm_sigv4_verdict_t
verify(const message_t *m, const llm_sigv4_credential_t *cred, int64_t now)
{
    return llm_sigv4_verify(cred, str(SECRET), &m->request, now,
                            FIVE_MINUTES);
}


static void
tamper(message_t *m, const llm_sigv4_credential_t *cred, const char *name,
    int64_t now)
{
    size_t         i, n;
    char          *body;
    llm_str_t      kept;
    llm_header_t  *header;

    body = (char *) m->body.data;
    body[0] ^= 1;
    rehash(m);
    ok(verify(m, cred, now) != LLM_SIGV4_VALID, "%s: other body", name);
    body[0] ^= 1;
    rehash(m);

    kept = m->request.path;
    m->request.path.len--;
    ok(verify(m, cred, now) == LLM_SIGV4_BAD_SIGNATURE, "%s: other path",
       name);
    m->request.path = kept;

    m->request.query = str("a=b");
    ok(verify(m, cred, now) == LLM_SIGV4_BAD_SIGNATURE, "%s: other query",
       name);
    m->request.query = str("");

    kept = m->request.method;
    m->request.method = str("PUT");
    ok(verify(m, cred, now) == LLM_SIGV4_BAD_SIGNATURE, "%s: other method",
       name);
    m->request.method = kept;

    n = m->request.nheaders;

    for (i = 0; i < n; i++) {
        header = &m->headers[i];

        if (header->value.len < 2
            || (strcasecmp(header->name.data, "content-type") != 0
                && strcasecmp(header->name.data, "host") != 0
                && strcasecmp(header->name.data, "x-amz-security-token") != 0
                && strcasecmp(header->name.data, "x-amz-date") != 0))
        {
            continue;
        }

        kept = header->value;
        header->value = str("20261123T065140Z");
        ok(verify(m, cred, now) != LLM_SIGV4_VALID, "%s: other %s", name,
           header->name.data);
        header->value = kept;

        kept = header->name;
        header->name = str("x-nothing");
        ok(verify(m, cred, now) == LLM_SIGV4_INCOMPLETE, "%s: no %s", name,
           kept.data);
        header->name = kept;
    }

    ok(llm_sigv4_verify(cred, str("wrong"), &m->request, now, FIVE_MINUTES)
       == LLM_SIGV4_BAD_SIGNATURE, "%s: other secret", name);

    ok(verify(m, cred, now) == LLM_SIGV4_VALID, "%s: untouched again", name);
}


static void
inbound_case(const char *name)
{
    size_t                   i, k;
    int64_t                  now;
    llm_str_t                authorization;
    message_t                m;
    llm_sigv4_credential_t   cred;

    parse(&m, vector_read("sigv4/inbound-recorded/%s", name));

    authorization = str("");
    now = -1;

    for (i = 0; i < m.request.nheaders; i++) {
        while (*m.headers[i].value.data == ' ') {
            m.headers[i].value = str(m.headers[i].value.data + 1);
        }

        if (strcasecmp(m.headers[i].name.data, "authorization") == 0) {
            authorization = m.headers[i].value;
        }

        if (strcasecmp(m.headers[i].name.data, "x-amz-date") == 0) {
            now = llm_sigv4_parse_time(m.headers[i].value);
        }

        /* as the server sees it */
        if (strcmp(m.headers[i].name.data, ":authority") == 0) {
            m.headers[i].name = str("host");
        }
    }

    ok(llm_sigv4_parse(authorization, &cred) == LLM_OK, "%s: parsed", name);
    ok(llm_str_eq(cred.access_key_id, str("AKIDEXAMPLE"))
       && llm_str_eq(cred.region, str("us-east-1"))
       && llm_str_eq(cred.service, str("bedrock")), "%s: credential", name);

    ok(verify(&m, &cred, now) == LLM_SIGV4_VALID, "%s: valid", name);
    ok(verify(&m, &cred, now + FIVE_MINUTES) == LLM_SIGV4_VALID
       && verify(&m, &cred, now - FIVE_MINUTES) == LLM_SIGV4_VALID,
       "%s: five minutes off", name);
    ok(verify(&m, &cred, now + FIVE_MINUTES + 1) == LLM_SIGV4_EXPIRED,
       "%s: expired", name);
    ok(verify(&m, &cred, now - FIVE_MINUTES - 1) == LLM_SIGV4_NOT_YET,
       "%s: not yet", name);

    tamper(&m, &cred, name, now);

    for (i = 0, k = 0; i < 64; i++) {
        ((char *) cred.signature.data)[i] ^= 1;
        k += verify(&m, &cred, now) == LLM_SIGV4_BAD_SIGNATURE;
        ((char *) cred.signature.data)[i] ^= 1;
    }

    ok(k == 64, "%s: any other signature", name);

    free(m.text);
}


static void
test_parse(void)
{
    size_t                   i;
    llm_sigv4_credential_t   cred;

#define SIG  "0123456789abcdef0123456789abcdef" \
             "0123456789abcdef0123456789abcdef"

    static const char *const  broken[] = {
        "",
        "Bearer x",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 ",
        "AWS4-HMAC-SHA256 ,,,",
        "AWS4-HMAC-SHA256 Credential=k/20260115/r/s/aws4_request",
        "AWS4-HMAC-SHA256 Credential=k/20260115/r/s/aws4_request, "
            "SignedHeaders=, Signature=" SIG,
        "AWS4-HMAC-SHA256 Credential=k/20260115/r/s/aws5_request, "
            "SignedHeaders=host, Signature=" SIG,
        "AWS4-HMAC-SHA256 Credential=k/2026011/r/s/aws4_request, "
            "SignedHeaders=host, Signature=" SIG,
        "AWS4-HMAC-SHA256 Credential=k/2026011x/r/s/aws4_request, "
            "SignedHeaders=host, Signature=" SIG,
        "AWS4-HMAC-SHA256 Credential=/20260115/r/s/aws4_request, "
            "SignedHeaders=host, Signature=" SIG,
        "AWS4-HMAC-SHA256 Credential=20260115/r/s/aws4_request, "
            "SignedHeaders=host, Signature=" SIG,
        "AWS4-HMAC-SHA256 Credential=k/20260115//s/aws4_request, "
            "SignedHeaders=host, Signature=" SIG,
        "AWS4-HMAC-SHA256 Credential=k/20260115/r/s/aws4_request, "
            "SignedHeaders=host, Signature=" SIG "0",
        "AWS4-HMAC-SHA256 Credential=k/20260115/r/s/aws4_request, "
            "SignedHeaders=host, Signature=x",
        "AWS4-HMAC-SHA256 Credential=k/20260115/r/s/aws4_request, "
            "SignedHeaders=host, SignedHeaders=host, Signature=" SIG,
        "AWS4-HMAC-SHA256 Credential=k/20260115/r/s/aws4_request, "
            "Other=1, SignedHeaders=host, Signature=" SIG
    };

    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        ok(llm_sigv4_parse(str(broken[i]), &cred) == LLM_ERROR,
           "broken header %zu", i);
    }

    ok(llm_sigv4_parse(str("AWS4-HMAC-SHA256 Signature=" SIG
                           ",SignedHeaders=host;x,"
                           "Credential=a/b/20260115/r/s/aws4_request"), &cred)
       == LLM_OK && llm_str_eq(cred.access_key_id, str("a/b"))
       && llm_str_eq(cred.day, str("20260115"))
       && llm_str_eq(cred.signed_headers, str("host;x")),
       "any order, no spaces, a key id with a slash");
}


static void
test_time(void)
{
    size_t  i;
    char    time[16];

    static const char *const  broken[] = {
        "", "20260115", "20260115T123456z", "20260115 123456Z",
        "20260230T000000Z", "20261301T000000Z", "20260115T240000Z",
        "20260115T126000Z", "20260115T123460Z", "2026011xT123456Z",
        "20260015T123456Z", "19690101T000000Z"
    };

    llm_sigv4_time(1768480496789, time);
    ok(memcmp(time, "20260115T123456Z", 16) == 0, "time");
    ok(llm_sigv4_parse_time(str("20260115T123456Z")) == 1768480496000,
       "time back");
    llm_sigv4_time(-1, time);
    ok(memcmp(time, "19700101T000000Z", 16) == 0, "a time before all time");
    llm_sigv4_time(INT64_MAX, time);
    ok(memcmp(time, "19700101T000000Z", 16) == 0, "a time after all time");
    ok(llm_sigv4_parse_time(str("20240229T000000Z")) == 1709164800000,
       "leap day");

    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        ok(llm_sigv4_parse_time(str(broken[i])) == -1, "no time %zu", i);
    }
}


/* RFC 4231, cases 2 and 6 */
static void
test_hmac(void)
{
    char            key[131], hex[64];
    llm_str_t       pieces[2];
    unsigned char   mac[LLM_SHA256_SIZE];

    pieces[0] = str("what do ya want ");
    pieces[1] = str("for nothing?");
    llm_hmac_sha256("Jefe", 4, pieces, 2, mac);
    llm_sha256_hex(mac, hex);
    ok(memcmp(hex, "5bdcc146bf60754e6a042426089575c7"
                   "5a003f089d2739839dec58b964ec3843", 64) == 0, "HMAC");

    memset(key, 0xaa, sizeof(key));
    pieces[0] = str("Test Using Larger Than Block-Size Key - Hash Key First");
    llm_hmac_sha256(key, sizeof(key), pieces, 1, mac);
    llm_sha256_hex(mac, hex);
    ok(memcmp(hex, "60e431591ee0b67f0d8a26aacbf5b77f"
                   "8e0bc6213728c5140546040f0ee37f54", 64) == 0,
       "HMAC with a long key");
}


/* what does not depend on recorded data */
static void
test_own(void)
{
    char                     signature[64], hash[64];
    llm_buf_t                out;
    llm_header_t             headers[LLM_SIGV4_MAX_HEADERS + 1];
    llm_str_t                pieces[2];
    llm_sigv4_key_t          key;
    llm_sigv4_request_t      request;
    llm_sigv4_credential_t   cred;

    pieces[0] = str("a");
    pieces[1] = str("bc");
    llm_sigv4_hash(pieces, 2, hash);
    ok(memcmp(hash, "ba7816bf8f01cfea414140de5dae2223"
                    "b00361a396177a9cb410ff61f20015ad", 64) == 0, "hash");

    memset(&request, 0, sizeof(request));
    memset(headers, 0, sizeof(headers));

    headers[0] = (llm_header_t) { str("Host"), str("example.com") };
    headers[1] = (llm_header_t) { str("X-Amz-Date"),
                                  str("20260115T123456Z") };

    request.method = str("POST");
    request.path = str("/model/a%3Ab/converse");
    request.query = str("b=2&a=%7e+x&a=&b=1&flag");
    request.headers = headers;
    request.nheaders = 2;
    request.payload_hash = (llm_str_t) { hash, 64 };
    request.time = headers[1].value;
    request.region = str("us-east-1");
    request.service = str("bedrock");

    llm_buf_init(&out, 10000);
    llm_sigv4_canonical(&out, &request);
    ok(out.len > 80 && memcmp(out.data, "POST\n/model/a%253Ab/converse\n"
                              "a=&a=~%2Bx&b=1&b=2&flag=\nhost:", 59) == 0,
       "query");
    out.len = 0;

    request.path = str("");
    request.query = str("&&a&");
    llm_sigv4_canonical(&out, &request);
    ok(out.len > 80 && memcmp(out.data, "POST\n/\na=\nhost:", 15) == 0,
       "no path, and empty parameters");
    out.len = 0;

    request.query = str("=&=&");
    llm_sigv4_canonical(&out, &request);
    ok(out.len > 80 && memcmp(out.data, "POST\n/\n=&=\nhost:", 16) == 0,
       "nothing but empty parameters");
    out.len = 0;

    request.path = str("/a/./b//../c/..");
    request.normalize = true;
    llm_sigv4_canonical(&out, &request);
    ok(out.len > 80 && memcmp(out.data, "POST\n/a/\n", 9) == 0,
       "a path with dots");
    request.normalize = false;
    out.len = 0;

    llm_sigv4_derive(&key, str("secret"), request.time, request.region,
                     request.service);
    ok(llm_sigv4_authorization(&out, &key, str("dev/key"), &request)
       == LLM_OK, "authorization");
    ok(llm_sigv4_parse((llm_str_t) { out.data, out.len }, &cred) == LLM_OK,
       "which parses");
    ok(llm_sigv4_verify(&cred, str("secret"), &request, 1768480496000, 1000)
       == LLM_SIGV4_VALID, "and verifies");

    headers[2] = (llm_header_t) { str("x-amz-content-sha256"),
                                  str("UNSIGNED-PAYLOAD") };
    request.nheaders = 3;
    ok(llm_sigv4_verify(&cred, str("secret"), &request, 1768480496000, 1000)
       == LLM_SIGV4_BAD_PAYLOAD_HASH, "no unsigned payload");
    request.nheaders = 2;

    cred.signed_headers = str("x-amz-date");
    ok(llm_sigv4_verify(&cred, str("secret"), &request, 1768480496000, 1000)
       == LLM_SIGV4_INCOMPLETE, "host must be signed");

    cred.signed_headers = str("host;;x-amz-date");
    ok(llm_sigv4_verify(&cred, str("secret"), &request, 1768480496000, 1000)
       == LLM_SIGV4_INCOMPLETE, "an empty name");

    request.time = str("20260116T000000Z");
    ok(llm_sigv4_sign(&key, &request, signature) == LLM_ERROR,
       "yesterday's key");

    request.nheaders = LLM_SIGV4_MAX_HEADERS + 1;
    ok(llm_sigv4_canonical(&out, &request) == LLM_ERROR, "too many headers");

    llm_buf_free(&out);
}


int
main(void)
{
    int  n;

    test_time();
    test_parse();
    test_hmac();
    test_own();

    n = vector_list("sigv4/aws-c-auth", aws_case);
    printf("# %d cases of AWS's suite\n", n);

    n = vector_list("sigv4/bedrock", bedrock_case);
    printf("# %d Bedrock cases\n", n);

    test_smithy();

    n = vector_list("sigv4/inbound-recorded", inbound_case);
    printf("# %d recorded requests\n", n);

    return plan_done();
}
