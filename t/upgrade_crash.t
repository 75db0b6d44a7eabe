#!/usr/bin/perl

# Binary upgrades (USR2) under load, in which processes of both masters are
# killed, and all of them at once: every call that was answered is charged,
# once, and the master that stays knows of all of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Books;
use LLM::Test;
use POSIX ();
use Test::More;
use Time::HiRes qw(time sleep);

plan(skip_all => 'a sanitizer\'s options do not survive an upgrade')
    if $ENV{LLM_SANITIZE};

my $key = 'sk-test-upgrade-0123456789';
my $rounds = 6;

# nginx takes no USR2 while the process that started it still lives

my $nginx = $ENV{LLM_NGINX} || '/usr/sbin/nginx';
my $starter = LLM::Test->new(module => '');
my $wrapper = $starter->file('nginx', "#!/bin/sh\n$nginx \"\$@\" &\nsleep 1\n");
chmod 0755, $wrapper;

my $t = LLM::Test->gateway(workers => 2, nginx => $wrapper, http => "
    llm_store %%PREFIX%%/store sync=100ms;
    llm_customer acme { llm_budget 100000 1M; }
    llm_team ml { customer acme; llm_budget 90000 1w; }
    llm_virtual_key tester { secret $key; team ml; llm_budget 50000 1d; }");

push @{ $t->{allowed} }, qr/exited on signal 9/,
    qr/shared memory zone .* was locked by/;

$t->start_sim->start;

my $pid_file = "$t->{prefix}/logs/nginx.pid";
my $group = $t->pid;

sub pid_in {
    my ($pid) = LLM::Test::slurp($pid_file) =~ /^(\d+)/;
    return $pid // 0;
}

# The workers and background processes of both masters.

sub processes {
    my @found;

    for my $path (glob '/proc/[0-9]*/stat') {
        my ($pid, $state, $its) = LLM::Test::slurp($path)
            =~ /^(\d+) \(.*\) (\S) \d+ (\d+)/s or next;
        next if $its != $group || $state =~ /[ZX]/;
        push @found, $pid if LLM::Test::slurp("/proc/$pid/cmdline")
            =~ /worker process|cache manager/;
    }

    return @found;
}

my $starter_gone = sub { LLM::Test::slurp("/proc/$group/stat")
                         !~ /^\d+ \(.*\) [^ZX]/s };
my $seed = $ENV{LLM_CRASH_SEED} // time * 1000 % 1_000_000_007;
srand $seed;
diag("LLM_CRASH_SEED=$seed");

my $books = LLM::Books->new($t, $key);

for my $round (1 .. $rounds) {

    # until the process that started the last one is gone

    wait_for($starter_gone, 10);
    sleep 0.3;

    my $load = $books->load_begin(400);
    sleep 0.2 + rand 0.3;

    my $old = pid_in();
    kill 'USR2', $old;
    ok(wait_for(sub { my $new = pid_in();
                      $new && $new != $old && kill 0, $new }, 20),
       "round $round: a second master");

    for (1 .. 3) {
        sleep 0.1 + rand 0.3;
        my @processes = processes() or next;
        kill 'KILL', $processes[rand @processes];
    }

    kill 'KILL', processes() if $round % 3 == 0;
    kill 'QUIT', $old;
    waitpid $load, 0;

    ok(wait_for(sub { !kill 0, $old }, 30) && $books->settled,
       "round $round: the first one has gone");
    $books->ok_all("round $round") or last;
}

$books->ok_many($rounds * 100);

kill 'QUIT', pid_in();
ok(wait_for(sub { waitpid $group, POSIX::WNOHANG(); LLM::Test::gone($group) },
            20), 'all have ended');
delete $t->{pid}{nginx};

$t->{nginx} = $nginx;
$t->start;
$books->ok_all('after a restart');

$t->finish;

done_testing();
