/*
 * Credentials: each source, their order, and when they are fetched again.  A
 * thread plays the metadata services and STS on the loopback.
 */

#include "providers/credentials_parts.h"
#include "wire/base64.h"
#include "wire/sigv4.h"
#include "tap.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


#define NOW      ((int64_t) 1768480496000)  /* 2026-01-15T12:34:56Z */
#define EXPIRES  ((int64_t) 1768484096000)  /* an hour later */

#define JSON                                                                  \
    "{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\","                            \
    "\"AccessKeyId\":\"ASIAJSON\",\"SecretAccessKey\":\"json/secret+\","      \
    "\"Token\":\"json-token\",\"Expiration\":\"2026-01-15T13:34:56Z\"}"

#define XML                                                                   \
    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"\
    "<AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::1:x</Arn>"          \
    "</AssumedRoleUser><Credentials><AccessKeyId>ASIAXML</AccessKeyId>"       \
    "<SecretAccessKey>xml/secret</SecretAccessKey>"                           \
    "<SessionToken>xml-token==</SessionToken>"                                \
    "<Expiration>2026-01-15T13:34:56Z</Expiration></Credentials>"             \
    "</AssumeRoleResult></AssumeRoleResponse>"


static llm_credentials_t       got;
static llm_credentials_conf_t  conf;
static char                    dir[64];


/* ------ the fake server ------ */

static int              server_fd;
static char             server_url[64];
static volatile int     server_status;          /* 0: as it should be */
static const char      *volatile server_body;
static char             server_last[16384];     /* the last request */
static volatile int     server_count;


static void
answer(int fd, int status, const char *body)
{
    char  text[8192];
    int   len;

    len = snprintf(text, sizeof(text), "HTTP/1.1 %d X\r\nContent-Length: %zu"
                   "\r\nConnection: close\r\n\r\n%s", status, strlen(body),
                   body);

    if (write(fd, text, len) != len) {
        printf("# write() failed\n");
    }
}


static void
serve(int fd)
{
    char    *body, *length;
    size_t   len, need;
    ssize_t  n;

    len = 0;

    for ( ;; ) {
        n = read(fd, server_last + len, sizeof(server_last) - 1 - len);

        if (n <= 0) {
            return;
        }

        len += n;
        server_last[len] = '\0';
        body = strstr(server_last, "\r\n\r\n");

        if (body != NULL) {
            length = strstr(server_last, "Content-Length: ");
            need = (length == NULL) ? 0 : strtoul(length + 16, NULL, 10);

            if (len - (body + 4 - server_last) >= need) {
                break;
            }
        }
    }

    server_count++;

    if (server_status != 0) {
        answer(fd, server_status, server_body);

    } else if (strncmp(server_last, "PUT /latest/api/token ", 22) == 0) {
        answer(fd, strstr(server_last, "ttl-seconds: 21600") ? 200 : 400,
               "imds-token");

    } else if (strncmp(server_last, "GET /latest/", 12) == 0
               && strstr(server_last, "metadata-token: imds-token") == NULL)
    {
        answer(fd, 401, "");

    } else if (strncmp(server_last, "GET /latest/meta-data/iam/"
                       "security-credentials/ ", 48) == 0)
    {
        answer(fd, 200, "my-role\n");

    } else if (strstr(server_last, "/security-credentials/my-role ") != NULL
               || strncmp(server_last, "GET /container ", 15) == 0)
    {
        answer(fd, 200, JSON);

    } else if (strncmp(server_last, "POST /", 6) == 0) {
        answer(fd, 200, XML);

    } else {
        answer(fd, 404, "");
    }
}


static void *
server_loop(void *arg)
{
    int  fd;

    for ( ;; ) {
        fd = accept(server_fd, NULL, NULL);

        if (fd == -1) {
            return NULL;
        }

        serve(fd);
        close(fd);
    }
}


static pthread_t
server_start(void)
{
    pthread_t           thread;
    socklen_t           len;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);

    server_fd = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(server_fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || listen(server_fd, 8) == -1
        || getsockname(server_fd, (struct sockaddr *) &sin, &len) == -1
        || pthread_create(&thread, NULL, server_loop, NULL) != 0)
    {
        perror("server");
        exit(1);
    }

    snprintf(server_url, sizeof(server_url), "http://127.0.0.1:%d",
             ntohs(sin.sin_port));

    return thread;
}


/* ------ helpers ------ */

static void
clean(void)
{
    unsigned            i;
    static const char  *names[] = {
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
        "AWS_BEARER_TOKEN_BEDROCK", "AWS_PROFILE", "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE", "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_DISABLED",
        "AWS_ENDPOINT_URL_STS", "AWS_REGION", "AWS_DEFAULT_REGION", "HOME"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unsetenv(names[i]);
    }

    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);

    memset(&got, 0, sizeof(got));
    memset(&conf, 0, sizeof(conf));
    server_status = 0;
    server_count = 0;
    server_last[0] = '\0';
}


static const char *
file(const char *name, const char *text)
{
    FILE         *f;
    static char   path[4][128];
    static int    next;
    char         *p;

    p = path[next++ & 3];
    snprintf(p, sizeof(path[0]), "%s/%s", dir, name);

    f = fopen(p, "w");
    fputs(text, f);
    fclose(f);

    return p;
}


static int
fetch(llm_credentials_source_t source)
{
    conf.source = source;

    return llm_credentials_fetch(&got, &conf, NOW);
}


static int
is(const char *source, const char *id, const char *secret, const char *token)
{
    return strcmp(got.source, source) == 0 && strcmp(got.id, id) == 0
           && strcmp(got.secret, secret) == 0 && strcmp(got.token, token) == 0
           && got.id_len == strlen(id) && got.secret_len == strlen(secret)
           && got.token_len == strlen(token) && got.error[0] == '\0';
}


static int
says(const char *text)
{
    return strstr(got.error, text) != NULL && got.error_ms == NOW;
}


/* ------ the tests ------ */

static void
test_static_and_environment(void)
{
    clean();
    conf.access_key_id = "AKID";
    conf.secret_access_key = "secret";
    ok(fetch(LLM_CREDENTIALS_STATIC) == LLM_OK
       && is("static", "AKID", "secret", "") && !got.bearer
       && got.expires_ms == 0 && got.fetched_ms == NOW, "static");

    conf.secret_access_key = "sec\nret";
    ok(fetch(LLM_CREDENTIALS_STATIC) == LLM_ERROR && says("secret access key")
       && strcmp(got.secret, "secret") == 0,
       "a line break in a secret; what was got before stays");
    ok(strstr(got.error, "sec ret") == NULL, "the error holds no secret");

    clean();
    ok(fetch(LLM_CREDENTIALS_ENVIRONMENT) == LLM_ERROR
       && says("AWS_ACCESS_KEY_ID is not"), "nothing in the environment");

    setenv("AWS_ACCESS_KEY_ID", "AKENV", 1);
    ok(fetch(LLM_CREDENTIALS_ENVIRONMENT) == LLM_ERROR
       && says("AWS_SECRET_ACCESS_KEY is not"), "half in the environment");

    setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    setenv("AWS_SESSION_TOKEN", "t", 1);
    ok(fetch(LLM_CREDENTIALS_ENVIRONMENT) == LLM_OK
       && is("environment", "AKENV", "s", "t"), "environment");
}


static void
test_bearer(void)
{
    char        url[256], key[512];
    size_t      len;
    llm_str_t   text;

    clean();
    ok(fetch(LLM_CREDENTIALS_BEARER) == LLM_ERROR && says("no Bedrock API"),
       "no key");

    setenv("AWS_BEARER_TOKEN_BEDROCK", "ABSKenv", 1);
    ok(fetch(LLM_CREDENTIALS_BEARER) == LLM_OK && got.bearer
       && strcmp(got.token, "ABSKenv") == 0, "bearer from the environment");

    conf.bearer = "ABSKconf";
    ok(fetch(LLM_CREDENTIALS_BEARER) == LLM_OK
       && strcmp(got.token, "ABSKconf") == 0, "bearer of the configuration");

    conf.bearer_file = file("bearer", "  ABSKfile\n");
    ok(fetch(LLM_CREDENTIALS_BEARER) == LLM_OK
       && strcmp(got.token, "ABSKfile") == 0
       && strcmp(got.source, "bearer file") == 0, "bearer from a file");

    conf.bearer_file = "/nowhere/at/all";
    ok(fetch(LLM_CREDENTIALS_BEARER) == LLM_ERROR
       && says("no file \"/nowhere/at/all\""), "no such file");

    strcpy(url, "bedrock.amazonaws.com/?Action=CallWithBearerToken"
           "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260115T123456Z"
           "&X-Amz-Expires=3600&Version=1");
    text = (llm_str_t) { url, strlen(url) };
    strcpy(key, "bedrock-api-key-");
    len = llm_base64_encode(text, key + 16);
    ok(llm_credentials_bearer_expires((llm_str_t) { key, 16 + len })
       == EXPIRES, "a short-term key tells when it ends");
    ok(llm_credentials_bearer_expires(llm_str("ABSK")) == 0
       && llm_credentials_bearer_expires(llm_str("bedrock-api-key-!")) == 0
       && llm_credentials_bearer_expires(llm_str("bedrock-api-key-")) == 0,
       "others do not");
}


static void
test_profiles(void)
{
    clean();
    conf.region = "eu-west-1";
    conf.sts_endpoint = server_url;

    setenv("AWS_SHARED_CREDENTIALS_FILE", file("credentials",
           "# comment\r\n[default]\r\naws_access_key_id = AKDEF\r\n"
           "aws_secret_access_key=s=d\r\n\r\n"
           "[base]\naws_access_key_id=AKBASE\naws_secret_access_key=sb\n"
           "aws_session_token=tb\n"
           "[half]\naws_access_key_id=AKHALF\n"), 1);
    setenv("AWS_CONFIG_FILE", file("config",
           "[default]\nregion=us-east-1\naws_access_key_id=FROMCONFIG\n"
           "[profile role]\nrole_arn=arn:aws:iam::1:role/r\n"
           "source_profile = base\nexternal_id=e x\ns3 =\n"
           "  role_arn = nested\n"
           "[profile self]\nrole_arn=arn:self\nsource_profile=self\n"
           "aws_access_key_id=AKSELF\naws_secret_access_key=ss\n"
           "[profile a]\nrole_arn=arn:a\nsource_profile=b\n"
           "[profile b]\nrole_arn=arn:b\nsource_profile=a\n"
           "[profile none]\nrole_arn=arn:n\n"
           "[profile env]\nrole_arn=arn:e\ncredential_source=Environment\n"
           "[profile \"quoted name\"]\naws_access_key_id=AKQ\n"
           "aws_secret_access_key=sq\n"
           "[profile sso]\nsso_session=my\n"
           "[profile run]\ncredential_process=printf "
           "'{\"Version\":1,\"AccessKeyId\":\"AKRUN\","
           "\"SecretAccessKey\":\"sr\"}'\n"
           "[notaprofile]\naws_access_key_id=AKNOT\n"
           "aws_secret_access_key=sn\n"), 1);

    ok(fetch(LLM_CREDENTIALS_PROFILE) == LLM_OK
       && is("profile", "AKDEF", "s=d", ""),
       "default; the credentials file goes first");

    conf.profile = "quoted name";
    ok(fetch(LLM_CREDENTIALS_PROFILE) == LLM_OK
       && is("profile", "AKQ", "sq", ""), "a name in quotes");

    conf.profile = NULL;
    setenv("AWS_PROFILE", "base", 1);
    ok(fetch(LLM_CREDENTIALS_PROFILE) == LLM_OK
       && is("profile", "AKBASE", "sb", "tb"), "AWS_PROFILE");

    conf.profile = "role";
    ok(fetch(LLM_CREDENTIALS_PROFILE) == LLM_OK
       && is("role via profile", "ASIAXML", "xml/secret", "xml-token==")
       && got.expires_ms == EXPIRES, "a role with a source profile");
    ok(strstr(server_last, "ExternalId=e%20x") != NULL
       && strstr(server_last, "Credential=AKBASE/20260115/eu-west-1/sts/")
          != NULL
       && strstr(server_last, "X-Amz-Security-Token: tb\r\n") != NULL,
       "asked with the source's credentials");

    conf.profile = "self";
    ok(fetch(LLM_CREDENTIALS_PROFILE) == LLM_OK
       && strstr(server_last, "Credential=AKSELF/") != NULL,
       "a profile that is its own source");

    conf.profile = "a";
    ok(fetch(LLM_CREDENTIALS_PROFILE) == LLM_ERROR && says("is a circle"),
       "a circle of profiles");

    conf.profile = "none";
    ok(fetch(LLM_CREDENTIALS_PROFILE) == LLM_ERROR
       && says("no credentials to assume it"), "a role and nothing else");

    conf.profile = "env";
    setenv("AWS_ACCESS_KEY_ID", "AKENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    ok(fetch(LLM_CREDENTIALS_PROFILE) == LLM_OK
       && strstr(server_last, "Credential=AKENV/") != NULL,
       "credential_source = Environment");

    conf.profile = "sso";
    ok(fetch(LLM_CREDENTIALS_PROFILE) == LLM_ERROR && says("SSO"), "SSO");

    conf.profile = "run";
    ok(fetch(LLM_CREDENTIALS_PROFILE) == LLM_OK
       && is("process", "AKRUN", "sr", ""), "credential_process");

    conf.profile = "half";
    ok(fetch(LLM_CREDENTIALS_PROFILE) == LLM_ERROR && says("is empty"),
       "a key without its secret");

    conf.profile = "notaprofile";
    ok(fetch(LLM_CREDENTIALS_PROFILE) == LLM_ERROR
       && says("no credentials for profile"),
       "a section of the config file that is no profile");

    clean();
    setenv("HOME", dir, 1);
    ok(fetch(LLM_CREDENTIALS_PROFILE) == LLM_ERROR && says("no profile"),
       "no files");
}


static void
test_process(void)
{
    clean();

    conf.process = "printf '{\"Version\": 1, \"AccessKeyId\": \"AKP\", "
                   "\"SecretAccessKey\": \"sp\", \"SessionToken\": \"tp\", "
                   "\"Expiration\": \"2026-01-15T14:34:56+01:00\"}'";
    ok(fetch(LLM_CREDENTIALS_PROCESS) == LLM_OK
       && is("process", "AKP", "sp", "tp") && got.expires_ms == EXPIRES,
       "process");

    conf.process = "echo SECRET >&2; echo SECRET; exit 3";
    ok(fetch(LLM_CREDENTIALS_PROCESS) == LLM_ERROR && says("status 3")
       && strstr(got.error, "SECRET") == NULL, "a process that fails");

    conf.process = "echo hello";
    ok(fetch(LLM_CREDENTIALS_PROCESS) == LLM_ERROR && says("no JSON"),
       "one that prints no JSON");

    conf.process = "echo '{\"Version\":2}'";
    ok(fetch(LLM_CREDENTIALS_PROCESS) == LLM_ERROR && says("Version"),
       "one of another version");

    conf.process = "exec cat /dev/zero";
    ok(fetch(LLM_CREDENTIALS_PROCESS) == LLM_ERROR && says("more than"),
       "one that prints without end");

    conf.process = "test \"$(ls /proc/self/fd | wc -l)\" -le 5 && echo '{}'";
    fetch(LLM_CREDENTIALS_PROCESS);
    ok(says("is empty"), "it gets none of our open files: %s", got.error);
}


static void
test_imds(void)
{
    clean();
    ok(fetch(LLM_CREDENTIALS_IMDS) == LLM_ERROR
       && says("AWS_EC2_METADATA_DISABLED"), "IMDS disabled");

    unsetenv("AWS_EC2_METADATA_DISABLED");
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server_url, 1);
    ok(fetch(LLM_CREDENTIALS_IMDS) == LLM_OK
       && is("imds", "ASIAJSON", "json/secret+", "json-token")
       && got.expires_ms == EXPIRES && server_count == 3, "IMDSv2");

    conf.assume_role = "arn:aws:iam::1:role/x";
    conf.sts_endpoint = server_url;
    ok(fetch(LLM_CREDENTIALS_IMDS) == LLM_OK
       && is("role via imds", "ASIAXML", "xml/secret", "xml-token=="),
       "a role on top");
    conf.assume_role = NULL;

    conf.source = LLM_CREDENTIALS_IMDS;
    ok(llm_credentials_fetch(&got, &conf, EXPIRES + 1) == LLM_OK
       && got.expires_ms == EXPIRES + 1 + 600000,
       "what has expired there is used on for a while");

    server_body = "";
    server_status = 404;
    ok(fetch(LLM_CREDENTIALS_IMDS) == LLM_ERROR && says("no IAM role")
       && strcmp(got.id, "ASIAJSON") == 0, "no role; the old ones stay");

    server_status = 403;
    ok(fetch(LLM_CREDENTIALS_IMDS) == LLM_ERROR && says("disabled"), "403");

    server_status = 200;
    server_body = "../../x\n";
    ok(fetch(LLM_CREDENTIALS_IMDS) == LLM_ERROR && says("no IAM role"),
       "a role's name that is none");

    server_body = "x\r\nInjected: 1";
    ok(fetch(LLM_CREDENTIALS_IMDS) == LLM_ERROR && says("no token")
       && strstr(server_last, "Injected") == NULL,
       "a token that would add a header");

    conf.imds_endpoint = "http://127.0.0.1:1";
    ok(fetch(LLM_CREDENTIALS_IMDS) == LLM_ERROR && says("imds: "),
       "nobody there: %s", got.error);
}


static void
test_container(void)
{
    char  url[128];

    clean();
    ok(fetch(LLM_CREDENTIALS_CONTAINER) == LLM_ERROR
       && says("not in the environment"), "no container");

    snprintf(url, sizeof(url), "%s/container", server_url);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "given", 1);
    ok(fetch(LLM_CREDENTIALS_CONTAINER) == LLM_OK
       && is("container", "ASIAJSON", "json/secret+", "json-token")
       && strstr(server_last, "Authorization: given\r\n") != NULL,
       "container");

    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
           file("token", "from-file\n"), 1);
    ok(fetch(LLM_CREDENTIALS_CONTAINER) == LLM_OK
       && strstr(server_last, "Authorization: from-file\r\n") != NULL,
       "the token's file goes first");

    file("token", "a\nX-Evil: 1");
    ok(fetch(LLM_CREDENTIALS_CONTAINER) == LLM_ERROR && says("line break"),
       "a token that would add a header");
    file("token", "renewed");
    ok(fetch(LLM_CREDENTIALS_CONTAINER) == LLM_OK
       && strstr(server_last, "Authorization: renewed\r\n") != NULL,
       "it is read again");

    server_status = 500;
    server_body = "oops";
    ok(fetch(LLM_CREDENTIALS_CONTAINER) == LLM_ERROR && says("500"), "500");

    server_status = 200;
    server_body = "{\"Code\":\"AccessDenied\"}";
    ok(fetch(LLM_CREDENTIALS_CONTAINER) == LLM_ERROR && says("AccessDenied"),
       "an error in JSON");

    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/x", 1);
    ok(fetch(LLM_CREDENTIALS_CONTAINER) == LLM_ERROR && says("must be https"),
       "no secrets in clear from afar");

    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@example.com/x", 1);
    ok(fetch(LLM_CREDENTIALS_CONTAINER) == LLM_ERROR && says("begin with"),
       "a relative URI that changes the host");
}


static void
test_urls(void)
{
    unsigned            i;
    static const char  *good[] = {
        "https://example.com/x", "http://127.0.0.1:80/", "http://127.1.2.3/",
        "http://localhost/x", "http://[::1]:8080/x", "http://169.254.170.2/v2",
        "http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/v1"
    };
    static const char  *bad[] = {
        "http://example.com/", "http://127.0.0.1.example.com/",
        "http://127.0.0.1@example.com/", "http://169.254.170.20/",
        "ftp://127.0.0.1/", "file:///etc/passwd", "http://[::2]/", "",
        "nonsense", "http://127.0.0.256/", "https://u:p@example.com/"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ok(llm_credentials_url_allowed(good[i]), "allowed: %s", good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(!llm_credentials_url_allowed(bad[i]), "not allowed: \"%s\"",
           bad[i]);
    }
}


static void
test_web_identity(void)
{
    clean();
    ok(fetch(LLM_CREDENTIALS_WEB_IDENTITY) == LLM_ERROR
       && says("AWS_WEB_IDENTITY_TOKEN_FILE"), "no web identity");

    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", file("jwt", "ey.J+/w\n"), 1);
    ok(fetch(LLM_CREDENTIALS_WEB_IDENTITY) == LLM_ERROR
       && says("AWS_ROLE_ARN"), "no role");

    setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/irsa", 1);
    setenv("AWS_ENDPOINT_URL_STS", server_url, 1);
    ok(fetch(LLM_CREDENTIALS_WEB_IDENTITY) == LLM_OK
       && is("web identity", "ASIAXML", "xml/secret", "xml-token==")
       && got.expires_ms == EXPIRES, "web identity");
    ok(strstr(server_last, "Action=AssumeRoleWithWebIdentity&Version=2011-06-"
              "15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Firsa"
              "&RoleSessionName=ngx_llm_gov&WebIdentityToken=ey.J%2B%2Fw")
       != NULL && strstr(server_last, "Authorization:") == NULL,
       "the form, unsigned");

    server_status = 400;
    server_body = "<ErrorResponse><Error><Type>Sender</Type>"
                  "<Code>ExpiredTokenException</Code>"
                  "<Message>Token expired</Message></Error></ErrorResponse>";
    ok(fetch(LLM_CREDENTIALS_WEB_IDENTITY) == LLM_ERROR
       && says("ExpiredTokenException: Token expired"), "STS refuses");

    server_status = 502;
    server_body = "<html>";
    ok(fetch(LLM_CREDENTIALS_WEB_IDENTITY) == LLM_ERROR && says("502"),
       "a proxy answers");
}


/* what STS gets is verified as AWS does it */
static void
test_assume_role(void)
{
    char                   *line, *end, *body, hash[64];
    size_t                  n;
    llm_str_t               payload, authorization;
    llm_header_t            headers[16];
    llm_sigv4_request_t     request;
    llm_sigv4_credential_t  credential;

    clean();
    conf.access_key_id = "AKID";
    conf.secret_access_key = "wJalrXUtnFEMI/K7MDENG";
    conf.session_token = "base-token";
    conf.assume_role = "arn:aws:iam::123456789012:role/gov";
    conf.role_session_name = "team-a";
    conf.external_id = "ext/1";
    conf.region = "us-west-2";
    conf.sts_endpoint = server_url;

    ok(fetch(LLM_CREDENTIALS_STATIC) == LLM_OK
       && is("role via static", "ASIAXML", "xml/secret", "xml-token=="),
       "AssumeRole");

    body = strstr(server_last, "\r\n\r\n") + 4;
    payload = (llm_str_t) { body, strlen(body) };
    llm_sigv4_hash(&payload, 1, hash);

    n = 0;
    authorization = (llm_str_t) { NULL, 0 };

    for (line = strstr(server_last, "\r\n") + 2; line < body - 2;
         line = end + 2)
    {
        end = strstr(line, "\r\n");
        headers[n].name = (llm_str_t) { line, strcspn(line, ":") };
        line += headers[n].name.len + 2;
        headers[n].value = (llm_str_t) { line, end - line };

        if (llm_str_eq(headers[n].name, llm_str("Authorization"))) {
            authorization = headers[n].value;
        }

        n++;
    }

    memset(&request, 0, sizeof(request));
    request.method = llm_str("POST");
    request.path = llm_str("/");
    request.headers = headers;
    request.nheaders = n;
    request.payload_hash = (llm_str_t) { hash, 64 };
    request.service = llm_str("sts");
    request.region = llm_str("us-west-2");

    ok(llm_sigv4_parse(authorization, &credential) == LLM_OK
       && llm_str_eq(credential.access_key_id, llm_str("AKID"))
       && llm_str_eq(credential.region, llm_str("us-west-2"))
       && llm_sigv4_verify(&credential,
                           (llm_str_t) { conf.secret_access_key,
                                         strlen(conf.secret_access_key) },
                           &request, NOW, 300000) == LLM_SIGV4_VALID,
       "the signature is valid");
    ok(strcmp(body, "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws"
              "%3Aiam%3A%3A123456789012%3Arole%2Fgov&RoleSessionName=team-a"
              "&ExternalId=ext%2F1&DurationSeconds=3600") == 0, "the form");

    server_status = 403;
    server_body = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code>"
                  "<Message>The Canonical String should have been\n"
                  "x-amz-security-token:base-token</Message></Error>"
                  "</ErrorResponse>";
    ok(fetch(LLM_CREDENTIALS_STATIC) == LLM_ERROR
       && says("SignatureDoesNotMatch")
       && strstr(got.error, "base-token") == NULL,
       "what STS quotes is not logged");

    conf.region = "us-west-2/../x";
    ok(fetch(LLM_CREDENTIALS_STATIC) == LLM_ERROR && says("no region"),
       "a region that is none");

    conf.region = "";
    conf.sts_endpoint = "sftp://x/";
    ok(fetch(LLM_CREDENTIALS_STATIC) == LLM_ERROR, "an endpoint that is none: "
       "%s", got.error);
}


/* root's home, for the user of the workers */
static void
hidden_home(void)
{
    char  home[128], aws[160];

    snprintf(home, sizeof(home), "%s/home", dir);
    snprintf(aws, sizeof(aws), "%s/.aws", home);
    mkdir(home, 0700);
    mkdir(aws, 0700);
    file("home/.aws/config", "[default]\n");
    chmod(home, geteuid() == 0 ? 0700 : 0000);
    setenv("HOME", home, 1);

    if (geteuid() == 0 && seteuid(65534) == -1) {
        perror("seteuid");
    }

    ok(fetch(LLM_CREDENTIALS_CHAIN) == LLM_OK
       && strcmp(got.source, "imds") == 0,
       "who may not look into the home finds no profile there");

    conf.imds_endpoint = "http://127.0.0.1:1";
    ok(fetch(LLM_CREDENTIALS_CHAIN) == LLM_ERROR && says("imds: ")
       && says("/.aws\" is hidden from the user of nginx's workers"),
       "which is told when nothing is found: %s", got.error);

    conf.profile = "default";
    ok(fetch(LLM_CREDENTIALS_CHAIN) == LLM_ERROR && says("cannot read"),
       "and is an error for one that is asked for by name");

    if (getuid() == 0 && seteuid(0) == -1) {
        perror("seteuid");
    }

    chmod(home, 0700);
    unsetenv("HOME");
    conf.profile = NULL;
    conf.imds_endpoint = server_url;
}


static void
test_chain(void)
{
    clean();
    ok(fetch(LLM_CREDENTIALS_CHAIN) == LLM_ERROR
       && says("none in the environment"), "nothing at all");

    unsetenv("AWS_EC2_METADATA_DISABLED");
    conf.imds_endpoint = server_url;
    ok(fetch(LLM_CREDENTIALS_CHAIN) == LLM_OK
       && strcmp(got.source, "imds") == 0, "imds is the last");

    hidden_home();

    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/", 1);
    ok(fetch(LLM_CREDENTIALS_CHAIN) == LLM_ERROR && says("container"),
       "a source that is set up and fails ends the chain");

    setenv("AWS_SHARED_CREDENTIALS_FILE",
           file("chain", "[default]\naws_access_key_id=AKF\n"
                         "aws_secret_access_key=sf\n"
                         "[named]\naws_access_key_id=AKN\n"
                         "aws_secret_access_key=sn\n"), 1);
    ok(fetch(LLM_CREDENTIALS_CHAIN) == LLM_OK
       && strcmp(got.id, "AKF") == 0, "a profile goes before");

    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", file("jwt", "x"), 1);
    setenv("AWS_ROLE_ARN", "arn:r", 1);
    conf.sts_endpoint = server_url;
    ok(fetch(LLM_CREDENTIALS_CHAIN) == LLM_OK
       && strcmp(got.source, "web identity") == 0, "and a web identity");

    setenv("AWS_ACCESS_KEY_ID", "AKE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "se", 1);
    ok(fetch(LLM_CREDENTIALS_CHAIN) == LLM_OK
       && strcmp(got.id, "AKE") == 0, "and the environment");

    setenv("AWS_BEARER_TOKEN_BEDROCK", "ABSK", 1);
    ok(fetch(LLM_CREDENTIALS_CHAIN) == LLM_OK && got.bearer
       && strcmp(got.token, "ABSK") == 0, "and a Bedrock API key");

    conf.assume_role = "arn:role";
    ok(fetch(LLM_CREDENTIALS_CHAIN) == LLM_OK && !got.bearer
       && strcmp(got.source, "role via environment") == 0,
       "with which no role can be assumed");

    clean();
    setenv("AWS_ACCESS_KEY_ID", "AKE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "se", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", file("chain",
           "[named]\naws_access_key_id=AKN\naws_secret_access_key=sn\n"), 1);
    conf.profile = "named";
    ok(fetch(LLM_CREDENTIALS_CHAIN) == LLM_OK && strcmp(got.id, "AKN") == 0,
       "a profile asked for by name goes before the environment");
}


static void
test_times(void)
{
    unsigned            i;
    static const char  *bad[] = {
        "", "2026-01-15", "2026-01-15T12:34:56", "2026-01-15T12:34:56ZZ",
        "2026-01-15 12:34:56Z", "2026-13-15T12:34:56Z",
        "2026-01-15T12:34:56+1:00", "2026-01-15T12:34:56+99:00",
        "999999-01-15T12:34:56Z", "2026-01-15T12:34:56.123456789012345678Z0",
        "1000-01-15T12:34:56Z"
    };

#define time_of(text)  llm_credentials_parse_time(llm_str(text))

    ok(time_of("2026-01-15T12:34:56Z") == NOW, "a time");
    ok(time_of("2026-01-15T12:34:56.789Z") == NOW, "with a fraction");
    ok(time_of("2026-01-15T13:34:56+01:00") == NOW, "east");
    ok(time_of("2026-01-15T07:04:56-0530") == NOW, "west");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(llm_credentials_parse_time((llm_str_t) { bad[i], strlen(bad[i]) })
           == -1, "no time: \"%s\"", bad[i]);
    }
}


static void
test_next(void)
{
    int64_t            next;
    llm_credentials_t  c;

    memset(&c, 0, sizeof(c));
    ok(llm_credentials_next(&c, 0, NOW) == NOW, "none yet: at once");
    ok(llm_credentials_next(&c, 1, NOW) == NOW + 1000
       && llm_credentials_next(&c, 3, NOW) == NOW + 4000
       && llm_credentials_next(&c, 7, NOW) == NOW + 60000
       && llm_credentials_next(&c, 1000, NOW) == NOW + 60000,
       "failures: 1 s to 60 s");

    c.generation = 1;
    c.fetched_ms = NOW;
    strcpy(c.source, "profile");
    ok(llm_credentials_next(&c, 0, NOW) == NOW + 10000, "files: 10 s");

    strcpy(c.source, "static");
    ok(llm_credentials_next(&c, 0, NOW) == NOW + 3600000, "fixed: an hour");

    strcpy(c.source, "imds");
    c.expires_ms = NOW + 6 * 3600 * 1000;
    next = llm_credentials_next(&c, 0, NOW);
    ok(next <= c.expires_ms - 300000 && next > c.expires_ms - 361000,
       "5 to 6 minutes before the end");
    ok(llm_credentials_next(&c, 0, c.expires_ms) == c.expires_ms + 1000,
       "not twice a second");

    c.expires_ms = NOW + 60000;
    ok(llm_credentials_next(&c, 0, NOW) == NOW + 30000,
       "short-lived: at half their life");

    c.expires_ms = NOW - 5000;
    ok(llm_credentials_next(&c, 0, NOW) > NOW, "those that came expired");
}


static void
test_wire(void)
{
    char       long_id[300];
    llm_str_t  text;

    clean();
    text = llm_str("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\","
                   "\"Expiration\":\"soon\"}");
    ok(llm_credentials_parse_json(&got, "x", text) == LLM_ERROR,
       "an expiry that is no time");
    ok(llm_credentials_parse_json(&got, "x", llm_str("[]")) == LLM_ERROR
       && llm_credentials_parse_json(&got, "x", (llm_str_t) { NULL, 0 })
          == LLM_ERROR
       && llm_credentials_parse_json(&got, "x",
              llm_str("{\"AccessKeyId\":1,\"SecretAccessKey\":\"S\"}"))
          == LLM_ERROR, "no strings, no object, nothing");

    memset(long_id, 'A', sizeof(long_id));
    ok(llm_credentials_set(&got, "x", (llm_str_t) { long_id, 300 },
                           llm_str("s"), llm_str("")) == LLM_ERROR
       && strstr(got.error, "AAAA") == NULL, "an id that is too long");

    ok(llm_sts_parse(&got, "x", llm_str("<Expiration>2026")) == LLM_AGAIN
       && llm_sts_parse(&got, "x", (llm_str_t) { NULL, 0 }) == LLM_AGAIN
       && llm_sts_parse(&got, "x", llm_str("<Expiration>2026-01-15T13:34:56Z"
                        "</Expiration>")) == LLM_ERROR,
       "XML that is cut or lacks what is needed");
}


int
main(void)
{
    char       command[128];
    pthread_t  thread;

    snprintf(dir, sizeof(dir), "/tmp/llm_credentials_test.XXXXXX");

    if (mkdtemp(dir) == NULL) {
        perror("mkdtemp");
        return 1;
    }

    thread = server_start();

    test_static_and_environment();
    test_bearer();
    test_profiles();
    test_process();
    test_imds();
    test_container();
    test_urls();
    test_web_identity();
    test_assume_role();
    test_chain();
    test_times();
    test_next();
    test_wire();

    shutdown(server_fd, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(server_fd);

    snprintf(command, sizeof(command), "rm -rf '%s'", dir);

    return plan_done() | (system(command) != 0);
}
