#!/usr/bin/perl

# Which provider serves: weights, backups, models, budgets of providers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my %key = map { ($_ => "sk-test-$_-0123456789") }
    qw(weighted backup limited inherits choosy elsewhere);

my $sonnet = 'anthropic.claude-3-5-sonnet-20240620-v1:0';
my $mistral = 'mistral.mistral-large-2407-v1:0';

my $t = LLM::Test->gateway(workers => 2, provider =>
    provider('east', "region us-east-1; model $LLM::Test::haiku;")
    . provider('west', "region us-west-2; model $mistral;")
    . provider('eu', "region eu-west-1; models anthropic.* *.anthropic.*;")
    . provider('tight', "region eu-north-1; llm_rate_limit requests=5/1d;")
    . provider('spare', "region ap-south-1;"),
    http => "
    llm_route weighted { provider east weight=80; provider west weight=20; }
    llm_route backup   { provider tight; provider spare backup; }
    llm_route eu       { provider eu; }
    llm_route tight    { provider tight; }
    llm_route mistral  { provider west; }

    llm_customer europe { route eu; }
    llm_team inherits   { customer europe; }

    llm_virtual_key weighted { secret $key{weighted}; route weighted; }
    llm_virtual_key backup   { secret $key{backup}; route backup; }
    llm_virtual_key limited  { secret $key{limited}; route tight; }
    llm_virtual_key inherits { secret $key{inherits}; team inherits; }
    llm_virtual_key choosy   { secret $key{choosy}; route eu;
                               models *claude-3-haiku*; }
    llm_virtual_key elsewhere { secret $key{elsewhere}; route mistral; }
");

$t->start_sim->start;

my $path = invoke_path('anything.goes', 'converse');

sub converse_request {
    my ($name, $text) = @_;

    return { path => $path, headers => { Authorization => "Bearer $key{$name}" },
             body => converse($text) };
}

# 80/20 over 10,000 requests and two workers, within 1 %

my @results = $t->load(100, map { converse_request(
    'weighted', sim(input => 10, output => 2)) } 1 .. 10_000);
is(scalar(grep { $_->{status} == 200 } @results), 10_000, 'all served')
    or diag($results[0]{body});

my $regions = $t->totals->{regions};
my $east = $regions->{'us-east-1'}{requests} // 0;
cmp_ok(abs($east - 8000), '<=', 100, "weights 80 to 20: $east of 10,000");

my $models = $t->totals->{models};
is_deeply([ sort keys %$models ], [ sort $LLM::Test::haiku, $mistral ],
          'each provider with its own model');
is($t->totals->{errors}{InvalidSignatureException}, undef,
   'each region with its own signature');
is($t->spent(virtual_key => 'weighted'), $t->totals->{cost_nano},
   'each model at its own price');
is($t->spent(provider => 'east'), $models->{$LLM::Test::haiku}{cost_nano},
   'each provider has its own account');

# the region in the signature and the host are the provider's

my ($seen) = reverse $t->received;
like({ map { (lc $_->[0] => $_->[1]) } @{ $seen->{headers} } }
         ->{authorization}, qr{/us-(?:east-1|west-2)/bedrock/}, 'the scope');

# a full provider leaves the choice, the backup comes in

$t->sim_control('reset', {});
my @status = map { $t->post(invoke_path($LLM::Test::haiku, 'converse'),
                            converse('hi'), key => $key{backup})->{status}
                 } 1 .. 8;
is_deeply(\@status, [ (200) x 8 ], 'a full provider is no error');
$regions = $t->totals->{regions};
is($regions->{'eu-north-1'}{requests}, 5, 'the first as long as it has room');
is($regions->{'ap-south-1'}{requests}, 3, 'then the backup');

my $r = $t->post(invoke_path($LLM::Test::haiku, 'converse'), converse('hi'),
                 key => $key{limited});
is($r->{status}, 429, 'no other is left: the limit is told')
    or diag($r->{body});

# a route is inherited from team or customer

$t->sim_control('reset', {});
$r = $t->post(invoke_path($LLM::Test::haiku), claude('hi'),
              key => $key{inherits});
is($r->{status}, 200, 'route of the customer') or diag($r->{body});
is($t->totals->{regions}{'eu-west-1'}{requests}, 1, 'is used');

# models: of the key, of the provider

is($t->post(invoke_path($LLM::Test::haiku), claude('hi'),
            key => $key{choosy})->{status}, 200, 'an allowed model');
$r = $t->post(invoke_path($sonnet), claude('hi'), key => $key{choosy});
is($r->{status}, 403, 'a model that the key may not use: 403');
like($r->{headers}{'x-amzn-errortype'}, qr/^AccessDenied/, 'its type');
$r = $t->post('/anthropic/v1/messages', {
    model => 'claude-3-5-sonnet-20240620', max_tokens => 5,
    messages => [ { role => 'user', content => 'hi' } ] },
    key => $key{choosy});
is($r->{status}, 403, 'anthropic: 403');
is($r->{json}{error}{type}, 'permission_error', 'its type');

$r = $t->post(invoke_path('amazon.nova-lite-v1:0', 'converse'),
              converse('hi'), key => $key{inherits});
is($r->{status}, 403, 'a model that no provider of the route takes');

# an Anthropic client on a route without Claude

$r = $t->post('/anthropic/v1/messages', {
    model => 'claude-3-haiku-20240307', max_tokens => 5,
    messages => [ { role => 'user', content => 'hi' } ] },
    key => $key{elsewhere});
is($r->{status}, 403, 'Anthropic client, no Claude on the route: 403');
like($r->{json}{error}{message}, qr/route|provider|Claude/i, 'says why');

$r = $t->post('/anthropic/v1/messages', {
    model => 'claude-3-haiku-20240307', max_tokens => 5,
    messages => [ { role => 'user', content => 'hi' } ] },
    key => $key{weighted});
is($r->{status}, 200, 'on a mixed route the Claude one serves it')
    or diag($r->{body});

$t->finish;
done_testing;
