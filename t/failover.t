#!/usr/bin/perl

# What happens when a provider fails: the next one answers, the bill is right,
# and a failing provider rests.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my %key = map { ($_ => "sk-test-$_-0123456789") }
    qw(pair single refused tls-fail timeout resting stale);

my $t = LLM::Test->gateway(provider =>
    provider('first', 'region us-east-1; max_failures 0;')
    . provider('second', 'region us-west-2; max_failures 0;')
    . provider('refused', 'endpoint http://127.0.0.1:%%PORT_nobody%%;'
                          . ' max_failures 0;')
    . provider('tls-fail', 'endpoint https://%%SIM%%; ssl_verify off;'
                          . ' max_failures 0;')
    . provider('slow', 'region eu-west-1; first_byte_timeout 300ms;'
                       . ' max_failures 0;')
    . provider('weak', 'region eu-north-1; max_failures 3; cooldown 700ms;')
    . provider('stale', 'region ap-south-1; max_failures 1;'),
    http => "
    llm_route pair     { provider first; provider second backup; }
    llm_route single   { provider first; }
    llm_route refused  { provider refused; provider second backup; }
    llm_route tls-fail { provider tls-fail; provider second backup; }
    llm_route timeout  { provider slow; provider second backup; }
    llm_route resting  { provider weak; provider second backup; }
    llm_route stale    { provider stale; }
    " . join '', map { "llm_virtual_key $_ { secret $key{$_}; route $_; }\n" }
        sort keys %key);

$t->start_sim->start;

my $path = invoke_path($LLM::Test::haiku);
my $stream = invoke_path($LLM::Test::haiku, 'invoke-with-response-stream');
my $body = claude(sim(input => 100, output => 50));

sub region_of {
    my ($seen) = @_;

    my ($auth) = grep { lc $_->[0] eq 'authorization' } @{ $seen->{headers} };
    return $auth->[1] =~ m{/\d{8}/([^/]+)/bedrock} ? $1 : 'none';
}

# what goes to the next provider, before a byte went to the client

for my $case (
    [ '429', { status => 429 } ], [ '500', { status => 500 } ],
    [ '503', { status => 503 } ], [ '408', { status => 408 } ],
    [ '424', { status => 424 } ],
    [ 'model not ready', { error => 'ModelNotReadyException' } ],
    [ 'reset', { reset => \1 } ], [ 'no answer', { no_answer => \1 } ],
    [ 'no HTTP', { garbage_head => \1 } ])
{
    my ($name, $behaviour) = @$case;

    for my $url ($path, $stream) {
        $t->sim_control('reset', {});
        $t->script({ %$behaviour, match => { region => 'us-east-1' } });

        my $how = $url eq $path ? 'invoke' : 'stream';
        my $spent = $t->spent(virtual_key => 'pair');
        my $r = $t->post($url, $body, key => $key{pair});

        is($r->{status}, 200, "$name, $how: the second provider answers")
            or diag($r->{body});
        is(join(' ', map { region_of($_) } $t->received),
           'us-east-1 us-west-2', "$name, $how: both were asked");
        ok(wait_for(sub { $t->spent(virtual_key => 'pair') - $spent
                          == $t->totals->{cost_nano} }),
           "$name, $how: charged once");
    }
}

# an exception as the first event of a stream with status 200

for my $exception (qw(throttlingException internalServerException
                      serviceUnavailableException modelStreamErrorException
                      modelTimeoutException))
{
    for my $operation ('invoke-with-response-stream', 'converse-stream') {
        $t->sim_control('reset', {});
        $t->script({ exception_after => 0, exception => $exception,
                     match => { region => 'us-east-1' } });
        my $r = $t->post(invoke_path($LLM::Test::haiku, $operation),
                         $operation =~ /invoke/ ? $body
                             : converse(sim(output => 5)),
                         key => $key{pair});
        is($r->{status}, 200, "$exception first, $operation: 200");
        ok(!(grep { $_->{headers}{':exception-type'} } frames($r->{body})),
           "$exception first, $operation: the client does not see it");
        is($t->totals->{served}, 1, "$exception first, $operation: served");
    }
}

# the caller's own fault goes to nobody else

$t->sim_control('reset', {});
$t->script({ status => 400, match => { region => 'us-east-1' } });
my $r = $t->post($path, $body, key => $key{pair});
is($r->{status}, 400, '400: told to the caller');
is(scalar(my @asked = $t->received), 1, '400: nobody else was asked');

# a model that one account or region does not have, another one may

for my $status (403, 404) {
    $t->sim_control('reset', {});
    $t->script({ status => $status, match => { region => 'us-east-1' } });
    is($t->post($path, $body, key => $key{pair})->{status}, 200,
       "$status: the second provider answers");
}

$t->sim_control('reset', {});
$t->script({ exception_after => 0, exception => 'validationException',
             match => { region => 'us-east-1' } });
$r = $t->post($stream, $body, key => $key{pair});
is(scalar(@asked = $t->received), 1,
   'a validation exception first: nobody else was asked');

# an exception later on: the client has seen something, nobody else is asked

$t->sim_control('reset', {});
$t->script({ exception_after => 3, exception => 'throttlingException',
             match => { region => 'us-east-1' } });
$r = $t->post($stream, $body, key => $key{pair});
is($r->{status}, 200, 'exception in the middle: 200');
is((frames($r->{body}))[-1]{headers}{':exception-type'},
   'throttlingException', 'exception in the middle: the client gets it');
is(scalar(@asked = $t->received), 1,
   'exception in the middle: nobody else was asked');

# connections that fail

for my $case ([ refused => 5 ], [ 'tls-fail' => 5 ], [ timeout => 2 ]) {
    my ($name, $most) = @$case;

    $t->sim_control('reset', {});
    $t->script({ hang => \1, match => { region => 'eu-west-1' } })
        if $name eq 'timeout';
    $r = $t->post($path, $body, key => $key{$name});
    is($r->{status}, 200, "$name: the second provider answers")
        or diag($r->{body});
    cmp_ok($r->{total}, '<', $most, "$name: soon");
}

# nobody is left: the last error is told, in the caller's words

$t->sim_control('reset', {});
$t->script({ status => 503, times => -1 });
$r = $t->post($path, $body, key => $key{pair});
is($r->{status}, 503, 'all fail, bedrock: 503');
like($r->{headers}{'x-amzn-errortype'} // '', qr/^ServiceUnavailable/,
     'all fail, bedrock: type');
$r = $t->post('/anthropic/v1/messages', {
    model => 'claude-3-haiku-20240307', max_tokens => 5,
    messages => [ { role => 'user', content => 'hi' } ] }, key => $key{pair});
is($r->{status}, 529, 'all fail, anthropic: 529');
is($r->{json}{error}{type}, 'overloaded_error', 'all fail, anthropic: type');

cmp_ok(scalar(@asked = $t->received), '<=', 8, 'tries are bounded');
is($t->totals->{served}, 0, 'nothing was served');
ok(wait_for(sub { $t->held(virtual_key => 'pair') == 0 }),
   'nothing is held');

# a provider that fails again and again rests, then is tried again

$t->sim_control('reset', {});
$t->script({ status => 500, times => 3, match => { region => 'eu-north-1' } });
is($t->post($path, $body, key => $key{resting})->{status}, 200,
   "weak provider, request $_") for 1 .. 6;
is(scalar(grep { region_of($_) eq 'eu-north-1' } $t->received), 3,
   'asked three times, then it rests');
ok(wait_for(sub {
    $t->post($path, $body, key => $key{resting});
    return 1 < grep { $_->{region} && $_->{region} eq 'eu-north-1'
                      && $_->{usage} } $t->received;
}, 5), 'and it comes back after its cooldown');

# a kept connection that the provider has closed meanwhile is no failure

$t->sim_control('reset', {});
$t->script({ stale => \1, match => { region => 'ap-south-1' } });
is($t->post($path, $body, key => $key{stale})->{status}, 200, 'one request');
is($t->post($path, $body, key => $key{stale})->{status}, 200,
   'a stale connection is retried on the same provider');
is($t->post($path, $body, key => $key{stale})->{status}, 200,
   'and was no failure of that provider');
is($t->totals->{served}, 3, 'each served once');

# connections are kept

$t->sim_control('reset', {});
$t->post($path, $body, key => $key{single}) for 1 .. 5;
my %connections = map { ($_->{connection} => 1) } $t->received;
cmp_ok(scalar(keys %connections), '<=', 2, 'connections are kept alive');

$t->finish;
done_testing;
