#!/usr/bin/perl

# 10,000 mixed requests at concurrency 200 over two workers, with clients that
# go away and a provider that fails: the ledger is what the provider counted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use List::Util qw(sum0);
use Test::More;

my $total = $ENV{LLM_LOAD_REQUESTS} // ($ENV{LLM_SANITIZE} ? 2_000 : 10_000);
my @keys = map { "key$_" } 0 .. 7;
my %key = map { ($_ => "sk-test-$_-0123456789") } @keys;

my $t = LLM::Test->gateway(workers => 2, zone => '32m', provider =>
    provider('east', 'region us-east-1; max_failures 0;'
                     . ' llm_budget 1000000 1M;')
    . provider('west', 'region us-west-2; max_failures 0;'),
    http => "
    llm_route both { provider east weight=3; provider west; }
    llm_customer acme { llm_budget 1000000 1M hard;
                        llm_rate_limit tokens=1000000000000/1M; }
    llm_team one { customer acme; llm_budget 900000 1M; route both; }
    llm_team two { customer acme; route both; }
    " . join '', map { "llm_virtual_key $keys[$_] { secret $key{$keys[$_]};"
        . ' team ' . ($_ % 2 ? 'one' : 'two') . '; llm_budget 500000 1w;'
        . ' llm_rate_limit requests=1000000/1h concurrency=500; }' . "\n" }
        0 .. $#keys);

$t->start_sim->start;

srand 42;

my @models = ($LLM::Test::haiku, 'us.anthropic.claude-sonnet-4-20250514-v1:0',
              'amazon.nova-lite-v1:0', 'mistral.mistral-large-2407-v1:0',
              'meta.llama3-1-70b-instruct-v1:0');

sub request {
    my ($n) = @_;

    my $key = $keys[int rand @keys];
    my %sim = (input => int rand 5000, output => 1 + int rand 400,
               chunks => 1 + int rand 12, tag => $key);

    if (rand() < 0.3) {
        $sim{cache_read} = int rand 3000;
        $sim{cache_write_5m} = int rand 500;
        $sim{cache_write_1h} = int rand 100;
    }

    $sim{delay_ms} = 2 if rand() < 0.2;
    $sim{split} = 1 + int rand 50 if rand() < 0.05;

    # failures before anything went out; the queue, not the prompt, so that
    # the next provider answers

    my $model = $models[int rand @models];
    my $kind = int rand 5;
    my ($path, $body);

    if ($kind == 0) {
        $path = '/anthropic/v1/messages';
        $body = { model => 'claude-3-haiku-20240307', max_tokens => 500,
                  rand() < 0.7 ? (stream => \1) : (), messages => [
                      { role => 'user', content => sim(%sim) } ] };

    } elsif ($kind < 3) {
        my $operation = $kind == 1 ? 'converse' : 'converse-stream';
        $path = invoke_path($model, $operation);
        $body = converse(sim(%sim), inferenceConfig => { maxTokens => 500 });

    } else {
        my $operation = $kind == 3 ? 'invoke' : 'invoke-with-response-stream';
        $path = invoke_path($models[int rand 2], $operation);
        $body = claude(sim(%sim), max_tokens => 500);
    }

    my $left = rand() < 0.1 ? { abort_after => int rand 1500 } : {};
    return { path => $path, body => $body, %$left,
             headers => { Authorization => "Bearer $key{$key}" } };
}

# one provider fails now and then, in every way there is before the first byte

my @faults = ({ status => 429 }, { status => 500 }, { status => 503 },
              { error => 'ModelTimeoutException' }, { no_answer => \1 },
              { reset => \1 }, { exception_after => 0,
                                 exception => 'throttlingException' },
              { close_silently => \1 }, { stale => \1 });
my @script;

for (1 .. int($total / 20)) {
    push @script, { %{ $faults[int rand @faults] },
                    match => { region => 'us-west-2' } };
}

$t->sim_control('script', \@script);

my @results = $t->load(200, map { request($_) } 1 .. $total);

my %count;
$count{$_->{aborted} ? 'left' : $_->{status}}++ for @results;
diag(join ', ', (map { "$_: $count{$_}" } sort keys %count),
     sprintf '%.0f requests/s', $total / $t->{load_seconds});

is(scalar(grep { defined } @results), $total, 'every request was answered');
cmp_ok($count{200} // 0, '>=', 0.85 * $total, 'most of them well');
cmp_ok($count{left} // 0, '>', 0.04 * $total, 'some clients left');
is($count{0} // 0, 0, 'no connection was refused');

ok(wait_for(sub { $t->held(customer => 'acme') == 0 }, 30),
   'nothing is held at the end');
is($t->held(provider => $_), 0, "nothing is held on $_") for qw(east west);

my $totals = $t->totals;

cmp_ok($totals->{refused}, '>', $total / 60, 'the provider did fail');
cmp_ok($totals->{outcomes}{'not answered'} // 0, '>', 0,
       'and did not answer at all now and then');
is($totals->{unpriced}, 0, 'every call had a price');
is($totals->{errors}{InvalidSignatureException} // 0, 0,
   'every signature was right');
is($t->spent(customer => 'acme'), $totals->{cost_nano},
   'the ledger equals the provider\'s own count, to the nanodollar');
is($t->spent(virtual_key => $_), $totals->{tags}{$_}{cost_nano} // 0, "$_ too")
    for @keys;
is($t->spent(team => 'one') + $t->spent(team => 'two'),
   $totals->{cost_nano}, 'the teams together');
is($t->spent(provider => 'east'), $totals->{regions}{'us-east-1'}{cost_nano},
   'the provider in the east');
is($t->spent(provider => 'west'), $totals->{regions}{'us-west-2'}{cost_nano},
   'the provider in the west');

my $tokens = sum0(map { my $m = $_; map { $m->{$_} }
    qw(input output cache_read cache_write_5m cache_write_1h) }
    values %{ $totals->{models} });
is($t->tokens(customer => 'acme'), $tokens, 'the tokens, too');

$t->finish;
done_testing;
