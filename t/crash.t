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
use LLM::Test;
use POSIX ();
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

my $path = invoke_path($LLM::Test::haiku);
my $stream = "$path-with-response-stream";
my $anthropic = '/anthropic/v1/messages';

# the moments are random, and the same for whoever wants to see them again

my $seed = $ENV{LLM_CRASH_SEED} // time * 1000 % 1_000_000_007;
srand $seed;
diag("LLM_CRASH_SEED=$seed");

my $number = 0;

sub call {
    my $tag = 'c' . ++$number;
    my $key = $key{ $keys[rand @keys] };
    my $streamed = rand > 0.5;
    my $text = sim(input => 10 + int rand 1000, output => 5 + int rand 300,
                   tag => $tag, ($streamed ? (chunks => 1 + int rand 8,
                                              delay_ms => int rand 30) : ()));

    return { path => $streamed ? $stream : $path, body => claude($text),
             timeout => 10,
             headers => { Authorization => "Bearer $key",
                          'x-llm-tags' => $tag } };
}

# Sends calls from another process, so that this one can kill meanwhile.

sub load_begin {
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDERR, '>', '/dev/null';
        eval { $t->load(16, map { call() } 1 .. $calls) };
        POSIX::_exit(0);
    }

    $number += $calls;

    return $pid;
}

# The rows of the request log that were not there before, each once.

my $last = 0;

sub rows {
    my $r = $t->get('/llm/logs?format=ndjson&limit=250');
    die "/llm/logs: $r->{status} $r->{body}\n" if $r->{status} != 200;

    my @rows = map { json_decode($_) }
        grep { /"seq":(\d+)/ && $1 > $last } split /\n/, $r->{body};
    my $first = $last + 1;

    $last = $rows[0]{seq} if @rows;
    die "rows are missing behind $first\n" if @rows != $last - $first + 1;

    return @rows;
}

sub settled {
    return wait_for(sub {
        my $status = $t->status;
        return !grep { $_->{in_flight} } @{ $status->{virtual_keys} // [] };
    }, 20);
}

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
    background => sub { kill $_[0], $t->children(qr/cache manager/) },
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

my %seen = map { ($_ => 0) } qw(exact estimated);
my (%row, %served);
my $sum = 0;

# The rows that are new: what is wrong with them, as lines of text.

sub look {
    my @wrong;
    my @new = rows();

    # what the gateway has read to its end was answered before that

    my $tags = @new ? $t->totals->{tags} : {};

    for my $row (@new) {
        my $tag = $row->{tags}[0] // 'none';
        my $truth = $tags->{$tag};

        push @wrong, "$tag is in the log twice" if $row{$tag}++;
        push @wrong, "$tag was never served but charged exactly"
            if !$truth && $row->{cost} && $row->{price} eq 'exact';
        push @wrong, "$tag: $row->{cost} instead of $truth->{cost_nano}"
            if $truth && $row->{price} eq 'exact'
            && LLM::Test::nano($row->{cost}) != $truth->{cost_nano};
        push @wrong, "$tag was served but is charged nothing"
            if $truth && !$row->{cost};

        $sum += LLM::Test::nano($row->{cost});
        $seen{ $row->{price} }++ if $truth;
        $served{$tag}++ if $truth;
    }

    return @wrong;
}

# What is missing yet: a call in the log, or in an account.

sub missing {
    my ($answered) = @_;

    my @missing = map { "$_ was served but is not in the log" }
        grep { !$row{$_} } sort keys %$answered;
    my $status = $t->status;

    for my $kind (qw(customers teams virtual_keys providers)) {
        my $spent = 0;
        $spent += LLM::Test::nano($_->{spent}{cost})
            for @{ $status->{$kind} // [] };
        push @missing, "$kind: $spent instead of $sum" if $spent != $sum;
    }

    return @missing;
}

sub check {
    my $answered = $t->totals->{tags};
    my (@wrong, @missing);

    wait_for(sub {
        push @wrong, look();
        return !(@missing = missing($answered)) }, 10);

    my $verify = `$LLM::Test::root/scripts/store verify $t->{prefix}/store 2>&1`;

    # what it counts from now on is new, or was under way and has its row

    $t->sim_control('reset', {});

    return @wrong, @missing, $? ? "scripts/store verify: $verify" : ();
}

for my $round (1 .. $rounds) {
    my ($who, $signal) = @{ $plan[$round % @plan] };

    my $load = load_begin();

    sleep 0.05 + rand 0.5;
    $kill{$who}->($signal);
    waitpid $load, 0;

    my @wrong = wait_for(sub { $t->workers == 2 }, 10) && settled()
                ? check() : 'it does not go on';

    is(scalar @wrong, 0, "round $round: $who killed, $signal: what was served "
                         . 'is charged, once')
        or diag(join "\n", @wrong[0 .. ($#wrong > 9 ? 9 : $#wrong)]), last;
}

cmp_ok(scalar keys %served, '>', $rounds * 10,
       'that is ' . keys(%served) . ' calls');
cmp_ok($seen{exact}, '>', 0, "$seen{exact} charged exactly");
cmp_ok($seen{estimated}, '>', 0, "$seen{estimated} charged as estimated");

# the last word belongs to a restart: what was in shared memory is gone

kill_all();
settled();

my @wrong = check();
is(scalar @wrong, 0, 'a restart knows it all') or diag(join "\n", @wrong);

$t->finish;

done_testing();
