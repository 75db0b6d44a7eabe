#!/usr/bin/perl

# Who may call: virtual keys as bearer, x-api-key and SigV4, and what everybody
# else is told, in the words of the API that was called.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use LLM::Test;
use Test::More;

my $secret = 'sk-test-auth-0123456789abcdef';
my $hashed = 'sk-test-hashed-0123456789abcdef';
my $from_env = 'sk-test-environment-0123456789';
my $from_file = 'sk-test-file-0123456789abcdef';
my $signing = 'sk-test-signing+/=0123456789';

my $t = LLM::Test->gateway(
    env => { GATEWAY_KEY => $from_env },
    http => "
        llm_virtual_key plain   { secret $secret; }
        llm_virtual_key hashed  { secret sha256:" . sha256_hex($hashed) . "; }
        llm_virtual_key environ { secret env:GATEWAY_KEY; }
        llm_virtual_key filed   { secret file:%%PREFIX%%/filed.key; }
        llm_virtual_key signer  { secret $signing; sigv4 on; }
    ");

$t->file('filed.key', "$from_file\n");
$t->start_sim->start;

my $path = invoke_path($LLM::Test::haiku);
my $body = json_encode(claude(sim(input => 10, output => 5)));
my %json = ('Content-Type' => 'application/json');

sub invoke { return $t->post($path, $body, headers => { %json, @_ }) }

# carriers

is(invoke(Authorization => "Bearer $_->[1]")->{status}, 200,
   "bearer, secret $_->[0]")
    for ['in clear', $secret], ['as SHA-256', $hashed],
        ['from the environment', $from_env], ['from a file', $from_file];

is(invoke(Authorization => "bearer $secret")->{status}, 200,
   'the scheme in small letters');
is(invoke('x-api-key' => $secret)->{status}, 200, 'x-api-key');
is(invoke('X-Api-Key' => $secret, 'anthropic-version' => '2023-06-01')
       ->{status}, 200, 'x-api-key in other letters');

# nothing of the client's goes on to the provider

my ($last) = reverse $t->received;
my %sent = map { (lc $_->[0] => $_->[1]) } @{ $last->{headers} };

like($sent{authorization}, qr/^AWS4-HMAC-SHA256 /,
     'the provider gets our signature');
ok(!defined $sent{'x-api-key'}, 'and not the key of the client');
ok($last->{signature_ok}, 'which is right');
unlike(json_encode($last), qr/\Q$secret\E/, 'nor the secret anywhere else');

# refusals

for my $case (
    [ 'no key', 'MissingAuthenticationTokenException', 'authentication_error' ],
    [ 'an unknown key', 'UnrecognizedClientException', 'authentication_error',
      Authorization => 'Bearer sk-test-nobody-0123456789' ],
    [ 'an unknown x-api-key', 'UnrecognizedClientException',
      'authentication_error', 'x-api-key' => 'sk-test-nobody-0123456789' ],
    [ 'a key with one more character', 'UnrecognizedClientException',
      'authentication_error', Authorization => "Bearer ${secret}0" ],
    [ 'the name in place of the secret', 'UnrecognizedClientException',
      'authentication_error', Authorization => 'Bearer plain' ],
    [ 'a key of 5000 characters', 'UnrecognizedClientException',
      'authentication_error', Authorization => 'Bearer ' . 'x' x 5000 ])
{
    my ($name, $aws, $anthropic, @headers) = @$case;

    my $r = invoke(@headers);
    is($r->{status}, 403, "$name, bedrock: 403");
    like($r->{headers}{'x-amzn-errortype'}, qr/^(?:\Q$aws\E|AccessDenied)/,
         "$name, bedrock: error type");
    ok(length $r->{json}{message}, "$name, bedrock: message");

    $r = $t->post('/anthropic/v1/messages', claude('hi'),
                  headers => { @headers });
    is($r->{status}, 401, "$name, anthropic: 401");
    is($r->{json}{error}{type}, $anthropic, "$name, anthropic: type");
    is($r->{json}{type}, 'error', "$name, anthropic: shape");
    is($r->{headers}{'x-should-retry'}, 'false', "$name: not to be retried");
    unlike($r->{body} . $r->{head}, qr/sk-test/, "$name: no secret in it");
}

my $served = $t->totals->{requests};

# before a byte of the body is read

my $r = $t->request('POST', $path, headers => {
    %json, 'Content-Length' => 10_000_000 }, timeout => 3);
is($r->{status}, 403, 'refused before the body has come');

$r = $t->request('POST', $path, body => 'x' x 200000, expect => 1,
                 timeout => 3);
is($r->{status}, 403, 'refused before the body was asked for');
is_deeply($r->{interim}, [], 'without 100 Continue');

# SigV4 from the client

sub signed {
    my (%o) = @_;

    my $headers = sign_v4(path => $path, host => 'gateway.test',
                          body => $body, key => 'signer', secret => $signing,
                          headers => \%json, %o);
    return $t->post($o{send_path} // $o{path} // $path, $o{send_body} // $body,
                    headers => { %$headers, %{ $o{more} // {} } });
}

is(signed()->{status}, 200, 'signed with name and secret of a virtual key');
is(signed(region => 'eu-west-1')->{status}, 200, 'for any region');
is(signed(token => 'whatever')->{status}, 200, 'with a session token');
(my $raw_path = $path) =~ s/%3A/:/g;
is(signed(path => $raw_path)->{status}, 200, 'with a raw colon in the path');
is(signed(path => "$path?x=1&y=2")->{status}, 200, 'with a query');

for my $case (
    [ 'wrong secret', secret => "${signing}0" ],
    [ 'other body', send_body => "$body " ],
    [ 'other path', send_path => "${path}-with-response-stream" ],
    [ 'other content type', more => { 'Content-Type' => 'text/plain' } ])
{
    my ($name, @o) = @$case;
    $r = signed(@o);
    is($r->{status}, 403, "signature, $name: 403");
    like($r->{headers}{'x-amzn-errortype'}, qr/^InvalidSignature/,
         "signature, $name: error type");
}

$r = signed(time => time - 1000);
is($r->{status}, 403, 'signed 1000 s ago: 403');
like($r->{json}{message}, qr/expired|clock/i, 'says why');
ok($r->{headers}{date}, 'and what time it is');
is(signed(time => time + 1000)->{status}, 403, 'signed in 1000 s: 403');

$r = signed(key => 'plain', secret => $secret);
is($r->{status}, 403, 'signed with a key that did not opt in');
like($r->{headers}{'x-amzn-errortype'}, qr/^UnrecognizedClient/,
     'it is not known for that');
is(signed(key => 'nobody')->{status}, 403, 'signed with an unknown name');

for my $header ('AWS4-HMAC-SHA256', 'AWS4-HMAC-SHA256 Credential=',
                'AWS4-HMAC-SHA256 Credential=signer/x, SignedHeaders=, '
                    . 'Signature=0', 'Basic c2lnbmVyOng=', 'Bearer ', 'Bearer')
{
    $r = invoke(Authorization => $header);
    is($r->{status}, 403, "broken: \"$header\"");
}

is($t->totals->{requests}, $served + 5,
   'nothing that was refused reached the provider');

# secrets are nowhere

my $seen = $t->error_log . $t->get('/llm/')->{body}
    . $t->get('/metrics')->{body};
unlike($seen, qr/\Q$_\E/, 'no secret in log, status, metrics')
    for $secret, $hashed, $from_env, $from_file, $signing,
        $LLM::Test::aws_secret;

$t->finish;
done_testing;
