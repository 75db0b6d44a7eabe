#!/usr/bin/perl

# Converse through the gateway, streamed and not, for any model.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my $key = 'sk-test-converse-0123456789';

my $t = LLM::Test->gateway(http => "
    llm_unpriced_model allow;
    llm_virtual_key tester { secret $key; }
");

$t->start_sim->start;

sub metered {
    my ($name, $model, $operation, $body, %o) = @_;

    my $spent = $t->spent(virtual_key => 'tester');
    my $cost = $t->totals->{cost_nano};
    my $r = $t->post(invoke_path($model, $operation), $body, key => $key, %o);

    is($r->{status}, 200, "$name: 200") or diag($r->{body});
    ok($r->{complete}, "$name: whole");

    $cost = $t->totals->{cost_nano} - $cost;
    ok(wait_for(sub { $t->spent(virtual_key => 'tester') - $spent == $cost }),
       "$name: charged $cost n\$")
        or diag('charged ', $t->spent(virtual_key => 'tester') - $spent);

    return $r;
}

my %usage = (input => 986, output => 42, cache_read => 1028,
             cache_write_5m => 250, cache_write_1h => 64);

for my $model ($LLM::Test::haiku, 'us.anthropic.claude-haiku-4-5-20251001-v1:0',
               'global.anthropic.claude-sonnet-4-5-20250929-v1:0',
               'amazon.nova-pro-v1:0', 'mistral.mistral-large-2407-v1:0',
               'meta.llama3-1-70b-instruct-v1:0', 'deepseek.r1-v1:0',
               'arn:aws:bedrock:us-east-1:123456789012:inference-profile/'
                   . 'us.amazon.nova-lite-v1:0')
{
    my $r = metered("$model, converse", $model, 'converse',
                    converse(sim(%usage)));
    is($r->{json}{usage}{outputTokens}, 42, "$model: usage is passed on");

    $r = metered("$model, converse-stream", $model, 'converse-stream',
                 converse(sim(%usage, tool => \1, thinking => \1)));
    my @frames = frames($r->{body});
    is($frames[-1]{headers}{':event-type'}, 'metadata',
       "$model, stream: metadata last");
    ok(!(grep { $_->{broken} } @frames), "$model, stream: every CRC");
    is(join('', map { $_->{json}{delta}{text} // '' } @frames),
       join(' ', map { "word$_" } 1 .. 10), "$model, stream: the text");
}

# what was really served is what is paid

metered("tier $_", 'amazon.nova-pro-v1:0', 'converse',
        converse(sim(%usage), serviceTier => { type => $_ }))
    for qw(flex priority default);
metered('tier asked for and not given', 'amazon.nova-pro-v1:0', 'converse',
        converse(sim(%usage, tier => 'default'),
                 serviceTier => { type => 'priority' }));
metered('latency optimised', 'amazon.nova-pro-v1:0', 'converse-stream',
        converse(sim(%usage), performanceConfig => { latency => 'optimized' }));

metered("converse-stream, $_->[0]", $LLM::Test::haiku, 'converse-stream',
        converse(sim(%usage, @{ $_->[1] })))
    for [ 'byte by byte', [ split => 1 ] ], [ 'gzip', [ gzip => \1 ] ],
        [ 'slow', [ delay_ms => 20, chunks => 20 ] ],
        [ '500 events', [ chunks => 500 ] ];

# events come as they happen, not at the end

my $r = $t->post(invoke_path($LLM::Test::haiku, 'converse-stream'),
                 converse(sim(%usage, chunks => 10, delay_ms => 100)),
                 key => $key);
cmp_ok($r->{first}, '<', 0.5, 'the first event does not wait for the last');
cmp_ok($r->{total}, '>', 0.9, 'the last comes when it happens');

# the provider's own errors in its own words

for my $case ([ 400, 'ValidationException' ], [ 404, 'ResourceNotFoundException' ],
              [ 400, 'ServiceQuotaExceededException' ])
{
    my ($status, $name) = @$case;
    my $spent = $t->spent(virtual_key => 'tester');
    $r = $t->post(invoke_path($LLM::Test::haiku, 'converse'),
                  converse(sim(status => $status, error => $name,
                               message => 'as the provider says')),
                  key => $key);
    is($r->{status}, $status, "$name: status");
    like($r->{headers}{'x-amzn-errortype'}, qr/^$name\b/, "$name: type");
    is($r->{json}{message}, 'as the provider says', "$name: message");
    is($t->spent(virtual_key => 'tester'), $spent, "$name: free");
}

is($t->held(virtual_key => 'tester'), 0, 'nothing is held any more');

$t->finish;
done_testing;
