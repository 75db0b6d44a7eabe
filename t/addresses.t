#!/usr/bin/perl

# A provider's host whose address changes: the new one is used within seconds,
# without a restart.  nginx gets an /etc/hosts of its own, in a mount
# namespace of its own.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;
use Time::HiRes qw(time sleep);

my $first = LLM::Test->new(module => '');
my $hosts = $first->file('hosts', "127.0.0.1 localhost\n");

plan(skip_all => 'no mount namespace: unshare -m needs root')
    if system("unshare -m mount --bind $hosts /etc/hosts 2>/dev/null") != 0;

# two providers at one port of two addresses

$first->start_sim;
my $port = $first->{sim_port};
my $second = LLM::Test->new(module => '');

plan(skip_all => "no second address of this machine's own")
    if system('ip address show lo | grep -q 127.0.0.1/8') != 0;

$second->start_sim('--host', '127.0.0.2', '--port', $port);

# the control API of the one that is not on 127.0.0.1

sub second {
    my ($name) = @_;

    my $text = `curl -s http://127.0.0.2:$port/_sim/$name`;
    return json_decode($text) // {};
}

# written over, so that the mount stays

sub point_to {
    my ($address) = @_;

    $first->file('hosts', "127.0.0.1 localhost\n$address sim.bedrock.test\n");
    return;
}

point_to('127.0.0.1');

my $nginx = $ENV{LLM_NGINX} || '/usr/sbin/nginx';
my $wrapper = $first->file('nginx', <<"END");
#!/bin/sh
exec unshare -m sh -c 'mount --bind $hosts /etc/hosts && exec "\$0" "\$@"' \\
    $nginx "\$@"
END
chmod 0755, $wrapper;

my $key = 'sk-test-addresses-0123456789';

my $t = LLM::Test->gateway(nginx => $wrapper, provider =>
    provider('main', "endpoint http://sim.bedrock.test:$port;"
             . ' max_failures 0;'),
    http => "llm_virtual_key tester { secret $key; }");

$t->start;

my $path = invoke_path($LLM::Test::haiku);
my $calls = 0;

# `close`: the provider closes the connection after it

sub call {
    my (%o) = @_;

    $calls++;
    return $t->post($path, claude(sim(input => 10, output => 5, %o)),
                    key => $key)->{status};
}

is(call(), 200, 'a host out of /etc/hosts');
is($first->totals->{served}, 1, 'at its first address');

my ($seen) = $first->received;
my %sent = map { (lc $_->[0] => $_->[1]) } @{ $seen->{headers} };
is($sent{host}, "sim.bedrock.test:$port", 'by its name');

# the address changes while calls go on; the old one still answers

my $workers = join ' ', sort $t->workers;
my ($bad, $moved) = (0, 0);
my $began = time;
point_to('127.0.0.2');

while (!$moved && time - $began < 25) {
    $bad++ if call(close => \1) != 200;
    $moved = time - $began if second('totals')->{served};
    sleep 0.2;
}

ok($moved, sprintf 'the new address is used after %.1f s', $moved);
cmp_ok($moved, '<', 15, 'which is soon');
is($bad, 0, 'every call was answered meanwhile');

my $old = $first->totals->{served};
is(scalar(grep { call(close => \1) != 200 } 1 .. 20), 0, 'twenty more calls');
is($first->totals->{served}, $old, 'none of them to the old address');

# the old one may go

$first->end('sim', 'TERM', 5);
is(scalar(grep { call() != 200 } 1 .. 5), 0, 'the old one has gone');
is(join(' ', sort $t->workers), $workers, 'nothing was restarted');

ok(wait_for(sub { $t->held(virtual_key => 'tester') == 0 }),
   'nothing is held');
is($t->spent(virtual_key => 'tester'), $calls * 8_750,
   'every call is charged, once');

$t->finish;
$second->finish;
done_testing;
