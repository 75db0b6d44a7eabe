#!/usr/bin/perl

# scripts/store: everything that a gateway wrote can be checked, exported,
# summed up and copied, and what a crash left is taken over without nginx.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my $key = 'sk-test-store-tool-0123456789';
my $path = invoke_path($LLM::Test::haiku);
my $tool = "$FindBin::Bin/../scripts/store";

my $t = LLM::Test->gateway(workers => 2, http => <<"END");
    llm_store %%PREFIX%%/store sync=100ms journal=%%PREFIX%%/journal;
    llm_log_retention 30d size=1g minutes=2d hours=1y;
    llm_customer acme { llm_budget 100 1M; }
    llm_team ml { customer acme; llm_budget 50 1d; }
    llm_virtual_key tester { secret $key; team ml; llm_budget 10 1M; }
END

push @{ $t->{allowed} }, qr/exited on signal 9/;

my $store = "$t->{prefix}/store";

# the output of a command and its exit status

sub store {
    my ($command, @args) = @_;

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', $tool, $command,
        @args or die "$tool: $!";
    local $/;
    my $out = <$fh> // '';
    close $fh;

    return ($out, $? >> 8);
}

sub call {
    my (%o) = @_;

    return $t->post($path, claude(sim(input => 100, output => 50)),
                    key => $key, %o)->{status};
}

sub lines { return split /\r?\n/, $_[0] }

# while nginx runs

$t->start_sim->start;

is(call(), 200, "call $_") for 1 .. 12;
is(call(headers => { 'x-llm-tags' => 'nightly,batch' }), 200, 'a call with tags');
is(call(key => 'sk-nobody-0000000000000000'), 403, 'a call that is refused');

ok(wait_for(sub { my ($out) = store('export', $store);
                  scalar(lines($out)) == 14 }, 10),
   'all calls are in the log soon');

my ($out, $status) = store('verify', $store);
is($status, 0, 'verify while nginx runs');
like($out, qr/^\d+ checked \(rows, counters, rollups\): no differences$/,
     'says how much was checked');
diag($out) if $status;

($out, $status) = store('fold', $store);
is($status, 2, 'fold while nginx runs');
like($out, qr/nginx is running on this store/, 'is refused');

# export

($out, $status) = store('export', $store, 'virtual_key=tester');
my @rows = map { json_decode($_) } lines($out);
is(scalar @rows, 13, 'export with a filter');

my $cost = 0;
$cost += LLM::Test::nano($_->{cost}) for @rows;
is($cost, $t->totals->{cost_nano}, 'the sum of the rows is what was answered');
is($cost, $t->spent(virtual_key => 'tester'), 'and what was charged');
ok(!(grep { $rows[$_]{seq} <= $rows[$_ - 1]{seq} } 1 .. $#rows),
   'the oldest first');

($out) = store('export', $store, '--format', 'csv');
is(scalar(lines($out)), 15, 'as CSV, with a head');

($out) = store('export', $store, '--rows=attempts', 'team=ml');
is(scalar(grep { /"attempt":1/ } lines($out)), 13, 'attempts');

for (['planet=mars', qr/there is no filter "planet"/],
     ['cost_min=much', qr/cost_min/],
     ['--format=xml', qr/--format is ndjson or csv/],
     ['--colour', qr/no filter like team=ml, and no option/])
{
    ($out, $status) = store('export', $store, $_->[0]);
    is($status, 2, "export $_->[0]");
    like($out, $_->[1], 'says what is wrong');
}

# spend

($out) = store('spend', $store, 'group_by=team');
my @csv = lines($out);
is($csv[0], 'team,requests,errors,refused,input_tokens,output_tokens,'
   . 'cache_read_tokens,cache_write_tokens,reasoning_tokens,images,queries,'
   . 'cost,cost_estimated', 'spend as CSV');
my ($ml) = grep { /^ml,/ } @csv;
my @ml = split /,/, $ml;
is($ml[1], 13, 'requests of the team');
is(LLM::Test::nano($ml[11]), $cost, 'its cost');

($out) = store('spend', $store, 'group_by=tag', '--format=json');
my $spend = json_decode($out);
is_deeply({ map { ($_->{tag} // '-') => $_->{requests} } @{ $spend->{rows} } },
          { '-' => 12, nightly => 1, batch => 1 }, 'spend by tag');
is($spend->{total}{requests}, 13, 'each request once in the total');
is($spend->{total}{refused}, 1, 'and the refused one');

($out) = store('spend', $store, '--stats', '--format=json', 'virtual_key=tester');
my $stats = json_decode($out)->{rows}[0];
cmp_ok($stats->{latency_ms}{p50}, '<=', $stats->{latency_ms}{max}, 'stats');
is($stats->{error_rate}, 0, 'error rate');

($out, $status) = store('spend', $store, 'group_by=planet');
is($status, 2, 'a report of what there is not');
like($out, qr/"group_by" is a comma list of customer, team/, 'says what is');

# info and compact

($out, $status) = store('info', $store);
is($status, 0, 'info');
like($out, qr/^rows +14 of 14: 0 blocks, and 14 rows$/m, 'rows');
like($out, qr/^journal +\S+journal: \d+ segments, 2 written to, /m, 'journal');

($out, $status) = store('compact', $store, "$t->{prefix}/copy");
is($status, 0, 'compact') or diag($out);
is((stat "$t->{prefix}/copy/data.mdb")[2] & 0777, 0600,
   'the copy is for nobody else');
($out, $status) = store('verify', "$t->{prefix}/copy");
is($status, 0, 'the copy adds up') or diag($out);
is((store('export', "$t->{prefix}/copy"))[0], (store('export', $store))[0],
   'and holds the same rows');
($out, $status) = store('compact', $store, "$t->{prefix}/copy");
is($status, 2, 'a copy over another');
like($out, qr/is there already/, 'is refused');

# a crash: what is in the journal only is taken over by fold

my $manager = $t->manager;
kill 'STOP', $manager;

is(call(), 200, 'a call that is in the journal only') for 1 .. 3;

my $body = json_encode(claude(sim(input => 100, output => 50, chunks => 50,
                                  delay_ms => 200)));
my $under_way = http_connect($t->port);
http_send($under_way, "POST $path-with-response-stream HTTP/1.1\r\n"
          . "Host: x\r\nAuthorization: Bearer $key\r\nContent-Length: "
          . length($body) . "\r\n\r\n$body");
ok(wait_for(sub { $t->held(virtual_key => 'tester') > 0 }, 10),
   'one is under way');

my $pid = delete $t->{pid}{nginx};
kill 'KILL', -$pid;
wait_for(sub { waitpid($pid, 1); LLM::Test::gone($pid) }, 10);

($out, $status) = store('fold', $store);
is($status, 0, 'fold after a crash') or diag($out);
like($out, qr/^4 rows were taken over from \d+ journals, 1 of them as /,
     'says how much');

($out, $status) = store('verify', $store);
is($status, 0, 'and it adds up') or diag($out);
($out) = store('export', $store, 'virtual_key=tester');
is(scalar(lines($out)), 17, 'no row is missing, none is there twice');
is(scalar(grep { /"recovered":true/ } lines($out)), 1, 'one is recovered');

$cost = 0;
$cost += LLM::Test::nano(json_decode($_)->{cost}) for lines($out);

# nginx goes on with it

$t->start;
is($t->spent(virtual_key => 'tester'), $cost, 'nginx goes on with it');
is(call(), 200, 'and serves');
$t->quit;

($out, $status) = store('verify', $store);
is($status, 0, 'and it still adds up') or diag($out);

# usage

for ([[], qr/what is to be done/], [['burn'], qr/unknown command "burn"/],
     [['verify'], qr/verify needs the folder/],
     [['verify', "$t->{prefix}/nothing"], qr/there is no store yet/],
     [['fold', $store, '--journal', "$t->{prefix}/nowhere"],
      qr/there is no folder/])
{
    my ($args, $says) = @$_;
    ($out, $status) = store(@$args ? @$args : '');
    is($status, 2, "store @$args");
    like($out, $says, 'says what is wrong');
}

$t->finish;
done_testing();
