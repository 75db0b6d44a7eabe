#!/usr/bin/perl

# kill -9, again and again, at random moments under load: a worker, all of them,
# the background process, the master before the others, all processes at once, and
# again while nginx starts after that.  After each of it the ledger is held against what the simulated Bedrock served:
# every call that it answered is charged, once; what the gateway read to its end
# exactly, what was under way as estimated; every counter is the sum of its rows.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Books;
use LLM::Test;
use Test::More;
use Time::HiRes qw(time sleep);

my $rounds = $ENV{LLM_CRASH_ROUNDS} // ($ENV{LLM_SANITIZE} ? 16 : 56);
my $calls = 120;

my @keys = map { "key$_" } 0 .. 3;
my %key = map { ($_ => "sk-test-$_-0123456789") } @keys;

my $t = LLM::Test->gateway(workers => 2, http => "
    llm_store %%PREFIX%%/store journal=%%PREFIX%%/journal sync=100ms;
    llm_customer acme { llm_budget 100000 1M; }
    llm_team ml { customer acme; llm_budget 90000 1w; }
    " . join '', map { "llm_virtual_key $_ { secret $key{$_}; team ml;
        llm_budget 50000 1d; llm_rate_limit requests=1000000/1Y; }\n" } @keys);

push @{ $t->{allowed} }, qr/exited on signal (?:9|11)/,
    qr/shared memory zone .* was locked by/;

$t->start_sim->start;

# the moments are random, and the same for whoever wants to see them again

my $seed = $ENV{LLM_CRASH_SEED} // time * 1000 % 1_000_000_007;
srand $seed;
diag("LLM_CRASH_SEED=$seed");

my $books = LLM::Books->new($t, map { $key{$_} } @keys);

# All that is left of nginx; the group is the master's, even when that is dead.

sub kill_group {
    my $pid = delete $t->{pid}{nginx};

    kill 'KILL', -$pid;
    waitpid $pid, 0;
    wait_for(sub { LLM::Test::gone($pid) }, 10);
    unlink "$t->{prefix}/logs/nginx.pid";
}

sub kill_all {
    kill_group();
    $t->start;
}

# Starts that come to no end.

sub kill_starts {
    kill_group();

    for (1 .. 3) {
        $t->spawn('nginx', '/dev/null', $t->{nginx}, '-p', $t->{prefix}, '-c',
                  "$t->{prefix}/conf/nginx.conf", '-e',
                  "$t->{prefix}/logs/error.log");
        sleep rand 0.15;
        kill_group();
    }

    $t->start;
}

my %kill = (
    worker => sub { kill $_[0], ($t->workers)[0] // return },
    workers => sub { kill $_[0], $t->workers },
    background => sub { kill $_[0], $t->manager },
    all => \&kill_all,
    starts => \&kill_starts,
    master => sub {
        kill $_[0], $t->pid;
        sleep 0.01 + rand 0.3;
        kill_all();
    });

# ASan reports the other one as a fault of its own

my $segv = $ENV{LLM_SANITIZE} ? 'KILL' : 'SEGV';

my @plan = ([ all => 'KILL' ], [ worker => 'KILL' ], [ all => 'KILL' ],
            [ worker => $segv ], [ background => 'KILL' ],
            [ workers => 'KILL' ], [ master => 'KILL' ],
            [ starts => 'KILL' ]);

for my $round (1 .. $rounds) {
    my ($who, $signal) = @{ $plan[$round % @plan] };

    my $load = $books->load_begin($calls);

    sleep 0.05 + rand 0.5;
    $kill{$who}->($signal);
    waitpid $load, 0;

    my $goes_on = wait_for(sub { $t->workers == 2 }, 10) && $books->settled;

    ok($goes_on, "round $round: $who killed, $signal") or last;
    $books->ok_all("round $round") or last;
}

$books->ok_many($rounds * 10);

# the last word belongs to a restart: what was in shared memory is gone

kill_all();
$books->settled;
$books->ok_all('after a restart');

$t->finish;

done_testing();
