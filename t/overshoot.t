#!/usr/bin/perl

# What a budget promises, measured: how far a dollar is overrun by 1,000
# requests at once, of a key of which nothing is known, and of one whose past
# misleads.  prove -v shows the figures.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use POSIX ();
use Test::More;

my $parallel = $ENV{LLM_SANITIZE} ? 300 : 1000;
my @kinds = qw(unknown unknown-hard misled misled-dear misled-few misled-hard);
my %key = map { ($_ => "sk-test-$_-0123456789") } @kinds;

# Claude 3 Haiku: 1250 n$ per output token

my $t = LLM::Test->gateway(workers => 2, zone => '32m', http =>
    join '', map { "llm_virtual_key $_ { secret $key{$_}; llm_budget 1 1d"
                   . (/hard/ ? ' hard' : '') . "; }\n" } @kinds);

$t->start_sim->start;

my $path = invoke_path($LLM::Test::haiku);

sub request {
    my ($name, $output, $max_tokens, %o) = @_;

    return { path => $path,
             headers => { Authorization => "Bearer $key{$name}" },
             body => claude(sim(input => 0, output => $output, %o),
                            max_tokens => $max_tokens) };
}

# How many of n were admitted; their cost is what the ledger moved by.

sub crowd {
    my ($name, $n, $output, $max_tokens, %o) = @_;

    my $before = $t->spent(virtual_key => $name);
    my @results = $t->load(delete $o{at_once} // $n, map {
        request($name, $output, $max_tokens, %o) } 1 .. $n);
    my %count;
    $count{$_->{status}}++ for @results;

    my $good = $count{200} // 0;
    is($good + ($count{400} // 0), $n,
       "$name: $n requests of $output tokens, each answered")
        or diag(json_encode(\%count));
    ok(wait_for(sub { $t->held(virtual_key => $name) == 0 }),
       "$name: nothing is held at the end");
    is($t->spent(virtual_key => $name) - $before, $good * $output * 1250,
       "$name: charged what was served");

    return $good;
}

sub figure {
    my ($name, $what, $good, $n) = @_;

    my $spent = $t->spent(virtual_key => $name);
    diag(sprintf '%s: %s: %d of %d admitted, %.6f dollars of 1', $name, $what,
         $good, $n, $spent / 1e9);
    return $spent;
}

# nothing is known: max_tokens is held, so one request is the most there is

my $good = crowd('unknown', $parallel, 8000, 8000, first_delay_ms => 200);
my $spent = figure('unknown', 'a crowd', $good, $parallel);
cmp_ok($spent, '>=', 1_000_000_000, 'unknown: all of it could be used');
cmp_ok($spent, '<=', 1_010_000_000, 'unknown: one request over at most');

$good = crowd('unknown-hard', $parallel, 8000, 8000, first_delay_ms => 200);
$spent = figure('unknown-hard', 'a crowd', $good, $parallel);
cmp_ok($spent, '<=', 1_000_000_000, 'unknown-hard: never crossed');

# a past that misleads: 25 answers of 10 tokens, then longer ones, as
# max_tokens allows.  The documented bound: one request, and for each that was
# under way what it cost beyond what was held for it.

for my $case ([ 'misled', 1000, 2000, $parallel, $parallel ],
              [ 'misled-dear', 8000, 8000, $parallel, $parallel ],
              [ 'misled-few', 1000, 2000, 900, 50 ],
              [ 'misled-hard', 1000, 2000, $parallel, $parallel ])
{
    my ($name, $output, $max_tokens, $n, $at_once) = @$case;

    is(crowd($name, 25, 10, 2000), 25, "$name: the past");

    # what is held for one

    my $pid = fork // die;
    if ($pid == 0) {
        $t->load(1, request($name, 10, $max_tokens, first_delay_ms => 500));
        POSIX::_exit(0);
    }
    ok(wait_for(sub { $t->held(virtual_key => $name) }), "$name: one more");
    my $held = $t->held(virtual_key => $name);
    waitpid $pid, 0;

    $good = crowd($name, $n, $output, $max_tokens, at_once => $at_once,
                  first_delay_ms => $at_once == $n ? 1000 : 20);
    $spent = figure($name, "held $held n\$ each, $at_once at once", $good, $n);

    if ($name eq 'misled-hard') {
        cmp_ok($spent, '<=', 1_000_000_000, 'misled-hard: never crossed');
        next;
    }

    my $cost = $output * 1250;
    cmp_ok($held, '<', $cost, "$name: the past misleads");
    cmp_ok($spent, '>', 1_000_000_000, "$name: the dollar is overrun")
        if $at_once == 1000;
    cmp_ok($spent, '<=',
           1_000_000_000 + $cost + $at_once * ($cost - $held),
           "$name: by no more than those in flight times the shortfall");
    is(crowd($name, 20, $output, $max_tokens), 0, "$name: then no more")
        if $spent > 1_000_000_000;
}

$t->finish;
done_testing;
