#!/usr/bin/perl

# What is old goes, and what is too much: rows with their content, their
# blocks, the sums by minute, then by hour.  What was spent stays as it was, and
# all that is left adds up.  By age on a clock that the test moves on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(time sleep);
use Time::Local qw(timegm);

plan(skip_all => 'ASan wants to be the first that is preloaded')
    if $ENV{LLM_SANITIZE};

my $key = 'sk-test-retention-0123456789';
my $path = invoke_path($LLM::Test::haiku);
my $day = 86_400;

sub info {
    my ($t) = @_;

    my $out = `$FindBin::Bin/../scripts/store info $t->{prefix}/store`;
    my %info = $out =~ /^(\w[\w ]*?) {2,}(.*)$/mg;
    return \%info;
}

sub verified {
    my ($t, $what) = @_;

    my $out = `$FindBin::Bin/../scripts/store verify $t->{prefix}/store 2>&1`;
    is($?, 0, "$what: all that is left adds up") or diag($out);
    return;
}

sub newest { return $_[0]->get('/llm/logs?limit=1')->{json}{logs}[0]{seq} // 0 }

sub spent {
    my ($t) = @_;

    return join ' ', map { $t->spent(@$_) }
        [ customer => 'acme' ], [ team => 'ml' ], [ virtual_key => 'tester' ];
}

# by age

my $t = LLM::Test->gateway(workers => 2, http => "
    llm_store store sync=50ms;
    llm_log_retention 30d minutes=2d hours=60d;
    llm_customer acme { llm_budget 5000 total; }
    llm_team ml { customer acme; llm_budget 1000 1Y; }
    llm_virtual_key tester { secret $key; team ml; llm_budget 500 1M;
        llm_log_content request response size=1k; }
");

my $shift = $t->file('shift', pack 'q', 0);
my $library = "$t->{prefix}/clock_shift.so";

plan(skip_all => 'no C compiler for the clock')
    if system("cc -shared -fPIC -O1 -o $library $FindBin::Bin/lib/clock_shift.c"
              . " 2> $t->{prefix}/logs/cc") != 0;

$t->{env} = { LD_PRELOAD => $library, CLOCK_SHIFT_FILE => $shift };

sub set_time {
    my ($when) = @_;

    open my $fh, '+<:raw', $shift or die "$shift: $!";
    syswrite $fh, pack 'q', int(1000 * ($when - time));
    close $fh;
    sleep 0.05;
    return;
}

my $start = timegm(5, 30, 10, 4, 6, (gmtime)[5] + 1901);
my $from = strftime('%Y-%m-%d', gmtime $start);
my $to = strftime('%Y-%m-%d', gmtime($start + $day));
my $calls = 1400;       # a block of 1024, and some

set_time($start);
$t->start_sim->start;

$t->load(8, map { { path => $path, headers => {
    Authorization => "Bearer $key" },
    body => json_encode(claude(sim(input => $_, output => 7))) } } 1 .. $calls);
ok(wait_for(sub { newest($t) == $calls }), "$calls calls are in the log");

my ($row) = @{ $t->get('/llm/logs?order=asc&limit=1')->{json}{logs} };

sub sums {
    my ($interval) = @_;

    my $r = $t->get("/llm/spend?from=$from&to=$to&group_by=model"
                    . "&interval=$interval")->{json};
    my ($cost, $requests) = (0, 0);
    $cost += LLM::Test::nano($_->{cost}), $requests += $_->{requests}
        for @{ $r->{rows} };
    return "$requests requests, $cost";
}

my $spent = spent($t);
my $sums = sums('day');

is($sums, "$calls requests, " . $t->totals->{cost_nano}, 'what was spent');
is(sums('hour'), $sums, 'by hour');
is(sums('minute'), $sums, 'by minute');
like(info($t)->{content}, qr/^2800 /, 'with content');
like(info($t)->{rows}, qr/1 blocks/, 'in a block');

set_time($start + 3 * $day);
ok(wait_for(sub { sums('minute') =~ /^0 / }, 40),
   'three days later: no more sums by minute');
is(sums('hour'), $sums, 'those by hour stay');
is($t->get("/llm/spend?from=$from&to=$to")->{json}{total}{requests}, $calls,
   'and what is asked without an interval');
is(newest($t), $calls, 'and the rows');
verified($t, 'three days later');

# from here on a new background process looks at once, instead of in ten seconds

set_time($start + 31 * $day);
ok($t->reload, 'a reload');
ok(wait_for(sub { info($t)->{rows} =~ /^0 of $calls: 0 blocks, and 0 rows/ },
            40), 'a month later: no more rows') or diag(info($t)->{rows});
is(info($t)->{content}, '0 texts', 'nor what was said');
is_deeply($t->get('/llm/logs')->{json}{logs}, [], 'the log is empty');
is($t->get("/llm/logs/$row->{id}")->{status}, 404, 'a row by its id: gone');
is(sums('hour'), $sums, 'the sums by hour stay');
is(sums('day'), $sums, 'and those by day');
is(spent($t), $spent, 'and what was spent');
verified($t, 'a month later');

is($t->post($path, claude('again'), key => $key)->{status}, 200, 'a call');
ok(wait_for(sub { newest($t) == $calls + 1 }), 'numbers go on');
$spent = spent($t);

my $lost = $t->get('/llm/live?since=0&types=request', timeout => 2,
                   headers => { Accept => 'text/event-stream' })->{body};
like($lost, qr/"type":"lost","from":1,"to":$calls\}/,
     'the live feed says what is gone');
like($lost, qr/"type":"request","seq":@{[ $calls + 1 ]},/, 'and what is not');

$t->quit;
$t->start;
is(spent($t), $spent, 'after a restart it is the same');

set_time($start + 62 * $day);
ok($t->reload, 'a reload');
ok(wait_for(sub { sums('day') =~ /^0 / }, 40),
   'another month later: no more sums');
is(spent($t), $spent, 'but what was spent');
verified($t, 'another month later');

$t->finish;

# by size: 90 calls with a megabyte each

my $large = LLM::Test->gateway(http => "
    llm_store store sync=50ms journal_size=16m;
    llm_log_retention off size=64m;
    llm_customer acme { llm_budget 5000 total; }
    llm_team ml { customer acme; llm_budget 1000 1Y; }
    llm_virtual_key tester { secret $key; team ml; llm_budget 500 1M;
        llm_log_content request size=1m; }
");

$large->start_sim->start;

my $body = json_encode(claude('x' x 1_100_000));

for my $n (1 .. 90) {
    my $r = $large->post($path, $body, key => $key);
    is($r->{status}, 200, "call $n") if $r->{status} != 200 || $n == 90;
    wait_for(sub { newest($large) == $n });
}

sub used { return info($_[0])->{size} =~ /^(\d+) bytes used / ? $1 : die }

ok(wait_for(sub { used($large) <= 64 * 1024 * 1024 }, 40),
   'it becomes no larger than it may');

my @left = map { $_->{seq} }
    @{ $large->get('/llm/logs?order=asc&limit=1000')->{json}{logs} };
is($left[-1], 90, 'the newest rows stay');
cmp_ok($left[0], '>', 1, 'the oldest go');
cmp_ok(scalar @left, '>', 40, 'and no more than need be');
is(join(' ', @left), join(' ', $left[0] .. 90), 'none between them');
is($large->get('/llm/spend?period=48h')->{json}{total}{requests}, 90, 'all was spent');
is($large->account(virtual_key => 'tester')->{spent}{requests}, 90,
   'and is counted');
verified($large, 'by size');

$large->finish;
done_testing;
