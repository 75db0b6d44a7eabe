#!/usr/bin/perl

# Alerts on all four tiers while two masters look at the same budgets (USR2), and
# while their background processes die: each threshold once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use LLM::Webhook;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

plan(skip_all => 'a sanitizer\'s options do not survive an upgrade')
    if $ENV{LLM_SANITIZE};

# nginx takes no USR2 while the process that started it still lives

my $nginx = $ENV{LLM_NGINX} || '/usr/sbin/nginx';
my $starter = LLM::Test->new(module => '');
my $wrapper = $starter->file('nginx', "#!/bin/sh\n$nginx \"\$@\" &\nsleep 1\n");
chmod 0755, $wrapper;

my @keys = map { "key$_" } 1 .. 4;
my %key = map { ($_ => "sk-test-$_-0123456789") } @keys;
my @marks = (5, 10, 25, 50, 75, 100);

my $t = LLM::Test->gateway(nginx => $wrapper,
    allowed => [ qr/exited on signal 9/ ],
    provider => provider('main', 'region us-east-1; max_failures 0;
                                  llm_budget 0.08 1M soft;'), http => "
    llm_store %%PREFIX%%/store sync=100ms;
    llm_alert @{[ map { qq($_%) } @marks ]} url=%%HOOK%%;
    llm_customer acme { llm_budget 0.08 1M soft; }
    llm_team ml { customer acme; llm_budget 0.08 1M soft; }
    " . join '', map { "llm_virtual_key $_ { secret $key{$_}; team ml;
        llm_budget 0.02 1M soft; }\n" } @keys);

my $hook = LLM::Webhook->new($t, 'hook');
$t->{vars} = { HOOK => $hook->url };
$t->start_sim->start;
sleep 2.4;          # until the process that started it is gone

my $pid_file = "$t->{prefix}/logs/nginx.pid";
my $path = invoke_path($LLM::Test::haiku);

sub pid_in {
    my ($file) = @_;

    my ($pid) = LLM::Test::slurp($file) =~ /^(\d+)/;
    return $pid // 0;
}

# a call of 0.001 dollars of each key, so many times

sub calls {
    my ($n) = @_;

    my @results = $t->load(4, map { { path => $path, headers => {
        Authorization => "Bearer $key{$_}", Connection => 'close' },
        body => json_encode(claude(sim(input => 3995, output => 1))) } }
        (@keys) x $n);
    is(scalar(grep { $_->{status} == 200 } @results), $n * @keys,
       "$n calls of each key");
    return;
}

sub managers {
    return grep { LLM::Test::slurp("/proc/$_/cmdline") =~ /cache manager/ }
        map { my ($pid, $group) = LLM::Test::slurp($_)
                  =~ /^(\d+) \(.*\) \S \d+ (\d+)/s;
              defined $group && $group == $t->pid ? $pid : () }
        glob '/proc/[0-9]*/stat';
}

calls(3);

my $old = pid_in($pid_file);
kill 'USR2', $old;
my $new = wait_for(sub {
    my $pid = pid_in($pid_file);
    return $pid && $pid != $old && kill(0, $pid) ? $pid : 0;
}, 20);
ok($new, 'a second master');
ok(wait_for(sub { managers() == 2 }), 'each has a background process');

calls(4);

my @killed = managers();
kill 'KILL', @killed;
ok(wait_for(sub { 2 == grep { my $pid = $_; !grep { $_ == $pid } @killed }
                            managers() }, 20), 'they die and come back');

calls(5);
kill 'QUIT', $old;
ok(wait_for(sub { !kill 0, $old }, 20), 'the old master goes');
calls(9);

# 21 of 20 thousandths of each key, 84 of 80 of the tiers above

my @accounts = ('provider main', 'customer acme', 'team ml',
                map { "virtual_key $_" } @keys);

sub told {
    my %told;

    for my $said (map { $_->{json} } $hook->all) {
        $told{"$said->{account}{kind} $said->{account}{name}"}
             {$said->{threshold}}{$said->{id}} = 1;
    }

    return \%told;
}

ok(wait_for(sub { my $told = told(); !grep { !$told->{$_}{100} } @accounts },
            30), 'every budget of every tier has passed 100 %')
    or diag(explain(told()));
sleep 1.5;

my $told = told();
is(join(', ', sort keys %$told), join(', ', sort @accounts), 'and no other');

for my $account (@accounts) {
    my %ids = %{ $told->{$account} };

    is(join(' ', map { "$_%" } grep { keys %{ $ids{$_} } > 1 } sort keys %ids),
       '', "$account: nothing was told twice");
    is(join(' ', grep { my $mark = $_; !grep { $_ == $mark } @marks }
                 keys %ids), '', "$account: and nothing that is no mark");
}

# all processes of nginx are of the first one's group

my $group = $t->pid;
kill 'QUIT', pid_in($pid_file);
ok(wait_for(sub { waitpid $group, POSIX::WNOHANG(); !kill 0, -$group }, 20),
   'all have ended');
delete $t->{pid}{nginx};

$t->finish;
done_testing();
