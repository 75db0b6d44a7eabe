#!/usr/bin/perl

# The live feed: everybody who watches sees every row once and in order, as a
# WebSocket and as server-sent events, and nobody's slowness is anybody else's.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Test::More;
use Time::HiRes qw(time sleep);

if (system("$LLM::Test::python -c 'import websockets' 2>/dev/null")) {
    plan(skip_all => 'no Python package "websockets": scripts/install test');
}

my $key = 'sk-test-live-0123456789';
my $other = 'sk-test-live-other-0123456789';

my $t = LLM::Test->gateway(workers => 2, http => "
    llm_store store sync=50ms;
    llm_customer acme { llm_budget 5000 1M; }
    llm_team ml { customer acme; llm_budget 1000 1d; }
    llm_virtual_key tester { secret $key; team ml; llm_budget 100 1d; }
    llm_virtual_key other { secret $other; llm_budget 10 1d hard; }
    server {
        listen 127.0.0.1:%%PORT_narrow%% sndbuf=32k;
        location /llm/ { llm_status; }
    }
    server {
        listen 127.0.0.1:%%PORT_h2%% http2;
        location /llm/ { llm_status; }
    }
", server => 'location /llm/me { llm_me; }');

$t->start_sim->start;

my $port = $t->port;
my $model = $LLM::Test::haiku;
my $plans = 0;

sub calls {
    my ($n, %o) = @_;

    my $who = $o{key} // $key;
    my @results = $t->load($o{at_once} // 8, map { {
        path => invoke_path($model), headers => {
            Authorization => "Bearer $who" },
        body => json_encode(claude("call $_")) } } 1 .. $n);

    is(scalar(grep { $_->{status} == 200 } @results), $n,
       "$n calls" . ($o{why} ? " $o{why}" : ''));
    return;
}

# a watcher runs beside the test: it is ready when this returns

sub watch {
    my ($query, %plan) = @_;

    my $path = delete $plan{path} // '/llm/live';
    my $at = delete $plan{port} // $port;
    my $file = $t->file('watch' . ++$plans . '.json', json_encode({
        url => "ws://127.0.0.1:$at$path$query", %plan }));

    open my $out, '-|', $LLM::Test::python, "$LLM::Test::root/t/lib/watch.py",
        $file or die "watch.py: $!";
    my $line = <$out> // '';
    is($line, "ready\n", "watching $path$query");

    return $out;
}

sub seen {
    my ($out) = @_;

    my $seen = json_decode(scalar(<$out>) // '[]');
    close $out;
    return @$seen;
}

sub handshake {
    my ($path, %o) = @_;

    return $t->request('GET', $path, headers => {
        Connection => 'Upgrade', Upgrade => 'websocket',
        'Sec-WebSocket-Version' => 13,
        'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==',
        %{ $o{headers} // {} } }, timeout => 2, %o{grep { $_ ne 'headers' }
                                                   keys %o});
}

# what is no watcher

for my $case (
    [ 'no upgrade', 406, sub { $t->get('/llm/live') } ],
    [ 'unknown filter', 400, sub { handshake('/llm/live?colour=red') },
      'colour' ],
    [ 'paging', 400, sub { handshake('/llm/live?limit=5') }, 'limit' ],
    [ 'since', 400, sub { handshake('/llm/live?since=-1') }, 'since' ],
    [ 'types', 400, sub { handshake('/llm/live?types=request,tea') },
      'types' ],
    [ 'a value that cannot be', 400,
      sub { handshake('/llm/live?status=abc') }, 'status' ],
    [ 'Last-Event-ID', 400, sub {
        $t->get('/llm/live', headers => { Accept => 'text/event-stream',
                                          'Last-Event-ID' => 'x' }) },
      'Last-Event-ID' ],
    [ 'old version', 426, sub {
        handshake('/llm/live', headers => {
            'Sec-WebSocket-Version' => 8 }) } ],
    [ 'no nonce', 400, sub {
        handshake('/llm/live', headers => {
            'Sec-WebSocket-Key' => undef }) } ],
    [ 'another site', 403, sub {
        handshake('/llm/live', headers => {
            Origin => 'https://evil.example' }) } ],
    [ 'no site', 403, sub {
        handshake('/llm/live', headers => { Origin => 'null' }) } ],
    [ 'another port of the host', 403, sub {
        handshake('/llm/live', headers => {
            Origin => 'http://gateway.test:81' }) } ],
    [ 'POST', 405, sub { $t->post('/llm/live', 'x') } ],
) {
    my ($what, $status, $ask, $field) = @$case;

    my $r = $ask->();
    is($r->{status}, $status, "$what: $status");
    is($r->{json}{error}{field}, $field, "$what: the field") if $field;
    ok(length($r->{json}{error}{message} // ''), "$what: says why");
}

is(handshake('/llm/live', headers => { Origin => 'http://gateway.test:80' },
             limit => 1)->{status}, 101, 'our own page');

# a WebSocket: from where the log ends

calls(3);
wait_for(sub { ($t->get('/llm/logs?limit=10')->{json}{logs} // [])->[2] });

my $first = watch('', rows => 5, keep => 1, linger => 1);
calls(4);
calls(1, key => $other);

my ($seen) = seen($first);
is($seen->{hello}, 3, 'hello says where it begins');
is("@{ $seen->{seqs} }", '4 5 6 7 8', 'each row once, in order');
is($seen->{code}, 1000, 'a polite end');

my %row = map { ($_->{seq} => $_) } @{ $t->get('/llm/logs')->{json}{logs} };
is_deeply($seen->{rows}[-1], $row{8}, 'a row as the log has it');

my %budget = map { ("$_->{kind} $_->{name}" => $_) } @{ $seen->{budgets} };
is(join(', ', sort keys %budget), 'customer acme, team ml, virtual_key other, '
   . 'virtual_key tester', 'budgets of those whom the calls were charged to');

my ($limit) = @{ $budget{'team ml'}{limits} };
my $spent = 0;
$spent += $_->{cost} for grep { ($_->{team} // '') eq 'ml' } values %row;
cmp_ok(abs($limit->{spent} - $spent), '<', 1e-9, 'spent: the sum of the rows');
cmp_ok(abs($limit->{remaining} - 1000 + $spent), '<', 1e-9, 'what is left');
is($limit->{limit}, 1000, 'of how much');
cmp_ok(scalar @{ $seen->{budgets} }, '<', 3 * 5 + 1,
       'once for each account and batch');

# filters, kinds, and from the beginning

my @filters = (
    [ '?since=0', [ 1 .. 8 ] ],
    [ '?since=6', [ 7, 8 ] ],
    [ '?since=0&virtual_key=other', [ 8 ] ],
    [ '?since=0&virtual_key=!other&status=2xx', [ 1 .. 7 ] ],
    [ '?since=2&team=m*&types=request', [ 3 .. 7 ] ],
);

for my $case (@filters) {
    my ($query, $seqs) = @$case;

    my ($got) = seen(watch($query, rows => scalar @$seqs));
    is("@{ $got->{seqs} }", "@$seqs", "$query");
}

my $money = watch('?types=budget', keep => 1, budgets => 1, linger => 0.5);
calls(2);
my ($only) = seen($money);
is(scalar @{ $only->{seqs} }, 0, 'budgets only: no request');
cmp_ok(scalar @{ $only->{budgets} }, '>', 0, 'but budgets');

my ($ahead) = seen(watch('?since=999999', rows => 0));
is($ahead->{hello}, 10, 'a number that was never given: begins at the end');

# one that does not read, while the others go on; what becomes of it is seen
# below, half a minute later

my $slow = http_connect($t->port('narrow'));
setsockopt($slow, SOL_SOCKET, SO_RCVBUF, pack('i', 65536));
http_send($slow, join "\r\n", 'GET /llm/live HTTP/1.1', 'Host: a',
          'Upgrade: websocket', 'Connection: upgrade',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', '');
sleep 0.5;

my $quick = watch('', rows => 600, timeout => 60, port => $t->port('narrow'));
my $began = time;
calls(600, why => 'while one does not read');
my ($others) = seen($quick);
is(scalar @{ $others->{seqs} }, 600, 'the others see everything');
ok(!grep({ $others->{seqs}[$_] != 11 + $_ } 0 .. 599), 'in order');

# server-sent events, with the id to resume at; over HTTP/2, too

sub events {
    my ($query, %o) = @_;

    my $r = $t->get("/llm/live$query", headers => {
        Accept => 'text/event-stream', %{ $o{headers} // {} } },
        timeout => $o{timeout} // 2);
    my @messages;

    for my $event (split /\n\n/, $r->{body}) {
        my ($id) = $event =~ /^id: (\d+)$/m;
        my ($data) = $event =~ /^data: (.*)$/m or next;
        my $message = json_decode($data);
        is($id, $message->{seq}, 'id of an event')
            if $message->{type} eq 'request' && $id != $message->{seq};
        push @messages, $message;
    }

    return ($r, @messages);
}

my ($r, @messages) = events('?since=600&types=request');
is("$r->{status} $r->{headers}{'content-type'}", '200 text/event-stream',
   'events');
is(join(' ', map { $_->{seq} } grep { $_->{type} eq 'request' } @messages),
   join(' ', 601 .. 610), 'events: each row');
is($messages[0]{type}, 'hello', 'events: hello first');

(undef, @messages) = events('?since=600',
                           headers => { 'Last-Event-ID' => 607 });
is(join(' ', map { $_->{seq} } grep { $_->{type} eq 'request' } @messages),
   '608 609 610', 'Last-Event-ID is newer than what the address says');

my $h2 = join '', map { "$_\n" } grep { /^data/ } split /\n/, scalar
    `curl -s -m 2 --http2-prior-knowledge -H 'Accept: text/event-stream' \\
     'http://127.0.0.1:@{[ $t->port('h2') ]}/llm/live?since=600&types=request'`;
is(join(' ', $h2 =~ /"request","seq":(\d+)/g), join(' ', 601 .. 610),
   'the same over HTTP/2');

# a client that comes and goes loses nothing

my @all = (610);

for my $round (1 .. 4) {
    calls(20 + $round);

    my ($got) = seen(watch("?since=$all[-1]", rows => 10 + 3 * $round));
    push @all, @{ $got->{seqs} };
}

my ($left) = seen(watch("?since=$all[-1]", rows => 700 - $all[-1],
                        linger => 0.5));
push @all, @{ $left->{seqs} };
is("@all", join(' ', 610 .. 700), 'every row once over five connections');

# many who resume at once, each with a filter of its own, so that the store is
# read for one after the other in turn; when they have it all they need no more
# memory than a connection does

sub anonymous {
    my $all = 0;

    for my $pid ($t->workers) {
        my ($kb) = LLM::Test::slurp("/proc/$pid/status")
            =~ /^RssAnon:\s+(\d+) kB/m;
        $all += $kb // 0;
    }

    return $all;
}

my @had = $t->workers;
my $before = anonymous();
my $many = watch('?since=0&types=request&request_bytes_max=1000000{n}',
                 count => 100, ready => 700, rows => 701, timeout => 60);

SKIP: {
    skip('freed memory is kept by ASan', 1) if $ENV{LLM_SANITIZE};
    ok(wait_for(sub { anonymous() - $before < 100 * 100 }, 10),
       'who has everything needs little memory')
        or diag("$before kB before, now ", anonymous());
}

calls(1);

my @many = seen($many);
is(scalar(grep { join(' ', @{ $_->{seqs} }) eq join(' ', 1 .. 701) } @many),
   100, 'a hundred filters: each saw each row once, in order')
    or diag(json_encode($many[0]));
is(join(' ', $t->workers), "@had", 'by the same workers');

# nonsense from a client ends its connection and nothing else

for my $bytes ("\x81\x05hello", "\xff" x 100, "\x82\xfe\xff\xff" . 'x' x 70000,
               "\x89\x80abcd", "\x88\x82\0\0\0\0\x03\xe8")
{
    my $sock = http_connect($port);
    http_send($sock, join("\r\n", 'GET /llm/live HTTP/1.1', 'Host: a',
              'Upgrade: websocket', 'Connection: upgrade',
              'Sec-WebSocket-Version: 13',
              'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', '') . $bytes);
    wait_for(sub { sysread($sock, my $in, 65536); ($in // '') ne '' }, 5);
    close $sock;
}

# five hundred, over both workers

my $crowd = watch('', count => 500, rows => 60, timeout => 60);
calls(60, why => 'before five hundred');

my @crowd = seen($crowd);
is(scalar(grep { !$_->{error} } @crowd), 500, 'five hundred came');
is(scalar(grep { join(' ', @{ $_->{seqs} }) eq join(' ', 702 .. 761) }
          @crowd), 500, 'and each saw each row once, in order')
    or diag(json_encode($crowd[0]));

# a key holder sees their own

my $me = watch('?since=0', path => '/llm/me/live', rows => 1, keep => 1,
               headers => { Authorization => "Bearer $other" });
my ($mine) = seen($me);
is("@{ $mine->{seqs} }", '8', 'me: the row before');

$me = watch('', path => '/llm/me/live', rows => 1, keep => 1,
            linger => 1, headers => { Authorization => "Bearer $other" });
calls(3);
calls(1, key => $other);
($mine) = seen($me);
is(join(' ', map { $_->{virtual_key} } @{ $mine->{rows} }), 'other',
   'me: own rows only');
is(join(' ', map { "$_->{kind} $_->{name}" } @{ $mine->{budgets} }),
   'virtual_key other', 'me: and the own budget only');
is(handshake('/llm/me/live')->{status}, 401, 'me: no key');
is(handshake('/llm/me/live?virtual_key=tester', headers => {
       Authorization => "Bearer $other" })->{status}, 403,
   'me: nobody else');

# the one that did not read

sleep 1 while time - $began < 34;

my $raw = '';
wait_for(sub { my $n = sysread($slow, my $more, 65536);
               $raw .= $more if $n;
               return $raw =~ /too slow\z/ || defined $n && $n == 0; }, 20);
ok($raw =~ /\x88\x0a\x03\xf0too slow\z/, 'the slow one: close code 1008');

my $count = () = $raw =~ /"type":"request"/g;
cmp_ok($count, '<', 600, "it had got $count rows of 600");

# reload and quit say so, and wait for nobody

my $staying = watch('', count => 20, timeout => 30);
my @old = $t->workers;
ok($t->reload, 'reload');
ok(wait_for(sub { !grep { kill 0, $_ } @old }, 5),
   'the old workers wait for no watcher');
is(scalar(grep { ($_->{code} // 0) == 1001 } seen($staying)), 20,
   'all were told: 1001');

$staying = watch('', count => 5, timeout => 30);
$t->finish;
is(scalar(grep { ($_->{code} // 0) == 1001 } seen($staying)), 5,
   'quit: 1001, too');

done_testing;
