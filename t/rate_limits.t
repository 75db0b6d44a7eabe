#!/usr/bin/perl

# Request, token and concurrency limits, and what a client is told.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my %key = map { ($_ => "sk-test-$_-0123456789") }
    qw(requests tokens input output concurrent team-a team-b crowd);

my $t = LLM::Test->gateway(workers => 2, http => "
    llm_team limited { llm_rate_limit requests=4/1d; }
    llm_virtual_key requests { secret $key{requests};
                               llm_rate_limit requests=3/1d; }
    llm_virtual_key tokens   { secret $key{tokens};
                               llm_rate_limit tokens=1000/1d; }
    llm_virtual_key input    { secret $key{input};
                               llm_rate_limit input_tokens=1000/1d; }
    llm_virtual_key output   { secret $key{output};
                               llm_rate_limit output_tokens=1000/1d; }
    llm_virtual_key concurrent { secret $key{concurrent};
                               llm_rate_limit requests=1000/1h concurrency=3; }
    llm_virtual_key team-a   { secret $key{'team-a'}; team limited; }
    llm_virtual_key team-b   { secret $key{'team-b'}; team limited; }
    llm_virtual_key crowd    { secret $key{crowd};
                               llm_rate_limit requests=100/1d; }
");

$t->start_sim->start;

my $path = invoke_path($LLM::Test::haiku);

sub call {
    my ($name, %o) = @_;

    return $t->post($path, claude(sim(input => 10, output => 5, %o),
                                  max_tokens => 5), key => $key{$name});
}

sub message {
    my ($name) = @_;

    return $t->post('/anthropic/v1/messages',
                    { model => 'claude-3-haiku-20240307', max_tokens => 5,
                      messages => [ { role => 'user', content => 'hi' } ] },
                    key => $key{$name});
}

sub refused {
    my ($name, $scope, $account, $type, $limit) = @_;

    my $r = call($name);
    is($r->{status}, 429, "$name, bedrock: 429");
    like($r->{headers}{'x-amzn-errortype'}, qr/^ThrottlingException/,
         "$name, bedrock: type");
    cmp_ok($r->{headers}{'retry-after'} // 0, '>=', 1, "$name: Retry-After");

    $r = message($name);
    is($r->{status}, 429, "$name, anthropic: 429");
    is($r->{json}{error}{type}, 'rate_limit_error', "$name, anthropic: type");

    my $details = $r->{json}{error}{details} // {};
    is($details->{scope}, $scope, "$name: scope");
    is($details->{account}, $account, "$name: account");
    is($details->{limit_type}, $type, "$name: which limit");
    is($details->{limit}, $limit, "$name: limit");
    return $r;
}

# requests

is(call('requests')->{status}, 200, "requests: $_ of 3") for 1 .. 3;
my $r = refused('requests', 'virtual key', 'requests', 'requests', 3);
is($r->{json}{error}{details}{spent}, 3, 'requests: refused ones do not count');

is(call($_ % 2 ? 'team-a' : 'team-b')->{status}, 200, "team: $_ of 4")
    for 1 .. 4;
refused($_, 'team', 'limited', 'requests', 4) for 'team-a', 'team-b';

# tokens: what was used counts, not what was asked for

for my $case ([ tokens => 600, 300 ], [ input => 900, 50 ],
              [ output => 10, 900 ])
{
    my ($name, $input, $output) = @$case;
    my $kind = $name eq 'tokens' ? 'tokens' : "${name}_tokens";

    $r = $t->post($path, claude(sim(input => $input, output => $output),
                                max_tokens => $output), key => $key{$name});
    is($r->{status}, 200, "$name: first");
    wait_for(sub { $t->held(virtual_key => $name) == 0 });
    $r = $t->post($path, claude(sim(input => $input, output => $output),
                                max_tokens => 20), key => $key{$name});
    is($r->{status}, 200, "$name: there is room yet");
    wait_for(sub { $t->held(virtual_key => $name) == 0 });
    refused($name, 'virtual key', $name, $kind, 1000);
}

# concurrency

my @results = $t->load(10, map { {
    path => $path, headers => { Authorization => "Bearer $key{concurrent}" },
    body => claude(sim(input => 1, output => 1, first_delay_ms => 400)),
    keep => 1 } } 1 .. 10);
my %count;
$count{$_->{status}}++ for @results;

is($count{200}, 3, 'concurrency: three at once');
is($count{429}, 7, 'concurrency: the others are refused');
ok(wait_for(sub { call('concurrent')->{status} == 200 }, 5),
   'concurrency: free again afterwards');

my ($told) = grep { $_->{status} == 429 } @results;
like($told->{head}, qr/retry-after: [1-5]\b/, 'concurrency: a short Retry-After');

# concurrency is given back also when the client goes away

$t->load(3, map { {
    path => invoke_path($LLM::Test::haiku, 'invoke-with-response-stream'),
    headers => { Authorization => "Bearer $key{concurrent}" },
    body => claude(sim(input => 1, output => 1, chunks => 20, delay_ms => 10)),
    abort_after => 300 } } 1 .. 3);
ok(wait_for(sub { call('concurrent')->{status} == 200 }, 5),
   'concurrency: given back when the client has gone');

# exact over all workers

@results = $t->load(50, map { {
    path => $path, headers => { Authorization => "Bearer $key{crowd}" },
    body => claude(sim(input => 1, output => 1)) } } 1 .. 400);
%count = ();
$count{$_->{status}}++ for @results;
is($count{200}, 100, '100 requests of 400 are admitted, over two workers');
is($count{429}, 300, 'and the others refused');

# a good answer says what is left

$r = message('concurrent');
my @left = grep { /^(?:anthropic-ratelimit|x-ratelimit)-/ }
    keys %{ $r->{headers} };
ok(scalar @left, 'limits in the headers of an answer');

$t->finish;
done_testing;
