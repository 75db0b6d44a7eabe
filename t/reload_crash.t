#!/usr/bin/perl

# Reload, worker crash, restart: no request, no counter, no hold is lost.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $key = 'sk-test-reload-0123456789';
my $second = 'sk-test-second-0123456789';

sub tenants {
    my ($more) = @_;

    return "llm_store %%PREFIX%%/store sync=200ms;
    llm_customer acme { llm_budget 100 1M; }
    llm_team ml { customer acme; llm_budget 50 1M; }
    llm_virtual_key tester { secret $key; team ml; llm_budget 10 1M; }
    " . ($more // '');
}

my $t = LLM::Test->gateway(workers => 2, http => tenants());
my $conf = $t->{conf};
$t->start_sim->start;

my $path = invoke_path($LLM::Test::haiku);
my $stream = "$path-with-response-stream";

sub settled {
    return wait_for(sub { $t->held(virtual_key => 'tester') == 0 }, 10);
}

is($t->post($path, claude(sim(input => 100, output => 50)), key => $key)
       ->{status}, 200, "request $_") for 1 .. 5;
settled();
my $spent = $t->spent(virtual_key => 'tester');
is($spent, $t->totals->{cost_nano}, 'the ledger is right');

# reload keeps counters

ok($t->reload, 'reload');
is($t->spent(virtual_key => 'tester'), $spent, 'counters survive a reload');
is($t->spent(customer => 'acme'), $spent, 'of every tier');

# a stream goes on over a reload

my $sock = http_connect($t->port);
my $body = json_encode(claude(sim(input => 100, output => 50, chunks => 20,
                                  delay_ms => 100)));
http_send($sock, "POST $stream HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer $key\r\nContent-Length: " . length($body)
    . "\r\n\r\n$body");
sleep 0.3;

(my $new = $conf) =~ s/(llm_virtual_key tester)/llm_virtual_key second { secret $second; team ml; llm_rate_limit requests=2\/1d; }\n$1/;
ok($t->reload($new), 'reload in the middle of a stream');
cmp_ok($t->held(virtual_key => 'tester'), '>', 0, 'its hold survives');

is($t->post($path, claude('hi'), key => $second)->{status}, 200,
   'a key that was added works');

my $r = http_read($sock);
close $sock;
ok($r->{complete}, 'the stream came whole');
is((chunks($r->{body}))[-1]{type}, 'message_stop', 'to its end');
settled();
is($t->spent(customer => 'acme'), $t->totals->{cost_nano},
   'and was charged by the old worker into the same ledger');

# many requests while reloading again and again

my $pid = fork // die;
if ($pid == 0) {
    for (1 .. 4) { kill 'HUP', $t->pid; sleep 0.25 }
    require POSIX;
    POSIX::_exit(0);
}
my @results = $t->load(20, map { {
    path => $_ % 2 ? $path : $stream,
    headers => { Authorization => "Bearer $key", Connection => 'close' },
    body => claude(sim(input => 10, output => 5, chunks => 3)) } } 1 .. 1000);
waitpid $pid, 0;
is(scalar(grep { $_->{status} == 200 && $_->{complete} } @results), 1000,
   'no request is lost while reloading')
    or diag(json_encode((grep { $_->{status} != 200 || !$_->{complete} }
                         @results)[0]));
settled();
is($t->spent(customer => 'acme'), $t->totals->{cost_nano},
   'each is charged once');

# a limit that is lowered by a reload counts what was spent before

($new = $conf) =~ s/llm_budget 10 1M/llm_budget 0.0000001 1M/;
ok($t->reload($new), 'reload with a lower budget');
is($t->post($path, claude('hi'), key => $key)->{status}, 400,
   'it is exhausted at once');
ok($t->reload($conf), 'reload with the old one');
is($t->post($path, claude('hi'), key => $key)->{status}, 200,
   'and there is room again');

# a broken configuration changes nothing

$t->file('conf/nginx.conf', $t->expand($conf) . "\nbroken;\n");
kill 'HUP', $t->pid;
sleep 0.3;
is($t->post($path, claude('hi'), key => $key)->{status}, 200,
   'a broken configuration is not taken');
$t->write_conf($conf);
push @{ $t->{allowed} }, qr/unknown directive "broken"/;

# a worker is killed: its holds are settled, nobody waits for a lock

push @{ $t->{allowed} }, qr/exited on signal 9/;
settled();
$spent = $t->spent(virtual_key => 'tester');
my $counted = $t->totals->{cost_nano};

my @socks = map {
    my $s = http_connect($t->port);
    http_send($s, "POST $stream HTTP/1.1\r\nHost: x\r\n"
        . "Authorization: Bearer $key\r\nContent-Length: " . length($body)
        . "\r\n\r\n$body");
    $s;
} 1 .. 6;
ok(wait_for(sub { $t->held(virtual_key => 'tester') > 0 }), 'streams are held');
sleep 0.3;
kill 'KILL', $t->workers;
ok(wait_for(sub { $t->workers == 2 }, 5), 'workers are started again');
close $_ for @socks;

ok(settled(), 'holds of dead workers are settled');
my $moved = $t->spent(virtual_key => 'tester') - $spent;
cmp_ok($moved, '>', 0, 'what was under way is charged as estimated');
cmp_ok($moved, '<=', 6 * 1_000_000, 'not without measure');
is($t->post($path, claude('hi'), key => $key)->{status}, 200,
   'and it goes on');
settled();

# the background process is killed: nothing stops

my $manager = $t->manager;
kill 'KILL', $manager;
is($t->post($path, claude('hi'), key => $key)->{status}, 200,
   'without the background process');
ok(wait_for(sub { $t->manager != $manager }, 5),
   'it is started again');

# quit in the middle of a stream: it ends first

settled();
$sock = http_connect($t->port);
http_send($sock, "POST $stream HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer $key\r\nContent-Length: " . length($body)
    . "\r\n\r\n$body");
sleep 0.3;
my $all = { map { ($_ => $t->spent(virtual_key => $_)) } qw(tester) };
kill 'QUIT', $t->pid;
$r = http_read($sock);
close $sock;
ok($r->{complete}, 'a stream is finished before nginx ends');
ok($t->quit, 'nginx has ended');

# started again: the counters are those of before, from the store

$t->start;
is($t->spent(virtual_key => 'tester'), $all->{tester} + 87_500,
   'counters survive a restart');
is($t->held(virtual_key => 'tester'), 0, 'nothing is held');
is($t->post($path, claude('hi'), key => $key)->{status}, 200, 'and it serves');

# ended at once in the middle of a stream: settled all the same

settled();
$spent = $t->spent(virtual_key => 'tester');
$sock = http_connect($t->port);
http_send($sock, "POST $stream HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer $key\r\nContent-Length: " . length($body)
    . "\r\n\r\n$body");
sleep 0.4;
ok($t->end('nginx', 'TERM', 10), 'nginx is ended at once');
close $sock;
$t->start;
cmp_ok($t->spent(virtual_key => 'tester'), '>', $spent,
       'what was under way is charged');
is($t->held(virtual_key => 'tester'), 0, 'nothing is held');
my $row = $t->get('/llm/logs?limit=1')->{json}{logs}[0];
is_deeply([ @$row{qw(error price)} ], [ 'gateway_died', 'estimated' ],
          'and its row says why it broke off');

$t->finish;
done_testing;
