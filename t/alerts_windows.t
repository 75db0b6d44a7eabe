#!/usr/bin/perl

# Alerts over time, on a clock that the test moves on (t/lib/clock_shift.c):
# a new window, a projection, a receiver that is gone for a day; and alerts
# without a store.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use LLM::Webhook;
use Test::More;
use Time::HiRes qw(time sleep);
use Time::Local qw(timegm);

plan(skip_all => 'ASan wants to be the first that is preloaded')
    if $ENV{LLM_SANITIZE};

my %key = map { ($_ => "sk-test-$_-0123456789") } qw(day week over);
my $path = invoke_path($LLM::Test::haiku);

sub call {
    my ($t, $name, $tenths) = @_;

    return $t->post($path, claude(sim(input => 3995 + 4000 * ($tenths - 1),
                                      output => 1)), key => $key{$name})
        ->{status};
}

sub gateway {
    my (%o) = @_;

    return LLM::Test->gateway(provider =>
        provider('main', 'region us-east-1; max_failures 0;'), http => "
    $o{store}
    llm_alert 50% 100% projected url=%%HOOK%%;
    llm_virtual_key day { secret $key{day}; llm_budget 0.01 1d; }
    llm_virtual_key week { secret $key{week}; llm_budget 0.01 1w soft;
                           llm_budget 0.1 total; }
    llm_virtual_key over { secret $key{over}; llm_budget 0.01 1d;
                           llm_alert 50% url=http://127.0.0.1:1/; }
    ");
}

my $t = gateway(store => 'llm_store %%PREFIX%%/store;');
my $shift = $t->file('shift', pack 'q', 0);

sub library {
    my ($name) = @_;

    my $library = "$t->{prefix}/$name.so";

    plan(skip_all => "no C compiler for $name.c")
        if system("cc -shared -fPIC -O1 -o $library $FindBin::Bin/lib/$name.c"
                  . " -ldl 2> $t->{prefix}/logs/cc") != 0;

    return $library;
}

my ($clock, $names) = map { library($_) } qw(clock_shift slow_name);

my $hook = LLM::Webhook->new($t, 'hook');
$t->{vars} = { HOOK => $hook->url };
$t->{env} = { LD_PRELOAD => $clock, CLOCK_SHIFT_FILE => $shift };

my $shifted = 0;

sub set_time {
    my ($when) = @_;

    $shifted = int(1000 * ($when - time));
    open my $fh, '+<:raw', $shift or die "$shift: $!";
    syswrite $fh, pack 'q', $shifted;
    close $fh;
    sleep 0.05;
    return;
}

sub said {
    return [ map { my $j = $_->{json};
                   join ' ', $j->{account}{name}, $j->{window}, $j->{type},
                       $j->{threshold} // () } @_ ];
}

# a Wednesday, five minutes past midnight

my $start = timegm(0, 5, 0, 15, 6, 2043);
set_time($start);
$t->start_sim->start;

is(call($t, 'day', 4), 200, '40 % at five past midnight');
is(scalar $hook->got(0), 0, 'too early to project');

set_time($start + 3 * 3600);
my @got = $hook->got(1);
is_deeply(said(@got), [ 'day 1d budget_projected' ],
          'three hours later it is clear: that will not do');
cmp_ok(abs($got[0]{json}{projected} - 0.0311), '<', 0.0002,
       'it would be three times as much');
like($got[0]{json}{text}, qr/If it goes on like this/, 'in words');

set_time($start + 4 * 3600);
is(scalar $hook->got(0), 0, 'it is said once');

is(call($t, 'day', 2), 200, 'on to 60 %');
@got = $hook->got(1);
is_deeply(said(@got), [ 'day 1d budget_threshold 50' ], 'a threshold');

# the next day it begins anew

set_time($start + 86400);
is(scalar $hook->got(0), 0, 'the day turns: nothing is spent');
is(call($t, 'day', 6), 200, '60 % again');
@got = $hook->got(1);
is_deeply(said(@got), [ 'day 1d budget_threshold 50' ],
          'in a new window it is news');

is(call($t, 'week', 5), 200, 'half a week is spent');
@got = $hook->got(2);
is_deeply([ sort @{ said(@got) } ],
          [ 'week 1w budget_projected', 'week 1w budget_threshold 50' ],
          'two budgets of one key: the one that is half spent');

set_time($start + 7 * 86400);
is(scalar $hook->got(0), 0, 'the week turns');
is(call($t, 'week', 45), 200, 'and then a lot is spent');
@got = $hook->got(2);
is_deeply([ sort @{ said(@got) } ],
          [ 'week 1w budget_threshold 100', 'week total budget_threshold 50' ],
          'the week and the total');
is((grep { $_->{json}{window} eq 'total' } @got)[0]{json}{resets}, undef,
   'which never resets');

# nobody is there for a day

is(call($t, 'over', 5), 200, 'an alert for nobody');
ok(wait_for(sub { $t->error_log =~ /127\.0\.0\.1:1, it is tried again/ }, 15),
   'is tried again');
set_time($start + 8 * 86400 + 60);
ok(wait_for(sub { $t->error_log
                      =~ /\[error\].*127\.0\.0\.1:1, it is given up after/ },
            15), 'for a day, then it is given up with a word');
ok(wait_for(sub { $t->status->{alerts}{pending} == 0 }, 10),
   'nothing is pending');
is($t->status->{alerts}{given_up_total}, 1, 'which is counted');

# the clock is set back, as NTP may do it

set_time($start + 7 * 86400);
is(call($t, 'day', 5), 200, 'in a day that has been');
@got = $hook->got(1, timeout => 20);
is_deeply(said(@got), [ 'day 1d budget_threshold 50' ], 'it goes on');

$t->finish;

# without a store: what was said is forgotten with the process

$t = gateway(store => '');
$hook = LLM::Webhook->new($t, 'hook');
$t->{vars} = { HOOK => $hook->url };
$t->start_sim->start;

is(call($t, 'day', 5), 200, 'without a store');
is_deeply([ grep { /threshold/ } @{ said($hook->got(1)) } ],
          [ 'day 1d budget_threshold 50' ], 'it is told');
is(call($t, 'day', 1), 200, 'a call more');
is(scalar(grep { /threshold/ } @{ said($hook->got(0)) }), 0, 'once');

$hook->answers(500, 200);
is(call($t, 'day', 4), 200, 'to 100 %');
@got = $hook->got(2, timeout => 20);
is_deeply([ map { "$_->{status} $_->{json}{threshold}" } @got ],
          [ '500 100', '200 100' ], 'and tried again');

$t->finish;

# a receiver that hangs while it has much to get, one whose name server does not
# answer, and one that is well

my @many = map { "many$_" } 1 .. 40;
my %where = (quick => '%%HOOK%%', later => '%%HOOK%%',
             unnamed => 'http://slow.test/', map { ($_ => '%%HUNG%%') } @many);
my %secret = map { ($_ => "sk-test-$_-0123456789") } keys %where;
my $half = claude(sim(input => 3995, output => 1));

$t = LLM::Test->gateway(env => { LD_PRELOAD => $names }, provider =>
    provider('main', 'region us-east-1; max_failures 0;'), http => '
    llm_store %%PREFIX%%/store;
    ' . join '', map {
        "llm_virtual_key $_ { secret $secret{$_}; llm_budget 0.001 1M soft;
                              llm_alert 50% url=$where{$_}; }\n" }
        sort keys %where);
$hook = LLM::Webhook->new($t, 'hook');
my $hung = LLM::Webhook->new($t, 'hung');
$hung->answers({ status => 200, delay => 600 });
$t->{vars} = { HOOK => $hook->url, HUNG => $hung->url };
$t->start_sim->start;

$t->load(8, map { { path => $path, headers => {
    Authorization => "Bearer $secret{$_}" }, body => json_encode($half) } }
    @many);
ok(wait_for(sub { $t->status->{alerts}{pending} == @many }),
   'a receiver hangs and has much to get');
ok(wait_for(sub { scalar $hung->all }), 'it gets some of it');

is($t->post($path, $half, key => $secret{$_})->{status}, 200, "for $_")
    for 'unnamed', 'quick';
ok(wait_for(sub { scalar $hook->all }, 60), 'another one gets its own');
cmp_ok(scalar $hung->all, '<', @many / 2, 'and does not wait for that one');

ok(wait_for(sub { $t->error_log =~ m{to http://slow\.test, it is tried again} },
            40), 'a name server that does not answer');
is($t->post($path, $half, key => $secret{later})->{status}, 200, 'for later');
ok(wait_for(sub { $hook->all == 2 }, 60), 'is waited for by nobody');

$hung->stop;
$t->finish;
done_testing();
