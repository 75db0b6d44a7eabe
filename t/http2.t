#!/usr/bin/perl

# HTTP/2: over TLS, and on clear text with prior knowledge as AWS's JavaScript
# SDK speaks it.  curl is the client that knows how, our own the one that
# does not behave.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::HTTP2;
use LLM::Test;
use Test::More;

plan(skip_all => 'no curl with HTTP/2')
    if `curl --version 2>/dev/null` !~ /^Features:.*\bHTTP2\b/m;

my $key = 'sk-test-http2-0123456789';
my $signing = 'sk-test-signing+/=0123456789';

my $t = LLM::Test->gateway(http => "
    ssl_certificate %%PREFIX%%/tls.crt;
    ssl_certificate_key %%PREFIX%%/tls.key;
    client_max_body_size 32m;
    llm_virtual_key tester { secret $key; llm_rate_limit concurrency=20; }
    llm_virtual_key signer { secret $signing; sigv4 on; }
    llm_virtual_key poor   { secret poor-$key; llm_budget 0.000001 1Y hard; }
    server {
        listen 127.0.0.1:%%PORT_h2c%% http2;
        listen 127.0.0.1:%%PORT_tls%% ssl http2;
        location /bedrock/ { llm_pass bedrock; }
        location /anthropic/ { llm_pass anthropic; }
        location /cancel/ { llm_client_abort cancel; llm_pass bedrock; }
        location = /metrics { llm_metrics; }
    }
");

my $tls = $t->file('tls');

system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
       . " -addext subjectAltName=IP:127.0.0.1,DNS:localhost"
       . " -keyout $tls.key -out $tls.crt 2>/dev/null") == 0
    or plan(skip_all => 'openssl makes no certificate');

$t->start_sim->start;

my %base = (TLS => [ '--http2', "https://127.0.0.1:" . $t->port('tls') ],
            'clear text' => [ '--http2-prior-knowledge',
                              "http://127.0.0.1:" . $t->port('h2c') ]);

sub curl {
    my ($how, $path, $body, %headers) = @_;

    my ($option, $base) = @{ $base{$how} };
    my $in = $t->file('curl.in', ref $body ? json_encode($body) : $body);
    my $out = $t->file('curl.out', '');
    my @command = ('curl', '-sS', '--max-time', 20, $option, '--cacert',
                   "$tls.crt", '-o', $out, '-w', '%{http_version} %{http_code}',
                   '--data-binary', "\@$in",
                   map({ ('-H', "$_: $headers{$_}") } sort keys %headers),
                   "$base$path");

    open my $fh, '-|', @command or die "curl: $!";
    my ($version, $status) = split / /, <$fh> // '';
    close $fh;

    my $text = LLM::Test::slurp($out);
    return { version => $version // 0, status => $status // 0, body => $text,
             exit => $? >> 8, json => json_decode($text) };
}

# checks that the ledger moved by what the provider counted

sub metered {
    my ($name, $account, $call) = @_;

    my $spent = $t->spent(virtual_key => $account);
    my $cost = $t->totals->{cost_nano};
    my $r = $call->();

    ok(wait_for(sub { $t->held(virtual_key => $account) == 0 }),
       "$name: nothing is held");
    $cost = $t->totals->{cost_nano} - $cost;
    cmp_ok($cost, '>', 0, "$name: it was served");
    is($t->spent(virtual_key => $account) - $spent, $cost,
       "$name: charged exactly");
    return $r;
}

my $path = invoke_path($LLM::Test::haiku);
my $stream = "$path-with-response-stream";
my %json = ('Content-Type' => 'application/json');
my %bearer = (%json, Authorization => "Bearer $key");
my $body = json_encode(claude(sim(input => 100, output => 50, chunks => 20)));
my $message = { model => 'claude-3-haiku-20240307', max_tokens => 100,
                messages => [ { role => 'user', content =>
                                sim(input => 100, output => 50) } ] };

for my $how (sort keys %base) {
    my ($r, @events);

    $r = metered("$how, invoke", 'tester',
                 sub { curl($how, $path, $body, %bearer) });
    is($r->{version}, 2, "$how: it is HTTP/2");
    is($r->{status}, 200, "$how, invoke: 200") or diag($r->{body});
    is($r->{json}{usage}{output_tokens}, 50, "$how, invoke: the answer");

    my ($seen) = reverse $t->received;
    my %sent = map { (lc $_->[0] => $_->[1]) } @{ $seen->{headers} };
    is($seen->{version}, 'HTTP/1.1', "$how: HTTP/1.1 to the provider");
    is($seen->{body}, $body, "$how: the body as it was");
    ok($seen->{signature_ok}, "$how: signed");
    ok(!(grep { /^:/ } keys %sent), "$how: without pseudo headers");

    $r = metered("$how, stream", 'tester',
                 sub { curl($how, $stream, $body, %bearer) });
    is($r->{status}, 200, "$how, stream: 200");
    is((chunks($r->{body}))[-1]{type}, 'message_stop', "$how, stream: whole");

    $r = metered("$how, converse-stream", 'tester', sub {
        curl($how, invoke_path($LLM::Test::haiku, 'converse-stream'),
             converse(sim(output => 5)), %bearer) });
    is((frames($r->{body}))[-1]{headers}{':event-type'}, 'metadata',
       "$how, converse-stream: whole");

    $r = metered("$how, anthropic", 'tester', sub {
        curl($how, '/anthropic/v1/messages', { %$message, stream => \1 },
             %json, 'x-api-key' => $key) });
    @events = sse_events($r->{body});
    is($events[-1]{event}, 'message_stop', "$how, anthropic: whole");

    # SigV4: the host is the :authority

    my ($host) = $base{$how}[1] =~ m{//(.*)};
    my $signed = sub {
        my $headers = sign_v4(path => $path, host => $host, body => $body,
                              key => 'signer', secret => $signing,
                              headers => \%json, @_);
        delete $headers->{Host};
        return curl($how, $path, $body, %$headers);
    };
    $r = metered("$how, SigV4", 'signer', $signed);
    is($r->{status}, 200, "$how, SigV4: 200") or diag($r->{body});
    $r = $signed->(secret => 'wrong');
    is($r->{status}, 403, "$how, SigV4, wrong secret: 403");

    # refusals, bodies

    $r = curl($how, '/anthropic/v1/messages', $message, %json,
              'x-api-key' => "poor-$key");
    is($r->{status}, 402, "$how, no money: 402");
    is($r->{json}{error}{type}, 'billing_error', "$how, no money: type");
    is(curl($how, $path, '{', %bearer)->{status}, 400, "$how, no JSON: 400");

    my $large = json_encode(claude([
        { type => 'text', text => sim(input => 9, output => 9) },
        { type => 'image', source => { type => 'base64', data => 'iVBOR' x
          600_000, media_type => 'image/png' } } ]));
    $r = metered("$how, 3 MB", 'tester',
                 sub { curl($how, $path, $large, %bearer) });
    is($r->{status}, 200, "$how, 3 MB: 200") or diag($r->{body});
    ($seen) = reverse $t->received;
    is($seen->{size}, length $large, "$how, 3 MB: all of it");
}

# refused before the body is read: nginx resets the stream behind its answer,
# as it may, and curl 7.88 forgets the answer over that (also of a `return 403`)

{
    my $h2 = LLM::HTTP2->new($t->port('h2c'));
    my $r = $h2->read_all($h2->request($path, $body, {}));
    is($r->{status}, 403, 'no key: 403');
    is(json_decode($r->{body})->{message} =~ /key/, 1, 'no key: says so');
    $r = $h2->read_all($h2->request($path, $body, {
        authorization => "Bearer $key" }));
    is($r->{status}, 200, 'the connection goes on');
    $h2->close;
}

# streams on one connection: one is reset in the middle and drained, the other
# one goes on

my $slow = json_encode(claude(sim(input => 100, output => 80, chunks => 20,
                                  delay_ms => 30)));
my %lower = map { (lc $_ => $bearer{$_}) } keys %bearer;

for my $case ([ 'invoke', $stream, 300 ],
              [ 'anthropic', '/anthropic/v1/messages', 300 ],
              [ 'before the first byte', $stream, 0 ])
{
    my ($name, $url, $bytes) = @$case;
    my $cost = $t->totals->{cost_nano};
    my $spent = $t->spent(virtual_key => 'tester');
    my $h2 = LLM::HTTP2->new($t->port('h2c'));
    my $text = $slow;

    if ($name eq 'anthropic') {
        my $value = json_decode($slow);
        delete $value->{anthropic_version};
        $text = json_encode({ %$value, stream => \1,
                              model => 'claude-3-haiku-20240307' });
    }

    my $first = $h2->request($url, $text, \%lower);
    my $second = $h2->request($stream, $slow, \%lower);

    if ($bytes) {
        ok($h2->read_some($first, $bytes), "$name: it streams");
    } else {
        ok(wait_for(sub { $t->account(virtual_key => 'tester')->{in_flight}
                          == 2 }), "$name: both are under way");
    }

    $h2->reset($first);
    cmp_ok($t->account(virtual_key => 'tester')->{in_flight}, '==', 2,
           "$name: the one that was reset is still held");

    my $r = $h2->read_all($second);
    ok($r->{complete}, "$name: the other one comes whole");
    is($r->{status}, 200, "$name: with 200");
    is((chunks($r->{body}))[-1]{type}, 'message_stop', "$name: to its end");
    $h2->close;

    ok(wait_for(sub { $t->held(virtual_key => 'tester') == 0 }),
       "$name: settled");
    $cost = $t->totals->{cost_nano} - $cost;
    is($cost, 250_000, "$name: the provider has billed both");
    is($t->spent(virtual_key => 'tester') - $spent, $cost,
       "$name: both are charged exactly");
}

is($t->totals->{left}, 0, 'the provider was listened to until the end');

# the whole connection goes away, with ten streams on it

my $cost = $t->totals->{cost_nano};
my $spent = $t->spent(virtual_key => 'tester');
my $h2 = LLM::HTTP2->new($t->port('h2c'));
my @ids = map { $h2->request($stream, $slow, \%lower) } 1 .. 10;
$h2->read_some($ids[-1], 300);
$h2->close;
ok(wait_for(sub { $t->held(virtual_key => 'tester') == 0 }),
   'ten streams on a connection that is gone: settled');
is($t->spent(virtual_key => 'tester') - $spent,
   $t->totals->{cost_nano} - $cost, 'charged exactly');
is($t->totals->{cost_nano} - $cost, 1_250_000, 'all ten');

# a body that never ends: nothing is held for it

$h2 = LLM::HTTP2->new($t->port('h2c'));
$h2->request($path, '{"messages":', \%lower, open => 1);
my $id = $h2->request($path, $body, \%lower);
is($h2->read_all($id)->{status}, 200, 'beside an unfinished body: 200');
is($t->held(virtual_key => 'tester'), 0, 'nothing is held');
$h2->close;

# reset with the policy that cancels

$spent = $t->spent(virtual_key => 'tester');
$h2 = LLM::HTTP2->new($t->port('h2c'));
(my $cancel = $stream) =~ s{^/bedrock}{/cancel};
$id = $h2->request($cancel, json_encode(claude(sim(
    input => 100, output => 80, chunks => 40, delay_ms => 100))), \%lower);
$h2->read_some($id, 300);
$h2->reset($id);
ok(wait_for(sub { $t->held(virtual_key => 'tester') == 0 }, 2),
   'cancel: settled at once');
cmp_ok($t->spent(virtual_key => 'tester'), '>', $spent, 'cancel: charged');
ok(wait_for(sub { $t->totals->{left} == 1 }, 5),
   'cancel: the provider is told');
$id = $h2->request($path, $body, \%lower);
is($h2->read_all($id)->{status}, 200, 'cancel: the connection goes on');
$h2->close;

$t->finish;
done_testing;
