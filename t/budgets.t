#!/usr/bin/perl

# Budgets of all four tiers: what is refused, when, how it is told, and that a
# hard one is never crossed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use List::Util qw(sum0);
use Test::More;

my %key = map { ($_ => "sk-test-$_-0123456789") }
    qw(customer team own provider roomy soft hard default windows crowd
       crowd-default status);

# Claude 3 Haiku: 250 n$ per input token, 1250 n$ per output token

my $t = LLM::Test->gateway(workers => 2, provider =>
    provider('main', 'models anthropic.* claude-*;')
    . provider('poor', 'models amazon.*; llm_budget 0.001 1M;'),
    http => "
    llm_customer small-customer { llm_budget 0.001 1M; }
    llm_customer rich           { llm_budget 5000 1M; }
    llm_team of-small  { customer small-customer; llm_budget 10 1d; }
    llm_team of-rich   { customer rich; llm_budget 2000 1M; }
    llm_team small-team { customer rich; llm_budget 0.001 1w; }

    llm_virtual_key customer { secret $key{customer}; team of-small;
                               llm_budget 500 1w; }
    llm_virtual_key team     { secret $key{team}; team small-team; }
    llm_virtual_key own      { secret $key{own}; team of-rich;
                               llm_budget 0.001 1Y; }
    llm_virtual_key provider { secret $key{provider}; team of-rich; }
    llm_virtual_key roomy    { secret $key{roomy}; team of-rich;
                               llm_budget 500 1w; }
    llm_virtual_key soft     { secret $key{soft}; llm_budget 0.001 1d soft; }
    llm_virtual_key hard     { secret $key{hard}; llm_budget 0.01 1d hard; }
    llm_virtual_key default  { secret $key{default}; llm_budget 0.01 1d; }
    llm_virtual_key windows  { secret $key{windows}; llm_budget 1 1h;
                               llm_budget 0.002 1d; llm_budget 3 1M;
                               llm_budget 4 total; }
    llm_virtual_key crowd    { secret $key{crowd}; llm_budget 1 1d hard; }
    llm_virtual_key crowd-default { secret $key{'crowd-default'};
                               llm_budget 1 1d; }
");

$t->start_sim->start;

my $path = invoke_path($LLM::Test::haiku);

sub spend {
    my ($name, $output, %o) = @_;

    return $t->post($o{path} // $path,
                    $o{body} // claude(sim(input => 0, output => $output),
                                       max_tokens => $o{max_tokens} // $output),
                    key => $key{$name});
}

# each tier in turn: admitted while there is room, then told whose and how much

for my $case ([ customer => 'customer', 'small-customer', '1M' ],
              [ team => 'team', 'small-team', '1w' ],
              [ own => 'virtual key', 'own', '1Y' ])
{
    my ($name, $scope, $account, $window) = @$case;

    is(spend($name, 700)->{status}, 200, "$name: the first");
    wait_for(sub { $t->spent(virtual_key => $name) == 875_000 });
    is(spend($name, 700)->{status}, 200, "$name: there is room yet");
    wait_for(sub { $t->spent(virtual_key => $name) == 1_750_000 });

    my $r = spend($name, 700);
    is($r->{status}, 400, "$name, bedrock: 400");
    like($r->{headers}{'x-amzn-errortype'}, qr/^ServiceQuotaExceeded/,
         "$name, bedrock: type");
    like($r->{json}{message}, qr/\Q$account\E/, "$name, bedrock: whose");

    $r = $t->post('/anthropic/v1/messages',
                  { model => 'claude-3-haiku-20240307', max_tokens => 5,
                    messages => [ { role => 'user', content => 'hi' } ] },
                  key => $key{$name});
    is($r->{status}, 402, "$name, anthropic: 402");
    is($r->{json}{error}{type}, 'billing_error', "$name, anthropic: type");
    is($r->{headers}{'x-should-retry'}, 'false', "$name: not to be retried");

    my $details = $r->{json}{error}{details} // {};
    is($details->{error_code}, 'enforced_spend_limit_reached',
       "$name: the code that clients know");
    is($details->{scope}, $scope, "$name: scope");
    is($details->{account}, $account, "$name: account");
    is($details->{window}, $window, "$name: window");
    cmp_ok($details->{limit}, '==', 0.001, "$name: limit in dollars");
    cmp_ok($details->{spent}, '==', 0.00175, "$name: spent");
    cmp_ok($details->{held}, '==', 0, "$name: held");
    like($details->{reset_at}, qr/^\d{4}-\d\d-\d\dT00:00:00Z$/,
         "$name: reset at midnight");
    cmp_ok($r->{headers}{'retry-after'}, '>', 0, "$name: Retry-After");
    ok($r->{headers}{'request-id'}, "$name: request id");
    unlike($r->{body}, qr/sk-test/, "$name: no secret");
}

is(spend('roomy', 700)->{status}, 200, 'others are not concerned');

# the provider's own budget: it leaves the choice

my $nova = invoke_path('amazon.nova-pro-v1:0', 'converse');
my @poor = map {
    my $r = spend('provider', 0, path => $nova,
                  body => converse(sim(input => 0, output => 400)));
    select undef, undef, undef, 0.2;
    $r->{status};
} 1 .. 3;
is($poor[0], 200, 'provider: there is room');
isnt($poor[-1], 200, 'provider: there is none');
is(spend('provider', 7)->{status}, 200, 'provider: another one serves on');

# kinds of budget

is(spend('soft', 2000)->{status}, 200, 'soft: 1') for 1;
wait_for(sub { $t->spent(virtual_key => 'soft') == 2_500_000 });
is(spend('soft', 2000)->{status}, 200, 'soft: never refuses');

# hard: by the worst case, which is max_tokens

is(spend('hard', 10, max_tokens => 8001)->{status}, 400,
   'hard: refused when the worst case does not fit');
is(spend('hard', 7000, max_tokens => 7500)->{status}, 200,
   'hard: admitted when it does');
wait_for(sub { $t->spent(virtual_key => 'hard') == 8_750_000 });
is(spend('hard', 10, max_tokens => 1100)->{status}, 400,
   'hard: the next does not');
is(spend('hard', 10, max_tokens => 700)->{status}, 200,
   'hard: a smaller one does');

is(spend('default', 10, max_tokens => 64000)->{status}, 200,
   'default: max_tokens 64000 is not refused at the beginning');

# many windows on one key: the shortest of money decides

is(spend('windows', 2000)->{status}, 200, 'windows: first');
wait_for(sub { $t->spent(virtual_key => 'windows') == 2_500_000 });
my $r = spend('windows', 1);
is($r->{status}, 400, 'windows: second');
is($r->{json}{details}{window}, '1d', 'windows: it says which')
    or diag($r->{body});

# refusals are free

my $refused = $t->spent(virtual_key => 'own');
spend('own', 100) for 1 .. 20;
is($t->spent(virtual_key => 'own'), $refused, 'refused requests cost nothing');

# a crowd: 1,000 parallel requests of a cent against one dollar

for my $name ('crowd', 'crowd-default') {
    my @results = $t->load(200, map { {
        path => $path, headers => { Authorization => "Bearer $key{$name}" },
        body => claude(sim(input => 0, output => 7000, first_delay_ms => 20),
                       max_tokens => 8000) } } 1 .. 1000);
    my $good = grep { $_->{status} == 200 } @results;
    my $bad = grep { $_->{status} == 400 } @results;

    is($good + $bad, 1000, "$name: every request was answered");
    wait_for(sub { $t->held(virtual_key => $name) == 0 });
    is($t->held(virtual_key => $name), 0, "$name: nothing is held at the end");
    is($t->spent(virtual_key => $name), $good * 8_750_000,
       "$name: charged what was served");

    my $most = $name eq 'crowd' ? 1_000_000_000 : 1_010_000_000;
    cmp_ok($t->spent(virtual_key => $name), '<=', $most,
           "$name: $good times 0.00875 does not exceed the dollar");
    cmp_ok($good, '>=', 95,
           "$name: and most of it was used");
}

# tiers add up

is($t->spent(customer => 'rich'),
   sum0(map { $t->spent(team => $_) } qw(of-rich small-team)),
   'a customer has spent what its teams have');
is($t->spent(team => 'of-rich'),
   sum0(map { $t->spent(virtual_key => $_) } qw(own provider roomy)),
   'a team has spent what its keys have');

$t->finish;
done_testing;
