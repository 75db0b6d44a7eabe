#!/usr/bin/perl

# What the person who runs it sees: status page, metrics, variables in the log,
# headers of answers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my $key = 'sk-test-status-0123456789';
my $poor = 'sk-test-poor-0123456789';

my $t = LLM::Test->gateway(workers => 2, http => "
    log_format llm escape=json '{\"key\":\"\$llm_virtual_key\",'
        '\"team\":\"\$llm_team\",\"customer\":\"\$llm_customer\",'
        '\"provider\":\"\$llm_provider\",\"model\":\"\$llm_model\",'
        '\"input\":\"\$llm_input_tokens\",\"output\":\"\$llm_output_tokens\",'
        '\"cache_read\":\"\$llm_cache_read_tokens\",'
        '\"cost\":\"\$llm_cost\",\"attempts\":\"\$llm_attempts\",'
        '\"refusal\":\"\$llm_refusal\",'
        '\"first\":\"\$llm_first_token_time\",'
        '\"overhead\":\"\$llm_overhead_us\",\"status\":\"\$status\"}';
    llm_store %%PREFIX%%/store sync=1s;
    llm_customer acme { llm_budget 5000 1M; }
    llm_team ml { customer acme; llm_budget 2000 1M;
                  llm_rate_limit tokens=100000000/1h; }
    llm_virtual_key staging { secret $key; team ml; llm_budget 500 1w;
        llm_rate_limit requests=1000/1h concurrency=20; }
    llm_virtual_key poor { secret $poor; team ml; llm_budget 0.000001 1M hard; }
", server => 'access_log logs/llm.log llm;');

$t->start_sim->start;

my $path = invoke_path($LLM::Test::haiku);
my %usage = (input => 1200, output => 340, cache_read => 500);

for my $n (1 .. 3) {
    is($t->post($path, claude(sim(%usage)), key => $key)->{status}, 200,
       "request $n");
}

$t->post($path . '-with-response-stream', claude(sim(%usage)), key => $key);
$t->post($path, claude('hi'), key => $poor) for 1 .. 2;
$t->post($path, claude('hi'), key => 'sk-test-nobody-0123456789');
$t->post(invoke_path('anthropic.claude-unknown-v9:0'), claude('hi'),
         key => $key);
wait_for(sub { $t->held(customer => 'acme') == 0 });

my $cost = $t->totals->{cost_nano};
is($t->spent($_->[0] => $_->[1]), $cost, "$_->[0] $_->[1] has spent it")
    for [ virtual_key => 'staging' ], [ provider => 'main' ];

# status

my $r = $t->get('/llm/', headers => { Accept => 'application/json' });
is($r->{status}, 200, 'status: 200');
like($r->{headers}{'content-type'}, qr{^application/json}, 'status: JSON');
ok($r->{json}, 'status: it parses');
like($r->{body}, qr/"$_"/, "status: names $_") for qw(acme ml staging main);

$r = $t->get('/llm/', headers => { Accept => 'text/html' });
is($r->{status}, 200, 'status page: 200');
like($r->{headers}{'content-type'}, qr{^text/html}, 'status page: HTML');
like($r->{body}, qr/staging/, 'status page: has the key');
unlike($r->{body}, qr/\Q$key\E|\Q$LLM::Test::aws_secret\E/,
       'status page: no secret');

# metrics

$r = $t->get('/metrics');
is($r->{status}, 200, 'metrics: 200');
like($r->{headers}{'content-type'}, qr{^text/plain}, 'metrics: text');

my $metrics = $r->{body};
like($metrics, qr/^# HELP llm_\w+ /m, 'metrics: help');
like($metrics, qr/^# TYPE llm_\w+ histogram/m, 'metrics: histograms');
like($metrics, qr/staging/, 'metrics: the key');
like($metrics, qr/reason="budget"[^\n]* 2\b/, 'metrics: two budget refusals');
like($metrics, qr/reason="unknown_key"[^\n]* 1\b/, 'metrics: an unknown key');
unlike($metrics, qr/\Q$key\E/, 'metrics: no secret');

SKIP: {
    my ($promtool) = grep { -x } '/usr/bin/promtool', '/usr/local/bin/promtool';
    skip 'no promtool', 1 unless $promtool;
    my $file = $t->file('metrics.txt', $metrics);
    my $text = `$promtool check metrics < $file 2>&1`;
    is($?, 0, 'metrics: promtool has no complaint') or diag($text);
}

# a provider's answer time is in the histograms

my ($count) = $metrics =~ /^llm_\w*(?:first_token|time_to_first)\w*_count\S* (\d+)/m;
cmp_ok($count // 0, '>=', 1, 'metrics: time to first token');

# variables

my @lines = map { json_decode($_) } split /\n/,
    LLM::Test::slurp("$t->{prefix}/logs/llm.log");
my ($line) = grep { $_->{key} eq 'staging' && $_->{status} eq '200' } @lines;

is($line->{team}, 'ml', '$llm_team');
is($line->{customer}, 'acme', '$llm_customer');
is($line->{provider}, 'main', '$llm_provider');
is($line->{model}, $LLM::Test::haiku, '$llm_model');
is($line->{input}, 1200, '$llm_input_tokens');
is($line->{output}, 340, '$llm_output_tokens');
is($line->{cache_read}, 500, '$llm_cache_read_tokens');
is($line->{cost} * 1e9, $cost / 4, '$llm_cost');
is($line->{attempts}, 1, '$llm_attempts');
like($line->{overhead}, qr/^\d/, '$llm_overhead_us');
is(scalar(grep { $_->{refusal} eq 'budget' } @lines), 2, '$llm_refusal');

# endpoints do not take what they should not

is($t->request('POST', '/llm/', body => 'x')->{status}, 405,
   'status: GET only');
is($t->request('HEAD', '/metrics')->{status}, 200, 'metrics: HEAD');

$t->finish;
done_testing;
