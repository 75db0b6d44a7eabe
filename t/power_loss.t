#!/usr/bin/perl

# The power goes: of the store there is what was synced, and any of the pages
# that were only written; of the journal nothing, if it is in memory, or each of
# its pages as it was at one time or another.  The store opens, what was settled
# before the last interval of `sync=` is charged, what was under way then is
# charged as estimated.  t/lib/power_loss.c keeps what a disk would hold.

use strict;
use warnings;

use File::Copy qw(copy);
use File::Path qw(make_path remove_tree);
use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use POSIX ();
use Test::More;
use Time::HiRes qw(time sleep);

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

# What was not synced is on the disk or not, page by page: what is in use there
# must not have been written over.

sub half_written {
    my ($old, $new) = @_;

    open my $disk, '+<:raw', $old or die "$old: $!";
    open my $live, '<:raw', $new or die "$new: $!";

    for (my $page = 0; read $live, my $bytes, 4096; $page++) {
        next if rand() < 0.5;
        seek $disk, $page * 4096, 0;
        print $disk $bytes;
    }

    close $disk;
    return;
}

# The journal as it was before.

sub keep_journal {
    remove_tree("$t->{prefix}/before");
    make_path("$t->{prefix}/before");
    copy($_, "$t->{prefix}/before") for glob "$t->{prefix}/journal/*.journal";
}

sub half_journal {
    for my $old (glob "$t->{prefix}/before/*.journal") {
        my ($name) = $old =~ m{([^/]+)$};
        my $new = "$t->{prefix}/journal/$name";
        half_written($old, $new) if -e $new;
    }

    remove_tree("$t->{prefix}/journal");
    rename "$t->{prefix}/before", "$t->{prefix}/journal";
}

sub power_goes {
    my ($memory) = @_;

    my $pid = delete $t->{pid}{nginx};

    kill 'KILL', -$pid;
    waitpid $pid, 0;
    wait_for(sub { LLM::Test::gone($pid) }, 10);

    my $data = "$t->{prefix}/data.mdb";
    copy("$disk/data.mdb", $data) or die "$disk/data.mdb: $!";
    half_written($data, "$store/data.mdb");

    half_journal() if !$memory;
    remove_tree($store, $memory ? "$t->{prefix}/journal" : ());
    unlink "$t->{prefix}/logs/nginx.pid";
    make_path($store);
    rename $data, "$store/data.mdb" or die "$data: $!";

    $t->start;
}

sub settled {
    return wait_for(sub {
        !$t->account(virtual_key => 'tester')->{in_flight} }, 20);
}

# What was spent until now is in the store when it was written twice.

sub written {
    for (1 .. 2) {
        my $before = $t->status->{store}{written} // '';

        wait_for(sub {
            ($t->status->{store}{written} // '') ne $before }, 10) or return 0;
    }

    return 1;
}

sub call {
    my ($tag, %o) = @_;

    return { path => $path, timeout => 10,
             headers => { Authorization => "Bearer $key",
                          'X-LLM-Tags' => $tag },
             body => claude(sim(input => 100, output => 50, tag => $tag,
                                %o)) };
}

# A call that goes on until the power goes.

sub stream {
    my ($tag) = @_;

    my $call = call($tag, chunks => 50, delay_ms => 1000);
    my $body = json_encode($call->{body});
    my $sock = http_connect($t->port);

    http_send($sock, "POST $path-with-response-stream HTTP/1.1\r\nHost: x\r\n"
        . join('', map { "$_: $call->{headers}{$_}\r\n" }
                   sort keys %{ $call->{headers} })
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body");

    return $sock;
}

# All rows of the log: what is wrong with them, and by tag.

sub rows {
    my ($truth) = @_;

    my (%row, @wrong);
    my $next = '';

    do {
        my $r = $t->get('/llm/logs?format=ndjson&order=asc&limit=1000'
                        . ($next && "&cursor=$next"));
        die "/llm/logs: $r->{status} $r->{body}\n" if $r->{status} != 200;

        for my $row (map { json_decode($_) } split /\n/, $r->{body}) {
            my $tag = $row->{tags}[0];
            push @wrong, "$tag is in the log twice" if $row{$tag};
            push @wrong, "$tag: $row->{cost} instead of $truth->{$tag}"
                if $row->{price} eq 'exact'
                && LLM::Test::nano($row->{cost}) != ($truth->{$tag} // -1);
            $row{$tag} = $row;
        }

        $next = $r->{headers}{'x-llm-next'} // '';
    } while (length $next);

    return (\%row, @wrong);
}

my $seed = $ENV{LLM_POWER_SEED} // time * 1000 % 1_000_000_007;
srand $seed;
diag("LLM_POWER_SEED=$seed");

my $number = 0;
my @streams;

for my $round (1 .. $rounds) {
    my $memory = $round % 2;

    keep_journal();
    $t->load(8, map { call('c' . ++$number) } 1 .. 60);
    settled();

    my @tags = map { "s$round.$_" } 1 .. 3;
    my @socks = map { stream($_) } @tags;
    push @streams, @tags;

    ok(wait_for(sub {
        $t->account(virtual_key => 'tester')->{in_flight} == @socks }),
       "round $round, journal in memory or not: $memory: streams");

    my $sure = $number;
    ok(written(), 'and the store is written');

    my $load = fork // die "fork: $!";

    if ($load == 0) {
        open STDERR, '>', '/dev/null';
        eval { $t->load(8, map { call("c" . ++$number) } 1 .. 200) };
        POSIX::_exit(0);
    }

    $number += 200;

    sleep 0.03 + rand 0.4;
    power_goes($memory);
    waitpid $load, 0;
    settled();
    close $_ for @socks;

    my $tags = $t->totals->{tags};
    my ($rows, @wrong) = rows({ map { ($_ => $tags->{$_}{cost_nano}) }
                                keys %$tags });

    push @wrong, map { "c$_ is not charged as it was" }
        grep { !$rows->{"c$_"} || $rows->{"c$_"}{price} ne 'exact' }
        $sure - 59 .. $sure;
    push @wrong, map { "$_ is not charged, but was under way" }
        grep { !$rows->{$_} || !$rows->{$_}{cost}
               || $rows->{$_}{price} ne 'estimated' }
        @streams;

    is(scalar @wrong, 0, 'what was synced is charged, once')
        or diag(join "\n", @wrong[0 .. ($#wrong > 9 ? 9 : $#wrong)]);

    my $sum = 0;
    $sum += LLM::Test::nano($_->{cost}) for values %$rows;
    is($t->spent($_->[0] => $_->[1]), $sum, "which $_->[0] says, too")
        for [ customer => 'acme' ], [ team => 'ml' ],
            [ virtual_key => 'tester' ], [ provider => 'main' ];

    my $verify = `$LLM::Test::root/scripts/store verify $store 2>&1`;
    is($? >> 8, 0, 'scripts/store verify finds no difference')
        or diag($verify);
}

$t->finish;

done_testing();
