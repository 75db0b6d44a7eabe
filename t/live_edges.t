#!/usr/bin/perl

# The live feed at its edges: over TLS, with a client that knows more than the
# worker it meets, and with one that talks and does not listen.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use IO::Select;
use Socket qw(SOL_SOCKET SO_RCVBUF SO_SNDBUF);
use Test::More;
use Time::HiRes qw(time sleep);

my $key = 'sk-test-live-edges-0123456789';
my $path = invoke_path($LLM::Test::haiku);

my $t = LLM::Test->gateway(http => "
    llm_store store sync=50ms;
    llm_virtual_key tester { secret $key; }
    reset_timedout_connection on;
    server {
        listen 127.0.0.1:%%PORT_narrow%% sndbuf=32k;
        location /llm/ { llm_status; }
    }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%PREFIX%%/tls.crt;
        ssl_certificate_key %%PREFIX%%/tls.key;
        location /llm/ { llm_status; }
        location /llm/me { llm_me; }
    }
");

system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
       . " -keyout $t->{prefix}/tls.key -out $t->{prefix}/tls.crt"
       . " 2> $t->{prefix}/logs/openssl") == 0
    or plan(skip_all => 'openssl makes no certificate');

$t->start_sim->start;

is($t->post($path, claude("call $_"), key => $key)->{status}, 200, "call $_")
    for 1 .. 3;
ok(wait_for(sub { @{ $t->get('/llm/logs')->{json}{logs} // [] } == 3 }),
   'three calls are in the log');

# over TLS, as the page of the gateway itself

SKIP: {
    skip('no Python package "websockets": scripts/install test', 4)
        if system("$LLM::Test::python -c 'import websockets' 2>/dev/null");

    my $at = '127.0.0.1:' . $t->port('tls');

    for my $case ([ '/llm/live', "https://$at", '1 2 3' ],
                  [ '/llm/me/live', "https://$at", '1 2 3' ],
                  [ '/llm/live', "http://$at", undef ],
                  [ '/llm/live', 'https://evil.example', undef ])
    {
        my ($where, $origin, $seqs) = @$case;

        my $plan = $t->file('watch.json', json_encode({ rows => 3,
            timeout => 10, url => "wss://$at$where?since=0", headers => {
                Origin => $origin, Authorization => "Bearer $key" } }));
        my @out = `$LLM::Test::python $LLM::Test::root/t/lib/watch.py $plan`;
        my ($seen) = @{ json_decode($out[-1]) // [] };

        if (defined $seqs) {
            is("@{ $seen->{seqs} }", $seqs, "wss, $where for $origin");

        } else {
            like($seen->{error}, qr/403/, "wss, $where for $origin: refused");
        }
    }
}

# a row is in the store up to a poll before the worker's watchers have it: who
# resumes behind such a row, because another worker sent it, gets no row twice

my $there = http_connect($t->port);
http_send($there, "GET /llm/live HTTP/1.1\r\nHost: a\r\n"
          . "Accept: text/event-stream\r\n\r\n");

my @hellos;

for my $seq (4 .. 13) {
    $t->post($path, claude("call $seq"), key => $key);
    wait_for(sub { $t->get('/llm/logs?limit=1')->{json}{logs}[0]{seq}
                   == $seq });

    my $late = http_connect($t->port);
    http_send($late, "GET /llm/live?since=$seq HTTP/1.1\r\nHost: a\r\n"
              . "Accept: text/event-stream\r\n\r\n");

    my $got = '';
    wait_for(sub { sysread($late, $got, 65536, length $got);
                   $got =~ /"hello"/ }, 10);
    push @hellos, $got =~ /"type":"hello","seq":(\d+)/;
    close $late;
}

is("@hellos", join(' ', 4 .. 13), 'each begins where it had been');

my $future = http_connect($t->port);
http_send($future, "GET /llm/live?since=999 HTTP/1.1\r\nHost: a\r\n"
          . "Accept: text/event-stream\r\n\r\n");
my $greeting = '';
wait_for(sub { sysread($future, $greeting, 65536, length $greeting);
               $greeting =~ /"hello"/ }, 10);
like($greeting, qr/"type":"hello","seq":13\}/,
     'who is ahead of the log begins at its end');

close $there;
close $future;

# ping after ping, and no pong is read: who talks so has to wait, and nothing
# piles up in the worker

my $sock = http_connect($t->port('narrow'));
setsockopt($sock, SOL_SOCKET, SO_RCVBUF, pack('i', 65536));
setsockopt($sock, SOL_SOCKET, SO_SNDBUF, pack('i', 65536));
http_send($sock, join "\r\n", 'GET /llm/live HTTP/1.1', 'Host: a',
          'Upgrade: websocket', 'Connection: upgrade',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', '');

my $in = '';
ok(wait_for(sub { sysread($sock, $in, 65536, length $in);
                  $in =~ /\r\n\r\n.*"hello"/s }), 'a watcher');
$in = '';

my $ping = "\x89\xfd\0\0\0\0" . 'p' x 125;
my $pings = $ping x 500;
my $select = IO::Select->new($sock);
my ($sent, $most) = (0, 32 * 1024 * 1024);

while ($sent < $most && $select->can_write(3)) {
    my $n = syswrite $sock, $pings, length($pings) - $sent % length $pings,
        $sent % length $pings;
    last if !defined $n && !$!{EAGAIN};
    $sent += $n // 0;
}

cmp_ok($sent, '<', $most, "it may say no more, after $sent bytes");
ok(!$select->can_write(0), 'and is still there');

# it listens at last: each ping gets its pong, the last one, too

my $all = int(($sent + length($ping) - 1) / length $ping);
my $end = time + 20;
my $pongs = 0;

while ($pongs < $all && time < $end) {
    if ($sent < $all * length $ping && $select->can_write(0)) {
        $sent += syswrite($sock, substr($ping, $sent % length $ping)) // 0;
    }

    next if !$select->can_read(0.1);
    last if !sysread $sock, $in, 65536, length $in;

    $pongs++ while $in =~ s/\A\x8a\x7dp{125}//;
}

is($pongs, $all, "each of $all pings is answered when it is read");
is($in, '', 'with nothing between them');

close $sock;

# a last word is followed by an end, not by a reset that may overtake it

sub last_word {
    my ($sock) = @_;

    my $got = '';
    my $end = wait_for(sub {
        my $n = sysread $sock, $got, 65536, length $got;
        return defined $n ? !$n && 'an end' : !$!{EAGAIN} && "$!";
    });
    return ($got, $end);
}

sub watcher {
    my $sock = http_connect($t->port);
    my $got = '';

    http_send($sock, join "\r\n", 'GET /llm/live HTTP/1.1', 'Host: a',
              'Upgrade: websocket', 'Connection: upgrade',
              'Sec-WebSocket-Version: 13',
              'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', '');
    wait_for(sub { sysread $sock, $got, 65536, length $got;
                   $got =~ /"hello"/ });
    return $sock;
}

$sock = watcher();
http_send($sock, "\x88\x82\0\0\0\0\x03\xe8");
is_deeply([ last_word($sock) ], [ "\x88\x02\x03\xe8", 'an end' ],
          'who says goodbye is answered');

$sock = watcher();
ok($t->reload, 'reload');
my ($word, $over) = last_word($sock);
like($word, qr/\A\x88.\x03\xe9/, 'at a reload it is we who say goodbye');
is($over, 'an end', 'politely');

$t->finish;

# a log that cannot be read any more: nobody is left in the belief that nothing
# happens

$t = LLM::Test->gateway(http => '
    llm_store store sync=50ms;
    llm_virtual_key tester { secret sk-test-live-edges-0123456789; }
');
$t->start_sim->start;

my $socket = watcher();
my $stream = http_connect($t->port);
http_send($stream, "GET /llm/live HTTP/1.1\r\nHost: a\r\n"
          . "Accept: text/event-stream\r\n\r\n");
ok(wait_for(sub { sysread $stream, $in, 65536; $in =~ /"hello"/ }),
   'two watch');

ok(truncate("$t->{prefix}/store/data.mdb", 4096), 'the store is cut short');

for my $case ([ 'a WebSocket', $socket,
                qr/\x88.\x03\xf3the log cannot be read\z/ ],
              [ 'events', $stream, qr/^0\r\n\r\n\z/m ])
{
    my ($what, $sock, $word) = @$case;

    $in = '';
    ok(wait_for(sub { sysread $sock, $in, 65536, length $in; $in =~ $word },
                60), "$what: it is told");
}

$t->finish;
done_testing;
