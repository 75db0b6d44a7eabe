#!/usr/bin/perl

# The power goes: of the store there is what was synced, of the journal (in
# memory) nothing.  What was settled before the last interval of `sync=` is
# charged, the store opens, and its parts agree.  t/lib/power_loss.c keeps what
# a disk would hold.

use strict;
use warnings;

use File::Copy qw(copy);
use File::Path qw(make_path remove_tree);
use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

plan(skip_all => 'ASan wants to be the first that is preloaded')
    if $ENV{LLM_SANITIZE};

my $key = 'sk-test-power-0123456789';
my $rounds = 8;

my $t = LLM::Test->gateway(workers => 2, http => "
    llm_store %%PREFIX%%/store journal=%%PREFIX%%/journal sync=100ms;
    llm_customer acme { llm_budget 1000 1M; }
    llm_team ml { customer acme; llm_budget 900 1w; }
    llm_virtual_key tester { secret $key; team ml; llm_budget 500 1d; }");

push @{ $t->{allowed} }, qr/exited on signal 9/;

my $library = "$t->{prefix}/power_loss.so";

plan(skip_all => 'no C compiler for t/lib/power_loss.c')
    if system("cc -shared -fPIC -O1 -o $library $FindBin::Bin/lib/power_loss.c"
              . " -ldl 2> $t->{prefix}/logs/cc") != 0;

my $store = "$t->{prefix}/store";
my $disk = "$t->{prefix}/disk";
make_path($disk);

$t->{env} = { LD_PRELOAD => $library, POWER_LOSS_FROM => $store,
              POWER_LOSS_TO => $disk };
$t->start_sim->start;

my $path = invoke_path($LLM::Test::haiku);

sub power_goes {
    my $pid = delete $t->{pid}{nginx};

    kill 'KILL', -$pid;
    waitpid $pid, 0;
    wait_for(sub { LLM::Test::gone($pid) }, 10);

    remove_tree($store, "$t->{prefix}/journal");
    unlink "$t->{prefix}/logs/nginx.pid";
    make_path($store);

    for my $file (glob "$disk/*.mdb") {
        my ($name) = $file =~ m{([^/]+)$};
        copy($file, "$store/$name") or die "$file: $!" if $name ne 'lock.mdb';
    }

    $t->start;
}

sub settled {
    return wait_for(sub {
        !$t->account(virtual_key => 'tester')->{in_flight} }, 20);
}

sub written {
    my $before = $t->status->{store}{written} // '';

    return wait_for(sub {
        ($t->status->{store}{written} // '') ne $before }, 10);
}

my $number = 0;

sub calls {
    my ($n) = @_;

    return map { {
        path => $path, timeout => 10,
        headers => { Authorization => "Bearer $key" },
        body => claude(sim(input => 100 + ++$number, output => 50)) } }
        1 .. $n;
}

for my $round (1 .. $rounds) {
    $t->load(8, calls(60));
    settled();

    # what was spent until here is in the store when it was written twice

    my $sure = $t->spent(customer => 'acme');
    ok(written() && written(), "round $round: the store is written");

    my $load = fork // die "fork: $!";

    if ($load == 0) {
        open STDERR, '>', '/dev/null';
        eval { $t->load(8, calls(200)) };
        POSIX::_exit(0);
    }

    sleep 0.03 + rand 0.4;
    power_goes();
    waitpid $load, 0;
    settled();

    my $spent = $t->spent(customer => 'acme');

    cmp_ok($spent, '>=', $sure, "round $round: what was synced is there");
    cmp_ok($spent, '<=', $t->totals->{cost_nano} + 50_000_000,
           'and not more than was spent');
    is($t->spent($_->[0] => $_->[1]), $spent, "$_->[0] agrees")
        for [ team => 'ml' ], [ virtual_key => 'tester' ],
            [ provider => 'main' ];
}

$t->quit;

my $verify = `$LLM::Test::root/scripts/store verify $store 2>&1`;
is($? >> 8, 0, 'scripts/store verify finds no difference') or diag($verify);

$t->start;
$t->finish;

done_testing();
