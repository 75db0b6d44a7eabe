#!/usr/bin/perl

# The simulated Bedrock itself, without a gateway: what the other tests take
# for the truth.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my $t = LLM::Test->new(module => '');
$t->start_sim('--bearer', 'a-bedrock-key', '--credential',
              'ASIAEXAMPLE:session-secret:session-token');

my $port = $t->{sim_port};

sub call {
    my ($path, $body, %o) = @_;

    $body = json_encode($body) if ref $body;
    my $headers = sign_v4(path => $path, host => "127.0.0.1:$port",
                          body => $body, key => $LLM::Test::aws_key,
                          secret => $LLM::Test::aws_secret,
                          headers => { 'Content-Type' => 'application/json' },
                          %o);
    return http_request('POST', $path, port => $port, body => $body,
                        headers => $headers);
}

sub path { my $p = invoke_path(@_); $p =~ s{^/bedrock}{}; return $p }

my $invoke = path($LLM::Test::haiku);
my $stream = path($LLM::Test::haiku, 'invoke-with-response-stream');
my $cstream = path($LLM::Test::haiku, 'converse-stream');

# signatures

is(call($invoke, claude('hi'))->{status}, 200, 'a good signature');
is(call($invoke, claude('hi'), key => 'ASIAEXAMPLE', secret => 'session-secret',
        token => 'session-token')->{status}, 200, 'with a session token');

for my $case ([ 'wrong secret', 'InvalidSignatureException', secret => 'x' ],
              [ 'unknown key', 'UnrecognizedClientException', key => 'AKIAX' ],
              [ 'token missing', 'UnrecognizedClientException',
                key => 'ASIAEXAMPLE', secret => 'session-secret' ],
              [ 'old', 'InvalidSignatureException', time => time - 1000 ],
              [ 'other service', 'InvalidSignatureException',
                service => 's3' ])
{
    my ($name, $type, @o) = @$case;
    my $r = call($invoke, claude('hi'), @o);
    is($r->{status}, 403, "$name: 403");
    like($r->{headers}{'x-amzn-errortype'}, qr/^$type:/, "$name: $type");
}

my $r = http_request('POST', $invoke, port => $port, body => claude('hi'),
                     headers => { Authorization => 'Bearer a-bedrock-key' });
is($r->{status}, 200, 'a bearer key');

# what Bedrock refuses

for my $case ([ 'model', qr/model: Extra inputs/, model => 'x' ],
              [ 'stream', qr/stream: Extra inputs/, stream => \1 ],
              [ 'beta', qr/invalid beta flag/, anthropic_beta => [ 'x' ] ],
              [ 'max_tokens', qr/max_tokens/, max_tokens => 0 ])
{
    my ($name, $says, @o) = @$case;
    $r = call($invoke, claude('hi', @o));
    is($r->{status}, 400, "$name: 400");
    like($r->{json}{message}, $says, "$name: says so");
}

my $bare = claude('hi');
delete $bare->{anthropic_version};
is(call($invoke, $bare)->{status}, 400, 'anthropic_version is wanted');
is(call(path("us.$LLM::Test::haiku", 'count-tokens'),
        { input => { converse => converse('hi') } })->{status}, 400,
   'count-tokens takes no profile');
is(call('/model/does-not-exist/converse', converse('hi'))->{status}, 400,
   'an unknown model');
like(call('/nothing', {})->{body}, qr/UnknownOperationException/,
     'an unknown operation is a 200 that says so');

# streams, totals

$t->sim_control('reset', {});

my %usage = (input => 120, output => 34, cache_read => 1000,
             cache_write_5m => 10, cache_write_1h => 3, chunks => 5);
my $nano = (120 * 250_000 + 34 * 1_250_000 + 1000 * 25_000 + 10 * 312_500
            + 3 * 500_000 + 500) / 1000;
$nano = int $nano;

$r = call($stream, claude(sim(%usage, split => 3)));
my @chunks = chunks($r->{body});
is($chunks[0]{message}{usage}{cache_creation}{ephemeral_1h_input_tokens}, 3,
   'cache writes with their lives');
is($chunks[-1]{'amazon-bedrock-invocationMetrics'}{outputTokenCount}, 34,
   'metrics in the last chunk');
is($t->totals->{cost_nano}, $nano, 'costs, by hand');

$r = call($cstream, converse(sim(%usage)));
my @frames = frames($r->{body});
ok(!(grep { $_->{broken} } @frames), 'every CRC of a converse stream');
ok(!(grep { $_->{headers}{':event-type'} eq 'contentBlockStart' } @frames),
   'no contentBlockStart for text');
is($frames[-1]{json}{usage}{totalTokens}, 1167, 'total tokens');
is($t->totals->{cost_nano}, 2 * $nano, 'twice the cost');

# faults

$r = call($stream, claude(sim(%usage, exception_after => 3,
                              exception => 'throttlingException')));
is((frames($r->{body}))[-1]{headers}{':exception-type'},
   'throttlingException', 'an exception in the stream');
$r = call($stream, claude(sim(%usage, bad_crc_after => 2)));
is((frames($r->{body}))[-1]{broken}, 'message crc', 'a wrong CRC');
ok(!call($stream, claude(sim(%usage, cut_after => 2)))->{complete}, 'a cut');
ok(call($stream, claude(sim(%usage, reset_after => 2)))->{reset}, 'a reset');
is($t->totals->{broken}, 4, 'broken ones are counted apart');
is($t->totals->{cost_nano}, 2 * $nano, 'and cost nothing here');

$t->script({ status => 429, times => 2, match => { model => 'haiku' } });
is_deeply([ map { call($invoke, claude('hi'))->{status} } 1 .. 3 ],
          [ 429, 429, 200 ], 'behaviours in a queue');

# a client that goes away is billed all the same

my $before = $t->totals->{cost_nano};
my $body = json_encode(claude(sim(%usage, delay_ms => 50)));
http_request('POST', $stream, port => $port, body => $body, limit => 200,
    reset => 1, headers => sign_v4(
        path => $stream, host => "127.0.0.1:$port", body => $body,
        key => $LLM::Test::aws_key, secret => $LLM::Test::aws_secret));
ok(wait_for(sub { $t->totals->{cost_nano} == $before + $nano }, 3),
   'billed in full');
is($t->totals->{left}, 1, 'and counted as left');

$t->finish;
done_testing;
