#!/usr/bin/perl

# Windows turn by themselves: nginx and the simulated Bedrock run on a clock
# that the test moves on (t/lib/clock_shift.c), so that a minute, a week, a
# year take no time.

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

my @periods = qw(1m 1h 1d 1w 1M 1Y);
my %key = map { ($_ => "sk-test-$_-0123456789") }
    @periods, qw(rates pair across total);

my $t = LLM::Test->gateway(workers => 2, provider =>
    provider('main', 'region us-east-1; llm_rate_limit requests=3/1m;')
    . provider('dear', 'region eu-west-1; llm_budget 0.00001 1h;')
    . provider('spare', 'region us-west-2;'),
    http => "
    llm_route pair { provider main; provider dear; provider spare backup; }
    llm_route spare { provider spare; }
    llm_virtual_key pair { secret $key{pair}; route pair; }
    llm_virtual_key rates { secret $key{rates}; route spare;
                            llm_rate_limit requests=2/1m tokens=1000/1h; }
    llm_virtual_key across { secret $key{across}; route spare;
                             llm_budget 1 1m; llm_budget 1 1Y; }
    llm_virtual_key total { secret $key{total}; route spare;
                            llm_budget 0.00001 total; }
    " . join '', map { "llm_virtual_key k$_ { secret $key{$_}; route spare;
        llm_budget 0.00001 $_; }\n" } @periods);

my $shift = $t->file('shift', pack 'q', 0);
my $library = "$t->{prefix}/clock_shift.so";

plan(skip_all => 'no C compiler for the clock')
    if system("cc -shared -fPIC -O1 -o $library $FindBin::Bin/lib/clock_shift.c"
              . " 2> $t->{prefix}/logs/cc") != 0;

$t->{env} = { LD_PRELOAD => $library, CLOCK_SHIFT_FILE => $shift };

my $shifted = 0;

sub now { return time + $shifted / 1000 }

# written into the same file, which is mapped; nginx looks at the clock with
# each event, so it is given one

sub set_time {
    my ($when) = @_;

    $shifted = int(1000 * ($when - time));
    open my $fh, '+<:raw', $shift or die "$shift: $!";
    syswrite $fh, pack 'q', $shifted;
    close $fh;
    sleep 0.05;
    return;
}

# in the middle of everything

my $start = timegm(5, 30, 10, 14, 6, (gmtime)[5] + 1901);
set_time($start);
$t->start_sim->start;

like($t->get('/llm/')->{headers}{date}, qr/ Jul /, 'the clock is ours to move');

my $path = invoke_path($LLM::Test::haiku);

sub call {
    my ($name, %o) = @_;

    return $t->post($path, claude(sim(input => 10, output => 10, %o),
                                  max_tokens => 10), key => $key{$name});
}

sub details {
    my $r = $t->post('/anthropic/v1/messages', {
        model => 'claude-3-haiku-20240307', max_tokens => 5,
        messages => [ { role => 'user', content => 'hi' } ] },
        key => $key{$_[0]});
    return $r->{json}{error}{details} // {};
}

sub regions {
    my %found = %{ $t->totals->{regions} };
    return { map { ($_ => $found{$_}{requests}) } keys %found };
}

# a provider over its limit, another one over its budget: both leave the
# choice, and each returns with its own window

is(call('pair')->{status}, 200, "call $_") for 1 .. 8;
is(regions()->{'us-east-1'}, 3, 'the first one has served its three');
is(regions()->{'eu-west-1'}, 1, 'the second one what it had money for');
is(regions()->{'us-west-2'}, 4, 'the backup the rest');

set_time($start + 54);
call('pair');
is(regions()->{'us-west-2'}, 5, 'a second before the turn: the backup');

set_time($start + 56);
call('pair') for 1 .. 4;
is(regions()->{'us-east-1'}, 6, 'the minute turns: the first one is back');
is(regions()->{'us-west-2'}, 6, 'for three calls');

set_time($start + 1800);
call('pair') for 1 .. 5;
is(regions()->{'eu-west-1'}, 2, 'the hour turns: the second one, too');

# a key's rate limits

set_time($start + 3600);
is(call('rates')->{status}, $_, "rates: $_") for 200, 200, 429;
my $r = call('rates');
cmp_ok(abs($r->{headers}{'retry-after'} - 55), '<=', 3,
       "told when: in $r->{headers}{'retry-after'} s");
set_time(now() + $r->{headers}{'retry-after'} + 1);
is(call('rates')->{status}, 200, 'and then it is so');

# budgets of every period: refused to the last second, then there is room

for my $period (@periods) {
    set_time($start + 7200);

    is(call($period)->{status}, 200, "$period: there is room");
    wait_for(sub { $t->held(virtual_key => "k$period") == 0 });
    is(call($period)->{status}, 400, "$period: there is none");

    my $details = details($period);
    is($details->{window}, $period, "$period: says whose window");
    my @at = ($details->{reset_at} // '')
        =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)Z$/
        or next;
    my $turn = timegm(@at[5, 4, 3, 2], $at[1] - 1, $at[0]);
    my $text = strftime '%a %F %T', gmtime $turn;
    my %wanted = ('1m' => qr/12:31:00$/, '1h' => qr/13:00:00$/,
                  '1d' => qr/-07-15 00:00:00$/, '1w' => qr/^Mon .* 00:00:00$/,
                  '1M' => qr/-08-01 00:00:00$/, '1Y' => qr/-01-01 00:00:00$/);
    like($text, $wanted{$period}, "$period: until $text");

    set_time($turn - 2);
    is(call($period)->{status}, 400, "$period: refused until then");
    set_time($turn + 0.5);
    is(call($period)->{status}, 200, "$period: room again");
}

# one that never resets

is(call('total')->{status}, 200, 'total: there is room');
wait_for(sub { $t->held(virtual_key => 'total') == 0 });
set_time($start + 20 * 366 * 86400);
is(call('total')->{status}, 400, 'total: none, also after twenty years');

# a call on its way when the window turns counts where it ends, once

set_time($start + 21 * 366 * 86400);
my $sock = http_connect($t->port);
my $body = json_encode(claude(sim(input => 100, output => 50, chunks => 8,
                                  delay_ms => 80)));
http_send($sock, "POST $path-with-response-stream HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer $key{across}\r\nContent-Length: " . length($body)
    . "\r\n\r\n$body");
ok(wait_for(sub { $t->held(virtual_key => 'across') }), 'a call is under way');
sleep 0.2;
set_time(now() + 60);
cmp_ok($t->held(virtual_key => 'across'), '>', 0,
       'the minute turns: still held');
ok(http_read($sock)->{complete}, 'it comes whole');
close $sock;
ok(wait_for(sub { $t->held(virtual_key => 'across') == 0 }), 'nothing is held');

my %limits = map { ($_->{period} // $_->{window} => $_) }
    @{ $t->account(virtual_key => 'across')->{limits} };
for my $period (qw(1m 1Y)) {
    my $limit = $limits{$period};
    is(LLM::Test::nano($limit->{spent} // $limit->{used}), 87_500,
       "$period: charged once") or diag(json_encode(\%limits));
    cmp_ok($limit->{held} // 0, '==', 0, "$period: nothing is held");
}

is($t->totals->{errors}{InvalidSignatureException}, undef,
   'every signature had the right time');

$t->finish;

# Windows that turn under load, while workers are killed, and the store is
# written: what the accounts say is what a restart finds, and what the rows add
# up to.

$shifted = 0;
$t = LLM::Test->gateway(workers => 2,
    allowed => [qr/exited on signal 9/, qr/was locked by/], http => "
    llm_store %%PREFIX%%/store journal=%%PREFIX%%/journal sync=100ms;
    llm_customer acme { llm_budget 1000 1h; llm_rate_limit tokens=100000000/5m; }
    llm_team ml { customer acme; llm_budget 1000 1d; llm_budget 1000 1w;
                  llm_rate_limit requests=1000000/5m; }
    llm_virtual_key across { secret $key{across}; team ml;
                             llm_budget 1000 5m; llm_budget 1000 1Y; }");
$t->{env} = { LD_PRELOAD => $library,
              CLOCK_SHIFT_FILE => $t->file('shift', pack 'q', 0) };
$shift = "$t->{prefix}/shift";
srand 11;

# every five minutes something turns; the last of them a year

my @turns = map { timegm(0, 0, 0, 1, 0, (gmtime)[5] + 1901) + $_ }
    -7200, -3900, -3600, -300, 0;

set_time($turns[0] - 30);
$t->start_sim->start;

sub amounts {
    my $status = $t->status;
    my %found;

    for my $kind (qw(customers teams virtual_keys providers)) {
        for my $account (@{ $status->{$kind} }) {
            my $name = "$kind $account->{name}";
            $found{"$name $_"} = $account->{spent}{$_}
                for sort keys %{ $account->{spent} };
            $found{"$name $_->{metric} $_->{window}"} = $_->{used}
                for @{ $account->{limits} };
        }
    }

    return \%found;
}

sub restart {
    my $pid = delete $t->{pid}{nginx};

    kill 'KILL', -$pid;
    waitpid $pid, 0;
    wait_for(sub { LLM::Test::gone($pid) }, 10);
    unlink "$t->{prefix}/logs/nginx.pid";
    $t->start;
}

for my $turn (@turns) {
    my $text = strftime '%F %T', gmtime $turn;
    set_time($turn - 1.2);

    my $load = fork // die "fork: $!";

    if ($load == 0) {
        eval { $t->load(24, map { {
            path => "$path-with-response-stream", timeout => 20,
            headers => { Authorization => "Bearer $key{across}" },
            body => claude(sim(input => 100, output => 50, delay_ms => 40,
                               chunks => 1 + int rand 20)) } } 1 .. 400) };
        POSIX::_exit(0);
    }

    sleep 1 + rand;
    kill 'KILL', ($t->workers)[0] // ();
    waitpid $load, 0;
    cmp_ok(now(), '>', $turn, "$text: windows turn under load");

    ok(wait_for(sub { my $status = $t->status;
                      $t->workers == 2 && !grep { $_->{in_flight} }
                          map { @{ $status->{$_} // [] } }
                          qw(virtual_keys providers) }, 20),
       'nothing is held');
    my $before = amounts();
    cmp_ok($before->{'teams ml requests 5m'}, '>', 0, 'the new one counts');
    restart();
    is_deeply(amounts(), $before, 'a restart finds what the accounts said');

    my $verify = `$LLM::Test::root/scripts/store verify $t->{prefix}/store 2>&1`;
    is($? >> 8, 0, 'which is what the rows add up to') or diag($verify);
}

$t->finish;
done_testing;
