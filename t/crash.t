#!/usr/bin/perl

# kill -9, again and again, at random moments under load: a worker, the
# background process, all processes at once.  After each restart the ledger is
# held against what the simulated Bedrock served: every call that it answered
# is charged, once; what the gateway read to its end exactly, what was under
# way as estimated.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use POSIX ();
use Test::More;
use Time::HiRes qw(time sleep);

my $rounds = $ENV{LLM_CRASH_ROUNDS} // ($ENV{LLM_SANITIZE} ? 12 : 54);
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

# All rows of the request log, page by page.

sub rows {
    my (@rows, $next);

    do {
        my $r = $t->get('/llm/logs?format=ndjson&order=asc&limit=1000'
                        . (defined $next ? "&cursor=$next" : ''));
        die "/llm/logs: $r->{status} $r->{body}\n" if $r->{status} != 200;
        push @rows, map { json_decode($_) } split /\n/, $r->{body};
        $next = $r->{headers}{'x-llm-next'};
    } while (defined $next && length $next);

    return @rows;
}

sub settled {
    return wait_for(sub {
        my $status = $t->status;
        return !grep { $_->{in_flight} } @{ $status->{virtual_keys} // [] };
    }, 20);
}

my %kill = (
    worker => sub { kill $_[0], ($t->workers)[0] // return },
    workers => sub { kill $_[0], $t->workers },
    background => sub { kill $_[0], $t->children(qr/cache manager/) },
    all => sub {
        my $pid = delete $t->{pid}{nginx};
        kill 'KILL', -$pid;
        waitpid $pid, 0;
        wait_for(sub { LLM::Test::gone($pid) }, 10);
        unlink "$t->{prefix}/logs/nginx.pid";
        $t->start;
    });

# ASan reports the other one as a fault of its own

my $segv = $ENV{LLM_SANITIZE} ? 'KILL' : 'SEGV';

my @plan = ([ all => 'KILL' ], [ worker => 'KILL' ], [ all => 'KILL' ],
            [ worker => $segv ], [ background => 'KILL' ],
            [ workers => 'KILL' ]);

my %seen = map { ($_ => 0) } qw(exact estimated);
my ($answered, $wrong) = (0, 0);

# What is wrong with the rows, as lines of text.

sub check {
    my ($totals) = @_;

    my (%row, @wrong);
    my $sum = 0;

    for my $row (rows()) {
        my $tag = $row->{tags}[0] // 'none';

        push @wrong, "$tag is in the log twice" if $row{$tag}++;
        $sum += LLM::Test::nano($row->{cost});

        my $truth = $totals->{tags}{$tag};

        if (!$truth) {
            push @wrong, "$tag was never served but charged exactly"
                if $row->{cost} && $row->{price} eq 'exact';
            next;
        }

        push @wrong, "$tag was served but is charged nothing"
            if !$row->{cost};
        push @wrong, "$tag: $row->{cost} instead of $truth->{cost_nano}"
            if $row->{price} eq 'exact'
            && LLM::Test::nano($row->{cost}) != $truth->{cost_nano};

        $seen{ $row->{price} }++;
    }

    push @wrong, map { "$_ was served but is not in the log" }
        grep { !$row{$_} } keys %{ $totals->{tags} };

    $answered = keys %{ $totals->{tags} };

    return ($sum, @wrong);
}

for my $round (1 .. $rounds) {
    my ($who, $signal) = @{ $plan[$round % @plan] };

    my $load = load_begin();

    sleep 0.05 + rand 0.5;
    $kill{$who}->($signal);
    waitpid $load, 0;

    ok(wait_for(sub { $t->workers == 2 }, 10) && settled(),
       "round $round: $who killed, $signal") or last;
}

# the last word belongs to a restart: what was in shared memory is gone

my $before = $t->spent(customer => 'acme');
$kill{all}->('KILL');
settled();

my ($sum, @wrong) = check($t->totals);

is(scalar @wrong, 0, 'what was served is in the log once, at its price')
    or diag(join "\n", @wrong[0 .. ($#wrong > 9 ? 9 : $#wrong)]);
cmp_ok($answered, '>', $rounds * 10, "that is $answered calls");
cmp_ok($seen{exact}, '>', 0, "$seen{exact} charged exactly");
cmp_ok($seen{estimated}, '>', 0, "$seen{estimated} charged as estimated");

is($t->spent(customer => 'acme'), $sum,
   'the counter of the customer is the sum of its rows');
is($t->spent(team => 'ml'), $sum, 'and that of the team');

my $keys = 0;
$keys += $t->spent(virtual_key => $_) for @keys;
is($keys, $sum, 'and those of the virtual keys');
is($t->spent(provider => 'main'), $sum, 'and that of the provider');
is($before, $sum, 'shared memory knew the same before');

$t->quit;

my $verify = `$LLM::Test::root/scripts/store verify $t->{prefix}/store 2>&1`;
is($? >> 8, 0, 'scripts/store verify finds no difference') or diag($verify);

$t->start;
$t->finish;

done_testing();
