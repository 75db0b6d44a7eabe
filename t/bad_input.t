#!/usr/bin/perl

# Requests that are wrong, odd or slow: each gets a clear answer in its own
# dialect, and nothing is lost or held.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my $key = 'sk-test-input-0123456789';

my $t = LLM::Test->gateway(http => "
    client_body_timeout 2s;
    llm_virtual_key tester { secret $key; }
", server => "
    location /small/ { client_max_body_size 1k; llm_pass bedrock; }
");

$t->start_sim->start;

my $path = invoke_path($LLM::Test::haiku);
my $messages = '/anthropic/v1/messages';
my $good = json_encode(claude(sim(input => 10, output => 5)));
my $good_message = json_encode({
    model => 'claude-3-haiku-20240307', max_tokens => 5,
    messages => [ { role => 'user', content => 'hi' } ] });

sub both {
    my ($name, $bedrock, $anthropic, $status) = @_;

    my $r = $t->post($path, $bedrock, key => $key);
    is($r->{status}, $status, "$name, bedrock: $status") or diag($r->{body});
    like($r->{headers}{'x-amzn-errortype'} // '', qr/^\w+Exception/,
         "$name, bedrock: type");
    ok(length($r->{json}{message} // ''), "$name, bedrock: message");

    $r = $t->post($messages, $anthropic, key => $key);
    is($r->{status}, $status, "$name, anthropic: $status")
        or diag($r->{body});
    is($r->{json}{type}, 'error', "$name, anthropic: shape");
    is($r->{json}{error}{type}, 'invalid_request_error',
       "$name, anthropic: type");
    ok(length($r->{json}{error}{message} // ''), "$name, anthropic: message");
}

# bodies

both($_->[0], $_->[1], $_->[1], 400)
    for [ 'empty body', '' ], [ 'no JSON', 'hello' ],
        [ 'half a JSON', substr $good_message, 0, 50 ],
        [ 'an array', '[]' ], [ 'a number', '7' ],
        [ 'something behind it', "$good_message x" ],
        [ 'a NUL', "{\"a\":\"\0\"}" ],
        [ 'not UTF-8', "{\"a\":\"\xff\xfe\"}" ],
        [ 'max_tokens is text', '{"model":"claude-3-haiku-20240307",'
          . '"max_tokens":"many","messages":[]}' ],
        [ 'deep nesting', '[' x 100_000 ],
        [ 'deep nesting in a body',
          '{"a":' . '[' x 100_000 . ']' x 100_000 . '}' ];

my $r = $t->post($messages, '{"max_tokens":5,"messages":[]}', key => $key);
is($r->{status}, 400, 'no model, anthropic: 400') or diag($r->{body});
like($r->{json}{error}{message}, qr/model/, 'no model: says so');

$r = $t->post($path, $good, key => $key, headers => {
    'Content-Encoding' => 'gzip' });
ok($r->{status} == 415 || $r->{status} == 400, 'a compressed body is refused');

my $served = $t->totals->{requests};
is($served, 0, 'nothing of that reached the provider');

# paths and methods

for my $case ([ GET => $path, 405 ], [ PUT => $path, 405 ],
              [ DELETE => $messages, 405 ], [ GET => $messages, 405 ],
              [ POST => '/bedrock/model/x/explode', 404 ],
              [ POST => '/bedrock/model//invoke', 404 ],
              [ POST => '/bedrock/', 404 ], [ POST => '/bedrock/model/', 404 ],
              [ POST => '/anthropic/v1/nothing', 404 ],
              [ POST => '/anthropic/v1/models', 405 ],
              [ GET => '/bedrock/inference-profiles?type=SYSTEM_DEFINED', 404 ])
{
    my ($method, $target, $status) = @$case;
    $r = $t->request($method, $target, body => $good, key => $key);
    is($r->{status}, $status, "$method $target: $status") or diag($r->{body});
    ok($r->{json}, "$method $target: JSON");
}

like($t->request('GET', $path, key => $key)->{headers}{allow} // '', qr/POST/,
     'a wrong method is told the right one');
is($t->request('HEAD', '/anthropic/api/hello')->{status}, 404,
   'Claude Code\'s probe gets a 404') for 1;

# too large

$r = $t->post('/small/model/x/invoke', 'x' x 5000, key => $key);
is($r->{status}, 413, 'too large, bedrock: 413');
like($r->{headers}{'x-amzn-errortype'} // '', qr/^\w+Exception/,
     'too large, bedrock: in its words');

# ways to send

is($t->post($path, $good, key => $key, version => '1.0')->{status}, 200,
   'HTTP/1.0');
is($t->post($path, $good, key => $key, chunked => $_)->{status}, 200,
   "chunks of $_") for 1, 7, 1000;
$r = $t->post($path, $good, key => $key, expect => 1);
is($r->{status}, 200, 'Expect: 100-continue');
is_deeply($r->{interim}, [ 100 ], '100 Continue was sent');
is($t->post($path, $good, key => $key, piece => 20, pause => 0.01)->{status},
   200, 'slowly, 20 bytes at a time');
is($t->post($path, $good, headers => { authorization => "Bearer $key",
            'X-Many' => [ map { "value $_" } 1 .. 50 ] })->{status}, 200,
   'with many headers');
is($t->post($path, $good, headers => { Authorization => "Bearer $key",
            Host => 'a.test:1234' })->{status}, 200, 'any Host');

my $sock = http_connect($t->port);
for my $n (1 .. 3) {
    $r = http_request('POST', $path, sock => $sock, body => $good,
                      headers => { Authorization => "Bearer $key" });
    is($r->{status}, 200, "request $n on one connection");
}
close $sock;

# a pipelined pair

$sock = http_connect($t->port);
my $text = "POST $path HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $key\r\n"
    . 'Content-Length: ' . length($good) . "\r\n\r\n$good";
http_send($sock, $text . $text);
$r = http_read($sock);
is($r->{status}, 200, 'pipelined: first');
is(http_read($sock, rest => $r->{rest})->{status}, 200, 'pipelined: second');
close $sock;

# broken framing, clients that stop in the middle

for my $case (
    [ 'broken chunk size', "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400 ],
    [ 'two lengths', "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
      400 ],
    [ 'length and chunks',
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 ],
    [ 'an end in the middle', "Content-Length: 5000\r\n\r\nhello", 0 ])
{
    my ($name, $rest, $status) = @$case;
    $sock = http_connect($t->port);
    http_send($sock, "POST $path HTTP/1.1\r\nHost: x\r\n"
                     . "Authorization: Bearer $key\r\n$rest");
    shutdown $sock, 1 if $status == 0;
    $r = http_read($sock, timeout => 5);
    ok($r->{status} == $status || $r->{status} == 400
       || $r->{status} == 408, "$name: $r->{status}");
    close $sock;
}

$sock = http_connect($t->port);
http_send($sock, "POST $path HTTP/1.1\r\nHost: x\r\n"
                 . "Authorization: Bearer $key\r\n"
                 . "Content-Length: 5000\r\n\r\nhello");
$r = http_read($sock, timeout => 6);
ok($r->{status} == 408 || ($r->{status} == 0 && $r->{closed}),
   "a body that does not come: $r->{status}");
close $sock;

is($t->post($path, $good, key => $key)->{status}, 200,
   'good requests go on being served');
ok(wait_for(sub { $t->held(virtual_key => 'tester') == 0 }),
   'nothing is held');
ok(wait_for(sub { $t->spent(virtual_key => 'tester')
                  == $t->totals->{cost_nano} }), 'the ledger is right');

$t->finish;
done_testing;
