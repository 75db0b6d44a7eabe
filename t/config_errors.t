#!/usr/bin/perl

# Mistakes in the configuration: nginx -t finds each, with file and line, and
# says what to write.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my $t = LLM::Test->new;

my $secret = 'sk-test-config-0123456789';
my $provider = provider('main', 'endpoint http://127.0.0.1:1;');
my $key = "llm_virtual_key k { secret $secret; }";

sub conf {
    my ($http, $server) = @_;

    return "%%GLOBALS%%\nhttp {\n%%HTTP%%\n$http\nserver {\n"
        . "listen 127.0.0.1:%%PORT%%;\n"
        . ($server // 'location / { llm_pass bedrock; }') . "\n}\n}\n";
}

sub fine {
    my ($name, @parts) = @_;

    my ($ok, $text) = $t->config_test(conf(@parts));
    ok($ok, "fine: $name") or diag($text);
    unlike($text, qr/\[warn\]/, "no warning: $name");
}

# the mistake is on the line with "HERE"

sub wrong {
    my ($name, $http, $says, $server) = @_;

    my $conf = conf($http, $server);
    my $expanded = $t->expand($conf);
    my ($before) = $expanded =~ /\A(.*?)HERE/s;
    my $line = defined $before ? 1 + ($before =~ tr/\n//) : undef;
    $conf =~ s/ *#HERE//g;

    my ($ok, $text) = $t->config_test($conf);
    ok(!$ok, "wrong: $name");
    like($text, $says, "says what: $name");
    unlike($text, qr/\Q$secret\E/, "no secret in it: $name");

    return unless defined $line;

    my ($told) = reverse $text =~ /test\.conf:(\d+)$/mg;
    is($told, $line, "the line: $name") or diag($text);
}

fine('the least', "$provider\n$key");
fine('everything', "
    llm_store %%PREFIX%%/store sync=1s;
    llm_unpriced_model refuse;
    llm_model_map my-claude claude-3-haiku-20240307;
    llm_provider one {
        type bedrock; region us-east-1;
        model anthropic.claude-sonnet-4-20250514-v1:0;
        credentials static access_key_id=A secret_access_key=B;
        llm_budget 1000 1M; llm_rate_limit requests=500/1h;
        connect_timeout 1s; send_timeout 2s; first_byte_timeout 3s;
        read_timeout 4s; keepalive 16; keepalive_timeout 30s;
        max_failures 3; cooldown 5s; ssl_verify off;
    }
    $provider
    llm_route r { provider one weight=80; provider main weight=20; }
    llm_route s { provider one; provider main backup; }
    llm_customer c { llm_budget 5000 1M; route s; }
    llm_team t { customer c; llm_budget 2000.50 1Y soft; llm_budget 1 5m hard; }
    llm_virtual_key a { secret $secret; team t; route r; sigv4 on;
        models anthropic.* *nova*;
        llm_budget 500 1w; llm_budget 12 total; llm_budget 1 12h;
        llm_rate_limit requests=100/1h tokens=50000/1m input_tokens=1/1d
                       output_tokens=2/1M concurrency=20; }
", "location /a/ { llm_pass anthropic; llm_client_abort cancel; }
    location /b/ { llm_pass bedrock; }
    location /s/ { llm_status; }
    location /m { llm_metrics; }
    location /g/ { llm_govern anthropic; proxy_pass http://127.0.0.1:1; }");

# names

wrong('unknown team', "$provider
    llm_virtual_key k {
        secret $secret;
        team nobody; #HERE
    }", qr/no llm_team "nobody"/);
wrong('unknown customer', "$provider
    llm_team t { customer nobody; } #HERE", qr/no llm_customer "nobody"/);
wrong('unknown route', "$provider
    llm_virtual_key k { secret $secret; route nowhere; } #HERE",
    qr/no llm_route "nowhere"/);
wrong('unknown provider of a route', "$provider
    llm_route r { provider nobody; } #HERE", qr/nobody/);
wrong('duplicate key', "$provider
    $key
    llm_virtual_key k { secret other-secret-0123456789; } #HERE",
    qr/duplicate llm_virtual_key "k"/);
wrong('duplicate team', "llm_team t { }\nllm_team t { } #HERE", qr/duplicate/);
wrong('duplicate provider', "$provider\n$provider", qr/duplicate/);
wrong('duplicate route', "$provider
    llm_route r { provider main; }
    llm_route r { provider main; } #HERE", qr/duplicate/);
wrong('a provider twice in a route', "$provider
    llm_route r {
        provider main;
        provider main; #HERE
    }", qr/already/);
wrong('only backups', "$provider
    llm_route r { provider main backup; } #HERE", qr/backup/);
wrong('two keys with one secret', "$provider
    $key
    llm_virtual_key l { secret $secret; } #HERE", qr/same secret as "k"/);
wrong('a bad name', 'llm_team "a b" { } #HERE', qr/letters, digits/);
wrong('a cycle of models', "$provider
    llm_model_map a b; #HERE
    llm_model_map b a;", qr/circle/i);

# secrets

wrong('a secret too short', "$provider
    llm_virtual_key k {
        secret short; #HERE
    }", qr/too short.*16/);
wrong('no secret', "$provider
    llm_virtual_key k { } #HERE", qr/no secret/);
wrong('no such file', "$provider
    llm_virtual_key k { secret file:%%PREFIX%%/none; } #HERE",
    qr/none.*(?:No such file|cannot be opened)/);
wrong('no such variable', "$provider
    llm_virtual_key k { secret env:NOT_SET_ANYWHERE; } #HERE",
    qr/NOT_SET_ANYWHERE/);
wrong('a broken digest', "$provider
    llm_virtual_key k { secret sha256:abc; } #HERE", qr/64 hex digits/);
wrong('SigV4 with a digest', "$provider
    llm_virtual_key k { secret sha256:" . 'a' x 64 . '; sigv4 on; } #HERE',
    qr/sha256/);

# limits

for my $case (
    [ 'llm_budget lots 1M', qr/no amount/ ],
    [ 'llm_budget 0 1M', qr/no amount/ ],
    [ 'llm_budget -5 1M', qr/no amount/ ],
    [ 'llm_budget 5', qr/arguments.*llm_budget <dollars> <period>/ ],
    [ 'llm_budget 5 90s', qr/period/ ], [ 'llm_budget 5 2d', qr/period.*1d/ ],
    [ 'llm_budget 5 monthly', qr/period/ ],
    [ 'llm_budget 5 1M firm', qr/hard.*soft/ ],
    [ 'llm_rate_limit requests=100', qr{no period.*1h} ],
    [ 'llm_rate_limit requests=0/1h', qr/at least 1/ ],
    [ 'llm_rate_limit requests=x/1h', qr/whole/ ],
    [ 'llm_rate_limit calls=5/1h', qr/requests=100/ ],
    [ 'llm_rate_limit concurrency=5/1h', qr/concurrency has no period/ ],
    [ 'llm_rate_limit requests=5/3x', qr/period/ ],
    [ 'llm_rate_limit requests=5/1h requests=6/1h', qr/repeats/ ],
    [ 'llm_bugdet 5 1M', qr/unknown directive.*llm_budget/ ])
{
    my ($line, $says) = @$case;
    wrong($line, "llm_team t {\n$line; #HERE\n}", $says);
}

# providers

for my $case (
    [ 'type openai-like', qr/type bedrock/ ],
    [ 'endpoint bedrock.test', qr{https://} ],
    [ 'endpoint http://', qr/host/ ],
    [ 'credentials guess', qr/static/ ],
    [ 'credentials static access_key_id=A', qr/secret_access_key/ ],
    [ 'credentials profile', qr/argument/ ],
    [ 'assume_role my-role', qr/arn:aws:iam/ ],
    [ 'connect_timeout soon', qr/invalid value/ ],
    [ 'regoin us-east-1', qr/unknown directive.*region/ ])
{
    my ($line, $says) = @$case;
    wrong($line, "llm_provider p {\nregion us-east-1;\n$line; #HERE\n}",
          $says);
}

wrong('no region', 'llm_provider p { type bedrock; } #HERE',
      qr/no region.*us-east-1/);
wrong('a region that is none', "llm_provider p {
    region \"US East\"; }", qr/no AWS region/);
wrong('no such certificate', "llm_provider p { region us-east-1;
    ssl_trusted_certificate %%PREFIX%%/none.pem; }", qr/none\.pem/);

# the rest

wrong('a dialect that is none', "$provider\n$key", qr/anthropic.*bedrock/,
      'location / { llm_pass klingon; } #HERE');
wrong('a policy that is none', "$provider\n$key", qr/drain.*cancel/,
      'location / { llm_pass bedrock; llm_client_abort ignore; } #HERE');
wrong('pass and proxy', "$provider\n$key", qr/another content handler/,
      "location / {\nproxy_pass http://127.0.0.1:1;\nllm_pass bedrock; #HERE\n}");
wrong('pass, then proxy', "$provider\n$key",
      qr/"llm_pass" is in a location that has another content handler, too/,
      "location / {\nllm_pass bedrock; #HERE\nproxy_pass http://127.0.0.1:1;\n}");
wrong('unpriced_model', 'llm_unpriced_model maybe; #HERE', qr/refuse.*allow/);

# alerts

$t->file('conf/signing', "a-signing-secret\n");

my $hook = 'https://hooks.example.com/T0/B0/path-secret?token=query-secret';

fine('alerts', "
    llm_alert 100% 50% 80% projected url=$hook secret=file:signing;
    llm_alert breaker url=$hook secret=file:signing;
    llm_alert 50% url=$hook format=slack;
    llm_alert 50% url=http://user:pass\@[::1]:8080;
    $provider
    llm_provider other { type bedrock; region us-east-1; llm_budget 5 1d;
        endpoint http://127.0.0.1:1; %%CREDENTIALS%%;
        llm_alert breaker url=http://127.0.0.1/; llm_alert 1000% url=$hook
        secret=file:signing; }
    llm_customer c { llm_alert projected url=http://127.0.0.1/;
                     llm_budget 1 1M; }
    llm_team t { llm_budget 1 1d soft; llm_alert 1% url=http://127.0.0.1/; }
    $key");

for my $case (
    [ 'llm_alert 80% url=ftp://x/', qr/needs a URL of https/ ],
    [ 'llm_alert 80% url=/hook', qr/needs a URL of https/ ],
    [ 'llm_alert 80% url=https://', qr/url= has no host/ ],
    [ 'llm_alert 80% url=https:///x', qr/url= has no host/ ],
    [ 'llm_alert 80% url=https://u:p@:99999/x', qr/url= has no host/ ],
    [ 'llm_alert 80% url=https://h:99999/x', qr/a port that is none/ ],
    [ 'llm_alert 80% "url=https://h/a b"', qr/blanks/ ],
    [ 'llm_alert 80%', qr/has no url=/ ],
    [ "llm_alert url=$hook", qr/does not say when/ ],
    [ "llm_alert 0% url=$hook", qr/"0%": write a whole number/ ],
    [ "llm_alert 1001% url=$hook", qr/from 1% to 1000%/ ],
    [ "llm_alert 50.5% url=$hook", qr/"50.5%": write a whole number/ ],
    [ "llm_alert -5% url=$hook", qr/"-5%": write a whole number/ ],
    [ "llm_alert % url=$hook", qr/"%": write a whole number/ ],
    [ "llm_alert 80 url=$hook", qr/not known; write percents/ ],
    [ "llm_alert 80% $hook", qr/not known; write percents/ ],
    [ "llm_alert 80% 80% url=$hook", qr/"80%" is written twice/ ],
    [ "llm_alert projected projected url=$hook", qr/"projected".*twice/ ],
    [ "llm_alert 80% url=$hook url=$hook", qr/one url=/ ],
    [ "llm_alert 80% url=$hook format=xml", qr/format=json or format=slack/ ],
    [ "llm_alert 80% url=$hook format=json format=json", qr/twice/ ],
    [ "llm_alert 80% url=$hook secret=plain", qr/secret=file:<path>/ ],
    [ "llm_alert 80% url=$hook secret=", qr/secret=file:<path>/ ],
    [ "llm_alert 80% url=$hook secret=file:none", qr/cannot be opened/ ],
    [ "llm_alert 80% url=$hook secret=env:NO_SUCH_VARIABLE", qr/not set/ ],
    [ "llm_alert 80% breaker url=$hook", qr/stands by itself/ ],
    [ 'llm_alert ' . join(' ', map { "$_%" } 1 .. 17) . " url=$hook",
      qr/more than 16/ ],
    [ "llm_alert 80% url=$hook; llm_alert 50% 80% url=$hook",
      qr/test\.conf:\d+ tells this receiver of the same already/ ],
    [ "llm_alert 80% url=$hook; llm_alert 50% url=$hook secret=file:signing",
      qr/has another secret=.*test\.conf/ ])
{
    my ($directive, $says) = @$case;
    (my $name = $directive) =~ s/hooks\S+/…/g;

    for my $where ([ '', '' ], [ "llm_customer c {\n", '}' ]) {
        my $conf = conf("$provider\n$key\n$where->[0]$directive;\n$where->[1]");
        my ($ok, $text) = $t->config_test($conf);
        ok(!$ok, "wrong: $name");
        like($text, $says, "says what: $name");
        like($text, qr/test\.conf:\d+$/m, "says where: $name");
        unlike($text, qr/path-secret|query-secret/, "no secret: $name");
    }
}

{
    my ($ok, $text) = $t->config_test(conf("$provider\n$key\nllm_team t {\n"
        . "llm_rate_limit requests=1/1m;\nllm_alert 80% url=$hook;\n}"));
    ok($ok, 'an alert without a budget is no error');
    like($text, qr/\[warn\].*no "llm_budget" in its block, in .*test\.conf:\d+$/m,
         'but it is worth a word');
}

wrong('a breaker of a team', "$provider
    llm_team t {
        llm_alert breaker url=$hook; #HERE
    }", qr/in llm_provider \{\} or in http \{\}/);

# the store and its log

mkdir $t->{prefix} . '/others';
$t->file('others/somebody', "else\n");

my $owner = (stat "$t->{prefix}/others")[4];

for my $case (
    [ 'llm_store', qr/number of arguments/ ],
    [ 'llm_store ""', qr/"llm_store" directive needs a folder/ ],
    [ 'llm_store sync=1s', qr/"llm_store" directive needs a folder/ ],
    [ 'llm_store %%PREFIX%%/others',
      qr{others" has other things.*"llm_store \S+/others/llm_gov;"} ],
    [ 'llm_store %%PREFIX%%/others/somebody', qr/somebody" is a file/ ],
    [ 'llm_store %%PREFIX%%/none/store', qr{no folder "\S+/none/" to make} ],
    [ 'STORE on_error=stop', qr/"on_error=refuse".*"on_error=continue"/ ],
    [ 'STORE on_error=', qr/invalid parameter "on_error=": after the folder/ ],
    [ 'STORE on_error=refuse on_error=continue', qr/"on_error=" is .*twice/ ],
    [ 'STORE sync=10ms', qr/"sync=10ms".*50ms to 60s/ ],
    [ 'STORE sync=2m', qr/"sync=2m".*50ms to 60s/ ],
    [ 'STORE sync=1s sync=2s', qr/"sync=" is written twice/ ],
    [ 'STORE flush=1s', qr/"flush=1s": after the folder.*"sync=1s"/ ],
    [ 'STORE journal=%%PREFIX%%/none/j', qr{no folder "\S+/none/" to make} ],
    [ 'STORE journal=%%PREFIX%%/others/somebody', qr/is a file/ ],
    [ 'STORE journal_size=1k', qr/"journal_size=1k".*256k to 1024m/ ],
    [ 'STORE journal_size=2g', qr/"journal_size=2g".*256k to 1024m/ ],
    [ 'STORE; STORE', qr/"llm_store" directive is duplicate/ ],
    [ 'llm_log_retention 90', qr/invalid age "90": write a time like 90d/ ],
    [ 'llm_log_retention 10s', qr/invalid age "10s".*1m at least/ ],
    [ 'llm_log_retention size=20g', qr/invalid age "size=20g"/ ],
    [ 'llm_log_retention 90d minutes=1m', qr/"minutes=1m".*1h at least/ ],
    [ 'llm_log_retention 90d hours=1h', qr/"hours=1h".*1d at least/ ],
    [ 'llm_log_retention 90d size=1m', qr/"size=1m".*64m at least/ ],
    [ 'llm_log_retention 90d size=1g size=2g', qr/same parameter twice/ ],
    [ 'llm_log_retention 90d rows=5', qr/"rows=5": write "size=20g"/ ],
    [ 'llm_log_refusals maybe', qr/must be "on" or "off"/ ],
    [ 'llm_log_content request', qr/write it in llm_virtual_key \{\}/ ],
    [ 'llm_budget 5 1d', qr/write it in llm_virtual_key \{\}.*llm_team/ ])
{
    my ($line, $says) = @$case;
    (my $http = $line) =~ s{STORE}{llm_store %%PREFIX%%/store}g;
    wrong($line, "$provider\n$key\n$http; #HERE", $says);
}

is((stat "$t->{prefix}/others")[4], $owner,
   'a folder that is no store keeps its owner');

fine('a store in a folder that is empty, or has one', "
    llm_store %%PREFIX%%/store sync=60s journal=%%PREFIX%%/journal
              journal_size=256k on_error=continue;
    llm_log_retention 1m minutes=1h hours=1d size=64m;
    llm_log_refusals off;
    $provider
    llm_virtual_key k { secret $secret; llm_log_content request size=1; }");

for my $case (
    [ 'llm_log_content on', qr/"on": write "llm_log_content off;", or/ ],
    [ 'llm_log_content off request', qr/"llm_log_content" directive is eith/ ],
    [ 'llm_log_content size=1k', qr/"llm_log_content" directive is either/ ],
    [ 'llm_log_content request size=2m', qr/"size=2m".*1m at most/ ],
    [ 'llm_log_content request; llm_log_content off',
      qr/"llm_log_content" directive is duplicate/ ])
{
    my ($line, $says) = @$case;
    wrong($line, "$provider\nllm_virtual_key k { secret $secret;\n"
          . "$line; #HERE\n}", $says);
}

for my $line ('llm_log_retention 90d;',
              "llm_virtual_key l { secret $secret; llm_log_content request; }")
{
    my ($name) = $line =~ /(llm_log_\w+)/;
    my ($ok, $text) = $t->config_test(conf("$provider\n$line\n"));
    ok($ok, "$name without a store is no error") or diag($text);
    like($text, qr/\[warn\].*"$name" does nothing.*test\.conf:\d+$/m,
         'but it is worth a word');
}

for my $line (qw(llm_status llm_me llm_metrics)) {
    wrong("$line with an argument", "$provider\n$key", qr/"$line"/,
          "location / {\n$line on; #HERE\n}");
    wrong("$line before another", "$provider\n$key",
          qr/"$line" is in a location that has another content handler, too/,
          "location / {\n$line; #HERE\nproxy_pass http://127.0.0.1:1;\n}");
    wrong("$line beside another", "$provider\n$key",
          qr/"$line" directive is in a location that has another/,
          "location / {\nllm_pass bedrock;\n$line; #HERE\n}");
}

# price files

for my $case (
    [ 'broken JSON', '{"models": {', qr/prices\.json:?.*\d/ ],
    [ 'an unknown member', '{"models":{"a.b":{"input":1,"output":2,'
      . '"outputt":3,"source":"x"}}}', qr/outputt/ ],
    [ 'a price of nothing', '{"models":{"a.b":{"input":0,"output":2,'
      . '"source":"x"}}}', qr/input.*0/ ],
    [ 'a price per token', '{"models":{"a.b":{"input":0.00000025,'
      . '"output":2,"source":"x"}}}', qr/per million|input.*is 0/ ],
    [ 'swapped cache prices', '{"models":{"a.b":{"input":3,"output":15,'
      . '"cache_read":3.75,"cache_write_5m":0.3,"source":"x"}}}', qr/cache/ ],
    [ 'no file', undef, qr/No such file|cannot/ ])
{
    my ($name, $content, $says) = @$case;
    $t->file('prices.json', $content) if defined $content;
    my $conf = conf("$provider\n$key");
    $conf =~ s/%%HTTP%%/llm_zone gov:16m;\nllm_prices %%PREFIX%%\/prices.json;/;
    $conf =~ s/prices\.json/none.json/ if !defined $content;
    my ($ok, $text) = $t->config_test($conf);
    ok(!$ok, "wrong prices: $name");
    like($text, $says, "says what: $name");
}

$t->finish;
done_testing;
