#!/usr/bin/perl

# A binary upgrade (USR2) under load: two masters serve from one store.  No
# request is lost, and after it each is charged, once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use POSIX ();
use Test::More;
use Time::HiRes qw(time sleep);

plan(skip_all => 'a sanitizer\'s options do not survive an upgrade')
    if $ENV{LLM_SANITIZE};

my @keys = map { "key$_" } 0 .. 3;
my %key = map { ($_ => "sk-test-$_-0123456789") } @keys;

# nginx takes no USR2 while the process that started it still lives

my $nginx = $ENV{LLM_NGINX} || '/usr/sbin/nginx';
my $starter = LLM::Test->new(module => '');
my $wrapper = $starter->file('nginx', "#!/bin/sh\n$nginx \"\$@\" &\nsleep 1\n");
chmod 0755, $wrapper;

my $t = LLM::Test->gateway(workers => 2, nginx => $wrapper, http => "
    llm_store %%PREFIX%%/store sync=200ms;
    llm_customer acme { llm_budget 1000 1M; }
    llm_team ml { customer acme; llm_budget 900 1w; }
    " . join '', map { "llm_virtual_key $_ { secret $key{$_}; team ml;
        llm_budget 500 1d; llm_rate_limit requests=100000/1d; }\n" } @keys);

$t->start_sim->start;

my $path = invoke_path($LLM::Test::haiku);
my $stream = "$path-with-response-stream";
my $pid_file = "$t->{prefix}/logs/nginx.pid";

sub pid_in {
    my ($file) = @_;

    my ($pid) = LLM::Test::slurp($file) =~ /^(\d+)/;
    return $pid // 0;
}

# Starts a second master beside the running one; its pid.

sub second_master {
    my $old = pid_in($pid_file);

    kill 'USR2', $old;

    return wait_for(sub {
        my $new = pid_in($pid_file);
        return $new && $new != $old && kill(0, $new) ? $new : 0;
    }, 20);
}

sub gone {
    my ($pid) = @_;

    return wait_for(sub { !kill 0, $pid }, 20);
}

# All processes of nginx; the first of them that was started has their group.

sub end_all {
    my $group = $t->pid;

    kill 'QUIT', pid_in($pid_file);
    ok(wait_for(sub { waitpid $group, POSIX::WNOHANG(); !kill 0, -$group },
                20), 'all have ended');
    delete $t->{pid}{nginx};
    return;
}

# Calls for a while in the background; what came of them.

sub begin_load {
    my ($n) = @_;

    my $file = $t->file("load-$n.result");
    my $pid = fork // die;

    if ($pid == 0) {
        my @results = $t->load(20, map {
            my $key = $keys[$_ % @keys];
            { path => $_ % 3 ? $stream : $path,
              headers => { Authorization => "Bearer $key{$key}",
                           Connection => 'close' },
              body => claude(sim(input => 50, output => 20, chunks => 6,
                                 delay_ms => 10, tag => $key)) }
        } 1 .. $n);
        my @bad = grep { $_->{status} != 200 || !$_->{complete} } @results;
        $t->file("load-$n.result", json_encode({
            all => scalar @results, bad => scalar @bad,
            first => $bad[0] // {} }));
        POSIX::_exit(0);
    }

    return sub {
        waitpid $pid, 0;
        my $r = json_decode(LLM::Test::slurp($file)) // {};
        is($r->{all}, $n, "$n calls meanwhile");
        is($r->{bad}, 0, 'each was answered, whole')
            or diag(json_encode($r->{first}));
    };
}

sub is_exact {
    my ($name) = @_;

    my $totals = $t->totals;

    ok(wait_for(sub { $t->held(customer => 'acme') == 0 }),
       "$name: nothing is held");
    ok(wait_for(sub { $t->spent(customer => 'acme')
                      == $totals->{cost_nano} }, 8),
       "$name: charged what was served, " . $totals->{cost_nano} . ' n$')
        or diag($t->spent(customer => 'acme'));
    is($t->spent(virtual_key => $_), $totals->{tags}{$_}{cost_nano} // 0,
       "$name: $_") for @keys;
    is($t->spent(team => 'ml'), $totals->{cost_nano}, "$name: the team");
    return;
}

sleep 1.2;

sleep 1.2;          # until that process is gone

# an upgrade: the new master takes over while calls go on, one stream is longer
# than both

my $long = json_encode(claude(sim(input => 100, output => 50, chunks => 40,
                                  delay_ms => 80, tag => $keys[0])));
my $sock = http_connect($t->port);
http_send($sock, "POST $stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
    . "$key{$keys[0]}\r\nContent-Length: " . length($long) . "\r\n\r\n$long");
sleep 0.3;

my $loaded = begin_load(900);
sleep 0.5;

my $old = pid_in($pid_file);
my $new = second_master();
ok($new, 'a second master has started');
is(pid_in("$pid_file.oldbin"), $old, 'beside the first one');
sleep 1;
kill 'QUIT', $old;
$loaded->();

my $r = http_read($sock);
close $sock;
ok($r->{complete}, 'the long stream came whole');
is((chunks($r->{body}))[-1]{type}, 'message_stop', 'to its end');
ok(gone($old), 'the old master has gone');
is_exact('after the upgrade');

# an upgrade that is taken back: the second master goes, the first one stays

$loaded = begin_load(600);
sleep 0.4;
my $third = second_master();
ok($third && $third != $new, 'another one');
sleep 0.8;
kill 'QUIT', $third;
$loaded->();
ok(gone($third), 'it has gone again');
ok(wait_for(sub { pid_in($pid_file) == $new }), 'the one before goes on');
is_exact('after it was taken back');

# started anew: the store has it all

end_all();
$t->start;
is_exact('after a restart');

$r = $t->post($path, claude(sim(output => 5, tag => $keys[1])),
              key => $key{$keys[1]});
is($r->{status}, 200, 'and it serves');
is_exact('and one more call');

end_all();
$t->finish;
done_testing;
